/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inhibit.h - the system stays up while a disc is written
 *
 *	inhibit_take -> inhibit_release
 *
 * A "block" lock of logind (org.freedesktop.login1.Manager.Inhibit) against shutdown and sleep: a "delay" lock ends
 * after seconds, a burn takes minutes. Where there is no logind, or it refuses (not a local user), a burn goes on
 * without: that is no error.  It is asked by a thread of its own, since a bus that hangs must not keep a burn
 * waiting.
 */
#ifndef FS_DAEMON_INHIBIT_H
#define FS_DAEMON_INHIBIT_H

struct inhibit;
/* To be given to inhibit_release(); NULL: no memory. why: static, for the user who asks what keeps the system up. */
struct inhibit *inhibit_take(const char *why);
void inhibit_release(struct inhibit *i);

#endif
