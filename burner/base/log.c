/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/log.h"

#include <stdarg.h>
#include <stdio.h>

struct log_state log_state = {LOG_NOTICE, false};

void log_at(int level, const char *format, ...)
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
