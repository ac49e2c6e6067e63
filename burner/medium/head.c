/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * head.c - what the head of a medium has to be, and which sessions are there whatever it is
 *
 * The head is a function of the newest session's descriptors, where the first session is ours; above another program's
 * it is merged with what was there before, which our first session has saved (burner/session/published.c).
 */
#include <stdlib.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/volume_descriptor.h"
#include "burner/medium/decorator.h"
#include "burner/medium/internal.h"
#include "burner/session/stream.h"
#include "cdappendfs/burn.h"
#include "cdappendfs/proof.h"

/* ---- what it has to be ---- */

int burn_head(struct disc *d, uint32_t start_lba, uint8_t ret[DISC_HEAD_BYTES])
{
	uint8_t descriptors[DISC_HEAD_BYTES];
	int r = disc_read(d, start_lba + SESSION_DESCRIPTORS, descriptors, DESCRIPTORS_SECTORS);

	return r < 0 ? r : session_published_descriptors(descriptors, start_lba, ret);
}

/* The set with the absolute size is the same, up to its end. */
static int is_as_absolute(struct disc *d, uint32_t start_lba, const uint8_t made[DISC_HEAD_BYTES])
{
	uint8_t sector[SECTOR_BYTES];
	bool ends = false;
	int r = 0;

	for (uint32_t i = 0; !ends && !r; i++, made += SECTOR_BYTES) {
		if (i == SESSION_DESCRIPTORS - SESSION_ABSOLUTE_DESCRIPTORS)
			return -EBADMSG;
		r = disc_read(d, start_lba + SESSION_ABSOLUTE_DESCRIPTORS + i, sector, 1);
		if (!r && memcmp(sector, made, SECTOR_BYTES) != 0)
			r = -EBADMSG;
		ends = descriptor_type(made) == ISO_VD_END;
	}
	return r;
}

/* By the newest session, as far as nothing else is in it.  A session of an older version has one digest over all of
 * it: of that the two sets have to agree. */
static int made_by(struct disc *d, const struct disc_session *newest, uint8_t ret[DISC_HEAD_BYTES])
{
	struct commit_record record;
	int r = proof_own_record(d, newest, &record, NULL);

	if (!r)
		r = burn_head(d, newest->start_lba, ret);
	if (!r && commit_has_table(&record))
		return proof_descriptors(d, &record);
	return r ? r : is_as_absolute(d, newest->start_lba, ret);
}

/* Has it saved the head of the session before it?  Its descriptors, proven by the record, say so: elsewhere other
 * things lie in that place.  0; -ENODATA: it has not. */
static int has_saved(struct disc *d, const struct disc_session *s, const struct commit_record *record,
		     const struct disc_session *before)
{
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;
	int r = proof_descriptors(d, record);

	if (!r)
		r = disc_read(d, s->start_lba + SESSION_DESCRIPTORS, sector, 1);
	if (!r && (appuse_decode(sector, &a) < 0 || a.previous_lba != before->start_lba ||
		   a.previous_descriptor_lba != s->start_lba + SESSION_SAVED_DESCRIPTORS))
		r = -ENODATA;
	return r;
}

/* The head as our first session found it, above that of another program. */
static int read_saved(struct disc *d, const struct disc_session *first, const struct disc_session *before,
		      uint8_t ret[DISC_HEAD_BYTES])
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	_free_ uint8_t *piece = NULL;
	struct commit_record record;
	uint32_t number, at;
	int r = proof_own_record(d, first, &record, NULL);

	if (!r)
		r = commit_has_table(&record) ? has_saved(d, first, &record, before) : -ENODATA;
	if (r)
		return r;
	number = SESSION_SAVED_DESCRIPTORS / record.piece_sectors;
	at = SESSION_SAVED_DESCRIPTORS % record.piece_sectors;
	if (number >= commit_pieces(&record) || at + DESCRIPTORS_SECTORS > commit_piece_sectors(&record, number))
		return -ENODATA;
	piece = malloc((size_t)commit_piece_sectors(&record, number) * SECTOR_BYTES);
	r = piece ? proof_open(d, &record, &proof) : -ENOMEM;
	if (!r)
		r = proof_read(proof, number, piece);
	if (!r)
		memcpy(ret, piece + (size_t)at * SECTOR_BYTES, DISC_HEAD_BYTES);
	return r;
}

/* Blocks that an earlier session of ours may have made empty. */
static int pass_over_empty(struct disc *d, uint8_t saved[DISC_HEAD_BYTES])
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint8_t sector[SECTOR_BYTES];
	int r = 0;

	for (uint32_t i = 0; i < DESCRIPTORS_SECTORS && !r; i++) {
		uint8_t *at = saved + (size_t)i * SECTOR_BYTES;

		r = session_head_is_free(at) ? disc_read(d, DESCRIPTORS_LBA + i, sector, 1) : -EBADMSG;
		if (!r && memcmp(sector, zeros, SECTOR_BYTES) == 0)
			memset(at, 0, SECTOR_BYTES);
		r = disc_is_damage(r) ? 0 : r;
	}
	return r;
}

/* All sessions above the first are ours, which knows what was there before. */
static int merge_saved(struct disc *d, const struct disc_session *sessions, size_t n, uint8_t head[DISC_HEAD_BYTES])
{
	uint8_t before[DISC_HEAD_BYTES];
	int r = n > 1 ? 0 : -ENODATA;

	for (size_t i = 1; i < n && !r; i++)
		r = session_says_ours(&sessions[i]) ? 0 : -ENODATA;
	if (!r)
		r = read_saved(d, &sessions[1], &sessions[0], before);
	if (!r)
		r = pass_over_empty(d, before);
	if (!r)
		session_merge_published(before, head);
	return r;
}

int proof_head(struct disc *d, const struct disc_session *sessions, size_t n, uint8_t ret[DISC_HEAD_BYTES])
{
	const struct disc_session *newest = n ? &sessions[n - 1] : NULL;
	bool whole = newest && !newest->broken && !newest->truncated && session_says_ours(newest);
	uint8_t head[DISC_HEAD_BYTES];
	int r = whole ? made_by(d, newest, head) : -ENODATA;

	if (!r && sessions[0].start_lba != FIRST_SESSION_LBA)
		r = merge_saved(d, sessions, n, head);
	if (r)
		return disc_is_damage(r) ? -ENODATA : r;
	memcpy(ret, head, sizeof(head));
	return 0;
}

int proof_head_hides(struct disc *d, const struct disc_session *newest)
{
	uint64_t next = round_up((uint64_t)newest->start_lba + newest->sectors, SESSION_ALIGN_SECTORS);
	uint8_t sector[SECTOR_BYTES];
	struct appuse a;
	int r = next + SESSION_DESCRIPTORS <= UINT32_MAX ?
			disc_read(d, (uint32_t)next + SESSION_DESCRIPTORS, sector, 1) :
			-EIO;

	if (r)
		return disc_is_damage(r) ? 0 : r;
	return appuse_decode(sector, &a) == 0 && a.start_lba == next;
}

/* ---- the sessions, whatever it is ---- */

struct headless {
	struct disc disc;
	struct session_list list;
};

static struct headless *of(struct disc *d) { return (struct headless *)(void *)d; }

static int headless_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return disc_read(d->inner, lba, buf, n_sectors);
}

static int headless_state(struct disc *d, struct disc_state *ret)
{
	int r = disc_state(d->inner, ret);

	if (r)
		return r;
	ret->blank = ret->appendable = false;
	ret->why_not = "its head, blocks 16 to 31, is damaged; its sessions were found without it";
	ret->used_sectors = of(d)->list.end_sectors;
	return 0;
}

static int headless_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return sessions_copy(&of(d)->list, ret, ret_n);
}

static void headless_close(struct disc *d)
{
	session_list_release(&of(d)->list);
	disc_close(d->inner);
	free(d);
}

static const struct disc_ops headless_ops = {
	.read = headless_read,
	.state = headless_state,
	.sessions = headless_sessions,
	.identity = pass_identity,
	.fingerprint = pass_fingerprint,
	.close = headless_close,
};

/* The head leads to a session at block 0 that has no other descriptors, and not to a directory there; or it says
 * itself whose it was.  1, 0. */
static int leads_nowhere(struct disc *d, const struct session_list *found)
{
	uint8_t sector[SECTOR_BYTES], root[SECTOR_BYTES];
	struct appuse a;
	uint32_t at;
	int r = disc_read(d, DESCRIPTORS_LBA, sector, 1);

	if (r)
		return disc_is_damage(r) ? 1 : r;
	for (size_t i = 0; i < found->n && appuse_decode(sector, &a) == 0; i++)
		if (found->sessions[i].ours && memcmp(found->sessions[i].uuid, a.uuid, sizeof(a.uuid)) == 0)
			return 1;
	at = record_extent(descriptor_root(sector));
	r = disc_read(d, at, root, 1);
	if (r)
		return disc_is_damage(r) ? 1 : r;
	return record_extent(root) != at;
}

/* Does what the disc shows need to be looked at without its head? */
static int is_in_doubt(struct disc *d, const struct disc_state *state, bool *ret)
{
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(d, &sessions, &n);

	*ret = !r && state->overwritable &&
	       (state->blank || (n == 1 && !sessions[0].ours && sessions[0].descriptor_lba == DESCRIPTORS_LBA));
	return r;
}

/* *ret is empty where there are none of ours. */
static int find_sessions(struct disc *d, const struct disc_state *state, struct session_list *ret)
{
	uint64_t bytes = 0;
	bool ours = false;
	int r = disc_image_bytes(d, &bytes);

	if (!r)
		r = sessions_scan_all(d, bytes ? bytes / SECTOR_BYTES : state->capacity_sectors, ret);
	if (r)
		return r == -EMEDIUMTYPE || disc_is_damage(r) ? 0 : r;
	for (size_t i = 0; i < ret->n; i++)
		ours |= ret->sessions[i].ours;
	if (!ours)
		session_list_release(ret);
	return 0;
}

int disc_without_head(struct disc **d)
{
	_cleanup_(session_list_release) struct session_list found = {0};
	struct disc *inner = *d;
	struct disc_state state;
	struct headless *h;
	bool doubt = false;
	int r = disc_state(inner, &state);

	if (!r)
		r = is_in_doubt(inner, &state, &doubt);
	if (!r && doubt)
		r = find_sessions(inner, &state, &found);
	if (r || !found.n)
		return r;
	r = state.blank ? 1 : leads_nowhere(inner, &found);
	if (r <= 0)
		return r;
	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	*h = (struct headless){.disc = {.ops = &headless_ops, .inner = inner}, .list = found};
	found = (struct session_list){0};
	*d = &h->disc;
	return 0;
}
