/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue_options.h - what cdappendfs-catalogue was asked, and what its parts share
 */
#ifndef FS_CMD_CATALOGUE_OPTIONS_H
#define FS_CMD_CATALOGUE_OPTIONS_H

#include "burner/base/json.h"
#include "fs/catalogue/catalogue.h"

/* As grep(1): also that nothing is missing, and that something is. */
enum catalogue_status { CATALOGUE_YES = 0, CATALOGUE_NO = 1, CATALOGUE_TROUBLE = 2 };

struct catalogue_options {
	bool json, null, copy, anew, digests, content;
	const char *db, *place, *disc;
	uint64_t min; /* copies */
	char **words;
	int n_words;
};

/* Opens the one that is meant.  What is wrong is told. */
int catalogue_open_asked(const struct catalogue_options *o, enum catalogue_use use, struct catalogue **ret);
/* A disc by number or label; also told. */
int catalogue_find_disc(struct catalogue *c, const char *name, int64_t *ret);
/* Tells it: CATALOGUE_TROUBLE. */
int catalogue_trouble(const char *name, int error, const char *why);

/* "disc 3 LABEL (shelf 3, box B)", to be printed by say(). */
#define DISC_TEXT_BYTES 512u
const char *catalogue_disc_text(const struct catalogue_disc *d, char ret[DISC_TEXT_BYTES]);
/* "session 3", "sessions 2-4" */
#define SESSIONS_TEXT_BYTES 40u
const char *catalogue_sessions_text(const struct catalogue_hit *hit, char ret[SESSIONS_TEXT_BYTES]);
void catalogue_put_hex(struct json *j, const char *key, const uint8_t *bytes, size_t n);
/* As a member of an array. */
void catalogue_hit_json(struct json *j, const struct catalogue_hit *hit);

/* ---- catalogue_add.c, catalogue_files.c ---- */

int catalogue_do_add(const struct catalogue_options *o);
int catalogue_do_where(const struct catalogue_options *o);
int catalogue_do_missing(const struct catalogue_options *o);
int catalogue_do_copies(const struct catalogue_options *o);

#endif
