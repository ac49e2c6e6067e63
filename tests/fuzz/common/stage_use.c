/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/common/stage_use.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/session/stream.h"
#include "burner/base/own.h"
#include "fs/commit/commit.h"
#include "fs/manifest/manifest.h"
#include "tests/fuzz/common/image.h"
#include "tests/fuzz/common/scratch.h"

#define NODES_MAX 100u
#define SESSION_MAX_SECTORS 20000u

/* ---- the disc below: one session, which a commit in the journal may call its own ---- */

static struct disc_ops session_ops;

static int disc_sessions_of(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	(void)d;
	*ret = calloc(1, sizeof(**ret));
	MUST(*ret);
	**ret = (struct disc_session){
		.number = 1, .sectors = IMAGE_SECTORS, .descriptor_lba = 16, .ours = true, .uuid = {STAGE_USE_UUID}};
	*ret_n = 1;
	return 0;
}

static int disc_identity_of(struct disc *d, struct disc_identity *ret)
{
	(void)d;
	*ret = (struct disc_identity){.id = {1}, .provisional = {2}};
	return 0;
}

static int disc_fingerprint_of(struct disc *d, struct disc_fingerprint *ret)
{
	(void)d;
	*ret = (struct disc_fingerprint){.next_lba = IMAGE_SECTORS, .descriptor = {3}};
	return 0;
}

static int disc_state_of(struct disc *d, struct disc_state *ret)
{
	(void)d;
	*ret = (struct disc_state){.name = "image file",
				   .appendable = true,
				   .overwritable = true,
				   .capacity_sectors = 1u << 20,
				   .used_sectors = IMAGE_SECTORS,
				   .next_lba = IMAGE_SECTORS};
	return 0;
}

static void disc_begin(struct disc_image *m)
{
	static const uint8_t base = IMAGE_HAND;
	struct input in = {&base, 1};

	image_make(m, &in);
	session_ops = *m->disc.disc.ops;
	session_ops.sessions = disc_sessions_of;
	session_ops.identity = disc_identity_of;
	session_ops.fingerprint = disc_fingerprint_of;
	session_ops.state = disc_state_of;
	m->disc.disc.ops = &session_ops;
}

/* ---- a mount without FUSE ---- */

struct world {
	struct disc_image image;
	struct iso *base;
	struct stage *stage;
	struct tree *tree;
};

static int world_open_stage(struct world *w, bool read_only)
{
	struct stage_options o = {.directory = stage_use_directory(),
				  .disc_path = "/disc",
				  .mountpoint = "/mnt",
				  .read_only = read_only};
	struct stage_holder holder;
	struct disc_state state;
	_free_ char *why = NULL;

	disc_identity_of(NULL, &o.identity);
	disc_fingerprint_of(NULL, &o.fingerprint);
	disc_state_of(NULL, &state);
	o.next_ino = tree_first_ino(w->base, &state);
	return stage_open(&o, &w->stage, &holder, &why);
}

static int world_open_tree(struct world *w)
{
	struct tree_options o = {.owner = 1000, .group = 1000, .time = 1000000000};
	struct disc_state state;
	int r = tree_new(&o, &w->image.disc.disc, w->base, w->stage, &w->tree);

	disc_state_of(NULL, &state);
	if (!r)
		tree_set_medium(w->tree, &state);
	return r;
}

static void world_begin(struct world *w)
{
	*w = (struct world){.base = NULL};
	disc_begin(&w->image);
	MUST(iso_open(&w->image.disc.disc, 16, &w->base) == 0);
}

static void world_end(struct world *w)
{
	tree_free(w->tree);
	if (w->stage)
		stage_close(w->stage);
	iso_unref(w->base);
	image_release(&w->image);
}

/* ---- using it ---- */

static void read_node(struct tree *t, const struct stat *st)
{
	static uint8_t buf[5000];
	struct tree_file *f = NULL;
	char *target = NULL;
	size_t n;

	if (S_ISLNK(st->st_mode) && tree_readlink(t, st->st_ino, &target) == 0)
		free(target);
	if (!S_ISREG(st->st_mode) || tree_open(t, st->st_ino, O_RDONLY, &f))
		return;
	(void)!tree_read(t, f, 0, buf, sizeof(buf), &n);
	(void)!tree_read(t, f, (uint64_t)st->st_size / 2, buf, sizeof(buf), &n);
	tree_close(t, f);
}

/* One directory; its sub-directories go to the queue, with the reference that the look-up gave. */
static void list(struct tree *t, uint64_t ino, uint64_t queue[NODES_MAX], size_t *n)
{
	struct tree_dir_entry e = {.next = 0};
	struct tree_dir *d = NULL;
	unsigned entries = 0;

	if (tree_opendir(t, ino, &d))
		return;
	while (entries++ < NODES_MAX && tree_readdir(t, d, e.next, &e) > 0) {
		struct stat st;

		MUST(e.name[0] && strlen(e.name) <= 255 && !strchr(e.name, '/'));
		if (!strcmp(e.name, ".") || !strcmp(e.name, "..") || tree_lookup(t, ino, e.name, &st))
			continue;
		read_node(t, &st);
		if (S_ISDIR(st.st_mode) && *n < NODES_MAX)
			queue[(*n)++] = st.st_ino;
		else
			tree_forget(t, st.st_ino, 1);
	}
	tree_closedir(t, d);
}

static void walk_tree(struct tree *t)
{
	uint64_t queue[NODES_MAX] = {TREE_ROOT};
	struct statvfs v;
	size_t n = 1;

	(void)!tree_statfs(t, &v);
	for (size_t i = 0; i < n; i++) {
		list(t, queue[i], queue, &n);
		if (i)
			tree_forget(t, queue[i], 1);
	}
}

static void change_tree(struct tree *t)
{
	const struct tree_caller me = {.uid = 1000, .gid = 1000};
	struct tree_file *f = NULL;
	struct stat st;

	if (tree_create(t, &me, TREE_ROOT, "made now", S_IFREG | 0644, O_RDWR, &st, &f) == 0) {
		(void)!tree_write(t, f, 3000, "text", 4);
		tree_close(t, f);
		tree_forget(t, st.st_ino, 1);
	}
	(void)!tree_rename(t, TREE_ROOT, "staged", TREE_ROOT, "renamed", 0);
	(void)!tree_rename(t, TREE_ROOT, "sub", TREE_ROOT, "made now", 0);
	(void)!tree_unlink(t, TREE_ROOT, "null");
	(void)!tree_rmdir(t, TREE_ROOT, "directory");
	(void)!tree_sync(t);
}

struct changes_seen {
	unsigned n;
	char last[256]; /* a path of them */
};

static int count_change(void *context, char kind, const char *path, const char *from, uint64_t bytes)
{
	struct changes_seen *seen = context;

	(void)from, (void)kind, (void)bytes;
	MUST(path[0]);
	seen->n++;
	if (strlen(path) < sizeof(seen->last))
		memcpy(seen->last, path, strlen(path) + 1);
	return 0;
}

static int count_listed(void *context, const struct tree_change *c)
{
	return count_change(context, c->kind, c->path, c->from, c->bytes);
}

/* One path of what is staged goes; the rest must hold. */
static void drop_path(struct world *w, const char *path)
{
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *what = NULL;
	struct changes_seen dropped = {0};
	_free_ char *why = NULL;
	int r = tree_discard_paths(w->tree, &path, 1, count_change, &dropped, &what, &why);

	MUST(r != -ENOMEM && (r || dropped.n));
}

static void encode(const struct manifest *m)
{
	struct burn_options o = {.start_lba = IMAGE_SECTORS,
				 .session_number = 2,
				 .previous_lba = 0,
				 .previous_descriptor_lba = 16,
				 .previous_number = 1,
				 .overwritable = true,
				 .next_ino = 1u << 30,
				 .align_end_sectors = 32};
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;
	_cleanup_(burn_plan_freep) struct burn_plan *plan = NULL;
	static uint8_t buf[64 * SECTOR_BYTES];
	uint32_t left;

	if (burn_plan_new(m, &o, &plan) || session_length(plan) > SESSION_MAX_SECTORS)
		return;
	MUST(session_stream_new(plan, &s) == 0);
	while ((left = session_stream_left(s)))
		if (session_stream_read(s, buf, left < 64 ? left : 64))
			return;
}

static void commit_tree(struct world *w)
{
	struct tree_frozen frozen;
	struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct changes_seen changes = {0};

	MUST(tree_changes(w->tree, count_listed, &changes, NULL) != -ENOMEM);
	if (changes.last[0])
		drop_path(w, changes.last);
	if (tree_freeze(w->tree, 0, &frozen))
		return;
	if (manifest_build(&frozen, &w->image.disc.disc, w->stage, &m, why) == 0)
		encode(m);
	manifest_free(m);
	tree_frozen_release(&frozen);
	tree_thaw(w->tree);
}

/* As fs/daemon/opening.c goes on with what it opened. */
static void use_stage(struct world *w)
{
	struct stage_totals totals;
	uint32_t generation = 0;
	_free_ char *message = NULL, *text = NULL;
	int r;

	stage_totals(w->stage, &totals);
	(void)!stage_result_get(w->stage, &r, &text);
	if (commit_recover(w->stage, &w->image.disc.disc, &generation, &message) || world_open_tree(w))
		return;
	if (generation && commit_finish_recovery(w->stage, &w->image.disc.disc, w->tree, w->base, generation))
		return;
	if (stage_collect(w->stage, NULL, 0))
		return;
	walk_tree(w->tree);
	change_tree(w->tree);
	walk_tree(w->tree);
	commit_tree(w);
}

/* The first is there, others that rows may name are not. */
static void make_bodies(void)
{
	static const uint8_t text[8192] = "body";
	char path[400];

	snprintf(path, sizeof(path), "%s/bodies", stage_use_directory());
	mkdir(path, 0700);
	scratch_write("stage/bodies/00000001", text, sizeof(text));
}

void stage_use(void)
{
	struct world w;

	make_bodies();
	world_begin(&w);
	if (world_open_stage(&w, true) == 0) {
		struct stage_totals totals;

		stage_totals(w.stage, &totals);
		stage_close(TAKE_PTR(w.stage));
	}
	if (world_open_stage(&w, false) == 0)
		use_stage(&w);
	world_end(&w);
}

/* ---- the template ---- */

static uint8_t *slurp(const char *name, size_t *ret_n)
{
	uint8_t *bytes = malloc(1 << 20);
	char path[400];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", stage_use_directory(), name);
	f = fopen(path, "rb");
	MUST(f && bytes);
	*ret_n = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	return bytes;
}

static void fill(struct tree *t)
{
	const struct tree_caller me = {.uid = 1000, .gid = 1000};
	static const uint8_t text[5000] = "text";
	struct tree_file *f;
	struct stat st, sub;

	MUST(tree_create(t, &me, TREE_ROOT, "staged", S_IFREG | 0644, O_RDWR, &st, &f) == 0 &&
	     tree_write(t, f, 0, text, sizeof(text)) == 0 && tree_write(t, f, 100000, text, 100) == 0);
	tree_close(t, f);
	MUST(tree_link(t, st.st_ino, TREE_ROOT, "linked", &st) == 0);
	MUST(tree_mknod(t, &me, TREE_ROOT, "directory", S_IFDIR | 0755, 0, &st) == 0);
	MUST(tree_symlink(t, &me, st.st_ino, "link", "target/of", &sub) == 0);
	MUST(tree_mknod(t, &me, st.st_ino, "pipe", S_IFIFO | 0644, 0, &sub) == 0);
	MUST(tree_lookup(t, TREE_ROOT, "plain name", &st) == 0 && tree_open(t, st.st_ino, O_RDWR, &f) == 0);
	MUST(tree_write(t, f, 2500, text, 1000) == 0);
	tree_close(t, f);
	MUST(tree_lookup(t, TREE_ROOT, "sub", &sub) == 0 &&
	     tree_mknod(t, &me, sub.st_ino, "in sub", S_IFREG | 0600, 0, &st) == 0);
	MUST(tree_unlink(t, TREE_ROOT, "parts") == 0 && tree_sync(t) == 0);
}

static void make_template(struct stage_template *p)
{
	_free_ uint64_t *inos = NULL;
	struct world w;
	size_t n;

	world_begin(&w);
	MUST(world_open_stage(&w, false) == 0 && world_open_tree(&w) == 0);
	fill(w.tree);
	MUST(stage_node_inos(w.stage, &inos, &n) == 0);
	for (size_t i = 0; i < n && i < ARRAY_LENGTH(p->inos); i++)
		p->inos[p->n_inos++] = inos[i];
	p->db_early = slurp("journal.db", &p->n_db_early);
	p->wal = slurp("journal.db-wal", &p->n_wal);
	world_end(&w);
	p->db = slurp("journal.db", &p->n_db);
	MUST(p->n_db >= 4096 && p->n_wal > 4096);
}

const struct stage_template *stage_use_template(void)
{
	static struct stage_template template;

	if (!template.db)
		make_template(&template);
	return &template;
}

const char *stage_use_directory(void)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/stage", scratch_directory());
	mkdir(path, 0700);
	return path;
}
