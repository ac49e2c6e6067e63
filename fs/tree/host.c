/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * host.c - what the file system that holds the image has left
 *
 * Four are counted against what is free there: the next session; the session that is being burned, as far as the image
 * has not been given its blocks yet (between freeze and reservation it has none); what was handed out since the last
 * look; and, where the stage lies on the same file system, room that was set aside in files, which takes its place
 * twice: in the stage when it is written, and in the session. What is free there is nobody's but the user's: others
 * may take it after it was promised.
 */
#include "burner/format/bound.h"
#include "fs/tree/internal.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define HOST_RESERVE_BYTES (16ull << 20) /* left for the journal and others … */
#define HOST_RESERVE_PART 3		 /* … of a small file system so much */
#define HOST_LOOK_BYTES (8ull << 20)

/* What is free there; UINT64_MAX: no limit is known. What cannot be asked now stays as it was. */
static uint64_t host_free(int fd, uint64_t before)
{
	struct statvfs host;

	if (fd < 0)
		return UINT64_MAX; /* a drive */
	if (fstatvfs(fd, &host) < 0)
		return errno == ENOSYS ? UINT64_MAX : before;
	uint64_t all = (uint64_t)host.f_blocks * host.f_frsize, left = (uint64_t)host.f_bavail * host.f_frsize;

	return left - min_u64(left, min_u64(HOST_RESERVE_BYTES, all / HOST_RESERVE_PART));
}

static uint64_t image_bytes(int fd, uint64_t before)
{
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? before : (uint64_t)st.st_blocks * 512;
}

/* The image first: a reservation between the two is then counted twice, and not left out. */
static void look_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct host *h = &t->space.host;
	int fd = disc_file(t->disc);

	if (h->frozen_bytes) {
		uint64_t now = image_bytes(fd, h->image_bytes);

		/* The most so far: holes of the session are given back, and nobody needs them. */
		h->given_bytes = max_u64(h->given_bytes, now - min_u64(now, h->image_bytes));
	}
	h->free = host_free(fd, h->free);
	h->used = 0;
	clock_gettime(CLOCK_MONOTONIC, &h->seen);
}

static void look_again_locked(struct tree *t)
{
	lock_assert(&t->lock);
	const struct host *h = &t->space.host;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!h->seen.tv_sec || h->used >= HOST_LOOK_BYTES || now.tv_sec - h->seen.tv_sec >= 2)
		look_locked(t);
}

static bool stage_is_there(const struct tree *t)
{
	return stage_device(t->stage) == (dev_t)t->space.medium.host_device;
}

/* In the stage, besides what is counted: room that was set aside, and the parity of the next session while that is
 * burned. */
static uint64_t beside_bytes_locked(const struct tree *t)
{
	lock_assert(&t->lock);
	return t->space.aside + space_parity_locked(t) * SECTOR_BYTES;
}

/* Bytes that are still free when all that was accepted is burned; as last seen. */
static uint64_t room_locked(struct tree *t)
{
	lock_assert(&t->lock);
	const struct host *h = &t->space.host;

	if (h->free == UINT64_MAX || !t->stage)
		return UINT64_MAX;
	uint64_t session = space_sectors_locked(t);
	if (t->options.span) /* what is held back goes elsewhere */
		session = min_u64(session, space_medium_room_locked(t));
	uint64_t taken = h->used + session * SECTOR_BYTES + h->frozen_bytes - min_u64(h->frozen_bytes, h->given_bytes) +
			 (stage_is_there(t) ? beside_bytes_locked(t) : 0);

	return h->free > taken ? h->free - taken : 0;
}

uint64_t host_left_locked(struct tree *t)
{
	lock_assert(&t->lock);
	look_again_locked(t);
	uint64_t room = room_locked(t);

	if (room == UINT64_MAX)
		return room;
	/* What is staged next takes its place twice when stage and image share a file system. */
	return space_more_locked(t, bound_undigested((stage_is_there(t) ? room / 2 : room) / SECTOR_BYTES));
}

uint64_t host_room_locked(struct tree *t)
{
	lock_assert(&t->lock);
	look_locked(t);
	return t->space.host.free == UINT64_MAX ? UINT64_MAX : t->space.host.free / SECTOR_BYTES;
}

void host_hand_out_locked(struct tree *t, uint64_t sectors)
{
	lock_assert(&t->lock);
	t->space.host.used += sectors * SECTOR_BYTES;
}

/* Bytes of [from, to), whole blocks, that have room in the stage already, or for which it was set aside. */
static uint64_t placed_bytes(const struct tree *t, const struct node *n, uint64_t from, uint64_t to)
{
	uint64_t had = 0, aside_end = n->aside ? round_up(n->aside_end, SECTOR_BYTES) : 0;

	for (uint32_t i = map_find(&n->map, from); i < n->map.n && n->map.extents[i].offset < to; i++) {
		const struct extent part = map_clip(&n->map.extents[i], from, to);

		if (part.kind == EXTENT_STAGE ? !stage_body_frozen(t->stage, part.body) :
						n->aside && extent_is_aside(&part))
			had += part.length;
	}
	from = max_u64(from, map_end(&n->map));
	had += min_u64(to, aside_end) - min_u64(from, min_u64(to, aside_end));
	return had;
}

int host_stage_locked(struct tree *t, const struct node *n, uint64_t from, uint64_t to)
{
	lock_assert(&t->lock);
	uint64_t first = from / SECTOR_BYTES * SECTOR_BYTES, last = round_up(to, SECTOR_BYTES),
		 had = placed_bytes(t, n, first, last), more = last - first - min_u64(last - first, had);

	if (!more || !stage_is_there(t))
		return 0;
	if (room_locked(t) < more)
		look_locked(t);
	if (room_locked(t) < more)
		return -ENOSPC;
	host_hand_out_locked(t, sectors_of(more));
	return 0;
}

int host_aside_locked(struct tree *t, uint64_t bytes)
{
	lock_assert(&t->lock);
	look_again_locked(t);
	return !stage_is_there(t) || room_locked(t) >= bytes ? 0 : -ENOSPC;
}

void host_freeze_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct host *h = &t->space.host;

	h->image_bytes = image_bytes(disc_file(t->disc), 0);
	h->frozen_bytes = t->space.frozen * SECTOR_BYTES;
	h->given_bytes = 0;
	h->seen = (struct timespec){0};
}

void host_planned_locked(struct tree *t, uint64_t sectors)
{
	lock_assert(&t->lock);
	t->space.host.frozen_bytes = sectors * SECTOR_BYTES;
}

void host_settled_locked(struct tree *t)
{
	lock_assert(&t->lock);
	t->space.host.frozen_bytes = t->space.host.given_bytes = 0;
	t->space.host.seen = (struct timespec){0};
}

void tree_reserved(struct tree *t)
{
	tree_lock(t);
	look_locked(t);
	tree_unlock(t);
}
