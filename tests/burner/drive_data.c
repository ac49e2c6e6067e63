/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_data.c - reading and writing blocks
 *
 * A write that fails at a block has recorded those before it, as in a real drive; the INFORMATION field names the
 * block.
 */
#include "tests/burner/drive_room.h"

#include <string.h>

static int32_t count_of(const uint8_t *cdb) { return cdb[0] >= 0xa0 ? (int32_t)get_be32(cdb + 6) : get_be16(cdb + 7); }

static struct sense read_range(struct drive *d, struct command *c, int32_t lba, int32_t blocks)
{
	struct sense sense;

	if (blocks < 0 || (size_t)blocks > c->size / BLOCK_BYTES)
		return SENSE_BAD_FIELD_IN_CDB;
	c->delay_ns += timing_read(&d->timing, d->disc->medium, lba, blocks);
	if (c->fault && c->fault->kind == FAULT_READ_ERROR) {
		int32_t at = c->fault->first_lba > lba ? c->fault->first_lba : lba;

		return sense_at(c->fault->sense.key ? c->fault->sense : SENSE_UNREADABLE, at);
	}
	sense = disc_read(d->disc, lba, c->data, blocks);
	if (!sense.key)
		c->length = (size_t)blocks * BLOCK_BYTES;
	return sense;
}

struct sense read_blocks(struct drive *d, struct command *c)
{
	return read_range(d, c, (int32_t)get_be32(c->cdb + 2), count_of(c->cdb));
}

/* Only user data of data sectors. */
struct sense read_cd(struct drive *d, struct command *c)
{
	unsigned type = c->cdb[1] >> 2 & 7, parts = c->cdb[9] & 0xf8;

	if (d->disc->medium->family != CD)
		return SENSE_INCOMPATIBLE_FORMAT;
	if ((type != 0 && type != 2) || parts != 0x10 || c->cdb[10] & 7)
		return SENSE_BAD_FIELD_IN_CDB;
	return read_range(d, c, (int32_t)get_be32(c->cdb + 2), c->cdb[6] << 16 | get_be16(c->cdb + 7));
}

/* VERIFY without data: whether the blocks can be read. */
struct sense verify_blocks(struct drive *d, struct command *c)
{
	int32_t lba = (int32_t)get_be32(c->cdb + 2), blocks = count_of(c->cdb);
	uint8_t block[BLOCK_BYTES];

	c->delay_ns += timing_read(&d->timing, d->disc->medium, lba, blocks);
	if (c->fault)
		return sense_at(c->fault->kind == FAULT_MISCOMPARE ? SENSE_MISCOMPARE : SENSE_UNREADABLE, lba);
	for (int32_t i = 0; i < blocks; i++) {
		struct sense sense = disc_read(d->disc, lba + i, block, 1);

		if (sense.key)
			return sense;
	}
	return SENSE_OK;
}

/* TRACK AT ONCE, packets and DVD recording at once go to the disc as they come; SESSION AT ONCE on CD follows its cue
 * sheet. */
static struct sense write_range(struct drive *d, int32_t lba, const uint8_t *data, int32_t blocks)
{
	struct disc *disc = d->disc;
	enum write_type type = write_type(d);

	if (!blocks)
		return SENSE_OK;
	if (disc_is_overwritable(disc))
		return disc_write(disc, lba, data, blocks, 4);
	switch (disc->medium->family) {
	case CD:
		if (type == WRITE_SAO)
			return disc->finalized ? SENSE_WRITE_PROTECTED : cue_write(d, lba, data, blocks);
		if (type != WRITE_TAO || (d->page_5[4] != 8 && d->page_5[4] != 10))
			return SENSE_SEQUENCE_ERROR; /* not track at once, or not blocks of 2048 bytes */
		break;
	case DVD_MINUS:
		if (disc->finalized)
			return SENSE_WRITE_PROTECTED;
		if (type == WRITE_SAO) {
			struct track *last = disc->n_tracks ? &disc->tracks[disc->n_tracks - 1] : NULL;

			if (!last || !last->reserved || last->closed)
				return SENSE_SEQUENCE_ERROR;
			last->at_once = true;
		} else if (type != WRITE_PACKET) {
			return SENSE_SEQUENCE_ERROR;
		} else if (disc->fast_blanked) {
			return SENSE_ILLEGAL_TRACK_MODE;
		}
		break;
	default:
		break;
	}
	return disc_write(disc, lba, data, blocks, disc->medium->family == CD ? d->page_5[3] & 0x0f : 4);
}

static struct sense failed_write(struct drive *d, const struct fault *f, int32_t at)
{
	struct sense sense = f->kind == FAULT_UNDERRUN ? SENSE_LOSS_OF_STREAMING : SENSE_WRITE_ERROR;

	if (f->kind == FAULT_MISCOMPARE)
		sense = SENSE_MISCOMPARE;
	else
		disc_damage(d->disc);
	if (f->sense.key)
		sense = f->sense;
	sense = sense_at(sense, at);
	if (!f->deferred)
		return sense;
	sense.deferred = true;
	d->deferred = sense;
	return SENSE_OK;
}

struct sense write_blocks(struct drive *d, struct command *c)
{
	int32_t lba = (int32_t)get_be32(c->cdb + 2), blocks = count_of(c->cdb), prefix = blocks;
	const struct fault *f = c->fault;
	struct sense sense;

	if (blocks < 0 || (size_t)blocks > c->size / BLOCK_BYTES)
		return SENSE_BAD_FIELD_IN_CDB;
	if (c->cdb[0] == 0x2e && d->disc->medium->family == CD)
		return SENSE_BAD_OPCODE;
	if (f && f->kind == FAULT_CORRUPT && blocks)
		c->data[f->first_lba > lba ? (size_t)(f->first_lba - lba) * BLOCK_BYTES : 0] ^= 0xff;
	else if (f)
		prefix = f->first_lba > lba ? f->first_lba - lba : 0;
	sense = write_range(d, lba, c->data, prefix);
	if (sense.key)
		return sense;
	c->delay_ns += timing_write(&d->timing, d->disc->medium, lba, blocks);
	return f && f->kind != FAULT_CORRUPT ? failed_write(d, f, lba + prefix) : SENSE_OK;
}

/* The end of a session or track that was announced: written in full it is closed by this. */
static struct sense finish_at_once(struct drive *d)
{
	struct disc *disc = d->disc;
	struct track *last = disc->n_tracks ? &disc->tracks[disc->n_tracks - 1] : NULL;
	struct sense sense;

	if (disc->medium->family == CD)
		return cue_finish(d);
	if (!last || !last->at_once || last->closed || last->end < last->start + last->reserved)
		return SENSE_OK;
	if (is_test_write(d)) {
		disc_drop_pending(disc);
		return SENSE_OK;
	}
	sense = disc_close_track(disc, disc->n_tracks, 0);
	return sense.key ? sense : disc_close_session(disc, keeps_disc_open(d));
}

struct sense synchronize_cache(struct drive *d, struct command *c)
{
	struct sense sense = disc_flush(d->disc);

	take_time(d, c, timing_flush(&d->timing), c->cdb[1] & 2, SENSE_LONG_WRITE_IN_PROGRESS);
	d->timing.buffered = 0;
	if (sense.key || disc_is_overwritable(d->disc))
		return sense;
	return finish_at_once(d);
}
