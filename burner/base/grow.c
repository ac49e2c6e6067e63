/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/grow.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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

int grow_beside(void *list, size_t *capacity, size_t wanted, size_t size)
{
	uint8_t **to = list, *grown;

	if (wanted <= *capacity)
		return 0;
	grown = reallocarray(*to, wanted, size);
	if (!grown)
		return -ENOMEM;
	memset(grown + *capacity * size, 0, (wanted - *capacity) * size);
	*to = grown;
	*capacity = wanted;
	return 0;
}
