/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * opening.c - from the command line to a tree
 *
 * A disc is first opened for reading, which takes no lock: its identity finds the stage, and the stage's holder, if
 * there is one, says whether the disc is mounted or the burn of an earlier mount is being finished (then it is waited
 * for, and everything is looked at again, for there is a session more).  With the stage in hand the medium is opened
 * for writing.  If it changed in between, all begins anew.
 */
#include "fs/daemon/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/json.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"
#include "fs/control/users.h"
#include "fs/commit/commit.h"
#include "fs/daemon/holding.h"

#define POLL_MS 100
#define VANISHED_MS 3000 /* a daemon without a mount, before it says that it finishes */
#define ATTEMPTS 5

static int fail(int error, const char *what, const char *why)
{
	log_error("%s: %s", what, why ? why : strerror(-error));
	return 1;
}

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

static int resolve_mountpoint(struct opening *o)
{
	const char *given = o->options->mountpoint;
	struct stat st;

	o->mountpoint = realpath(given, NULL);
	if (!o->mountpoint || stat(o->mountpoint, &st) < 0)
		return fail(-errno, given,
			    errno == ENOENT   ? "the mount point is missing; make it with mkdir" :
			    errno != ENOTCONN ? NULL :
						"a mount without its daemon is there; take it away with 'fusermount3 "
						"-u' and try again");
	return S_ISDIR(st.st_mode) ? 0 : fail(-ENOTDIR, given, "the mount point is not a directory");
}

static bool is_device_name(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 && strncmp(path, "/dev/shm/", 9) != 0;
}

int opening_resolve(struct opening *o, const struct options *options)
{
	const char *disc = options->disc;

	*o = (struct opening){.options = options};
	o->disc_path = realpath(disc, NULL);
	if (!o->disc_path && errno == ENOENT && options->create) {
		o->disc_path = real_path_of_new(disc);
		if (o->disc_path && is_device_name(o->disc_path))
			return fail(-ENOENT, disc,
				    "no such device; -o create makes image files, and none among devices");
	}
	if (!o->disc_path)
		return fail(-errno, disc,
			    errno != ENOENT ? NULL :
			    options->create ? "the directory for it is missing" :
					      "no such file (-o create makes a blank image)");
	if (options->staging && !(o->staging = absolute_path(options->staging)))
		return fail(-errno, options->staging, NULL);
	return resolve_mountpoint(o);
}

/* ---- the disc ---- */

static int open_disc(const struct opening *o, struct disc_open_options how, struct disc **ret, const char **ret_why)
{
	struct disc *d, *wrapped;
	int r;

	how.capacity_sectors = o->options->capacity_sectors;
	how.accepted = o->options->accepted;
	r = disc_open_path(o->disc_path, &how, &d, ret_why);
	if (r < 0 || !o->options->disc_fault) {
		if (!r)
			*ret = d;
		return r;
	}
	wrapped = disc_wrap_faults(d, o->options->disc_fault);
	if (!wrapped) {
		*ret_why = errno == EINVAL ? "the word after disc-fault= is wrong" : NULL;
		return -errno;
	}
	*ret = wrapped;
	return 0;
}

static int create_image(struct opening *o)
{
	struct disc *d;
	const char *why = NULL;
	int r;

	if (!o->options->create || access(o->disc_path, F_OK) == 0)
		return 0;
	r = open_disc(o, (struct disc_open_options){.writable = true, .create = true}, &d, &why);
	if (r < 0)
		return fail(r, o->disc_path, why);
	disc_close(d);
	o->created = true;
	return 0;
}

/* A mount that fails leaves no image behind that it has made: the file is as empty as it was made. */
static void take_image_back(const struct opening *o)
{
	struct stat st;

	if (o->created && stat(o->disc_path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		(void)unlink(o->disc_path);
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
		return fail(r, o->disc_path, NULL);
	free(o->sessions);
	o->sessions = sessions;
	o->n_sessions = n;
	return 0;
}

/* The burn of the earlier mount, as far as its daemon tells of it, with a line of progress on a terminal. */
static void watch_earlier_burn(const struct opening *o)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct client_result result;
	struct progress line;
	struct client_handlers handlers = {.progress = progress_report, .context = &line};

	if (client_open_disc(o->disc_path, &c) < 0 || client_send(c, "wait") < 0)
		return;
	progress_init(&line, PROGRESS_AUTO);
	(void)client_finish(c, &handlers, &result); /* it keeps what it has to say for us: tell_last_result() */
	progress_clear(&line);
}

/* Somebody has the drive. 0: one of us who finishes a burn, try again; else the exit status. */
static int wait_for_drive(const struct opening *o, const char *why, bool *said)
{
	struct control_mount mount;
	int name = holding_take(o->disc_path), r;

	if (name >= 0)
		close(name);
	if (name != -EADDRINUSE)
		return fail(-EBUSY, o->disc_path, why);
	r = control_find_disc(o->disc_path, &mount);
	if (r == 0) {
		log_error("%s is already mounted at %s", o->disc_path, mount.mountpoint);
		return 1;
	}
	if (r != -ENOENT)
		return fail(-EBUSY, o->disc_path, why);
	if (!*said) {
		log_notice("%s: waiting for the commit of the earlier mount", o->disc_path);
		*said = true;
		watch_earlier_burn(o);
	}
	return 0;
}

static int open_reader(struct opening *o)
{
	const char *why = NULL;
	bool said = false;
	int r = 0;

	if (o->disc && o->state.exclusive) { /* ours: to let go of it would invite others */
		r = disc_refresh(o->disc);
		return r < 0 ? fail(r, o->disc_path, NULL) : look(o);
	}
	disc_close(TAKE_PTR(o->disc));
	while (!r && !o->disc) {
		r = open_disc(o, (struct disc_open_options){0}, &o->disc, &why);
		if (r == -EBUSY)
			r = wait_for_drive(o, why, &said);
		else if (r < 0)
			r = fail(r, o->disc_path, why);
	}
	if (!r)
		r = look(o);
	if (!r && o->state.exclusive && !o->holding) {
		int name = holding_take(o->disc_path);

		o->holding = name < 0 ? 0 : name; /* without it the next mount does not know whom to wait for */
	}
	return r;
}

/* ---- the session to be mounted ---- */

static int session_failed(const struct opening *o, const struct disc_session *session, int error)
{
	char what[PATH_MAX + 32];
	const char *why = NULL;

	snprintf(what, sizeof(what), "%s, session %u", o->disc_path, session->number);
	if (session->truncated)
		why = "the image ends before its volume descriptors and root directory do";
	else if (session->broken)
		why = "the burn of this session failed; it cannot be mounted";
	else if (error == -EBADMSG)
		why = "its volume descriptors or root directory are damaged";
	return fail(error, what, why);
}

static int open_asked_for(struct opening *o)
{
	const struct disc_session *session = NULL;
	int r;

	for (size_t i = o->n_sessions; i-- > 0 && !session;)
		if (o->sessions[i].number == o->options->session)
			session = &o->sessions[i];
	if (!session) {
		log_error("%s: there is no session %u; it has %zu (see cdappendfs-info)", o->disc_path,
			  o->options->session, o->n_sessions);
		return 1;
	}
	r = session->broken ? -EBADMSG : iso_open(o->disc, session->descriptor_lba, &o->base);
	return r == 0 ? 0 : session_failed(o, session, r);
}

/* 1: it is open; 0: it cannot be read, and *ret_error says how; < 0: nobody knows.  *ret_whole: with all that it
 * names. */
static int try_session(const struct opening *o, const struct disc_session *session, struct iso **ret, bool *ret_whole,
		       int *ret_error)
{
	int r = session->broken ? -EBADMSG : iso_open(o->disc, session->descriptor_lba, ret), whole = 1;

	*ret_error = r;
	if (r < 0)
		return r == -EBADMSG || r == -EIO || r == -EMEDIUMTYPE ? 0 : r;
	if (session->truncated)
		whole = iso_is_whole(*ret);
	if (whole < 0)
		iso_unref(TAKE_PTR(*ret));
	*ret_whole = whole > 0;
	return whole < 0 ? whole : 1;
}

/* Not the newest: why, once. */
static void say_older(struct opening *o, const struct disc_session *newest, const struct disc_session *chosen)
{
	bool left = newest->truncated && !newest->broken;

	o->older = newest->truncated ? "its newest session is not whole" : "its newest session cannot be read";
	if (o->said_older)
		return;
	o->said_older = true;
	log_notice("%s: %s%ssession %u %s: session %u is mounted%s", o->disc_path,
		   newest->truncated ? o->state.why_not : "", newest->truncated ? ", and " : "", newest->number,
		   newest->truncated ? "is not whole" : "cannot be read, since it is damaged", chosen->number,
		   left ? "; -o session= mounts what is left of the other" : "");
}

/* The newest that is whole; when there is none, the newest of which something is left. */
static int open_newest(struct opening *o)
{
	const struct disc_session *newest = NULL, *part_of = NULL, *chosen = NULL;
	_cleanup_(iso_unrefp) struct iso *part = NULL;
	int newest_error = -EMEDIUMTYPE;

	for (size_t i = o->n_sessions; i-- > 0 && !chosen;) {
		const struct disc_session *s = &o->sessions[i];
		struct iso *iso = NULL;
		bool whole = false;
		int error, r;

		if (s->broken && !s->truncated)
			continue; /* a burn that failed */
		r = try_session(o, s, &iso, &whole, &error);
		if (r < 0)
			return session_failed(o, s, r);
		if (!newest) {
			newest = s;
			newest_error = error;
		}
		if (iso && whole) {
			chosen = s;
			o->base = iso;
		} else if (iso && !part) {
			part = iso;
			part_of = s;
		} else {
			iso_unref(iso);
		}
	}
	if (!chosen && part) {
		chosen = part_of;
		o->base = TAKE_PTR(part);
	}
	if (chosen && chosen != newest)
		say_older(o, newest, chosen);
	if (chosen)
		return 0;
	if (newest)
		return session_failed(o, newest, newest_error);
	return o->state.blank ? 0 : fail(-EMEDIUMTYPE, o->disc_path, "no session of it can be read");
}

static int open_base(struct opening *o)
{
	iso_unref(TAKE_PTR(o->base));
	o->older = NULL;
	return o->options->session ? open_asked_for(o) : open_newest(o);
}

/* ---- the stage ---- */

static void sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000L}, NULL);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct holding_mounts {
	const struct opening *o;
	int pid; /* the holder */
	unsigned n;
};

static void say_held(void *context, int pid, const char *mountpoint)
{
	struct holding_mounts *h = context;

	if (h->n++ == 0)
		log_notice("%s: the earlier mount (process %d) is still there, where it cannot be used from here; "
			   "waiting until it has gone:",
			   h->o->disc_path, h->pid);
	if (pid)
		log_notice("  %s in the mount namespace of process %d", mountpoint, pid);
	else
		log_notice("  %s", mountpoint);
}

static void say_user(void *context, int pid, const char *name)
{
	struct holding_mounts *h = context;

	if (h->n++ == 0)
		log_notice("%s: the earlier mount (process %d) is unmounted, but still in use; waiting until that has "
			   "ended:",
			   h->o->disc_path, h->pid);
	log_notice("  by process %d (%s)", pid, name);
}

static void note_device(void *context, const char *type, const char *line)
{
	struct control_mount *mount = context;
	char text[32];

	if (strcmp(type, "info") == 0 && json_get_string(line, "device", text, sizeof(text)) == 0)
		(void)sscanf(text, "%u:%u", &mount->major, &mount->minor);
}

/* It was unmounted here, but its file system lives on: in other mount namespaces, which are named as far as we may see
 * them. */
static void say_who_holds(const struct opening *o, const struct stage_holder *holder)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct holding_mounts h = {.o = o, .pid = holder->pid};
	struct control_mount mount = {.major = 0};
	struct client_handlers handlers = {.line = note_device, .context = &mount};
	struct client_result result;

	if (client_open_disc(o->disc_path, &c) == 0 && client_send(c, "info") == 0 &&
	    client_finish(c, &handlers, &result) == 0 && (mount.major || mount.minor)) {
		(void)mounts_held(mount.major, mount.minor, say_held, &h);
		if (h.n == 0)
			(void)users_of(mount.major, mount.minor, say_user, &h);
	}
	if (h.n == 0)
		log_notice("%s: the earlier mount (process %d) is still there, held by something that cannot be seen "
			   "from here: a mount namespace or a process of another user, a container; waiting until it has gone",
			   o->disc_path, holder->pid);
}

/* What has been said to the user so far. */
struct patience {
	int64_t since_ms; /* that it waits for a mount that has vanished to say that it finishes; 0 not yet */
	bool told_held, told_finishing;
};

/* 0: try again; else the exit status. */
static int wait_for_holder(const struct opening *o, const struct stage_holder *holder, struct patience *p)
{
	struct control_mount mount;
	/* It says that it finishes only some time after its unmount. */
	int found = holder->user == STAGE_MOUNTED ? control_find_disc(o->disc_path, &mount) : -ENOENT;

	if (holder->user == STAGE_MOUNTED && found != -ENOENT) {
		log_error("%s is already mounted at %s (process %d)", o->disc_path,
			  found == 0 ? mount.mountpoint : holder->mountpoint, holder->pid);
		return 1;
	}
	if (!p->since_ms)
		p->since_ms = now_ms();
	if (holder->user == STAGE_MOUNTED && now_ms() - p->since_ms >= VANISHED_MS && !p->told_held) {
		say_who_holds(o, holder);
		p->told_held = true;
	}
	if (holder->user == STAGE_FINISHING && !p->told_finishing) {
		log_notice("%s: waiting for the commit of the earlier mount (process %d)", o->disc_path, holder->pid);
		p->told_finishing = true;
		watch_earlier_burn(o);
	}
	sleep_ms(POLL_MS);
	return 0;
}

/* Stage options for the disc as o->disc shows it now. */
static int describe(const struct opening *o, struct stage_options *ret)
{
	int r;

	*ret = (struct stage_options){.directory = o->staging, .disc_path = o->disc_path, .mountpoint = o->mountpoint};
	r = disc_identity(o->disc, &ret->identity);
	if (!r)
		r = disc_fingerprint(o->disc, &ret->fingerprint);
	ret->next_ino = tree_first_ino(o->base, &o->state);
	return r < 0 ? fail(r, o->disc_path, NULL) : 0;
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
			r = open_base(o);
		if (!r)
			r = describe(o, &options);
		if (r)
			return r;
		r = stage_open(&options, &o->stage, &holder, &why);
		if (r == 0) {
			*ret = options.fingerprint;
			return 0;
		}
		if (r != -EBUSY) {
			log_error("%s: the staging area%s%s cannot be used: %s", o->disc_path, o->staging ? " " : "",
				  o->staging ? o->staging : "", why ? why : strerror(-r));
			return 1;
		}
		r = wait_for_holder(o, &holder, &patience);
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
		say_read_only(o, "no inode numbers are left on so large a disc of another program");
	else
		return true;
	if (odd && (o->state.appendable || !strcmp(o->state.why_not, DISC_WHY_OPENED_READ_ONLY))) {
		o->state.appendable = false;
		o->state.why_not = odd; /* for who asks the mount */
	}
	return false;
}

static bool same_state(const struct disc_fingerprint *a, const struct disc_fingerprint *b)
{
	return a->session_lba == b->session_lba && a->next_lba == b->next_lba && a->image_bytes == b->image_bytes &&
	       memcmp(a->descriptor, b->descriptor, sizeof(a->descriptor)) == 0;
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
		log_notice("%s: what was staged for it stays in %s", o->disc_path, stage_directory(o->stage));
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
		return fail(r, o->disc_path, why);
	iso_unref(TAKE_PTR(o->base));
	disc_close(TAKE_PTR(o->disc));
	o->disc = d;
	r = disc_fingerprint(d, &now);
	if (r < 0)
		return fail(r, o->disc_path, NULL);
	*ret_again = !same_state(&before, &now);
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
		return fail(-ESTALE, o->disc_path, "another program keeps changing it");
	return r;
}

/* What an interrupted commit left is brought to one state. */
static int recover(struct opening *o, uint32_t *ret_generation)
{
	_free_ char *message = NULL;
	int r = commit_recover(o->stage, o->disc, ret_generation, &message);

	if (r < 0)
		return fail(r, o->disc_path, message && *message ? message : NULL);
	if (message && *message)
		log_notice("%s: %s", o->disc_path, message);
	r = disc_refresh(o->disc);
	return r < 0 ? fail(r, o->disc_path, NULL) : 0;
}

/* Once; not when what failed has turned out well since.  For the user's eyes: no reason not to mount. */
static void tell_last_result(const struct opening *o, bool recovered)
{
	_free_ char *text = NULL;
	int r;

	if (stage_result_get(o->stage, &r, &text) == 0 && r && !recovered)
		log_notice("%s: the last commit failed: %s", o->disc_path, text);
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
				       .medium = &o->state,
				       .writing = o->options->compat ? TREE_FULL : writing[o->options->tree],
				       .no_joliet = o->options->no_joliet,
				       .owner = geteuid(),
				       .group = getegid(),
				       .idle_nodes = o->options->idle_nodes};
	int r;

	if (o->read_only && !o->base)
		return fail(-ENOMEDIUM, o->disc_path, "the disc is blank: there is nothing to read");
	r = tree_new(&options, o->disc, o->base, o->stage, &o->tree);
	if (r < 0)
		return fail(r, o->disc_path, r == -EBADMSG ? "its root directory is damaged" : NULL);
	tree_set_medium(o->tree, &o->state);
	if (generation)
		r = commit_finish_recovery(o->stage, o->disc, o->tree, o->base, generation);
	return r < 0 ? fail(r, o->disc_path, NULL) : 0;
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
		r = open_base(o);
	if (r)
		return r;
	if (o->older && generation)
		return fail(-EBADMSG, o->disc_path, "the session that was burned last cannot be read");
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
		r = open_base(o);
	if (!r && !o->read_only)
		o->read_only = !can_be_written(o);
	if (!r && !o->read_only)
		r = open_writable(o);
	return r || o->tree ? r : make_tree(o, 0);
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
	if (o->holding)
		close(o->holding);
	*o = (struct opening){0};
}
