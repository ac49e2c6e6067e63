/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commit_fixture.h - for tests: a mount without FUSE: disc, stage, recovery, tree and commit as fs/main wires them
 */
#ifndef TESTS_UNIT_COMMIT_FIXTURE_H
#define TESTS_UNIT_COMMIT_FIXTURE_H

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cdappendfs/burn.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/commit/commit.h"

struct world {
	char directory[64], image[80], stage_directory[80]; /* of the stage; empty: below the default root */
	struct disc *disc;
	struct iso *base;
	struct stage *stage;
	struct tree *tree;
	struct commit *commit;
	struct commit_options options;
	uint64_t capacity_sectors;
	enum tree_writing writing;
	uint32_t idle_nodes;			  /* as in struct tree_options */
	struct disc *(*wrap)(struct disc *inner); /* NULL, or what the disc is seen through */
	char *recovered;			  /* message of the recovery */
	uint32_t recovered_generation;
};

/* Each edge of a commit, before it is recorded and behind that. */
#define EDGE_KILLS \
	"edge@frozen=kill", "edge@frozen=killed", "edge@burning=kill", "edge@burning=killed", "edge@verifying=kill", \
		"edge@verifying=killed", "edge@publishing=kill", "edge@publishing=killed", "edge@rebasing=kill", \
		"edge@rebasing=killed", "edge@idle=kill", "edge@idle=killed"

#define REQUIRE(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static inline void world_new(struct world *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->directory, sizeof(w->directory), "/tmp/cdappendfs-commit-XXXXXX");
	REQUIRE(mkdtemp(w->directory));
	snprintf(w->image, sizeof(w->image), "%s/image", w->directory);
	snprintf(w->stage_directory, sizeof(w->stage_directory), "%s/stage", w->directory);
}

static inline struct iso *world_newest(struct world *w)
{
	struct disc_session *sessions = NULL;
	struct iso *iso = NULL;
	size_t n = 0;

	REQUIRE(disc_sessions(w->disc, &sessions, &n) == 0);
	if (n)
		REQUIRE(iso_open(w->disc, sessions[n - 1].descriptor_lba, &iso) == 0);
	free(sessions);
	return iso;
}

static inline int world_open_stage(struct world *w)
{
	struct stage_options o = {.directory = w->stage_directory[0] ? w->stage_directory : NULL,
				  .disc_path = w->image,
				  .mountpoint = "/mnt"};
	struct stage_holder holder;
	struct disc_state state;
	char *why = NULL;
	int r;

	REQUIRE(disc_state(w->disc, &state) == 0);
	REQUIRE(disc_identity(w->disc, &o.identity) == 0);
	REQUIRE(disc_fingerprint(w->disc, &o.fingerprint) == 0);
	o.next_ino = tree_first_ino(w->base, &state);
	r = stage_open(&o, &w->stage, &holder, &why);
	free(why);
	return r;
}

/* Without a thread in the stage, so that children may fork and die anywhere. */
static inline int world_open(struct world *w)
{
	struct disc_open_options o = {.writable = true,
				      .create = true,
				      .capacity_sectors = w->capacity_sectors,
				      .wait = true};
	struct disc_state state;
	struct tree_options tree = {.writing = w->writing,
				    .span = w->options.span,
				    .no_joliet = w->options.no_joliet,
				    .pieces = w->options.pieces,
				    .medium = &state,
				    .owner = 1000,
				    .group = 1000,
				    .time = 1000000000,
				    .idle_nodes = w->idle_nodes};
	const char *why = NULL;
	int r = disc_open_path(w->image, &o, &w->disc, &why);

	if (r)
		return r;
	if (w->wrap)
		w->disc = w->wrap(w->disc);
	w->base = world_newest(w);
	r = world_open_stage(w);
	if (r)
		return r;
	free(TAKE_PTR(w->recovered));
	w->recovered_generation = 0;
	r = commit_recover(w->stage, w->disc, &w->recovered_generation, &w->recovered);
	if (r)
		return r;
	if (w->recovered_generation) {
		iso_unref(w->base);
		w->base = world_newest(w);
	}
	REQUIRE(disc_state(w->disc, &state) == 0);
	REQUIRE(tree_new(&tree, w->disc, w->base, w->stage, &w->tree) == 0);
	if (w->recovered_generation)
		REQUIRE(commit_finish_recovery(w->stage, w->disc, w->tree, w->base, w->recovered_generation) == 0);
	REQUIRE(disc_state(w->disc, &state) == 0);
	tree_set_medium(w->tree, &state);
	REQUIRE(commit_new(&w->options, NULL, w->disc, w->stage, w->tree, &w->commit) == 0);
	REQUIRE(commit_start_thread(w->commit) == 0);
	return 0;
}

static inline void world_close(struct world *w)
{
	if (w->commit)
		commit_stop(w->commit, false);
	commit_free(TAKE_PTR(w->commit));
	tree_free(TAKE_PTR(w->tree));
	iso_unref(TAKE_PTR(w->base));
	if (w->stage)
		stage_close(TAKE_PTR(w->stage));
	disc_close(TAKE_PTR(w->disc));
}

static inline void world_remove(struct world *w)
{
	char command[128];

	free(TAKE_PTR(w->recovered));
	snprintf(command, sizeof(command), "rm -rf '%s'", w->directory);
	REQUIRE(system(command) == 0);
}

static inline void world_run(struct world *w, const char *format)
{
	char command[1024];

	snprintf(command, sizeof(command), "set -e; cd '%s'; %s", w->directory, format);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}

static inline uint64_t image_bytes(const struct world *w)
{
	struct stat st;

	return stat(w->image, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* ---- requests, one at a time ---- */

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned n;
	struct commit_result result;
};
#define WAITER \
	{ \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, { 0 } \
	}

static inline void waiter_done(void *arg, const struct commit_result *result)
{
	struct waiter *w = arg;

	pthread_mutex_lock(&w->lock);
	w->result = *result;
	w->n++;
	pthread_cond_broadcast(&w->done);
	pthread_mutex_unlock(&w->lock);
}

static inline struct commit_result waiter_wait(struct waiter *w, unsigned n)
{
	pthread_mutex_lock(&w->lock);
	while (w->n < n)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
	return w->result;
}

static const struct commit_request_options ask_dry_run = {.kind = COMMIT_DRY_RUN},
					   ask_discard = {.kind = COMMIT_DISCARD},
					   ask_full_tree = {.flags = COMMIT_FULL_TREE};

static inline struct commit_result ask(struct world *w, const struct commit_request_options *what)
{
	struct waiter waiter = WAITER;

	REQUIRE(commit_request(w->commit, what, waiter_done, &waiter) == 0);
	return waiter_wait(&waiter, 1);
}

static inline struct commit_result sync_now(struct world *w) { return ask(w, NULL); }

/* ---- files ---- */

static const struct tree_caller world_caller = {.uid = 1000, .gid = 1000};

static inline uint64_t world_lookup(struct world *w, const char *path)
{
	uint64_t ino = TREE_ROOT;
	struct stat st;

	while (*path) {
		size_t length = strcspn(path, "/");
		char part[256];

		memcpy(part, path, length);
		part[length] = '\0';
		if (tree_lookup(w->tree, ino, part, &st) != 0)
			return 0;
		ino = st.st_ino;
		path += length + (path[length] == '/');
	}
	return ino;
}

static inline uint64_t world_parent(struct world *w, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char parent[1024];

	*ret_name = slash ? slash + 1 : path;
	snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 0, path);
	return world_lookup(w, parent);
}

/* bytes of a pattern that depends on seed; creates or overwrites */
static inline void world_write(struct world *w, const char *path, size_t bytes, unsigned seed)
{
	uint8_t *content = malloc(bytes ? bytes : 1);
	struct tree_file *f;
	struct stat st;
	const char *name;
	uint64_t parent = world_parent(w, path, &name), ino = world_lookup(w, path);

	for (size_t i = 0; i < bytes; i++)
		content[i] = (uint8_t)(rand_r(&seed) >> 8);
	if (ino)
		REQUIRE(tree_open(w->tree, ino, O_RDWR | O_TRUNC, &f) == 0);
	else
		REQUIRE(tree_create(w->tree, &world_caller, parent, name, 0644, O_RDWR, &st, &f) == 0);
	for (size_t at = 0; at < bytes; at += 100000)
		REQUIRE(tree_write(w->tree, f, at, content + at, bytes - at < 100000 ? bytes - at : 100000) == 0);
	tree_close(w->tree, f);
	free(content);
}

static inline bool world_has(struct world *w, const char *path, size_t bytes, unsigned seed)
{
	uint64_t ino = world_lookup(w, path);
	uint8_t *content = malloc(bytes + 1);
	struct tree_file *f;
	size_t n = 0, got = 1;
	bool same;

	if (!ino || tree_open(w->tree, ino, O_RDONLY, &f) != 0) {
		free(content);
		return false;
	}
	while (n < bytes + 1 && got) {
		REQUIRE(tree_read(w->tree, f, n, content + n, bytes + 1 - n, &got) == 0);
		n += got;
	}
	tree_close(w->tree, f);
	same = n == bytes;
	for (size_t i = 0; same && i < bytes; i++)
		same = content[i] == (uint8_t)(rand_r(&seed) >> 8);
	free(content);
	return same;
}

static inline void world_mkdir(struct world *w, const char *path)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);
	struct stat st;

	REQUIRE(tree_mknod(w->tree, &world_caller, parent, name, S_IFDIR | 0755, 0, &st) == 0);
}

static inline int world_unlink(struct world *w, const char *path)
{
	const char *name;
	uint64_t parent = world_parent(w, path, &name);

	return tree_unlink(w->tree, parent, name);
}

static inline size_t world_sessions(struct world *w)
{
	struct disc_session *sessions = NULL;
	size_t n = 0;

	REQUIRE(disc_sessions(w->disc, &sessions, &n) == 0);
	free(sessions);
	return n;
}

/* Runs body(w) in a child; true when it was killed by SIGKILL. */
static inline bool killed(struct world *w, void (*body)(struct world *w))
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		log_state.level = -1;
		body(w);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

#endif
