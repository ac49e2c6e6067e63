/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Linked trees: what is written, what stays, and that each disc as a whole is what it says (disc_check.h), after
 * random changes in many sessions; that the room asked for is enough; that a dry run says what a commit burns.
 */
#include "tests/unit/disc_check.h"

#include "fs/manifest/manifest.h"
#include "fs/tree/internal.h"

#define ENTRIES_MAX 400u

struct entry {
	uint64_t parent, ino;
	char name[256];
	bool directory, symlink;
};
struct model {
	struct world w;
	struct entry list[ENTRIES_MAX];
	size_t n;
	unsigned seed;
	uint64_t asked, used;
};

static unsigned below(struct model *m, unsigned n) { return (unsigned)rand_r(&m->seed) / 7 % n; }

/* ---- random changes ---- */

static struct entry *pick(struct model *m, bool directory)
{
	for (unsigned i = 0; m->n && i < 50; i++) {
		struct entry *e = &m->list[below(m, (unsigned)m->n)];

		if (e->directory == directory)
			return e;
	}
	return NULL;
}

static uint64_t pick_directory(struct model *m)
{
	struct entry *e = below(m, 6) ? pick(m, true) : NULL;

	return e ? e->ino : TREE_ROOT;
}

static bool is_below(const struct model *m, uint64_t directory, uint64_t above)
{
	while (directory != TREE_ROOT && directory != above)
		for (size_t i = 0; i < m->n; i++)
			if (m->list[i].directory && m->list[i].ino == directory) {
				directory = m->list[i].parent;
				break;
			}
	return directory == above;
}

/* Plain ones, ones that Joliet cannot say or must shorten and that clash then, ones that need continuation areas. */
static void new_name(struct model *m, char name[256])
{
	static const char *const odd[] = {"a?b", "a*b", "a:b", "a_b", "README.txt", "readme.TXT"};
	unsigned kind = below(m, 8), number = below(m, 60);

	if (kind < 3)
		snprintf(name, 256, "n%u", number);
	else if (kind < 5)
		snprintf(name, 256, "%s%u", odd[below(m, ARRAY_LENGTH(odd))], number / 10);
	else
		snprintf(name, 256, "%0*u.the same beginning%c", kind == 5 ? 70 : 200, number / 20,
			 'a' + (int)number % 20);
}

static void add_entry(struct model *m, uint64_t parent, const char *name, uint64_t ino, bool directory)
{
	struct entry *e = &m->list[m->n++];

	*e = (struct entry){.parent = parent, .ino = ino, .directory = directory};
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static bool taken(const struct model *m, uint64_t parent, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->list[i].parent == parent && strcmp(m->list[i].name, name) == 0)
			return true;
	return false;
}

static void write_some(struct model *m, uint64_t ino)
{
	char bytes[6000];
	struct tree_file *f;

	memset(bytes, 'a' + (int)below(m, 26), sizeof(bytes));
	REQUIRE(tree_open(m->w.tree, ino, O_RDWR, &f) == 0);
	REQUIRE(tree_write(m->w.tree, f, below(m, 3) * 1000, bytes, 1 + below(m, sizeof(bytes))) == 0);
	tree_close(m->w.tree, f);
}

static void make(struct model *m)
{
	uint64_t parent = pick_directory(m);
	bool directory = below(m, 3) == 0;
	char name[256];
	struct stat st;

	new_name(m, name);
	if (m->n == ENTRIES_MAX || taken(m, parent, name))
		return;
	REQUIRE(tree_mknod(m->w.tree, &world_caller, parent, name, directory ? S_IFDIR | 0755 : S_IFREG | 0644, 0,
			   &st) == 0);
	if (!directory && below(m, 2))
		write_some(m, st.st_ino);
	add_entry(m, parent, name, st.st_ino, directory);
}

static void make_symlink(struct model *m)
{
	uint64_t parent = pick_directory(m);
	char name[256], target[1200];
	struct stat st;

	new_name(m, name);
	if (m->n == ENTRIES_MAX || taken(m, parent, name))
		return;
	snprintf(target, sizeof(target), "%s%0*d/../x", below(m, 2) ? "/" : "a//b/",
		 (int)below(m, below(m, 3) ? 200 : 1100), 0);
	REQUIRE(tree_symlink(m->w.tree, &world_caller, parent, name, target, &st) == 0);
	add_entry(m, parent, name, st.st_ino, false);
	m->list[m->n - 1].symlink = true;
}

static void drop(struct model *m)
{
	struct entry *e = pick(m, below(m, 4) == 0);
	int r;

	if (!e)
		return;
	r = e->directory ? tree_rmdir(m->w.tree, e->parent, e->name) : tree_unlink(m->w.tree, e->parent, e->name);
	REQUIRE(r == 0 || (e->directory && r == -ENOTEMPTY));
	if (r == 0)
		*e = m->list[--m->n];
}

static void move(struct model *m)
{
	struct entry *e = pick(m, below(m, 2));
	uint64_t to = pick_directory(m);
	char name[256];

	new_name(m, name);
	if (!e || taken(m, to, name) || (e->directory && is_below(m, to, e->ino)))
		return;
	REQUIRE(tree_rename(m->w.tree, e->parent, e->name, to, name, 0) == 0);
	e->parent = to;
	snprintf(e->name, sizeof(e->name), "%s", name);
}

static void link_again(struct model *m)
{
	struct entry *e = pick(m, false);
	uint64_t to = pick_directory(m);
	char name[256];
	struct stat st;

	new_name(m, name);
	if (!e || m->n == ENTRIES_MAX || taken(m, to, name))
		return;
	REQUIRE(tree_link(m->w.tree, e->ino, to, name, &st) == 0);
	add_entry(m, to, name, e->ino, false);
	m->list[m->n - 1].symlink = e->symlink;
}

static void change(struct model *m)
{
	struct entry *e = pick(m, below(m, 3) == 0);
	struct stat set = {.st_mode = 0600 + below(m, 0177)}, st;

	if (e && !e->directory && !e->symlink && below(m, 2))
		write_some(m, e->ino);
	else if (e)
		REQUIRE(tree_setattr(m->w.tree, e->ino, &set, TREE_SET_MODE, &st) == 0);
}

static struct entry *pick_file(struct model *m)
{
	struct entry *e = pick(m, false);

	return e && !e->symlink ? e : NULL;
}

/* A file, or a part of it, put anywhere into another: blocks of the disc are shared, where the rule lets them. */
static void copy_some(struct model *m)
{
	struct entry *from = pick_file(m), *to = pick_file(m);
	uint64_t at = below(m, 2) ? 0 : below(m, 3) * SECTOR_BYTES,
		 where = below(m, 3) ? 0 : below(m, 4) * SECTOR_BYTES;
	struct tree_file *f, *g;
	size_t copied = 0;

	if (!from || !to || from->ino == to->ino)
		return;
	REQUIRE(tree_open(m->w.tree, from->ino, O_RDONLY, &f) == 0);
	REQUIRE(tree_open(m->w.tree, to->ino, O_RDWR | (below(m, 2) ? O_TRUNC : 0), &g) == 0);
	REQUIRE(tree_copy(m->w.tree, f, at, g, where, below(m, 3) ? 1 << 20 : SECTOR_BYTES, &copied) == 0);
	tree_close(m->w.tree, f);
	tree_close(m->w.tree, g);
}

static void cut(struct model *m)
{
	struct entry *e = pick_file(m);
	struct stat set = {.st_size = below(m, 2) ? (off_t)below(m, 9000) : (off_t)below(m, 4) * SECTOR_BYTES}, st;

	if (e)
		REQUIRE(tree_setattr(m->w.tree, e->ino, &set, TREE_SET_SIZE, &st) == 0);
}

static void (*const changes[])(struct model *) = {make, make,	    make_symlink, make,	  drop,	     move,
						  move, link_again, change,	  change, copy_some, cut};

/* ---- comparing ---- */

static void path_of(const struct model *m, const struct entry *e, char *path, size_t bytes)
{
	char *copy = malloc(bytes);

	snprintf(path, bytes, "%s", e->name);
	for (uint64_t at = e->parent; at != TREE_ROOT;)
		for (size_t i = 0; i < m->n; i++)
			if (m->list[i].directory && m->list[i].ino == at) {
				snprintf(copy, bytes, "%s/%s", m->list[i].name, path);
				memcpy(path, copy, bytes);
				at = m->list[i].parent;
				break;
			}
	free(copy);
}

static void compare(struct model *m)
{
	char *path = malloc(65536);

	for (size_t i = 0; i < m->n; i++) {
		path_of(m, &m->list[i], path, 65536);
		REQUIRE(world_lookup(&m->w, path) == m->list[i].ino);
	}
	free(path);
}

static uint64_t room_asked(struct world *w)
{
	tree_lock(w->tree);
	uint64_t sectors = space_body_locked(w->tree);
	tree_unlock(w->tree);
	return sectors;
}

#define FIXED_SECTORS (BOUND_SESSION_SECTORS - 6u) /* but for the path tables */

/* The room asked for is enough, before it is rounded up. */
static struct commit_result check_room(struct model *m)
{
	uint64_t room = room_asked(&m->w);
	struct commit_result dry = ask(&m->w, &ask_dry_run);

	REQUIRE(dry.error == 0);
	if (!dry.cost.append_sectors)
		return dry;
	if (FIXED_SECTORS + dry.cost.tree_sectors + dry.cost.data_sectors > room) {
		fprintf(stderr, "tree %lu and data %lu: more than %lu\n", (unsigned long)dry.cost.tree_sectors,
			(unsigned long)dry.cost.data_sectors, (unsigned long)room);
		abort();
	}
	m->asked += room - FIXED_SECTORS;
	m->used += dry.cost.tree_sectors + dry.cost.data_sectors;
	return dry;
}

/* The room was enough, the dry run right, the disc whole. Returns what was found on the disc. */
static struct disc_found burn(struct model *m)
{
	struct disc_found found = {.directories = 0};
	struct commit_result dry = check_room(m), wet = sync_now(&m->w);

	REQUIRE(wet.error == 0);
	REQUIRE(dry.cost.append_sectors == wet.cost.append_sectors && dry.cost.tree_sectors == wet.cost.tree_sectors);
	if (wet.burned) {
		disc_check(m->w.image, &found);
		REQUIRE(found.names + found.directories == m->n + 1);
	}
	return found;
}

static void remount(struct model *m)
{
	world_close(&m->w);
	REQUIRE(world_open(&m->w) == 0);
	compare(m); /* and the nodes are in memory again, as the kernel would have them */
}

/* ---- tests ---- */

static void random_sessions(unsigned seed, enum tree_writing writing)
{
	struct model *m = calloc(1, sizeof(*m));
	static const struct pieces_rule rules[] = {
		{SHARE_AUTO, 1}, {SHARE_BLOCKS, 0}, {SHARE_AUTO, 0}, {SHARE_AUTO, SECTOR_BYTES}, {SHARE_NONE, 0}};
	unsigned linked = 0, pieces = 0;

	REQUIRE(m);
	world_new(&m->w);
	m->w.options.pieces = rules[seed % ARRAY_LENGTH(rules)];
	m->w.writing = writing;
	m->seed = seed;
	REQUIRE(world_open(&m->w) == 0);
	for (unsigned i = 0; i < 200; i++)
		make(m);
	for (unsigned round = 0; round < 40; round++) {
		struct disc_found found = burn(m);

		REQUIRE(!found.directories ||
			!!(found.appuse.flags & APPUSE_LINKED) == (round > 0 && writing == TREE_LINKED));
		linked += found.older > 0;
		pieces += found.pieces;
		compare(m);
		for (unsigned i = 1 + below(m, below(m, 5) ? 4 : 40); i; i--) {
			changes[below(m, ARRAY_LENGTH(changes))](m);
			check_room(m);
		}
		if (below(m, 4) == 0)
			remount(m);
	}
	REQUIRE(writing != TREE_LINKED || linked > 20);
	print_message("# seed %u: %lu blocks asked for, %lu used, %u times a file in pieces\n", seed,
		      (unsigned long)m->asked, (unsigned long)m->used, pieces);
	REQUIRE(!pieces == (m->w.options.pieces.share == SHARE_NONE || seed % ARRAY_LENGTH(rules) == 2));
	world_close(&m->w);
	world_remove(&m->w);
	free(m);
}

static void test_random(void **state)
{
	(void)state;
	check_copied_blocks = true;
	for (unsigned seed = 1; seed <= 6; seed++)
		random_sessions(seed, TREE_LINKED);
	for (unsigned seed = 7; seed <= 10; seed++)
		random_sessions(seed, TREE_FULL);
	check_copied_blocks = false;
}

/* One file more among many directories. */
static void test_cost(void **state)
{
	struct world w;
	struct commit_result r;
	struct disc_found found;

	(void)state;
	world_new(&w);
	REQUIRE(world_open(&w) == 0);
	for (unsigned i = 0; i < 1000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "directory %u", i);
		world_mkdir(&w, path);
		snprintf(path, sizeof(path), "directory %u/file", i);
		world_write(&w, path, 10, i);
	}
	REQUIRE(sync_now(&w).error == 0);
	world_write(&w, "directory 500/one more", 100, 1);
	r = sync_now(&w);
	assert_int_equal(r.error, 0);
	disc_check(w.image, &found);
	/* tree=auto: the tree is large enough to be linked. Two directories of a sector each, the root, path tables. */
	assert_int_equal(found.older, 999);
	assert_int_equal(r.cost.data_sectors, 1);
	assert_in_range(r.cost.append_sectors, 1, 256);
	world_close(&w);
	world_remove(&w);
}

static int sequential_state(struct disc *d, struct disc_state *ret)
{
	int r = disc_state(d->inner, ret);

	ret->overwritable = false;
	return r;
}
static int inner_read(struct disc *d, uint32_t lba, void *buf, uint32_t n) { return disc_read(d->inner, lba, buf, n); }
static int inner_sessions(struct disc *d, struct disc_session **ret, size_t *n)
{
	return disc_sessions(d->inner, ret, n);
}
static int inner_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int inner_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static void inner_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static struct disc *sequential(struct disc *inner)
{
	static const struct disc_ops ops = {.read = inner_read,
					    .state = sequential_state,
					    .sessions = inner_sessions,
					    .identity = inner_identity,
					    .fingerprint = inner_fingerprint,
					    .close = inner_close};
	struct disc *d = calloc(1, sizeof(*d));

	REQUIRE(d);
	*d = (struct disc){.ops = &ops, .inner = inner};
	return d;
}

/* What one small file more costs in directories; the room asked for is enough. */
static uint64_t tree_of_a_change(struct world *w)
{
	struct commit_result r;

	world_write(w, "directory 500/one more", 100, 1);
	r = ask(w, &ask_dry_run);
	REQUIRE(r.error == 0 && room_asked(w) >= r.cost.tree_sectors + r.cost.data_sectors);
	world_close(w);
	return r.cost.tree_sectors;
}

/* Where a session costs 13 MB by itself, a tree of some MiB is written whole. */
static void test_sequential(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	REQUIRE(world_open(&w) == 0);
	for (unsigned i = 0; i < 1000; i++) {
		char path[64];

		snprintf(path, sizeof(path), "directory %u", i);
		world_mkdir(&w, path);
	}
	REQUIRE(sync_now(&w).error == 0);
	assert_in_range(tree_of_a_change(&w), 1, 200);
	w.wrap = sequential;
	REQUIRE(world_open(&w) == 0);
	assert_true(tree_of_a_change(&w) > 2000);
	w.writing = TREE_LINKED;
	REQUIRE(world_open(&w) == 0);
	assert_in_range(tree_of_a_change(&w), 1, 200);
	world_remove(&w);
}

/* A path table that says something else than its tree: the whole tree is written, and right. */
static void test_lying_tables(void **state)
{
	struct world w;
	struct disc_found found;
	uint8_t descriptor[SECTOR_BYTES], table[SECTOR_BYTES];
	int fd;

	(void)state;
	world_new(&w);
	w.writing = TREE_LINKED;
	REQUIRE(world_open(&w) == 0);
	world_mkdir(&w, "one");
	world_mkdir(&w, "two");
	world_mkdir(&w, "two/three");
	REQUIRE(sync_now(&w).error == 0);
	fd = open(w.image, O_RDWR);
	REQUIRE(fd >= 0 && pread(fd, descriptor, sizeof(descriptor), 16 * SECTOR_BYTES) == SECTOR_BYTES);
	REQUIRE(pread(fd, table, sizeof(table), (off_t)get_le32(descriptor + 140) * SECTOR_BYTES) == SECTOR_BYTES);
	table[10 + 2]++; /* the extent of the first sub-directory */
	REQUIRE(pwrite(fd, table, sizeof(table), (off_t)get_le32(descriptor + 140) * SECTOR_BYTES) == SECTOR_BYTES);
	close(fd);
	world_write(&w, "two/three/file", 5, 5);
	REQUIRE(sync_now(&w).error == 0);
	disc_check(w.image, &found);
	assert_int_equal(found.appuse.flags & APPUSE_LINKED, 0);
	world_write(&w, "two/three/file", 5, 6);
	REQUIRE(sync_now(&w).error == 0);
	disc_check(w.image, &found);
	assert_int_equal(found.older, 1);
	world_close(&w);
	world_remove(&w);
}

static const struct commit_request_options ask_dry_full_tree = {.kind = COMMIT_DRY_RUN, .flags = COMMIT_FULL_TREE};

static void make_linked(struct world *w)
{
	world_new(w);
	w->writing = TREE_LINKED;
	REQUIRE(world_open(w) == 0);
	world_mkdir(w, "one");
	world_mkdir(w, "one/below");
	world_write(w, "one/below/file", 5000, 1);
	world_mkdir(w, "two");
	REQUIRE(sync_now(w).error == 0);
	world_write(w, "two/file", 5, 5);
	REQUIRE(sync_now(w).error == 0);
}

/* From linked sessions to one with the whole tree, when nothing else changes; once is enough. */
static void test_full_tree(void **state)
{
	struct disc_found found;
	struct commit_result r, dry;
	struct world w;

	(void)state;
	make_linked(&w);
	disc_check(w.image, &found);
	assert_int_equal(found.older, 2);
	dry = ask(&w, &ask_dry_full_tree);
	r = ask(&w, &ask_full_tree);
	assert_int_equal(r.error, 0);
	assert_true(r.burned);
	assert_int_equal(r.cost.data_sectors, 0);
	assert_int_equal(r.cost.append_sectors, dry.cost.append_sectors);
	disc_check(w.image, &found);
	assert_int_equal(found.older, 0);
	assert_int_equal(found.directories, 4);
	assert_false(ask(&w, &ask_full_tree).burned);
	REQUIRE(world_has(&w, "one/below/file", 5000, 1));
	world_write(&w, "two/again", 5, 5);
	REQUIRE(sync_now(&w).error == 0);
	disc_check(w.image, &found);
	assert_int_equal(found.older, 2);
	world_close(&w);
	world_remove(&w);
}

/* A session of nothing, as one that closes a disc is: the root alone. */
static void test_nothing_staged(void **state)
{
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct tree_frozen f;
	struct world w;

	(void)state;
	make_linked(&w);
	REQUIRE(tree_preview(w.tree, TREE_FREEZE_UNCHANGED, &f) == 0);
	REQUIRE(manifest_build(&f, w.disc, w.stage, &m, why) == 0);
	assert_true(m->linked);
	assert_int_equal(m->nodes[0].kept, 0);
	assert_int_equal(m->n_kept, 2);
	tree_frozen_release(&f);
	world_close(&w);
	world_remove(&w);
}

/* No Joliet tree, so no twins; then one again, for which the whole tree is needed. */
static void test_no_joliet(void **state)
{
	struct disc_found found;
	struct world w;

	(void)state;
	make_linked(&w);
	w.options.no_joliet = true;
	world_close(&w);
	REQUIRE(world_open(&w) == 0);
	for (unsigned i = 0; i < 3; i++) {
		world_write(&w, "one/below/file", 5000, i);
		REQUIRE(sync_now(&w).error == 0);
	}
	w.options.no_joliet = false;
	world_close(&w);
	REQUIRE(world_open(&w) == 0);
	REQUIRE(world_has(&w, "one/below/file", 5000, 2) && world_has(&w, "two/file", 5, 5));
	world_write(&w, "two/file", 6, 6);
	REQUIRE(sync_now(&w).error == 0);
	disc_check(w.image, &found);
	assert_int_equal(found.older, 0);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	   cmocka_unit_test(test_cost),
		cmocka_unit_test(test_sequential), cmocka_unit_test(test_lying_tables),
		cmocka_unit_test(test_full_tree),  cmocka_unit_test(test_nothing_staged),
		cmocka_unit_test(test_no_joliet),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
