/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/tree/clashes.h beside a plain count of the same names, through additions and removals in any order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "burner/format/joliet.h"
#include "fs/tree/clashes.h"

#define N_NAMES 600u

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((random_state >> 33) % n);
}

/* Few different ones of each kind: replaced characters, what they become, long ones, and such as no other can come
 * to. */
static void random_name(char name[256])
{
	static const char *const pieces[] = {"a", "_",	  "?",	 "*", ":", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x81",
					     "~", ".txt", "\xff"};
	uint32_t style = random_below(4), n = 1 + random_below(4);

	name[0] = 0;
	if (style == 0)
		snprintf(name, 256, "%0*u", 60 + (int)random_below(10), random_below(5));
	else if (style == 1)
		snprintf(name, 256, "plain %u", random_below(1000));
	else
		for (uint32_t i = 0; i < n; i++)
			snprintf(name + strlen(name), 256 - strlen(name), "%s",
				 pieces[random_below(sizeof(pieces) / sizeof(pieces[0]))]);
}

struct text {
	unsigned bytes;
	uint8_t utf16[2 * JOLIET_TEXT_MAX];
};

/* Names that are there whose text another one before them has. */
static uint64_t count(const struct text *texts, const unsigned *there)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; i < N_NAMES; i++) {
		bool seen = false;

		for (uint32_t j = 0; j < i && there[i] && !seen; j++)
			seen = there[j] && texts[i].bytes == texts[j].bytes &&
			       memcmp(texts[i].utf16, texts[j].utf16, texts[i].bytes) == 0;
		taken += there[i] ? there[i] - !seen : 0;
	}
	return taken;
}

static void test_as_counted(void **state)
{
	static char names[N_NAMES][256];
	static struct text texts[N_NAMES];
	unsigned there[N_NAMES] = {0};
	bool is_alone[N_NAMES];
	struct clashes c = {0};
	uint64_t most = 0;
	bool changed;

	(void)state;
	for (uint32_t i = 0; i < N_NAMES; i++) {
		bool again = true;

		while (again) { /* names of a directory differ */
			random_name(names[i]);
			again = false;
			for (uint32_t j = 0; j < i && !again; j++)
				again = strcmp(names[i], names[j]) == 0;
		}
		texts[i].bytes = joliet_first(names[i], texts[i].utf16, &changed);
		is_alone[i] = !changed && texts[i].bytes < 2 * JOLIET_CHARS && !strpbrk(names[i], "_~");
	}
	for (uint32_t round = 0; round < 6000; round++) {
		uint32_t i = random_below(N_NAMES);

		/* A name replaces itself now and then: it is there twice for a moment. */
		if (there[i] && (there[i] > 1 || random_below(8))) {
			clashes_remove(&c, names[i]);
			there[i]--;
		} else {
			clashes_add(&c, names[i]);
			there[i]++;
		}
		/* One that no other can come to is not in the set, nor twice. */
		if (round % 20 == 0) {
			unsigned seen[N_NAMES];

			for (uint32_t j = 0; j < N_NAMES; j++)
				seen[j] = there[j] && is_alone[j] ? 1 : there[j];
			assert_int_equal(c.taken, count(texts, seen));
			most = c.taken > most ? c.taken : most;
		}
	}
	assert_true(most > 50);
	for (uint32_t i = 0; i < N_NAMES; i++)
		for (; there[i]; there[i]--)
			clashes_remove(&c, names[i]);
	assert_int_equal(c.taken, 0);
	clashes_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_counted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
