/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * park.h - requests as values, and those that must wait
 *
 * Each operation fills a struct request and gives it to park_run().  Its run() answers the request and returns 0, or
 * returns -EAGAIN with nothing done and nothing answered: the drive is burning.  Then it is copied and parked:
 * no worker waits. The park's own thread runs parked ones again every PARK_RETRY_MS until they are answered; an
 * interrupted one is answered EINTR.
 *
 * Threads: any.  Lock order: libfuse's lock of a request -> the park's lock.
 */
#ifndef FS_FUSE_PARK_H
#define FS_FUSE_PARK_H

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define PARK_RETRY_MS 100

struct server;
struct request {
	int (*run)(struct server *s, fuse_req_t req, const struct request *request);
	fuse_ino_t ino, other;	       /* other: new parent, or inode to link */
	const char *name, *other_name; /* other_name: new name, or target of a symlink */
	const void *data;	       /* to write; size bytes */
	size_t size;
	off_t offset, other_offset;
	uint64_t handle, other_handle; /* fi->fh */
	int flags;		       /* of open, rename, fallocate; to_set of setattr; whence of lseek */
	mode_t mode;
	dev_t rdev;
	bool plus;		 /* readdir: with attributes */
	bool writeback;		 /* write: of the kernel's cache */
	bool refreshed;		 /* write: what others had cached and changed was written first (refresh.c) */
	const struct stat *attr; /* of setattr */
};

struct park;
int park_new(struct server *s, struct park **ret);
/* After the daemon forked. */
int park_start(struct park *p);
/* Run it now, or park it. *request may live on the stack. */
void park_run(struct park *p, fuse_req_t req, const struct request *request);
/* Answer the request with -error from the park's thread: for interrupt functions, which must not answer themselves. */
void park_reply(struct park *p, fuse_req_t req, int error);
/* Answer all that wait with EINTR and end the thread; what comes later is answered at once. */
void park_stop(struct park *p);
void park_free(struct park *p);

#endif
