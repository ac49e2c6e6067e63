/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp.h - System Use entries: their header, and those of the protocol itself (SUSP 1.12, IEEE P1281)
 *
 *	4.1  header: 0 signature (two letters), 2 length of the entry, 3 version; then its data
 *	5.1  CE, 28 bytes: 4 block of the continuation area, 12 offset in it, 20 length; each in both byte orders
 *	5.2  PD: padding; 5.4 ST: the end of the area.  Neither has data that matter
 *	5.3  SP, 7 bytes: 4 check bytes BE EF, 6 bytes that are skipped before the entries of all other records
 *	5.5  ER: 4 length of the identifier, 5 of the descriptor, 6 of the source, 7 version; 8 their texts
 *
 * Decoders get an entry that lies wholly in memory, as its own length says; that this is enough is for them to check:
 * -EBADMSG when it is too short.  Encoders fill all of an entry.  How areas follow each other is for fs/iso and
 * burner/session.
 */
#ifndef BURNER_FORMAT_SUSP_H
#define BURNER_FORMAT_SUSP_H

#include "burner/base/bytes.h"

#define SUSP_SIGNATURE(a, b) ((unsigned)(a) << 8 | (unsigned)(b))
#define SUSP_HEADER_BYTES 4u
#define SUSP_ENTRY_MAX 255u
#define SUSP_CE_BYTES 28u
#define SUSP_SP_BYTES 7u
#define SUSP_ER_FIXED_BYTES 8u
/* Of RRIP 1.09 and 1.12; with empty texts, which leaves the root's "." without a continuation area. */
#define SUSP_ER_RRIP "RRIP_1991A"
#define SUSP_ER_RRIP_BYTES (SUSP_ER_FIXED_BYTES + sizeof(SUSP_ER_RRIP) - 1)

static inline unsigned susp_signature(const uint8_t *entry) { return get_be16(entry); }
static inline uint8_t susp_length(const uint8_t *entry) { return entry[2]; }
void susp_header_encode(unsigned signature, unsigned length, unsigned version, uint8_t *entry);

/* Where the area goes on. */
struct susp_ce {
	uint32_t lba, offset, bytes;
};
void susp_ce_encode(const struct susp_ce *ce, uint8_t entry[SUSP_CE_BYTES]);
int susp_ce_decode(const uint8_t *entry, struct susp_ce *ret);

void susp_sp_encode(uint8_t skip, uint8_t entry[SUSP_SP_BYTES]);
/* -EBADMSG also without its check bytes. */
int susp_sp_decode(const uint8_t *entry, uint8_t *ret_skip);

void susp_er_encode_rrip(uint8_t entry[SUSP_ER_RRIP_BYTES]);
/* Does it hold its identifier? Linux takes any extension for Rock Ridge. */
bool susp_er_is_sound(const uint8_t *entry);

#endif
