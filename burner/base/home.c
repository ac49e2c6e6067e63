/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/home.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* mount(8) hands root's HOME to the helper that it runs for a user, and sudo may hand a user's to root: then the user
 * database says where he is at home. */
static const char *home_directory(char *buf, size_t size)
{
	const char *home = getenv("HOME");
	struct passwd user, *found = NULL;
	struct stat st;

	if (home && home[0] == '/' && stat(home, &st) == 0 && st.st_uid == geteuid())
		return home;
	return getpwuid_r(geteuid(), &user, buf, size, &found) == 0 && found ? found->pw_dir : home;
}

int home_path(const char *variable, const char *below, const char *name, char **ret)
{
	char buf[4096], *path = NULL;
	const char *base = getenv(variable), *home;
	int n;

	if (base && base[0] == '/') {
		n = asprintf(&path, "%s/%s", base, name);
	} else {
		home = home_directory(buf, sizeof(buf));
		if (!home || home[0] != '/')
			return -ENOENT;
		n = asprintf(&path, "%s/%s/%s", home, below, name);
	}
	if (n < 0)
		return -ENOMEM;
	*ret = path;
	return 0;
}
