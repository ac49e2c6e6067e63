/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * svg.c - a disc as a drawing: SVG 1.1, for a label, a wiki, a printer
 *
 * A bar of the whole disc, its legend, and a row for each session with what it takes and what it shares.  What is told
 * by colour is told by hatching as well, since printers are black.  Texts of a disc go through put_text().
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "fs/show/picture.h"

/* Units of the drawing: pixels where it is not scaled. */
#define WIDTH 960u
#define MARGIN 20u
#define BAR_WIDTH (WIDTH - 2 * MARGIN)
#define BAR_TOP 62u
#define BAR_HEIGHT 56u
#define LEGEND_TOP (BAR_TOP + BAR_HEIGHT + 44u)
#define ROWS_TOP (LEGEND_TOP + 56u)
#define ROW_HEIGHT 20u
#define ROW_BAR_LEFT 420u
#define ROW_BAR_WIDTH (WIDTH - MARGIN - ROW_BAR_LEFT)
#define ROWS_MAX 60u	   /* the newest; the sheet is to stay one page */
#define NUMBER_WIDTH 9u	   /* of a digit, about */
#define PART_WIDTH_MIN 1.5 /* of what must be seen however small it is */

static const struct {
	const char *name, *fill;
} kinds[PICTURE_KINDS] = {
	[PICTURE_SESSION] = {"sessions", "#2f6db5"},	   [PICTURE_BROKEN] = {"failed burns", "url(#broken)"},
	[PICTURE_KEPT] = {"something else", "url(#kept)"}, [PICTURE_STAGED] = {"staged", "url(#staged)"},
	[PICTURE_GAP] = {"between sessions", "url(#gap)"}, [PICTURE_FREE] = {"free", "#ffffff"},
};
#define FILL_OTHER "#7fb2e5" /* every second session */
#define FILL_SHARED "url(#shared)"

static const char patterns[] = "<defs>\n"
			       "<pattern id=\"gap\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect "
			       "width=\"6\" height=\"6\" fill=\"#eeeeee\"/>"
			       "<path d=\"M0 6L6 0\" stroke=\"#999999\"/></pattern>\n"
			       "<pattern id=\"staged\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect "
			       "width=\"6\" height=\"6\" fill=\"#fff3cd\"/>"
			       "<path d=\"M0 3H6M3 0V6\" stroke=\"#c98a00\"/></pattern>\n"
			       "<pattern id=\"broken\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect "
			       "width=\"8\" height=\"8\" fill=\"#f8d7da\"/>"
			       "<path d=\"M0 0L8 8M0 8L8 0\" stroke=\"#b02a37\"/></pattern>\n"
			       "<pattern id=\"kept\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect "
			       "width=\"6\" height=\"6\" fill=\"#e9dff5\"/>"
			       "<circle cx=\"3\" cy=\"3\" r=\"1.2\" fill=\"#6f42c1\"/></pattern>\n"
			       "<pattern id=\"shared\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><rect "
			       "width=\"6\" height=\"6\" fill=\"#ffffff\"/>"
			       "<path d=\"M0 0L6 6\" stroke=\"#2f6db5\"/></pattern>\n"
			       "</defs>\n";

/* ---- texts ---- */

/* Text of anybody as XML: printable, and what is markup in it escaped. */
static void put_text(FILE *out, const char *text)
{
	char shown[600];

	for (const char *s = printable(text, shown, sizeof(shown)); *s; s++) {
		/* U+FFFE and U+FFFF are no characters of XML. */
		if (strncmp(s, "\xef\xbf\xbe", 3) == 0 || strncmp(s, "\xef\xbf\xbf", 3) == 0) {
			fputc('?', out);
			s += 2;
			continue;
		}
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*s, out);
		}
	}
}

static const char *date_text(int64_t seconds, char text[32])
{
	time_t t = nearest_time(seconds);
	struct tm tm;

	if (!seconds || !gmtime_r(&t, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M", &tm))
		return "date unknown";
	return text;
}

static void put_words(FILE *out, double x, double y, const char *attributes, const char *text)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, attributes);
	put_text(out, text);
	fputs("</text>\n", out);
}

/* ---- the bar ---- */

static const char *fill_of(const struct picture_part *part)
{
	if (part->kind == PICTURE_SESSION && part->session->number % 2 == 0)
		return FILL_OTHER;
	return kinds[part->kind].fill;
}

/* What a pointer that rests on it is told. */
static void put_title(FILE *out, const struct picture_part *part)
{
	char bytes[SIZE_TEXT_BYTES], date[32];

	fputs("<title>", out);
	if (part->session)
		fprintf(out, "%s %" PRIu32 ", %s, ", part->kind == PICTURE_BROKEN ? "failed burn" : "session",
			part->session->number, date_text(part->session->created, date));
	else
		fprintf(out, "%s, ", kinds[part->kind].name);
	fprintf(out, "%s, from block %" PRIu64 "</title>", size_text(part->n * SECTOR_BYTES, bytes), part->first);
}

/* Returns where the number behind it may begin. */
static double put_part(const struct picture *p, const struct picture_part *part, double number_from, FILE *out)
{
	double scale = BAR_WIDTH / (double)p->sectors, x = MARGIN + (double)part->first * scale;
	double width = (double)part->n * scale;
	char number[12];

	if (part->kind < PICTURE_GAP && width < PART_WIDTH_MIN)
		width = PART_WIDTH_MIN;
	fprintf(out, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%u\" fill=\"%s\">", x, BAR_TOP, width,
		BAR_HEIGHT, fill_of(part));
	put_title(out, part);
	fputs("</rect>\n", out);
	if (!part->session || x < number_from)
		return number_from;
	snprintf(number, sizeof(number), "%" PRIu32, part->session->number);
	put_words(out, x, BAR_TOP + BAR_HEIGHT + 16, " font-size=\"11\"", number);
	return x + NUMBER_WIDTH * (double)(strlen(number) + 1);
}

static void put_bar(const struct picture *p, FILE *out)
{
	double number_from = 0;

	/* Small parts are drawn wider than they are, so what is empty first. */
	for (size_t i = 0; i < p->n_parts; i++)
		if (p->parts[i].kind >= PICTURE_GAP)
			put_part(p, &p->parts[i], 0, out);
	for (size_t i = 0; i < p->n_parts; i++)
		if (p->parts[i].kind < PICTURE_GAP)
			number_from = put_part(p, &p->parts[i], number_from, out);
	fprintf(out, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" fill=\"none\" stroke=\"#333333\"/>\n", MARGIN,
		BAR_TOP, BAR_WIDTH, BAR_HEIGHT);
}

static void put_key(FILE *out, double *x, const char *fill, const char *text)
{
	fprintf(out, "<rect x=\"%.1f\" y=\"%u\" width=\"14\" height=\"14\" fill=\"%s\" stroke=\"#333333\"/>\n", *x,
		LEGEND_TOP - 12, fill);
	put_words(out, *x + 20, LEGEND_TOP, "", text);
	*x += 38 + 6.8 * (double)strlen(text);
}

static void put_legend(const struct picture *p, FILE *out)
{
	char text[64], bytes[SIZE_TEXT_BYTES];
	double x = MARGIN;

	for (unsigned kind = 0; kind < PICTURE_KINDS; kind++) {
		if (!p->of_kind[kind])
			continue;
		snprintf(text, sizeof(text), "%s %s", kinds[kind].name,
			 size_text(p->of_kind[kind] * SECTOR_BYTES, bytes));
		put_key(out, &x, kinds[kind].fill, text);
	}
}

/* ---- a row for each session ---- */

static uint64_t row_bytes(const struct disc_session *s)
{
	return (uint64_t)s->sectors * SECTOR_BYTES + (s->tells_shared ? s->shared_bytes : 0);
}

/* Its own bytes, and behind them those that it shares with older ones. */
static void put_row(const struct disc_session *s, uint64_t most, double y, FILE *out)
{
	double scale = most ? ROW_BAR_WIDTH / (double)most : 0, width = (double)s->sectors * SECTOR_BYTES * scale;
	char text[80], bytes[SIZE_TEXT_BYTES], date[32];

	snprintf(text, sizeof(text), "%" PRIu32, s->number);
	put_words(out, MARGIN + 30, y + 14, " text-anchor=\"end\"", text);
	put_words(out, MARGIN + 42, y + 14, "", s->broken ? "a burn that failed" : date_text(s->created, date));
	put_words(out, MARGIN + 240, y + 14, " text-anchor=\"end\"",
		  size_text((uint64_t)s->sectors * SECTOR_BYTES, bytes));
	if (s->tells_shared && s->shared_bytes)
		put_words(out, MARGIN + 384, y + 14, " text-anchor=\"end\"",
			  (snprintf(text, sizeof(text), "shares %s", size_text(s->shared_bytes, bytes)), text));
	fprintf(out,
		"<rect x=\"%u\" y=\"%.1f\" width=\"%.2f\" height=\"14\" fill=\"%s\" stroke=\"#333333\" "
		"stroke-width=\"0.5\"/>\n",
		ROW_BAR_LEFT, y + 3, width, s->broken ? kinds[PICTURE_BROKEN].fill : kinds[PICTURE_SESSION].fill);
	if (s->tells_shared && s->shared_bytes)
		fprintf(out,
			"<rect x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"14\" fill=\"%s\" stroke=\"#333333\" "
			"stroke-width=\"0.5\"/>\n",
			ROW_BAR_LEFT + width, y + 3, (double)s->shared_bytes * scale, FILL_SHARED);
}

static size_t rows_of(const struct report_info *info) { return (size_t)min_u64(info->n_sessions, ROWS_MAX); }

static void put_rows(const struct report_info *info, FILE *out)
{
	size_t n = rows_of(info);
	uint64_t most = 0;
	double y = ROWS_TOP;
	char text[80];

	for (size_t i = 0; i < n; i++)
		most = max_u64(most, row_bytes(&info->sessions[info->n_sessions - 1 - i]));
	put_words(out, MARGIN, y - 10, "", "Each session: what it takes, and, hatched, what it shares with older ones");
	for (size_t i = 0; i < n; i++, y += ROW_HEIGHT)
		put_row(&info->sessions[info->n_sessions - 1 - i], most, y, out);
	if (n < info->n_sessions) {
		snprintf(text, sizeof(text), "and %zu older ones", info->n_sessions - n);
		put_words(out, MARGIN + 42, y + 14, "", text);
	}
}

void picture_svg(const struct picture *p, FILE *out)
{
	const struct report_info *info = p->info;
	size_t rows = rows_of(info) + (rows_of(info) < info->n_sessions);
	size_t height = ROWS_TOP + rows * ROW_HEIGHT + MARGIN;
	const char *volume = "";
	char text[160], capacity[SIZE_TEXT_BYTES], used[SIZE_TEXT_BYTES];

	for (size_t i = 0; i < info->n_sessions; i++)
		if (!info->sessions[i].broken)
			volume = info->sessions[i].volume_id;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%u\" height=\"%zu\" viewBox=\"0 0 "
		"%u %zu\" "
		"font-family=\"sans-serif\" font-size=\"13\" fill=\"#111111\">\n",
		WIDTH, height, WIDTH, height);
	fputs(patterns, out);
	fprintf(out, "<rect width=\"%u\" height=\"%zu\" fill=\"#ffffff\"/>\n", WIDTH, height);
	put_words(out, MARGIN, 30, " font-size=\"20\" font-weight=\"bold\"",
		  volume[0] ? volume : "Disc without a label");
	size_text(info->used_bytes, used);
	if (info->unbounded)
		snprintf(text, sizeof(text), "%s, %s", info->medium, used);
	else
		snprintf(text, sizeof(text), "%s, %s of %s used", info->medium, used,
			 size_text(info->capacity_bytes, capacity));
	put_words(out, MARGIN, 50, "", text);
	if (p->sectors) {
		put_bar(p, out);
		put_legend(p, out);
	}
	if (info->n_sessions)
		put_rows(info, out);
	fputs("</svg>\n", out);
}
