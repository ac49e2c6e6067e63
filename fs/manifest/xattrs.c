/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xattrs.c - extended attributes of records of the base
 *
 * What is damaged, or cannot be read, is left out when the user has accepted that, and named.  A read that fails is
 * tried again: what a cable or a dusty lens does to one passes by.
 */
#include "fs/manifest/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define READS_MAX 3u

int build_read_xattrs(struct build *b, uint64_t at, uint8_t **ret, size_t *ret_bytes, const char **ret_reason)
{
	int r = -EIO;

	for (unsigned i = 0; i < READS_MAX && r == -EIO; i++)
		r = b->frozen->base ? iso_xattrs(b->frozen->base, at, ret, ret_bytes) : -EBADMSG;
	if (!iso_xattrs_are_lost(r)) {
		if (r < 0)
			*ret_reason = "its extended attributes cannot be read";
		return r;
	}
	if (b->frozen->accepted & ODDITY_BIT(ODDITY_ATTRIBUTES)) {
		b->lost_xattrs = true;
		*ret = NULL;
		*ret_bytes = 0;
		return 0;
	}
	*ret_reason = oddity_refusal(ODDITY_ATTRIBUTES);
	return -EPERM;
}

int build_note_lost(struct build *b, uint32_t directory, const char *name)
{
	struct held_manifest *held = b->held;
	char path[MANIFEST_WHY_BYTES / 2];

	if (!b->lost_xattrs)
		return 0;
	b->lost_xattrs = false;
	if (held->n_lost++ >= MANIFEST_LOST_NAMED)
		return 0;
	return asprintf(&held->lost[held->n_lost - 1], "%s/%s", manifest_path(b->m, directory, path, sizeof(path)),
			name) < 0 ?
		       -ENOMEM :
		       0;
}

uint64_t manifest_lost_attributes(const struct manifest *m, const char *const **ret_paths)
{
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;

	*ret_paths = (const char *const *)held->lost;
	return held->n_lost;
}
