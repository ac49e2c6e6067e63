/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * bulk.h - arrays that grow with the tree, out of the way of memory
 *
 *	struct bulk where to -> bulk_resize / bulk_zalloc -> use as memory, bulk_pace -> bulk_free
 *
 * What is smaller than BULK_BYTES_MIN is memory of malloc().  What is larger is a mapped file without a name in a
 * directory (the stage's): the kernel can take its pages away whenever memory is short, as it does with any file's,
 * so a commit of a large tree fits wherever a small one does. Who goes through such arrays calls bulk_pace(), which
 * lets go of the pages that were gone through: they stay in the page cache, and come back from there. Blocks of the
 * file are allocated before they are used: where that fails, or too little would be left for others, it is memory
 * after all.
 *
 * A zeroed struct bulk, or none, is memory only.  It must outlive its arrays, all of one thread.
 */
#ifndef BURNER_BASE_BULK_H
#define BURNER_BASE_BULK_H

#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BULK_BYTES_MIN (1u << 20)
#define BULK_UNIT (256u << 10)
#define BULK_SORT_BYTES (256u << 10)
#define BULK_LET_GO_MIN (16u << 20) /* less may stay */
#define BULK_PACE 16384u	    /* items of some hundred bytes, in all arrays together */
#define BULK_FAULTS 256u	    /* that bring up to 64 KiB each; fewer are not worth letting go of all */

struct bulk_block;
struct bulk {
	const char *directory;	   /* of the files; NULL: none */
	uint64_t keep_bytes;	   /* that must be left on its file system */
	struct bulk *with;	   /* another one whose pages are let go together with these; NULL */
	struct bulk_block *blocks; /* that are mapped */
	uint64_t mapped;	   /* bytes of them */
	uint32_t passed;	   /* items since it was last asked … */
	uint64_t faults;	   /* … for faults of this thread, when pages were let go */
};

/* Lies before each array. */
struct bulk_block {
	alignas(16) size_t bytes; /* of the array */
	size_t mapped;		  /* bytes of the file; 0: it is memory */
	struct bulk *bulk;	  /* mapped: in its list */
	struct bulk_block *next, **link;
	int fd;
};

static inline struct bulk_block *bulk_block_of(void *array) { return (struct bulk_block *)array - 1; }

static inline size_t bulk_round(size_t bytes)
{
	return (bytes + sizeof(struct bulk_block) + BULK_UNIT - 1) / BULK_UNIT * BULK_UNIT;
}

static inline void bulk_unlink(struct bulk_block *b)
{
	*b->link = b->next;
	if (b->next)
		b->next->link = b->link;
	b->bulk->mapped -= b->mapped;
}

static inline void bulk_drop_mapping(struct bulk *bulk)
{
	for (struct bulk_block *b = bulk->mapped < BULK_LET_GO_MIN ? NULL : bulk->blocks, *next; b; b = next) {
		next = b->next; /* its page goes too, and comes back at the next look */
		madvise(b, b->mapped, MADV_DONTNEED);
	}
	bulk->passed = 0;
}

/* n items were gone through; of such that lie anywhere each counts for many. */
#define BULK_ANYWHERE 128u
void bulk_pace(struct bulk *bulk, uint32_t n);

void bulk_free(void *array);

static inline void bulk_freep(void *array) { bulk_free(*(void **)array); }
#define _bulk_ __attribute__((cleanup(bulk_freep)))

static inline bool bulk_allocate(const struct bulk *bulk, int fd, size_t from, size_t to)
{
	struct statvfs v;

	return fstatvfs(fd, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= bulk->keep_bytes + (to - from) &&
	       fallocate(fd, 0, (off_t)from, (off_t)(to - from)) == 0;
}

/* Zeros, whether mapped or not; NULL: no memory. */
void *bulk_zalloc(struct bulk *bulk, size_t n, size_t item_bytes);

/* As reallocarray(); what is new may be anything.  NULL: no memory, and the old one stays as it is. */
void *bulk_resize(struct bulk *bulk, void *array, size_t n, size_t item_bytes);

/* Makes *array hold one more; the new room is not initialised. -ENOMEM, -EOVERFLOW beyond 2^32 - 2. */
int bulk_grow(struct bulk *bulk, void **array, size_t *space, uint32_t n, size_t item_bytes);

/* ---- sorting ---- */

struct bulk_merge {
	struct bulk *bulk;
	size_t item_bytes;
	int (*compare)(const void *a, const void *b);
};

/*
 * As qsort(), which would take as much memory again: runs that fit the cache are sorted, and merged forwards through
 * an array of the same kind.  Without room for that it is qsort().
 */
void bulk_sort(struct bulk *bulk, void *list, size_t n, size_t item_bytes,
	       int (*compare)(const void *a, const void *b));

#endif
