/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kit.h - what a disc carries so that it can be read without cdappendfs (-o kit)
 *
 * A directory in the root, with three files: how to get the files back, the format, a reader.  Their texts are made at
 * build time from the sources (fs/kit/pack).  They are staged like anything else that is written: what is there already
 * stays as it is, so they are burned once; what was removed comes back only when it is asked for again.
 */
#ifndef FS_KIT_KIT_H
#define FS_KIT_KIT_H

#include <stddef.h>
#include <sys/types.h>

#include "fs/tree/tree.h"

#define KIT_DIRECTORY "cdappendfs-kit"

struct kit_file {
	const char *name;
	mode_t mode;
	const unsigned char *bytes;
	size_t length;
};
enum { N_KIT_FILES = 3 };
extern const struct kit_file kit_files[N_KIT_FILES];

/*
 * Any thread, once the tree can be written.  0; -ENOTDIR, -EEXIST: something else has the directory's name, or that of
 * a file, and is left alone; errors of the tree, as -ENOSPC.  *ret_name: of which file, or the directory.  Files that
 * were made before the one that failed stay.
 */
int kit_put(struct tree *t, const struct tree_caller *owner, const char **ret_name);

#endif
