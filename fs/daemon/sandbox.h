/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox.h - what the daemon gives up, so that a mistake in a decoder is worth little to who made the disc
 *
 *	sandbox_close_door (first of all) -> all files are opened -> sandbox_drop_capabilities -> mount ->
 *	that again, and sandbox_confine (still one thread) -> threads -> sandbox_enter (before the first request)
 *
 * Nobody can take any of it back. A kernel without one of the means leaves that one out: the daemon serves as before.
 */
#ifndef FS_DAEMON_SANDBOX_H
#define FS_DAEMON_SANDBOX_H

#include <stdbool.h>

struct sandbox_options {
	bool drive;    /* SCSI commands are sent */
	bool mounted;  /* nothing is mounted any more: CAP_SYS_ADMIN would be power over all file systems and more */
	bool dumpable; /* may be traced and may leave a core, for who looks for a mistake */
};

/* What of the files is left; descriptors, -1 none. */
struct sandbox_files {
	int image;
	bool writable;
	int stage, stages;  /* the stage's directory; the one that it is in, when it may be renamed there */
	int catalogue;	    /* its directory */
	bool drive;	    /* all devices: a drive that was unplugged comes back as another node */
	const char *tuning; /* a file of sysfs that is written once; NULL none */
};

/* Nobody of the same user looks into the process, writes to it or takes its descriptors, from here on; no cores. */
void sandbox_close_door(void);
/* It may be traced after all. */
void sandbox_open_door(void);
/* Of the calling thread and those it will make; best effort. */
void sandbox_drop_capabilities(const struct sandbox_options *options);
/*
 * Landlock, of the calling thread and those it will make: no other file is opened, made, renamed or removed, nothing
 * is mounted or unmounted, no signals to others. What the libraries read stays readable.  -errno: it is missing, or
 * does not know the file system of the disc or its stage; then nothing is restricted.
 */
int sandbox_confine(const struct sandbox_files *files);
/*
 * The whole process: no new privileges, no programs run, no traces and cores, and EPERM for the system calls that a
 * file server never makes; ENOSYS for those that nobody has looked at. -errno: the filter of system calls is missing,
 * all else holds.
 */
int sandbox_enter(const struct sandbox_options *options);
/* The process that waits to unmount for root (unmounter.h): it reads, and unmounts. */
void sandbox_of_unmounter(void);

#endif
