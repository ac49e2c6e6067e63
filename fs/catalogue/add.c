/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * add.c - the sessions of a disc that the catalogue does not have yet, one after the other
 *
 * The catalogue remembers where each directory of the newest session lay.  One whose records lie there still is as it
 * was, with all below it, since blocks of a disc never change, and is not read; the others are, and what is different
 * from what is known becomes rows.  A directory is told by its serial number where numbers hold, so one that was moved
 * costs two rows, whatever is in it; in sessions of other programs by its name.
 *
 * A directory that cannot be read to its end keeps the names that it had, and its session is marked.  No more bytes of
 * directories are read than the disc has, and none of them twice, so no loop of a damaged disc leads on.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/bulk.h"
#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/type_letter.h"
#include "cdappendfs/session_message.h"

#define PACE_NAMES 256u

struct waiting {
	int64_t directory;
	uint64_t ino;
	struct iso_extent at;
};

struct adding {
	struct catalogue *c;
	const struct catalogue_source *at;
	const struct catalogue_adding *asked;
	const struct title *title;
	const struct disc_session *session;
	struct iso *iso;
	uint32_t former; /* the session before it that is in the catalogue */
	bool by_number, has_digests, complete;
	struct waiting *todo;
	size_t n_todo, capacity;
	struct iso_room room;
	struct bulk bulk;
	uint8_t *sums; /* MD5 of files, by their entry; NULL: the session has none */
	struct checksums checksums;
	uint64_t n_names;
	unsigned since_pace;
};

static void adding_release(struct adding *a)
{
	free(a->todo);
	iso_room_release(&a->room);
	bulk_free(a->sums);
	iso_unref(a->iso);
}

/* Somebody is told what is not known; what is no error of the disc ends it. */
static int lost(struct adding *a, int64_t directory, const char *name, int error)
{
	_free_ char *path = NULL, *whole = NULL;
	uint32_t session = a->session->number;

	if (!disc_is_damage(error))
		return error;
	a->complete = false;
	if (!a->asked->lost)
		return 0;
	if (find_path(a->c, directory, &session, &path) < 0 ||
	    asprintf(&whole, "%s%s%s", path, *path && name ? "/" : "", name ? name : "") < 0)
		whole = NULL;
	a->asked->lost(a->asked->context, a->session->number, whole ? whole : "?", error);
	return 0;
}

/* ---- a name ---- */

static const uint8_t *md5_of_entry(struct adding *a, const struct iso_entry *e)
{
	uint32_t i = 0;

	if (!a->sums || zisofs_used(&e->zisofs) || iso_checksum_entry(a->iso, e, &i) < 0 || !i ||
	    i + 1 >= a->checksums.n || checksum_is_none(a->sums + (size_t)i * MD5_BYTES))
		return NULL;
	return a->sums + (size_t)i * MD5_BYTES;
}

static int put(struct adding *a, int64_t directory, const struct iso_entry *e, int64_t child)
{
	uint8_t sha256[SHA256_BYTES];
	bool known = false;
	struct new_entry new = {.directory = directory,
				.name = e->name,
				.kind = type_letter(e->mode),
				.size = e->size,
				.mtime = S_ISDIR(e->mode) ? NO_MTIME : entries_mtime(&e->mtime),
				.place = S_ISREG(e->mode) ? entries_place(e) : NO_PLACE,
				.first = a->session->number,
				.child = child};
	int r = 0;

	/* The same content was read under another name. */
	if (a->has_digests)
		r = entries_sha256(a->c, a->title->id, new.size, new.place, sha256, &known);
	if (S_ISREG(e->mode))
		new.md5 = md5_of_entry(a, e);
	new.sha256 = known ? sha256 : NULL;
	a->n_names++;
	return r ? r : entries_put(a->c, &new);
}

static int close_entry(struct adding *a, const struct known *k)
{
	return SQL_RUN(a->c, ST_ENTRY_CLOSE, k->id, a->former);
}

static bool is_as_known(const struct known *k, const struct iso_entry *e)
{
	return k->kind == type_letter(e->mode) && k->mtime == entries_mtime(&e->mtime) &&
	       (!S_ISREG(e->mode) || (k->size == e->size && k->place == entries_place(e)));
}

/* Of an image that was cut off the directories may be there, and what they name not. */
static bool is_there(const struct adding *a, const struct iso_entry *e)
{
	for (uint32_t i = 0; a->at->there_sectors && i < e->n_extents; i++)
		if ((e->extents[i].pos + e->extents[i].length + SECTOR_BYTES - 1) / SECTOR_BYTES > a->at->there_sectors)
			return false;
	return true;
}

static int take_file(struct adding *a, int64_t directory, const struct iso_entry *e, struct known *k)
{
	int r = 0;

	if (k && is_as_known(k, e)) {
		k->kept = true;
		return 0;
	}
	if (k) {
		k->kept = true; /* it has ended already */
		r = close_entry(a, k);
	}
	if (!r && !is_there(a, e))
		return lost(a, directory, e->name, -EIO);
	return r ? r : put(a, directory, e, 0);
}

/* ---- a directory in a directory ---- */

static int push(struct adding *a, const struct waiting *w)
{
	if (grow(&a->todo, &a->capacity, a->n_todo, sizeof(*a->todo)))
		return -ENOMEM;
	a->todo[a->n_todo++] = *w;
	return 0;
}

static bool same_place(struct iso_extent a, struct iso_extent b) { return a.lba == b.lba && a.bytes == b.bytes; }

/* It has records, which were not met before. */
static int may_be_read(struct adding *a, struct iso_extent at)
{
	int r = at.bytes ? iso_room_take(&a->room, at) : -EBADMSG;

	return r > 0 ? -EBADMSG : r;
}

/* child 0: it is not known. */
static int directory_of_number(struct adding *a, const struct iso_entry *e, struct known *ret)
{
	sqlite3_stmt *row = sql_statement(a->c, ST_DIRECTORY_BY_INO);
	int r;

	if (!a->by_number || iso_is_stray(e->ino))
		return 0;
	sqlite3_bind_int64(row, 1, a->title->id);
	sqlite3_bind_int64(row, 2, (int64_t)e->ino);
	r = sql_step(a->c, row);
	/* Not the root: of a disc that leads in circles. */
	if (r > 0 && sqlite3_column_int64(row, 0) != a->title->root)
		*ret = (struct known){.child = sqlite3_column_int64(row, 0),
				      .child_ino = e->ino,
				      .child_at = {(uint32_t)sqlite3_column_int64(row, 1),
						   (uint32_t)sqlite3_column_int64(row, 2)}};
	sqlite3_reset(row);
	return r < 0 ? r : 0;
}

static int new_directory(struct adding *a, const struct iso_entry *e, struct known *ret)
{
	sqlite3_stmt *row = sql_statement(a->c, ST_DIRECTORY_PUT);
	int r;

	sqlite3_bind_int64(row, 1, a->title->id);
	if (!iso_is_stray(e->ino))
		sqlite3_bind_int64(row, 2, (int64_t)e->ino);
	r = sql_step(a->c, row);
	*ret = (struct known){.child = sqlite3_last_insert_rowid(a->c->db), .child_ino = e->ino};
	return r;
}

/* Its number, and where it lies.  One that could not be read to its end has no place in the catalogue: it is read again
 * in the next session. */
static int set_place(struct adding *a, const struct waiting *w, bool whole)
{
	sqlite3_stmt *row = sql_statement(a->c, ST_DIRECTORY_SET);

	sqlite3_bind_int64(row, 1, w->directory);
	if (!iso_is_stray(w->ino))
		sqlite3_bind_int64(row, 2, (int64_t)w->ino);
	sqlite3_bind_int64(row, 3, whole ? w->at.lba : 0);
	sqlite3_bind_int64(row, 4, whole ? w->at.bytes : 0);
	return sql_step(a->c, row);
}

/* A directory as it is known, or new: are its records to be read? */
static int descend(struct adding *a, int64_t directory, const struct known *child, const struct iso_entry *e)
{
	const struct waiting w = {child->child, e->ino, e->dir};
	int r;

	if (same_place(child->child_at, e->dir))
		return child->child_ino == e->ino ? 0 : set_place(a, &w, true);
	r = may_be_read(a, e->dir);
	return r ? lost(a, directory, e->name, r) : push(a, &w);
}

static bool is_same_directory(const struct adding *a, const struct known *k, const struct iso_entry *e)
{
	return k && k->kind == 'd' && k->child && (!a->by_number || k->child_ino == e->ino);
}

static int take_directory(struct adding *a, int64_t directory, const struct iso_entry *e, struct known *k)
{
	struct known child = {.child = 0};
	int r;

	if (k)
		k->kept = true;
	if (is_same_directory(a, k, e))
		return descend(a, directory, k, e);
	r = k ? close_entry(a, k) : 0;
	if (!r)
		r = directory_of_number(a, e, &child);
	if (!r && !child.child)
		r = new_directory(a, e, &child);
	if (!r)
		r = put(a, directory, e, child.child);
	return r ? r : descend(a, directory, &child, e);
}

/* ---- a directory ---- */

static int pace(struct adding *a)
{
	if (++a->since_pace < PACE_NAMES)
		return 0;
	a->since_pace = 0;
	return a->asked->pace ? a->asked->pace(a->asked->context) : 0;
}

static int take_name(struct adding *a, int64_t directory, const struct iso_entry *e, const struct known_list *l)
{
	struct known *k = entries_named(l, e->name);
	int r = pace(a);

	if (r)
		return r;
	return S_ISDIR(e->mode) ? take_directory(a, directory, e, k) : take_file(a, directory, e, k);
}

/* 0: to its end. */
static int read_names(struct adding *a, const struct waiting *w, const struct known_list *l, int *ret_of_disc)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = 0;

	*ret_of_disc = iso_dir_open(a->iso, w->at, &dir);
	while (!*ret_of_disc && !r) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};
		int more = iso_dir_next(dir, &e);

		if (more < 0)
			*ret_of_disc = more;
		if (more <= 0)
			break;
		r = take_name(a, w->directory, &e, l);
	}
	/* A block of it is zeros: the names that were there are not known. */
	if (!r && !*ret_of_disc && iso_dir_odd(dir))
		*ret_of_disc = -EBADMSG;
	return r;
}

static int close_those_gone(struct adding *a, const struct known_list *l)
{
	int r = 0;

	for (size_t i = 0; i < l->n && !r; i++)
		if (!l->list[i].kept)
			r = close_entry(a, &l->list[i]);
	return r;
}

static int read_directory(struct adding *a, const struct waiting *w)
{
	_cleanup_(entries_release) struct known_list l = {.n = 0};
	int of_disc = 0, r = entries_read(a->c, w->directory, &l);

	if (!r)
		r = read_names(a, w, &l, &of_disc);
	if (!r && of_disc)
		r = lost(a, w->directory, NULL, of_disc);
	else if (!r)
		r = close_those_gone(a, &l);
	return r ? r : set_place(a, w, !of_disc);
}

/* ---- a session ---- */

static int begin_session(struct adding *a)
{
	struct iso_info info;
	int r = history_tree(a->at->disc, a->session, &a->iso);

	if (r)
		return r;
	iso_info(a->iso, &info);
	a->by_number = info.ours;
	iso_room_init(a->iso, &a->room);
	if (iso_checksums(a->iso, &a->checksums) == 1)
		(void)iso_checksums_array(a->iso, &a->checksums, (uint64_t)a->session->start_lba + a->session->sectors,
					  &a->bulk, &a->sums);
	return 0;
}

static int has_digests(struct adding *a)
{
	sqlite3_stmt *row = sql_statement(a->c, ST_SHA256_ANY);
	int r = sql_step(a->c, row);

	sqlite3_reset(row);
	a->has_digests = r > 0;
	return r < 0 ? r : 0;
}

static int read_tree(struct adding *a)
{
	_cleanup_entry_ struct iso_entry root = {.ino = 0};
	int r = begin_session(a);

	if (!r)
		r = iso_root(a->iso, &root);
	if (disc_is_damage(r))
		return lost(a, a->title->root, NULL, r);
	if (!r)
		r = has_digests(a);
	if (!r)
		r = may_be_read(a, root.dir);
	if (disc_is_damage(r))
		return lost(a, a->title->root, NULL, r);
	if (!r)
		r = push(a, &(struct waiting){a->title->root, root.ino, root.dir});
	while (!r && a->n_todo) {
		struct waiting next = a->todo[--a->n_todo];

		r = read_directory(a, &next);
	}
	return r;
}

static int put_session(struct adding *a)
{
	const struct disc_session *s = a->session;
	session_message message = "";
	sqlite3_stmt *row;
	int r = s->broken ? 0 : session_message_read(a->at->disc, s, message);

	if (r && !disc_is_damage(r))
		return r;
	row = sql_statement(a->c, ST_SESSION_PUT);
	sqlite3_bind_int64(row, 1, a->title->id);
	sqlite3_bind_int64(row, 2, s->number);
	sqlite3_bind_int64(row, 3, s->start_lba);
	sqlite3_bind_int64(row, 4, s->created);
	sql_bind_name(row, 5, s->volume_id);
	if (!r && message[0])
		sqlite3_bind_text(row, 6, message, -1, SQLITE_STATIC);
	if (session_says_ours(s))
		sqlite3_bind_blob(row, 7, s->uuid, sizeof(s->uuid), SQLITE_STATIC);
	sqlite3_bind_int(row, 8, s->broken);
	sqlite3_bind_int(row, 9, a->complete);
	sqlite3_bind_int64(row, 10, (int64_t)a->n_names);
	return sql_step(a->c, row);
}

/* In one transaction, which the caller has begun. */
static int add_session(struct adding *a)
{
	int r = a->session->broken ? 0 : read_tree(a);

	if (!r)
		r = put_session(a);
	return r ? r : SQL_RUN(a->c, ST_TITLE_GROW, a->title->id, a->session->number, (int64_t)a->n_names);
}

/* ---- a disc ---- */

static int ascend(const struct catalogue_source *at, char **ret_why)
{
	for (size_t i = 0; i < at->n_sessions; i++)
		if (at->sessions[i].number <= (i ? at->sessions[i - 1].number : 0))
			return why_set(ret_why, -EBADMSG, "the sessions of the disc are not in their order");
	return 0;
}

static int renew(struct catalogue *c, struct title *t)
{
	int r = SQL_RUN(c, ST_TITLE_RENEW, t->id);

	if (!r)
		r = title_empty(c, t->id);
	if (!r)
		r = title_new_root(c, t);
	t->newest = 0;
	return r;
}

static int see_disc(struct catalogue *c, const struct catalogue_source *at, const struct title *t, uint32_t newest,
		    struct catalogue_added *ret)
{
	sqlite3_stmt *row = sql_statement(c, ST_DISC_SEEN);
	int r;

	sqlite3_bind_int64(row, 1, t->disc);
	sqlite3_bind_int64(row, 2, newest);
	sqlite3_bind_int64(row, 3, (int64_t)at->bytes);
	sqlite3_bind_int64(row, 4, (int64_t)time(NULL));
	sqlite3_bind_text(row, 5, at->medium, -1, SQLITE_STATIC);
	if (at->path)
		sql_bind_name(row, 6, at->path);
	r = sql_step(c, row);
	if (r || !at->path)
		return r;
	row = sql_statement(c, ST_PATH_TAKEN);
	sqlite3_bind_int64(row, 1, t->disc);
	sql_bind_name(row, 2, at->path);
	while ((r = sql_step(c, row)) > 0)
		ret->displaced = sqlite3_column_int64(row, 0);
	return r;
}

static int begin_disc(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
		      struct title *t, struct catalogue_added *ret, char **ret_why)
{
	int r = sql_begin(c);

	if (r)
		return r;
	r = title_find(c, at, asked, t, ret_why);
	if (!r && asked->anew)
		r = renew(c, t);
	/* As far as it is in the catalogue it has that now: a kill leaves it so. */
	if (!r)
		r = see_disc(c, at, t, (uint32_t)min_u64(t->newest, at->sessions[at->n_sessions - 1].number), ret);
	return sql_end(c, r);
}

/* The next session, and the disc has it. */
static int add_next(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
		    const struct title *t, const struct disc_session *s, struct catalogue_added *ret)
{
	_cleanup_(adding_release) struct adding a = {
		.c = c, .at = at, .asked = asked, .title = t, .session = s, .former = t->newest, .complete = true};
	int r = sql_begin(c);

	if (r)
		return r;
	r = add_session(&a);
	if (!r)
		r = see_disc(c, at, t, s->number, ret);
	r = sql_end(c, r);
	if (r)
		return r;
	ret->sessions++;
	ret->names += a.n_names;
	ret->incomplete |= !a.complete;
	return 0;
}

int catalogue_add(struct catalogue *c, const struct catalogue_source *at, const struct catalogue_adding *asked,
		  struct catalogue_added *ret, char **ret_why)
{
	struct title t = {.id = 0};
	int r = at->n_sessions ? ascend(at, ret_why) :
				 why_set(ret_why, -ENOMEDIUM, "the disc is blank: there is nothing on it");

	*ret = (struct catalogue_added){.disc = 0};
	if (!r)
		r = begin_disc(c, at, asked, &t, ret, ret_why);
	if (r)
		return sql_why(c, r, ret_why);
	ret->disc = t.disc;
	ret->is_new = t.is_new;
	for (size_t i = 0; i < at->n_sessions && !r; i++) {
		if (at->sessions[i].number <= t.newest) {
			if (at->sessions[i].truncated && !ret->cut)
				ret->cut = at->sessions[i].number;
			continue;
		}
		r = add_next(c, at, asked, &t, &at->sessions[i], ret);
		if (!r)
			t.newest = at->sessions[i].number;
	}
	return sql_why(c, r, ret_why);
}
