/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree/known and fs/stage/idset against arrays; and what becomes of a known file through opening, changing,
 * sessions, discards and forgets. */
#include <errno.h>
#include <stdatomic.h>

#include "burner/base/idset.h"
#include "fs/tree/internal.h"
#include "fs/tree/known.h"
#include "tests/unit/commit_fixture.h"

#define INOS 2000u

static uint32_t shadow[INOS + 1];

static void compare(const struct known_table *t)
{
	size_t n = 0;

	for (uint64_t ino = 1; ino <= INOS; ino++) {
		const struct known *k = known_find(t, ino);

		assert_int_equal(k ? k->n_lookups : 0, shadow[ino]);
		if (!k)
			continue;
		assert_int_equal(k->ino, ino);
		assert_int_equal(k->locator, ino * 7);
		n++;
	}
	assert_int_equal(n, t->count);
	for (const struct known *k = NULL; (k = known_next(t, k)); n--)
		assert_int_equal(k->n_lookups, shadow[k->ino]);
	assert_int_equal(n, 0);
	assert_null(known_find(t, INOS + 1));
}

/* Grows to nearly all, shrinks to nearly none, and again. */
static void test_table(void **state)
{
	struct known_table t = {0};
	unsigned seed = 4;

	(void)state;
	compare(&t);
	for (unsigned step = 0; step < 60000; step++) {
		uint64_t ino = 1 + (unsigned)rand_r(&seed) % INOS;
		bool add = (unsigned)rand_r(&seed) % 100 < (step / 10000 % 2 ? 5 : 95);
		struct known *k = known_find(&t, ino);

		if (add && !k) {
			shadow[ino] = 1 + step % KNOWN_LOOKUPS_MAX;
			assert_int_equal(known_add(&t, &(struct known){.ino = ino,
								       .locator = ino * 7,
								       .n_lookups = (uint16_t)shadow[ino]}),
					 0);
		} else if (!add && k) {
			shadow[ino] = 0;
			known_remove(&t, k);
		}
		if (step % 500 == 0)
			compare(&t);
	}
	compare(&t);
	known_release(&t);
}

/* What does not fit stays a node. */
static void test_fits(void **state)
{
	(void)state;
	assert_true(known_fits((1ull << 48) - 1, (1ull << 56) - 1, KNOWN_LOOKUPS_MAX, 255));
	assert_false(known_fits(1ull << 48, 1, 1, 0));
	assert_false(known_fits(0, 1ull << 56, 1, 0));
	assert_false(known_fits(0, 1, KNOWN_LOOKUPS_MAX + 1ull, 0));
	assert_false(known_fits(0, 1, 1, 256));
}

static void test_set(void **state)
{
	static bool in[5000];
	struct idset s = {0};
	unsigned seed = 9;
	size_t n = 0;

	(void)state;
	for (unsigned step = 0; step < 40000; step++) {
		unsigned number = (unsigned)rand_r(&seed) % 5000;

		assert_int_equal(idset_reserve(&s, 1), 0);
		if ((unsigned)rand_r(&seed) % 100 < (step / 10000 % 2 ? 10 : 90)) {
			idset_add(&s, number);
			in[number] = true;
		} else {
			idset_remove(&s, number);
			in[number] = false;
		}
	}
	for (unsigned i = 0; i < 5000; i++) {
		assert_int_equal(idset_has(&s, i), in[i]);
		n += in[i];
	}
	assert_int_equal(n, s.count);
	for (struct idset_at at = {0}; idset_next(&s, &at); n--) {
		assert_true(in[at.number]);
		in[at.number] = false;
	}
	assert_int_equal(n, 0);
	idset_release(&s);
}

static void same_stat(const struct stat *a, const struct stat *b)
{
	assert_int_equal(a->st_ino, b->st_ino);
	assert_int_equal(a->st_mode, b->st_mode);
	assert_int_equal(a->st_nlink, b->st_nlink);
	assert_int_equal(a->st_size, b->st_size);
	assert_int_equal(a->st_blocks, b->st_blocks);
	assert_int_equal(a->st_mtim.tv_sec, b->st_mtim.tv_sec);
}

static bool reads(struct world *w, uint64_t ino, const char *text)
{
	struct tree_file *f;
	char got[64] = "";
	size_t n = 0;

	assert_int_equal(tree_open(w->tree, ino, O_RDONLY, &f), 0);
	assert_int_equal(tree_read(w->tree, f, 0, got, sizeof(got), &n), 0);
	tree_close(w->tree, f);
	return n == strlen(text) && !memcmp(got, text, n);
}

static void append(struct world *w, uint64_t ino, const char *text)
{
	struct tree_file *f;
	struct stat st;

	assert_int_equal(tree_getattr(w->tree, ino, &st), 0);
	assert_int_equal(tree_open(w->tree, ino, O_WRONLY, &f), 0);
	assert_int_equal(tree_write(w->tree, f, (uint64_t)st.st_size, text, strlen(text)), 0);
	tree_close(w->tree, f);
}

static struct stat look_up(struct world *w, uint64_t parent, const char *name)
{
	struct stat st;

	assert_int_equal(tree_lookup(w->tree, parent, name, &st), 0);
	return st;
}

/* Numbers that the kernel holds stay true, over foreign sessions and ours. */
static void through_sessions(const char *make)
{
	struct stat file, link, grown, now;
	struct world w;
	char *target;

	world_new(&w);
	world_run(&w, "mkdir -p in/d && echo quiet >in/d/quiet && echo grows >in/d/grows && ln -s somewhere in/d/link");
	world_run(&w, make);
	assert_int_equal(world_open(&w), 0);
	uint64_t dir = world_lookup(&w, "d");
	file = look_up(&w, dir, "quiet");
	grown = look_up(&w, dir, "grows");
	link = look_up(&w, dir, "link");
	assert_true(reads(&w, file.st_ino, "quiet\n"));
	for (unsigned session = 0; session < 3; session++) {
		append(&w, grown.st_ino, "more\n");
		assert_int_equal(sync_now(&w).error, 0);
		assert_int_equal(tree_getattr(w.tree, file.st_ino, &now), 0);
		same_stat(&file, &now);
		assert_true(reads(&w, file.st_ino, "quiet\n"));
		assert_int_equal(tree_getattr(w.tree, link.st_ino, &now), 0);
		same_stat(&link, &now);
		assert_int_equal(tree_readlink(w.tree, link.st_ino, &target), 0);
		assert_string_equal(target, "somewhere");
		free(target);
	}
	assert_true(reads(&w, grown.st_ino, "grows\nmore\nmore\nmore\n"));
	/* What was changed is itself again when it is only known: its older records say something else. */
	tree_forget(w.tree, grown.st_ino, 1);
	now = look_up(&w, dir, "grows");
	assert_int_equal(now.st_ino, grown.st_ino);
	assert_int_equal(now.st_size, 21);
	assert_true(reads(&w, now.st_ino, "grows\nmore\nmore\nmore\n"));
	world_close(&w);
	world_remove(&w);
}

static void test_sessions(void **state)
{
	(void)state;
	through_sessions("genisoimage -quiet -R -J -o image in 2>/dev/null");
	through_sessions("xorriso -outdev stdio:image -map in / -commit >/dev/null 2>&1");
}

/* A disc of another program is mounted. */
static void foreign_world(struct world *w, const char *make)
{
	world_new(w);
	world_run(w, make);
	assert_int_equal(world_open(w), 0);
}

/* Each look-up is forgotten once, whatever the file was in between. */
static void test_forgets(void **state)
{
	struct stat st;
	struct world w;

	(void)state;
	foreign_world(&w, "mkdir in && echo text >in/file && genisoimage -quiet -R -o image in 2>/dev/null");
	uint64_t ino = look_up(&w, TREE_ROOT, "file").st_ino;
	look_up(&w, TREE_ROOT, "file");
	assert_true(reads(&w, ino, "text\n"));
	look_up(&w, TREE_ROOT, "file");
	tree_forget(w.tree, ino, 2);
	assert_int_equal(tree_getattr(w.tree, ino, &st), 0);
	tree_forget(w.tree, ino, 1);
	assert_int_equal(tree_getattr(w.tree, ino, &st), -ESTALE);
	/* By its number alone it can be linked, changed and removed. */
	ino = look_up(&w, TREE_ROOT, "file").st_ino;
	assert_int_equal(tree_link(w.tree, ino, TREE_ROOT, "second", &st), 0);
	assert_int_equal(st.st_nlink, 2);
	st.st_mode = 0600;
	assert_int_equal(tree_setattr(w.tree, ino, &st, TREE_SET_MODE, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(tree_unlink(w.tree, TREE_ROOT, "file"), 0);
	assert_true(reads(&w, ino, "text\n"));
	world_close(&w);
	world_remove(&w);
}

/* ---- staged files ---- */

#define STAGED 400u
#define IDLE 8u
#define LARGE 700u

static uint64_t staged[STAGED];

static void create(struct world *w, uint64_t parent, unsigned i)
{
	struct tree_caller who = {.uid = 5, .gid = 6};
	struct tree_file *f;
	struct stat st;
	char name[32], text[32];

	snprintf(name, sizeof(name), "file %03u", i);
	snprintf(text, sizeof(text), "text of %03u\n", i);
	assert_int_equal(tree_create(w->tree, &who, parent, name, 0640, O_WRONLY, &st, &f), 0);
	assert_int_equal(tree_write(w->tree, f, 0, text, strlen(text)), 0);
	tree_close(w->tree, f);
	staged[i] = st.st_ino;
}

static void check_staged(struct world *w, unsigned i, const char *more)
{
	char text[64];
	struct stat st;

	snprintf(text, sizeof(text), "text of %03u\n%s", i, more);
	assert_int_equal(tree_getattr(w->tree, staged[i], &st), 0);
	assert_int_equal(st.st_size, strlen(text));
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_uid, 5);
	assert_true(reads(w, staged[i], text));
}

/* Files of a new directory, which the kernel knows by one look-up each. */
static uint64_t create_all(struct world *w)
{
	struct tree_caller who = {.uid = 5, .gid = 6};
	struct stat st;

	w->idle_nodes = IDLE;
	assert_int_equal(world_open(w), 0);
	assert_int_equal(tree_mknod(w->tree, &who, TREE_ROOT, "d", S_IFDIR | 0755, 0, &st), 0);
	for (unsigned i = 0; i < STAGED; i++)
		create(w, st.st_ino, i);
	assert_int_equal(tree_flush(w->tree), 0);
	return st.st_ino;
}

static bool few_nodes(const struct world *w) { return w->tree->n_nodes <= IDLE + 8; }

/* By their numbers they are what they were: staged, over sessions, changed again, with other names. */
static void test_staged(void **state)
{
	struct stat st;
	struct world w;

	(void)state;
	world_new(&w);
	uint64_t dir = create_all(&w);
	assert_true(few_nodes(&w));
	assert_true(w.tree->once.count > STAGED - 2 * IDLE);
	for (unsigned i = 0; i < STAGED; i++)
		check_staged(&w, i, "");
	append(&w, staged[7], "more\n");
	look_up(&w, dir, "file 011");
	assert_int_equal(tree_flush(w.tree), 0);
	for (unsigned session = 0; session < 3; session++) {
		assert_int_equal(sync_now(&w).error, 0);
		for (unsigned i = 0; i < STAGED; i++)
			check_staged(&w, i, i == 7 ? "more\n" : i < session ? "again\n" : "");
		assert_true(few_nodes(&w));
		append(&w, staged[session], "again\n");
		check_staged(&w, session, "again\n");
	}
	/* Another name, a second one, none. */
	assert_int_equal(tree_rename(w.tree, dir, "file 020", TREE_ROOT, "moved", 0), 0);
	assert_int_equal(tree_link(w.tree, staged[21], TREE_ROOT, "second", &st), 0);
	assert_int_equal(tree_unlink(w.tree, dir, "file 022"), 0);
	for (unsigned i = 100; i < 200; i++)
		check_staged(&w, i, "");
	check_staged(&w, 20, "");
	check_staged(&w, 21, "");
	assert_int_equal(sync_now(&w).error, 0);
	check_staged(&w, 20, "");
	check_staged(&w, 21, "");
	assert_int_equal(look_up(&w, TREE_ROOT, "moved").st_ino, staged[20]);
	assert_int_equal(look_up(&w, dir, "file 030").st_ino, staged[30]);
	/* Each look-up is forgotten once. */
	assert_int_equal(tree_getattr(w.tree, staged[40], &st), 0);
	tree_forget(w.tree, staged[40], 1);
	tree_forget(w.tree, staged[11], 1);
	assert_int_equal(tree_getattr(w.tree, staged[11], &st), 0);
	tree_forget(w.tree, staged[11], 1);
	assert_int_equal(tree_getattr(w.tree, staged[11], &st), -ESTALE);
	assert_int_equal(tree_getattr(w.tree, staged[40], &st), -ESTALE);
	world_close(&w);
	world_remove(&w);
}

/* Their directory is not known any more: by their names they are found. */
static void test_lost_directory(void **state)
{
	struct stat st;
	struct world w;

	(void)state;
	world_new(&w);
	uint64_t dir = create_all(&w);
	assert_int_equal(sync_now(&w).error, 0);
	tree_forget(w.tree, dir, 1);
	assert_int_equal(tree_getattr(w.tree, staged[50], &st), -ESTALE);
	assert_int_equal(look_up(&w, TREE_ROOT, "d").st_ino, dir);
	assert_int_equal(look_up(&w, dir, "file 050").st_ino, staged[50]);
	check_staged(&w, 50, "");
	check_staged(&w, 51, "");
	world_close(&w);
	world_remove(&w);
}

/* What a discard drops is stale by its number; what the disc has is itself again by its name, and forgotten when all
 * look-ups are. */
static void test_discard(void **state)
{
	struct stage_snapshot *what;
	struct stat st;
	struct world w;

	(void)state;
	world_new(&w);
	uint64_t dir = create_all(&w);
	assert_int_equal(sync_now(&w).error, 0);
	for (unsigned i = 0; i < 100; i++)
		append(&w, staged[i], "never burned\n");
	for (unsigned i = 100; i < 200; i++)
		check_staged(&w, i, "");
	assert_int_equal(tree_flush(w.tree), 0);
	assert_int_equal(tree_discard(w.tree, &what), 0);
	stage_snapshot_free(what);
	assert_int_equal(tree_getattr(w.tree, staged[3], &st), -ESTALE);
	assert_int_equal(look_up(&w, TREE_ROOT, "d").st_ino, dir);
	check_staged(&w, 100, "");
	assert_int_equal(look_up(&w, dir, "file 003").st_ino, staged[3]);
	check_staged(&w, 3, "");
	tree_forget(w.tree, staged[3], 1);
	check_staged(&w, 3, "");
	tree_forget(w.tree, staged[3], 1);
	assert_int_equal(tree_getattr(w.tree, staged[3], &st), -ESTALE);
	world_close(&w);
	world_remove(&w);
}

/* Of a directory of many sectors each record is found, and the listing is read once for all of them. */
static void test_large_directory(void **state)
{
	static uint64_t inos[LARGE];
	struct tree_caller who = {.uid = 5, .gid = 6};
	struct stat st;
	struct world w;
	char name[256];

	(void)state;
	world_new(&w);
	w.idle_nodes = IDLE;
	assert_int_equal(world_open(&w), 0);
	for (unsigned i = 0; i < LARGE; i++) {
		snprintf(name, sizeof(name), "%04u of a directory with long names %0150u", i, i);
		assert_int_equal(tree_mknod(w.tree, &who, TREE_ROOT, name, S_IFREG | 0640, 0, &st), 0);
		inos[i] = st.st_ino;
	}
	for (unsigned i = 0; i < LARGE; i++)
		assert_int_equal(tree_getattr(w.tree, inos[i], &st), 0);
	assert_true(few_nodes(&w));
	assert_int_equal(sync_now(&w).error, 0);
	for (unsigned i = 0; i < LARGE; i++) {
		assert_int_equal(tree_getattr(w.tree, inos[i], &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0640);
	}
	assert_true(few_nodes(&w));
	/* And when they are looked up in it. */
	for (unsigned i = 0; i < LARGE; i++) {
		snprintf(name, sizeof(name), "%04u of a directory with long names %0150u", i, i);
		assert_int_equal(look_up(&w, TREE_ROOT, name).st_ino, inos[i]);
	}
	assert_true(few_nodes(&w));
	world_close(&w);
	world_remove(&w);
}

static uint64_t staged_bytes(struct world *w)
{
	uint64_t bytes, left;

	tree_space(w->tree, &bytes, &left);
	return bytes;
}

/* After a burn that failed everything is counted again, also what is only known, and that stays so. */
static void test_thaw(void **state)
{
	struct tree_frozen f;
	struct world w;

	(void)state;
	world_new(&w);
	uint64_t dir = create_all(&w), before = staged_bytes(&w);
	assert_true(before > STAGED * 2048);
	assert_int_equal(tree_freeze(w.tree, 0, &f), 0);
	tree_frozen_release(&f);
	tree_thaw(w.tree);
	assert_int_equal(staged_bytes(&w), before);
	assert_true(few_nodes(&w));
	for (unsigned i = 0; i < STAGED; i++)
		check_staged(&w, i, "");
	assert_int_equal(staged_bytes(&w), before);
	/* Nothing is left when nothing is staged. */
	for (unsigned i = 0; i < STAGED; i++) {
		char name[32];

		snprintf(name, sizeof(name), "file %03u", i);
		assert_int_equal(tree_unlink(w.tree, dir, name), 0);
	}
	assert_true(staged_bytes(&w) < 8192);
	world_close(&w);
	world_remove(&w);
}

/* What was burned before a discard is not dropped by it, however often it was looked up. */
static void test_discard_after_session(void **state)
{
	struct stage_snapshot *what;
	struct world w;

	(void)state;
	world_new(&w);
	uint64_t dir = create_all(&w);
	look_up(&w, dir, "file 011");
	for (unsigned i = 100; i < 200; i++)
		check_staged(&w, i, "");
	assert_int_equal(sync_now(&w).error, 0);
	assert_non_null(known_find(&w.tree->known, staged[11]));
	append(&w, staged[7], "never burned\n");
	assert_int_equal(tree_discard(w.tree, &what), 0);
	stage_snapshot_free(what);
	assert_int_equal(look_up(&w, TREE_ROOT, "d").st_ino, dir);
	check_staged(&w, 11, "");
	world_close(&w);
	world_remove(&w);
}

/* Listed on a drive: as many nodes as are to be kept, and no more. */
static void test_drive(void **state)
{
	struct disc_state medium;
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *d;
	struct stat st;
	struct world w;
	unsigned n = 0;

	(void)state;
	world_new(&w);
	w.idle_nodes = IDLE;
	world_run(&w, "mkdir in && seq -f 'in/file %g' 2000 | xargs -d '\\n' touch && genisoimage -quiet -R -o image "
		      "in 2>/dev/null");
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(disc_state(w.disc, &medium), 0);
	medium.exclusive = true;
	tree_set_medium(w.tree, &medium);
	assert_int_equal(tree_opendir(w.tree, TREE_ROOT, &d), 0);
	for (uint64_t cookie = 0; tree_readdir(w.tree, d, cookie, &e) == 1; cookie = e.next)
		n += tree_readdir_lookup(w.tree, d, cookie, &st) == 0;
	tree_closedir(w.tree, d);
	assert_int_equal(n, 2000);
	assert_true(few_nodes(&w));
	assert_int_equal(w.tree->n_nodes + w.tree->known.count, 2001);
	world_close(&w);
	world_remove(&w);
}

/* Names that a disc of another program does not have are not counted any more, also when the file is only known. */
static void test_names_elsewhere(void **state)
{
	struct stat st;
	struct world w;

	(void)state;
	foreign_world(&w, "mkdir in && echo text >in/file && ln in/file outside && genisoimage -quiet -R -o image in "
			  "2>/dev/null");
	st = look_up(&w, TREE_ROOT, "file");
	assert_int_equal(st.st_nlink, 2);
	world_write(&w, "other", 10, 1);
	assert_int_equal(sync_now(&w).error, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(tree_getattr(w.tree, st.st_ino, &st), 0);
		assert_int_equal(st.st_nlink, 1);
	}
	assert_true(reads(&w, st.st_ino, "text\n"));
	assert_int_equal(look_up(&w, TREE_ROOT, "file").st_nlink, 1);
	world_close(&w);
	world_remove(&w);
}

/* ---- threads ---- */

#define OWNERS 4u
#define OWNED 24u
#define OWNED_MAX 500u
#define SESSIONS 15u

static atomic_bool sessions_done;

struct owner {
	struct world *w;
	unsigned number, seed;
	uint64_t directories[2], inos[OWNED];
	unsigned in[OWNED], lengths[OWNED], n_lookups[OWNED];
	pthread_t thread;
};

static const char *owned_name(const struct owner *o, unsigned i, char name[32])
{
	snprintf(name, 32, "file %u of %u", i, o->number);
	return name;
}

static void owned_create(struct owner *o, unsigned i)
{
	struct tree_file *f;
	struct stat st;
	char name[32];

	REQUIRE(tree_create(o->w->tree, &world_caller, o->directories[0], owned_name(o, i, name), 0600, O_WRONLY, &st,
			    &f) == 0);
	tree_close(o->w->tree, f);
	o->inos[i] = st.st_ino;
	o->n_lookups[i] = 1;
	o->in[i] = o->lengths[i] = 0;
}

static void owned_append(struct owner *o, unsigned i)
{
	const char byte = (char)('a' + i);
	struct tree_file *f;

	REQUIRE(tree_open(o->w->tree, o->inos[i], O_WRONLY, &f) == 0);
	REQUIRE(tree_write(o->w->tree, f, o->lengths[i]++, &byte, 1) == 0);
	tree_close(o->w->tree, f);
}

static void owned_check(struct owner *o, unsigned i)
{
	char text[OWNED_MAX + 1];
	struct tree_file *f;
	struct stat st;
	size_t n = 0;

	REQUIRE(tree_getattr(o->w->tree, o->inos[i], &st) == 0);
	REQUIRE(st.st_size == o->lengths[i] && st.st_nlink == 1);
	REQUIRE(tree_open(o->w->tree, o->inos[i], O_RDONLY, &f) == 0);
	REQUIRE(tree_read(o->w->tree, f, 0, text, sizeof(text), &n) == 0 && n == o->lengths[i]);
	for (size_t at = 0; at < n; at++)
		REQUIRE(text[at] == (char)('a' + i));
	tree_close(o->w->tree, f);
}

static void owned_move(struct owner *o, unsigned i)
{
	char name[32];
	unsigned to = !o->in[i];

	owned_name(o, i, name);
	REQUIRE(tree_rename(o->w->tree, o->directories[o->in[i]], name, o->directories[to], name, 0) == 0);
	o->in[i] = to;
}

static void owned_look(struct owner *o, unsigned i)
{
	struct stat st;
	char name[32];

	REQUIRE(tree_lookup(o->w->tree, o->directories[o->in[i]], owned_name(o, i, name), &st) == 0);
	REQUIRE(st.st_ino == o->inos[i] && st.st_size == o->lengths[i]);
	o->n_lookups[i]++;
}

static void owned_again(struct owner *o, unsigned i)
{
	char name[32];

	REQUIRE(tree_unlink(o->w->tree, o->directories[o->in[i]], owned_name(o, i, name)) == 0);
	tree_forget(o->w->tree, o->inos[i], o->n_lookups[i]);
	owned_create(o, i);
}

static void owned_list(struct owner *o)
{
	struct tree_dir_entry e;
	struct tree_dir *d;
	struct stat st;

	REQUIRE(tree_opendir(o->w->tree, o->directories[0], &d) == 0);
	for (uint64_t cookie = 0; tree_readdir(o->w->tree, d, cookie, &e) == 1; cookie = e.next)
		if (cookie > 1 && tree_readdir_lookup(o->w->tree, d, cookie, &st) == 0)
			tree_forget(o->w->tree, st.st_ino, 1);
	tree_closedir(o->w->tree, d);
}

static void *own(void *argument)
{
	struct owner *o = argument;

	for (unsigned i = 0; i < OWNED; i++)
		owned_create(o, i);
	while (!atomic_load(&sessions_done)) {
		unsigned i = (unsigned)rand_r(&o->seed) % OWNED, what = (unsigned)rand_r(&o->seed) % 40;

		if (what < 5 && o->lengths[i] < OWNED_MAX)
			owned_append(o, i);
		else if (what < 8)
			owned_move(o, i);
		else if (what < 9)
			owned_again(o, i);
		else if (what < 16)
			owned_look(o, i);
		else if (what < 20 && o->n_lookups[i] > 1)
			tree_forget(o->w->tree, o->inos[i], --o->n_lookups[i] ? 1 : 0);
		else if (what == 20)
			owned_list(o);
		else
			owned_check(o, i);
	}
	for (unsigned i = 0; i < OWNED; i++) {
		owned_check(o, i);
		tree_forget(o->w->tree, o->inos[i], o->n_lookups[i]);
	}
	return NULL;
}

/* Whatever others do meanwhile, sessions too: by its number a file is what it was, and each look-up is forgotten
 * once. */
static void threads_with(uint32_t idle_nodes, enum tree_writing writing)
{
	static struct owner owners[OWNERS];
	struct world w;
	uint64_t directories[2];
	struct stat st;

	atomic_store(&sessions_done, false);
	world_new(&w);
	w.idle_nodes = idle_nodes;
	w.writing = writing;
	assert_int_equal(world_open(&w), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(tree_mknod(w.tree, &world_caller, TREE_ROOT, i ? "two" : "one", S_IFDIR | 0755, 0,
					    &st),
				 0);
		directories[i] = st.st_ino;
	}
	for (unsigned i = 0; i < OWNERS; i++) {
		owners[i] = (struct owner){.w = &w,
					   .number = i,
					   .seed = i + 77,
					   .directories = {directories[0], directories[1]}};
		assert_int_equal(pthread_create(&owners[i].thread, NULL, own, &owners[i]), 0);
	}
	for (unsigned session = 0; session < SESSIONS; session++) {
		int r = sync_now(&w).error;

		assert_true(r == 0 || r == -ENODATA);
	}
	atomic_store(&sessions_done, true);
	for (unsigned i = 0; i < OWNERS; i++)
		pthread_join(owners[i].thread, NULL);
	assert_int_equal(w.tree->known.count, 0);
	assert_int_equal(w.tree->once.count, 0);
	assert_null(w.tree->burned);
	for (uint64_t i = 0; i < w.tree->n_buckets; i++)
		for (const struct node *n = w.tree->buckets[i]; n; n = n->hash_next)
			assert_int_equal(n->n_lookups, n->ino == directories[0] || n->ino == directories[1]);
	world_close(&w);
	world_remove(&w);
}

static void test_threads(void **state)
{
	(void)state;
	threads_with(1, TREE_LINKED);
	threads_with(8, TREE_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_fits),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_staged),
		cmocka_unit_test(test_lost_directory),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_large_directory),
		cmocka_unit_test(test_thaw),
		cmocka_unit_test(test_discard_after_session),
		cmocka_unit_test(test_drive),
		cmocka_unit_test(test_names_elsewhere),
		cmocka_unit_test(test_threads),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
