/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/inputs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/el_torito.h"
#include "burner/format/volume_descriptor.h"
#include "cdappendfs/proof.h"

#define DEFAULT_VOLUME_ID "CDAPPENDFS"

const struct disc_session *newest_session(const struct disc_session *sessions, size_t n)
{
	while (n > 0)
		if (!sessions[--n].broken)
			return &sessions[n];
	return NULL;
}

/* Of the newest session: its boot record and what its descriptors are labelled with. */
static int take_descriptors(struct disc *disc, uint32_t descriptor_lba, struct inputs *in)
{
	struct burn_options *o = &in->options;
	uint8_t sector[SECTOR_BYTES];
	int r = disc_read(disc, descriptor_lba, in->labels, 1);

	o->labels = in->labels;
	for (uint32_t i = 1; !r && i < DESCRIPTORS_SECTORS; i++) {
		r = disc_read(disc, descriptor_lba + i, sector, 1);
		if (r || descriptor_ends_set(sector))
			return r;
		if (!o->boot_record && el_torito_is_boot_record(sector)) {
			memcpy(in->boot, sector, sizeof(in->boot));
			o->boot_record = in->boot;
		} else if (!o->joliet_labels && descriptor_is_joliet(sector)) {
			memcpy(in->joliet_labels, sector, sizeof(in->joliet_labels));
			o->joliet_labels = in->joliet_labels;
		}
	}
	return r;
}

static int link_to_newest(struct disc *disc, const struct disc_session *newest, struct inputs *in)
{
	struct burn_options *o = &in->options;
	int r;

	o->previous_lba = newest->start_lba;
	o->previous_descriptor_lba = newest->descriptor_lba;
	o->previous_number = newest->number;
	r = take_descriptors(disc, newest->descriptor_lba, in);
	/* The head is this session's only descriptor, and publishing ours overwrites it. */
	if (!r && in->state.overwritable && !newest->ours && newest->start_lba == 0 &&
	    newest->descriptor_lba == DESCRIPTORS_LBA) {
		r = disc_read(disc, DESCRIPTORS_LBA, in->published, DESCRIPTORS_SECTORS);
		o->foreign_descriptors = in->published;
	}
	return r;
}

int inputs_gather(const struct commit_options *o, struct disc *disc, uint64_t next_ino, struct inputs *ret)
{
	_free_ struct disc_session *sessions = NULL;
	const struct disc_session *newest;
	struct burn_options *b = &ret->options;
	size_t n = 0;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = disc_state(disc, &ret->state);
	if (!r)
		r = disc_sessions(disc, &sessions, &n);
	if (r)
		return r;
	if (!ret->state.appendable)
		return -EROFS;
	newest = newest_session(sessions, n);
	b->start_lba = ret->state.next_lba;
	b->session_number = n ? sessions[n - 1].number + 1 : 1;
	b->previous_lba = b->previous_descriptor_lba = UINT32_MAX;
	b->overwritable = ret->state.overwritable;
	b->next_ino = next_ino;
	b->capacity_sectors = ret->state.kind == MEDIUM_IMAGE ? ret->state.capacity_sectors : 0;
	b->no_joliet = o->no_joliet;
	b->pieces = o->pieces;
	b->compat = o->compat;
	b->parity_percent = o->parity_percent;
	b->md5 = o->md5;
	b->align_end_sectors = ret->state.overwritable ? SESSION_ALIGN_SECTORS : SEQUENTIAL_ALIGN_SECTORS;
	if (newest)
		r = link_to_newest(disc, newest, ret);
	if (o->volume_id[0])
		snprintf(b->volume_id, sizeof(b->volume_id), "%s", o->volume_id);
	else if (!newest)
		snprintf(b->volume_id, sizeof(b->volume_id), "%s", DEFAULT_VOLUME_ID);
	return r;
}

/* The newest session of ours, which is the last or lies below others' sessions. */
static int link_record(struct disc *disc, const struct disc_session *sessions, size_t n, struct burn_options *o)
{
	struct commit_record record;
	int r;

	while (n > 0 && (sessions[n - 1].broken || !sessions[n - 1].ours))
		n--;
	if (n == 0)
		return 0;
	r = proof_record(disc, &sessions[n - 1], &record, o->previous_record_sha256);
	if (r == 0)
		r = proof_chain(disc, &record);
	if (r == 0)
		o->previous_record_lba = record.start_lba + record.sectors - 1;
	return r;
}

int inputs_chain(const struct commit_options *o, struct disc *disc, struct inputs *in)
{
	_free_ struct disc_session *sessions = NULL;
	bool accepted = o->accepted & ODDITY_BIT(ODDITY_CHAIN);
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	if (r == 0)
		r = link_record(disc, sessions, n, &in->options);
	return r != -EBADMSG && r != -EIO ? r : accepted ? 0 : -EPERM;
}

bool inputs_fit(const struct inputs *in, uint64_t append_sectors, uint64_t *ret_missing_bytes, const char **ret_where)
{
	const struct disc_state *s = &in->state;
	uint64_t end = in->options.start_lba + append_sectors + s->tail_sectors, bytes = append_sectors * SECTOR_BYTES;

	if (s->capacity_sectors && end > s->capacity_sectors) {
		*ret_missing_bytes = (end - s->capacity_sectors) * SECTOR_BYTES;
		*ret_where = "the disc";
		return false;
	}
	if (end > UINT32_MAX) {
		*ret_missing_bytes = (end - UINT32_MAX) * SECTOR_BYTES;
		*ret_where = "an ISO 9660 disc";
		return false;
	}
	if (s->kind == MEDIUM_IMAGE && bytes > s->host_free_bytes) {
		*ret_missing_bytes = bytes - s->host_free_bytes;
		*ret_where = "the file system that holds the image";
		return false;
	}
	return true;
}
