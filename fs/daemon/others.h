/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * others.h - words of -o that are not ours
 */
#ifndef FS_DAEMON_OTHERS_H
#define FS_DAEMON_OTHERS_H

#include <stdbool.h>

/* What mount(8), fstab(5) and systemd put there for themselves, and what has no meaning here. */
bool others_ignored(const char *option);
/* What libfuse knows. */
bool others_of_libfuse(const char *option);

#endif
