/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Trees of genisoimage and xorriso side by side: what only one of them names is found, and nothing else. */
#include "fs/manifest/trees.h"
#include "tests/unit/medium_fixture.h"

#define GENISOIMAGE "genisoimage -quiet -input-charset utf-8 -o i.iso "
#define XORRISO "rm -f i.iso && xorriso -outdev i.iso "

/* Names that Joliet and ISO 9660 cannot say as they are, directories that are too deep for ISO 9660, files without
 * content, links. */
#define FILL \
	"L=$(printf 'long%.0s' $(seq 25)) && mkdir -p s/d s/empty s/deep/2/3/4/5/6/7/8/9/10 \"s/1$L\" \"s/2$L\" " \
	"'s/c:d' 's/sp ace' s/.dot && echo 1 >s/d/one && echo 2 >s/d/two && ln s/d/one s/d/hard && : >s/d/none && " \
	": >s/d/nothing && echo x >\"s/1$L/x\" && : >\"s/3$L\" && echo y >\"s/4$L\" && echo z >'s/c:d/a*b?' && " \
	": >'s/c:d/?' && : >'s/c:d/semi;1' && echo u >s/d/ü && : >s/d/öde && ln -s one s/d/link && mkfifo s/fifo && " \
	"echo deep >s/deep/2/3/4/5/6/7/8/9/10/file && : >s/dot. && : >s/.dot/.x"

static int compare(char why[MANIFEST_WHY_BYTES])
{
	struct disc *d = open_image("i.iso", false);
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_free_ struct disc_session *list = NULL;
	struct bulk bulk = {.directory = "."};
	size_t n;
	int r;

	assert_int_equal(disc_sessions(d, &list, &n), 0);
	assert_int_equal(iso_open(d, list[n - 1].descriptor_lba, &iso), 0);
	r = trees_compare(iso, &bulk, why);
	iso_unref(iso);
	iso = NULL;
	disc_close(d);
	return r;
}

static void same(const char *command)
{
	char why[MANIFEST_WHY_BYTES];

	run(command);
	if (compare(why))
		fail_msg("%s: %s", command, why);
}

static void differs(const char *command, const char *path)
{
	char why[MANIFEST_WHY_BYTES];

	run(command);
	assert_int_equal(compare(why), -EPERM);
	if (strncmp(why, path, strlen(path)) != 0)
		fail_msg("%s: %s", command, why);
}

static void nothing_but_names_differ(void **state)
{
	(void)state;
	run(FILL);
	same(GENISOIMAGE "-R s");
	same(GENISOIMAGE "-J s");
	same(GENISOIMAGE "-R -J s");
	same(GENISOIMAGE "-R -J -joliet-long s");
	same(GENISOIMAGE "-R -J -T s");
	same(GENISOIMAGE "-R -J -D s");
	same(GENISOIMAGE "-R -J -hide-rr-moved s");
	same(GENISOIMAGE "-R -J -no-cache-inodes s");
	same("genisoimage -quiet -o i.iso -R -J -iso-level 4 s");
	same(GENISOIMAGE "-R -J -input-charset iso8859-1 s");
	same(GENISOIMAGE "-R -J s && growisofs -M i.iso -R -J -quiet -graft-points added=log");
	same(XORRISO "-joliet on -map s / -commit");
	same(XORRISO "-joliet on -rockridge off -map s / -commit");
	same(XORRISO "-joliet on -hardlinks on -compliance iso_9660_1999 -map s / -commit");
	same(XORRISO "-joliet on -map s / -zisofs default -set_filter_r --zisofs / -- -commit");
	/* The other way round nothing gets lost. */
	same(GENISOIMAGE "-R -J -hide-joliet one -hide-joliet empty s");
	same(GENISOIMAGE "-J -hide one -hide empty s");
}

static void only_in_another(void **state)
{
	(void)state;
	run(FILL);
	differs(GENISOIMAGE "-R -J -hide two s", "/d/two is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide two -hide-joliet ü s", "/d/two is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide hard s", "/d/hard is only in its Joliet tree"); /* another name has it */
	differs(GENISOIMAGE "-R -J -hide none s", "/d/none is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide none -hide-joliet nothing s", "/d/none is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide empty s", "/empty is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide d s", "/d is only in its Joliet tree");
	differs(GENISOIMAGE "-R -J -hide file s", "/deep/2/3/4/5/6/7/8/9/10/file is only in its Joliet tree");
	differs(GENISOIMAGE "-J -hide-joliet two s", "/d/two is only in its primary tree");
	differs(XORRISO "-joliet on -map s / -hide iso_rr /d/two -- -commit", "/d/two is only in its Joliet tree");
	differs(XORRISO "-joliet on -rockridge off -map s / -hide joliet /d/two -- -commit",
		"/d/two is only in its primary tree");
}

/* The records of a tree's root are damaged: what it names cannot be known. */
static void damaged(void **state)
{
	char why[MANIFEST_WHY_BYTES];
	uint8_t garbage[64];
	_free_ uint8_t *bytes = NULL;
	size_t n;
	uint32_t lba;

	(void)state;
	run(GENISOIMAGE "-R -J a");
	bytes = slurp("i.iso", &n);
	lba = get_le32(bytes + (size_t)17 * SECTOR_BYTES + 158);
	memset(garbage, 0xff, sizeof(garbage));
	patch("i.iso", (uint64_t)lba * SECTOR_BYTES + 68, garbage, sizeof(garbage));
	assert_int_equal(compare(why), -EBADMSG);
	assert_non_null(strstr(why, "its Joliet tree is damaged"));
	/* where there is no root, there are no names */
	patch("i.iso", (uint64_t)lba * SECTOR_BYTES, garbage, sizeof(garbage));
	assert_int_equal(compare(why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(nothing_but_names_differ),
		FIXTURE_TEST(only_in_another),
		FIXTURE_TEST(damaged),
	};

	return cmocka_run_group_tests_name("manifest_trees", tests, NULL, NULL);
}
