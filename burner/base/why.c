/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/why.h"

#include <stdio.h>
#include <stdlib.h>

void why_put(char **ret, const char *format, va_list arguments)
{
	char *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	free(*ret);
	*ret = text;
}

int why_set(char **ret, int error, const char *format, ...)
{
	va_list arguments;

	if (!ret)
		return error;
	va_start(arguments, format);
	why_put(ret, format, arguments);
	va_end(arguments);
	return error;
}
