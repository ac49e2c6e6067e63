/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rescue_file.c - the image that a disc is copied into, and the map beside it
 *
 * The map is written before the image is made, and again only when the image has on its disk what the map says: after a
 * kill, and a power cut, both can be gone on with.  Nothing is written over that is not such a half copy.  An image has
 * the name that it was asked for from the beginning: half of a disc may be all that there will ever be.
 */
#include "fs/check/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "burner/base/io.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "burner/base/why.h"
#include "fs/check/internal.h"

#define DESCRIPTOR 16u	  /* of a session, from its start: nothing else tells discs apart as well */
#define COMPARED 16u	  /* blocks from there on, of which the first that can be is compared */
#define SAMPLES 64u	  /* of a track, where none of those can be */
#define ROOM_SECTORS 512u /* are asked for at once, whether they are zeros */

/* ---- which blocks ---- */

/* To r->map, of a gap what is in that track, in whole blocks. */
static int add_part(struct rescue *r, const struct disc_recorded *d, struct map_gap gap)
{
	uint64_t start = (uint64_t)d->lba * SECTOR_BYTES, end = start + (uint64_t)d->sectors * SECTOR_BYTES;
	uint64_t before = r->map.n ? r->map.gaps[r->map.n - 1].to : 0;

	gap.from = max_u64(max_u64(gap.from / SECTOR_BYTES * SECTOR_BYTES, start), before);
	gap.to = min_u64(round_up(gap.to, SECTOR_BYTES), end);
	return gap.from < gap.to ? mapfile_append(&r->map, gap) : 0;
}

/* What of the disc is missing in a copy of `bytes` with that map; what it says of other places is nothing to us. */
static int find_missing(struct rescue *r, const struct mapfile *map, uint64_t bytes)
{
	uint64_t known = min_u64(min_u64(map->end, bytes) / SECTOR_BYTES * SECTOR_BYTES, r->end_bytes);
	int result = 0;

	for (size_t i = 0; i < r->n_recorded && !result; i++) {
		for (size_t k = 0; k < map->n && !result; k++) {
			struct map_gap gap = map->gaps[k];

			gap.to = min_u64(gap.to, known);
			if (gap.from < gap.to)
				result = add_part(r, &r->recorded[i], gap);
		}
		if (!result)
			result = add_part(r, &r->recorded[i], (struct map_gap){known, r->end_bytes, '?'});
	}
	return result;
}

struct comparison {
	bool same;	/* some block is that of the disc, and none another one */
	unsigned tried; /* blocks that the image has */
};

static bool has_block(const struct rescue *r, uint64_t lba)
{
	return !mapfile_has_gap(&r->map, lba * SECTOR_BYTES, SECTOR_BYTES);
}

/* 0, also when the disc does not give it; -ESTALE it is another one; other errors. */
static int compare_block(struct rescue *r, uint32_t lba, struct comparison *c)
{
	uint8_t *disc = r->bytes, *image = r->bytes + SECTOR_BYTES;
	int result = disc_read(r->asked->disc, lba, disc, 1);

	c->tried++;
	if (reader_is_of_blocks(result))
		return disc_is_there(r->asked->disc);
	if (!result)
		result = pread_full(r->fd, image, SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
	if (!result && memcmp(disc, image, SECTOR_BYTES) != 0)
		result = -ESTALE;
	c->same = c->same || !result;
	return result;
}

/* The first block that can be compared of a session's descriptors and what follows. */
static int compare_session(struct rescue *r, const struct disc_recorded *d, struct comparison *c)
{
	struct comparison here = {0};
	int result = 0;

	for (uint32_t at = DESCRIPTOR; at < DESCRIPTOR + COMPARED && at < d->sectors && !here.same && !result; at++)
		if (has_block(r, (uint64_t)d->lba + at))
			result = compare_block(r, d->lba + at, &here);
	c->same = c->same || here.same;
	c->tried += here.tried;
	return result;
}

/* Blocks all over a track, until one can be compared. */
static int compare_sample(struct rescue *r, const struct disc_recorded *d, struct comparison *c)
{
	uint32_t end = d->sectors - d->run_out, step = end / SAMPLES;
	int result = 0;

	for (uint32_t at = 0; at < end && !c->same && !result; at++) {
		if (!has_block(r, (uint64_t)d->lba + at))
			continue;
		result = compare_block(r, d->lba + at, c);
		at += min_u64(step, end - at);
	}
	return result;
}

/* What two discs have goes into one image only if they are known to be one. */
static int compare_discs(struct rescue *r, char **ret_why)
{
	struct comparison c = {0};
	int result = 0;

	for (size_t i = 0; i < r->n_recorded && !result; i++)
		result = compare_session(r, &r->recorded[i], &c);
	for (size_t i = 0; i < r->n_recorded && !result && !c.same; i++)
		result = compare_sample(r, &r->recorded[i], &c);
	if (result == -ESTALE)
		return why_set(ret_why, result,
			       "%s: it is a copy of another disc, or of this one as it was before: give another name",
			       r->asked->image);
	if (result)
		return why_set(ret_why, result, "%s: it cannot be compared with the disc: %s", r->asked->image,
			       strerror(-result));
	if (c.tried && !c.same)
		return why_set(ret_why, -ESTALE,
			       "%s: nothing that it has can be read here, so it cannot be known whether it is a copy "
			       "of this disc: copy under another name, and put both together with 'cdappendfs-check "
			       "--merge'",
			       r->asked->image);
	return 0;
}

/* ---- room ---- */

/* That are missing: what the disc knows to be zeros takes none. */
static uint64_t needed_bytes(const struct rescue *r)
{
	uint64_t needed = 0;

	for (size_t i = 0; i < r->map.n; i++)
		for (uint64_t at = r->map.gaps[i].from, n; at < r->map.gaps[i].to; at += n * SECTOR_BYTES) {
			uint64_t left = (r->map.gaps[i].to - at) / SECTOR_BYTES;

			n = disc_zeros(r->asked->disc, (uint32_t)(at / SECTOR_BYTES), (uint32_t)left);
			if (n)
				continue;
			n = min_u64(left, ROOM_SECTORS);
			needed += n * SECTOR_BYTES;
		}
	return needed;
}

static int see_room(const struct rescue *r, char **ret_why)
{
	char needed[SIZE_TEXT_BYTES], there[SIZE_TEXT_BYTES];
	uint64_t bytes = needed_bytes(r), room;
	struct statvfs fs;

	if (fstatvfs(r->fd, &fs))
		return -errno;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (bytes <= room)
		return 0;
	return why_set(ret_why, -ENOSPC, "%s: the copy needs %s, and its file system has %s left", r->asked->image,
		       size_text(bytes, needed), size_text(room, there));
}

/* ---- opening ---- */

static int refuse(const struct rescue *r, char **ret_why, const char *what)
{
	return why_set(ret_why, -EEXIST, "%s: %s", r->asked->image, what);
}

/* Of a map without an image: one that says that something was read belongs to one that is elsewhere. */
static int begin_new(struct rescue *r, const struct mapfile *map, bool has_map, char **ret_why)
{
	static const struct mapfile nothing = {.n = 0};
	int result;

	if (has_map && mapfile_bytes(map, 0) < map->end)
		return why_set(ret_why, -EEXIST,
			       "%s: it is the map of a copy, and %s is not there: give another name, or remove the map",
			       r->asked->map, r->asked->image);
	result = find_missing(r, &nothing, 0);
	if (!result)
		result = rescue_file_save(r, ret_why);
	if (result)
		return result;
	r->map_made = true;
	r->fd = open(r->asked->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return r->fd < 0 ? why_set(ret_why, -errno, "%s: it cannot be made: %s", r->asked->image, strerror(errno)) : 0;
}

static int go_on(struct rescue *r, const struct mapfile *map, bool has_map, char **ret_why)
{
	struct stat st;
	int result;

	if (fstat(r->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return refuse(r, ret_why, "an image is a file, and that is none; is DEVICE before IMAGE?");
	if (!has_map)
		return refuse(
			r, ret_why,
			"there is such a file already, and no map that it is half of a copy: give another name, or "
			"remove it");
	if ((uint64_t)st.st_size > r->end_bytes)
		return refuse(r, ret_why,
			      "it is longer than what is on the disc, and so a copy of another one: give another name");
	r->resumed = true;
	result = find_missing(r, map, (uint64_t)st.st_size);
	return result ? result : compare_discs(r, ret_why);
}

static int open_both(struct rescue *r, char **ret_why)
{
	_cleanup_(mapfile_release) struct mapfile map = {.n = 0};
	bool has_map = access(r->asked->map, F_OK) == 0;
	int result = has_map ? mapfile_read(r->asked->map, &map, ret_why) : 0;

	if (result)
		return result;
	r->fd = open(r->asked->image, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (r->fd < 0 && errno != ENOENT)
		return why_set(ret_why, -errno, "%s: it cannot be written: %s", r->asked->image, strerror(errno));
	return r->fd < 0 ? begin_new(r, &map, has_map, ret_why) : go_on(r, &map, has_map, ret_why);
}

int rescue_file_begin(struct rescue *r, char **ret_why)
{
	int result = open_both(r, ret_why);

	if (!result && flock(r->fd, LOCK_EX | LOCK_NB))
		result = errno == EWOULDBLOCK ? refuse(r, ret_why, "it is in use: another copy, or a mount of it") :
						-errno;
	if (!result)
		result = see_room(r, ret_why);
	if (!result && ftruncate(r->fd, (off_t)r->end_bytes))
		result = why_set(ret_why, -errno, "%s: it cannot be made as long as the disc: %s", r->asked->image,
				 strerror(errno));
	if (!result)
		r->map_made = false;
	else if (r->map_made && r->fd >= 0)
		(void)unlink(r->asked->image);
	return result;
}

/* ---- writing ---- */

/* A new image has zeros where nothing was written yet; one that was there before need not. */
static int put_zeros(struct rescue *r, uint64_t pos, uint64_t bytes, const uint8_t *zeros)
{
	if (!r->resumed || !fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)bytes))
		return 0;
	return pwrite_full(r->fd, zeros, bytes, pos, NULL);
}

int rescue_file_put(struct rescue *r, uint32_t lba, uint32_t n, char **ret_why)
{
	int result = 0;

	for (uint32_t at = 0, to; at < n && !result; at = to) {
		const uint8_t *from = r->bytes + (size_t)at * SECTOR_BYTES;
		uint64_t pos = ((uint64_t)lba + at) * SECTOR_BYTES, bytes;
		bool zeros = bytes_are_zeros(from, SECTOR_BYTES);

		for (to = at + 1; to < n; to++)
			if (bytes_are_zeros(r->bytes + (size_t)to * SECTOR_BYTES, SECTOR_BYTES) != zeros)
				break;
		bytes = (uint64_t)(to - at) * SECTOR_BYTES;
		result = zeros ? put_zeros(r, pos, bytes, from) : pwrite_full(r->fd, from, bytes, pos, NULL);
	}
	return result ? why_set(ret_why, result, "%s: %s", r->asked->image, strerror(-result)) : 0;
}

int rescue_file_save(struct rescue *r, char **ret_why)
{
	if (r->fd >= 0 && fdatasync(r->fd))
		return why_set(ret_why, -errno, "%s: %s", r->asked->image, strerror(errno));
	r->saved_ms = now_ms();
	r->map_kept = true;
	return mapfile_save(r->asked->map, &r->map, r->end_bytes, &r->place, r->asked->made_by, ret_why);
}

int rescue_file_end(struct rescue *r, char **ret_why)
{
	int result;

	r->place.status = '+';
	result = rescue_file_save(r, ret_why);
	if (!result && !r->map.n && !r->asked->keep_map) {
		r->map_kept = false;
		if (unlink(r->asked->map))
			return why_set(ret_why, -errno, "%s: %s", r->asked->map, strerror(errno));
	}
	return result ? result : fsync_parent(r->asked->image);
}
