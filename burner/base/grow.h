/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * grow.h - room for one more in an array
 *
 *	if (grow(&list, &capacity, n, sizeof(*list)) == 0) list[n++] = ...;
 *
 * The array belongs to the caller, who frees it with free().
 */
#ifndef BURNER_BASE_GROW_H
#define BURNER_BASE_GROW_H

#include <stddef.h>

/* list: the address of a pointer to items of `size` bytes, of which n are used; what is new of it is not set.
 * -ENOMEM: all stays as it was. */
int grow(void *list, size_t *capacity, size_t n, size_t size);
/* Room for `wanted` items, as an array beside it has; what is new of it is zeros.  -ENOMEM: all stays as it was. */
int grow_beside(void *list, size_t *capacity, size_t wanted, size_t size);

#endif
