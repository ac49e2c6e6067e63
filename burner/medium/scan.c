/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/medium/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/sha256.h"
#include "burner/format/volume_descriptor.h"

struct scan scan_of(struct disc *d, uint64_t n_sectors)
{
	uint64_t n = min_u64(n_sectors, UINT32_MAX);

	return (struct scan){.disc = d, .n_sectors = n, .n_left = n};
}

void scan_release(struct scan *s)
{
	free(s->found);
	free(s->chain);
}

int scan_pvd(struct scan *s, uint64_t lba, uint64_t low, uint8_t sector[SECTOR_BYTES])
{
	int r;

	if (lba >= s->n_sectors)
		return -EBADMSG;
	r = disc_read(s->disc, (uint32_t)lba, sector, 1);
	return r < 0 ? r : pvd_check(sector, low, s->n_sectors);
}

bool scan_appuse(const uint8_t sector[SECTOR_BYTES], uint32_t start, struct appuse *ret)
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

int scan_commit_record(struct scan *s, uint64_t lba, struct commit_record *ret, uint8_t ret_sha256[32])
{
	uint8_t sector[SECTOR_BYTES];
	int r = lba < s->n_sectors ? disc_read(s->disc, (uint32_t)lba, sector, 1) : -EBADMSG;

	if (r < 0)
		return disc_is_damage(r) ? 0 : r;
	if (ret_sha256 && sha256_of(sector, sizeof(sector), ret_sha256) < 0)
		return -ENOMEM;
	r = commit_record_decode(sector, ret);
	return r == -ENOMEM ? r : r == 0 && (uint64_t)ret->start_lba + ret->sectors == lba + 1;
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

int scan_add(struct scan *s, const uint8_t sector[SECTOR_BYTES], uint32_t start, uint32_t descriptor)
{
	struct commit_record commit;
	struct found *f;
	int r;

	if (grow(&s->found, &s->capacity, s->n_found, sizeof(*s->found)))
		return -ENOMEM;
	f = &s->found[s->n_found];
	memset(f, 0, sizeof(*f));
	pvd_session(sector, start, descriptor, &f->session);
	f->root_end =
		(uint64_t)record_extent(descriptor_root(sector)) + sectors_of(record_bytes(descriptor_root(sector)));
	f->has_appuse = scan_appuse(sector, start, &f->appuse);
	if (!f->has_appuse) {
		f->session.sectors = foreign_sectors(s, start, f->session.sectors);
	} else {
		f->session.sectors = f->appuse.sectors;
		pvd_session_ours(&f->appuse, &f->session);
		r = scan_commit_record(s, (uint64_t)start + f->appuse.sectors - 1, &commit, f->session.digest);
		if (r < 0)
			return r;
		f->session.ours =
			r && !memcmp(commit.uuid, f->appuse.uuid, sizeof(commit.uuid)) && commit.start_lba == start;
		f->session.has_digest = f->session.ours;
	}
	s->n_found++;
	return 0;
}

int scan_session(struct scan *s, uint64_t start, uint8_t sector[SECTOR_BYTES])
{
	uint64_t size;
	int r = scan_pvd(s, start + SESSION_DESCRIPTORS, start, sector);

	if (r < 0)
		return disc_is_damage(r) ? 0 : r;
	size = descriptor_space_sectors(sector);
	return record_extent(descriptor_root(sector)) < start + size;
}

int scan_chain(struct scan *s)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t start = FIRST_SESSION_LBA;
	int r = 1;

	if (s->chain)
		return 0;
	s->chain = malloc(SESSIONS_MAX * sizeof(*s->chain));
	if (!s->chain)
		return -ENOMEM;
	while (s->n_chain < SESSIONS_MAX && start <= UINT32_MAX && (r = scan_session(s, start, sector)) > 0) {
		s->chain[s->n_chain++] = (uint32_t)start;
		start = round_up(start + descriptor_space_sectors(sector), SESSION_ALIGN_SECTORS);
	}
	s->chain_end = start;
	return r < 0 ? r : 0;
}
