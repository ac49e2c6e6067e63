/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scratch.h - a directory below $TMPDIR for targets that need files; removed at the end of the program
 */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <stddef.h>

/* Made at the first call. */
const char *scratch_directory(void);
/* Its file of that name becomes these bytes. */
void scratch_write(const char *name, const void *bytes, size_t n);
/* Everything below it is removed. */
void scratch_empty(void);

#endif
