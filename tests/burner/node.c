/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "tests/burner/drive.h"

enum {
	ATTEMPTS = 5, /* unit attentions are told once each */
	PAGE_2A = 0x2a,
	PAGE_BYTES = 128,
	MODE_HEADER_6 = 4,
	EVENT_BYTES = 8,
	EVENT_NEW = 2,
	EVENT_REMOVED = 3,
	MEDIUM_PRESENT = 2,
	DOOR_OPEN = 1,
};

struct node {
	struct drive *drive;
	int capabilities; /* CDC_… of <linux/cdrom.h> */
	uint64_t bytes;	  /* as the kernel believes */
	unsigned opens;
	bool held; /* by O_EXCL */
};

/* A command of the driver's own; of one that fails the sense is in reply. */
static bool command(struct node *n, const uint8_t cdb[12], uint8_t *data, size_t size, struct reply *reply)
{
	uint8_t whole[16] = {0};

	memcpy(whole, cdb, 12);
	for (int i = 0; i < ATTEMPTS; i++) {
		drive_execute(n->drive, whole, data, size, reply);
		if (reply->status == STATUS_GOOD || (reply->sense[2] & 0x0f) != SENSE_MEDIUM_CHANGED.key)
			break;
	}
	return reply->status == STATUS_GOOD;
}

static void look_at_capabilities(struct node *n)
{
	static const uint8_t mode_sense[12] = {0x1a, 0, PAGE_2A, 0, PAGE_BYTES};
	uint8_t data[PAGE_BYTES] = {0};
	const uint8_t *page;
	struct reply reply;

	n->capabilities = CDC_CLOSE_TRAY | CDC_OPEN_TRAY | CDC_LOCK;
	if (!command(n, mode_sense, data, sizeof(data), &reply) || data[3] > PAGE_BYTES / 2)
		return;
	page = data + MODE_HEADER_6 + data[3];
	if (page[6] >> 5 == 0) /* a caddy */
		n->capabilities &= ~CDC_CLOSE_TRAY;
	if (!(page[6] & 8))
		n->capabilities &= ~CDC_OPEN_TRAY;
}

static void look_at_size(struct node *n)
{
	static const uint8_t read_capacity[12] = {0x25};
	uint8_t data[8] = {0};
	struct reply reply;

	n->bytes = 0;
	if (command(n, read_capacity, data, sizeof(data), &reply))
		n->bytes = ((uint64_t)get_be32(data) + 1) * BLOCK_BYTES;
}

/* GET EVENT STATUS NOTIFICATION of the medium, which is told once. */
static bool event(struct node *n, uint8_t data[EVENT_BYTES])
{
	static const uint8_t get_event_status[12] = {0x4a, 1, 0, 0, 0x10, 0, 0, 0, EVENT_BYTES};
	struct reply reply;

	memset(data, 0, EVENT_BYTES);
	return command(n, get_event_status, data, EVENT_BYTES, &reply);
}

static int drive_status(struct node *n)
{
	static const uint8_t test_unit_ready[12] = {0};
	uint8_t data[EVENT_BYTES];
	struct reply reply;

	if (command(n, test_unit_ready, NULL, 0, &reply))
		return CDS_DISC_OK;
	if (reply.sense[12] == SENSE_BECOMING_READY.asc && reply.sense[13] == SENSE_BECOMING_READY.ascq)
		return CDS_DRIVE_NOT_READY;
	if (event(n, data))
		return data[5] & MEDIUM_PRESENT ? CDS_DISC_OK : data[5] & DOOR_OPEN ? CDS_TRAY_OPEN : CDS_NO_DISC;
	return CDS_NO_DISC;
}

int node_new(struct drive *drive, struct node **ret_node)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->drive = drive;
	look_at_capabilities(n);
	look_at_size(n);
	*ret_node = n;
	return 0;
}

void node_free(struct node *n) { free(n); }

int node_open(struct node *n, uint32_t flags)
{
	uint8_t data[EVENT_BYTES];

	if (drive_is_dead(n->drive))
		return -ENXIO;
	if (flags & O_EXCL && n->held)
		return -EBUSY;
	if (event(n, data) && ((data[4] & 0x0f) == EVENT_NEW || (data[4] & 0x0f) == EVENT_REMOVED))
		look_at_size(n);
	if (!(flags & O_NONBLOCK) && drive_status(n) != CDS_DISC_OK)
		return -ENOMEDIUM;
	n->held = n->held || flags & O_EXCL;
	n->opens++;
	return 0;
}

void node_close(struct node *n, uint32_t flags)
{
	if (flags & O_EXCL)
		n->held = false;
	n->opens--;
}

/* As it is for whoever alone has it open. */
static int move_tray(struct node *n, bool close)
{
	const uint8_t allow[12] = {0x1e}, start_stop[12] = {0x1b, 0, 0, 0, close ? 3 : 2};
	struct reply reply;

	if (!(n->capabilities & (close ? CDC_CLOSE_TRAY : CDC_OPEN_TRAY)))
		return -ENOSYS;
	if (!close && n->opens != 1)
		return -EBUSY;
	if (!close)
		command(n, allow, NULL, 0, &reply);
	return command(n, start_stop, NULL, 0, &reply) ? 0 : -EIO;
}

int node_ioctl(struct node *n, uint32_t request, uint64_t *ret_size)
{
	*ret_size = n->bytes;
	if (drive_is_dead(n->drive))
		return -ENODEV;
	switch (request) {
	case CDROM_GET_CAPABILITY:
		return n->capabilities;
	case CDROM_DRIVE_STATUS:
		return drive_status(n);
	case CDROMEJECT:
		return move_tray(n, false);
	case CDROMCLOSETRAY:
		return move_tray(n, true);
	case (uint32_t)BLKGETSIZE64:
		return 0;
	default:
		return -ENOTTY;
	}
}
