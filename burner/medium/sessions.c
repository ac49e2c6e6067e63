/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sessions.c - the sessions of a medium whose head is at LBA 16, found by reading alone
 *
 * The head is the truth about the newest session: whatever lies beyond the volume it describes is what a burn left
 * that was never published.  From there the way leads back in time:
 *  - A session of ours names the one before it and where its primary descriptor is (burner/format/appuse.h);
 *    believed while the starts descend.
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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/medium/internal.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "burner/base/own.h"
#include "burner/format/commit_record.h"
#include "burner/format/volume_descriptor.h"

#define SESSIONS_MAX 4096u
#define PROBES 4096u
#define LEFT_PROBES (1u << 18) /* 8 GiB of an image that was cut off */
#define PROBE_STEP 16u	       /* growisofs aligns to 16 sectors, xorriso and we to 32 */
#define NUMBER_MAX 0x7fffffffu

struct found {
	struct disc_session session;
	struct appuse appuse; /* when has_appuse */
	bool has_appuse;
	uint64_t root_end; /* in sectors: of its root directory */
};

struct scan {
	struct disc *disc;
	/* of the medium: as it should be, and as it is; less when it was cut off */
	uint64_t n_sectors, n_left;
	struct found *found; /* newest first */
	size_t n_found, capacity;
	uint32_t *chain; /* starts of xorriso's chain, ascending */
	size_t n_chain;
	uint64_t chain_end; /* where a further one would start */
	unsigned probes;
	bool cut; /* a session that ours names as its predecessor cannot be read */
};

static struct scan scan_of(struct disc *d, uint64_t n_sectors)
{
	uint64_t n = min_u64(n_sectors, UINT32_MAX);

	return (struct scan){.disc = d, .n_sectors = n, .n_left = n};
}

static void scan_release(struct scan *s)
{
	free(s->found);
	free(s->chain);
}

/* At that place of the disc there is nothing that can be believed.  All other errors are of the drive or of memory, and
 * say nothing of the disc: they go up. */
static bool not_there(int error) { return error == -EIO || error == -EBADMSG; }

static int read_pvd(struct scan *s, uint64_t lba, uint64_t low, uint8_t sector[SECTOR_BYTES])
{
	int r;

	if (lba >= s->n_sectors)
		return -EBADMSG;
	r = disc_read(s->disc, (uint32_t)lba, sector, 1);
	return r < 0 ? r : pvd_check(sector, low, s->n_sectors);
}

/* Our words in the descriptor of the session that starts there.  A later program may have copied them: then the start
 * differs. */
static bool appuse_at(const uint8_t sector[SECTOR_BYTES], uint32_t start, struct appuse *ret)
{
	struct appuse a;

	if (appuse_decode(sector, &a) < 0 || a.start_lba != start || a.sectors <= SESSION_DESCRIPTORS + 1 ||
	    a.sectors > UINT32_MAX - start)
		return false;
	if (a.previous_lba != APPUSE_NONE &&
	    (a.previous_lba >= start || a.previous_descriptor_lba >= start + a.sectors))
		return false;
	*ret = a;
	return true;
}

/* 1: there is one that ends there. */
static int commit_record_at(struct scan *s, uint64_t lba, struct commit_record *ret)
{
	uint8_t sector[SECTOR_BYTES];
	int r = lba < s->n_sectors ? disc_read(s->disc, (uint32_t)lba, sector, 1) : -EBADMSG;

	if (r < 0)
		return not_there(r) ? 0 : r;
	return commit_record_decode(sector, ret) == 0 && (uint64_t)ret->start_lba + ret->sectors == lba + 1;
}

/* Its own length: the field is relative to the start by convention, absolute in what some programs write. */
static uint32_t foreign_sectors(const struct scan *s, uint32_t start, uint32_t size)
{
	if (start + (uint64_t)size <= s->n_sectors)
		return size;
	if (size > start && size <= s->n_sectors)
		return size - start;
	return (uint32_t)min_u64(size, UINT32_MAX - start);
}

static int add(struct scan *s, const uint8_t sector[SECTOR_BYTES], uint32_t start, uint32_t descriptor)
{
	struct commit_record commit;
	struct found *f;
	int r;

	if (s->n_found == s->capacity) {
		size_t capacity = s->capacity ? 2 * s->capacity : 16;

		f = reallocarray(s->found, capacity, sizeof(*f));
		if (!f)
			return -ENOMEM;
		s->found = f;
		s->capacity = capacity;
	}
	f = &s->found[s->n_found];
	memset(f, 0, sizeof(*f));
	pvd_session(sector, start, descriptor, &f->session);
	f->root_end =
		(uint64_t)record_extent(descriptor_root(sector)) + sectors_of(record_bytes(descriptor_root(sector)));
	f->has_appuse = appuse_at(sector, start, &f->appuse);
	if (!f->has_appuse) {
		f->session.sectors = foreign_sectors(s, start, f->session.sectors);
	} else {
		f->session.sectors = f->appuse.sectors;
		pvd_session_ours(&f->appuse, &f->session);
		r = commit_record_at(s, (uint64_t)start + f->appuse.sectors - 1, &commit);
		if (r < 0)
			return r;
		f->session.ours =
			r && !memcmp(commit.uuid, f->appuse.uuid, sizeof(commit.uuid)) && commit.start_lba == start;
	}
	s->n_found++;
	return 0;
}

/* 1: a foreign or own session whose own root directory is inside it.  Blocks of rewritable media that were never
 * written may be unreadable: there is none. */
static int session_at(struct scan *s, uint64_t start, uint8_t sector[SECTOR_BYTES])
{
	uint64_t size;
	int r = read_pvd(s, start + SESSION_DESCRIPTORS, start, sector);

	if (r < 0)
		return not_there(r) ? 0 : r;
	size = descriptor_space_sectors(sector);
	return record_extent(descriptor_root(sector)) < start + size;
}

static int walk_chain(struct scan *s)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t start = FIRST_SESSION_LBA;
	int r = 1;

	if (s->chain)
		return 0;
	s->chain = malloc(SESSIONS_MAX * sizeof(*s->chain));
	if (!s->chain)
		return -ENOMEM;
	while (s->n_chain < SESSIONS_MAX && start <= UINT32_MAX && (r = session_at(s, start, sector)) > 0) {
		s->chain[s->n_chain++] = (uint32_t)start;
		start = round_up(start + descriptor_space_sectors(sector), SESSION_ALIGN_SECTORS);
	}
	s->chain_end = start;
	return r < 0 ? r : 0;
}

/* ---- the newest ---- */

static bool same_root(const uint8_t a[SECTOR_BYTES], const uint8_t b[SECTOR_BYTES])
{
	return !memcmp(descriptor_root(a), descriptor_root(b), RECORD_MIN_BYTES);
}

/* The head is ours: 1 and the session is added, 0 it is not ours, -errno. */
static int newest_ours(struct scan *s, const uint8_t published[SECTOR_BYTES], bool *damaged)
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a, at;
	int r;

	if (appuse_decode(published, &a) < 0 || a.start_lba < FIRST_SESSION_LBA ||
	    !appuse_at(published, a.start_lba, &a))
		return 0;
	r = read_pvd(s, (uint64_t)a.start_lba + SESSION_DESCRIPTORS, a.start_lba, sector);
	if (r < 0 && !not_there(r))
		return r;
	*damaged = r < 0;
	if (r < 0)
		r = add(s, published, a.start_lba, DESCRIPTORS_LBA);
	else if (!same_root(published, sector) || !appuse_at(sector, a.start_lba, &at) ||
		 memcmp(at.uuid, a.uuid, sizeof(a.uuid)) != 0)
		return 0;
	else
		r = add(s, sector, a.start_lba, a.start_lba + SESSION_DESCRIPTORS);
	return r < 0 ? r : 1;
}

/* Disks write pieces of 512 bytes: is each of them from one of the two? */
static bool torn_between(const uint8_t sector[SECTOR_BYTES], const uint8_t a[SECTOR_BYTES],
			 const uint8_t b[SECTOR_BYTES])
{
	for (unsigned at = 0; at < SECTOR_BYTES; at += 512)
		if (memcmp(sector + at, a + at, 512) != 0 && memcmp(sector + at, b + at, 512) != 0)
			return false;
	return true;
}

/* The session that begins at start is the first of ours above one at LBA 0, and was being published: *ret_lba is where
 * it keeps the head as it was, else 0. */
static int saved_by(struct scan *s, uint64_t start, const uint8_t published[SECTOR_BYTES], uint8_t ret[SECTOR_BYTES],
		    uint32_t *ret_lba)
{
	uint64_t saved = start + SESSION_SAVED_DESCRIPTORS;
	uint8_t sets[DESCRIPTORS_SECTORS * SECTOR_BYTES], made[DESCRIPTORS_SECTORS * SECTOR_BYTES];
	struct appuse a;
	int r = saved < s->n_sectors ? disc_read(s->disc, (uint32_t)start + SESSION_DESCRIPTORS, sets, 16) : -EBADMSG;

	*ret_lba = 0;
	if (!r && (session_published_descriptors(sets, (uint32_t)start, made) < 0 ||
		   !appuse_at(sets, (uint32_t)start, &a) || a.previous_descriptor_lba != saved))
		return 0;
	if (!r)
		r = read_pvd(s, saved, 0, ret);
	if (r < 0)
		return not_there(r) ? 0 : r;
	if (memcmp(published, ret, SECTOR_BYTES) != 0 && torn_between(published, ret, made))
		*ret_lba = (uint32_t)saved;
	return 0;
}

/* It begins where the volume ends, or, behind something else, it is the last that the medium holds. */
static int saved_descriptors(struct scan *s, const uint8_t published[SECTOR_BYTES], uint8_t ret[SECTOR_BYTES],
			     uint32_t *ret_lba)
{
	struct commit_record last;
	int r = saved_by(s, round_up(descriptor_space_sectors(published), SESSION_ALIGN_SECTORS), published, ret,
			 ret_lba);

	if (r < 0 || *ret_lba)
		return r;
	r = commit_record_at(s, s->n_sectors - 1, &last);
	return r > 0 ? saved_by(s, last.start_lba, published, ret, ret_lba) : r;
}

/* The newest session below `end` that has its descriptor: 1, its start and descriptor. */
static int newest_left(struct scan *s, uint64_t end, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES])
{
	struct appuse a;
	uint64_t p = end > SESSION_DESCRIPTORS ? (end - SESSION_DESCRIPTORS - 1) / PROBE_STEP * PROBE_STEP : 0;

	for (unsigned i = 0; i < LEFT_PROBES && p >= FIRST_SESSION_LBA; i++, p -= PROBE_STEP) {
		int r = session_at(s, p, sector);

		if (r < 0)
			return r;
		if (r == 0 || (appuse_decode(sector, &a) == 0 && a.start_lba != p))
			continue;
		*ret_start = (uint32_t)p;
		return 1;
	}
	return 0;
}

/* Of a session that was cut off the head alone is left. */
static int newest_truncated(struct scan *s, const uint8_t published[SECTOR_BYTES])
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t start = 0;
	int r = newest_left(s, s->n_left, &start, sector);

	if (r < 0)
		return r;
	return r ? add(s, sector, start, start + SESSION_DESCRIPTORS) : add(s, published, 0, DESCRIPTORS_LBA);
}

static int newest_foreign(struct scan *s, const uint8_t published[SECTOR_BYTES], uint32_t published_lba, bool *damaged)
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t root = record_extent(descriptor_root(published)), saved;
	int r;

	/* What no program writes that appends. */
	if (published_lba != DESCRIPTORS_LBA || pvd_check(published, 0, s->n_sectors) < 0)
		return add(s, published, 0, published_lba);
	for (uint32_t lba = (uint32_t)(min_u64(root, s->n_left) - 1) / PROBE_STEP * PROBE_STEP;
	     lba > DESCRIPTORS_LBA && s->probes < PROBES; lba -= PROBE_STEP) {
		s->probes++;
		r = read_pvd(s, lba, lba - SESSION_DESCRIPTORS, sector);
		if (r < 0 && !not_there(r))
			return r;
		if (r == 0 && same_root(published, sector))
			return add(s, sector, lba - SESSION_DESCRIPTORS, lba);
	}
	r = saved_descriptors(s, published, sector, &saved);
	if (r < 0)
		return r;
	if (saved)
		return add(s, sector, 0, saved);
	if (root >= s->n_left)
		return newest_truncated(s, published);
	/* A chain from LBA 32 up to it: it is not one at LBA 0, and its own descriptors are damaged. */
	r = walk_chain(s);
	*damaged = r == 0 && s->n_chain > 0 && root > s->chain_end;
	return r < 0 ? r : add(s, published, *damaged ? (uint32_t)s->chain_end : 0, DESCRIPTORS_LBA);
}

/* ---- and back from there ---- */

/* 1: the session at start and its descriptor. */
static int below_by_chain(struct scan *s, uint32_t start, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES])
{
	int r = walk_chain(s);

	for (size_t i = 1; !r && i < s->n_chain; i++)
		if (s->chain[i] == start) {
			r = session_at(s, s->chain[i - 1], sector);
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
		int r = session_at(s, p, sector);

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
	r = commit_record_at(s, start - 1, &commit);
	if (r > 0)
		r = read_pvd(s, (uint64_t)commit.start_lba + SESSION_DESCRIPTORS, commit.start_lba, sector) ?: 1;
	if (r < 0 && !not_there(r))
		return r;
	if (r > 0 && appuse_at(sector, commit.start_lba, &a) && !memcmp(a.uuid, commit.uuid, sizeof(a.uuid))) {
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
	r = read_pvd(s, a->previous_descriptor_lba, a->previous_lba, sector);
	/* The last sector may be a part of one. */
	if (r < 0 && not_there(r) && a->previous_descriptor_lba + UINT64_C(1) >= s->n_left) {
		r = newest_left(s, min_u64(s->n_left, f->session.start_lba), ret_start, sector);
		*ret_descriptor = *ret_start + SESSION_DESCRIPTORS;
		return r;
	}
	s->cut = r == -EIO && a->previous_descriptor_lba < s->n_sectors;
	if (r < 0)
		return not_there(r) ? 0 : r;
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
		r = add(s, sector, start, descriptor);
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
		int r = starts[i] <= UINT32_MAX ? session_at(s, starts[i], sector) : 0;

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

static int scan_from(struct scan *s, const uint8_t published[SECTOR_BYTES], uint32_t published_lba,
		     struct session_list *ret)
{
	int r = published_lba == DESCRIPTORS_LBA ? newest_ours(s, published, &ret->damaged) : 0;

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
	r = read_pvd(s, (uint64_t)session->start_lba + SESSION_ABSOLUTE_DESCRIPTORS, session->start_lba, sector);
	if (r == 0 && appuse_at(sector, session->start_lba, &a) && a.number == session->number)
		session->descriptor_lba = session->start_lba + SESSION_ABSOLUTE_DESCRIPTORS;
	return r < 0 && !not_there(r) ? r : 0;
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
		return not_there(r) ? 0 : r;
	if (list.n > 1 && !list.damaged) {
		*ret = list;
		list = (struct session_list){0};
	}
	return 0;
}

/* A session of ours whose commit record is the last block of the medium. */
static int newest_at_end(struct scan *s)
{
	struct commit_record commit;
	uint8_t sector[SECTOR_BYTES];
	int r = s->n_left ? commit_record_at(s, s->n_left - 1, &commit) : 0;

	if (r > 0)
		r = session_at(s, commit.start_lba, sector);
	if (r > 0)
		r = add(s, sector, commit.start_lba, commit.start_lba + SESSION_DESCRIPTORS) ?: 1;
	return r;
}

/* Of the chain from LBA 32 the last that is whole: a session of ours without its commit record was never published. */
static int newest_of_chain(struct scan *s)
{
	uint8_t sector[SECTOR_BYTES];
	int r = walk_chain(s);

	for (size_t i = s->n_chain; r == 0 && i-- > 0; s->n_found = 0) {
		r = session_at(s, s->chain[i], sector);
		if (r <= 0)
			continue;
		r = add(s, sector, s->chain[i], s->chain[i] + SESSION_DESCRIPTORS);
		if (r == 0 && (!s->found[0].has_appuse || s->found[0].session.ours))
			return 0;
	}
	return r < 0 ? r : -EMEDIUMTYPE;
}

int sessions_scan_by_chain(struct disc *d, uint64_t n_sectors, struct session_list *ret)
{
	_cleanup_(scan_release) struct scan s = scan_of(d, n_sectors);
	struct session_list list = {.published_unreadable = true};
	int r = newest_at_end(&s);

	r = r > 0 ? 0 : r == 0 ? newest_of_chain(&s) : r;
	if (r == 0)
		r = walk_back(&s);
	if (r == 0)
		r = publish_list(&s, &list);
	if (r == 0)
		*ret = list;
	return r;
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
