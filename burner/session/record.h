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
static inline int records_read(struct records *r, uint8_t *buf, size_t bytes)
{
	while (bytes) {
		int more = 1;
		size_t n;

		if (r->at == r->n) {
			r->at = 0;
			more = r->next(r->context, r);
		}
		if (more < 0)
			return more;
		if (!more) {
			r->n = 0;
			memset(buf, 0, bytes);
			return 0;
		}
		n = min_u64(bytes, r->n - r->at);
		memcpy(buf, r->record + r->at, n);
		r->at += (unsigned)n;
		buf += n;
		bytes -= n;
	}
	return 0;
}

#endif
