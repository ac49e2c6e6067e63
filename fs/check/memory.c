/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/check/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/io.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/sha256.h"

#define FILE_BYTES_MAX 32768u
#define RETRIES_MORE 4u /* so many more are no chance */

/* ---- the file ---- */

static void hex(const uint8_t *bytes, size_t n, char *ret)
{
	for (size_t i = 0; i < n; i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
}

static int name_of(const struct disc_identity *identity, const char *path, struct memory *ret)
{
	uint8_t digest[SHA256_BYTES];
	int r = path ? sha256_of(path, strlen(path), digest) : 0;

	hex(identity->id, sizeof(identity->id), ret->name);
	if (!r && path) {
		ret->name[64] = '-';
		hex(digest, 8, ret->name + 65);
	}
	return r;
}

/* "from-to,from-to" */
static bool parse_parts(const char *text, struct memory *m)
{
	uint64_t end = 0;

	while (*text) {
		struct memory_part p;
		int n = 0;

		if (m->n_parts == MEMORY_PARTS || sscanf(text, "%" SCNu64 "-%" SCNu64 "%n", &p.from, &p.to, &n) != 2 ||
		    p.from < end || p.to <= p.from || p.to > UINT32_MAX)
			return false;
		m->parts[m->n_parts++] = p;
		end = p.to + 1;
		text += n;
		text += *text == ',';
	}
	return true;
}

/* "time:sectors:retries:ns,…" */
static bool parse_checks(const char *text, struct memory *m)
{
	while (*text) {
		struct memory_check c;
		int n = 0;

		if (m->n_checks == MEMORY_CHECKS || sscanf(text, "%" SCNd64 ":%" SCNu64 ":%" SCNu64 ":%" SCNu64 "%n",
							   &c.time, &c.sectors, &c.retries, &c.read_ns, &n) != 4)
			return false;
		m->checks[m->n_checks++] = c;
		text += n;
		text += *text == ',';
	}
	return true;
}

bool memory_parse(const char *line, struct memory *m)
{
	char parts[FILE_BYTES_MAX], checks[FILE_BYTES_MAX];
	uint64_t whole = 0;

	if (json_get_string(line, "read", parts, sizeof(parts)) || json_get_u64(line, "whole", &whole) ||
	    json_get_bool(line, "whole_sound", &m->whole_sound) || json_get_bool(line, "damaged", &m->damaged) ||
	    json_get_string(line, "checks", checks, sizeof(checks)))
		return false;
	m->whole_time = (int64_t)(whole & INT64_MAX);
	return parse_parts(parts, m) && parse_checks(checks, m);
}

int memory_load(int fd, const struct disc_identity *identity, const char *path, struct memory *ret)
{
	char line[FILE_BYTES_MAX] = "";
	struct memory empty = {.n_parts = 0};
	size_t length = 0;
	int r = name_of(identity, path, &empty);

	*ret = empty;
	if (r)
		return r;
	_close_ int file = openat(fd, ret->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? 0 : -errno;
	r = pread_full(file, line, sizeof(line) - 1, 0, &length);
	if (r)
		return r;
	if (length && !memory_parse(line, ret))
		*ret = empty;
	return 0;
}

static int write_json(FILE *out, const struct memory *m)
{
	struct json j = {out, false};

	json_open(&j, NULL, '{');
	json_key(&j, "read");
	putc('"', out);
	for (size_t i = 0; i < m->n_parts; i++)
		fprintf(out, "%s%" PRIu64 "-%" PRIu64, i ? "," : "", m->parts[i].from, m->parts[i].to);
	putc('"', out);
	json_u64(&j, "whole", (uint64_t)m->whole_time);
	json_bool(&j, "whole_sound", m->whole_sound);
	json_bool(&j, "damaged", m->damaged);
	json_key(&j, "checks");
	putc('"', out);
	for (size_t i = 0; i < m->n_checks; i++)
		fprintf(out, "%s%" PRId64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, i ? "," : "", m->checks[i].time,
			m->checks[i].sectors, m->checks[i].retries, m->checks[i].read_ns);
	putc('"', out);
	json_close(&j, '}');
	json_end_line(&j);
	return ferror(out) ? -EIO : 0;
}

int memory_save(int fd, const struct memory *m)
{
	_free_ char *text = NULL;
	char temporary[sizeof(m->name) + 8];
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int r = out ? write_json(out, m) : -ENOMEM;

	if (out && fclose(out))
		r = -ENOMEM;
	if (r)
		return r;
	snprintf(temporary, sizeof(temporary), "%s.new", m->name);
	_close_ int file = openat(fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return -errno;
	r = pwrite_full(file, text, length, 0, NULL);
	if (!r && fsync(file))
		r = -errno;
	if (!r && renameat(fd, temporary, fd, m->name))
		r = -errno;
	return r ? r : fsync_directory(fd);
}

/* ---- which blocks ---- */

void memory_cover(struct memory *m, uint64_t from, uint64_t to)
{
	size_t first = 0, behind;

	if (to <= from)
		return;
	while (first < m->n_parts && m->parts[first].to < from)
		first++;
	for (behind = first; behind < m->n_parts && m->parts[behind].from <= to; behind++) {
		from = min_u64(from, m->parts[behind].from);
		to = max_u64(to, m->parts[behind].to);
	}
	if (behind == first && m->n_parts == MEMORY_PARTS)
		return;
	memmove(&m->parts[first + 1], &m->parts[behind], (m->n_parts - behind) * sizeof(m->parts[0]));
	m->n_parts = m->n_parts - (behind - first) + 1;
	m->parts[first] = (struct memory_part){from, to};
}

bool memory_gap(const struct memory *m, uint64_t end_sectors, struct memory_part *ret)
{
	uint64_t from = 0;
	size_t i = 0;

	if (m->n_parts && m->parts[0].from == 0)
		from = m->parts[i++].to;
	*ret = (struct memory_part){from, i < m->n_parts ? min_u64(m->parts[i].from, end_sectors) : end_sectors};
	return from < end_sectors;
}

uint64_t memory_covered(const struct memory *m, uint64_t end_sectors)
{
	uint64_t n = 0;

	for (size_t i = 0; i < m->n_parts && m->parts[i].from < end_sectors; i++)
		n += min_u64(m->parts[i].to, end_sectors) - m->parts[i].from;
	return n;
}

bool memory_end_round(struct memory *m, uint64_t end_sectors, int64_t now)
{
	struct memory_part gap;

	if (memory_gap(m, end_sectors, &gap))
		return false;
	m->whole_time = now;
	m->whole_sound = !m->damaged;
	m->damaged = false;
	m->n_parts = 0;
	return true;
}

/* ---- how well ---- */

void memory_add_check(struct memory *m, struct memory_check check)
{
	if (m->n_checks == MEMORY_CHECKS)
		memmove(m->checks, m->checks + 1, --m->n_checks * sizeof(m->checks[0]));
	m->checks[m->n_checks++] = check;
}

unsigned memory_trend(const struct memory *m)
{
	const struct memory_check *now, *before;
	unsigned trend = 0;

	if (m->n_checks < 2)
		return 0;
	now = &m->checks[m->n_checks - 1];
	before = now - 1;
	if (!now->sectors || !before->sectors)
		return 0;
	if ((double)now->retries >
	    (double)before->retries * (double)now->sectors / (double)before->sectors + RETRIES_MORE)
		trend |= MEMORY_RETRIES;
	if ((double)now->read_ns / (double)now->sectors > 1.5 * (double)before->read_ns / (double)before->sectors)
		trend |= MEMORY_SLOWER;
	return trend;
}
