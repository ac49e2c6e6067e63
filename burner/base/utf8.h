/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * utf8.h - characters in UTF-8 (RFC 3629)
 */
#ifndef BURNER_BASE_UTF8_H
#define BURNER_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed character at s (Unicode table 3-7), 0 when there is none.  s ends in a zero byte. */
size_t utf8_length(const unsigned char *s);
/* Its code point, of n = utf8_length(s) bytes. */
uint32_t utf8_code_point(const unsigned char *s, size_t n);
/* Does it move the cursor, end a line or turn the text behind it around: Unicode's Cc, Zl, Zp, and the embeddings,
 * overrides and isolates of Bidi_Control? */
bool utf8_controls(const unsigned char *s, size_t n);

#endif
