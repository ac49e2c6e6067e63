/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * packed.c - files that a session writes are compressed, where that takes less
 *
 * Files are cut into blocks; a batch of them, of however many files, is compressed by all threads, then their
 * streams go to the spool in order.  A file whose stream turns out not to be worth it leaves nothing there: the next
 * one begins at the same place.
 */
#include "fs/manifest/packed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/crew.h"
#include "burner/base/idmap.h"
#include "burner/base/io.h"
#include "burner/base/xattrs.h"
#include "burner/format/zisofs.h"
#include "fs/manifest/internal.h"

#define BATCH 64u	       /* blocks */
#define IDMAP_TOP (1ull << 63) /* no key has it */
#define NEVER UINT32_MAX
#define SHORT_NAME 64u /* bytes; a record with such a name has room for an entry more, whatever else it needs */

/* ---- compressing a batch ---- */

struct job {
	uint32_t node, length; /* of the block */
	size_t packed;	       /* of its stream */
	int error;
};

struct batch {
	struct job jobs[BATCH];
	unsigned n_jobs;
	uint8_t *in, *out; /* BATCH blocks each */
	size_t out_bytes;  /* of one */
	struct crew *crew;
	struct zisofs_codec *codecs; /* of each of its members */
};

static int deflate_block(void *context, uint32_t i, unsigned member)
{
	struct batch *b = context;
	struct job *j = &b->jobs[i];

	j->error = zisofs_deflate(&b->codecs[member], b->in + (size_t)i * ZISOFS_BLOCK_BYTES, j->length,
				  b->out + i * b->out_bytes, &j->packed);
	return 0;
}

static void batch_release(struct batch *b)
{
	for (unsigned i = 0; b->codecs && i < crew_members(b->crew); i++)
		zisofs_codec_release(&b->codecs[i]);
	crew_free(b->crew);
	free(b->codecs);
	free(b->in);
	free(b->out);
}

/* On failure it is to be released, too. */
static int batch_init(struct batch *b)
{
	int r = crew_new(&b->crew);

	b->out_bytes = zisofs_stream_max(ZISOFS_BLOCK_BYTES);
	b->in = malloc((size_t)BATCH * ZISOFS_BLOCK_BYTES);
	b->out = malloc(BATCH * b->out_bytes);
	if (r || !b->in || !b->out)
		return -ENOMEM;
	b->codecs = calloc(crew_members(b->crew), sizeof(*b->codecs));
	return b->codecs ? 0 : -ENOMEM;
}

/* What each of them ended with is in its job. */
static void batch_deflate(struct batch *b)
{
	crew_begin(b->crew, deflate_block, b, b->n_jobs);
	(void)crew_wait(b->crew);
}

/* ---- what is worth it ---- */

struct packing {
	struct manifest *m;
	struct held_manifest *held;
	const struct burn_progress *progress;
	struct batch batch;
	bool all;	   /* what no attribute tells of, too */
	uint32_t *least;   /* for each node: blocks that must be saved; NEVER */
	uint32_t *same_as; /* the node before it with the same extents + 1; 0: none */
	/* the file whose streams come: its table, and how long it is so far */
	uint8_t *table;
	uint64_t n_done, length;
	size_t packed_space;
};

static void packing_release(struct packing *p)
{
	bulk_free(p->least);
	bulk_free(p->same_as);
	free(p->table);
	batch_release(&p->batch);
}

static bool is_candidate(const struct packing *p, uint32_t node)
{
	const struct manifest_node *n = &p->m->nodes[node];

	if (!S_ISREG(n->mode) || !n->n_extents || n->as_burned || zisofs_used(&n->zisofs) ||
	    n->size > ZISOFS_FILE_BYTES)
		return false;
	for (uint32_t i = 0; i < n->n_extents; i++)
		if (p->m->extents[n->first_extent + i].kind == EXTENT_DISC)
			return false;
	return true;
}

/* What its attribute says: 1 yes, -1 no, 0 nothing. */
static int word_of(const struct manifest_node *n)
{
	const uint8_t *value;
	size_t bytes;

	if (!n->more || xattrs_get(n->more->xattrs, n->more->xattrs_bytes, PACKED_ATTRIBUTE, &value, &bytes) < 0)
		return 0;
	return bytes == 3 && !memcmp(value, "yes", 3) ? 1 : bytes == 2 && !memcmp(value, "no", 2) ? -1 : 0;
}

/* Its own word, or that of the nearest directory above it. */
static bool is_wanted(const struct packing *p, uint32_t node)
{
	int word = word_of(&p->m->nodes[node]);

	while (!word && node) {
		node = p->m->nodes[node].parent;
		word = word_of(&p->m->nodes[node]);
	}
	return word ? word > 0 : p->all;
}

bool manifest_asks_for_packing(const struct manifest *m)
{
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (word_of(&m->nodes[i]) > 0)
			return true;
		bulk_pace(m->bulk, 1);
	}
	return false;
}

static bool same_extents(const struct manifest *m, uint32_t a, uint32_t b)
{
	const struct manifest_node *x = &m->nodes[a], *y = &m->nodes[b];

	if (x->n_extents != y->n_extents || x->size != y->size)
		return false;
	for (uint32_t i = 0; i < x->n_extents; i++) {
		const struct extent *e = &m->extents[x->first_extent + i], *f = &m->extents[y->first_extent + i];

		if (e->length != f->length || e->pos != f->pos || e->body != f->body || e->kind != f->kind)
			return false;
	}
	return true;
}

/* Of files that begin at the same staged place one is compressed, and those that have all its extents with it: the plan
 * writes them once.  Where one of them is not to be, none is, or the plan would write both forms. */
static int join(struct packing *p, struct idmap *places, uint32_t node)
{
	const struct manifest_node *n = &p->m->nodes[node];
	const struct extent *e = &p->m->extents[n->first_extent];
	uint64_t key, first;
	int r;

	if (!is_wanted(p, node))
		p->least[node] = NEVER;
	if (e->kind == EXTENT_HOLE && n->n_extents > 1)
		e++;
	key = ((uint64_t)e->body << 40 ^ e->pos) & ~IDMAP_TOP;
	if (e->kind == EXTENT_HOLE) /* all of it */
		key = n->size | IDMAP_TOP >> 1;
	if (!idmap_get(places, key, &first)) {
		r = idmap_reserve(places, 1);
		if (!r)
			idmap_put(places, key, node);
		return r;
	}
	p->same_as[node] = (uint32_t)first + 1;
	if (same_extents(p->m, (uint32_t)first, node) && p->least[first] < NEVER && p->least[node] < NEVER)
		p->least[first] += p->least[node];
	else
		p->least[first] = p->least[node] = NEVER;
	return 0;
}

static int weigh(struct packing *p)
{
	struct manifest *m = p->m;
	struct idmap places = {0};
	int r = 0;

	p->least = bulk_zalloc(m->bulk, m->n_nodes, sizeof(*p->least));
	p->same_as = bulk_zalloc(m->bulk, m->n_nodes, sizeof(*p->same_as));
	if (!p->least || !p->same_as)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_entries; i++) {
		const struct manifest_entry *e = &m->entries[i];

		p->least[e->node] += m->nodes[e->node].more || strlen(e->name) > SHORT_NAME ? 2 : 1;
		bulk_pace(m->bulk, 1);
	}
	for (uint32_t i = 0; i < m->n_nodes && !r; i++) {
		if (is_candidate(p, i))
			r = join(p, &places, i);
		bulk_pace(m->bulk, 1);
	}
	idmap_release(&places);
	return r;
}

/* ---- the spool ---- */

static int begin_file(struct packing *p, uint32_t node)
{
	uint64_t size = p->m->nodes[node].size;

	p->length = zisofs_table_end(size);
	p->n_done = 0;
	free(p->table);
	p->table = malloc(p->length);
	if (!p->table)
		return -ENOMEM;
	zisofs_header_encode((uint32_t)size, p->table);
	return 0;
}

static void note_pointer(struct packing *p)
{
	put_le32(p->table + ZISOFS_HEADER_BYTES + p->n_done * ZISOFS_POINTER_BYTES, (uint32_t)p->length);
}

static int take_extent(struct packing *p, uint32_t node)
{
	struct manifest *m = p->m;
	struct held_manifest *held = p->held;
	int r = bulk_grow(m->bulk, (void **)&m->extents, &held->extent_space, m->n_extents, sizeof(*m->extents));

	if (!r)
		r = bulk_grow(m->bulk, (void **)&held->packed, &p->packed_space, held->n_packed, sizeof(*held->packed));
	if (r)
		return r;
	m->extents[m->n_extents] = (struct extent){.length = p->length,
						   .pos = held->packed_bytes,
						   .body = PACKED_BODY,
						   .kind = EXTENT_STAGE};
	m->nodes[node].first_extent = m->n_extents++;
	m->nodes[node].n_extents = 1;
	m->nodes[node].zisofs = zisofs_written;
	held->packed[held->n_packed++] = node;
	held->packed_bytes += p->length;
	return 0;
}

static int end_file(struct packing *p, uint32_t node)
{
	uint64_t size = p->m->nodes[node].size;
	int r;

	note_pointer(p);
	if (p->length > ZISOFS_FILE_BYTES || (uint64_t)sectors_of(p->length) + p->least[node] > sectors_of(size))
		return 0;
	r = pwrite_full(p->held->packed_fd, p->table, zisofs_table_end(size), p->held->packed_bytes, NULL);
	return r ? r : take_extent(p, node);
}

static int put_block(struct packing *p, const struct job *j, const uint8_t *stream)
{
	int r = j->error;

	if (!r && !p->table)
		r = begin_file(p, j->node);
	if (r)
		return r;
	note_pointer(p);
	if (j->packed && p->length + j->packed <= ZISOFS_FILE_BYTES)
		r = pwrite_full(p->held->packed_fd, stream, j->packed, p->held->packed_bytes + p->length, NULL);
	p->length += j->packed;
	if (r || ++p->n_done < zisofs_blocks(p->m->nodes[j->node].size))
		return r;
	r = end_file(p, j->node);
	free(p->table);
	p->table = NULL;
	return r;
}

/* Others need the stage's disk. */
static int check_room(const struct packing *p)
{
	struct statvfs s;

	if (fstatvfs(p->held->packed_fd, &s) < 0)
		return -errno;
	return (uint64_t)s.f_bavail * s.f_frsize < p->m->bulk->keep_bytes + (64ull << 20) ? -ENOSPC : 0;
}

static int flush(struct packing *p)
{
	struct batch *b = &p->batch;
	int r = check_room(p);

	if (!r && burn_is_cancelled(p->progress))
		r = -ECANCELED;
	if (r || !b->n_jobs)
		return r;
	batch_deflate(b);
	for (unsigned i = 0; i < b->n_jobs && !r; i++)
		r = put_block(p, &b->jobs[i], b->out + i * b->out_bytes);
	b->n_jobs = 0;
	return r;
}

static int add_file(struct packing *p, uint32_t node)
{
	struct batch *b = &p->batch;
	uint64_t size = p->m->nodes[node].size;
	int r = 0;

	for (uint64_t at = 0; at < size && !r;) {
		uint64_t n = min_u64(size - at, (uint64_t)(BATCH - b->n_jobs) * ZISOFS_BLOCK_BYTES);

		r = manifest_read(p->m, node, at, b->in + (size_t)b->n_jobs * ZISOFS_BLOCK_BYTES, n);
		for (uint64_t done = 0; done < n && !r; done += ZISOFS_BLOCK_BYTES)
			b->jobs[b->n_jobs++] =
				(struct job){.node = node, .length = (uint32_t)min_u64(n - done, ZISOFS_BLOCK_BYTES)};
		at += n;
		if (!r && b->n_jobs == BATCH)
			r = flush(p);
	}
	return r;
}

/* ---- the whole ---- */

static int by_ino(const void *a, const void *b)
{
	const struct burn_packed *x = a, *y = b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Those that are the same as one that was compressed. */
static int take_same(struct packing *p)
{
	struct manifest *m = p->m;
	struct held_manifest *held = p->held;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct manifest_node *first = p->same_as[i] ? &m->nodes[p->same_as[i] - 1] : NULL;
		int r;

		bulk_pace(m->bulk, 1);
		if (!first || p->least[i] == NEVER || !manifest_is_packed(m, p->same_as[i] - 1))
			continue;
		r = bulk_grow(m->bulk, (void **)&held->packed, &p->packed_space, held->n_packed, sizeof(*held->packed));
		if (r)
			return r;
		m->nodes[i].first_extent = first->first_extent;
		m->nodes[i].n_extents = first->n_extents;
		m->nodes[i].zisofs = first->zisofs;
		held->packed[held->n_packed++] = i;
	}
	bulk_sort(m->bulk, held->packed, held->n_packed, sizeof(*held->packed), by_number);
	return 0;
}

/* Digests are of what is stored. */
static void forget_digests(struct manifest *m)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < m->n_digests; i++)
		if (!manifest_is_packed(m, m->digests[i].node))
			m->digests[kept++] = m->digests[i];
	m->n_digests = kept;
}

static int pack_all(struct packing *p)
{
	int r = weigh(p);

	for (uint32_t i = 0; i < p->m->n_nodes && !r; i++) {
		bulk_pace(p->m->bulk, 1);
		if (is_candidate(p, i) && !p->same_as[i] && sectors_of(p->m->nodes[i].size) > p->least[i])
			r = add_file(p, i);
	}
	return r ? r : flush(p);
}

int manifest_pack(struct manifest *m, bool all, const struct burn_progress *progress)
{
	struct held_manifest *held = (struct held_manifest *)(void *)m;
	_cleanup_(packing_release) struct packing p = {.m = m, .held = held, .progress = progress, .all = all};
	int r = unnamed_file_open(stage_directory(held->stage)), same;

	if (r < 0)
		return r;
	held->packed_fd = r;
	r = batch_init(&p.batch);
	if (!r)
		r = pack_all(&p);
	same = p.same_as ? take_same(&p) : 0;
	forget_digests(m);
	return r ? r : same;
}

void manifest_packed(const struct manifest *m, const uint32_t **ret, size_t *ret_n)
{
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;

	*ret = held->packed;
	*ret_n = held->n_packed;
}

int burned_packed(const struct manifest *m, const struct burn_plan *plan, struct burn_packed **ret, size_t *ret_n)
{
	const struct held_manifest *held = (const struct held_manifest *)(const void *)m;
	struct burn_packed *list = bulk_zalloc(m->bulk, held->n_packed + 1, sizeof(*list));
	size_t n = 0;

	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < held->n_packed; i++) {
		const struct manifest_node *node = &m->nodes[held->packed[i]];
		const struct extent *e;
		size_t n_extents;

		burn_plan_extents(plan, held->packed[i], &e, &n_extents);
		if (n_extents == 1)
			list[n++] = (struct burn_packed){node->ino, e->pos, e->length, node->zisofs};
	}
	bulk_sort(m->bulk, list, n, sizeof(*list), by_ino);
	*ret = list;
	*ret_n = n;
	return 0;
}
