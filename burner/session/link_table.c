/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link_table.c - the link table: which directories hold the names of files that have several
 *
 * When such a file changes, all records of it change, and a linked session must find the directories they are in
 * without a walk.  The table (burner/SESSION.md) has two sections of pairs of serial numbers, each in ascending
 * order:
 *	names	(file, directory that holds a name of it), of files with several names
 *	ways	(directory, its parent), of the directories in `names` and of all above them but the root
 * In a full tree both follow from the manifest.  In a linked one they are a merge of the base's table, read in
 * pieces, with what the directories written say: those speak for themselves, so pairs of the base that speak of them
 * are dropped, and each of them gets its way. Pairs of directories that were removed with all below them may stay
 * behind: nobody meets them, and the next full tree is without.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/session/internal.h"
#include "burner/session/record.h"
#include "burner/format/link_table.h"
#include "burner/base/search.h"

#define WINDOW_PAIRS 4096u

/* ---- what the manifest says ---- */

static int compare_pairs(const void *a, const void *b)
{
	const struct link_pair *x = a, *y = b;

	if (x->child != y->child)
		return x->child < y->child ? -1 : 1;
	return x->parent < y->parent ? -1 : x->parent > y->parent;
}

static int compare_numbers(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static int compare_written(const void *a, const void *b)
{
	const struct link_written *x = a, *y = b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static bool written_before(const void *list, size_t i, const void *key)
{
	return ((const struct link_written *)list)[i].ino < *(const uint32_t *)key;
}

static const struct link_written *find_written(const struct plan_links *l, uint32_t ino)
{
	size_t i = search_first(l->written, l->n_written, &ino, written_before);

	return i < l->n_written && l->written[i].ino == ino ? &l->written[i] : NULL;
}

static bool number_before(const void *list, size_t i, const void *key)
{
	return ((const uint32_t *)list)[i] < *(const uint32_t *)key;
}

static bool contains(const uint32_t *list, size_t n, uint32_t number)
{
	size_t i = search_first(list, n, &number, number_before);

	return i < n && list[i] == number;
}

static bool is_linked(const struct manifest_node *n) { return !S_ISDIR(n->mode) && n->nlink > 1; }

static uint32_t ino_of(const struct burn_plan *p, uint32_t node) { return (uint32_t)p->manifest->nodes[node].ino; }

/* Marks the directory and those above it. */
static void mark_way(const struct burn_plan *p, uint8_t *marks, uint32_t directory)
{
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];

	while (!marks[directory]) {
		marks[directory] = 1;
		directory = tree->directories[directory].parent;
	}
}

/* Names of linked files in the directories that are written; with list NULL they are only counted, and marked. */
static size_t names_written(const struct burn_plan *p, uint8_t *marks, struct link_pair *list)
{
	const struct manifest *m = p->manifest;
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];
	size_t n = 0;

	for (uint32_t i = 0; i < tree->n_directories; i++) {
		const struct manifest_node *d = &m->nodes[tree->directories[i].node];

		bulk_pace(m->bulk, BULK_ANYWHERE + d->n_entries);
		for (uint32_t e = d->first_entry; e < d->first_entry + d->n_entries; e++) {
			if (!is_linked(&m->nodes[m->entries[e].node]))
				continue;
			if (list)
				list[n] = (struct link_pair){ino_of(p, m->entries[e].node), (uint32_t)d->ino};
			else
				mark_way(p, marks, i);
			n++;
		}
	}
	return n;
}

static size_t unique_pairs(struct bulk *bulk, struct link_pair *list, size_t n)
{
	size_t kept = 0;

	bulk_sort(bulk, list, n, sizeof(*list), compare_pairs);
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_pairs(&list[kept - 1], &list[i]) != 0)
			list[kept++] = list[i];
	return kept;
}

static int list_pairs(struct burn_plan *p)
{
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];
	_free_ uint8_t *marks = calloc(tree->n_directories, 1);
	struct plan_links *l = &p->links;
	size_t n;

	if (!marks)
		return -ENOMEM;
	marks[0] = 1; /* the root ends every way */
	n = names_written(p, marks, NULL);
	l->names = bulk_zalloc(p->manifest->bulk, n + 1, sizeof(*l->names));
	l->ways = bulk_zalloc(p->manifest->bulk, tree->n_directories, sizeof(*l->ways));
	if (!l->names || !l->ways)
		return -ENOMEM;
	l->n_names = unique_pairs(p->manifest->bulk, l->names, names_written(p, NULL, l->names));
	for (uint32_t i = 1; i < tree->n_directories; i++)
		if (marks[i] || p->manifest->linked)
			l->ways[l->n_ways++] =
				(struct link_pair){ino_of(p, tree->directories[i].node),
						   ino_of(p, tree->directories[tree->directories[i].parent].node)};
	bulk_sort(p->manifest->bulk, l->ways, l->n_ways, sizeof(*l->ways), compare_pairs);
	return 0;
}

/* What the merge asks for: the numbers of the directories written and of those that stay in them. */
static int list_numbers(struct burn_plan *p)
{
	const struct plan_tree *tree = &p->trees[TREE_ROCK_RIDGE];
	const struct manifest *m = p->manifest;
	struct plan_links *l = &p->links;

	l->written = bulk_zalloc(p->manifest->bulk, (size_t)tree->n_directories + 1, sizeof(*l->written));
	l->kept = calloc((size_t)m->n_kept + 1, sizeof(*l->kept));
	if (!l->written || !l->kept)
		return -ENOMEM;
	for (uint32_t i = 0; i < tree->n_directories; i++)
		l->written[l->n_written++] = (struct link_written){ino_of(p, tree->directories[i].node),
								   m->nodes[tree->directories[i].node].size};
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].kept && l->n_kept < m->n_kept)
			l->kept[l->n_kept++] = ino_of(p, i);
		bulk_pace(m->bulk, 1);
	}
	bulk_sort(m->bulk, l->written, l->n_written, sizeof(*l->written), compare_written);
	qsort(l->kept, l->n_kept, sizeof(*l->kept), compare_numbers);
	return 0;
}

/* ---- the merge ---- */

enum section { SECTION_NAMES, SECTION_WAYS, N_SECTIONS };

struct links_walk {
	const struct burn_plan *plan;
	enum section section;
	/* the base's pairs: */
	uint64_t pos;  /* on the disc, of the next one that is not in the window */
	uint32_t left; /* of them */
	uint8_t *window;
	uint32_t at, n; /* pairs of the window: given, all */
	struct link_pair last, next;
	bool has_next, started;
	size_t added; /* of the plan's own */
	/* sectors in the base of the directories whose ways were dropped since they are written */
	uint64_t replaced;
};

static void walk_close(struct links_walk *w) { free(w->window); }

/* Pairs of the base's table. -EUCLEAN: it is none. */
static int base_counts(const struct burn_plan *p, uint32_t counts[N_SECTIONS])
{
	const struct manifest *m = p->manifest;
	uint8_t header[LINKS_HEADER_BYTES];
	int r;

	counts[SECTION_NAMES] = counts[SECTION_WAYS] = 0;
	if (!m->linked || !m->links_bytes)
		return 0;
	r = m->links_bytes < sizeof(header) ?
		    -EUCLEAN :
		    m->read_disc(m->context, (uint64_t)m->links_lba * SECTOR_BYTES, header, sizeof(header));
	if (r)
		return r;
	return links_header_decode(header, m->links_bytes, &counts[SECTION_NAMES], &counts[SECTION_WAYS]) == 0 ?
		       0 :
		       -EUCLEAN;
}

static int walk_open(struct links_walk *w, const struct burn_plan *p, enum section section)
{
	uint32_t counts[N_SECTIONS];
	int r = base_counts(p, counts);

	*w = (struct links_walk){.plan = p, .section = section};
	if (r)
		return r;
	w->left = counts[section];
	w->pos = (uint64_t)p->manifest->links_lba * SECTOR_BYTES + LINKS_HEADER_BYTES;
	if (section == SECTION_WAYS)
		w->pos += (uint64_t)counts[SECTION_NAMES] * LINKS_PAIR_BYTES;
	w->window = w->left ? malloc((size_t)WINDOW_PAIRS * LINKS_PAIR_BYTES) : NULL;
	return w->left && !w->window ? -ENOMEM : 0;
}

static int fill_window(struct links_walk *w)
{
	const struct manifest *m = w->plan->manifest;
	uint32_t n = (uint32_t)min_u64(w->left, WINDOW_PAIRS);
	int r = m->read_disc(m->context, w->pos, w->window, (size_t)n * LINKS_PAIR_BYTES);

	if (r)
		return r;
	w->pos += (uint64_t)n * LINKS_PAIR_BYTES;
	w->left -= n;
	w->at = 0;
	w->n = n;
	return 0;
}

static bool is_dropped(const struct links_walk *w, const struct link_pair *pair)
{
	const struct plan_links *l = &w->plan->links;

	if (w->section == SECTION_NAMES)
		return find_written(l, pair->parent) != NULL;
	return find_written(l, pair->child) ||
	       (find_written(l, pair->parent) && !contains(l->kept, l->n_kept, pair->child));
}

/* 1 with w->next the next pair of the base that still holds, or 0. */
static int next_of_base(struct links_walk *w)
{
	while (!w->has_next) {
		const uint8_t *at;
		int r = w->at == w->n && w->left ? fill_window(w) : 0;

		if (r || w->at == w->n)
			return r;
		at = w->window + (size_t)w->at++ * LINKS_PAIR_BYTES;
		w->next = link_pair_decode(at);
		if (w->started && compare_pairs(&w->last, &w->next) >= 0)
			return -EUCLEAN;
		w->last = w->next;
		w->started = true;
		w->has_next = !is_dropped(w, &w->next);
		if (w->section == SECTION_WAYS) {
			const struct link_written *written = find_written(&w->plan->links, w->next.child);

			w->replaced += written ? written->base_sectors : 0;
		}
	}
	return 1;
}

/* 1 and a pair, 0 at the end of the section. */
static int walk_next(struct links_walk *w, struct link_pair *ret)
{
	const struct plan_links *l = &w->plan->links;
	const struct link_pair *own = w->section == SECTION_NAMES ? l->names : l->ways;
	size_t n = w->section == SECTION_NAMES ? l->n_names : l->n_ways;
	int more = next_of_base(w);

	if (more < 0)
		return more;
	if (w->added < n && (!more || compare_pairs(&own[w->added], &w->next) < 0)) {
		*ret = own[w->added++];
		return 1;
	}
	*ret = w->next;
	w->has_next = false;
	return more;
}

static int count_section(const struct burn_plan *p, enum section section, uint32_t *ret, uint64_t *ret_replaced)
{
	_cleanup_(walk_close) struct links_walk w = {.window = NULL};
	struct link_pair pair;
	uint32_t n = 0;
	int more = walk_open(&w, p, section);

	if (more)
		return more;
	while ((more = walk_next(&w, &pair)) > 0)
		if (++n > LINKS_PAIRS_MAX)
			return -EOVERFLOW;
	*ret = n;
	*ret_replaced = w.replaced;
	return more;
}

int links_measure(struct burn_plan *p)
{
	struct plan_links *l = &p->links;
	int r = list_pairs(p);

	if (!r)
		r = list_numbers(p);
	if (!r)
		r = count_section(p, SECTION_NAMES, &l->all_names, &l->replaced);
	if (!r)
		r = count_section(p, SECTION_WAYS, &l->all_ways, &l->replaced);
	/* The base's table is a hint: where it cannot be read a full tree has no need of it. */
	if (r)
		return p->manifest->linked && disc_is_damage(r) ? -EUCLEAN : r;
	/* Without such files nobody asks for ways. */
	l->bytes = l->all_names ? LINKS_HEADER_BYTES + (l->all_names + l->all_ways) * LINKS_PAIR_BYTES : 0;
	return 0;
}

uint64_t links_directory_sectors(const struct burn_plan *p)
{
	const struct plan_links *l = &p->links;
	uint64_t sectors = 0;

	if (!l->bytes)
		return 0;
	if (p->manifest->linked && p->manifest->links_bytes) {
		uint64_t replaced = l->replaced + p->manifest->nodes[0].size;

		sectors = p->manifest->links_sectors - min_u64(p->manifest->links_sectors, replaced);
	}
	for (size_t i = 0; i < p->trees[TREE_ROCK_RIDGE].n_directories; i++) {
		const struct plan_directory *d = &p->trees[TREE_ROCK_RIDGE].directories[i];
		uint32_t ino = ino_of(p, d->node);
		size_t at = search_first(l->ways, l->n_ways, &(struct link_pair){ino, 0}, link_pair_before);

		if (i == 0 || (at < l->n_ways && l->ways[at].child == ino))
			sectors += (uint64_t)d->sectors + d->area_sectors +
				   plan_place_of(p, TREE_JOLIET, d->node).bytes / SECTOR_BYTES;
	}
	return sectors;
}

void plan_links_release(struct plan_links *l)
{
	bulk_free(l->names);
	bulk_free(l->ways);
	bulk_free(l->written);
	free(l->kept);
}

/* ---- as bytes ---- */

struct links_stream {
	const struct burn_plan *plan;
	struct links_walk walk;
	enum section section;
	bool open;
	struct records records;
};

static int next_pair(void *stream, struct records *r);

int links_stream_new(const struct burn_plan *p, struct links_stream **ret)
{
	struct links_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->plan = p;
	s->records = (struct records){.next = next_pair, .context = s, .n = LINKS_HEADER_BYTES};
	links_header_encode(p->links.all_names, p->links.all_ways, s->records.record);
	*ret = s;
	return 0;
}

void links_stream_free(struct links_stream *s)
{
	if (!s)
		return;
	walk_close(&s->walk);
	free(s);
}

static int next_pair(void *stream, struct records *r)
{
	struct links_stream *s = stream;

	while (s->section < N_SECTIONS) {
		struct link_pair pair;
		int error = s->open ? 0 : walk_open(&s->walk, s->plan, s->section), more;

		if (error)
			return error;
		s->open = true;
		more = walk_next(&s->walk, &pair);
		if (more < 0)
			return more;
		if (more) {
			link_pair_encode(&pair, r->record);
			r->n = LINKS_PAIR_BYTES;
			return 1;
		}
		walk_close(&s->walk);
		s->walk.window = NULL;
		s->open = false;
		s->section++;
	}
	return 0;
}

int links_stream_read(struct links_stream *s, uint8_t *buf, size_t bytes)
{
	return records_read(&s->records, buf, bytes);
}
