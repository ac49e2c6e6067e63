/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * foreign.c - staged content that the tree has in sessions of other programs, of which no content table tells: files
 * of the same size are looked at
 */
#include "fs/sharing/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "burner/base/search.h"
#include "fs/sharing/table_lookup.h"

#define FOREIGN_FILES_MAX 4096u	     /* foreign files of which a digest is made, … */
#define FOREIGN_FILES_DRIVE_MAX 128u /* … and in a drive */

static bool size_before(const void *list, size_t i, const void *key)
{
	return ((const uint64_t *)list)[i] < *(const uint64_t *)key;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* What is looked for: of the first n digests those that are still to be written, and their sizes. */
struct foreign {
	const uint64_t *sizes;
	const struct disc_session *sessions;
	size_t n_sizes, n_sessions, n_open;
	uint8_t *tries; /* for each digest */
	uint32_t n;
};

/* Sizes of files still to be written, ascending; taken in the order of the nodes, which lie so. */
static size_t wanted_sizes(const struct share *s, uint64_t *ret)
{
	const struct manifest *m = s->m;
	size_t n = 0;

	for (uint32_t i = 0; i < m->n_nodes && n < m->n_digests; i++) {
		if (share_is_wanted(s, i))
			ret[n++] = m->nodes[i].size;
		bulk_pace(m->bulk, 1);
	}
	bulk_sort(m->bulk, ret, n, sizeof(*ret), compare_numbers);
	return n;
}

static bool in_our_session(const struct disc_session *sessions, size_t n, uint64_t pos)
{
	for (size_t i = 0; i < n; i++)
		if (sessions[i].ours && pos / SECTOR_BYTES >= sessions[i].start_lba &&
		    pos / SECTOR_BYTES - sessions[i].start_lba < sessions[i].sectors)
			return true;
	return false;
}

static bool digest_before(const void *list, size_t i, const void *key)
{
	return memcmp(((const struct manifest_digest *)list)[i].digest, key, CONTENT_DIGEST_BYTES) < 0;
}

/* Whoever of the first `n` has that digest and is still to be written takes the content of `node`. */
static int offer(struct share *s, struct foreign *f, uint32_t node, const uint8_t digest[CONTENT_DIGEST_BYTES])
{
	const struct manifest *m = s->m;
	int r = 0;

	for (size_t i = search_first(m->digests, f->n, digest, digest_before); i < f->n && !r; i++) {
		uint32_t wanting = m->digests[i].node, n = m->nodes[node].n_extents;
		_free_ struct extent *old = NULL;

		if (memcmp(m->digests[i].digest, digest, CONTENT_DIGEST_BYTES) != 0)
			break;
		if (f->tries[i] == WHOLE_TRIES_MAX || !share_new_bytes(m, wanting) ||
		    m->nodes[wanting].size != m->nodes[node].size)
			continue;
		old = calloc(n, sizeof(*old)); /* the array of extents may move */
		if (!old)
			return -ENOMEM;
		memcpy(old, share_extents(m, node), n * sizeof(*old));
		f->tries[i]++;
		r = share_take(s, wanting, old, n, WANT_WHOLE);
		f->n_open -= f->n_open && !share_new_bytes(m, wanting);
	}
	return r;
}

static int look_at_foreign(struct share *s, struct foreign *f)
{
	struct manifest *m = s->m;
	uint32_t left = s->options->drive ? FOREIGN_FILES_DRIVE_MAX : FOREIGN_FILES_MAX;
	int r = 0;

	for (uint32_t i = 0; i < m->n_nodes && left && f->n_open && !r; i++) {
		uint64_t size = m->nodes[i].size;
		size_t at = share_has_content(m, i) && !share_new_bytes(m, i) ?
				    search_first(f->sizes, f->n_sizes, &size, size_before) :
				    f->n_sizes;
		uint32_t n = m->n_digests;

		bulk_pace(m->bulk, 1);
		if (at == f->n_sizes || f->sizes[at] != size ||
		    in_our_session(f->sessions, f->n_sessions, share_extents(m, i)->pos))
			continue;
		left--;
		r = burn_is_cancelled(s->options->progress) ? -ECANCELED : share_add_digest(s, i);
		if (!r && m->n_digests > n)
			r = offer(s, f, i, m->digests[n].digest);
	}
	return r;
}

/* Their digests come behind those of the files to be written. */
int share_foreign(struct share *s)
{
	uint32_t n = s->m->n_digests;
	_free_ struct disc_session *sessions = NULL;
	_bulk_ uint64_t *sizes = bulk_zalloc(s->m->bulk, (size_t)n + 1, sizeof(*sizes));
	_bulk_ uint8_t *tries = bulk_zalloc(s->m->bulk, (size_t)n + 1, 1);
	struct foreign f = {.n = n, .sizes = sizes, .tries = tries};

	if (!sizes || !tries)
		return -ENOMEM;
	if (disc_sessions(s->held->disc, &sessions, &f.n_sessions) || !f.n_sessions)
		return 0; /* what cannot be read shares nothing */
	f.n_sizes = wanted_sizes(s, sizes);
	f.n_open = f.n_sizes;
	if (!f.n_sizes)
		return 0;
	f.sessions = sessions;
	return look_at_foreign(s, &f);
}

/* ---- their digests ---- */

#define SECTOR_ENTRIES (SECTOR_BYTES / CONTENTS_ENTRY_BYTES)

/* With the header and the runs in units of an entry. */
void share_keep_known(struct manifest *m, uint32_t from, uint32_t to)
{
	uint64_t room = round_up(1 + (uint64_t)from, SECTOR_ENTRIES), taken = 1 + (uint64_t)m->n_digests;

	for (uint32_t i = from; i < to; i++) {
		uint32_t pieces = m->nodes[m->digests[i].node].n_extents;
		uint64_t more =
			1 + (pieces > 1 ? sectors_of((uint64_t)pieces * CONTENTS_RUN_BYTES * SECTOR_ENTRIES) : 0);

		if (taken + more > room)
			continue;
		taken += more;
		m->digests[m->n_digests++] = m->digests[i];
	}
	if (m->n_digests)
		bulk_sort(m->bulk, m->digests, m->n_digests, sizeof(*m->digests), digest_compare);
}
