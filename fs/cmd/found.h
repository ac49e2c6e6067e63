/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * found.h - versions of files that were found, and what became of them
 *
 *	found_init -> for each session, the oldest first, and for what is staged: found_enter, then found_see of each
 *	name, or found_apply of what is different from the one before, found_lose -> found_order, found_fate of each
 *
 * Only names that were found are kept, and the directories above them.  A version is one state of a file: until it is
 * changed it is one, whatever it is called.  It is found in the first session in which it has a path that is asked
 * for.
 */
#ifndef FS_CMD_FOUND_H
#define FS_CMD_FOUND_H

#include "burner/base/name_tree.h"
#include "cdappendfs/disc.h"
#include "fs/cmd/criteria.h"
#include "fs/diff/diff.h"

struct found_version {
	const struct disc_session *session; /* NULL: it is staged */
	/* how it came to be there: 'A' added, 'M' changed, 'R' renamed; '?' it is not known */
	char kind;
	struct criteria_file file; /* as it is in that session */
	uint32_t node;
	uint32_t older; /* version of the same file; FOUND_NONE */
	bool replaced;	/* the file was changed then: */
	const struct disc_session *replaced_in;
};
#define FOUND_NONE UINT32_MAX

/* By node of the names. */
struct found_name {
	uint32_t newest; /* version + 1; 0: it is only above what was found */
	bool is_newest;	 /* that version is what is there */
	bool unsure;	 /* it cannot be known whether it is still there */
	bool moved_in_stage, gone;
	const struct disc_session *gone_in; /* NULL: by what is staged */
};

struct found {
	const struct criteria *criteria;
	const char *scope;		    /* only what is there and below; "": all; NULL: nothing */
	const struct disc_session *session; /* that is looked at; NULL: what is staged */
	struct name_tree names;
	struct found_name *by_node;
	size_t by_node_capacity;
	struct found_version *versions;
	size_t n, capacity;
	struct criteria_file *noted; /* until they are applied */
	size_t n_noted, noted_capacity;
	struct arena noted_paths;
	struct arena arena;
};

/* Both are borrowed. */
void found_init(struct found *f, const struct criteria *criteria);
void found_release(struct found *f);
/* What follows is of that session; scope as above, borrowed. */
void found_enter(struct found *f, const struct disc_session *session, const char *scope);
/* It is there.  kind: what it is when it was not found before.  -ENOMEM. */
int found_see(struct found *f, char kind, const struct criteria_file *file);
/* Of what is applied next: that file is new.  -ENOMEM */
int found_note(struct found *f, const struct diff_change *c);
/* -ENOMEM */
int found_apply(struct found *f, const struct diff *d);
/* Whether what is at that path and below is still there cannot be known, until it is seen. */
void found_lose(struct found *f, const char *path);

/* Their indices by path, versions of one path by session; to be freed.  -ENOMEM. */
int found_order(const struct found *f, uint32_t **ret);
struct found_fate {
	bool known; /* what follows is */
	char *now;  /* the path that the file has now; NULL: it has vanished; to be freed */
	bool is_current;
	bool gone, in_stage;		    /* in_stage: the last that became of it is not burned yet */
	const struct disc_session *gone_in; /* NULL: not at all, or in the stage */
};
/* -ENOMEM */
int found_fate(const struct found *f, const struct found_version *v, struct found_fate *ret);

#endif
