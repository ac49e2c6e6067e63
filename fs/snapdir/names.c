/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.c - .sessions itself: a directory for each session, and links to them by their names
 *
 * A link is its kind and the number of the session that it leads to, and so is its own number: nothing of it is kept.
 * Only `latest` has one number for ever, and leads elsewhere after each burn.  Names of which several sessions have the
 * same lead to the newest of these.
 */
#include "fs/snapdir/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"

enum link { LINK_LATEST, LINK_DATE, LINK_GMT, LINK_LABEL };
#define TARGET_BYTES 12u

/* Inner numbers of session 0: TREE_ROOT, and above it the links. */
static uint64_t link_inner(enum link kind, uint32_t number) { return (uint64_t)number << 3 | ((unsigned)kind + 2); }
static uint32_t link_number(uint64_t inner) { return (uint32_t)(inner >> 3); }

static bool is_link(uint64_t inner) { return (inner & 7) >= 2 && (inner & 7) <= 2 + LINK_LABEL; }

static void set_times(struct stat *st, int64_t created)
{
	st->st_atim = st->st_mtim = st->st_ctim = (struct timespec){.tv_sec = nearest_time(created)};
}

/* What the session of a number says of its date; `latest` has that of the newest, as .sessions has. */
static int64_t created_of(struct snapdir *p, uint32_t number, char ret_target[TARGET_BYTES])
{
	int64_t created = 0;

	lock_take(&p->lock);
	const struct disc_session *s = number ? history_numbered(&p->history, number) : history_newest(&p->history);
	if (s) {
		created = s->created;
		number = s->number;
	}
	lock_give(&p->lock);
	snprintf(ret_target, TARGET_BYTES, "%u", number);
	return created;
}

int names_getattr(struct snapdir *p, uint64_t ino, struct stat *st)
{
	uint64_t inner = number_inner(ino);
	char target[TARGET_BYTES];

	if (inner != TREE_ROOT && !is_link(inner))
		return -ESTALE;
	*st = (struct stat){.st_ino = ino,
			    .st_nlink = 2,
			    .st_mode = S_IFDIR | 0555,
			    .st_uid = p->options.owner,
			    .st_gid = p->options.group,
			    .st_blksize = 4096};
	set_times(st, created_of(p, inner == TREE_ROOT ? 0 : link_number(inner), target));
	if (inner != TREE_ROOT) {
		st->st_nlink = 1;
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t)strlen(target);
	}
	return 0;
}

int names_readlink(struct snapdir *p, uint64_t ino, char **ret)
{
	char target[TARGET_BYTES], *copy;

	if (!is_link(number_inner(ino)))
		return -EINVAL;
	created_of(p, link_number(number_inner(ino)), target);
	copy = strdup(target);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* ---- by name ---- */

static enum link link_of(enum history_name kind)
{
	return kind == HISTORY_NEWEST ? LINK_LATEST :
	       kind == HISTORY_DATE   ? LINK_DATE :
	       kind == HISTORY_GMT    ? LINK_GMT :
					LINK_LABEL;
}

int names_lookup(struct snapdir *p, const char *name, struct stat *st)
{
	enum history_name kind;
	uint64_t ino;

	lock_take(&p->lock);
	const struct disc_session *s = history_named_as(&p->history, name, &kind);
	uint32_t session = s ? s->number : 0;
	lock_give(&p->lock);
	if (!s)
		return -ENOENT;
	if (kind == HISTORY_NUMBER)
		return nodes_refer_root(p, session, st);
	int r = number_of(0, link_inner(link_of(kind), kind == HISTORY_NEWEST ? 0 : session), &ino);
	return r < 0 ? r : names_getattr(p, ino, st);
}

/* ---- the listing ---- */

/* Cookies: 0 and 1 the dots, then for the session at an index of the list its number and its links, at last `latest`.
 * The list only grows. */
#define NAMES_EACH 3u
#define FIRST 2u

/* Does its name lead to this one as that, and not to a newer one, or as another name that is listed besides? */
static bool leads_here(const struct history *h, const struct disc_session *s, enum history_name kind,
		       char ret[HISTORY_NAME_BYTES])
{
	enum history_name as;

	return history_name_of(s, kind, ret) && history_named_as(h, ret, &as) == s && as == kind;
}

static bool name_at_locked(struct snapdir *p, uint64_t index, struct tree_dir_entry *ret)
{
	lock_assert(&p->lock);
	const struct disc_session *s = &p->history.sessions[index / NAMES_EACH];
	char text[HISTORY_NAME_BYTES];
	bool is_there = !s->broken;

	if (index % NAMES_EACH == 0) {
		snprintf(ret->name, sizeof(ret->name), "%u", s->number);
		return is_there && number_of(s->number, TREE_ROOT, &ret->ino) == 0;
	}
	enum history_name kind = index % NAMES_EACH == 1 ? HISTORY_DATE : HISTORY_LABEL;
	is_there = is_there && leads_here(&p->history, s, kind, text);
	if (is_there)
		snprintf(ret->name, sizeof(ret->name), "%s", text);
	ret->type = S_IFLNK;
	return is_there && number_of(0, link_inner(link_of(kind), s->number), &ret->ino) == 0;
}

static int entry_locked(struct snapdir *p, uint64_t cookie, struct tree_dir_entry *ret)
{
	lock_assert(&p->lock);
	uint64_t end = FIRST + p->history.n * NAMES_EACH;

	for (; cookie < end; cookie++) {
		*ret = (struct tree_dir_entry){.type = S_IFDIR, .next = cookie + 1};
		if (name_at_locked(p, cookie - FIRST, ret))
			return 1;
	}
	if (cookie > end || !history_newest(&p->history))
		return 0;
	*ret = (struct tree_dir_entry){.name = HISTORY_LATEST, .type = S_IFLNK, .next = cookie + 1};
	return number_of(0, link_inner(LINK_LATEST, 0), &ret->ino) == 0;
}

int names_readdir(struct snapdir *p, uint64_t cookie, struct tree_dir_entry *ret)
{
	if (cookie < FIRST) {
		*ret = (struct tree_dir_entry){.ino = cookie ? TREE_ROOT : SNAPDIR_ROOT,
					       .type = S_IFDIR,
					       .next = cookie + 1};
		memcpy(ret->name, "..", cookie + 1);
		return 1;
	}
	lock_take(&p->lock);
	int r = entry_locked(p, cookie, ret);
	lock_give(&p->lock);
	return r;
}
