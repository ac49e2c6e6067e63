/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/history/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"

int history_read(struct disc *disc, struct history *ret) { return disc_sessions(disc, &ret->sessions, &ret->n); }

int history_copy(const struct disc_session *sessions, size_t n, struct history *ret)
{
	struct disc_session *copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, sessions, n * sizeof(*copy));
	*ret = (struct history){copy, n};
	return 0;
}

void history_release(struct history *h)
{
	free(h->sessions);
	*h = (struct history){0};
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
	for (size_t i = h->n; i-- > 0;)
		if (h->sessions[i].number == number)
			return &h->sessions[i];
	return NULL;
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
	if (s->broken)
		return NULL;
	if (kind != HISTORY_LABEL)
		return date_of(s, kind, ret);
	const char *label = s->volume_id;
	if (!*label || !strcmp(label, ".") || !strcmp(label, "..") || strchr(label, '/'))
		return NULL;
	snprintf(ret, HISTORY_NAME_BYTES, "%s", label);
	return ret;
}

static const struct disc_session *called(const struct history *h, enum history_name kind, const char *name)
{
	char text[HISTORY_NAME_BYTES];

	for (size_t i = h->n; i-- > 0;)
		if (history_name_of(&h->sessions[i], kind, text) && !strcmp(text, name))
			return &h->sessions[i];
	return NULL;
}

/* As they are written: without a sign, a zero or a blank before them. */
static const struct disc_session *by_number(const struct history *h, const char *name)
{
	char text[HISTORY_NAME_BYTES];
	unsigned long number = strtoul(name, NULL, 10);

	if (number > UINT32_MAX)
		return NULL;
	snprintf(text, sizeof(text), "%lu", number);
	return strcmp(text, name) ? NULL : history_numbered(h, (uint32_t)number);
}

const struct disc_session *history_named(const struct history *h, const char *name)
{
	const struct disc_session *s = by_number(h, name);

	if (!s && !strcmp(name, HISTORY_LATEST))
		return history_newest(h);
	for (enum history_name kind = HISTORY_DATE; !s && kind <= HISTORY_LABEL; kind++)
		s = called(h, kind, name);
	return s;
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
