/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/own.h"

void close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
		*fd = -1;
	}
}

void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

void close_directory(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}
