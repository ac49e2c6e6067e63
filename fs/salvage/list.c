/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All stages, and why each waits.  Images are looked into; of drives it is not asked which disc they hold, for that
 * takes seconds, and the drive from others.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/salvage/internal.h"

const char *salvage_state_name(enum salvage_state state)
{
	static const char *const names[] = {
		[SALVAGE_WAITING] = "waiting",	       [SALVAGE_MOUNTED] = "mounted", [SALVAGE_FINISHING] = "finishing",
		[SALVAGE_INTERRUPTED] = "interrupted", [SALVAGE_FAILED] = "failed",   [SALVAGE_STALE] = "stale",
		[SALVAGE_REPLACED] = "replaced",       [SALVAGE_GONE] = "gone",	      [SALVAGE_DAMAGED] = "damaged",
	};

	return names[state];
}

__attribute__((format(printf, 3, 4))) static int because(struct salvage_stage *to, enum salvage_state state,
							 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	why_put(&to->why, format, arguments);
	va_end(arguments);
	to->state = state;
	return to->why ? 0 : -ENOMEM;
}

static int of_holder(struct salvage_stage *to, const struct stage_holder *h)
{
	bool finishing = h->user == STAGE_FINISHING;

	to->pid = h->pid;
	to->mountpoint = strdup(h->mountpoint);
	if (finishing)
		return because(to, SALVAGE_FINISHING, "process %d burns it after an unmount", h->pid);
	if (!h->mountpoint[0])
		return because(to, SALVAGE_MOUNTED, "process %d has it in use", h->pid);
	return because(to, SALVAGE_MOUNTED, "mounted at %s (process %d)", h->mountpoint, h->pid);
}

/* As the disc at its path is now. */
static int compare_with_disc(struct salvage_stage *to, struct stage *stage)
{
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct disc_identity was, is;
	struct disc_fingerprint then, now;
	struct stage_origin origin;
	const char *why = NULL;
	int r = salvage_open_disc(to->disc, &d, &is, &why);

	if (r < 0)
		return because(to, SALVAGE_GONE, "its disc cannot be read: %s", why ? why : strerror(-r));
	stage_identity(stage, &was);
	stage_fingerprint(stage, &then);
	stage_origin(stage, &origin);
	r = salvage_same_disc(&was, &origin, &is, to->disc) ? 1 : salvage_grown(stage, d);
	if (r < 0)
		return because(to, SALVAGE_GONE, "its disc cannot be read: %s", strerror(-r));
	if (!r)
		return because(to, SALVAGE_REPLACED, "another disc is at its path");
	r = disc_fingerprint(d, &now);
	if (r < 0)
		return because(to, SALVAGE_GONE, "its disc cannot be read: %s", strerror(-r));
	if (!disc_same_state(&then, &now))
		return because(to, SALVAGE_STALE, "another program has written to the disc (cdappendfs-stage rebase)");
	return 0;
}

static int judge(struct salvage_stage *to, struct stage *stage)
{
	_free_ char *text = NULL;
	struct stage_commit commit;
	struct stat st;
	int r, error = 0;

	stage_commit_get(stage, &commit);
	if (commit.state != STAGE_IDLE)
		return because(to, SALVAGE_INTERRUPTED,
			       "a burn was cut off: the next mount finishes it or takes it back");
	if (stat(to->disc, &st) < 0)
		return because(to, SALVAGE_GONE,
			       errno == ENOENT || errno == ENOTDIR ? "nothing is at its path: %s" :
								     "its path cannot be looked at: %s",
			       strerror(errno));
	if (S_ISREG(st.st_mode)) {
		r = compare_with_disc(to, stage);
		if (r < 0 || to->why)
			return r;
	}
	if (stage_result_get(stage, &error, &text) == 0 && error)
		return because(to, SALVAGE_FAILED, "the last burn failed: %s", text);
	return because(to, SALVAGE_WAITING,
		       S_ISBLK(st.st_mode) ? "waits until its disc is mounted" : "waits for the next mount");
}

/* 1: there is something to tell; 0: it holds nothing. */
static int describe(const char *directory, struct salvage_stage *to)
{
	_cleanup_(stage_closep) struct stage *stage = NULL;
	struct stage_holder holder = {.pid = 0};
	struct stage_about about = {0};
	_free_ char *why = NULL;
	struct stage_commit commit;
	int r = stage_open_directory(directory, NULL, true, &stage, &holder, &why);

	to->directory = strdup(directory);
	to->disc = strdup(stage ? stage_disc_path(stage) : r == -EBUSY ? holder.disc : "");
	if (!to->directory || !to->disc)
		return -ENOMEM;
	if (r == -ENOENT)
		return 0;
	if (r == -EBUSY)
		r = of_holder(to, &holder);
	else if (r < 0)
		r = because(to, SALVAGE_DAMAGED, "%s",
			    why		  ? why :
			    r == -EBADMSG ? "its journal is damaged, emptied or gone" :
					    strerror(-r));
	else {
		if (stage_sound(stage) == -EBADMSG)
			return because(to, SALVAGE_DAMAGED, "its journal says what no cdappendfs writes: %s",
				       stage_blamed(stage)) < 0 ?
				       -ENOMEM :
				       1;
		stage_commit_get(stage, &commit);
		if (stage_empty(stage) && commit.state == STAGE_IDLE)
			return 0;
		to->staged_bytes = stage_bytes(stage);
		if (stage_about(directory, &about, NULL, NULL) == 0)
			to->changed = about.changed;
		stage_about_release(&about);
		r = judge(to, stage);
	}
	return r < 0 ? r : 1;
}

static void release_one(struct salvage_stage *s)
{
	free(s->directory);
	free(s->disc);
	free(s->why);
	free(s->mountpoint);
	*s = (struct salvage_stage){0};
}

void salvage_list_release(struct salvage_stages *s)
{
	for (size_t i = 0; i < s->n; i++)
		release_one(&s->all[i]);
	free(s->all);
	*s = (struct salvage_stages){0};
}

void salvage_list_forget_mounted(struct salvage_stages *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->all[i].state == SALVAGE_MOUNTED && s->all[i].mountpoint && *s->all[i].mountpoint)
			release_one(&s->all[i]);
		else
			s->all[kept++] = s->all[i];
	}
	s->n = kept;
}

static int list_these(char *const *names, size_t n, struct salvage_stages *to)
{
	int r = 0;

	to->all = calloc(n + 1, sizeof(*to->all));
	if (!to->all)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = describe(names[i], &to->all[to->n]);
		if (r == 1)
			to->n++;
		else
			release_one(&to->all[to->n]);
	}
	return r < 0 ? r : 0;
}

int salvage_list(const char *staging, struct salvage_stages *ret, char **ret_why)
{
	struct salvage_stages found = {0};
	_free_ char *one = staging ? realpath(staging, NULL) : NULL;
	char **names = NULL;
	size_t n = 0;
	int r;

	if (staging && !one)
		return -errno;
	r = staging ? list_these(&one, 1, &found) : stage_list(&names, &n, ret_why);
	if (r == 0 && !staging)
		r = list_these(names, n, &found);
	stage_list_free(names, n);
	if (r < 0) {
		salvage_list_release(&found);
		return r;
	}
	*ret = found;
	return 0;
}
