/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/check_part.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "burner/base/own.h"
#include "burner/base/bytes.h"
#include "burner/base/printable.h"
#include "burner/base/time.h"
#include "fs/cmd/command.h"
#include "fs/stage/stage.h"

#define KEEP_EVERY_MS 500
#define DIRECTORY "checks"

static bool needs_memory(const struct part_asked *a) { return a->minutes != 0; }

static int no_memory(struct part *p, const char *path, int r, const char *why)
{
	close_fd(&p->fd);
	if (needs_memory(p->asked))
		return command_fail(
			"%s: where the last check ended cannot be known: %s; give another place with --state=", path,
			why ? why : strerror(-r));
	command_note("%s: this check is not remembered: %s", path, why ? why : strerror(-r));
	return COMMAND_DONE;
}

int part_begin(struct part *p, const struct part_asked *asked, struct disc *disc, const char *path)
{
	struct disc_identity identity;
	struct disc_state state;
	_free_ char *why = NULL;
	int r = disc_state(disc, &state);

	*p = (struct part){.asked = asked, .fd = -1, .kept_ms = now_ms()};
	if (r)
		return command_fail("%s: %s", path, strerror(-r));
	p->is_drive = state.kind != MEDIUM_IMAGE && state.kind != MEDIUM_CONTAINER;
	p->end_sectors = min_u64(state.used_sectors, UINT32_MAX);
	r = disc_identity(disc, &identity);
	if (!r)
		r = stage_state_directory(asked->state, DIRECTORY, &p->fd, &why);
	if (!r)
		r = memory_load(p->fd, &identity, p->is_drive ? NULL : path, &p->memory);
	return r ? no_memory(p, path, r, why) : COMMAND_DONE;
}

void part_narrow(struct part *p, struct check_options *options)
{
	const struct part_asked *a = p->asked;
	struct memory_part gap;

	if (a->of) {
		options->from_lba = p->end_sectors * (a->subset - 1) / a->of;
		options->to_lba = a->subset == a->of ? 0 : p->end_sectors * a->subset / a->of;
	}
	p->from_lba = options->from_lba;
	if (!a->minutes)
		return;
	options->until_ns = now_ns() + (int64_t)a->minutes * 60 * 1000000000;
	if (!memory_gap(&p->memory, p->end_sectors, &gap))
		return;
	options->from_lba = gap.from;
	options->to_lba = gap.to < p->end_sectors ? gap.to : 0;
	p->from_lba = gap.from;
}

void part_reached(struct part *p, uint64_t lba, bool damaged)
{
	if (damaged)
		atomic_store(&p->damage_seen, true);
	atomic_store(&p->reached_lba, lba);
}

/* A check that is broken off later has seen it as well. */
static void cover(struct part *p)
{
	memory_cover(&p->memory, p->from_lba, atomic_load(&p->reached_lba));
	p->memory.damaged |= atomic_load(&p->damage_seen);
}

static void save(struct part *p)
{
	int r = p->fd < 0 ? 0 : memory_save(p->fd, &p->memory);

	p->kept_ms = now_ms();
	if (!r)
		return;
	command_note("what was checked cannot be remembered: %s", strerror(-r));
	close_fd(&p->fd);
}

void part_keep(struct part *p)
{
	if (now_ms() - p->kept_ms < KEEP_EVERY_MS)
		return;
	cover(p);
	save(p);
}

void part_end(struct part *p, const struct check_report *report, const struct check_options *options)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* What lies behind the last block that is read is none of a session. */
	if (report && report->finished)
		part_reached(p, options->to_lba ? options->to_lba : p->end_sectors, false);
	cover(p);
	if (!report) {
		save(p);
		return;
	}
	if (!report->partial)
		p->memory.damaged = false; /* what parts of it were found to be before does not count any more */
	p->memory.damaged |= !report->sound;
	memory_add_check(&p->memory, (struct memory_check){.time = now.tv_sec,
							   .sectors = report->read_sectors,
							   .retries = report->retries,
							   .read_ns = report->read_ns});
	p->trend = memory_trend(&p->memory);
	/* A file is read from memory or from a busy disk: how long that takes says nothing of a medium. */
	if (!p->is_drive)
		p->trend &= ~(unsigned)MEMORY_SLOWER;
	p->ended = memory_end_round(&p->memory, p->end_sectors, now.tv_sec);
	save(p);
}

/* ---- what is told ---- */

static const char *day_of(int64_t seconds, char text[32])
{
	time_t t = nearest_time(seconds);
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d", &tm))
		snprintf(text, 32, "once");
	return text;
}

static unsigned percent(const struct part *p)
{
	return p->end_sectors ? (unsigned)(memory_covered(&p->memory, p->end_sectors) * 100 / p->end_sectors) : 100;
}

void part_tell(const struct part *p)
{
	char day[32];

	if (p->fd >= 0 && !p->ended)
		say(stdout, "%u%% of it read in this round", percent(p));
	if (p->fd >= 0 && p->memory.whole_time)
		say(stdout, "last checked as a whole on %s: %s", day_of(p->memory.whole_time, day),
		    p->memory.whole_sound ? "sound" : "damaged");
	else if (p->fd >= 0)
		say(stdout, "it was never checked as a whole");
	if (p->trend & MEMORY_RETRIES)
		command_note("more reads had to be tried again than at the check before: copy the disc while it can be "
			     "read");
	if (p->trend & MEMORY_SLOWER)
		command_note("reading takes half as long again as at the check before, and more: the disc ages, or its "
			     "drive "
			     "does; copy it while it can be read");
}

void part_json(const struct part *p, struct json *j)
{
	if (p->fd < 0)
		return;
	json_u64(j, "round_percent", p->ended ? 100 : percent(p));
	json_u64_or_null(j, "last_whole", (uint64_t)p->memory.whole_time, 0);
	json_bool(j, "last_whole_sound", p->memory.whole_sound);
	json_bool(j, "more_retries", p->trend & MEMORY_RETRIES);
	json_bool(j, "slower", p->trend & MEMORY_SLOWER);
}

void part_release(struct part *p) { close_fd(&p->fd); }
