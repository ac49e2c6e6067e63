/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manifest.c - the merged tree, directory by directory
 *
 * The array of nodes is the queue of the walk: directories are visited in the order they were found, each appends its
 * entries in one piece and its children's nodes at the end.  So there is no recursion, and no more memory than the
 * manifest itself needs. A directory's base records come in the order of the disc; those whose name the stage knows
 * (whiteouts too) are left out, the staged names are added, and the piece is sorted by name. Every error stops the
 * build: a directory that was not understood must not be replaced by what is left of it.
 *
 * A linked manifest goes only where rows are: a directory of the base without one has not changed, nor has anything
 * below it (fs/tree/touched.c), and becomes a node without entries.
 */
#include "fs/manifest/manifest.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/search.h"
#include "fs/manifest/internal.h"
#include "fs/manifest/packed.h"

/* ---- errors ---- */

const char *manifest_path(const struct manifest *m, uint32_t node, char *buf, size_t bytes)
{
	size_t at = bytes - 1;

	buf[at] = '\0';
	while (node != 0) {
		const char *name = "?";
		size_t length;

		for (uint32_t i = 0; i < m->n_entries; i++)
			if (m->entries[i].node == node)
				name = m->entries[i].name;
		length = strlen(name);
		if (length + 1 > at)
			break;
		at -= length;
		memcpy(buf + at, name, length);
		buf[--at] = '/';
		node = m->nodes[node].parent;
	}
	memmove(buf, buf + at, bytes - at);
	return buf;
}

static int complain(struct build *b, int error, uint32_t directory, const char *name, const char *reason)
{
	char path[MANIFEST_WHY_BYTES / 2];

	snprintf(b->why, MANIFEST_WHY_BYTES, "%s/%s: %s", manifest_path(b->m, directory, path, sizeof(path)), name,
		 reason ? reason : strerror(-error));
	return error;
}

/* Short, so that what to do about it is not cut off. */
static int complain_of_oddity(struct build *b, oddities odd, uint32_t directory, const char *name)
{
	char path[128];

	snprintf(b->why, MANIFEST_WHY_BYTES, "it contradicts itself at %s/%.96s: %s",
		 manifest_path(b->m, directory, path, sizeof(path)), name,
		 oddity_refusal((enum oddity)__builtin_ctz(odd)));
	return -EPERM;
}

/* ---- names ---- */

static int add_entry(struct build *b, uint32_t directory, const char *name, uint32_t node, const char *iso_name,
		     uint32_t joliet_attempt, bool hidden)
{
	struct manifest_entry entry = {.node = node, .joliet_attempt = joliet_attempt, .hidden = hidden};
	int r = bulk_grow(b->m->bulk, (void **)&b->m->entries, &b->entry_space, b->m->n_entries, sizeof(entry));

	if (!r)
		r = build_note_lost(b, directory, name);
	if (r)
		return r;
	entry.name = arena_string(&b->held->strings, name, strlen(name));
	if (iso_name && *iso_name)
		entry.iso_name = arena_string(&b->held->strings, iso_name, strlen(iso_name));
	if (!entry.name || (iso_name && *iso_name && !entry.iso_name))
		return -ENOMEM;
	b->m->nodes[node].parent = directory;
	if (S_ISDIR(b->m->nodes[node].mode)) {
		b->m->nodes[directory].nlink++;
	} else {
		b->m->nodes[node].nlink++;
	}
	b->m->entries[b->m->n_entries++] = entry;
	return 0;
}

static bool parent_before(const void *list, size_t i, const void *key)
{
	return ((const struct stage_snapshot_name *)list)[i].parent < *(const uint64_t *)key;
}

/* The first staged name of a directory, or of the next one. */
static size_t first_name(const struct stage_snapshot *rows, uint64_t parent)
{
	return rows ? search_first(rows->names, rows->n_names, &parent, parent_before) : 0;
}

/* covered: NULL, or for each name what the base has under it. */
struct name_range {
	const struct stage_snapshot_name *names;
	size_t n;
	struct covered *covered;
};

/* The staged name, or NULL. */
static const struct stage_snapshot_name *name_staged(struct name_range r, const char *name)
{
	while (r.n) {
		size_t middle = r.n / 2;
		int order = strcmp(name, r.names[middle].name);

		if (order == 0)
			return &r.names[middle];
		if (order > 0) {
			r.names += middle + 1;
			r.n -= middle + 1;
		} else {
			r.n = middle;
		}
	}
	return NULL;
}

/* It is not shown, so it will not be in the session. */
static int note_associated(struct build *b, uint32_t directory, const struct iso_dir *records)
{
	const char *name = iso_dir_associated(records);
	char path[MANIFEST_WHY_BYTES / 2];

	if (!*name || b->held->associated)
		return 0;
	return asprintf(&b->held->associated, "%s/%s", manifest_path(b->m, directory, path, sizeof(path)), name) < 0 ?
		       -ENOMEM :
		       0;
}

static int end_base_names(struct build *b, uint32_t directory, const struct iso_dir *records)
{
	oddities odd = iso_dir_odd(records) & ~b->frozen->accepted;

	return odd ? complain_of_oddity(b, odd, directory, "") : note_associated(b, directory, records);
}

static int add_base_names(struct build *b, uint32_t directory, struct iso_extent listing, struct name_range staged,
			  bool keep_iso_names)
{
	_cleanup_(iso_dir_closep) struct iso_dir *dir = NULL;
	int r = iso_dir_open(b->frozen->base, listing, &dir);

	if (r)
		return complain(b, r, directory, "", "the directory cannot be read from the disc");
	iso_dir_pass_gaps(dir);
	for (;;) {
		_cleanup_entry_ struct iso_entry e = {.ino = 0};
		const struct stage_snapshot_name *over;
		const char *reason = NULL;
		uint32_t node;

		r = iso_dir_next(dir, &e);
		if (r == 0)
			return end_base_names(b, directory, dir);
		if (r < 0)
			return complain(b, r, directory, "",
					r == -EBADMSG ? "the directory is damaged on the disc" :
							"the directory cannot be read from the disc");
		if (e.odd & ~b->frozen->accepted)
			return complain_of_oddity(b, e.odd & ~b->frozen->accepted, directory, e.name);
		over = name_staged(staged, e.name);
		r = build_check_record(b, &e, &reason);
		if (r)
			return complain(b, r, directory, e.name, reason);
		r = build_note_burned(b, &e);
		if (!r)
			r = build_note_row_sum(b, &e);
		if (!r)
			r = build_note_pieces(b, &e);
		if (!r && over)
			r = build_note_removed(b, &e);
		if (r)
			return complain(b, r, directory, e.name, NULL);
		if (over) {
			covered_take(&staged.covered[over - staged.names], &e);
			continue;
		}
		r = build_node_from_entry(b, &e, &node, &reason);
		if (!r)
			r = build_note_sum(b, &e, node);
		if (!r)
			r = build_add_former(b, node, e.extents, zisofs_used(&e.zisofs) ? 0 : e.n_extents);
		if (!r)
			r = add_entry(b, directory, e.name, node, keep_iso_names ? e.iso_name : NULL, e.joliet_attempt,
				      e.hidden);
		if (r)
			return complain(b, r, directory, e.name, reason);
	}
}

static int add_staged_names(struct build *b, uint32_t directory, struct name_range staged)
{
	for (size_t i = 0; i < staged.n; i++) {
		const struct stage_snapshot_name *name = &staged.names[i];
		const char *reason = NULL;
		uint32_t node;
		size_t row;
		int r;

		if (name->ino == STAGE_WHITEOUT)
			continue;
		row = build_find_row(b, name->ino);
		if (row == SIZE_MAX)
			return complain(b, -EBADMSG, directory, name->name,
					"the journal of the staging area has no attributes for it");
		/* Rows lie in the order of their numbers, as files were made: the next one is near as a rule, of a
		 * directory it is not. */
		bulk_pace(b->m->bulk, row - b->last_row < 64 ? 0 : BULK_ANYWHERE);
		b->last_row = row;
		r = build_node_from_row(b, row, &node, &reason);
		if (!r && staged.covered)
			r = build_add_former(b, node, staged.covered[i].extents, staged.covered[i].n);
		if (!r)
			r = add_entry(b, directory, name->name, node, NULL, 0,
				      staged.covered && staged.covered[i].hidden);
		if (r)
			return complain(b, r, directory, name->name, reason);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct manifest_entry *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int sort_directory(struct build *b, uint32_t directory)
{
	struct manifest_node *d = &b->m->nodes[directory];
	struct manifest_entry *entries = d->n_entries ? b->m->entries + d->first_entry : NULL;
	bool sorted = true;

	for (uint32_t i = 1; i < d->n_entries && sorted; i++)
		sorted = by_name(&entries[i - 1], &entries[i]) < 0;
	if (sorted)
		return 0;
	qsort(entries, d->n_entries, sizeof(*entries), by_name);
	for (uint32_t i = 1; i < d->n_entries; i++)
		if (by_name(&entries[i - 1], &entries[i]) == 0)
			return complain(b, -EBADMSG, directory, entries[i].name,
					"the disc has two files of this name (remove or rename it)");
	return 0;
}

static int walk_directory(struct build *b, uint32_t directory, bool keep_iso_names)
{
	const struct stage_snapshot *rows = b->rows;
	struct manifest_node *d = &b->m->nodes[directory];
	struct iso_extent listing = build_take_listing(d);
	size_t first = first_name(rows, d->ino), last = first_name(rows, d->ino + 1);
	struct name_range staged = {rows && rows->n_names ? rows->names + first : NULL, last - first, NULL};
	uint32_t first_entry = b->m->n_entries;
	int r = 0;

	b->walked = d->ino;
	if (listing.bytes && staged.n && !(staged.covered = calloc(staged.n, sizeof(*staged.covered))))
		return -ENOMEM;
	if (listing.bytes && listing.lba < b->held->lowest_directory_lba)
		b->held->lowest_directory_lba = listing.lba;
	if (listing.bytes)
		r = add_base_names(b, directory, listing, staged, keep_iso_names);
	if (!r)
		r = add_staged_names(b, directory, staged);
	covered_free(staged.covered, staged.n);
	if (r)
		return r;
	d = &b->m->nodes[directory]; /* the array may have moved */
	d->first_entry = first_entry;
	d->n_entries = b->m->n_entries - first_entry;
	bulk_pace(b->m->bulk, d->n_entries);
	return sort_directory(b, directory);
}

/* ---- the whole ---- */

static int add_root(struct build *b)
{
	_cleanup_entry_ struct iso_entry e = {.ino = 0};
	size_t row = build_find_row(b, TREE_ROOT);
	const char *reason = NULL;
	uint32_t node;
	int r;

	if (row != SIZE_MAX) {
		r = build_node_from_row(b, row, &node, &reason);
	} else if (!b->frozen->base) {
		r = -EBADMSG;
		reason = "the journal of the staging area has no root directory";
	} else {
		r = iso_root(b->frozen->base, &e);
		e.ino = TREE_ROOT;
		if (!r)
			r = build_node_from_entry(b, &e, &node, &reason);
	}
	if (!r && !S_ISDIR(b->m->nodes[0].mode)) {
		r = -EBADMSG;
		reason = "the root is not a directory";
	}
	if (!r)
		r = build_note_lost(b, 0, "");
	return r ? complain(b, r, 0, "", reason) : 0;
}

/*
 * A linked manifest is whole when everything staged was met, under each of its names; and link counts are those of
 * the whole tree. -EUCLEAN: something lies in a directory that was left where it is.
 */
static int check_linked(struct build *b)
{
	struct manifest *m = b->m;

	for (size_t row = 0; row < b->rows->n_nodes; row++) {
		bulk_pace(m->bulk, 1);
		if (b->row_nodes[row] == NUMBERS_NONE && b->rows->nodes[row].nlink)
			return complain(b, -EUCLEAN, 0, "", "a change is in a directory that was not reached");
	}
	for (uint32_t i = 0; i < b->n_doubts; i++) {
		uint32_t node = b->row_nodes[b->doubts[i]];

		bulk_pace(m->bulk, BULK_ANYWHERE);
		if (m->nodes[node].nlink != b->claims[node])
			return complain(b, -EUCLEAN, 0, "",
					"a file that changed has names in directories that were not reached");
	}
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (!S_ISDIR(m->nodes[i].mode))
			m->nodes[i].nlink = b->claims[i];
		bulk_pace(m->bulk, 1);
	}
	return 0;
}

/* Up to version 0.2 files of a foreign disc that only looked like links of one had one number.  What is staged under
 * it is nobody's. */
static int check_links(struct build *b)
{
	for (size_t row = 0; b->rows && row < b->rows->n_nodes; row++) {
		uint64_t ino = b->rows->nodes[row].ino;

		bulk_pace(b->m->bulk, 1);
		if (b->row_nodes[row] == NUMBERS_NONE && b->rows->nodes[row].nlink && (ino & 63) == 63 &&
		    ino >> 6 < b->used_sectors)
			return complain(b, -EBADMSG, 0, "",
					"an older version staged a change of a file here that it took for a link of "
					"another one (change it again on a new stage: cdappendfs-sync --discard)");
	}
	return 0;
}

static int check_counts(struct build *b)
{
	char reason[96];
	uint64_t ino = 0;
	int r = build_check_counts(b, &ino);

	snprintf(reason, sizeof(reason), "several files have the serial number %llu: the disc contradicts itself",
		 (unsigned long long)ino);
	return r ? complain(b, r, 0, "", reason) : 0;
}

static void take_base(struct build *b, const struct iso_info *info)
{
	struct manifest *m = b->m;

	b->linked = m->linked = b->frozen->linked && b->rows;
	b->needs_twins = info->joliet;
	for (unsigned kind = 0; kind < 2; kind++)
		m->tables[kind] = (struct manifest_table){{info->tables[kind].lba[0], info->tables[kind].lba[1]},
							  info->tables[kind].bytes};
	b->base_ours = info->ours;
	m->base_directories = info->appuse.directories;
	m->base_tree_sectors = info->appuse.tree_sectors;
	m->base_nanoseconds = info->appuse.flags & APPUSE_NANOSECONDS;
	m->base_pieces = info->appuse.flags & APPUSE_PIECES ? info->appuse.files_in_pieces : PIECES_UNKNOWN;
	m->links_lba = info->appuse.links_lba;
	m->links_bytes = info->appuse.links_bytes;
	m->links_sectors = info->appuse.links_sectors;
}

static int walk(struct build *b)
{
	struct iso_info info = {.rock_ridge = false};
	struct disc_state state;
	int r;

	b->used_sectors = b->limit_sectors = UINT64_MAX;
	iso_room_init(b->frozen->base, &b->room);
	if (b->frozen->base) {
		iso_info(b->frozen->base, &info);
		take_base(b, &info);
		r = disc_state(b->held->disc, &state);
		if (r)
			return complain(b, r, 0, "", "the state of the disc is not known");
		b->used_sectors = max_u64(state.used_sectors, info.volume_sectors);
		b->limit_sectors = max_u64(state.used_sectors, state.next_lba);
	}
	r = build_find_sums(b);
	if (r)
		return complain(b, r, 0, "", "the MD5 sums of its newest session cannot be taken over");
	/* The root is always written; without a row when nothing is staged. */
	r = b->linked ? numbers_add(&b->needed, TREE_ROOT, 0) : 0;
	if (!r && b->linked)
		r = build_find_links(b, &info.appuse);
	if (r)
		return complain(b, r, 0, "", "the disc's table of files with several names cannot be read");
	r = add_root(b);
	for (uint32_t i = 0; !r && i < b->m->n_nodes; i++) {
		if (S_ISDIR(b->m->nodes[i].mode) && !b->m->nodes[i].kept)
			r = walk_directory(b, i, info.rock_ridge || !info.joliet);
		bulk_pace(b->m->bulk, 1);
	}
	if (!r)
		r = b->linked ? check_linked(b) : check_counts(b);
	if (!r && b->frozen->base && !info.ours)
		r = check_links(b);
	if (!r)
		r = build_place_burned(b);
	if (!r)
		r = build_count_pieces(b);
	if (!r)
		r = build_end_sums(b);
	build_sort_formers(b);
	return r ? r : build_list_homes(b);
}

static int read_body(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	struct held_manifest *held = context;

	if (body == PACKED_BODY && !held->rehearsing)
		return pread_full(held->packed_fd, buf, length, pos, NULL);
	return held->rehearsing ? 0 : body_reader_read(&held->reader, held->stage, body, pos, buf, length);
}

static int read_disc(void *context, uint64_t pos, void *buf, size_t length)
{
	const struct held_manifest *held = context;
	int r;

	if (held->spool && !held->rehearsing)
		return spool_get(held->spool, pos, buf, length);
	r = iso_read_disc(held->disc, pos, buf, length);
	return r == 0 && held->spool ? spool_add(held->spool, pos, buf, length) : r;
}

int manifest_spool(struct manifest *m, struct burn_plan *plan)
{
	struct held_manifest *held = (struct held_manifest *)(void *)m;
	int r = spool_new(stage_directory(held->stage), &held->spool);

	if (r < 0)
		return r;
	held->rehearsing = true;
	r = burn_rehearse(plan);
	held->rehearsing = false;
	return r;
}

const char *manifest_associated(const struct manifest *m)
{
	return ((const struct held_manifest *)(const void *)m)->associated;
}

uint32_t manifest_lowest_directory(const struct manifest *m)
{
	return ((const struct held_manifest *)(const void *)m)->lowest_directory_lba;
}

/* Gives back the room for growth; an array that cannot shrink stays as it is. */
static void shrink(struct bulk *bulk, void **array, uint32_t n, size_t item_bytes)
{
	void *smaller = *array && n ? bulk_resize(bulk, *array, n, item_bytes) : NULL;

	if (smaller)
		*array = smaller;
}

void manifest_free(struct manifest *m)
{
	struct held_manifest *held = (struct held_manifest *)(void *)m;

	if (!held)
		return;
	spool_free(held->spool);
	body_reader_release(&held->reader);
	bulk_free(m->nodes);
	bulk_free(m->entries);
	bulk_free(m->extents);
	bulk_free(m->kept);
	bulk_free(m->digests);
	bulk_free(m->sum_of);
	bulk_free(held->sums);
	bulk_free(held->formers);
	bulk_free(held->former_extents);
	bulk_free(held->remapped);
	bulk_free(held->homes);
	bulk_free(held->packed);
	if (held->packed_fd)
		close(held->packed_fd);
	arena_release(&held->strings);
	free(held->associated);
	for (unsigned i = 0; i < MANIFEST_LOST_NAMED; i++)
		free(held->lost[i]);
	free(held);
}

int manifest_build(const struct tree_frozen *f, struct disc *disc, struct stage *stage, struct manifest **ret,
		   char why[MANIFEST_WHY_BYTES])
{
	struct held_manifest *held = calloc(1, sizeof(*held));
	size_t n_rows = f->snapshot ? f->snapshot->n_nodes : 0;
	int r = -ENOMEM;

	snprintf(why, MANIFEST_WHY_BYTES, "out of memory");
	if (!held)
		return -ENOMEM;
	_cleanup_(manifest_freep) struct manifest *m = &held->manifest;
	struct build b = {.frozen = f, .rows = f->snapshot, .held = held, .m = m, .why = why};
	held->disc = disc;
	held->lowest_directory_lba = UINT32_MAX;
	held->stage = stage;
	m->read_body = read_body;
	m->read_disc = read_disc;
	m->context = held;
	held->bulk = (struct bulk){.directory = stage ? stage_directory(stage) : NULL,
				   .keep_bytes = f->keep_bytes,
				   .with = f->snapshot ? &f->snapshot->bulk : NULL};
	m->bulk = held->strings.bulk = &held->bulk;
	b.row_nodes = bulk_zalloc(m->bulk, n_rows + 1, sizeof(*b.row_nodes));
	if (b.row_nodes) {
		memset(b.row_nodes, 0xff, n_rows * sizeof(*b.row_nodes));
		r = walk(&b);
	}
	bulk_free(b.row_nodes);
	bulk_free(b.claims);
	bulk_free(b.doubts);
	bulk_free(b.as_burned);
	bulk_free(b.row_sums);
	bulk_free(b.met);
	numbers_release(&b.met_rows);
	bulk_free(b.removed);
	numbers_release(&b.pieces);
	numbers_release(&b.links);
	iso_room_release(&b.room);
	numbers_release(&b.needed);
	if (r)
		return r;
	shrink(m->bulk, (void **)&m->nodes, m->n_nodes, sizeof(*m->nodes));
	shrink(m->bulk, (void **)&m->entries, m->n_entries, sizeof(*m->entries));
	shrink(m->bulk, (void **)&m->extents, m->n_extents, sizeof(*m->extents));
	held->extent_space = m->n_extents;
	*ret = TAKE_PTR(m);
	return 0;
}
