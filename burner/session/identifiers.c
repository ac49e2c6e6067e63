/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * identifiers.c - the ISO 9660 and Joliet names of a directory's entries, and the order of its records
 *
 * Names are given in three passes over the entries, which come in strcmp order, so that the result depends on nothing
 * else:
 *	kept	the name that the record had in an older session, if it is valid and free; of a Joliet name of ours the
 *		number of the attempt that made it is enough
 *	plain	the name itself, if nothing is lost by it (burner/format/identifier.h; Joliet: at most 64
 *		characters, none of them replaced)
 *	made	a made one (there, and burner/format/joliet.h; in Joliet first the name with other characters
 *		replaced).  On a clash it is made again with the number of the attempt.
 * A file "A." and a directory "A" count as a clash, since most readers cut the dot.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/session/internal.h"
#include "burner/format/identifier.h"
#include "burner/format/joliet.h"
#include "burner/format/shown_name.h"
#include "burner/format/twin.h"

#define ATTEMPTS (1u << 20)

static_assert(ATTEMPTS <= TWIN_ATTEMPTS, "a twin's entry has room for the number");

enum pass { PASS_KEPT, PASS_PLAIN, PASS_MADE, N_PASSES };

struct name_slot {
	const uint8_t *key; /* NULL: free */
	uint32_t hash;
	uint32_t bytes;
};
struct sort_item {
	uint64_t key;
	uint32_t entry;
};
struct name_scratch {
	struct name_slot *slots; /* open addressing; as many as the largest directory needs */
	uint32_t mask;		 /* for the directory at hand */
	struct sort_item *items;
};

/* ---- the set of names taken ---- */

static uint32_t slots_for(uint32_t n_entries)
{
	uint32_t n = 8;

	while (n < 2 * (uint64_t)n_entries && n < 1u << 31)
		n *= 2;
	return n;
}

int name_scratch_new(const struct burn_plan *p, struct name_scratch **ret)
{
	_cleanup_(name_scratch_freep) struct name_scratch *s = calloc(1, sizeof(*s));
	uint32_t largest = 0;

	if (!s)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->manifest->n_nodes; i++) {
		if (S_ISDIR(p->manifest->nodes[i].mode) && p->manifest->nodes[i].n_entries > largest)
			largest = p->manifest->nodes[i].n_entries;
		bulk_pace(p->manifest->bulk, 1);
	}
	s->slots = calloc(slots_for(largest), sizeof(*s->slots));
	s->items = calloc((size_t)largest + 1, sizeof(*s->items));
	if (!s->slots || !s->items)
		return -ENOMEM;
	*ret = TAKE_PTR(s);
	return 0;
}

void name_scratch_free(struct name_scratch *s)
{
	if (!s)
		return;
	free(s->slots);
	free(s->items);
	free(s);
}

/* The slot of the key, or the free one where it belongs. */
static struct name_slot *find_slot(const struct name_scratch *s, const uint8_t *key, uint32_t bytes, uint32_t hash)
{
	uint32_t i = hash & s->mask;

	for (;; i = (i + 1) & s->mask) {
		struct name_slot *slot = &s->slots[i];

		if (!slot->key || (slot->hash == hash && slot->bytes == bytes && memcmp(slot->key, key, bytes) == 0))
			return slot;
	}
}

/* ---- ISO names: candidates without version and without a trailing dot; 0 bytes: none in this pass ---- */

static unsigned iso_candidate(const struct manifest_entry *e, bool directory, enum pass pass, uint32_t attempt,
			      uint8_t *out)
{
	enum identifier_kind kind = directory ? IDENTIFIER_OF_DIRECTORY : IDENTIFIER_OF_FILE;

	if (pass == PASS_KEPT)
		return e->iso_name ? identifier_kept(e->iso_name, kind, out) : 0;
	if (pass == PASS_PLAIN)
		return identifier_plain(e->name, kind, out);
	return identifier_made(e->name, kind, attempt, out);
}

/* ---- Joliet names ---- */

static unsigned joliet_candidate(const struct manifest_entry *e, bool directory, enum pass pass, uint32_t attempt,
				 uint8_t *out)
{
	uint8_t all[2 * 256];
	bool changed;
	size_t n;

	(void)directory;
	if (pass == PASS_KEPT && e->joliet_attempt) {
		pass = PASS_MADE;
		attempt = e->joliet_attempt - 1;
	}
	if (pass == PASS_KEPT) {
		if (!joliet_valid(e->joliet_name, e->joliet_bytes))
			return 0;
		memcpy(out, e->joliet_name, e->joliet_bytes);
		return e->joliet_bytes;
	}
	n = joliet_text(e->name, all, 256, &changed);
	if (n <= JOLIET_CHARS && attempt == 0 && (pass == PASS_MADE || !changed)) {
		memcpy(out, all, 2 * n);
		return (unsigned)(2 * n);
	}
	return pass == PASS_PLAIN ? 0 : joliet_made(e->name, all, n, attempt, out);
}

/* ---- giving the names ---- */

typedef unsigned (*candidate_fn)(const struct manifest_entry *e, bool directory, enum pass pass, uint32_t attempt,
				 uint8_t *out);

/* The first candidate that is free is the name; its key goes into the set. ISO files get dot and version behind the
 * key. */
static int take_name(struct burn_plan *p, struct name_scratch *s, uint32_t entry, enum tree_kind kind, enum pass pass)
{
	static const candidate_fn candidates[N_TREES] = {iso_candidate, joliet_candidate};
	const struct manifest_entry *e = &p->manifest->entries[entry];
	bool directory = S_ISDIR(p->manifest->nodes[e->node].mode);
	uint8_t text[2 * 256 + 8];
	struct plan_entry *named = &p->entries[entry];

	for (uint32_t attempt = 0; attempt < (pass == PASS_MADE ? ATTEMPTS : 1); attempt++) {
		unsigned bytes = candidates[kind](e, directory, pass, attempt, text), recorded = bytes;
		uint32_t hash = (uint32_t)name_hash(text, bytes, 0);
		struct name_slot *slot;
		const uint8_t *copy;

		if (!bytes)
			return 0;
		slot = find_slot(s, text, bytes, hash);
		if (slot->key)
			continue;
		if (kind == TREE_ROCK_RIDGE && !directory)
			recorded = identifier_add_version(text, bytes);
		copy = arena_copy(&p->names, text, recorded);
		if (!copy)
			return -ENOMEM;
		*slot = (struct name_slot){copy, hash, bytes};
		*(kind == TREE_ROCK_RIDGE ? &named->iso : &named->joliet) = copy;
		*(kind == TREE_ROCK_RIDGE ? &named->iso_bytes : &named->joliet_bytes) = (uint8_t)recorded;
		if (kind == TREE_JOLIET)
			named->joliet_attempt =
				pass == PASS_KEPT && e->joliet_attempt ? e->joliet_attempt - 1 : attempt;
		return 0;
	}
	return pass == PASS_MADE ? -EMLINK : 0;
}

static bool in_tree(const struct burn_plan *p, uint32_t entry, enum tree_kind kind)
{
	uint32_t mode = p->manifest->nodes[p->manifest->entries[entry].node].mode;

	return kind == TREE_ROCK_RIDGE || S_ISDIR(mode) || S_ISREG(mode);
}

/* ---- order of the records ---- */

struct sort_context {
	const struct burn_plan *plan;
	enum tree_kind kind;
};

/*
 * ECMA-119 9.3: name, then extension, each padded with blanks (Joliet: zeros) for the comparison.  All legal
 * characters are above the blank, so it is the order of the bytes when the dot and what is behind the end count as
 * blanks.  The version is the same for all.
 */
static uint8_t weight(const uint8_t *name, unsigned bytes, unsigned i, enum tree_kind kind)
{
	if (kind == TREE_JOLIET)
		return i < bytes ? name[i] : 0;
	return i < bytes && name[i] != '.' ? name[i] : ' ';
}

static const uint8_t *sorted_name(const struct sort_context *c, uint32_t entry, unsigned *ret_bytes)
{
	const struct plan_entry *e = &c->plan->entries[entry];

	if (c->kind == TREE_JOLIET) {
		*ret_bytes = e->joliet_bytes;
		return e->joliet;
	}
	*ret_bytes = e->iso_bytes > 2 && e->iso[e->iso_bytes - 2] == ';' ? e->iso_bytes - 2u : e->iso_bytes;
	return e->iso;
}

static uint64_t sort_key(const struct sort_context *c, uint32_t entry)
{
	unsigned bytes;
	const uint8_t *name = sorted_name(c, entry, &bytes);
	uint64_t key = 0;

	for (unsigned i = 0; i < 8; i++)
		key = key << 8 | weight(name, bytes, i, c->kind);
	return key;
}

static int compare_items(const void *a, const void *b, void *context)
{
	const struct sort_item *x = a, *y = b;
	const struct sort_context *c = context;
	unsigned x_bytes, y_bytes;
	const uint8_t *x_name, *y_name;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	x_name = sorted_name(c, x->entry, &x_bytes);
	y_name = sorted_name(c, y->entry, &y_bytes);
	for (unsigned i = 8; i < x_bytes || i < y_bytes; i++) {
		int difference = weight(x_name, x_bytes, i, c->kind) - weight(y_name, y_bytes, i, c->kind);

		if (difference)
			return difference;
	}
	return (int)x_bytes - (int)y_bytes;
}

/* The names of one tree, and the order of the entries that are in it. */
static int name_and_sort(struct burn_plan *p, struct name_scratch *s, const struct manifest_node *node,
			 enum tree_kind kind)
{
	struct sort_context context = {p, kind};
	uint32_t *order = p->trees[kind].order + node->first_entry;
	uint32_t end = node->first_entry + node->n_entries, n = 0;
	bool sorted = true;

	s->mask = slots_for(node->n_entries) - 1;
	memset(s->slots, 0, ((size_t)s->mask + 1) * sizeof(*s->slots));
	for (enum pass pass = PASS_KEPT; pass < N_PASSES; pass++)
		for (uint32_t i = node->first_entry; i < end; i++) {
			const struct plan_entry *e = &p->entries[i];
			int r;

			if ((kind == TREE_ROCK_RIDGE ? e->iso_bytes : e->joliet_bytes) || !in_tree(p, i, kind))
				continue;
			r = take_name(p, s, i, kind, pass);
			if (r)
				return r;
		}
	for (uint32_t i = node->first_entry; i < end; i++)
		if (in_tree(p, i, kind)) {
			s->items[n] = (struct sort_item){sort_key(&context, i), i};
			sorted = sorted && (!n || compare_items(&s->items[n - 1], &s->items[n], &context) < 0);
			n++;
		}
	if (!sorted) /* Joliet names mostly come as they are to be */
		qsort_r(s->items, n, sizeof(*s->items), compare_items, &context);
	for (uint32_t i = 0; i < n; i++)
		order[i] = s->items[i].entry;
	return 0;
}

/* ---- what Windows shows ---- */

/* Was it shown like this in an older session of ours? */
static bool was_told(const struct burn_plan *p, uint32_t entry) { return p->manifest->entries[entry].joliet_attempt; }

/* Is it but for capitals the name of an entry that was here before?  From now on it is here. */
static bool has_double(struct name_scratch *s, const struct plan_entry *e)
{
	uint64_t key = shown_case_key(e->joliet, e->joliet_bytes);
	uint32_t i = (uint32_t)key & s->mask;

	for (; s->slots[i].key; i = (i + 1) & s->mask)
		if (s->slots[i].hash == (uint32_t)key && s->slots[i].bytes == (uint32_t)(key >> 32))
			return true;
	s->slots[i] = (struct name_slot){e->joliet, (uint32_t)key, (uint32_t)(key >> 32)};
	return false;
}

/* The names that are new in this session: those that Joliet changed, and those that are no names to Windows. */
static void count_shown(struct burn_plan *p, struct name_scratch *s, const struct manifest_node *node)
{
	uint32_t end = node->first_entry + node->n_entries, n_new = 0;

	for (uint32_t i = node->first_entry; i < end; i++)
		n_new += p->entries[i].joliet_bytes && !was_told(p, i);
	if (!n_new)
		return;
	memset(s->slots, 0, ((size_t)s->mask + 1) * sizeof(*s->slots));
	for (uint32_t i = node->first_entry; i < end && n_new < node->n_entries; i++)
		if (p->entries[i].joliet_bytes && was_told(p, i))
			(void)has_double(s, &p->entries[i]);
	for (uint32_t i = node->first_entry; i < end; i++) {
		const struct plan_entry *e = &p->entries[i];
		unsigned flags;

		if (!e->joliet_bytes || was_told(p, i))
			continue;
		flags = shown_flags(p->manifest->entries[i].name, e->joliet, e->joliet_bytes);
		p->cost.names_changed += (flags & SHOWN_CHANGED) != 0;
		p->cost.names_closed += has_double(s, e) || flags & SHOWN_CLOSED;
	}
}

int names_of_directory(struct burn_plan *p, struct name_scratch *scratch, uint32_t node)
{
	int r = 0;

	for (unsigned kind = 0; kind < p->n_trees && !r; kind++)
		r = name_and_sort(p, scratch, &p->manifest->nodes[node], (enum tree_kind)kind);
	if (!r && p->n_trees > TREE_JOLIET)
		count_shown(p, scratch, &p->manifest->nodes[node]);
	return r;
}
