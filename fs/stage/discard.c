/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving space back.
 *
 * A discarded range waits in `queued` until a commit, in `committing` until that commit is durable (then no durable
 * row names it), and in `ready` while a frozen generation may still read it.  What leaves `ready` is punched out of
 * its file: whole pages, with neighbouring ranges merged; of a page whose two 2048-byte blocks die at different times
 * the first is remembered in `halves`. The range (0, UINT64_MAX) is the whole body: its file goes, when nobody waits
 * for the mutex.
 *
 * Positions of segments are used once, so a hole can be punched at any time.  A position of a sparse body may be
 * written again: then it leaves the lists first (stage_discards_cancel), and sparse bodies are punched under the
 * mutex. What a crash forgets is found by stage_collect(), body by body.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define ABOUT_ROW_BYTES 256u /* of a staged name or node in the next session */
#define PAGE_BYTES 4096u
#define WHOLE UINT64_MAX
#define RECLAIM_BELOW_BYTES (64u << 20)

static int list_reserve(struct discards *l, size_t more)
{
	struct discard *items;
	size_t capacity = l->capacity ? l->capacity : 64;

	while (capacity < l->n + more)
		capacity *= 2;
	if (capacity == l->capacity)
		return 0;
	items = realloc(l->items, capacity * sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->capacity = capacity;
	return 0;
}

static void list_clear(struct discards *l)
{
	free(l->items);
	*l = (struct discards){0};
}

/* Out of memory: the space comes back with its body. */
void stage_discards_commit_locked(struct stage *s, struct discards *from, struct discards *to)
{
	lock_assert(&s->lock);
	if (!to->n) {
		struct discards swap = *to;

		*to = *from;
		*from = swap;
	} else if (from->n && !list_reserve(to, from->n)) {
		memcpy(to->items + to->n, from->items, from->n * sizeof(*from->items));
		to->n += from->n;
	}
	from->n = 0;
}

static void queue_locked(struct stage *s, struct body *b, uint64_t pos, uint64_t length)
{
	lock_assert(&s->lock);
	struct discards *l = &s->queued;
	struct discard *last = l->n ? &l->items[l->n - 1] : NULL;

	if (last && last->body == b->number && last->length != WHOLE && length != WHOLE &&
	    last->pos + last->length == pos) {
		last->length += length;
	} else if (!list_reserve(l, 1)) {
		l->items[l->n++] = (struct discard){pos, length, b->number};
		b->discards++;
	}
}

void stage_body_discard(struct stage *s, uint32_t body, uint64_t pos, uint64_t length)
{
	struct body *b;

	if (!length || s->read_only || (length == WHOLE && pos) ||
	    (length != WHOLE && pos > INT64_MAX - min_u64(length, INT64_MAX)))
		return;
	stage_lock(s);
	b = stage_body_find(s, body);
	if (b)
		queue_locked(s, b, pos, length);
	stage_unlock(s);
}

/* ---- punching ---- */

static void punch(int fd, uint64_t from, uint64_t to)
{
	/* A file system that cannot do it keeps the space until the body goes. */
	if (from < to && fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)))
		return;
}

/* One block of a page died: punch the page if the other did before. */
static void half_page(struct stage *s, const struct body *b, uint64_t pos)
{
	uint64_t page = pos / PAGE_BYTES, key = (uint64_t)b->number << 32 | page, dead = 0;
	bool whole;

	if (page > UINT32_MAX)
		return;
	lock_take(&s->bodies.lock);
	idmap_get(&s->bodies.halves, key, &dead);
	dead |= pos % PAGE_BYTES ? 2u : 1u;
	whole = dead == 3;
	if (whole)
		idmap_remove(&s->bodies.halves, key);
	else if (!idmap_reserve(&s->bodies.halves, 1))
		idmap_put(&s->bodies.halves, key, dead);
	lock_give(&s->bodies.lock);
	if (whole)
		punch(b->fd, page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
}

static void punch_range(struct stage *s, const struct body *b, uint64_t from, uint64_t to)
{
	uint64_t first = round_up(from, PAGE_BYTES), last = to / PAGE_BYTES * PAGE_BYTES;

	punch(b->fd, first, last);
	if (b->sparse)
		return;
	if (first - from >= SECTOR_BYTES && to >= first)
		half_page(s, b, first - SECTOR_BYTES);
	if (to - last >= SECTOR_BYTES && from <= last)
		half_page(s, b, last);
}

static int by_place(const void *a, const void *b)
{
	const struct discard *x = a, *y = b;

	if (x->body != y->body)
		return x->body < y->body ? -1 : 1;
	return (x->pos > y->pos) - (x->pos < y->pos);
}

static void unlink_body(struct stage *s, uint32_t number)
{
	char name[16];

	stage_body_name(number, name);
	unlinkat(s->bodies_fd, name, 0); /* a file without a row is swept when the stage is opened */
}

/* Freeing a large file takes a while. */
static void unlink_list(struct stage *s, struct discards *gone)
{
	for (size_t i = 0; i < gone->n; i++)
		unlink_body(s, gone->items[i].body);
	list_clear(gone);
}

static void drop_body(struct stage *s, const struct discard *d, struct discards *gone)
{
	int r;

	stage_lock(s);
	r = stage_body_drop_locked(s, d->body); /* a failure leaves it to the next collection */
	stage_unlock(s);
	if (r == 0 && !list_reserve(gone, 1))
		gone->items[gone->n++] = *d;
	else if (r == 0)
		unlink_body(s, d->body);
}

/* The ranges of one body, ascending; returns how many items were its. */
static size_t apply_body(struct stage *s, const struct discard *d, size_t n, struct discards *gone)
{
	struct body *b = NULL;
	size_t same = 1;
	bool whole = d->length == WHOLE;
	unsigned counted = 0;

	for (; same < n && d[same].body == d->body; same++)
		whole |= d[same].length == WHOLE;
	if (whole) {
		drop_body(s, d, gone);
		return same;
	}
	if (stage_body_acquire(s, d->body, &b))
		return same;
	for (size_t i = 0; i < same;) {
		uint64_t from = d[i].pos, to = from + d[i].length;

		for (i++, counted++; i < same && d[i].pos <= to; i++, counted++)
			to = max_u64(to, d[i].pos + d[i].length);
		punch_range(s, b, from, to);
	}
	b->discards -= counted;
	stage_body_release(s, b, false);
	return same;
}

static void apply_list(struct stage *s, struct discards *l, struct discards *gone)
{
	if (l->n)
		qsort(l->items, l->n, sizeof(*l->items), by_place);
	for (size_t i = 0; i < l->n;)
		i += apply_body(s, l->items + i, l->n - i, gone);
	list_clear(l);
}

/* Splits what is ready: sparse bodies' ranges, segments' ranges, and what must still wait. */
static void sort_out_locked(struct stage *s, struct discards *sparse, struct discards *segments)
{
	lock_assert(&s->lock);
	struct discards keep = {0};

	for (size_t i = 0; i < s->ready.n; i++) {
		const struct discard *d = &s->ready.items[i];
		const struct body *b = stage_body_find(s, d->body);
		struct discards *to = !b					 ? NULL :
				      s->frozen && b->generation < s->generation ? &keep :
				      b->sparse					 ? sparse :
										   segments;

		if (to && !list_reserve(to, 1))
			to->items[to->n++] = *d;
	}
	list_clear(&s->ready);
	s->ready = keep;
}

void stage_discards_apply(struct stage *s)
{
	struct discards sparse = {0}, segments = {0}, gone = {0};
	bool any;

	if (s->read_only)
		return;
	lock_take(&s->giving);
	stage_lock(s);
	if (!s->failed && s->ready.n)
		sort_out_locked(s, &sparse, &segments);
	any = sparse.n || segments.n;
	apply_list(s, &sparse, &gone);
	stage_unlock(s);
	apply_list(s, &segments, &gone);
	unlink_list(s, &gone);
	if (any)
		s->given_back++;
	lock_give(&s->giving);
}

uint64_t stage_given_back(struct stage *s) { return s->given_back; }

bool stage_is_short(const struct stage *s) { return stage_room(s) < RECLAIM_BELOW_BYTES; }

bool stage_reclaim(struct stage *s, uint64_t since)
{
	bool waiting;

	if (!stage_is_short(s))
		return false;
	stage_lock(s);
	waiting = s->queued.n || s->committing.n || s->ready.n;
	stage_unlock(s);
	if (waiting)
		(void)stage_sync(s); /* what fails leaves them waiting */
	stage_discards_apply(s);     /* also the end of what the thread gives back just now */
	return s->given_back != since;
}

/* What remains of a waiting range when [from, to) is written: nothing, one or two pieces. */
static void cancel_in(struct discards *l, struct body *b, uint64_t from, uint64_t to)
{
	for (size_t i = 0; i < l->n; i++) {
		struct discard *d = &l->items[i];
		uint64_t end = d->pos + d->length;

		if (d->body != b->number || d->length == WHOLE || end <= from || d->pos >= to)
			continue;
		if (d->pos < from && end > to && !list_reserve(l, 1)) {
			l->items[l->n++] = (struct discard){to, end - to, b->number};
			b->discards++;
			d = &l->items[i];
		}
		if (d->pos < from) {
			d->length = from - d->pos;
		} else if (end > to) {
			d->pos = to;
			d->length = end - to;
		} else {
			*d = l->items[--l->n];
			b->discards--;
			i--;
		}
	}
}

void stage_discards_cancel(struct stage *s, struct body *b, uint64_t pos, uint64_t length)
{
	stage_lock(s);
	cancel_in(&s->queued, b, pos, pos + length);
	cancel_in(&s->committing, b, pos, pos + length);
	cancel_in(&s->ready, b, pos, pos + length);
	stage_unlock(s);
}

void stage_discards_release(struct stage *s)
{
	list_clear(&s->queued);
	list_clear(&s->committing);
	list_clear(&s->ready);
}

/* ---- collecting ---- */

static int mark_blob(struct idmap *used, const uint8_t *packed, size_t length)
{
	if (length % EXTENT_PACKED_BYTES)
		return -EBADMSG;
	for (; length; length -= EXTENT_PACKED_BYTES, packed += EXTENT_PACKED_BYTES) {
		if (get_le32(packed + 28) != EXTENT_STAGE)
			continue;
		if (idmap_reserve(used, 1))
			return -ENOMEM;
		idmap_put(used, get_le32(packed + 24), 1);
	}
	return 0;
}

static int mark_rows(struct stage *s, struct idmap *used)
{
	sqlite3_stmt *row = s->statements[ST_NODES_EXTENTS];
	int r;

	while ((r = db_step_locked(s, ST_NODES_EXTENTS)) > 0)
		if ((r = mark_blob(used, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0))))
			break;
	db_reset_locked(s, ST_NODES_EXTENTS);
	return r;
}

/* A body made since the running generation began may just be filled by somebody whose row is still to come. */
static bool is_garbage(struct stage *s, const struct body *b, const struct idmap *used)
{
	return !idmap_get(used, b->number, NULL) && !(b->made_now && b->generation == s->generation);
}

static int collect_locked(struct stage *s, struct idmap *used, const uint32_t *keep, size_t n_keep)
{
	lock_assert(&s->lock);
	struct bodies *t = &s->bodies;
	int r = s->failed ? s->failed : mark_rows(s, used);

	if (!r)
		r = idmap_reserve(used, n_keep);
	if (r)
		return r;
	for (size_t i = 0; i < n_keep; i++)
		idmap_put(used, keep[i], 1);
	lock_take(&t->lock);
	for (struct idmap_at at = {0}; idmap_next(&t->table, &at);)
		if (is_garbage(s, (struct body *)(uintptr_t)at.value, used))
			queue_locked(s, (struct body *)(uintptr_t)at.value, 0, WHOLE);
	lock_give(&t->lock);
	return 0;
}

int stage_collect(struct stage *s, const uint32_t *keep, size_t n_keep)
{
	struct idmap used = {0};
	int r;

	if (s->read_only)
		return 0;
	stage_lock(s);
	r = collect_locked(s, &used, keep, n_keep);
	stage_unlock(s);
	idmap_release(&used);
	return r;
}

int stage_discard(struct stage *s)
{
	struct bodies *t = &s->bodies;
	bool nested;
	int r;

	stage_lock(s);
	nested = s->lock.depth > 1;
	r = s->frozen ? -EBUSY : db_begin_locked(s, false);
	if (!r)
		r = db_save(s);
	if (!r) {
		r = db_run(s, ST_NODES_CLEAR);
		if (!r)
			r = db_run(s, ST_NAMES_CLEAR);
		if (!r)
			r = stage_state_end(s);
		r = r ? db_restore_locked(s, r) : db_release(s);
	}
	if (!r) {
		t->running = NULL;
		lock_take(&t->lock);
		for (struct idmap_at at = {0}; idmap_next(&t->table, &at);)
			queue_locked(s, (struct body *)(uintptr_t)at.value, 0, WHOLE);
		lock_give(&t->lock);
		r = stage_rows_load(s);
	}
	stage_unlock(s);
	if (r || nested)
		return r;
	return stage_sync(s);
}

uint64_t stage_bytes(struct stage *s)
{
	struct stage_totals t;

	stage_totals(s, &t);
	return stage_empty(s) ? 0 : t.body_bytes + (t.nodes + t.names) * ABOUT_ROW_BYTES;
}

void stage_totals(struct stage *s, struct stage_totals *ret)
{
	struct bodies *t = &s->bodies;
	struct stage_totals totals = {0};

	stage_lock(s);
	totals.nodes = s->nodes.count;
	totals.names = s->n_names;
	lock_take(&t->lock);
	for (struct idmap_at at = {0}; idmap_next(&t->table, &at);) {
		struct stat st;
		char name[16];

		stage_body_name((uint32_t)at.key, name);
		if (!fstatat(s->bodies_fd, name, &st, AT_SYMLINK_NOFOLLOW))
			totals.body_bytes += (uint64_t)st.st_blocks * 512;
	}
	lock_give(&t->lock);
	stage_unlock(s);
	*ret = totals;
}
