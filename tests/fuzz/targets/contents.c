/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/sharing/share.c: what staged files find on a disc whose content tables, descriptors and list of sessions say
 * anything
 *
 * A disc of two sessions of ours with true content tables, and two foreign files.  Input: flags (1 byte: 1 a drive, 2
 * rewritable, 4 the disc is said to be shorter, by the number that follows), staged files (see stage_file()) up to a
 * byte with the highest bit, then steps (see step()). Whatever is said: each file keeps its content, nothing lies
 * where it must not, it ends soon, and the session is not larger for it.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "fs/sharing/content_digest.h"
#include "burner/format/appuse.h"
#include "burner/format/bound.h"
#include "burner/format/content_table.h"
#include "burner/base/own.h"
#include "fs/manifest/held_manifest.h"
#include "fs/manifest/placements.h"
#include "fs/sharing/share.h"
#include "tests/fuzz/common/target.h"
#include "tests/fuzz/common/walk.h"

#define DISC_SECTORS 640u
#define FILES_MAX 6u
#define FILE_BYTES_MAX 320000u
#define EXTENTS_MAX 120u
#define STEPS_MAX 40u
#define READS_MAX 200000u /* some windows for each digest in each table, all pieces of all candidates */
#define N_KNOWN 5u

/* ---- the disc ---- */

static const struct known {
	uint32_t size, n_runs, session;
	struct {
		uint32_t lba, sectors;
	} runs[3];
} known_files
	[N_KNOWN] =
		{
			{7000, 1, 0, {{100, 4}}},
			{300001, 1, 0, {{110, 147}}},
			{40960, 3, 0, {{260, 5}, {270, 10}, {285, 5}}},
			{2048, 1, 0, {{290, 1}}},
			{300001, 1, 1, {{350, 147}}}, /* the second, with blocks changed where no sample is taken */
};
static const struct {
	uint32_t lba, sectors, table_lba;
} sessions_made[2] = {{32, 288, 60}, {320, 280, 340}};
static const struct {
	uint32_t lba, size;
} foreign_files[2] = {{600, 2000}, {610, 40000}};

/* As it was made, and as it is; only what an input touched is put back. */
static uint8_t made[DISC_SECTORS * SECTOR_BYTES], bytes[DISC_SECTORS * SECTOR_BYTES];
static bool touched[DISC_SECTORS];
static uint8_t digests_made[N_KNOWN][CONTENT_DIGEST_BYTES];

/* A file of the manifest, and what it holds. */
static uint8_t staged[FILES_MAX][FILE_BYTES_MAX], content[FILES_MAX + 2][FILE_BYTES_MAX];

static struct state {
	struct memory_disc disc; /* first */
	struct disc_session sessions[2];
	struct appuse appuse[2];
	uint32_t n_entries[2], n_runs[2];
	bool overwritable;
	struct pieces_rule pieces;
} w;

static struct disc_ops disc_ops;

static int state_of(struct disc *d, struct disc_state *ret)
{
	(void)d;
	*ret = (struct disc_state){.name = "image file",
				   .appendable = true,
				   .overwritable = w.overwritable,
				   .used_sectors = w.disc.used_sectors,
				   .next_lba = DISC_SECTORS};
	return 0;
}

static int sessions_of(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	(void)d;
	*ret = malloc(sizeof(w.sessions));
	MUST(*ret);
	memcpy(*ret, w.sessions, sizeof(w.sessions));
	*ret_n = 2;
	return 0;
}

static void put(size_t at, const void *from, size_t n)
{
	n = min_u64(n, sizeof(bytes) - at);
	memcpy(bytes + at, from, n);
	for (size_t i = at / SECTOR_BYTES; i * SECTOR_BYTES < at + n; i++)
		touched[i] = true;
}

static size_t table_of(unsigned session) { return sessions_made[session].table_lba * SECTOR_BYTES; }

static void copy_known(unsigned i, uint8_t *to)
{
	for (uint32_t run = 0, at = 0; run < known_files[i].n_runs;
	     at += known_files[i].runs[run++].sectors * SECTOR_BYTES)
		memcpy(to + at, made + known_files[i].runs[run].lba * SECTOR_BYTES,
		       min_u64(known_files[i].size - at, known_files[i].runs[run].sectors * SECTOR_BYTES));
}

static int read_content(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	(void)body;
	memcpy(buf, (const uint8_t *)context + pos, length);
	return 0;
}

/* The older session has digests of the older kind. */
static enum content_kind kind_of(unsigned session) { return session ? CONTENT_POLY1305 : CONTENT_SHA256; }

static void make_digest(unsigned i)
{
	_cleanup_(content_digester_freep) struct content_digester *digester = NULL;
	struct manifest_node node = {.size = known_files[i].size, .n_extents = 1};
	struct extent e = {.length = node.size, .kind = EXTENT_STAGE};
	const struct manifest m = {
		.nodes = &node, .n_nodes = 1, .extents = &e, .read_body = read_content, .context = content[0]};

	copy_known(i, content[0]);
	MUST(content_digester_new(&digester) == 0 &&
	     content_digest(digester, kind_of(known_files[i].session), &m, 0, digests_made[i]) == 0);
}

static void put_entry(unsigned session, uint32_t i, const struct content_entry *e)
{
	uint8_t record[CONTENTS_ENTRY_BYTES];

	content_entry_encode(e, record);
	put(table_of(session) + CONTENTS_HEADER_BYTES + i % 64 * CONTENTS_ENTRY_BYTES, record, sizeof(record));
}

static void put_run(unsigned session, uint32_t i, uint32_t lba, uint32_t sectors)
{
	uint8_t run[CONTENTS_RUN_BYTES];

	put_le32(run, lba);
	put_le32(run + 4, sectors);
	put(table_of(session) + CONTENTS_HEADER_BYTES + w.n_entries[session] % 64 * CONTENTS_ENTRY_BYTES +
		    i % 128 * CONTENTS_RUN_BYTES,
	    run, sizeof(run));
}

/* The table of a session as it is told by w. */
static void put_head(unsigned session)
{
	uint8_t header[CONTENTS_HEADER_BYTES], descriptor[SECTOR_BYTES] = {0};

	contents_header_encode(kind_of(session), w.n_entries[session], w.n_runs[session], header);
	put(table_of(session), header, sizeof(header));
	w.appuse[session].contents_bytes = CONTENTS_HEADER_BYTES + w.n_entries[session] * CONTENTS_ENTRY_BYTES +
					   w.n_runs[session] * CONTENTS_RUN_BYTES;
	appuse_encode(&w.appuse[session], descriptor);
	put((sessions_made[session].lba + 16) * SECTOR_BYTES, descriptor, sizeof(descriptor));
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(digests_made[*(const unsigned *)a], digests_made[*(const unsigned *)b], CONTENT_DIGEST_BYTES);
}

static void put_table(unsigned session)
{
	unsigned order[N_KNOWN], n = 0;

	for (unsigned i = 0; i < N_KNOWN; i++)
		if (known_files[i].session == session)
			order[n++] = i;
	qsort(order, n, sizeof(*order), by_digest);
	w.n_entries[session] = n;
	for (unsigned i = 0; i < n; i++) {
		const struct known *k = &known_files[order[i]];
		struct content_entry e = {.size = k->size,
					  .where = k->n_runs > 1 ? w.n_runs[session] : k->runs[0].lba,
					  .n_runs = k->n_runs};

		memcpy(e.digest, digests_made[order[i]], sizeof(e.digest));
		put_entry(session, i, &e);
		for (uint32_t run = 0; k->n_runs > 1 && run < k->n_runs; run++)
			put_run(session, w.n_runs[session]++, k->runs[run].lba, k->runs[run].sectors);
	}
	put_head(session);
}

static void reset(void)
{
	memset(&w, 0, sizeof(w));
	for (unsigned i = 0; i < 2; i++) {
		w.sessions[i] = (struct disc_session){.number = i + 1,
						      .start_lba = sessions_made[i].lba,
						      .sectors = sessions_made[i].sectors,
						      .descriptor_lba = sessions_made[i].lba + 16,
						      .ours = true};
		w.appuse[i] = (struct appuse){.number = i + 1,
					      .start_lba = sessions_made[i].lba,
					      .sectors = sessions_made[i].sectors,
					      .flags = APPUSE_CONTENTS,
					      .contents_lba = sessions_made[i].table_lba};
	}
	memory_disc_init(&w.disc, bytes, DISC_SECTORS);
	disc_ops = *w.disc.disc.ops;
	disc_ops.state = state_of;
	disc_ops.sessions = sessions_of;
	w.disc.disc.ops = &disc_ops;
}

static void make_once(void)
{
	static bool ready;

	if (!ready) {
		for (size_t i = 0; i < sizeof(made); i += SECTOR_BYTES)
			for (size_t j = 0; j < SECTOR_BYTES; j++)
				made[i + j] = (uint8_t)(i / SECTOR_BYTES * 37 + j / 8);
		memcpy(made + 350 * SECTOR_BYTES, made + 110 * SECTOR_BYTES, 147 * SECTOR_BYTES);
		for (unsigned block = 15; block < 147; block += 19)
			made[(350 + block) * SECTOR_BYTES + 5] ^= 1;
		memset(made + 113 * SECTOR_BYTES, 0, 4 * SECTOR_BYTES);
		memset(made + 353 * SECTOR_BYTES, 0, 4 * SECTOR_BYTES);
		for (unsigned i = 0; i < N_KNOWN; i++)
			make_digest(i);
		memcpy(bytes, made, sizeof(bytes));
		ready = true;
	}
	reset();
	for (size_t i = 0; i < DISC_SECTORS; i++)
		if (touched[i])
			memcpy(bytes + i * SECTOR_BYTES, made + i * SECTOR_BYTES, SECTOR_BYTES);
	memset(touched, 0, sizeof(touched));
	put_table(0);
	put_table(1);
}

/* ---- what is staged ---- */

static int read_body(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	(void)context;
	MUST(body && body <= FILES_MAX && pos <= FILE_BYTES_MAX && length <= FILE_BYTES_MAX - pos);
	memcpy(buf, staged[body - 1] + pos, length);
	return 0;
}

static int read_disc(void *context, uint64_t pos, void *buf, size_t length)
{
	(void)context;
	return iso_read_disc(&w.disc.disc, pos, buf, length);
}

static struct held_manifest *new_manifest(void)
{
	struct held_manifest *held = calloc(1, sizeof(*held));

	MUST(held);
	held->disc = &w.disc.disc;
	held->manifest =
		(struct manifest){.nodes = bulk_zalloc(NULL, FILES_MAX + 3, sizeof(struct manifest_node)),
				  .entries = bulk_zalloc(NULL, FILES_MAX + 3, sizeof(struct manifest_entry)),
				  .extents = bulk_zalloc(NULL, EXTENTS_MAX * (FILES_MAX + 1), sizeof(struct extent)),
				  .n_nodes = 1,
				  .read_body = read_body,
				  .read_disc = read_disc,
				  .context = held};
	held->extent_space = EXTENTS_MAX * (FILES_MAX + 1);
	held->formers = bulk_zalloc(NULL, FILES_MAX * 4, sizeof(*held->formers));
	held->former_extents = bulk_zalloc(NULL, FILES_MAX * 4 * 16, sizeof(*held->former_extents));
	MUST(held->manifest.nodes && held->manifest.entries && held->manifest.extents && held->formers &&
	     held->former_extents);
	held->manifest.nodes[0] = (struct manifest_node){.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2};
	return held;
}

static uint32_t add_node(struct manifest *m, uint64_t size, uint32_t nlink)
{
	static const char *const names[] = {"", "a", "b", "c", "d", "e", "f", "g", "h"};
	uint32_t node = m->n_nodes++;

	m->nodes[node] = (struct manifest_node){
		.ino = 10 + node, .size = size, .mode = S_IFREG | 0644, .nlink = nlink, .first_extent = m->n_extents};
	m->entries[m->n_entries++] = (struct manifest_entry){.name = names[node], .node = node};
	m->nodes[0].n_entries++;
	return node;
}

/*
 * Which known content (low bits; 7: zeros), bytes more or less (number), changed blocks (number of them, then each
 * one's), names, then extents: kind, blocks, and for what is on the disc already its block; behind the last one the
 * rest is staged.
 */
static void stage_file(struct manifest *m, struct input *in, uint8_t which)
{
	unsigned i = m->n_nodes - 1;
	uint64_t size = which % 8 < N_KNOWN ? known_files[which % 8].size :
			which % 8 == 5	    ? foreign_files[1].size :
					      50000,
		 at = 0;
	struct manifest_node *n;

	memset(content[i], 0, size + 5000);
	if (which % 8 < N_KNOWN)
		copy_known(which % 8, content[i]);
	else if (which % 8 < 7)
		memcpy(content[i], made + foreign_files[which % 8 == 5].lba * SECTOR_BYTES, size);
	size += take_number(in) % 5000;
	size -= min_u64(size - 1, take_number(in) % 5000);
	for (unsigned changes = take_u8(in) % 32; changes; changes--)
		content[i][(take_u8(in) * SECTOR_BYTES + changes) % size] ^= 0x80;
	n = &m->nodes[add_node(m, size, 1 + take_u8(in) % 20)];
	while (at < size) {
		uint8_t kind = n->n_extents < EXTENTS_MAX - 1 ? take_u8(in) % 4 : 0;
		uint64_t length = kind && in->left ? (1 + take_u8(in) % 32) * SECTOR_BYTES : size - at, pos = at;

		length = min_u64(length, size - at);
		if (kind == 2)
			pos = take_u16(in) % (DISC_SECTORS - 64) * SECTOR_BYTES;
		if (kind == 1)
			memset(content[i] + at, 0, length);
		if (kind == 2)
			memcpy(content[i] + at, made + pos, length);
		m->extents[m->n_extents++] = (struct extent){.offset = at,
							     .length = length,
							     .pos = kind == 1 ? 0 : pos,
							     .body = kind == 1 || kind == 2 ? 0 : i + 1,
							     .kind = kind == 1 ? EXTENT_HOLE :
								     kind == 2 ? EXTENT_DISC :
										 EXTENT_STAGE};
		n->n_extents++;
		at += length;
	}
	memcpy(staged[i], content[i], size);
}

static void add_foreign(struct manifest *m)
{
	for (unsigned i = 0; i < 2; i++) {
		uint32_t node = add_node(m, foreign_files[i].size, 1);

		memcpy(content[node - 1], made + foreign_files[i].lba * SECTOR_BYTES, foreign_files[i].size);
		m->extents[m->n_extents++] = (struct extent){.length = foreign_files[i].size,
							     .pos = foreign_files[i].lba * SECTOR_BYTES,
							     .kind = EXTENT_DISC};
		m->nodes[node].n_extents = 1;
	}
}

/* ---- lies ---- */

static void add_former(struct held_manifest *held, struct input *in)
{
	struct former f = {.node = 1 + take_u8(in) % (held->manifest.n_nodes - 1), .first = held->n_former_extents};
	uint64_t offset = 0;

	if (held->n_formers == FILES_MAX * 4)
		return;
	for (f.n = 0; f.n < 16; f.n++) {
		uint64_t length = take_number(in) % (1ull << 44), pos = take_number(in) % (1ull << 43);

		if (!length)
			break;
		held->former_extents[held->n_former_extents++] =
			(struct extent){.offset = offset, .length = length, .pos = pos, .kind = EXTENT_DISC};
		offset += length;
	}
	f.pos = held->former_extents[f.first].pos;
	if (f.n)
		held->formers[held->n_formers++] = f;
}

static void patch(struct input *in)
{
	size_t at = take_u16(in) % DISC_SECTORS * SECTOR_BYTES + (take_u16(in) & (SECTOR_BYTES - 1)), n;
	const uint8_t *from = take_bytes(in, take_u8(in), &n);

	put(at, from, n);
}

static void step(struct held_manifest *held, struct input *in)
{
	uint8_t kind = take_u8(in), which = take_u8(in), session = which & 1;
	struct content_entry e;

	switch (kind % 7) {
	case 0:
		memcpy(e.digest, digests_made[which / 2 % N_KNOWN], sizeof(e.digest));
		e.size = take_number(in);
		e.where = (uint32_t)take_number(in);
		e.n_runs = (uint32_t)take_number(in);
		put_entry(session, take_u8(in), &e);
		break;
	case 1:
		e.where = (uint32_t)take_number(in);
		put_run(session, which / 2, e.where, (uint32_t)take_number(in));
		break;
	case 2:
		w.n_entries[session] = (uint32_t)take_number(in);
		w.n_runs[session] = (uint32_t)take_number(in);
		put_head(session);
		break;
	case 3:
		w.appuse[session].contents_lba = (uint32_t)take_number(in);
		put_head(session);
		break;
	case 4:
		w.sessions[session].start_lba = (uint32_t)take_number(in);
		w.sessions[session].sectors = (uint32_t)take_number(in);
		w.sessions[session].ours = which & 2;
		w.sessions[session].broken = which & 4;
		break;
	case 5:
		add_former(held, in);
		break;
	default:
		patch(in);
	}
}

/* ---- what must hold ---- */

/* Covers the file, and reads as it did, unless what it was told to lie on has been changed meanwhile. */
static void check_node(const struct manifest *m, uint32_t node, const struct extent *e, uint32_t n)
{
	static uint8_t got[FILE_BYTES_MAX];
	struct manifest_node shown = m->nodes[node];
	struct manifest view = *m;
	uint64_t at = 0;

	for (uint32_t i = 0; i < n; i++) {
		MUST(e[i].offset == at && e[i].length);
		MUST(e[i].kind != EXTENT_DISC || e[i].pos + e[i].length <= sizeof(bytes));
		at += e[i].length;
	}
	MUST(at == shown.size);
	shown.first_extent = (uint32_t)(e - m->extents);
	shown.n_extents = n;
	view.nodes = &shown;
	MUST(manifest_read(&view, 0, 0, got, shown.size) == 0);
	MUST(!memcmp(got, content[node - 1], shown.size));
}

/* Content that the tree itself has on the disc is what the disc says now. */
static void settle_contents(const struct manifest *m)
{
	for (uint32_t node = 1; node < m->n_nodes; node++)
		for (uint32_t i = 0; i < m->nodes[node].n_extents; i++) {
			const struct extent *e = &m->extents[m->nodes[node].first_extent + i];

			if (e->kind == EXTENT_DISC)
				memcpy(content[node - 1] + e->offset, bytes + e->pos, e->length);
		}
}

static uint64_t plan_sectors(const struct manifest *m, struct burn_plan **ret)
{
	const struct burn_options o = {.start_lba = DISC_SECTORS,
				       .session_number = 3,
				       .previous_lba = 320,
				       .previous_descriptor_lba = 336,
				       .previous_number = 2,
				       .overwritable = w.overwritable,
				       .pieces = w.pieces,
				       .next_ino = 1000,
				       .align_end_sectors = 1};
	struct burn_cost cost;

	MUST(burn_plan_new(m, &o, ret) == 0);
	burn_plan_cost(*ret, &cost);
	return cost.append_sectors;
}

static void check_placements(const struct manifest *m, const struct burn_plan *plan)
{
	_bulk_ struct burn_placement *data = NULL;
	_bulk_ struct burn_hole *holes = NULL;
	size_t n = 0, n_holes = 0;

	MUST(burned_data(m, plan, &data, &n) == 0 && burned_holes(m, plan, &holes, &n_holes) == 0);
	for (size_t i = 0; i < n; i++) {
		MUST(data[i].length && data[i].pos + data[i].length <= FILE_BYTES_MAX);
		MUST(!i || data[i].body > data[i - 1].body || data[i].pos >= data[i - 1].pos + data[i - 1].length);
		MUST(data[i].disc_pos + data[i].length > sizeof(bytes) ||
		     !memcmp(bytes + data[i].disc_pos, staged[data[i].body - 1] + data[i].pos, data[i].length));
	}
	for (size_t i = 0; i < n_holes; i++) {
		MUST(!i || holes[i].ino > holes[i - 1].ino ||
		     holes[i].offset >= holes[i - 1].offset + holes[i - 1].length);
		for (uint64_t at = 0; holes[i].disc_pos + holes[i].length <= sizeof(bytes) && at < holes[i].length;
		     at++)
			MUST(!bytes[holes[i].disc_pos + at]);
	}
}

static void check_shared(const struct held_manifest *held, uint64_t before_sectors, uint32_t n_files)
{
	const struct manifest *m = &held->manifest;
	_cleanup_(burn_plan_freep) struct burn_plan *plan = NULL;

	for (uint32_t node = 1; node < m->n_nodes; node++)
		check_node(m, node, m->extents + m->nodes[node].first_extent, m->nodes[node].n_extents);
	for (uint32_t i = 0; i < held->n_remapped; i++) {
		MUST(!i || held->remapped[i].node > held->remapped[i - 1].node);
		check_node(m, held->remapped[i].node, m->extents + held->remapped[i].first, held->remapped[i].n);
	}
	for (uint32_t i = 0; i < m->n_digests; i++)
		MUST(m->digests[i].node < m->n_nodes &&
		     (!i || memcmp(m->digests[i - 1].digest, m->digests[i].digest, CONTENT_DIGEST_BYTES) <= 0));
	/* One block and its records for each: a file that begins like another gets its first block afresh. */
	MUST(plan_sectors(m, &plan) <= before_sectors + bound_contents_sectors(n_files) + 3 * n_files ||
	     w.pieces.share == SHARE_AUTO); /* there all of it */
	check_placements(m, plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t flags = take_u8(&in), which;
	const struct pieces_rule rule = {flags & 8 ? SHARE_AUTO : SHARE_BLOCKS, 8192};
	const struct share_options options = {.pieces = rule, .drive = flags & 1};
	struct burn_plan *before = NULL;
	struct held_manifest *held;
	uint64_t before_sectors;

	make_once();
	w.overwritable = flags & 2;
	w.pieces = rule;
	if (flags & 4)
		w.disc.used_sectors = (uint32_t)min_u64(take_number(&in), DISC_SECTORS);
	held = new_manifest();
	while (held->manifest.n_nodes <= FILES_MAX && in.left && !((which = take_u8(&in)) & 0x80))
		stage_file(&held->manifest, &in, which);
	add_foreign(&held->manifest);
	for (unsigned i = 0; i < STEPS_MAX && in.left; i++)
		step(held, &in);
	settle_contents(&held->manifest);
	before_sectors = plan_sectors(&held->manifest, &before);
	burn_plan_free(before);
	w.disc.n_reads = 0;
	MUST(manifest_share(&held->manifest, &options) == 0);
	MUST(w.disc.n_reads < READS_MAX);
	check_shared(held, before_sectors, held->manifest.n_nodes - 3);
	manifest_free(&held->manifest);
	return 0;
}
