/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/check/tags.h"

#include <errno.h>
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

bool tag_decode(const uint8_t sector[SECTOR_BYTES], struct tag *ret)
{
	static const char *const names[] = {
		[TAG_DESCRIPTORS] = "libisofs_sb_checksum_tag_v1 ",
		[TAG_TREE] = "libisofs_tree_checksum_tag_v1 ",
		[TAG_SESSION] = "libisofs_checksum_tag_v1 ",
	};
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
