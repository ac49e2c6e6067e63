/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_mode.c - mode pages, speeds and the buffer
 *
 * The write parameters (page 05h) rule CD and DVD-R/-RW only; like real drives this one keeps and shows them for
 * every disc.
 */
#include "tests/burner/drive_room.h"

#include <string.h>

void reset_page_5(struct drive *d)
{
	bool cd = !d->disc || d->disc->medium->family == CD;

	memset(d->page_5, 0, sizeof(d->page_5));
	d->page_5[0] = 0x05;
	d->page_5[1] = PAGE_5_BYTES - 2;
	d->page_5[2] = 0x40 | (cd ? WRITE_TAO : WRITE_PACKET); /* buffer underrun protection */
	d->page_5[3] = 0xc0 | (cd ? 0x04 : 0x05);	       /* multi-session, data track */
	d->page_5[4] = 8;				       /* mode 1, 2048 bytes */
	put_be32(d->page_5 + 10, 16);
	put_be16(d->page_5 + 14, PRE_GAP);
}

static const uint32_t *speeds_of(const struct drive *d)
{
	static const uint32_t without_disc[MAX_SPEEDS] = {26970};

	return d->disc ? d->disc->medium->speeds : without_disc;
}

static unsigned count_speeds(const uint32_t *speeds)
{
	unsigned n = 0;

	while (n < MAX_SPEEDS && speeds[n])
		n++;
	return n;
}

static void put_capabilities(const struct drive *d, uint8_t *p)
{
	const uint32_t *speeds = speeds_of(d);
	unsigned n = count_speeds(speeds);
	uint16_t read = (uint16_t)(d->timing.read_speed ? d->timing.read_speed : speeds[0]);
	uint16_t write = (uint16_t)(d->timing.write_speed ? d->timing.write_speed : speeds[0]);

	p[0] = 0x2a;
	p[1] = (uint8_t)(30 + 4 * n);
	p[2] = 0x3f; /* reads CD-R, CD-RW, fixed packets, DVD-ROM, DVD-R, DVD-RAM */
	p[3] = 0x37; /* writes CD-R, CD-RW, DVD-R, DVD-RAM; test writing */
	p[4] = 0xf0; /* underrun protection, multi-session, mode 2 */
	p[5] = 0x02;
	p[6] = (uint8_t)(0x29 | d->locked << 1); /* tray, eject, lock */
	put_be16(p + 8, (uint16_t)speeds[0]);
	put_be16(p + 12, BUFFER_BYTES / 1024);
	put_be16(p + 14, read);
	put_be16(p + 18, (uint16_t)speeds[0]);
	put_be16(p + 20, write);
	put_be16(p + 28, write);
	put_be16(p + 30, (uint16_t)n);
	for (unsigned i = 0; i < n; i++)
		put_be16(p + 34 + 4 * i, (uint16_t)speeds[i]);
}

static size_t put_page(const struct drive *d, uint8_t *p, unsigned page, bool changeable)
{
	static const uint8_t page_01[] = {0x01, 0x0a, 0x00, 0x20, 0, 0, 0, 0, 0x01};
	static const uint8_t page_0e[] = {0x0e, 0x0e, 0x04, 0, 0, 0, 0, 75, 1, 0xff, 2, 0xff};
	static const uint8_t page_1a[] = {0x1a, 0x0a};
	static const uint8_t page_1d[] = {0x1d, 0x08, 0, 0, 0x04};

	switch (page) {
	case 0x01:
		memcpy(p, page_01, sizeof(page_01));
		break;
	case 0x05:
		memcpy(p, d->page_5, PAGE_5_BYTES);
		break;
	case 0x0e:
		memcpy(p, page_0e, sizeof(page_0e));
		break;
	case 0x1a:
		memcpy(p, page_1a, sizeof(page_1a));
		break;
	case 0x1d:
		memcpy(p, page_1d, sizeof(page_1d));
		break;
	case 0x2a:
		put_capabilities(d, p);
		break;
	default:
		return 0;
	}
	if (changeable)
		memset(p + 2, page == 0x05 ? 0xff : 0, p[1]);
	return 2u + p[1];
}

/* The header of MODE SENSE(6) has 4 bytes, that of MODE SENSE(10) 8. */
struct sense mode_sense(struct drive *d, struct command *c)
{
	static const uint8_t pages[] = {0x01, 0x05, 0x0e, 0x1a, 0x1d, 0x2a};
	bool six = c->cdb[0] == 0x1a;
	size_t header = six ? 4 : 8, length = header;
	unsigned wanted = c->cdb[2] & 0x3f, control = c->cdb[2] >> 6;
	uint8_t r[512] = {0};

	if (control == 3)
		return SENSE_NO_SAVED_VALUES;
	for (size_t i = 0; i < sizeof(pages); i++) {
		if (wanted == pages[i] || wanted == 0x3f)
			length += put_page(d, r + length, pages[i], control == 1);
	}
	if (length == header)
		return SENSE_BAD_FIELD_IN_CDB;
	if (six)
		r[0] = (uint8_t)min_u64(length - 1, 255);
	else
		put_be16(r, (uint16_t)(length - 2));
	return answer(c, r, length, six ? c->cdb[4] : get_be16(c->cdb + 7));
}

static struct sense select_page_5(struct drive *d, const uint8_t *page, size_t length)
{
	unsigned type;

	if (length < 16 || page[1] < 14)
		return SENSE_BAD_FIELD_IN_LIST;
	type = page[2] & 0x0f;
	if (type > WRITE_SAO) /* raw and layer jump */
		return SENSE_BAD_FIELD_IN_LIST;
	if (d->disc && d->disc->medium->family == DVD_MINUS && type == WRITE_TAO)
		return SENSE_BAD_FIELD_IN_LIST;
	if ((page[3] >> 6) == 1) /* B0 pointer without a next session */
		return SENSE_BAD_FIELD_IN_LIST;
	memcpy(d->page_5 + 2, page + 2, (size_t)min_u64(length, PAGE_5_BYTES) - 2);
	return SENSE_OK;
}

struct sense mode_select(struct drive *d, struct command *c)
{
	bool six = c->cdb[0] == 0x15;
	size_t header = six ? 4 : 8;
	size_t length = (size_t)min_u64(six ? c->cdb[4] : get_be16(c->cdb + 7), c->size);

	if (!length)
		return SENSE_OK;
	if (length < header)
		return SENSE_BAD_LENGTH;
	header += six ? c->data[3] : get_be16(c->data + 6);
	while (length >= header + 2) {
		const uint8_t *page = c->data + header;
		size_t size = (size_t)min_u64(2u + page[1], length - header);
		struct sense sense = SENSE_OK;

		if ((page[0] & 0x3f) == 0x05)
			sense = select_page_5(d, page, size);
		if (sense.key)
			return sense;
		header += 2u + page[1];
	}
	return SENSE_OK;
}

struct sense get_performance(struct drive *d, struct command *c)
{
	uint8_t r[8 + 16 * MAX_SPEEDS] = {0};
	const uint32_t *speeds = speeds_of(d);
	uint32_t last = d->disc ? (uint32_t)d->disc->capacity - 1 : 0;
	uint32_t write = d->timing.write_speed ? d->timing.write_speed : speeds[0];
	uint32_t read = d->timing.read_speed ? d->timing.read_speed : speeds[0];
	bool of_writing = c->cdb[1] & 0x04;
	size_t length = 8;

	if (c->cdb[10] == 0x00) { /* performance over the whole disc */
		put_be32(r + length + 4, of_writing ? write : read);
		put_be32(r + length + 8, last);
		put_be32(r + length + 12, of_writing ? write : read);
		length += 16;
		r[4] = of_writing ? 2 : 0;
	} else if (c->cdb[10] == 0x03) { /* write speeds */
		for (unsigned i = 0; i < count_speeds(speeds); i++, length += 16) {
			put_be32(r + length + 4, last);
			put_be32(r + length + 8, speeds[0]);
			put_be32(r + length + 12, speeds[i]);
		}
	} else {
		return SENSE_BAD_FIELD_IN_CDB;
	}
	put_be32(r, (uint32_t)length - 4);
	return answer(c, r, length, 8 + 16u * get_be16(c->cdb + 8));
}

/* The fastest speed that does not exceed the wish, else the slowest. */
static uint32_t speed_for(const struct drive *d, uint64_t wish)
{
	const uint32_t *speeds = speeds_of(d);
	unsigned n = count_speeds(speeds);

	for (unsigned i = 0; i < n; i++) {
		if (speeds[i] <= wish)
			return speeds[i];
	}
	return speeds[n - 1];
}

struct sense set_cd_speed(struct drive *d, struct command *c)
{
	uint16_t read = get_be16(c->cdb + 2), write = get_be16(c->cdb + 4);

	d->timing.read_speed = read == 0xffff ? speeds_of(d)[0] : speed_for(d, read);
	d->timing.write_speed = write == 0xffff ? speeds_of(d)[0] : speed_for(d, write);
	return SENSE_OK;
}

struct sense set_streaming(struct drive *d, struct command *c)
{
	uint32_t read_time, write_time;

	if (c->size < 28)
		return SENSE_BAD_LENGTH;
	if (c->data[0] & 4) { /* restore the defaults */
		d->timing.read_speed = d->timing.write_speed = speeds_of(d)[0];
		return SENSE_OK;
	}
	read_time = get_be32(c->data + 16);
	write_time = get_be32(c->data + 24);
	if (!read_time || !write_time)
		return SENSE_BAD_FIELD_IN_LIST;
	d->timing.read_speed = speed_for(d, (uint64_t)get_be32(c->data + 12) * 1000 / read_time);
	d->timing.write_speed = speed_for(d, (uint64_t)get_be32(c->data + 20) * 1000 / write_time);
	return SENSE_OK;
}

struct sense read_buffer_capacity(struct drive *d, struct command *c)
{
	uint8_t r[12] = {0, sizeof(r) - 2};

	put_be32(r + 4, BUFFER_BYTES);
	put_be32(r + 8, timing_buffer_free(&d->timing));
	return answer(c, r, sizeof(r), get_be16(c->cdb + 7));
}
