/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * room.c - what a walk over directories may still meet
 *
 * No block belongs to two directories.  So what is met is kept, a bit for each block that the disc really has, and
 * all that a walk makes of records follows what there is of these, whatever sizes a disc tells of itself.
 */
#include "fs/iso/internal.h"

#define DIRECTORIES_MAX (1u << 22)
#define BLOCKS_MAX (1ull << 26) /* of directories together: the bits are 8 MiB */
#define LEAST_BYTES 512u	/* a directory has a block, whatever it says */

void iso_room_init(const struct iso *iso, struct iso_room *ret)
{
	unsigned shift = iso ? iso->block_shift : SECTOR_SHIFT;
	uint64_t sectors = !iso ? 0 : iso->there_sectors ? iso->there_sectors : iso->limit_sectors;

	*ret = (struct iso_room){.end = sectors ? sectors << (SECTOR_SHIFT - shift) : UINT64_MAX,
				 .blocks = BLOCKS_MAX,
				 .directories = DIRECTORIES_MAX,
				 .block_shift = (uint8_t)shift};
}

void iso_room_release(struct iso_room *room)
{
	idset_release(&room->met);
	idset_release(&room->begins);
}

/* Blocks [from, to) of a directory that begins there: they are of no other. */
static int take_blocks(struct iso_room *room, uint64_t begin, uint64_t from, uint64_t to)
{
	if (to - from > room->blocks)
		return -EBADMSG;
	if (idset_reserve(&room->met, (to - from) / 64 + 2) || idset_reserve(&room->begins, 1))
		return -ENOMEM;
	for (uint64_t i = from; i < to; i++)
		if (idset_has(&room->met, i))
			return -EBADMSG;
	for (uint64_t i = from; i < to; i++)
		idset_add(&room->met, i);
	idset_add(&room->begins, begin);
	room->blocks -= to - from;
	return 0;
}

int iso_room_take(struct iso_room *room, struct iso_extent dir)
{
	uint64_t bytes = max_u64(dir.bytes, LEAST_BYTES),
		 n = (bytes + (1ull << room->block_shift) - 1) >> room->block_shift;
	uint64_t end = min_u64(dir.lba + n, room->end);
	int r;

	if (idset_has(&room->begins, dir.lba))
		return 1;
	if (!room->directories)
		return -EBADMSG;
	/* What is not there is read by nobody. */
	r = take_blocks(room, dir.lba, min_u64(dir.lba, end), end);
	room->directories -= !r;
	return r;
}
