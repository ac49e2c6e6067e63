/* SPDX-License-Identifier: GPL-3.0-or-later */
/* File systems beside the ISO 9660 one: they would go stale, so nothing is appended before the user says so. */
#include "tests/unit/medium_fixture.h"

static void check(const char *command, oddities accepted, const char *why_not)
{
	struct disc_open_options options = {.writable = true, .accepted = accepted};
	struct disc_state state;
	const char *why;
	struct disc *d;

	run(command);
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), 0);
	assert_int_equal(disc_state(d, &state), 0);
	if (state.appendable == !!why_not || (why_not && !strstr(state.why_not, why_not)))
		fail_msg("%s: %s", command, state.appendable ? "appendable" : state.why_not);
	disc_close(d);
}

#define MAP "xorrisofs -quiet -o i.iso a && printf 'ER\\010\\0' | dd of=i.iso conv=notrunc status=none && "
/* An entry of a partition map in blocks of 2048 bytes. */
#define ENTRY(type, block) \
	"perl -e 'print pack(\"A2 x2 N N N a32 a32\", \"PM\", 1, " block ", 4, \"name\", \"" type "\")' | " \
	"dd of=i.iso bs=2048 seek=1 conv=notrunc status=none && "

static void hfs(void **state)
{
	(void)state;
	check("genisoimage -quiet -hfs -o i.iso a", 0, "accept=hfs");
	check("genisoimage -quiet -hfs -o i.iso a", ODDITY_BIT(ODDITY_HFS), NULL);
	check("genisoimage -quiet -hfs -o i.iso a", ODDITY_BIT(ODDITY_UDF), "accept=hfs");
	check("genisoimage -quiet -hfs -part -o i.iso a", 0, "accept=hfs");
	check("xorrisofs -quiet -hfsplus -o i.iso a", 0, "accept=hfs");
	check("rm i.iso && xorriso -outdev i.iso -hfsplus on -map a / -commit", 0, "accept=hfs");
	check("rm i.iso && xorriso -outdev i.iso -hfsplus on -map a / -commit", ODDITY_BIT(ODDITY_HFS), NULL);
	check("genisoimage -quiet -udf -hfs -o i.iso a", ODDITY_BIT(ODDITY_HFS), "accept=udf");
	check("genisoimage -quiet -udf -hfs -o i.iso a", ODDITY_BIT(ODDITY_HFS) | ODDITY_BIT(ODDITY_UDF), NULL);
}

/* Signatures by chance, maps that are none, partitions of the firmware. */
static void no_hfs(void **state)
{
	(void)state;
	check("genisoimage -quiet -R -J -o i.iso a", 0, NULL);
	check("xorrisofs -quiet -o i.iso a && printf BD | dd of=i.iso bs=1 seek=1024 conv=notrunc", 0, NULL);
	check("xorrisofs -quiet -o i.iso a && printf H+ | dd of=i.iso bs=1 seek=1024 conv=notrunc", 0, NULL);
	check(MAP ENTRY("Apple_HFS", "60") "true", 0, NULL);
	check(MAP ENTRY("Apple_HFS", "4000000000") "true", 0, NULL);
	check(MAP ENTRY("Apple_HFS", "40") "perl -e 'print pack(\"A2 n x36 N\", \"H+\", 4, 4096)' | "
					   "dd of=i.iso bs=1 seek=82944 conv=notrunc status=none",
	      0, "accept=hfs");
	check(MAP ENTRY("DOS_FAT_12", "40") "perl -e 'print pack(\"A2 n x36 N\", \"H+\", 4, 4096)' | "
					    "dd of=i.iso bs=1 seek=82944 conv=notrunc status=none",
	      0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(hfs),
		FIXTURE_TEST(no_hfs),
	};

	return cmocka_run_group_tests_name("medium_beside", tests, NULL, NULL);
}
