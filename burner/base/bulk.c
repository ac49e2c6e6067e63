/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/bulk.h"

#include <sys/resource.h>

static void bulk_link(struct bulk *bulk, struct bulk_block *b)
{
	b->bulk = bulk;
	b->next = bulk->blocks;
	b->link = &bulk->blocks;
	if (b->next)
		b->next->link = &b->next;
	bulk->blocks = b;
	bulk->mapped += b->mapped;
}

/* To let go costs a call for each array, and its pages come back one fault at a time: not before there are many. */
static bool bulk_has_grown(struct bulk *bulk)
{
	struct rusage usage;
	uint64_t now;

	bulk->passed = 0;
	if (getrusage(RUSAGE_THREAD, &usage) < 0)
		return true;
	now = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
	if (now >= bulk->faults && now - bulk->faults < BULK_FAULTS)
		return false;
	bulk->faults = now;
	return true;
}

void bulk_pace(struct bulk *bulk, uint32_t n)
{
	if (!bulk)
		return;
	bulk->passed += n;
	if (bulk->passed < BULK_PACE || !bulk_has_grown(bulk))
		return;
	bulk_drop_mapping(bulk);
	if (bulk->with)
		bulk_drop_mapping(bulk->with);
}

void bulk_free(void *array)
{
	struct bulk_block *b = array ? bulk_block_of(array) : NULL;

	if (!b)
		return;
	if (!b->mapped) {
		free(b);
		return;
	}
	bulk_unlink(b);
	close(b->fd);
	munmap(b, b->mapped);
}

/* NULL: not here, or no room. */
static void *bulk_map(struct bulk *bulk, size_t bytes)
{
	size_t mapped = bulk_round(bytes);
	struct bulk_block *b;
	int fd = open(bulk->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		return NULL;
	b = bulk_allocate(bulk, fd, 0, mapped) ? mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) :
						 MAP_FAILED;
	if (b == MAP_FAILED) {
		close(fd);
		return NULL;
	}
	madvise(b, mapped, MADV_NOHUGEPAGE); /* else a look at one item brings megabytes */
	*b = (struct bulk_block){.bytes = bytes, .mapped = mapped, .fd = fd};
	bulk_link(bulk, b);
	return b + 1;
}

void *bulk_zalloc(struct bulk *bulk, size_t n, size_t item_bytes)
{
	size_t bytes;
	void *array = NULL;
	struct bulk_block *b;

	if (__builtin_mul_overflow(n, item_bytes, &bytes) || bytes > PTRDIFF_MAX - 2 * (size_t)BULK_UNIT)
		return NULL;
	if (bulk && bulk->directory && bytes >= BULK_BYTES_MIN)
		array = bulk_map(bulk, bytes);
	if (array)
		return array;
	b = calloc(1, sizeof(*b) + bytes);
	if (!b)
		return NULL;
	b->bytes = bytes;
	return b + 1;
}

/* A mapped array of another length, where it can stay in its file. */
static void *bulk_remap(struct bulk_block *b, size_t bytes)
{
	size_t mapped = bulk_round(bytes), old = b->mapped;
	struct bulk_block *moved;

	if (mapped > old && !bulk_allocate(b->bulk, b->fd, old, mapped))
		return NULL;
	moved = mremap(b, old, mapped, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED)
		return NULL;
	moved->bytes = bytes;
	moved->mapped = mapped;
	moved->bulk->mapped = moved->bulk->mapped - old + mapped;
	*moved->link = moved;
	if (moved->next)
		moved->next->link = &moved->next;
	if (mapped < old && ftruncate(moved->fd, (off_t)mapped))
		return moved + 1; /* the room comes back with the file */
	return moved + 1;
}

void *bulk_resize(struct bulk *bulk, void *array, size_t n, size_t item_bytes)
{
	struct bulk_block *b = array ? bulk_block_of(array) : NULL;
	void *moved = NULL;
	size_t bytes;

	if (!b || __builtin_mul_overflow(n, item_bytes, &bytes))
		return b ? NULL : bulk_zalloc(bulk, n, item_bytes);
	if (b->mapped && bytes >= BULK_BYTES_MIN)
		moved = bulk_remap(b, bytes);
	if (moved)
		return moved;
	if (!b->mapped && (bytes < BULK_BYTES_MIN || !bulk || !bulk->directory)) {
		b = bytes > PTRDIFF_MAX - sizeof(*b) ? NULL : realloc(b, sizeof(*b) + bytes);
		if (b)
			b->bytes = bytes;
		return b ? b + 1 : NULL;
	}
	moved = bulk_zalloc(bulk, n, item_bytes);
	if (!moved)
		return NULL;
	memcpy(moved, array, bytes < b->bytes ? bytes : b->bytes);
	bulk_free(array);
	return moved;
}

int bulk_grow(struct bulk *bulk, void **array, size_t *space, uint32_t n, size_t item_bytes)
{
	size_t larger;
	void *moved;

	if (n < *space)
		return 0;
	if (n >= UINT32_MAX - 1)
		return -EOVERFLOW;
	larger = *space < 1024 ? 1024 : *space + *space / 2;
	moved = bulk_resize(bulk, *array, larger, item_bytes);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*space = larger;
	return 0;
}

/* [from, middle) and [middle, to) of one array into the same places of another. */
static void bulk_merge_runs(const struct bulk_merge *m, const uint8_t *list, uint8_t *out, size_t from, size_t middle,
			    size_t to)
{
	size_t left = from, right = middle;

	for (size_t at = from; at < to; at++) {
		bool take_left = left < middle && (right == to || m->compare(list + left * m->item_bytes,
									     list + right * m->item_bytes) <= 0);

		memcpy(out + at * m->item_bytes, list + (take_left ? left++ : right++) * m->item_bytes, m->item_bytes);
		bulk_pace(m->bulk, 1);
	}
}

static bool bulk_is_sorted(struct bulk *bulk, const void *list, size_t n, size_t item_bytes,
			   int (*compare)(const void *a, const void *b))
{
	const uint8_t *at = list;

	for (size_t i = 1; i < n; i++, at += item_bytes) {
		if (compare(at, at + item_bytes) > 0)
			return false;
		bulk_pace(bulk, 1);
	}
	return true;
}

void bulk_sort(struct bulk *bulk, void *list, size_t n, size_t item_bytes, int (*compare)(const void *a, const void *b))
{
	const struct bulk_merge m = {bulk, item_bytes, compare};
	size_t run = BULK_SORT_BYTES / item_bytes;
	uint8_t *from = list, *to, *other;

	if (bulk_is_sorted(bulk, list, n, item_bytes, compare))
		return;
	to = other = n > run ? bulk_zalloc(bulk, n, item_bytes) : NULL;
	if (!to) {
		if (n)
			qsort(list, n, item_bytes, compare);
		return;
	}
	for (size_t i = 0; i < n; i += run) {
		qsort(from + i * item_bytes, n - i < run ? n - i : run, item_bytes, compare);
		bulk_pace(bulk, (uint32_t)run);
	}
	for (; run < n; run *= 2) {
		uint8_t *swap = from;

		for (size_t i = 0; i < n; i += 2 * run)
			bulk_merge_runs(&m, from, to, i, n - i < run ? n : i + run, n - i < 2 * run ? n : i + 2 * run);
		from = to;
		to = swap;
	}
	for (size_t i = 0; from != list && i < n; i += BULK_PACE) {
		memcpy((uint8_t *)list + i * item_bytes, from + i * item_bytes,
		       (n - i < BULK_PACE ? n - i : BULK_PACE) * item_bytes);
		bulk_pace(bulk, BULK_PACE);
	}
	bulk_free(other);
}
