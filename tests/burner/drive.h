/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.h - the recorder: answers SCSI commands as MMC-6 describes, has a tray, a clock and faults
 *
 *	drive_new(log, &drive), drive_insert(drive, disc)
 *	drive_execute(drive, cdb, data, size, &reply)	for each command; the caller lets reply.delay_ns pass
 *							before it answers
 *
 * One thread.  Between two commands the control functions may be called.
 */
#ifndef TESTS_BURNER_DRIVE_H
#define TESTS_BURNER_DRIVE_H

#include <stdio.h>

#include "tests/burner/disc.h"
#include "tests/burner/fault.h"
#include "tests/burner/twist.h"

enum { STATUS_GOOD = 0x00, STATUS_CHECK_CONDITION = 0x02 };

struct reply {
	uint8_t status;
	uint8_t sense[SENSE_BYTES];
	size_t length; /* bytes put into the data buffer */
	int64_t delay_ns;
};

struct drive;

/* log may be NULL: a line for every command.  0 or -errno. */
int drive_new(FILE *log, struct drive **ret_drive);
void drive_free(struct drive *drive);
/* The drive owns the disc from then on; the tray is closed, what was in it is put away. */
void drive_insert(struct drive *drive, struct disc *disc);
/* By hand: no lock holds. */
void drive_open_tray(struct drive *drive);
void drive_close_tray(struct drive *drive);
/* The user presses the eject button. */
void drive_press_button(struct drive *drive);
void drive_set_timing(struct drive *drive, double scale);
/* Every operation that may return at once is in progress for so long, whatever the timing. */
void drive_set_long_operations(struct drive *drive, unsigned milliseconds);
struct faults *drive_faults(struct drive *drive);
struct twists *drive_twists(struct drive *drive);
/* From now on each session that is closed closes the disc. */
void drive_set_finalizing(struct drive *drive);
/* Whether a fault has cut the power: the device is gone for the host. */
bool drive_is_dead(const struct drive *drive);
void drive_save(struct drive *drive);
/* One line: tray, medium, state. */
void drive_describe(struct drive *drive, char *text, size_t size);

/* Whether the command brings data to the drive. */
bool drive_takes_data(const uint8_t *cdb);
/* data: what came with the command, of `size` bytes, or room for an answer. */
void drive_execute(struct drive *drive, const uint8_t *cdb, uint8_t *data, size_t size, struct reply *reply);
/* The operation code of a command by its name as the log has it ("WRITE(10)", "close track session"); -1 for none. */
int drive_opcode(const char *name);

#endif
