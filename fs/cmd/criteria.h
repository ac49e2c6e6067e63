/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * criteria.h - what is looked for: names, sizes, times, types
 *
 * All that is given must hold; of several patterns, names or paths, one.  The zero value lets everything through, but
 * for most_bytes and older, which criteria_init() sets.
 */
#ifndef FS_CMD_CRITERIA_H
#define FS_CMD_CRITERIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pattern {
	const char *glob;
	bool of_path, any_case; /* else of the last name */
};

struct criteria {
	struct pattern *patterns;
	size_t n_patterns, patterns_capacity;
	uint64_t least_bytes, most_bytes; /* of regular files; others have none when a size is asked for */
	bool sized;
	int64_t newer, older; /* modified at newer or later, before older */
	char types[8];	      /* letters as find -type; "": any */
};

void criteria_init(struct criteria *c);
void criteria_release(struct criteria *c);
#define _cleanup_criteria_ __attribute__((cleanup(criteria_release)))

int criteria_add_pattern(struct criteria *c, const struct pattern *p); /* -ENOMEM; its text is borrowed */
/* -EINVAL: none of the kind. */
int criteria_set_size(struct criteria *c, const char *range);
int criteria_set_types(struct criteria *c, const char *letters);

/* Does it depend on more of the path than the last name? */
bool criteria_ask_for_paths(const struct criteria *c);
/* path: from the root, without a slash before it. */
struct criteria_file {
	const char *path;
	uint32_t mode;
	uint64_t bytes;
	int64_t mtime; /* seconds */
};
bool criteria_hold(const struct criteria *c, const struct criteria_file *file);
#endif
