/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h - a table made record by record, read in pieces of any size
 */
#ifndef BURNER_SESSION_RECORD_H
#define BURNER_SESSION_RECORD_H

#include <string.h>

#include "burner/base/bytes.h"
#include "burner/format/path_table.h"

struct records {
	int (*next)(void *context, struct records *r); /* 1 and a record of n bytes, 0 behind the last, < 0 */
	void *context;
	unsigned at, n;			 /* of the record at hand */
	uint8_t record[PATH_RECORD_MAX]; /* the longest of all */
};

/* Zeros behind the last record. */
int records_read(struct records *r, uint8_t *buf, size_t bytes);

#endif
