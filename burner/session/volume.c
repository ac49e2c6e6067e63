/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume.c - volume descriptors, the head
 *
 * Order of the descriptors: primary, boot record (El Torito wants it second), supplementary (Joliet), terminator.  On
 * overwritable media they stand twice: with the absolute size at S+8, where Linux mounts with sbsector=S-8, and
 * relative to the session at S+16, where xorriso -toc looks; session_head() makes the third set, for LBA 16, from the
 * second.  Elsewhere only at S+16, absolute: Linux takes no continuation area beyond the volume's size.
 */
#include <errno.h>
#include <string.h>

#include "burner/session/layout.h"
#include "burner/session/stream.h"
#include "burner/session/susp.h"
#include "burner/format/date.h"
#include "burner/format/appuse.h"
#include "burner/format/joliet.h"

/* Byte positions in a descriptor, from 0 (ECMA-119 8.4, 8.5). */
enum {
	SYSTEM_ID = 8,
	VOLUME_ID = 40,
	SPACE_SIZE = 80,
	ESCAPES = 88,
	SET_SIZE = 120,
	SEQUENCE = 124,
	BLOCK_SIZE = 128,
	TABLE_SIZE = 132,
	TABLE_L = 140,
	TABLE_M = 148,
	ROOT_RECORD = 156,
	TEXTS = 190,
	TEXTS_END = 813,
	APPLICATION_ID = 574,
	CREATED = 813,
	MODIFIED = 830,
	EXPIRES = 847,
	EFFECTIVE = 864,
	STRUCTURE_VERSION = 881
};

enum { DESCRIPTOR_BOOT = 0, DESCRIPTOR_PRIMARY = 1, DESCRIPTOR_SUPPLEMENTARY = 2, DESCRIPTOR_TERMINATOR = 255 };

/* ---- descriptors ---- */

static void begin_descriptor(uint8_t *out, uint8_t type)
{
	memset(out, 0, SECTOR_BYTES);
	out[0] = type;
	memcpy(out + 1, "CD001", 5);
	out[6] = 1;
}

/* A text field, filled with blanks. */
static void put_text(uint8_t *field, size_t bytes, const char *text, enum tree_kind kind)
{
	bool changed;

	if (kind == TREE_ROCK_RIDGE) {
		memset(field, ' ', bytes);
		memcpy(field, text, min_u64(strlen(text), bytes));
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		field[i] = i % 2 ? ' ' : 0;
	joliet_text(text, field, bytes / 2, &changed);
}

/* Set, publisher, preparer, application; copyright, abstract and bibliographic file (37 bytes each: in Joliet 18
 * characters and a zero). */
static void put_texts(uint8_t *out, enum tree_kind kind)
{
	put_text(out + TEXTS, 3 * 128, "", kind);
	put_text(out + APPLICATION_ID, 128, "CDAPPENDFS", kind);
	for (unsigned at = APPLICATION_ID + 128; at < TEXTS_END; at += 37)
		put_text(out + at, kind == TREE_JOLIET ? 36 : 37, "", kind);
}

static void put_root(uint8_t *out, const struct burn_plan *p, enum tree_kind kind)
{
	const struct plan_directory *d = &p->trees[kind].directories[0];

	out[0] = 34;
	put_both32(out + 2, d->lba);
	put_both32(out + 10, d->sectors * SECTOR_BYTES);
	date_encode_short(out + 18, p->manifest->nodes[d->node].mtime.tv_sec);
	out[25] = 0x02;
	put_both16(out + 28, 1);
	out[32] = 1;
}

static void put_appuse(uint8_t *out, const struct burn_plan *p)
{
	const struct burn_options *o = &p->options;
	struct appuse a = {
		.number = o->session_number,
		.start_lba = o->start_lba,
		.previous_lba = o->previous_lba,
		.previous_descriptor_lba =
			p->foreign_head ? o->start_lba + SESSION_SAVED_DESCRIPTORS : o->previous_descriptor_lba,
		.previous_number = o->previous_number,
		.sectors = session_length(p),
		.directories = p->trees[TREE_ROCK_RIDGE].table_entries,
		.flags = (p->n_trees > TREE_JOLIET ? APPUSE_JOLIET : 0) | (o->compat ? APPUSE_COMPAT : 0) |
			 APPUSE_TWINS | APPUSE_LINKS | (p->manifest->linked ? APPUSE_LINKED : 0) |
			 (p->contents.bytes ? APPUSE_CONTENTS : 0) | APPUSE_SHARED,
		.next_ino = o->next_ino,
		.tree_sectors = p->whole_tree_sectors,
		.contents_lba = p->contents.lba,
		.contents_bytes = p->contents.bytes,
		.shared_bytes = p->cost.shared_sectors * SECTOR_BYTES,
		.found_bytes = o->found_bytes,
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

	begin_descriptor(out, kind == TREE_JOLIET ? DESCRIPTOR_SUPPLEMENTARY : DESCRIPTOR_PRIMARY);
	put_text(out + SYSTEM_ID, 32, "LINUX", kind);
	put_text(out + VOLUME_ID, 32, p->options.volume_id[0] ? p->options.volume_id : "CDAPPENDFS", kind);
	put_both32(out + SPACE_SIZE, space_sectors);
	if (kind == TREE_JOLIET)
		memcpy(out + ESCAPES, "%/E", 3); /* UCS-2 level 3 */
	put_both16(out + SET_SIZE, 1);
	put_both16(out + SEQUENCE, 1);
	put_both16(out + BLOCK_SIZE, SECTOR_BYTES);
	put_both32(out + TABLE_SIZE, tree->table_bytes);
	put_le32(out + TABLE_L, tree->table_lba[0]);
	put_be32(out + TABLE_M, tree->table_lba[1]);
	put_root(out + ROOT_RECORD, p, kind);
	put_texts(out, kind);
	date_encode_long(out + CREATED, p->options.time);
	date_encode_long(out + MODIFIED, p->options.time);
	memset(out + EXPIRES, '0', 16); /* not specified */
	memset(out + EFFECTIVE, '0', 16);
	out[STRUCTURE_VERSION] = 1;
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
	begin_descriptor(out, DESCRIPTOR_TERMINATOR);
}

void volume_encode(const struct burn_plan *p, uint8_t *ret)
{
	uint32_t start = p->options.start_lba;

	memset(ret, 0, (size_t)(p->tree_lba - start) * SECTOR_BYTES);
	if (p->options.overwritable) {
		put_descriptors(ret + SESSION_ABSOLUTE_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba);
		put_descriptors(ret + SESSION_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba - start);
	} else {
		put_descriptors(ret + SESSION_DESCRIPTORS * SECTOR_BYTES, p, p->end_lba);
	}
	if (p->foreign_head)
		memcpy(ret + SESSION_SAVED_DESCRIPTORS * SECTOR_BYTES, p->foreign_head,
		       DESCRIPTORS_SECTORS * SECTOR_BYTES);
}

/* ---- the head ---- */

/* The relative size of one descriptor made absolute. */
static int make_absolute(uint8_t *descriptor, uint32_t start_lba)
{
	uint32_t relative = get_le32(descriptor + SPACE_SIZE);

	if (relative != get_be32(descriptor + SPACE_SIZE + 4) || !relative || relative > UINT32_MAX - start_lba)
		return -EBADMSG;
	put_both32(descriptor + SPACE_SIZE, start_lba + relative);
	return 0;
}

int session_head(const uint8_t descriptors[DESCRIPTORS_SECTORS * SECTOR_BYTES], uint32_t start_lba,
		 uint8_t head[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	_free_ uint8_t *made = calloc(DESCRIPTORS_SECTORS, SECTOR_BYTES);
	struct appuse a;

	if (!made)
		return -ENOMEM;
	if (descriptors[0] != DESCRIPTOR_PRIMARY || appuse_decode(descriptors, &a) != 0 || a.start_lba != start_lba)
		return -EBADMSG;
	for (unsigned i = 0; i < DESCRIPTORS_SECTORS; i++) {
		uint8_t *at = made + (size_t)i * SECTOR_BYTES;

		memcpy(at, descriptors + (size_t)i * SECTOR_BYTES, SECTOR_BYTES);
		if (memcmp(at + 1, "CD001", 5) != 0)
			return -EBADMSG;
		if (at[0] == DESCRIPTOR_TERMINATOR) {
			memcpy(head, made, (size_t)DESCRIPTORS_SECTORS * SECTOR_BYTES);
			return 0;
		}
		if ((at[0] == DESCRIPTOR_PRIMARY || at[0] == DESCRIPTOR_SUPPLEMENTARY) &&
		    make_absolute(at, start_lba) != 0)
			return -EBADMSG;
	}
	return -EBADMSG;
}
