/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/nearest.h"

#define WORD_MAX 32u

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

/* How many letters are to be left out, put in, changed or exchanged (optimal string alignment). */
static unsigned distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];

	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return d[n][m];
}

struct nearest nearest_begin(const char *word, size_t length)
{
	return (struct nearest){.word = word,
				.length = length,
				.distance = length && length <= WORD_MAX ? (unsigned)(length / 3) + 1 : 0};
}

bool nearest_try(struct nearest *n, const char *known, size_t length)
{
	if (!n->distance || !length || length > WORD_MAX)
		return false;
	const unsigned d = distance(n->word, n->length, known, length);
	if (d >= n->distance)
		return false;
	n->distance = d;
	n->best = known;
	n->best_length = length;
	return true;
}
