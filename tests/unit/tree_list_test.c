/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listings of fs/tree: of a disc alone by any handle, and with a stage above it that changes meanwhile. */
#include "fs/tree/tree.h"
#include "tests/unit/iso_hand.h"

#include "burner/base/log.h"

#define FILES 60u
#define LISTED_MAX 200u
static const struct tree_caller caller = {.uid = 1, .gid = 2};

/* FILES files, one of them with two names, the last n_damaged ones of damaged records; two sectors and more. */
static void begin(struct hand *h, unsigned n_damaged)
{
	hand_begin_rock(h, 6);
	for (unsigned i = 0; i < FILES; i++) {
		struct area a = {0};
		char name[64];

		snprintf(name, sizeof(name), "file %02u of a directory", i);
		px(&a, S_IFREG | 0644, i == 10 ? 2 : 1, 0);
		nm(&a, 0, name);
		if (i >= FILES - n_damaged)
			susp(&a, "TF", "\x0e", 1); /* three dates, and none is there */
		add(h, "F", 100 + i, 2048, 0, &a);
		memset(h->data + (100 + i) * 2048, 'A' + (int)i % 26, 2048);
	}
	hand_trim(h);
	hand_open(h);
}

struct names {
	char name[LISTED_MAX][256];
	uint64_t cookie[LISTED_MAX];
	unsigned n;
};

static void note(struct names *l, const struct tree_dir_entry *e, uint64_t cookie)
{
	assert_true(l->n < LISTED_MAX);
	snprintf(l->name[l->n], sizeof(l->name[0]), "%s", e->name);
	l->cookie[l->n++] = cookie;
}

/* What is left from the cookie on, "." and ".." too. */
static void list_from(struct tree *t, struct tree_dir *d, uint64_t cookie, struct names *l)
{
	struct tree_dir_entry e;

	for (; tree_readdir(t, d, cookie, &e) == 1; cookie = e.next)
		note(l, &e, cookie);
}

static unsigned times(const struct names *l, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->n; i++)
		n += !strcmp(l->name[i], name);
	return n;
}

static void check_content(struct tree *t, const struct stat *st, char byte)
{
	char buf[4096];
	struct tree_file *f;
	size_t n;

	assert_int_equal(st->st_size, 2048);
	assert_int_equal(tree_open(t, st->st_ino, O_RDONLY, &f), 0);
	assert_int_equal(tree_read(t, f, 0, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 2048);
	assert_int_equal(buf[0], byte);
	assert_int_equal(buf[2047], byte);
	tree_close(t, f);
}

/* A cookie goes for every handle when nothing changes. */
static void test_of_a_disc(void **state)
{
	const struct tree_options options = {.read_only = true};
	struct tree_dir *d, *other;
	struct tree_dir_entry e;
	struct names l = {.n = 0};
	struct stat st, again;
	struct tree *t;
	struct hand h;

	(void)state;
	begin(&h, 1);
	assert_int_equal(tree_new(&options, &h.m.disc.disc, h.m.iso, NULL, &t), 0);
	assert_int_equal(tree_opendir(t, TREE_ROOT, &d), 0);
	list_from(t, d, 0, &l);
	assert_int_equal(l.n, FILES + 2);
	for (unsigned i = l.n; i-- > 0;) {
		struct tree_dir *const handles[] = {d, NULL};

		for (unsigned j = 0; j < 2; j++) {
			assert_int_equal(tree_opendir(t, TREE_ROOT, &other), 0);
			struct tree_dir *use = handles[j] ? handles[j] : other;
			assert_int_equal(tree_readdir(t, use, l.cookie[i], &e), 1);
			assert_string_equal(e.name, l.name[i]);
			assert_true(i == l.n - 1 || e.next == l.cookie[i + 1]);
			int r = tree_readdir_lookup(t, use, l.cookie[i], &st);
			assert_int_equal(r, i < 2 ? -ENOENT : i == l.n - 1 ? -EBADMSG : 0);
			if (r == 0) {
				/* Asked twice, and forgotten in between: all of it is there again. */
				assert_int_equal(st.st_ino, e.ino);
				check_content(t, &st, (char)('A' + (i - 2) % 26));
				tree_forget(t, st.st_ino, 1);
				assert_int_equal(tree_readdir_lookup(t, use, l.cookie[i], &again), 0);
				assert_int_equal(again.st_ino, st.st_ino);
				check_content(t, &again, (char)('A' + (i - 2) % 26));
				tree_forget(t, again.st_ino, 1);
			}
			tree_closedir(t, other);
		}
	}
	tree_closedir(t, d);
	tree_free(t);
	hand_end(&h);
}

/* The names before the damage are listed, and then it is told. */
static void test_damaged_in_the_middle(void **state)
{
	const struct tree_options options = {.read_only = true};
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *d;
	struct tree *t;
	struct hand h;
	unsigned n = 0;
	int r;

	(void)state;
	begin(&h, 1);
	h.data[(ROOT_LBA + 1) * 2048] = 33;
	assert_int_equal(tree_new(&options, &h.m.disc.disc, h.m.iso, NULL, &t), 0);
	assert_int_equal(tree_opendir(t, TREE_ROOT, &d), 0);
	while ((r = tree_readdir(t, d, e.next, &e)) == 1)
		n++;
	assert_int_equal(r, -EBADMSG);
	assert_in_range(n, 10, FILES / 2);
	assert_int_equal(tree_readdir(t, d, e.next, &e), -EBADMSG);
	tree_closedir(t, d);
	tree_free(t);
	hand_end(&h);
}

static void begin_staged(struct hand *h, char directory[], struct stage **s, struct tree **t)
{
	const struct tree_options options = {.owner = 1};
	struct disc_state medium = {.appendable = true,
				    .capacity_sectors = 1u << 20,
				    .next_lba = SECTORS,
				    .used_sectors = SECTORS};
	struct stage_options stage = {.disc_path = "disc", .mountpoint = "mount", .directory = directory};
	struct stage_holder holder;
	char *why = NULL;

	static struct disc_ops without_fd;

	begin(h, 0);
	without_fd = *h->m.disc.disc.ops;
	without_fd.fd = NULL; /* nobody asks a file in memory what room its file system has */
	h->m.disc.disc.ops = &without_fd;
	assert_non_null(mkdtemp(directory));
	stage.next_ino = tree_first_ino(h->m.iso, &medium);
	assert_int_equal(stage_open(&stage, s, &holder, &why), 0);
	assert_int_equal(tree_new(&options, &h->m.disc.disc, h->m.iso, *s, t), 0);
	tree_set_medium(*t, &medium);
}

static void end_staged(struct hand *h, const char *directory, struct stage *s, struct tree *t)
{
	char command[128];

	tree_free(t);
	stage_close(s);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
	hand_end(h);
}

static void make(struct tree *t, const char *name)
{
	struct stat st;

	assert_int_equal(tree_mknod(t, &caller, TREE_ROOT, name, S_IFREG | 0644, 0, &st), 0);
	tree_forget(t, st.st_ino, 1);
}

/* Changed while it is listed: what stays is listed once; what came or went, at most once, and as it is from the
 * beginning on. */
static void test_changing(void **state)
{
	char directory[] = "/tmp/tree-list-XXXXXX";
	struct names l = {.n = 0};
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *d;
	struct stage *s;
	struct tree *t;
	struct stat st;
	struct hand h;

	(void)state;
	begin_staged(&h, directory, &s, &t);
	assert_int_equal(tree_unlink(t, TREE_ROOT, "file 00 of a directory"), 0);
	assert_int_equal(tree_unlink(t, TREE_ROOT, "file 05 of a directory"), 0);
	make(t, "a first");
	make(t, "made before");
	make(t, "z last");
	assert_int_equal(tree_rename(t, TREE_ROOT, "file 07 of a directory", TREE_ROOT, "file 06 of a directory", 0),
			 0);
	assert_int_equal(tree_opendir(t, TREE_ROOT, &d), 0);
	for (unsigned i = 0; i < 10; i++) {
		uint64_t cookie = e.next;

		assert_int_equal(tree_readdir(t, d, cookie, &e), 1);
		note(&l, &e, cookie);
	}
	assert_int_equal(tree_unlink(t, TREE_ROOT, l.name[4]), 0);
	assert_int_equal(tree_unlink(t, TREE_ROOT, "file 40 of a directory"), 0);
	assert_int_equal(tree_unlink(t, TREE_ROOT, "a first"), 0);
	assert_int_equal(tree_rename(t, TREE_ROOT, "file 41 of a directory", TREE_ROOT, "b moved", 0), 0);
	make(t, "c made meanwhile");
	list_from(t, d, e.next, &l);
	for (unsigned i = 1; i < FILES; i++) {
		char name[64];

		snprintf(name, sizeof(name), "file %02u of a directory", i);
		if (i == 5 || i == 7)
			assert_int_equal(times(&l, name), 0);
		else if (i != 40 && i != 41)
			assert_int_equal(times(&l, name), 1);
	}
	assert_int_equal(times(&l, "made before"), 1);
	assert_int_equal(times(&l, "z last"), 1);
	assert_true(times(&l, "file 41 of a directory") + times(&l, "b moved") <= 2);
	/* What is gone has no attributes, whatever a listing still says. */
	for (unsigned i = 0; i < l.n; i++) {
		if (!strcmp(l.name[i], "file 40 of a directory") || !strcmp(l.name[i], "a first"))
			assert_int_equal(tree_readdir_lookup(t, d, l.cookie[i], &st), -ENOENT);
		if (!strcmp(l.name[i], "file 06 of a directory")) {
			assert_int_equal(tree_readdir_lookup(t, d, l.cookie[i], &st), 0);
			check_content(t, &st, 'A' + 7);
			tree_forget(t, st.st_ino, 1);
		}
	}
	l.n = 0;
	list_from(t, d, 0, &l);
	assert_int_equal(times(&l, "file 40 of a directory") + times(&l, "file 41 of a directory") +
				 times(&l, "a first"),
			 0);
	assert_int_equal(times(&l, "b moved"), 1);
	assert_int_equal(times(&l, "c made meanwhile"), 1);
	/* "." and ".."; two removed before, one by the renaming, two meanwhile; one moved; three made. */
	assert_int_equal(l.n, 2 + FILES - 5 + 3);
	tree_closedir(t, d);
	end_staged(&h, directory, s, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_of_a_disc),
					   cmocka_unit_test(test_damaged_in_the_middle),
					   cmocka_unit_test(test_changing)};

	return cmocka_run_group_tests_name("tree_list", tests, NULL, NULL);
}
