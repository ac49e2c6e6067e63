/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-umount - unmount, and wait until what was staged is burned
 *
 * Plain umount returns at once while the daemon burns on its own.  This command connects before it unmounts, so the
 * daemon reports to it what becomes of the commit.  Installed as umount.fuse.cdappendfs it is what umount(8) calls,
 * with
 *	umount.fuse.cdappendfs DIR [-flnrv] [-N NAMESPACE] [-t TYPE.SUBTYPE]
 * (util-linux, umount(8), EXTERNAL HELPERS).
 */
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "burner/base/child.h"
#include "burner/base/printable.h"
#include "burner/base/json.h"
#include "burner/base/log.h"
#include "burner/base/size.h"
#include "fs/control/report.h"
#include "fs/control/client.h"
#include "fs/cmd/command.h"
#include "fs/cmd/holders.h"
#include "fs/cmd/interrupt.h"
#include "fs/control/mounted.h"
#include "fs/control/mounts.h"
#include "fs/control/users.h"

#define FIRST_WORD_MS 2000
#define PROCESS_END_MS 60000
#define UNSEEN_MS 3000 /* an unmount that has not begun to end by then waits for somebody */

static const char help[] =
	"Usage: cdappendfs-umount [OPTION…] MOUNTPOINT|DISC\n"
	"Unmount, burn what is staged and wait until it is read back and checked. Of a disc that is not mounted any\n"
	"more and is still being burned, wait for that.\n"
	"\n"
	"  -l, --lazy      detach at once although it is in use; the burn begins when the last user has left, nobody "
	"waits for it\n"
	"  -f, --force     as umount -f\n"
	"  -q, --quiet     print nothing but errors\n"
	"  -v, --verbose   say what is done\n"
	"  -N, --namespace NS   in that mount namespace: a process id or a file\n"
	"  -n, -r, -t TYPE are accepted and have no meaning (umount(8) hands them over)\n"
	"  -h, --help      print this\n"
	"  -V, --version   print the version\n"
	"\n"
	"Exit status: 0 unmounted and burned (also when nothing was staged), 1 failed, 2 wrong usage.\n";

struct options {
	bool lazy, force, quiet, verbose;
	const char *namespace, *mountpoint;
};

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"lazy", no_argument, NULL, 'l'},
		{"force", no_argument, NULL, 'f'},
		{"quiet", no_argument, NULL, 'q'},
		{"verbose", no_argument, NULL, 'v'},
		{"namespace", required_argument, NULL, 'N'},
		{"no-mtab", no_argument, NULL, 'n'},
		{"read-only", no_argument, NULL, 'r'},
		{"types", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = command_option(argc, argv, ":lfqvnrN:t:hV", options)) >= 0) {
		switch (c) {
		case 'l':
			ret->lazy = true;
			break;
		case 'f':
			ret->force = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		case 'v':
			ret->verbose = true;
			break;
		case 'N':
			ret->namespace = optarg;
			break;
		case 'n':
		case 'r':
		case 't':
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	return command_argument(argc, argv, "mount point or disc", &ret->mountpoint);
}

static int enter_namespace(const char *namespace)
{
	char path[64];
	bool number = namespace[0] && !namespace[strspn(namespace, "0123456789")];

	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", namespace);
	_close_ int fd = open(number ? path : namespace, O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, CLONE_NEWNS) < 0 ? -errno : 0;
}

/* ---- the unmounting itself ---- */

/* It unmounts by its own working directory, so it stands in the one that the mount point is in.  What fusermount3 says
 * goes to buf; its exit status is returned. */
static int run_fusermount(struct mounted *m, const struct options *o, char *buf, size_t size)
{
	const char *arguments[] = {
		"fusermount3", "-u", o->lazy ? "-z" : "--", o->lazy ? "--" : m->last, o->lazy ? m->last : NULL, NULL};
	int pipe_fds[2], status;
	size_t used = 0;
	ssize_t n;

	close_fd(&m->root);
	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = child_fork();
	if (child == 0) {
		if (fchdir(m->parent) < 0)
			_exit(127);
		setenv("LC_ALL", "C", 1);
		dup2(pipe_fds[1], STDERR_FILENO);
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
		dprintf(STDERR_FILENO, "fusermount3: %s", strerror(errno));
		_exit(127);
	}
	close(pipe_fds[1]);
	while (child > 0 && used + 1 < size && (n = read(pipe_fds[0], buf + used, size - 1 - used)) > 0)
		used += (size_t)n;
	close(pipe_fds[0]);
	buf[used] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* The path stands before it, and may say anything. */
static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
}

/* 0, -EBUSY, or another errno with what was said about it in why. */
static int unmount_held(struct mounted *m, const struct options *o, char *why, size_t size)
{
	bool root = geteuid() == 0;
	int r = root ? mounted_unmount(m, (o->lazy ? MNT_DETACH : 0) | (o->force ? MNT_FORCE : 0)) :
		       run_fusermount(m, o, why, size);

	if (r < 0)
		snprintf(why, size, "%s", strerror(-r));
	return r <= 0 ? r : ends_with(why, "Device or resource busy") ? -EBUSY : -EPERM;
}

/* That mount, and no other, wherever its name leads by now. */
static int unmount(const struct control_mount *mount, const struct options *o, char *why, size_t size)
{
	struct mounted m;

	if (geteuid() != 0 && geteuid() != mount->owner) {
		snprintf(why, size, "only the owner of the mount and root may do that");
		return -EPERM;
	}
	int r = mounted_find(mount, &m);
	if (r < 0) {
		snprintf(why, size, "%s; nothing was unmounted", mounted_why(r));
		return r;
	}
	r = unmount_held(&m, o, why, size);
	mounted_release(&m);
	return r;
}

static int say_busy(const char *mountpoint)
{
	int status = command_fail("%s is in use: nothing was unmounted and nothing burned", mountpoint);

	if (holders_print(stderr, mountpoint) == 0)
		fprintf(stderr, "  by whom cannot be seen%s\n",
			geteuid() ? ": perhaps a process of another user; ask as root" :
				    ": perhaps a loop device, or swap");
	fprintf(stderr, "  End them or leave the directory, then try again; --lazy detaches it and burns when the last "
			"one has left.\n");
	return status;
}

/* ---- and what becomes of the commit ---- */

static void print_result(const struct client_result *r)
{
	char append[SIZE_TEXT_BYTES], names[REPORT_NAMES_TEXT];

	if (r->burned)
		printf("session %" PRIu32 " written: %s appended\n", r->session, size_text(r->append_bytes, append));
	if (r->burned && report_names(r->names_changed, r->names_closed, names))
		puts(names);
	if (r->message[0])
		say(stdout, "%s", r->message);
}

struct held {
	const struct control_mount *mount;
	unsigned n;
};

static void print_held(void *context, int pid, const char *mountpoint)
{
	struct held *h = context;

	if (h->n++ == 0)
		command_fail("%s is unmounted here, but the same file system is still mounted elsewhere; what is "
			     "staged is burned when that has gone:",
			     h->mount->mountpoint);
	if (pid)
		say(stderr, "  at %s in the mount namespace of process %d", mountpoint, pid);
	else
		say(stderr, "  at %s", mountpoint);
}

static void note_mountpoint(void *context, const char *type, const char *line)
{
	if (strcmp(type, "info") == 0)
		json_get_string(line, "mountpoint", context, PATH_MAX);
}

struct original {
	char mountpoint[PATH_MAX];
	unsigned n; /* mounts of it there */
};
static void count_there(void *context, int pid, const char *mountpoint)
{
	struct original *o = context;

	o->n += pid == 0 && strcmp(mountpoint, o->mountpoint) == 0;
}

/* Is it a further mount (mount --bind) that is to be taken away, and the first one stays?  Asked before that: a moment
 * later another file system may have the number. */
static bool original_stays(const struct control_mount *mount)
{
	struct original original = {.n = 0};
	struct client_handlers handlers = {.line = note_mountpoint, .context = original.mountpoint};
	struct client_result result;

	if (client_ask(mount, "info", &handlers, &result) == 0)
		mounts_held(mount, count_there, &original);
	return original.n > (strcmp(original.mountpoint, mount->mountpoint) == 0);
}

static void print_user(void *context, int pid, const char *name)
{
	struct held *h = context;

	if (h->n++ == 0)
		command_fail("%s is unmounted here, but still in use; what is staged is burned when that has ended:",
			     h->mount->mountpoint);
	say(stderr, "  by process %d (%s)", pid, name);
}

/* Whether the end of the mount is not the end of its file system: said, and waited for. */
static void tell_held(struct client *c, const struct control_mount *mount)
{
	struct held held = {.mount = mount};

	mounts_held(mount, print_held, &held);
	if (held.n == 0 && client_await_line(c, UNSEEN_MS) != -ETIME)
		return;
	if (held.n == 0)
		users_of(mount->major, mount->minor, print_user, &held);
	if (held.n == 0)
		command_fail("%s is unmounted here, but something that cannot be seen from here holds its file system: "
			     "a mount namespace or a process of another user, a container; what is staged is burned "
			     "when that has gone",
			     mount->mountpoint);
	fputs("  Waiting for it; to leave that to the daemon, interrupt this command: nothing is lost.\n", stderr);
}

static void note_phase(void *context, const struct burning *b) { *(bool *)context = !burning_idle(b); }

/* The user does not wait any longer; what goes on without him is found by the name of the disc. */
static int leave(const struct control_mount *mount)
{
	_cleanup_(client_freep) struct client *c = NULL;
	bool burning = false;
	struct client_handlers handlers = {.progress = note_phase, .context = &burning};
	struct client_result result;
	/* Another user's source is a text of his: it is not looked at. */
	bool known = mount->owner == 0 || mount->owner == geteuid();
	int r = known ? client_open_disc(mount->source, &c) : -EPERM;

	if (!r)
		r = client_send(c, "status");
	if (!r)
		(void)client_finish(c, &handlers, &result);
	if (burning)
		interrupt_say_goes_on(mount->source);
	else
		command_fail("%s: not waited for; its daemon goes on, see 'cdappendfs-info %s'", mount->source,
			     SHELL_WORD(mount->source));
	return interrupt_end();
}

/* Not mounted any more when we came. */
static bool is_disc(const struct control_mount *mount) { return !mount->major && !mount->minor; }

static void say_failed(const struct control_mount *mount, const struct client_result *r)
{
	const char *why = r->message[0] ? r->message : strerror(r->error);

	if (is_disc(mount))
		command_fail("%s: %s", mount->source, why);
	else
		command_fail("%s is unmounted, but not all that was staged is on the disc: %s", mount->mountpoint, why);
}

static int wait_for_commit(struct client *c, const struct control_mount *mount, const struct options *o)
{
	struct client_result result;
	struct progress progress;
	struct client_handlers handlers = {.progress = progress_report, .context = &progress};

	progress_init(&progress, o->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
	int r = client_finish(c, &handlers, &result);
	progress_clear(&progress);
	if (r == -EINTR)
		return leave(mount);
	interrupt_release();
	if (r < 0)
		return command_fail("%s is unmounted, but its daemon ended without a result; what was staged and not "
				    "burned is kept: mount %s again",
				    mount->mountpoint, SHELL_WORD(mount->source));
	bool refused = result.error == EPERM && is_disc(mount);
	int ended = refused ? 0 : client_await_end(c, PROCESS_END_MS);
	if (result.error) {
		say_failed(mount, &result);
		return COMMAND_FAILED;
	}
	if (!o->quiet)
		print_result(&result);
	if (ended < 0)
		return command_fail(
			"the session is written, but the daemon has not ended yet: wait for it before %s is taken out",
			mount->source);
	return COMMAND_DONE;
}

static int umount_one(const struct control_mount *mount, const struct options *o)
{
	_cleanup_(client_freep) struct client *c = NULL;
	char why[256];
	int asked = client_open(mount, &c);

	if (asked == 0)
		asked = client_send(c, "wait");
	/* From its first word on the daemon reports to us, whatever happens to the mount. */
	if (asked == 0)
		asked = client_await_first(c, FIRST_WORD_MS);
	bool further = asked == 0 && !o->lazy && original_stays(mount);
	if (o->verbose)
		say(stderr, "unmounting %s (%s)", mount->mountpoint, mount->source);
	int r = unmount(mount, o, why, sizeof(why));
	if (r == -EBUSY)
		return say_busy(mount->mountpoint);
	if (r < 0)
		return command_fail("%s cannot be unmounted: %s", mount->mountpoint, why);
	if (o->lazy) {
		if (!o->quiet)
			say(stderr, "%s is detached; what is staged is burned when the last one that uses it has left",
			    mount->mountpoint);
		return COMMAND_DONE;
	}
	if (asked < 0 && asked != -ETIME)
		return command_fail("%s is unmounted, but its daemon could not be asked what became of the burn (%s): "
				    "what is not burned is kept; see "
				    "'cdappendfs-info %s'",
				    mount->mountpoint,
				    asked == -ECONNREFUSED || asked == -ENOTCONN ? "it had ended" : client_why(asked),
				    SHELL_WORD(mount->source));
	if (further)
		return COMMAND_DONE;
	interrupt_catch();
	client_stop_by(c, &interrupted);
	tell_held(c, mount);
	return wait_for_commit(c, mount, o);
}

/* Of a disc that is not burned yet: who keeps its file system from ending? */
static void tell_disc_held(struct client *c, const struct control_mount *disc)
{
	struct control_mount there;

	if (client_await_first(c, FIRST_WORD_MS) < 0 || client_locate(disc->source, &there) < 0)
		return;
	snprintf(there.mountpoint, sizeof(there.mountpoint), "%s", disc->mountpoint); /* what it is called here */
	tell_held(c, &there);
}

/* It is mounted nowhere: is it still being burned? */
static int wait_for_disc(const struct options *o, int *ret_status)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct control_mount mount = {.major = 0, .owner = geteuid()};
	int r = client_open_disc(o->mountpoint, &c);

	if (r == 0)
		r = client_send(c, "wait");
	if (r < 0)
		return r;
	snprintf(mount.mountpoint, sizeof(mount.mountpoint), "%s", o->mountpoint);
	snprintf(mount.source, sizeof(mount.source), "%s", o->mountpoint);
	interrupt_catch();
	client_stop_by(c, &interrupted);
	tell_disc_held(c, &mount);
	*ret_status = wait_for_commit(c, &mount, o);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct control_mount mount;
	int status = parse_options(argc, argv, &o), r;

	if (status != COMMAND_DONE || !o.mountpoint)
		return status;
	if (o.namespace && (r = enter_namespace(o.namespace)) < 0)
		return command_fail("namespace %s: %s", o.namespace, strerror(-r));
	if (mounts_find(o.mountpoint, &mount) == -ENOENT && wait_for_disc(&o, &status) == 0)
		return command_end(status);
	status = command_mount(o.mountpoint, &mount);
	if (status != COMMAND_DONE)
		return status;
	if (chdir("/") < 0) /* else our own working directory could hold it */
		return command_fail("/: %s", strerror(errno));
	return command_end(umount_one(&mount, &o));
}
