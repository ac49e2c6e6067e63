/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * heap.h - for tests: how much memory is in use
 */
#ifndef TESTS_UNIT_HEAP_H
#define TESTS_UNIT_HEAP_H

#include <malloc.h>
#include <stddef.h>

/* Bytes that malloc() has given out; 0 where a sanitizer has taken the heap over. */
static inline size_t heap_bytes(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

#endif
