/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wire.h - the way from a program to a recorder on the same machine, past the kernel: a unix socket
 *
 * The other end is tests/preload/recorder.c.  A request, with `sent` bytes of data behind it; a reply, with `length`
 * bytes behind it; one after the other.  A program has one connection; when it ends, what it had open is closed.
 */
#ifndef TESTS_BURNER_WIRE_H
#define TESTS_BURNER_WIRE_H

#include <stdint.h>

enum wire_what { WIRE_OPEN, WIRE_CLOSE, WIRE_IOCTL, WIRE_COMMAND };
enum { WIRE_SENSE_BYTES = 18, WIRE_DATA_MAX = 1 << 20 };

struct wire_request {
	uint32_t what;
	uint32_t argument; /* flags of open(2), the request of ioctl(2) */
	uint32_t sent, room;
	uint8_t cdb[16];
};

struct wire_reply {
	int32_t result; /* a value, or -errno */
	uint32_t length;
	uint64_t size; /* of node_ioctl() */
	uint8_t status, sense[WIRE_SENSE_BYTES];
};

struct drive;
struct control;

/* Executes what programs send to the socket at `path`, which is removed when the drive has lost its power, until *stop
 * is set by a signal handler; answers the control socket as tcmu_serve() does.  0 or -errno. */
int wire_serve(const char *path, struct drive *drive, struct control *control, const volatile int *stop);

#endif
