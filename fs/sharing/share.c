/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/sharing/share.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/format/geometry.h"
#include "burner/format/zisofs.h"
#include "fs/manifest/packed.h"
#include "fs/sharing/table_lookup.h"
#include "fs/sharing/internal.h"

#define FORMERS_MAX 16u	   /* of one file; it may have many names */
#define SAME_TRIES_MAX 16u /* staged files of one digest */

/* ---- what the file was before ---- */

static int share_former(struct share *s, const struct former *f)
{
	const struct extent *old = s->held->former_extents + f->first;

	return share_new_bytes(s->m, f->node) ? share_take_former(s, f->node, old, f->n) : 0;
}

/* Names of one file often cover names of one other: it is looked at once. */
static bool same_former(const struct held_manifest *held, const struct former *a, const struct former *b)
{
	return a->node == b->node && a->n == b->n &&
	       memcmp(held->former_extents + a->first, held->former_extents + b->first, a->n * sizeof(struct extent)) ==
		       0;
}

static int share_formers(struct share *s)
{
	const struct held_manifest *held = s->held;
	_bulk_ uint8_t *tries = bulk_zalloc(s->m->bulk, s->m->n_nodes, 1);
	int r = 0;

	if (!tries)
		return -ENOMEM;
	for (uint32_t i = 0; i < held->n_formers; i++) {
		s->comparison.all_bytes +=
			tries[held->formers[i].node] ? 0 : share_new_bytes(s->m, held->formers[i].node);
		tries[held->formers[i].node] = 1;
	}
	memset(tries, 0, s->m->n_nodes);
	for (uint32_t i = 0; i < held->n_formers && !r; i++) {
		const struct former *f = &held->formers[i];

		if ((i && same_former(held, f - 1, f)) || tries[f->node] == FORMERS_MAX)
			continue;
		tries[f->node]++;
		r = share_former(s, f);
	}
	return r;
}

/* ---- digests ---- */

int share_add_digest(struct share *s, uint32_t node)
{
	struct manifest *m = s->m;
	int r = bulk_grow(m->bulk, (void **)&m->digests, &s->digest_space, m->n_digests, sizeof(*m->digests));

	if (r)
		return r;
	m->digests[m->n_digests].node = node;
	r = content_digest(s->digester, s->kind, m, node, m->digests[m->n_digests].digest);
	/* What cannot be read shares nothing; the burn says so where it matters. */
	if (r)
		return r == -ENOMEM ? r : 0;
	m->n_digests++;
	return 0;
}

/* Of what is staged of it, also where parts were found since: those may be seeks of a drive. */
static int add_staged_digest(struct share *s, uint32_t node)
{
	struct manifest_node *n = &s->m->nodes[node];
	const struct manifest_node now = *n;
	int r = 0;

	share_as_staged(s, node);
	if (share_is_wanted(s, node) || share_is_rewritten(s, node))
		r = burn_is_cancelled(s->options->progress) ? -ECANCELED : share_add_digest(s, node);
	*n = now;
	return r;
}

/* Of all that is still to be written. */
static int make_digests(struct share *s)
{
	int r = 0;

	for (uint32_t i = 0; i < s->m->n_nodes && !r; i++) {
		bulk_pace(s->m->bulk, 1);
		if (share_has_content(s->m, i) && (share_new_bytes(s->m, i) || share_is_rewritten(s, i)))
			r = add_staged_digest(s, i);
	}
	if (s->m->n_digests)
		bulk_sort(s->m->bulk, s->m->digests, s->m->n_digests, sizeof(*s->m->digests), digest_compare);
	return r;
}

/* ---- staged twice ---- */

static int take_same(struct share *s, uint32_t owner, uint32_t node)
{
	struct manifest_node *nodes = s->m->nodes;
	int same = nodes[owner].size == nodes[node].size ? compare_nodes(&s->comparison, owner, node) : 0;
	uint64_t bytes = share_new_bytes(s->m, node);

	if (same <= 0)
		return same;
	same = share_remember(s, node);
	if (same)
		return same;
	nodes[node].first_extent = nodes[owner].first_extent;
	nodes[node].n_extents = nodes[owner].n_extents;
	s->held->found_bytes += bytes;
	return 1;
}

/* Among those before it with its digest, that are kept. */
static int take_same_of(struct share *s, uint32_t kept, const struct manifest_digest *d)
{
	const struct manifest_digest *digests = s->m->digests;
	int r = 0;

	for (uint32_t i = kept; r == 0 && i && kept - i < SAME_TRIES_MAX; i--) {
		if (memcmp(digests[i - 1].digest, d->digest, CONTENT_DIGEST_BYTES) != 0)
			break;
		r = take_same(s, digests[i - 1].node, d->node);
	}
	return r;
}

/* Leaves one digest of each content that is written: the others lie elsewhere. */
static int share_staged(struct share *s, uint32_t n_wanted)
{
	struct manifest *m = s->m;
	bool some_found = s->held->found_bytes; /* else all are still to be written */
	uint32_t kept = 0, n_known = m->n_digests;
	int r = 0;

	for (uint32_t i = 0; i < n_wanted && r >= 0; i++) {
		struct manifest_digest d = m->digests[i];

		bulk_pace(m->bulk, some_found ? BULK_ANYWHERE : 1);
		if (some_found && !share_new_bytes(m, d.node) && !share_is_rewritten(s, d.node))
			continue;
		r = take_same_of(s, kept, &d);
		if (r == 0)
			m->digests[kept++] = d;
	}
	m->n_digests = kept;
	if (r >= 0)
		share_keep_known(m, n_wanted, n_known);
	return r < 0 ? r : 0;
}

/* ---- the whole ---- */

static int compare_remapped(const void *a, const void *b)
{
	const struct remapped *x = a, *y = b;

	return x->node < y->node ? -1 : x->node > y->node;
}

/* Content tables of the older kind: with digests of that kind, which go no further. */
static int share_known_before(struct share *s)
{
	struct manifest *m = s->m;
	struct manifest_digest *digests = m->digests;
	const size_t space = s->digest_space;
	const uint32_t n = m->n_digests;
	int r;

	m->digests = NULL;
	s->digest_space = m->n_digests = 0;
	s->kind = CONTENT_SHA256;
	r = make_digests(s);
	if (!r)
		r = share_known(s);
	bulk_free(m->digests);
	m->digests = digests;
	s->digest_space = space;
	m->n_digests = n;
	s->kind = CONTENT_KIND;
	return r;
}

/* Where extents of the disc may lie: below the end of the newest session, and not in the head, which is written
 * again. */
static void set_bounds(struct share *s)
{
	struct disc_state state;

	if (disc_state(s->held->disc, &state))
		return; /* nothing is shared */
	s->comparison.first_pos = state.overwritable ? FIRST_SESSION_LBA * SECTOR_BYTES : 0;
	s->comparison.end_pos = state.used_sectors * SECTOR_BYTES;
}

/* What a file was comes first: what is found so needs no digest, which costs as much as comparing does. */
static int share_all(struct share *s)
{
	uint32_t n_wanted;
	int r;

	set_bounds(s);
	r = share_formers(s);
	if (!r)
		r = make_digests(s);
	n_wanted = s->m->n_digests;
	if (!r)
		r = share_known(s);
	if (!r && s->other_kinds)
		r = share_known_before(s);
	if (!r)
		r = share_foreign(s);
	if (r)
		return r;
	share_settle(s);
	return share_staged(s, n_wanted);
}

int manifest_share(struct manifest *m, const struct share_options *o)
{
	struct held_manifest *held = (struct held_manifest *)(void *)m;
	_free_ uint8_t *buffer = malloc(2 * (size_t)COMPARE_BYTES);
	_cleanup_(content_digester_freep) struct content_digester *digester = NULL;
	struct share s = {.held = held,
			  .m = m,
			  .options = o,
			  .kind = CONTENT_KIND,
			  .comparison = {.held = held, .progress = o->progress}};
	int r = buffer ? content_digester_new(&digester) : -ENOMEM;

	if (!r) {
		s.comparison.buffers[0] = buffer;
		s.comparison.buffers[1] = buffer + COMPARE_BYTES;
		s.digester = digester;
		r = share_all(&s);
	}
	if (r)
		m->n_digests = 0;
	if (held->n_remapped)
		bulk_sort(m->bulk, held->remapped, held->n_remapped, sizeof(*held->remapped), compare_remapped);
	numbers_release(&s.remembered);
	return r;
}

/* ---- compressed files ---- */

/* Seen as what is stored of them: plain files of so many bytes. */
static int see_streams(struct share *s, const uint32_t *nodes, size_t n, uint64_t *sizes)
{
	struct manifest *m = s->m;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		struct manifest_node *node = &m->nodes[nodes[i]];

		sizes[i] = node->size;
		node->size = share_extents(m, nodes[i])->length;
		node->zisofs = (struct zisofs){0};
	}
	for (size_t i = 0; i < n && !r; i++)
		r = share_add_digest(s, nodes[i]);
	if (m->n_digests)
		bulk_sort(m->bulk, m->digests, m->n_digests, sizeof(*m->digests), digest_compare);
	return r;
}

/* The tree has no place for a stream: the rebase is told of it otherwise. */
static void forget_remapped(struct held_manifest *held, const uint32_t *nodes, size_t n)
{
	uint32_t kept = 0;
	size_t at = 0;

	if (held->n_remapped)
		bulk_sort(held->manifest.bulk, held->remapped, held->n_remapped, sizeof(*held->remapped),
			  compare_remapped);
	for (uint32_t i = 0; i < held->n_remapped; i++) {
		while (at < n && nodes[at] < held->remapped[i].node)
			at++;
		if (at == n || nodes[at] != held->remapped[i].node)
			held->remapped[kept++] = held->remapped[i];
	}
	held->n_remapped = kept;
}

/* The digests of the others come behind those of the streams, and all are put in order. */
static int join_digests(struct share *s, const struct manifest_digest *others, uint32_t n)
{
	struct manifest *m = s->m;

	for (uint32_t i = 0; i < n; i++) {
		int r = bulk_grow(m->bulk, (void **)&m->digests, &s->digest_space, m->n_digests, sizeof(*m->digests));

		if (r)
			return r;
		m->digests[m->n_digests++] = others[i];
	}
	if (m->n_digests)
		bulk_sort(m->bulk, m->digests, m->n_digests, sizeof(*m->digests), digest_compare);
	return 0;
}

static int share_streams(struct share *s, const uint32_t *nodes, size_t n, uint64_t *sizes)
{
	struct manifest *m = s->m;
	struct manifest_digest *others = m->digests;
	uint32_t n_others = m->n_digests;
	int r, joined;

	m->digests = NULL;
	m->n_digests = 0;
	set_bounds(s);
	r = see_streams(s, nodes, n, sizes);
	if (!r)
		r = share_known(s);
	if (!r)
		r = share_staged(s, m->n_digests);
	for (size_t i = 0; i < n; i++) {
		m->nodes[nodes[i]].size = sizes[i];
		m->nodes[nodes[i]].zisofs = zisofs_written;
	}
	if (r)
		m->n_digests = 0;
	joined = join_digests(s, others, n_others);
	bulk_free(others);
	forget_remapped(s->held, nodes, n);
	return r ? r : joined;
}

int manifest_share_packed(struct manifest *m, const struct share_options *o)
{
	struct share_options whole = *o;
	const uint32_t *nodes;
	_bulk_ uint64_t *sizes = NULL;
	_free_ uint8_t *buffer = malloc(2 * (size_t)COMPARE_BYTES);
	_cleanup_(content_digester_freep) struct content_digester *digester = NULL;
	struct share s = {.held = (struct held_manifest *)(void *)m,
			  .m = m,
			  .options = &whole,
			  .kind = CONTENT_KIND,
			  .comparison = {.held = (struct held_manifest *)(void *)m, .progress = o->progress}};
	size_t n;
	int r = buffer ? content_digester_new(&digester) : -ENOMEM;

	whole.pieces = (struct pieces_rule){SHARE_AUTO, PIECES_NEVER};
	manifest_packed(m, &nodes, &n);
	sizes = r || !n ? NULL : bulk_zalloc(m->bulk, n, sizeof(*sizes));
	if (!sizes)
		return r || !n ? r : -ENOMEM;
	s.comparison.buffers[0] = buffer;
	s.comparison.buffers[1] = buffer + COMPARE_BYTES;
	s.digester = digester;
	r = share_streams(&s, nodes, n, sizes);
	numbers_release(&s.remembered);
	return r;
}

uint64_t manifest_found_bytes(const struct manifest *m)
{
	return ((const struct held_manifest *)(const void *)m)->found_bytes;
}
