/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control.h - what a running mount can be asked, by any program
 *
 * A stream socket in the abstract namespace, "\0cdappendfs/" and the mount's device number "MAJOR:MINOR" as
 * /proc/self/mountinfo shows it: so root finds a user's mount without entering it, and nothing is left behind.  Where
 * somebody else has the name, "/" and 16 hexadecimal digits follow it: see /proc/net/unix.  Each side checks the
 * other by SO_PEERCRED: the daemon answers the mount's owner and root; a client believes a daemon of the mount's owner
 * (user_id= in mountinfo) or root.
 *
 * A writable mount also answers on the name of its disc, "\0cdappendfs/disc/KIND:MAJOR:MINOR:INODE" (see
 * control_disc_address()), from its beginning to the end of its last burn: so a burn that goes on after the unmount
 * can be watched, waited for and cancelled.  There a client believes a daemon of its own user or root, and root one of
 * the disc's owner.
 *
 * Who may not ask gets its result at once and is not read.  A request has 10 s, as a whole; an answer must be read.
 *
 * The client sends one request line; the daemon answers with lines and closes:
 *	sync | sync finalize | sync full-tree | sync finalize full-tree | dry-run | dry-run full-tree | discard |
 *	discard {"1":"PATH","2":"PATH",…} | info | changes | names | pieces | status | wait | await | cancel |
 *	revert {"session":N,"force":true|false,"1":"PATH",…}	without paths all of it
 *	sync span | dry-run span | span | sync span split | dry-run span split | span split
 *	options | disc | disc medium	no lines follow the last two, which are for the commands
 * Those of them that burn may be followed by {"message":"TEXT"}, which is kept in the session; those and dry runs by
 * {"add_ecc":PERCENT}, 1 to 100, and {"adopt":true}, as the options of cdappendfs-sync(1).  One object may have all of
 * them.
 * Answer lines are JSON objects with a member "type":
 *	{"type":"progress","phase":"burning","done_bytes":N,"all_bytes":N,"bytes_per_second":N,"seconds_left":N}
 *								zero or more; the last two once they are known;
 *								"done" and "all" are the older names of the first two
 *	{"type":"change","kind":"A|M|D|R","path":"…","bytes":N}	to changes; R has "from", its path on the disc, too,
 *								and all "cost_bytes", "directory" and what of M and R is
 *								another: "content", "attributes", "links"; and to
 *								discard of paths, "-" where nothing is staged
 *	{"type":"base","root_lba":N}				to changes: of the session below, 0 of a blank disc
 *	{"type":"name","path":"…","joliet":"…","why":"…","staged":true|false}	to names
 *	{"type":"piece","path":"…","bytes":N,"sections":N}	to pieces
 *	{"type":"span","disc":N,"path":"…","bytes":N,"only_here":true|false}
 *								to span (split): which disc takes what, 1 this one; what
 *								changes this disc can only be there
 *	{"type":"options","options":"…","staging":"…","staging_closed":"…","own_staging":true|false}
 *								to options: how the next disc is mounted; the stage's
 *								directory, and where it is after the unmount, unless
 *								something else is there
 *	{"type":"info", …}					to info: as README.md, "Commands", and "staging"
 *	{"type":"result","error":0|errno,"message":"…","burned":true|false,"append_bytes":…,"data_bytes":…,
 *	 "parity_bytes":…,"shared_bytes":…,"tree_bytes":…,"files_in_pieces":N|null,"names_changed":N,
 *	 "names_closed":N,"attributes_lost":N,"older_bytes":…,"older_sessions":N,"unproven_bytes":…,
 *	 "left_out_bytes":…,"older_more":true|false,"adopted_bytes":…,"adopted_sessions":N,"unread_bytes":…,
 *	 "adopted_more":true|false,"held_bytes":N,"set":N,"disc":N,"discs":N,"made":N,"changed":N,"renamed":N,
 *	 "removed":N,"overhead_bytes":…,"more_sessions":N|null,"fits":…,
 *	 "session":…}						the last one; of add-ecc: what of older
 *								sessions gets parity, what of that is proven by
 *								nothing, what is damaged and gets none; of adopt:
 *								what of others' sessions gets digests, and what
 *								cannot be read and gets none
 * "wait" is what cdappendfs-umount sends before it unmounts: at once one progress line (phase "idle", or of the
 * commit under way), so that the client knows it is waited for before it unmounts; then progress lines of the commit
 * that the unmount starts, then its result. "status" gives one progress line, or a result when idle.  "await" is
 * progress and the result of what is under way and of what waits behind it, "cancel" the same after stopping what is
 * under way; both give a result without an error and with the message "idle" when there is nothing.
 */
#ifndef CDAPPENDFS_CONTROL_H
#define CDAPPENDFS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#define CONTROL_LINE_MAX 16384u

/* The address of the mount with that device number; returns its length for bind and connect. */
static inline socklen_t control_address(unsigned major, unsigned minor, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	int n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "cdappendfs/%u:%u", major, minor);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

/* The address of the disc with that stat; the length, or 0: neither an image file nor a device. */
static inline socklen_t control_disc_address(const struct stat *st, struct sockaddr_un *ret)
{
	bool device = S_ISBLK(st->st_mode);
	dev_t of = device ? st->st_rdev : st->st_dev;

	if (!device && !S_ISREG(st->st_mode))
		return 0;
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	int n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "cdappendfs/disc/%c:%u:%u:%llu",
			 device ? 'b' : 'f', major(of), minor(of), device ? 0ull : (unsigned long long)st->st_ino);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

#endif
