/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Files that were staged when the kernel looked them up, and are burned: their rows are gone, their records not
 * looked for yet.
 *
 * After a small commit each has an entry of the known table (KNOWN_BURNED).  Those of a large one are a batch: a set
 * of numbers, and for each run of them the directory, since files are numbered as they are made, one directory after
 * the other.  From there a file goes into the known table with its locator when one of its directory is asked for by
 * its number (fetch.c).
 */
#include "fs/tree/internal.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/search.h"

struct ino_range {
	uint64_t first, parent;
}; /* of all numbers of the batch from there to the next run */
struct burned {
	struct burned *next;
	struct idset inos;
	struct ino_range *runs;
	size_t n_runs, room;
};

static struct burned *batch_of(const struct tree *t, uint64_t ino)
{
	struct burned *b = t->burned;

	while (b && !idset_has(&b->inos, ino))
		b = b->next;
	return b;
}

bool burned_has_locked(const struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	return batch_of(t, ino);
}

static bool run_before(const void *list, size_t i, const void *key)
{
	return ((const struct ino_range *)list)[i].first <= *(const uint64_t *)key;
}

uint64_t burned_parent_locked(const struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	const struct burned *b = batch_of(t, ino);
	size_t behind = b ? search_first(b->runs, b->n_runs, &ino, run_before) : 0;

	return behind ? b->runs[behind - 1].parent : 0;
}

static void batch_free(struct burned *b)
{
	idset_release(&b->inos);
	free(b->runs);
	free(b);
}

bool burned_remove_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct burned *b = batch_of(t, ino), **link = &t->burned;

	if (!b)
		return false;
	idset_remove(&b->inos, ino);
	if (b->inos.count)
		return true;
	while (*link != b)
		link = &(*link)->next;
	*link = b->next;
	batch_free(b);
	return true;
}

/* Numbers come in ascending order. */
static int batch_add(struct burned *b, uint64_t ino, uint64_t parent)
{
	if (!b->n_runs || b->runs[b->n_runs - 1].parent != parent) {
		if (b->n_runs == b->room) {
			size_t room = b->room * 3 / 2 + 64;
			struct ino_range *grown = reallocarray(b->runs, room, sizeof(*grown));

			if (!grown)
				return -ENOMEM;
			b->runs = grown;
			b->room = room;
		}
		b->runs[b->n_runs++] = (struct ino_range){ino, parent};
	}
	int r = idset_reserve(&b->inos, 1);
	if (r == 0)
		idset_add(&b->inos, ino);
	return r;
}

static int known_add_burned(struct tree *t, uint64_t ino, uint64_t parent)
{
	struct known k = known_of(ino, 0, parent, 1, KNOWN_BURNED);

	return known_fits(0, parent, 1, KNOWN_BURNED) ? known_add(&t->known, &k) : -EOVERFLOW;
}

/* What cannot be noted for want of memory is forgotten: -ESTALE by its number, found by its name. */
void known_burned_locked(struct tree *t, struct stage_snapshot *rows)
{
	lock_assert(&t->lock);
	struct burned *b = t->once.count > idle_most(t) ? calloc(1, sizeof(*b)) : NULL;

	for (size_t i = 0; rows && t->once.count && i < rows->n_nodes; i++) {
		const struct stage_node *n = &rows->nodes[i];

		bulk_pace(&rows->bulk, 1);
		if (!idset_has(&t->once, n->ino) || stage_node_exists(t->stage, n->ino))
			continue;
		idset_remove(&t->once, n->ino);
		if (b)
			batch_add(b, n->ino, n->parent);
		else
			known_add_burned(t, n->ino, n->parent);
	}
	if (b && b->inos.count) {
		b->next = t->burned;
		t->burned = b;
	} else if (b) {
		batch_free(b);
	}
}

void burned_release(struct tree *t)
{
	while (t->burned) {
		struct burned *b = t->burned;

		t->burned = b->next;
		batch_free(b);
	}
}
