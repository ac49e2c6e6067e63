/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * type_letter.h - the type of a file as one letter, as find -type has it
 */
#ifndef BURNER_BASE_TYPE_LETTER_H
#define BURNER_BASE_TYPE_LETTER_H

#include <stdint.h>
#include <sys/stat.h>

#define TYPE_LETTERS "fdlcbps"

static inline char type_letter(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return 'd';
	case S_IFREG:
		return 'f';
	case S_IFLNK:
		return 'l';
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return 's';
	}
}

#endif
