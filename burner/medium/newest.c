/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * newest.c - which session the head of a medium stands for, and which one is the newest where it has none
 */
#include "burner/medium/scan.h"

#include <errno.h>
#include <string.h>

#include "burner/session/stream.h"
#include "burner/format/volume_descriptor.h"

#define LEFT_PROBES (1u << 18) /* 8 GiB of an image that was cut off */

static bool same_root(const uint8_t a[SECTOR_BYTES], const uint8_t b[SECTOR_BYTES])
{
	return !memcmp(descriptor_root(a), descriptor_root(b), RECORD_MIN_BYTES);
}

int newest_ours(struct scan *s, const uint8_t published[SECTOR_BYTES], bool *damaged)
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a, at;
	int r;

	if (appuse_decode(published, &a) < 0 || a.start_lba < FIRST_SESSION_LBA ||
	    !scan_appuse(published, a.start_lba, &a))
		return 0;
	r = scan_pvd(s, (uint64_t)a.start_lba + SESSION_DESCRIPTORS, a.start_lba, sector);
	if (r < 0 && !disc_is_damage(r))
		return r;
	*damaged = r < 0;
	if (r < 0)
		r = scan_add(s, published, a.start_lba, DESCRIPTORS_LBA);
	else if (!same_root(published, sector) || !scan_appuse(sector, a.start_lba, &at) ||
		 memcmp(at.uuid, a.uuid, sizeof(a.uuid)) != 0)
		return 0;
	else
		r = scan_add(s, sector, a.start_lba, a.start_lba + SESSION_DESCRIPTORS);
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
		   !scan_appuse(sets, (uint32_t)start, &a) || a.previous_descriptor_lba != saved))
		return 0;
	if (!r)
		r = scan_pvd(s, saved, 0, ret);
	if (r < 0)
		return disc_is_damage(r) ? 0 : r;
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
	r = scan_commit_record(s, s->n_sectors - 1, &last, NULL);
	return r > 0 ? saved_by(s, last.start_lba, published, ret, ret_lba) : r;
}

int newest_left(struct scan *s, uint64_t end, uint32_t *ret_start, uint8_t sector[SECTOR_BYTES])
{
	struct appuse a;
	uint64_t p = end > SESSION_DESCRIPTORS ? (end - SESSION_DESCRIPTORS - 1) / PROBE_STEP * PROBE_STEP : 0;

	for (unsigned i = 0; i < LEFT_PROBES && p >= FIRST_SESSION_LBA; i++, p -= PROBE_STEP) {
		int r = scan_session(s, p, sector);

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
	return r ? scan_add(s, sector, start, start + SESSION_DESCRIPTORS) : scan_add(s, published, 0, DESCRIPTORS_LBA);
}

int newest_foreign(struct scan *s, const uint8_t published[SECTOR_BYTES], uint32_t published_lba, bool *damaged)
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t root = record_extent(descriptor_root(published)), saved;
	int r;

	/* What no program writes that appends. */
	if (published_lba != DESCRIPTORS_LBA || pvd_check(published, 0, s->n_sectors) < 0)
		return scan_add(s, published, 0, published_lba);
	for (uint32_t lba = (uint32_t)(min_u64(root, s->n_left) - 1) / PROBE_STEP * PROBE_STEP;
	     lba > DESCRIPTORS_LBA && s->probes < PROBES; lba -= PROBE_STEP) {
		s->probes++;
		r = scan_pvd(s, lba, lba - SESSION_DESCRIPTORS, sector);
		if (r < 0 && !disc_is_damage(r))
			return r;
		if (r == 0 && same_root(published, sector))
			return scan_add(s, sector, lba - SESSION_DESCRIPTORS, lba);
	}
	r = saved_descriptors(s, published, sector, &saved);
	if (r < 0)
		return r;
	if (saved)
		return scan_add(s, sector, 0, saved);
	if (root >= s->n_left)
		return newest_truncated(s, published);
	/* A chain from LBA 32 up to it: it is not one at LBA 0, and its own descriptors are damaged. */
	r = scan_chain(s);
	*damaged = r == 0 && s->n_chain > 0 && root > s->chain_end;
	return r < 0 ? r : scan_add(s, published, *damaged ? (uint32_t)s->chain_end : 0, DESCRIPTORS_LBA);
}

int newest_at_end(struct scan *s)
{
	struct commit_record commit;
	uint8_t sector[SECTOR_BYTES];
	int r = s->n_left ? scan_commit_record(s, s->n_left - 1, &commit, NULL) : 0;

	if (r > 0)
		r = scan_session(s, commit.start_lba, sector);
	if (r > 0)
		r = scan_add(s, sector, commit.start_lba, commit.start_lba + SESSION_DESCRIPTORS) ?: 1;
	return r;
}

int newest_of_chain(struct scan *s)
{
	uint8_t sector[SECTOR_BYTES];
	int r = scan_chain(s);

	for (size_t i = s->n_chain; r == 0 && i-- > 0; s->n_found = 0) {
		r = scan_session(s, s->chain[i], sector);
		if (r <= 0)
			continue;
		r = scan_add(s, sector, s->chain[i], s->chain[i] + SESSION_DESCRIPTORS);
		if (r == 0 && (!s->found[0].has_appuse || s->found[0].session.ours || s->lost))
			return 0;
	}
	return r < 0 ? r : -EMEDIUMTYPE;
}
