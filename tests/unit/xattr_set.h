/* SPDX-License-Identifier: GPL-3.0-or-later */
/* xattr_set.h - a set of extended attributes, and what is in it; cmocka comes first */
#ifndef TESTS_UNIT_XATTR_SET_H
#define TESTS_UNIT_XATTR_SET_H

#include "burner/base/xattrs.h"

struct set {
	uint8_t *bytes;
	size_t n;
};

static inline void assert_value(const struct set *s, const char *name, const void *value, size_t n)
{
	const uint8_t *got;
	size_t bytes;

	assert_int_equal(xattrs_get(s->bytes, s->n, name, &got, &bytes), 0);
	assert_int_equal(bytes, n);
	assert_memory_equal(got, value, n);
}

#endif
