/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/commit: what commits of a large tree take of memory: a first session, one file more, and the whole tree again. */
#include "tests/unit/commit_fixture.h"

#include "burner/base/bytes.h"

#define DIRECTORIES 3000u
#define FILES 50u /* of each */
#define MIB (1u << 20)
/*
 * What a commit may add to what is resident, whatever the tree.  With all of it in memory it was 1.2 kB for each
 * staged file: 180 MB here.
 */
#define BOUND_BYTES (64 * MIB)

static size_t status_bytes(const char *field)
{
	char line[256];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	REQUIRE(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			kib = strtoull(line + strlen(field) + 1, NULL, 10);
	fclose(f);
	REQUIRE(kib);
	return kib << 10;
}

/* The peak begins anew. */
static bool forget_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "5", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

static void make_directory(struct world *w, unsigned number)
{
	char name[64];
	struct stat directory, st;
	struct tree_file *f;

	snprintf(name, sizeof(name), "directory number %u", number);
	REQUIRE(tree_mknod(w->tree, &world_caller, TREE_ROOT, name, S_IFDIR | 0755, 0, &directory) == 0);
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "a file with the number %u.data", number * FILES + i);
		REQUIRE(tree_create(w->tree, &world_caller, directory.st_ino, name, 0644, O_RDWR, &st, &f) == 0);
		REQUIRE(tree_write(w->tree, f, 0, name, strlen(name)) == 0);
		tree_close(w->tree, f);
		tree_forget(w->tree, st.st_ino, 1);
	}
	tree_forget(w->tree, directory.st_ino, 1);
}

static void commit_in_bound(struct world *w, unsigned flags, const char *what)
{
	const struct commit_request_options options = {.flags = flags};
	struct commit_result r;
	size_t before;

	if (!forget_peak())
		skip();
	before = status_bytes("VmRSS:");
	r = ask(w, &options);
	if (r.error || !r.burned)
		fail_msg("%s: %s", what, r.message);
	if (status_bytes("VmHWM:") > before + BOUND_BYTES)
		fail_msg("%s: %zu MiB more than before", what, (status_bytes("VmHWM:") - before) / MIB);
}

static bool has_file(struct world *w, unsigned number)
{
	char path[128], content[64], expected[64];
	struct tree_file *f;
	size_t n = 0;
	uint64_t ino;

	snprintf(path, sizeof(path), "directory number %u/a file with the number %u.data", number / FILES, number);
	snprintf(expected, sizeof(expected), "a file with the number %u.data", number);
	ino = world_lookup(w, path);
	if (!ino || tree_open(w->tree, ino, O_RDONLY, &f) != 0)
		return false;
	REQUIRE(tree_read(w->tree, f, 0, content, sizeof(content), &n) == 0);
	tree_close(w->tree, f);
	return n == strlen(expected) && !memcmp(content, expected, n);
}

static void memory_is_bounded(void **state)
{
	struct world w;

	(void)state;
	world_new(&w);
	REQUIRE(world_open(&w) == 0);
	for (unsigned i = 0; i < DIRECTORIES; i++)
		make_directory(&w, i);
	commit_in_bound(&w, 0, "the first session");
	world_write(&w, "one more", 100, 1);
	commit_in_bound(&w, 0, "one file more");
	world_write(&w, "directory number 77/another", 100, 1);
	commit_in_bound(&w, COMMIT_FULL_TREE, "the whole tree");
	world_close(&w);
	REQUIRE(world_open(&w) == 0);
	for (unsigned i = 0; i < DIRECTORIES * FILES; i += 997)
		if (!has_file(&w, i))
			fail_msg("file %u", i);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(memory_is_bounded)};

	return cmocka_run_group_tests_name("commit_scale", tests, NULL, NULL);
}
