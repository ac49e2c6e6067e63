/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/watch.h"

#include "burner/base/bytes.h"
#include "burner/base/time.h"
#include "fs/cmd/interrupt.h"

#define EVENT_EVERY_MS 1000

void watch_init(struct watch *w, const struct watch_options *options, const char *phase)
{
	*w = (struct watch){.json = options->json, .told_ms = now_ms()};
	watch_phase(w, phase);
	progress_init(&w->line, options->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
	interrupt_catch();
}

void watch_phase(struct watch *w, const char *phase)
{
	w->phase = phase;
	w->began_ms = now_ms();
}

void watch_report(struct watch *w, uint64_t done_sectors, uint64_t all_sectors)
{
	struct burning b = {.done_bytes = done_sectors * SECTOR_BYTES, .all_bytes = all_sectors * SECTOR_BYTES};
	struct json j = {stdout, false};
	int64_t now = now_ms();

	snprintf(b.phase, sizeof(b.phase), "%s", w->phase);
	burning_measure(&b, now - w->began_ms);
	progress_report(&w->line, &b);
	if (!w->json || now - w->told_ms < EVENT_EVERY_MS)
		return;
	w->told_ms = now;
	json_open(&j, NULL, '{');
	json_string(&j, "event", "progress");
	burning_json(&j, &b);
	json_close(&j, '}');
	json_end_line(&j);
	fflush(stdout);
}

bool watch_is_interrupted(void *context)
{
	(void)context;
	return interrupted != 0;
}
