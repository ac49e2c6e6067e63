/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/manifest/reader.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (64u << 10)
#define SMALL_BYTES (4u << 10) /* what is longer is read by itself: the call costs less than its bytes */
/* reads from a piece before all of it is read: among large files it would be for nothing */
#define ALONE_MAX 4u
#define DENSE_MIN 12u /* reads from a piece that was worth it */

static struct reader_window *find_window(struct body_reader *r, uint32_t body, uint64_t number)
{
	struct reader_window *oldest = &r->windows[0];

	for (unsigned i = 0; i < READER_WINDOWS; i++) {
		struct reader_window *w = &r->windows[i];

		if (w->used && w->body == body && w->number == number)
			return w;
		if (w->used < oldest->used)
			oldest = w;
	}
	if (oldest->used)
		r->dense = oldest->n_read >= DENSE_MIN;
	oldest->body = body;
	oldest->number = number;
	oldest->n_read = 0;
	oldest->filled = false;
	return oldest;
}

/* False: not worth it, or not to be had; the read itself tells why. */
static bool fill_window(struct body_reader *r, struct reader_window *w, struct stage *stage)
{
	w->n_read++;
	if (w->filled || (w->n_read <= ALONE_MAX && !r->dense))
		return w->filled;
	if (!w->bytes)
		w->bytes = malloc(WINDOW_BYTES);
	w->filled = w->bytes && stage_body_read(stage, w->body, w->number * WINDOW_BYTES, w->bytes, WINDOW_BYTES) == 0;
	if (!w->filled) { /* what cannot be read is not tried again with each file beside it */
		w->n_read = 0;
		r->dense = false;
	}
	return w->filled;
}

int body_reader_read(struct body_reader *r, struct stage *stage, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	uint64_t number = pos / WINDOW_BYTES;
	struct reader_window *w;

	if (length > SMALL_BYTES || pos % WINDOW_BYTES + length > WINDOW_BYTES)
		return stage_body_read(stage, body, pos, buf, length);
	w = find_window(r, body, number);
	w->used = ++r->now;
	if (!fill_window(r, w, stage))
		return stage_body_read(stage, body, pos, buf, length);
	memcpy(buf, w->bytes + pos % WINDOW_BYTES, length);
	return 0;
}

void body_reader_release(struct body_reader *r)
{
	for (unsigned i = 0; i < READER_WINDOWS; i++)
		free(r->windows[i].bytes);
}
