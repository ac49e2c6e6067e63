/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp.h - the System Use entries (SUSP, Rock Ridge) of one directory record, before they are cut between record and
 * continuation areas
 *
 * Also the dates of ECMA-119, since both records and TF entries hold them.
 */
#ifndef BURNER_SESSION_SUSP_H
#define BURNER_SESSION_SUSP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/manifest.h"

/* What a name of 255 bytes and a target of 4,095 take at most: a target of slashes only, two bytes each. */
#define SUSP_BYTES 9216u
#define SUSP_ENTRIES 64u
#define SUSP_CE_BYTES 28u
#define SUSP_TARGET_BYTES 4095u

struct susp {
	unsigned n;		    /* entries */
	uint16_t end[SUSP_ENTRIES]; /* where each ends in bytes[] */
	uint8_t bytes[SUSP_BYTES];
};

static inline unsigned susp_start(const struct susp *s, unsigned entry) { return entry ? s->end[entry - 1] : 0; }
static inline unsigned susp_total(const struct susp *s) { return s->n ? s->end[s->n - 1] : 0; }

/* A name's entries. */
void susp_of_node(struct susp *s, const struct manifest_node *node, const char *name);
/* Those of "." and ".."; of_volume: the root's ".", which announces SUSP (SP) and Rock Ridge (ER). */
enum susp_dot { SUSP_DOT_OF_VOLUME, SUSP_DOT };
void susp_of_directory(struct susp *s, const struct manifest_node *node, enum susp_dot which);
/*
 * Adds a TW entry, ours alone (burner/SESSION.md): where the Joliet twin of a directory is (0, 0: nowhere), how many
 * sectors of continuation areas follow the directory's own records, and the number of the attempt that gave the entry
 * its Joliet name.
 */
struct susp_twin {
	uint32_t lba, bytes, area_sectors, attempt;
};
void susp_add_twin(struct susp *s, const struct susp_twin *twin);
/*
 * Cuts an SL entry in two, so that the first has at most `room` bytes, and as many as can be: what a continuation
 * area has left is filled, whatever comes in which order (burner/format/bound.h counts on it).  false: it is none,
 * or not one byte of a component fits; then nothing changed.
 */
bool susp_cut_link(struct susp *s, unsigned entry, unsigned room);
/* A CE entry of 28 bytes. */
void susp_continuation(uint8_t out[SUSP_CE_BYTES], uint32_t lba, uint32_t offset, uint32_t bytes);

/* ECMA-119 9.1.5, UTC; years 1900 to 2155, others become the nearest. */
void date_short(uint8_t out[7], int64_t seconds);
/* ECMA-119 8.4.26.1, UTC. */
void date_long(uint8_t out[17], int64_t seconds);

#endif
