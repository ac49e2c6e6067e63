/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rescue.c - a disc copied into an image file, around what cannot be read of it
 *
 * The map's statuses are those of ddrescue, and each pass takes the blocks of one and leaves those that it cannot read
 * to the next: a large piece that cannot be read costs one try, until all that is whole is safe.  In a drive a block
 * that cannot be read takes seconds.
 */
#include "fs/check/rescue.h"

#include <errno.h>
#include <string.h>

#include "burner/base/time.h"
#include "burner/base/why.h"
#include "fs/check/internal.h"

#define PIECE_SECTORS 512u
#define PIECE_ALIGN 4096u
#define GROUP_SECTORS 16u /* a unit of error correction */
#define SAVE_EVERY_MS 1000

struct pass {
	char from, to;
	uint32_t sectors; /* of a read, which ends at a multiple of them */
	const char *phase;
};

static int read_blocks(struct rescue *r, uint32_t lba, uint32_t n)
{
	struct disc *d = r->asked->disc;
	int result;

	if (disc_zeros(d, lba, n) == n) {
		memset(r->bytes, 0, (size_t)n * SECTOR_BYTES);
		return 0;
	}
	result = disc_read_medium(d, lba, r->bytes, n);
	return result == -EOPNOTSUPP ? disc_read(d, lba, r->bytes, n) : result;
}

/* 1: they are in the image now.  0: they cannot be read.  Who takes the disc out makes no block unreadable. */
static int take(struct rescue *r, uint32_t lba, uint32_t n, char **ret_why)
{
	int result = read_blocks(r, lba, n);

	if (reader_is_of_blocks(result))
		return disc_is_there(r->asked->disc);
	if (!result)
		result = rescue_file_put(r, lba, n, ret_why);
	if (!result)
		result = mapfile_fill(&r->map, (uint64_t)lba * SECTOR_BYTES, (uint64_t)n * SECTOR_BYTES);
	if (result)
		return result;
	r->read_sectors += n;
	return 1;
}

static int try_piece(struct rescue *r, const struct pass *p, const struct map_gap *gap, uint32_t *ret_n, char **ret_why)
{
	uint32_t lba = (uint32_t)(gap->from / SECTOR_BYTES), n = p->sectors - lba % p->sectors;
	int result;

	n = (uint32_t)min_u64(n, (gap->to - gap->from) / SECTOR_BYTES);
	*ret_n = n;
	r->place = (struct map_place){gap->from, p->from, r->place.pass};
	result = take(r, lba, n, ret_why);
	if (!result && p->to != p->from)
		result = mapfile_mark(&r->map,
				      (struct map_gap){gap->from, gap->from + (uint64_t)n * SECTOR_BYTES, p->to});
	return result < 0 ? result : 0;
}

static int run_pass(struct rescue *r, const struct pass *p, char **ret_why)
{
	uint64_t all = mapfile_bytes(&r->map, p->from) / SECTOR_BYTES, done = 0;
	struct map_gap gap = {.from = 0};
	int result = 0;

	if (!all)
		return 0;
	r->asked->phase(r->asked->progress->context, p->phase);
	while (!result && mapfile_next(&r->map, p->from, gap.from, &gap)) {
		uint32_t n = 0;

		burn_report(r->asked->progress, done, all);
		result = burn_is_cancelled(r->asked->progress) ? -ECANCELED : try_piece(r, p, &gap, &n, ret_why);
		gap.from += (uint64_t)n * SECTOR_BYTES;
		done += n;
		if (!result && now_ms() - r->saved_ms >= SAVE_EVERY_MS)
			result = rescue_file_save(r, ret_why);
	}
	r->place.pass++;
	return result;
}

/* Blocks that a track may end with: they count as read, whatever comes of it. */
static int take_run_out(struct rescue *r, char **ret_why)
{
	int result = 0;

	for (size_t i = 0; i < r->n_recorded && result >= 0; i++) {
		const struct disc_recorded *d = &r->recorded[i];
		uint64_t pos = (uint64_t)(d->lba + d->sectors - d->run_out) * SECTOR_BYTES,
			 bytes = (uint64_t)d->run_out * SECTOR_BYTES;

		if (!bytes || !mapfile_has_gap(&r->map, pos, bytes))
			continue;
		result = take(r, d->lba + d->sectors - d->run_out, d->run_out, ret_why);
		if (!result)
			result = mapfile_fill(&r->map, pos, bytes);
	}
	return result < 0 ? result : 0;
}

static int run_passes(struct rescue *r, char **ret_why)
{
	static const struct pass passes[] = {
		{'?', '*', PIECE_SECTORS, "copying"},
		{'*', '/', GROUP_SECTORS, "around damage"},
		{'/', '-', 1, "block by block"},
	};
	static const struct pass again = {'-', '-', 1, "trying again"};
	int result = take_run_out(r, ret_why);

	r->place.pass = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(passes) && !result; i++)
		result = run_pass(r, &passes[i], ret_why);
	for (unsigned i = 0; i < r->asked->retries && !result; i++)
		result = run_pass(r, &again, ret_why);
	return result;
}

int rescue_begin(const struct rescue_asked *asked, struct rescue *ret, char **ret_why)
{
	int r;

	*ret = (struct rescue){.asked = asked, .fd = -1, .place = {0, '?', 1}};
	r = disc_recorded(asked->disc, &ret->recorded, &ret->n_recorded, &ret->n_audio);
	if (r)
		return r;
	if (!ret->n_recorded)
		return -ENODATA;
	for (size_t i = 0; i < ret->n_recorded; i++) {
		const struct disc_recorded *d = &ret->recorded[i];

		ret->all_sectors += d->sectors;
		ret->end_bytes = ((uint64_t)d->lba + d->sectors) * SECTOR_BYTES;
	}
	ret->bytes = aligned_alloc(PIECE_ALIGN, (size_t)PIECE_SECTORS * SECTOR_BYTES);
	if (!ret->bytes)
		return -ENOMEM;
	r = rescue_file_begin(ret, ret_why);
	if (!r)
		ret->had_sectors = ret->all_sectors - mapfile_bytes(&ret->map, 0) / SECTOR_BYTES;
	return r;
}

int rescue_run(struct rescue *r, char **ret_why)
{
	int result = run_passes(r, ret_why), saved;

	if (!result)
		return rescue_file_end(r, ret_why);
	/* What was read is kept, if that can be; the reason why it ended is the first one. */
	saved = rescue_file_save(r, *ret_why ? NULL : ret_why);
	return saved && result == -ECANCELED ? saved : result;
}

void rescue_release(struct rescue *r)
{
	close_fd(&r->fd);
	if (r->map_made)
		(void)unlink(r->asked->map);
	mapfile_release(&r->map);
	free(r->recorded);
	free(r->bytes);
	r->recorded = NULL;
	r->bytes = NULL;
}
