/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest.c - content is read for its digest: of the versions of which it is not known yet
 *
 * Each is looked up in the newest session that has it.  Files are read in the order in which they lie on the disc, a
 * batch at a time, and each content once; the digests of a batch are put in one transaction, so what is killed goes on
 * where it was.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"

#define BATCH 4096u /* files */
#define BUFFER_BYTES (1u << 20)

struct version {
	int64_t id, place;
	uint32_t session;
	char *path;
	struct iso_entry entry;
	uint8_t sha256[SHA256_BYTES];
	bool known;
};

struct reading {
	struct catalogue *c;
	const struct catalogue_source *at;
	const struct catalogue_adding *asked;
	int64_t title;
	uint32_t newest;  /* session of the disc */
	uint32_t session; /* that is open; 0 none */
	struct iso *iso;
	struct version *list;
	size_t n;
	int64_t last; /* that was looked at */
	uint8_t *buf;
	uint64_t n_digests;
};

static void clear(struct reading *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->list[i].path);
		iso_entry_release(&g->list[i].entry);
	}
	g->n = 0;
}

static void reading_release(struct reading *g)
{
	clear(g);
	iso_unref(g->iso);
	free(g->list);
	free(g->buf);
}

/* What is no error of the disc ends it. */
static int lost(const struct reading *g, const struct version *v, int error)
{
	if (!disc_is_damage(error) && error != -ENOENT)
		return error;
	if (g->asked->lost)
		g->asked->lost(g->asked->context, v->session, v->path, error);
	return 0;
}

/* ---- which ---- */

static int take(struct reading *g, sqlite3_stmt *row)
{
	struct version *v = &g->list[g->n];
	_free_ char *above = NULL;
	int r;

	g->last = sqlite3_column_int64(row, 0);
	*v = (struct version){.id = g->last, .place = sqlite3_column_int64(row, 4), .session = g->newest};
	if (sqlite3_column_type(row, 5) != SQLITE_NULL)
		v->session = (uint32_t)min_u64(v->session, (uint64_t)sqlite3_column_int64(row, 5));
	r = find_path(g->c, sqlite3_column_int64(row, 1), &v->session, &above);
	if (r)
		return r;
	if (asprintf(&v->path, "%s%s%s", above, *above ? "/" : "", sql_name(row, 2, NULL)) < 0) {
		v->path = NULL;
		return -ENOMEM;
	}
	g->n++;
	return 0;
}

static int list_batch(struct reading *g)
{
	sqlite3_stmt *row = sql_statement(g->c, ST_ENTRIES_UNDIGESTED);
	int r;

	sqlite3_bind_int64(row, 1, g->title);
	sqlite3_bind_int64(row, 2, g->last);
	sqlite3_bind_int64(row, 3, g->newest);
	sqlite3_bind_int64(row, 4, BATCH);
	while ((r = sql_step(g->c, row)) > 0) {
		r = take(g, row);
		if (r)
			break;
	}
	if (row)
		sqlite3_reset(row);
	return r;
}

/* ---- where on the disc ---- */

static int open_session(struct reading *g, uint32_t number)
{
	const struct disc_session *s = NULL;

	if (g->session == number)
		return 0;
	iso_unref(g->iso);
	g->iso = NULL;
	g->session = 0;
	for (size_t i = 0; i < g->at->n_sessions; i++)
		if (g->at->sessions[i].number <= number && !g->at->sessions[i].broken)
			s = &g->at->sessions[i];
	int r = s ? history_tree(g->at->disc, s, &g->iso) : -ENOENT;
	g->session = r ? 0 : number;
	return r;
}

static int compare_paths(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	return x->session != y->session ? (x->session < y->session ? -1 : 1) : strcmp(x->path, y->path);
}

static uint64_t position(const struct version *v) { return v->entry.n_extents ? v->entry.extents[0].pos : 0; }

static int compare_positions(const void *a, const void *b)
{
	const struct version *x = a, *y = b;
	uint64_t p = position(x), q = position(y);

	return p != q ? (p < q ? -1 : 1) : x->place < y->place ? -1 : x->place > y->place;
}

/* Another file has that name on the disc: it is not the one that was added. */
static bool is_it(const struct version *v) { return S_ISREG(v->entry.mode) && entries_place(&v->entry) == v->place; }

static int locate(struct reading *g)
{
	int r = 0;

	qsort(g->list, g->n, sizeof(*g->list), compare_paths);
	for (size_t i = 0; i < g->n && !r; i++) {
		struct version *v = &g->list[i];

		r = open_session(g, v->session);
		if (!r)
			r = iso_lookup_path(g->iso, v->path, &v->entry);
		if (!r && !is_it(v)) {
			iso_entry_release(&v->entry);
			v->entry.n_extents = 0;
			r = -ENOENT;
		}
		r = r ? lost(g, v, r) : 0;
	}
	qsort(g->list, g->n, sizeof(*g->list), compare_positions);
	return r;
}

/* ---- reading ---- */

static int read_one(struct reading *g, struct version *v, const struct version *before)
{
	int r;

	if (!v->entry.n_extents)
		return 0;
	if (before && before->known && before->place == v->place && before->entry.size == v->entry.size) {
		memcpy(v->sha256, before->sha256, sizeof(v->sha256));
		v->known = true;
		return 0;
	}
	/* It was read as another version, or another name. */
	r = entries_sha256(g->c, g->title, v->entry.size, v->place, v->sha256, &v->known);
	if (r || v->known)
		return r;
	r = iso_sha256(g->at->disc, &v->entry, g->buf, BUFFER_BYTES, v->sha256);
	v->known = !r;
	return r ? lost(g, v, r) : 0;
}

static int put_batch(struct reading *g)
{
	int r = sql_begin(g->c);

	if (r)
		return r;
	for (size_t i = 0; i < g->n && !r; i++) {
		sqlite3_stmt *row;

		if (!g->list[i].known)
			continue;
		row = sql_statement(g->c, ST_ENTRY_SHA256);
		sqlite3_bind_int64(row, 1, g->list[i].id);
		sqlite3_bind_blob(row, 2, g->list[i].sha256, SHA256_BYTES, SQLITE_STATIC);
		r = sql_step(g->c, row);
		g->n_digests++;
	}
	return sql_end(g->c, r);
}

static int read_batch(struct reading *g)
{
	int r = locate(g);

	for (size_t i = 0; i < g->n && !r; i++) {
		r = read_one(g, &g->list[i], i ? &g->list[i - 1] : NULL);
		if (!r && g->asked->pace)
			r = g->asked->pace(g->asked->context);
	}
	return r ? r : put_batch(g);
}

static int read_all(struct reading *g)
{
	bool more = true;
	int r = 0;

	while (more && !r) {
		r = list_batch(g);
		more = g->n > 0;
		if (!r && more)
			r = read_batch(g);
		clear(g);
	}
	return r;
}

int catalogue_digest(struct catalogue *c, const struct catalogue_source *at, int64_t disc,
		     const struct catalogue_adding *asked, uint64_t *ret, char **ret_why)
{
	_cleanup_(reading_release) struct reading g = {
		.c = c, .at = at, .asked = asked, .list = calloc(BATCH, sizeof(*g.list)), .buf = malloc(BUFFER_BYTES)};
	int r = g.list && g.buf ? shelf_read(c) : -ENOMEM;

	for (size_t i = 0; i < c->shelf.n && !r; i++)
		if (c->shelf.discs[i].number == disc) {
			g.title = c->shelf.discs[i].title;
			g.newest = c->shelf.discs[i].newest;
		}
	if (!r && !g.title)
		r = why_set(ret_why, -ENOENT, "%s: there is no disc %" PRId64, c->path, disc);
	if (!r)
		r = read_all(&g);
	*ret = g.n_digests;
	return sql_why(c, r, ret_why);
}
