/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * file.c - where a file of the hard disk lies
 *
 * By its content where something of its length has a digest, else by name, length and time of change.  What a digest
 * says of a version holds: one whose digest is another is not the same, whatever its name and time.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"

#define BUFFER_BYTES (1u << 20)

struct digests {
	bool sha256_known, md5_known;
	uint8_t sha256[SHA256_BYTES], md5[MD5_BYTES];
};

static int is_of_size(struct catalogue *c, enum statement which, const struct stat *st)
{
	sqlite3_stmt *row = sql_statement(c, which);
	int r;

	sqlite3_bind_int64(row, 1, st->st_size);
	r = sql_step(c, row);
	if (row)
		sqlite3_reset(row);
	return r;
}

static int read_all(int fd, struct sha256 *sha256, struct md5 *md5)
{
	_free_ uint8_t *buf = malloc(BUFFER_BYTES);
	uint64_t pos = 0;
	size_t n = BUFFER_BYTES;
	int r = buf ? 0 : -ENOMEM;

	for (; !r && n == BUFFER_BYTES; pos += n) {
		r = pread_full(fd, buf, BUFFER_BYTES, pos, &n);
		if (!r && sha256)
			r = sha256_add(sha256, buf, n);
		if (!r && md5)
			r = md5_add(md5, buf, n);
	}
	return r;
}

/* Those that something of its length has. */
static int digest(struct catalogue *c, int fd, const struct stat *st, struct digests *ret)
{
	_cleanup_(sha256_freep) struct sha256 *sha256 = NULL;
	_cleanup_(md5_freep) struct md5 *md5 = NULL;
	int sha256_of_size = is_of_size(c, ST_SHA256_SIZE, st), md5_of_size = is_of_size(c, ST_MD5_SIZE, st), r = 0;

	if (sha256_of_size < 0 || md5_of_size < 0)
		return sha256_of_size < 0 ? sha256_of_size : md5_of_size;
	if (sha256_of_size)
		r = sha256_new(&sha256);
	if (!r && md5_of_size)
		r = md5_new(&md5);
	if (!r && (sha256 || md5))
		r = read_all(fd, sha256, md5);
	if (!r && sha256)
		r = sha256_end(sha256, ret->sha256);
	if (!r && md5)
		r = md5_now(md5, ret->md5);
	ret->sha256_known = !r && sha256;
	ret->md5_known = !r && md5;
	return r;
}

static int tell(struct telling *t, sqlite3_stmt *row, const struct digests *d, enum catalogue_evidence by)
{
	int r;

	while ((r = sql_step(t->c, row)) > 0) {
		bool by_sha256 = d->sha256_known && sqlite3_column_type(row, FIND_SHA256) != SQLITE_NULL;
		bool by_md5 = d->md5_known && sqlite3_column_type(row, FIND_MD5) != SQLITE_NULL;

		/* Better is known of it: told already, or it is another one. */
		if ((by != BY_SHA256 && by_sha256) || (by == BY_TIME && by_md5))
			continue;
		r = telling_row(t, row, by, NULL, NULL);
		if (r)
			break;
	}
	if (row)
		sqlite3_reset(row);
	return r;
}

static int by_digest(struct telling *t, const struct stat *st, const struct digests *d, bool is_sha256)
{
	sqlite3_stmt *row = sql_statement(t->c, is_sha256 ? ST_BY_SHA256 : ST_BY_MD5);

	sqlite3_bind_int64(row, 1, st->st_size);
	if (is_sha256)
		sqlite3_bind_blob(row, 2, d->sha256, sizeof(d->sha256), SQLITE_STATIC);
	else
		sqlite3_bind_blob(row, 2, d->md5, sizeof(d->md5), SQLITE_STATIC);
	return tell(t, row, d, is_sha256 ? BY_SHA256 : BY_MD5);
}

/* Discs of other programs know whole seconds. */
static int by_time(struct telling *t, const char *name, const struct stat *st, const struct digests *d)
{
	const struct timespec whole = {.tv_sec = st->st_mtim.tv_sec};
	sqlite3_stmt *row = sql_statement(t->c, ST_BY_TIME);

	sqlite3_bind_int64(row, 1, st->st_size);
	sqlite3_bind_int64(row, 2, entries_mtime(&st->st_mtim));
	sqlite3_bind_int64(row, 3, entries_mtime(&whole));
	sql_bind_name(row, 4, name);
	return tell(t, row, d, BY_TIME);
}

int catalogue_file(struct catalogue *c, int fd, const char *name, const struct stat *st,
		   const struct catalogue_asked *asked, char **ret_why)
{
	_cleanup_(telling_end) struct telling t = {.c = NULL};
	struct digests d = {.sha256_known = false};
	int r = telling_begin(c, asked, &t);

	if (r)
		return sql_why(c, r, ret_why);
	r = digest(c, fd, st, &d);
	if (r)
		return why_set(ret_why, r, "%s: it cannot be read: %s", name, strerror(-r));
	if (d.sha256_known)
		r = by_digest(&t, st, &d, true);
	if (!r && d.md5_known)
		r = by_digest(&t, st, &d, false);
	if (!r && !asked->by_content)
		r = by_time(&t, name, st, &d);
	return sql_why(c, r, ret_why);
}
