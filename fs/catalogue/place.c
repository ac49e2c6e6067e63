/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.c - where the catalogue is
 *
 * The default place, as that of stages, must be the user's alone: who may exchange a database there would be asked
 * instead of it.
 */
#include "fs/catalogue/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/home.h"
#include "burner/base/path.h"
#include "fs/stage/stage.h"

#define VARIABLE "CDAPPENDFS_CATALOGUE"

int catalogue_wish(enum catalogue_wish *ret, const char **ret_file, char **ret_why)
{
	const char *wish = getenv(VARIABLE);

	*ret_file = NULL;
	*ret = CATALOGUE_NOT_WISHED;
	if (!wish || !*wish || !strcmp(wish, "no"))
		return 0;
	if (wish[0] == '/')
		*ret_file = wish;
	else if (strcmp(wish, "yes") != 0)
		return why_set(ret_why, -EINVAL, "%s=%s: one of yes, no, or the absolute path of a catalogue", VARIABLE,
			       wish);
	*ret = CATALOGUE_WISHED;
	return 0;
}

static int default_path(bool create, char **ret, char **ret_why)
{
	_free_ char *directory = NULL;
	_close_ int fd = -1;
	int r = home_path("XDG_DATA_HOME", ".local/share", CATALOGUE_DIRECTORY, &directory);

	if (r == -ENOENT)
		return why_set(ret_why, r, "no home directory is known: give the catalogue by --db=FILE or " VARIABLE);
	if (!r && create)
		r = stage_state_directory(directory, NULL, &fd, ret_why);
	if (r)
		return r;
	return asprintf(ret, "%s/%s", directory, CATALOGUE_FILE) < 0 ? -ENOMEM : 0;
}

int catalogue_path(const char *file, bool create, char **ret, char **ret_why)
{
	enum catalogue_wish wish;
	int r = 0;

	if (!file)
		r = catalogue_wish(&wish, &file, ret_why);
	if (r)
		return r;
	if (!file)
		return default_path(create, ret, ret_why);
	*ret = path_plain(file);
	return *ret ? 0 : -errno;
}
