/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * given.h - what of -o the next disc of a set is to be mounted with, too
 */
#ifndef FS_DAEMON_GIVEN_H
#define FS_DAEMON_GIVEN_H

/* Behind what was noted so far (NULL: nothing), as it would be typed in any directory; what is of this disc alone is
 * not.  -ENOMEM: it stays as it was. */
int given_note(char **given, const char *option);

#endif
