/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * why.h - an error and the words for it
 */
#ifndef BURNER_BASE_WHY_H
#define BURNER_BASE_WHY_H

#include <stdarg.h>

/* Returns error.  *ret, to be freed, is the text (NULL without memory); what it was is freed.  ret NULL: no text is
 * wanted. */
__attribute__((format(printf, 3, 4))) int why_set(char **ret, int error, const char *format, ...);
/* The text alone. */
__attribute__((format(printf, 2, 0))) void why_put(char **ret, const char *format, va_list arguments);

#endif
