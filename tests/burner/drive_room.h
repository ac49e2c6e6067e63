/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_room.h - what the files of the drive share: its state, a command on its way, the commands by file
 */
#ifndef TESTS_BURNER_DRIVE_ROOM_H
#define TESTS_BURNER_DRIVE_ROOM_H

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "tests/burner/drive.h"
#include "tests/burner/timing.h"

enum {
	PAGE_5_BYTES = 52,
	MAX_CUES = 99,
	LEAD_IN = 4500,
	PRE_GAP = 150,
};

enum write_type { WRITE_PACKET, WRITE_TAO, WRITE_SAO, WRITE_RAW };

enum media_event { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIA, EVENT_REMOVAL };

/* SESSION AT ONCE on CD: what the cue sheet announced. */
struct cue {
	struct {
		int32_t start;
		uint8_t control;
	} tracks[MAX_CUES];
	int n, next;
	int32_t lead_out, position;
};

struct drive {
	struct disc *disc; /* in the tray, whether that is open or closed */
	bool tray_open, locked, dead;
	struct sense attention; /* pending unit attention */
	struct sense deferred;	/* an error of an earlier command, reported by the next */
	struct sense last;	/* for REQUEST SENSE */
	enum media_event event;
	uint8_t page_5[PAGE_5_BYTES]; /* write parameters */
	struct cue cue;
	struct timing timing;
	unsigned long_ms;	       /* least time of operations that return at once */
	int64_t busy_from, busy_until; /* an operation in progress */
	struct sense busy_sense;
	struct faults faults;
	struct twists twists;
	bool finalizes; /* each session closes the disc, whatever was asked for */
	FILE *log;
	int64_t born;
};

struct command {
	const uint8_t *cdb;
	uint8_t *data;
	size_t size;   /* of the data buffer */
	size_t length; /* of the answer */
	int64_t delay_ns;
	const struct fault *fault; /* that strikes while this command moves data */
};

static inline bool has_disc(const struct drive *d) { return d->disc && !d->tray_open; }
static inline enum write_type write_type(const struct drive *d) { return (enum write_type)(d->page_5[2] & 0x0f); }
static inline bool is_test_write(const struct drive *d) { return d->page_5[2] & 0x10; }
static inline bool keeps_disc_open(const struct drive *d) { return d->page_5[3] >> 6 == 3; }

/* Answers with the first `allocation` of `length` bytes. */
struct sense answer(struct command *c, const uint8_t *data, size_t length, size_t allocation);
/* The operation takes so long: the command waits for it, or with IMMED returns at once and what follows finds the
 * drive busy. */
void take_time(struct drive *d, struct command *c, int64_t time, bool immediate, struct sense busy);
/* An address as reserved byte, minute, second, frame, or as LBA. */
void put_address(uint8_t *p, int32_t lba, bool msf);
void medium_arrived(struct drive *d);
void reset_page_5(struct drive *d);

typedef struct sense command_function(struct drive *d, struct command *c);

/* drive_unit.c: the device and its tray */
command_function test_unit_ready, request_sense, inquiry, start_stop, prevent_allow, get_event_status, mechanism_status,
	do_nothing;
/* drive_features.c */
command_function get_configuration;
/* drive_mode.c */
command_function mode_sense, mode_select, get_performance, set_streaming, set_cd_speed, read_buffer_capacity;
/* drive_information.c */
command_function read_disc_information, read_track_information, read_capacity, read_format_capacities;
/* drive_toc.c */
command_function read_toc;
/* drive_structure.c */
command_function read_disc_structure;
/* drive_data.c */
command_function read_blocks, read_cd, write_blocks, verify_blocks, synchronize_cache;
/* drive_session.c */
command_function send_cue_sheet, reserve_track, close_track_session, blank, format_unit;

struct sense cue_write(struct drive *d, int32_t lba, const uint8_t *data, int32_t blocks);
struct sense cue_finish(struct drive *d);

#endif
