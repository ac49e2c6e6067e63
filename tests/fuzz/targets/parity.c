/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/parity: an area of parity, and blocks that it protects, of which anything may be lost or changed
 *
 * A disc of two ranges and their area.  Input: flags (1 byte: 1 the header says something else, 2 the blocks of digests
 * are sealed again after the patches), with 1: a field of the header (1 byte) and its value (a number) up to a byte of
 * 255; runs of blocks that cannot be read (number of them, then first and how many: 2 bytes, 1 byte), then patches:
 * sector (2 bytes), offset (2), length (1), bytes.  What comes back is right, or nothing does, and it ends soon.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/parity/maker.h"
#include "burner/parity/reader.h"
#include "tests/fuzz/common/target.h"

#define RANGE_SECTORS 333u
#define DISC_SECTORS 1400u
#define AREA_LBA 800u
#define READS_MAX 2000000u

static uint8_t made[DISC_SECTORS * SECTOR_BYTES], bytes[DISC_SECTORS * SECTOR_BYTES];
static bool unreadable[DISC_SECTORS];
static uint64_t n_reads;
static struct parity_header header;

static int read_disc(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	(void)context;
	n_reads++;
	if (lba >= DISC_SECTORS || n_sectors > DISC_SECTORS - lba)
		return -EIO;
	for (uint32_t i = 0; i < n_sectors; i++)
		if (unreadable[lba + i])
			return -EIO;
	memcpy(buf, bytes + (size_t)lba * SECTOR_BYTES, (size_t)n_sectors * SECTOR_BYTES);
	return 0;
}

static int source_begin(void *context)
{
	(void)context;
	return 0;
}

static int source_read(void *context, uint64_t at, void *buf, uint32_t n_sectors)
{
	(void)context;
	for (uint32_t i = 0; i < n_sectors; i++) {
		uint32_t following, lba = parity_lba_of(&header, at + i, &following);

		memcpy((uint8_t *)buf + (size_t)i * SECTOR_BYTES, made + (size_t)lba * SECTOR_BYTES, SECTOR_BYTES);
	}
	return 0;
}

static void make_once(void)
{
	const struct parity_source source = {.begin = source_begin, .read = source_read};
	int fd;

	if (header.sectors)
		return;
	for (size_t i = 0; i < sizeof(made); i++)
		made[i] = (uint8_t)(i / SECTOR_BYTES * 31 + i / 7);
	header = (struct parity_header){.lba = AREA_LBA,
					.n_ranges = 2,
					.ranges = {{20, RANGE_SECTORS}, {400, RANGE_SECTORS}}};
	header.shape = parity_shape_of(2 * RANGE_SECTORS, 20);
	header.sectors = (uint32_t)parity_area_sectors(&header.shape);
	MUST(AREA_LBA + header.sectors <= DISC_SECTORS);
	fd = memfd_create("area", MFD_CLOEXEC);
	MUST(fd >= 0 && parity_make(&header, &source, fd) == 0);
	MUST(pread_full(fd, made + (size_t)AREA_LBA * SECTOR_BYTES, (size_t)header.sectors * SECTOR_BYTES, 0, NULL) ==
	     0);
	close(fd);
}

/* In both copies, with the digest that belongs to it. */
static void change_header(struct input *in)
{
	struct parity_header h = header;
	uint8_t sector[SECTOR_BYTES];

	for (uint8_t field; in->left && (field = take_u8(in)) != 255;) {
		uint32_t value = (uint32_t)take_number(in);
		uint32_t *const fields[] = {
			&h.lba,		  &h.sectors,		&h.shape.rows,	  &h.shape.parity,     &h.shape.columns,
			&h.ranges[0].lba, &h.ranges[0].sectors, &h.ranges[1].lba, &h.ranges[1].sectors};

		if (field == 9)
			h.n_ranges = value % (PARITY_RANGES_MAX + 1);
		else
			*fields[field % 9] = value;
	}
	MUST(parity_header_encode(&h, sector) == 0);
	for (unsigned which = 0; which < 2; which++)
		memcpy(bytes + (size_t)parity_header_lba(&header, which) * SECTOR_BYTES, sector, sizeof(sector));
}

static void lose(struct input *in)
{
	for (unsigned n = take_u8(in); n && in->left; n--) {
		uint32_t first = take_u16(in) % DISC_SECTORS, length = take_u8(in);

		for (uint32_t i = first; i < DISC_SECTORS && i - first < length; i++)
			unreadable[i] = true;
	}
}

static void patch(struct input *in)
{
	while (in->left) {
		size_t at = take_u16(in) % DISC_SECTORS * SECTOR_BYTES + take_u16(in) % SECTOR_BYTES, n;
		const uint8_t *from = take_bytes(in, take_u8(in), &n);

		memcpy(bytes + at, from, min_u64(n, sizeof(bytes) - at));
	}
}

static void seal(void)
{
	for (unsigned which = 0; which < 2; which++)
		for (uint32_t i = 0; i < parity_table_sectors(&header.shape); i++)
			MUST(parity_digests_seal(header.uuid, i,
						 bytes + (size_t)(parity_table_lba(&header, which) + i) *
								 SECTOR_BYTES) == 0);
}

/* As it was made, when nobody has forged what says how that was. */
static void check_piece(struct parity *p, uint32_t number, bool forged)
{
	static uint8_t piece[PARITY_PIECE_BYTES], right[PARITY_PIECE_BYTES];
	int r = parity_restore(p, number, piece);

	MUST(r == 0 || r == -EBADMSG);
	if (r || forged)
		return;
	source_read(NULL, (uint64_t)number * PARITY_PIECE_SECTORS, right, parity_piece_sectors(p, number));
	MUST(!memcmp(piece, right, (size_t)parity_piece_sectors(p, number) * SECTOR_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct parity_disc disc = {.read = read_disc};
	struct input in = {data, size};
	uint8_t flags = take_u8(&in);
	struct parity_damage damage;
	struct parity *p = NULL;

	make_once();
	memcpy(bytes, made, sizeof(bytes));
	memset(unreadable, 0, sizeof(unreadable));
	n_reads = 0;
	if (flags & 1)
		change_header(&in);
	lose(&in);
	patch(&in);
	if (flags & 2)
		seal();
	for (unsigned which = 0; which < 2 && !p; which++) {
		int r = parity_open(&disc, parity_header_lba(&header, which), &p);

		MUST(r == 0 ? p != NULL : r == -EBADMSG || r == -EIO);
	}
	if (!p)
		return 0;
	MUST(parity_survey(p, NULL, NULL, &damage) == 0);
	MUST(damage.n_beyond <= damage.n_lost && damage.n_lost <= parity_header(p)->shape.pieces);
	for (uint32_t i = 0; i < parity_header(p)->shape.pieces; i++)
		if (parity_is_lost(p, i) || i % 7 == 0)
			check_piece(p, i, flags & 3);
	MUST(n_reads < READS_MAX);
	parity_close(p);
	return 0;
}
