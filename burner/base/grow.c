/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/grow.h"

#include <errno.h>
#include <stdlib.h>

int grow(void *list, size_t *capacity, size_t n, size_t size)
{
	void **to = list, *grown;

	if (n < *capacity)
		return 0;
	grown = reallocarray(*to, *capacity * 2 + 64, size);
	if (!grown)
		return -ENOMEM;
	*to = grown;
	*capacity = *capacity * 2 + 64;
	return 0;
}
