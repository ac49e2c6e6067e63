/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_oracle_test.c - sessions of burner/session, read by programs that are not ours: xorriso, isoinfo, 7z, bsdtar
 *
 * A directory tree on disk becomes a manifest, an image, and is read back.  `session_oracle_test SOURCE
 * /absolute/IMAGE` only makes the image (a first session).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "session_tree.h"

#define SEVENZIP "$(command -v 7zz || command -v 7z)" /* Debian has had it under both names */

static char work[] = "/tmp/session-oracle-XXXXXX";

/* A shell command in the work directory; its exit status. */
__attribute__((format(printf, 1, 2))) static int sh(const char *format, ...)
{
	char command[8192], all[8400];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	snprintf(all, sizeof(all), "cd %s && export LC_ALL=C.UTF-8 && { %s\n}", work, command);
	return system(all);
}

#define assert_sh(...) assert_int_equal(sh(__VA_ARGS__), 0)

static bool have(const char *program) { return sh("command -v %s >/dev/null", program) == 0; }

static void put_file(const char *name, size_t bytes, unsigned seed)
{
	char path[8192];
	uint8_t buf[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", work, name);
	f = fopen(path, "w");
	must(f);
	for (size_t done = 0; done < bytes; done += sizeof(buf)) {
		for (size_t i = 0; i < sizeof(buf); i++)
			buf[i] = generated_byte(seed, done + i);
		must(fwrite(buf, 1, min_u64(sizeof(buf), bytes - done), f) == min_u64(sizeof(buf), bytes - done));
	}
	must(fclose(f) == 0);
}

static uint32_t append(struct tree *t, const char *image, const struct burn_options *o, struct burn_plan **ret_plan)
{
	_cleanup_(burn_plan_freep) struct burn_plan *p = NULL;
	char path[8192];
	uint32_t next;
	int r = burn_plan_new(&t->manifest, o, &p);

	if (r)
		fprintf(stderr, "burn_plan_new: %s\n", strerror(-r));
	assert_int_equal(r, 0);
	if (image[0] == '/')
		snprintf(path, sizeof(path), "%s", image);
	else
		snprintf(path, sizeof(path), "%s/%s", work, image);
	image_append(path, p, o->overwritable);
	next = session_start(p) + session_length(p);
	if (ret_plan)
		*ret_plan = TAKE_PTR(p);
	return next;
}

static struct tree *take(const char *name)
{
	struct tree *t = tree_new();
	char path[8192];

	snprintf(path, sizeof(path), "%s/%s", work, name);
	tree_take(t, 0, path);
	tree_finish(t);
	return t;
}

static void make_odd_names(void)
{
	char many[600] = "", name[256];

	assert_sh("mkdir -p src/dir/sub src/empty.dir src/.hidden 'src/spaces in it' src/many src/UPPER src/upper");
	put_file("src/plain.txt", 5000, 1);
	put_file("src/PLAIN.TXT", 6000, 2);
	put_file("src/Plain.Txt", 2048, 3);
	put_file("src/.hidden/.dot", 1, 4);
	put_file("src/spaces in it/a  b ;1", 10, 5);
	put_file("src/dir/no-extension", 4096, 6);
	put_file("src/dir/two.dots.tar.gz", 100000, 7);
	put_file("src/dir/trailing.", 7, 8);
	put_file("src/dir/question?star*colon:back\\slash", 7, 9);
	put_file("src/dir/\xc3\xbc\xc3\xb1\xc3\xad-\xe6\x97\xa5\xe6\x9c\xac", 70, 10);
	put_file("src/dir/\xf0\x9f\x98\x80 smile", 71, 11);
	put_file("src/dir/empty", 0, 0);
	put_file("src/dir/empty2", 0, 0);
	memset(name, 'n', 255);
	name[253] = 0; /* 254 and 255 are cut by Linux, 255 by others */
	snprintf(many, sizeof(many), "src/dir/%s", name);
	put_file(many, 12, 12);
	for (size_t n = 129; n < 140; n++) { /* where the continuation area begins */
		memset(name, 'a' + (int)(n % 26), n);
		name[n] = 0;
		snprintf(many, sizeof(many), "src/many/%s", name);
		put_file(many, n, (unsigned)n);
	}
	put_file("src/empty.dir/same-prefix-1", 3, 20);
	put_file("src/empty.dir/same-prefix-2", 4, 21);
	put_file("src/UPPER/f", 1, 1);
	put_file("src/upper/f", 1, 2);
}

static void make_odd_kinds(void)
{
	assert_sh("cd src && ln -s plain.txt link && ln -s ../../abs/./x/../y dots && ln -s / root && ln -s "
		  "/usr/lib//double slash && ln -s dir/ trail"
		  " && ln -s \"$(printf '%%0250d/%%0250d/%%0250d/%%0250d' 1 2 3 4)\" long"
		  " && ln plain.txt dir/hard && ln dir/hard dir/sub/hard2 && chmod 4711 plain.txt && chmod 1777 dir/sub"
		  " && touch -d '1999-12-31 23:59:59 UTC' dir/two.dots.tar.gz && touch -d '%s-02-29 12:00:00 UTC' "
		  "dir/no-extension"
		  " && mkfifo fifo && d=deep && for i in $(seq 30); do d=$d/level$i; done && mkdir -p $d && echo "
		  "bottom >$d/bottom",
		  sizeof(time_t) > 4 ? "2060" : "2036");
	/* Targets that are cut wherever a block of continuation areas ends; libisofs takes 1,024 bytes. */
	assert_sh("mkdir src/links && for i in $(seq 80); do ln -s \"$(printf \"${i}x%%.0s/\" $(seq $((i * 37 %% "
		  "120))))../"
		  "$(printf \"%%$((i * 29 %% 400))s\" '' | tr ' ' t)./$i\" src/links/to\\ $i; done");
	if (geteuid() == 0 && sh("cd src && mknod chr c 10 200 && mknod blk b 7 3 && chown 4711:70000 PLAIN.TXT") != 0)
		fprintf(stderr, "# no device nodes here\n");
}

static int setup(void **state)
{
	(void)state;
	make_odd_names();
	make_odd_kinds();
	assert_sh("touch -h -d '2018-01-01 UTC' src/slash; touch -d '2021-01-01 UTC' src");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return sh("rm -rf %s", work);
}

/* What find says of everything below a directory; times to the second. */
#define LISTING "find . -mindepth 1 -printf '%%P|%%y|%%m|%%n|%%U:%%G|%%l|%%T@\\n' | sed 's/\\.[0-9]*$//' | sort"

static void assert_same_tree(const char *source, const char *copy)
{
	assert_sh("chmod -R u+rwX '%s' 2>/dev/null; diff -r --no-dereference -x fifo -x chr -x blk '%s' '%s' >&2", copy,
		  source, copy);
}

/* xorriso restores no times of symbolic links and reads "a//b" as "a/b". */
static void assert_xorriso_copy(const char *copy)
{
	assert_sh("for i in src %s; do (cd $i && rm -f slash && " LISTING
		  " | sed '/|l|/s/[0-9]*$//') >$i.list; done; diff src.list %s.list >&2",
		  copy, copy);
	assert_sh("ln -s /usr/lib//double src/slash; touch -h -d '2018-01-01 UTC' src/slash; touch -d '2021-01-01 UTC' "
		  "src");
	assert_sh("diff -r --no-dereference -x fifo -x chr -x blk -x slash src %s >&2", copy);
}

static void test_xorriso(void **state)
{
	struct burn_options o = first_options();
	struct tree *t = take("src");

	(void)state;
	append(t, "one.iso", &o, NULL);
	tree_free(t);
	assert_sh("xorriso -for_backup -osirrox on:device_files -indev one.iso -extract / x1 >x1.log 2>&1 || { cat "
		  "x1.log; false; }");
	assert_sh("! grep -E 'WARNING|FAILURE|SORRY|FATAL' x1.log");
	assert_xorriso_copy("x1");
	assert_sh("xorriso -indev one.iso -toc 2>&1 | grep -q 'ISO session *: *1 , *32 , .*CDAPPENDFS' || { xorriso "
		  "-indev one.iso -toc; false; }");
	assert_sh("xorriso -indev one.iso -compare_r \"$PWD/src\" / >/dev/null 2>cmp.log; ! grep -E '^. "
		  "(src|/).*differ' cmp.log");
}

static void test_isoinfo(void **state)
{
	(void)state;
	if (!have("isoinfo"))
		skip();
	assert_sh("isoinfo -i one.iso -d >d.txt && grep -q 'Joliet with UCS level 3' d.txt && grep -q 'Rock "
		  "Ridge.*found' d.txt || { cat d.txt; false; }");
	assert_sh("grep -q 'Volume id: CDAPPENDFS' d.txt && grep -q 'System id: LINUX' d.txt && grep -q 'Application "
		  "id: CDAPPENDFS' d.txt");
	assert_sh("(cd src && find . -mindepth 1 | sed 's/^.//' | sort) >src.names; isoinfo -R -i one.iso -f | sort "
		  ">ir.names; diff src.names ir.names >&2");
	/* Joliet: directories and regular files; names as they are but for those that Joliet (or isoinfo, beyond
	 * Latin 1) cannot hold. */
	assert_sh(
		"(cd src && find . -mindepth 1 \\( -type d -o -type f \\) | sed 's/^.//' | grep -v -e '[*?;:\\\\]' -e "
		"smile -e nnn -e 'many/' -e '\xe6\x97\xa5' | sort) >src.j; "
		"isoinfo -J -i one.iso -f | grep -v -e _ -e nnn -e 'many/' | sort >ij.names; diff src.j ij.names >&2");
	assert_sh("isoinfo -J -i one.iso -f | sort | uniq -d | grep . && exit 1; test $(isoinfo -J -i one.iso -f | wc "
		  "-l) = $(find src -mindepth 1 \\( -type d -o -type f \\) | wc -l)");
	assert_sh("isoinfo -i one.iso -x '/PLAIN.TXT;1' | cmp - src/PLAIN.TXT");
	assert_sh("isoinfo -p -i one.iso | tail -n +2 >pt; test $(wc -l <pt) = $(find src -type d | wc -l)");
}

static void test_7z(void **state)
{
	(void)state;
	if (!have("7zz") && !have("7z"))
		skip();
	assert_sh(SEVENZIP " x -y -o7z one.iso >7z.log 2>&1 || { cat 7z.log; false; }");
	assert_sh("cmp src/dir/\xc3\xbc\xc3\xb1\xc3\xad-\xe6\x97\xa5\xe6\x9c\xac "
		  "7z/dir/\xc3\xbc\xc3\xb1\xc3\xad-\xe6\x97\xa5\xe6\x9c\xac");
	assert_sh(
		"(cd src && find . -type f -size +0 -exec sha1sum {} + | tr -d '\\\\' | cut -c1-40 | sort) >src.sums; "
		"(cd 7z && find . -type f -size +0 -exec sha1sum {} + | tr -d '\\\\' | cut -c1-40 | sort) >7z.sums; "
		"comm -23 src.sums 7z.sums | grep . && exit 1; true");
}

static void test_bsdtar(void **state)
{
	(void)state;
	if (!have("bsdtar"))
		skip();
	assert_sh("mkdir bt && bsdtar -xpf one.iso -C bt >bt.log 2>&1 || { cat bt.log; false; }");
	assert_same_tree("src", "bt");
	assert_sh("for i in src bt; do (cd $i && " LISTING ") >$i.list; done; diff src.list bt.list >&2");
}

/* The second session: everything on the disc, one file mixed, one new, one gone. */
static void second_tree(struct tree *t, const struct burn_plan *p)
{
	struct manifest *m = &t->manifest;
	struct extent *old = m->extents;
	uint32_t changed = UINT32_MAX, body = tree_body(t, NULL);

	m->extents = NULL;
	m->n_extents = 0;
	t->extents_room = 0;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct extent *e;
		size_t n;

		burn_plan_extents(p, i, &e, &n);
		if (m->nodes[i].size == 100000)
			changed = i;
		m->nodes[i].size = m->nodes[i].n_extents = 0;
		for (size_t j = 0; j < n; j++) {
			assert_int_equal(e[j].kind, EXTENT_DISC);
			if (i != changed) {
				tree_extent(t, i, EXTENT_DISC, 0, e[j].pos, e[j].length);
				continue;
			}
			tree_extent(t, i, EXTENT_DISC, 0, e[j].pos, 40960);
			tree_extent(t, i, EXTENT_STAGE, body, 40960, 4096);
			tree_extent(t, i, EXTENT_HOLE, 0, 0, 8192);
			tree_extent(t, i, EXTENT_DISC, 0, e[j].pos + 40960 + 4096 + 8192, 100000 - 40960 - 4096 - 8192);
		}
	}
	free(old);
	must(changed != UINT32_MAX);
}

static void change_source(void)
{
	uint8_t buf[12288] = {0};
	char path[8192];
	int fd;

	snprintf(path, sizeof(path), "%s/src/dir/two.dots.tar.gz", work);
	fd = open(path, O_WRONLY);
	must(fd >= 0);
	for (unsigned i = 0; i < 4096; i++)
		buf[i] = generated_byte(UINT32_MAX, 40960 + i);
	must(pwrite(fd, buf, sizeof(buf), 40960) == sizeof(buf));
	close(fd);
	put_file("src/third", 9000, 77);
	assert_sh("touch -d '1999-12-31 23:59:59 UTC' src/dir/two.dots.tar.gz; touch -d '2020-01-01 UTC' src/third; "
		  "touch -d '2021-01-01 UTC' src");
}

/* Body that change_source() wrote. */
static int read_changed(void *context, uint32_t body, uint64_t pos, void *buf, size_t length)
{
	struct tree *t = context;

	if (t->bodies[body])
		return tree_read_body(context, body, pos, buf, length);
	for (size_t i = 0; i < length; i++)
		((uint8_t *)buf)[i] = generated_byte(UINT32_MAX, pos + i);
	return 0;
}

static void append_second(bool compat, const char *image)
{
	struct burn_options o = first_options();
	struct tree *t = take("src");
	_cleanup_(burn_plan_freep) struct burn_plan *first = NULL, *second = NULL;
	struct burn_cost cost;
	uint32_t next = append(t, image, &o, &first), third;
	char path[8192];
	struct stat st;

	assert_int_equal(next % 32, 0);
	second_tree(t, first);
	snprintf(path, sizeof(path), "%s/src/third", work);
	change_source();
	third = tree_add(t, 0, "third", S_IFREG | 0644);
	tree_take_content(t, third, path, 9000);
	must(stat(path, &st) == 0);
	tree_take_stat(&t->manifest.nodes[third], &st);
	snprintf(path, sizeof(path), "%s/src", work);
	must(stat(path, &st) == 0);
	tree_take_stat(&t->manifest.nodes[0], &st);
	tree_finish(t);
	t->manifest.read_body = read_changed;
	snprintf(path, sizeof(path), "%s/%s", work, image);
	t->disc_fd = open(path, O_RDONLY);
	o.start_lba = next;
	o.session_number = 2;
	o.previous_number = 1;
	o.previous_lba = 32;
	o.previous_descriptor_lba = 48;
	o.compat = compat;
	o.pieces = (struct pieces_rule){compat ? SHARE_AUTO : SHARE_BLOCKS, PIECES_NEVER};
	append(t, image, &o, &second);
	burn_plan_cost(second, &cost);
	assert_int_equal(cost.data_sectors, compat ? 49 + 5 : 6 + 5);
	assert_int_equal(t->disc_read, compat ? 100000 - 12288 : 0);
	tree_free(t);
}

static void test_second_session(void **state)
{
	(void)state;
	assert_sh("cp -a src before");
	append_second(false, "two.iso");
	assert_sh("xorriso -for_backup -osirrox on:device_files -indev two.iso -extract / x2 >x2.log 2>&1 || { cat "
		  "x2.log; false; }");
	assert_sh("! grep -E 'WARNING|FAILURE|SORRY|FATAL' x2.log");
	assert_xorriso_copy("x2");
	assert_sh("isoinfo -i two.iso -R -x /dir/two.dots.tar.gz | cmp - src/dir/two.dots.tar.gz");
	assert_sh("xorriso -indev two.iso -toc >toc 2>&1; grep -q 'ISO session *: *1 , *32 ,' toc && grep -q 'ISO "
		  "session *: *2 ,' toc || { cat toc; false; }");
	/* The first session as it was. */
	assert_sh("xorriso -for_backup -osirrox on:device_files -load session 1 -indev two.iso -extract / x21 >x21.log "
		  "2>&1 || { cat x21.log; false; }");
	assert_sh("diff -r --no-dereference -x fifo -x chr -x blk -x slash before x21 >&2");
	assert_sh(SEVENZIP " x -y -o7z2 two.iso >7z2.log 2>&1 || { cat 7z2.log; false; }; (cd src && find . -type f "
			   "-size +0 -exec sha1sum {} + | tr -d '\\\\' | cut -c1-40 | sort) >s2; "
			   "(cd 7z2 && find . -type f -size +0 -exec sha1sum {} + | tr -d '\\\\' | cut -c1-40 | sort) "
			   ">z2; comm -23 s2 z2 | grep . && exit 1; true");
	assert_sh("rm -rf src && mv before src");
}

static void test_second_session_compat(void **state)
{
	(void)state;
	assert_sh("cp -a src before");
	/* no continuation areas: their names fail in libarchive above older data */
	assert_sh("rm -rf src/many src/dir/nnn* src/long");
	append_second(true, "compat.iso");
	assert_sh("mkdir bt2 && bsdtar -xpf compat.iso -C bt2 >bt2.log 2>&1 || { cat bt2.log; false; }");
	assert_same_tree("src", "bt2");
	assert_sh("rm -rf src && mv before src");
}

static void test_many_entries(void **state)
{
	struct burn_options o = first_options();
	struct tree *t = tree_new();
	uint32_t d = tree_add(t, 0, "d", S_IFDIR | 0755);
	char name[64];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t file;

		snprintf(name, sizeof(name), "a file with a number %u.data", i);
		file = tree_add(t, d, name, S_IFREG | 0644);
		tree_extent(t, file, EXTENT_STAGE, tree_body(t, NULL), 0, 1 + i % 5000);
	}
	tree_finish(t);
	append(t, "many.iso", &o, NULL);
	tree_free(t);
	assert_sh("test $(isoinfo -R -i many.iso -f | wc -l) = 20001 && test $(isoinfo -J -i many.iso -f | sort -u | "
		  "wc -l) = 20001 && "
		  "test $(isoinfo -i many.iso -f | sort -u | wc -l) = 20001");
	assert_sh("test $(bsdtar -tf many.iso | wc -l) = 20002 && bsdtar -xOf many.iso >/dev/null");
	assert_sh("xorriso -indev many.iso -find /d -type f 2>/dev/null | wc -l | grep -qx 20000");
	assert_sh("rm many.iso");
}

static void test_large_sparse(void **state)
{
	struct burn_options o = first_options();
	struct tree *t = tree_new();
	uint32_t file = tree_add(t, 0, "sparse", S_IFREG | 0644), small = tree_add(t, 0, "zz", S_IFREG | 0644);
	uint64_t size = 5ull << 30;
	struct stat st;
	char path[8192];

	(void)state;
	tree_extent(t, file, EXTENT_STAGE, tree_body(t, NULL), 0, 4096);
	tree_extent(t, file, EXTENT_HOLE, 0, 0, size - 8192);
	tree_extent(t, file, EXTENT_STAGE, tree_body(t, NULL), 0, 4096);
	tree_extent(t, small, EXTENT_STAGE, tree_body(t, NULL), 0, 10);
	tree_finish(t);
	append(t, "sparse.iso", &o, NULL);
	assert_int_equal(t->bodies_read, 8202);
	tree_free(t);
	snprintf(path, sizeof(path), "%s/sparse.iso", work);
	must(stat(path, &st) == 0);
	assert_true(st.st_blocks * 512 < 4 << 20); /* digests of 5 GiB are 2.5 MiB */
	assert_sh("xorriso -indev sparse.iso -lsl /sparse 2>/dev/null | grep -q ' 5368709120 '");
	assert_sh("bsdtar -tvf sparse.iso | grep -q ' 5368709120 .*sparse'");
	assert_sh(SEVENZIP " l sparse.iso | grep -q '5368709120'");
	assert_sh("test $(isoinfo -R -l -i sparse.iso | grep -c 4294965248) = 1");
	assert_sh("rm sparse.iso");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xorriso),
		cmocka_unit_test(test_isoinfo),
		cmocka_unit_test(test_7z),
		cmocka_unit_test(test_bsdtar),
		cmocka_unit_test(test_second_session),
		cmocka_unit_test(test_second_session_compat),
		cmocka_unit_test(test_many_entries),
		cmocka_unit_test(test_large_sparse),
	};

	if (argc == 3) {
		struct burn_options o = first_options();
		struct tree *t = tree_new();

		tree_take(t, 0, argv[1]);
		tree_finish(t);
		append(t, argv[2], &o, NULL);
		tree_free(t);
		return 0;
	}
	must(mkdtemp(work));
	if (!have("xorriso")) {
		puts("1..0 # skipped: no xorriso");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
