/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Discs made to cost much: bounded memory and work. What only has to be survived is in tests/fuzz. */
#include <sys/resource.h>

#include "burner/base/log.h"
#include "fs/tree/tree.h"
#include "tests/unit/iso_overlap.h"

#define MILLION 1000000u
#define INDEX_MAX_BYTES (16u << 20)
#define LISTING_MAX_BYTES (256u << 10) /* of what is on the disc nothing is kept */
#define SECONDS_MAX 120u	       /* of the processor: the machine may be busy */

/* A root of a million records of 40 bytes. */
enum names { NAMES_DIFFERENT, NAMES_SAME };

static void begin_million(struct image *m, enum names names)
{
	uint32_t in_sector = SECTOR_BYTES / 40, bytes = (MILLION / in_sector + 2) * SECTOR_BYTES;
	int fd = memfd_create("million", MFD_CLOEXEC);
	uint8_t *d, *p;

	assert_int_equal(ftruncate(fd, (off_t)ROOT_LBA * SECTOR_BYTES + bytes), 0);
	d = mmap(NULL, (size_t)ROOT_LBA * SECTOR_BYTES + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(d != MAP_FAILED);
	p = d + 16 * SECTOR_BYTES;
	memcpy(p, "\1CD001\1", 7);
	put_both16(p + 128, SECTOR_BYTES);
	record(p + 156, "\0", 1, ROOT_LBA, bytes, 2, NULL);
	memcpy(p + SECTOR_BYTES, "\377CD001\1", 7);
	p = d + ROOT_LBA * SECTOR_BYTES;
	add_dots(p, ROOT_LBA, bytes, NULL);
	for (uint32_t i = 0; i < MILLION; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%07u", names == NAMES_SAME ? 0 : i);
		record(p + (1 + i / in_sector) * SECTOR_BYTES + i % in_sector * 40, id, 7, ROOT_LBA, 1, 0, NULL);
	}
	munmap(d, (size_t)ROOT_LBA * SECTOR_BYTES + bytes);
	file_disc_init(&m->disc, fd);
	assert_int_equal(iso_open(&m->disc.disc, 16, &m->iso), 0);
}

static void list_and_look_up(struct image *m, const char *name, size_t heap_before)
{
	struct iso_entry root, e;
	struct iso_dir *dir;
	unsigned n = 0;

	assert_int_equal(iso_root(m->iso, &root), 0);
	assert_int_equal(iso_dir_open(m->iso, root.dir, &dir), 0);
	for (; iso_dir_next(dir, &e) > 0; n++)
		iso_entry_release(&e);
	iso_dir_close(dir);
	assert_int_equal(n, MILLION);
	assert_int_equal(iso_lookup(m->iso, root.dir, name, &e), 0);
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m->iso, root.dir, "none", &e), -ENOENT);
	assert_true(heap_bytes() - heap_before <= INDEX_MAX_BYTES + (1u << 20));
}

static void test_a_million_names(void **state)
{
	struct image m;
	size_t before = heap_bytes();

	(void)state;
	begin_million(&m, NAMES_DIFFERENT);
	list_and_look_up(&m, "0999999", before);
	image_close(&m);
}

static void test_a_million_equal_names(void **state)
{
	struct image m;
	size_t before = heap_bytes();

	(void)state;
	begin_million(&m, NAMES_SAME);
	list_and_look_up(&m, "0000000", before);
	image_close(&m);
}

static void test_a_million_in_a_listing(void **state)
{
	const struct tree_options options = {.read_only = true};
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *dir;
	struct tree *t;
	struct image m;
	size_t before;
	unsigned n = 0;

	(void)state;
	begin_million(&m, NAMES_DIFFERENT);
	assert_int_equal(tree_new(&options, &m.disc.disc, m.iso, NULL, &t), 0);
	before = heap_bytes();
	assert_int_equal(tree_opendir(t, TREE_ROOT, &dir), 0);
	while (tree_readdir(t, dir, e.next, &e) > 0)
		n++;
	assert_int_equal(n, MILLION + 2);
	assert_true(heap_bytes() - before <= LISTING_MAX_BYTES);
	tree_closedir(t, dir);
	tree_free(t);
	image_close(&m);
}

/* Every name leads through 32 areas, each far from the one before. */
static void test_continuations_are_not_read_again_and_again(void **state)
{
	struct area chain = {0};
	struct iso_entry root, e;
	struct iso_dir *dir;
	struct hand h;
	int more;

	(void)state;
	hand_begin_rock(&h, 30);
	for (uint32_t i = 0; i < 32; i++) {
		struct area a = {0};

		ce(&a, SPARE_LBA + (i + 1) * 37 % 100, 0, 28);
		if (i == 31)
			a.n = 0, nm(&a, 0, "end");
		memcpy(h.data + (SPARE_LBA + i * 37 % 100) * SECTOR_BYTES, a.b, a.n);
	}
	ce(&chain, SPARE_LBA, 0, 28);
	for (unsigned i = 0; i < 800; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%07u", i);
		add(&h, id, ROOT_LBA, 1, 0, &chain);
	}
	hand_open(&h);
	assert_int_equal(iso_root(h.m.iso, &root), 0);
	assert_int_equal(iso_dir_open(h.m.iso, root.dir, &dir), 0);
	while ((more = iso_dir_next(dir, &e)) > 0)
		iso_entry_release(&e);
	iso_dir_close(dir);
	assert_int_equal(more, -EBADMSG);
	assert_true(atomic_load(&h.m.disc.reads) < 17 * SECTORS); /* one of 256 bytes, of twice the disc */
	hand_end(&h);
}

struct counted {
	unsigned found, lost;
};

static int count_found(void *context, const char *path, const struct iso_entry *e)
{
	(void)path;
	(void)e;
	((struct counted *)context)->found++;
	return 0;
}

static int count_lost(void *context, const char *path, struct iso_extent at, int error)
{
	(void)path;
	(void)at;
	assert_int_equal(error, -EBADMSG);
	((struct counted *)context)->lost++;
	return 0;
}

/* Each record is read once, whatever the volume says that the disc has. */
static void test_overlapping_directories(void **state)
{
	struct counted n = {0};
	const struct iso_walk walk = {.found = count_found, .lost = count_lost, .context = &n};
	const struct tree_options options = {.read_only = true};
	char where[ISO_WHERE_BYTES];
	struct image m;
	struct tree *t;
	struct stat st;
	size_t before;

	(void)state;
	overlap_begin(&m);
	assert_int_equal(iso_walk(m.iso, &walk, where), 0);
	assert_int_equal(n.found, 1 + OVERLAPS + OVERLAPS * OVERLAP_NAMES);
	assert_int_equal(n.lost, OVERLAPS - 1);
	assert_int_equal(tree_new(&options, &m.disc.disc, m.iso, NULL, &t), 0);
	before = heap_bytes();
	assert_int_equal(tree_lookup_number(t, 12345, &st), -EBADMSG);
	assert_true(heap_bytes() - before < 16u << 20);
	tree_free(t);
	image_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_million_names),
		cmocka_unit_test(test_a_million_equal_names),
		cmocka_unit_test(test_a_million_in_a_listing),
		cmocka_unit_test(test_continuations_are_not_read_again_and_again),
		cmocka_unit_test(test_overlapping_directories),
	};

	setrlimit(RLIMIT_CPU, &(struct rlimit){SECONDS_MAX, SECONDS_MAX});
	return cmocka_run_group_tests_name("iso_hostile_scale", tests, NULL, NULL);
}
