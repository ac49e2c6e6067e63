/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * picture.h - a disc drawn from end to end: its sessions, what lies between them, what waits, what is free
 *
 *	struct picture p;
 *	picture_of(&info, &p) -> picture_print(&p, stdout) or picture_svg(&p, out) -> picture_free(&p)
 *
 * It borrows the description.  A disc without bound (an image that may grow) ends where its next session would.
 */
#ifndef FS_SHOW_PICTURE_H
#define FS_SHOW_PICTURE_H

#include <stdint.h>
#include <stdio.h>

#include "fs/control/report.h"

enum picture_kind {
	PICTURE_SESSION,
	PICTURE_BROKEN, /* a burn that failed */
	PICTURE_KEPT,	/* of something else, behind the newest session */
	PICTURE_STAGED, /* waits for the next session */
	PICTURE_GAP,	/* between sessions: run-outs, lead-ins, padding, what is lost */
	PICTURE_FREE,
	PICTURE_KINDS
};

/* Sectors [first, first + n) of the disc, in its order, without holes and without overlaps. */
struct picture_part {
	enum picture_kind kind;
	uint64_t first, n;
	const struct disc_session *session; /* of a session, broken or not; else NULL */
};

struct picture {
	const struct report_info *info;
	struct picture_part *parts;
	size_t n_parts;
	uint64_t sectors;		 /* of the whole; 0: there is nothing to draw */
	uint64_t of_kind[PICTURE_KINDS]; /* sectors */
};

/* -ENOMEM. */
int picture_of(const struct report_info *info, struct picture *ret);
void picture_free(struct picture *p);

/* How it is drawn on a terminal. */
struct picture_style {
	unsigned columns;
	bool colour; /* by ECMA-48 sequences */
	bool utf8;   /* block elements; else ASCII */
};
/* As standard output and the environment have it: the terminal's width, or COLUMNS, or 80; colour on a terminal that
 * has it, unless NO_COLOR is set. */
struct picture_style picture_style(FILE *out);
void picture_print(const struct picture *p, const struct picture_style *style, FILE *out);

/* A file of SVG 1.1 without references to anything outside of it, made to be printed as well.  Errors: ferror(out). */
void picture_svg(const struct picture *p, FILE *out);

#endif
