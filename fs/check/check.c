/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.c - the sessions of a disc: what of each is read, and what follows from it
 *
 * On media with a head everything up to the end of the newest session is read, also what lies between sessions: that
 * of a first session which another program has hidden is named by newer trees.  On others only the sessions are, since
 * what lies between them cannot be.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"

#define NOBODY SIZE_MAX /* owner of blocks between the sessions */

struct checking {
	struct disc *disc;
	const struct check_options *options;
	struct check_report *report;
	struct seal *seals;	 /* one for each session */
	struct adopted *adopted; /* what they say of others' */
	struct sweep_span *spans;
	size_t n_spans, room;
	struct ranges ranges;
	uint64_t end_sectors; /* of the disc: what is told to lie beyond it is missing */
	bool has_head;
	uint32_t floor_lba; /* what lies below is written with each session */
};

static void checking_release(struct checking *c)
{
	for (size_t i = 0; c->seals && i < c->report->n_sessions; i++)
		seal_release(&c->seals[i]);
	free(c->seals);
	if (c->adopted)
		adopted_free(c->adopted);
	free(c->spans);
	ranges_release(&c->ranges);
}

/* ---- what is read ---- */

static bool is_asked(const struct checking *c, const struct check_session *s)
{
	return (!c->options->session || c->options->session == s->disc.number) && s->verdict != CHECK_FAILED_BURN;
}

/* Of a span, the pieces that begin in what was asked for, or reach into it. */
static void narrow(const struct check_options *o, uint32_t unit, uint64_t *first, uint64_t *last)
{
	uint64_t from = *first, to = *last;

	if (o->from_lba > from)
		*first = o->from_lba >= to ? to : from + (o->from_lba - from) / unit * unit;
	if (o->to_lba && o->to_lba < to)
		*last = o->to_lba <= from ? from : min_u64(from + round_up(o->to_lba - from, unit), to);
}

static int keep_span(struct checking *c, struct sweep_span span)
{
	if (grow(&c->spans, &c->room, c->n_spans, sizeof(*c->spans)))
		return -ENOMEM;
	c->spans[c->n_spans++] = span;
	return 0;
}

/* begin: of the owner.  Blocks beyond the end of an image that was cut off are missing. */
static int add_span(struct checking *c, uint64_t begin, uint64_t from, uint64_t to, size_t owner, bool adopted)
{
	int r = 0;
	uint32_t unit = owner == NOBODY ? 0 : seal_piece_sectors(&c->seals[owner]);
	uint64_t there = min_u64(to, max_u64(from, c->end_sectors)), first = from, last = there;

	c->report->end_lba = to;
	narrow(c->options, unit ? unit : SWEEP_PIECE_SECTORS, &first, &last);
	if (last > first)
		r = keep_span(c, (struct sweep_span){.lba = (uint32_t)first,
						     .sectors = last - first,
						     .at = (uint32_t)(first - begin),
						     .piece_sectors = unit,
						     .owner = owner,
						     .adopted = adopted});
	if (r || to == there)
		return r;
	if (owner != NOBODY)
		c->report->sessions[owner].missing_sectors += to - there;
	c->report->missing_sectors += to - there;
	return ranges_add(&c->ranges, (uint32_t)there, (uint32_t)(to - there), CHECK_MISSING);
}

/* Of a session that has no digests of its own, those of its blocks that are adopted are a matter of their own. */
static int add_spans(struct checking *c, uint64_t from, uint64_t to, size_t owner)
{
	struct check_session *s = owner == NOBODY ? NULL : &c->report->sessions[owner];
	int r = 0;

	if (s && s->ours)
		return add_span(c, from, from, to, owner, false);
	for (uint64_t at = from, n; at < to && !r; at += n) {
		bool adopted;

		n = adoption_stretch(c->adopted, at, to, &adopted);
		if (s && !adopted)
			s->bare_sectors += at + n > c->floor_lba ? at + n - max_u64(at, c->floor_lba) : 0;
		else if (s && s->proof == CHECK_PROOF_NONE)
			s->proof = CHECK_PROOF_ADOPTED;
		r = add_span(c, from, at, at + n, owner, adopted);
	}
	return r;
}

static int plan_spans(struct checking *c, uint64_t used_sectors)
{
	struct check_report *report = c->report;
	bool all = c->has_head && !c->options->session;
	uint64_t at = 0;
	int r = 0;

	for (size_t i = 0; i < report->n_sessions && !r; i++) {
		const struct disc_session *s = &report->sessions[i].disc;
		uint64_t start = max_u64(s->start_lba, at), end = (uint64_t)s->start_lba + s->sectors;

		if (i + 1 < report->n_sessions)
			end = min_u64(end, report->sessions[i + 1].disc.start_lba);
		end = max_u64(min_u64(end, UINT32_MAX), start);
		if (all && start > at)
			r = add_spans(c, at, start, NOBODY);
		if (!r && is_asked(c, &report->sessions[i]))
			r = add_spans(c, start, end, i);
		at = end;
	}
	if (!r && all && min_u64(used_sectors, UINT32_MAX) > at)
		r = add_spans(c, at, min_u64(used_sectors, UINT32_MAX), NOBODY);
	return r;
}

static int list_sessions(struct checking *c)
{
	_free_ struct disc_session *list = NULL;
	struct check_report *report = c->report;
	size_t n = 0;
	const struct check_session *before = NULL;
	bool is_there = !c->options->session;
	int r = disc_sessions(c->disc, &list, &n);

	if (r)
		return r;
	report->sessions = calloc(n + 1, sizeof(*report->sessions));
	c->seals = calloc(n + 1, sizeof(*c->seals));
	if (!report->sessions || !c->seals)
		return -ENOMEM;
	report->n_sessions = n;
	for (size_t i = 0; i < n && !r; i++) {
		struct check_session *s = &report->sessions[i];

		s->disc = list[i];
		is_there |= list[i].number == c->options->session;
		/* On media with a head a session that cannot be mounted is one whose root is gone. */
		if (list[i].broken && !c->has_head)
			s->verdict = CHECK_FAILED_BURN;
		else
			r = seal_open(c->disc, s, before, &c->seals[i]);
		before = s->ours && s->verdict != CHECK_FAILED_BURN ? s : before;
	}
	if (!r)
		r = adoption_open(c->disc, c->floor_lba, c->seals, n, &c->adopted);
	return r ? r : is_there ? 0 : -ENOENT;
}

static int look_at_disc(struct checking *c, uint64_t *ret_used)
{
	struct disc_state state;
	uint64_t bytes = 0;
	int r = disc_state(c->disc, &state);

	if (!r)
		r = disc_image_bytes(c->disc, &bytes);
	if (r)
		return r;
	c->has_head = state.overwritable;
	c->floor_lba = state.overwritable ? FIRST_SESSION_LBA : 0;
	c->end_sectors = bytes ? bytes / SECTOR_BYTES : state.there_sectors ? state.there_sectors : UINT32_MAX;
	*ret_used = state.used_sectors;
	return 0;
}

/* Where nothing proves the head it has to be one at least: what begins it can be no other. */
static int look_at_first(struct checking *c)
{
	uint8_t sector[SECTOR_BYTES];
	int r = disc_read(c->disc, DESCRIPTORS_LBA, sector, 1);

	if (r || is_volume_descriptor(sector))
		return r;
	c->report->altered_sectors++;
	return ranges_add(&c->ranges, DESCRIPTORS_LBA, 1, CHECK_ALTERED);
}

/* What can be read of the head and is not what the newest session says: whatever else is asked for, before anything is
 * called sound.  Blocks that cannot be read are told when all are. */
static int look_at_head(struct checking *c)
{
	const struct check_options *o = c->options;
	struct check_report *report = c->report;
	_free_ struct disc_session *list = NULL;
	uint8_t head[DISC_HEAD_BYTES], sector[SECTOR_BYTES];
	size_t n = 0;
	int r;

	if (!c->has_head || o->session || o->from_lba > DESCRIPTORS_LBA || (o->to_lba && o->to_lba <= DESCRIPTORS_LBA))
		return 0;
	r = disc_sessions(c->disc, &list, &n);
	if (!r)
		r = proof_head(c->disc, list, n, head);
	if (r == -ENODATA) {
		r = n ? look_at_first(c) : 0;
		return reader_is_of_blocks(r) ? 0 : r;
	}
	for (uint32_t i = 0; i < DESCRIPTORS_SECTORS && !r; i++) {
		r = disc_read(c->disc, DESCRIPTORS_LBA + i, sector, 1);
		if (!r && memcmp(sector, head + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) != 0) {
			report->altered_sectors++;
			r = ranges_add(&c->ranges, DESCRIPTORS_LBA + i, 1, CHECK_ALTERED);
		}
		r = reader_is_of_blocks(r) ? 0 : r;
	}
	return reader_is_of_blocks(r) ? 0 : r;
}

/* ---- while it is read ---- */

static int note_bad(struct checking *c, const struct sweep_piece *p)
{
	struct check_session *s = p->owner == NOBODY ? NULL : &c->report->sessions[p->owner];
	uint32_t n_altered = 0;
	int r = 0;

	for (uint32_t i = 0; i < p->n_sectors && !r; i++) {
		bool altered = p->bad[i] == READER_ALTERED;

		n_altered += altered;
		if (p->bad[i])
			r = ranges_add(&c->ranges, p->lba + i, 1, altered ? CHECK_ALTERED : CHECK_UNREADABLE);
	}
	c->report->unreadable_sectors += p->n_bad - n_altered;
	if (s)
		s->unreadable_sectors += p->n_bad - n_altered;
	*(s ? &s->altered_sectors : &c->report->altered_sectors) += n_altered;
	return r;
}

static int prepare(void *context, struct sweep_piece *p)
{
	struct checking *c = context;

	((struct parts *)p->scratch)->n = 0;
	if (p->adopted)
		return adoption_prepare(c->adopted, p);
	if (p->owner == NOBODY)
		return 0;
	return seal_prepare(&c->seals[p->owner], &c->report->sessions[p->owner], p);
}

static int each(void *context, struct sweep_piece *p)
{
	(void)context;
	return parts_compare(p);
}

static int in_order(void *context, struct sweep_piece *p)
{
	struct checking *c = context;
	struct check_session *s = p->owner == NOBODY ? NULL : &c->report->sessions[p->owner];
	uint64_t unproven = 0; /* of nobody */
	int r = p->n_bad ? note_bad(c, p) : 0;

	if (!r && p->adopted)
		r = parts_count(p, s ? &s->unproven_sectors : &unproven,
				s ? &s->altered_sectors : &c->report->altered_sectors, &c->ranges);
	if (!r && s)
		r = seal_in_order(&c->seals[p->owner], s, p, &c->ranges);
	if (s)
		s->read_sectors += p->n_sectors;
	if (!r && c->options->reached)
		c->options->reached(c->options->progress.context, (uint64_t)p->lba + p->n_sectors, c->ranges.n != 0);
	return r;
}

static int read_all(struct checking *c)
{
	const struct sweep sweep = {.disc = c->disc,
				    .spans = c->spans,
				    .n_spans = c->n_spans,
				    .scratch_bytes = sizeof(struct parts),
				    .prepare = prepare,
				    .each = each,
				    .in_order = in_order,
				    .context = c,
				    .exact = c->options->exact,
				    .until_ns = c->options->until_ns,
				    .progress = &c->options->progress};
	struct sweep_account account;
	int r = sweep_run(&sweep, &account);

	c->report->read_sectors = account.read_sectors;
	c->report->retries = account.retries;
	c->report->finished = account.finished;
	c->report->read_ns = account.read_ns;
	for (size_t i = 0; i < c->report->n_sessions && !r; i++) {
		struct check_session *s = &c->report->sessions[i];

		c->report->altered_sectors += s->altered_sectors;
		if (is_asked(c, s))
			r = seal_end(&c->seals[i], s);
		if (s->proof == CHECK_PROOF_ADOPTED)
			s->compared = !s->bare_sectors && !s->unproven_sectors && !s->missing_sectors &&
				      s->read_sectors == s->disc.sectors;
	}
	ranges_settle(&c->ranges);
	c->report->too_many = c->ranges.too_many;
	return r;
}

/* ---- what follows from it ---- */

static bool is_part(const struct checking *c)
{
	return c->options->from_lba || c->options->to_lba || !c->report->finished;
}

static bool is_unproven(const struct check_session *s)
{
	return s->proof == CHECK_PROOF_NONE || (s->proof == CHECK_PROOF_ADOPTED && !s->compared);
}

/* A tree is read when there is something to be named in it, and when nothing proves that it makes sense; that of the
 * newest session in any case. */
static bool is_to_be_walked(const struct checking *c, size_t i)
{
	const struct check_session *s = &c->report->sessions[i];

	if (s->verdict == CHECK_FAILED_BURN || (!is_asked(c, s) && !c->ranges.n))
		return false;
	return c->ranges.n || (!is_part(c) && (i + 1 == c->report->n_sessions || is_unproven(s) || s->differs ||
					       c->seals[i].record_lost));
}

static void judge(const struct checking *c, struct check_session *s, const struct seal *seal)
{
	if (!is_asked(c, s))
		return;
	/* Of what another program has padded its session with, nothing is missed. */
	if (s->unreadable_sectors || s->altered_sectors || (s->missing_sectors && (s->ours || s->damaged)) ||
	    s->differs || s->table_damaged || seal->record_lost || s->lost_directories ||
	    s->chain == CHECK_CHAIN_BROKEN || s->chain == CHECK_CHAIN_UNREADABLE)
		s->verdict = CHECK_DAMAGED;
	else if (s->read_sectors + s->missing_sectors < s->disc.sectors && is_part(c))
		s->verdict = s->read_sectors ? CHECK_PART : CHECK_NOT_READ;
	else if (is_unproven(s))
		s->verdict = CHECK_READABLE;
	else
		s->verdict = s->compared ? CHECK_SOUND : CHECK_NOT_COMPARED;
}

static int look_at_sums(struct checking *c)
{
	const struct sums_asked asked = {.disc = c->disc,
					 .sessions = c->report->sessions,
					 .seals = c->seals,
					 .n_sessions = c->report->n_sessions,
					 .ranges = &c->ranges,
					 .end_sectors = min_u64(c->end_sectors, c->report->end_lba),
					 .unreadable_sectors = &c->report->unreadable_sectors,
					 .progress = &c->options->progress};
	int r = is_part(c) || c->options->session ? 0 : sums_look(&asked);

	c->report->too_many |= c->ranges.too_many;
	return r;
}

static int name_damage(struct checking *c)
{
	const struct naming n = {.disc = c->disc,
				 .report = c->report,
				 .ranges = &c->ranges,
				 .names_max = c->options->names_max,
				 .end_sectors = c->end_sectors,
				 .progress = &c->options->progress};
	int r = naming_disc(&n);

	for (size_t i = c->report->n_sessions; i-- > 0 && !r;) {
		struct check_session *s = &c->report->sessions[i];

		if (is_asked(c, s))
			r = naming_session(&n, s, &c->seals[i]);
		if (!r && is_to_be_walked(c, i))
			r = naming_tree(&n, s);
	}
	return r;
}

static void conclude(struct checking *c)
{
	struct check_report *report = c->report;
	report->partial = is_part(c) || c->options->session;
	report->proven = report->n_sessions > 0;
	report->sound = !report->damaged && !report->unreadable_sectors && !report->altered_sectors;
	for (size_t i = 0; i < report->n_sessions; i++) {
		struct check_session *s = &report->sessions[i];

		judge(c, s, &c->seals[i]);
		report->proven &= s->verdict == CHECK_SOUND;
		report->sound &= s->verdict != CHECK_DAMAGED && s->verdict != CHECK_NOT_COMPARED;
	}
}

int check_run(struct disc *disc, const struct check_options *options, struct check_report *ret)
{
	_cleanup_(checking_release) struct checking c = {.disc = disc, .options = options, .report = ret};
	uint64_t used = 0;
	int r;

	*ret = (struct check_report){.n_sessions = 0};
	ranges_init(&c.ranges);
	r = look_at_disc(&c, &used);
	if (!r)
		r = list_sessions(&c);
	if (!r)
		r = plan_spans(&c, used);
	if (!r)
		r = look_at_head(&c);
	if (!r)
		r = read_all(&c);
	if (!r)
		r = look_at_sums(&c);
	if (!r)
		r = name_damage(&c);
	if (!r)
		conclude(&c);
	return r;
}

void check_report_release(struct check_report *r)
{
	for (size_t i = 0; i < r->n_damage; i++)
		free(r->damage[i].what);
	free(r->damage);
	free(r->sessions);
	*r = (struct check_report){.n_sessions = 0};
}
