/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon/values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"

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

int value_size(const char *text, uint64_t *ret_bytes)
{
	static const char suffixes[] = "KMGT";
	const char *end, *suffix;
	double v, scale = 1;

	if (value_decimal(text, &end, &v) < 0)
		return -EINVAL;
	suffix = *end ? strchr(suffixes, *end & ~0x20) : NULL;
	if (suffix) {
		for (const char *s = suffixes; s <= suffix; s++)
			scale *= 1024;
		end++;
		end += strcmp(end, "iB") == 0 ? 2 : strcmp(end, "B") == 0 ? 1 : 0;
	}
	/* LBAs have 32 bits; the last one means "none". */
	if (*end || v * scale >= 4294967295.0 * SECTOR_BYTES)
		return -EINVAL;
	*ret_bytes = (uint64_t)(v * scale);
	return 0;
}
