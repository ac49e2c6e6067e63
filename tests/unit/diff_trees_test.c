/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is told of two sessions, and what of the disc is read for it. */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "fs/diff/diff.h"
#include "fs/diff/overlay.h"

/* ---- making sessions ---- */

static void move(struct world *w, const char *from, const char *to)
{
	const char *name, *new_name;
	uint64_t parent = world_parent(w, from, &name), new_parent = world_parent(w, to, &new_name);

	REQUIRE(tree_rename(w->tree, parent, name, new_parent, new_name, 0) == 0);
}

static void link_to(struct world *w, const char *from, const char *to)
{
	const char *name;
	uint64_t parent = world_parent(w, to, &name);
	struct stat st;

	REQUIRE(tree_link(w->tree, world_lookup(w, from), parent, name, &st) == 0);
}

static void symlink_to(struct world *w, const char *path, const char *target)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);
	struct stat st;

	REQUIRE(tree_symlink(w->tree, &world_caller, parent, name, target, &st) == 0);
}

static void rmdir_at(struct world *w, const char *path)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);

	REQUIRE(tree_rmdir(w->tree, parent, name) == 0);
}

static void commit(struct world *w)
{
	struct commit_result r = sync_now(w);

	REQUIRE(r.error == 0 && r.burned);
}

static void begin(struct world *w)
{
	world_new(w);
	w->writing = TREE_LINKED;
	assert_int_equal(world_open(w), 0);
	world_mkdir(w, "a");
	world_mkdir(w, "a/deep");
	world_mkdir(w, "b");
	world_mkdir(w, "same");
	world_write(w, "a/one", 5000, 1);
	world_write(w, "a/two", 5000, 2);
	world_write(w, "a/deep/three", 5000, 3);
	world_write(w, "b/four", 5000, 4);
	world_write(w, "b/five", 0, 0);
	world_write(w, "same/six", 10, 6);
	commit(w);
}

static void end(struct world *w)
{
	world_close(w);
	world_remove(w);
}

/* ---- comparing ---- */

static uint64_t n_reads;
static int counting_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	n_reads++;
	return disc_read(d->inner, lba, buf, n_sectors);
}

static int counting_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }

static char lost[256];
static int note_lost(void *context, const char *path, bool newer, int error)
{
	size_t n = strlen(lost);

	(void)context;
	snprintf(lost + n, sizeof(lost) - n, "%s%s:%s\n", newer ? "+" : "-", path, error == -EIO ? "EIO" : "other");
	return 0;
}

/* Those that are told at once. */
static char fresh[256];
static int note_fresh(void *context, const struct diff_change *c)
{
	size_t n = strlen(fresh);

	(void)context;
	snprintf(fresh + n, sizeof(fresh) - n, "%c %s %u\n", c->kind, c->path, (unsigned)c->bytes);
	return 0;
}

struct asked {
	uint32_t old, new; /* sessions from 1; 0: nothing */
	bool names, counted, fresh;
	struct disc *disc;
};

static void run(struct world *w, const struct asked *asked, struct diff *ret)
{
	_cleanup_(iso_unrefp) struct iso *old = NULL, *new = NULL;
	_free_ struct disc_session *sessions = NULL;
	struct disc *disc = asked->disc ? asked->disc : w->disc;
	struct diff_options o = {.by_number = !asked->names, .counted = asked->counted, .lost = note_lost};
	size_t n = 0;

	lost[0] = fresh[0] = '\0';
	o.fresh = asked->fresh ? note_fresh : NULL;
	assert_int_equal(disc_sessions(w->disc, &sessions, &n), 0);
	assert_true(asked->old <= n && asked->new <= n);
	if (asked->old)
		assert_int_equal(iso_open(disc, sessions[asked->old - 1].descriptor_lba, &old), 0);
	assert_int_equal(iso_open(disc, sessions[asked->new - 1].descriptor_lba, &new), 0);
	if (asked->old)
		o.new_from = ((uint64_t)sessions[asked->old - 1].start_lba + sessions[asked->old - 1].sectors) * 2048;
	o.old.iso = old;
	o.new.iso = new;
	n_reads = 0;
	assert_int_equal(diff_trees(&o, ret), 0);
}

static void expect(struct world *w, struct asked asked, const char *expected)
{
	char text[4096] = "";
	size_t n = 0;
	_cleanup_diff_ struct diff d = {.n = 0};

	run(w, &asked, &d);
	for (size_t i = 0; i < d.n; i++) {
		const struct diff_change *c = &d.changes[i];

		n += (size_t)snprintf(text + n, sizeof(text) - n, "%c%s%s %s%s%s\n", c->kind, c->content ? "c" : "",
				      c->attributes ? "a" : "", c->from ? c->from : "", c->from ? ">" : "", c->path);
	}
	assert_string_equal(text, expected);
}

static void plain_changes(void **state)
{
	_cleanup_diff_ struct diff d = {.n = 0};
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(world_unlink(&w, "a/one"), 0);
	world_write(&w, "a/two", 6000, 2);
	world_write(&w, "b/new", 3000, 9);
	world_write(&w, "b/copy", 5000, 4); /* the disc has it */
	symlink_to(&w, "b/link", "new");
	link_to(&w, "a/deep/three", "b/hard");
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2}, "D a/one\nMca a/two\nA b/copy\nA b/hard\nA b/link\nA b/new\n");
	expect(&w, (struct asked){.old = 2, .new = 1}, "A a/one\nMca a/two\nD b/copy\nD b/hard\nD b/link\nD b/new\n");
	expect(&w, (struct asked){.old = 2, .new = 2}, "");
	run(&w, &(struct asked){.old = 1, .new = 2}, &d);
	assert_int_equal(d.count.added, 4);
	assert_int_equal(d.count.changed, 1);
	assert_int_equal(d.count.deleted, 1);
	assert_int_equal(d.count.renamed, 0);
	/* 4096 of a/two are where they were only if that was worth a piece: it is not. */
	assert_int_equal(d.count.new_bytes, 6000 + 3000);
	assert_int_equal(d.count.shared_bytes, 5000 + 5000);
	end(&w);
}

static void renamed(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	move(&w, "a", "c");
	move(&w, "c/two", "b/zwei");
	world_write(&w, "b/zwei", 7000, 7);
	move(&w, "b/four", "b/4");
	world_write(&w, "b/four", 5000, 8); /* another one in its place */
	move(&w, "c/one", "b/five");	    /* over one that was there */
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2},
	       "R b/four>b/4\nR a/one>b/five\nA b/four\nRca a/two>b/zwei\nR a>c\n");
	/* Back, by what the first one has. */
	expect(&w, (struct asked){.old = 2, .new = 1},
	       "R c>a\nR b/five>a/one\nRca b/zwei>a/two\nA b/five\nR b/4>b/four\n");
	end(&w);
}

/* Directories that were removed, and what was in them that was moved out before. */
static void directories(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	world_mkdir(&w, "new");
	world_mkdir(&w, "new/in");
	move(&w, "a/deep", "new/in/deep");
	move(&w, "a/one", "new/eins");
	assert_int_equal(world_unlink(&w, "a/two"), 0);
	rmdir_at(&w, "a");
	world_mkdir(&w, "a");
	world_write(&w, "a/two", 100, 3);
	assert_int_equal(world_unlink(&w, "same/six"), 0);
	rmdir_at(&w, "same");
	world_write(&w, "same", 10, 6); /* a file of that name */
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2},
	       "Mca a/two\nA new\nR a/one>new/eins\nA new/in\nR a/deep>new/in/deep\nD same\nA same\nD same/six\n");
	end(&w);
}

static void swapped(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	move(&w, "a/one", "a/x");
	move(&w, "a/two", "a/one");
	move(&w, "a/x", "a/two");
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2}, "R a/two>a/one\nR a/one>a/two\n");
	/* Of those whose numbers say nothing, each name has another content. */
	expect(&w, (struct asked){.old = 1, .new = 2, .names = true}, "Mca a/one\nMca a/two\n");
	end(&w);
}

/* What was written again with the same content did not change but in its time. */
static void attributes(void **state)
{
	struct stat set = {.st_mode = 0600}, st;
	struct world w;

	(void)state;
	begin(&w);
	assert_int_equal(tree_setattr(w.tree, world_lookup(&w, "a/one"), &set, TREE_SET_MODE, &st), 0);
	set.st_mode = 0700;
	assert_int_equal(tree_setattr(w.tree, world_lookup(&w, "b"), &set, TREE_SET_MODE, &st), 0);
	world_write(&w, "a/two", 5000, 2);
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2}, "Ma a/one\nMa a/two\nMa b\n");
	end(&w);
}

static void first_session(void **state)
{
	_cleanup_diff_ struct diff d = {.n = 0};
	struct world w;

	(void)state;
	begin(&w);
	expect(&w, (struct asked){.old = 0, .new = 1},
	       "A a\nA a/deep\nA a/deep/three\nA a/one\nA a/two\nA b\nA b/five\nA b/four\nA same\nA same/six\n");
	run(&w, &(struct asked){.old = 0, .new = 1, .counted = true}, &d);
	assert_int_equal(d.n, 0);
	assert_int_equal(d.count.added, 6);
	assert_int_equal(d.count.new_bytes, 4 * 5000 + 10);
	end(&w);
}

/* 300 directories that stay are not looked into. */
static void cost(void **state)
{
	static const struct disc_ops ops = {.read = counting_read, .state = counting_state};
	struct disc counted = {.ops = &ops};
	uint64_t small;
	struct world w;

	(void)state;
	begin(&w);
	for (int i = 0; i < 300; i++) {
		char path[32];

		snprintf(path, sizeof(path), "same/%d", i);
		world_mkdir(&w, path);
		snprintf(path, sizeof(path), "same/%d/file", i);
		world_write(&w, path, 10, 1);
	}
	commit(&w);
	world_write(&w, "same/7/other", 10, 2);
	commit(&w);
	counted.inner = w.disc;
	expect(&w, (struct asked){.old = 2, .new = 3, .disc = &counted}, "A same/7/other\n");
	small = n_reads;
	expect(&w, (struct asked){.old = 1, .new = 2, .disc = &counted, .counted = true}, "");
	assert_true(n_reads > 300);
	assert_true(small < 60);
	end(&w);
}

/* What is new is told without a list, but where the older tree has a name there. */
static void told_at_once(void **state)
{
	struct world w;

	(void)state;
	begin(&w);
	move(&w, "a", "c");
	world_write(&w, "c/new", 700, 7);
	world_mkdir(&w, "d");
	world_write(&w, "d/more", 800, 8);
	assert_int_equal(world_unlink(&w, "b/four"), 0);
	world_write(&w, "b/four", 900, 9);
	commit(&w);
	expect(&w, (struct asked){.old = 1, .new = 2, .fresh = true}, "Mca b/four\nR a>c\nA d\n");
	assert_non_null(strstr(fresh, "A c/new 700\n"));
	assert_non_null(strstr(fresh, "A d/more 800\n"));
	assert_int_equal(strlen(fresh), strlen("A c/new 700\nA d/more 800\n"));
	expect(&w, (struct asked){.old = 1, .new = 2}, "Mca b/four\nR a>c\nA c/new\nA d\nA d/more\n");
	assert_string_equal(fresh, "");
	expect(&w, (struct asked){.old = 0, .new = 1, .fresh = true}, "A a\nA a/deep\nA b\nA same\n");
	end(&w);
}

/* Nothing is said to be deleted that cannot be read. */
static void unreadable(void **state)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	char spec[64];
	struct world w;

	(void)state;
	begin(&w);
	world_write(&w, "b/new", 3000, 9);
	assert_int_equal(world_unlink(&w, "b/four"), 0);
	assert_int_equal(world_unlink(&w, "a/two"), 0);
	commit(&w);
	iso = world_newest(&w);
	assert_int_equal(iso_lookup_path(iso, "b", &e), 0);
	snprintf(spec, sizeof(spec), "read@%u=EIO", e.dir.lba);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	w.disc = disc_wrap_faults(w.disc, spec);
	assert_non_null(w.disc);
	expect(&w, (struct asked){.old = 1, .new = 2}, "D a/two\n");
	assert_string_equal(lost, "+b:EIO\n");
	expect(&w, (struct asked){.old = 2, .new = 1}, "A a/two\n");
	assert_string_equal(lost, "-b:EIO\n");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_changes), cmocka_unit_test(renamed),    cmocka_unit_test(directories),
		cmocka_unit_test(swapped),	 cmocka_unit_test(attributes), cmocka_unit_test(first_session),
		cmocka_unit_test(cost),		 cmocka_unit_test(unreadable), cmocka_unit_test(told_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
