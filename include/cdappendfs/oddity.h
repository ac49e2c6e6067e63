/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * oddity.h - what a further session would lose or let go stale, or what of a disc contradicts itself
 *
 * Such a disc is mounted, and no session is made of it before the user has accepted it by its name (-o
 * accept=NAME:NAME…).  Some are seen when the disc is opened (then it is mounted read-only), some only when the
 * directory concerned is read (then the commit fails, and all stays staged).
 */
#ifndef CDAPPENDFS_ODDITY_H
#define CDAPPENDFS_ODDITY_H

#include <stdint.h>

enum oddity {
	ODDITY_UDF,	   /* a UDF tree beside the ISO 9660 one (ECMA-167); -o drop-udf is its older name */
	ODDITY_HFS,	   /* the same of HFS or HFS+ */
	ODDITY_TREES,	   /* names in another tree of ISO 9660 than the shown one: Joliet, the enhanced one, … */
	ODDITY_ASSOCIATED, /* associated files (ECMA-119 9.1.6) */
	ODDITY_TAIL,	   /* something behind the newest session that would be overwritten */
	/* A disc that contradicts itself. What is shown is what Linux' isofs shows: */
	ODDITY_DESCRIPTORS, /* fields of a volume descriptor that ECMA-119 8.4 does not allow */
	ODDITY_ROOT,	    /* one of two trees has an empty root directory, or none */
	ODDITY_ROCK_RIDGE,  /* Rock Ridge entries that no ER announces beside a Joliet tree, or that break off */
	ODDITY_DIRECTORIES, /* a directory whose "." says otherwise than what leads to it, or with a sector of zeros */
	ODDITY_BYTE_ORDERS, /* a number in both byte orders whose halves differ */
	ODDITY_TYPES,	    /* a record and its Rock Ridge entries say that it is of different types */
	ODDITY_ATTRIBUTES,  /* extended attributes that are damaged, or more than a session can hold */
	ODDITY_CHAIN,	    /* an older session is not the one that a newer one was burned upon (proof.h) */
	ODDITY_N
};
typedef uint32_t oddities; /* a set: 1 << enum oddity */
#define ODDITY_BIT(o) ((oddities)1 << (o))

/* As after accept=. Static. */
const char *oddity_name(enum oddity o);
/* Why nothing is appended, and the option that appends all the same.  Static. */
const char *oddity_refusal(enum oddity o);
/* Adds the words of a list to *ret; words are parted by colons.  -EINVAL: one of them is none, *ret stays. */
int oddities_parse(const char *list, oddities *ret);
/* All names, for messages: "udf, …". Static. */
const char *oddities_all(void);

#endif
