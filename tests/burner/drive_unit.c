/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_unit.c - the device itself: who it is, its tray, its events
 *
 * A tray that is opened by command or by hand keeps its disc; a closed one reports new media.  What the drive knows
 * of the disc begins anew then: an interrupted cue sheet and the write parameters are forgotten.
 */
#include "tests/burner/drive_room.h"

#include <string.h>

void medium_arrived(struct drive *d)
{
	const struct medium *m = d->disc->medium;

	d->attention = SENSE_MEDIUM_CHANGED;
	d->event = EVENT_NEW_MEDIA;
	d->deferred = SENSE_OK;
	d->cue.n = 0;
	d->busy_until = 0;
	d->timing.read_speed = d->timing.write_speed = m->speeds[0];
	d->timing.head_lba = 0;
	d->timing.buffered = 0;
	reset_page_5(d);
}

void drive_insert(struct drive *d, struct disc *disc)
{
	disc_free(d->disc);
	d->disc = disc;
	d->tray_open = false;
	if (disc)
		medium_arrived(d);
	else
		d->event = EVENT_REMOVAL;
}

void drive_open_tray(struct drive *d)
{
	if (!d->tray_open)
		d->event = EVENT_REMOVAL;
	d->tray_open = true;
	if (d->disc) {
		disc_damage(d->disc);
		disc_save(d->disc);
	}
}

void drive_close_tray(struct drive *d)
{
	bool was_open = d->tray_open;

	d->tray_open = false;
	if (was_open && d->disc)
		medium_arrived(d);
}

/* A locked drive leaves the decision to the host. */
void drive_press_button(struct drive *d)
{
	if (d->locked)
		d->event = EVENT_EJECT_REQUEST;
	else if (d->tray_open)
		drive_close_tray(d);
	else
		drive_open_tray(d);
}

void drive_describe(struct drive *d, char *text, size_t size)
{
	const struct disc *disc = d->disc;

	if (!disc) {
		snprintf(text, size, "tray=%s locked=%d no disc", d->tray_open ? "open" : "closed", d->locked);
		return;
	}
	snprintf(text, size,
		 "tray=%s locked=%d medium=%s profile=0x%02x blank=%d sessions=%d tracks=%d finalized=%d next=%d "
		 "formatted=%d"
		 " background=%d damaged=%d",
		 d->tray_open ? "open" : "closed", d->locked, disc->medium->name, disc_profile(disc),
		 disc_is_blank(disc), disc->n_sessions, disc->n_tracks, disc->finalized,
		 disc_is_overwritable(disc) ? 0 : disc_next_start(disc), disc->formatted, (int)disc->background,
		 disc->n_tracks && disc->tracks[disc->n_tracks - 1].damaged);
}

struct sense test_unit_ready(struct drive *d, struct command *c)
{
	(void)d;
	(void)c;
	return SENSE_OK;
}

struct sense do_nothing(struct drive *d, struct command *c)
{
	(void)d;
	(void)c;
	return SENSE_OK;
}

struct sense request_sense(struct drive *d, struct command *c)
{
	uint8_t r[SENSE_BYTES];
	struct sense sense = d->last;
	int64_t now = timing_now();

	if (now < d->busy_until) {
		sense = d->busy_sense;
		sense.has_progress = true;
		sense.progress =
			(uint16_t)((double)(now - d->busy_from) / (double)(d->busy_until - d->busy_from) * 65535);
	} else if (d->disc && d->disc->background == FORMAT_RUNNING && !sense.key) {
		sense = SENSE_FORMAT_IN_PROGRESS; /* key 0: it does not keep the host from anything */
		sense.key = 0;
		sense.has_progress = true;
		sense.progress = (uint16_t)((uint64_t)d->disc->formatted * 65535 / (uint64_t)d->disc->capacity);
	}
	sense_encode(sense, r);
	d->last = SENSE_OK;
	return answer(c, r, sizeof(r), c->cdb[4]);
}

struct sense inquiry(struct drive *d, struct command *c)
{
	uint8_t r[96] = {0x05, 0x80, 0x05, 0x02, sizeof(r) - 5};

	(void)d;
	if (c->cdb[1] & 1) /* no vital product data */
		return SENSE_BAD_FIELD_IN_CDB;
	memcpy(r + 8, "EMULATEDBD RECORDER     2.00", 28);
	return answer(c, r, sizeof(r), get_be16(c->cdb + 3));
}

struct sense start_stop(struct drive *d, struct command *c)
{
	bool load_eject = c->cdb[4] & 2, start = c->cdb[4] & 1;

	if (!load_eject || d->tray_open == !start)
		return SENSE_OK;
	if (!start && d->locked)
		return SENSE_REMOVAL_PREVENTED;
	take_time(d, c, timing_of(&d->timing, 2000), false, SENSE_BECOMING_READY);
	if (!start) {
		drive_open_tray(d);
		return SENSE_OK;
	}
	drive_close_tray(d);
	if (d->disc) { /* the disc spins up and is looked at */
		int64_t time = timing_of(&d->timing, 5000);

		take_time(d, c, time, time > 0, SENSE_BECOMING_READY);
	}
	return SENSE_OK;
}

struct sense prevent_allow(struct drive *d, struct command *c)
{
	d->locked = c->cdb[4] & 1;
	return SENSE_OK;
}

struct sense get_event_status(struct drive *d, struct command *c)
{
	enum { CLASS_MEDIA = 4, CLASS_BUSY = 6 };
	uint8_t wanted = c->cdb[4], r[8] = {0, 2, 0x80, 1 << CLASS_MEDIA | 1 << CLASS_BUSY};
	int64_t left = d->busy_until - timing_now();
	bool busy = wanted & 1 << CLASS_BUSY && left > 0;

	if (!(c->cdb[1] & 1)) /* only polled operation */
		return SENSE_BAD_FIELD_IN_CDB;
	if (wanted & 1 << CLASS_MEDIA && (d->event || !busy)) {
		r[1] = 6;
		r[2] = CLASS_MEDIA;
		r[4] = (uint8_t)d->event;
		r[5] = (uint8_t)(d->tray_open | has_disc(d) << 1);
		d->event = EVENT_NONE;
		return answer(c, r, 8, get_be16(c->cdb + 7));
	}
	if (wanted & 1 << CLASS_BUSY) {
		r[1] = 6;
		r[2] = CLASS_BUSY;
		r[4] = busy;
		r[5] = busy;
		put_be16(r + 6, (uint16_t)(busy ? min_u64((uint64_t)left / 100000000, 65535) : 0));
		return answer(c, r, 8, get_be16(c->cdb + 7));
	}
	return answer(c, r, 4, get_be16(c->cdb + 7));
}

struct sense mechanism_status(struct drive *d, struct command *c)
{
	uint8_t r[8] = {0, (uint8_t)(d->tray_open << 4)};

	return answer(c, r, sizeof(r), get_be16(c->cdb + 8));
}
