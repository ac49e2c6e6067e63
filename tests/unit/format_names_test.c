/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * format_names_test.c - ISO identifiers and Joliet names, made and read
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cdio/iso9660.h>
#include <cmocka.h>

#include "burner/format/identifier.h"
#include "burner/format/joliet.h"
#include "burner/format/shown_name.h"

static uint64_t seed = 1;
static uint8_t next_byte(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint8_t)(seed >> 40);
}

/* ECMA-119 7.4.1, for all that a char can be. */
static void test_d_characters(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++)
		assert_int_equal(iso9660_is_dchar(c) != 0,
				 (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_');
	for (int c = 1; c < 256; c++) {
		char text[2] = {(char)c, 0};
		uint8_t made[2] = {0};
		bool legal = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= 'a' && c <= 'z');

		assert_int_equal(identifier_legal(text, text + 1, 1, NULL), legal);
		assert_int_equal(identifier_legal(text, text + 1, 1, made), legal);
		assert_int_equal(made[0], legal ? (c >= 'a' && c <= 'z' ? c - 32 : c) : 0);
	}
}

static void plain(const char *name, enum identifier_kind kind, const char *wanted)
{
	uint8_t made[64] = {0};
	unsigned n = identifier_plain(name, kind, made);

	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(made, wanted, n);
}

static void kept(const char *name, enum identifier_kind kind, const char *wanted)
{
	uint8_t made[64] = {0};
	unsigned n = identifier_kept(name, kind, made);

	assert_int_equal(n, strlen(wanted));
	assert_memory_equal(made, wanted, n);
}

static void test_identifiers(void **state)
{
	(void)state;
	plain("readme.txt", IDENTIFIER_OF_FILE, "README.TXT");
	plain("readme.txt", IDENTIFIER_OF_DIRECTORY, "");
	plain("Dir_1234", IDENTIFIER_OF_DIRECTORY, "DIR_1234");
	plain("Dir_12345", IDENTIFIER_OF_DIRECTORY, "");
	plain("a.", IDENTIFIER_OF_FILE, "");
	plain(".a", IDENTIFIER_OF_FILE, "");
	plain("a.b.c", IDENTIFIER_OF_FILE, "");
	plain("a.html", IDENTIFIER_OF_FILE, "");
	plain("a-b", IDENTIFIER_OF_FILE, "");
	kept("README.", IDENTIFIER_OF_FILE, "README");
	kept("A234567890123456789012345678.ABC", IDENTIFIER_OF_FILE, "");
	kept("A23456789012345678901234567.ABC", IDENTIFIER_OF_FILE, "A23456789012345678901234567.ABC");
	kept("readme", IDENTIFIER_OF_FILE, "");
	kept("A.B", IDENTIFIER_OF_DIRECTORY, "");
}

/* A made one is legal, and of 8.3 form; another attempt gives another. */
static void test_made(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		uint8_t made[IDENTIFIER_BYTES], again[IDENTIFIER_BYTES];
		unsigned n, m, dots = 0, length = 1 + next_byte() % 80;
		char name[128];

		for (unsigned k = 0; k < length; k++)
			name[k] = (char)(1 + next_byte() % 255);
		name[length] = 0;
		n = identifier_made(name, i % 2 ? IDENTIFIER_OF_DIRECTORY : IDENTIFIER_OF_FILE, 0, made);
		m = identifier_made(name, i % 2 ? IDENTIFIER_OF_DIRECTORY : IDENTIFIER_OF_FILE, 1, again);
		assert_true(n >= NAME_HASH_CHARS && n <= 12 && n == m && memcmp(made, again, n) != 0);
		for (unsigned k = 0; k < n; k++) {
			dots += made[k] == '.';
			assert_true(made[k] == '.' || iso9660_is_dchar(made[k]));
		}
		assert_true(dots <= !(i % 2));
	}
}

static void test_version(void **state)
{
	uint8_t text[IDENTIFIER_BYTES + 3] = "NAME";
	char name[256];

	(void)state;
	assert_int_equal(identifier_add_version(text, 4), 7);
	assert_memory_equal(text, "NAME.;1", 7);
	identifier_name(text, 7, name);
	assert_string_equal(name, "name");
	memcpy(text, "N.E", 3);
	assert_int_equal(identifier_add_version(text, 3), 5);
	assert_memory_equal(text, "N.E;1", 5);
	identifier_name(text, 5, name);
	assert_string_equal(name, "n.e");
	identifier_recorded(text, 5, name);
	assert_string_equal(name, "N.E");
}

/* ---- Joliet ---- */

static void joliet(const char *name, const char *wanted, bool wants_changed)
{
	uint8_t text[2 * JOLIET_TEXT_MAX];
	char read[256];
	bool changed;
	unsigned n = joliet_first(name, text, &changed);

	assert_int_equal(changed, wants_changed);
	assert_true(joliet_valid(text, n));
	joliet_name(text, n, read);
	assert_string_equal(read, wanted);
}

static void test_joliet(void **state)
{
	static const uint8_t version[] = "\0a\0;\0"
					 "1",
			     pair[] = "\xd8\x3d\xde\x00", alone[] = "\xd8\x3d\0a";
	char read[256];

	(void)state;
	joliet("Name with blank.txt", "Name with blank.txt", false);
	joliet("\xc3\x84\xe6\x97\xa5", "\xc3\x84\xe6\x97\xa5", false);
	joliet("a*b:c;d?e\\f", "a_b_c_d_e_f", true);
	joliet("\xf0\x9f\x98\x80", "_", true);		    /* beyond the basic plane */
	joliet("\xed\xa0\x80x\xff\xc0\x80", "_x___", true); /* a surrogate; bytes that are no UTF-8 */
	joliet_name(version, 6, read);
	assert_string_equal(read, "a");
	joliet_name(pair, 4, read); /* as others write them */
	assert_string_equal(read, "\xf0\x9f\x98\x80");
	joliet_name(alone, 4, read);
	assert_string_equal(read, "_a");
	assert_true(joliet_valid(pair, 4));
	assert_false(joliet_valid(version, 6) || joliet_valid(pair, 3) || joliet_valid(pair, 0) ||
		     joliet_valid(NULL, 2));
}

/* Longer than 64 characters: beginning, '~', hash, extension. */
static void test_joliet_long(void **state)
{
	uint8_t text[2 * JOLIET_TEXT_MAX];
	char name[256], read[256];
	bool changed;

	(void)state;
	memset(name, 'n', 250);
	strcpy(name + 250, ".text");
	assert_int_equal(joliet_first(name, text, &changed), 2 * JOLIET_CHARS);
	joliet_name(text, 2 * JOLIET_CHARS, read);
	assert_int_equal(strlen(read), JOLIET_CHARS);
	assert_int_equal(strspn(read, "n"), JOLIET_CHARS - 1 - NAME_HASH_CHARS - 5);
	assert_string_equal(read + JOLIET_CHARS - 5, ".text");
}

/* ---- what a disc may have ---- */

static void check_name(const char *name)
{
	size_t n = strlen(name);

	assert_true(n >= 1 && n <= 255 && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* Identifiers of all lengths and bytes, in memory that ends where they do. */
static void test_hostile(void **state)
{
	static const uint8_t few[] = {0, '.', ';', '1', '/', 0xd8, 0xdc, 'A'};
	char name[256];

	(void)state;
	for (unsigned n = 0; n < 256; n++)
		for (unsigned round = 0; round < 20; round++) {
			uint8_t *identifier = malloc(n ? n : 1);

			assert_non_null(identifier);
			for (unsigned i = 0; i < n; i++)
				identifier[i] = round % 2 ? next_byte() : few[next_byte() % sizeof(few)];
			identifier_name(identifier, n, name);
			check_name(name);
			joliet_name(identifier, n, name);
			check_name(name);
			identifier_recorded(identifier, n, name);
			assert_true(strlen(name) < 40 && !strchr(name, '/') && !strchr(name, ';'));
			(void)joliet_valid(identifier, n);
			free(identifier);
		}
}

/* The Joliet name that the attempt gives, and what is said of it. */
static const char *said(const char *name, uint32_t attempt)
{
	static char words[SHOWN_WORDS_BYTES];
	uint8_t joliet[2 * JOLIET_TEXT_MAX];
	unsigned bytes = joliet_attempted(name, attempt, joliet);

	return shown_words(shown_flags(name, joliet, bytes), words);
}

static uint64_t key(const char *name)
{
	uint8_t joliet[2 * JOLIET_TEXT_MAX];

	return shown_case_key(joliet, joliet_attempted(name, 0, joliet));
}

/* tests/interop/odd-names.t asks others. */
static void test_shown(void **state)
{
	(void)state;
	assert_string_equal(said("name.txt", 0), "");
	assert_string_equal(said("name.txt", 1), "taken");
	assert_string_equal(said("a:b", 0), "replaced");
	assert_string_equal(said("a:b", 3), "replaced,taken");
	assert_string_equal(said("a\xff", 0), "replaced");
	assert_string_equal(said("1234567890123456789012345678901234567890123456789012345678901234", 0), "");
	assert_string_equal(said("1234567890123456789012345678901234567890123456789012345678901234.", 0),
			    "shortened,end");
	for (const char *const *p =
		     (const char *const[]){"con", "Nul.a.b", "COM1", "lpt9 .x", "PRN", "conin$", "com\xc2\xb9", NULL};
	     *p; p++)
		assert_string_equal(said(*p, 0), "device");
	for (const char *const *p =
		     (const char *const[]){"cons", "co", "com0", "com10", "com", "lpt0.x", "a.con", "nul_", NULL};
	     *p; p++)
		assert_string_equal(said(*p, 0), "");
	assert_string_equal(said("con:", 0), "replaced");
	assert_string_equal(said("aux.", 0), "device,end");
	assert_string_equal(said(" ", 0), "end");
	assert_string_equal(said("a<b", 0), "character");
	assert_string_equal(said("|", 0), "character");
	assert_true(key("README") == key("Readme") && key("README") != key("README2"));
	assert_true(key("\xc3\x96l") == key("\xc3\xb6L") && key("\xd0\x9f") == key("\xd0\xbf"));
	assert_true(key("\xc3\x97") != key("\xc3\xb7")); /* multiplied, divided */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_d_characters), cmocka_unit_test(test_identifiers),
		cmocka_unit_test(test_made),	     cmocka_unit_test(test_version),
		cmocka_unit_test(test_joliet),	     cmocka_unit_test(test_joliet_long),
		cmocka_unit_test(test_hostile),	     cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
