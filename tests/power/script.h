/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * script.h - what a user does with a mount, and what the tree must look like after each step
 *
 *	mkdir PATH | write PATH OFFSET LENGTH SEED | truncate PATH LENGTH | move FROM TO | link FROM TO | unlink PATH
 *	rmdir PATH | tag PATH SEED (an extended attribute) | fsync PATH | commit | discard
 *	remount (the stage is closed and opened again)
 *
 * Steps are separated by ';'.  script_random() makes one up.  script_expect() gives the tree after each step; the
 * steps from fsync on are answered only when the tree is durable.  Content is bytes of a pattern: the same in every
 * process.
 */
#ifndef TESTS_POWER_SCRIPT_H
#define TESTS_POWER_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum step_kind {
	STEP_MKDIR,
	STEP_WRITE,
	STEP_TRUNCATE,
	STEP_MOVE,
	STEP_LINK,
	STEP_UNLINK,
	STEP_RMDIR,
	STEP_TAG,
	STEP_FSYNC,
	STEP_COMMIT,
	STEP_DISCARD,
	STEP_REMOUNT,
	STEP_KINDS
};
struct script_step {
	enum step_kind kind;
	char path[96], to[96];
	uint64_t offset, length;
	unsigned seed;
};
struct script {
	struct script_step *steps;
	size_t n;
};

struct blob {
	unsigned refs;
	size_t length;
	uint8_t *bytes;
};
struct file {
	char path[96];
	int id;
	bool directory;
	unsigned tag;	       /* 0: none */
	struct timespec mtime; /* as it was seen */
	struct blob *content;
}; /* names of one file share the id */
struct expect {
	struct file *files; /* by path */
	size_t n;
	size_t commits;	  /* sessions that the steps so far made */
	size_t committed; /* the step (+ 1) whose tree is the newest session; 0: that of the beginning */
	bool changed;	  /* since then */
};

void script_parse(struct script *s, const char *text);
void script_random(struct script *s, const struct expect *beginning, unsigned seed, size_t n);
void script_print(const struct script *s);
void script_free(struct script *s);
static inline bool step_is_durable(const struct script_step *s) { return s->kind >= STEP_FSYNC; }

/* expect[0] is the beginning (the caller fills it: expect_add), expect[i + 1] the tree after step i. */
void script_expect(const struct script *s, struct expect *expect);
void expect_add(struct expect *e, const char *path, bool directory, const uint8_t *bytes, size_t length);
const struct file *expect_find(const struct expect *e, const char *path);
void expect_release(struct expect *e);

static inline uint8_t script_byte(unsigned seed, uint64_t at)
{
	uint64_t x = (seed + 1) * 0x9e3779b97f4a7c15u + at / 8 * 0xc2b2ae3d27d4eb4fu;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> (8 + at % 8 * 7));
}

#endif
