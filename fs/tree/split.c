/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a file is split: sizes and names of its parts, and the text beside each.
 *
 * The first part fills the disc that has most room left, if that is worth it, the others a blank one each, the last is
 * what is left.  Some blocks of each disc stay free for what comes with it: records, tables.
 */
#include "fs/tree/split.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/printable.h"
#include "burner/format/bound.h"
#include "burner/format/content_table.h"

#define PARTS_MAX 9999u
#define PART_SECTORS_MIN 32u
#define WORTH_IT 16u	   /* a first part is at least so much of a blank disc: a sixteenth */
#define SPARE_SECTORS 64u  /* of each disc */
#define NAME_BYTES 1024u   /* a name more costs a directory so much, at most, in both trees */
#define TEXT_LINE_BYTES 96 /* besides names */

void split_release(struct split *s)
{
	for (size_t i = 0; i < s->n_names; i++)
		free(s->names[i].path);
	free(s->names);
	*s = (struct split){0};
}

/* ---- sizes ---- */

uint64_t split_file_cost(uint64_t size, uint64_t names, bool listed)
{
	uint64_t sections = min_u64(1 + size / SECTION_MAX_BYTES, BOUND_SECTIONS);
	uint64_t sectors = sectors_of(size) + bound_section_sectors(sections, names);

	return sectors * SECTOR_BYTES + (listed && size ? CONTENTS_ENTRY_BYTES : 0);
}

/* Of one text, at most, when there are so many parts. */
static uint64_t text_bytes(const struct split *s, uint64_t n_parts)
{
	uint64_t longest = 0;

	for (size_t i = 0; i < s->n_names; i++)
		longest = max_u64(longest, strlen(s->names[i].name));
	return (n_parts + 6) * (4 * longest + TEXT_LINE_BYTES);
}

static uint64_t texts_cost(const struct split *s, uint64_t n_parts, bool listed)
{
	return s->n_names * split_file_cost(text_bytes(s, n_parts), 1, listed);
}

/* How large a part may be that has so much room, whole blocks. */
static uint64_t usable(const struct split *s, uint64_t room, uint64_t n_parts, bool listed)
{
	uint64_t sections = min_u64(1 + room / SECTION_MAX_BYTES, BOUND_SECTIONS);
	uint64_t taken = texts_cost(s, n_parts, listed) +
			 (SPARE_SECTORS + bound_section_sectors(sections, s->n_names)) * SECTOR_BYTES;

	return (room - min_u64(room, taken)) / SECTOR_BYTES * SECTOR_BYTES;
}

static bool names_fit(const struct split *s)
{
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < s->n_names; i++)
		if (split_name(s, i, SPLIT_TEXT, s->n_parts - 1, name))
			return false;
	return true;
}

int split_plan(struct split *s, const struct split_rooms *rooms)
{
	uint64_t each = usable(s, rooms->blank, PARTS_MAX / 100, rooms->listed);

	if (each < PART_SECTORS_MIN * SECTOR_BYTES || s->size / each >= PARTS_MAX / 2)
		return -EFBIG;
	/* One more at most than it seems with a text of that length, which is shorter then. */
	uint64_t n = max_u64(s->size / each + 2, PARTS_MAX / 100);
	each = usable(s, rooms->blank, n, rooms->listed);
	uint64_t first = usable(s, rooms->left, n, rooms->listed);

	if (each < PART_SECTORS_MIN * SECTOR_BYTES)
		return -EFBIG;
	if (first < max_u64(each / WORTH_IT, PART_SECTORS_MIN * SECTOR_BYTES))
		first = each;
	if (first >= s->size) /* it is a little too large for a disc */
		first = round_up(s->size / 2, SECTOR_BYTES);
	s->first_bytes = first;
	s->each_bytes = each;
	n = 1 + (s->size - first + each - 1) / each;
	if (n > PARTS_MAX)
		return -EFBIG;
	s->n_parts = (uint32_t)n;
	return names_fit(s) ? 0 : -ENAMETOOLONG;
}

static uint64_t part_begin(const struct split *s, uint32_t part)
{
	return part ? min_u64(s->first_bytes + (part - 1) * s->each_bytes, s->size) : 0;
}

uint64_t split_part_bytes(const struct split *s, uint32_t part)
{
	return part_begin(s, part + 1) - part_begin(s, part);
}

uint64_t split_more_cost(const struct split *s, bool listed)
{
	uint64_t cost = s->n_parts * (texts_cost(s, s->n_parts, listed) + 2 * s->n_names * NAME_BYTES);

	for (uint32_t i = 0; i < s->n_parts; i++)
		cost += split_file_cost(split_part_bytes(s, i), s->n_names, listed);
	return cost - split_file_cost(s->size, s->n_names, listed);
}

/* ---- names ---- */

static int digits(uint32_t n)
{
	int d = 1;

	while (n /= 10)
		d++;
	return d;
}

int split_name(const struct split *s, size_t name, const char *kind, uint32_t part, char ret[NAME_MAX + 1])
{
	int length = snprintf(ret, NAME_MAX + 1, "%s.%s-%0*" PRIu32 "-of-%" PRIu32, s->names[name].name, kind,
			      digits(s->n_parts), part + 1, s->n_parts);

	return length > NAME_MAX ? -ENAMETOOLONG : 0;
}

/* "12-of-34" to its end. */
static bool is_number_of(const char *text)
{
	size_t n = strspn(text, "0123456789");

	if (!n || strncmp(text + n, "-of-", 4) != 0)
		return false;
	text += n + 4;
	n = strspn(text, "0123456789");
	return n && !text[n];
}

bool split_part_of_text(const char *name, char ret[NAME_MAX + 1])
{
	const char *mark = NULL;

	for (const char *at = name; (at = strstr(at, "." SPLIT_TEXT "-")); at++)
		mark = at;
	if (!mark || !is_number_of(mark + strlen("." SPLIT_TEXT "-")))
		return false;
	return snprintf(ret, NAME_MAX + 1, "%.*s." SPLIT_PART "%s", (int)(mark - name), name,
			mark + strlen("." SPLIT_TEXT)) <= NAME_MAX;
}

/* ---- texts ---- */

/* As sha256sum writes a line, and reads it. */
static void put_line(FILE *out, const uint8_t *digest, const char *name)
{
	if (strpbrk(name, "\\\n\r"))
		fputc('\\', out);
	for (size_t i = 0; i < SHA256_BYTES; i++)
		fprintf(out, "%02x", digest ? digest[i] : 0);
	fputs("  ", out);
	for (const char *at = name; *at; at++)
		if (*at == '\\')
			fputs("\\\\", out);
		else if (*at == '\n')
			fputs("\\n", out);
		else if (*at == '\r')
			fputs("\\r", out);
		else
			fputc(*at, out);
	fputc('\n', out);
}

char *split_text(const struct split *s, size_t name, uint32_t part, const uint8_t (*digests)[SHA256_BYTES],
		 size_t *ret_length)
{
	char own[NAME_MAX + 1], text[4 * NAME_MAX], *all = NULL;
	const char *whole = s->names[name].name;
	FILE *out = open_memstream(&all, ret_length);

	if (!out)
		return NULL;
	split_name(s, name, SPLIT_TEXT, part, own);
	fprintf(out, "# %s: %" PRIu64 " bytes in %" PRIu32 " parts. All of them in one directory are joined by\n",
		printable(whole, text, sizeof(text)), s->size, s->n_parts);
	fprintf(out, "#   cat %s." SPLIT_PART "-", SHELL_WORD(whole));
	for (int d = digits(s->n_parts); d; d--) /* not those of another file, whose name begins so */
		fputs("[0-9]", out);
	fprintf(out, "-of-%" PRIu32 " >%s\n", s->n_parts, SHELL_WORD(whole));
	fprintf(out, "# and compared, those that are there, by\n#   sha256sum -c --ignore-missing %s\n",
		SHELL_WORD(own));
	put_line(out, digests ? digests[0] : NULL, whole);
	for (uint32_t i = 0; i < s->n_parts; i++) {
		split_name(s, name, SPLIT_PART, i, own);
		put_line(out, digests ? digests[i + 1] : NULL, own);
	}
	if (fclose(out) == 0)
		return all;
	free(all);
	return NULL;
}
