/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_mounts_test - finding our mounts in mountinfo, and talking to who listens for one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "fs/control/client.h"
#include "burner/base/path.h"
#include "fs/control/mounts.h"

static const char table[] =
	"22 27 0:21 / /proc rw,relatime - proc proc rw\n"
	"31 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro\n"
	"40 31 0:50 / /mnt/a\\040b rw,nosuid,nodev,relatime shared:7 master:2 - fuse.cdappendfs "
	"/discs/x\\011y\\134z.iso rw,user_id=1000,group_id=1000\n"
	"41 31 0:51 / /mnt/c rw - fuse.cdappendfs /discs/c.iso rw,user_id=0,group_id=0,allow_other\n"
	"42 31 0:52 / /mnt/d rw - fuse.cdappendfs /discs/d.iso rw,user_id=7\n"
	"43 42 0:53 / /mnt/d rw - tmpfs none rw\n"
	"44 31 0:51 /sub /mnt/bind rw - fuse.cdappendfs /discs/c.iso rw,user_id=0\n"
	"45 31 0:54 / /mnt/c rw - fuse.cdappendfs /discs/e.iso rw,user_id=3\n"
	"46 31 0:55 / /mnt/other rw - fuse.sshfs cdappendfs rw,user_id=3\n"
	"broken line\n"
	"47 31 0:56 / /mnt/f rw - fuse.cdappendfs /discs/\\043f.iso rw,max_read=131072\n"
	"48 31 0:57 / /mnt/g1 ro - fuse.cdappendfs /discs/g.iso ro,user_id=0\n"
	"49 31 0:58 / /mnt/g rw - fuse.cdappendfs /discs/g.iso rw,user_id=0\n"
	"50 31 0:59 / /mnt/g2 ro - fuse.cdappendfs /discs/g.iso ro\n"
	"51 31 0:60 / /mnt/h1 ro - fuse.cdappendfs /discs/h.iso ro,user_id=0\n"
	"52 31 0:61 / /mnt/h2 ro - fuse.cdappendfs /discs/h.iso ro,user_id=0\n"
	"53 31 0:62 / /mnt/v rw - fuse.cdappendfs /discs/v.iso rw,user_id=1002\n"
	"54 31 0:63 / /mnt/a1 rw - fuse.cdappendfs /discs/v.iso rw,user_id=1001\n"
	"55 31 0:64 / /mnt/a2 rw - fuse.cdappendfs /discs/a.iso rw,user_id=1001\n"
	"56 31 0:65 / /mnt/b rw - fuseblk.cdappendfs /discs/b.iso rw,user_id=0\n"
	"57 31 0:66 / /mnt/b1 rw - fuse.cdappendfs /discs/b.iso rw,user_id=1002\n"
	"58 31 0:67 / /mnt/o ro - fuse.cdappendfs /discs/o.iso ro,user_id=0\n"
	"59 31 0:68 / /mnt/o1 rw - fuse.cdappendfs /discs/o.iso rw,user_id=1002\n"
	"60 31 0:69 / /mnt/n rw - fuse.cdappendfs /discs/n.iso rw,max_read=131072\n"
	"61 31 0:70 /sub /mnt/p rw - fuse.cdappendfs /discs/p.iso rw,user_id=1002\n";

static int find_point(const char *path, struct control_mount *ret)
{
	FILE *f = fmemopen((void *)(uintptr_t)table, sizeof(table) - 1, "r");
	int r = mounts_find_point(f, path, ret);

	fclose(f);
	return r;
}
static int find_of(uid_t asker, uid_t owner, const char *source, bool (*same)(void *context, const char *source),
		   struct control_mount *ret)
{
	const struct mounts_wanted wanted = {.source = source, .asker = asker, .owner = owner, .same = same};
	FILE *f = fmemopen((void *)(uintptr_t)table, sizeof(table) - 1, "r");
	int r = mounts_find_source(f, &wanted, ret);

	fclose(f);
	return r;
}
static int find_source(const char *source, bool (*same)(void *context, const char *source), struct control_mount *ret)
{
	return find_of(7, 7, source, same, ret);
}

static int find_number(unsigned number, struct control_mount *ret)
{
	FILE *f = fmemopen((void *)(uintptr_t)table, sizeof(table) - 1, "r");
	int r = mounts_find_number(f, number, ret);

	fclose(f);
	return r;
}

static void mount_numbers(void **unused)
{
	struct control_mount m;

	(void)unused;
	assert_int_equal(find_number(41, &m), 0); /* though another is mounted over it */
	assert_int_equal(m.minor, 51);
	assert_string_equal(m.mountpoint, "/mnt/c");
	assert_int_equal(find_number(44, &m), 0); /* a part of it */
	assert_string_equal(m.mountpoint, "/mnt/bind");
	assert_int_equal(find_number(46, &m), -ENOENT); /* not ours */
	assert_int_equal(find_number(99, &m), -ENOENT);
}

static void mount_points(void **unused)
{
	struct control_mount m;

	(void)unused;
	assert_int_equal(find_point("/mnt/a b", &m), 0);
	assert_int_equal(m.number, 40);
	assert_int_equal(m.major, 0);
	assert_int_equal(m.minor, 50);
	assert_int_equal(m.owner, 1000);
	assert_string_equal(m.mountpoint, "/mnt/a b");
	assert_string_equal(m.source, "/discs/x\ty\\z.iso");
	assert_int_equal(find_point("/mnt/c", &m), 0); /* the newer of two */
	assert_int_equal(m.minor, 54);
	assert_int_equal(m.owner, 3);
	assert_int_equal(find_point("/mnt/d", &m), -ENOENT); /* hidden by another */
	assert_int_equal(find_point("/mnt/bind", &m), -ENOENT);
	assert_int_equal(find_point("/mnt/other", &m), -ENOENT);
	assert_int_equal(find_point("/mnt", &m), -ENOENT);
	assert_int_equal(find_point("/mnt/f", &m), 0);
	assert_string_equal(m.source, "/discs/#f.iso");
	assert_int_equal(m.owner, (uid_t)-1); /* nobody's word */
}

static bool same_d(void *unused, const char *source)
{
	(void)unused;
	return strcmp(source, "/discs/d.iso") == 0;
}

static void sources(void **unused)
{
	struct control_mount m;

	(void)unused;
	assert_int_equal(find_source("/discs/c.iso", NULL, &m), 0);
	assert_int_equal(m.minor, 51);
	assert_int_equal(find_source("/discs/link", NULL, &m), -ENOENT);
	assert_int_equal(find_source("/discs/link", same_d, &m), 0);
	assert_int_equal(m.minor, 52);
	assert_int_equal(find_source("cdappendfs", NULL, &m), -ENOENT);
	/* Older sessions are mounted besides, before and after: the writable one has the stage. */
	assert_int_equal(find_source("/discs/g.iso", NULL, &m), 0);
	assert_string_equal(m.mountpoint, "/mnt/g");
	assert_int_equal(find_source("/discs/h.iso", NULL, &m), 0);
	assert_string_equal(m.mountpoint, "/mnt/h2");
}

#define A 1001
#define V 1002

/* Whoever mounts gives the source as he likes: whose mount it is decides. */
static void owners(void **unused)
{
	static const struct {
		uid_t asker, owner;
		const char *source;
		int expected;
		const char *mountpoint;
	} cases[] = {
		{V, V, "/discs/v.iso", 0, "/mnt/v"}, /* not the last one */
		{V, A, "/discs/v.iso", 0, "/mnt/v"}, /* whosever the disc is */
		{A, V, "/discs/v.iso", 0, "/mnt/a1"},
		{0, V, "/discs/v.iso", 0, "/mnt/v"}, /* root believes the disc's owner */
		{0, A, "/discs/v.iso", 0, "/mnt/a1"},
		{0, 0, "/discs/v.iso", -ENOTUNIQ, NULL}, /* as of a drive, which is root's */
		{0, 3, "/discs/v.iso", -ENOTUNIQ, NULL},
		{3, V, "/discs/v.iso", -ENOENT, NULL}, /* a user believes himself and root */
		{3, 3, "/discs/v.iso", -ENOENT, NULL},
		{V, V, "/discs/a.iso", -ENOENT, NULL},
		{0, V, "/discs/a.iso", -ENOTUNIQ, NULL}, /* one, and of nobody who counts */
		{0, 0, "/discs/b.iso", 0, "/mnt/b"},	 /* its own */
		{0, V, "/discs/b.iso", 0, "/mnt/b"},	 /* before the owner's */
		{A, A, "/discs/b.iso", 0, "/mnt/b"},	 /* root's is everybody's */
		{0, V, "/discs/o.iso", -ENOTUNIQ, NULL}, /* root reads, the owner writes */
		{0, 0, "/discs/o.iso", 0, "/mnt/o"},
		{V, V, "/discs/o.iso", 0, "/mnt/o1"},
		{A, A, "/discs/n.iso", -ENOENT, NULL}, /* no user_id= */
		{0, 0, "/discs/n.iso", -ENOTUNIQ, NULL},
		{0, (uid_t)-1, "/discs/n.iso", -ENOTUNIQ, NULL},
		{V, V, "/discs/p.iso", -ENOENT, NULL}, /* a part */
		{0, 0, "/discs/none.iso", -ENOENT, NULL},
	};
	struct control_mount m;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(find_of(cases[i].asker, cases[i].owner, cases[i].source, NULL, &m), cases[i].expected);
		if (cases[i].mountpoint)
			assert_string_equal(m.mountpoint, cases[i].mountpoint);
	}
}

static bool note_source(void *context, const char *source)
{
	(void)context;
	assert_string_not_equal(source, "/discs/a.iso");
	if (strcmp(source, "/discs/v.iso") == 0)
		assert_true(false);
	return false;
}

/* What others wrote is compared, and not looked at; of the disc's owner neither. */
static void sources_of_others(void **unused)
{
	struct control_mount m;

	(void)unused;
	assert_int_equal(find_of(3, 3, "/discs/link", note_source, &m), -ENOENT);
	assert_int_equal(find_of(0, A, "/discs/link", note_source, &m), -ENOENT);
}

static void lines_that_are_none(void **unused)
{
	static const char *const lines[] = {"",
					    "\n",
					    "1",
					    "1 2",
					    "1 2 3:4",
					    "1 2 x / /m rw - fuse.cdappendfs a b",
					    "1 2 3:4 / /m rw fuse.cdappendfs a b",
					    "1 2 3:4 / /m rw -",
					    "1 2 3:4 / /m rw - ",
					    "1 2 3:4 / /m rw - fuse.cdappendfs",
					    "1 2 3:4 / /m rw - fuse.cdappendfs a"};
	struct mounts_line l;

	(void)unused;
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		assert_int_equal(mounts_parse(lines[i], &l), -EINVAL);
	char *longest = malloc(3 * 4096);
	memset(longest, 'a', 3 * 4096 - 1);
	longest[3 * 4096 - 1] = '\0';
	memcpy(longest, "1 2 3:4 / /", 11);
	assert_int_equal(mounts_parse(longest, &l), -EINVAL);
	free(longest);
}

/* The last component is taken as it is: it may be what root cannot enter. */
static void paths(void **unused)
{
	char dir[] = "/tmp/control_mounts_test.XXXXXX", real[PATH_MAX], expected[PATH_MAX + 16], got[PATH_MAX],
	     asked[PATH_MAX + 64];
	static const char *const same[] = {"/x", "/x/", "/x//.", "/./x/./"};
	struct control_mount m;

	(void)unused;
	assert_non_null(mkdtemp(dir));
	assert_non_null(realpath(dir, real));
	snprintf(expected, sizeof(expected), "%s/x", real);
	for (size_t i = 0; i < ARRAY_LENGTH(same); i++) {
		snprintf(asked, sizeof(asked), "%s%s", dir, same[i]);
		assert_int_equal(mounts_path(asked, got, sizeof(got)), 0);
		assert_string_equal(got, expected);
	}
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(mounts_path("x", got, sizeof(got)), 0);
	assert_string_equal(got, expected);
	assert_int_equal(mounts_path(".", got, sizeof(got)), 0);
	assert_string_equal(got, real);
	assert_int_equal(mounts_path("/", got, sizeof(got)), 0);
	assert_string_equal(got, "/");
	assert_int_equal(mounts_path("/x", got, sizeof(got)), 0);
	assert_string_equal(got, "/x");
	assert_int_equal(mounts_path("nothing/x", got, sizeof(got)), -ENOENT);
	assert_int_equal(mounts_path("", got, sizeof(got)), -ENOENT);
	assert_int_equal(mounts_path("x", got, 4), -ENAMETOOLONG);
	assert_int_equal(control_find_mount("nothing/x", &m), -ENOENT);
	assert_int_equal(control_find_mount("/", &m), -ENOENT);
	assert_int_equal(control_find_disc("/", &m), -ENOENT);
	assert_int_equal(control_find_disc("nothing", &m), -ENOENT);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void inside(void **unused)
{
	(void)unused;
	assert_true(path_is_inside("/mnt/a", "/mnt/a"));
	assert_true(path_is_inside("/mnt/a/b", "/mnt/a"));
	assert_false(path_is_inside("/mnt/ab", "/mnt/a"));
	assert_false(path_is_inside("/mnt", "/mnt/a"));
}

/* ---- a daemon that says what it is told to ---- */

struct daemon {
	int fd;
	const char *says;
	char heard[128];
	size_t flood;
};

static void *serve(void *arg)
{
	struct daemon *d = arg;
	int fd = accept(d->fd, NULL, NULL);
	ssize_t n = read(fd, d->heard, sizeof(d->heard) - 1);

	d->heard[n > 0 ? n : 0] = '\0';
	for (size_t i = 0; i < d->flood; i++)
		dprintf(fd, "{\"type\":\"change\",\"kind\":\"A\",\"path\":\"/%zu\",\"bytes\":1}\n", i);
	/* In small pieces, as a slow daemon might. */
	for (const char *s = d->says; *s; s += strnlen(s, 7))
		if (write(fd, s, strnlen(s, 7)) < 0)
			break;
	close(fd);
	return NULL;
}

struct heard {
	unsigned progress, lines;
	uint64_t done, all;
	char phase[32];
};
static void on_progress(void *context, const struct burning *b)
{
	struct heard *h = context;

	h->progress++;
	h->done = b->done_bytes;
	h->all = b->all_bytes;
	snprintf(h->phase, sizeof(h->phase), "%s", b->phase);
}
static void on_line(void *context, const char *type, const char *line)
{
	struct heard *h = context;

	assert_string_equal(type, "change");
	assert_non_null(json_find(line, "path"));
	h->lines++;
}

/* No device has this number: nobody else listens there. */
static struct control_mount fake_mount(void)
{
	return (struct control_mount){.major = 0xcdafu, .minor = (unsigned)getpid(), .owner = getuid()};
}

static int converse(struct daemon *d, const char *request, struct heard *h, struct client_result *result)
{
	struct control_mount m = fake_mount();
	struct sockaddr_un address;
	socklen_t length = control_address(m.major, m.minor, &address);
	struct client_handlers handlers = {on_progress, on_line, h};
	pthread_t thread;

	*h = (struct heard){0};
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(d->fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(d->fd, 1), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, d), 0);
	int r = client_ask(&m, request, &handlers, result);
	pthread_join(thread, NULL);
	close(d->fd);
	return r;
}

static void a_result_with_progress(void **unused)
{
	struct daemon d = {
		.says = "{\"type\":\"progress\",\"phase\":\"burning\",\"done_bytes\":4096,\"all_bytes\":8192}\n"
			"{\"type\":\"progress\",\"phase\":\"verifying\",\"done_bytes\":1,\"all_bytes\":2}\n"
			"{\"type\":\"result\",\"error\":0,\"message\":\"\",\"burned\":true,\"append_bytes\":"
			"131072,\"data_bytes\":4096,\"shared_bytes\":7,"
			"\"tree_bytes\":6144,\"fits\":true,\"session\":3}\n"};
	struct client_result result;
	struct heard h;

	(void)unused;
	assert_int_equal(converse(&d, "sync", &h, &result), 0);
	assert_string_equal(d.heard, "sync\n");
	assert_int_equal(h.progress, 2);
	assert_string_equal(h.phase, "verifying");
	assert_true(result.burned && result.fits);
	assert_int_equal(result.append_bytes, 131072);
	assert_int_equal(result.shared_bytes, 7);
	assert_int_equal(result.session, 3);
}

static void many_lines_and_an_error(void **unused)
{
	struct daemon d = {.flood = 20000,
			   .says = "{\"type\":\"result\",\"error\":28,\"message\":\"full "
				   "\\\"x\\\"\",\"burned\":false,\"fits\":false}\n"};
	struct client_result result;
	struct heard h;

	(void)unused;
	assert_int_equal(converse(&d, "changes", &h, &result), 0);
	assert_int_equal(h.lines, 20000);
	assert_int_equal(result.error, ENOSPC);
	assert_string_equal(result.message, "full \"x\"");
	assert_false(result.fits);
}

static void no_result(void **unused)
{
	struct daemon silent = {.says = ""}, cut = {.says = "{\"type\":\"result\",\"error\":0"},
		      other = {.says = "hello\n"}, wrong = {.says = "{\"type\":\"result\"}\n"};
	struct client_result result;
	struct heard h;

	(void)unused;
	assert_int_equal(converse(&silent, "sync", &h, &result), -EPIPE);
	assert_int_equal(converse(&cut, "sync", &h, &result), -EPIPE);
	assert_int_equal(converse(&other, "sync", &h, &result), -EPROTO);
	assert_int_equal(converse(&wrong, "sync", &h, &result), -EPROTO);
	struct control_mount m = fake_mount();
	assert_int_equal(client_ask(&m, "sync", NULL, &result), -ECONNREFUSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mount_numbers),
		cmocka_unit_test(mount_points),
		cmocka_unit_test(sources),
		cmocka_unit_test(owners),
		cmocka_unit_test(sources_of_others),
		cmocka_unit_test(lines_that_are_none),
		cmocka_unit_test(paths),
		cmocka_unit_test(inside),
		cmocka_unit_test(a_result_with_progress),
		cmocka_unit_test(many_lines_and_an_error),
		cmocka_unit_test(no_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
