/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox.c - closed to others, capabilities, no new privileges; the filter of system calls is filter.c, the files
 * are confine.c
 */
#include "fs/daemon/sandbox.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/daemon/internal.h"

void sandbox_close_door(void) { prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
void sandbox_open_door(void) { prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }

/* ---- capabilities ---- */

/*
 * Left to root: to mount, until that is done; to reach a mount point below a directory of a user; in a drive all SCSI
 * commands, and unlocking its tray. The stage and the image need none: the one is root's own, the other is open.
 */
static uint64_t needed(const struct sandbox_options *options)
{
	const uint64_t admin = UINT64_C(1) << CAP_SYS_ADMIN, raw = UINT64_C(1) << CAP_SYS_RAWIO;

	return UINT64_C(1) << CAP_DAC_READ_SEARCH | (options->drive ? admin | raw : options->mounted ? 0 : admin);
}

void sandbox_drop_capabilities(const struct sandbox_options *options)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t keep = needed(options);

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (!(keep >> c & 1))
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, data);
}

/* ---- all of it ---- */

int sandbox_enter(const struct sandbox_options *options)
{
	if (!options->dumpable)
		sandbox_close_door();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return filter_daemon();
}

void sandbox_of_unmounter(void)
{
	const struct sandbox_options options = {.drive = false};

	sandbox_close_door();
	sandbox_drop_capabilities(&options);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		(void)filter_unmounter();
}
