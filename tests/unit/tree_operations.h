/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tree_operations.h - for tests: each operation of the mount, on a disc with a stage above it, and what the tree shows
 *
 * A disc has one session, and a stage above it in which names are gone, replaced, renamed and new.  What the tree
 * shows is described as one line for each path that the disc or the stage ever had.
 */
#ifndef TESTS_UNIT_TREE_OPERATIONS_H
#define TESTS_UNIT_TREE_OPERATIONS_H

#include "tests/unit/disc_check.h"

#include <errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>

#include "burner/base/hash.h"
#include "tests/unit/tree_check.h"

/* ---- the disc, and what is staged above it ---- */

static const char *const paths[] = {
	"same",
	"replaced",
	"modified",
	"gone",
	"from",
	"to",
	"sym",
	"dir",
	"dir/same",
	"dir/gone",
	"dir/from",
	"dir/to",
	"moved",
	"moved/m1",
	"moved/m2",
	"empty",
	"one",
	"two",
	"file-now",
	"file-now/x",
	"dir-now",
	"dir-now/x",
	"large",
	"over",
	"new",
	"newdir",
	"newdir/x",
	"newdir/moved",
	"newdir/moved/m1",
	"newdir/moved/m2",
	"dir/replaced",
	"made",
	"emptied",
	"emptied/x",
};
#define PATHS ARRAY_LENGTH(paths)
struct view {
	char line[PATHS][160];
};

static void world_symlink(struct world *w, const char *path, const char *target)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);
	struct stat st;

	REQUIRE(tree_symlink(w->tree, &world_caller, parent, name, target, &st) == 0);
}

static void world_rename(struct world *w, const char *from, const char *to)
{
	const char *name, *new_name;
	uint64_t parent = world_parent(w, from, &name), new_parent = world_parent(w, to, &new_name);

	REQUIRE(tree_rename(w->tree, parent, name, new_parent, new_name, 0) == 0);
}

static void world_link(struct world *w, const char *path, const char *to)
{
	const char *name;
	uint64_t parent = world_parent(w, to, &name);
	struct stat st;

	REQUIRE(tree_link(w->tree, world_lookup(w, path), parent, name, &st) == 0);
}

/* An extended attribute that fills blocks of its own. */
static void world_value(struct world *w, const char *path)
{
	static const char value[9000] = "value";
	const struct tree_xattr x = {.name = "user.v", .value = value, .bytes = sizeof(value)};

	REQUIRE(tree_xattr_set(w->tree, world_lookup(w, path), &x) >= 0);
}

static void make_disc(struct world *w)
{
	static const char *const directories[] = {"dir", "moved", "empty", "file-now", "emptied"};
	static const char *const files[] = {"same",	"replaced",   "modified",     "gone",
					    "from",	"dir/same",   "dir/replaced", "dir/gone",
					    "dir/from", "moved/m1",   "moved/m2",     "one",
					    "dir-now",	"file-now/x", "over",	      "emptied/x"};

	for (size_t i = 0; i < ARRAY_LENGTH(directories); i++)
		world_mkdir(w, directories[i]);
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		world_write(w, files[i], 3000 + i, (unsigned)i + 1);
	world_write(w, "large", 600000, 99);
	world_link(w, "one", "two");
	world_symlink(w, "sym", "old target");
	world_value(w, "dir/same");
	world_value(w, "one");
	REQUIRE(sync_now(w).error == 0);
}

static void world_replace(struct world *w, const char *path, unsigned seed)
{
	REQUIRE(world_unlink(w, path) == 0);
	world_write(w, path, 2000 + seed, seed);
}

static int world_rmdir(struct world *w, const char *path)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);

	return tree_rmdir(w->tree, parent, name);
}

static void make_changes(struct world *w)
{
	world_replace(w, "replaced", 101);
	world_write(w, "modified", 5000, 102);
	REQUIRE(world_unlink(w, "gone") == 0);
	world_rename(w, "from", "to");
	REQUIRE(world_unlink(w, "sym") == 0);
	world_symlink(w, "sym", "new target");
	world_replace(w, "dir/replaced", 103);
	REQUIRE(world_unlink(w, "dir/gone") == 0);
	world_rename(w, "dir/from", "dir/to");
	world_mkdir(w, "newdir");
	world_write(w, "newdir/x", 100, 104);
	world_rename(w, "moved", "newdir/moved");
	REQUIRE(world_unlink(w, "newdir/moved/m2") == 0);
	REQUIRE(world_unlink(w, "file-now/x") == 0 && world_rmdir(w, "file-now") == 0);
	world_write(w, "file-now", 700, 105);
	REQUIRE(world_unlink(w, "emptied/x") == 0);
	REQUIRE(world_unlink(w, "dir-now") == 0);
	world_mkdir(w, "dir-now");
	world_write(w, "dir-now/x", 800, 106);
	world_write(w, "new", 900, 107);
	world_rename(w, "new", "over");
	world_write(w, "new", 901, 108);
	REQUIRE(tree_sync(w->tree) == 0);
}

/* ---- what the tree shows ---- */

static int lookup_path(struct world *w, const char *path, struct stat *st)
{
	uint64_t ino = TREE_ROOT;
	int r = 0;

	while (r == 0 && *path) {
		size_t length = strcspn(path, "/");
		char part[256];

		memcpy(part, path, length);
		part[length] = '\0';
		r = ino != TREE_ROOT && !S_ISDIR(st->st_mode) ? -ENOTDIR : tree_lookup(w->tree, ino, part, st);
		ino = r == 0 ? st->st_ino : 0;
		path += length + (path[length] == '/');
	}
	return r;
}

static int describe_file(struct world *w, const struct stat *st, char *line)
{
	_free_ uint8_t *buf = malloc((size_t)st->st_size + 1);
	struct tree_file *f;
	size_t n = 0;
	int r = tree_open(w->tree, st->st_ino, O_RDONLY, &f);

	if (r < 0)
		return r;
	r = tree_read(w->tree, f, 0, buf, (size_t)st->st_size + 1, &n);
	tree_close(w->tree, f);
	if (r == 0)
		snprintf(line, 160, "file %o links %u size %llu/%zu %llx", st->st_mode, (unsigned)st->st_nlink,
			 (unsigned long long)st->st_size, n, (unsigned long long)name_hash(buf, n, 0));
	return r;
}

static int compare_names(const void *a, const void *b) { return strcmp(a, b); }

static int describe_directory(struct world *w, const struct stat *st, char *line)
{
	char names[32][256];
	struct tree_dir_entry e;
	struct tree_dir *d;
	size_t n = 0, used = 0;
	int r = tree_opendir(w->tree, st->st_ino, &d);

	if (r < 0)
		return r;
	for (uint64_t cookie = 0; (r = tree_readdir(w->tree, d, cookie, &e)) == 1; cookie = e.next)
		snprintf(names[n++], 256, "%s", e.name);
	tree_closedir(w->tree, d);
	if (r < 0)
		return r;
	qsort(names, n, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(line + used, 160 - used, "%s ", names[i]);
	return 0;
}

static int describe_link(struct world *w, const struct stat *st, char *line)
{
	_free_ char *target = NULL;
	int r = tree_readlink(w->tree, st->st_ino, &target);

	if (r == 0)
		snprintf(line, 160, "-> %s", target);
	return r;
}

static void describe(struct world *w, struct view *ret)
{
	for (size_t i = 0; i < PATHS; i++) {
		struct stat st;
		int r = lookup_path(w, paths[i], &st);

		if (r == 0)
			r = S_ISDIR(st.st_mode) ? describe_directory(w, &st, ret->line[i]) :
			    S_ISLNK(st.st_mode) ? describe_link(w, &st, ret->line[i]) :
						  describe_file(w, &st, ret->line[i]);
		if (r < 0)
			snprintf(ret->line[i], 160, r == -ENOENT || r == -ENOTDIR ? "absent" : "error %d", r);
	}
}

static bool same_view(const struct view *a, const struct view *b)
{
	for (size_t i = 0; i < PATHS; i++)
		if (strcmp(a->line[i], b->line[i])) {
			fprintf(stderr, "%s: %s; was to be: %s\n", paths[i], a->line[i], b->line[i]);
			return false;
		}
	return true;
}

/* While the stage fails: an error, or one of the two. */
static bool possible_view(const struct view *v, const struct view *before, const struct view *after)
{
	for (size_t i = 0; i < PATHS; i++)
		if (strcmp(v->line[i], "error -5") && strcmp(v->line[i], before->line[i]) &&
		    strcmp(v->line[i], after->line[i])) {
			fprintf(stderr, "%s: %s; was to be: %s; or %s\n", paths[i], v->line[i], before->line[i],
				after->line[i]);
			return false;
		}
	return true;
}

/* ---- operations: what they need is looked for before the fault ---- */

struct scene {
	struct world *w;
	struct tree *t;
	uint64_t same, replaced, modified, sym, dir, newdir, one, large, dir_now, empty;
	struct tree_file *on_modified, *on_large, *on_same;
	struct tree_dir *listing;
};

static int op_lookup_replaced(struct scene *s)
{
	struct stat st;

	return tree_lookup(s->t, s->dir, "replaced", &st);
}
static int op_lookup_gone(struct scene *s)
{
	struct stat st;

	return tree_lookup(s->t, s->dir, "gone", &st);
}
static int op_lookup_same(struct scene *s)
{
	struct stat st;

	return tree_lookup(s->t, s->dir, "same", &st);
}
static int op_getattr(struct scene *s)
{
	struct stat st;

	return tree_getattr(s->t, s->replaced, &st);
}
static int op_open(struct scene *s)
{
	struct tree_file *f;
	int r = tree_open(s->t, s->replaced, O_RDWR, &f);

	if (r == 0)
		tree_close(s->t, f);
	return r;
}
static int op_read(struct scene *s)
{
	uint8_t buf[100];
	size_t n;

	return tree_read(s->t, s->on_modified, 0, buf, sizeof(buf), &n);
}
static int op_readdir(struct scene *s)
{
	struct tree_dir_entry e;
	uint64_t cookie = 0;
	int r;

	while ((r = tree_readdir(s->t, s->listing, cookie, &e)) == 1)
		cookie = e.next;
	return r;
}
/* "gone" is never given; what is replaced never with the attributes that the disc has. */
static int op_readdirplus(struct scene *s)
{
	struct tree_dir_entry e;
	int r, failed = 0;

	for (uint64_t cookie = 0; (r = tree_readdir(s->t, s->listing, cookie, &e)) == 1; cookie = e.next) {
		struct stat st;

		assert_string_not_equal(e.name, "gone");
		if (e.name[0] == '.')
			continue;
		int found = tree_readdir_lookup(s->t, s->listing, cookie, &st);
		failed = failed ? failed : found;
		if (found == 0 && !strcmp(e.name, "replaced"))
			assert_int_equal(st.st_size, 2103);
	}
	return r ? r : failed;
}
static int op_readlink(struct scene *s)
{
	char *target = NULL;
	int r = tree_readlink(s->t, s->sym, &target);

	free(target);
	return r;
}
static int create(struct scene *s, uint64_t parent, const char *name)
{
	struct tree_file *f;
	struct stat st;
	int r = tree_create(s->t, &world_caller, parent, name, 0644, O_RDWR, &st, &f);

	if (r == 0)
		tree_close(s->t, f);
	return r;
}
static int op_create(struct scene *s) { return create(s, TREE_ROOT, "made"); }
static int op_create_gone(struct scene *s) { return create(s, s->dir, "gone"); }
static int op_create_replaced(struct scene *s) { return create(s, s->dir, "replaced"); }
static int op_mkdir(struct scene *s)
{
	struct stat st;

	return tree_mknod(s->t, &world_caller, s->newdir, "moved2", S_IFDIR | 0755, 0, &st);
}
static int op_symlink(struct scene *s)
{
	struct stat st;

	return tree_symlink(s->t, &world_caller, TREE_ROOT, "made", "there", &st);
}
static int op_link(struct scene *s)
{
	struct stat st;

	return tree_link(s->t, s->one, s->dir, "gone", &st);
}
static int op_link_replaced(struct scene *s)
{
	struct stat st;

	return tree_link(s->t, s->one, s->dir, "replaced", &st);
}
static int op_write(struct scene *s) { return tree_write(s->t, s->on_modified, 10, "written", 7); }
static int op_write_disc(struct scene *s) { return tree_write(s->t, s->on_same, 2999, "written", 7); }
static int op_write_large(struct scene *s) { return tree_write(s->t, s->on_large, 5000, "written", 7); }
static int op_fallocate(struct scene *s)
{
	return tree_fallocate(s->t, s->on_large, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192);
}
static int op_copy(struct scene *s)
{
	size_t n;

	return tree_copy(s->t, s->on_large, 0, s->on_same, 0, 4096, &n);
}
static int op_unlink_replaced(struct scene *s) { return tree_unlink(s->t, s->dir, "replaced"); }
static int op_unlink_same(struct scene *s) { return tree_unlink(s->t, s->dir, "same"); }
static int op_unlink_gone(struct scene *s) { return tree_unlink(s->t, s->dir, "gone"); }
static int op_unlink_two(struct scene *s) { return tree_unlink(s->t, TREE_ROOT, "two"); }
static int op_rmdir(struct scene *s) { return tree_rmdir(s->t, TREE_ROOT, "empty"); }
static int op_rmdir_emptied(struct scene *s) { return tree_rmdir(s->t, TREE_ROOT, "emptied"); }
static int op_rmdir_full(struct scene *s) { return tree_rmdir(s->t, TREE_ROOT, "dir-now"); }
static int op_rename(struct scene *s) { return tree_rename(s->t, s->dir, "same", TREE_ROOT, "made", 0); }
static int op_rename_over(struct scene *s) { return tree_rename(s->t, TREE_ROOT, "new", s->dir, "replaced", 0); }
static int op_rename_disc_over(struct scene *s) { return tree_rename(s->t, s->dir, "same", TREE_ROOT, "same", 0); }
static int op_rename_to_gone(struct scene *s) { return tree_rename(s->t, TREE_ROOT, "new", s->dir, "gone", 0); }
static int op_rename_noreplace(struct scene *s)
{
	return tree_rename(s->t, TREE_ROOT, "new", s->dir, "replaced", RENAME_NOREPLACE);
}
static int op_whiteout(struct scene *s)
{
	return tree_rename_whiteout(s->t, &world_caller, s->dir, "same", TREE_ROOT, "made", 0);
}
static int op_whiteout_over(struct scene *s)
{
	return tree_rename_whiteout(s->t, &world_caller, TREE_ROOT, "new", s->dir, "replaced", 0);
}
static int op_exchange(struct scene *s) { return tree_rename(s->t, TREE_ROOT, "new", s->dir, "same", RENAME_EXCHANGE); }
static int op_exchange_directory(struct scene *s)
{
	return tree_rename(s->t, TREE_ROOT, "dir-now", s->newdir, "moved", RENAME_EXCHANGE);
}
static int op_setattr(struct scene *s)
{
	struct stat set = {.st_mode = 0600}, st;

	return tree_setattr(s->t, s->same, &set, TREE_SET_MODE, &st);
}
static int op_truncate(struct scene *s)
{
	struct stat set = {.st_size = 10}, st;

	return tree_setattr(s->t, s->large, &set, TREE_SET_SIZE, &st);
}
static int op_getxattr(struct scene *s)
{
	uint8_t *value = NULL;
	size_t bytes;
	int r = tree_xattr_get(s->t, s->one, "user.v", &value, &bytes);

	free(value);
	return r;
}
static int op_listxattr(struct scene *s)
{
	char *names = NULL;
	size_t bytes;
	int r = tree_xattr_list(s->t, s->one, &names, &bytes);

	free(names);
	return r;
}
static int op_setxattr(struct scene *s)
{
	return tree_xattr_set(s->t, s->one, &(struct tree_xattr){.name = "user.w", .value = "w", .bytes = 1});
}
static int op_statfs(struct scene *s)
{
	struct statvfs v;

	return tree_statfs(s->t, &v);
}
static int op_sync(struct scene *s)
{
	struct stat set = {.st_mode = 0640}, st;
	int r = tree_setattr(s->t, s->modified, &set, TREE_SET_MODE, &st);

	return r < 0 ? r : tree_fsync(s->t, s->modified);
}
static int no_change(void *context, const struct tree_change *c)
{
	(void)context, (void)c;
	return 0;
}
static int op_changes(struct scene *s) { return tree_changes(s->t, no_change, NULL, NULL); }
static int op_preview(struct scene *s)
{
	struct tree_frozen f;
	int r = tree_preview(s->t, 0, &f);

	if (r == 0)
		tree_frozen_release(&f);
	return r;
}
static int op_freeze(struct scene *s)
{
	struct tree_frozen f;
	int r = tree_freeze(s->t, 0, &f);

	if (r == 0) {
		tree_thaw(s->t);
		tree_frozen_release(&f);
	}
	return r;
}
/* What could be accepted by its name is refused by it, also where it cannot be read. */
static int op_commit(struct scene *s)
{
	struct commit_result r = sync_now(s->w);

	return r.error == -EPERM && strstr(r.message, "-o accept=") ? -EIO : r.error;
}
static int op_discard(struct scene *s)
{
	struct stage_snapshot *what = NULL;

	tree_close(s->t, TAKE_PTR(s->on_modified));
	tree_close(s->t, TAKE_PTR(s->on_large));
	tree_close(s->t, TAKE_PTR(s->on_same));
	int r = tree_discard(s->t, &what);
	if (what)
		stage_snapshot_free(what);
	return r;
}

struct operation {
	const char *name;
	int (*run)(struct scene *s);
	bool in_parts; /* what was done before the failure stays: only its sync may have failed */
};

static const struct operation operations[] = {
	{.name = "lookup of what is replaced", .run = op_lookup_replaced},
	{.name = "lookup of what is gone", .run = op_lookup_gone},
	{.name = "lookup", .run = op_lookup_same},
	{.name = "getattr", .run = op_getattr},
	{.name = "open", .run = op_open},
	{.name = "read", .run = op_read},
	{.name = "readdir", .run = op_readdir},
	{.name = "readdirplus", .run = op_readdirplus},
	{.name = "readlink", .run = op_readlink},
	{.name = "create", .run = op_create},
	{.name = "create where one is gone", .run = op_create_gone},
	{.name = "create what is there", .run = op_create_replaced},
	{.name = "mkdir", .run = op_mkdir},
	{.name = "symlink", .run = op_symlink},
	{.name = "link", .run = op_link},
	{.name = "link to what is there", .run = op_link_replaced},
	{.name = "write", .run = op_write},
	{.name = "write to what is on the disc", .run = op_write_disc},
	{.name = "write to a large one", .run = op_write_large},
	{.name = "fallocate", .run = op_fallocate},
	{.name = "copy", .run = op_copy},
	{.name = "unlink what is replaced", .run = op_unlink_replaced},
	{.name = "unlink what is on the disc", .run = op_unlink_same},
	{.name = "unlink what is gone", .run = op_unlink_gone},
	{.name = "unlink one of two", .run = op_unlink_two},
	{.name = "rmdir", .run = op_rmdir},
	{.name = "rmdir of one that was emptied", .run = op_rmdir_emptied},
	{.name = "rmdir of one that is not empty", .run = op_rmdir_full},
	{.name = "rename", .run = op_rename},
	{.name = "rename over what is replaced", .run = op_rename_over},
	{.name = "rename over what is on the disc", .run = op_rename_disc_over},
	{.name = "rename to what is gone", .run = op_rename_to_gone},
	{.name = "rename without replacing", .run = op_rename_noreplace},
	{.name = "rename that leaves a whiteout", .run = op_whiteout},
	{.name = "rename that leaves a whiteout, over what is replaced", .run = op_whiteout_over},
	{.name = "exchange", .run = op_exchange},
	{.name = "exchange of directories", .run = op_exchange_directory},
	{.name = "setattr", .run = op_setattr},
	{.name = "truncate", .run = op_truncate},
	{.name = "getxattr", .run = op_getxattr},
	{.name = "listxattr", .run = op_listxattr},
	{.name = "setxattr", .run = op_setxattr},
	{.name = "statfs", .run = op_statfs},
	{.name = "setattr and fsync", .run = op_sync, .in_parts = true},
	{.name = "changes", .run = op_changes},
	{.name = "preview", .run = op_preview},
	{.name = "freeze", .run = op_freeze},
	{.name = "commit", .run = op_commit},
	{.name = "discard", .run = op_discard, .in_parts = true},
};

/* ---- worlds ---- */

/* In memory, where there is such a directory: each case makes its stage durable several times. */
static void new_world(struct world *w)
{
	const char *root = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	memset(w, 0, sizeof(*w));
	snprintf(w->directory, sizeof(w->directory), "%s/cdappendfs-failing-XXXXXX", root);
	REQUIRE(mkdtemp(w->directory));
	snprintf(w->image, sizeof(w->image), "%s/image", w->directory);
	snprintf(w->stage_directory, sizeof(w->stage_directory), "%s/stage", w->directory);
}

/* Closed; and what it shows. */
static void make_template(struct world *w, struct view *ret)
{
	struct view again;

	new_world(w);
	REQUIRE(world_open(w) == 0);
	make_disc(w);
	make_changes(w);
	describe(w, ret);
	world_close(w);
	REQUIRE(world_open(w) == 0);
	describe(w, &again);
	assert_true(same_view(&again, ret));
	world_close(w);
}

/* A copy of the template, not open. */
static void copy_world(struct world *w, const struct world *template)
{
	char command[256];

	new_world(w);
	snprintf(command, sizeof(command), "cp -a --sparse=always '%s/.' '%s'", template->directory, w->directory);
	REQUIRE(system(command) == 0);
}

static uint64_t find(struct world *w, const char *path)
{
	uint64_t ino = world_lookup(w, path);

	REQUIRE(ino);
	return ino;
}

static void prepare(struct scene *s, struct world *w)
{
	*s = (struct scene){.w = w,
			    .t = w->tree,
			    .same = find(w, "same"),
			    .replaced = find(w, "replaced"),
			    .modified = find(w, "modified"),
			    .sym = find(w, "sym"),
			    .dir = find(w, "dir"),
			    .newdir = find(w, "newdir"),
			    .one = find(w, "one"),
			    .large = find(w, "large")};
	REQUIRE(tree_open(s->t, s->modified, O_RDWR, &s->on_modified) == 0);
	REQUIRE(tree_open(s->t, s->large, O_RDWR, &s->on_large) == 0);
	REQUIRE(tree_open(s->t, s->same, O_RDWR, &s->on_same) == 0);
	REQUIRE(tree_opendir(s->t, s->dir, &s->listing) == 0);
}

static void finish(struct scene *s)
{
	if (s->on_modified)
		tree_close(s->t, s->on_modified);
	if (s->on_large)
		tree_close(s->t, s->on_large);
	if (s->on_same)
		tree_close(s->t, s->on_same);
	tree_closedir(s->t, s->listing);
}

#endif
