/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which stage is meant.
 *
 * The user names a disc as it was mounted, or where it is now; the disc may be gone, may be another file of that
 * name, or may be a copy.  So each stage is asked what it knows, and the best answer is taken, if it is one:
 *	1. it was begun on this very file (inode), or its directory is named;
 *	2. its disc was at this path;
 *	3. it is for this disc by its identity, and this is certain to be what has become of the file it was begun on (a
 *	   disc that was moved, any drive).  Where that is not certain, both have to be named.
 * A journal that cannot be read still has the identity in the name of its directory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "fs/salvage/internal.h"

enum rank { RANK_NONE, RANK_COPY, RANK_LOST, RANK_HEIR, RANK_PATH, RANK_FILE };

struct wanted {
	const char *disc; /* as given */
	char *path;	  /* absolute */
	struct stage_origin origin;
	bool has_identity;
	struct disc_identity identity;
};

int salvage_open_disc(const char *path, struct disc **ret, struct disc_identity *ret_identity, const char **ret_why)
{
	const struct disc_open_options o = {.writable = false};
	struct disc *d;
	int r;

	*ret_why = NULL;
	r = disc_open_path(path, &o, &d, ret_why);
	if (r < 0)
		return r;
	r = disc_identity(d, ret_identity);
	if (r < 0) {
		disc_close(d);
		return r;
	}
	*ret = d;
	return 0;
}

static bool same_id(const uint8_t a[32], const uint8_t b[32]) { return memcmp(a, b, 32) == 0; }

bool salvage_same_disc(const struct disc_identity *stage, const struct stage_origin *origin,
		       const struct disc_identity *disc, const char *path)
{
	struct stage_origin now;

	if (same_id(stage->id, disc->id))
		return true;
	if (!stage->is_provisional)
		return false;
	/* Begun while it was blank: on this file, or (a drive) on a medium like this one. */
	stage_origin_of(path, &now);
	if (now.known && origin->known && !now.device)
		return now.ino == origin->ino && now.dev == origin->dev && stage_same_file(origin, path, &now, path);
	return same_id(stage->provisional, disc->provisional);
}

int salvage_in_use(char **ret_why, const char *directory, const struct stage_holder *holder)
{
	if (holder->user == STAGE_FINISHING)
		return why_set(ret_why, -EBUSY, "process %d is burning what is staged in %s: wait for it", holder->pid,
			       directory);
	if (!holder->mountpoint[0])
		return why_set(ret_why, -EBUSY, "process %d has the stage %s in use: wait for it", holder->pid,
			       directory);
	return why_set(ret_why, -EBUSY,
		       "it is mounted at %s (process %d): burn what is staged with 'cdappendfs-sync %s', drop it with "
		       "'cdappendfs-sync --discard %s', copy it from there, or unmount it first",
		       holder->mountpoint, holder->pid, SHELL_WORD(holder->mountpoint), SHELL_WORD(holder->mountpoint));
}

/* ---- the directory ---- */

/* 1, 0, or -errno. */
static int is_stage(const char *directory)
{
	static const char *const names[] = {"journal.db", "journal.made", "bodies"};
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", directory, names[i]) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		if (lstat(path, &st) == 0)
			return 1;
		if (errno != ENOENT && errno != ENOTDIR)
			return -errno;
	}
	return 0;
}

static int given(const char *directory, char **ret, char **ret_why)
{
	_free_ char *real = realpath(directory, NULL);
	int is = real ? is_stage(real) : -errno;

	if (is < 0)
		return why_set(ret_why, is, "%s: %s", directory, strerror(-is));
	if (!is)
		return why_set(ret_why, -ENOENT, "nothing is staged in %s", directory);
	*ret = TAKE_PTR(real);
	return 0;
}

/* ---- among all ---- */

static enum rank rank_of(const struct wanted *w, const char *disc_path, const struct stage_origin *origin,
			 const struct disc_identity *identity)
{
	_free_ char *original = NULL;
	bool at_path;

	if (!origin->device && stage_same_file(origin, disc_path, &w->origin, w->path))
		return RANK_FILE;
	at_path = disc_path[0] && strcmp(disc_path, w->path) == 0;
	/* Another file has its path now. */
	if (at_path && w->origin.known && origin->known && !origin->device &&
	    !stage_is_heir(origin, disc_path, &w->origin, w->path))
		return RANK_LOST;
	if (at_path)
		return RANK_PATH;
	if (!w->has_identity || !identity || !same_id(identity->id, w->identity.id))
		return RANK_NONE;
	if (stage_original(origin, disc_path, &w->origin, w->path, &original) != -ENOENT)
		return RANK_COPY;
	return (origin->device && w->origin.device) || stage_is_heir(origin, disc_path, &w->origin, w->path) ?
		       RANK_HEIR :
		       RANK_LOST;
}

/* A journal that is in use or damaged: by the holder's words, or by the name of its directory. */
static enum rank rank_unread(const struct wanted *w, const char *directory, int error,
			     const struct stage_holder *holder)
{
	const char *leaf = path_last(directory);
	char hex[65];

	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", w->identity.id[i]);
	if (error == -EBUSY && holder->origin.known)
		return rank_of(w, holder->disc, &holder->origin, NULL);
	return w->has_identity && strncmp(leaf, hex, 64) == 0 ? RANK_HEIR : RANK_NONE;
}

static enum rank rank(const struct wanted *w, const char *directory, bool *ret_unread)
{
	struct stage_about about = {0};
	struct stage_holder holder = {.pid = 0};
	enum rank found;
	int r = stage_about(directory, &about, &holder, NULL);

	found = r < 0 ? rank_unread(w, directory, r, &holder) :
			rank_of(w, about.disc_path, &about.origin, &about.identity);
	stage_about_release(&about);
	*ret_unread = r < 0 && r != -ENOENT && found == RANK_NONE;
	return found;
}

/* unread: one that cannot be read, and may be for it; NULL: there is none. */
static int none_found(const struct wanted *w, const char *copy, const char *unread, char **ret_why)
{
	struct stat st;

	if (copy)
		return why_set(
			ret_why, -ENOENT,
			"nothing is certain to be staged for %s; something is for a disc that it may be a copy of, in "
			"%s: name that disc, or that directory, or that with --staging= and this one",
			w->disc, copy);
	if (unread)
		return why_set(ret_why, -ENOENT,
			       "nothing is staged for it that can be read; what cannot, in %s, may be for it: see "
			       "'cdappendfs-stage list', and name the directory instead of the disc",
			       unread);
	if (stat(w->path, &st) < 0 && errno == ENOENT)
		return why_set(
			ret_why, -ENOENT,
			"no such file, and nothing is staged for a disc of that name; see 'cdappendfs-stage list'");
	return why_set(
		ret_why, -ENOENT,
		"nothing is staged for it; see 'cdappendfs-stage list', and --staging=DIR when it was mounted with "
		"-o staging=DIR");
}

static int choose(const struct wanted *w, char *const *all, size_t n, char **ret, char **ret_why)
{
	const char *unread = NULL;
	enum rank best = RANK_NONE;
	size_t at = 0, equal = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_unread;
		enum rank is = rank(w, all[i], &is_unread);

		unread = is_unread ? all[i] : unread;
		equal = is > best ? 1 : equal + (is == best);
		at = is > best ? i : at;
		best = is > best ? is : best;
	}
	if (best <= RANK_LOST)
		return none_found(w, best >= RANK_COPY ? all[at] : NULL, unread, ret_why);
	if (equal > 1)
		return why_set(
			ret_why, -ENOTUNIQ,
			"several stages are for a disc of that name, %s is one: name the directory instead of the "
			"disc; see 'cdappendfs-stage list'",
			all[at]);
	*ret = strdup(all[at]);
	return *ret ? 0 : -ENOMEM;
}

static char *absolute(const char *path)
{
	char *real = realpath(path, NULL), *result;

	if (real)
		return real;
	if (path[0] == '/')
		return strdup(path);
	_free_ char *here = getcwd(NULL, 0);
	return here && asprintf(&result, "%s/%s", here, path) >= 0 ? result : NULL;
}

/* A directory that was given, for a disc: what is staged there for another one is not this one's to drop. */
static int check_given(const struct wanted *w, const char *directory, char **ret_why)
{
	struct stage_about about = {0};
	struct stage_holder holder = {.pid = 0};
	int r = 0;

	/* In use or damaged: that is told, or asked for, by who opens it. */
	if (stage_about(directory, &about, &holder, NULL) == 0 &&
	    rank_of(w, about.disc_path, &about.origin, &about.identity) <= RANK_COPY)
		r = why_set(ret_why, -ENOENT,
			    "what is staged in %s is for %s, not for it: name that disc, or the directory instead of "
			    "the disc",
			    directory, about.disc_path[0] ? about.disc_path : "another disc");
	stage_about_release(&about);
	return r;
}

int salvage_find(const char *staging, const char *disc, char **ret_directory, char **ret_why)
{
	struct wanted w = {.disc = disc};
	_cleanup_(disc_closep) struct disc *d = NULL;
	const char *why;
	char **all = NULL;
	size_t n = 0;
	int r;

	if (is_stage(disc) > 0)
		return given(disc, ret_directory, ret_why);
	r = staging ? given(staging, ret_directory, ret_why) : 0;
	if (r < 0)
		return r;
	w.path = absolute(disc);
	if (!w.path)
		return -ENOMEM;
	stage_origin_of(w.path, &w.origin);
	w.has_identity = salvage_open_disc(w.path, &d, &w.identity, &why) == 0;
	if (staging) {
		r = check_given(&w, *ret_directory, ret_why);
	} else {
		r = stage_list(&all, &n, ret_why);
		if (r == 0)
			r = choose(&w, all, n, ret_directory, ret_why);
		stage_list_free(all, n);
	}
	free(w.path);
	return r;
}
