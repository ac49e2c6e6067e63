/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recorder.c - to be preloaded: a device file $RECORDER_NAME, behind which is the recorder that listens at
 * $RECORDER_SOCKET (tests/burner/wire.h)
 *
 * Whoever opens it by the C library gets a descriptor, of no file, whose ioctl(2) goes to the recorder.  It is block
 * device 11:$RECORDER_MINOR, and is there as long as the socket is.  It cannot be read or mounted: Linux does not
 * know it.  A process has one connection, which its children share; a program that asks in both at once is not served.
 */
#define _GNU_SOURCE
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <pthread.h>
#include <scsi/scsi.h>
#include <scsi/scsi_ioctl.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/burner/wire.h"

enum {
	SR_MAJOR = 11,
	DESCRIPTORS = 1024,
	HIGH = 768,    /* where programs do not look for descriptors of their own */
	NO_HOST = 251, /* SCSI_IOCTL_GET_IDLUN: that of no other device */
	DRIVER_SENSE = 8,
	USER_HZ = 100,
};
#define BY_PATH UINT_MAX /* of a descriptor that is open with O_PATH */

static struct {
	pthread_mutex_t lock;
	int fd;
	unsigned generation; /* of the connection: what an earlier one has opened is gone */
	pid_t pid;
	unsigned of[DESCRIPTORS]; /* the generation by which a descriptor was opened, 0: it is none of ours */
	uint32_t flags[DESCRIPTORS];
} line = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* ---- the connection -------------------------------------------------------------------------------------------- */

static bool connected_locked(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("RECORDER_SOCKET");
	int fd, high;

	if (line.fd >= 0)
		return true;
	if (!path || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH);
	if (high >= 0) {
		NEXT(close)(fd);
		fd = high;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		NEXT(close)(fd);
		return false;
	}
	line.fd = fd;
	line.generation++;
	return true;
}

static bool give(const void *from, size_t size)
{
	for (ssize_t n; size > 0; from = (const char *)from + n, size -= (size_t)n)
		if ((n = send(line.fd, from, size, MSG_NOSIGNAL)) < 0) {
			if (errno != EINTR)
				return false;
			n = 0;
		}
	return true;
}

static bool take(void *to, size_t size)
{
	for (ssize_t n; size > 0; to = (char *)to + n, size -= (size_t)n)
		if ((n = recv(line.fd, to, size, 0)) <= 0) {
			if (n == 0 || errno != EINTR)
				return false;
			n = 0;
		}
	return true;
}

static bool ask_locked(const struct wire_request *request, const void *sent, void *room, struct wire_reply *ret)
{
	return give(request, sizeof(*request)) && give(sent, request->sent) && take(ret, sizeof(*ret)) &&
	       ret->length <= request->room && take(room, ret->length);
}

/* By the connection `generation`, or, if that is 0, a new one, when there is none; the generation that it was, or 0
 * when the recorder has gone. */
static unsigned ask(unsigned generation, const struct wire_request *request, const void *sent, void *room,
		    struct wire_reply *ret)
{
	unsigned by = 0;

	pthread_mutex_lock(&line.lock);
	if (generation ? line.fd >= 0 && line.generation == generation : connected_locked()) {
		by = line.generation;
		if (!ask_locked(request, sent, room, ret)) {
			NEXT(close)(line.fd);
			line.fd = -1;
			by = 0;
		}
	}
	pthread_mutex_unlock(&line.lock);
	return by;
}

/* ---- opening and closing ---------------------------------------------------------------------------------------- */

static bool is_device(const char *path)
{
	const char *name = getenv("RECORDER_NAME");

	return name && path && strcmp(name, path) == 0;
}

static bool is_there(void)
{
	const char *path = getenv("RECORDER_SOCKET");

	if (path && NEXT(access)(path, F_OK) == 0)
		return true;
	errno = ENOENT;
	return false;
}

static int open_device(int flags)
{
	const struct wire_request request = {.what = WIRE_OPEN, .argument = (uint32_t)flags};
	struct wire_reply reply;
	unsigned generation;
	int fd;

	if (!is_there())
		return -1;
	fd = memfd_create("recorder", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
	if (fd < 0 || fd >= DESCRIPTORS)
		return fd;
	if (flags & O_PATH) {
		line.of[fd] = BY_PATH;
		return fd;
	}
	generation = ask(0, &request, NULL, NULL, &reply);
	if (!generation || reply.result < 0) {
		NEXT(close)(fd);
		errno = generation ? -reply.result : ENXIO;
		return -1;
	}
	line.of[fd] = generation;
	line.flags[fd] = (uint32_t)flags;
	return fd;
}

int open64(const char *path, int flags, ...);
int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return is_device(path) ? open_device(flags) : NEXT(open64)(path, flags, mode);
}
int open(const char *path, int flags, ...) __attribute__((alias("open64")));

int __open64_2(const char *path, int flags);
int __open64_2(const char *path, int flags) { return open64(path, flags); }
int __open_2(const char *path, int flags) __attribute__((alias("__open64_2")));

int openat64(int directory, const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
	va_end(arguments);
	return is_device(path) ? open_device(flags) : NEXT(openat64)(directory, path, flags, mode);
}
int openat(int directory, const char *path, int flags, ...) __attribute__((alias("openat64")));

static unsigned generation_of(int fd) { return fd >= 0 && fd < DESCRIPTORS ? line.of[fd] : 0; }

int close(int fd)
{
	unsigned generation = generation_of(fd);

	if (generation) {
		const struct wire_request request = {.what = WIRE_CLOSE, .argument = line.flags[fd]};
		struct wire_reply reply;

		line.of[fd] = 0;
		if (generation != BY_PATH)
			ask(generation, &request, NULL, NULL, &reply);
	}
	return NEXT(close)(fd);
}

/* ---- requests --------------------------------------------------------------------------------------------------- */

static int command(unsigned generation, struct sg_io_hdr *io)
{
	bool sends = io->dxfer_direction == SG_DXFER_TO_DEV;
	struct wire_request request = {.what = WIRE_COMMAND};
	struct wire_reply reply;
	unsigned length;

	if (io->interface_id != 'S' || io->cmd_len > sizeof(request.cdb) || io->iovec_count ||
	    io->dxfer_len > WIRE_DATA_MAX)
		return -EINVAL;
	if (io->dxfer_direction != SG_DXFER_NONE)
		*(sends ? &request.sent : &request.room) = io->dxfer_len;
	memcpy(request.cdb, io->cmdp, io->cmd_len);
	if (!ask(generation, &request, io->dxferp, io->dxferp, &reply))
		return -ENODEV;
	io->status = reply.status;
	io->masked_status = (unsigned char)(reply.status >> 1 & 0x1f);
	io->host_status = 0;
	io->driver_status = reply.status ? DRIVER_SENSE : 0;
	io->info = reply.status ? SG_INFO_CHECK : SG_INFO_OK;
	io->resid = request.room ? (int)(request.room - reply.length) : 0;
	io->duration = 0;
	length = reply.status && io->sbp ? io->mx_sb_len : 0;
	io->sb_len_wr = (unsigned char)(length < sizeof(reply.sense) ? length : sizeof(reply.sense));
	memcpy(io->sbp ? io->sbp : reply.sense, reply.sense, io->sb_len_wr);
	return reply.result;
}

/* The older way, of libcdio. */
static int packet(unsigned generation, struct cdrom_generic_command *c)
{
	unsigned char sense[WIRE_SENSE_BYTES] = {0};
	struct sg_io_hdr io = {.interface_id = 'S',
			       .dxfer_direction = c->data_direction == CGC_DATA_WRITE ? SG_DXFER_TO_DEV :
						  c->data_direction == CGC_DATA_READ  ? SG_DXFER_FROM_DEV :
											SG_DXFER_NONE,
			       .cmd_len = sizeof(c->cmd),
			       .cmdp = c->cmd,
			       .mx_sb_len = sizeof(sense),
			       .sbp = sense,
			       .dxfer_len = c->buflen,
			       .dxferp = c->buffer};
	int r = command(generation, &io);

	if (c->sense)
		memcpy(c->sense, sense, sizeof(*c->sense) < sizeof(sense) ? sizeof(*c->sense) : sizeof(sense));
	return r < 0 ? r : io.status ? -EIO : 0;
}

static int request_of(unsigned generation, unsigned long number, void *argument)
{
	const struct wire_request request = {.what = WIRE_IOCTL, .argument = (uint32_t)number};
	struct wire_reply reply;

	switch (number) {
	case SG_IO:
		return command(generation, argument);
	case CDROM_SEND_PACKET:
		return packet(generation, argument);
	case SG_SET_TIMEOUT:
		return 0;
	case SG_GET_TIMEOUT:
		return 60 * USER_HZ;
	case SCSI_IOCTL_GET_IDLUN:
		((uint32_t *)argument)[0] = (uint32_t)NO_HOST << 24;
		((uint32_t *)argument)[1] = 0;
		return 0;
	case SCSI_IOCTL_GET_BUS_NUMBER:
		*(int *)argument = NO_HOST;
		return 0;
	default:
		break;
	}
	if (!ask(generation, &request, NULL, NULL, &reply))
		return -ENODEV;
	if (number == BLKGETSIZE64)
		memcpy(argument, &reply.size, sizeof(reply.size));
	return reply.result;
}

/* A program may have an ioctl() of its own, which calls this. */
long syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_ioctl && generation_of((int)a[0])) {
		int r = request_of(generation_of((int)a[0]), (unsigned long)a[1], (void *)a[2]);

		errno = r < 0 ? -r : errno;
		return r < 0 ? -1 : r;
	}
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

int ioctl(int fd, unsigned long number, ...)
{
	va_list arguments;
	void *argument;

	va_start(arguments, number);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return (int)syscall(SYS_ioctl, fd, number, argument);
}

/* ---- the kernel's list of drives --------------------------------------------------------------------------------- */

/* Where libburn and we look which drives there are. */
FILE *fopen64(const char *restrict path, const char *restrict mode)
{
	const char *name = getenv("RECORDER_NAME");
	FILE *f;

	if (!name || strcmp(path, "/proc/sys/dev/cdrom/info"))
		return NEXT(fopen64)(path, mode);
	f = fmemopen(NULL, 256, "w+");
	if (f) {
		fprintf(f, "CD-ROM information, Id: cdrom.c 3.20 2003/12/17\n\ndrive name:\t\t%s\n",
			name + strlen("/dev/"));
		rewind(f);
	}
	return f;
}
FILE *fopen(const char *restrict path, const char *restrict mode) __attribute__((alias("fopen64")));

/* ---- what it is ------------------------------------------------------------------------------------------------- */

static dev_t number_of_device(void)
{
	const char *minor = getenv("RECORDER_MINOR");

	return makedev(SR_MAJOR, minor ? (unsigned)strtoul(minor, NULL, 10) : 0);
}

int access(const char *path, int mode)
{
	if (is_device(path))
		return is_there() ? 0 : -1;
	return NEXT(access)(path, mode);
}

int faccessat(int directory, const char *path, int mode, int flags)
{
	if (is_device(path))
		return is_there() ? 0 : -1;
	return NEXT(faccessat)(directory, path, mode, flags);
}

int statx(int directory, const char *restrict path, int flags, unsigned mask, struct statx *restrict st)
{
	if (!is_device(path) && !(!*path && generation_of(directory)))
		return NEXT(statx)(directory, path, flags, mask, st);
	if (!is_there())
		return -1;
	*st = (struct statx){.stx_mask = STATX_BASIC_STATS,
			     .stx_mode = S_IFBLK | 0660,
			     .stx_rdev_major = SR_MAJOR,
			     .stx_rdev_minor = minor(number_of_device()),
			     .stx_nlink = 1,
			     .stx_ino = number_of_device(),
			     .stx_uid = getuid(),
			     .stx_gid = getgid(),
			     .stx_blksize = 4096};
	return 0;
}

char *realpath(const char *restrict path, char *restrict resolved)
{
	if (!is_device(path))
		return NEXT(realpath)(path, resolved);
	if (!is_there())
		return NULL;
	return resolved ? strcpy(resolved, path) : strdup(path);
}
char *__realpath_chk(const char *path, char *resolved, size_t size);
char *__realpath_chk(const char *path, char *resolved, size_t size)
{
	return size < PATH_MAX ? NULL : realpath(path, resolved);
}

static int become_device(struct stat *st)
{
	if (!is_there())
		return -1;
	*st = (struct stat){.st_mode = S_IFBLK | 0660,
			    .st_rdev = number_of_device(),
			    .st_nlink = 1,
			    .st_ino = number_of_device(),
			    .st_uid = getuid(),
			    .st_gid = getgid(),
			    .st_blksize = 4096};
	return 0;
}

/* Of one layout, where there are 64 bits; what was built with older headers calls __xstat() and its like. */
_Static_assert(sizeof(struct stat) == sizeof(struct stat64) || sizeof(long) == 4, "a struct stat with 64 bits");

#define BY_NAME(name, type) \
	int name(const char *restrict path, struct type *restrict st) \
	{ \
		return is_device(path) ? become_device((struct stat *)(void *)st) : NEXT(name)(path, st); \
	}
#define BY_DESCRIPTOR(name, type) \
	int name(int fd, struct type *st) \
	{ \
		return generation_of(fd) ? become_device((struct stat *)(void *)st) : NEXT(name)(fd, st); \
	}
#define BELOW(name, type) \
	int name(int directory, const char *restrict path, struct type *restrict st, int flags) \
	{ \
		return is_device(path) ? become_device((struct stat *)(void *)st) : \
					 NEXT(name)(directory, path, st, flags); \
	}
#define OLD_BY_NAME(name) \
	int name(int version, const char *path, struct stat *st); \
	int name(int version, const char *path, struct stat *st) \
	{ \
		return is_device(path) ? become_device(st) : NEXT(name)(version, path, st); \
	}
#define OLD_BY_DESCRIPTOR(name) \
	int name(int version, int fd, struct stat *st); \
	int name(int version, int fd, struct stat *st) \
	{ \
		return generation_of(fd) ? become_device(st) : NEXT(name)(version, fd, st); \
	}

BY_NAME(stat, stat)
BY_NAME(lstat, stat)
BY_NAME(stat64, stat64)
BY_NAME(lstat64, stat64)
BY_DESCRIPTOR(fstat, stat)
BY_DESCRIPTOR(fstat64, stat64)
BELOW(fstatat, stat)
BELOW(fstatat64, stat64)
OLD_BY_NAME(__xstat)
OLD_BY_NAME(__lxstat)
OLD_BY_NAME(__xstat64)
OLD_BY_NAME(__lxstat64)
OLD_BY_DESCRIPTOR(__fxstat)
OLD_BY_DESCRIPTOR(__fxstat64)
