/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * earlier.c - the earlier mount of a disc: what it is at is told, and waited for
 */
#include "fs/daemon/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/time.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"
#include "fs/control/users.h"
#include "fs/daemon/holding.h"

#define POLL_MS 100
#define VANISHED_MS 3000 /* a daemon without a mount, before it says that it finishes */

/* The burn of the earlier mount, as far as its daemon tells of it, with a line of progress on a terminal.  It is one of
 * our own user or of root: the owner of a disc, whom root asks elsewhere, could keep root's mount waiting. */
static void watch_earlier_burn(const struct opening *o)
{
	_cleanup_(client_freep) struct client *c = NULL;
	struct client_result result;
	struct progress line;
	struct client_handlers handlers = {.progress = progress_report, .context = &line};

	if (client_open_own_disc(o->disc_path, &c) < 0 || client_send(c, "wait") < 0)
		return;
	progress_init(&line, PROGRESS_AUTO);
	(void)client_finish(c, &handlers, &result); /* it keeps what it has to say for us: tell_last_result() */
	progress_clear(&line);
}

int earlier_wait_for_drive(const struct opening *o, const char *why, bool *said)
{
	struct control_mount mount;
	struct ucred holder;
	int r = holding_find(o->disc_path, &holder);

	if (r == -EPERM)
		log_notice("%s: another user says to have it mounted, or to burn it", o->disc_path);
	if (r < 0)
		return opening_fail(-EBUSY, o->disc_path, why);
	r = control_find_disc(o->disc_path, &mount);
	if (r == 0) {
		log_error("%s is already mounted at %s", o->disc_path, mount.mountpoint);
		return 1;
	}
	/* What others have mounted under its name (-ENOTUNIQ) is not the mount of who has it. */
	if (r != -ENOENT && r != -ENOTUNIQ)
		return opening_fail(-EBUSY, o->disc_path, why);
	if (!*said) {
		log_notice("%s: waiting for the commit of the earlier mount", o->disc_path);
		*said = true;
		watch_earlier_burn(o);
	}
	return 0;
}

/* ---- who holds the stage ---- */

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

/* It was unmounted here, but its file system lives on: in other mount namespaces, which are named as far as we may see
 * them. */
static void say_who_holds(const struct opening *o, const struct stage_holder *holder)
{
	struct holding_mounts h = {.o = o, .pid = holder->pid};
	struct control_mount mount;
	int r = client_locate(o->disc_path, &mount);

	if (r == -ENOENT)
		return; /* it ends just now */
	if (r == 0) {
		(void)mounts_held(&mount, say_held, &h);
		if (h.n == 0)
			(void)users_of(mount.major, mount.minor, say_user, &h);
	}
	if (h.n == 0)
		log_notice("%s: the earlier mount (process %d) is still there, held by something that cannot be seen "
			   "from here: a mount namespace or a process of another user, a container; waiting until it "
			   "has gone",
			   o->disc_path, holder->pid);
}

int earlier_wait_for_holder(const struct opening *o, const struct stage_holder *holder, struct patience *p)
{
	struct control_mount mount;
	/* It says that it finishes only some time after its unmount. */
	int found = holder->user == STAGE_MOUNTED ? control_find_disc(o->disc_path, &mount) : -ENOENT;

	if (found == -ENOTUNIQ) /* mounts of others: who has our stage is of our own user */
		found = -ENOENT;
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
