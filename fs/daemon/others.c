/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/others.h"

#include <string.h>

static bool is_of(const char *const *list, const char *option)
{
	for (; *list; list++) {
		size_t length = strlen(*list);
		if ((*list)[length - 1] == '=' ? strncmp(option, *list, length) == 0 : strcmp(option, *list) == 0)
			return true;
	}
	return false;
}

bool others_ignored(const char *option)
{
	static const char *const list[] = {
		"auto",	       "noauto",	"user",	     "nouser",	   "users",    "owner",	     "group",
		"nofail",      "_netdev",	"defaults",  "comment=",   "user=",    "relatime",   "norelatime",
		"strictatime", "nostrictatime", "lazytime",  "nolazytime", "iversion", "noiversion", "silent",
		"loud",	       "mand",		"nomand",    "subtype=",   "fsname=",  "clone_fd",   "big_writes",
		"nonempty",    "user_id=",	"group_id=", "rootmode=",  NULL}; /* as mountinfo shows them */

	return is_of(list, option) || strncmp(option, "x-", 2) == 0 || strncmp(option, "X-", 2) == 0;
}

bool others_of_libfuse(const char *option)
{
	static const char *const list[] = {"allow_other",  "allow_root", "default_permissions",
					   "auto_unmount", "max_read=",	 "suid",
					   "nosuid",	   "dev",	 "nodev",
					   "exec",	   "noexec",	 "async",
					   "sync",	   "dirsync",	 "atime",
					   "noatime",	   "diratime",	 "nodiratime",
					   "context=",	   "fscontext=", "defcontext=",
					   "rootcontext=", NULL};

	return is_of(list, option);
}
