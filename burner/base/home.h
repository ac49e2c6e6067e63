/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * home.h - where this user is at home, and where the base directory specification has his files
 */
#ifndef BURNER_BASE_HOME_H
#define BURNER_BASE_HOME_H

/*
 * The directory of that variable (as XDG_DATA_HOME) if it is absolute, or else `below` (as ".local/share") in the
 * home directory; and `name` in it; to be freed.  -ENOENT: neither is known.  -ENOMEM.
 */
int home_path(const char *variable, const char *below, const char *name, char **ret);

#endif
