/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume.c - volume descriptors, the head
 *
 * Order of the descriptors: primary, boot record (El Torito wants it second), supplementary (Joliet), terminator.  On
 * overwritable media they stand twice: with the absolute size at S+8, where Linux mounts with sbsector=S-8, and
 * relative to the session at S+16, where xorriso -toc looks; session_published_descriptors() makes the
 * third set, for LBA 16, from the second.  Elsewhere only at S+16, absolute: Linux takes no continuation area beyond
 * the volume's size.  Between both places lies the session's message, if it has one.
 */
#include <errno.h>
#include <string.h>

#include "burner/session/internal.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "burner/format/message_block.h"
#include "burner/format/volume_descriptor.h"

static void put_appuse(uint8_t *out, const struct burn_plan *p)
{
	const struct burn_options *o = &p->options;
	struct appuse a = {
		.number = o->session_number,
		.start_lba = o->start_lba,
		.previous_lba = o->previous_lba,
		.previous_descriptor_lba =
			p->foreign_descriptors ? o->start_lba + SESSION_SAVED_DESCRIPTORS : o->previous_descriptor_lba,
		.previous_number = o->previous_number,
		.sectors = session_length(p),
		.directories = p->trees[TREE_ROCK_RIDGE].table_entries,
		.flags = (p->n_trees > TREE_JOLIET ? APPUSE_JOLIET : 0) | (o->compat ? APPUSE_COMPAT : 0) |
			 APPUSE_TWINS | APPUSE_LINKS | (p->manifest->linked ? APPUSE_LINKED : 0) |
			 (p->contents.bytes ? APPUSE_CONTENTS : 0) | APPUSE_SHARED |
			 (p->cost.files_in_pieces != PIECES_UNKNOWN ? APPUSE_PIECES : 0) |
			 (o->capacity_sectors ? APPUSE_CAPACITY : 0) | (p->parity.sectors ? APPUSE_PARITY : 0) |
			 (!p->manifest->linked || p->manifest->base_nanoseconds ? APPUSE_NANOSECONDS : 0) |
			 (p->sums.n ? APPUSE_MD5 : 0) | (o->message[0] ? APPUSE_MESSAGE : 0) |
			 (p->adoption.sectors ? APPUSE_ADOPTION : 0),
		.next_ino = o->next_ino,
		.tree_sectors = p->whole_tree_sectors,
		.contents_lba = p->contents.lba,
		.contents_bytes = p->contents.bytes,
		.shared_bytes = p->cost.shared_sectors * SECTOR_BYTES,
		.found_bytes = o->found_bytes,
		.files_in_pieces = p->cost.files_in_pieces,
		.capacity_sectors = o->capacity_sectors,
		.parity_lba = p->parity.lba,
		.parity_sectors = p->parity.sectors,
		.adoption_lba = p->adoption.lba,
		.adoption_sectors = p->adoption.sectors,
		.links_lba = p->links.lba,
		.links_bytes = p->links.bytes,
		.links_sectors = (uint32_t)min_u64(links_directory_sectors(p), UINT32_MAX),
	};

	memcpy(a.uuid, o->uuid, 16);
	appuse_encode(&a, out);
}

static void put_volume(uint8_t *out, const struct burn_plan *p, enum tree_kind kind, uint32_t space_sectors)
{
	const struct plan_tree *tree = &p->trees[kind];
	const struct plan_directory *root = &tree->directories[0];
	struct volume volume = {
		.type = kind == TREE_JOLIET ? ISO_VD_SUPPLEMENTARY : ISO_VD_PRIMARY,
		.system_id = "LINUX",
		.volume_id = p->options.volume_id[0] ? p->options.volume_id :
			     p->labels		     ? NULL :
						       "CDAPPENDFS",
		.application_id = "CDAPPENDFS",
		.space_sectors = space_sectors,
		.table = {{tree->table_lba[0], tree->table_lba[1]}, tree->table_bytes},
		.root_lba = root->lba,
		.root_bytes = root->sectors * SECTOR_BYTES,
		.root_time = p->manifest->nodes[root->node].mtime.tv_sec,
		.created = p->options.time,
		.labels = p->labels,
	};

	if (kind == TREE_JOLIET && p->joliet_labels)
		volume.labels = p->joliet_labels;

	descriptor_encode(&volume, out);
	put_appuse(out, p);
}

uint32_t descriptor_sectors(const struct burn_plan *p)
{
	return 1 + (p->boot_record != NULL) + (p->n_trees > TREE_JOLIET) + 1;
}

static void put_descriptors(uint8_t *out, const struct burn_plan *p, uint32_t space_sectors)
{
	put_volume(out, p, TREE_ROCK_RIDGE, space_sectors);
	out += SECTOR_BYTES;
	if (p->boot_record) {
		memcpy(out, p->boot_record, SECTOR_BYTES);
		out += SECTOR_BYTES;
	}
	if (p->n_trees > TREE_JOLIET) {
		put_volume(out, p, TREE_JOLIET, space_sectors);
		out += SECTOR_BYTES;
	}
	descriptor_encode_terminator(out);
}

int volume_encode(const struct burn_plan *p, uint8_t *ret)
{
	uint32_t start = p->options.start_lba;

	memset(ret, 0, (size_t)(p->tree_lba - start) * SECTOR_BYTES);
	if (p->options.overwritable) {
		put_descriptors(ret + SESSION_ABSOLUTE_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba);
		put_descriptors(ret + SESSION_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba - start);
	} else {
		put_descriptors(ret + SESSION_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba);
	}
	if (p->foreign_descriptors)
		memcpy(ret + SESSION_SAVED_DESCRIPTORS * SECTOR_BYTES, p->foreign_descriptors,
		       DESCRIPTORS_SECTORS * SECTOR_BYTES);
	if (!p->options.message[0])
		return 0;
	return message_block_encode(p->options.uuid, p->options.message, ret + SESSION_MESSAGE * SECTOR_BYTES);
}

/* ---- the head ---- */

/* The relative size of one descriptor made absolute. */
static int make_absolute(uint8_t *descriptor, uint32_t start_lba)
{
	uint32_t relative = 0;

	if (descriptor_space_agreed(descriptor, &relative) || !relative || relative > UINT32_MAX - start_lba)
		return -EBADMSG;
	descriptor_set_space_sectors(descriptor, start_lba + relative);
	return 0;
}

int session_published_descriptors(const uint8_t descriptors[DESCRIPTORS_SECTORS * SECTOR_BYTES], uint32_t start_lba,
				  uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	_free_ uint8_t *made = calloc(DESCRIPTORS_SECTORS, SECTOR_BYTES);
	struct appuse a;

	if (!made)
		return -ENOMEM;
	if (descriptor_type(descriptors) != ISO_VD_PRIMARY || appuse_decode(descriptors, &a) != 0 ||
	    a.start_lba != start_lba)
		return -EBADMSG;
	for (unsigned i = 0; i < DESCRIPTORS_SECTORS; i++) {
		uint8_t *at = made + (size_t)i * SECTOR_BYTES;

		memcpy(at, descriptors + (size_t)i * SECTOR_BYTES, SECTOR_BYTES);
		if (!is_volume_descriptor(at))
			return -EBADMSG;
		if (descriptor_type(at) == ISO_VD_END) {
			memcpy(published, made, (size_t)DESCRIPTORS_SECTORS * SECTOR_BYTES);
			return 0;
		}
		if ((descriptor_type(at) == ISO_VD_PRIMARY || descriptor_type(at) == ISO_VD_SUPPLEMENTARY) &&
		    make_absolute(at, start_lba) != 0)
			return -EBADMSG;
	}
	return -EBADMSG;
}
