/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/check/mapfile.h"

#include <errno.h>
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

int mapfile_add(struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	uint64_t from = pos, to = pos + bytes;
	struct map_gap *last = m->n ? &m->gaps[m->n - 1] : NULL;
	int r;

	if (last && last->to == from) {
		last->to = to;
		return 0;
	}
	r = make_room(m);
	if (!r)
		m->gaps[m->n++] = (struct map_gap){from, to};
	return r;
}

int mapfile_fill(struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	uint64_t end = pos + bytes;
	int r = make_room(m); /* one may become two */
	size_t n = 0;

	if (r)
		return r;
	for (size_t i = 0; i < m->n; i++) {
		struct map_gap g = m->gaps[i], behind = {g.from > end ? g.from : end, g.to};

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
	return status == '+' || !size ? 0 : mapfile_add(m, pos, size);
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
	*ret = m;
	return 0;
}

static bool ends_before(const void *list, size_t i, const void *key)
{
	return ((const struct map_gap *)list)[i].to <= *(const uint64_t *)key;
}

bool mapfile_has_gap(const struct mapfile *m, uint64_t pos, uint64_t bytes)
{
	size_t i = m->n ? search_first(m->gaps, m->n, &pos, ends_before) : 0;

	return i < m->n && m->gaps[i].from < pos + bytes;
}
