/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress.h - how far a commit is: the figures, and a line of a terminal that shows them
 */
#ifndef FS_CONTROL_PROGRESS_H
#define FS_CONTROL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "burner/base/json.h"

/* phase: "preparing", "burning", "verifying", "publishing", "rebasing"; "idle" or "": nothing is under way. */
struct burning {
	char phase[32];
	uint64_t done_bytes, all_bytes; /* of the phase; all_bytes 0: it has no measure */
	bool has_rate;			/* these are known: */
	uint64_t bytes_per_second, seconds_left;
};

static inline bool burning_idle(const struct burning *b) { return !b->phase[0] || strcmp(b->phase, "idle") == 0; }
/* Rate and time left of a phase that has taken passed_ms; unknown in its first half second. */
void burning_measure(struct burning *b, int64_t passed_ms);
/* The members of a JSON object, and back from its text. -EINVAL. */
void burning_json(struct json *j, const struct burning *b);
int burning_parse(const char *object, struct burning *ret);
/* "burning     25%  5.0 MiB of 20.0 MiB  1.7 MiB/s  0:09 left" */
#define BURNING_TEXT 160u
const char *burning_text(const struct burning *b, char text[BURNING_TEXT]);

/* One line on standard error that is written over; silent when that is no terminal. */
struct progress {
	bool shown;
	char phase[32];
	int64_t drawn_ms; /* CLOCK_MONOTONIC: of the last drawing */
};
/* quiet: as if it were no terminal. */
enum progress_use { PROGRESS_AUTO, PROGRESS_QUIET };
void progress_init(struct progress *p, enum progress_use use);
void progress_report(void *progress, const struct burning *b);
/* Wipes the line, so that other text may follow. */
void progress_clear(struct progress *p);

#endif
