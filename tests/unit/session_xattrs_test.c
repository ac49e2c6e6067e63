/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_xattrs_test.c - sessions with extended attributes and ACLs, read back by us and by xorriso
 *
 * Random trees: each name has what its node has, no chain of areas is longer than Linux follows, and all of it costs no
 * more than burner/format/bound.h says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "burner/format/acl.h"
#include "burner/format/bound.h"
#include "burner/format/directory_record.h"
#include "fs/iso/iso.h"
#include "tests/unit/file_disc.h"
#include "tests/unit/session_tree.h"

#define NAMES 400u
#define LINUX_HOPS 31u

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((random_state >> 33) % n);
}

static void add_attribute(struct manifest_more *more, const char *name, const void *value, size_t n)
{
	uint8_t *made;
	size_t bytes;

	must(xattrs_set(more->xattrs, more->xattrs_bytes, name, value, n, 0, &made, &bytes) == 0);
	free((void *)(uintptr_t)more->xattrs);
	more->xattrs = made;
	more->xattrs_bytes = (uint32_t)bytes;
}

/* ---- random trees ---- */

/* Most have few bytes, some all that can be. */
static uint32_t random_bytes(void)
{
	uint32_t kind = random_below(20), room = XATTRS_BYTES_MAX - 300;

	return kind < 12 ? random_below(150) : kind < 17 ? random_below(3000) : kind < 19 ? random_below(9000) : room;
}

static const struct manifest_more *random_more(void)
{
	static uint8_t value[XATTRS_BYTES_MAX];
	struct manifest_more *more = calloc(1, sizeof(*more));
	uint32_t left = random_bytes(), n = 1 + random_below(4);
	char name[32];

	must(more);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bytes = i + 1 < n ? random_below(left + 1) : left;

		memset(value, 'a' + (int)random_below(26), bytes);
		left -= bytes;
		snprintf(name, sizeof(name), "user.a%u", i);
		add_attribute(more, name, value, bytes);
	}
	return more;
}

/* Some names fill their record; a node's number stands at the end of its name. */
static void random_name(uint32_t node, char out[256])
{
	uint32_t n = random_below(4) ? random_below(30) : random_below(230);

	memset(out, random_below(2) ? 'n' : 'N', n);
	snprintf(out + n, 256 - n, "-%u", node);
}

static struct tree *random_tree(uint32_t share)
{
	uint32_t directories[12] = {0}, n_directories = 1;
	struct tree *t = tree_new();
	char name[256], target[4096];

	for (uint32_t i = 1; i < NAMES; i++) {
		uint32_t kind = random_below(10), parent = directories[random_below(n_directories)], node;
		uint32_t mode = kind < 8 ? S_IFREG | 0644 : kind < 9 ? S_IFLNK | 0777 : S_IFDIR | 0755;

		if (S_ISDIR(mode) && n_directories == ARRAY_LENGTH(directories))
			mode = S_IFREG | 0600;
		random_name(i, name);
		node = tree_add(t, parent, name, mode);
		if (S_ISDIR(mode))
			directories[n_directories++] = node;
		if (S_ISREG(mode) && kind < 2)
			tree_extent(t, node, EXTENT_STAGE, 7, 0, 1 + random_below(5000));
		if (S_ISLNK(mode)) {
			uint32_t n = 1 + (random_below(3) ? random_below(60) : random_below(4095));

			memset(target, random_below(2) ? '/' : 't', n);
			target[n] = 0;
			t->manifest.nodes[node].target = strdup(target);
		}
	}
	for (uint32_t i = 0; i < NAMES; i++)
		if (random_below(100) < share)
			t->manifest.nodes[i].more = random_more();
	tree_finish(t);
	return t;
}

static void free_tree(struct tree *t)
{
	for (uint32_t i = 0; i < t->manifest.n_nodes; i++) {
		const struct manifest_more *more = t->manifest.nodes[i].more;

		if (more)
			free((void *)(uintptr_t)more->xattrs);
		free((void *)(uintptr_t)more);
	}
	tree_free(t);
}

static void append(struct tree *t, const char *path)
{
	_cleanup_(burn_plan_freep) struct burn_plan *p = NULL;
	struct burn_options o = first_options();

	assert_int_equal(burn_plan_new(&t->manifest, &o, &p), 0);
	image_append(path, p, true);
}

/* ---- reading ---- */

static uint8_t *image;
static uint32_t hops_most;

static void check_chain(uint32_t lba, uint32_t at, uint32_t hops)
{
	uint8_t *r = image + (uint64_t)lba * SECTOR_BYTES + at, *e = r + record_system_use_at(r[32]), *end = r + r[0];

	while (end - e >= 4 && e[2] >= 4) {
		bool more = susp_signature(e) == SUSP_SIGNATURE('C', 'E');
		struct susp_ce ce;

		if (more)
			must(susp_ce_decode(e, &ce) == 0);
		e += e[2];
		if (!more)
			continue;
		hops++;
		must(end - e < 4 && ce.offset + ce.bytes <= SECTOR_BYTES);
		e = image + (uint64_t)ce.lba * SECTOR_BYTES + ce.offset;
		end = e + ce.bytes;
	}
	hops_most = hops > hops_most ? hops : hops_most;
}

static uint32_t check_entry(struct iso *iso, const struct manifest *m, uint32_t node, const struct iso_entry *e)
{
	const struct manifest_more *more = m->nodes[node].more;
	uint32_t expected = more ? more->xattrs_bytes : 0;
	_free_ uint8_t *set = NULL;
	size_t n;

	assert_int_equal(e->xattrs_at > 0, expected > 0);
	assert_int_equal(iso_xattrs(iso, e->xattrs_at, &set, &n), 0);
	assert_int_equal(n, expected);
	if (n)
		assert_memory_equal(set, more->xattrs, n);
	if (S_ISLNK(e->mode))
		assert_string_equal(e->target, m->nodes[node].target);
	return 1;
}

static uint32_t check_directory(struct iso *iso, const struct manifest *m, struct iso_extent dir)
{
	_cleanup_(iso_dir_closep) struct iso_dir *d = NULL;
	struct iso_entry e;
	uint32_t n = 0;
	int more;

	for (uint32_t at = 0; at < dir.bytes;) {
		uint8_t length = image[(uint64_t)dir.lba * SECTOR_BYTES + at];

		if (length)
			check_chain(dir.lba, at, 0);
		at = length ? at + length : (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
	}
	assert_int_equal(iso_dir_open(iso, dir, &d), 0);
	while ((more = iso_dir_next(d, &e)) > 0) {
		n += check_entry(iso, m, (uint32_t)strtoul(strrchr(e.name, '-') + 1, NULL, 10), &e);
		if (S_ISDIR(e.mode))
			n += check_directory(iso, m, e.dir);
		iso_entry_release(&e);
	}
	assert_int_equal(more, 0);
	return n;
}

static void check_image(const struct manifest *m, const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_cleanup_entry_ struct iso_entry root = {0};
	struct file_disc disc;
	struct stat st;

	must(fd >= 0 && fstat(fd, &st) == 0);
	image = malloc((size_t)st.st_size);
	must(image && pread(fd, image, (size_t)st.st_size, 0) == st.st_size);
	file_disc_init(&disc, fd);
	assert_int_equal(iso_open(&disc.disc, 16, &iso), 0);
	assert_int_equal(iso_root(iso, &root), 0);
	check_entry(iso, m, 0, &root);
	assert_int_equal(check_directory(iso, m, root.dir), m->n_entries);
	free(image);
}

static struct burn_cost cost_of(const struct manifest *m)
{
	_cleanup_(burn_plan_freep) struct burn_plan *p = NULL;
	struct burn_options o = first_options();
	struct burn_cost cost;

	assert_int_equal(burn_plan_new(m, &o, &p), 0);
	burn_plan_cost(p, &cost);
	return cost;
}

/* What attributes add to the tree is within the bound, and how far. */
static void check_cost(struct manifest *m)
{
	uint64_t with = cost_of(m).tree_sectors, without, bytes = 0, names = 0, directories = 0, bound;
	struct manifest_node *nodes = calloc(m->n_nodes, sizeof(*nodes)), *kept = m->nodes;

	must(nodes);
	memcpy(nodes, kept, m->n_nodes * sizeof(*nodes));
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct manifest_more *more = nodes[i].more;

		directories += S_ISDIR(nodes[i].mode);
		if (more) {
			bytes += bound_xattrs_bytes(more->xattrs_bytes, 1);
			names++;
		}
		nodes[i].more = NULL;
	}
	m->nodes = nodes;
	without = cost_of(m).tree_sectors;
	m->nodes = kept;
	free(nodes);
	bound = bound_xattrs_sectors(bytes, names, without, directories);
	assert_true(with - without <= bound);
	/* and says not much more: a fifth of the tree, a tenth of the attributes, a block for each directory */
	assert_true(bound <= (with - without) + (with - without) / 5 + without / 5 + 2 * directories + 8);
}

static void random_trees(void **state)
{
	static const uint32_t shares[] = {0, 3, 30, 100};
	char *path = *state;

	for (uint32_t round = 0; round < 16; round++) {
		struct tree *t;

		random_state = round + 1;
		t = random_tree(shares[round % ARRAY_LENGTH(shares)]);
		check_cost(&t->manifest);
		unlink(path);
		append(t, path);
		check_image(&t->manifest, path);
		free_tree(t);
	}
	/* The longest target and the largest set in one record: that was met. */
	assert_in_range(hops_most, 26, LINUX_HOPS);
}

/* Whatever is in front of them, as many attributes as can be lie in no more areas than Linux follows. */
static void longest_chain(void **state)
{
	static uint8_t value[XATTRS_BYTES_MAX];
	char *path = *state, name[256], target[4096];
	struct tree *t = tree_new();

	hops_most = 0;
	memset(target, '/', 4095);
	target[4095] = 0;
	for (uint32_t i = 1; i < 40; i++) {
		struct manifest_more *more = calloc(1, sizeof(*more));
		uint32_t node;

		memset(name, 'n', 250 - i * 3);
		snprintf(name + 250 - i * 3, 6, "-%u", i);
		node = tree_add(t, 0, name, S_IFLNK | 0777);
		t->manifest.nodes[node].target = strdup(target);
		add_attribute(more, "trusted.a", value, XATTRS_BYTES_MAX - XATTRS_RECORD_BYTES - 9);
		t->manifest.nodes[node].more = more;
	}
	tree_finish(t);
	unlink(path);
	append(t, path);
	check_image(&t->manifest, path);
	assert_in_range(hops_most, 29, LINUX_HOPS);
	free_tree(t);
}

/* ---- xorriso ---- */

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
	char command[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	return system(command);
}

static void by_xorriso(void **state)
{
	static const char access[] = "\2\0\0\0"
				     "\1\0\6\0\377\377\377\377"
				     "\2\0\6\0\173\0\0\0"
				     "\4\0\4\0\377\377\377\377"
				     "\20\0\6\0\377\377\377\377"
				     "\40\0\4\0\377\377\377\377";
	static const char standard[] = "\2\0\0\0"
				       "\1\0\7\0\377\377\377\377"
				       "\4\0\5\0\377\377\377\377"
				       "\10\0\7\0\377\1\0\0"
				       "\20\0\7\0\377\377\377\377"
				       "\40\0\0\0\377\377\377\377";
	static struct manifest_more more[4];
	char *path = *state, big[3001];
	struct tree *t = tree_new();
	uint32_t nodes[4] = {0, tree_add(t, 0, "file-1", S_IFREG | 0664), tree_add(t, 0, "dir-2", S_IFDIR | 0755),
			     tree_add(t, 0, "root-3", S_IFREG | 0644)};

	if (shell("command -v xorriso >/dev/null"))
		skip();
	memset(big, 'b', 3000);
	big[3000] = 0;
	add_attribute(&more[0], "user.of-root", "r", 1);
	add_attribute(&more[1], "user.one", "hello", 5);
	add_attribute(&more[1], "user.big", big, 3000);
	add_attribute(&more[1], ACL_ACCESS_NAME, access, sizeof(access) - 1);
	add_attribute(&more[2], "user.of-dir", "d", 1);
	add_attribute(&more[2], ACL_DEFAULT_NAME, standard, sizeof(standard) - 1);
	add_attribute(&more[3], "trusted.t", "t", 1);
	add_attribute(&more[3], "security.s", "s", 1);
	for (unsigned i = 0; i < 4; i++)
		t->manifest.nodes[nodes[i]].more = &more[i];
	tree_finish(t);
	unlink(path);
	append(t, path);
	assert_int_equal(shell("xorriso -xattr any -indev %s -getfattr_r / -- 2>/dev/null >%s.got", path, path), 0);
	assert_int_equal(shell("printf '# file: .\\nuser.of-root=\"r\"\\n\\n# file: dir-2\\nuser.of-dir=\"d\"\\n\\n"
			       "# file: file-1\\nuser.big=\"%s\"\\nuser.one=\"hello\"\\n\\n"
			       "# file: root-3\\nsecurity.s=\"s\"\\ntrusted.t=\"t\"\\n\\n' | diff - %s.got",
			       big, path),
			 0);
	assert_int_equal(shell("xorriso -acl on -indev %s -getfacl /file-1 /dir-2 -- 2>/dev/null | "
			       "grep -v -e '# owner' -e '# group' >%s.got",
			       path, path),
			 0);
	assert_int_equal(
		shell("printf '%%s\\n' '# file: file-1' user::rw- user:123:rw- group::r-- mask::rw- other::r-- "
		      "'' '# file: dir-2' user::rwx group::r-x other::r-x default:user::rwx "
		      "default:group::r-x default:group:511:rwx default:mask::rwx default:other::--- '' | "
		      "diff - %s.got",
		      path),
		0);
	unlink(path);
	assert_int_equal(shell("rm -f %s.got", path), 0);
	for (unsigned i = 0; i < 4; i++) {
		t->manifest.nodes[nodes[i]].more = NULL;
		free((void *)(uintptr_t)more[i].xattrs);
	}
	tree_free(t);
}

static int setup(void **state)
{
	static char path[] = "/tmp/session-xattrs-XXXXXX";
	int fd = mkstemp(path);

	*state = path;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state) { return unlink(*state) && errno != ENOENT ? -1 : 0; }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_trees),
		cmocka_unit_test(longest_chain),
		cmocka_unit_test(by_xorriso),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
