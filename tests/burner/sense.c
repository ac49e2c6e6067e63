/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/sense.h"

#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"

#define SENSE_DEFINE(name, k, a, q) const struct sense SENSE_##name = {.key = (k), .asc = (a), .ascq = (q)};
SENSES(SENSE_DEFINE)

static const struct {
	uint8_t key, asc, ascq;
	const char *name;
} names[] = {
#define SENSE_ROW(name, k, a, q) {(k), (a), (q), #name},
	SENSES(SENSE_ROW)};

const char *sense_name(struct sense sense)
{
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if (names[i].key == sense.key && names[i].asc == sense.asc && names[i].ascq == sense.ascq)
			return names[i].name;
	}
	return "";
}

struct sense sense_at(struct sense sense, int32_t lba)
{
	sense.has_lba = true;
	sense.lba = lba;
	return sense;
}

void sense_encode(struct sense sense, uint8_t data[SENSE_BYTES])
{
	memset(data, 0, SENSE_BYTES);
	data[0] = sense.deferred ? 0x71 : 0x70;
	data[2] = sense.key;
	data[7] = SENSE_BYTES - 8;
	data[12] = sense.asc;
	data[13] = sense.ascq;
	if (sense.has_lba) {
		data[0] |= 0x80;
		put_be32(data + 3, (uint32_t)sense.lba);
	}
	if (sense.has_progress) {
		data[15] = 0x80;
		put_be16(data + 16, sense.progress);
	}
}
