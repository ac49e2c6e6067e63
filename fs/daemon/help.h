/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * help.h - what `cdappendfs --help` prints; nearest.h finds the options in it
 */
#ifndef FS_DAEMON_HELP_H
#define FS_DAEMON_HELP_H

/* Static. */
const char *help_text(void);

#endif
