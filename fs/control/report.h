/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.h - a disc described: what the daemon answers to "info" and what cdappendfs-info prints
 *
 *	struct report_info info;
 *	report_info_init(&info, &state, sessions, n_sessions);		figures of the medium; nothing staged
 *	info.staged_bytes = …; info.free_bytes = …; info.mountpoint = …;	what the caller knows better
 *	report_info_json(out, &info, "info");				one line
 * The other way: report_info_parse() makes such a description of that line again, so that text and JSON cannot differ.
 *
 * The struct borrows all it points to. Threads: none of this has state.
 */
#ifndef FS_CONTROL_REPORT_H
#define FS_CONTROL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cdappendfs/disc.h"
#include "burner/base/own.h"
#include "fs/control/progress.h"

struct report_info {
	const char *medium; /* disc_state.name */
	bool blank, appendable, overwritable;
	bool unbounded;			/* an image that grows while its file system has room */
	const char *why_not_appendable; /* NULL when it is */
	uint64_t capacity_bytes;	/* an image without bound: what is used and what its file system has left */
	uint64_t used_bytes;
	uint64_t free_bytes; /* for further data, the next session's own cost and what is staged taken off */
	/* data and records that wait for the next session, about; 0: nothing is staged */
	uint64_t staged_bytes;
	uint64_t kept_bytes;	  /* of something else, between the newest session and the next */
	uint32_t next_lba;	  /* where the next session starts */
	uint64_t files_in_pieces; /* of the newest session, as it says; PIECES_UNKNOWN */
	const uint8_t *digest;	  /* of the newest session that can be mounted; NULL: it has none, or it is not known */
	const struct disc_session *sessions;
	size_t n_sessions;
	struct burning burning; /* idle: nothing is under way, as far as is known */
	/* NULL when unknown or not so: */
	const char *disc; /* real path */
	const char *mountpoint;
	const char *staging; /* directory of the stage */
	bool has_stage;	     /* it has one, and of its file system data may take: */
	uint64_t staging_free_bytes;
	const char *commit;  /* when it burns by itself, as the option has it; and next, since the epoch: */
	int64_t next_commit; /* 0: not known */
	const char *device;  /* of the mount, as in mountinfo: MAJOR:MINOR */
};

/* fs/control/report.c */
void report_info_init(struct report_info *ret, const struct disc_state *state, const struct disc_session *sessions,
		      size_t n_sessions);
/* The argument of `mount -o sbsector=` with which Linux mounts that session. */
uint32_t report_sbsector(const struct disc_session *session, bool overwritable);
/* One line with its newline: the keys of README.md, "Commands"; type NULL: without a member "type". Write errors:
 * see ferror(out). */
void report_info_json(FILE *out, const struct report_info *info, const char *type);
/* For people; several lines: what it is, and its sessions, nothing when there is none. Bytes of a disc that could
 * command a terminal are shown as '?'. */
void report_info_text(FILE *out, const struct report_info *info);
void report_sessions_text(FILE *out, const struct report_info *info);

/* -EINVAL: not a line of report_info_json(); -ENOMEM. */
struct report_parsed;
int report_info_parse(const char *line, struct report_parsed **ret);
const struct report_info *report_parsed_info(const struct report_parsed *p);
void report_parsed_free(struct report_parsed *p);
DEFINE_FREEP(struct report_parsed, report_parsed_free)

/* What it means that so many files lie in several pieces, one sentence; returns text. */
#define REPORT_PIECES_TEXT 200u
const char *report_pieces(uint64_t files, char text[REPORT_PIECES_TEXT]);
/* What became of new names in Joliet, one sentence; returns text, NULL: nothing. */
#define REPORT_NAMES_TEXT 240u
const char *report_names(uint64_t changed, uint64_t closed, char text[REPORT_NAMES_TEXT]);

#endif
