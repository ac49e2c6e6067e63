/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state table: whose stage it is, counters, the commit under way, the last result.
 *
 * Blobs are packed little-endian with fixed lengths; one of another length is damage.
 *	identity	id 32, provisional 32, is_provisional 1
 *	failed_lba	number: start of the last session whose burn failed on a write-once disc
 *	disc, origin	path of the disc, and which file that was (origin.c), …
 *	owner		… with its handle, owner and modes
 *	begun		seconds 8, nanoseconds 4: when the first row of those that are there was put
 *	capacity	number: sectors (-o media=), 0 not bounded
 *	set		id 4, disc 4, capacity 8: which disc of a set it is
 *	fingerprint	session_lba 4, next_lba 4, image_bytes 8, descriptor 32
 *	commit		state 4, generation 4, start 4, number 4, uuid 16, time 8, sectors 8, image_bytes 8,
 *			encoder_version 4
 *	result		error 4, shown 1, text
 * ino_limit is the first inode number that was not reserved: numbers are handed out below it, a block at a time, and
 * the next block is reserved when the last is half used, so that it is durable long before it is needed.
 */
#include <errno.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define INO_BLOCK 4096u
#define IDENTITY_BYTES 65u
#define FINGERPRINT_BYTES 48u
#define COMMIT_BYTES 60u
#define RESULT_HEADER_BYTES 5u

int stage_state_put(struct stage *s, const char *key, const void *value, size_t length)
{
	int r = db_begin_locked(s, false);

	if (r)
		return r;
	sqlite3_bind_text(s->statements[ST_STATE_PUT], 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_blob64(s->statements[ST_STATE_PUT], 2, value, length, SQLITE_STATIC);
	return db_run(s, ST_STATE_PUT);
}

int stage_state_put_number(struct stage *s, const char *key, uint64_t value)
{
	int r = db_begin_locked(s, false);

	if (r)
		return r;
	sqlite3_bind_text(s->statements[ST_STATE_PUT], 1, key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s->statements[ST_STATE_PUT], 2, (sqlite3_int64)value);
	return db_run(s, ST_STATE_PUT);
}

int stage_state_get(struct stage *s, const char *key, void **ret, size_t *ret_length)
{
	sqlite3_stmt *row = s->statements[ST_STATE_GET];
	uint8_t *copy;
	size_t length;
	int r;

	sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
	r = db_step_locked(s, ST_STATE_GET);
	if (r <= 0)
		return r ? r : -ENOENT;
	length = (size_t)sqlite3_column_bytes(row, 0);
	copy = malloc(length + 1);
	if (copy) {
		if (length)
			memcpy(copy, sqlite3_column_blob(row, 0), length);
		copy[length] = 0;
		*ret = copy;
		*ret_length = length;
	}
	db_reset_locked(s, ST_STATE_GET);
	return copy ? 0 : -ENOMEM;
}

int stage_state_get_number(struct stage *s, const char *key, uint64_t *ret)
{
	int r;

	sqlite3_bind_text(s->statements[ST_STATE_GET], 1, key, -1, SQLITE_STATIC);
	r = db_step_locked(s, ST_STATE_GET);
	if (r <= 0)
		return r ? r : -ENOENT;
	if (sqlite3_column_type(s->statements[ST_STATE_GET], 0) == SQLITE_INTEGER)
		*ret = stage_row_number(s->statements[ST_STATE_GET], 0);
	else
		r = -EBADMSG;
	db_reset_locked(s, ST_STATE_GET);
	return r > 0 ? 0 : r;
}

int stage_state_delete(struct stage *s, const char *key)
{
	int r = db_begin_locked(s, false);

	if (r)
		return r;
	sqlite3_bind_text(s->statements[ST_STATE_DELETE], 1, key, -1, SQLITE_STATIC);
	return db_run(s, ST_STATE_DELETE);
}

int stage_state_forget_failed_lba(struct stage *s)
{
	int r = stage_state_delete(s, "failed_lba");

	if (!r)
		s->failed_lba = UINT32_MAX;
	return r;
}

/* A blob of known length. */
int stage_state_get_packed(struct stage *s, const char *key, uint8_t *packed, size_t length)
{
	_free_ void *value = NULL;
	size_t got;
	int r = stage_state_get(s, key, &value, &got);

	memset(packed, 0, length);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (got != length)
		return -EBADMSG;
	memcpy(packed, value, length);
	return 0;
}

static int get_counter(struct stage *s, const char *key, uint64_t least, uint64_t *ret)
{
	uint64_t value = least;
	int r = stage_state_get_number(s, key, &value);

	if (r && r != -ENOENT)
		return r;
	if (value < least)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* Block 0 is one like any other: where there is no number, none has failed. */
static int load_failed_lba(struct stage *s)
{
	uint64_t lba = UINT32_MAX;
	int r = stage_state_get_number(s, "failed_lba", &lba);

	if (r && r != -ENOENT)
		return r;
	s->failed_lba = lba < UINT32_MAX ? (uint32_t)lba : UINT32_MAX;
	return 0;
}

static int load_commit(struct stage *s)
{
	uint8_t p[COMMIT_BYTES];
	int r = stage_state_get_packed(s, "commit", p, sizeof(p));

	if (r)
		return r;
	if (get_le32(p) > STAGE_REBASING)
		return -EBADMSG;
	s->commit = (struct stage_commit){
		.state = (enum stage_commit_state)get_le32(p),
		.generation = get_le32(p + 4),
		.start_lba = get_le32(p + 8),
		.session_number = get_le32(p + 12),
		.time = (int64_t)get_le64(p + 32),
		.sectors = get_le64(p + 40),
		.image_bytes = get_le64(p + 48),
		.encoder_version = get_le32(p + 56),
	};
	memcpy(s->commit.uuid, p + 16, 16);
	s->frozen = s->commit.state != STAGE_IDLE;
	return 0;
}

static int load_binding(struct stage *s)
{
	uint8_t p[IDENTITY_BYTES], f[FINGERPRINT_BYTES];
	void *path = NULL;
	size_t length;
	int r = stage_state_get_packed(s, "identity", p, sizeof(p));

	if (!r)
		r = stage_state_get_packed(s, "fingerprint", f, sizeof(f));
	if (r)
		return r;
	memcpy(s->identity.id, p, 32);
	memcpy(s->identity.provisional, p + 32, 32);
	s->identity.is_provisional = p[64] != 0;
	s->fingerprint = (struct disc_fingerprint){get_le32(f), get_le32(f + 4), get_le64(f + 8), {0}};
	memcpy(s->fingerprint.descriptor, f + 16, 32);
	r = stage_state_get(s, "disc", &path, &length);
	if (r && r != -ENOENT)
		return r;
	free(s->made_for); /* of an earlier look */
	s->made_for = path;
	return stage_state_load_origin(s);
}

int stage_state_load(struct stage *s)
{
	uint64_t generation = 1, body = 1;
	int r = load_binding(s);

	if (!r)
		r = load_commit(s);
	if (!r)
		r = get_counter(s, "generation", 1, &generation);
	if (!r)
		r = get_counter(s, "next_body", 1, &body);
	if (!r)
		r = get_counter(s, "ino_limit", 1, &s->ino_limit);
	if (!r)
		r = load_failed_lba(s);
	if (r)
		return r;
	if (generation > INT32_MAX || body > INT32_MAX)
		return -EBADMSG;
	s->generation = (uint32_t)generation;
	s->next_body = (uint32_t)body;
	s->next_ino = s->ino_limit;
	return 0;
}

int stage_state_bind(struct stage *s, const struct disc_identity *identity, const struct disc_fingerprint *fingerprint)
{
	uint8_t p[IDENTITY_BYTES], f[FINGERPRINT_BYTES];
	int r;

	memcpy(p, identity->id, 32);
	memcpy(p + 32, identity->provisional, 32);
	p[64] = identity->is_provisional;
	put_le32(f, fingerprint->session_lba);
	put_le32(f + 4, fingerprint->next_lba);
	put_le64(f + 8, fingerprint->image_bytes);
	memcpy(f + 16, fingerprint->descriptor, 32);
	r = stage_state_put(s, "identity", p, sizeof(p));
	if (!r)
		r = stage_state_put(s, "fingerprint", f, sizeof(f));
	if (!r)
		r = stage_state_put_origin(s);
	if (!r && stage_empty(s))
		r = stage_state_end(s);
	if (r)
		return r;
	s->identity = *identity;
	s->fingerprint = *fingerprint;
	return 0;
}

int stage_rebind(struct stage *s, const struct disc_identity *identity, const struct disc_fingerprint *fingerprint)
{
	int r;

	stage_lock(s);
	/* A session more says the capacity itself. */
	r = memcmp(s->fingerprint.descriptor, fingerprint->descriptor, 32) ? stage_forget_capacity(s) : 0;
	if (!r)
		r = stage_state_bind(s, identity, fingerprint);
	if (!r)
		stage_place_write_lock(s); /* it says which disc the holder has */
	stage_unlock(s);
	return r;
}

int stage_fingerprint(struct stage *s, struct disc_fingerprint *ret)
{
	stage_lock(s);
	*ret = s->fingerprint;
	stage_unlock(s);
	return 0;
}

int stage_identity(struct stage *s, struct disc_identity *ret)
{
	stage_lock(s);
	*ret = s->identity;
	stage_unlock(s);
	return 0;
}

uint32_t stage_failed_lba(struct stage *s)
{
	uint32_t lba;

	stage_lock(s);
	lba = s->failed_lba;
	stage_unlock(s);
	return lba;
}

int stage_set_failed_lba(struct stage *s, uint32_t session_lba)
{
	int r;

	stage_lock(s);
	r = stage_state_put_number(s, "failed_lba", session_lba);
	if (!r)
		s->failed_lba = session_lba;
	stage_unlock(s);
	return r;
}

/* ---- inode numbers ---- */

int stage_new_ino(struct stage *s, uint64_t *ret)
{
	int r = 0;

	stage_lock(s);
	if (s->next_ino > UINT32_MAX)
		r = -ENOSPC;
	if (!r && s->ino_limit < s->next_ino + INO_BLOCK / 2) {
		r = stage_state_put_number(s, "ino_limit", s->next_ino + INO_BLOCK);
		if (!r)
			s->ino_limit = s->next_ino + INO_BLOCK;
		else if (s->next_ino < s->ino_limit && !s->failed)
			r = 0; /* this one is reserved all the same */
	}
	if (!r)
		*ret = s->next_ino++;
	stage_unlock(s);
	return r;
}

uint64_t stage_next_ino(struct stage *s)
{
	uint64_t next;

	stage_lock(s);
	next = s->next_ino;
	stage_unlock(s);
	return next;
}

int stage_state_settle_ino(struct stage *s)
{
	int r = s->ino_limit == s->next_ino ? 0 : stage_state_put_number(s, "ino_limit", s->next_ino);

	if (!r)
		s->ino_limit = s->next_ino;
	return r;
}

/* ---- commit state ---- */

int stage_commit_get(struct stage *s, struct stage_commit *ret)
{
	stage_lock(s);
	*ret = s->commit;
	stage_unlock(s);
	return 0;
}

static int put_commit_locked(struct stage *s, const struct stage_commit *c)
{
	lock_assert(&s->lock);
	uint8_t p[COMMIT_BYTES];
	int r;

	put_le32(p, (uint32_t)c->state);
	put_le32(p + 4, c->generation);
	put_le32(p + 8, c->start_lba);
	put_le32(p + 12, c->session_number);
	memcpy(p + 16, c->uuid, 16);
	put_le64(p + 32, (uint64_t)c->time);
	put_le64(p + 40, c->sectors);
	put_le64(p + 48, c->image_bytes);
	put_le32(p + 56, c->encoder_version);
	r = stage_state_put(s, "commit", p, sizeof(p));
	if (!r)
		s->commit = *c;
	return r;
}

int stage_commit_set(struct stage *s, const struct stage_commit *c)
{
	struct stage_commit before;
	int r;

	stage_lock(s);
	before = s->commit;
	r = put_commit_locked(s, c);
	stage_unlock(s);
	if (r)
		return r;
	r = stage_sync(s);
	if (r) { /* not durable: not said either; the next sync takes it back on the disk */
		stage_lock(s);
		put_commit_locked(s, &before);
		stage_unlock(s);
	}
	return r;
}

int stage_commit_put(struct stage *s, const struct stage_commit *c)
{
	int r;

	stage_lock(s);
	r = put_commit_locked(s, c);
	stage_unlock(s);
	if (!r)
		stage_bodies_begin_writing(s);
	return r;
}

/* ---- the last result ---- */

static int put_result(struct stage *s, int error, bool shown, const char *text, size_t length)
{
	_free_ uint8_t *p = malloc(RESULT_HEADER_BYTES + length);

	if (!p)
		return -ENOMEM;
	put_le32(p, (uint32_t)error);
	p[4] = shown;
	memcpy(p + RESULT_HEADER_BYTES, text, length);
	return stage_state_put(s, "result", p, RESULT_HEADER_BYTES + length);
}

int stage_result_set(struct stage *s, int error, const char *text)
{
	int r;

	stage_lock(s);
	r = put_result(s, error, false, text, strlen(text));
	stage_unlock(s);
	return r;
}

/* -ENODATA: none that waits to be shown. */
static int get_result(struct stage *s, int *ret_error, char **ret_text)
{
	_free_ char *text = NULL;
	_free_ void *value = NULL;
	const uint8_t *p;
	size_t length = 0;
	int r = stage_state_get(s, "result", &value, &length);

	if (r)
		return r == -ENOENT ? -ENODATA : r;
	p = value;
	if (length < RESULT_HEADER_BYTES || p[4])
		return length < RESULT_HEADER_BYTES ? -EBADMSG : -ENODATA;
	text = strndup((const char *)p + RESULT_HEADER_BYTES, length - RESULT_HEADER_BYTES);
	if (!text)
		return -ENOMEM;
	if (!s->read_only)
		r = put_result(s, (int)get_le32(p), true, text, strlen(text));
	if (r)
		return r;
	*ret_error = (int)get_le32(p);
	*ret_text = TAKE_PTR(text);
	return 0;
}

int stage_result_get(struct stage *s, int *ret_error, char **ret_text)
{
	int r;

	stage_lock(s);
	r = get_result(s, ret_error, ret_text);
	stage_unlock(s);
	return r;
}

int stage_state_forget_result(struct stage *s) { return put_result(s, 0, true, "", 0); }

bool stage_state_result_waits(struct stage *s)
{
	_free_ void *value = NULL;
	size_t length = 0;
	int r = stage_state_get(s, "result", &value, &length);

	if (r)
		return r != -ENOENT; /* it may: kept until it can be read */
	if (length < RESULT_HEADER_BYTES)
		return false;
	return get_le32(value) != 0 && !((const uint8_t *)value)[4];
}
