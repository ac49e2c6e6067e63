/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/format/parity.c, burner/parity/maker.c and reader.c: an area of parity on a disc in memory, and damage. */
#include "burner/parity/maker.h"
#include "burner/parity/reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "burner/base/io.h"

/* A disc: some blocks, what is protected, something between, the area. */
struct world {
	struct parity_header header;
	uint32_t sectors;
	uint8_t *bytes, *right;
	bool *unreadable;
	uint64_t last_at; /* that the maker asked for */
	unsigned passes;
	unsigned reads; /* of the disc */
	struct parity *parity;
};

/* Of libcrypto: what it has no memory for is no damage. */
static bool no_memory;
int EVP_Digest(const void *data, size_t count, unsigned char *md, unsigned int *size, const EVP_MD *type, ENGINE *impl)
{
	static int (*real)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *, ENGINE *);

	if (!real)
		real = (int (*)(const void *, size_t, unsigned char *, unsigned int *, const EVP_MD *,
				ENGINE *))dlsym(RTLD_NEXT, "EVP_Digest");
	return no_memory ? 0 : real(data, count, md, size, type, impl);
}

static uint32_t seed = 1;
static uint32_t random_number(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)seed * below >> 32);
}

static int world_read(void *context, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct world *w = context;

	w->reads++;
	if (lba >= w->sectors || n_sectors > w->sectors - lba)
		return -EIO;
	for (uint32_t i = 0; i < n_sectors; i++)
		if (w->unreadable[lba + i])
			return -EIO;
	memcpy(buf, w->bytes + (size_t)lba * SECTOR_BYTES, (size_t)n_sectors * SECTOR_BYTES);
	return 0;
}

static int source_begin(void *context)
{
	struct world *w = context;

	w->last_at = 0;
	w->passes++;
	return 0;
}

static int source_read(void *context, uint64_t at, void *buf, uint32_t n_sectors)
{
	struct world *w = context;

	assert_true(at >= w->last_at);
	w->last_at = at + n_sectors;
	for (uint32_t done = 0; done < n_sectors;) {
		uint32_t n = 0, lba = parity_lba_of(&w->header, at + done, &n);

		n = n < n_sectors - done ? n : n_sectors - done;
		assert_int_equal(world_read(w, lba, (uint8_t *)buf + (size_t)done * SECTOR_BYTES, n), 0);
		done += n;
	}
	return 0;
}

static void world_open(struct world *w)
{
	const struct parity_disc disc = {world_read, w};

	parity_close(w->parity);
	w->parity = NULL;
	assert_int_equal(parity_open(&disc, w->header.lba, &w->parity), 0);
}

/* Protected: n_ranges of `sectors` each, with 8 blocks before each of them. */
static void world_begin(struct world *w, uint32_t sectors, unsigned n_ranges, unsigned percent)
{
	const struct parity_source source = {source_begin, source_read, NULL, w};
	int fd = memfd_create("area", MFD_CLOEXEC);

	*w = (struct world){.header.n_ranges = n_ranges};
	memset(w->header.uuid, 7, sizeof(w->header.uuid));
	for (unsigned i = 0; i < n_ranges; i++)
		w->header.ranges[i] = (struct parity_range){8 + i * (8 + sectors), sectors};
	w->header.lba = n_ranges * (8 + sectors);
	w->header.shape = parity_shape_of((uint64_t)n_ranges * sectors, percent);
	w->header.sectors = (uint32_t)parity_area_sectors(&w->header.shape);
	w->sectors = w->header.lba + w->header.sectors;
	w->bytes = malloc((size_t)w->sectors * SECTOR_BYTES);
	w->right = malloc((size_t)w->sectors * SECTOR_BYTES);
	w->unreadable = calloc(w->sectors, sizeof(*w->unreadable));
	assert_true(w->bytes && w->right && w->unreadable && fd >= 0);
	for (size_t i = 0; i < (size_t)w->header.lba * SECTOR_BYTES; i += 4)
		put_le32(w->bytes + i, (uint32_t)random_number(UINT32_MAX));
	assert_int_equal(parity_make(&w->header, &source, fd), 0);
	assert_int_equal(pread_full(fd, w->bytes + (size_t)w->header.lba * SECTOR_BYTES,
				    (size_t)w->header.sectors * SECTOR_BYTES, 0, NULL),
			 0);
	close(fd);
	memcpy(w->right, w->bytes, (size_t)w->sectors * SECTOR_BYTES);
	world_open(w);
}

static void world_heal(struct world *w)
{
	memcpy(w->bytes, w->right, (size_t)w->sectors * SECTOR_BYTES);
	memset(w->unreadable, 0, w->sectors * sizeof(*w->unreadable));
}

static void world_end(struct world *w)
{
	parity_close(w->parity);
	free(w->bytes);
	free(w->right);
	free(w->unreadable);
}

static void lose_blocks(struct world *w, uint32_t lba, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		w->unreadable[lba + i] = true;
}

static void alter(struct world *w, uint32_t lba)
{
	w->bytes[(size_t)lba * SECTOR_BYTES + random_number(SECTOR_BYTES)] ^= (uint8_t)(1 + random_number(255));
}

/* As it was, to the last byte. */
static bool piece_is_right(struct world *w, uint32_t number, const uint8_t *piece)
{
	uint32_t n = parity_piece_sectors(w->parity, number);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t following,
			lba = parity_lba_of(&w->header, (uint64_t)number * PARITY_PIECE_SECTORS + i, &following);

		if (memcmp(piece + (size_t)i * SECTOR_BYTES, w->right + (size_t)lba * SECTOR_BYTES, SECTOR_BYTES) != 0)
			return false;
	}
	return true;
}

/* How many are lost and beyond repair by the survey; each that is not beyond comes back right, others not at all. */
static void check_damage(struct world *w, uint32_t lost, uint32_t beyond)
{
	uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	struct parity_damage damage;
	uint32_t n_lost = 0, n_beyond = 0;

	assert_non_null(piece);
	assert_int_equal(parity_survey(w->parity, NULL, NULL, &damage), 0);
	assert_int_equal(damage.n_lost, lost);
	assert_int_equal(damage.n_beyond, beyond);
	for (uint32_t n = 0, i = 0; n < w->header.shape.pieces; n++, i += w->header.shape.columns) {
		if (i >= w->header.shape.pieces) /* column after column */
			i = i % w->header.shape.columns + 1;
		if (!parity_is_lost(w->parity, i))
			continue;
		n_lost++;
		n_beyond += parity_is_beyond(w->parity, i);
		if (parity_is_beyond(w->parity, i)) {
			assert_int_equal(parity_restore(w->parity, i, piece), -EBADMSG);
		} else {
			assert_int_equal(parity_restore(w->parity, i, piece), 0);
			assert_true(piece_is_right(w, i, piece));
		}
	}
	assert_int_equal(n_lost, lost);
	assert_int_equal(n_beyond, beyond);
	free(piece);
}

static void test_shapes(void **state)
{
	(void)state;
	for (unsigned percent = 1; percent <= PARITY_PERCENT_MAX; percent++) {
		uint64_t before = 0;

		for (uint64_t sectors = 1; sectors < UINT32_MAX / 2; sectors += 1 + sectors / 30) {
			struct parity_shape s = parity_shape_of(sectors, percent);

			assert_true(s.rows && s.columns && s.parity && s.rows + s.parity <= PARITY_CODEWORD_MAX);
			assert_true((uint64_t)s.rows * s.columns >= s.pieces);
			assert_true((uint64_t)(s.rows - 1) * s.columns < s.pieces);
			assert_true((uint64_t)s.parity * 100 >= (uint64_t)s.rows * percent);
			assert_true(parity_area_sectors(&s) >= before);
			before = parity_area_sectors(&s);
		}
		for (uint32_t sectors = 1; sectors < 40000; sectors += 7) {
			assert_true(parity_sectors_for(sectors, percent) <= parity_sectors_for(sectors + 1, percent));
		}
	}
	/* What it is called by: 5, 10 and 20 % of a large session, and not half a percent more. */
	for (unsigned percent = 5; percent <= 20; percent *= 2)
		for (uint64_t sectors = 340000; sectors < 60000000; sectors *= 3)
			assert_in_range(parity_sectors_for(sectors, percent) * 1000 / sectors, percent * 10,
					percent * 10 + 5);
}

static void test_header(void **state)
{
	struct parity_header h = {.lba = 5000, .n_ranges = 2, .ranges = {{32, 1000}, {2000, 77}}}, got;
	uint8_t sector[SECTOR_BYTES], changed[SECTOR_BYTES];

	(void)state;
	h.shape = parity_shape_of(1077, 10);
	h.sectors = (uint32_t)parity_area_sectors(&h.shape);
	assert_int_equal(parity_header_encode(&h, sector), 0);
	assert_int_equal(parity_header_decode(sector, &got), 0);
	assert_memory_equal(&h, &got, sizeof(h));
	for (unsigned i = 0; i < SECTOR_BYTES; i++) {
		memcpy(changed, sector, sizeof(changed));
		changed[i] ^= 1;
		assert_int_equal(parity_header_decode(changed, &got), -ENODATA);
	}
	/* What is sound by its digest, and says what cannot be. */
	static const struct parity_range wrong[][2] = {{{32, 0}, {2000, 1077}},		{{2000, 1000}, {32, 77}},
						       {{32, 1000}, {1000, 77}},	{{32, 1000}, {5001, 77}},
						       {{32, 1000}, {4990, 77}},	{{32, 1000}, {6000, 77}},
						       {{32, 1000}, {4294967290u, 77}}, {{32, 1000}, {2000, 4000}},
						       {{32, 1000}, {2000, 1}}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct parity_header bad = h;

		memcpy(bad.ranges, wrong[i], sizeof(wrong[i]));
		assert_int_equal(parity_header_encode(&bad, sector), 0);
		assert_int_equal(parity_header_decode(sector, &got), -ENODATA);
	}
	for (unsigned i = 0; i < 5; i++) {
		struct parity_header bad = h;

		*(uint32_t *[]){&bad.shape.rows, &bad.shape.parity, &bad.shape.columns, &bad.sectors, &bad.lba}[i] +=
			i == 4 ? UINT32_MAX - 5000 : 1;
		assert_int_equal(parity_header_encode(&bad, sector), 0);
		assert_int_equal(parity_header_decode(sector, &got), -ENODATA);
	}
}

/* One to some blocks: a session is never too small. */
static void test_small(void **state)
{
	(void)state;
	for (uint32_t sectors = 1; sectors < 100; sectors += 9) {
		struct world w;

		world_begin(&w, sectors, 1, 5);
		check_damage(&w, 0, 0);
		lose_blocks(&w, w.header.ranges[0].lba,
			    sectors < PARITY_PIECE_SECTORS ? sectors : PARITY_PIECE_SECTORS);
		check_damage(&w, 1, 0);
		lose_blocks(&w, parity_data_lba(&w.header) + 3, 1);
		check_damage(&w, 1, sectors > 3);
		world_end(&w);
	}
}

/* As many blocks in a row as there is parity, wherever they are; one more is refused. */
static void test_contiguous(void **state)
{
	static const unsigned percents[] = {5, 10, 20};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w;
		uint32_t bound, first;

		world_begin(&w, 260 * PARITY_PIECE_SECTORS + 5, 1, percents[i]);
		assert_int_equal(w.header.shape.columns, 2);
		bound = w.header.shape.parity * w.header.shape.columns * PARITY_PIECE_SECTORS;
		first = w.header.ranges[0].lba;
		for (uint32_t from = 0; from < w.header.ranges[0].sectors - bound; from += 2777) {
			uint32_t pieces = (from + bound - 1) / PARITY_PIECE_SECTORS - from / PARITY_PIECE_SECTORS + 1;

			world_heal(&w);
			lose_blocks(&w, first + from, bound);
			check_damage(&w, pieces, 0);
		}
		world_heal(&w);
		lose_blocks(&w, first, bound + 1);
		check_damage(&w, bound / PARITY_PIECE_SECTORS + 1, w.header.shape.parity + 1);
		world_end(&w);
	}
}

/* As many pieces of each column as there is parity are altered, data and parity, at random; one more is refused. */
static void test_random(void **state)
{
	static const unsigned percents[] = {5, 10, 20};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w;
		const struct parity_shape *s = &w.header.shape;
		uint32_t lost = 0, whole = 0, in_column = 0;

		world_begin(&w, 260 * PARITY_PIECE_SECTORS - 5, 1, percents[i]);
		for (uint32_t column = 0; column < s->columns; column++) {
			bool hit[PARITY_CODEWORD_MAX] = {0};

			in_column = 0;
			for (unsigned n = 0; n < s->parity;) {
				unsigned row = random_number(s->rows + s->parity);
				uint32_t number = row * s->columns + column;

				if (hit[row] || (row < s->rows && number >= s->pieces))
					continue;
				hit[row] = true;
				n++;
				in_column += row < s->rows;
				alter(&w, row < s->rows ?
						  8 + number * PARITY_PIECE_SECTORS :
						  parity_data_lba(&w.header) + ((row - s->rows) * s->columns + column) *
										       PARITY_PIECE_SECTORS);
			}
			for (unsigned row = 0; row < s->rows; row++)
				if (!hit[row])
					whole = row * s->columns + column;
			lost += in_column;
		}
		check_damage(&w, lost, 0);
		alter(&w, 8 + whole * PARITY_PIECE_SECTORS);
		check_damage(&w, lost + 1, in_column + 1);
		world_end(&w);
	}
}

/* Of what the area says of itself one copy may be lost, and digests of both. */
static void test_copies(void **state)
{
	struct world w;
	struct parity_damage damage;
	uint32_t n;

	(void)state;
	world_begin(&w, 300 * PARITY_PIECE_SECTORS, 1, 10);
	n = (uint32_t)parity_table_sectors(&w.header.shape);
	assert_true(n > 3);
	assert_int_equal(parity_survey(w.parity, NULL, NULL, &damage), 0);
	assert_false(damage.tables || damage.headers || damage.digestless);
	for (unsigned which = 0; which < 2; which++) {
		world_heal(&w);
		lose_blocks(&w, parity_table_lba(&w.header, which), n);
		alter(&w, parity_header_lba(&w.header, which));
		lose_blocks(&w, 8 + 64, 1);
		alter(&w, 8 + 960);
		assert_int_equal(parity_survey(w.parity, NULL, NULL, &damage), 0);
		assert_true(damage.tables && damage.headers && !damage.digestless);
		check_damage(&w, 2, 0);
		const struct parity_disc disc = {world_read, &w};
		struct parity *p = NULL;
		assert_int_equal(parity_open(&disc, parity_header_lba(&w.header, which), &p), -EBADMSG);
		assert_int_equal(parity_open(&disc, parity_header_lba(&w.header, !which), &p), 0);
		parity_close(p);
	}
	/* A block of digests in both: what it was of cannot be proven, all else can. */
	alter(&w, parity_table_lba(&w.header, 0));
	parity_close(w.parity);
	w.parity = NULL;
	world_heal(&w);
	world_open(&w);
	alter(&w, parity_table_lba(&w.header, 0) + 1);
	alter(&w, parity_table_lba(&w.header, 1) + 1);
	lose_blocks(&w, 8, 32);
	alter(&w, 8 + 200 * PARITY_PIECE_SECTORS);
	check_damage(&w, 2, 0);
	assert_int_equal(parity_survey(w.parity, NULL, NULL, &damage), 0);
	assert_int_equal(damage.digestless, PARITY_BLOCK_DIGESTS);
	/* The copy of the descriptors. */
	assert_memory_equal(w.right + (size_t)parity_copy_lba(&w.header) * SECTOR_BYTES,
			    w.right + (size_t)(8 + PARITY_COPY_AT) * SECTOR_BYTES,
			    (size_t)PARITY_COPY_SECTORS * SECTOR_BYTES);
	world_end(&w);
}

/* Blocks here and there, pieces that lie in two of them. */
static void test_ranges(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, 777, 5, 10);
	check_damage(&w, 0, 0);
	lose_blocks(&w, w.header.ranges[1].lba - 8, 8);
	check_damage(&w, 0, 0);
	lose_blocks(&w, w.header.ranges[2].lba, 1);
	alter(&w, w.header.ranges[4].lba + 776);
	alter(&w, w.header.ranges[0].lba);
	check_damage(&w, 3, 0);
	world_end(&w);
}

/* Of several ranges the last one is of the session that the area lies in: its descriptors stand a second time. */
static void test_copy_of_the_last_range(void **state)
{
	static const uint32_t lengths[] = {777, 16 + PARITY_COPY_SECTORS, 9};

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct parity_damage damage;
		struct world w;

		world_begin(&w, lengths[i], 3, 10);
		for (uint32_t n = 0; n < PARITY_COPY_SECTORS; n++) {
			uint32_t copy = parity_copy_lba(&w.header) + n, of = w.header.ranges[2].lba + 16 + n;
			uint8_t block[SECTOR_BYTES];

			if (lengths[i] < 16 + PARITY_COPY_SECTORS) {
				assert_int_equal(parity_restore_block(w.parity, copy, block), -ENOENT);
				continue;
			}
			assert_memory_equal(w.bytes + (size_t)copy * SECTOR_BYTES, w.bytes + (size_t)of * SECTOR_BYTES,
					    SECTOR_BYTES);
			alter(&w, of);
			assert_int_equal(parity_restore_block(w.parity, copy, block), 0);
			assert_memory_equal(block, w.right + (size_t)of * SECTOR_BYTES, SECTOR_BYTES);
			world_heal(&w);
			alter(&w, copy);
			assert_int_equal(parity_survey(w.parity, NULL, NULL, &damage), 0);
			assert_true(damage.headers);
			world_heal(&w);
			assert_int_equal(parity_survey(w.parity, NULL, NULL, &damage), 0);
			assert_false(damage.headers);
		}
		check_damage(&w, 0, 0);
		world_end(&w);
	}
}

/* More than fits at once is gone through more than once, each time in ascending order, and gives the same. */
static void test_groups(void **state)
{
	struct world w;

	(void)state;
	world_begin(&w, 127 * 12 * PARITY_PIECE_SECTORS - 3, 1, 100);
	assert_true(w.passes > 1);
	lose_blocks(&w, 8 + 4711, 12 * PARITY_PIECE_SECTORS * 5);
	alter(&w, 8 + 20000);
	check_damage(&w, 12 * 5 + 2, 0);
	world_end(&w);
}

/* What cannot be read, or cannot be looked at, need not be so the next time. */
static void test_headers_that_cannot_be_read(void **state)
{
	struct world w;
	const struct parity_disc disc = {world_read, &w};
	struct parity *p = NULL;
	struct parity_header got;

	(void)state;
	world_begin(&w, 777, 1, 10);
	no_memory = true;
	assert_int_equal(parity_header_decode(w.bytes + (size_t)w.header.lba * SECTOR_BYTES, &got), -ENOMEM);
	assert_int_equal(parity_open(&disc, w.header.lba, &p), -ENOMEM);
	no_memory = false;
	lose_blocks(&w, w.header.lba, 1);
	assert_int_equal(parity_open(&disc, w.header.lba, &p), -EIO);
	world_heal(&w);
	alter(&w, w.header.lba);
	assert_int_equal(parity_open(&disc, w.header.lba, &p), -EBADMSG);
	assert_int_equal(parity_open(&disc, 8, &p), -EBADMSG);
	world_end(&w);
}

/* Each piece of a column that was read, lost or not, restored or beyond it. */
static void test_columns_are_read_once(void **state)
{
	struct world w;
	uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	const struct parity_shape *s = &w.header.shape;

	(void)state;
	assert_non_null(piece);
	world_begin(&w, 300 * PARITY_PIECE_SECTORS, 1, 5);
	assert_true(s->columns == 2 && s->parity > 3);
	for (unsigned n_lost = s->parity; n_lost <= s->parity + 1; n_lost++) {
		bool beyond = n_lost > s->parity;
		unsigned before, n = 0;

		world_heal(&w);
		for (unsigned row = 0; row < n_lost; row++)
			lose_blocks(&w, 8 + row * s->columns * PARITY_PIECE_SECTORS, PARITY_PIECE_SECTORS);
		world_open(&w);
		assert_int_equal(parity_restore(w.parity, 2, piece), beyond ? -EBADMSG : 0);
		before = w.reads;
		for (unsigned row = 0; row < s->rows; row++) {
			bool is_lost = beyond && row < n_lost;

			assert_int_equal(parity_restore(w.parity, row * 2, piece), is_lost ? -EBADMSG : 0);
			assert_true(is_lost || piece_is_right(&w, row * 2, piece));
		}
		/* Blocks of digests are read for those that are not lost. */
		assert_true(w.reads - before <= 2 * s->rows);
		for (uint32_t i = parity_next_lost(w.parity, 0); i != UINT32_MAX; i = parity_next_lost(w.parity, i + 1))
			assert_int_equal(i, 2 * n++);
		assert_int_equal(n, beyond ? 0 : n_lost);
		parity_forget(w.parity);
		assert_int_equal(parity_next_lost(w.parity, 0), UINT32_MAX);
		assert_int_equal(parity_restore(w.parity, 0, piece), beyond ? -EBADMSG : 0);
	}
	free(piece);
	world_end(&w);
}

static void lose_digest(struct world *w, uint32_t number)
{
	for (unsigned which = 0; which < 2; which++)
		alter(w, parity_table_lba(&w->header, which) + number / PARITY_BLOCK_DIGESTS);
}

/* Pieces whose digests are lost in both tables are tried, of data and of parity; what is made of them is proven. */
static void test_unknown_pieces_are_tried(void **state)
{
	struct world w;
	uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	const struct parity_shape *s = &w.header.shape;

	(void)state;
	assert_non_null(piece);
	world_begin(&w, 300 * PARITY_PIECE_SECTORS, 1, 10);
	assert_int_equal(s->columns, 2);
	for (unsigned n_altered = 0; n_altered < 3; n_altered++)
		for (unsigned of_data = 0; of_data < 2 && n_altered < 2 + !of_data; of_data++) {
			uint32_t first = of_data ? 140 : s->pieces + s->pieces % 2;

			world_heal(&w);
			lose_digest(&w, first);
			for (unsigned i = 0; i < n_altered; i++)
				alter(&w, of_data ? 8 + (first + 2 * i) * PARITY_PIECE_SECTORS :
						    parity_data_lba(&w.header) + 2 * i * PARITY_PIECE_SECTORS);
			lose_blocks(&w, 8, PARITY_PIECE_SECTORS);
			world_open(&w);
			assert_int_equal(parity_restore(w.parity, 0, piece), 0);
			assert_true(piece_is_right(&w, 0, piece));
		}
	free(piece);
	world_end(&w);
}

/* One of those is wrong, and so many others are lost in part that none of them could be lost as a whole besides. */
static void test_unknown_pieces_beside_parts(void **state)
{
	struct world w;
	uint8_t *piece = malloc(PARITY_PIECE_BYTES);
	const struct parity_shape *s = &w.header.shape;

	(void)state;
	assert_non_null(piece);
	world_begin(&w, 300 * PARITY_PIECE_SECTORS, 1, 10);
	assert_true(s->columns == 2 && s->parity == 15);
	lose_digest(&w, 140);
	alter(&w, 8 + 140 * PARITY_PIECE_SECTORS);
	lose_blocks(&w, 8, PARITY_PIECE_SECTORS);
	for (uint32_t i = 1; i <= s->parity; i++)
		lose_blocks(&w, 8 + 2 * i * PARITY_PIECE_SECTORS + i, 1);
	world_open(&w);
	assert_int_equal(parity_restore(w.parity, 0, piece), 0);
	assert_true(piece_is_right(&w, 0, piece));
	for (uint32_t i = 1; i <= s->parity; i++) {
		assert_int_equal(parity_restore(w.parity, 2 * i, piece), 0);
		assert_true(piece_is_right(&w, 2 * i, piece));
	}
	free(piece);
	world_end(&w);
}

/* A lost piece of which nothing can be proven is refused, and says nothing of the others of its column. */
static void test_lost_piece_without_digest(void **state)
{
	struct world w;
	uint8_t *piece = malloc(PARITY_PIECE_BYTES);

	(void)state;
	assert_non_null(piece);
	world_begin(&w, 300 * PARITY_PIECE_SECTORS, 1, 10);
	lose_digest(&w, 140);
	lose_blocks(&w, 8 + 140 * PARITY_PIECE_SECTORS, PARITY_PIECE_SECTORS);
	lose_blocks(&w, 8, PARITY_PIECE_SECTORS);
	world_open(&w);
	assert_int_equal(parity_restore(w.parity, 140, piece), -EBADMSG);
	assert_int_equal(parity_restore(w.parity, 0, piece), 0);
	assert_true(piece_is_right(&w, 0, piece));
	free(piece);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_contiguous),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_copy_of_the_last_range),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_headers_that_cannot_be_read),
		cmocka_unit_test(test_columns_are_read_once),
		cmocka_unit_test(test_unknown_pieces_are_tried),
		cmocka_unit_test(test_unknown_pieces_beside_parts),
		cmocka_unit_test(test_lost_piece_without_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
