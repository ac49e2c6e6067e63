/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reader.h - staged data as a commit reads it: small files lie side by side in a body, and are read many at once
 *
 * What a manifest names is not written again until its run is over (fs/stage/bodies.c: data of a frozen generation
 * never, and a position is given out once), so what was read of it stays true.  A dry run looks at the generation
 * that goes on, and reads anew each time: a new manifest has a new reader.
 *
 * A zeroed struct is ready.  One thread at a time.
 */
#ifndef FS_MANIFEST_READER_H
#define FS_MANIFEST_READER_H

#include "fs/stage/stage.h"

#define READER_WINDOWS 4u
struct body_reader {
	struct reader_window {
		uint64_t number; /* of the piece of the body */
		uint32_t body;
		uint32_t n_read; /* times that something was read from it */
		uint64_t used;	 /* when it was last */
		bool filled;
		uint8_t *bytes; /* NULL until it was filled once */
	} windows[READER_WINDOWS];
	uint64_t now;
	/* the last piece that was done with was worth reading whole: so may be the next one */
	bool dense;
};

/* As stage_body_read(). */
int body_reader_read(struct body_reader *r, struct stage *stage, uint32_t body, uint64_t pos, void *buf, size_t length);
void body_reader_release(struct body_reader *r);

#endif
