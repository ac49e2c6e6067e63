/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shown_name.h - what Joliet, and Windows, which shows Joliet names, make of a name
 *
 * Whoever gives a Joliet name can tell here what it lost, and whether Windows can open a file under it.  That two names
 * of a directory are one to Windows is told by who knows them all: shown_case_key().
 */
#ifndef BURNER_FORMAT_SHOWN_NAME_H
#define BURNER_FORMAT_SHOWN_NAME_H

#include <stddef.h>
#include <stdint.h>

enum shown_flags {
	SHOWN_SHORTENED = 1 << 0, /* it has more than 64 characters */
	SHOWN_REPLACED = 1 << 1,  /* characters that Joliet cannot say, or bytes that are none */
	SHOWN_TAKEN = 1 << 2,	  /* another name of the directory had become the same */
	SHOWN_DEVICE = 1 << 3,	  /* Windows: CON, NUL, COM1 …, with or without an extension */
	SHOWN_END = 1 << 4,	  /* Windows: a dot or a blank is the last character */
	SHOWN_CHARACTER = 1 << 5, /* Windows: one of <>" and | */
	SHOWN_CASE = 1 << 6,	  /* Windows: another name differs in capitals alone, and is opened in its place */
};
#define SHOWN_CHANGED (SHOWN_SHORTENED | SHOWN_REPLACED | SHOWN_TAKEN)
#define SHOWN_CLOSED (SHOWN_DEVICE | SHOWN_END | SHOWN_CHARACTER | SHOWN_CASE)

/* All of it but SHOWN_CASE, of a Joliet name (UTF-16BE) that was given to a name. */
unsigned shown_flags(const char *name, const uint8_t *joliet, size_t bytes);

/* Equal for Joliet names that differ in capitals alone, as far as Latin, Greek and Cyrillic have them. */
uint64_t shown_case_key(const uint8_t *joliet, size_t bytes);

/* "shortened,device"; returns text. */
#define SHOWN_WORDS_BYTES 80u
const char *shown_words(unsigned flags, char text[SHOWN_WORDS_BYTES]);

#endif
