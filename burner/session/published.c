/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * published.c - the head around what others keep in LBA 17-31
 *
 * Images that do not begin at LBA 32 (mkisofs, growisofs, xorriso -as mkisofs) have path tables, directories and file
 * data right behind their descriptors, inside the head: overwriting them would destroy files that all sessions share.
 *
 * Sectors behind the terminator of our descriptors keep what they hold, but for checksum tags of libisofs: they were
 * made for the old primary descriptor, and xorriso refuses an image whose tag is wrong; and for the recognition
 * sequence of UDF: who appends to a bridge drops its UDF tree, which would hide what is new from everyone who prefers
 * UDF.  Descriptors go only where descriptors were, or nothing.  Where there is no such place for all of ours (no
 * Joliet in the old set, data just behind it) the supplementary one is left out: it is in the session's own set, and
 * nothing is lost by it, while a directory or a file would be.
 */
#include "burner/session/stream.h"

#include <stdbool.h>
#include <string.h>

#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"

static bool is_libisofs_tag(const uint8_t *sector) { return memcmp(sector, "libisofs_", 9) == 0; }

/* ECMA-167 2/9.1: a structure of the recognition sequence. */
static bool is_recognition(const uint8_t *sector)
{
	static const char ids[][6] = {"BEA01", "BOOT2", "CDW02", "NSR02", "NSR03", "TEA01"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		if (sector[0] == 0 && sector[6] == 1 && memcmp(sector + 1, ids[i], 5) == 0)
			return true;
	return false;
}

/* A descriptor, a tag, mkisofs' line about itself, or nothing at all. */
bool session_head_is_free(const uint8_t sector[SECTOR_BYTES])
{
	static const uint8_t zeros[SECTOR_BYTES];

	return is_volume_descriptor(sector) || is_libisofs_tag(sector) || is_recognition(sector) ||
	       memcmp(sector, "MKI ", 4) == 0 || memcmp(sector, zeros, SECTOR_BYTES) == 0;
}

static unsigned set_length(const uint8_t *published)
{
	unsigned n = 0;

	while (n < DESCRIPTORS_SECTORS && descriptor_type(published + n * SECTOR_BYTES) != ISO_VD_END)
		n++;
	return n < DESCRIPTORS_SECTORS ? n + 1 : n;
}

static unsigned free_length(const uint8_t *now)
{
	unsigned n = 1; /* the primary descriptor */

	while (n < DESCRIPTORS_SECTORS && session_head_is_free(now + n * SECTOR_BYTES))
		n++;
	return n;
}

/* Takes supplementary descriptors out; the rest moves up. */
static unsigned drop_supplementary(uint8_t *published, unsigned n)
{
	unsigned to = 0;

	for (unsigned i = 0; i < n; i++)
		if (descriptor_type(published + i * SECTOR_BYTES) != ISO_VD_SUPPLEMENTARY)
			memmove(published + to++ * SECTOR_BYTES, published + i * SECTOR_BYTES, SECTOR_BYTES);
	return to;
}

void session_merge_published(const uint8_t now[DESCRIPTORS_SECTORS * SECTOR_BYTES],
			     uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	unsigned n = set_length(published);

	if (n > free_length(now))
		n = drop_supplementary(published, n);
	for (unsigned i = n; i < DESCRIPTORS_SECTORS; i++) {
		const uint8_t *old = now + i * SECTOR_BYTES;

		if (is_volume_descriptor(old) || is_libisofs_tag(old) || is_recognition(old))
			memset(published + i * SECTOR_BYTES, 0, SECTOR_BYTES);
		else
			memcpy(published + i * SECTOR_BYTES, old, SECTOR_BYTES);
	}
}
