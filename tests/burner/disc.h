/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc.h - one disc: an image file and, beside it, what is recorded where
 *
 *	disc_open(path, medium, capacity, &disc)
 *	disc_write … disc_read … disc_close_track … disc_close_session	(or disc_format for what is overwritable)
 *	disc_free(disc)
 *
 * IMAGE holds 2,048 bytes of every block at LBA * 2048.  IMAGE.toc is text: medium, tracks, closed sessions, format.
 * A disc so outlives the drive; disc_save writes the text, which happens at each change of state, not at each block.
 * Everything is done by one thread.  The result is the sense that a drive answers; a struct sense with key 0 is
 * success.
 */
#ifndef TESTS_BURNER_DISC_H
#define TESTS_BURNER_DISC_H

#include "tests/burner/medium.h"
#include "tests/burner/sense.h"

enum {
	BLOCK_BYTES = 2048,
	MAX_TRACKS = 1000,
	MSF_OFFSET = 150, /* LBA 0 is at 00:02:00 */
};

struct track {
	int session; /* counted from 1 */
	int32_t start;
	int32_t end;	  /* first block after what is written; the next writable address while it is open */
	int32_t reserved; /* size from RESERVE TRACK, 0 for a track that ends where the writing ends */
	int32_t run_out;  /* unreadable blocks at the end, counted in `end` */
	uint8_t control;  /* Q sub-channel control bits: 4 is data */
	bool closed, damaged;
	bool at_once; /* recorded without interruption (SAO, DAO) */
};

struct session {
	int first_track, last_track; /* counted from 1 */
	int32_t lead_out;
};

/* as READ DISC INFORMATION has it */
enum background { FORMAT_NONE, FORMAT_SUSPENDED, FORMAT_RUNNING, FORMAT_COMPLETE };

struct disc {
	const struct medium *medium;
	int fd;
	char *state_path;
	int32_t capacity;
	/* sequential recording */
	struct track tracks[MAX_TRACKS];
	int n_tracks;
	struct session sessions[MAX_TRACKS];
	int n_sessions; /* closed ones */
	bool finalized;
	bool fast_blanked; /* DVD-RW: only recording at once is possible */
	/* overwriting */
	bool restricted;   /* DVD-RW formatted for restricted overwrite */
	bool intermediate; /* and its session not closed since it grew */
	enum background background;
	int32_t formatted; /* first block behind the formatted area; BD-R: what the format gives to data */
	struct undo *undo; /* the write cache that a power cut loses */
};

/* capacity 0: the medium's.  A state that is already beside the image wins over `medium`, which may then be NULL.  0
 * or -errno. */
int disc_open(const char *path, const struct medium *medium, int32_t capacity, struct disc **ret_disc);
/* Saves, closes; NULL is allowed. */
void disc_free(struct disc *disc);
void disc_save(struct disc *disc);

enum profile disc_profile(const struct disc *disc);
/* Whether blocks can be written in any order at present. */
bool disc_is_overwritable(const struct disc *disc);
bool disc_is_blank(const struct disc *disc);
/* First block that has no data for a reader who does not know of open sessions; 0 when there is none. */
int32_t disc_readable_end(const struct disc *disc);

/* Both families.  A write of several blocks is done whole or not at all. */
struct sense disc_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks, uint8_t control);
struct sense disc_read(const struct disc *disc, int32_t lba, uint8_t *data, int32_t blocks);
/* The cache is on the disc: a started packet is filled. */
struct sense disc_flush(struct disc *disc);
/* The image's bytes, without asking whether the medium would take them. */
struct sense disc_put(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks);

/* The last `blocks` written since the last flush are not on the disc, as after a power cut; needs disc_keep_undo
 * before. */
int disc_keep_undo(struct disc *disc);
void disc_lose(struct disc *disc, int32_t blocks);

/* ---- sequential recording (sequential.c) ---- */
/* Tracks after the last closed session. */
int disc_pending_tracks(const struct disc *disc);
/* The open track that is not reserved, or NULL. */
struct track *disc_open_track(struct disc *disc);
/* Where the next track will start. */
int32_t disc_next_start(const struct disc *disc);
/* Whether a track that is not there yet can be begun. */
bool disc_has_next_track(const struct disc *disc);
struct sense disc_begin_track(struct disc *disc, uint8_t control, int32_t start);
struct sense disc_reserve(struct disc *disc, int32_t blocks, uint8_t control);
/* number 0: the open one. */
struct sense disc_close_track(struct disc *disc, int number, int32_t run_out);
struct sense disc_close_session(struct disc *disc, bool more_to_come);
/* The track can be written no more, only closed (CD), or goes on at its end (others). */
void disc_damage(struct disc *disc);
void disc_drop_pending(struct disc *disc);
struct sense disc_blank(struct disc *disc, bool fast);
/* For disc_write, disc_read and disc_flush. */
struct sense sequential_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks, uint8_t control);
struct sense sequential_readable(const struct disc *disc, int32_t lba);
struct sense sequential_flush(struct disc *disc);

/* ---- overwriting (overwrite.c) ---- */
/* FORMAT UNIT with one descriptor: its format type and sub-type, its block count; restart: DVD+RW goes on where it
 * stopped. */
struct sense disc_format(struct disc *disc, unsigned type, unsigned subtype, int32_t blocks, bool restart);
/* The capacity that a format of this type can reach, 0 when the medium does not know it. */
int32_t disc_format_capacity(const struct disc *disc, unsigned type);
struct sense disc_stop_background(struct disc *disc);
struct sense overwrite_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks);
struct sense overwrite_readable(const struct disc *disc, int32_t lba);
struct sense overwrite_close(struct disc *disc);

#endif
