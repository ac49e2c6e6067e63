/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * script.c - see script.h
 */
#include "tests/power/script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/power/disk.h"

static const char *const words[STEP_KINDS] = {
	"mkdir", "write", "truncate", "move", "link", "unlink", "rmdir", "tag", "fsync", "commit", "discard", "remount",
};

static struct script_step *more(struct script *s)
{
	s->steps = realloc(s->steps, (s->n + 1) * sizeof(*s->steps));
	NEED(s->steps);
	memset(&s->steps[s->n], 0, sizeof(*s->steps));
	return &s->steps[s->n++];
}

static void parse_step(struct script *s, const char *text)
{
	struct script_step *step = more(s);
	char word[16] = "";
	unsigned long a = 0, b = 0, c = 0;
	int kind = 0;

	NEED(sscanf(text, " %15s", word) == 1);
	while (kind < STEP_KINDS && strcmp(words[kind], word))
		kind++;
	NEED(kind < STEP_KINDS);
	step->kind = (enum step_kind)kind;
	if (kind == STEP_MOVE || kind == STEP_LINK) {
		NEED(sscanf(text, " %*s %95s %95s", step->path, step->to) == 2);
	} else if (kind < STEP_COMMIT) {
		int n = sscanf(text, " %*s %95s %lu %lu %lu", step->path, &a, &b, &c);

		NEED(n == (kind == STEP_WRITE ? 4 : kind == STEP_TRUNCATE || kind == STEP_TAG ? 2 : 1));
		step->offset = kind == STEP_WRITE ? a : 0;
		step->length = kind == STEP_WRITE ? b : a;
		step->seed = (unsigned)(kind == STEP_TAG ? a : c);
	}
}

void script_parse(struct script *s, const char *text)
{
	char *copy = strdup(text), *state = NULL;

	NEED(copy);
	for (char *word = strtok_r(copy, ";", &state); word; word = strtok_r(NULL, ";", &state))
		parse_step(s, word);
	free(copy);
}

void script_print(const struct script *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct script_step *t = &s->steps[i];

		printf("%s%s", i ? "; " : "", words[t->kind]);
		if (t->path[0])
			printf(" %s", t->path);
		if (t->to[0])
			printf(" %s", t->to);
		if (t->kind == STEP_WRITE)
			printf(" %llu %llu %u", (unsigned long long)t->offset, (unsigned long long)t->length, t->seed);
		if (t->kind == STEP_TAG)
			printf(" %u", t->seed);
		if (t->kind == STEP_TRUNCATE)
			printf(" %llu", (unsigned long long)t->length);
	}
	printf("\n");
}

void script_free(struct script *s)
{
	free(s->steps);
	*s = (struct script){0};
}

/* ---- the expected tree ---- */

static struct blob *blob_new(size_t length)
{
	struct blob *b = malloc(sizeof(*b));

	NEED(b);
	*b = (struct blob){1, length, calloc(1, length + 1)};
	NEED(b->bytes);
	return b;
}

static void blob_unref(struct blob *b)
{
	if (!b || --b->refs)
		return;
	free(b->bytes);
	free(b);
}

static struct file *find(struct expect *e, const char *path)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->files[i].path, path))
			return &e->files[i];
	return NULL;
}

const struct file *expect_find(const struct expect *e, const char *path)
{
	for (size_t i = 0; i < e->n; i++)
		if (!strcmp(e->files[i].path, path))
			return &e->files[i];
	return NULL;
}

static struct file *add(struct expect *e, const char *path, int id, bool directory, struct blob *content)
{
	e->files = realloc(e->files, (e->n + 1) * sizeof(*e->files));
	NEED(e->files && strlen(path) < sizeof(e->files->path));
	e->files[e->n] = (struct file){.id = id, .directory = directory, .content = content};
	strncpy(e->files[e->n].path, path, sizeof(e->files->path) - 1);
	return &e->files[e->n++];
}

static int new_id(void)
{
	static int last; /* of this process: only compared with each other */

	return ++last;
}

void expect_add(struct expect *e, const char *path, bool directory, const uint8_t *bytes, size_t length)
{
	struct blob *b = directory ? NULL : blob_new(length);

	if (b && length)
		memcpy(b->bytes, bytes, length);
	add(e, path, new_id(), directory, b);
}

static void removed(struct expect *e, const char *path)
{
	struct file *f = find(e, path);

	if (!f)
		return;
	blob_unref(f->content);
	*f = e->files[--e->n];
}

static void copy(const struct expect *from, struct expect *to)
{
	*to = *from;
	to->files = malloc((from->n + 1) * sizeof(*to->files));
	NEED(to->files);
	if (from->n)
		memcpy(to->files, from->files, from->n * sizeof(*to->files));
	for (size_t i = 0; i < to->n; i++)
		if (to->files[i].content)
			to->files[i].content->refs++;
}

/* Of all its names. */
static void set_content(struct expect *e, int id, struct blob *content)
{
	for (size_t i = 0; i < e->n; i++) {
		if (e->files[i].id != id)
			continue;
		blob_unref(e->files[i].content);
		e->files[i].content = content;
		content->refs++;
	}
	blob_unref(content);
}

static void set_tag(struct expect *e, int id, unsigned tag)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->files[i].id == id)
			e->files[i].tag = tag;
}

static void change_content(struct expect *e, const struct script_step *s)
{
	struct file *f = find(e, s->path);
	uint64_t end = s->offset + s->length, length;
	struct blob *b;

	if (!f)
		f = add(e, s->path, new_id(), false, blob_new(0));
	length = s->kind == STEP_TRUNCATE ? s->length : end > f->content->length ? end : f->content->length;
	b = blob_new(length);
	if (length)
		memcpy(b->bytes, f->content->bytes, f->content->length < length ? f->content->length : length);
	for (uint64_t i = s->offset; s->kind == STEP_WRITE && i < end; i++)
		b->bytes[i] = script_byte(s->seed, i);
	set_content(e, f->id, b);
}

static void move(struct expect *e, const struct script_step *s)
{
	size_t n = strlen(s->path);

	removed(e, s->to);
	for (size_t i = 0; i < e->n; i++) {
		struct file *f = &e->files[i];
		char rest[96];

		if (strncmp(f->path, s->path, n) || (f->path[n] && f->path[n] != '/'))
			continue;
		snprintf(rest, sizeof(rest), "%s", f->path + n);
		NEED(snprintf(f->path, sizeof(f->path), "%s%s", s->to, rest) < (int)sizeof(f->path));
	}
}

static void apply(const struct script_step *s, const struct expect *all, struct expect *e, size_t i)
{
	struct file *f;

	switch (s->kind) {
	case STEP_MKDIR:
		add(e, s->path, new_id(), true, NULL);
		break;
	case STEP_WRITE:
	case STEP_TRUNCATE:
		change_content(e, s);
		break;
	case STEP_MOVE:
		move(e, s);
		break;
	case STEP_LINK:
		f = find(e, s->path);
		NEED(f);
		f->content->refs++;
		unsigned tag = f->tag;
		add(e, s->to, f->id, false, f->content)->tag = tag;
		break;
	case STEP_TAG:
		f = find(e, s->path);
		NEED(f);
		set_tag(e, f->id, s->seed);
		break;
	case STEP_UNLINK:
	case STEP_RMDIR:
		removed(e, s->path);
		break;
	case STEP_COMMIT:
		e->commits += e->changed;
		e->committed = e->changed ? i + 1 : e->committed;
		break;
	case STEP_DISCARD:
		expect_release(e);
		copy(&all[all[i].committed], e);
		e->commits = all[i].commits;
		e->committed = all[i].committed;
		break;
	default:
		break;
	}
	e->changed = s->kind < STEP_FSYNC			       ? true :
		     s->kind == STEP_COMMIT || s->kind == STEP_DISCARD ? false :
									 e->changed;
}

void script_expect(const struct script *s, struct expect *expect)
{
	for (size_t i = 0; i < s->n; i++) {
		copy(&expect[i], &expect[i + 1]);
		apply(&s->steps[i], expect, &expect[i + 1], i);
	}
}

void expect_release(struct expect *e)
{
	for (size_t i = 0; i < e->n; i++)
		blob_unref(e->files[i].content);
	free(e->files);
	e->files = NULL;
	e->n = 0;
}

/* ---- made up ---- */

struct maker {
	struct script *script;
	struct expect now;
	unsigned seed;
};

static unsigned draw(struct maker *m, unsigned below) { return (unsigned)rand_r(&m->seed) / 7 % below; }

static const struct file *draw_file(struct maker *m, bool directory)
{
	for (int i = 0; i < 20 && m->now.n; i++) {
		const struct file *f = &m->now.files[draw(m, (unsigned)m->now.n)];

		if (f->directory == directory)
			return f;
	}
	return NULL;
}

static void draw_name(struct maker *m, char path[96])
{
	const struct file *parent = draw(m, 3) ? draw_file(m, true) : NULL;

	do {
		int n = snprintf(path, 96, "%s%sn%u", parent && strlen(parent->path) < 60 ? parent->path : "",
				 parent && strlen(parent->path) < 60 ? "/" : "", draw(m, 60));
		NEED(n < 96);
	} while (find(&m->now, path));
}

static bool has_children(struct maker *m, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < m->now.n; i++)
		if (!strncmp(m->now.files[i].path, path, n) && m->now.files[i].path[n] == '/')
			return true;
	return false;
}

static void draw_write(struct maker *m, struct script_step *s)
{
	const struct file *f = draw(m, 2) ? draw_file(m, false) : NULL;
	uint64_t length = f ? f->content->length : 0;

	if (f)
		memcpy(s->path, f->path, sizeof(s->path));
	else
		draw_name(m, s->path);
	s->kind = STEP_WRITE;
	s->offset = length ? draw(m, (unsigned)length + 3000) : draw(m, 4) ? 0 : draw(m, 9000);
	s->length = 1 + draw(m, draw(m, 8) ? 6000 : draw(m, 3) ? 60000 : 400000);
	s->seed = draw(m, 10000);
}

static bool draw_change(struct maker *m, struct script_step *s)
{
	unsigned what = draw(m, 14);
	const struct file *f = draw_file(m, what == 8 || what == 12);

	if (what < 5 || !m->now.n) {
		draw_write(m, s);
		return true;
	}
	if (what == 5) {
		s->kind = STEP_MKDIR;
		draw_name(m, s->path);
		return true;
	}
	if (!f)
		return false;
	memcpy(s->path, f->path, sizeof(s->path));
	if (what == 6) {
		s->kind = STEP_TRUNCATE;
		s->length = draw(m, (unsigned)f->content->length + 4000);
	} else if (what == 7) {
		s->kind = STEP_LINK;
		draw_name(m, s->to);
	} else if (what == 8) {
		s->kind = STEP_RMDIR;
		return !has_children(m, s->path);
	} else if (what >= 12) {
		s->kind = STEP_TAG;
		s->seed = 1 + draw(m, 1000);
	} else if (what == 9) {
		s->kind = STEP_UNLINK;
	} else {
		const struct file *over = draw(m, 2) ? draw_file(m, false) : NULL;

		s->kind = STEP_MOVE;
		if (over && over->id != f->id)
			memcpy(s->to, over->path, sizeof(s->to));
		else
			draw_name(m, s->to);
	}
	return true;
}

static bool draw_step(struct maker *m, struct script_step *s)
{
	unsigned what = draw(m, 24);
	const struct file *f = draw_file(m, false);

	*s = (struct script_step){0};
	if (what > 6 || !m->now.n)
		return draw_change(m, s);
	s->kind = what < 4 ? STEP_FSYNC : what == 4 ? STEP_COMMIT : what == 5 ? STEP_REMOUNT : STEP_DISCARD;
	if (s->kind == STEP_DISCARD && draw(m, 3))
		return false;
	if (s->kind == STEP_FSYNC && f)
		memcpy(s->path, f->path, sizeof(s->path));
	return s->kind != STEP_FSYNC || f;
}

void script_random(struct script *s, const struct expect *beginning, unsigned seed, size_t n)
{
	struct maker m = {.script = s, .seed = seed * 2654435761u + 1};
	struct expect *all = calloc(n + 1, sizeof(*all));

	NEED(all);
	copy(beginning, &all[0]);
	m.now = all[0];
	while (s->n < n) {
		struct script_step step;

		if (!draw_step(&m, &step))
			continue;
		*more(s) = step;
		copy(&all[s->n - 1], &all[s->n]);
		apply(&step, all, &all[s->n], s->n - 1);
		m.now = all[s->n];
	}
	for (size_t i = 0; i <= n; i++)
		expect_release(&all[i]);
	free(all);
}
