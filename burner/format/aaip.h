/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * aaip.h - extended attributes and ACLs of a file as AAIP 2.0 has them, as libisofs writes and reads it
 *
 * One stream of component records, cut into the AL entries of a record's System Use area:
 *	AL	4 flags (1: another AL entry follows), from 5 on as much of the stream as it holds
 *	component record	0 flags (1: the component goes on in the next record), 1 length, 2 bytes of it
 * Records may go on in the next entry; ours do not.  Components are names and values in turn.  The first byte of a name
 * stands for its namespace: 2 system., 3 user., 4 isofs., 5 trusted., 6 security.; 1: what follows is the name itself.
 *
 * The empty name has both ACLs, as entries of a byte, of which some have a number behind them:
 *	 bits 4-7  1 user::  3 group::  5 mask  6 other  10 user  12 group  8 (as 0x81): here the default ACL begins
 *	 bit 3     a number follows: a byte with its length (bit 7: more of it in another such piece), big-endian
 *	 bits 0-2  execute, write, read
 * A default ACL without an access ACL has that of the permission bits before it.
 *
 * Names "isofs.…" are libisofs' own.  Those that say where something of one session is are left out when they are
 * read (isofs.ca and cx: its table of checksums; nt: how it cut names); all others are kept as they are.
 */
#ifndef BURNER_FORMAT_AAIP_H
#define BURNER_FORMAT_AAIP_H

#include "burner/base/bytes.h"
#include "burner/base/xattrs.h"
#include "burner/format/susp.h"

#define AAIP_AL SUSP_SIGNATURE('A', 'L')
#define AAIP_AL_FIXED_BYTES 5u
#define AAIP_AL_CONTENT_MAX (SUSP_ENTRY_MAX - AAIP_AL_FIXED_BYTES)
/* A stream that is read: what 64 KiB of a value and many names take. */
#define AAIP_STREAM_MAX (256u << 10)

/*
 * Writing: aaip_encode() makes the components of a set, aaip_take() AL entries of them, as many bytes as there is room
 * for.  No record crosses the end of an entry: libisofs would take it, pycdlib refuses the disc.
 */
struct aaip_writer {
	const uint8_t *at, *end; /* components: length in 4 bytes, little-endian, and what they are */
	uint32_t done;		 /* bytes of the first, with its length; 0: not begun */
};
/* The most that components of a set of so many bytes take: more than the set, of names of no namespace. */
#define AAIP_COMPONENTS_OF(set_bytes) ((set_bytes) + (set_bytes) / (XATTRS_RECORD_BYTES + 1) * 3)
uint32_t aaip_encode(const uint8_t *set, size_t set_bytes, uint32_t mode, uint8_t *out);
static inline bool aaip_is_done(const struct aaip_writer *w) { return w->at == w->end; }
/* Bytes of the AL entries for all that is left. */
uint32_t aaip_left(const struct aaip_writer *w);
/* AL entries of at most `room` bytes; out NULL: nothing is written.  Their bytes; 0: not a byte fits. */
uint32_t aaip_take(struct aaip_writer *w, uint32_t room, uint8_t *out);
/* What the AL entries of a set of so many bytes take at most, in one piece; and for each place where they are cut: an
 * entry's and a record's header, and what is left unused. */
static inline uint64_t aaip_bytes_max(uint64_t set_bytes)
{
	return set_bytes ? set_bytes + (set_bytes / 246 + 1) * 9 : 0;
}
#define AAIP_CUT_BYTES (2 * AAIP_AL_FIXED_BYTES + 4u)

/* -EBADMSG: too short. */
int aaip_al_decode(const uint8_t *entry, const uint8_t **ret_content, unsigned *ret_bytes, bool *ret_more);

/*
 * A stream, which may be any bytes, as a set, to be freed (NULL: nothing of it is kept).  Where an access ACL and the
 * mode differ the mode is right, as libisofs wants it; an ACL that says no more than the mode is none.  -EBADMSG;
 * -E2BIG: more than a set holds; -ENOMEM.
 */
int aaip_decode(const uint8_t *stream, size_t bytes, uint32_t mode, uint8_t **ret, size_t *ret_bytes);
/* Of a stream the attribute of that name alone, as a set, also one that is left out of others; NULL: it has none. */
int aaip_find(const uint8_t *stream, size_t bytes, const char *name, uint8_t **ret, size_t *ret_bytes);

#endif
