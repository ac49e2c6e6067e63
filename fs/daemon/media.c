/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/media.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/size.h"

#define DVD_SPEED 1385000.0
#define BD_SPEED 4495625.0

static const struct {
	const char *name;
	uint64_t sectors;
	double speed;
} media_kinds[] = {
	{"cd74", 333000, MEDIA_CD_SPEED},
	{"cd80", 359844, MEDIA_CD_SPEED},
	/* DVD+R and DVD-R DL, the smaller of each pair */
	{"dvd", 2295104, DVD_SPEED},
	{"dvd-dl", 4171712, DVD_SPEED},
	{"bd", 12219392, BD_SPEED},
	{"bd-dl", 24438784, BD_SPEED},
	/* of three and four layers */
	{"bdxl-100", 48878592, BD_SPEED},
	{"bdxl-128", 62500864, BD_SPEED},
	/* M-DISC: as large as the media that they stand for */
	{"mdisc-dvd", 2295104, DVD_SPEED},
	{"mdisc-bd", 12219392, BD_SPEED},
	{"mdisc-bd-dl", 24438784, BD_SPEED},
	{"mdisc-bdxl-100", 48878592, BD_SPEED},
};

static int kind_of(const char *value)
{
	for (size_t i = 0; i < ARRAY_LENGTH(media_kinds); i++)
		if (strcmp(value, media_kinds[i].name) == 0)
			return (int)i;
	return -1;
}

int media_parse(const char *value, struct media *ret)
{
	const int kind = kind_of(value);
	uint64_t bytes;

	*ret = (struct media){.unbounded = strcmp(value, "none") == 0, .bytes_per_second = MEDIA_CD_SPEED};
	if (ret->unbounded)
		return 0;
	if (kind >= 0) {
		ret->sectors = media_kinds[kind].sectors;
		ret->bytes_per_second = media_kinds[kind].speed;
		return 0;
	}
	if (size_parse(value, &bytes) < 0)
		return -EINVAL;
	ret->sectors = bytes / SECTOR_BYTES;
	return 0;
}

/*
 * DVD and BD bear powers of 1000: "4.7G" is 4.7 GiB, for which no DVD of 4.7 GB has room, and the image could not be
 * burned on the disc that was meant.  (A CD of 700M has that many MiB.)
 */
void media_note(const char *value, const struct media *m, char *ret, size_t size)
{
	char text[64], is[SIZE_TEXT_BYTES], told[SIZE_TEXT_BYTES];
	uint64_t decimal;

	*ret = '\0';
	if ((size_t)snprintf(text, sizeof(text), "%sB", value) >= sizeof(text) || size_parse(text, &decimal) < 0 ||
	    decimal / SECTOR_BYTES >= m->sectors)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(media_kinds); i++) {
		if (media_kinds[i].sectors * SECTOR_BYTES < decimal)
			continue;
		if (media_kinds[i].sectors < m->sectors)
			snprintf(
				ret, size,
				"media=%s is %s, more than a disc that is sold as %s takes: media=%s, or media=%sB, is "
				"as large as that",
				value, size_text(m->sectors * SECTOR_BYTES, is), size_text_decimal(decimal, told),
				media_kinds[i].name, value);
		return;
	}
}
