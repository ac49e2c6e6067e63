/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nearest.h - which word did the user mean?
 *
 *	struct nearest n = nearest_begin(word, strlen(word));
 *	nearest_try(&n, known, strlen(known)) …;
 *	if (n.best) …
 *
 * At most a third of its letters are left out, put in, changed, or changed places with the next.
 */
#ifndef BURNER_BASE_NEAREST_H
#define BURNER_BASE_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

struct nearest {
	const char *word; /* what was typed; borrowed */
	size_t length;
	unsigned distance;
	const char *best; /* of those that were tried; NULL: none is near enough */
	size_t best_length;
};

struct nearest nearest_begin(const char *word, size_t length);
/* True: it is the nearest up to now. */
bool nearest_try(struct nearest *n, const char *known, size_t length);

#endif
