/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Images by genisoimage and xorriso, compared with the trees they were made of. */
#include "tests/unit/iso_fixture.h"

/* Root and everything below. */
static void compare_image(const char *dir, const char *image, const char *source, uint32_t lba, bool rock_ridge,
			  unsigned flags)
{
	struct image m;
	struct iso_entry root, again;
	struct iso_info info;
	char path[4096];

	image_open(&m, dir, image, lba);
	iso_info(m.iso, &info);
	assert_int_equal(info.rock_ridge, rock_ridge);
	assert_false(info.ours);
	assert_int_equal(iso_root(m.iso, &root), 0);
	assert_int_equal(root.ino, 1);
	assert_true(S_ISDIR(root.mode));
	compare_tree(m.iso, root.dir, path_of(dir, source, path), flags);
	assert_int_equal(iso_entry_at(m.iso, root.locator, &again), 0);
	assert_int_equal(again.ino, 1);
	assert_int_equal(again.dir.bytes, root.dir.bytes);
	image_close(&m);
}

static void test_rock_ridge(void **state)
{
	compare_image(*state, "gen-rr.iso", "src", 16, true, 0);
	compare_image(*state, "gen-deep.iso", "src", 16, true, 0);
	compare_image(*state, "gen-hide.iso", "src", 16, true, 0);
	compare_image(*state, "xor-rr.iso", "src", 16, true, 0);
	compare_image(*state, "xor-rr.iso", "src", 48, true, 0);
	compare_image(*state, "xor-joliet.iso", "src", 16, true, 0);
	compare_image(*state, "xor-reloc.iso", "rel", 16, true, 0);
	compare_image(*state, "links.iso", "links", 16, true, 0);
}

static void test_without_rock_ridge(void **state)
{
	compare_image(*state, "plain.iso", "flat", 16, false, COMPARE_PLAIN);
	compare_image(*state, "plain-n.iso", "flat", 16, false, COMPARE_PLAIN);
	compare_image(*state, "joliet.iso", "uni", 16, false, COMPARE_PLAIN);
	compare_image(*state, "gen-joliet.iso", "bmp", 16, false, COMPARE_PLAIN);
}

static void test_zisofs(void **state)
{
	static const char *const images[] = {"z1.iso", "z2.iso"};

	for (unsigned i = 0; i < 2; i++) {
		uint8_t part[70000], whole[70000];
		struct image m;
		struct iso_entry root, e;

		compare_image(*state, images[i], "zsrc", 16, true, 0);
		image_open(&m, *state, images[i], 16);
		assert_int_equal(iso_root(m.iso, &root), 0);
		assert_int_equal(iso_lookup(m.iso, root.dir, "seq", &e), 0);
		assert_true(zisofs_used(&e.zisofs));
		assert_true(e.extents[0].length < e.size / 2);
		assert_int_equal(entry_read(m.iso, &e, 30000, whole, sizeof(whole)), 0);
		for (unsigned at = 0; at < sizeof(part); at += 999) {
			size_t n = min_u64(999, sizeof(part) - at);
			assert_int_equal(entry_read(m.iso, &e, 30000 + at, part + at, n), 0);
		}
		assert_memory_equal(part, whole, sizeof(part));
		assert_int_equal(entry_read(m.iso, &e, e.size - 1, part, 2), -EINVAL);
		e.zisofs.block_shift++;
		assert_int_equal(entry_read(m.iso, &e, 0, part, 10), -EBADMSG);
		iso_entry_release(&e);
		image_close(&m);
	}
}

static void test_second_sessions(void **state)
{
	char path[4096], line[32] = "";
	struct image m;
	struct iso_entry root, e;
	FILE *f = fopen(path_of(*state, "multi-gen.lba", path), "re");

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	compare_image(*state, "multi-gen.iso", "rel", 16, true, 0);
	image_open(&m, *state, "multi-gen.iso", (uint32_t)strtoul(line, NULL, 10));
	assert_int_equal(iso_root(m.iso, &root), 0);
	assert_int_equal(iso_lookup(m.iso, root.dir, "second.txt", &e), 0);
	compare_content(m.iso, &e, path_of(*state, "more/second.txt", path));
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m.iso, root.dir, "a", &e), 0);
	compare_tree(m.iso, e.dir, path_of(*state, "rel/a", path), 0);
	image_close(&m);

	/* The session before, by its own descriptor, and the newest by the head. */
	compare_image(*state, "multi-xor.iso", "src", 48, true, 0);
	image_open(&m, *state, "multi-xor.iso", 16);
	assert_int_equal(iso_root(m.iso, &root), 0);
	assert_int_equal(iso_lookup(m.iso, root.dir, "seq1000", &e), 0);
	compare_content(m.iso, &e, path_of(*state, "more/seq1000", path));
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m.iso, root.dir, "dir", &e), 0);
	compare_tree(m.iso, e.dir, path_of(*state, "src/dir", path), 0);
	image_close(&m);
}

static void lookup_path(struct iso *iso, const char *path, struct iso_entry *ret)
{
	char copy[256], *save, *part;
	struct iso_entry e;

	snprintf(copy, sizeof(copy), "%s", path);
	assert_int_equal(iso_root(iso, &e), 0);
	for (part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		struct iso_extent dir = e.dir;
		iso_entry_release(&e);
		assert_int_equal(iso_lookup(iso, dir, part, &e), 0);
	}
	*ret = e;
}

static void test_hard_links(void **state)
{
	static const char *const images[] = {"xor-rr.iso", "gen-rr.iso"};

	for (unsigned i = 0; i < 2; i++) {
		struct iso_entry a, b, c, other;
		struct image m;

		image_open(&m, *state, images[i], 16);
		lookup_path(m.iso, "hard1", &a);
		lookup_path(m.iso, "hard2", &b);
		lookup_path(m.iso, "dir/hard3", &c);
		lookup_path(m.iso, "nodot", &other);
		assert_int_equal(a.nlink, 3);
		assert_int_equal(a.ino, (uint64_t)(a.extents[0].pos / 2048) << 6 | 63);
		assert_int_equal(a.ino, b.ino);
		assert_int_equal(a.ino, c.ino);
		assert_int_equal(other.nlink, 1);
		assert_int_equal(other.ino,
				 (other.locator & ((1ull << 43) - 1)) >> 11 << 6 | (other.locator & 2047) >> 5);
		iso_entry_release(&a);
		iso_entry_release(&b);
		iso_entry_release(&c);
		iso_entry_release(&other);
		image_close(&m);
	}
}

static void test_names_and_info(void **state)
{
	char long_name[300];
	struct image m;
	struct iso_entry e, root;
	struct iso_info info;

	image_open(&m, *state, "xor-joliet.iso", 16);
	iso_info(m.iso, &info);
	assert_true(info.joliet);
	assert_string_equal(info.volume_id, "ISOIMAGE");
	assert_true(info.created > 1600000000);
	assert_true(info.volume_sectors > 100);
	assert_ptr_equal(iso_disc(m.iso), &m.disc.disc);
	assert_int_equal(iso_root(m.iso, &root), 0);
	memset(long_name, 'N', sizeof(long_name));
	long_name[256] = 0;
	assert_int_equal(iso_lookup(m.iso, root.dir, long_name, &e), -ENAMETOOLONG);
	long_name[255] = 0;
	assert_int_equal(iso_lookup(m.iso, root.dir, long_name, &e), 0);
	assert_string_equal(e.name, long_name);
	assert_true(strlen(e.iso_name) > 0);
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m.iso, root.dir, "UPPER.TXT", &e), 0);
	assert_string_equal(e.iso_name, "UPPER.TXT");
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(m.iso, root.dir, "upper.txt", &e), -ENOENT);
	assert_int_equal(iso_lookup(m.iso, root.dir, ".", &e), -ENOENT);
	assert_int_equal(iso_lookup(m.iso, root.dir, "", &e), -ENOENT);
	image_close(&m);

	image_open(&m, *state, "plain.iso", 16);
	lookup_path(m.iso, "dir1/dir2/x.y", &e);
	assert_int_equal(e.mode, S_IFREG | 0555);
	assert_string_equal(e.iso_name, "X.Y");
	iso_entry_release(&e);
	image_close(&m);
}

static void test_not_a_disc(void **state)
{
	struct file_disc d;
	struct iso *iso = NULL;
	char path[4096];
	int fd = open(path_of(*state, "plain.iso", path), O_RDONLY | O_CLOEXEC);

	file_disc_init(&d, fd);
	assert_int_equal(iso_open(&d.disc, 17, &iso), -EMEDIUMTYPE);
	assert_int_equal(iso_open(&d.disc, 0, &iso), -EMEDIUMTYPE);
	assert_int_equal(iso_open(&d.disc, 1u << 30, &iso), -EIO);
	d.fail_lba = 16;
	d.fail_errno = EAGAIN;
	assert_int_equal(iso_open(&d.disc, 16, &iso), -EAGAIN);
	assert_null(iso);
	close(fd);
}

/* A drive that is busy: the same call works later, nothing was skipped. */
static void test_again(void **state)
{
	struct image m;
	struct iso_entry dir, e;
	struct iso_dir *d;
	unsigned n = 0, busy = 0;
	char path[4096];
	int more;

	image_open(&m, *state, "gen-deep.iso", 16);
	lookup_path(m.iso, "dir", &dir);
	assert_true(dir.dir.bytes > 4 * 2048);
	assert_int_equal(iso_dir_open(m.iso, dir.dir, &d), 0);
	m.disc.fail_errno = EAGAIN;
	m.disc.fail_lba = dir.dir.lba;
	assert_int_equal(iso_lookup(m.iso, dir.dir, "nothing", &e), -EAGAIN);
	for (;;) {
		more = iso_dir_next(d, &e);
		if (more == -EAGAIN && m.disc.fail_lba != UINT32_MAX) {
			m.disc.fail_lba = UINT32_MAX;
			busy++;
		} else if (more > 0) {
			n++;
			iso_entry_release(&e);
		} else {
			break;
		}
	}
	assert_int_equal(more, 0);
	assert_int_equal(busy, 1);
	assert_int_equal(n, count_names(path_of(*state, "src/dir", path)));
	iso_dir_close(d);
	image_close(&m);
}

/* Errors are fine; entries that can be read must be right ones. */
static void walk_what_is_left(struct iso *iso)
{
	struct iso_extent queue[200];
	struct iso_entry e;
	unsigned n = 0;
	char byte;

	if (iso_root(iso, &e))
		return;
	queue[n++] = e.dir;
	for (unsigned i = 0; i < n; i++) {
		_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;

		if (iso_dir_open(iso, queue[i], &d))
			continue;
		while (iso_dir_next(d, &e) > 0) {
			struct iso_entry again;

			if (S_ISDIR(e.mode) && n < ARRAY_LENGTH(queue))
				queue[n++] = e.dir;
			if (S_ISREG(e.mode) && e.size)
				(void)!entry_read(iso, &e, e.size - 1, &byte, 1);
			if (!iso_lookup(iso, queue[i], e.name, &again)) {
				assert_int_equal(again.locator, e.locator);
				iso_entry_release(&again);
			}
			iso_entry_release(&e);
		}
	}
}

static void test_cut_short(void **state)
{
	static const char *const images[] = {"xor-rr.iso", "gen-rr.iso", "xor-joliet.iso",
					     "joliet.iso", "z2.iso",	 "xor-reloc.iso"};
	unsigned opened = 0;

	for (unsigned i = 0; i < ARRAY_LENGTH(images); i++) {
		struct image m;
		struct iso *iso;
		uint64_t all;

		image_open(&m, *state, images[i], 16);
		all = m.disc.sectors;
		for (m.disc.sectors = 0; m.disc.sectors < all; m.disc.sectors++) {
			if (iso_open(&m.disc.disc, 16, &iso))
				continue;
			opened++;
			walk_what_is_left(iso);
			iso_unref(iso);
		}
		image_close(&m);
	}
	assert_true(opened > 500);
}

static int setup(void **state) { return fixtures_make(state, "small"); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rock_ridge), cmocka_unit_test(test_without_rock_ridge),
		cmocka_unit_test(test_zisofs),	   cmocka_unit_test(test_second_sessions),
		cmocka_unit_test(test_hard_links), cmocka_unit_test(test_names_and_info),
		cmocka_unit_test(test_not_a_disc), cmocka_unit_test(test_again),
		cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests_name("iso_read", tests, setup, fixtures_remove);
}
