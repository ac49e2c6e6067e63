/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - one line for the user, once, at the top
 *
 * Rooms return errors; only main, fs/fuse, fs/commit and the commands log.  Lines go to standard error while it is
 * there and to syslog once the daemon has left its terminal.  The level is the only mutable global of
 * the program.
 */
#ifndef BURNER_BASE_LOG_H
#define BURNER_BASE_LOG_H

#include <stdbool.h>
#include <syslog.h>

struct log_state {
	int level;
	_Atomic bool syslog; /* set while threads log */
};
extern struct log_state log_state; /* LOG_NOTICE, and standard error, to begin with */

__attribute__((format(printf, 2, 3))) void log_at(int level, const char *format, ...);
#define log_error(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
