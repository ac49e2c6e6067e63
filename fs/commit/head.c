/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * head.c - see head.h
 *
 * Sectors behind the terminator of our descriptors keep what they hold, but for checksum tags of libisofs: they were made for the old
 * primary descriptor, and xorriso refuses an image whose tag is wrong.  Descriptors go only where descriptors were, or nothing.  Where there is
 * no such place for all of ours (no Joliet in the old set, data just behind it) the supplementary one is left out: it is in
 * the session's own set, and nothing is lost by it, while a directory or a file would be.
 */
#include "fs/commit/head.h"

#include <stdlib.h>
#include <string.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/own.h"

#define HEAD_LBA 16u
#define HEAD_SECTORS 16u
#define FIRST_START_LBA 32u	/* of images that leave LBA 0-31 free */
enum { DESCRIPTOR_SUPPLEMENTARY = 2, DESCRIPTOR_TERMINATOR = 255 };

struct head_target {
	struct target target;
	struct disc *disc;
};

static bool is_descriptor(const uint8_t *sector) { return memcmp(sector + 1, "CD001", 5) == 0; }
static bool is_libisofs_tag(const uint8_t *sector) { return memcmp(sector, "libisofs_", 9) == 0; }

/* A descriptor, a tag, mkisofs' line about itself, or nothing at all. */
static bool is_free(const uint8_t *sector)
{
	static const uint8_t zeros[SECTOR_BYTES];

	return is_descriptor(sector) || is_libisofs_tag(sector) || memcmp(sector, "MKI ", 4) == 0 || memcmp(sector, zeros, SECTOR_BYTES) == 0;
}

static unsigned set_length(const uint8_t *head)
{
	unsigned n = 0;

	while (n < HEAD_SECTORS && head[n * SECTOR_BYTES] != DESCRIPTOR_TERMINATOR)
		n++;
	return n < HEAD_SECTORS ? n + 1 : n;
}

static unsigned free_length(const uint8_t *now)
{
	unsigned n = 1;		/* the primary descriptor */

	while (n < HEAD_SECTORS && is_free(now + n * SECTOR_BYTES))
		n++;
	return n;
}

/* Takes supplementary descriptors out; the rest moves up. */
static unsigned drop_supplementary(uint8_t *head, unsigned n)
{
	unsigned to = 0;

	for (unsigned i = 0; i < n; i++)
		if (head[i * SECTOR_BYTES] != DESCRIPTOR_SUPPLEMENTARY)
			memmove(head + to++ * SECTOR_BYTES, head + i * SECTOR_BYTES, SECTOR_BYTES);
	return to;
}

void head_merge(const uint8_t now[16 * 2048], uint8_t head[16 * 2048])
{
	unsigned n = set_length(head);

	if (n > free_length(now))
		n = drop_supplementary(head, n);
	for (unsigned i = n; i < HEAD_SECTORS; i++) {
		const uint8_t *old = now + i * SECTOR_BYTES;

		if (is_descriptor(old) || is_libisofs_tag(old))
			memset(head + i * SECTOR_BYTES, 0, SECTOR_BYTES);
		else
			memcpy(head + i * SECTOR_BYTES, old, SECTOR_BYTES);
	}
}

static struct head_target *to_head(struct target *t)
{
	return (struct head_target *)(void *)t;	/* its first member */
}

/* Did the disc begin at LBA 32, with nothing below but a head? */
static int head_is_ours(struct disc *disc, bool *ret)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int result = disc_sessions(disc, &sessions, &n);

	if (!result)
		*ret = n == 0 || sessions[0].start_lba == FIRST_START_LBA;
	return result;
}

static int head_publish(struct target *t, const uint8_t head[16 * 2048])
{
	_free_ uint8_t *now = malloc(HEAD_SECTORS * SECTOR_BYTES), *merged = malloc(HEAD_SECTORS * SECTOR_BYTES);
	bool ours = false;
	int result;

	if (!now || !merged)
		return -ENOMEM;
	result = head_is_ours(to_head(t)->disc, &ours);
	if (result)
		return result;
	if (ours)
		return target_publish(t->inner, head);
	result = disc_read(to_head(t)->disc, HEAD_LBA, now, HEAD_SECTORS);
	if (result)
		return result;
	memcpy(merged, head, HEAD_SECTORS * SECTOR_BYTES);
	head_merge(now, merged);
	return target_publish(t->inner, merged);
}

static int head_reserve(struct target *t, uint32_t start_lba, uint64_t sectors) { return target_reserve(t->inner, start_lba, sectors); }
static int head_sync(struct target *t) { return target_sync(t->inner); }
static int head_abort(struct target *t) { return target_abort(t->inner); }

static int head_write(struct target *t, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted)
{
	return target_write(t->inner, lba, buf, n_sectors, ret_accepted);
}

static void head_free(struct target *t)
{
	target_free(t->inner);
	free(to_head(t));
}

struct target *target_wrap_head(struct target *inner, struct disc *disc)
{
	static const struct target_ops ops = {
		.reserve = head_reserve, .write = head_write, .sync = head_sync, .publish = head_publish, .abort = head_abort, .free = head_free,
	};
	struct head_target *t = malloc(sizeof(*t));

	if (!t) {
		target_free(inner);
		return NULL;
	}
	*t = (struct head_target){.target = {.ops = &ops, .inner = inner}, .disc = disc};
	return &t->target;
}
