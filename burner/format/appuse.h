/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * appuse.h - what our sessions say of themselves
 *
 * ECMA-119 8.4.32: the 512 bytes "Application Use" of the primary (and supplementary) volume descriptor, at byte 883
 * (BP 884). All numbers little-endian.
 *	  0  16	magic "CDAPPENDFS 1\0\0\0\0"
 *	 16  16	session uuid
 *	 32   4	session number, from 1
 *	 36   4	start LBA of this session
 *	 40   4	start LBA of the previous session, 0xffffffff none
 *	 44   4	LBA of the previous session's primary descriptor (differs from start+16 when a foreign head was
 *		saved), 0xffffffff none
 *	 48   4	sectors of this session, commit record included
 *	 52   4	directories in the tree
 *	 56   8	inode counter: the next serial to give
 *	 64   8	sectors that the whole tree's metadata would take in one session (Rock Ridge and Joliet directories,
 *		continuation areas, path tables); exact when it is in this one, else at most
 *	 72   4	flags: bit 0 Joliet present, bit 1 compat, bit 2 directories say where their twins are (twin.h), bit 3
 *		some directories lie in older sessions, bit 4 the link table is told below, bit 5 the content table is
 *		told below, bit 6 what is shared is told below, bit 7 how many files have several sections is
 *		told below, bit 8 the capacity is told below, bit 9 the parity area is told below, bit 10 the records of
 *		all names of the tree have nanoseconds (nanoseconds.h), those in older sessions, too, bit 11 its files
 *		have MD5 sums (checksums.h), bit 12 it has a message (message_block.h), bit 13 the adoption table is
 *		told below
 *	 76   4	previous session number
 *	 80  32	SHA-256 of bytes 0..79
 *	112   4	LBA of the link table (link_table.h)
 *	116   4	its length in bytes, 0: there is none, since no file has several names
 *	120   4	sectors of the directories that it names, in both trees, at most
 *	128  32	SHA-256 of bytes 112..127; when it is wrong, bit 4 counts as not set
 *	160   4	LBA of the content table (content_table.h)
 *	164   4	its length in bytes
 *	176  32	SHA-256 of bytes 160..175; when it is wrong, bit 5 counts as not set
 *	208   8	bytes of file content in the directories of this session that lie in older ones, whole sectors
 *	216   8	bytes of what was copied to it that were not written, since they were found on the disc or in another
 *		of its files
 *	224  32	SHA-256 of bytes 208..223; when it is wrong, bit 6 counts as not set
 *	256   8	files of the whole tree that have several sections
 *	272  32	SHA-256 of bytes 256..271; when it is wrong, bit 7 counts as not set
 *	304   8	image files: sectors of the medium that it is meant for
 *	320  32	SHA-256 of bytes 304..319; when it is wrong, bit 8 counts as not set
 *	352   4	LBA of the parity area (parity.h)
 *	356   4	its length in sectors
 *	368  32	SHA-256 of bytes 352..367; when it is wrong, bit 9 counts as not set
 *	400   4	LBA of the adoption table (adoption.h)
 *	404   4	its length in sectors
 *	416  32	SHA-256 of bytes 400..415; when it is wrong, bit 13 counts as not set
 */
#ifndef BURNER_FORMAT_APPUSE_H
#define BURNER_FORMAT_APPUSE_H

#include "burner/base/bytes.h"

#define APPUSE_OFFSET 883u
#define APPUSE_BYTES 512u
#define APPUSE_MAGIC "CDAPPENDFS 1\0\0\0" /* 16 bytes with the terminator */
#define APPUSE_NONE 0xffffffffu
#define APPUSE_JOLIET 1u
#define APPUSE_COMPAT 2u
#define APPUSE_TWINS 4u
#define APPUSE_LINKED 8u
#define APPUSE_LINKS 16u
#define APPUSE_CONTENTS 32u
#define APPUSE_SHARED 64u
#define APPUSE_PIECES 128u
#define APPUSE_CAPACITY 256u
#define APPUSE_PARITY 512u
#define APPUSE_NANOSECONDS 1024u
#define APPUSE_MD5 2048u
#define APPUSE_MESSAGE 4096u
#define APPUSE_ADOPTION 8192u

struct appuse {
	uint8_t uuid[16];
	uint32_t number, start_lba, previous_lba, previous_descriptor_lba, sectors, directories, flags, previous_number;
	uint64_t next_ino, tree_sectors;
	uint32_t links_lba, links_bytes, links_sectors; /* with APPUSE_LINKS */
	uint32_t contents_lba, contents_bytes;		/* with APPUSE_CONTENTS */
	uint64_t shared_bytes, found_bytes;		/* with APPUSE_SHARED */
	uint64_t capacity_sectors;			/* with APPUSE_CAPACITY */
	uint64_t files_in_pieces;			/* with APPUSE_PIECES */
	uint32_t parity_lba, parity_sectors;		/* with APPUSE_PARITY */
	uint32_t adoption_lba, adoption_sectors;	/* with APPUSE_ADOPTION */
};

void appuse_encode(const struct appuse *a, uint8_t descriptor[SECTOR_BYTES]);
/* 0, or -ENODATA when it is not ours or damaged. */
int appuse_decode(const uint8_t descriptor[SECTOR_BYTES], struct appuse *ret);

#endif
