/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identity.c - what a stage is tied to: which disc it is, and in what state
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/date.h"
#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"

static int provisional_identity(const struct stat *st, const char *path, uint8_t ret[32])
{
	size_t n = 16 + strlen(path);
	_free_ uint8_t *bytes = malloc(n);

	if (!bytes)
		return -ENOMEM;
	put_le64(bytes, st->st_dev);
	put_le64(bytes + 8, st->st_ino);
	memcpy(bytes + 16, path, n - 16);
	return sha256_of(bytes, n, ret);
}

int sessions_identity(struct disc *d, const struct session_list *l, const struct stat *st, const char *path,
		      struct disc_identity *ret)
{
	struct disc_identity identity = {.is_provisional = l->n == 0};
	uint8_t sector[SECTOR_BYTES], bytes[RECORD_MIN_BYTES + VOLUME_ID_BYTES + LONG_DATE_BYTES];
	int r = provisional_identity(st, path, identity.provisional);

	if (r < 0)
		return r;
	memcpy(identity.id, identity.provisional, sizeof(identity.id));
	if (l->cut)
		return -EIO;
	if (l->n > 0) {
		r = disc_read(d, l->sessions[0].descriptor_lba, sector, 1);
		if (r < 0)
			return r;
		memcpy(bytes, descriptor_root(sector), RECORD_MIN_BYTES);
		memcpy(bytes + RECORD_MIN_BYTES, DESCRIPTOR_FIELD(sector, volume_id), VOLUME_ID_BYTES);
		memcpy(bytes + RECORD_MIN_BYTES + VOLUME_ID_BYTES, DESCRIPTOR_FIELD(sector, creation_date),
		       LONG_DATE_BYTES);
		r = sha256_of(bytes, sizeof(bytes), identity.id);
	}
	if (r == 0)
		*ret = identity;
	return r;
}

int sessions_fingerprint(struct disc *d, const struct session_list *l, struct disc_fingerprint *ret)
{
	struct disc_fingerprint fingerprint = {.session_lba = UINT32_MAX, .next_lba = FIRST_SESSION_LBA};
	uint8_t sector[SECTOR_BYTES];
	int r = 0;

	if (l->n > 0) {
		fingerprint.session_lba = l->sessions[l->n - 1].start_lba;
		fingerprint.next_lba = (uint32_t)min_u64(round_up(l->end_sectors, SESSION_ALIGN_SECTORS), UINT32_MAX);
		r = disc_read(d, l->sessions[l->n - 1].descriptor_lba, sector, 1);
		if (r == 0)
			r = sha256_of(sector, sizeof(sector), fingerprint.descriptor);
	}
	if (r == 0)
		*ret = fingerprint;
	return r;
}
