/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_layout_test.c - whole sessions of burner/session, taken apart by a small reader of its own
 *
 * Random trees must come back as they went in, obey ECMA-119's order and boundaries, and cost no more than
 * burner/format/bound.h says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <time.h>

#include "burner/format/bound.h"
#include "session_tree.h"

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((random_state >> 33) % n);
}

/* ---- a disc in memory ---- */

struct disc_image {
	uint8_t *bytes;
	uint64_t sectors;
	uint32_t next_lba;
	const struct tree *tree; /* of the newest session */
};
static struct disc_image disc;

static int read_image(void *context, uint64_t pos, void *buf, size_t length)
{
	((struct tree *)context)->disc_read += length;
	must(pos + length <= disc.sectors * SECTOR_BYTES);
	memcpy(buf, disc.bytes + pos, length);
	return 0;
}

static void blank_disc(void)
{
	free(disc.bytes);
	disc = (struct disc_image){.next_lba = 32};
}

static struct burn_options options_now(void)
{
	return (struct burn_options){.pieces = {.share = SHARE_BLOCKS},
				     .start_lba = disc.next_lba,
				     .session_number = 1,
				     .previous_lba = UINT32_MAX,
				     .previous_descriptor_lba = UINT32_MAX,
				     .overwritable = true,
				     .time = 1700000000,
				     .align_end_sectors = 32};
}

static struct burn_plan *plan(struct tree *t, const struct burn_options *o)
{
	struct burn_plan *p = NULL;

	t->manifest.read_disc = read_image;
	tree_finish(t);
	assert_int_equal(burn_plan_new(&t->manifest, o, &p), 0);
	return p;
}

static void burn(struct tree *t, const struct burn_plan *p)
{
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;

	disc.sectors = session_start(p) + session_length(p);
	disc.bytes = realloc(disc.bytes, disc.sectors * SECTOR_BYTES);
	must(disc.bytes && session_stream_new(p, &s) == 0);
	must(session_stream_read(s, disc.bytes + (size_t)session_start(p) * SECTOR_BYTES, session_body(p)) == 0);
	disc.next_lba = session_start(p) + session_length(p);
	disc.tree = t;
}

/* ---- the reader ---- */

static const uint8_t *sector_at(uint32_t lba)
{
	must(lba < disc.sectors);
	return disc.bytes + (size_t)lba * SECTOR_BYTES;
}

struct found {
	char name[600], target[8192];
	uint32_t mode, nlink, serial;
	bool px, in_component;
	unsigned hops;
};

/* One SL entry: a component behind one that is continued, or behind the root, has no slash before it. */
static void read_link(const uint8_t *entry, struct found *f)
{
	char *out = f->target + strlen(f->target);

	for (const uint8_t *c = entry + 5; c < entry + entry[2]; c += 2 + c[1]) {
		if (f->in_component)
			*out++ = '/';
		if (c[0] & 8)
			*out++ = '/';
		else if (c[0] & 6)
			out += snprintf(out, 3, "%s", c[0] & 2 ? "." : "..");
		memcpy(out, c + 2, c[1]);
		out += c[1];
		f->in_component = !(c[0] & 9);
	}
}

/* System Use entries of one area, continuations followed. */
static void read_susp(const uint8_t *at, const uint8_t *end, struct found *f)
{
	uint32_t ce_lba = 0, ce_offset = 0, ce_bytes = 0;

	for (; end - at >= 4 && at[2]; at += at[2]) {
		must(at[2] >= 4 && at + at[2] <= end);
		if (memcmp(at, "PX", 2) == 0) {
			f->px = true;
			f->mode = get_le32(at + 4);
			f->nlink = get_be32(at + 16);
			f->serial = get_le32(at + 36);
		} else if (memcmp(at, "NM", 2) == 0) {
			memcpy(f->name + strlen(f->name), at + 5, at[2] - 5u);
		} else if (memcmp(at, "SL", 2) == 0) {
			read_link(at, f);
		} else if (memcmp(at, "CE", 2) == 0) {
			ce_lba = get_le32(at + 4);
			ce_offset = get_le32(at + 12);
			ce_bytes = get_le32(at + 20);
		}
	}
	if (!ce_bytes)
		return;
	must(ce_offset + ce_bytes <= SECTOR_BYTES && ++f->hops <= 32);
	read_susp(sector_at(ce_lba) + ce_offset, sector_at(ce_lba) + ce_offset + ce_bytes, f);
}

static uint32_t find_entry(const struct manifest *m, uint32_t parent, const char *name)
{
	const struct manifest_node *n = &m->nodes[parent];

	for (uint32_t low = n->first_entry, high = low + n->n_entries; low < high;) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(name, m->entries[middle].name);

		if (!order)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	fail_msg("no entry %s", name);
	return 0;
}

/* Content that the manifest says, or the disc has. */
static void check_content(uint32_t node, uint64_t offset, uint32_t lba, uint32_t bytes)
{
	const struct manifest *m = &disc.tree->manifest;
	const struct manifest_node *n = &m->nodes[node];

	for (uint32_t i = 0; i < n->n_extents; i++) {
		const struct extent *e = &m->extents[n->first_extent + i];
		uint64_t from = max_u64(e->offset, offset), to = min_u64(e->offset + e->length, offset + bytes);

		for (; from < to; from++) {
			uint64_t pos = e->pos + (from - e->offset);
			uint8_t want = e->kind == EXTENT_HOLE ? 0 :
				       e->kind == EXTENT_DISC ? disc.bytes[pos] :
								generated_byte(e->body, pos);

			if (disc.bytes[(uint64_t)lba * SECTOR_BYTES + (from - offset)] != want)
				fail_msg("node %u differs at %llu", node, (unsigned long long)from);
		}
	}
}

struct walk {
	bool joliet;
	uint32_t n_names, n_directories;
	uint32_t sections_most;
	uint32_t lba_of[70000]; /* directories, by node */
};
static struct walk walk;

/* Sort position by ECMA-119 9.3; identifiers cut into name and extension. */
static int compare_identifiers(const uint8_t *a, unsigned a_bytes, const uint8_t *b, unsigned b_bytes)
{
	uint8_t x[160], y[160];

	memset(x, walk.joliet ? 0 : ' ', sizeof(x));
	memset(y, walk.joliet ? 0 : ' ', sizeof(y));
	if (walk.joliet) {
		memcpy(x, a, a_bytes);
		memcpy(y, b, b_bytes);
	} else {
		const uint8_t *dot_a = memchr(a, '.', a_bytes), *dot_b = memchr(b, '.', b_bytes);
		unsigned stem_a = dot_a ? (unsigned)(dot_a - a) : a_bytes,
			 stem_b = dot_b ? (unsigned)(dot_b - b) : b_bytes;

		memcpy(x, a, stem_a);
		memcpy(y, b, stem_b);
		if (dot_a)
			memcpy(x + 80, dot_a + 1, a_bytes - stem_a - 1);
		if (dot_b)
			memcpy(y + 80, dot_b + 1, b_bytes - stem_b - 1);
	}
	return memcmp(x, y, sizeof(x));
}

static void check_iso_name(const uint8_t *id, unsigned bytes, bool directory)
{
	unsigned dots = 0;

	if (!directory) {
		assert_memory_equal(id + bytes - 2, ";1", 2);
		bytes -= 2;
	}
	for (unsigned i = 0; i < bytes; i++) {
		dots += id[i] == '.';
		assert_true(id[i] == '.' || id[i] == '_' || (id[i] >= '0' && id[i] <= '9') ||
			    (id[i] >= 'A' && id[i] <= 'Z'));
	}
	assert_int_equal(dots, !directory);
}

static void read_directory(uint32_t node, uint32_t lba, uint32_t bytes, uint32_t parent_lba);

/* One record of the Rock Ridge tree; *section_offset runs over the sections of a file. */
static void check_record(uint32_t parent, uint32_t directory_lba, const uint8_t *r, uint64_t *section_offset,
			 uint32_t *n_sections)
{
	const struct manifest *m = &disc.tree->manifest;
	struct found f = {0};
	uint32_t entry, lba = get_le32(r + 2), bytes = get_le32(r + 10);
	const struct manifest_node *n;

	assert_true(lba == get_be32(r + 6) && bytes == get_be32(r + 14));
	check_iso_name(r + 33, r[32], r[25] & 2);
	read_susp(r + 33 + r[32] + !(r[32] % 2), r + r[0], &f);
	entry = find_entry(m, parent, f.name);
	n = &m->nodes[m->entries[entry].node];
	assert_true(f.px && f.mode == n->mode && f.nlink == n->nlink && f.serial == n->ino);
	assert_true(!!(r[25] & 2) == S_ISDIR(n->mode));
	assert_string_equal(f.target, S_ISLNK(n->mode) ? n->target : "");
	if (S_ISDIR(n->mode)) {
		walk.lba_of[m->entries[entry].node] = lba;
		read_directory(m->entries[entry].node, lba, bytes, directory_lba);
	} else if (!S_ISREG(n->mode) || !n->n_extents) {
		assert_true(lba == 0 && bytes == 0);
	} else {
		if (r[25] & 0x80)
			assert_int_equal(bytes % SECTOR_BYTES, 0);
		check_content(m->entries[entry].node, *section_offset, lba, bytes);
		++*n_sections;
		if (!(r[25] & 0x80))
			assert_int_equal(*section_offset + bytes, n->size);
	}
	*section_offset = r[25] & 0x80 ? *section_offset + bytes : 0;
}

static void read_directory(uint32_t node, uint32_t lba, uint32_t bytes, uint32_t parent_lba)
{
	const uint8_t *start = sector_at(lba), *last = NULL;
	uint64_t section_offset = 0;
	uint32_t n = 0, n_sections = 0;

	walk.n_directories++;
	assert_true(bytes && bytes % SECTOR_BYTES == 0);
	for (uint32_t at = 0; at < bytes; n++) {
		const uint8_t *r = start + at;
		bool more = last && n > 2 && last[25] & 0x80;

		if (!r[0]) {
			at = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
			n--;
			continue;
		}
		assert_true(r[0] % 2 == 0 && at % SECTOR_BYTES + r[0] <= SECTOR_BYTES);
		at += r[0];
		if (n < 2) {
			assert_true(r[32] == 1 && r[33] == n && r[25] == 2 &&
				    get_le32(r + 2) == (n ? parent_lba : lba));
			continue;
		}
		if (n > 2) {
			int order = compare_identifiers(last + 33, last[32], r + 33, r[32]);

			assert_true(more ? order == 0 : order < 0);
		}
		last = r;
		if (walk.joliet) {
			if (r[25] & 2)
				read_directory(0, get_le32(r + 2), get_le32(r + 10), lba);
			walk.n_names += !(r[25] & 0x80);
			continue;
		}
		if (!more)
			n_sections = 0;
		check_record(node, lba, r, &section_offset, &n_sections);
		walk.sections_most = n_sections > walk.sections_most ? n_sections : walk.sections_most;
		walk.n_names += !(r[25] & 0x80);
	}
}

/* Table entries ascend by level, parent and identifier; L and M agree; the directories are where the table says. */
static void check_path_table(const uint8_t *descriptor)
{
	uint32_t bytes = get_le32(descriptor + 132), number = 0, at = 0, last_parent = 1;
	const uint8_t *l = sector_at(get_le32(descriptor + 140)), *m = sector_at(get_be32(descriptor + 148)),
		      *last = NULL;

	for (; at < bytes; at += 8 + l[at] + l[at] % 2, number++) {
		uint32_t lba = get_le32(l + at + 2), parent = get_le16(l + at + 6);

		assert_true(l[at] == m[at] && lba == get_be32(m + at + 2) && parent == get_be16(m + at + 6) &&
			    memcmp(l + at + 8, m + at + 8, l[at]) == 0);
		assert_true(parent >= last_parent && parent <= (number ? number : 1));
		assert_true(get_le32(sector_at(lba) + 2) == lba);
		if (number > 1 && parent == last_parent)
			assert_true(compare_identifiers(last + 8, last[0], l + at + 8, l[at]) < 0);
		last = l + at;
		last_parent = parent;
	}
	assert_int_equal(at, bytes);
	assert_int_equal(number, walk.n_directories);
}

static void check_tree(const struct burn_plan *p, bool joliet)
{
	const uint8_t *descriptor = sector_at(session_start(p) + 16 + joliet);
	uint32_t root = get_le32(descriptor + 156 + 2);

	memset(&walk, 0, sizeof(walk));
	walk.joliet = joliet;
	walk.lba_of[0] = root;
	read_directory(0, root, get_le32(descriptor + 156 + 10), root);
	check_path_table(descriptor);
}

/* ---- which part of a session a block is of ---- */

struct parts {
	uint32_t n, of[PART_N], node;
};

static void count_part(void *context, enum session_part what, uint32_t node)
{
	struct parts *parts = context;

	assert_true(what < PART_N && session_part_text(what));
	parts->n++;
	parts->of[what]++;
	parts->node = node;
}

static struct parts parts_of(const struct burn_plan *p, uint32_t lba)
{
	struct parts parts = {.n = 0};

	burn_plan_parts(p, (struct burn_range){lba, 1}, count_part, &parts);
	return parts;
}

/* The directories of the tree that was walked: each is one part alone, of its node. */
static void check_directory_parts(const struct burn_plan *p, enum session_part what)
{
	const struct manifest *m = &disc.tree->manifest;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct parts parts;

		if (!S_ISDIR(m->nodes[i].mode) || walk.lba_of[i] < session_start(p))
			continue;
		parts = parts_of(p, walk.lba_of[i]);
		assert_int_equal(parts.n, 1);
		assert_int_equal(parts.of[what], 1);
		assert_int_equal(m->nodes[parts.node].ino, m->nodes[i].ino);
	}
}

/* Whatever is not zeros is of some part. */
static void check_parts(const struct burn_plan *p)
{
	static const uint8_t zeros[SECTOR_BYTES];
	uint32_t start = session_start(p), record = start + session_length(p) - 1;

	for (uint32_t lba = start; lba < start + session_body(p); lba++) {
		const uint8_t *sector = disc.bytes + (size_t)lba * SECTOR_BYTES;
		struct parts parts;

		if (memcmp(sector, zeros, sizeof(zeros)) == 0)
			continue;
		parts = parts_of(p, lba);
		assert_true(parts.n > 0);
		if (memcmp(sector + 1, "CD001", 5) == 0)
			assert_int_equal(parts.of[PART_DESCRIPTORS] + parts.of[PART_ABSOLUTE_DESCRIPTORS], 1);
	}
	assert_int_equal(parts_of(p, record).of[PART_RECORD], 1);
	assert_int_equal(parts_of(p, record - 1).of[PART_DIGESTS], 1);
	assert_int_equal(parts_of(p, record + 1).n, 0);
	assert_int_equal(parts_of(p, start).n, 0);
}

static void check_session(const struct burn_plan *p)
{
	const struct manifest *m = &disc.tree->manifest;
	const struct burn_directory *d;
	size_t n;
	uint32_t in_joliet = 0;

	check_tree(p, false);
	assert_int_equal(walk.n_names, m->n_entries);
	assert_true(walk.sections_most <= BOUND_SECTIONS);
	burn_plan_directories(p, &d, &n);
	assert_int_equal(n, walk.n_directories);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(d[i].lba, walk.lba_of[d[i].ino - 1]);
	check_parts(p);
	check_directory_parts(p, PART_DIRECTORY);
	for (uint32_t i = 0; i < m->n_entries; i++)
		in_joliet += S_ISDIR(m->nodes[m->entries[i].node].mode) || S_ISREG(m->nodes[m->entries[i].node].mode);
	check_tree(p, true);
	check_directory_parts(p, PART_JOLIET_DIRECTORY);
	assert_int_equal(walk.n_names, in_joliet);
}

/* Upper bounds as fs/tree adds them up. */
static bool holds_kept_names(const struct manifest *m, const struct manifest_node *directory)
{
	for (uint32_t j = directory->first_entry; j < directory->first_entry + directory->n_entries; j++)
		if (m->entries[j].iso_name || m->entries[j].joliet_name || m->entries[j].joliet_attempt)
			return true;
	return false;
}

static int compare_texts(const void *a, const void *b) { return memcmp(a, b, 2 * JOLIET_TEXT_MAX); }

/* How many names have a first Joliet name that another one has, too. */
static uint64_t count_clashes(const struct manifest *m, const struct manifest_node *directory)
{
	uint8_t(*texts)[2 * JOLIET_TEXT_MAX] = calloc(directory->n_entries + 1, sizeof(*texts));
	uint64_t taken = 0;
	uint32_t n = 0;
	bool changed;

	must(texts);
	for (uint32_t j = directory->first_entry; j < directory->first_entry + directory->n_entries; j++)
		if (S_ISREG(m->nodes[m->entries[j].node].mode) || S_ISDIR(m->nodes[m->entries[j].node].mode))
			joliet_first(m->entries[j].name, texts[n++], &changed);
	qsort(texts, n, sizeof(*texts), compare_texts);
	for (uint32_t i = 1; i < n; i++)
		taken += memcmp(texts[i - 1], texts[i], sizeof(*texts)) == 0;
	free(texts);
	return taken;
}

/* Returns what the bound says more than the tree takes. */
static uint64_t check_bounds(const struct burn_plan *p)
{
	const struct manifest *m = &disc.tree->manifest;
	uint64_t tree_sectors = 0, tables = 2 * 10 + 2 * 10, linked = 0, directories = 0;
	struct burn_cost cost;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct bound_directory names = {0}, first_names = {0};
		bool joins = holds_kept_names(m, &m->nodes[i]);

		if (!S_ISDIR(m->nodes[i].mode))
			continue;
		for (uint32_t j = m->nodes[i].first_entry; j < m->nodes[i].first_entry + m->nodes[i].n_entries; j++) {
			const struct manifest_node *n = &m->nodes[m->entries[j].node];
			uint32_t more = bound_more(n->mode, zisofs_used(&n->zisofs));
			struct bound_entry entry = {
				m->entries[j].name, n->target, m->entries[j].iso_name, n->mode, more, .joins = joins};
			struct bound_name b = bound_name(&entry), first;
			size_t sections = 0;
			const struct extent *e;

			burn_plan_extents(p, m->entries[j].node, &e, &sections);
			bound_add(&names, &b, 1);
			entry.first = true;
			first = bound_name(&entry);
			bound_add(&first_names, &first, 1);
			tree_sectors += bound_section_sectors(sections, 1);
			tables += b.table;
			linked += !S_ISDIR(n->mode) && n->nlink > 1;
		}
		directories++;
		tree_sectors += joins ? bound_directory_sectors(&names) :
					min_u64(bound_directory_sectors(&names),
						bound_directory_sectors(&first_names) +
							bound_clash_sectors(count_clashes(m, &m->nodes[i])));
	}
	burn_plan_cost(p, &cost);
	tree_sectors +=
		bound_table_sectors(tables) + (linked ? sectors_of(BOUND_LINK_BYTES * (linked + directories)) + 1 : 0);
	assert_true(cost.tree_sectors <= tree_sectors);
	assert_true(cost.append_sectors <=
		    bound_session_sectors(BOUND_SESSION_SECTORS + tree_sectors + cost.data_sectors));
	assert_int_equal(cost.append_sectors, session_length(p));
	return tree_sectors - cost.tree_sectors;
}

/* ---- random trees ---- */

static void random_name(char *name, const struct tree *t, uint32_t style)
{
	static const char *const pieces[] = {"a",
					     "B",
					     "_",
					     ".",
					     " ",
					     "-",
					     "foo",
					     "\xc3\xa9",
					     "\xe6\x97\xa5",
					     ";",
					     "*",
					     "\xff",
					     "README",
					     "\xf0\x9f\x98\x80",
					     "tar",
					     "\n"};
	uint32_t length = style == 0 ? 1 + random_below(8) :
			  style == 1 ? 1 + random_below(255) :
				       120 + random_below(30);
	size_t n = (size_t)snprintf(name, 256, "%x", (unsigned)t->n_links);

	while (n < length) {
		const char *piece = pieces[random_below(ARRAY_LENGTH(pieces))];

		if (n + strlen(piece) > 255)
			break;
		memcpy(name + n, piece, strlen(piece) + 1);
		n += strlen(piece);
	}
}

static void random_node(struct tree *t, uint32_t parent, const char *name)
{
	uint32_t kind = random_below(12), node;
	char target[4096];
	size_t n;

	if (kind == 0) {
		n = random_below(4) ? 1 + random_below(60) : 1 + random_below(4095);
		for (size_t i = 0; i < n; i++)
			target[i] = "/./abcd"[random_below(7)];
		target[n] = 0;
		node = tree_add(t, parent, name, S_IFLNK | 0777);
		t->manifest.nodes[node].target = strdup(target);
	} else if (kind == 1) {
		node = tree_add(t, parent, name, S_IFCHR | 0600);
		t->manifest.nodes[node].rdev = random_below(1000000);
	} else {
		node = tree_add(t, parent, name, S_IFREG | 0644);
		for (uint32_t i = random_below(4); i > 0; i--)
			tree_extent(t, node, random_below(5) ? EXTENT_STAGE : EXTENT_HOLE, 1 + random_below(3),
				    random_below(10000),
				    i == 1 ? 1 + random_below(5000) : 2048 * (1 + random_below(3)));
	}
}

static struct tree *random_tree(uint32_t n)
{
	struct tree *t = tree_new();
	uint32_t directories[64] = {0}, n_directories = 1, style = random_below(3);
	char name[256];

	for (uint32_t i = 0; i < n; i++) {
		uint32_t parent = directories[random_below(n_directories)];

		random_name(name, t, style);
		if (n_directories < ARRAY_LENGTH(directories) && random_below(10) == 0)
			directories[n_directories++] = tree_add(t, parent, name, S_IFDIR | 0755);
		else if (random_below(20) == 0 && S_ISREG(t->manifest.nodes[t->manifest.n_nodes - 1].mode))
			tree_link(t, parent, name, t->manifest.n_nodes - 1);
		else
			random_node(t, parent, name);
	}
	return t;
}

/* The tree as it lies on the disc now, with some files changed. */
static void move_to_disc(struct tree *t, const struct burn_plan *p, uint32_t changes)
{
	struct manifest *m = &t->manifest;
	struct extent *old = m->extents;

	m->extents = NULL;
	m->n_extents = 0;
	t->extents_room = 0;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct extent *e;
		size_t n;

		burn_plan_extents(p, i, &e, &n);
		m->nodes[i].size = m->nodes[i].n_extents = 0;
		for (size_t j = 0; j < n; j++) {
			uint64_t half = e[j].length / 2 / SECTOR_BYTES * SECTOR_BYTES;

			if (!half || random_below(100) >= changes) {
				tree_extent(t, i, EXTENT_DISC, 0, e[j].pos, e[j].length);
				continue;
			}
			tree_extent(t, i, random_below(2) ? EXTENT_DISC : EXTENT_STAGE, 0, e[j].pos, half);
			tree_extent(t, i, random_below(2) ? EXTENT_HOLE : EXTENT_STAGE, 0, 0, e[j].length - half);
		}
	}
	for (uint32_t i = 0; i < m->n_extents; i++) {
		if (m->extents[i].kind == EXTENT_STAGE)
			m->extents[i].body = 7;
		if (m->extents[i].kind == EXTENT_HOLE)
			m->extents[i].pos = 0;
	}
	free(old);
}

static void test_random_trees(void **state)
{
	static const struct pieces_rule rules[] = {
		{SHARE_BLOCKS, 0}, {SHARE_AUTO, 0}, {SHARE_AUTO, 20000}, {SHARE_NONE, 0}, {SHARE_AUTO, PIECES_NEVER}};

	(void)state;
	for (uint32_t round = 0; round < 60; round++) {
		struct tree *t;
		struct burn_options o;

		random_state = round + 1;
		blank_disc();
		t = random_tree(round * 8);
		for (uint32_t session = 0; session < 3; session++) {
			struct burn_plan *p;

			o = options_now();
			o.pieces = rules[round % ARRAY_LENGTH(rules)];
			p = plan(t, &o);
			burn(t, p);
			check_session(p);
			check_bounds(p);
			move_to_disc(t, p, 30);
			burn_plan_free(p);
		}
		tree_free(t);
	}
}

/* ---- sharing ---- */

/* A disc with files of so many sectors; the tree names what lies there. */
static struct tree *disc_with(uint32_t n_files, const uint32_t *sectors)
{
	struct tree *t = tree_new();
	struct burn_options o;
	struct burn_plan *p;
	char name[16];

	blank_disc();
	for (uint32_t i = 0; i < n_files; i++) {
		snprintf(name, sizeof(name), "F%03u", i);
		tree_extent(t, tree_add(t, 0, name, S_IFREG | 0644), EXTENT_STAGE, 1 + i, 0,
			    (uint64_t)sectors[i] * SECTOR_BYTES);
	}
	o = options_now();
	p = plan(t, &o);
	burn(t, p);
	move_to_disc(t, p, 0);
	burn_plan_free(p);
	return t;
}

static uint64_t pos_of(const struct tree *t, uint32_t node)
{
	return t->manifest.extents[t->manifest.nodes[node].first_extent].pos;
}

static struct burn_cost burn_cost_of(struct tree *t, const struct burn_options *o, uint32_t node, size_t *ret_n_runs)
{
	struct burn_plan *p = plan(t, o);
	struct burn_cost cost;
	const struct extent *e;

	burn(t, p);
	check_session(p);
	check_bounds(p);
	burn_plan_cost(p, &cost);
	burn_plan_extents(p, node, &e, ret_n_runs);
	burn_plan_free(p);
	return cost;
}

static void test_nothing_twice(void **state)
{
	uint32_t sectors[] = {5, 7};
	struct tree *t = disc_with(2, sectors);
	struct burn_options o = options_now();
	struct burn_cost cost;
	size_t n;

	(void)state;
	cost = burn_cost_of(t, &o, 1, &n);
	assert_int_equal(cost.data_sectors, 0);
	assert_int_equal(cost.shared_sectors, 12);
	assert_int_equal(n, 1);
	tree_free(t);
}

static void test_mixed(void **state)
{
	static const struct pieces_rule rules[] = {{SHARE_BLOCKS, 0},
						   {SHARE_NONE, 0},
						   {SHARE_AUTO, PIECES_NEVER},
						   {SHARE_AUTO, 0}};
	uint32_t sectors[] = {10};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(rules); i++) {
		struct tree *t = disc_with(1, sectors);
		struct burn_options o = options_now();
		uint32_t node = tree_add(t, 0, "MIXED", S_IFREG | 0644);
		struct burn_cost cost;
		size_t n;

		o.pieces = rules[i];
		/* Unaligned pieces of the disc are rewritten, the sectors between them stay. */
		tree_extent(t, node, EXTENT_DISC, 0, pos_of(t, 1) + 2048, 4096);
		tree_extent(t, node, EXTENT_STAGE, 9, 0, 1000);
		tree_extent(t, node, EXTENT_DISC, 0, pos_of(t, 1) + 3 * 2048 + 1000, 1048 + 4096 + 100);
		cost = burn_cost_of(t, &o, node, &n);
		assert_int_equal(cost.data_sectors, i ? 6 : 1);
		assert_int_equal(n, i ? 1 : 3);
		tree_free(t);
	}
}

static void test_first_block(void **state)
{
	uint32_t sectors[] = {10};

	(void)state;
	for (unsigned compat = 0; compat < 3; compat++) {
		struct tree *t = disc_with(1, sectors);
		struct burn_options o = options_now();
		uint32_t same = tree_add(t, 0, "SAME", S_IFREG | 0644), cut = tree_add(t, 0, "CUT", S_IFREG | 0644),
			 grown = tree_add(t, 0, "GROWN", S_IFREG | 0644);
		struct burn_cost cost;
		size_t n;

		if (compat)
			o.pieces = (struct pieces_rule){SHARE_AUTO, compat == 1 ? PIECES_NEVER : 0};
		tree_extent(t, same, EXTENT_DISC, 0, pos_of(t, 1), 10 * 2048);
		tree_extent(t, cut, EXTENT_DISC, 0, pos_of(t, 1), 5 * 2048);
		tree_extent(t, grown, EXTENT_DISC, 0, pos_of(t, 1), 10 * 2048);
		tree_extent(t, grown, EXTENT_STAGE, 1, 0, 10);
		cost = burn_cost_of(t, &o, grown, &n);
		assert_int_equal(cost.data_sectors, compat ? 5 + 11 : 1 + 2);
		assert_int_equal(n, compat ? 1 : 3);
		tree_free(t);
	}
}

static void test_staged_once(void **state)
{
	struct tree *t = tree_new();
	struct burn_options o;
	struct burn_plan *p;
	const struct burn_placement *placements;
	size_t n;
	struct burn_cost cost;
	uint32_t a = tree_add(t, 0, "a", S_IFREG | 0644), b = tree_add(t, 0, "b", S_IFREG | 0644),
		 c = tree_add(t, 0, "c", S_IFREG | 0644);

	(void)state;
	blank_disc();
	tree_extent(t, a, EXTENT_STAGE, 1, 4096, 5000);
	tree_extent(t, b, EXTENT_STAGE, 1, 4096, 5000);
	tree_extent(t, c, EXTENT_STAGE, 1, 6144, 6000);
	o = options_now();
	p = plan(t, &o);
	burn_plan_cost(p, &cost);
	assert_int_equal(cost.data_sectors, 3 + 3);
	burn_plan_placements(p, &placements, &n);
	assert_int_equal(n, 2);
	assert_true(placements[0].pos == 4096 && placements[0].length == 5000);
	assert_true(placements[1].pos == 9096 && placements[1].length == 6144 + 6000 - 9096);
	burn(t, p);
	check_session(p);
	burn_plan_free(p);
	tree_free(t);
}

/* 200 changed sectors in a file of 400: the runs between are as small as the bound asks. */
static void test_section_bound(void **state)
{
	uint32_t sectors[] = {400 + 1000};
	struct tree *t = disc_with(1, sectors);
	struct burn_options o = options_now();
	uint64_t pos = pos_of(t, 1);
	struct burn_cost cost;
	size_t n;

	(void)state;
	t->manifest.nodes[1].size = t->manifest.nodes[1].n_extents = 0;
	for (uint64_t i = 0; i < 200; i++) {
		tree_extent(t, 1, EXTENT_STAGE, 1, 2 * i * 2048, 2048);
		tree_extent(t, 1, EXTENT_DISC, 0, pos + (2 * i + 1) * 2048, i == 199 ? 1001 * 2048 : 2048);
	}
	cost = burn_cost_of(t, &o, 1, &n);
	assert_int_equal(n, BOUND_SECTIONS);
	assert_int_equal(cost.data_sectors, 200 + 155);
	tree_free(t);
}

/* ---- names ---- */

static void names_of(struct tree *t, uint32_t parent, char list[][40], uint32_t most)
{
	struct burn_options o;
	struct burn_plan *p;
	const uint8_t *r;

	blank_disc();
	(void)parent;
	o = options_now();
	p = plan(t, &o);
	burn(t, p);
	check_session(p);
	r = sector_at(get_le32(sector_at(session_start(p) + 16) + 156 + 2));
	for (uint32_t i = 0; *r && i < most + 2; i++, r += r[0])
		if (i >= 2)
			snprintf(list[i - 2], 40, "%.*s", r[32], (const char *)r + 33);
	burn_plan_free(p);
}

static void test_iso_names(void **state)
{
	struct tree *t = tree_new();
	char names[8][40] = {""}, again[8][40] = {""};

	(void)state;
	tree_add(t, 0, "Readme.txt", S_IFREG | 0644);
	tree_add(t, 0, "README.TXT", S_IFREG | 0644);
	tree_add(t, 0, "makefile", S_IFREG | 0644);
	tree_add(t, 0, "dir.d", S_IFDIR | 0755);
	tree_add(t, 0, "kept name", S_IFREG | 0644);
	tree_finish(t);
	for (size_t i = 0; i < t->n_links; i++)
		if (strcmp(t->links[i].name, "kept name") == 0)
			t->links[i].iso = strdup("MAKEFILE");
	names_of(t, 0, names, 8);
	assert_true(strlen(names[0]) == 3 + 5 && memcmp(names[0], "DIR", 3) == 0);
	/* its own name is taken by the kept one */
	assert_true(strlen(names[1]) == 3 + 5 + 3 && memcmp(names[1], "MAK", 3) == 0);
	assert_true(strcmp(names[1], "MAKEFILE.;1") == 0 || strcmp(names[2], "MAKEFILE.;1") == 0);
	assert_true(strcmp(names[3], "README.TXT;1") == 0 || strcmp(names[4], "README.TXT;1") == 0);
	/* A function of the names: another entry changes nothing. */
	tree_add(t, 0, "zzz", S_IFREG | 0644);
	names_of(t, 0, again, 8);
	assert_memory_equal(names, again, 5 * sizeof(names[0]));
	tree_free(t);
}

static void test_many_clashes(void **state)
{
	struct tree *t = tree_new();
	struct burn_options o;
	struct burn_plan *p;
	char name[256];

	(void)state;
	blank_disc();
	for (unsigned i = 0; i < 40000; i++) {
		memset(name, 'x', 200);
		snprintf(name + 80, sizeof(name) - 80, "%u-the same beginning and .ext", i);
		tree_add(t, 0, name, S_IFREG | 0644);
	}
	o = options_now();
	p = plan(t, &o);
	burn(t, p);
	check_session(p); /* strictly ascending: all different */
	check_bounds(p);
	burn_plan_free(p);
	tree_free(t);
}

/* Directories of names alike: the bound holds, and says little more. */
static void test_bound(void **state)
{
	char components[700], one_component[1200];
	const struct {
		const char *prefix;
		int digits;
		const char *suffix, *target;
		uint32_t mode;
		unsigned percent;
	} kinds[] = {
		{"", 1, "", NULL, S_IFDIR | 0755, 1},
		{"directory ", 1, "", NULL, S_IFDIR | 0755, 0},
		{"", 1, "", NULL, S_IFREG | 0644, 4},
		{"name of a file ", 1, ".txt", NULL, S_IFREG | 0644, 1},
		{"IMG_", 4, ".JPG", NULL, S_IFREG | 0644, 0},
		{"\xe6\x97\xa5\xe6\x9c\xac ", 1, "", NULL, S_IFREG | 0644, 0},
		{"clash?", 1, "", NULL, S_IFREG | 0644, 1},
		{"link ", 1, "", "../to/some/file", S_IFLNK | 0777, 0},
		{"", 116, ".x", NULL, S_IFREG | 0644, 1},
		{"", 130, ".x", NULL, S_IFREG | 0644, 1},
		{"", 135, ".x", NULL, S_IFREG | 0644, 1},
		{"", 140, ".x", NULL, S_IFREG | 0644, 1},
		{"", 190, "", NULL, S_IFREG | 0644, 1},
		{"", 255, "", NULL, S_IFREG | 0644, 1},
		{"long link ", 1, "", components, S_IFLNK | 0777, 1},
		{"long link ", 1, "", one_component, S_IFLNK | 0777, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(components); i++)
		components[i] = "component/"[i % 10];
	memset(one_component, 'c', sizeof(one_component));
	components[sizeof(components) - 1] = one_component[sizeof(one_component) - 1] = 0;
	for (size_t kind = 0; kind < ARRAY_LENGTH(kinds); kind++) {
		struct tree *t = tree_new();
		struct burn_options o;
		struct burn_plan *p;
		struct burn_cost cost;
		char name[300];

		blank_disc();
		for (unsigned i = 0; i < 5000; i++) {
			snprintf(name, sizeof(name), "%s%0*u%s", kinds[kind].prefix, kinds[kind].digits, i,
				 kinds[kind].suffix);
			uint32_t node = tree_add(t, 0, name, kinds[kind].mode);
			if (kinds[kind].target)
				t->manifest.nodes[node].target = strdup(kinds[kind].target);
		}
		o = options_now();
		p = plan(t, &o);
		burn(t, p);
		check_session(p);
		uint64_t more = check_bounds(p);
		burn_plan_cost(p, &cost);
		print_message("# \"%s\", %d digits: %lu, %lu more\n", kinds[kind].prefix, kinds[kind].digits,
			      (unsigned long)cost.tree_sectors, (unsigned long)more);
		assert_true(more <= cost.tree_sectors * kinds[kind].percent / 100 + 8);
		burn_plan_free(p);
		tree_free(t);
	}
}

/* ---- limits ---- */

static int plan_error(struct tree *t)
{
	struct burn_options o;
	struct burn_plan *p = NULL;
	int r;

	blank_disc();
	o = options_now();
	tree_finish(t);
	r = burn_plan_new(&t->manifest, &o, &p);
	burn_plan_free(p);
	tree_free(t);
	return r;
}

/* So many directories in the root, each of the first with one in it and the last, too. */
static int plan_of_directories(unsigned n, unsigned n_parents)
{
	struct tree *t = tree_new();
	char name[16];

	for (unsigned i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "D%06u", i);
		uint32_t last = tree_add(t, 0, name, S_IFDIR | 0755);
		if (i + 1 < n_parents || i + 1 == n)
			tree_add(t, last, "CHILD", S_IFDIR | 0755);
	}
	return plan_error(t);
}

static void test_path_table_limit(void **state)
{
	(void)state;
	assert_int_equal(plan_of_directories(65600, 2), 0);
	assert_int_equal(plan_of_directories(65600, 65534), 0); /* and the root */
	assert_int_equal(plan_of_directories(65600, 65535), -EMLINK);
}

static void test_refused(void **state)
{
	struct tree *t = tree_new();
	uint32_t node = tree_add(t, 0, "f", S_IFREG | 0644);

	(void)state;
	tree_extent(t, node, EXTENT_HOLE, 0, 0, BOUND_FILE_BYTES);
	tree_extent(t, node, EXTENT_HOLE, 0, 0, 1);
	assert_int_equal(plan_error(t), -EFBIG);
	t = tree_new();
	node = tree_add(t, 0, "f", S_IFREG | 0644);
	tree_extent(t, node, EXTENT_DISC, 0, 31 * 2048, 4096);
	assert_int_equal(plan_error(t), -EBADMSG);
	t = tree_new();
	node = tree_add(t, 0, "d", S_IFDIR | 0755);
	tree_link(t, 0, "second", node);
	assert_int_equal(plan_error(t), -EINVAL);
	t = tree_new();
	node = tree_add(t, 0, "big", S_IFREG | 0644);
	for (unsigned i = 0; i < 30; i++) {
		char name[8];

		snprintf(name, sizeof(name), "%u", i);
		node = tree_add(t, 0, name, S_IFREG | 0644);
		/* Equal ones would be written once. */
		tree_extent(t, node, EXTENT_HOLE, 0, 0, BOUND_FILE_BYTES - i * SECTOR_BYTES);
	}
	assert_int_equal(plan_error(t), -ENOSPC);
}

/* ---- time ---- */

static double seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void test_time(void **state)
{
	struct tree *t = tree_new();
	struct burn_options o;
	struct burn_plan *p;
	double start, planned, streamed;
	uint32_t directory = 0;
	char name[64];

	(void)state;
	blank_disc();
	for (unsigned i = 0; i < 100000; i++) {
		if (i % 100 == 0) {
			snprintf(name, sizeof(name), "directory %u", i / 100);
			directory = tree_add(t, 0, name, S_IFDIR | 0755);
		}
		snprintf(name, sizeof(name), "some file name %u.txt", i);
		tree_extent(t, tree_add(t, directory, name, S_IFREG | 0644), EXTENT_DISC, 0, (uint64_t)i * 4096, 3000);
	}
	disc.next_lba = 400000;
	o = options_now();
	tree_finish(t);
	start = seconds_now();
	assert_int_equal(burn_plan_new(&t->manifest, &o, &p), 0);
	planned = seconds_now() - start;
	start = seconds_now();
	{
		_cleanup_(session_stream_freep) struct session_stream *s = NULL;
		static uint8_t buf[256 * SECTOR_BYTES];

		must(session_stream_new(p, &s) == 0);
		for (uint32_t left; (left = session_stream_left(s));)
			assert_int_equal(session_stream_read(s, buf, left < 256 ? left : 256), 0);
	}
	streamed = seconds_now() - start;
	printf("# 100,000 files: plan %.0f ms, stream of the trees %.0f ms\n", planned * 1e3, streamed * 1e3);
	/* only against accidents of order: sanitizers and busy machines are slow */
	assert_true(planned + streamed < 10);
	burn_plan_free(p);
	tree_free(t);
}

static int forget_disc(void **state)
{
	(void)state;
	blank_disc();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_trees), cmocka_unit_test(test_nothing_twice),
		cmocka_unit_test(test_mixed),	     cmocka_unit_test(test_first_block),
		cmocka_unit_test(test_staged_once),  cmocka_unit_test(test_section_bound),
		cmocka_unit_test(test_iso_names),    cmocka_unit_test(test_many_clashes),
		cmocka_unit_test(test_bound),	     cmocka_unit_test(test_path_table_limit),
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, forget_disc);
}
