/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/checksums.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512u

static int hex_digit(char c)
{
	const char *at = c ? strchr("0123456789abcdef", c) : NULL;

	return at ? (int)(at - "0123456789abcdef") : -1;
}

static bool take_md5(const char *text, uint8_t ret[MD5_BYTES])
{
	for (unsigned i = 0; i < MD5_BYTES; i++) {
		int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* The word behind " NAME=", or NULL. */
static const char *find(const char *line, const char *name)
{
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %s=", name);
	at = strstr(line, key);
	return at ? at + strlen(key) : NULL;
}

static bool take_number(const char *line, const char *name, uint32_t *ret)
{
	const char *at = find(line, name);
	char *end;
	unsigned long long n;

	if (!at || *at < '0' || *at > '9')
		return false;
	errno = 0;
	n = strtoull(at, &end, 10);
	*ret = (uint32_t)n;
	return !errno && n <= UINT32_MAX && (*end == ' ' || !*end);
}

/* The line is what it was: its last word is the MD5 of what stands before. */
static bool is_whole(const char *line)
{
	const char *self = find(line, "self");
	uint8_t said[MD5_BYTES], is[MD5_BYTES];

	return self && take_md5(self, said) && md5_of(line, (size_t)(self - line) - strlen(" self="), is) == 0 &&
	       memcmp(said, is, sizeof(is)) == 0;
}

static const char *const names[] = {
	[TAG_DESCRIPTORS] = "libisofs_sb_checksum_tag_v1 ",
	[TAG_TREE] = "libisofs_tree_checksum_tag_v1 ",
	[TAG_SESSION] = "libisofs_checksum_tag_v1 ",
};

bool tag_decode(const uint8_t sector[SECTOR_BYTES], struct tag *ret)
{
	const char *end = memchr(sector, '\n', LINE_BYTES), *md5;
	struct tag t = {.kind = TAG_DESCRIPTORS};
	char line[LINE_BYTES] = "";

	if (!end)
		return false;
	memcpy(line, sector, (size_t)(end - (const char *)sector));
	while (t.kind <= TAG_SESSION && strncmp(line, names[t.kind], strlen(names[t.kind])) != 0)
		t.kind++;
	md5 = find(line, "md5");
	if (t.kind > TAG_SESSION || !md5 || !take_md5(md5, t.md5) || !is_whole(line) ||
	    !take_number(line, "pos", &t.lba) || !take_number(line, "range_start", &t.start_lba) ||
	    !take_number(line, "range_size", &t.sectors) ||
	    (t.kind != TAG_SESSION && !take_number(line, "next", &t.next_lba)))
		return false;
	if ((uint64_t)t.start_lba + t.sectors != t.lba || (t.next_lba && t.next_lba <= t.lba))
		return false;
	*ret = t;
	return true;
}

static char *put_md5(char *out, const uint8_t md5[MD5_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned i = 0; i < MD5_BYTES; i++) {
		*out++ = digits[md5[i] >> 4];
		*out++ = digits[md5[i] & 15];
	}
	return out;
}

int tag_encode(const struct tag *t, uint8_t sector[SECTOR_BYTES])
{
	char *line = (char *)sector, *end;
	uint8_t self[MD5_BYTES];
	int r;

	memset(sector, 0, SECTOR_BYTES);
	end = line + snprintf(line, LINE_BYTES, "%spos=%" PRIu32 " range_start=%" PRIu32 " range_size=%" PRIu32,
			      names[t->kind], t->lba, t->start_lba, t->sectors);
	if (t->kind != TAG_SESSION)
		end += snprintf(end, LINE_BYTES / 2, " next=%" PRIu32, t->next_lba);
	end += snprintf(end, LINE_BYTES / 2, " md5=");
	end = put_md5(end, t->md5);
	r = md5_of(line, (size_t)(end - line), self);
	end += snprintf(end, LINE_BYTES / 2, " self=");
	end = put_md5(end, self);
	*end = '\n';
	return r;
}

/* ---- sums of files ---- */

#define KIND "MD5"

static uint8_t *put_number(uint8_t *out, unsigned bytes, uint32_t n)
{
	*out++ = (uint8_t)bytes;
	for (unsigned i = bytes; i-- > 0;)
		*out++ = (uint8_t)(n >> 8 * i);
	return out;
}

void checksums_encode(const struct checksums *c, uint8_t ret[CHECKSUMS_ROOT_BYTES])
{
	uint8_t *end = put_number(ret, 4, c->start_lba);

	end = put_number(end, 4, c->array_lba);
	end = put_number(end, 4, c->n);
	end = put_number(end, 1, MD5_BYTES);
	memcpy(end, KIND, sizeof(KIND) - 1);
}

/* Of 1 to 4 bytes, big-endian. */
static bool get_number(const uint8_t **at, const uint8_t *end, uint32_t *ret)
{
	unsigned bytes = *at < end ? *(*at)++ : 0;

	if (!bytes || bytes > 4 || end - *at < (ptrdiff_t)bytes)
		return false;
	*ret = 0;
	while (bytes-- > 0)
		*ret = *ret << 8 | *(*at)++;
	return true;
}

int checksums_decode(const uint8_t *value, size_t bytes, struct checksums *ret)
{
	const uint8_t *at = value, *end = value + bytes;
	struct checksums c;
	uint32_t size;

	if (!get_number(&at, end, &c.start_lba) || !get_number(&at, end, &c.array_lba) || !get_number(&at, end, &c.n) ||
	    !get_number(&at, end, &size) || size != MD5_BYTES || end - at != sizeof(KIND) - 1 ||
	    memcmp(at, KIND, sizeof(KIND) - 1) != 0)
		return -EBADMSG;
	if (c.array_lba <= c.start_lba || c.n < 2 || c.array_lba + checksums_sectors(c.n - 2) > UINT32_MAX)
		return -EBADMSG;
	*ret = c;
	return 0;
}

bool checksum_is_none(const uint8_t md5[MD5_BYTES])
{
	static const uint8_t none[MD5_BYTES];

	return memcmp(md5, none, sizeof(none)) == 0;
}
