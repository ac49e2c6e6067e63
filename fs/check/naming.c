/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * naming.c - what lies on the damaged blocks: files and directories of each tree, and what else is in a session
 *
 * A file of an older session that newer trees name too is named in each of them.  A tree that cannot be read names
 * nothing: then that is told.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/format/geometry.h"
#include "cdappendfs/session_part.h"

#define SET_TERMINATOR 255

struct tree {
	const struct naming *n;
	struct check_session *session;
	bool directories_only;	/* another tree of the same files */
	enum session_part kind; /* of its directories */
};

static int list(const struct naming *n, struct check_damage damage, const char *what)
{
	struct check_report *r = n->report;
	struct check_damage *grown;

	damage.what = strdup(what);
	if (!damage.what)
		return -ENOMEM;
	if (!(r->n_damage & (r->n_damage - 1))) { /* none, or a power of 2 */
		grown = reallocarray(r->damage, r->n_damage ? 2 * r->n_damage : 1, sizeof(*grown));
		if (!grown) {
			free(damage.what);
			return -ENOMEM;
		}
		r->damage = grown;
	}
	r->damage[r->n_damage++] = damage;
	return 0;
}

/* session NULL: of the disc. */
static int add(const struct naming *n, struct check_session *session, struct check_damage damage, const char *what)
{
	n->report->damaged++;
	if (session) {
		damage.session = session->disc.number;
		session->damaged++;
		if (n->names_max && session->listed >= n->names_max)
			return 0;
		session->listed++;
	}
	return list(n, damage, what);
}

static enum check_problem worst(const uint64_t hit[4])
{
	return hit[CHECK_MISSING] ? CHECK_MISSING : hit[CHECK_UNREADABLE] ? CHECK_UNREADABLE : CHECK_ALTERED;
}

static uint64_t sum(const uint64_t hit[4]) { return hit[CHECK_MISSING] + hit[CHECK_UNREADABLE] + hit[CHECK_ALTERED]; }

/* ---- what a session consists of ---- */

static int named(const struct naming *n, struct check_session *session, const char *name, uint64_t lba,
		 uint64_t sectors)
{
	uint64_t hit[4] = {0}, first = 0;

	if (!ranges_hit(n->ranges, lba * SECTOR_BYTES, sectors * SECTOR_BYTES, hit, &first))
		return 0;
	return add(n, session,
		   (struct check_damage){.problem = worst(hit),
					 .bytes = sum(hit),
					 .offset = first - lba * SECTOR_BYTES},
		   name);
}

static int part(const struct naming *n, struct check_session *session, enum session_part what, uint64_t lba,
		uint64_t sectors)
{
	return named(n, session, session_part_text(what), lba, sectors);
}

/* Blocks of the set that begins there, up to its terminator (ECMA-119 8.3); one that cannot be read is one of it. */
static uint32_t set_length(struct disc *disc, uint64_t lba)
{
	uint8_t sector[SECTOR_BYTES];
	uint32_t n = 0;
	bool ends = false;

	while (!ends && n < DESCRIPTORS_SECTORS && lba + n <= UINT32_MAX)
		ends = disc_read(disc, (uint32_t)lba + n++, sector, 1) == 0 && sector[0] == SET_TERMINATOR;
	return n;
}

static int descriptors(const struct naming *n, struct check_session *session)
{
	uint64_t start = session->disc.start_lba,
		 at = session->ours ? start + SESSION_DESCRIPTORS : session->disc.descriptor_lba;
	int r = n->ranges->n ? part(n, session, PART_DESCRIPTORS, at, set_length(n->disc, at)) : 0;

	if (!r && session->ours)
		r = part(n, session, PART_ABSOLUTE_DESCRIPTORS, start + SESSION_ABSOLUTE_DESCRIPTORS,
			 SESSION_MESSAGE - SESSION_ABSOLUTE_DESCRIPTORS);
	if (!r && session->disc.has_message)
		r = part(n, session, PART_MESSAGE, start + SESSION_MESSAGE, 1);
	if (!r && session->disc.adoption_sectors)
		r = part(n, session, PART_ADOPTION, session->disc.adoption_lba, session->disc.adoption_sectors);
	if (!r && session->disc.parity_sectors)
		r = part(n, session, PART_PARITY, session->disc.parity_lba, session->disc.parity_sectors);
	return r;
}

/* Its one block can be read and is none, or cannot. */
static int record(const struct naming *n, struct check_session *session, const struct seal *seal)
{
	uint64_t lba = (uint64_t)session->disc.start_lba + session->disc.sectors - 1, told = session->damaged;
	int r = session->ours ? part(n, session, PART_RECORD, lba, 1) : 0;

	if (session->proof == CHECK_PROOF_MD5 && seal->record_lost)
		return add(n, session, (struct check_damage){.problem = CHECK_ALTERED}, "checksum tags");
	if (r || !seal->record_lost || session->damaged != told)
		return r;
	return add(n, session, (struct check_damage){.problem = CHECK_ALTERED, .bytes = SECTOR_BYTES},
		   session_part_text(PART_RECORD));
}

static int digest_table(const struct naming *n, struct check_session *session, const struct seal *seal)
{
	const struct commit_record *c = &seal->record;
	uint64_t told = session->damaged;
	/* Where the record is lost, too, blocks that cannot be read there are of it only if there was one. */
	bool is_there =
		seal->assumed ? session->table_damaged || seal->matched_sectors : session->proof == CHECK_PROOF_TABLE;
	int r = is_there ? part(n, session, PART_DIGESTS, c->table_lba, c->table_sectors) : 0;

	if (r || !session->table_damaged || session->damaged != told)
		return r;
	return add(n, session, (struct check_damage){.problem = CHECK_ALTERED}, session_part_text(PART_DIGESTS));
}

static int chain(const struct naming *n, struct check_session *session)
{
	if (session->chain != CHECK_CHAIN_BROKEN && session->chain != CHECK_CHAIN_UNREADABLE)
		return 0;
	return add(n, session,
		   (struct check_damage){.problem = session->chain == CHECK_CHAIN_BROKEN ? CHECK_ALTERED :
											   CHECK_UNREADABLE},
		   "the chain to the session before it");
}

static int path_tables(const struct naming *n, struct check_session *session, const struct iso_info *info)
{
	static const enum session_part parts[2][2] = {{PART_PATH_TABLE_L, PART_PATH_TABLE_M},
						      {PART_JOLIET_TABLE_L, PART_JOLIET_TABLE_M}};
	int r = 0;

	for (unsigned i = 0; i < 4 && !r; i++) {
		const struct iso_table *t = &info->tables[i / 2];

		if (t->bytes && t->lba[i % 2])
			r = part(n, session, parts[i / 2][i % 2], t->lba[i % 2], sectors_of(t->bytes));
	}
	return r;
}

static int tables(const struct naming *n, struct check_session *session, const struct iso_info *info)
{
	const struct appuse *a = &info->appuse;
	int r = path_tables(n, session, info);

	if (!r && info->ours && a->flags & APPUSE_LINKS)
		r = part(n, session, PART_LINKS, a->links_lba, sectors_of(a->links_bytes));
	if (!r && info->ours && a->flags & APPUSE_CONTENTS)
		r = part(n, session, PART_CONTENTS, a->contents_lba, sectors_of(a->contents_bytes));
	return r;
}

/* ---- what its tree names ---- */

static int take_file(const struct tree *t, const char *path, const struct iso_entry *e)
{
	uint64_t hit[4] = {0}, first = UINT64_MAX, end = t->n->end_sectors * SECTOR_BYTES;

	for (uint32_t i = 0; i < e->n_extents; i++) {
		const struct extent *x = &e->extents[i];
		uint64_t at = 0;

		if (x->pos + x->length > end) { /* also where interleaved ones are: nowhere */
			hit[CHECK_MISSING] += x->pos >= end ? x->length : x->pos + x->length - end;
			first = min_u64(first, x->offset + (x->pos >= end ? 0 : end - x->pos));
		}
		if (ranges_hit(t->n->ranges, x->pos, x->length, hit, &at))
			first = min_u64(first, x->offset + (at - x->pos));
	}
	if (!sum(hit))
		return 0;
	return add(t->n, t->session,
		   (struct check_damage){.is_path = true,
					 .problem = worst(hit),
					 .bytes = min_u64(sum(hit), e->size),
					 .offset = first},
		   path);
}

static int add_in_tree(const struct tree *t, const char *path, struct check_damage damage)
{
	_free_ char *what = NULL;

	if (t->kind == PART_DIRECTORY) {
		damage.is_path = true;
		return add(t->n, t->session, damage, path);
	}
	if (asprintf(&what, "%s%s", session_part_text(t->kind), path) < 0)
		what = NULL;
	return what ? add(t->n, t->session, damage, what) : -ENOMEM;
}

/* Its records, their areas and, of ours, its Joliet twin. */
static int take_directory(const struct tree *t, const char *path, const struct iso_entry *e)
{
	uint64_t hit[4] = {0}, first = 0, pos = (uint64_t)e->dir.lba * SECTOR_BYTES;
	uint64_t bytes = round_up(e->dir.bytes, SECTOR_BYTES) + (uint64_t)e->area_sectors * SECTOR_BYTES;

	if (ranges_hit(t->n->ranges, pos, bytes, hit, &first))
		return add_in_tree(t, path,
				   (struct check_damage){.problem = worst(hit),
							 .bytes = sum(hit),
							 .offset = first - pos});
	return 0;
}

static int found(void *context, const char *path, const struct iso_entry *e)
{
	const struct tree *t = context;
	struct check_session *s = t->session;

	if (S_ISDIR(e->mode)) {
		s->directories += !t->directories_only;
		return burn_is_cancelled(t->n->progress) ? -ECANCELED : take_directory(t, path, e);
	}
	s->files += !t->directories_only;
	return t->directories_only || !e->n_extents ? 0 : take_file(t, path, e);
}

/* What lies below is not known.  Where its blocks are damaged that was told already. */
static int lost(void *context, const char *path, struct iso_extent at, int error)
{
	const struct tree *t = context;
	uint64_t hit[4] = {0}, first = 0;

	t->session->lost_directories++;
	if (ranges_hit(t->n->ranges, (uint64_t)at.lba * SECTOR_BYTES, round_up(at.bytes, SECTOR_BYTES), hit, &first))
		return 0;
	return add_in_tree(t, path,
			   (struct check_damage){.problem = error == -EBADMSG ? CHECK_SENSELESS : CHECK_UNREADABLE});
}

static int walk(struct tree *t, struct iso *iso)
{
	char where[ISO_WHERE_BYTES];

	return iso_walk(iso, &(struct iso_walk){.found = found, .lost = lost, .context = t}, where);
}

static int other_trees(struct tree *t, struct iso *iso)
{
	uint32_t at = 0;
	int r = 0;

	t->directories_only = true;
	while (!r) {
		_cleanup_(iso_unrefp) struct iso *other = NULL;
		struct iso_info info;

		r = iso_open_other(iso, &at, &other);
		if (r == -ENOENT)
			return 0;
		if (disc_is_damage(r)) {
			t->session->lost_directories++;
			return add(t->n, t->session,
				   (struct check_damage){.problem = r == -EIO ? CHECK_UNREADABLE : CHECK_SENSELESS},
				   "another tree of it (Joliet, or plain names)");
		}
		if (r)
			return r;
		iso_info(other, &info);
		t->kind = info.joliet ? PART_JOLIET_DIRECTORY : PART_PLAIN_DIRECTORY;
		r = walk(t, other);
	}
	return r;
}

int naming_session(const struct naming *n, struct check_session *session, const struct seal *seal)
{
	int r = descriptors(n, session);

	if (!r)
		r = record(n, session, seal);
	if (!r)
		r = digest_table(n, session, seal);
	return r ? r : chain(n, session);
}

int naming_tree(const struct naming *n, struct check_session *session)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	struct tree t = {.n = n, .session = session, .kind = PART_DIRECTORY};
	struct iso_info info;
	int r = iso_open(n->disc, session->disc.descriptor_lba, &iso);

	if (disc_is_damage(r) || r == -EMEDIUMTYPE)
		return add(n, session, (struct check_damage){.problem = r == -EIO ? CHECK_UNREADABLE : CHECK_SENSELESS},
			   "its tree as a whole: the names of its files are not known");
	if (r)
		return r;
	iso_info(iso, &info);
	r = tables(n, session, &info);
	session->walked = true;
	if (!r)
		r = walk(&t, iso);
	return r ? r : other_trees(&t, iso);
}

/* ---- the disc ---- */

/* Of ours, the oldest one that was found names one before it: that is lost, and with it the way to those below. */
static int older_sessions(const struct naming *n)
{
	const struct check_session *s = n->report->n_sessions ? n->report->sessions : NULL;
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	char what[160];
	struct iso_info info;

	if (!s || !s->ours || s->disc.broken || iso_open(n->disc, s->disc.descriptor_lba, &iso))
		return 0;
	iso_info(iso, &info);
	if (!info.ours || info.appuse.previous_lba == APPUSE_NONE)
		return 0;
	snprintf(what, sizeof(what),
		 "the session before it, which begins at block %" PRIu32
		 ", and those below: its volume descriptors are not there",
		 info.appuse.previous_lba);
	return add(n, NULL, (struct check_damage){.session = s->disc.number, .problem = CHECK_SENSELESS}, what);
}

/* Numbers of ours that are left out: the way back led past them. */
static int lost_sessions(const struct naming *n)
{
	const struct check_report *report = n->report;
	char what[120];
	int r = 0;

	for (size_t i = 1; i < report->n_sessions && !r; i++) {
		uint32_t before = report->sessions[i - 1].disc.number, number = report->sessions[i].disc.number;

		if (number <= before + 1)
			continue;
		snprintf(what, sizeof(what), "sessions %" PRIu32 " to %" PRIu32 ", which are not found", before + 1,
			 number - 1);
		r = add(n, NULL, (struct check_damage){.problem = CHECK_MISSING}, what);
	}
	return r;
}

int naming_disc(const struct naming *n)
{
	int r = named(n, NULL, "the head of the disc (blocks 16 to 31), which says where the newest session is",
		      DESCRIPTORS_LBA, DESCRIPTORS_SECTORS);

	if (!r)
		r = named(n, NULL, "the system area of the disc (blocks 0 to 15)", 0, SYSTEM_AREA_SECTORS);
	if (!r)
		r = lost_sessions(n);
	return r ? r : older_sessions(n);
}
