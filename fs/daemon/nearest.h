/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * nearest.h - which option of -o did the user mean?
 */
#ifndef FS_DAEMON_NEAREST_H
#define FS_DAEMON_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

#include "burner/base/nearest.h"

/*
 * The option of -o in a help text ("  -o NAME=…" at the beginning of a line, further ones behind it) that is most like
 * the word, and more like it than what was tried already.  False: none.
 */
bool nearest_option(const char *help, const struct nearest *word, char *ret, size_t size);

#endif
