/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * picture.c - what lies where on a disc, and the same as a bar on a terminal
 *
 * Where sessions lie is what the disc says, so they may overlap, lie out of order or beyond its end: each begins where
 * the one before ends at the earliest, and a session that has nothing left is not drawn.
 */
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/size.h"
#include "fs/show/picture.h"

#define COLUMNS_MIN 24u
#define COLUMNS_MAX 400u

/* ---- what lies where ---- */

static void add(struct picture *p, enum picture_kind kind, uint64_t end, const struct disc_session *session)
{
	struct picture_part *last = p->n_parts ? &p->parts[p->n_parts - 1] : NULL;
	uint64_t first = last ? last->first + last->n : 0;

	if (end <= first)
		return;
	p->of_kind[kind] += end - first;
	if (last && last->kind == kind && !session)
		last->n = end - last->first;
	else
		p->parts[p->n_parts++] = (struct picture_part){kind, first, end - first, session};
	p->sectors = end;
}

static int by_start(const void *a, const void *b)
{
	const struct disc_session *const *x = a, *const *y = b;

	if ((*x)->start_lba != (*y)->start_lba)
		return (*x)->start_lba < (*y)->start_lba ? -1 : 1;
	return (*x)->number < (*y)->number ? -1 : 1;
}

static void add_sessions(struct picture *p, const struct disc_session **sorted, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t end = (uint64_t)sorted[i]->start_lba + sorted[i]->sectors;

		if (i + 1 < n)
			end = min_u64(end, sorted[i + 1]->start_lba);
		add(p, PICTURE_GAP, sorted[i]->start_lba, NULL);
		add(p, sorted[i]->broken ? PICTURE_BROKEN : PICTURE_SESSION, end, sorted[i]);
	}
}

/* Behind the newest session. */
static void add_rest(struct picture *p)
{
	const struct report_info *info = p->info;
	uint64_t capacity = info->capacity_bytes / SECTOR_BYTES, kept = info->kept_bytes / SECTOR_BYTES;
	uint64_t staged = sectors_of(info->staged_bytes);

	if (info->unbounded)
		capacity = info->next_lba + staged;
	if (info->appendable) {
		add(p, PICTURE_GAP, info->next_lba - min_u64(kept, info->next_lba), NULL);
		add(p, PICTURE_KEPT, info->next_lba, NULL);
		add(p, PICTURE_STAGED, min_u64(info->next_lba + staged, capacity), NULL);
	}
	add(p, info->appendable ? PICTURE_FREE : PICTURE_GAP, capacity, NULL);
}

int picture_of(const struct report_info *info, struct picture *ret)
{
	_free_ const struct disc_session **sorted = calloc(info->n_sessions + 1, sizeof(const struct disc_session *));

	*ret = (struct picture){.info = info};
	/* of each session and the gap before it, and four behind */
	ret->parts = calloc(2 * info->n_sessions + 4, sizeof(*ret->parts));
	if (!sorted || !ret->parts) {
		picture_free(ret);
		return -ENOMEM;
	}
	for (size_t i = 0; i < info->n_sessions; i++)
		sorted[i] = &info->sessions[i];
	qsort(sorted, info->n_sessions, sizeof(const struct disc_session *), by_start);
	add_sessions(ret, sorted, info->n_sessions);
	add_rest(ret);
	return 0;
}

void picture_free(struct picture *p)
{
	free(p->parts);
	p->parts = NULL;
	p->n_parts = 0;
}

/* ---- on a terminal ---- */

/* Two for sessions, in turn, so that one is told from the next also without colour. */
enum glyph { GLYPH_SESSION, GLYPH_OTHER, GLYPH_BROKEN, GLYPH_KEPT, GLYPH_STAGED, GLYPH_GAP, GLYPH_FREE };
static const struct {
	const char *utf8, *ascii, *colour;
} glyphs[] = {
	[GLYPH_SESSION] = {"█", "#", "34"}, [GLYPH_OTHER] = {"▓", "=", "36"},  [GLYPH_BROKEN] = {"×", "x", "31"},
	[GLYPH_KEPT] = {"?", "?", "35"},    [GLYPH_STAGED] = {"+", "+", "33"}, [GLYPH_GAP] = {"░", "-", "2"},
	[GLYPH_FREE] = {"·", ".", "2"},
};
static const enum glyph glyph_of_kind[PICTURE_KINDS] = {
	[PICTURE_SESSION] = GLYPH_SESSION, [PICTURE_BROKEN] = GLYPH_BROKEN, [PICTURE_KEPT] = GLYPH_KEPT,
	[PICTURE_STAGED] = GLYPH_STAGED,   [PICTURE_GAP] = GLYPH_GAP,	    [PICTURE_FREE] = GLYPH_FREE,
};

static bool is_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool yes = locale && strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;

	if (locale)
		freelocale(locale);
	return yes;
}

static unsigned columns_of(FILE *out)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	unsigned long n = 0;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0)
		n = size.ws_col;
	if (!n && text)
		n = strtoul(text, NULL, 10);
	if (!n)
		n = 80;
	return (unsigned)max_u64(COLUMNS_MIN, min_u64(n, COLUMNS_MAX));
}

struct picture_style picture_style(FILE *out)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return (struct picture_style){
		.columns = columns_of(out),
		.colour = isatty(fileno(out)) && !(no_colour && *no_colour) && term && strcmp(term, "dumb") != 0,
		.utf8 = is_utf8(),
	};
}

static const char *glyph_text(const struct picture_style *style, enum glyph g)
{
	return style->utf8 ? glyphs[g].utf8 : glyphs[g].ascii;
}

static void put_glyph(const struct picture_style *style, enum glyph g, FILE *out)
{
	if (style->colour)
		fprintf(out, "\033[%sm%s\033[0m", glyphs[g].colour, glyph_text(style, g));
	else
		fputs(glyph_text(style, g), out);
}

/* Of the sectors [first, end): the part that has most of them, but what is burned or waits is seen however small. */
static size_t part_in(const struct picture *p, size_t from, uint64_t first, uint64_t end)
{
	uint64_t most = 0;
	size_t best = from;
	bool best_is_empty = true;

	for (size_t i = from; i < p->n_parts && p->parts[i].first < end; i++) {
		const struct picture_part *part = &p->parts[i];
		uint64_t a = max_u64(first, part->first), b = min_u64(end, part->first + part->n);
		bool empty = part->kind >= PICTURE_GAP;

		if (b <= a || (empty && !best_is_empty))
			continue;
		if (b - a > most || (!empty && best_is_empty)) {
			most = b - a;
			best = i;
			best_is_empty = empty;
		}
	}
	return best;
}

static enum glyph glyph_of(const struct picture_part *part)
{
	if (part->kind == PICTURE_SESSION && part->session->number % 2 == 0)
		return GLYPH_OTHER;
	return glyph_of_kind[part->kind];
}

/* The number of a session, from that column on, when there is room. */
static void put_number(char *numbers, unsigned columns, unsigned at, uint32_t number)
{
	char text[12];
	unsigned length = (unsigned)snprintf(text, sizeof(text), "%" PRIu32, number);

	if (at + length <= columns && (at == 0 || numbers[at - 1] == ' ') && numbers[at] == ' ')
		memcpy(numbers + at, text, length);
}

/* The bar, and what belongs below it. Sectors < 2^33. */
static void put_bar(const struct picture *p, const struct picture_style *style, FILE *out, char *numbers)
{
	unsigned cells = style->columns;
	size_t from = 0, last = SIZE_MAX;

	memset(numbers, ' ', cells);
	for (unsigned i = 0; i < cells; i++) {
		uint64_t first = p->sectors * i / cells, end = max_u64(p->sectors * (i + 1) / cells, first + 1);

		while (from + 1 < p->n_parts && p->parts[from + 1].first <= first)
			from++;
		const size_t now = part_in(p, from, first, end);
		if (now != last && p->parts[now].session)
			put_number(numbers, cells, i, p->parts[now].session->number);
		put_glyph(style, glyph_of(&p->parts[now]), out);
		last = now;
	}
}

/* Characters, in a text of ours. */
static size_t width_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* What the glyphs mean, with the size of each; as many in a line as there is room for. */
static void put_legend(const struct picture *p, const struct picture_style *style, FILE *out)
{
	static const char *const names[PICTURE_KINDS] = {
		[PICTURE_SESSION] = "sessions", [PICTURE_BROKEN] = "failed burns",  [PICTURE_KEPT] = "something else",
		[PICTURE_STAGED] = "staged",	[PICTURE_GAP] = "between sessions", [PICTURE_FREE] = "free",
	};
	char bytes[SIZE_TEXT_BYTES], text[64];
	size_t used = 0;

	for (unsigned kind = 0; kind < PICTURE_KINDS; kind++) {
		if (!p->of_kind[kind])
			continue;
		snprintf(text, sizeof(text), " %s %s", names[kind], size_text(p->of_kind[kind] * SECTOR_BYTES, bytes));
		size_t width = width_of(text) + (kind == PICTURE_SESSION ? 2 : 1);

		if (used && used + 3 + width > style->columns) {
			fputc('\n', out);
			used = 0;
		}
		if (used)
			fputs("   ", out);
		used += width + (used ? 3 : 0);
		put_glyph(style, glyph_of_kind[kind], out);
		if (kind == PICTURE_SESSION)
			put_glyph(style, GLYPH_OTHER, out);
		fputs(text, out);
	}
	fputc('\n', out);
}

/* The newest session that can be mounted, and what of it lies in older ones. */
static void put_shared(const struct report_info *info, FILE *out)
{
	char own[SIZE_TEXT_BYTES], shared[SIZE_TEXT_BYTES];
	size_t n = info->n_sessions;

	while (n && info->sessions[n - 1].broken)
		n--;
	if (!n || !info->sessions[n - 1].tells_shared)
		return;
	const struct disc_session *s = &info->sessions[n - 1];
	fprintf(out, "Session %" PRIu32 " takes %s, and shares %s with older ones\n", s->number,
		size_text((uint64_t)s->sectors * SECTOR_BYTES, own), size_text(s->shared_bytes, shared));
}

void picture_print(const struct picture *p, const struct picture_style *style, FILE *out)
{
	char numbers[COLUMNS_MAX + 1];

	if (!p->sectors)
		return;
	put_bar(p, style, out, numbers);
	fputc('\n', out);
	size_t n = style->columns;
	while (n && numbers[n - 1] == ' ')
		n--;
	if (n)
		fprintf(out, "%.*s\n", (int)n, numbers);
	put_legend(p, style, out);
	put_shared(p->info, out);
}
