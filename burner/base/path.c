/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"

bool path_is_inside(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strcmp(above, "/") == 0 || (strncmp(path, above, n) == 0 && (!path[n] || path[n] == '/'));
}

const char *path_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_plain(const char *path)
{
	_free_ char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *made, *end;

	if (path[0] != '/' && !here)
		return NULL;
	made = end = calloc(1, (here ? strlen(here) : 0) + strlen(path) + 3);
	if (!made)
		return NULL;
	if (here && strcmp(here, "/") != 0)
		end = stpcpy(made, here);
	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (end > made && *--end != '/')
				;
			*end = '\0';
		} else if (n != 1 || path[0] != '.') {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
			*end = '\0';
		}
		path += n;
	}
	if (!*made)
		strcpy(made, "/");
	return made;
}

char *path_from_root(const char *path)
{
	_free_ char *below = NULL, *plain = NULL;

	if (asprintf(&below, "/%s", path) < 0) {
		below = NULL;
		errno = ENOMEM;
		return NULL;
	}
	plain = path_plain(below);
	return plain ? strdup(plain + 1) : NULL;
}
