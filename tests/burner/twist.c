/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/twist.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "tests/burner/drive.h"

#define READ_CAPACITY 0x25

static bool parse_hex(const char *text, const char *end, uint8_t *ret, size_t *ret_n)
{
	size_t n = (size_t)(end - text) / 2;

	if (n == 0 || n > TWIST_BYTES || (size_t)(end - text) % 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		char pair[3] = {text[2 * i], text[2 * i + 1], 0};

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return false;
		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	*ret_n = n;
	return true;
}

/* AT:HEX[/MASK] */
static bool parse_bytes(const char *text, struct twist_bytes *ret)
{
	char *rest;
	const char *slash;
	size_t n;

	memset(ret->mask, 0xff, sizeof(ret->mask));
	ret->at = strtoul(text, &rest, 10);
	if (rest == text || *rest++ != ':')
		return false;
	slash = strchr(rest, '/');
	if (!parse_hex(rest, slash ? slash : rest + strlen(rest), ret->bytes, &ret->n))
		return false;
	return !slash || (parse_hex(slash + 1, slash + strlen(slash), ret->mask, &n) && n == ret->n);
}

static bool parse_number(const char *text, int *ret)
{
	char *end;

	*ret = (int)strtol(text, &end, 0);
	return end != text && !*end && *ret >= 0;
}

static bool parse_option(struct twist *t, const char *key, const char *value)
{
	int opcode;

	if (!strcmp(key, "ask"))
		return parse_bytes(value, &t->ask);
	if (!strcmp(key, "when"))
		return parse_bytes(value, &t->when);
	if (!strcmp(key, "put"))
		return t->n_puts < MAX_PUTS && parse_bytes(value, &t->put[t->n_puts++]);
	if (!strcmp(key, "add"))
		return parse_bytes(value, &t->add);
	if (!strcmp(key, "length"))
		return parse_number(value, &t->length);
	if (!strcmp(key, "without"))
		return parse_number(value, &t->without);
	if (strcmp(key, "cmd") != 0)
		return false;
	opcode = drive_opcode(value);
	if (opcode < 0 && !parse_number(value, &opcode))
		return false;
	t->opcode = (uint8_t)opcode;
	return opcode < 256;
}

int twist_add(struct twists *twists, const char *line)
{
	struct twist t = {.length = -1, .without = -1};
	char copy[512], *rest = copy;
	bool has_command = false;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word; (word = strsep(&rest, " \n"));) {
		char *value = strchr(word, '=');

		if (!*word)
			continue;
		if (!value)
			return -EINVAL;
		*value++ = 0;
		if (!parse_option(&t, word, value))
			return -EINVAL;
		has_command = has_command || !strcmp(word, "cmd");
	}
	if (!has_command || (!t.n_puts && !t.add.n && t.length < 0 && t.without < 0))
		return -EINVAL;
	if (twists->n == MAX_TWISTS)
		return -ENOSPC;
	twists->list[twists->n++] = t;
	return 0;
}

void twist_lie(struct twists *twists, uint64_t seed) { twists->lies = seed * 0x9e3779b97f4a7c15u; }

void twist_clear(struct twists *twists)
{
	twists->n = 0;
	twists->lies = 0;
}

static bool agrees(const struct twist_bytes *b, const uint8_t *data, size_t length)
{
	if (b->n == 0)
		return true;
	if (b->at + b->n > length)
		return false;
	for (size_t i = 0; i < b->n; i++)
		if ((data[b->at + i] ^ b->bytes[i]) & b->mask[i])
			return false;
	return true;
}

/* GET CONFIGURATION: an answer that was cut is left as it is, since its lengths tell of more. */
static void leave_out(unsigned feature, uint8_t *data, size_t *length)
{
	size_t at = 8, n;

	for (; at + 4 <= *length; at += n) {
		n = 4u + data[at + 3];
		if (get_be16(data + at) != feature || at + n > *length)
			continue;
		memmove(data + at, data + at + n, *length - at - n);
		*length -= n;
		put_be32(data, get_be32(data) - (uint32_t)n);
		return;
	}
}

static uint32_t next_number(struct twists *twists)
{
	uint64_t x = twists->lies;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	twists->lies = x;
	return (uint32_t)(x >> 32);
}

/* What Linux itself asks for again and again is left: INQUIRY, TEST UNIT READY, events. */
static bool tells(uint8_t opcode)
{
	static const uint8_t list[] = {0x1a, 0x23, 0x25, 0x43, 0x46, 0x51, 0x52, 0x5a, 0x5c, 0xac, 0xad};

	return memchr(list, opcode, sizeof(list)) != NULL;
}

/* One to three runs of bytes in every third answer. */
static void lie(struct twists *twists, uint8_t *data, size_t length)
{
	static const uint8_t edges[] = {0x00, 0xff, 0x7f, 0x80, 0x01, 0x1b, 0x64};

	if (length == 0 || next_number(twists) % 3)
		return;
	for (uint32_t n = 1 + next_number(twists) % 3; n > 0; n--) {
		size_t at = next_number(twists) % min_u64(length, next_number(twists) % 2 ? length : 40);
		uint8_t value = edges[next_number(twists) % sizeof(edges)];
		uint32_t how = next_number(twists);

		for (size_t run = how % 2 ? 1 : 4; run > 0 && at < length; run--, at++)
			data[at] = how & 2 ? value :
				   how & 4 ? (uint8_t)next_number(twists) :
					     (uint8_t)(data[at] + value);
	}
}

void twist_answer(struct twists *twists, const uint8_t *cdb, uint8_t *data, size_t *length)
{
	for (int i = 0; i < twists->n; i++) {
		const struct twist *t = &twists->list[i];

		if (t->opcode != cdb[0] || !agrees(&t->ask, cdb, 16) || !agrees(&t->when, data, *length))
			continue;
		for (int k = 0; k < t->n_puts; k++)
			for (size_t b = 0; b < t->put[k].n && t->put[k].at + b < *length; b++) {
				uint8_t *to = data + t->put[k].at + b;

				*to = (uint8_t)((*to & ~t->put[k].mask[b]) | (t->put[k].bytes[b] & t->put[k].mask[b]));
			}
		for (size_t b = 0; b < t->add.n && t->add.at + b < *length; b++)
			data[t->add.at + b] = (uint8_t)(data[t->add.at + b] + t->add.bytes[b]);
		if (t->without >= 0)
			leave_out((unsigned)t->without, data, length);
		if (t->length >= 0)
			*length = (size_t)min_u64(*length, (uint64_t)t->length);
	}
	/* By a wrong length of blocks Linux spoils its queue for the drive for good, and no program reads any more. */
	if (twists->lies && tells(cdb[0]))
		lie(twists, data, cdb[0] == READ_CAPACITY ? (size_t)min_u64(*length, 4) : *length);
}
