/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/medium/sessions.c: chains of sessions that nobody would write
 *
 * Input: number of sectors that the medium is said to have, then steps (see step()) over zeros or over two sessions
 * of ours.  Checksums of our structures are made right, so that what lies behind them is reached.
 */
#include <sys/stat.h>

#include <openssl/evp.h>

#include "burner/format/commit_record.h"
#include "burner/medium/internal.h"
#include "cdappendfs/proof.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "burner/base/own.h"
#include "tests/fuzz/common/image.h"

#define STEPS_MAX 200u
/* 4096 sessions and as many probes, each with a look at what lies beside it. */
#define READS_MAX 40000u

static void put_descriptor(struct disc_image *m, struct input *in, uint32_t lba, const struct appuse *a)
{
	uint8_t d[SECTOR_BYTES] = {1, 'C', 'D', '0', '0', '1', 1};

	put_both32(d + 80, (uint32_t)take_number(in));
	put_both16(d + 128, SECTOR_BYTES);
	d[156] = 34;
	put_both32(d + 158, (uint32_t)take_number(in));
	put_both32(d + 166, take_u8(in) * 1024u);
	d[181] = 2;
	if (a)
		appuse_encode(a, d);
	image_patch(m, lba, 0, d, sizeof(d));
}

static void put_ours(struct disc_image *m, struct input *in, uint32_t lba)
{
	struct appuse a = {.uuid = {take_u8(in)},
			   .number = (uint32_t)take_number(in),
			   .start_lba = (uint32_t)take_number(in),
			   .previous_lba = (uint32_t)take_number(in),
			   .previous_descriptor_lba = (uint32_t)take_number(in),
			   .sectors = (uint32_t)take_number(in)};

	put_descriptor(m, in, lba, &a);
}

/* As session_digests_end() makes them, without a plan. */
static void put_commit(struct disc_image *m, struct input *in, uint32_t lba)
{
	uint8_t sector[SECTOR_BYTES];
	struct commit_record r = {.uuid = {take_u8(in)},
				  .number = (uint32_t)take_number(in),
				  .start_lba = (uint32_t)take_number(in),
				  .sectors = (uint32_t)take_number(in)};

	r.kind = r.number >> 24; /* where there is one, it is a large number */
	if (commit_has_table(&r)) {
		r.piece_sectors = (uint32_t)take_number(in);
		r.table_lba = (uint32_t)take_number(in);
		r.table_sectors = (uint32_t)take_number(in);
		r.previous_lba = (uint32_t)take_number(in);
		MUST(EVP_Digest(m->data + (size_t)(r.table_lba % IMAGE_SECTORS) * SECTOR_BYTES, SECTOR_BYTES, r.sha256,
				NULL, EVP_sha256(), NULL) == 1);
	}
	MUST(commit_record_encode(&r, sector) == 0);
	image_patch(m, lba, 0, sector, sizeof(sector));
}

/* Whatever a record says of a table, it can be asked for all of it. */
static void prove(struct disc *d, const struct disc_session *s)
{
	_cleanup_(proof_freep) struct proof *proof = NULL;
	uint8_t digests[8][PROOF_DIGEST_BYTES], sha256[PROOF_DIGEST_BYTES];
	struct commit_record r;
	uint32_t n;

	if (proof_record(d, s, &r, sha256) < 0)
		return;
	(void)!proof_chain(d, &r);
	if (!commit_has_table(&r))
		return;
	n = commit_pieces(&r);
	MUST(n > 0 && commit_piece_sectors(&r, n - 1) > 0 && commit_piece_sectors(&r, n - 1) <= r.piece_sectors);
	MUST(proof_open(d, &r, &proof) == 0);
	for (uint32_t i = 0; i < 8; i++)
		(void)!proof_digests(proof, (uint32_t)((uint64_t)n * i / 8),
				     n - (uint32_t)((uint64_t)n * i / 8) < 8 ? 1 : 8, digests);
	if (r.table_sectors < 64)
		(void)!proof_rest(proof);
}

static void step(struct disc_image *m, struct input *in)
{
	uint8_t kind = take_u8(in), copy[SECTOR_BYTES];
	uint32_t lba = take_u16(in), from;
	size_t n;
	const uint8_t *bytes;

	switch (kind % 5) {
	case 0:
		put_descriptor(m, in, lba, NULL);
		break;
	case 1:
		put_ours(m, in, lba);
		break;
	case 2:
		put_commit(m, in, lba);
		break;
	case 3:
		from = take_u16(in) % IMAGE_SECTORS;
		memcpy(copy, m->data + (size_t)from * SECTOR_BYTES, sizeof(copy));
		image_patch(m, lba, 0, copy, sizeof(copy));
		break;
	default:
		from = take_u16(in);
		bytes = take_bytes(in, take_u8(in), &n);
		image_patch(m, lba, from, bytes, n);
	}
}

static void check_list(struct disc *d, const struct session_list *l, uint64_t n_sectors)
{
	MUST(l->n >= 1 && l->n <= 4096);
	for (size_t i = 0; i < l->n; i++) {
		const struct disc_session *s = &l->sessions[i];

		/* Of what was cut off the places are told as they were. */
		MUST(s->descriptor_lba < n_sectors || (s->broken && s->truncated));
		MUST(strnlen(s->volume_id, 33) < 33 && s->number > 0);
		MUST(i == 0 || (s->start_lba > l->sessions[i - 1].start_lba && s->number > l->sessions[i - 1].number));
		MUST(l->end_sectors >= (uint64_t)s->start_lba + s->sectors);
		walk_session(d, s->descriptor_lba);
		if (i + 4 > l->n)
			prove(d, s);
	}
}

static void publish(const struct disc_image *m, const struct session_list *l)
{
	uint8_t head[16 * SECTOR_BYTES], again[16 * SECTOR_BYTES];
	uint32_t start = l->sessions[l->n - 1].start_lba;

	if (start + 32ull > IMAGE_SECTORS ||
	    session_published_descriptors(m->data + (start + 16) * SECTOR_BYTES, start, head))
		return;
	session_merge_published(m->data + 16 * SECTOR_BYTES, head);
	memcpy(again, head, sizeof(head));
	session_merge_published(head, again);
	MUST(!memcmp(again, head, sizeof(head)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size}, whole;
	struct session_list list = {0};
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	uint8_t base = take_u8(&in) & 1 ? IMAGE_OURS : IMAGE_EMPTY;
	uint64_t n_sectors = take_number(&in);
	const struct stat st = {.st_dev = 1, .st_ino = 2};
	struct disc_image m;

	walk_seed(hash_of(data, size));
	whole = (struct input){&base, 1};
	image_make(&m, &whole);
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		step(&m, &in);
	n_sectors = n_sectors ? n_sectors : IMAGE_SECTORS;
	if (sessions_scan(&m.disc.disc, n_sectors, &list) == 0) {
		MUST(m.disc.n_reads < READS_MAX);
		check_list(&m.disc.disc, &list, n_sectors);
		(void)!sessions_identity(&m.disc.disc, &list, &st, "/x", &identity);
		(void)!sessions_fingerprint(&m.disc.disc, &list, &fingerprint);
		publish(&m, &list);
		session_list_release(&list);
	}
	image_release(&m);
	return 0;
}
