/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serials.c - is a record of the base the file whose row has its number?
 *
 * A row speaks for its number wherever a name leads to it (nodes.c), so a record that only claims the number would be
 * replaced by another file.  Of the base's records with a row's number all must be of its type, a directory's listing
 * the one that the row knows, and those of a file with several names the same; and no file may be met under more names
 * than it has.  That costs what has changed: records without a row stay what they are, whatever their numbers.
 *
 * What a foreign session has for numbers are places (fs/iso), and those cannot lie.
 */
#include "fs/manifest/internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/sha256.h"

struct record_met {
	uint8_t sha256[SHA256_BYTES];
};

struct said {
	uint64_t size, rdev, mtime;
	uint32_t mode, uid, gid, nlink;
	uint8_t extents[SHA256_BYTES], target[SHA256_BYTES];
};

static int digest_extents(const struct iso_entry *e, uint8_t ret[SHA256_BYTES])
{
	_free_ uint64_t *list = calloc((size_t)e->n_extents + 1, 2 * sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < e->n_extents; i++) {
		list[2 * (size_t)i] = e->extents[i].pos;
		list[2 * (size_t)i + 1] = e->extents[i].length;
	}
	return sha256_of(list, (size_t)e->n_extents * 2 * sizeof(*list), ret);
}

static int digest_record(const struct iso_entry *e, struct record_met *ret)
{
	struct said said;
	int r;

	memset(&said, 0, sizeof(said)); /* holes, too */
	said.size = e->size;
	said.rdev = e->rdev;
	said.mtime = (uint64_t)e->mtime.tv_sec;
	said.mode = e->mode;
	said.uid = e->uid;
	said.gid = e->gid;
	said.nlink = e->nlink;
	r = digest_extents(e, said.extents);
	if (!r && e->target)
		r = sha256_of(e->target, strlen(e->target), said.target);
	return r ? r : sha256_of(&said, sizeof(said), ret->sha256);
}

/* -EBADMSG: an earlier one of this row says something else. */
static int check_twice(struct build *b, size_t row, const struct iso_entry *e)
{
	uint32_t before = numbers_first(&b->met_rows, row);
	struct record_met met;
	int r = digest_record(e, &met);

	if (!r && before != NUMBERS_NONE)
		return memcmp(&b->met[before], &met, sizeof(met)) == 0 ? 0 : -EBADMSG;
	if (!r)
		r = bulk_grow(b->m->bulk, (void **)&b->met, &b->met_space, b->n_met, sizeof(met));
	if (!r)
		r = numbers_add(&b->met_rows, row, b->n_met);
	if (!r)
		b->met[b->n_met++] = met;
	return r;
}

int build_check_record(struct build *b, const struct iso_entry *e, const char **ret_reason)
{
	size_t row = b->base_ours ? build_find_row(b, e->ino) : SIZE_MAX;
	const struct stage_node *staged = row == SIZE_MAX ? NULL : &b->rows->nodes[row];
	bool is_dir = S_ISDIR(e->mode);
	int r = 0;

	if (b->base_ours && iso_is_stray(e->ino)) {
		*ret_reason = "its serial number is none that its session has given: the disc contradicts itself";
		return -EBADMSG;
	}
	if (!staged)
		return 0;
	if ((staged->mode & S_IFMT) != (e->mode & S_IFMT) ||
	    (is_dir && (staged->base_lba != e->dir.lba || staged->base_bytes != e->dir.bytes)))
		r = -EBADMSG;
	if (!r && !is_dir && e->nlink > 1)
		r = check_twice(b, row, e);
	if (r == -EBADMSG)
		*ret_reason = "another file has its serial number: the disc contradicts itself";
	return r;
}

int build_check_counts(struct build *b, uint64_t *ret_ino)
{
	for (uint32_t i = 0; b->base_ours && i < b->n_doubts; i++) {
		uint32_t node = b->row_nodes[b->doubts[i]];

		bulk_pace(b->m->bulk, BULK_ANYWHERE);
		if (b->m->nodes[node].nlink > b->claims[node]) {
			*ret_ino = b->m->nodes[node].ino;
			return -EBADMSG;
		}
	}
	return 0;
}
