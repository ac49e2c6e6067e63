/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * act.c - see act.h
 */
#include "tests/power/act.h"

#include "tests/power/log.h"

#define PIECE 100000u

void act_place(struct world *w, const char *root, bool by_identity)
{
	char state[sizeof(w->directory) + 8];

	memset(w, 0, sizeof(*w));
	REQUIRE(strlen(root) + 10 < sizeof(w->directory));
	snprintf(w->directory, sizeof(w->directory), "%s", root);
	snprintf(w->image, sizeof(w->image), "%s/image", root);
	snprintf(state, sizeof(state), "%s/state", root);
	setenv("XDG_STATE_HOME", state, 1);
	if (!by_identity)
		snprintf(w->stage_directory, sizeof(w->stage_directory), "%s/stage", root);
}

/* ---- steps ---- */

static void write_file(struct world *w, const struct script_step *s)
{
	uint64_t ino = world_lookup(w, s->path), parent;
	struct tree_file *f;
	const char *name;
	struct stat st;
	uint8_t *bytes = malloc(PIECE);

	REQUIRE(bytes);
	parent = world_parent(w, s->path, &name);
	if (ino)
		REQUIRE(tree_open(w->tree, ino, O_RDWR, &f) == 0);
	else
		REQUIRE(tree_create(w->tree, &world_caller, parent, name, 0644, O_RDWR, &st, &f) == 0);
	for (uint64_t at = s->offset, end = s->offset + s->length; at < end;) {
		size_t n = end - at < PIECE ? (size_t)(end - at) : PIECE;

		for (size_t i = 0; i < n; i++)
			bytes[i] = script_byte(s->seed, at + i);
		REQUIRE(tree_write(w->tree, f, at, bytes, n) == 0);
		at += n;
	}
	tree_close(w->tree, f);
	free(bytes);
}

static void truncate_file(struct world *w, const struct script_step *s)
{
	struct stat st = {.st_size = (off_t)s->length}, now;

	REQUIRE(tree_setattr(w->tree, world_lookup(w, s->path), &st, TREE_SET_SIZE, &now) == 0);
}

static void change_name(struct world *w, const struct script_step *s)
{
	const char *name, *to;
	uint64_t parent = world_parent(w, s->path, &name), to_parent = world_parent(w, s->to, &to);
	struct stat st;

	if (s->kind == STEP_MOVE)
		REQUIRE(tree_rename(w->tree, parent, name, to_parent, to, 0) == 0);
	else if (s->kind == STEP_LINK)
		REQUIRE(tree_link(w->tree, world_lookup(w, s->path), to_parent, to, &st) == 0);
	else if (s->kind == STEP_UNLINK)
		REQUIRE(tree_unlink(w->tree, parent, name) == 0);
	else
		REQUIRE(tree_rmdir(w->tree, parent, name) == 0);
}

/* Of a length that follows from it, so that some need areas of their own. */
static void tag_file(struct world *w, const struct script_step *s)
{
	uint8_t value[4000] = {0};
	struct tree_xattr x = {.name = "user.tag", .value = value, .bytes = sizeof(s->seed) + s->seed * 3};

	memcpy(value, &s->seed, sizeof(s->seed));
	REQUIRE(x.bytes <= sizeof(value));
	REQUIRE(tree_xattr_set(w->tree, world_lookup(w, s->path), &x) == 0);
}

static unsigned tag_of(struct tree *t, uint64_t ino)
{
	uint8_t *value;
	unsigned tag = 0;
	size_t n;
	int r = tree_xattr_get(t, ino, "user.tag", &value, &n);

	REQUIRE(r == 0 || r == -ENODATA);
	if (r == 0) {
		REQUIRE(n >= sizeof(tag));
		memcpy(&tag, value, sizeof(tag));
		REQUIRE(n == sizeof(tag) + tag * 3);
		free(value);
	}
	return tag;
}

static void commit_now(struct world *w, const struct expect *before)
{
	struct commit_result r = sync_now(w);

	REQUIRE(r.error == 0);
	REQUIRE(r.burned == before->changed);
}

static void do_step(struct world *w, const struct script_step *s, const struct expect *before)
{
	switch (s->kind) {
	case STEP_MKDIR:
		world_mkdir(w, s->path);
		break;
	case STEP_WRITE:
		write_file(w, s);
		break;
	case STEP_TRUNCATE:
		truncate_file(w, s);
		break;
	case STEP_TAG:
		tag_file(w, s);
		break;
	case STEP_FSYNC:
		REQUIRE(tree_fsync(w->tree, world_lookup(w, s->path)) == 0);
		break;
	case STEP_COMMIT:
		commit_now(w, before);
		break;
	case STEP_DISCARD:
		REQUIRE(ask(w, &ask_discard).error == 0);
		break;
	case STEP_REMOUNT:
		world_close(w);
		REQUIRE(world_open(w) == 0);
		break;
	default:
		change_name(w, s);
	}
}

static void mark(const char *word, size_t i)
{
	char text[32];

	snprintf(text, sizeof(text), "%s %zu", word, i);
	power_mark(text);
}

void act_script(struct world *w, const struct script *s, const struct expect *expect)
{
	REQUIRE(world_open(w) == 0);
	for (size_t i = 0; i < s->n; i++) {
		mark("begin", i);
		do_step(w, &s->steps[i], &expect[i]);
		mark("end", i);
	}
	world_close(w);
}

/* ---- looking ---- */

static void look_at_file(struct tree *t, uint64_t ino, const char *path, struct expect *ret)
{
	struct stat st;
	struct tree_file *f;
	uint8_t *bytes;
	size_t done = 0, got = 1;

	REQUIRE(tree_getattr(t, ino, &st) == 0);
	bytes = malloc((size_t)st.st_size + 1);
	REQUIRE(bytes && tree_open(t, ino, O_RDONLY, &f) == 0);
	while (got && done <= (size_t)st.st_size) {
		REQUIRE(tree_read(t, f, done, bytes + done, (size_t)st.st_size + 1 - done, &got) == 0);
		done += got;
	}
	REQUIRE(done == (size_t)st.st_size);
	tree_close(t, f);
	expect_add(ret, path, false, bytes, done);
	ret->files[ret->n - 1].tag = tag_of(t, ino);
	ret->files[ret->n - 1].mtime = st.st_mtim;
	free(bytes);
}

static void look_at_directory(struct tree *t, uint64_t ino, const char *path, struct expect *ret)
{
	struct tree_dir_entry e;
	struct tree_dir *d;
	uint64_t cookie = 0;

	REQUIRE(tree_opendir(t, ino, &d) == 0);
	while (tree_readdir(t, d, cookie, &e) == 1) {
		char child[96];
		struct stat st;

		cookie = e.next;
		if (!strcmp(e.name, ".") || !strcmp(e.name, ".."))
			continue;
		REQUIRE(snprintf(child, sizeof(child), "%s%s%s", path, *path ? "/" : "", e.name) < (int)sizeof(child));
		REQUIRE(tree_lookup(t, ino, e.name, &st) == 0);
		if (S_ISDIR(st.st_mode)) {
			expect_add(ret, child, true, NULL, 0);
			ret->files[ret->n - 1].tag = tag_of(t, st.st_ino);
			ret->files[ret->n - 1].mtime = st.st_mtim;
			look_at_directory(t, st.st_ino, child, ret);
		} else {
			look_at_file(t, st.st_ino, child, ret);
		}
		tree_forget(t, st.st_ino, 1);
	}
	tree_closedir(t, d);
}

void act_look(struct tree *t, struct expect *ret) { look_at_directory(t, TREE_ROOT, "", ret); }
