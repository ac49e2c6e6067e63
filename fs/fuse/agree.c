/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agree.c - what is agreed with the kernel that libfuse does not know of
 *
 * Before each write the kernel looks whether it takes rights from a program: set-id bits, which it knows, and
 * capabilities, for which it asks (GETXATTR).  That would be two requests for each write.  With
 * FUSE_HANDLE_KILLPRIV_V2 (Linux 5.11) it leaves the bits to us, who see to them anyway (attributes.c), and asks for
 * capabilities once, until the file's attributes are asked for again.
 *
 * libfuse 3.14 has no such option.  So requests and answers are read and written here, and the bit is set in the
 * answer to the first request, if the kernel has offered it there.
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/fuse/internal.h"

static ssize_t read_request(int fd, void *buffer, size_t length, void *server)
{
	struct server *s = server;
	ssize_t n = read(fd, buffer, length);
	struct fuse_in_header header;
	struct fuse_init_in init;
	const size_t known = offsetof(struct fuse_init_in, flags) + sizeof(init.flags);

	if (atomic_load(&s->agreed) || n < (ssize_t)(sizeof(header) + known))
		return n;
	memcpy(&header, buffer, sizeof(header));
	memcpy(&init, (const char *)buffer + sizeof(header), known);
	if (header.opcode == FUSE_INIT && init.flags & FUSE_HANDLE_KILLPRIV_V2)
		s->offered = header.unique;
	return n;
}

static ssize_t write_answer(int fd, struct iovec *iov, int count, void *server)
{
	struct server *s = server;
	const size_t known = offsetof(struct fuse_init_out, flags) + sizeof(uint32_t);

	if (!atomic_load(&s->agreed) && count == 2 && iov[1].iov_len >= known) {
		const struct fuse_out_header *header = iov[0].iov_base;
		struct fuse_init_out *init = iov[1].iov_base;

		if (header->unique == s->offered && !header->error)
			init->flags |= FUSE_HANDLE_KILLPRIV_V2;
		atomic_store(&s->agreed, true);
	}
	return writev(fd, iov, count);
}

static ssize_t splice_answer(int from, off_t *from_at, int to, off_t *to_at, size_t length, unsigned flags,
			     void *server)
{
	(void)server;
	return splice(from, from_at, to, to_at, length, flags);
}

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
/* Who reads by himself has to open the device for each thread, too. */
static int clone_device(int device)
{
	_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	uint32_t first = (uint32_t)device;

	if (fd < 0 || ioctl(fd, FUSE_DEV_IOC_CLONE, &first) < 0)
		return -1;
	return TAKE_FD(fd);
}

static int begin(struct fuse_session *session, struct fuse_custom_io *io)
{
	io->clone_fd = clone_device;
	return fuse_session_custom_io_317(session, io, sizeof(*io), fuse_session_fd(session));
}
#else
static int begin(struct fuse_session *session, struct fuse_custom_io *io)
{
	return fuse_session_custom_io(session, io, fuse_session_fd(session));
}
#endif

int agree_begin(struct server *s)
{
	struct fuse_custom_io io = {.writev = write_answer, .read = read_request, .splice_send = splice_answer};

	return begin(s->session, &io) == 0 ? 0 : -EIO;
}
