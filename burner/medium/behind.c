/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * behind.c - what lies behind the newest session, and belongs to something else
 *
 * The end that a volume tells is not always the end of what is on the disc: error correction data, a file system in a
 * partition, a boot image that only El Torito's catalog names, files that somebody appended lie there.  Zeros are
 * nobody's, and so is what an unpublished burn of ours has left: it begins where the next session would, with our
 * descriptors that name the newest session as the one before, or it ends with its commit record.
 *
 * In an image file the next session begins behind the last byte that is not zero.  That is looked for from the end of
 * the file backwards, past its holes, so it is found at once where there is anything.  Of zeros that are written out
 * LOOK_MAX_BYTES are read; what lies before them counts as something.
 *
 * In a drive the rest of the medium may hold whatever an earlier use has left, and reading it takes minutes.  So only
 * what names itself counts there: what El Torito's catalog names, error correction data of dvdisaster, and above a
 * session of others anything in the blocks where the next session would begin.  Blocks that cannot be read were never
 * written.
 */
#include "burner/medium/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "burner/format/commit_record.h"
#include "burner/format/el_torito.h"
#include "burner/format/volume_descriptor.h"

#define LOOK_MAX_BYTES ((uint64_t)1 << 30)
#define WINDOW_BYTES ((uint64_t)64 << 20)
#define PIECE_BYTES ((size_t)1 << 20)
#define PROBES 1024u	       /* for the beginning of a session that is not whole: 64 MiB */
#define DRIVE_LOOK_SECTORS 64u /* behind where the next session would begin */
#define DRIVE_PIECE_SECTORS 16u

/* ---- ours ---- */

static bool follows_newest(const struct session_list *l, const struct appuse *a)
{
	return l->n == 0 || a->previous_lba == l->sessions[l->n - 1].start_lba;
}

/* A session that begins there and was never published: its end, else 0. */
static int unpublished_at(struct disc *d, const struct session_list *l, uint64_t start, uint64_t n_sectors,
			  uint64_t *ret_end)
{
	static const uint32_t places[] = {SESSION_DESCRIPTORS, SESSION_ABSOLUTE_DESCRIPTORS};
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;

	*ret_end = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(places); i++) {
		int r = start + places[i] < n_sectors ? disc_read(d, (uint32_t)start + places[i], sector, 1) : -EIO;

		if (r < 0 && r != -EIO)
			return r;
		if (r == 0 && appuse_decode(sector, &a) == 0 && a.start_lba == start && follows_newest(l, &a)) {
			*ret_end = start + a.sectors;
			return 0;
		}
	}
	return 0;
}

/* The same of one whose last blocks end there, behind something else: its start, else 0. */
static int unpublished_part(struct disc *d, const struct session_list *l, uint64_t end, uint64_t n_sectors,
			    uint64_t *ret_start)
{
	uint64_t start = (end - 1) / SESSION_ALIGN_SECTORS * SESSION_ALIGN_SECTORS, its_end;

	*ret_start = 0;
	for (unsigned i = 0; i < PROBES && start > l->end_sectors; i++, start -= SESSION_ALIGN_SECTORS) {
		int r = unpublished_at(d, l, start, n_sectors, &its_end);

		if (r == 0 && its_end >= end)
			*ret_start = start;
		if (r < 0 || its_end)
			return r;
	}
	return 0;
}

/* Of one that is whole the commit record says where it begins. */
static int unpublished_before(struct disc *d, const struct session_list *l, uint64_t end, uint64_t n_sectors,
			      uint64_t *ret_start)
{
	struct commit_record commit;
	uint8_t sector[SECTOR_BYTES];
	uint64_t its_end = 0;
	int r = disc_read(d, (uint32_t)end - 1, sector, 1);

	*ret_start = 0;
	if (r < 0)
		return r == -EIO ? 0 : r;
	r = commit_record_decode(sector, &commit);
	if (r == -ENOMEM)
		return r;
	if (r < 0 || (uint64_t)commit.start_lba + commit.sectors != end)
		return unpublished_part(d, l, end, n_sectors, ret_start);
	r = unpublished_at(d, l, commit.start_lba, n_sectors, &its_end);
	if (its_end == end)
		*ret_start = commit.start_lba;
	return r;
}

/* ---- an image ---- */

/* The end of the last byte of [from, to) that is not zero, or `from`. */
static int last_of_window(int fd, uint64_t from, uint64_t to, uint8_t *buf, uint64_t *left, uint64_t *ret)
{
	off_t data = lseek(fd, (off_t)from, SEEK_DATA);

	*ret = from;
	if (data < 0 && errno == ENXIO)
		return 0;
	if (data >= 0)
		from = max_u64(from, (uint64_t)data);
	while (to > from) {
		uint64_t at = max_u64(from, to - min_u64(to - from, PIECE_BYTES));
		size_t n = (size_t)(to - at), done = 0;
		int r;

		if (*left < n) {
			*ret = to;
			return 0;
		}
		*left -= n;
		r = pread_full(fd, buf, n, at, &done);
		if (r < 0)
			return r;
		if (!bytes_are_zeros(buf, done)) {
			while (done > 0 && buf[done - 1] == 0)
				done--;
			*ret = at + done;
			return 0;
		}
		to = at;
	}
	return 0;
}

static int last_byte(int fd, uint64_t from, uint64_t to, uint64_t *ret)
{
	_free_ uint8_t *buf = malloc(PIECE_BYTES);
	uint64_t left = LOOK_MAX_BYTES;

	*ret = from;
	if (!buf)
		return -ENOMEM;
	if (to <= from || (lseek(fd, (off_t)from, SEEK_DATA) < 0 && errno == ENXIO))
		return 0;
	while (to > from) {
		uint64_t at = max_u64(from, to - min_u64(to - from, WINDOW_BYTES));
		int r = last_of_window(fd, at, to, buf, &left, ret);

		if (r < 0 || *ret > at)
			return r;
		to = at;
	}
	*ret = from;
	return 0;
}

int behind_in_image(struct disc *d, int fd, const struct session_list *l, uint64_t bytes, uint64_t *ret_sectors)
{
	uint64_t from = l->end_sectors * SECTOR_BYTES, start = round_up(l->end_sectors, SESSION_ALIGN_SECTORS), last,
		 end, ours = 0;
	int r = last_byte(fd, from, bytes, &last);

	*ret_sectors = l->end_sectors;
	if (r < 0 || last <= from)
		return r;
	end = sectors_of(last);
	r = unpublished_at(d, l, start, sectors_of(bytes), &ours);
	if (r == 0 && end > ours)
		r = unpublished_before(d, l, end, sectors_of(bytes), &start);
	else
		start = l->end_sectors;
	if (r == 0 && start > l->end_sectors) {
		r = last_byte(fd, from, start * SECTOR_BYTES, &last);
		end = sectors_of(last);
	}
	if (r == 0 && end > ours)
		*ret_sectors = end;
	return r;
}

/* ---- a drive ---- */

/* El Torito 2.0 to 2.5: entries of 32 bytes, the place of the image in bytes 8 to 11. */
static bool catalog_names(const uint8_t catalog[SECTOR_BYTES], uint64_t from, uint64_t to)
{
	enum { ENTRY = 32, BOOTABLE = 0x88, NOT_BOOTABLE = 0 };

	if (catalog[0] != 1 || get_le16(catalog + 30) != 0xaa55)
		return false;
	for (unsigned at = ENTRY; at < SECTOR_BYTES; at += ENTRY) {
		uint32_t lba = get_le32(catalog + at + 8);

		if ((catalog[at] == BOOTABLE || catalog[at] == NOT_BOOTABLE) && lba >= from && lba < to)
			return true;
	}
	return false;
}

/* 1: the newest session's catalog names what lies behind.  These blocks were written: one that cannot be read is -EIO,
 * and nobody knows. */
static int boot_image_behind(struct disc *d, const struct session_list *l, uint64_t n_sectors)
{
	uint32_t lba = l->sessions[l->n - 1].descriptor_lba;
	uint8_t sector[SECTOR_BYTES];
	int r = 0;

	for (unsigned i = 1; i < DESCRIPTORS_SECTORS && r == 0; i++) {
		r = disc_read(d, lba + i, sector, 1);
		if (r < 0 || descriptor_ends_set(sector))
			return r;
		if (!el_torito_is_boot_record(sector))
			continue;
		lba = el_torito_catalog(sector);
		if (lba >= n_sectors)
			return 0;
		if (lba >= l->end_sectors)
			return 1;
		r = disc_read(d, lba, sector, 1);
		return r < 0 ? r : catalog_names(sector, l->end_sectors, n_sectors);
	}
	return r;
}

static bool is_error_correction(const uint8_t *sectors, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (memcmp(sectors + (size_t)i * SECTOR_BYTES, "*dvdisaster*", 12) == 0)
			return true;
	return false;
}

int behind_on_drive(struct disc *d, const struct session_list *l, uint64_t n_sectors)
{
	uint64_t start = round_up(l->end_sectors, SESSION_ALIGN_SECTORS), ours = 0, lba = l->end_sectors,
		 to = min_u64(start + DRIVE_LOOK_SECTORS, n_sectors);
	bool foreign = !l->sessions[l->n - 1].ours;
	uint8_t sectors[DRIVE_PIECE_SECTORS * SECTOR_BYTES];
	int r = boot_image_behind(d, l, n_sectors);

	if (r == 0)
		r = unpublished_at(d, l, start, n_sectors, &ours);
	if (r != 0 || ours)
		return r;
	while (lba < to) {
		uint32_t n = (uint32_t)min_u64(DRIVE_PIECE_SECTORS - lba % DRIVE_PIECE_SECTORS, to - lba);

		r = disc_read(d, (uint32_t)lba, sectors, n);
		if (r < 0 && r != -EIO)
			return r;
		if (r == 0 &&
		    (foreign ? !bytes_are_zeros(sectors, (size_t)n * SECTOR_BYTES) : is_error_correction(sectors, n)))
			return 1;
		lba += n;
	}
	return 0;
}
