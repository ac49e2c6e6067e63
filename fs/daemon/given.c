/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/given.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/path.h"

/* What is of this disc, or of this mount of it. */
static bool is_of_this_disc(const char *option)
{
	static const char *const list[] = {"create",  "ro",	 "rw",	   "remount",	 "media", "session",   "stage",
					   "staging", "message", "digest", "disc-fault", "fault", "read-delay"};
	size_t length = strcspn(option, "=");

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (strlen(list[i]) == length && strncmp(option, list[i], length) == 0)
			return true;
	return false;
}

static int note(char **given, const char *option)
{
	const char *before = *given ? *given : "";
	char *all, *to;

	all = malloc(strlen(before) + 2 * strlen(option) + 2);
	if (!all)
		return -ENOMEM;
	to = stpcpy(all, before);
	if (*before)
		*to++ = ',';
	for (const char *c = option; *c; c++) {
		if (*c == ',' || *c == '\\')
			*to++ = '\\';
		*to++ = *c;
	}
	*to = '\0';
	free(*given);
	*given = all;
	return 0;
}

int given_note(char **given, const char *option)
{
	static const char file[] = "catalogue=";
	_free_ char *path = NULL, *whole = NULL;

	if (!*option || is_of_this_disc(option))
		return 0;
	/* The next mount is made in another directory. */
	if (strncmp(option, file, sizeof(file) - 1) == 0)
		path = path_plain(option + sizeof(file) - 1);
	if (!path)
		return note(given, option);
	if (asprintf(&whole, "%s%s", file, path) < 0) {
		whole = NULL;
		return -ENOMEM;
	}
	return note(given, whole);
}
