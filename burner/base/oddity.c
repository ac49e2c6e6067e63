/* SPDX-License-Identifier: GPL-3.0-or-later */
/* oddity.c - the names of what a disc has that a further session would lose, and what is said of it */
#include <errno.h>
#include <string.h>

#include "burner/base/own.h"
#include "cdappendfs/oddity.h"

/* X(bit, name, why) */
#define ODDITIES(X) \
	X(UDF, "udf", "its UDF tree would go stale") \
	X(HFS, "hfs", "its HFS tree would go stale") \
	X(TREES, "trees", "another tree of the disc names what the one that is shown does not, and it would be lost") \
	X(ASSOCIATED, "associated", "the disc has an associated file (a resource fork), which would be lost") \
	X(TAIL, "tail", "something else lies behind its newest session, and would be overwritten") \
	X(DESCRIPTORS, "descriptors", "its volume descriptors are not as the standard has them") \
	X(ROOT, "root", "only one of its two trees has a root directory with names in it") \
	X(ROCK_RIDGE, "rock-ridge", "its Rock Ridge entries are incomplete, so that readers see other names") \
	X(DIRECTORIES, "directories", \
	  "a directory is elsewhere or of another length by its own \".\", or a block of it is empty") \
	X(BYTE_ORDERS, "byte-orders", "a number is another one in the other byte order") \
	X(TYPES, "types", "by its Rock Ridge entries it is of another type than by its record") \
	X(ATTRIBUTES, "attributes", \
	  "its extended attributes are damaged, or more than a session can hold, and would be lost") \
	X(CHAIN, "chain", \
	  "an older session is not the one that a newer one was burned upon, or what says so cannot be read")

#define NAME_OF(bit, name, why) [ODDITY_##bit] = (name),
#define REFUSAL_OF(bit, name, why) [ODDITY_##bit] = why "; -o accept=" name " appends all the same",
#define LISTED(bit, name, why) ", " name

static const char *const names[ODDITY_N] = {ODDITIES(NAME_OF)};
static const char *const refusals[ODDITY_N] = {ODDITIES(REFUSAL_OF)};

const char *oddity_name(enum oddity o) { return names[o]; }

const char *oddity_refusal(enum oddity o) { return refusals[o]; }

const char *oddities_all(void) { return &(ODDITIES(LISTED))[2]; }

int oddities_parse(const char *list, oddities *ret)
{
	oddities found = 0;

	for (;;) {
		size_t n = strcspn(list, ":");
		unsigned o = 0;

		while (o < ODDITY_N && (strlen(names[o]) != n || strncmp(names[o], list, n) != 0))
			o++;
		if (o == ODDITY_N)
			return -EINVAL;
		found |= ODDITY_BIT(o);
		if (!list[n])
			break;
		list += n + 1;
	}
	*ret |= found;
	return 0;
}
