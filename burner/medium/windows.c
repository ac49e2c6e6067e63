/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * windows.c - reading a drive by windows
 *
 * A seek costs as much as some hundred sectors, so a small read fetches the whole window that it lies in, backwards
 * too: files of a directory lie side by side, in another order than programs come for them.  Behind a read that goes
 * on where the drive stands, or behind a window that is there, three windows more are due; behind one of a long
 * stream of reads as many as keep the drive at its pace.  The requests of one such reader come by several threads and
 * not quite in order: what a request leaves out of a long stream is read on the way.  What a large read covers goes
 * to the caller alone and is not read ahead again, and a window of which one, or a long stream, has taken all is the
 * next to be given up, so that neither pushes the others out.
 *
 * A window with a bad sector is tried once.  From then on its sectors are read as they are asked for, so that the bad
 * one harms nobody but its file; those that were read are kept.
 */
#include "burner/medium/windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"

#define STREAM_SECTORS 128u /* a stream is long from there on … */
#define STREAM_WINDOWS 4u   /* … and this much of it is read ahead at most, 256 KiB */
#define STREAM_SLACK 1024u  /* what the kernel asks for ahead of one reader, 2 MiB */

void windows_init(struct windows *w, windows_source read, void *context)
{
	memset(w, 0, sizeof(*w));
	w->read = read;
	w->context = context;
	w->position = UINT32_MAX;
}

void windows_forget(struct windows *w)
{
	for (size_t i = 0; i < WINDOWS; i++) {
		w->all[i].valid = 0;
		w->all[i].failed = false;
		w->all[i].used = 0;
	}
	windows_stay(w);
	w->stream_sectors = w->n_had = 0;
}

void windows_release(struct windows *w)
{
	for (size_t i = 0; i < WINDOWS; i++)
		free(w->all[i].buf);
	free(w->several);
	memset(w, 0, sizeof(*w));
}

static int ask(struct windows *w, uint32_t lba, uint8_t *buf, uint32_t n)
{
	w->position = lba + n;
	return w->read(w->context, lba, buf, n);
}

static uint32_t start_of(uint32_t lba) { return lba - lba % WINDOW_SECTORS; }

/* The part of the window at `start` that lies in the range; empty when none does. */
static struct windows_range part_of(const struct windows_range *range, uint32_t start)
{
	struct windows_range part = {.first = start > range->first ? start : range->first};
	uint64_t end = min_u64((uint64_t)start + WINDOW_SECTORS, range->end);

	part.end = end > part.first ? (uint32_t)end : part.first;
	return part;
}

/* n may be WINDOW_SECTORS. */
static uint32_t bits(const struct window *v, uint32_t lba, uint32_t n)
{
	return (uint32_t)(((1ull << n) - 1) << (lba - v->lba));
}

static bool has(const struct window *v, uint32_t lba, uint32_t n) { return (bits(v, lba, n) & ~v->valid) == 0; }

static uint8_t *sector_in(const struct window *v, uint32_t lba)
{
	return v->buf + (size_t)(lba - v->lba) * SECTOR_BYTES;
}

static struct window *find(struct windows *w, uint32_t start)
{
	for (size_t i = 0; i < WINDOWS; i++)
		if (w->all[i].used && w->all[i].lba == start)
			return &w->all[i];
	return NULL;
}

/* A new one, in place of the one that was not used for the longest time. */
static struct window *claim(struct windows *w, uint32_t start)
{
	struct window *oldest = &w->all[0];

	for (size_t i = 0; i < WINDOWS; i++)
		if (w->all[i].used < oldest->used)
			oldest = &w->all[i];
	if (!oldest->buf && !(oldest->buf = malloc((size_t)WINDOW_SECTORS * SECTOR_BYTES)))
		return NULL;
	oldest->lba = start;
	oldest->valid = oldest->taken = 0;
	oldest->failed = false;
	oldest->used = ++w->clock;
	return oldest;
}

static int load(struct windows *w, struct window *v, uint32_t lba, uint32_t n)
{
	int r = ask(w, lba, sector_in(v, lba), n);

	if (r == 0)
		v->valid |= bits(v, lba, n);
	return r;
}

/* What is missing of a window that failed as a whole. */
static int load_missing(struct windows *w, struct window *v, uint32_t lba, uint32_t n)
{
	int r = 0;

	for (uint32_t end = lba + n, next; r == 0 && lba < end; lba = next) {
		bool there = has(v, lba, 1);

		for (next = lba + 1; next < end && has(v, next, 1) == there; next++)
			;
		if (!there)
			r = load(w, v, lba, next - lba);
	}
	return r;
}

/* Does a read of this part go on with what was read before? */
static bool goes_on(struct windows *w, struct windows_range part)
{
	const struct window *before =
		part.first >= WINDOW_SECTORS ? find(w, start_of(part.first) - WINDOW_SECTORS) : NULL;

	return part.first == w->position || (before && has(before, before->lba + WINDOW_SECTORS - 1, 1));
}

/* ---- ahead ---- */

static void note_end(struct windows *w)
{
	if (w->stream_sectors >= STREAM_SECTORS)
		w->had[w->n_had++ % WINDOWS_HAD] = (struct windows_range){w->stream_first, w->stream_lba};
}

static bool was_had(const struct windows *w, uint32_t lba)
{
	for (uint32_t i = 0; i < min_u64(w->n_had, WINDOWS_HAD); i++)
		if (lba >= w->had[i].first && lba < w->had[i].end)
			return true;
	return false;
}

/* True: it leads further than all before.  Small reads make no stream: they are of small files and directories. */
static bool note_stream(struct windows *w, uint32_t lba, uint32_t n)
{
	uint32_t end = lba + n;
	bool leads;

	if (n < WINDOW_SECTORS)
		return false;
	if (lba > (uint64_t)w->stream_lba + STREAM_SLACK || (uint64_t)lba + STREAM_SLACK < w->stream_lba) {
		note_end(w);
		w->stream_first = w->stream_lba = lba;
		w->stream_sectors = 0;
	}
	leads = end > w->stream_lba;
	if (leads)
		w->stream_lba = end;
	w->stream_sectors += n;
	return leads;
}

/* Of what it leads through, at least half was asked for. */
static bool is_long(const struct windows *w)
{
	return w->stream_sectors >= STREAM_SECTORS && w->stream_sectors >= (w->stream_lba - w->stream_first) / 2;
}

static void expect(struct windows *w, uint32_t start)
{
	uint32_t grown = w->stream_sectors / WINDOW_SECTORS / 2;

	if (start > UINT32_MAX - (STREAM_WINDOWS + 1) * WINDOW_SECTORS)
		return;
	w->ahead_lba = start + WINDOW_SECTORS;
	w->ahead_windows = WINDOWS_AHEAD;
	if (!is_long(w))
		return;
	/* from where the furthest of its requests ended */
	w->ahead_lba = start_of(w->stream_lba + WINDOW_SECTORS - 1);
	w->ahead_windows = (uint32_t)min_u64(max_u64(grown, WINDOWS_AHEAD), STREAM_WINDOWS);
}

void windows_stay(struct windows *w) { w->ahead_windows = 0; }

uint32_t windows_turn(const struct windows *w)
{
	uint32_t back = 2 * STREAM_SLACK;

	if (!is_long(w) || w->position < w->stream_first || w->position > (uint64_t)w->stream_lba + back)
		return w->position;
	return w->position - (uint32_t)min_u64(back, w->position - w->stream_first);
}

bool windows_due(const struct windows *w, uint32_t *ret_lba)
{
	*ret_lba = w->ahead_lba;
	return w->ahead_windows > 0;
}

/* Whole windows from `start` on that are not there, WINDOWS_AT_ONCE at most; of a stream that is not long one. */
static uint32_t missing_at(struct windows *w, const struct windows_range *range, uint32_t start, uint64_t before)
{
	uint32_t n = 0, most = is_long(w) ? WINDOWS_AT_ONCE : 1;

	while (n < most && start >= range->first && start + (uint64_t)WINDOW_SECTORS <= range->end && start < before &&
	       !find(w, start) && !was_had(w, start)) {
		start += WINDOW_SECTORS;
		n++;
	}
	return n;
}

/* n windows by one command. */
static int load_several(struct windows *w, uint32_t start, uint32_t n)
{
	int r;

	if (!w->several && !(w->several = malloc((size_t)WINDOWS_AT_ONCE * WINDOW_SECTORS * SECTOR_BYTES)))
		return -ENOMEM;
	r = ask(w, start, w->several, n * WINDOW_SECTORS);
	for (uint32_t i = 0; r == 0 && i < n; i++) {
		struct window *v = claim(w, start + i * WINDOW_SECTORS);

		if (!v)
			return -ENOMEM;
		memcpy(v->buf, w->several + (size_t)i * WINDOW_SECTORS * SECTOR_BYTES,
		       (size_t)WINDOW_SECTORS * SECTOR_BYTES);
		v->valid = UINT32_MAX;
	}
	return r;
}

/* One window or several, from one that is not there on; how many, 0: it could not be read, which is told to whoever
 * asks for it. */
static uint32_t load_from(struct windows *w, const struct windows_range *range, uint32_t start, uint64_t before)
{
	struct windows_range part = part_of(range, start);
	uint32_t n = missing_at(w, range, start, before);
	struct window *v;

	if (n > 1 && load_several(w, start, n) == 0)
		return n;
	if (part.first == part.end || !(v = claim(w, start)))
		return 0;
	v->failed = load(w, v, part.first, part.end - part.first) < 0;
	return !v->failed;
}

int windows_ahead(struct windows *w, const struct windows_range *range)
{
	while (is_long(w) && w->ahead_windows > 0 && find(w, w->ahead_lba)) {
		w->ahead_windows--;
		w->ahead_lba += WINDOW_SECTORS;
	}
	if (w->ahead_windows > 0 && !find(w, w->ahead_lba) && !was_had(w, w->ahead_lba)) {
		uint64_t end = w->ahead_lba + (uint64_t)w->ahead_windows * WINDOW_SECTORS;
		uint32_t n = load_from(w, range, w->ahead_lba, end);

		w->ahead_windows -= n;
		w->ahead_lba += n * WINDOW_SECTORS;
		if (n > 0)
			return (int)n;
	}
	windows_stay(w);
	return 0;
}

/* ---- reading ---- */

static void copy_out(struct windows *w, struct window *v, uint32_t lba, uint8_t *to, uint32_t n)
{
	memcpy(to, sector_in(v, lba), (size_t)n * SECTOR_BYTES);
	v->taken |= bits(v, lba, n);
	/* the oldest, or the youngest */
	v->used = n == WINDOW_SECTORS || (is_long(w) && (v->valid & ~v->taken) == 0) ? 1 : ++w->clock;
}

static int read_through(struct windows *w, struct windows_range part, uint32_t lba, uint8_t *buf, uint32_t n)
{
	struct window *v = find(w, start_of(lba));
	bool ahead = false;
	int r = 0;

	if (!v && !(v = claim(w, start_of(lba))))
		return -ENOMEM;
	v->used = ++w->clock;
	if (!has(v, lba, n) && !v->failed) {
		ahead = goes_on(w, part);
		r = load(w, v, part.first, part.end - part.first);
		v->failed = r == -EIO;
	}
	if (v->failed)
		r = load_missing(w, v, lba, n);
	if (r < 0)
		return r;
	copy_out(w, v, lba, buf, n);
	if (ahead && !v->failed)
		expect(w, v->lba);
	return 0;
}

/* How many sectors from lba on lie in its window, n at most. */
static uint32_t in_window(uint32_t lba, uint32_t n)
{
	return (uint32_t)min_u64(n, start_of(lba) + WINDOW_SECTORS - lba);
}

bool windows_take(struct windows *w, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;
	bool leads;

	for (uint32_t done = 0, n; done < n_sectors; done += n) {
		const struct window *v = find(w, start_of(lba + done));

		n = in_window(lba + done, n_sectors - done);
		if (!v || !has(v, lba + done, n))
			return false;
	}
	leads = note_stream(w, lba, n_sectors) && is_long(w);
	for (uint32_t n; n_sectors > 0; lba += n, n_sectors -= n, to += (size_t)n * SECTOR_BYTES) {
		n = in_window(lba, n_sectors);
		copy_out(w, find(w, start_of(lba)), lba, to, n);
	}
	if (leads)
		expect(w, start_of(lba - 1));
	return true;
}

/* Up to the window of lba. What goes wrong is told to whoever asks for it. */
static void read_on_the_way(struct windows *w, const struct windows_range *range, uint32_t from, uint32_t lba)
{
	for (uint32_t start = start_of(from), n; start < start_of(lba); start += n * WINDOW_SECTORS) {
		n = find(w, start) ? 1 : load_from(w, range, start, start_of(lba));
		if (n == 0)
			return;
	}
}

/* Whole windows that are not there, past the windows; of a long stream several by one command. */
static int read_whole(struct windows *w, const struct windows_range *range, uint32_t lba, uint8_t *buf,
		      uint32_t n_sectors, uint32_t *ret_done)
{
	uint32_t n = missing_at(w, range, lba, lba + (uint64_t)n_sectors - n_sectors % WINDOW_SECTORS);

	*ret_done = n * WINDOW_SECTORS;
	if (n > 1 && ask(w, lba, buf, *ret_done) == 0)
		return 0;
	*ret_done = WINDOW_SECTORS;
	return ask(w, lba, buf, WINDOW_SECTORS);
}

int windows_read(struct windows *w, const struct windows_range *range, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint32_t before = w->stream_lba;
	uint8_t *to = buf;
	bool leads;

	windows_stay(w);
	leads = note_stream(w, lba, n_sectors) && is_long(w);
	if (leads && lba > before && before >= w->stream_first && before >= range->first)
		read_on_the_way(w, range, before, lba);
	while (n_sectors > 0) {
		struct windows_range part = part_of(range, start_of(lba));
		uint32_t n = n_sectors;
		int r;

		if (lba < part.end)
			n = (uint32_t)min_u64(n_sectors, part.end - lba);
		if (lba >= part.end)
			r = ask(w, lba, to, n);
		else if (n == WINDOW_SECTORS && !find(w, lba))
			r = read_whole(w, range, lba, to, n_sectors, &n);
		else
			r = read_through(w, part, lba, to, n);
		if (r < 0)
			return r;
		lba += n;
		to += (size_t)n * SECTOR_BYTES;
		n_sectors -= n;
	}
	if (leads)
		expect(w, start_of(lba - 1));
	return 0;
}
