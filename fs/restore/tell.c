/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tell.c - what is told to who called: that it goes on, what is lost, what fails
 */
#include "fs/restore/internal.h"

#include <stdio.h>
#include <string.h>

#include "burner/base/why.h"

int restore_pace(struct restore *x) { return x->o.pace ? x->o.pace(x->o.context) : 0; }

void restore_lose(struct restore *x, const char *what, int error)
{
	char text[512];

	x->count->lost++;
	snprintf(text, sizeof(text), "%s: %s", what, strerror(-error));
	x->o.lost(x->o.context, x->path, text);
}

int restore_fail(struct restore *x, const char *what, int error)
{
	return why_set(x->ret_why, error, "%s: %s: %s", x->path[0] ? x->path : ".", what, strerror(-error));
}
