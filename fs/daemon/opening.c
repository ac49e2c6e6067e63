/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opening.c - from the command line to a tree
 *
 * A disc is first opened for reading, which takes no lock: its identity finds the stage, and the stage's holder, if
 * there is one, says whether the disc is mounted or the burn of an earlier mount is being finished (then it is waited
 * for, and everything is looked at again, for there is a session more).  With the stage in hand the medium is opened
 * for writing.  If it changed in between, all begins anew.
 */
#include "fs/daemon/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "fs/commit/commit.h"
#include "fs/daemon/holding.h"

#define ATTEMPTS 5

/* ---- paths ---- */

/* Real path of a file that may be missing in a directory that is there. */
static char *real_path_of_new(const char *path)
{
	_free_ char *copy = strdup(path), *other = strdup(path), *directory = NULL;
	char *result;

	if (!copy || !other)
		return NULL;
	directory = realpath(dirname(copy), NULL);
	if (!directory || asprintf(&result, "%s/%s", strcmp(directory, "/") ? directory : "", basename(other)) < 0)
		return NULL;
	return result;
}

static char *absolute_path(const char *path)
{
	_free_ char *here = NULL;
	char *result;

	if (path[0] == '/')
		return strdup(path);
	here = getcwd(NULL, 0);
	return here && asprintf(&result, "%s/%s", here, path) >= 0 ? result : NULL;
}

/* What is open is what was named: no link came in between. */
static bool is_held(const struct opening *o)
{
	char link[FD_PATH_BYTES], path[PATH_MAX];

	fd_path(o->mount_directory, link);
	ssize_t n = readlink(link, path, sizeof(path));
	return n < 0 ? errno == ENOENT : (size_t)n == strlen(o->mountpoint) && !memcmp(path, o->mountpoint, (size_t)n);
}

static int resolve_mountpoint(struct opening *o)
{
	const char *given = o->options->mountpoint;
	struct stat st;

	o->mountpoint = realpath(given, NULL);
	if (o->mountpoint)
		o->mount_directory = open(o->mountpoint, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (!o->mountpoint || o->mount_directory < 0 || fstat(o->mount_directory, &st) < 0)
		return opening_fail(-errno, given,
				    errno == ENOENT ?
					    "the mount point is missing; make it with mkdir" :
				    errno != ENOTCONN ?
					    NULL :
					    "a mount without its daemon is there; take it away with 'fusermount3 "
					    "-u' and try again");
	if (!S_ISDIR(st.st_mode))
		return opening_fail(-ENOTDIR, given, "the mount point is not a directory (DISC comes first)");
	/* Nothing works any more on a system that has something else there. */
	if (!is_held(o))
		return opening_fail(-ESTALE, given, "its path is changing; try again");
	if (strcmp(o->mountpoint, "/") == 0 || strcmp(o->mountpoint, "/proc") == 0 ||
	    strcmp(o->mountpoint, "/sys") == 0 || strcmp(o->mountpoint, "/dev") == 0)
		return opening_fail(-EBUSY, given, "the system needs that directory; take another mount point");
	return 0;
}

static bool is_device_name(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

int opening_resolve(struct opening *o, const struct options *options)
{
	const char *disc = options->disc;
	struct stat st;

	*o = (struct opening){.options = options,
			      .capacity_sectors = options->capacity_sectors,
			      .unbounded = options->unbounded};
	o->disc_path = realpath(disc, NULL);
	if (!o->disc_path && errno == ENOENT && options->create) {
		if (lstat(disc, &st) == 0 && S_ISLNK(st.st_mode))
			return opening_fail(-ENOENT, disc,
					    "a symbolic link to nothing; -o create makes the image by its own name");
		o->disc_path = real_path_of_new(disc);
		if (o->disc_path && is_device_name(o->disc_path))
			return opening_fail(-ENOENT, disc,
					    "no such device; -o create makes image files, and none among devices");
	}
	if (!o->disc_path)
		return opening_fail(-errno, disc,
				    errno != ENOENT	 ? NULL :
				    options->create	 ? "the directory for it is missing" :
				    is_device_name(disc) ? "no such device" :
							   "no such file (-o create makes a blank image)");
	if (options->staging && !(o->staging = absolute_path(options->staging)))
		return opening_fail(-errno, options->staging, NULL);
	return resolve_mountpoint(o);
}

/* ---- the disc ---- */

static int open_disc(const struct opening *o, struct disc_open_options how, struct disc **ret, const char **ret_why)
{
	struct disc *d, *wrapped;
	int r;

	how.capacity_sectors = o->capacity_sectors;
	how.unbounded = o->unbounded;
	how.accepted = o->options->accepted;
	r = disc_open_path(o->disc_path, &how, &d, ret_why);
	wrapped = r < 0 ? NULL : o->options->disc_fault ? disc_wrap_faults(d, o->options->disc_fault) : d;
	if (r == 0 && !wrapped) {
		r = -errno;
		*ret_why = r == -EINVAL ? "the word after disc-fault= is wrong" : NULL;
	}
	if (r == 0 && !(wrapped = opening_wrap_healing(wrapped)))
		r = -errno;
	if (r == 0 && o->options->check == OPTIONS_CHECK_READS && !(wrapped = opening_wrap_checked(o, wrapped)))
		r = -errno;
	if (r == 0)
		*ret = wrapped;
	return r;
}

/* Who asks for a new image means his own, and not one that somebody has put in its place where all may make files: the
 * rule of the kernel's fs.protected_regular. */
static bool is_planted(const struct opening *o)
{
	_free_ char *copy = strdup(o->disc_path);
	struct stat st, above;

	return copy && stat(o->disc_path, &st) == 0 && S_ISREG(st.st_mode) && stat(dirname(copy), &above) == 0 &&
	       above.st_mode & S_ISVTX && above.st_mode & (S_IWGRP | S_IWOTH) && st.st_uid != geteuid() &&
	       st.st_uid != above.st_uid;
}

static int create_image(struct opening *o)
{
	struct disc *d;
	const char *why = NULL;
	int r;

	if (!o->options->create)
		return 0;
	if (is_planted(o))
		return opening_fail(-EACCES, o->disc_path,
				    "another user has made it, in a directory where all may; leave create out if that "
				    "one is meant");
	if (access(o->disc_path, F_OK) == 0)
		return 0;
	r = open_disc(o, (struct disc_open_options){.writable = true, .create = true}, &d, &why);
	if (r < 0)
		return opening_fail(r, o->disc_path, why);
	o->created = fstat(disc_file(d), &o->made) == 0;
	disc_close(d);
	return 0;
}

/* A mount that fails leaves no image behind that it has made: the file is that one, and as empty as it was made.  In a
 * directory of somebody else the name may lead elsewhere at any time, so the one that was looked in is held. */
static void take_image_back(const struct opening *o)
{
	const char *slash = o->created ? strrchr(o->disc_path, '/') : NULL;
	_free_ char *above = slash ? strndup(o->disc_path, (size_t)(slash + 1 - o->disc_path)) : NULL;
	_close_ int parent = above ? open(above, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	struct stat st;

	if (parent >= 0 && fstatat(parent, slash + 1, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == o->made.st_dev &&
	    st.st_ino == o->made.st_ino && st.st_size == 0)
		(void)unlinkat(parent, slash + 1, 0);
}

/* State and sessions of o->disc. */
static int look(struct opening *o)
{
	struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_state(o->disc, &o->state);

	if (!r)
		r = disc_sessions(o->disc, &sessions, &n);
	if (r < 0)
		return opening_fail(r, o->disc_path, NULL);
	free(o->sessions);
	o->sessions = sessions;
	o->n_sessions = n;
	return 0;
}

static int open_reader(struct opening *o)
{
	const char *why = NULL;
	bool said = false;
	int r = 0;

	if (o->disc && o->state.exclusive) { /* ours: to let go of it would invite others */
		r = disc_refresh(o->disc);
		return r < 0 ? opening_fail(r, o->disc_path, NULL) : look(o);
	}
	disc_close(TAKE_PTR(o->disc));
	while (!r && !o->disc) {
		r = open_disc(o, (struct disc_open_options){0}, &o->disc, &why);
		if (r == -EBUSY)
			r = earlier_wait_for_drive(o, why, &said);
		else if (r < 0)
			r = opening_fail(r, o->disc_path, why);
	}
	if (!r)
		r = look(o);
	if (!r && o->state.exclusive && !o->holding) {
		int name = holding_take(o->disc_path);

		o->holding = name < 0 ? 0 : name; /* without it the next mount does not know whom to wait for */
	}
	return r;
}

/* ---- the stage ---- */

/* Stage options for the disc as o->disc shows it now. */
static int describe(const struct opening *o, struct stage_options *ret)
{
	int r;

	*ret = (struct stage_options){.directory = o->staging,
				      .disc_path = o->disc_path,
				      .mountpoint = o->mountpoint,
				      .claim = o->options->claim};
	r = disc_identity(o->disc, &ret->identity);
	if (!r)
		r = disc_fingerprint(o->disc, &ret->fingerprint);
	ret->next_ino = tree_first_ino(o->base, &o->state);
	return r < 0 ? opening_fail(r, o->disc_path, NULL) : 0;
}

/* The capacity of an image is given once: the stage keeps it until a session says it, which all that come then read. */
static int settle_capacity(struct opening *o)
{
	uint64_t sectors = o->state.told_capacity_sectors;
	int r;

	if (o->state.kind != MEDIUM_IMAGE)
		return 0;
	if (o->options->capacity_sectors || o->options->unbounded)
		sectors = o->options->capacity_sectors;
	else
		(void)stage_capacity(o->stage, &sectors);
	r = sectors == o->state.told_capacity_sectors ? stage_forget_capacity(o->stage) :
							stage_keep_capacity(o->stage, sectors);
	o->capacity_sectors = sectors;
	o->unbounded = !sectors;
	return r < 0 ? opening_fail(r, o->disc_path, "the capacity (-o media=) cannot be kept in the staging area") : 0;
}

static int open_stage(struct opening *o, struct disc_fingerprint *ret)
{
	struct stage_options options;
	struct stage_holder holder;
	struct patience patience = {0};

	for (;;) {
		_free_ char *why = NULL;
		int r = open_reader(o);
		if (!r)
			r = opening_base(o);
		if (!r)
			r = describe(o, &options);
		if (r)
			return r;
		r = stage_open(&options, &o->stage, &holder, &why);
		if (r == 0) {
			*ret = options.fingerprint;
			return settle_capacity(o);
		}
		if (r != -EBUSY) {
			log_error("%s: the staging area%s%s cannot be used: %s", o->disc_path, o->staging ? " " : "",
				  o->staging ? o->staging : "", why ? why : strerror(-r));
			return 1;
		}
		r = earlier_wait_for_holder(o, &holder, &patience);
		if (r)
			return r;
	}
}

/* ---- for writing ---- */

static void say_read_only(const struct opening *o, const char *why)
{
	log_notice("%s: %s: it is mounted read-only", o->disc_path, why);
}

/* Why no session is made of this tree before the user has accepted it; NULL: it may be. */
static const char *why_odd(const struct opening *o)
{
	struct iso_info info;
	oddities left;

	if (!o->base)
		return NULL;
	iso_info(o->base, &info);
	left = info.odd & ~o->options->accepted;
	return left ? oddity_refusal((enum oddity)__builtin_ctz(left)) : NULL;
}

static bool is_ours(const struct iso *base)
{
	struct iso_info info;

	iso_info(base, &info);
	return info.ours;
}

/* Whether it is worth a stage; says why not. Whether the medium takes another session is known when it was opened for
 * writing. */
static bool can_be_written(struct opening *o)
{
	const char *odd = why_odd(o);
	struct disc_identity identity;
	int r = disc_identity(o->disc, &identity);

	if (r < 0)
		say_read_only(o, r == -EIO ? "its first session cannot be read, by which its staging area is found" :
					     strerror(-r));
	else if (o->older)
		say_read_only(o, o->state.why_not && strcmp(o->state.why_not, DISC_WHY_OPENED_READ_ONLY) != 0 ?
					 o->state.why_not :
					 o->older);
	else if (faccessat(AT_FDCWD, o->disc_path, W_OK, AT_EACCESS) < 0)
		say_read_only(o, strerror(errno));
	else if (odd)
		say_read_only(o, odd);
	else if (tree_first_ino(o->base, &o->state) == 0)
		say_read_only(o, is_ours(o->base) ?
					 "its newest session gives the root directory's inode number to others" :
					 "no inode numbers are left on so large a disc of another program");
	else
		return true;
	if (odd && (o->state.appendable || !strcmp(o->state.why_not, DISC_WHY_OPENED_READ_ONLY))) {
		o->state.appendable = false;
		o->state.why_not = odd; /* for who asks the mount */
	}
	return false;
}

static void give_back(struct opening *o)
{
	iso_unref(TAKE_PTR(o->base));
	disc_close(TAKE_PTR(o->disc));
	if (o->stage)
		stage_close(TAKE_PTR(o->stage));
}

static void become_read_only(struct opening *o)
{
	o->read_only = true;
	if (!stage_empty(o->stage))
		log_notice(
			"%s: what was staged for it stays in %s: 'cdappendfs-stage move %s NEXT' puts it onto a blank "
			"disc, 'cdappendfs-stage export' gives it out",
			o->disc_path, stage_directory(o->stage), SHELL_WORD(stage_directory(o->stage)));
	stage_close(TAKE_PTR(o->stage));
}

/* Stage and disc for writing. o->read_only: it could not be written after all. *ret_again: it changed meanwhile. */
static int open_for_writing(struct opening *o, bool *ret_again)
{
	struct disc_fingerprint before, now;
	struct disc *d = NULL;
	const char *why = NULL;
	int r = open_stage(o, &before);

	*ret_again = false;
	if (r)
		return r;
	if (o->state.exclusive)
		return 0; /* a drive is ours already */
	r = open_disc(o, (struct disc_open_options){.writable = true}, &d, &why);
	if (r == -EROFS || r == -EACCES) {
		say_read_only(o, why ? why : strerror(-r));
		become_read_only(o);
		return 0;
	}
	if (r < 0)
		return opening_fail(r, o->disc_path, why);
	iso_unref(TAKE_PTR(o->base));
	disc_close(TAKE_PTR(o->disc));
	o->disc = d;
	r = disc_fingerprint(d, &now);
	if (r < 0)
		return opening_fail(r, o->disc_path, NULL);
	/* Neither another state, nor another file than whose stage it is. */
	*ret_again = !disc_same_state(&before, &now) || !stage_has_file(o->stage, disc_file(d));
	if (*ret_again)
		give_back(o);
	return 0;
}

static int acquire(struct opening *o)
{
	bool again = true;
	int r = 0;

	for (int i = 0; i < ATTEMPTS && again && !r; i++)
		r = open_for_writing(o, &again);
	if (!r && again)
		return opening_fail(-ESTALE, o->disc_path, "another program keeps changing it");
	return r;
}

/* What an interrupted commit left is brought to one state. */
static int recover(struct opening *o, uint32_t *ret_generation)
{
	_free_ char *message = NULL;
	int r = commit_recover(o->stage, o->disc, ret_generation, &message);

	if (r < 0)
		return opening_fail(r, o->disc_path, message && *message ? message : NULL);
	if (message && *message)
		log_notice("%s: %s", o->disc_path, message);
	r = disc_refresh(o->disc);
	return r < 0 ? opening_fail(r, o->disc_path, NULL) : 0;
}

/* Once; not when what failed has turned out well since.  For the user's eyes: no reason not to mount. */
static void tell_last_result(const struct opening *o, bool recovered)
{
	_free_ char *text = NULL;
	int r;

	if (stage_result_get(o->stage, &r, &text) == 0 && r && !recovered)
		log_notice("%s: the last commit failed: %s", o->disc_path, text);
}

/* Rows that contradict each other.  Nothing more is written there. */
static int fail_damaged_stage(const struct opening *o)
{
	_free_ char *why = NULL;
	int r = stage_say_damaged(stage_directory(o->stage), stage_blamed(o->stage), &why);

	stage_fail(o->stage, r);
	return opening_fail(r, o->disc_path, why);
}

static int make_tree(struct opening *o, uint32_t generation)
{
	static const enum tree_writing writing[] = {
		[OPTIONS_TREE_AUTO] = TREE_AUTO,
		[OPTIONS_TREE_FULL] = TREE_FULL,
		[OPTIONS_TREE_LINKED] = TREE_LINKED,
	};
	struct tree_options options = {.read_only = o->read_only,
				       .pieces = options_pieces(o->options),
				       .parity_percent = o->options->parity_percent,
				       .medium = &o->state,
				       .writing = o->options->compat || o->options->md5 ? TREE_FULL :
											  writing[o->options->tree],
				       .md5 = o->options->md5,
				       .span = o->options->span,
				       .no_joliet = o->options->no_joliet,
				       .owner = geteuid(),
				       .group = getegid(),
				       .idle_nodes = o->options->idle_nodes};
	int r;

	if (o->read_only && !o->base) {
		const char *why = o->state.why_not;

		return opening_fail(-ENOMEDIUM, o->disc_path,
				    why && strcmp(why, DISC_WHY_OPENED_READ_ONLY) != 0 ?
					    why :
					    "the disc is blank: there is nothing to read");
	}
	r = tree_new(&options, o->disc, o->base, o->stage, &o->tree);
	if (r == -EBADMSG && o->stage && stage_blamed(o->stage))
		return fail_damaged_stage(o);
	if (r < 0)
		return opening_fail(r, o->disc_path, r == -EBADMSG ? "its root directory is damaged" : NULL);
	tree_set_medium(o->tree, &o->state);
	if (generation)
		r = commit_finish_recovery(o->stage, o->disc, o->tree, o->base, generation);
	return r < 0 ? opening_fail(r, o->disc_path, NULL) : 0;
}

static int open_writable(struct opening *o)
{
	uint32_t generation = 0;
	int r = acquire(o);

	if (r || o->read_only)
		return r;
	r = recover(o, &generation);
	if (!r)
		r = look(o);
	if (!r)
		r = opening_base(o);
	if (r)
		return r;
	if (o->older && generation)
		return opening_fail(-EBADMSG, o->disc_path, "the session that was burned last cannot be read");
	tell_last_result(o, generation > 0);
	/* A session to be taken over is taken over; a further one will be refused by its commit. */
	if ((!o->state.appendable || o->older) && !generation) {
		say_read_only(o, o->state.appendable ? o->older : o->state.why_not);
		become_read_only(o);
	}
	return make_tree(o, generation);
}

int opening_open(struct opening *o)
{
	int r = create_image(o);

	o->read_only = o->options->read_only;
	if (!r)
		r = open_reader(o);
	if (!r)
		r = opening_base(o);
	if (!r && !o->read_only)
		o->read_only = !can_be_written(o);
	if (!r && !o->read_only)
		r = open_writable(o);
	return r || o->tree ? r : make_tree(o, 0);
}

void opening_forget_directory(struct opening *o)
{
	if (o->mount_directory > 0)
		close(o->mount_directory);
	o->mount_directory = 0;
}

void opening_release(struct opening *o)
{
	tree_free(TAKE_PTR(o->tree));
	take_image_back(o);
	give_back(o);
	free(o->sessions);
	free(o->disc_path);
	free(o->mountpoint);
	free(o->staging);
	opening_forget_directory(o);
	if (o->holding)
		close(o->holding);
	*o = (struct opening){0};
}
