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
	_free_ uint8_t *components = malloc(AAIP_COMPONENTS_OF(s->n) + 1), *stream = malloc(2 * AAIP_STREAM_MAX);
	uint32_t n = aaip_encode(s->bytes, s->n, mode, components), streamed = 0, taken, all, cuts = 0;
	struct aaip_writer w = {components, components + n, 0};

	MUST(stream && n <= AAIP_COMPONENTS_OF(s->n));
	all = aaip_left(&w);
	MUST(all <= aaip_bytes_max(s->n));
	for (bool more = true; !aaip_is_done(&w); cuts++) {
		uint8_t entry[SUSP_ENTRY_MAX];
		const uint8_t *content;
		unsigned bytes;

		taken = aaip_take(&w, 8 + (uint32_t)((s->n + cuts) % (SUSP_ENTRY_MAX - 8)), entry);
		MUST(more && taken == entry[2] && aaip_al_decode(entry, &content, &bytes, &more) == 0);
		MUST(more != aaip_is_done(&w));
		memcpy(stream + streamed, content, bytes);
		streamed += bytes;
	}
	MUST(aaip_decode(stream, streamed, mode, &ret->bytes, &ret->n) == 0);
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
	uint8_t entry[SUSP_ENTRY_MAX] = "PD", made[NANOSECONDS_BYTES];
	uint32_t ns[NS_TIMES], same[NS_TIMES];

	memcpy(entry + 4, data, min_u64(size, sizeof(entry) - 4));
	entry[2] = (uint8_t)(4 + min_u64(size, sizeof(entry) - 4));
	if (nanoseconds_decode(entry, ns) <= 0)
		return;
	nanoseconds_encode(ns, made);
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
