/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_scsi.c - READ(10) past libburn
 *
 * libburn asks nothing of a drive that lies behind what READ CAPACITY told, and there are drives that tell 0, or
 * nothing; and it asks for 64 KiB at most.  Where the tracks know better, and for more at once, the command is given
 * to the kernel (SG_IO), on a descriptor of its own, which is open beside libburn's exclusive one.
 *
 * libburn has 64 KiB for an answer, and asks GET PERFORMANCE for as much as the drive says that there is: a drive that
 * lies writes over its heap.  So its calls of ioctl() come by here, and what would not fit is not asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <scsi/sg.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/medium/drive_libburn.h"

#define READ_10 0x28	      /* MMC-6 6.15 */
#define READ_LESS_SECTORS 32u /* where the kernel or the way to the drive takes no more: USB has 120 KiB */
#define READ_TIMEOUT_MS 120000u
#define OURS 0x63646166 /* sg_io_hdr.pack_id, which means nothing to the kernel */
#define ATTEMPTS 3	/* a unit attention is told once */
#define UNIT_ATTENTION 6
#define SENSE_BYTES 32
#define LIBBURN_BUFFER_BYTES 65536u

/* In place of the C library's, for all of the program; of more than libburn has room for, only what is our own. */
int ioctl(int fd, unsigned long request, ...)
{
	const struct sg_io_hdr *io;
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	io = argument;
	if (request == SG_IO && io->dxfer_len > LIBBURN_BUFFER_BYTES && io->pack_id != OURS) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

/* 1: to be tried again. */
static int read_once(int fd, uint32_t lba, void *buf, uint32_t n)
{
	uint8_t cdb[10] = {READ_10}, sense[SENSE_BYTES] = {0};
	struct sg_io_hdr io = {.interface_id = 'S',
			       .dxfer_direction = SG_DXFER_FROM_DEV,
			       .cmd_len = sizeof(cdb),
			       .cmdp = cdb,
			       .mx_sb_len = sizeof(sense),
			       .sbp = sense,
			       .dxfer_len = (unsigned)(n * SECTOR_BYTES),
			       .dxferp = buf,
			       .timeout = READ_TIMEOUT_MS,
			       .pack_id = OURS};

	put_be32(cdb + 2, lba);
	put_be16(cdb + 7, (uint16_t)n);
	if (ioctl(fd, SG_IO, &io) < 0)
		return errno == ENODEV || errno == ENXIO ? -ENODEV : errno == EINVAL || errno == ENOMEM ? -E2BIG : -EIO;
	if ((io.info & SG_INFO_OK_MASK) == SG_INFO_OK && io.resid == 0)
		return 0;
	return (sense[2] & 0x0f) == UNIT_ATTENTION ? 1 : -EIO;
}

static int read_piece(struct recorder *rec, uint32_t lba, void *buf, uint32_t n)
{
	int r = 1;

	for (int i = 0; i < ATTEMPTS && r > 0; i++)
		r = read_once(rec->read_fd, lba, buf, n);
	return r > 0 ? -EIO : r;
}

int recorder_read_raw(struct recorder *rec, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint8_t *to = buf;

	if (rec->read_fd < 0)
		rec->read_fd = open(rec->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (rec->read_fd < 0)
		return -EIO;
	for (uint32_t n; n_sectors > 0; lba += n, n_sectors -= n, to += (size_t)n * SECTOR_BYTES) {
		int r;

		n = rec->reads_less ? (uint32_t)min_u64(n_sectors, READ_LESS_SECTORS) : n_sectors;
		r = read_piece(rec, lba, to, n);
		if (r == -E2BIG && !rec->reads_less) {
			rec->reads_less = true;
			n = 0;
			continue;
		}
		if (r < 0)
			return r == -E2BIG ? -EIO : r;
	}
	return 0;
}
