/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_libburn.h - what drive_recorder.c and drive_burning.c share of libburn
 */
#ifndef BURNER_MEDIUM_DRIVE_LIBBURN_H
#define BURNER_MEDIUM_DRIVE_LIBBURN_H

#include <sys/types.h>

#include <libburn/libburn.h>

#include "burner/medium/drive_recorder.h"

#define RECORDER_PAUSE_MS 100

struct recorder {
	struct burn_drive_info *infos; /* one drive; NULL: it is gone */
	struct burn_drive *drive;
	char *path;
	unsigned profile;		/* as last looked at */
	size_t n_tracks;		/* the same */
	const struct recorder_job *job; /* while it burns */
	struct burn_write_opts *options;
	struct burn_disc *disc;
	struct burn_session *session;
	struct burn_track *track;
	bool seen_once;	    /* grabbing has looked already */
	bool loads, loaded; /* it can close its tray; there was a disc in it, and so nothing to be loaded */
	bool reads_less;    /* of drive_scsi.c: not more than libburn at once */
	int read_fd;	    /* of drive_scsi.c; -1: not opened */
	char message[256];
};

void recorder_forget_messages(struct recorder *rec);
/* As a session will be written, since drives answer by write type. -EROFS: not on this medium. */
int recorder_options(struct recorder *rec, bool close_disc, struct burn_write_opts **ret);
void recorder_end_job(struct recorder *rec);
/* drive_scsi.c: as recorder_read(), without libburn. */
int recorder_read_raw(struct recorder *rec, uint32_t lba, void *buf, uint32_t n_sectors);

#endif
