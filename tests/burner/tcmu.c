/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/tcmu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#define __LINUX_UIO_H /* its struct iovec is that of sys/uio.h */
#include <linux/target_core_user.h>

#include "burner/base/own.h"
#include "tests/burner/control.h"
#include "tests/burner/drive.h"

struct ring {
	int fd;
	uint8_t *base;
	struct tcmu_mailbox *mailbox;
	uint8_t *buffer; /* data of one command, in one piece */
	size_t buffer_size;
	struct drive *drive;
	struct control *control;
	const volatile int *stop;
	sigset_t unblocked; /* signals come only while it waits: one that came just before would be slept over */
};

static size_t map_size(const char *path)
{
	const char *name = strrchr(path, '/');
	char file[128];
	unsigned long size = 0;
	FILE *f;

	snprintf(file, sizeof(file), "/sys/class/uio/%s/maps/map0/size", name ? name + 1 : path);
	f = fopen(file, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%lx", &size) != 1)
		size = 0;
	fclose(f);
	return size;
}

/* The iov_base of a ring entry is an offset from the start of the map. */
static void gather(const struct ring *ring, const struct iovec *iov, size_t count)
{
	uint8_t *to = ring->buffer;

	for (size_t i = 0; i < count; to += iov[i].iov_len, i++)
		memcpy(to, ring->base + (uintptr_t)iov[i].iov_base, iov[i].iov_len);
}

static void scatter(const struct ring *ring, const struct iovec *iov, size_t count, size_t length)
{
	const uint8_t *from = ring->buffer;

	for (size_t i = 0; i < count && length; i++) {
		size_t n = iov[i].iov_len < length ? iov[i].iov_len : length;

		memcpy(ring->base + (uintptr_t)iov[i].iov_base, from, n);
		from += n;
		length -= n;
	}
}

static int wait_for_size(struct ring *ring, size_t size)
{
	uint8_t *larger;

	if (size <= ring->buffer_size)
		return 0;
	larger = realloc(ring->buffer, size);
	if (!larger)
		return -ENOMEM;
	ring->buffer = larger;
	ring->buffer_size = size;
	return 0;
}

static int execute(struct ring *ring, struct tcmu_cmd_entry *entry)
{
	uint8_t cdb[16];
	size_t count = entry->req.iov_cnt, size = 0;
	_free_ struct iovec *iov = calloc(count + 1, sizeof(*iov));
	struct reply reply = {0};
	bool takes_data;
	int r;

	if (!iov)
		return -ENOMEM;
	/* The answer overwrites the request: keep the vector and the command. */
	memcpy(iov, entry->req.iov, count * sizeof(*iov));
	memcpy(cdb, ring->base + entry->req.cdb_off, sizeof(cdb));
	takes_data = drive_takes_data(cdb);
	for (size_t i = 0; i < count; i++)
		size += iov[i].iov_len;
	r = wait_for_size(ring, size);
	if (r)
		return r;
	if (takes_data)
		gather(ring, iov, count);
	drive_execute(ring->drive, cdb, ring->buffer, size, &reply);
	if (!takes_data)
		scatter(ring, iov, count, reply.length);
	if (reply.delay_ns)
		control_let_pass(ring->control, ring->drive, reply.delay_ns, ring->stop, &ring->unblocked);

	entry->hdr.uflags = 0;
	memset(&entry->rsp, 0, sizeof(entry->rsp));
	entry->rsp.scsi_status = reply.status;
	memcpy(entry->rsp.sense_buffer, reply.sense, sizeof(reply.sense));
	if (!takes_data && (ring->mailbox->flags & TCMU_MAILBOX_FLAG_CAP_READ_LEN)) {
		entry->hdr.uflags = TCMU_UFLAG_READ_LEN;
		entry->rsp.read_len = (uint32_t)reply.length;
	}
	return 0;
}

static int serve_ring(struct ring *ring)
{
	struct tcmu_mailbox *mailbox = ring->mailbox;
	uint8_t *first = ring->base + mailbox->cmdr_off;

	for (;;) {
		uint32_t head = __atomic_load_n(&mailbox->cmd_head, __ATOMIC_ACQUIRE);
		uint32_t tail = mailbox->cmd_tail;
		struct tcmu_cmd_entry *entry = (void *)(first + tail);
		int r = 0;

		if (tail == head)
			return 0;
		switch (tcmu_hdr_get_op(entry->hdr.len_op)) {
		case TCMU_OP_CMD:
			r = execute(ring, entry);
			break;
		case TCMU_OP_PAD:
		case TCMU_OP_TMR:
			break;
		default:
			entry->hdr.uflags |= TCMU_UFLAG_UNKNOWN_OP;
		}
		if (r)
			return r;
		tail = (tail + tcmu_hdr_get_len(entry->hdr.len_op)) % mailbox->cmdr_size;
		__atomic_store_n(&mailbox->cmd_tail, tail, __ATOMIC_RELEASE);
	}
}

static int serve(struct ring *ring)
{
	uint32_t word = 0;

	while (!*ring->stop) {
		struct pollfd wait[] = {
			{.fd = ring->fd, .events = POLLIN},
			{.fd = control_fd(ring->control), .events = POLLIN},
		};
		int r = serve_ring(ring);

		if (r)
			return r;
		/* Tell the kernel about the answers, then wait for requests. */
		if (write(ring->fd, &word, sizeof(word)) < 0)
			return -errno;
		if (drive_is_dead(ring->drive))
			control_unplug(ring->control);
		if (ppoll(wait, ARRAY_LENGTH(wait), NULL, &ring->unblocked) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		if ((wait[0].revents & POLLIN) && read(ring->fd, &word, sizeof(word)) < 0)
			return -errno;
		if (wait[1].revents & POLLIN)
			control_serve(ring->control, ring->drive);
	}
	return 0;
}

int tcmu_serve(const char *uio, struct drive *drive, struct control *control, const volatile int *stop)
{
	struct ring ring = {.drive = drive, .control = control, .stop = stop};
	size_t size = map_size(uio);
	_close_ int fd = open(uio, O_RDWR | O_CLOEXEC);
	sigset_t ends;
	int r;

	if (fd < 0 || !size)
		return fd < 0 ? -errno : -ENXIO;
	ring.fd = fd;
	ring.base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ring.base == MAP_FAILED)
		return -errno;
	ring.mailbox = (void *)ring.base;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, &ring.unblocked);
	r = ring.mailbox->version == TCMU_MAILBOX_VERSION ? serve(&ring) : -EPROTO;
	free(ring.buffer);
	munmap(ring.base, size);
	return r;
}
