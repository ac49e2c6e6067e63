/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remount.c - a mount that is there becomes read-only, or writable again
 *
 * That is the kernel's own affair: it lets nobody write, and the daemon goes on as it was, so what is staged stays
 * staged, and is burned as before.  A daemon that has no stage (mounted with ro, or a disc that takes no further
 * session) cannot become writable; it is known by its statfs, which promises no new files.
 */
#include "fs/daemon/remount.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "burner/base/io.h"
#include "burner/base/own.h"
#include "fs/control/mounted.h"
#include "fs/control/mounts.h"

static int refuse(char why[REMOUNT_WHY_MAX], int error, const char *mountpoint, const char *text)
{
	snprintf(why, REMOUNT_WHY_MAX, "%s: %s", mountpoint, text);
	return error;
}

/* All but reading or writing stays as it is. */
static unsigned long flags_of(const struct statvfs *v)
{
	static const struct {
		unsigned long shown, flag;
	} map[] = {
		{ST_NOSUID, MS_NOSUID},		  {ST_NODEV, MS_NODEV},	    {ST_NOEXEC, MS_NOEXEC},
		{ST_SYNCHRONOUS, MS_SYNCHRONOUS}, {ST_NOATIME, MS_NOATIME}, {ST_NODIRATIME, MS_NODIRATIME},
		{ST_RELATIME, MS_RELATIME},
	};
	unsigned long flags = MS_REMOUNT;

	for (size_t i = 0; i < ARRAY_LENGTH(map); i++)
		flags |= v->f_flag & map[i].shown ? map[i].flag : 0;
	return flags;
}

/* What is held is what is remounted, wherever a name leads by then. */
static int find_mount(const char *mountpoint, struct mounted *ret)
{
	_close_file_ FILE *mountinfo = mounts_open();
	struct control_mount mount;
	char path[PATH_MAX];

	if (!mountinfo)
		return -errno;
	int r = mounts_path(mountpoint, path, sizeof(path));
	if (r == 0)
		r = mounts_find_point(mountinfo, path, &mount);
	return r < 0 ? r : mounted_find(&mount, ret);
}

static int remount_held(const char *mountpoint, const struct mounted *m, bool read_only, char why[REMOUNT_WHY_MAX])
{
	struct statvfs v;
	char path[FD_PATH_BYTES];

	fd_path(m->root, path);
	if (fstatvfs(m->root, &v) < 0)
		return refuse(why, -errno, mountpoint, strerror(errno));
	if (!read_only && !v.f_files)
		return refuse(why, -EROFS, mountpoint,
			      "it was mounted read-only, or its disc takes no further session, and cannot become "
			      "writable so; unmount it, and mount it again without ro");
	if (mount("none", path, NULL, flags_of(&v) | (read_only ? MS_RDONLY : 0), NULL) == 0)
		return 0;
	int r = -errno;
	return refuse(why, r, mountpoint,
		      r == -EBUSY ? "files are open for writing; close them, and remount it then (fuser -vm names who "
				    "has them)" :
		      r == -EPERM ? "only root can remount; unmount it, and mount it again with or without ro" :
				    strerror(-r));
}

int remount(const char *mountpoint, bool read_only, char why[REMOUNT_WHY_MAX])
{
	struct mounted m;
	int r = find_mount(mountpoint, &m);

	if (r == -ENOENT)
		return refuse(why, r, mountpoint, "nothing of cdappendfs is mounted there that could be remounted");
	if (r < 0)
		return refuse(why, r, mountpoint, mounted_why(r));
	r = remount_held(mountpoint, &m, read_only, why);
	mounted_release(&m);
	return r;
}
