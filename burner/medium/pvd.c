/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pvd.c - the few fields of a primary volume descriptor (ECMA-119 8.4) that tell sessions apart
 *
 * Tolerant where readers are (the both-endian halves are not compared, escape sequences not looked at), strict where
 * a wrong value would lead astray: block size, root record, and that the root lies on the medium.
 */
#include <string.h>
#include <time.h>

#include "burner/medium/internal.h"
#include "burner/base/own.h"

int pvd_check(const uint8_t sector[SECTOR_BYTES], uint64_t low, uint64_t n_sectors)
{
	const uint8_t *root = sector + 156;
	uint64_t lba = get_le32(root + 2), sectors = sectors_of(get_le32(root + 10));

	if (sector[0] != 1 || memcmp(sector + 1, "CD001", 5) != 0 || sector[6] != 1 ||
	    get_le16(sector + 128) != SECTOR_BYTES)
		return -EBADMSG;
	if (root[0] < 34 || !(root[25] & 2) || sectors == 0 || lba <= HEAD_LBA || lba < low ||
	    lba + sectors > n_sectors)
		return -EBADMSG;
	return 0;
}

/* Decimal digits, or -1. */
static int digits(const uint8_t *p, unsigned n)
{
	int v = 0;

	for (unsigned i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* ECMA-119 8.4.26.1: YYYYMMDDHHMMSScc and the offset from UTC in quarters of an hour. */
static int64_t pvd_time(const uint8_t *p)
{
	struct tm tm = {.tm_year = digits(p, 4) - 1900,
			.tm_mon = digits(p + 4, 2) - 1,
			.tm_mday = digits(p + 6, 2),
			.tm_hour = digits(p + 8, 2),
			.tm_min = digits(p + 10, 2),
			.tm_sec = digits(p + 12, 2)};
	int8_t offset = (int8_t)p[16];

	if (tm.tm_year < -1899 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour < 0 || tm.tm_hour > 23 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60 ||
	    offset < -48 || offset > 52)
		return 0;
	return (int64_t)timegm(&tm) - offset * 15 * 60;
}

void pvd_session(const uint8_t sector[SECTOR_BYTES], uint32_t start_lba, uint32_t descriptor_lba,
		 struct disc_session *ret)
{
	size_t n = 32;

	memset(ret, 0, sizeof(*ret));
	ret->start_lba = start_lba;
	ret->descriptor_lba = descriptor_lba;
	ret->sectors = get_le32(sector + 80);
	ret->created = pvd_time(sector + 813);
	while (n > 0 && (sector[40 + n - 1] == ' ' || sector[40 + n - 1] == 0))
		n--;
	memcpy(ret->volume_id, sector + 40, n);
}

void pvd_session_ours(const struct appuse *a, struct disc_session *ret)
{
	memcpy(ret->uuid, a->uuid, sizeof(ret->uuid));
	ret->tells_shared = a->flags & APPUSE_SHARED;
	ret->shared_bytes = a->shared_bytes;
	ret->found_bytes = a->found_bytes;
}
