/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * windows.h - what was read from a drive beyond what was asked for, kept for a while
 *
 *	windows_init -> windows_read [-> windows_ahead until it returns 0] …
 *	[windows_forget when the medium may be another one] -> windows_release
 *
 * What is worth reading ahead is only noted by windows_read(): whoever has asked need not wait for it.
 *
 * Threads: one call at a time.
 */
#ifndef BURNER_MEDIUM_WINDOWS_H
#define BURNER_MEDIUM_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_SECTORS 32u /* 64 KiB, at multiples of it: what libburn asks of a drive in one command */
#define WINDOWS 128u
#define WINDOWS_AT_ONCE 4u /* of a long stream, 256 KiB */
#define WINDOWS_HAD 32u
#define WINDOWS_AHEAD 3u /* due behind a read that goes on; of a long stream more */

/* Reads whole sectors or nothing: 0 or -errno, -EIO when a sector cannot be read. */
typedef int (*windows_source)(void *context, uint32_t lba, void *buf, uint32_t n_sectors);

/* Where a window may reach: sectors from first to before end can be read. */
struct windows_range {
	uint32_t first, end;
};

struct window {
	uint32_t lba;	/* a multiple of WINDOW_SECTORS */
	uint32_t valid; /* bit i: sector lba + i is there */
	uint32_t taken; /* bit i: somebody has had it */
	bool failed;	/* it cannot be read as a whole: what is asked for is read alone */
	uint64_t used;	/* the higher, the later; 0 never */
	uint8_t *buf;
};

struct windows {
	windows_source read;
	void *context;
	uint32_t position; /* behind the last sector that was asked of the source */
	/* reads that went on one behind the other, if not quite in order: from where, up to where, sectors so far */
	uint32_t stream_first, stream_lba, stream_sectors;
	uint32_t ahead_lba, ahead_windows;     /* worth reading: windows from there on */
	struct windows_range had[WINDOWS_HAD]; /* what long streams led through, the last of them; n_had in all */
	uint32_t n_had;
	uint8_t *several; /* room for WINDOWS_AT_ONCE, once they were read at once */
	uint64_t clock;
	struct window all[WINDOWS];
};

void windows_init(struct windows *w, windows_source read, void *context);
void windows_release(struct windows *w);
void windows_forget(struct windows *w);
/*
 * n_sectors sectors at lba, which lies in the range or behind its end; of what is behind, no sector is read that was
 * not asked for. -ENOMEM, or what the source says, with buf in any state.
 */
int windows_read(struct windows *w, const struct windows_range *range, uint32_t lba, void *buf, uint32_t n_sectors);
/* True: all of it was there, and the source was not asked. */
bool windows_take(struct windows *w, uint32_t lba, void *buf, uint32_t n_sectors);
/* Where reading ahead would go on: in which range it may is asked of the caller. False: nothing is due. */
bool windows_due(const struct windows *w, uint32_t *ret_lba);
/* Reads what is due and not there yet, once. How many windows; 0 when there was none, or it could not be read: that is
 * told to whoever asks for it. */
int windows_ahead(struct windows *w, const struct windows_range *range);
/* What is due is not read. */
void windows_stay(struct windows *w);
/* Who comes next is who is nearest above: where the drive stands, or what was read ahead of a long stream. */
uint32_t windows_turn(const struct windows *w);

#endif
