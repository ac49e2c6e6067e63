/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/check/mapfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/grow.h"
#include "burner/base/search.h"

#define GAPS_MAX (1u << 22)
#define LINE_BYTES 256u

void mapfile_release(struct mapfile *m)
{
	free(m->gaps);
	*m = (struct mapfile){.n = 0};
}

static int make_room(struct mapfile *m)
{
	return m->n == GAPS_MAX ? -EFBIG : grow(&m->gaps, &m->capacity, m->n, sizeof(*m->gaps));
}

int mapfile_append(struct mapfile *m, struct map_gap gap)
{
	struct map_gap *last = m->n ? &m->gaps[m->n - 1] : NULL;
	int r;

	if (last && last->to == gap.from && last->status == gap.status) {
		last->to = gap.to;
		return 0;
	}
	r = make_room(m);
	if (!r)
		m->gaps[m->n++] = gap;
	return r;
}

int mapfile_add(struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	return mapfile_append(m, (struct map_gap){pos, pos + bytes, '-'});
}

int mapfile_fill(struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	uint64_t end = pos + bytes;
	int r = make_room(m); /* one may become two */
	size_t n = 0;

	if (r)
		return r;
	for (size_t i = 0; i < m->n; i++) {
		struct map_gap g = m->gaps[i], behind = {g.from > end ? g.from : end, g.to, g.status};

		g.to = g.to < pos ? g.to : pos;
		if (g.from < g.to && behind.from < behind.to) { /* the only one that both ends reach into */
			memmove(&m->gaps[i + 2], &m->gaps[i + 1], (m->n - i - 1) * sizeof(g));
			m->n++;
			m->gaps[n++] = g;
			i++;
		} else if (g.from < g.to) {
			m->gaps[n++] = g;
		}
		if (behind.from < behind.to)
			m->gaps[n++] = behind;
	}
	m->n = n;
	return 0;
}

static bool ends_before(const void *list, size_t i, const void *key)
{
	return ((const struct map_gap *)list)[i].to <= *(const uint64_t *)key;
}

/* The first gap that ends behind pos. */
static size_t first_behind(const struct mapfile *m, uint64_t pos)
{
	return m->n ? search_first(m->gaps, m->n, &pos, ends_before) : 0;
}

/* The gap i and the next one are one, if they touch and are of one status. */
static void join(struct mapfile *m, size_t i)
{
	struct map_gap *g = &m->gaps[i];

	if (i + 1 >= m->n || g[0].to != g[1].from || g[0].status != g[1].status)
		return;
	g[0].to = g[1].to;
	memmove(&g[1], &g[2], (m->n - i - 2) * sizeof(*g));
	m->n--;
}

int mapfile_mark(struct mapfile *m, struct map_gap gap)
{
	int r = mapfile_fill(m, gap.from, gap.to - gap.from);
	size_t i;

	if (!r)
		r = make_room(m);
	if (r)
		return r;
	i = first_behind(m, gap.from);
	if (i < m->n)
		memmove(&m->gaps[i + 1], &m->gaps[i], (m->n - i) * sizeof(gap));
	m->gaps[i] = gap;
	m->n++;
	join(m, i);
	if (i)
		join(m, i - 1);
	return 0;
}

bool mapfile_next(const struct mapfile *m, char status, uint64_t pos, struct map_gap *ret)
{
	size_t i = first_behind(m, pos);

	while (i < m->n && m->gaps[i].status != status)
		i++;
	if (i == m->n)
		return false;
	*ret = m->gaps[i];
	ret->from = ret->from > pos ? ret->from : pos;
	return true;
}

uint64_t mapfile_bytes(const struct mapfile *m, char status)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < m->n; i++)
		if (!status || m->gaps[i].status == status)
			bytes += m->gaps[i].to - m->gaps[i].from;
	return bytes;
}

/* A number as C writes it, below 2^63, and a blank or the end behind it. */
static int take_number(char **at, uint64_t *ret)
{
	char *end;

	*at += strspn(*at, " \t");
	if (**at < '0' || **at > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(*at, &end, 0);
	if (errno || *ret > INT64_MAX || (*end && *end != ' ' && *end != '\t'))
		return -EINVAL;
	*at = end;
	return 0;
}

static int take_status(char **at, char *ret)
{
	*at += strspn(*at, " \t");
	if (!**at || !strchr("?*/-+FG", **at))
		return -EINVAL;
	*ret = *(*at)++;
	*at += strspn(*at, " \t");
	return 0;
}

/* "0x00000000  0x000A0000  +" */
static int take_block(struct mapfile *m, char *line, uint64_t *end)
{
	uint64_t pos = 0, size = 0;
	char status = 0;
	int r = take_number(&line, &pos);

	if (!r)
		r = take_number(&line, &size);
	if (!r)
		r = take_status(&line, &status);
	if (r || *line || pos < *end || size > INT64_MAX - pos || strchr("FG", status))
		return -EINVAL;
	*end = pos + size;
	return status == '+' || !size ? 0 : mapfile_append(m, (struct map_gap){pos, *end, status});
}

/* "0x00000000     +               1": where it was, what it did, and in which pass */
static int take_place(char *line)
{
	uint64_t pos = 0, pass = 0;
	char status;
	int r = take_number(&line, &pos);

	if (!r)
		r = take_status(&line, &status);
	return r || !*line ? r : take_number(&line, &pass);
}

int mapfile_parse(const char *text, size_t length, struct mapfile *ret, unsigned *ret_line)
{
	struct mapfile m = {.n = 0};
	bool has_place = false;
	uint64_t end = 0;
	int r = 0;

	*ret_line = 0;
	while (length && !r) {
		const char *newline = memchr(text, '\n', length);
		size_t n = newline ? (size_t)(newline - text) : length;
		char line[LINE_BYTES];

		++*ret_line;
		if (text[0] != '#' && n >= sizeof(line))
			r = -EINVAL;
		if (!r && text[0] != '#' && n) {
			memcpy(line, text, n);
			line[n] = '\0';
			line[strcspn(line, "#\r")] = '\0';
			if (strlen(line) != n && !memchr(text, '#', n) && text[n - 1] != '\r')
				r = -EINVAL; /* a zero in it */
			else if (line[strspn(line, " \t")])
				r = has_place ? take_block(&m, line, &end) : take_place(line);
			has_place |= line[strspn(line, " \t")] != '\0';
		}
		text += n + (newline != NULL);
		length -= n + (newline != NULL);
	}
	if (!r && !has_place)
		r = -EINVAL;
	if (r) {
		mapfile_release(&m);
		return r;
	}
	m.end = end;
	*ret = m;
	return 0;
}

bool mapfile_has_gap(const struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	size_t i = first_behind(m, pos);

	return i < m->n && m->gaps[i].from < pos + bytes;
}

static void print_line(FILE *out, uint64_t from, uint64_t to, char status)
{
	if (from < to)
		fprintf(out, "0x%08" PRIX64 "  0x%08" PRIX64 "  %c\n", from, to - from, status);
}

void mapfile_print(FILE *out, const struct mapfile *m, uint64_t end, const struct map_place *at, const char *made_by)
{
	uint64_t done = 0;

	fprintf(out, "# Mapfile. Created by %s\n# current_pos  current_status  current_pass\n", made_by);
	fprintf(out, "0x%08" PRIX64 "     %c               %u\n#      pos        size  status\n", at->pos, at->status,
		at->pass);
	for (size_t i = 0; i < m->n; i++) {
		print_line(out, done, m->gaps[i].from, '+');
		print_line(out, m->gaps[i].from, m->gaps[i].to, m->gaps[i].status);
		done = m->gaps[i].to;
	}
	print_line(out, done, end, '+');
}
