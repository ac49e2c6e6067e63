/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sums.c - MD5 sums of a planned session: its tags, and an array with one for each file
 *
 * The tags stand among blocks that later ones are of, so the session's sum goes with the stream; that of a file that is
 * written in one piece, too.
 */
#include "burner/session/sums.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/aaip.h"
#include "burner/session/internal.h"

#define PIECE_BYTES (1u << 20)

struct session_sums {
	struct burn_plan *plan;
	struct md5 *session, *file; /* so far */
	size_t data;		    /* in plan.data: what the file's is of, or the next one */
	uint64_t read;
};

/* ---- where they are ---- */

int sums_plan(struct burn_plan *p)
{
	struct plan_sums *s = &p->sums;
	uint32_t n = 0;

	if (!p->options.md5 || p->manifest->linked)
		return 0;
	s->of_node = bulk_zalloc(p->manifest->bulk, p->manifest->n_nodes, sizeof(*s->of_node));
	if (!s->of_node)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->manifest->n_nodes; i++) {
		if (S_ISREG(p->manifest->nodes[i].mode))
			s->of_node[i] = ++n;
		bulk_pace(p->manifest->bulk, 1);
	}
	s->n = n + 2;
	s->array = bulk_zalloc(p->manifest->bulk, (size_t)checksums_sectors(n), SECTOR_BYTES);
	return s->array ? 0 : -ENOMEM;
}

void sums_release(struct plan_sums *s)
{
	bulk_free(s->of_node);
	bulk_free(s->array);
}

/* One attribute as a set. */
static uint32_t set_of(const char *name, const uint8_t *value, uint32_t bytes, uint8_t *ret)
{
	uint32_t length = (uint32_t)strlen(name);

	put_le16(ret, (uint16_t)length);
	put_le32(ret + 2, bytes);
	memcpy(ret + XATTRS_RECORD_BYTES, name, length);
	memcpy(ret + XATTRS_RECORD_BYTES + length, value, bytes);
	return XATTRS_RECORD_BYTES + length + bytes;
}

uint32_t sums_attribute(const struct burn_plan *p, uint32_t node, uint8_t ret[SUMS_ATTRIBUTE_MAX])
{
	const struct plan_sums *s = &p->sums;
	uint8_t value[CHECKSUMS_ROOT_BYTES];

	if (!s->n || (node && !s->of_node[node]))
		return 0;
	if (node) {
		put_be32(value, s->of_node[node]);
		return set_of(CHECKSUMS_FILE_NAME, value, CHECKSUMS_FILE_BYTES, ret);
	}
	checksums_encode(&(struct checksums){p->options.start_lba, s->array_lba, s->n}, value);
	return set_of(CHECKSUMS_ROOT_NAME, value, CHECKSUMS_ROOT_BYTES, ret);
}

/* ---- what the stream has of them ---- */

int sums_put_tags(const struct burn_plan *p, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	const struct plan_sums *s = &p->sums;
	int r = 0;

	for (unsigned kind = 0; s->n && kind <= TAG_SESSION && !r; kind++) {
		const struct tag tag = {.kind = (enum tag_kind)kind,
					.lba = s->tag_lba[kind],
					.start_lba = p->options.start_lba,
					.sectors = s->tag_lba[kind] - p->options.start_lba,
					.next_lba = kind < TAG_SESSION ? s->tag_lba[kind + 1] : 0};
		struct tag full = tag;

		if (tag.lba < lba || tag.lba - lba >= n_sectors)
			continue;
		memcpy(full.md5, s->tag_md5[kind], MD5_BYTES);
		r = tag_encode(&full, buf + (size_t)(tag.lba - lba) * SECTOR_BYTES);
	}
	return r;
}

/* ---- making them ---- */

int session_sums_new(struct burn_plan *p, struct session_sums **ret)
{
	_cleanup_(session_sums_freep) struct session_sums *s = NULL;
	int r;

	*ret = NULL;
	if (!p->sums.n)
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->plan = p;
	r = md5_new(&s->session);
	if (!r)
		*ret = TAKE_PTR(s);
	return r;
}

void session_sums_free(struct session_sums *s)
{
	if (!s)
		return;
	md5_free(s->session);
	md5_free(s->file);
	free(s);
}

static uint8_t *entry_of(const struct session_sums *s, uint32_t i)
{
	return s->plan->sums.array + (size_t)i * MD5_BYTES;
}

/* Is the run all that is stored of the node? */
static bool is_all(const struct burn_plan *p, uint32_t node, const struct extent *run)
{
	return run->offset == 0 && run->length == content_stored_bytes(p, node);
}

/* The stream gives it in one piece. */
static bool is_streamed(const struct burn_plan *p, uint32_t node)
{
	const struct plan_file *f = &p->files[node];
	const struct extent *run = p->runs + f->first_run;

	return f->same_as == NO_INDEX && f->n_runs == 1 && run->pos / SECTOR_BYTES >= p->options.start_lba &&
	       is_all(p, node, run);
}

static const uint8_t *known_sum(const struct manifest *m, uint32_t node)
{
	uint32_t i = m->sum_of ? m->sum_of[node] : 0;

	const uint8_t *sum = i && i < m->n_sums ? m->sums + (size_t)i * MD5_BYTES : NULL;

	return sum && !checksum_is_none(sum) ? sum : NULL;
}

static bool is_read(const struct burn_plan *p, uint32_t node)
{
	return p->sums.of_node[node] && p->files[node].same_as == NO_INDEX && !is_streamed(p, node) &&
	       !known_sum(p->manifest, node);
}

uint64_t session_sums_rest_bytes(const struct session_sums *s)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->plan->manifest->n_nodes; i++)
		bytes += is_read(s->plan, i) ? content_stored_bytes(s->plan, i) : 0;
	return bytes;
}

static int read_sum(struct session_sums *s, uint32_t node, uint8_t *buf, int (*pace)(void *context, uint64_t bytes),
		    void *context)
{
	_cleanup_(md5_freep) struct md5 *md5 = NULL;
	uint64_t all = content_stored_bytes(s->plan, node), n;
	int r = md5_new(&md5);

	for (uint64_t at = 0; !r && at < all; at += n) {
		n = min_u64(all - at, PIECE_BYTES);
		r = pace(context, s->read);
		if (!r)
			r = manifest_read(s->plan->manifest, node, at, buf, n);
		if (disc_is_damage(r)) {
			s->read += all - at;
			return 0;
		}
		if (!r)
			r = md5_add(md5, buf, n);
		s->read += n;
	}
	return r ? r : md5_now(md5, entry_of(s, s->plan->sums.of_node[node]));
}

int session_sums_rest(struct session_sums *s, int (*pace)(void *context, uint64_t bytes), void *context)
{
	const struct manifest *m = s->plan->manifest;
	_free_ uint8_t *buf = malloc(PIECE_BYTES);
	int r = buf ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < m->n_nodes && !r; i++) {
		const uint8_t *known = s->plan->sums.of_node[i] ? known_sum(m, i) : NULL;

		if (known)
			memcpy(entry_of(s, s->plan->sums.of_node[i]), known, MD5_BYTES);
		else if (is_read(s->plan, i))
			r = read_sum(s, i, buf, pace, context);
		bulk_pace(m->bulk, 1);
	}
	return r;
}

static int set_tag(struct session_sums *s, enum tag_kind kind)
{
	return md5_now(s->session, s->plan->sums.tag_md5[kind]);
}

/* Up to the sector `end` of the session. */
static int sum_up_to(struct session_sums *s, struct session_stream *stream, uint32_t end, uint8_t *buf)
{
	int r = 0;

	for (uint32_t at = session_stream_at(stream), n; at < end && !r; at += n) {
		n = (uint32_t)min_u64(end - at, PIECE_BYTES / SECTOR_BYTES);
		r = session_stream_read(stream, buf, n);
		if (!r)
			r = session_sums_session(s, buf, n);
	}
	return r;
}

int session_sums_tree(struct session_sums *s, struct session_stream *stream)
{
	uint32_t start = s->plan->options.start_lba;
	_free_ uint8_t *buf = malloc(PIECE_BYTES);
	int r = buf ? 0 : -ENOMEM;

	for (unsigned kind = 0; kind < TAG_SESSION && !r; kind++) {
		r = sum_up_to(s, stream, s->plan->sums.tag_lba[kind] - start, buf);
		if (!r)
			r = set_tag(s, (enum tag_kind)kind);
	}
	return r ? r : sum_up_to(s, stream, s->plan->sums.tag_lba[TAG_TREE] + 1 - start, buf);
}

uint32_t session_sums_end_at(const struct session_sums *s)
{
	return s->plan->sums.array_lba - s->plan->options.start_lba;
}

int session_sums_session(struct session_sums *s, const void *buf, uint32_t n_sectors)
{
	return md5_add(s->session, buf, (size_t)n_sectors * SECTOR_BYTES);
}

/* What of the data at hand lies there. */
static int sum_data(struct session_sums *s, const struct plan_data *d, uint32_t lba, const uint8_t *buf, uint32_t from,
		    uint32_t to)
{
	uint64_t all = s->plan->runs[d->run].length, at = (uint64_t)(from - d->lba) * SECTOR_BYTES,
		 bytes = min_u64((uint64_t)(to - from) * SECTOR_BYTES, all - at);
	int r = from == d->lba ? md5_new(&s->file) : 0;

	if (!r)
		r = md5_add(s->file, buf + (size_t)(from - lba) * SECTOR_BYTES, bytes);
	if (r || to < d->lba + d->sectors)
		return r;
	r = md5_now(s->file, entry_of(s, s->plan->sums.of_node[d->node]));
	md5_free(TAKE_PTR(s->file));
	return r;
}

int session_sums_files(struct session_sums *s, uint32_t at, const void *buf, uint32_t n_sectors)
{
	const struct burn_plan *p = s->plan;
	uint32_t lba = p->options.start_lba + at, end = lba + n_sectors;
	int r = 0;

	for (; s->data < p->n_data && p->data[s->data].lba < end && !r; s->data++) {
		const struct plan_data *d = &p->data[s->data];
		uint32_t to = (uint32_t)min_u64(end, (uint64_t)d->lba + d->sectors);

		if (is_streamed(p, d->node))
			r = sum_data(s, d, lba, buf, (uint32_t)max_u64(lba, d->lba), to);
		if (to < d->lba + d->sectors)
			break;
	}
	return r;
}

static int sum_array(struct session_sums *s)
{
	struct plan_sums *sums = &s->plan->sums;
	int r = md5_now(s->session, sums->array);

	for (uint32_t i = 0; i < s->plan->manifest->n_nodes && !r; i++) {
		uint32_t same = s->plan->files[i].same_as;

		if (sums->of_node[i] && same != NO_INDEX)
			memcpy(entry_of(s, sums->of_node[i]), entry_of(s, sums->of_node[same]), MD5_BYTES);
	}
	return r ? r : md5_of(sums->array, (size_t)(sums->n - 1) * MD5_BYTES, entry_of(s, sums->n - 1));
}

int session_sums_end(struct session_sums *s)
{
	const struct plan_sums *sums = &s->plan->sums;
	int r = sum_array(s);

	if (!r)
		r = session_sums_session(s, sums->array, (uint32_t)checksums_sectors(sums->n - 2));
	return r ? r : set_tag(s, TAG_SESSION);
}
