/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/history/history.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/hash.h"
#include "burner/base/own.h"

/* ---- which one a name means ---- */

struct called {
	uint64_t key; /* hash of the name */
	size_t at;
	enum history_name kind;
};

static uint64_t key_of(const struct history *h, const char *name) { return hash_text(h->seed, name, strlen(name)) | 1; }

/* The one of that kind; there is none more, however many sessions have that name. */
static const struct called *find(const struct history *h, enum history_name kind, const char *name)
{
	char text[HISTORY_NAME_BYTES];
	const struct called *c;
	size_t cursor = 0;

	while ((c = table_find_next(&h->names, key_of(h, name), &cursor)))
		if (c->kind == kind && history_name_of(&h->sessions[c->at], kind, text) && !strcmp(text, name))
			return c;
	return NULL;
}

/* The newest first. */
static int index_names(struct history *h)
{
	h->seed = hash_seed(h);
	for (size_t i = h->n; i-- > 0;) {
		if (table_reserve(&h->names, sizeof(struct called), HISTORY_LABEL + 1) < 0)
			return -ENOMEM;
		for (enum history_name kind = HISTORY_NUMBER; kind <= HISTORY_LABEL; kind++) {
			char text[HISTORY_NAME_BYTES];
			struct called *c;

			if (!history_name_of(&h->sessions[i], kind, text) || find(h, kind, text))
				continue;
			c = table_add(&h->names, key_of(h, text));
			c->at = i;
			c->kind = kind;
		}
	}
	return 0;
}

/* ---- the list ---- */

int history_read(struct disc *disc, struct history *ret)
{
	_cleanup_history_ struct history h = {.n = 0};
	int r = disc_sessions(disc, &h.sessions, &h.n);

	if (!r)
		r = index_names(&h);
	if (r)
		return r;
	*ret = h;
	h = (struct history){.n = 0};
	return 0;
}

int history_copy(const struct disc_session *sessions, size_t n, struct history *ret)
{
	_cleanup_history_ struct history h = {.sessions = calloc(n + 1, sizeof(*sessions)), .n = n};

	if (!h.sessions)
		return -ENOMEM;
	if (n)
		memcpy(h.sessions, sessions, n * sizeof(*sessions));
	if (index_names(&h))
		return -ENOMEM;
	*ret = h;
	h = (struct history){.n = 0};
	return 0;
}

void history_release(struct history *h)
{
	free(h->sessions);
	table_release(&h->names);
	*h = (struct history){.n = 0};
}

const struct disc_session *history_newest(const struct history *h)
{
	for (size_t i = h->n; i-- > 0;)
		if (!h->sessions[i].broken)
			return &h->sessions[i];
	return NULL;
}

const struct disc_session *history_numbered(const struct history *h, uint32_t number)
{
	char text[HISTORY_NAME_BYTES];
	const struct called *c;

	snprintf(text, sizeof(text), "%" PRIu32, number);
	c = find(h, HISTORY_NUMBER, text);
	return c ? &h->sessions[c->at] : NULL;
}

const struct disc_session *history_at(const struct history *h, int64_t seconds)
{
	for (size_t i = h->n; i-- > 0;)
		if (!h->sessions[i].broken && h->sessions[i].created && h->sessions[i].created <= seconds)
			return &h->sessions[i];
	return NULL;
}

/* ---- names ---- */

static const char *date_of(const struct disc_session *s, enum history_name kind, char ret[HISTORY_NAME_BYTES])
{
	char text[TIME_TEXT_BYTES];

	if (!time_text(s->created, text) || strlen(text) != strlen("2026-11-29T06:27:52Z"))
		return NULL;
	if (kind == HISTORY_DATE)
		return memcpy(ret, text, strlen(text) + 1);
	snprintf(ret, HISTORY_NAME_BYTES, "@GMT-%.4s.%.2s.%.2s-%.2s.%.2s.%.2s", text, text + 5, text + 8, text + 11,
		 text + 14, text + 17);
	return ret;
}

const char *history_name_of(const struct disc_session *s, enum history_name kind, char ret[HISTORY_NAME_BYTES])
{
	if (kind == HISTORY_NUMBER) {
		snprintf(ret, HISTORY_NAME_BYTES, "%" PRIu32, s->number);
		return ret;
	}
	if (s->broken || kind == HISTORY_NEWEST)
		return NULL;
	if (kind != HISTORY_LABEL)
		return date_of(s, kind, ret);
	const char *label = s->volume_id;
	if (!*label || !strcmp(label, ".") || !strcmp(label, "..") || strchr(label, '/'))
		return NULL;
	snprintf(ret, HISTORY_NAME_BYTES, "%s", label);
	return ret;
}

const struct disc_session *history_named_as(const struct history *h, const char *name, enum history_name *ret_kind)
{
	for (enum history_name kind = HISTORY_NUMBER; kind <= HISTORY_LABEL; kind++) {
		const struct called *c = find(h, kind, name);
		const struct disc_session *s = c ? &h->sessions[c->at] : NULL;

		if (kind == HISTORY_NEWEST && !strcmp(name, HISTORY_LATEST))
			s = history_newest(h);
		*ret_kind = kind;
		if (s)
			return s;
	}
	return NULL;
}

const struct disc_session *history_named(const struct history *h, const char *name)
{
	enum history_name kind;

	return history_named_as(h, name, &kind);
}

bool history_numbers_hold(const struct disc_session *a, const struct disc_session *b)
{
	const struct disc_session *first = a < b ? a : b, *s = a < b ? b : a;

	for (; s > first; s--)
		if (!session_says_ours(s) && !s->broken)
			return false;
	return true;
}

/* ---- the tree ---- */

/* The head of an overwritable medium, which was the descriptor of one session, is that of a newer one later. */
static bool is_of(const struct iso *iso, const struct disc_session *s)
{
	struct iso_info info;

	iso_info(iso, &info);
	if (info.ours && info.appuse.start_lba != s->start_lba)
		return false;
	return s->ours ? info.ours && !memcmp(info.appuse.uuid, s->uuid, sizeof(s->uuid)) :
			 !s->created || info.created == s->created;
}

int history_tree(struct disc *disc, const struct disc_session *s, struct iso **ret)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	int r = s->broken ? -EBADMSG : iso_open(disc, s->descriptor_lba, &iso);

	if (!r && !is_of(iso, s))
		r = -ESTALE;
	if (!r)
		*ret = TAKE_PTR(iso);
	return r;
}
