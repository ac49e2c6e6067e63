/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h - when a mount burns by itself: -o commit=
 *
 * The commit's thread looks every two seconds.  Whatever the policy, nothing is burned so while a file is open for
 * writing and was written lately: what is half there is not for a disc.
 */
#ifndef FS_COMMIT_POLICY_H
#define FS_COMMIT_POLICY_H

#include <stdbool.h>
#include <stdint.h>

enum policy_when {
	POLICY_UNMOUNT, /* only when it is unmounted, as all of them but the next one do besides */
	POLICY_MANUAL,	/* only when asked */
	POLICY_IDLE,	/* when nothing was changed for a while */
	POLICY_STAGED,	/* when so much is staged */
	POLICY_DAILY,	/* a day after the newest session */
};

struct commit_policy {
	enum policy_when when;
	uint32_t seconds; /* of idle */
	uint64_t bytes;	  /* of staged */
	char text[32];	  /* as it was given: "idle=10m"; "" unmount */
};

/* "unmount", "manual", "idle=10m", "staged=4G", "daily".  -EINVAL: it is none of them. */
int policy_parse(const char *text, struct commit_policy *ret);
const char *policy_text(const struct commit_policy *p);

struct policy_now {
	bool changed; /* something is staged */
	uint64_t staged_bytes;
	int64_t idle_ms;   /* since something was changed last */
	int64_t burned_ms; /* since the newest session was burned; of a blank disc since it was mounted */
};

/* How long ago a session was made that is dated so, in seconds, at the real time `now` in milliseconds. Without a
 * date (0), or with one that is yet to come, `otherwise`: a clock that was wrong once puts nothing off for years. */
int64_t policy_burned_ms(int64_t created, int64_t now, int64_t otherwise);

#define POLICY_NOT_KNOWN INT64_MAX
/* So long until it burns; 0: now.  POLICY_NOT_KNOWN: nothing is staged, or what is to come tells. */
int64_t policy_due_ms(const struct commit_policy *p, const struct policy_now *now);
/* How long a file that is open for writing must be left alone. */
int64_t policy_quiet_ms(const struct commit_policy *p);

#endif
