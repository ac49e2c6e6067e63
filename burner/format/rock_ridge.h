/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rock_ridge.h - the System Use entries of Rock Ridge (RRIP 1.12), and ZF of zisofs
 *
 *	4.1.1  PX, 44 bytes, 36 in RRIP 1.09: 4 mode, 12 links, 20 user, 28 group, 36 serial number; in both byte orders
 *	4.1.2  PN, 20 bytes: 4 device number, high half, 12 low half; in both byte orders
 *	4.1.3  SL: 4 flags; from 5 on component records: 0 flags, 1 length, 2 text
 *	4.1.4  NM: 4 flags, 5 text
 *	4.1.5  CL, 12 bytes: 4 block of the directory, in both byte orders; RE: no data
 *	4.1.6  TF: 4 flags; from 5 on the dates that they name, in their order: 7 bytes each, or 17 (long form)
 *	zisofs ZF, 16 bytes: 4 algorithm, 6 words of its header, 7 binary logarithm of the block size, 8 size of the
 *	       content: in both byte orders; version 2 ("PZ"): 64 bits, little-endian
 * Flags are libiso9660's: ISO_ROCK_NM_*, ISO_ROCK_SL_* (of components, and CONTINUE of SL), ISO_ROCK_TF_*.
 *
 * Decoders get an entry that lies wholly in memory, as its own length says, and check that it holds what it must:
 * -EBADMSG.  Encoders fill all of an entry.
 */
#ifndef BURNER_FORMAT_ROCK_RIDGE_H
#define BURNER_FORMAT_ROCK_RIDGE_H

#include <cdio/iso9660.h>

#include "burner/format/date.h"
#include "burner/format/susp.h"

#define RRIP_PX_BYTES 44u
#define RRIP_PN_BYTES 20u
#define RRIP_NM_FIXED_BYTES 5u
#define RRIP_NM_TEXT_MAX (SUSP_ENTRY_MAX - RRIP_NM_FIXED_BYTES)
#define RRIP_TF_BYTES 26u /* as they are encoded: the short form, three dates */
#define RRIP_CL_BYTES 12u
#define RRIP_ZF_BYTES 16u

struct rrip_px {
	uint32_t mode, nlink, uid, gid, serial;
	bool has_serial;
};
/* 44 bytes, with the serial number. */
void rrip_px_encode(const struct rrip_px *px, uint8_t entry[RRIP_PX_BYTES]);
int rrip_px_decode(const uint8_t *entry, struct rrip_px *ret);

/*
 * rdev: of makedev().  Up to 12 bits of major and 8 of minor go as one dev_t of 32 bits into the low half, which
 * Linux, libisofs and libarchive read alike; larger ones as major and minor, which Linux reads.  Decoded by Linux's
 * rule: the number may lie in the low half alone.
 */
void rrip_pn_encode(uint64_t rdev, uint8_t entry[RRIP_PN_BYTES]);
int rrip_pn_decode(const uint8_t *entry, uint64_t *ret_rdev);

/* A name, or a piece of one: text is not terminated, n bytes, at most RRIP_NM_TEXT_MAX. */
struct rrip_nm {
	const void *text;
	unsigned n, flags;
};
void rrip_nm_encode(const struct rrip_nm *nm, uint8_t *entry);
int rrip_nm_decode(const uint8_t *entry, struct rrip_nm *ret);

/* The first four dates of TF, by the number of their flag; the others matter to nobody here. */
enum rrip_time { RRIP_CREATION, RRIP_MODIFY, RRIP_ACCESS, RRIP_ATTRIBUTES, N_RRIP_TIMES };
struct rrip_tf {
	const uint8_t *dates[N_RRIP_TIMES]; /* in the entry; NULL: it has none */
	unsigned date_bytes;		    /* of each; 17: long form */
};
/* Modify, access, attributes. */
void rrip_tf_encode(const uint8_t dates[3][SHORT_DATE_BYTES], uint8_t entry[RRIP_TF_BYTES]);
int rrip_tf_decode(const uint8_t *entry, struct rrip_tf *ret);

int rrip_cl_decode(const uint8_t *entry, uint32_t *ret_lba);

struct rrip_zf {
	uint8_t algorithm[2], header_words, block_shift;
	uint64_t size;
};
void rrip_zf_encode(const struct rrip_zf *zf, uint8_t entry[RRIP_ZF_BYTES]);
/* 0 when the algorithm is not known, so that the file stays as it is stored; else 1. */
int rrip_zf_decode(const uint8_t *entry, struct rrip_zf *ret);

/* ---- SL ---- */

#define RRIP_SL_FLAGS 4u /* place of the flags of an entry */
#define RRIP_SL_FIXED_BYTES 5u
#define RRIP_COMPONENT_FIXED_BYTES 2u

static inline uint8_t rrip_component_flags(const uint8_t *component) { return component[0]; }
static inline uint8_t rrip_component_length(const uint8_t *component) { return component[1]; }
static inline const uint8_t *rrip_component_text(const uint8_t *component) { return component + 2; }
/* Header and flags of an entry; its components stand behind them. */
void rrip_sl_begin(unsigned length, unsigned flags, uint8_t *entry);
/* Likewise, of a component; its text stands behind. */
void rrip_component_encode(unsigned flags, unsigned length, uint8_t *component);

/*
 * The SL entries of a symbolic link, one behind the other; returns their bytes.  out NULL: measure.
 *
 * An entry has 255 bytes at most.  What does not fit is cut inside a component, wherever one of two bytes or more
 * stands at the cut: libarchive loses the slash between two entries.  Empty components stand for the slashes of
 * "a//b" and "a/".  genisoimage and libisofs record a root for the former: there macOS, NetBSD and OpenBSD begin anew,
 * and have another target.  xorriso and isoinfo leave an empty component out, which is the same path.
 */
uint32_t rrip_sl_encode(const char *target, uint8_t *out);

#endif
