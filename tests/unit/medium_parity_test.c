/* SPDX-License-Identifier: GPL-3.0-or-later */
/* disc_healing.c and disc_repaired.c, over a disc in memory that is a session with an area of parity or two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/parity/maker.h"
#include "cdappendfs/burn.h"

#define SECTORS 16000u /* of data, from block 0 on */
#define ROOM 40000u

struct world {
	struct disc disc;
	struct disc_session sessions[2];
	size_t n_sessions;
	uint32_t sectors;
	uint64_t n_read; /* blocks */
	struct parity_header header;
	uint8_t bytes[ROOM][SECTOR_BYTES], right[ROOM][SECTOR_BYTES];
	bool unreadable[ROOM];
} * world;

static int world_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	(void)d;
	world->n_read += n_sectors;
	if (lba >= world->sectors || n_sectors > world->sectors - lba)
		return -EIO;
	for (uint32_t i = 0; i < n_sectors; i++)
		if (world->unreadable[lba + i])
			return -EIO;
	memcpy(buf, world->bytes[lba], (size_t)n_sectors * SECTOR_BYTES);
	return 0;
}

static int world_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	(void)d;
	*ret = calloc(2, sizeof(**ret));
	assert_non_null(*ret);
	memcpy(*ret, world->sessions, sizeof(world->sessions));
	*ret_n = world->n_sessions;
	return 0;
}

static int world_state(struct disc *d, struct disc_state *ret)
{
	(void)d;
	*ret = (struct disc_state){.kind = MEDIUM_OTHER};
	return 0;
}

static int world_fd(struct disc *d)
{
	(void)d;
	return 1000;
}

static void world_close(struct disc *d) { (void)d; }

static int source_begin(void *context)
{
	(void)context;
	return 0;
}

static int source_read(void *context, uint64_t at, void *buf, uint32_t n_sectors)
{
	uint32_t following;

	(void)context;
	for (uint32_t i = 0; i < n_sectors; i++)
		memcpy((uint8_t *)buf + (size_t)i * SECTOR_BYTES,
		       world->bytes[parity_lba_of(&world->header, at + i, &following)], SECTOR_BYTES);
	return 0;
}

/* A session of one range with its area behind all that there is. */
static void add_area(uint32_t from, uint32_t sectors, unsigned percent)
{
	const struct parity_source source = {source_begin, source_read, NULL, NULL};
	struct parity_header *h = &world->header;
	int fd = memfd_create("area", MFD_CLOEXEC);

	*h = (struct parity_header){.n_ranges = 1,
				    .ranges = {{from, sectors}},
				    .lba = world->sectors,
				    .shape = parity_shape_of(sectors, percent)};
	h->sectors = (uint32_t)parity_area_sectors(&h->shape);
	world->sectors += h->sectors;
	assert_true(fd >= 0 && world->sectors <= ROOM);
	assert_int_equal(parity_make(h, &source, fd), 0);
	assert_int_equal(pread_full(fd, world->bytes[h->lba], (size_t)h->sectors * SECTOR_BYTES, 0, NULL), 0);
	close(fd);
	world->sessions[world->n_sessions++] =
		(struct disc_session){.parity_lba = h->lba, .parity_sectors = h->sectors};
	memcpy(world->right, world->bytes, sizeof(world->bytes));
}

static int begin(void **state)
{
	static const struct disc_ops ops = {.read = world_read,
					    .sessions = world_sessions,
					    .state = world_state,
					    .fd = world_fd,
					    .close = world_close};

	(void)state;
	world = calloc(1, sizeof(*world));
	if (!world)
		return -1;
	world->disc.ops = &ops;
	world->sectors = SECTORS;
	srandom(3);
	for (uint32_t i = 0; i < SECTORS; i++)
		for (unsigned k = 0; k < SECTOR_BYTES; k += 4)
			put_le32(world->bytes[i] + k, (uint32_t)random());
	return 0;
}

static int end(void **state)
{
	(void)state;
	free(world);
	return 0;
}

static void lose(uint32_t from, uint32_t n) { memset(world->unreadable + from, true, n); }

static struct disc *healing(void)
{
	const struct disc_healed healed = {NULL, NULL};
	struct disc *d = disc_wrap_healing(&world->disc, &healed);

	assert_non_null(d);
	return d;
}

static void assert_reads(struct disc *d, uint32_t lba, uint32_t n)
{
	static uint8_t buf[64][SECTOR_BYTES];

	assert_int_equal(disc_read(d, lba, buf, n), 0);
	assert_memory_equal(buf, world->right[lba], (size_t)n * SECTOR_BYTES);
}

/* The headers of an area that a drive cannot read at one time may be read at another. */
static void headers_are_tried_again(void **state)
{
	uint8_t buf[SECTOR_BYTES];
	struct disc *d;
	unsigned n = 0;

	(void)state;
	add_area(0, SECTORS, 10);
	d = healing();
	lose(100, 1);
	lose(world->header.lba, 1);
	lose(world->header.lba + world->header.sectors - 1, 1);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(disc_read(d, 100, buf, 1), -EIO);
	memset(world->unreadable + SECTORS, 0, world->sectors - SECTORS);
	while (disc_read(d, 100, buf, 1) < 0)
		assert_true(++n < 100);
	assert_reads(d, 100, 1);
	disc_close(d);
	/* What is damaged is not looked at for ever. */
	d = healing();
	world->bytes[world->header.lba][40] ^= 1;
	world->bytes[world->header.lba + world->header.sectors - 1][40] ^= 1;
	assert_int_equal(disc_read(d, 100, buf, 1), -EIO);
	world->n_read = 0;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(disc_read(d, 100, buf, 1), -EIO);
	assert_int_equal(world->n_read, 20); /* of the block alone */
	disc_close(d);
}

/* A scratch through all columns, read from its beginning to its end: each column once. */
static void a_scratch_is_read_once(void **state)
{
	const struct parity_shape *s = &world->header.shape;
	struct disc *d;
	uint32_t n;

	(void)state;
	add_area(0, SECTORS, 10);
	d = healing();
	n = s->parity * s->columns;
	assert_true(s->columns > 1 && n < 512 && s->parity > 10);
	lose(320, n * 32);
	world->n_read = 0;
	for (uint32_t i = 0; i < n * 32; i += 8)
		assert_reads(d, 320 + i, 8);
	assert_true(world->n_read < (uint64_t)4 * s->columns * (s->rows + s->parity) * 32);
	disc_close(d);
}

/* One more than can be made again: asked for again and again, as the kernel does. */
static void what_is_beyond_repair_is_read_once(void **state)
{
	const struct parity_shape *s = &world->header.shape;
	uint8_t buf[SECTOR_BYTES];
	struct disc *d;

	(void)state;
	add_area(0, SECTORS, 10);
	d = healing();
	for (unsigned row = 0; row <= s->parity; row++)
		lose(row * s->columns * 32, 32);
	world->n_read = 0;
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(disc_read(d, i, buf, 1), -EIO);
	assert_true(world->n_read < (uint64_t)3 * (s->rows + s->parity) * 32);
	assert_reads(d, 32, 32);
	disc_close(d);
}

/* Who reads the file below goes by errors; a disc without parity is read so all the same. */
static void a_descriptor_is_given_without_parity_only(void **state)
{
	struct disc *d = healing();

	(void)state;
	assert_int_equal(disc_fd(d), 1000);
	disc_close(d);
	add_area(0, SECTORS, 10);
	d = healing();
	assert_int_equal(disc_fd(d), -1);
	disc_close(d);
}

static struct disc *repaired(void)
{
	const struct burn_progress progress = {NULL, NULL, NULL};
	struct disc *d = NULL;
	bool any = false;

	assert_int_equal(disc_repaired(&world->disc, &progress, &d, &any), 0);
	assert_true(any);
	return d;
}

static void check_all(struct disc *d)
{
	for (uint32_t i = 0; i + 64 <= world->sectors; i += 64)
		assert_reads(d, i, 64);
}

/* Two areas that tell of the same blocks in other pieces: the one cannot make them again, the other can. */
static void areas_may_overlap(void **state)
{
	struct disc *d;

	(void)state;
	for (unsigned first = 0; first < 2; first++) {
		memcpy(world->bytes, world->right, first ? sizeof(world->bytes) : 0);
		memset(world->unreadable, 0, sizeof(world->unreadable));
		world->n_sessions = 0;
		world->sectors = SECTORS;
		add_area(first ? 0 : 16 * 32 + 5, first ? SECTORS : 9000, first ? 10 : 100);
		add_area(first ? 16 * 32 + 5 : 0, first ? 9000 : SECTORS, first ? 100 : 10);
		for (unsigned i = 18; i < 38; i++) /* of one column of the large one */
			lose(i * 3 * 32, 32);
		world->bytes[15032][9] ^= 1;
		d = repaired();
		check_all(d);
		disc_close(d);
	}
}

/* What is beyond repair is told as what it is. */
static void losses_are_told_apart(void **state)
{
	const struct parity_shape *s = &world->header.shape;
	uint8_t buf[SECTOR_BYTES];
	struct disc *d;

	(void)state;
	add_area(0, SECTORS, 10);
	for (unsigned row = 0; row <= s->parity; row++)
		world->bytes[row * s->columns * 32 + 7][0] ^= 1;
	lose(32 + 3, 1);
	for (unsigned row = 1; row <= s->parity; row++)
		lose((row * s->columns + 1) * 32 + 3, 1);
	d = repaired();
	assert_int_equal(disc_read(d, 0, buf, 1), -EBADMSG);
	assert_int_equal(disc_read(d, 7, buf, 1), -EBADMSG);
	assert_reads(d, 32 + 2, 1);
	assert_int_equal(disc_read(d, 32 + 3, buf, 1), -EIO);
	assert_reads(d, 32 + 4, 1);
	disc_close(d);
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(headers_are_tried_again),
		WORLD_TEST(a_scratch_is_read_once),
		WORLD_TEST(what_is_beyond_repair_is_read_once),
		WORLD_TEST(a_descriptor_is_given_without_parity_only),
		WORLD_TEST(areas_may_overlap),
		WORLD_TEST(losses_are_told_apart),
	};

	return cmocka_run_group_tests_name("medium_parity", tests, NULL, NULL);
}
