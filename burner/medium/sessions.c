/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sessions.c - the sessions of a medium whose head is at LBA 16, found by reading alone
 *
 * The head is the truth about the newest session: whatever lies beyond the volume it describes is what a burn left
 * that was never published.  From there the way leads back in time:
 *  - A session of ours names the one before it and where its primary descriptor is (burner/format/appuse.h);
 *    believed while the starts descend.
 *  - Of a copy of a sequential disc the first session's descriptor is at LBA 16, and the newest ends with the copy.
 *  - A foreign head is a copy of the descriptor of the session it describes.  That descriptor lies below its root
 *    directory, at 16 above a multiple of 16, and is known by the same root record.  When there is none, the head
 *    itself is the descriptor of a session at LBA 0.
 *  - The session below a foreign one is looked for in this order: ours, by the commit record in the sector just
 *    below; the chain of xorriso, from LBA 32 up, each at the multiple of 32 that follows its predecessor; by
 *    probing downwards (within PROBES) for a descriptor whose volume ends just there.  growisofs and xorriso
 *    overwrite the only descriptor of a first session at LBA 0: that one cannot be listed, unless a session of
 *    ours saved it.
 * A head that was being overwritten when the power failed may be of two: then it is that of the session at LBA 0
 * which our first session saved. A session other than one at LBA 0 always carries its own root directory, which keeps
 * images stored as files from being taken for sessions.
 *
 * An image that was cut off is looked at as if it had its old length: what lies beyond cannot be read, and a session
 * that reaches there is told as truncated.  Where the way back leads through what is gone, the newest session that is
 * left is found by probing downwards from the end, and the way goes on from there.
 *
 * Everything is bounded: SESSIONS_MAX sessions, strictly
 * descending, PROBES probes in all.  A read that fails for want of memory, or since the drive has gone, fails the scan.
 */
#include "burner/medium/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/volume_descriptor.h"

#define NUMBER_MAX 0x7fffffffu

/* ---- and back from there ---- */

/* 1: the session at start and its descriptor. */
static int below_by_chain(struct scan *s, uint32_t start, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES])
{
	int r = scan_chain(s);

	for (size_t i = 1; !r && i < s->n_chain; i++)
		if (s->chain[i] == start) {
			r = scan_session(s, s->chain[i - 1], sector);
			*ret_start = s->chain[i - 1];
		}
	return r;
}

static bool ends_at(uint64_t end, uint32_t start)
{
	return end == start || round_up(end, PROBE_STEP) == start || round_up(end, SESSION_ALIGN_SECTORS) == start;
}

static int below_by_probing(struct scan *s, uint32_t start, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES])
{
	struct appuse a;

	for (uint32_t p = (start - 1) / PROBE_STEP * PROBE_STEP; p >= FIRST_SESSION_LBA && s->probes < PROBES;
	     p -= PROBE_STEP) {
		uint64_t size;
		int r = scan_session(s, p, sector);

		s->probes++;
		if (r < 0)
			return r;
		if (!r)
			continue;
		size = descriptor_space_sectors(sector);
		if (!ends_at(p + size, start) && !(size > p && ends_at(size, start)))
			continue;
		if (appuse_decode(sector, &a) == 0 && a.start_lba != p)
			continue; /* a copy of ours, not a session of its own */
		*ret_start = p;
		return 1;
	}
	return 0;
}

static int below_foreign(struct scan *s, uint32_t start, uint32_t *ret_start, uint32_t *ret_descriptor,
			 uint8_t sector[SECTOR_BYTES])
{
	struct commit_record commit;
	struct appuse a;
	int r;

	if (start <= FIRST_SESSION_LBA)
		return 0;
	r = scan_commit_record(s, start - 1, &commit, NULL);
	if (r > 0)
		r = scan_pvd(s, (uint64_t)commit.start_lba + SESSION_DESCRIPTORS, commit.start_lba, sector) ?: 1;
	if (r < 0 && !disc_is_damage(r))
		return r;
	if (r > 0 && scan_appuse(sector, commit.start_lba, &a) && !memcmp(a.uuid, commit.uuid, sizeof(a.uuid))) {
		*ret_start = commit.start_lba;
		*ret_descriptor = commit.start_lba + SESSION_DESCRIPTORS;
		return 1;
	}
	r = below_by_chain(s, start, ret_start, sector);
	if (r == 0)
		r = below_by_probing(s, start, ret_start, sector);
	if (r > 0)
		*ret_descriptor = *ret_start + SESSION_DESCRIPTORS;
	return r;
}

static int below(struct scan *s, const struct found *f, uint32_t *ret_start, uint32_t *ret_descriptor,
		 uint8_t sector[SECTOR_BYTES])
{
	const struct appuse *a = &f->appuse;
	int r;

	if (!f->has_appuse)
		return below_foreign(s, f->session.start_lba, ret_start, ret_descriptor, sector);
	if (a->previous_lba == APPUSE_NONE)
		return 0;
	r = scan_pvd(s, a->previous_descriptor_lba, a->previous_lba, sector);
	/* The last sector may be a part of one. */
	if (r < 0 && disc_is_damage(r) && a->previous_descriptor_lba + UINT64_C(1) >= s->n_left) {
		r = newest_left(s, min_u64(s->n_left, f->session.start_lba), ret_start, sector);
		*ret_descriptor = *ret_start + SESSION_DESCRIPTORS;
		return r;
	}
	s->cut = r == -EIO && a->previous_descriptor_lba < s->n_sectors;
	if (r < 0)
		return disc_is_damage(r) ? 0 : r;
	*ret_start = a->previous_lba;
	*ret_descriptor = a->previous_descriptor_lba;
	return 1;
}

static int walk_back(struct scan *s)
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t start = 0, descriptor = 0;
	int r = 1;

	while (s->n_found < SESSIONS_MAX) {
		const struct found *f = &s->found[s->n_found - 1];

		r = below(s, f, &start, &descriptor, sector);
		if (r <= 0 || start >= f->session.start_lba)
			break;
		r = scan_add(s, sector, start, descriptor);
		if (r < 0)
			break;
	}
	return r < 0 ? r : 0;
}

/* ---- the list ---- */

/* A session that another program put behind the newest without telling the head (genisoimage -M and dd): the next
 * burn would destroy it. */
static int hidden_session(struct scan *s, uint64_t end)
{
	const uint64_t starts[] = {end, round_up(end, PROBE_STEP), round_up(end, SESSION_ALIGN_SECTORS)};
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;

	for (size_t i = 0; i < ARRAY_LENGTH(starts); i++) {
		int r = starts[i] <= UINT32_MAX ? scan_session(s, starts[i], sector) : 0;

		if (r < 0)
			return r;
		if (r && appuse_decode(sector, &a) < 0 && starts[i] + descriptor_space_sectors(sector) <= s->n_sectors)
			return 1;
	}
	return 0;
}

/* What else is on the medium, and would be overwritten. */
static int look_beside(struct scan *s, struct session_list *list)
{
	int partition = partition_behind(s->disc, list->end_sectors, s->n_sectors),
	    hidden = hidden_session(s, list->end_sectors);

	list->partition = partition > 0;
	list->hidden = hidden > 0;
	list->unreadable = partition == -EIO;
	if (partition < 0 && partition != -EIO)
		return partition;
	return hidden < 0 ? hidden : beside_look(s->disc, 0, s->n_sectors, list);
}

static int publish_list(struct scan *s, struct session_list *ret)
{
	uint32_t number = 0;

	ret->sessions = calloc(s->n_found, sizeof(*ret->sessions));
	if (!ret->sessions)
		return -ENOMEM;
	ret->n = s->n_found;
	ret->cut = s->cut;
	for (size_t i = 0; i < ret->n; i++) {
		const struct found *f = &s->found[ret->n - 1 - i];
		struct disc_session *to = &ret->sessions[i];

		*to = f->session;
		to->truncated = (uint64_t)to->start_lba + to->sectors > s->n_left;
		to->broken = f->root_end > s->n_left || to->descriptor_lba >= s->n_left;
		number++;
		/* Ours know their number, also when older ones cannot be listed. */
		if (f->has_appuse && f->appuse.number > number && f->appuse.number < NUMBER_MAX)
			number = f->appuse.number;
		to->number = number;
		ret->end_sectors = max_u64(ret->end_sectors, (uint64_t)to->start_lba + to->sectors);
	}
	return 0;
}

/* A copy of a disc that was burned session by session: what is at LBA 16 is of the first one, of ours, which on other
 * media never begins at LBA 0, and the newest ends where the copy does. */
static int newest_of_copy(struct scan *s, const uint8_t published[SECTOR_BYTES], struct session_list *ret)
{
	struct appuse a;
	int r;

	if (appuse_decode(published, &a) < 0 || a.start_lba != 0 || a.sectors >= s->n_left)
		return 0;
	r = newest_at_end(s);
	ret->sequential = r > 0;
	return r;
}

static int scan_from(struct scan *s, const uint8_t published[SECTOR_BYTES], uint32_t published_lba,
		     struct session_list *ret)
{
	int r = published_lba == DESCRIPTORS_LBA ? newest_of_copy(s, published, ret) : 0;

	if (r == 0 && published_lba == DESCRIPTORS_LBA)
		r = newest_ours(s, published, &ret->damaged);
	if (r == 0)
		r = newest_foreign(s, published, published_lba, &ret->damaged);
	if (r >= 0)
		r = walk_back(s);
	return r < 0 ? r : publish_list(s, ret);
}

int sessions_scan(struct disc *d, uint64_t n_sectors, struct session_list *ret)
{
	_cleanup_(scan_release) struct scan s = scan_of(d, n_sectors);
	_cleanup_(session_list_release) struct session_list list = {0};
	uint8_t published[SECTOR_BYTES];
	uint32_t published_lba;
	int r;

	if (n_sectors <= DESCRIPTORS_LBA)
		return -EMEDIUMTYPE;
	r = disc_read(d, DESCRIPTORS_LBA, published, 1);
	if (r < 0)
		return r;
	/* Of an image that was cut off, the end is where it was. */
	if (descriptor_is_any_primary(published))
		s.n_sectors = max_u64(s.n_sectors, descriptor_space_sectors(published));
	r = pvd_find(d, 0, s.n_sectors, published, &published_lba);
	if (r < 0)
		return r;
	list.displaced = published_lba != DESCRIPTORS_LBA;
	list.small_blocks = descriptor_block_bytes(published) != SECTOR_BYTES;
	r = scan_from(&s, published, published_lba, &list);
	if (r < 0)
		return r;
	list.end_sectors = max_u64(list.end_sectors, descriptor_space_sectors(published));
	r = look_beside(&s, &list);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct session_list){0};
	return 0;
}

/* Linux mounts a session of ours by its descriptors with the absolute size. */
static int take_absolute(struct scan *s, struct disc_session *session)
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;
	int r;

	if (!session->ours)
		return 0;
	r = scan_pvd(s, (uint64_t)session->start_lba + SESSION_ABSOLUTE_DESCRIPTORS, session->start_lba, sector);
	if (r == 0 && scan_appuse(sector, session->start_lba, &a) && a.number == session->number)
		session->descriptor_lba = session->start_lba + SESSION_ABSOLUTE_DESCRIPTORS;
	return r < 0 && !disc_is_damage(r) ? r : 0;
}

int sessions_scan_track(struct disc *d, const uint8_t pvd[SECTOR_BYTES], uint64_t n_sectors, struct session_list *ret)
{
	_cleanup_(scan_release) struct scan s = scan_of(d, n_sectors);
	_cleanup_(session_list_release) struct session_list list = {0};
	struct appuse a;
	int r;

	*ret = (struct session_list){0};
	/* A session at LBA 0 itself: nothing is searched for. */
	if (appuse_decode(pvd, &a) == 0 ? a.start_lba == 0 :
					  record_extent(descriptor_root(pvd)) < FIRST_SESSION_LBA + DESCRIPTORS_LBA)
		return 0;
	r = pvd_check(pvd, 0, s.n_sectors);
	if (r == 0)
		r = scan_from(&s, pvd, DESCRIPTORS_LBA, &list);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = take_absolute(&s, &list.sessions[i]);
	if (r < 0)
		return disc_is_damage(r) ? 0 : r;
	if (list.n > 1 && !list.damaged) {
		*ret = list;
		list = (struct session_list){0};
	}
	return 0;
}

static int scan_by_chain(struct disc *d, uint64_t n_sectors, bool lost, struct session_list *ret)
{
	_cleanup_(scan_release) struct scan s = scan_of(d, n_sectors);
	struct session_list list = {.published_unreadable = true};
	int r = newest_at_end(&s);

	s.lost = lost;
	r = r > 0 ? 0 : r == 0 ? newest_of_chain(&s) : r;
	if (r == 0)
		r = walk_back(&s);
	if (r == 0)
		r = publish_list(&s, &list);
	if (r == 0)
		*ret = list;
	return r;
}

int sessions_scan_by_chain(struct disc *d, uint64_t n_sectors, struct session_list *ret)
{
	return scan_by_chain(d, n_sectors, false, ret);
}

int sessions_scan_all(struct disc *d, uint64_t n_sectors, struct session_list *ret)
{
	return scan_by_chain(d, n_sectors, true, ret);
}

void session_list_release(struct session_list *l)
{
	free(l->sessions);
	memset(l, 0, sizeof(*l));
}

int sessions_copy(const struct session_list *l, struct disc_session **ret, size_t *ret_n)
{
	struct disc_session *copy = calloc(l->n ? l->n : 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (l->n)
		memcpy(copy, l->sessions, l->n * sizeof(*copy));
	*ret = copy;
	*ret_n = l->n;
	return 0;
}
