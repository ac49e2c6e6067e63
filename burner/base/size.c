/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/size.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/values.h"

#define UNITS "KMGTPE"
#define UNITS_READ 4 /* no disc has more than some TiB */

/* What stands behind the number; *ret_scale 0: that is no unit. */
static const char *unit_of(const char *at, double *ret_scale)
{
	static const char units[] = UNITS;
	const char *unit = *at ? memchr(units, *at & ~0x20, UNITS_READ) : NULL;

	*ret_scale = 1;
	if (!unit)
		return at;
	const bool decimal = at[1] == 'B';
	for (const char *u = units; u <= unit; u++)
		*ret_scale *= decimal ? 1000 : 1024;
	return at + 1 + (decimal ? 1 : strncmp(at + 1, "iB", 2) == 0 ? 2 : 0);
}

int size_parse(const char *text, uint64_t *ret_bytes)
{
	const char *end;
	double v, scale;

	if (value_decimal(text, &end, &v) < 0)
		return -EINVAL;
	end = unit_of(end, &scale);
	/* LBAs have 32 bits; the last one means "none". */
	if (*end || v * scale >= 4294967295.0 * SECTOR_BYTES)
		return -EINVAL;
	*ret_bytes = (uint64_t)(v * scale + 0.5);
	return 0;
}

int size_parse_range(const char *text, uint64_t *ret_least, uint64_t *ret_most)
{
	const char *dash = strchr(text, '-');
	uint64_t least = 0, most = UINT64_MAX;
	char first[32];
	size_t n = dash ? (size_t)(dash - text) : strlen(text);

	if (n >= sizeof(first) || (dash && !n && !dash[1]))
		return -EINVAL;
	memcpy(first, text, n);
	first[n] = '\0';
	if ((n || !dash) && size_parse(first, &least) < 0)
		return -EINVAL;
	if (!dash)
		most = least;
	else if (dash[1] && size_parse(dash + 1, &most) < 0)
		return -EINVAL;
	if (least > most)
		return -EINVAL;
	*ret_least = least;
	*ret_most = most;
	return 0;
}

static const char *print_size(uint64_t bytes, unsigned scale, const char *ending, char text[SIZE_TEXT_BYTES])
{
	static const char units[] = UNITS;
	double v = (double)bytes / scale;
	size_t unit = 0;

	if (bytes < scale) {
		snprintf(text, SIZE_TEXT_BYTES, "%" PRIu64 " bytes", bytes);
		return text;
	}
	/* What would be rounded up to the next unit is that. */
	for (; v >= scale - 0.05 && unit + 2 < sizeof(units); unit++)
		v /= scale;
	snprintf(text, SIZE_TEXT_BYTES, "%.1f %c%s", v, units[unit], ending);
	return text;
}

const char *size_text(uint64_t bytes, char text[SIZE_TEXT_BYTES]) { return print_size(bytes, 1024, "iB", text); }

const char *size_text_decimal(uint64_t bytes, char text[SIZE_TEXT_BYTES]) { return print_size(bytes, 1000, "B", text); }
