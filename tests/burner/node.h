/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * node.h - the device file of a drive without a kernel behind it: what Linux's sr and cdrom drivers do when it is
 * opened and asked (drivers/scsi/sr.c, drivers/cdrom/cdrom.c)
 *
 * The kernel looks at the medium when the device is opened: only an event of the drive makes it ask for the size anew.
 * Commands that programs send by themselves (SG_IO) pass it by.
 */
#ifndef TESTS_BURNER_NODE_H
#define TESTS_BURNER_NODE_H

#include <stdint.h>

struct drive;
struct node;

/* The driver finds the drive: what it can do, how large its medium is.  0 or -ENOMEM. */
int node_new(struct drive *drive, struct node **ret_node);
void node_free(struct node *node);
/* flags: those of open(2), O_EXCL and O_NONBLOCK mean something.  0, or -EBUSY, -ENOMEDIUM, -ENXIO. */
int node_open(struct node *node, uint32_t flags);
/* flags: as it was opened. */
void node_close(struct node *node, uint32_t flags);
/* Requests of <linux/cdrom.h> and <linux/fs.h> whose argument is a number; *ret_size is that of BLKGETSIZE64.  The
 * value of ioctl(2), or -errno. */
int node_ioctl(struct node *node, uint32_t request, uint64_t *ret_size);

#endif
