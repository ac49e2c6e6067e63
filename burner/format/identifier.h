/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identifier.h - File and Directory Identifiers (ECMA-119 7.5, 7.6): made of a name, and read as one
 *
 * Of d-characters (7.4.1: A to Z, 0 to 9, _): a file's has a name, '.', an extension, ';' and the version; a
 * directory's only a name.  A name that is not its own identifier in 8.3 form gets a made one: up to three legal
 * characters, five of a hash of the whole name, for files up to three of the extension.
 */
#ifndef BURNER_FORMAT_IDENTIFIER_H
#define BURNER_FORMAT_IDENTIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "burner/format/name_hash.h"

#define IDENTIFIER_BYTES 31u /* ECMA-119 7.5.1: name, dot and extension */
#define IDENTIFIER_STEM 8u
#define IDENTIFIER_EXTENSION 3u
#define IDENTIFIER_PREFIX 3u	    /* of a made one, in front of the hash */
#define IDENTIFIER_VERSION_BYTES 2u /* ";1" */

enum identifier_kind { IDENTIFIER_OF_FILE, IDENTIFIER_OF_DIRECTORY };

/* The characters of [from, end) that are d-characters when they are capitals; at most so many.  ret NULL: count. */
unsigned identifier_legal(const char *from, const char *end, unsigned most, uint8_t *ret);

/* Without version, and without a dot at the end; return its bytes, 0 when the name gives none. */
/* The name itself. */
unsigned identifier_plain(const char *name, enum identifier_kind kind, uint8_t ret[IDENTIFIER_BYTES]);
/* As an older session has it; it may end in a dot. */
unsigned identifier_kept(const char *recorded, enum identifier_kind kind, uint8_t ret[IDENTIFIER_BYTES]);
unsigned identifier_made(const char *name, enum identifier_kind kind, uint32_t attempt, uint8_t ret[IDENTIFIER_BYTES]);

/* Adds what all files have: a dot, if there is none, and the version; returns the bytes. */
unsigned identifier_add_version(uint8_t identifier[IDENTIFIER_BYTES + 3], unsigned bytes);

/* ---- reading ---- */

/*
 * The name of a file without Rock Ridge, as Linux has it with map=normal: lower case, ".;1" and ";1" dropped, other
 * ';' and '/' become '.'; it ends before a NUL.  Whatever the identifier holds, it is a name that a directory can
 * show: 1..255 bytes, no '/', no NUL, not "." or "..".
 */
void identifier_name(const uint8_t *identifier, size_t n, char ret[256]);
/* Makes such a name of n bytes. */
void identifier_settle(char ret[256], size_t n);
/* As it is recorded, without version; "" when it is longer than 39 bytes, or no text. */
void identifier_recorded(const uint8_t *identifier, size_t n, char ret[40]);

#endif
