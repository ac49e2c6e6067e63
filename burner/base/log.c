/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "burner/base/own.h"
#include "burner/base/printable.h"

struct log_state log_state = {LOG_NOTICE, false};

void log_at(int level, const char *format, ...)
{
	va_list arguments;

	if (level > log_state.level)
		return;
	va_start(arguments, format);
	if (log_state.syslog) {
		_free_ char *line = printable_line(format, arguments);

		syslog(level, "%s", line ? line : "out of memory");
	} else {
		print_line(stderr, "cdappendfs", format, arguments);
	}
	va_end(arguments);
}
