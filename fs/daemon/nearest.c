/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/nearest.h"

#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"

#define WORD_MAX 32u
#define LETTERS "abcdefghijklmnopqrstuvwxyz-_"

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

bool nearest_option(const char *help, const char *word, char *ret, size_t size)
{
	size_t n = strcspn(word, "=");
	unsigned best = (unsigned)(n / 3) + 1;
	bool found = false;

	if (n == 0 || n > WORD_MAX)
		return false;
	for (const char *line = strstr(help, "  -o "); line; line = strstr(line, "  -o ")) {
		line += strlen("  -o ");
		/* "uid=N gid=N umask=M shown …": names are followed by '=', or by what explains them */
		for (const char *at = line; *at && *at != '\n';) {
			size_t m = strspn(at, LETTERS);
			bool value = at[m] == '=';
			unsigned d = m && m <= WORD_MAX && (value || at == line) ? distance(word, n, at, m) : best;

			if (d < best) {
				best = d;
				snprintf(ret, size, "%.*s%s", (int)m, at, value ? "=" : "");
				found = true;
			}
			at += m;
			at += strcspn(at, " \n");
			at += strspn(at, " ");
			if (!value && at != line)
				break;
		}
	}
	return found;
}
