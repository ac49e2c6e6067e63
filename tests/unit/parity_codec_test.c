/* SPDX-License-Identifier: GPL-3.0-or-later */
/* burner/parity/codec.c: every loss that parity can make good is made good, and one more is refused. */
#include "burner/parity/codec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/format/parity.h"

#define ALL UINT32_MAX

struct column {
	unsigned k, m;
	struct parity_codec *codec;
	uint8_t *bytes, *right; /* k + m pieces */
	uint8_t *pieces[PARITY_CODEWORD_MAX];
	uint32_t lost[PARITY_CODEWORD_MAX];
};

static uint64_t random_state = 88172645463325252u;
static uint32_t random_number(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % below;
}

static size_t column_bytes(const struct column *c) { return (size_t)(c->k + c->m) * PARITY_PIECE_BYTES; }

static void column_begin(struct column *c, unsigned k, unsigned m)
{
	*c = (struct column){.k = k, .m = m};
	assert_int_equal(parity_codec_new(k, m, &c->codec), 0);
	c->bytes = calloc(1, column_bytes(c));
	c->right = malloc(column_bytes(c));
	assert_true(c->bytes && c->right);
	for (unsigned i = 0; i < k + m; i++)
		c->pieces[i] = c->bytes + (size_t)i * PARITY_PIECE_BYTES;
	for (size_t i = 0; i < (size_t)k * PARITY_PIECE_BYTES; i += 4)
		put_le32(c->bytes + i, (uint32_t)random_number(UINT32_MAX));
	for (unsigned row = 0; row < k; row += CODEC_ROWS)
		codec_add(c->codec, row, k - row < CODEC_ROWS ? k - row : CODEC_ROWS, c->pieces + row, c->pieces + k);
	memcpy(c->right, c->bytes, column_bytes(c));
}

static void column_end(struct column *c)
{
	parity_codec_free(c->codec);
	free(c->bytes);
	free(c->right);
}

/* Makes nonsense of what is lost. */
static void lose(struct column *c)
{
	memcpy(c->bytes, c->right, column_bytes(c));
	for (unsigned i = 0; i < c->k + c->m; i++)
		for (unsigned b = 0; b < PARITY_PIECE_SECTORS; b++)
			if (c->lost[i] >> b & 1)
				memset(c->pieces[i] + (size_t)b * SECTOR_BYTES, 0xa5, SECTOR_BYTES);
}

static bool data_is_right(const struct column *c)
{
	return !memcmp(c->bytes, c->right, (size_t)c->k * PARITY_PIECE_BYTES);
}

static void check_restored(struct column *c)
{
	lose(c);
	assert_int_equal(codec_can_restore(c->codec, c->lost), 0);
	assert_int_equal(codec_restore(c->codec, c->pieces, c->lost), 0);
	assert_true(data_is_right(c));
}

/* Multiplication by its definition, so that the bytes on the disc are what the format says. */
static uint8_t multiply(uint8_t a, uint8_t b)
{
	uint8_t sum = 0;

	for (; b; b >>= 1, a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0)))
		if (b & 1)
			sum ^= a;
	return sum;
}

static uint8_t sum_of_row(const struct column *c, unsigned p, size_t at)
{
	uint8_t sum = 0;

	for (unsigned j = 0; j < c->k; j++) {
		uint8_t inverse = 1;

		while (multiply(inverse, (uint8_t)((c->k + p) ^ j)) != 1)
			inverse++;
		sum ^= multiply(inverse, c->pieces[j][at]);
	}
	return sum;
}

/* Also of more pieces than are made at once, whole groups of them and not. */
static void test_parity_is_what_the_format_says(void **state)
{
	static const struct {
		unsigned k, m;
	} shapes[] = {{37, 5}, {16, 16}, {33, 17}, {100, 50}, {127, 128}};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		uint8_t *made = malloc(PARITY_PIECE_BYTES);
		struct column c;

		assert_non_null(made);
		column_begin(&c, shapes[s].k, shapes[s].m);
		for (unsigned n = 0; n < 2000; n++) {
			size_t at = random_number(PARITY_PIECE_BYTES);
			unsigned p = n % c.m;

			assert_int_equal(c.pieces[c.k + p][at], sum_of_row(&c, p, at));
		}
		for (unsigned p = 0; p < c.m; p++) {
			codec_make(c.codec, p, c.pieces, made);
			assert_memory_equal(made, c.pieces[c.k + p], PARITY_PIECE_BYTES);
		}
		free(made);
		column_end(&c);
	}
}

/* Each set of pieces of a small column. */
static void test_all_losses_of_small_columns(void **state)
{
	static const struct {
		unsigned k, m;
	} shapes[] = {{1, 1}, {1, 2}, {3, 2}, {5, 3}, {7, 1}};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct column c;

		column_begin(&c, shapes[s].k, shapes[s].m);
		for (unsigned set = 0; set < 1u << (c.k + c.m); set++) {
			for (unsigned i = 0; i < c.k + c.m; i++)
				c.lost[i] = set >> i & 1 ? ALL : 0;
			if ((unsigned)__builtin_popcount(set) <= c.m) {
				check_restored(&c);
			} else if (set & ((1u << c.k) - 1)) {
				lose(&c);
				assert_int_equal(codec_restore(c.codec, c.pieces, c.lost), -EBADMSG);
				assert_int_equal(codec_can_restore(c.codec, c.lost), -EBADMSG);
			}
		}
		column_end(&c);
	}
}

static void lose_pieces(struct column *c, unsigned n)
{
	memset(c->lost, 0, sizeof(c->lost));
	while (n > 0) {
		unsigned i = random_number(c->k + c->m);

		n -= c->lost[i] == 0;
		c->lost[i] = ALL;
	}
}

static unsigned lost_data(const struct column *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->k; i++)
		n += c->lost[i] != 0;
	return n;
}

/* The largest columns of 5, 10, 20 and 100 %. */
static void test_random_losses_of_large_columns(void **state)
{
	static const struct {
		unsigned k, m;
	} shapes[] = {{240, 12}, {230, 23}, {210, 42}, {127, 127}};

	(void)state;
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		struct column c;

		column_begin(&c, shapes[s].k, shapes[s].m);
		for (unsigned turn = 0; turn < 3; turn++) {
			lose_pieces(&c, c.m);
			check_restored(&c);
			do
				lose_pieces(&c, c.m + 1);
			while (!lost_data(&c));
			assert_int_equal(codec_restore(c.codec, c.pieces, c.lost), -EBADMSG);
		}
		column_end(&c);
	}
}

/* Blocks are lost by themselves: m of each row of blocks, of other pieces each time. */
static void test_blocks_are_lost_by_themselves(void **state)
{
	struct column c;

	(void)state;
	column_begin(&c, 40, 3);
	for (unsigned b = 0; b < PARITY_PIECE_SECTORS; b++)
		for (unsigned n = 0; n < c.m;) {
			uint32_t *lost = &c.lost[random_number(c.k + c.m)];

			n += !(*lost >> b & 1);
			*lost |= 1u << b;
		}
	check_restored(&c);
	for (unsigned i = 0; i < c.k; i++)
		if (!(c.lost[i] >> 9 & 1)) {
			c.lost[i] |= 1u << 9;
			break;
		}
	assert_int_equal(codec_can_restore(c.codec, c.lost), -EBADMSG);
	column_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parity_is_what_the_format_says),
		cmocka_unit_test(test_all_losses_of_small_columns),
		cmocka_unit_test(test_random_losses_of_large_columns),
		cmocka_unit_test(test_blocks_are_lost_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
