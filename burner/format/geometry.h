/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * geometry.h - where things are on a disc and in a session, in sectors of 2048 bytes
 *
 * A volume begins with the System Area (ECMA-119 6.2.1), LBA 0-15; the volume descriptors follow.  A session that
 * begins at S is laid out as a volume of its own: its descriptors are at S+16.  On overwritable media LBA 16-31 hold
 * the published descriptors (in comments and messages: the disc's head): those of the newest session, made absolute.
 * burner/SESSION.md has the rest.
 */
#ifndef BURNER_FORMAT_GEOMETRY_H
#define BURNER_FORMAT_GEOMETRY_H

#include "burner/base/bytes.h"

#define SYSTEM_AREA_SECTORS 16u
#define DESCRIPTORS_LBA SYSTEM_AREA_SECTORS
#define DESCRIPTORS_SECTORS 16u /* what we keep for a set of descriptors, there and in a session */
#define DISC_HEAD_BYTES (DESCRIPTORS_SECTORS * SECTOR_BYTES)
#define FIRST_SESSION_LBA (DESCRIPTORS_LBA + DESCRIPTORS_SECTORS)

/* Sectors behind the start of a session of ours. */
#define SESSION_ABSOLUTE_DESCRIPTORS 8u /* on overwritable media: Linux mounts with sbsector=S-8 */
#define SESSION_MESSAGE 12u		/* behind these, where there is one (message_block.h) */
#define SESSION_DESCRIPTORS SYSTEM_AREA_SECTORS
#define SESSION_SAVED_DESCRIPTORS (SESSION_DESCRIPTORS + DESCRIPTORS_SECTORS) /* foreign ones of LBA 16-31 */

/* Sessions on images and overwritable media begin at multiples of this; ours have a multiple of sectors, too. */
#define SESSION_ALIGN_SECTORS 32u
#define SEQUENTIAL_ALIGN_SECTORS 16u /* a session's length on sequential media */

/* A File Section of ours at its longest (ECMA-119 9.1.4: 32 bits): whole sectors, but for the last one of a file. */
#define SECTION_MAX_BYTES (0x100000000ull - SECTOR_BYTES)
#define SECTION_LAST_MAX_BYTES 0xffffffffull

#endif
