/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * when.h - a date that somebody types, in UTC as the programs print them
 */
#ifndef FS_CMD_WHEN_H
#define FS_CMD_WHEN_H

#include <stdint.h>

/* 2024-11-29, which is the end of that day, 2024-11-29T06:27 (the end of that minute), 2024-11-29T06:27:52, with a
 * blank for the T, with a Z behind it or without; @SECONDS since 1970.  The last second that is meant; -EINVAL. */
int when_parse(const char *text, int64_t *ret);

#endif
