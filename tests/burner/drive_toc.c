/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_toc.c - READ TOC/PMA/ATIP: recorded on CD, fabricated for all others (MMC-6 6.25)
 *
 * Only closed sessions are in it.  DVD-R/-RW drives tell of at most two sessions, the last and everything before it:
 * who wants to know all asks READ TRACK INFORMATION.  An overwritable disc is one track in one session.
 */
#include "tests/burner/drive_room.h"

#include <string.h>

struct toc {
	struct {
		int session, number;
		int32_t start;
		uint8_t control;
	} tracks[MAX_TRACKS];
	int n;
	int n_sessions;
	struct {
		int first, last;
		int32_t lead_out;
	} sessions[MAX_TRACKS]; /* track numbers, counted from 1 */
};

static void add_track(struct toc *toc, int session, int32_t start, uint8_t control, int32_t lead_out)
{
	int i = toc->n++;

	toc->tracks[i].session = session;
	toc->tracks[i].number = toc->n;
	toc->tracks[i].start = start;
	toc->tracks[i].control = control;
	if (session > toc->n_sessions) {
		toc->n_sessions = session;
		toc->sessions[session - 1].first = toc->n;
	}
	toc->sessions[session - 1].last = toc->n;
	toc->sessions[session - 1].lead_out = lead_out;
}

static void make_toc(const struct disc *disc, struct toc *toc)
{
	bool two = disc->medium->family == DVD_MINUS && disc->n_sessions > 1;

	memset(toc, 0, sizeof(*toc));
	if (disc_is_overwritable(disc)) {
		add_track(toc, 1, 0, 4, disc->formatted);
		return;
	}
	for (int s = 1; s <= disc->n_sessions; s++) {
		const struct session *session = &disc->sessions[s - 1];

		for (int i = session->first_track; i <= session->last_track; i++) {
			const struct track *t = &disc->tracks[i - 1];

			if (!two)
				add_track(toc, s, t->start, t->control, session->lead_out);
			else if (s == 1 && i == 1)
				add_track(toc, 1, t->start, t->control, disc->sessions[disc->n_sessions - 2].lead_out);
			else if (s == disc->n_sessions && i == session->first_track)
				add_track(toc, 2, t->start, t->control, session->lead_out);
		}
	}
}

static size_t toc_of_tracks(const struct toc *toc, uint8_t *r, int from, bool msf)
{
	uint8_t *p = r + 4;

	r[2] = 1;
	r[3] = (uint8_t)toc->n;
	for (int i = from ? from : 1; i <= toc->n && i < 100; i++, p += 8) {
		p[1] = 0x10 | toc->tracks[i - 1].control;
		p[2] = (uint8_t)i;
		put_address(p + 4, toc->tracks[i - 1].start, msf);
	}
	p[1] = 0x10 | toc->tracks[toc->n - 1].control;
	p[2] = 0xaa;
	put_address(p + 4, toc->sessions[toc->n_sessions - 1].lead_out, msf);
	return (size_t)(p + 8 - r);
}

static size_t toc_of_sessions(const struct toc *toc, uint8_t *r, bool msf)
{
	int first = toc->sessions[toc->n_sessions - 1].first;

	r[2] = 1;
	r[3] = (uint8_t)toc->n_sessions;
	r[5] = 0x10 | toc->tracks[first - 1].control;
	r[6] = (uint8_t)first;
	put_address(r + 8, toc->tracks[first - 1].start, msf);
	return 12;
}

static uint8_t *put_entry(uint8_t *p, int session, uint8_t control, unsigned point)
{
	p[0] = (uint8_t)session;
	p[1] = 0x10 | control;
	p[3] = (uint8_t)point;
	return p + 11;
}

static size_t toc_full(const struct toc *toc, uint8_t *r)
{
	uint8_t *p = r + 4;

	r[2] = 1;
	r[3] = (uint8_t)toc->n_sessions;
	for (int s = 1; s <= toc->n_sessions; s++) {
		int first = toc->sessions[s - 1].first, last = toc->sessions[s - 1].last;
		uint8_t control = toc->tracks[first - 1].control;

		p[8] = (uint8_t)first;
		p = put_entry(p, s, control, 0xa0);
		p[8] = (uint8_t)last;
		p = put_entry(p, s, control, 0xa1);
		put_address(p + 7, toc->sessions[s - 1].lead_out, true);
		p = put_entry(p, s, control, 0xa2);
		for (int i = first; i <= last; i++) {
			put_address(p + 7, toc->tracks[i - 1].start, true);
			p = put_entry(p, s, toc->tracks[i - 1].control, (unsigned)i);
		}
	}
	return (size_t)(p - r);
}

static size_t toc_atip(const struct disc *disc, uint8_t *r)
{
	r[4] = 0xd0;
	r[6] = (uint8_t)(0x80 | disc->medium->rewritable << 6);
	put_address(r + 7, -11635, true); /* 97:26:65, start of the lead-in */
	r[7] = 0;
	put_address(r + 11, disc->capacity, true);
	return 28;
}

struct sense read_toc(struct drive *d, struct command *c)
{
	static struct toc toc;
	static uint8_t r[4 + 11 * (MAX_TRACKS * 4)];
	const struct disc *disc = d->disc;
	unsigned format = c->cdb[2] & 0x0f;
	int from = c->cdb[6];
	bool msf = c->cdb[1] & 2, cd = disc->medium->family == CD;
	size_t length;

	if (!format)
		format = c->cdb[9] >> 6; /* where old drives have it */
	memset(r, 0, sizeof(r));
	if (format == 4) {
		if (!cd)
			return SENSE_BAD_FIELD_IN_CDB;
		length = toc_atip(disc, r);
		put_be16(r, (uint16_t)(length - 2));
		return answer(c, r, length, get_be16(c->cdb + 7));
	}
	if (!disc_readable_end(disc))
		return SENSE_BAD_FIELD_IN_CDB;
	make_toc(disc, &toc);
	if (format == 0) {
		if (from == 0xaa)
			from = toc.n + 1;
		else if (from > toc.n)
			return SENSE_BAD_FIELD_IN_CDB;
		length = toc_of_tracks(&toc, r, from, msf);
	} else if (format == 1) {
		length = toc_of_sessions(&toc, r, msf);
	} else if (format == 2) {
		length = toc_full(&toc, r);
	} else {
		return SENSE_BAD_FIELD_IN_CDB;
	}
	put_be16(r, (uint16_t)(length - 2));
	return answer(c, r, length, get_be16(c->cdb + 7));
}
