/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sense.h - why a command failed: sense key, additional sense code and qualifier (SPC-4 4.5, MMC-6 annex F)
 *
 * A struct sense whose key is 0 means success.  The constants are the answers of real recorders.
 */
#ifndef TESTS_BURNER_SENSE_H
#define TESTS_BURNER_SENSE_H

#include <stdbool.h>
#include <stdint.h>

struct sense {
	uint8_t key, asc, ascq;
	bool has_lba, has_progress, deferred;
	int32_t lba;	   /* INFORMATION field: the first block that failed */
	uint16_t progress; /* of an operation, in 65536ths */
};

#define SENSES(X) \
	X(OK, 0x00, 0x00, 0x00) \
	X(BECOMING_READY, 0x02, 0x04, 0x01) \
	X(FORMAT_IN_PROGRESS, 0x02, 0x04, 0x04) \
	X(OPERATION_IN_PROGRESS, 0x02, 0x04, 0x07) \
	X(LONG_WRITE_IN_PROGRESS, 0x02, 0x04, 0x08) \
	X(NO_MEDIUM, 0x02, 0x3a, 0x01) \
	X(TRAY_OPEN, 0x02, 0x3a, 0x02) \
	X(WRITE_ERROR, 0x03, 0x0c, 0x00) \
	X(LOSS_OF_STREAMING, 0x03, 0x0c, 0x09) \
	X(UNREADABLE, 0x03, 0x11, 0x05) \
	X(SESSION_FIXATION, 0x03, 0x72, 0x00) \
	X(BAD_LENGTH, 0x05, 0x1a, 0x00) \
	X(BAD_OPCODE, 0x05, 0x20, 0x00) \
	X(OUT_OF_RANGE, 0x05, 0x21, 0x00) \
	X(BAD_WRITE_ADDRESS, 0x05, 0x21, 0x02) \
	X(BAD_FIELD_IN_CDB, 0x05, 0x24, 0x00) \
	X(BAD_FIELD_IN_LIST, 0x05, 0x26, 0x00) \
	X(SEQUENCE_ERROR, 0x05, 0x2c, 0x00) \
	X(CANNOT_FORMAT, 0x05, 0x30, 0x06) \
	X(INCOMPATIBLE_FORMAT, 0x05, 0x30, 0x05) \
	X(NOT_FORMATTED, 0x05, 0x30, 0x10) \
	X(NO_SAVED_VALUES, 0x05, 0x39, 0x00) \
	X(REMOVAL_PREVENTED, 0x05, 0x53, 0x02) \
	X(END_OF_TRACK, 0x05, 0x63, 0x00) \
	X(ILLEGAL_TRACK_MODE, 0x05, 0x64, 0x00) \
	X(OPEN_RESERVED_TRACK, 0x05, 0x72, 0x04) \
	X(NO_MORE_RESERVATIONS, 0x05, 0x72, 0x05) \
	X(MEDIUM_CHANGED, 0x06, 0x28, 0x00) \
	X(POWER_ON, 0x06, 0x29, 0x00) \
	X(WRITE_PROTECTED, 0x07, 0x27, 0x00) \
	X(BLANK_CHECK, 0x08, 0x64, 0x00) \
	X(COMMUNICATION_FAILURE, 0x0b, 0x08, 0x00) \
	X(MISCOMPARE, 0x0e, 0x1d, 0x00)

#define SENSE_EXTERN(name, k, a, q) extern const struct sense SENSE_##name;
SENSES(SENSE_EXTERN)
#undef SENSE_EXTERN

/* The constant's name for the log, or "". */
const char *sense_name(struct sense sense);
struct sense sense_at(struct sense sense, int32_t lba);

enum { SENSE_BYTES = 18 };
/* Fixed format sense data. */
void sense_encode(struct sense sense, uint8_t data[SENSE_BYTES]);

#endif
