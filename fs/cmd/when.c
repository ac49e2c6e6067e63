/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/when.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/own.h"

static int parse_seconds(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return errno || end == text || *end || (text[0] != '-' && (text[0] < '0' || text[0] > '9')) ? -EINVAL : 0;
}

/* Exactly so many digits. */
static bool take(const char **text, int digits, int *ret)
{
	for (*ret = 0; digits; digits--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*ret = *ret * 10 + (**text - '0');
	}
	return true;
}

static bool take_mark(const char **text, const char *marks)
{
	bool there = **text && strchr(marks, **text);

	*text += there;
	return there;
}

int when_parse(const char *text, int64_t *ret)
{
	static const struct {
		const char *before;
		int digits;
	} parts[] = {{NULL, 4}, {"-", 2}, {"-", 2}, {"T ", 2}, {":", 2}, {":", 2}};
	int n[6] = {0, 0, 0, 23, 59, 59};
	size_t given = 0;
	struct tm tm, made;

	if (text[0] == '@')
		return parse_seconds(text + 1, ret);
	for (; given < ARRAY_LENGTH(parts) && (!parts[given].before || take_mark(&text, parts[given].before)); given++)
		if (!take(&text, parts[given].digits, &n[given]))
			return -EINVAL;
	if (given > 3)
		(void)take_mark(&text, "Z");
	if (*text || given < 3 || given == 4 || n[3] > 23 || n[4] > 59 || n[5] > 59)
		return -EINVAL;
	tm = (struct tm){.tm_year = n[0] - 1900,
			 .tm_mon = n[1] - 1,
			 .tm_mday = n[2],
			 .tm_hour = n[3],
			 .tm_min = n[4],
			 .tm_sec = n[5]};
	made = tm;
	*ret = timegm(&made);
	/* The 30th of February is no day. */
	return made.tm_mon == tm.tm_mon && made.tm_mday == tm.tm_mday && made.tm_year == tm.tm_year ? 0 : -EINVAL;
}
