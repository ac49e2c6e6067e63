/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/format/aaip over any stream, and sets of extended attributes over any bytes
 *
 * Input: the file's mode (2 bytes), then the stream.  What is read of it is a set, and what is written of that is read
 * again, the same from the second time on: an ACL is put in order by the mode.
 */
#include "tests/fuzz/common/target.h"

#include "burner/base/own.h"
#include "burner/format/aaip.h"
#include "burner/format/nanoseconds.h"

struct set {
	uint8_t *bytes;
	size_t n;
};

static void again(const struct set *s, uint32_t mode, struct set *ret)
{
	uint32_t n = aaip_encode(s->bytes, s->n, mode, NULL);
	_free_ uint8_t *stream = malloc(n + 1);

	MUST(stream && n <= aaip_stream_max((uint32_t)s->n));
	MUST(aaip_encode(s->bytes, s->n, mode, stream) == n);
	MUST(aaip_decode(stream, n, mode, &ret->bytes, &ret->n) == 0);
	MUST(xattrs_check(ret->bytes, ret->n) == 0);
}

static void any_set(const uint8_t *data, size_t size)
{
	struct xattr x;
	size_t at = 0, n = 0;

	if (xattrs_check(data, size))
		return;
	while (xattrs_next(data, size, &at, &x))
		n += x.name_bytes + 1;
	MUST(at == size && xattrs_list(data, size, NULL) <= n);
}

static void any_padding(const uint8_t *data, size_t size)
{
	uint8_t entry[SUSP_ENTRY_MAX] = "PD", made[NANOSECONDS_BYTES_MAX];
	uint32_t ns[NS_TIMES], same[NS_TIMES];

	memcpy(entry + 4, data, min_u64(size, sizeof(entry) - 4));
	entry[2] = (uint8_t)(4 + min_u64(size, sizeof(entry) - 4));
	if (nanoseconds_decode(entry, ns) <= 0 || !nanoseconds_encode(ns, made))
		return;
	MUST(nanoseconds_decode(made, same) == 1 && !memcmp(ns, same, sizeof(ns)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct set first = {0}, second = {0}, third = {0};
	struct input in = {data, size};
	uint32_t mode = take_u16(&in);

	any_set(data, size);
	any_padding(data, size);
	if (aaip_decode(in.at, in.left, mode, &first.bytes, &first.n))
		return 0;
	MUST(xattrs_check(first.bytes, first.n) == 0);
	again(&first, mode, &second);
	again(&second, mode, &third);
	MUST(second.n == third.n && (!second.n || !memcmp(second.bytes, third.bytes, second.n)));
	free(first.bytes);
	free(second.bytes);
	free(third.bytes);
	return 0;
}
