/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit/manifest: the merged tree from snapshots made by hand, over no base and over a base of genisoimage;
 * damage must stop it.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cdappendfs/burn.h"
#include "burner/base/log.h"
#include "fs/manifest/manifest.h"
#include "tests/unit/file_disc.h"

#define MAX_ROWS 32

/* A snapshot made by hand: rows ascend by inode number, names by (parent, name). */
struct hand {
	struct stage_node nodes[MAX_ROWS];
	struct stage_snapshot_name names[MAX_ROWS];
	struct stage_snapshot snapshot;
	struct tree_frozen frozen;
};

static struct stage_node *row(struct hand *h, uint64_t ino, uint32_t mode)
{
	struct stage_node *n = &h->nodes[h->snapshot.n_nodes++];

	*n = (struct stage_node){.ino = ino, .mode = mode, .uid = 7, .nlink = 1, .mtime = {.tv_sec = 1000}};
	return n;
}

static void name(struct hand *h, uint64_t parent, const char *text, uint64_t ino)
{
	h->names[h->snapshot.n_names++] = (struct stage_snapshot_name){parent, text, ino};
}

static struct tree_frozen *frozen(struct hand *h, struct iso *base)
{
	oddities accepted = h->frozen.accepted;

	h->snapshot.nodes = h->nodes;
	h->snapshot.names = h->names;
	h->frozen = (struct tree_frozen){.generation = 1, .base = base, .snapshot = &h->snapshot, .next_ino = 1000};
	h->frozen.accepted = accepted;
	return &h->frozen;
}

/* What every manifest must keep. */
static void check_invariants(const struct manifest *m)
{
	uint32_t *names = calloc(m->n_nodes, sizeof(*names)), *children = calloc(m->n_nodes, sizeof(*children));
	uint32_t counted = 0;

	assert_true(S_ISDIR(m->nodes[0].mode));
	assert_int_equal(m->nodes[0].parent, 0);
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct manifest_node *n = &m->nodes[i];

		if (!S_ISDIR(n->mode))
			continue;
		counted += n->n_entries;
		for (uint32_t k = n->first_entry; k < n->first_entry + n->n_entries; k++) {
			const struct manifest_entry *e = &m->entries[k];

			names[e->node]++;
			if (k > n->first_entry)
				assert_true(strcmp(m->entries[k - 1].name, e->name) < 0);
			if (S_ISDIR(m->nodes[e->node].mode)) {
				assert_int_equal(m->nodes[e->node].parent, i);
				children[i]++;
			}
		}
	}
	assert_int_equal(counted, m->n_entries);
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (S_ISDIR(m->nodes[i].mode)) {
			assert_int_equal(m->nodes[i].nlink, 2 + children[i]);
			assert_int_equal(names[i], i == 0 ? 0 : 1);
			assert_int_equal(m->nodes[i].n_extents, 0);
		} else {
			assert_int_equal(m->nodes[i].nlink, names[i]);
		}
	}
	free(names);
	free(children);
}

static const struct manifest_entry *find(const struct manifest *m, const char *path)
{
	const struct manifest_entry *e = NULL;
	uint32_t at = 0;

	while (*path) {
		size_t length = strcspn(path, "/");
		const struct manifest_node *d = &m->nodes[at];

		e = NULL;
		for (uint32_t i = d->first_entry; i < d->first_entry + d->n_entries; i++)
			if (strlen(m->entries[i].name) == length && memcmp(m->entries[i].name, path, length) == 0)
				e = &m->entries[i];
		if (!e)
			return NULL;
		at = e->node;
		path += length + (path[length] == '/');
	}
	return e;
}

static const struct manifest_node *find_node(const struct manifest *m, const char *path)
{
	const struct manifest_entry *e = find(m, path);

	return e ? &m->nodes[e->node] : NULL;
}

/* ---- no base ---- */

static void test_blank(void **state)
{
	struct extent content[] = {{0, 2048, 4096, 3, EXTENT_STAGE}, {2048, 1000, 0, 0, EXTENT_HOLE}};
	struct hand h = {.frozen = {0}};
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct stage_node *n;

	(void)state;
	row(&h, 1, S_IFDIR | 0755);
	row(&h, 2, S_IFDIR | 0700)->parent = 1;
	n = row(&h, 3, S_IFREG | 0644);
	n->size = 3048;
	n->extents = content;
	n->n_extents = 2;
	row(&h, 4, S_IFLNK | 0777)->target = (char *)(uintptr_t) "../there";
	row(&h, 5, S_IFCHR | 0600)->rdev = 0x103;
	row(&h, 6, S_IFREG | 0600); /* open without a name */
	name(&h, 1, "Zeta", 3);
	name(&h, 1, "alpha", 2);
	name(&h, 1, "gone", STAGE_WHITEOUT);
	name(&h, 1, "link", 4);
	name(&h, 2, "also", 3);
	name(&h, 2, "null", 5);
	assert_int_equal(manifest_build(frozen(&h, NULL), NULL, NULL, &m, why), 0);
	check_invariants(m);
	assert_int_equal(m->n_nodes, 5);
	assert_int_equal(m->n_entries, 5);
	assert_ptr_equal(find_node(m, "Zeta"), find_node(m, "alpha/also"));
	assert_int_equal(find_node(m, "Zeta")->nlink, 2);
	assert_int_equal(find_node(m, "Zeta")->uid, 7);
	assert_int_equal(find_node(m, "Zeta")->n_extents, 2);
	assert_memory_equal(m->extents + find_node(m, "Zeta")->first_extent, content, sizeof(content));
	assert_string_equal(find_node(m, "link")->target, "../there");
	assert_int_equal(find_node(m, "alpha/null")->rdev, 0x103);
	assert_null(find(m, "gone"));
}

static int build_error(struct hand *h, struct iso *base, struct disc *disc, char why[MANIFEST_WHY_BYTES])
{
	struct manifest *m = NULL;
	int r = manifest_build(frozen(h, base), disc, NULL, &m, why);

	if (!r) {
		manifest_free(m);
		return 0;
	}
	assert_null(m);
	assert_true(strlen(why) > 5);
	return r;
}

static void test_damaged_journal(void **state)
{
	struct extent hole = {0, 100, 0, 0, EXTENT_HOLE};
	char why[MANIFEST_WHY_BYTES];
	struct hand h = {.frozen = {0}};

	(void)state;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* no root */
	row(&h, 1, S_IFDIR | 0755);
	name(&h, 1, "lost", 9);
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* a name without a row */
	assert_non_null(strstr(why, "/lost"));
	row(&h, 9, S_IFREG | 0644);
	h.nodes[1].size = 101;
	h.nodes[1].extents = &hole;
	h.nodes[1].n_extents = 1;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* one byte is nowhere */
	h.nodes[1].size = 100;
	assert_int_equal(build_error(&h, NULL, NULL, why), 0);
	hole.kind = 77;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG);
	hole.kind = EXTENT_HOLE;
	h.nodes[1].ino = h.names[0].ino = UINT32_MAX + 1ull;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EOVERFLOW);
	h.nodes[1] = (struct stage_node){.ino = 9, .mode = S_IFDIR | 0755};
	h.names[0].ino = 9;
	name(&h, 9, "twice", 9);
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* a directory in itself */
	assert_non_null(strstr(why, "/lost/twice"));
	h.names[1].ino = STAGE_WHITEOUT;
	h.nodes[1].mode = S_IFLNK | 0777;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* no target */
	h.nodes[1].mode = 0644;
	assert_int_equal(build_error(&h, NULL, NULL, why), -EBADMSG); /* no type */
}

/* Many files: time and memory by the number of files. */
static void test_many(void **state)
{
	const size_t n = 100000;
	struct stage_node *nodes = calloc(n + 1, sizeof(*nodes));
	struct stage_snapshot_name *names = calloc(n, sizeof(*names));
	char(*text)[16] = calloc(n, sizeof(*text));
	struct stage_snapshot snapshot = {.nodes = nodes, .n_nodes = n + 1, .names = names, .n_names = n};
	struct tree_frozen f = {.generation = 1, .snapshot = &snapshot, .next_ino = n + 2};
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct timespec from, to;

	(void)state;
	nodes[0] = (struct stage_node){.ino = 1, .mode = S_IFDIR | 0755};
	for (size_t i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), "file%06zu", i);
		nodes[i + 1] = (struct stage_node){.ino = i + 2, .mode = S_IFREG | 0644};
		names[i] = (struct stage_snapshot_name){1, text[i], i + 2};
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(manifest_build(&f, NULL, NULL, &m, why), 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_message("100,000 staged files: %ld ms\n",
		      (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000);
	check_invariants(m);
	assert_int_equal(m->n_entries, n);
	free(nodes);
	free(names);
	free(text);
}

/* ---- over a base ---- */

struct base {
	char directory[64];
	char image[80];
	struct disc *disc;
	struct iso *iso;
};

static void base_close(struct base *b)
{
	char command[128];

	iso_unref(b->iso);
	disc_close(b->disc);
	snprintf(command, sizeof(command), "rm -rf '%s'", b->directory);
	assert_int_equal(system(command), 0);
}

/* The image lies open, for patching, in b->image. */
static void base_make(struct base *b, const char *fill)
{
	char command[1024];

	snprintf(b->directory, sizeof(b->directory), "/tmp/cdappendfs-manifest-XXXXXX");
	assert_non_null(mkdtemp(b->directory));
	snprintf(b->image, sizeof(b->image), "%s/image", b->directory);
	snprintf(command, sizeof(command),
		 "cd '%s' && mkdir in && (cd in && %s) && genisoimage -quiet -R -J -o image in 2>/dev/null",
		 b->directory, fill);
	assert_int_equal(system(command), 0);
	b->disc = NULL;
	b->iso = NULL;
}

static void base_open(struct base *b)
{
	struct disc_open_options options = {.writable = false};
	const char *why = NULL;

	assert_int_equal(disc_open_path(b->image, &options, &b->disc, &why), 0);
	assert_int_equal(iso_open(b->disc, 16, &b->iso), 0);
}

/* What was read before the image was patched is forgotten. */
static void base_reopen(struct base *b)
{
	iso_unref(b->iso);
	disc_close(b->disc);
	base_open(b);
}

static void lookup(struct base *b, const char *path, struct iso_entry *ret)
{
	struct iso_entry at = {.ino = 0};

	assert_int_equal(iso_root(b->iso, &at), 0);
	while (*path) {
		struct iso_extent dir = at.dir;
		char part[256];
		size_t length = strcspn(path, "/");

		memcpy(part, path, length);
		part[length] = '\0';
		iso_entry_release(&at);
		assert_int_equal(iso_lookup(b->iso, dir, part, &at), 0);
		path += length + (path[length] == '/');
	}
	*ret = at;
}

#define FILL \
	"mkdir -p a/deep b c && echo one >a/one && echo two >a/two && echo x >a/deep/x && ln a/one b/hard && ln -s " \
	"a/one sym && mkfifo c/pipe && echo keep >c/keep"

static void test_base_alone(void **state)
{
	struct hand h = {.frozen = {0}};
	struct base b;
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES], text[4];
	const struct manifest_node *n;

	(void)state;
	base_make(&b, FILL);
	base_open(&b);
	assert_int_equal(manifest_build(frozen(&h, b.iso), b.disc, NULL, &m, why), 0);
	check_invariants(m);
	assert_int_equal(m->n_entries, 11);
	assert_ptr_equal(find_node(m, "a/one"), find_node(m, "b/hard"));
	assert_int_equal(find_node(m, "a/one")->nlink, 2);
	assert_string_equal(find_node(m, "sym")->target, "a/one");
	assert_true(S_ISFIFO(find_node(m, "c/pipe")->mode));
	assert_non_null(find(m, "c/keep")->iso_name);
	n = find_node(m, "a/deep/x");
	assert_int_equal(n->size, 2);
	assert_int_equal(m->extents[n->first_extent].kind, EXTENT_DISC);
	assert_int_equal(m->read_disc(m->context, m->extents[n->first_extent].pos, text, 2), 0);
	assert_memory_equal(text, "x\n", 2);
	base_close(&b);
}

/* A number of links that are none, of a stage of version 0.2. */
static void test_links_of_old(void **state)
{
	struct hand h = {.frozen = {0}};
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct iso_entry a, root;
	struct base b;

	(void)state;
	base_make(&b, "echo one >one && ln one ../other");
	base_open(&b);
	lookup(&b, "one", &a);
	assert_int_equal(a.recorded_nlink, 2);
	assert_int_equal(a.nlink, 1);
	assert_int_equal(iso_root(b.iso, &root), 0);
	row(&h, 1, S_IFDIR | 0711);
	h.nodes[0].base_lba = root.dir.lba;
	h.nodes[0].base_bytes = root.dir.bytes;
	row(&h, a.extents[0].pos / 2048 << 6 | 63, S_IFREG | 0600);
	assert_int_equal(manifest_build(frozen(&h, b.iso), b.disc, NULL, &m, why), -EBADMSG);
	assert_non_null(strstr(why, "older version"));
	h.nodes[1].ino = a.ino;
	assert_int_equal(manifest_build(frozen(&h, b.iso), b.disc, NULL, &m, why), 0);
	assert_int_equal(find_node(m, "one")->mode, S_IFREG | 0600);
	iso_entry_release(&a);
	base_close(&b);
}

static void test_overlay(void **state)
{
	struct extent fresh = {0, 5, 0, 1, EXTENT_STAGE};
	struct hand h = {.frozen = {0}};
	struct base b;
	struct iso_entry a, deep, hard;
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	char why[MANIFEST_WHY_BYTES];
	struct stage_node *n;

	(void)state;
	base_make(&b, FILL);
	base_open(&b);
	lookup(&b, "a", &a);
	lookup(&b, "a/deep", &deep);
	lookup(&b, "b/hard", &hard);
	assert_true(a.ino < deep.ino && deep.ino < hard.ino && hard.ino < 0x7ffffff0);
	/* rm a/two; a/one (two names) is written anew; a/deep moves to /moved; /new is new */
	row(&h, 1, S_IFDIR | 0711);
	struct iso_entry root = {.ino = 0};
	assert_int_equal(iso_root(b.iso, &root), 0);
	h.nodes[0].base_lba = root.dir.lba;
	h.nodes[0].base_bytes = root.dir.bytes;
	n = row(&h, a.ino, S_IFDIR | 0755);
	n->base_lba = a.dir.lba;
	n->base_bytes = a.dir.bytes;
	n = row(&h, deep.ino, S_IFDIR | 0500);
	n->base_lba = deep.dir.lba;
	n->base_bytes = deep.dir.bytes;
	n = row(&h, hard.ino, S_IFREG | 0600);
	n->size = 5;
	n->extents = &fresh;
	n->n_extents = 1;
	row(&h, 0x7ffffff0, S_IFDIR | 0755);
	name(&h, 1, "moved", deep.ino);
	name(&h, 1, "new", 0x7ffffff0);
	name(&h, a.ino, "deep", STAGE_WHITEOUT);
	name(&h, a.ino, "two", STAGE_WHITEOUT);
	assert_int_equal(manifest_build(frozen(&h, b.iso), b.disc, NULL, &m, why), 0);
	check_invariants(m);
	assert_null(find(m, "a/two"));
	assert_null(find(m, "a/deep"));
	assert_int_equal(find_node(m, "moved/x")->size, 2);
	assert_int_equal(find_node(m, "moved")->mode, S_IFDIR | 0500);
	assert_ptr_equal(find_node(m, "a/one"), find_node(m, "b/hard"));
	assert_int_equal(find_node(m, "a/one")->mode, S_IFREG | 0600);
	assert_int_equal(m->extents[find_node(m, "b/hard")->first_extent].kind, EXTENT_STAGE);
	assert_int_equal(find_node(m, "new")->n_entries, 0);
	assert_int_equal(m->nodes[0].mode, S_IFDIR | 0711);
	assert_int_equal(find_node(m, "c")->n_entries, 2);
	iso_entry_release(&root);
	iso_entry_release(&a);
	iso_entry_release(&deep);
	iso_entry_release(&hard);
	base_close(&b);
}

static void patch(const struct base *b, uint64_t pos, const void *bytes, size_t n)
{
	int fd = open(b->image, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, n, (off_t)pos), n);
	close(fd);
}

/* A loop, a directory met twice and a broken record: each names the place. */
static void test_damaged_base(void **state)
{
	struct hand h = {.frozen = {0}};
	char why[MANIFEST_WHY_BYTES];
	struct iso_entry deep, root = {.ino = 0};
	uint8_t both[8];
	struct base b;

	(void)state;
	base_make(&b, FILL);
	base_open(&b);
	lookup(&b, "a/deep", &deep);
	assert_int_equal(iso_root(b.iso, &root), 0);
	put_both32(both, root.dir.lba);
	/* Find the record of a/deep by its extent, outside of its own "." and the path tables. */
	for (uint64_t pos = (uint64_t)root.dir.lba * SECTOR_BYTES, end = pos + 64 * SECTOR_BYTES; pos < end; pos++) {
		uint8_t record[34], want[8];

		if (pread(disc_fd(b.disc), record, sizeof(record), (off_t)pos) != (ssize_t)sizeof(record))
			break;
		put_both32(want, deep.dir.lba);
		if (memcmp(record + 2, want, 8) == 0 && record[32] > 1)
			patch(&b, pos + 2, both, 8);
	}
	base_reopen(&b);
	assert_int_equal(build_error(&h, b.iso, b.disc, why), -EBADMSG);
	assert_non_null(strstr(why, "/a/deep"));
	base_close(&b);
	base_make(&b, FILL);
	base_open(&b);
	patch(&b, (uint64_t)deep.dir.lba * SECTOR_BYTES, "\x05", 1); /* the length of its first record */
	base_reopen(&b);
	assert_int_equal(build_error(&h, b.iso, b.disc, why), -EPERM); /* its "." is none */
	assert_non_null(strstr(why, "/a/deep"));
	assert_non_null(strstr(why, "-o accept=directories"));
	h.frozen.accepted = ODDITY_BIT(ODDITY_DIRECTORIES);
	assert_int_equal(build_error(&h, b.iso, b.disc, why), -EBADMSG);
	assert_non_null(strstr(why, "/a/deep"));
	iso_entry_release(&deep);
	iso_entry_release(&root);
	base_close(&b);
}

/* A sector of zeros in a directory, as copies of discs have that could not be read everywhere: names are missing. */
static void test_empty_sectors(void **state)
{
	static const uint8_t zeros[SECTOR_BYTES];
	char why[MANIFEST_WHY_BYTES];

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct hand h = {.frozen = {0}};
		struct manifest *m = NULL;
		uint32_t sector;
		struct iso_entry many;
		struct base b;

		base_make(&b, "mkdir many; for i in $(seq 100); do echo $i >many/file-$i; done");
		base_open(&b);
		lookup(&b, "many", &many);
		assert_true(many.dir.bytes > 4 * SECTOR_BYTES);
		sector = i < 2 ? i + 1 : many.dir.bytes / SECTOR_BYTES - 1;
		patch(&b, ((uint64_t)many.dir.lba + sector) * SECTOR_BYTES, zeros, sizeof(zeros));
		base_reopen(&b);
		assert_int_equal(build_error(&h, b.iso, b.disc, why), -EPERM);
		assert_non_null(strstr(why, "/many/"));
		assert_non_null(strstr(why, "-o accept=directories"));
		h.frozen.accepted = ODDITY_BIT(ODDITY_DIRECTORIES);
		assert_int_equal(manifest_build(frozen(&h, b.iso), b.disc, NULL, &m, why), 0);
		manifest_free(m);
		iso_entry_release(&many);
		base_close(&b);
	}
}

/* A sector that cannot be read stops it as well. */
static void test_unreadable_base(void **state)
{
	struct hand h = {.frozen = {0}};
	char why[MANIFEST_WHY_BYTES];
	struct iso_entry deep;
	struct file_disc f;
	struct iso *iso;
	struct base b;

	(void)state;
	base_make(&b, FILL);
	base_open(&b);
	lookup(&b, "a/deep", &deep);
	file_disc_init(&f, disc_fd(b.disc));
	assert_int_equal(iso_open(&f.disc, 16, &iso), 0);
	f.fail_lba = deep.dir.lba;
	assert_int_equal(build_error(&h, iso, &f.disc, why), -EIO);
	assert_non_null(strstr(why, "/a/deep"));
	iso_unref(iso);
	iso_entry_release(&deep);
	base_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blank),
		cmocka_unit_test(test_damaged_journal),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_base_alone),
		cmocka_unit_test(test_links_of_old),
		cmocka_unit_test(test_overlay),
		cmocka_unit_test(test_damaged_base),
		cmocka_unit_test(test_empty_sectors),
		cmocka_unit_test(test_unreadable_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
