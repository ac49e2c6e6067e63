/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_descriptor_test.c - volume descriptors and boot records, against their byte positions in ECMA-119 written out
 * once more, and on bytes of all kinds; what is used of libiso9660 for them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cdio/bytesex.h>
#include <cmocka.h>

#include "burner/format/appuse.h"
#include "burner/format/el_torito.h"
#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"

static uint64_t seed = 1;
static uint8_t next_byte(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint8_t)(seed >> 40);
}

static const uint32_t edges[] = {0, 1, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};

/* ECMA-119 7.2.3 and 7.3.3: numbers in both byte orders are ours, with every byte in the sign bit's place. */
static void test_both_orders(void **state)
{
	uint8_t ours[8];

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		uint64_t both = to_733(edges[i]);
		uint32_t both16 = to_723((uint16_t)edges[i]);

		put_both32(ours, edges[i]);
		assert_memory_equal(&both, ours, 8);
		put_both16(ours, (uint16_t)edges[i]);
		assert_memory_equal(&both16, ours, 4);
	}
	for (uint32_t v = 0; v < 0x10000; v++) {
		uint32_t both16 = to_723((uint16_t)v);

		put_both16(ours, (uint16_t)v);
		assert_memory_equal(&both16, ours, 4);
		assert_int_equal(from_723(both16), v);
	}
}

static void blanks(uint8_t *field, size_t n, bool joliet)
{
	for (size_t i = 0; i < n; i++)
		field[i] = joliet && i % 2 == 0 ? 0 : ' ';
}

static void text(uint8_t *field, const char *text, bool joliet)
{
	for (; *text; field += joliet ? 2 : 1)
		field[joliet] = (uint8_t)*text++;
}

/* What descriptor_encode() has to make of `v`, by the byte positions of 8.4 and 8.5. */
static void reference(const struct volume *v, bool joliet, const char *long_date, const uint8_t short_date[7],
		      uint8_t d[2048])
{
	memset(d, 0, 2048);
	d[0] = joliet ? 2 : 1;
	memcpy(d + 1, "CD001\1", 6);
	blanks(d + 8, 64, joliet);
	text(d + 8, v->system_id, joliet);
	text(d + 40, v->volume_id, joliet);
	put_both32(d + 80, v->space_sectors);
	if (joliet)
		memcpy(d + 88, "%/E", 3);
	put_both16(d + 120, 1);
	put_both16(d + 124, 1);
	put_both16(d + 128, 2048);
	put_both32(d + 132, v->table.bytes);
	put_le32(d + 140, v->table.lba[0]);
	put_be32(d + 148, v->table.lba[1]);
	d[156] = 34;
	put_both32(d + 158, v->root_lba);
	put_both32(d + 166, v->root_bytes);
	memcpy(d + 174, short_date, 7);
	d[181] = 2;
	put_both16(d + 184, 1);
	d[188] = 1;
	blanks(d + 190, 4 * 128, joliet);
	text(d + 574, v->application_id, joliet);
	for (unsigned at = 702; at < 813; at += 37)
		blanks(d + at, joliet ? 36 : 37, joliet);
	memcpy(d + 813, long_date, 17);
	memcpy(d + 830, long_date, 17);
	memset(d + 847, '0', 16);
	memset(d + 864, '0', 16);
	d[881] = 1;
}

static void test_encode(void **state)
{
	static const uint8_t day[7] = {100, 2, 29, 12, 34, 56, 0};
	struct volume v = {.system_id = "LINUX",
			   .application_id = "CDAPPENDFS",
			   .root_time = 951827696,
			   .created = 951827696};

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		for (unsigned joliet = 0; joliet < 2; joliet++) {
			static uint8_t made[2048], wanted[2048];
			char id[33] = "";
			struct path_table table;
			struct timespec created;
			uint32_t agreed, lba;

			snprintf(id, sizeof(id), "%.*s", joliet ? 16 : (int)(i * 4 % 33),
				 "12345678901234567890123456789012");
			v.type = joliet ? ISO_VD_SUPPLEMENTARY : ISO_VD_PRIMARY;
			v.volume_id = id;
			v.space_sectors = edges[i];
			v.root_lba = ~edges[i];
			v.root_bytes = edges[i] ^ 0x5555;
			v.table = (struct path_table){{edges[i] / 2, edges[i] / 3}, edges[i] / 5};
			memset(made, 0xee, sizeof(made));
			descriptor_encode(&v, made);
			reference(&v, joliet, "2000022912345600", day, wanted);
			assert_memory_equal(made, wanted, sizeof(made));

			assert_true(is_volume_descriptor(made) && !descriptor_ends_set(made));
			assert_int_equal(descriptor_is_primary(made), !joliet);
			assert_int_equal(descriptor_is_joliet(made), joliet);
			assert_int_equal(descriptor_space_sectors(made), edges[i]);
			assert_int_equal(descriptor_space_agreed(made, &agreed), 0);
			assert_int_equal(agreed, edges[i]);
			descriptor_path_table(made, &table);
			assert_memory_equal(&table, &v.table, sizeof(table));
			assert_true(record_is_sound(descriptor_root(made), RECORD_MIN_BYTES));
			assert_int_equal(record_lba(descriptor_root(made), &lba), 0);
			assert_int_equal(lba, ~edges[i]);
			assert_true(descriptor_created(made, &created) && created.tv_sec == v.created);
			if (!joliet) {
				char back[33];

				assert_int_equal(descriptor_volume_id(made, back), strlen(id));
				assert_string_equal(back, id);
			}
		}
}

static void test_terminator(void **state)
{
	static const uint8_t wanted[2048] = {255, 'C', 'D', '0', '0', '1', 1};
	static uint8_t made[2048];

	(void)state;
	memset(made, 0xee, sizeof(made));
	descriptor_encode_terminator(made);
	assert_memory_equal(made, wanted, sizeof(made));
	assert_true(is_volume_descriptor(made) && descriptor_ends_set(made));
}

/* Every byte that says what a sector is, with every value. */
static void test_kinds(void **state)
{
	static uint8_t d[2048];
	static const struct volume primary = {.type = ISO_VD_PRIMARY,
					      .system_id = "",
					      .volume_id = "",
					      .application_id = ""};
	struct volume joliet = primary;

	(void)state;
	joliet.type = ISO_VD_SUPPLEMENTARY;
	for (unsigned at = 0; at < 7; at++)
		for (unsigned value = 0; value < 256; value++) {
			bool id = !at || at == 6 || value == (uint8_t) "\1CD001\1"[at];

			descriptor_encode(&primary, d);
			d[at] = (uint8_t)value;
			assert_int_equal(is_volume_descriptor(d), id);
			assert_int_equal(descriptor_ends_set(d), !id || (!at && value == 255));
			assert_int_equal(descriptor_is_primary(d), id && ((at && at != 6) || value == 1));
			descriptor_encode(&joliet, d);
			d[at] = (uint8_t)value;
			assert_int_equal(descriptor_is_joliet(d), id && (at || value == 2));
		}
	for (unsigned value = 0; value < 256; value++) {
		descriptor_encode(&joliet, d);
		d[90] = (uint8_t)value;
		assert_int_equal(descriptor_is_joliet(d), value == '@' || value == 'C' || value == 'E');
	}
	for (unsigned bit = 0; bit < 16; bit++) {
		descriptor_encode(&primary, d);
		d[128 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(descriptor_is_primary(d));
	}
}

static void test_halves_differ(void **state)
{
	static uint8_t d[2048];
	uint32_t sectors = 7;

	(void)state;
	descriptor_set_space_sectors(d, 0x81020384);
	assert_int_equal(descriptor_space_agreed(d, &sectors), 0);
	assert_int_equal(sectors, 0x81020384);
	for (unsigned bit = 0; bit < 64; bit++) {
		sectors = 7;
		descriptor_set_space_sectors(d, 0x81020384);
		d[80 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(descriptor_space_agreed(d, &sectors), -EBADMSG);
		assert_int_equal(sectors, 7);
		assert_int_equal(descriptor_space_sectors(d), get_le32(d + 80));
	}
}

/* Every byte of the labels is kept, and no other; those of a descriptor of another type become text. */
static void test_labels(void **state)
{
	static const struct {
		unsigned from, to;
	} kept[] = {{8, 72}, {120, 128}, {190, 813}, {847, 881}};
	struct volume v = {.system_id = "LINUX", .application_id = "CDAPPENDFS", .root_time = 1, .created = 1};
	uint8_t labels[2048], plain[2048], made[2048];

	(void)state;
	for (unsigned type = 1; type <= 2; type++) {
		v.type = (uint8_t)type;
		v.labels = NULL;
		v.volume_id = NULL;
		descriptor_encode(&v, plain);
		for (unsigned i = 0; i < 2048; i++)
			labels[i] = (uint8_t)(i * 7 + 1);
		labels[0] = (uint8_t)type;
		v.labels = labels;
		descriptor_encode(&v, made);
		for (unsigned i = 0, k = 0; i < 2048; i++) {
			k += k < 4 && i == kept[k].to;
			assert_int_equal(made[i], k < 4 && i >= kept[k].from ? labels[i] : plain[i]);
		}
		v.volume_id = "GIVEN";
		descriptor_encode(&v, made);
		assert_memory_equal(made + 40, type == 1 ? "GIVEN  " : "\0G\0I\0V\0E", 7);
		assert_memory_equal(made + 8, labels + 8, 32);
	}
	v.type = ISO_VD_PRIMARY;
	v.labels = NULL;
	v.volume_id = "A volume";
	descriptor_encode(&v, labels);
	memcpy(labels + 318, "Zo\303\253", 4);
	memcpy(labels + 702, "1234567890123456789012345678901234567", 37);
	v.labels = labels;
	v.type = ISO_VD_SUPPLEMENTARY;
	v.volume_id = NULL;
	descriptor_encode(&v, made);
	assert_memory_equal(made + 40, "\0A\0 \0v\0o\0l\0u\0m\0e\0 \0 ", 20);
	assert_memory_equal(made + 318, "\0Z\0o\0\353\0 ", 8);
	assert_memory_equal(made + 702, "\0001\0002", 4);
	assert_memory_equal(made + 736, "\0008\0\0 ", 5); /* 18 characters, a zero, the next field */
}

static void test_volume_id(void **state)
{
	static uint8_t d[2048];
	char id[33];

	(void)state;
	assert_int_equal(descriptor_volume_id(d, id), 0);
	memset(d + 40, ' ', 32);
	assert_int_equal(descriptor_volume_id(d, id), 0);
	memcpy(d + 40, " A\0B \0", 6);
	assert_int_equal(descriptor_volume_id(d, id), 4);
	assert_memory_equal(id, " A\0B", 5);
	memset(d + 40, 0xff, 34);
	assert_int_equal(descriptor_volume_id(d, id), 32);
	assert_int_equal(id[32], 0);
}

/* Any bytes: nothing but answers. */
static void test_any_bytes(void **state)
{
	uint8_t *d = malloc(2048);

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct path_table table;
		struct timespec t;
		uint32_t n;
		char id[33];
		size_t m;

		for (unsigned at = 0; at < 2048; at++)
			d[at] = next_byte();
		assert_false(is_volume_descriptor(d) || descriptor_is_primary(d) || descriptor_is_joliet(d));
		assert_false(el_torito_is_boot_record(d));
		memcpy(d + 1, "CD001\1", 6);
		(void)descriptor_created(d, &t);
		(void)descriptor_space_agreed(d, &n);
		(void)record_is_sound(descriptor_root(d), RECORD_MIN_BYTES);
		(void)record_lba(descriptor_root(d), &n);
		(void)record_system_use(descriptor_root(d), &m);
		descriptor_path_table(d, &table);
		assert_in_range(descriptor_volume_id(d, id), 0, 32);
	}
	free(d);
}

static void test_el_torito(void **state)
{
	static const uint8_t begin[] = "\0CD001\1EL TORITO SPECIFICATION";
	uint8_t d[2048] = {0};

	(void)state;
	memcpy(d, begin, sizeof(begin));
	assert_true(el_torito_is_boot_record(d));
	for (unsigned at = 0; at < sizeof(begin) - 1; at++) {
		d[at] ^= 1;
		assert_int_equal(el_torito_is_boot_record(d), at == 6); /* the version is not looked at */
		d[at] ^= 1;
	}
}

/* Types and limits of libiso9660 are those of the standard. */
static void test_library(void **state)
{
	(void)state;
	assert_true(ISO_PVD_SECTOR == DESCRIPTORS_LBA && ISO_BLOCKSIZE == SECTOR_BYTES);
	assert_true(ISO_VD_BOOT_RECORD == 0 && ISO_VD_PRIMARY == 1 && ISO_VD_SUPPLEMENTARY == 2 && ISO_VD_END == 255);
	assert_true(ISO_DIRECTORY == 2 && ISO_ASSOCIATED == 4 && ISO_MULTIEXTENT == 128);
	assert_int_equal(offsetof(iso9660_pvd_t, application_data), APPUSE_OFFSET);
	/* 7.4: d-characters and a-characters, of every value that a byte has */
	for (int c = 0; c < 256; c++) {
		bool d = c && strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_", c);
		bool a = d || (c && strchr(" !\"%&'()*+,-./:;<=>?", c));

		assert_int_equal(iso9660_is_dchar(c), d);
		assert_int_equal(iso9660_is_achar(c), a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_orders),   cmocka_unit_test(test_encode),
		cmocka_unit_test(test_terminator),    cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_halves_differ), cmocka_unit_test(test_volume_id),
		cmocka_unit_test(test_labels),	      cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_el_torito),     cmocka_unit_test(test_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
