/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * log.h - one line for the user, once, at the top
 *
 * Rooms return errors; only main, fs/fuse, fs/commit and the commands log.  Lines go to standard error while it is
 * there and to syslog once the daemon has left its terminal (log_to_syslog).  The level is the only mutable global of
 * the program.
 */
#ifndef CDAPPENDFS_LOG_H
#define CDAPPENDFS_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <syslog.h>

struct log_state {
	int level;
	_Atomic bool syslog;
};				   /* syslog: set while threads log */
extern struct log_state log_state; /* defined by the program: DEFINE_LOG_STATE */
#define DEFINE_LOG_STATE struct log_state log_state = {LOG_NOTICE, false}

__attribute__((format(printf, 2, 3))) static inline void log_at(int level, const char *format, ...)
{
	va_list arguments;

	if (level > log_state.level)
		return;
	va_start(arguments, format);
	if (log_state.syslog) {
		vsyslog(level, format, arguments);
	} else {
		flockfile(stderr);
		fputs("cdappendfs: ", stderr);
		vfprintf(stderr, format, arguments);
		fputc('\n', stderr);
		funlockfile(stderr);
	}
	va_end(arguments);
}
#define log_error(...) log_at(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_WARNING, __VA_ARGS__)
#define log_notice(...) log_at(LOG_NOTICE, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)

#endif
