/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/values.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "burner/base/own.h"

int value_number(const char *text, int base, uint64_t most, uint64_t *ret)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	errno = 0;
	unsigned long long v = strtoull(text, &end, base);
	if (errno || *end || v > most)
		return -EINVAL;
	*ret = v;
	return 0;
}

int value_duration(const char *text, uint32_t *ret_seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	const size_t n = strspn(text, "0123456789");
	char digits[12] = "";
	uint64_t v;

	if (!n || n >= sizeof(digits) || (text[n] && text[n + 1]))
		return -EINVAL;
	memcpy(digits, text, n);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == text[n] && value_number(digits, 10, 366u * 86400u / units[i].seconds, &v) == 0) {
			*ret_seconds = (uint32_t)v * units[i].seconds;
			return 0;
		}
	return -EINVAL;
}

int value_decimal(const char *text, const char **ret_end, double *ret)
{
	size_t length = strspn(text, "0123456789"), fraction = 0;
	char digits[32];

	if (text[length] == '.' || text[length] == ',')
		fraction = 1 + strspn(text + length + 1, "0123456789");
	if (length == 0 || fraction == 1 || length + fraction >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, length + fraction);
	digits[length + fraction] = '\0';
	if (fraction)
		digits[length] = '.';
	*ret = strtod(digits, NULL);
	*ret_end = text + length + fraction;
	return 0;
}

/* ---- dates ---- */

static int seconds_as_such(const char *text, struct value_date *ret)
{
	char *end;

	errno = 0;
	ret->first = ret->last = strtoll(text, &end, 10);
	return errno || *end || text[text[0] == '-'] < '0' || text[text[0] == '-'] > '9' ? -EINVAL : 0;
}

/* As in the form, which has 0 for a digit: the digits are the numbers. */
static bool take_numbers(const char *text, size_t length, int numbers[6])
{
	static const char form[] = "0000-00-00T00:00:00";
	size_t n = 0;

	for (size_t i = 0; i < length; i++) {
		bool is_digit = text[i] >= '0' && text[i] <= '9';

		if (is_digit != (form[i] == '0') ||
		    (!is_digit && text[i] != form[i] && !(form[i] == 'T' && text[i] == ' ')))
			return false;
		n += !is_digit;
		if (is_digit)
			numbers[n] = (i && form[i - 1] == '0' ? 10 * numbers[n] : 0) + text[i] - '0';
	}
	return true;
}

/* The first and the last moment of it. */
static int span(const int numbers[6], size_t given, struct value_date *ret)
{
	struct tm first = {.tm_year = numbers[0] - 1900,
			   .tm_mon = numbers[1] - 1,
			   .tm_mday = numbers[2],
			   .tm_hour = numbers[3],
			   .tm_min = numbers[4],
			   .tm_sec = numbers[5]};
	struct tm next = first;

	if (numbers[1] < 1 || numbers[1] > 12 || numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59)
		return -EINVAL;
	next.tm_year += given == 1;
	next.tm_mon += given == 2;
	next.tm_mday += given == 3;
	next.tm_min += given == 5;
	next.tm_sec += given == 6;
	ret->first = timegm(&first);
	ret->last = timegm(&next) - 1;
	/* The 30th of February is no day. */
	return first.tm_mday == numbers[2] ? 0 : -EINVAL;
}

int value_date(const char *text, struct value_date *ret)
{
	static const size_t lengths[] = {4, 7, 10, 13, 16, 19}; /* 2026, 2026-11, 2026-11-29, … */
	int numbers[6] = {0, 1, 1};
	size_t n = strlen(text), given = 0;

	if (text[0] == '@')
		return seconds_as_such(text + 1, ret);
	n -= n > 16 && text[n - 1] == 'Z';
	while (given < ARRAY_LENGTH(lengths) && lengths[given] != n)
		given++;
	if (given == ARRAY_LENGTH(lengths) || ++given == 4 || !take_numbers(text, n, numbers))
		return -EINVAL;
	return span(numbers, given, ret);
}
