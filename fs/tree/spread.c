/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tree/spread.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/grow.h"

static int begin_disc(struct spread *s, uint64_t room)
{
	if (grow(&s->left, &s->capacity, s->n, sizeof(*s->left)))
		return -ENOMEM;
	s->left[s->n++] = room;
	return 0;
}

int spread_init(struct spread *s, uint64_t first, uint64_t other)
{
	*s = (struct spread){.other = other};
	return begin_disc(s, first);
}

int spread_place(struct spread *s, uint64_t bytes, uint32_t *ret_disc)
{
	size_t disc = 0;

	while (disc < s->n && s->left[disc] < bytes)
		disc++;
	if (disc == s->n && bytes > s->other)
		return -EFBIG;
	if (disc == s->n && begin_disc(s, s->other))
		return -ENOMEM;
	s->left[disc] -= bytes;
	*ret_disc = (uint32_t)disc;
	return 0;
}

void spread_release(struct spread *s)
{
	free(s->left);
	*s = (struct spread){0};
}
