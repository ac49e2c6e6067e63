/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive.c - one command: unit attention, tray, operation in progress, fault, execution, log
 *
 * The order is that of MMC-6 4.1: an unknown operation code is refused first, a pending unit attention is reported
 * once, a busy drive answers only what asks about it, a command that needs a disc is refused without one.
 */
#include "tests/burner/drive_room.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum {
	NEEDS_DISC = 1,
	IGNORES_ATTENTION = 2,
	TAKES_DATA = 4,
	IS_BULK = 8,	 /* the data does not go to the log */
	WHILE_BUSY = 16, /* answered while an operation is in progress */
};

static const struct operation {
	const char *name;
	command_function *execute;
	unsigned flags;
} operations[256] = {
	[0x00] = {"TEST UNIT READY", test_unit_ready, NEEDS_DISC},
	[0x03] = {"REQUEST SENSE", request_sense, IGNORES_ATTENTION | WHILE_BUSY},
	[0x04] = {"FORMAT UNIT", format_unit, NEEDS_DISC | TAKES_DATA},
	[0x12] = {"INQUIRY", inquiry, IGNORES_ATTENTION | WHILE_BUSY},
	[0x15] = {"MODE SELECT(6)", mode_select, TAKES_DATA},
	[0x1a] = {"MODE SENSE(6)", mode_sense, 0},
	[0x1b] = {"START STOP UNIT", start_stop, 0},
	[0x1e] = {"PREVENT ALLOW MEDIUM REMOVAL", prevent_allow, 0},
	[0x23] = {"READ FORMAT CAPACITIES", read_format_capacities, NEEDS_DISC},
	[0x25] = {"READ CAPACITY", read_capacity, NEEDS_DISC},
	[0x28] = {"READ(10)", read_blocks, NEEDS_DISC},
	[0x2a] = {"WRITE(10)", write_blocks, NEEDS_DISC | TAKES_DATA | IS_BULK},
	[0x2b] = {"SEEK(10)", do_nothing, NEEDS_DISC},
	[0x2e] = {"WRITE AND VERIFY(10)", write_blocks, NEEDS_DISC | TAKES_DATA | IS_BULK},
	[0x2f] = {"VERIFY(10)", verify_blocks, NEEDS_DISC},
	[0x35] = {"SYNCHRONIZE CACHE", synchronize_cache, NEEDS_DISC},
	[0x43] = {"READ TOC/PMA/ATIP", read_toc, NEEDS_DISC},
	[0x46] = {"GET CONFIGURATION", get_configuration, IGNORES_ATTENTION | WHILE_BUSY},
	[0x4a] = {"GET EVENT STATUS NOTIFICATION", get_event_status, IGNORES_ATTENTION | WHILE_BUSY},
	[0x51] = {"READ DISC INFORMATION", read_disc_information, NEEDS_DISC},
	[0x52] = {"READ TRACK INFORMATION", read_track_information, NEEDS_DISC},
	[0x53] = {"RESERVE TRACK", reserve_track, NEEDS_DISC},
	[0x54] = {"SEND OPC INFORMATION", do_nothing, NEEDS_DISC | TAKES_DATA},
	[0x55] = {"MODE SELECT(10)", mode_select, TAKES_DATA},
	[0x5a] = {"MODE SENSE(10)", mode_sense, 0},
	[0x5b] = {"CLOSE TRACK SESSION", close_track_session, NEEDS_DISC},
	[0x5c] = {"READ BUFFER CAPACITY", read_buffer_capacity, NEEDS_DISC},
	[0x5d] = {"SEND CUE SHEET", send_cue_sheet, NEEDS_DISC | TAKES_DATA},
	[0xa1] = {"BLANK", blank, NEEDS_DISC},
	[0xa8] = {"READ(12)", read_blocks, NEEDS_DISC},
	[0xaa] = {"WRITE(12)", write_blocks, NEEDS_DISC | TAKES_DATA | IS_BULK},
	[0xac] = {"GET PERFORMANCE", get_performance, 0},
	[0xad] = {"READ DISC STRUCTURE", read_disc_structure, NEEDS_DISC},
	[0xb6] = {"SET STREAMING", set_streaming, TAKES_DATA},
	[0xbb] = {"SET CD SPEED", set_cd_speed, 0},
	[0xbd] = {"MECHANISM STATUS", mechanism_status, IGNORES_ATTENTION | WHILE_BUSY},
	[0xbe] = {"READ CD", read_cd, NEEDS_DISC},
};

static bool names_match(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && !isalnum((unsigned char)*a))
			a++;
		while (*b && !isalnum((unsigned char)*b))
			b++;
		if (!*a || tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return *a == *b;
	}
}

int drive_opcode(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(operations); i++) {
		if (operations[i].name && names_match(operations[i].name, name))
			return (int)i;
	}
	return -1;
}

struct sense answer(struct command *c, const uint8_t *data, size_t length, size_t allocation)
{
	c->length = (size_t)min_u64(min_u64(length, allocation), c->size);
	if (c->length)
		memcpy(c->data, data, c->length);
	return SENSE_OK;
}

void put_address(uint8_t *p, int32_t lba, bool msf)
{
	if (!msf) {
		put_be32(p, (uint32_t)lba);
		return;
	}
	lba += MSF_OFFSET;
	if (lba < 0)
		lba += 450000; /* the lead-in before 00:00:00 counts from 90 minutes on */
	p[0] = 0;
	p[1] = (uint8_t)(lba / (60 * 75));
	p[2] = (uint8_t)(lba / 75 % 60);
	p[3] = (uint8_t)(lba % 75);
}

void take_time(struct drive *d, struct command *c, int64_t time, bool immediate, struct sense busy)
{
	int64_t least = (int64_t)d->long_ms * 1000000;

	if (!immediate) {
		c->delay_ns += time;
		return;
	}
	if (time < least)
		time = least;
	if (!time)
		return;
	d->busy_from = timing_now();
	d->busy_until = d->busy_from + time;
	d->busy_sense = busy;
}

/* The operation in progress, with how far it is. */
static struct sense busy_now(struct drive *d)
{
	int64_t now = timing_now();
	struct sense sense = d->busy_sense;

	if (now >= d->busy_until)
		return SENSE_OK;
	sense.has_progress = true;
	sense.progress = (uint16_t)((double)(now - d->busy_from) / (double)(d->busy_until - d->busy_from) * 65535);
	return sense;
}

static void cut_power(struct drive *d, const struct fault *f)
{
	if (d->disc) {
		disc_lose(d->disc, f->lose);
		disc_free(d->disc);
		d->disc = NULL;
	}
	d->dead = true;
}

static struct sense take_medium_away(struct drive *d, const struct fault *f)
{
	disc_lose(d->disc, f->lose);
	disc_free(d->disc);
	d->disc = NULL;
	d->tray_open = true;
	d->locked = false;
	d->event = EVENT_REMOVAL;
	return SENSE_TRAY_OPEN;
}

/* The range of blocks that a command names. */
static int32_t range_of(const uint8_t *cdb, int32_t *ret_lba)
{
	if (!command_reads(cdb[0]) && !command_writes(cdb[0]))
		return 0;
	*ret_lba = (int32_t)get_be32(cdb + 2);
	if (cdb[0] == 0xbe)
		return cdb[6] << 16 | get_be16(cdb + 7);
	return cdb[0] >= 0xa0 ? (int32_t)get_be32(cdb + 6) : get_be16(cdb + 7);
}

/* Faults that strike before the command does anything; the others are left to it in c->fault. */
static struct sense strike(struct drive *d, struct command *c, bool *ret_over)
{
	int32_t lba = 0, blocks = range_of(c->cdb, &lba);
	const struct fault *f;

	if (d->disc && fault_needs_undo(&d->faults))
		disc_keep_undo(d->disc);
	f = fault_strikes(&d->faults, c->cdb, lba, blocks);
	*ret_over = true;
	if (f) {
		c->delay_ns += (int64_t)f->milliseconds * 1000000;
		switch (f->kind) {
		case FAULT_BUSY:
			c->delay_ns = 0;
			d->busy_from = timing_now();
			d->busy_until = d->busy_from + (int64_t)f->milliseconds * 1000000;
			d->busy_sense = SENSE_LONG_WRITE_IN_PROGRESS;
			return SENSE_LONG_WRITE_IN_PROGRESS;
		case FAULT_MEDIUM_REMOVED:
			if (d->disc)
				return take_medium_away(d, f);
			break;
		case FAULT_POWER_LOST:
			cut_power(d, f);
			return SENSE_COMMUNICATION_FAILURE;
		case FAULT_SENSE:
			return f->sense;
		case FAULT_NONE:
		case FAULT_DELAY:
			break;
		case FAULT_WRITE_ERROR:
		case FAULT_UNDERRUN:
			if (!blocks) { /* a close or a flush that fails */
				if (d->disc)
					disc_damage(d->disc);
				return f->kind == FAULT_UNDERRUN ? SENSE_LOSS_OF_STREAMING :
				       c->cdb[0] == 0x5b	 ? SENSE_SESSION_FIXATION :
								   SENSE_WRITE_ERROR;
			}
			c->fault = f;
			break;
		case FAULT_READ_ERROR:
		case FAULT_MISCOMPARE:
		case FAULT_CORRUPT:
			c->fault = f;
		}
	}
	*ret_over = false;
	return SENSE_OK;
}

static struct sense dispatch(struct drive *d, const struct operation *o, struct command *c)
{
	struct sense sense;
	bool over;

	if (d->dead)
		return SENSE_COMMUNICATION_FAILURE;
	if (!o->execute)
		return SENSE_BAD_OPCODE;
	if (d->attention.key && !(o->flags & IGNORES_ATTENTION)) {
		sense = d->attention;
		d->attention = SENSE_OK;
		return sense;
	}
	if (o->flags & NEEDS_DISC && !has_disc(d))
		return d->tray_open ? SENSE_TRAY_OPEN : SENSE_NO_MEDIUM;
	sense = busy_now(d);
	if (sense.key && !(o->flags & WHILE_BUSY))
		return sense;
	if (d->deferred.key && !(o->flags & IGNORES_ATTENTION)) {
		sense = d->deferred;
		d->deferred = SENSE_OK;
		return sense;
	}
	sense = strike(d, c, &over);
	return over ? sense : o->execute(d, c);
}

static void log_command(const struct drive *d, const struct operation *o, const struct command *c, struct sense sense)
{
	size_t length = c->cdb[0] < 0x20 ? 6 : c->cdb[0] < 0xa0 ? 10 : 12;

	if (!d->log)
		return;
	fprintf(d->log, "%10.6f %-28s", (double)(timing_now() - d->born) / 1e9, o->name ? o->name : "?");
	for (size_t i = 0; i < length; i++)
		fprintf(d->log, " %02x", c->cdb[i]);
	fprintf(d->log, " [%zu]", c->size);
	if (sense.key)
		fprintf(d->log, " -> %x %02x %02x %s", sense.key, sense.asc, sense.ascq, sense_name(sense));
	else if (c->length)
		fprintf(d->log, " -> %zu bytes", c->length);
	if (c->delay_ns)
		fprintf(d->log, " after %.3f s", (double)c->delay_ns / 1e9);
	if (o->flags & TAKES_DATA && !(o->flags & IS_BULK)) {
		fputs("\n    ", d->log);
		for (size_t i = 0; i < c->size; i++)
			fprintf(d->log, " %02x", c->data[i]);
	}
	fputc('\n', d->log);
}

bool drive_takes_data(const uint8_t *cdb) { return operations[cdb[0]].flags & TAKES_DATA; }

void drive_execute(struct drive *d, const uint8_t *cdb, uint8_t *data, size_t size, struct reply *reply)
{
	const struct operation *o = &operations[cdb[0]];
	struct command c = {.cdb = cdb, .data = data, .size = size};
	struct sense sense = dispatch(d, o, &c);

	memset(reply, 0, sizeof(*reply));
	if (sense.key) {
		d->last = sense;
		reply->status = STATUS_CHECK_CONDITION;
		sense_encode(sense, reply->sense);
	} else {
		twist_answer(&d->twists, cdb, c.data, &c.length);
		reply->length = c.length;
	}
	reply->delay_ns = c.delay_ns;
	log_command(d, o, &c, sense);
}

int drive_new(FILE *log, struct drive **ret_drive)
{
	struct drive *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->log = log;
	d->born = timing_now();
	d->attention = SENSE_POWER_ON;
	reset_page_5(d);
	*ret_drive = d;
	return 0;
}

void drive_free(struct drive *d)
{
	if (!d)
		return;
	disc_free(d->disc);
	free(d);
}

void drive_save(struct drive *d)
{
	if (d->disc)
		disc_save(d->disc);
}

struct faults *drive_faults(struct drive *d) { return &d->faults; }
struct twists *drive_twists(struct drive *d) { return &d->twists; }
void drive_set_finalizing(struct drive *d) { d->finalizes = true; }
bool drive_is_dead(const struct drive *d) { return d->dead; }
void drive_set_timing(struct drive *d, double scale) { d->timing.scale = scale; }
void drive_set_long_operations(struct drive *d, unsigned milliseconds) { d->long_ms = milliseconds; }
