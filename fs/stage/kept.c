/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a stage keeps of the file that its disc is: which one, since when something is staged for it, the capacity
 * that no session of it says yet, and which disc of a set it is.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define ORIGIN_BYTES 36u
#define OWNER_BYTES 32u
#define BEGUN_BYTES 12u
#define SET_BYTES 16u

static int load_capacity(struct stage *s)
{
	uint64_t sectors = 0;
	int r = stage_state_get_number(s, "capacity", &sectors);

	if (r && r != -ENOENT)
		return r;
	if (sectors >= UINT32_MAX)
		return -EBADMSG;
	s->capacity_kept = r == 0;
	s->capacity_sectors = sectors;
	return 0;
}

int stage_state_load_origin(struct stage *s)
{
	uint8_t origin[ORIGIN_BYTES], owner[OWNER_BYTES], begun[BEGUN_BYTES];
	int r = stage_state_get_packed(s, "origin", origin, sizeof(origin));

	if (!r)
		r = stage_state_get_packed(s, "owner", owner, sizeof(owner));

	if (!r)
		r = stage_state_get_packed(s, "begun", begun, sizeof(begun));
	if (r)
		return r;
	stage_origin_unpack(origin, &s->origin);
	stage_owner_unpack(owner, &s->origin);
	s->copied = s->origin.known && get_le32(origin + 32) != s->dir_ino;
	s->begun = (struct timespec){(time_t)get_le64(begun), (long)(get_le32(begun + 8) % 1000000000u)};
	return load_capacity(s);
}

/* ---- what file it is for, and since when ---- */

int stage_state_put_origin(struct stage *s)
{
	uint8_t origin[ORIGIN_BYTES], owner[OWNER_BYTES];
	char *path = strdup(s->disc_path ? s->disc_path : "");
	int r = path ? stage_state_put(s, "disc", path, strlen(path)) : -ENOMEM;

	stage_origin_pack(&s->here, s->dir_ino, origin);
	if (!r)
		r = stage_state_put(s, "origin", origin, sizeof(origin));
	stage_owner_pack(&s->here, owner);
	if (!r)
		r = stage_state_put(s, "owner", owner, sizeof(owner));
	if (r) {
		free(path);
		return r;
	}
	free(s->made_for);
	s->made_for = path;
	s->origin = s->here;
	s->copied = false;
	return 0;
}

/* File systems take the time of the last tick: what was made before in the same one is older than this. */
int stage_state_begin(struct stage *s)
{
	uint8_t begun[BEGUN_BYTES];

	clock_gettime(CLOCK_REALTIME, &s->begun);
	put_le64(begun, (uint64_t)s->begun.tv_sec);
	put_le32(begun + 8, (uint32_t)s->begun.tv_nsec);
	stage_place_write_lock(s);
	return stage_state_put(s, "begun", begun, sizeof(begun));
}

int stage_state_end(struct stage *s)
{
	bool said = s->begun.tv_sec != 0;

	s->begun = (struct timespec){0};
	if (!said)
		return 0;
	stage_place_write_lock(s);
	return stage_state_delete(s, "begun");
}

/* ---- the capacity that no session says yet ---- */

int stage_capacity(struct stage *s, uint64_t *ret_sectors)
{
	int r;

	stage_lock(s);
	r = s->capacity_kept ? 0 : -ENOENT;
	if (!r)
		*ret_sectors = s->capacity_sectors;
	stage_unlock(s);
	return r;
}

int stage_keep_capacity(struct stage *s, uint64_t sectors)
{
	int r = 0;

	stage_lock(s);
	if (!s->capacity_kept || s->capacity_sectors != sectors)
		r = stage_state_put_number(s, "capacity", sectors);
	if (!r) {
		s->capacity_kept = true;
		s->capacity_sectors = sectors;
	}
	stage_unlock(s);
	return r;
}

int stage_forget_capacity(struct stage *s)
{
	int r = 0;

	stage_lock(s);
	if (s->capacity_kept)
		r = stage_state_delete(s, "capacity");
	if (!r)
		s->capacity_kept = false;
	stage_unlock(s);
	return r;
}

/* ---- which disc of a set it is ---- */

int stage_set_get(struct stage *s, struct stage_set *ret)
{
	uint8_t packed[SET_BYTES];
	int r;

	stage_lock(s);
	r = stage_state_get_packed(s, "set", packed, sizeof(packed));
	stage_unlock(s);
	if (!r)
		*ret = (struct stage_set){get_le32(packed), get_le32(packed + 4), get_le64(packed + 8)};
	return r;
}

int stage_set_put(struct stage *s, const struct stage_set *set)
{
	uint8_t packed[SET_BYTES];
	int r;

	put_le32(packed, set->id);
	put_le32(packed + 4, set->disc);
	put_le64(packed + 8, set->capacity_sectors);
	stage_lock(s);
	r = stage_state_put(s, "set", packed, sizeof(packed));
	stage_unlock(s);
	return r;
}
