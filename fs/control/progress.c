/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "burner/base/printable.h"
#include "burner/base/time.h"
#include "burner/base/bytes.h"
#include "burner/base/size.h"
#include "fs/control/progress.h"
#include "fs/control/report.h"

#define DRAW_EVERY_MS 100
#define MEASURE_AFTER_MS 500 /* what is measured sooner says nothing */

/* ---- figures ---- */

void burning_measure(struct burning *b, int64_t passed_ms)
{
	b->has_rate = b->all_bytes && b->done_bytes && passed_ms >= MEASURE_AFTER_MS;
	if (!b->has_rate)
		return;
	b->bytes_per_second = (uint64_t)((double)b->done_bytes * 1000 / (double)passed_ms);
	b->has_rate = b->bytes_per_second > 0;
	if (b->has_rate && b->all_bytes > b->done_bytes)
		b->seconds_left = (b->all_bytes - b->done_bytes + b->bytes_per_second - 1) / b->bytes_per_second;
}

static unsigned percent_of(const struct burning *b)
{
	return (unsigned)((double)min_u64(b->done_bytes, b->all_bytes) / (double)b->all_bytes * 100);
}

void burning_json(struct json *j, const struct burning *b)
{
	json_string(j, "phase", b->phase);
	json_u64(j, "done_bytes", b->done_bytes);
	json_u64(j, "all_bytes", b->all_bytes);
	if (b->all_bytes)
		json_u64(j, "percent", percent_of(b));
	if (!b->has_rate)
		return;
	json_u64(j, "bytes_per_second", b->bytes_per_second);
	json_u64(j, "seconds_left", b->seconds_left);
}

int burning_parse(const char *object, struct burning *ret)
{
	*ret = (struct burning){0};
	if (json_get_string(object, "phase", ret->phase, sizeof(ret->phase)) < 0 ||
	    json_get_u64(object, "done_bytes", &ret->done_bytes) < 0 ||
	    json_get_u64(object, "all_bytes", &ret->all_bytes) < 0)
		return -EINVAL;
	ret->has_rate = json_get_u64(object, "bytes_per_second", &ret->bytes_per_second) == 0 &&
			json_get_u64(object, "seconds_left", &ret->seconds_left) == 0;
	return 0;
}

const char *burning_text(const struct burning *b, char text[BURNING_TEXT])
{
	char phase[sizeof(b->phase)], done[SIZE_TEXT_BYTES], all[SIZE_TEXT_BYTES], rate[SIZE_TEXT_BYTES];
	uint64_t left = b->seconds_left;
	int n;

	printable(b->phase, phase, sizeof(phase));
	if (b->all_bytes == 0) {
		snprintf(text, BURNING_TEXT, "%s", phase);
		return text;
	}
	n = snprintf(text, BURNING_TEXT, "%-10s %3u%%  %s of %s", phase, percent_of(b),
		     size_text(min_u64(b->done_bytes, b->all_bytes), done), size_text(b->all_bytes, all));
	if (b->has_rate)
		n += snprintf(text + n, BURNING_TEXT - (size_t)n, "  %s/s  ", size_text(b->bytes_per_second, rate));
	if (b->has_rate && left >= 3600)
		snprintf(text + n, BURNING_TEXT - (size_t)n, "%" PRIu64 ":%02u:%02u left", left / 3600,
			 (unsigned)(left / 60 % 60), (unsigned)(left % 60));
	else if (b->has_rate)
		snprintf(text + n, BURNING_TEXT - (size_t)n, "%u:%02u left", (unsigned)(left / 60),
			 (unsigned)(left % 60));
	return text;
}

/* ---- the line ---- */

void progress_init(struct progress *p, enum progress_use use)
{
	*p = (struct progress){.shown = use == PROGRESS_AUTO && isatty(STDERR_FILENO), .drawn_ms = -DRAW_EVERY_MS};
}

static size_t terminal_columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

void progress_report(void *progress, const struct burning *b)
{
	struct progress *p = progress;
	char text[BURNING_TEXT], shown[BURNING_TEXT];
	size_t columns = terminal_columns();
	int64_t now = now_ms();

	if (!p->shown || burning_idle(b) || (strcmp(b->phase, p->phase) == 0 && now - p->drawn_ms < DRAW_EVERY_MS))
		return;
	snprintf(p->phase, sizeof(p->phase), "%s", b->phase);
	p->drawn_ms = now;
	printable(burning_text(b, text), shown, columns < sizeof(shown) ? columns : sizeof(shown));
	fprintf(stderr, "\r%s\033[K", shown);
	fflush(stderr);
}

void progress_clear(struct progress *p)
{
	if (p->shown && p->phase[0]) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->phase[0] = '\0';
}
