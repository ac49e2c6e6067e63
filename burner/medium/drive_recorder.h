/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_recorder.h - a drive with a disc in it, as libburn sees it
 *
 *	recorder_open -> recorder_look -> recorder_read …
 *	recorder_format (when medium.unformatted) -> recorder_precheck -> recorder_burn -> recorder_is_busy until
 *	it is not -> recorder_burned_well -> recorder_look [-> recorder_write, on overwritable media]
 *	-> recorder_close
 *
 * drive_recorder.c and drive_burning.c alone see libburn. From recorder_open to recorder_close the device is held
 * (O_EXCL) and the tray locked. Threads: one call at a time. While recorder_is_busy() no other call but that one and
 * recorder_message; libburn burns in a thread of its own, which calls the source. Errors as in cdappendfs/disc.h;
 * -ENODEV: the device is gone (unplugged, switched off); recorder_look takes it again when it is back.
 */
#ifndef BURNER_MEDIUM_DRIVE_RECORDER_H
#define BURNER_MEDIUM_DRIVE_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MMC-6 5.3.1: profiles. */
enum recorder_profile {
	PROFILE_CD_ROM = 0x08,
	PROFILE_CD_R = 0x09,
	PROFILE_CD_RW = 0x0a,
	PROFILE_DVD_ROM = 0x10,
	PROFILE_DVD_R = 0x11,
	PROFILE_DVD_RAM = 0x12,
	PROFILE_DVD_RW_OVERWRITE = 0x13,
	PROFILE_DVD_RW = 0x14,
	PROFILE_DVD_R_DL = 0x15,
	PROFILE_DVD_R_DL_JUMP = 0x16,
	PROFILE_DVD_PLUS_RW = 0x1a,
	PROFILE_DVD_PLUS_R = 0x1b,
	PROFILE_DVD_PLUS_R_DL = 0x2b,
	PROFILE_BD_ROM = 0x40,
	PROFILE_BD_R = 0x41,
	PROFILE_BD_R_RANDOM = 0x42,
	PROFILE_BD_RE = 0x43
};

enum recorder_status { RECORDER_BLANK, RECORDER_APPENDABLE, RECORDER_CLOSED };

/* A track of a closed session; of an overwritable medium the whole formatted area. */
struct recorder_track {
	uint32_t session;	     /* from 1 */
	uint32_t start_lba, sectors; /* sectors: up to the lead-out or the next track, run-out blocks included */
	uint32_t room;		     /* at least sectors: more than these cannot be its own */
	bool data;
};

struct recorder_medium {
	enum recorder_status status; /* overwritable: RECORDER_APPENDABLE, whatever is on it */
	unsigned profile;
	bool overwritable; /* sectors in any order, no sessions known to the drive */
	bool unformatted;  /* overwritable, but not yet: recorder_format first */
	bool multi;	   /* the drive can make sessions on it that others follow */
	/* of the next track as we write it; 0 when closed, and when overwritable */
	uint32_t next_lba, free_sectors;
	uint32_t capacity_sectors;     /* overwritable: all of it, once it is formatted; else 0 */
	uint32_t atip_sectors;	       /* CD-R and CD-RW: what the blank disc was said to hold; 0 unknown */
	bool interrupted;	       /* a track is open that a burn left behind: recorder_close_track */
	bool no_address;	       /* perhaps that, or it is full: the drive names no next writable address */
	const char *untold;	       /* NULL, or what the drive did not say, so that nothing may be appended */
	char id[80];		       /* of the medium's maker; may be empty */
	struct recorder_track *tracks; /* ascending */
	size_t n_tracks;
};
void recorder_medium_release(struct recorder_medium *m);

struct recorder;
/* -EBUSY: held by another program. *ret_why: static text or NULL. */
int recorder_open(const char *path, struct recorder **ret, const char **ret_why);
void recorder_close(struct recorder *rec);
/* The drive can close its tray. */
bool recorder_loads(const struct recorder *rec);
/* The medium as it is now, asked of the drive. -ENOMEDIUM; -EMEDIUMTYPE the drive cannot use it; -ENODEV. */
int recorder_look(struct recorder *rec, struct recorder_medium *ret);
/* libburn has let go of the device, since it did not take commands any more. */
bool recorder_gone(const struct recorder *rec);
/* By one question to the kernel: 0, or it says that there is no disc (-ENOMEDIUM), no device (-ENODEV). */
int recorder_is_there(const struct recorder *rec);
/* Whole sectors of data tracks; -EIO, -ENODEV. The drive's own retries only. */
int recorder_read(struct recorder *rec, uint32_t lba, void *buf, uint32_t n_sectors);
/* The last complaint of libburn or the drive; "" none. */
const char *recorder_message(struct recorder *rec);

/* ---- drive_burning.c ---- */

struct recorder_job {
	/* overwritable media: where it goes, a multiple of 32; others continue where they end */
	uint32_t start_lba;
	uint32_t tail_sectors; /* zeros written behind the data */
	bool close_disc;       /* no further session */
	double speed;	       /* times the medium's single speed; 0: the fastest */
	/* From libburn's thread: fills buf (bytes: one sector) and returns bytes, or 0 at the end of the data, or
	 * < 0 */
	int (*read)(void *context, void *buf, int bytes);
	void *context;
};
/* Formats what is unformatted, and waits for it. A DVD+RW formats while it is burned: nothing to do. -EIO. */
int recorder_format(struct recorder *rec);
/* Would libburn and the drive take such a session? -EIO no: recorder_message says why. */
int recorder_precheck(struct recorder *rec, const struct recorder_job *job);
/* Starts one track and closes the session behind it, whatever happens. The job is the caller's until
 * recorder_is_busy() says no. */
int recorder_burn(struct recorder *rec, const struct recorder_job *job);
bool recorder_is_busy(struct recorder *rec);
/* How the burn ended: 0, -EIO, -ENODEV. */
int recorder_burned_well(struct recorder *rec);
/* Overwritable media: sectors (a multiple of 16, at a multiple of 16) that are on the medium when it returns 0. -EIO,
 * -ENODEV. */
int recorder_write(struct recorder *rec, uint32_t lba, const void *buf, uint32_t n_sectors);
/* Ends what an interrupted burn left open, as a session that can be followed. */
int recorder_close_track(struct recorder *rec);

#endif
