/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drives.h - which drives this machine has, and what is in each, without opening a disc
 *
 * drives_list() -> drives_free().  The kernel's own list is asked, so that a drive is there too which we may not open,
 * or which somebody has.  A drive that is in use is not asked; any other tells what it knows by itself: no sector is
 * read and no command is given that makes the disc turn.  Each is asked by a process of its own, all at the same time,
 * for DRIVES_WAIT_MS at most: a drive that hangs keeps nobody waiting.
 *
 * Threads: one, and no other may run (it forks).
 */
#ifndef CDAPPENDFS_DRIVES_H
#define CDAPPENDFS_DRIVES_H

#include <stdbool.h>
#include <stddef.h>

#define DRIVES_WAIT_MS 5000

enum drive_tray { DRIVE_TRAY_UNKNOWN, DRIVE_TRAY_OPEN, DRIVE_NO_DISC, DRIVE_NOT_READY, DRIVE_DISC };
enum drive_disc { DRIVE_DISC_UNKNOWN, DRIVE_DISC_BLANK, DRIVE_DISC_APPENDABLE, DRIVE_DISC_COMPLETE };

struct seen_drive {
	char path[32];
	char model[32]; /* vendor and product, as the drive tells them; "" not known */
	int error;	/* why it was not asked, or did not answer (-ETIMEDOUT); then all below is unknown */
	bool writes_cd, writes_dvd, writes_bd;
	enum drive_tray tray;
	/* of the disc in it; "" not known */
	char medium[32];
	enum drive_disc disc;
	bool overwritable; /* so it can take another session, whatever `disc` says */
};

/* in_use(path): nobody else is to ask it, for it is ours.  -EIO: the kernel's list cannot be read. */
int drives_list(bool (*in_use)(void *context, const char *path), void *context, struct seen_drive **ret, size_t *ret_n);
void drives_free(struct seen_drive *drives);

/* burner/medium/drives.c, for a test: the names in the kernel's list (/proc/sys/dev/cdrom/info).  -ENOMEM. */
int drives_names(const char *table, struct seen_drive **ret, size_t *ret_n);

#endif
