/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name_hash.h - the five characters that tell made ISO and Joliet names apart
 */
#ifndef BURNER_FORMAT_NAME_HASH_H
#define BURNER_FORMAT_NAME_HASH_H

#include <stddef.h>
#include <stdint.h>

#define NAME_HASH_CHARS 5u

/* FNV-1a with a final mix; the attempt changes the start, so names that clash once do not clash again. */
uint64_t name_hash(const void *bytes, size_t length, uint32_t attempt);
/* Of digits and capital letters. */
void name_put_hash(uint8_t out[NAME_HASH_CHARS], const char *name, uint32_t attempt);

#endif
