/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening a stage: deciding whose it is.
 *
 * Below the default root a stage is found by the disc's identity; if there is none, by the provisional identity the
 * disc had while it was blank.  What is there counts as this disc's when
 *	it was bound to this identity since (our burn finished: the directory gets its new name), or
 *	it was begun blank, with this provisional identity, and a commit is under way (recovery decides, then calls
 *	stage_rebind).
 * Any other is left alone: blank discs of one kind share a provisional identity.  That of a blank image, which has path
 * and inode in it, is also looked for by the inode: the file may have been renamed.
 *
 * Copies of an image have one identity, and a directory each: the identity's name, and that name with a number.  Which
 * is whose is the matter of origin.c.  One begun on this very file comes first, then one whose file is gone and which
 * this one certainly is; when there is only that of another one, nothing is taken unless the user says so.
 *
 * A stage that is this disc's, holds something and has no commit under way must also match the disc's fingerprint,
 * unless the disc is blank.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/printable.h"
#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

#define OPEN_TRIES 8

/* What one attempt to open needs. */
struct attempt {
	const struct stage_options *options;
	struct stage_holder *ret_holder;
	char **ret_why;
	struct stage **ret;
	bool candidate; /* a directory of another identity: -ENOENT when it is not this disc's */
	/* Which of several is wanted, -EXDEV any other; WANT_ANY: the one that there is. */
	enum want { WANT_ANY, WANT_SAME, WANT_HEIR, WANT_COPY, WANT_EMPTY } want;
	char *refused; /* why a copy has no stage: it is its original's */
};

/* ---- whose it is ---- */

static bool same(const uint8_t a[32], const uint8_t b[32]) { return !memcmp(a, b, 32); }

static bool is_new(const struct stage *s)
{
	static const uint8_t none[32];

	return same(s->identity.id, none);
}

static bool holds_something(struct stage *s) { return !stage_empty(s) || s->commit.state != STAGE_IDLE; }

static enum stage_kin kin_of(const struct stage *s, char **ret_original)
{
	enum stage_kin kin = stage_kin(&s->origin, s->made_for ? s->made_for : "", s->begun, &s->here, s->disc_path,
				       s->copied ? NULL : ret_original);

	if (!s->copied || kin == KIN_SAME)
		return kin;
	return stage_is_as_private(&s->origin, &s->here) ? KIN_HEIR : KIN_LOST;
}

/* On this very image, under whatever name, and whatever is in it now. */
static bool begun_on_this(const struct stage *s)
{
	return s->here.known && !s->here.device && s->origin.known && kin_of(s, NULL) == KIN_SAME;
}

static bool belongs(const struct stage *s, const struct disc_identity *disc)
{
	if (same(s->identity.id, disc->id) || (disc->is_provisional && s->identity.is_provisional && begun_on_this(s)))
		return true;
	return s->identity.is_provisional && s->commit.state != STAGE_IDLE &&
	       same(s->identity.provisional, disc->provisional);
}

static void describe(const struct disc_fingerprint *f, char *text, size_t length)
{
	if (f->session_lba == UINT32_MAX)
		snprintf(text, length, "blank");
	else
		snprintf(text, length, "newest session at sector %u, next at %u, %llu bytes", f->session_lba,
			 f->next_lba, (unsigned long long)f->image_bytes);
}

static int stale_disc(const struct attempt *a, const struct stage *s)
{
	char was[65], is[65];

	stage_place_hex(s->identity.id, was);
	stage_place_hex(a->options->identity.id, is);
	return why_set(a->ret_why, -ESTALE,
		       "staging directory of another disc: %s holds changes for %s (identity %.12s), not for %s "
		       "(identity %.12s); choose another -o staging=, or see 'cdappendfs-stage list --staging=%s'",
		       s->directory, s->made_for && s->made_for[0] ? s->made_for : "a disc", was,
		       s->disc_path[0] ? s->disc_path : "this disc", is, SHELL_WORD(s->directory));
}

static int stale_state(const struct attempt *a, const struct stage *s)
{
	char was[128], is[128];

	describe(&s->fingerprint, was, sizeof(was));
	describe(&a->options->fingerprint, is, sizeof(is));
	return why_set(
		a->ret_why, -ESTALE,
		"the changes in %s were made for another state of the disc (%s); now it is: %s; another "
		"program has written to it. Put them onto what it is now with 'cdappendfs-stage rebase %s%s%s%s', "
		"save them with 'cdappendfs-stage export %s DIRECTORY', or drop them with 'cdappendfs-stage discard "
		"%s'",
		s->directory, was, is,
		s->by_identity ? "" : "--staging=", s->by_identity ? "" : SHELL_WORD(s->directory),
		s->by_identity ? "" : " ", s->disc_path[0] ? SHELL_WORD(s->disc_path) : "DISC",
		SHELL_WORD(s->directory), SHELL_WORD(s->directory));
}

/* "user 1001"; an empty text where it is not known. */
static void describe_owner(const struct stage_origin *o, char text[40])
{
	text[0] = 0;
	if (o->owned)
		snprintf(text, 40, " (of user %" PRIu32 ")", o->uid);
}

/* What was staged for the original of this copy. */
static int refuse_copy(struct attempt *a, struct stage *s, const char *original)
{
	struct stage_totals t;

	stage_totals(s, &t);
	return why_set(&a->refused, -EXDEV,
		       "what is staged in %s (%" PRIu64 " files and directories, %" PRIu64
		       " bytes) was begun on %s, which is there, too; this is another file, perhaps a "
		       "copy of it. Mount that one; or this one with -o stage=take (it takes what is staged), "
		       "-o stage=new or another -o staging= (a stage of its own) or -o ro; or drop what is staged "
		       "with 'cdappendfs-stage discard %s'",
		       s->directory, t.nodes, t.body_bytes, original, SHELL_WORD(original));
}

/* What was staged for a file of which nothing is there. */
static int refuse_lost(struct attempt *a, struct stage *s)
{
	char was[40], is[40];
	struct stage_totals t;

	stage_totals(s, &t);
	describe_owner(&s->origin, was);
	describe_owner(&s->here, is);
	return why_set(
		&a->refused, -EXDEV,
		"what is staged in %s (%" PRIu64 " files and directories, %" PRIu64
		" bytes) was begun on %s%s, of which nothing is there now, or cannot be seen; whether this file%s is "
		"what has become of it is not certain. If it is, mount it with -o stage=take (it takes what is "
		"staged); if not, with -o stage=new or another -o staging= (a stage of its own) or -o ro; or drop "
		"what is staged with 'cdappendfs-stage discard %s'",
		s->directory, t.nodes, t.body_bytes, s->made_for && s->made_for[0] ? s->made_for : "a disc", was, is,
		SHELL_WORD(s->directory));
}

/* Has another file burned it, or this one something else?  Then this one has nothing to take. */
static bool went_another_way(const struct stage *s, const struct stage_options *o)
{
	return s->commit.state == STAGE_IDLE && !disc_same_state(&s->fingerprint, &o->fingerprint);
}

/* -EXDEV: it is not the one that is wanted. */
static int claim(struct stage *s, struct attempt *a)
{
	_free_ char *original = NULL;
	enum stage_kin kin = kin_of(s, &original);
	enum want is = kin == KIN_SAME ? WANT_SAME : kin == KIN_HEIR ? WANT_HEIR : WANT_COPY;

	if (kin == KIN_OLDER || (kin == KIN_COPY && went_another_way(s, a->options))) {
		if (a->want != WANT_ANY)
			return -EXDEV;
		_free_ char *at = NULL;

		(void)stage_original(&s->origin, s->made_for ? s->made_for : "", &s->here, s->disc_path, &at);
		return a->options->claim == STAGE_TAKE ? 0 : refuse_copy(a, s, at ? at : "another file");
	}
	if (is == WANT_COPY && a->options->claim != STAGE_TAKE)
		(void)(kin == KIN_LOST ? refuse_lost(a, s) : refuse_copy(a, s, original ? original : "another file"));
	if (a->want == WANT_ANY)
		return is == WANT_COPY && a->options->claim != STAGE_TAKE ? -EXDEV : 0;
	return a->want == is ? 0 : -EXDEV;
}

/* The file was renamed, or is another one: the stage goes with it. */
static int follow(struct stage *s, const struct stage_options *o)
{
	const struct disc_fingerprint same_state = s->fingerprint;

	if (!s->read_only && s->identity.is_provisional && o->identity.is_provisional &&
	    !same(s->identity.id, o->identity.id))
		return stage_state_bind(s, &o->identity, &same_state);
	if (s->read_only || !s->here.known ||
	    (s->made_for && !strcmp(s->made_for, s->disc_path) && s->origin.known && s->origin.ino == s->here.ino &&
	     s->origin.dev == s->here.dev && s->origin.born.tv_sec == s->here.born.tv_sec && s->origin.owned &&
	     s->origin.uid == s->here.uid && s->origin.gid == s->here.gid && s->origin.mode == s->here.mode &&
	     !s->copied))
		return 0;
	return stage_state_put_origin(s);
}

/* Nothing is staged in it: whatever it was, it is this disc's from now on. */
static int begin_anew(struct stage *s, const struct stage_options *o)
{
	bool other = !same(s->identity.id, o->identity.id);
	int r = 0;

	if (other && !is_new(s)) {
		r = stage_state_delete(s, "result");
		if (!r)
			r = stage_state_forget_failed_lba(s);
		if (!r)
			r = stage_state_delete(s, "ino_limit");
		if (!r)
			r = stage_state_delete(s, "set");
		s->next_ino = s->ino_limit = 1;
	}
	if (!r && (other || o->identity.is_provisional) && kin_of(s, NULL) != KIN_SAME)
		r = stage_forget_capacity(s);
	if (!r)
		r = stage_state_bind(s, &o->identity, &o->fingerprint);
	return r;
}

/* What was staged for a blank disc has nothing to do with what is burned: a rewritable disc that was blanked again is
 * as good. */
static bool still_blank(const struct stage *s, const struct stage_options *o)
{
	return s->identity.is_provisional && o->identity.is_provisional && o->fingerprint.session_lba == UINT32_MAX;
}

static int rebind_blank(struct stage *s, const struct stage_options *o)
{
	int r = s->read_only ? 0 : stage_state_forget_failed_lba(s);

	return r || s->read_only ? r : stage_state_bind(s, &o->identity, &o->fingerprint);
}

/* One that is kept for what it says of its disc goes to that one first. */
static bool wants_empty(const struct stage *s, const struct attempt *a)
{
	enum stage_kin kin = s->capacity_kept ? kin_of(s, NULL) : KIN_HEIR;

	switch (a->want) {
	case WANT_ANY:
		return true;
	case WANT_SAME:
		return kin == KIN_SAME;
	case WANT_EMPTY:
		return kin != KIN_COPY && kin != KIN_OLDER;
	default:
		return false;
	}
}

/* Rows that say nothing cost nothing: only what changed is written. */
static int judge(struct stage *s, struct attempt *a)
{
	const struct stage_options *o = a->options;
	int r;

	if (a->candidate && !belongs(s, &o->identity))
		return holds_something(s) && begun_on_this(s) && o->claim != STAGE_NEW ? stale_state(a, s) : -ENOENT;
	if (!holds_something(s)) {
		if (!wants_empty(s, a))
			return -EXDEV;
		if (s->read_only ||
		    (same(s->identity.id, o->identity.id) && same(s->identity.provisional, o->identity.provisional) &&
		     disc_same_state(&s->fingerprint, &o->fingerprint)))
			return follow(s, o);
		return begin_anew(s, o);
	}
	if (!belongs(s, &o->identity))
		return begun_on_this(s) ? stale_state(a, s) : stale_disc(a, s);
	r = claim(s, a);
	if (r)
		return r;
	if (s->commit.state != STAGE_IDLE || disc_same_state(&s->fingerprint, &o->fingerprint))
		return follow(s, o);
	r = still_blank(s, o) ? rebind_blank(s, o) : stale_state(a, s);
	return r ? r : follow(s, o);
}

/* ---- opening ---- */

static int finish_open(struct stage *s, const struct stage_options *o)
{
	if (s->read_only)
		return 0;
	stage_bodies_sweep(s);
	if (s->next_ino < max_u64(o->next_ino, 1))
		s->next_ino = s->ino_limit = max_u64(o->next_ino, 1);
	stage_place_write_lock(s);
	int r = stage_sync(s);
	return r ? r : stage_place_mark(s);
}

/* A mount has it.  Of another file with this identity: that has a stage of its own. */
static int in_use(struct attempt *a, const struct stage_holder *holder)
{
	const struct stage_options *o = a->options;
	struct stage_origin now;
	enum stage_kin kin;

	stage_origin_of(o->disc_path ? o->disc_path : "", &now);
	if (holder->origin.known && now.known && a->want != WANT_ANY) {
		kin = stage_kin(&holder->origin, holder->disc[0] ? holder->disc : "/", holder->begun, &now,
				o->disc_path, NULL);
		/* It is mounted, so it is there, whatever has become of its name. */
		if (kin == KIN_COPY || kin == KIN_HEIR || kin == KIN_LOST)
			return why_set(&a->refused, -EXDEV,
				       "its original, or a copy of it, is mounted at %s and has something staged: "
				       "unmount that one, or give this one a stage of its own with -o stage=new or "
				       "another -o staging=",
				       holder->mountpoint);
		if (kin == KIN_OLDER)
			return -EXDEV;
	}
	if (a->ret_holder)
		*a->ret_holder = *holder;
	return -EBUSY;
}

/* p->why says what of it. */
static int say_why(const struct attempt *a, const struct stage_place *p, int error)
{
	if (error == -EACCES && p->why)
		return why_set(a->ret_why, error, "%s", p->why);
	return error == -EBADMSG && p->path ? stage_say_damaged(p->path, p->why, a->ret_why) : error;
}

static int open_at(struct attempt *a, struct stage_place *p, const char *name)
{
	_cleanup_(stage_freep) struct stage *s = NULL;
	enum place_how how = a->options->read_only			       ? PLACE_READ :
			     a->candidate || (a->want && a->want < WANT_EMPTY) ? PLACE_LOOK :
										 PLACE_CREATE;
	struct stage_holder holder = {.pid = 0};
	char bound[65] = "", hex[65];
	int r = stage_place_open(p, name, how, &holder, bound, a->ret_why);

	stage_place_hex(a->options->identity.id, hex);
	if (r == -EBUSY && a->candidate && strcmp(bound, hex) != 0)
		return -ENOENT; /* a mount of another disc that was blank once */
	if (r == -EBUSY)
		return in_use(a, &holder);
	if (!r && (r = stage_open_place(p, a->options, &s)) < 0)
		r = say_why(a, p, r);
	if (r == -EPROTO && !s && p->path)
		why_set(a->ret_why, r, "the stage in %s is of a later version of cdappendfs: use that one", p->path);
	if (!r && (r = stage_sound(s)) == -EBADMSG)
		stage_say_damaged(s->directory, s->why, a->ret_why);
	if (!r) {
		stage_lock(s);
		r = judge(s, a);
		stage_unlock(s);
	}
	if (!r && !s->read_only && (r = stage_numbers_sound(s, a->options->next_ino)) == -EBADMSG)
		stage_say_damaged(s->directory, s->why, a->ret_why);
	if (!r)
		r = stage_rename(s, &a->options->identity);
	if (!r)
		r = finish_open(s, a->options);
	if (!r)
		*a->ret = TAKE_PTR(s);
	return r;
}

static int open_named(struct attempt *a, const char *name)
{
	_cleanup_(stage_place_releasep) struct stage_place p = STAGE_PLACE_NONE;
	int r = stage_place_open_root(&p, false, a->ret_why);

	return r ? r : open_at(a, &p, name);
}

/* The directory that it had while it was blank.  -ENOENT: there is none. */
static int open_of_blank(struct attempt *a)
{
	char was[65];
	int r;

	stage_place_hex(a->options->identity.provisional, was);
	a->candidate = true;
	a->want = WANT_ANY;
	r = open_named(a, was);
	a->candidate = false;
	return r;
}

/* Under another name, or for what was in the file before another program changed that beyond knowing: whose inode is
 * it?  -ENOENT: nobody's. */
static int open_of_inode(struct attempt *a, const struct stage_place *root)
{
	struct stage_origin now;
	char **names;
	size_t n;
	int r;

	stage_origin_of(a->options->disc_path ? a->options->disc_path : "", &now);
	if (!now.known || now.device)
		return -ENOENT;
	r = stage_place_names(root, NULL, &names, &n);
	if (r)
		return r;
	a->candidate = true;
	a->want = WANT_ANY;
	r = -ENOENT;
	for (size_t i = 0; i < n && r == -ENOENT; i++) {
		struct stage_about about = {0};
		_free_ char *path = NULL;

		if (asprintf(&path, "%s/%s", root->path, names[i]) < 0) {
			path = NULL;
			r = -ENOMEM;
		} else if (stage_about(path, &about, NULL, NULL) == 0 && about.origin.known &&
			   about.origin.ino == now.ino && about.origin.dev == now.dev) {
			r = open_named(a, names[i]);
		}
		stage_about_release(&about);
	}
	a->candidate = false;
	stage_list_free(names, n);
	return r;
}

/* The first of these directories that is what is wanted, or the first error.  -EXDEV: none is. */
static int open_one(struct attempt *a, char *const *names, size_t n, enum want want)
{
	int r = -EXDEV;

	a->want = want;
	for (size_t i = 0; i < n && r == -EXDEV; i++) {
		r = open_named(a, names[i]);
		if (r == -ENOENT)
			r = -EXDEV; /* it has just gone */
	}
	return r;
}

static bool has_name(char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* A new one: by the identity, or beside those of other files with it. */
static int open_new(struct attempt *a, char *const *names, size_t n, const char *hex)
{
	char name[STAGE_LEAF_MAX];

	if (a->options->read_only)
		return -ENOENT;
	snprintf(name, sizeof(name), "%s", hex);
	for (unsigned i = 1; has_name(names, n, name); i++)
		snprintf(name, sizeof(name), "%s-%u", hex, i);
	a->want = WANT_EMPTY;
	return open_named(a, name);
}

static int refuse(struct attempt *a)
{
	if (a->ret_why) {
		free(*a->ret_why);
		*a->ret_why = TAKE_PTR(a->refused);
	}
	return -ESTALE;
}

static int open_of_several(struct attempt *a, char *const *names, size_t n, const char *hex)
{
	int r = open_one(a, names, n, WANT_SAME);

	if (r == -EXDEV)
		r = open_one(a, names, n, WANT_HEIR);
	if (r == -EXDEV && a->options->claim == STAGE_TAKE)
		r = open_one(a, names, n, WANT_COPY);
	if (r == -EXDEV && a->refused && a->options->claim != STAGE_NEW)
		return refuse(a);
	if (r == -EXDEV)
		r = open_one(a, names, n, WANT_EMPTY);
	return r == -EXDEV ? open_new(a, names, n, hex) : r;
}

static int open_by_identity(struct attempt *a)
{
	_cleanup_(stage_place_releasep) struct stage_place root = STAGE_PLACE_NONE;
	char hex[65], **names = NULL;
	size_t n = 0;
	int r = stage_place_open_root(&root, !a->options->read_only, a->ret_why);

	if (r)
		return r;
	stage_place_hex(a->options->identity.id, hex);
	r = stage_place_names(&root, hex, &names, &n);
	if (r)
		return r;
	r = a->options->identity.is_provisional ? -ENOENT : open_of_blank(a);
	if (r == -ENOENT && n == 0)
		r = open_of_inode(a, &root);
	if (r == -ENOENT)
		r = n ? open_of_several(a, names, n, hex) : open_new(a, names, n, hex);
	stage_list_free(names, n);
	return r == -EXDEV ? refuse(a) : r;
}

static int open_given(struct attempt *a)
{
	_cleanup_(stage_place_releasep) struct stage_place p = STAGE_PLACE_NONE;
	int r;

	a->want = WANT_ANY;
	r = open_at(a, &p, a->options->directory);
	return r == -EXDEV ? refuse(a) : r;
}

int stage_open(const struct stage_options *options, struct stage **ret, struct stage_holder *ret_holder, char **ret_why)
{
	struct attempt a = {.options = options, .ret_holder = ret_holder, .ret_why = ret_why, .ret = ret};
	int r = -EAGAIN;

	if (ret_why)
		*ret_why = NULL;
	for (int i = 0; r == -EAGAIN && i < OPEN_TRIES; i++)
		r = options->directory ? open_given(&a) : open_by_identity(&a);
	free(a.refused);
	if (!r && ret_why) {
		free(*ret_why);
		*ret_why = NULL;
	}
	return r == -EAGAIN ? -EBUSY : r;
}
