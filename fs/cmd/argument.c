/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/argument.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "cdappendfs/burn.h"
#include "fs/cmd/command.h"
#include "fs/cmd/discard.h"
#include "fs/cmd/interrupt.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"
#include "fs/control/remote.h"

const struct argument_use argument_to_read = {.done = "read"};

int argument_find(const char *given, struct argument *ret)
{
	int found = mounts_find(given, &ret->mount);
	struct stat st;

	ret->given = given;
	ret->inside[0] = '\0';
	if (found == -ENOENT || (found == 0 && discard_is_path(given))) {
		int r = discard_locate(given, &ret->mount, ret->inside);

		found = r == 0 ? 0 : found;
	}
	ret->mounted = found == 0;
	if (found == 0 && command_source_is_known(ret->inside[0] ? ret->mount.mountpoint : given, &ret->mount)) {
		snprintf(ret->disc, sizeof(ret->disc), "%s", ret->mount.source);
		return COMMAND_DONE;
	}
	if (found == 0)
		return command_fail("%s: a mount of user %u, who may call its disc what he likes: give the disc",
				    ret->mount.mountpoint, (unsigned)ret->mount.owner);
	if (!realpath(given, ret->disc))
		return command_fail("%s: %s", given, strerror(errno));
	if (stat(ret->disc, &st) != 0 || !S_ISDIR(st.st_mode))
		return COMMAND_DONE;
	return found == -ENOTSUP ? command_mount(given, &ret->mount) :
				   command_fail("%s: no cdappendfs is mounted there, and a directory is no "
						"disc; see 'findmnt -t fuse.cdappendfs'",
						given);
}

/* The drive is its mount's: through that. */
static int open_mounted(const struct argument *a, const struct argument_use *use, struct disc **ret)
{
	const struct remote_options how = {.stop = &interrupted, .from_medium = use->from_medium};
	_free_ char *why = NULL;
	int r;

	interrupt_catch();
	r = remote_disc_open(&a->mount, &how, ret, &why);
	if (!r)
		return COMMAND_DONE;
	if (r == -EPROTO)
		return command_fail(
			"%s: the mount %s is of another version of cdappendfs, and has the drive for itself: "
			"unmount it ('cdappendfs-umount %s'), and ask again then",
			a->disc, a->mount.mountpoint, SHELL_WORD(a->mount.mountpoint));
	return command_fail("%s: its mount %s has the drive for itself, and cannot be asked: %s", a->disc,
			    a->mount.mountpoint, why ? why : client_why(r));
}

int argument_open(struct argument *a, const struct argument_use *use, struct disc **ret)
{
	const struct disc_open_options how = {.unbounded = false};
	const char *why = NULL;
	int r = disc_open_path(a->disc, &how, ret, &why);

	a->remote = r == -EBUSY && a->mounted;
	if (a->remote)
		return open_mounted(a, use, ret);
	if (r < 0)
		return command_fail("%s: it cannot be %s: %s", a->disc, use->done, why ? why : strerror(-r));
	return COMMAND_DONE;
}

int argument_history(const char *given, struct argument *ret, struct disc **ret_disc, struct history *ret_history)
{
	int status = argument_find(given, ret);

	if (status == COMMAND_DONE)
		status = argument_open(ret, &argument_to_read, ret_disc);
	if (status != COMMAND_DONE)
		return status;
	int r = history_read(*ret_disc, ret_history);
	return r ? command_fail("%s: its sessions cannot be read: %s", ret->disc, strerror(-r)) : COMMAND_DONE;
}
