/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * system_use.h - the System Use entries (SUSP, Rock Ridge) of one directory record, before they are cut between record
 * and continuation areas
 */
#ifndef BURNER_SESSION_SYSTEM_USE_H
#define BURNER_SESSION_SYSTEM_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/format/aaip.h"
#include "burner/format/susp.h"
#include "burner/format/twin.h"
#include "cdappendfs/manifest.h"

/* What a name of 255 bytes and a target of 4,095 take at most: a target of slashes only, two bytes each. */
#define SYSTEM_USE_BYTES 9216u
#define SYSTEM_USE_ENTRIES 64u
#define SYSTEM_USE_TARGET_BYTES 4095u
#define SYSTEM_USE_OWN_BYTES 64u

struct system_use {
	unsigned n;			  /* entries */
	uint16_t end[SYSTEM_USE_ENTRIES]; /* where each ends in bytes[] */
	uint8_t bytes[SYSTEM_USE_BYTES];
	struct aaip_writer attributes; /* extended attributes, which come behind all entries */
	uint8_t components[AAIP_COMPONENTS_OF(XATTRS_BYTES_MAX) + AAIP_COMPONENTS_OF(SYSTEM_USE_OWN_BYTES)];
};

static inline unsigned system_use_start(const struct system_use *s, unsigned entry)
{
	return entry ? s->end[entry - 1] : 0;
}
static inline unsigned system_use_bytes(const struct system_use *s) { return s->n ? s->end[s->n - 1] : 0; }

/* A name's entries. */
void system_use_of_node(struct system_use *s, const struct manifest_node *node, const char *name);
/* Those of "." and ".."; of_volume: the root's ".", which announces SUSP (SP) and Rock Ridge (ER). */
enum dot { DOT_OF_VOLUME, DOT_OF_DIRECTORY };
void system_use_of_dots(struct system_use *s, const struct manifest_node *node, enum dot which);
/* Adds the entry that says where a directory's twin is. */
void system_use_add_twin(struct system_use *s, const struct twin *twin);
/* Adds the entry with the nanoseconds of its times: behind all others but attributes. */
void system_use_add_nanoseconds(struct system_use *s, const struct manifest_node *node);
/* Adds the extended attributes that the node has, and behind them a set of at most SYSTEM_USE_OWN_BYTES (0: none). */
void system_use_add_attributes(struct system_use *s, const struct manifest_node *node, const uint8_t *own,
			       uint32_t own_bytes);
/* The attributes become an entry as all others: they fit into a record. */
void system_use_close_attributes(struct system_use *s);
/*
 * Cuts an SL entry in two, so that the first has at most `room` bytes, and as many as can be: what a continuation
 * area has left is filled, whatever comes in which order (burner/format/bound.h counts on it).  false: it is none,
 * or not one byte
 * of a component fits; then nothing changed.
 */
bool system_use_cut_link(struct system_use *s, unsigned entry, unsigned room);
#endif
