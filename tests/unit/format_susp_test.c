/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_susp_test.c - System Use entries of SUSP, Rock Ridge and our own, against their bytes in the standards written
 * out once more, and decoders on entries of all lengths and bytes, in memory that ends where they do
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "burner/format/rock_ridge.h"
#include "burner/format/twin.h"

static uint64_t seed = 1;
static uint8_t next_byte(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint8_t)(seed >> 40);
}

#define N(array) (sizeof(array) / sizeof((array)[0]))
static const uint32_t edges[] = {0, 1, 0xff, 0x100, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};

/* ---- what is written ---- */

static void test_susp(void **state)
{
	static const uint8_t
		sp[] = "SP\x07\x01\xbe\xef\x0e",
		er[] = "ER\x12\x01\x0a\0\0\x01RRIP_1991A",
		ce[] = "CE\x1c\x01\x01\x02\x03\x84\x84\x03\x02\x01\0\x07\0\0\0\0\x07\0\xfa\0\0\0\0\0\0\xfa";
	uint8_t entry[64], skip = 0;
	struct susp_ce got;

	(void)state;
	susp_sp_encode(14, entry);
	assert_memory_equal(entry, sp, SUSP_SP_BYTES);
	assert_int_equal(susp_sp_decode(entry, &skip), 0);
	assert_int_equal(skip, 14);
	entry[4] = 0xbf;
	assert_int_equal(susp_sp_decode(entry, &skip), -EBADMSG);
	susp_er_encode_rrip(entry);
	assert_int_equal(SUSP_ER_RRIP_BYTES, 18);
	assert_memory_equal(entry, er, SUSP_ER_RRIP_BYTES);
	assert_true(susp_er_is_sound(entry));
	susp_ce_encode(&(struct susp_ce){0x84030201, 0x700, 250}, entry);
	assert_memory_equal(entry, ce, SUSP_CE_BYTES);
	assert_int_equal(susp_ce_decode(entry, &got), 0);
	assert_true(got.lba == 0x84030201 && got.offset == 0x700 && got.bytes == 250);
	assert_int_equal(susp_signature(entry), SUSP_SIGNATURE('C', 'E'));
}

static void test_er_of_others(void **state)
{
	static const uint8_t p1282[] = "ER\x12\x01\x0a\0\0\x01IEEE_P1282", p[] = "ER\x11\x01\x09\0\0\x01IEEE_1282",
			     other[] = "ER\x12\x01\x0a\0\0\x01RRIP_1991B", cut[] = "ER\x11\x01\x0a\0\0\x01RRIP_1991A",
			     shorter[] = "ER\x12\x01\x09\0\0\x01RRIP_1991A";

	(void)state;
	assert_true(susp_er_is_sound(p1282) && susp_er_is_sound(p) && susp_er_is_sound(other) &&
		    susp_er_is_sound(shorter));
	assert_false(susp_er_is_sound(cut));
}

static void test_px(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(edges); i++) {
		struct rrip_px px = {0100644, edges[i], ~edges[i], 7, edges[N(edges) - 1 - i], true}, got;
		uint8_t entry[RRIP_PX_BYTES], wanted[RRIP_PX_BYTES] = "PX\x2c\x01";

		put_both32(wanted + 4, px.mode);
		put_both32(wanted + 12, px.nlink);
		put_both32(wanted + 20, px.uid);
		put_both32(wanted + 28, px.gid);
		put_both32(wanted + 36, px.serial);
		rrip_px_encode(&px, entry);
		assert_memory_equal(entry, wanted, sizeof(wanted));
		assert_int_equal(rrip_px_decode(entry, &got), 0);
		assert_true(got.mode == px.mode && got.nlink == px.nlink && got.uid == px.uid && got.gid == px.gid);
		assert_true(got.has_serial && got.serial == px.serial);
		entry[2] = 36; /* RRIP 1.09 */
		assert_int_equal(rrip_px_decode(entry, &got), 0);
		assert_true(!got.has_serial && !got.serial && got.gid == px.gid);
		entry[2] = 35;
		assert_int_equal(rrip_px_decode(entry, &got), -EBADMSG);
	}
}

/* Both ways of telling a device number, and each comes back. */
static void test_pn(void **state)
{
	static const struct {
		unsigned major, minor;
		uint32_t high, low;
	} devices[] = {{8, 1, 0, 0x801},       {0, 5, 0, 5},	     {0xfff, 0xff, 0, 0xfffff},
		       {0x1000, 1, 0x1000, 1}, {1, 0x100, 1, 0x100}, {0xfffff, 0xfffff, 0xfffff, 0xfffff}};

	(void)state;
	for (size_t i = 0; i < N(devices); i++) {
		uint64_t rdev = makedev(devices[i].major, devices[i].minor), got;
		uint8_t entry[RRIP_PN_BYTES], wanted[RRIP_PN_BYTES] = "PN\x14\x01";

		put_both32(wanted + 4, devices[i].high);
		put_both32(wanted + 12, devices[i].low);
		rrip_pn_encode(rdev, entry);
		assert_memory_equal(entry, wanted, sizeof(wanted));
		assert_int_equal(rrip_pn_decode(entry, &got), 0);
		assert_true(got == rdev);
	}
}

static void test_nm(void **state)
{
	char text[RRIP_NM_TEXT_MAX];

	(void)state;
	memset(text, 'n', sizeof(text));
	for (unsigned n = 0; n <= RRIP_NM_TEXT_MAX; n += 50) {
		struct rrip_nm got;
		uint8_t entry[SUSP_ENTRY_MAX];

		rrip_nm_encode(&(struct rrip_nm){text, n, ISO_ROCK_NM_CONTINUE}, entry);
		assert_memory_equal(entry, "NM", 2);
		assert_true(entry[2] == 5 + n && entry[3] == 1 && entry[4] == 1);
		assert_int_equal(rrip_nm_decode(entry, &got), 0);
		assert_true(got.n == n && got.flags == 1 && got.text == entry + 5);
		assert_memory_equal(got.text, text, n);
	}
}

static void test_tf(void **state)
{
	static const uint8_t dates[3][SHORT_DATE_BYTES] = {"modify!", "access!", "change!"};
	uint8_t entry[SUSP_ENTRY_MAX] = {0};
	struct rrip_tf tf;

	(void)state;
	rrip_tf_encode(dates, entry);
	assert_memory_equal(entry, "TF\x1a\x01\x0emodify!access!change!", RRIP_TF_BYTES);
	assert_int_equal(rrip_tf_decode(entry, &tf), 0);
	assert_true(!tf.dates[RRIP_CREATION] && tf.date_bytes == 7);
	assert_true(tf.dates[RRIP_MODIFY] == entry + 5 && tf.dates[RRIP_ACCESS] == entry + 12 &&
		    tf.dates[RRIP_ATTRIBUTES] == entry + 19);
	/* The long form, with a creation and a backup date: the latter is not looked at, even when it is not there. */
	entry[2] = 5 + 2 * 17;
	entry[4] = 0x80 | 0x10 | 0x08 | 0x01;
	assert_int_equal(rrip_tf_decode(entry, &tf), 0);
	assert_true(tf.date_bytes == 17 && tf.dates[RRIP_CREATION] == entry + 5 &&
		    tf.dates[RRIP_ATTRIBUTES] == entry + 22);
	entry[2]--;
	assert_int_equal(rrip_tf_decode(entry, &tf), -EBADMSG);
}

static void test_zf(void **state)
{
	static const struct rrip_zf first = {{'p', 'z'}, 4, 15, 0x493e0}, second = {{'P', 'Z'}, 6, 17, 0x1122334455};
	uint8_t entry[RRIP_ZF_BYTES];
	struct rrip_zf got;

	(void)state;
	rrip_zf_encode(&first, entry);
	assert_memory_equal(entry, "ZF\x10\x01pz\x04\x0f\xe0\x93\x04\0\0\x04\x93\xe0", sizeof(entry));
	assert_int_equal(rrip_zf_decode(entry, &got), 1);
	assert_true(got.algorithm[0] == 'p' && got.header_words == 4 && got.block_shift == 15 && got.size == 0x493e0);
	rrip_zf_encode(&second, entry);
	assert_memory_equal(entry, "ZF\x10\x02PZ\x06\x11\x55\x44\x33\x22\x11\0\0\0", sizeof(entry));
	assert_int_equal(rrip_zf_decode(entry, &got), 1);
	assert_true(got.algorithm[1] == 'Z' && got.size == 0x1122334455);
	entry[15] = 0x80; /* no file is as large */
	assert_int_equal(rrip_zf_decode(entry, &got), -EBADMSG);
	entry[5] = 'z'; /* an algorithm that nobody knows */
	assert_int_equal(rrip_zf_decode(entry, &got), 0);
}

static void test_twin(void **state)
{
	static const struct twin twin = {0x84030201, 0xffffe000, 0x03000004, 0xfedcba};
	static const uint8_t old[] = "TW\x14\x01\x01\x02\x03\x84\0\xe0\xff\xff\x04\0\0\x03\xba\xdc\xfe",
			     /* of no whole blocks; an attempt that nobody makes */
		odd[] = "TW\x14\x01\x01\x02\x03\x84\x01\xe0\xff\xff\x04\0\0\x03\xba\xdc\xfe",
			     many[] = "TW\x14\x01\x01\x02\x03\x84\0\xe0\xff\xff\x04\0\0\x03\xba\xdc\xfe\x01";
	uint8_t entry[TWIN_BYTES];
	struct twin got;

	(void)state;
	twin_encode(&twin, entry);
	assert_memory_equal(entry, "PD\x14\x01TW\x01\x02\x03\x84\x04\0\0\x03\xfc\xff\x1f\xba\xdc\xfe", sizeof(entry));
	assert_int_equal(twin_decode(entry, &got), 1);
	assert_memory_equal(&got, &twin, sizeof(got));
	memset(&got, 0, sizeof(got));
	assert_int_equal(twin_decode(old, &got), 1);
	assert_memory_equal(&got, &twin, sizeof(got));
	memset(&got, 0, sizeof(got));
	assert_int_equal(twin_decode(odd, &got), -EBADMSG);
	assert_int_equal(twin_decode(many, &got), -EBADMSG);
	/* A directory longer than any; padding that is nothing but that. */
	entry[16] = 0x20;
	assert_int_equal(twin_decode(entry, &got), -EBADMSG);
	entry[5] = 'w';
	assert_int_equal(twin_decode(entry, &got), 0);
	memset(entry + 4, 0, sizeof(entry) - 4);
	assert_int_equal(twin_decode(entry, &got), 0);
	entry[2] = 4;
	assert_int_equal(twin_decode(entry, &got), 0);
	assert_true(!got.lba && !got.bytes && !got.area_sectors && !got.attempt);
}

/* ---- symbolic links ---- */

static void check_sl(const char *target, const void *wanted, size_t n)
{
	uint8_t entries[512];

	assert_int_equal(rrip_sl_encode(target, NULL), n);
	assert_int_equal(rrip_sl_encode(target, entries), n);
	assert_memory_equal(entries, wanted, n);
}

static void test_sl(void **state)
{
	static const char slashes[] = "SL\x0f\x01\0\x08\0\0\x01"
				      "a\0\0\0\x01"
				      "b";

	(void)state;
	check_sl("/", "SL\x07\x01\0\x08\0", 7);
	check_sl("a",
		 "SL\x08\x01\0\0\x01"
		 "a",
		 8);
	check_sl("..", "SL\x07\x01\0\x04\0", 7);
	check_sl("./...", "SL\x0c\x01\0\x02\0\0\x03...", 12);
	check_sl("/a//b", slashes, 15);
	check_sl("a/",
		 "SL\x0a\x01\0\0\x01"
		 "a\0\0",
		 10);
}

/* What is measured is what is written; entries are sound, and all but the last say that others follow. */
static void test_sl_pieces(void **state)
{
	uint8_t *entries = malloc(16384);
	char target[4096];

	(void)state;
	assert_non_null(entries);
	for (unsigned i = 0; i < 3000; i++) {
		uint32_t n = 1 + (next_byte() << 8 | next_byte()) % 4095, bytes, at;
		unsigned rare = 1 + next_byte() % 200;

		for (uint32_t k = 0; k < n; k++)
			target[k] = next_byte() % rare ? 'x' : '/';
		target[n] = 0;
		bytes = rrip_sl_encode(target, entries);
		assert_true(bytes <= 9216 && bytes == rrip_sl_encode(target, NULL));
		for (at = 0; at < bytes; at += entries[at + 2]) {
			const uint8_t *e = entries + at;
			unsigned component = RRIP_SL_FIXED_BYTES;

			assert_int_equal(susp_signature(e), SUSP_SIGNATURE('S', 'L'));
			assert_int_equal(e[RRIP_SL_FLAGS], at + e[2] < bytes ? ISO_ROCK_SL_CONTINUE : 0);
			while (component < e[2])
				component += 2u + rrip_component_length(e + component);
			assert_true(component == e[2] && component > RRIP_SL_FIXED_BYTES);
		}
		assert_int_equal(at, bytes);
	}
	free(entries);
}

/* ---- what a disc may have ---- */

/* Every decoder on an entry of `length` bytes: nothing is read behind it. */
static void decode_all(const uint8_t *e, unsigned length)
{
	struct susp_ce ce;
	struct rrip_px px;
	struct rrip_nm nm;
	struct rrip_tf tf;
	struct rrip_zf zf;
	struct twin twin;
	uint64_t rdev;
	uint32_t lba;
	uint8_t skip;

	assert_int_equal(susp_ce_decode(e, &ce), length < 28 ? -EBADMSG : 0);
	assert_int_equal(rrip_px_decode(e, &px), length < 36 ? -EBADMSG : 0);
	assert_int_equal(rrip_pn_decode(e, &rdev), length < 20 ? -EBADMSG : 0);
	assert_int_equal(rrip_cl_decode(e, &lba), length < 12 ? -EBADMSG : 0);
	assert_true(twin_decode(e, &twin) <= 0 || length >= 20);
	assert_int_equal(rrip_nm_decode(e, &nm), length < 5 ? -EBADMSG : 0);
	assert_true(length < 5 || nm.n == length - 5);
	assert_true(susp_sp_decode(e, &skip) == 0 || length < 7 || get_be16(e + 4) != 0xbeef);
	assert_true(rrip_zf_decode(e, &zf) <= 0 || zf.size <= INT64_MAX);
	(void)susp_er_is_sound(e);
	if (rrip_tf_decode(e, &tf) == 0)
		for (unsigned i = 0; i < N_RRIP_TIMES; i++)
			assert_true(!tf.dates[i] || tf.dates[i] + tf.date_bytes <= e + length);
}

static void test_hostile(void **state)
{
	(void)state;
	for (unsigned length = SUSP_HEADER_BYTES; length <= SUSP_ENTRY_MAX; length++)
		for (unsigned round = 0; round < 20; round++) {
			uint8_t *e = malloc(length);

			assert_non_null(e);
			for (unsigned i = 0; i < length; i++)
				e[i] = round % 2 ? next_byte() : 0xff;
			e[2] = (uint8_t)length;
			if (round % 4 == 3 && length > 8)
				memcpy(e + 4, round % 8 == 3 ? "PZ" : "\x0aR", 2);
			decode_all(e, length);
			free(e);
		}
}

/* The flags that are used of it. */
static void test_libiso9660(void **state)
{
	(void)state;
	assert_int_equal(ISO_ROCK_NM_CONTINUE | ISO_ROCK_NM_CURRENT | ISO_ROCK_NM_PARENT, 7); /* RRIP 4.1.4 */
	assert_int_equal(ISO_ROCK_SL_CONTINUE, 1);					      /* RRIP 4.1.3.1 */
	assert_int_equal(ISO_ROCK_SL_CURRENT, 2);
	assert_int_equal(ISO_ROCK_SL_PARENT, 4);
	assert_int_equal(ISO_ROCK_SL_ROOT, 8);
	assert_int_equal(ISO_ROCK_TF_LONG_FORM, 0x80); /* RRIP 4.1.6 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_susp),	cmocka_unit_test(test_er_of_others),
		cmocka_unit_test(test_px),	cmocka_unit_test(test_pn),
		cmocka_unit_test(test_nm),	cmocka_unit_test(test_tf),
		cmocka_unit_test(test_zf),	cmocka_unit_test(test_twin),
		cmocka_unit_test(test_sl),	cmocka_unit_test(test_sl_pieces),
		cmocka_unit_test(test_hostile), cmocka_unit_test(test_libiso9660),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
