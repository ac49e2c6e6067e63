/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/nearest.h"

#include <stdio.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz-_"

bool nearest_option(const char *help, const struct nearest *word, char *ret, size_t size)
{
	struct nearest near = *word;
	bool best_has_value = false;

	near.best = NULL;
	for (const char *line = strstr(help, "  -o "); line; line = strstr(line, "  -o ")) {
		line += strlen("  -o ");
		/* "uid=N gid=N umask=M shown …": names are followed by '=', or by what explains them */
		for (const char *at = line; *at && *at != '\n';) {
			size_t m = strspn(at, LETTERS);
			bool value = at[m] == '=';

			if ((value || at == line) && nearest_try(&near, at, m))
				best_has_value = value;
			at += m;
			at += strcspn(at, " \n");
			at += strspn(at, " ");
			if (!value && at != line)
				break;
		}
	}
	if (near.best)
		snprintf(ret, size, "%.*s%s", (int)near.best_length, near.best, best_has_value ? "=" : "");
	return near.best != NULL;
}
