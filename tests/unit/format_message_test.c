/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The message of a session: what can be one, its block, and a block that is damaged in any byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "burner/base/sha256.h"
#include "burner/format/message_block.h"

static const uint8_t uuid[16] = "0123456789abcdef", other[16] = "0123456789abcdeF";

static void refusals(void **state)
{
	static const char *const good[] = {"x", "a b", "Fotos vom Strand, \xc3\xbc\xf0\x9f\x8c\x8a", "\xe2\x80\x8f"};
	static const char *const bad[] = {"",	     "a\nb",	 "\t",		 "\x7f",
					  "\x1b[1m", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xae",
					  "\xff",    "\xc0\x80", "\xed\xa0\x80", "a\xc3"};
	session_message longest;
	char longer[SESSION_MESSAGE_MAX_BYTES + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(good); i++)
		assert_null(session_message_refusal(good[i]));
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_non_null(session_message_refusal(bad[i]));
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_null(session_message_refusal(longest));
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_non_null(session_message_refusal(longer));
}

static void comes_back(void **state)
{
	uint8_t sector[SECTOR_BYTES];
	session_message text, again;

	(void)state;
	for (size_t n = 1; n <= SESSION_MESSAGE_MAX_BYTES; n++) {
		memset(text, 'a' + (int)(n % 26), n);
		text[n] = '\0';
		assert_int_equal(message_block_encode(uuid, text, sector), 0);
		assert_int_equal(message_block_decode(sector, uuid, again), 0);
		assert_string_equal(again, text);
		assert_int_equal(message_block_decode(sector, other, again), -EBADMSG);
	}
}

static void damage(void **state)
{
	uint8_t sector[SECTOR_BYTES];
	session_message text = "untouched";

	(void)state;
	assert_int_equal(message_block_encode(uuid, "the second visit", sector), 0);
	for (size_t i = 0; i < sizeof(sector); i++) {
		sector[i] ^= 1;
		assert_int_equal(message_block_decode(sector, uuid, text), -EBADMSG);
		sector[i] ^= 1;
	}
	assert_string_equal(text, "untouched");
	memset(sector, 0, sizeof(sector));
	assert_int_equal(message_block_decode(sector, uuid, text), -EBADMSG);
}

static int decode_sealed(uint8_t sector[SECTOR_BYTES], uint32_t n, session_message ret)
{
	put_le32(sector + 32, n);
	assert_int_equal(sha256_of(sector, 2016, sector + 2016), 0);
	return message_block_decode(sector, uuid, ret);
}

/* Its digest is right: somebody made it so. */
static void hostile(void **state)
{
	uint8_t sector[SECTOR_BYTES];
	session_message text;

	(void)state;
	assert_int_equal(message_block_encode(uuid, "12345678", sector), 0);
	assert_int_equal(decode_sealed(sector, 8, text), 0);
	assert_int_equal(decode_sealed(sector, 0, text), -EBADMSG);
	assert_int_equal(decode_sealed(sector, 9, text), -EBADMSG);
	assert_int_equal(decode_sealed(sector, SESSION_MESSAGE_MAX_BYTES + 1, text), -EBADMSG);
	assert_int_equal(decode_sealed(sector, UINT32_MAX, text), -EBADMSG);
	memset(sector + 48, 'x', 2016 - 48);
	assert_int_equal(decode_sealed(sector, SESSION_MESSAGE_MAX_BYTES, text), 0);
	assert_int_equal(decode_sealed(sector, SESSION_MESSAGE_MAX_BYTES + 1, text), -EBADMSG);
	sector[50] = '\x1b';
	assert_int_equal(decode_sealed(sector, 8, text), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(damage),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
