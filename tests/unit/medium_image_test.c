/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening, locking, reading and writing image files. */
#include "tests/unit/medium_fixture.h"

#include <signal.h>
#include <sys/wait.h>

#include "burner/medium/internal.h"

#define PIECE 64u

static void assert_refused(const char *path, int error, const char *why_part)
{
	struct disc_open_options options = {0};
	const char *why = NULL;
	struct disc *d;
	int r = disc_open_path(path, &options, &d, &why);

	if (r != error || !why || !strstr(why, why_part))
		fail_msg("%s: %d, %s", path, r, why ? why : "-");
}

static void refusals(void **state)
{
	(void)state;
	run("printf 'some text\\n' >text.iso; yes line | head -c 100000 >long.iso; truncate -s 1M zeros.iso; seq "
	    "100000 | gzip -n | tail -c 100000 >noise.iso");
	run("printf 'RIFF____WAVE' >sound.wav; mkfifo fifo; tar cf t.iso a; gzip -k t.iso; "
	    "printf '\\0\\377\\377\\377\\377\\377\\377\\377\\377\\377\\377\\0' >raw.bin; truncate -s 47040 raw.bin");
	assert_refused("text.iso", -EMEDIUMTYPE, "text file");
	assert_refused("long.iso", -EMEDIUMTYPE, "text file");
	assert_refused("zeros.iso", -EMEDIUMTYPE, "zeros");
	assert_refused("noise.iso", -EMEDIUMTYPE, "no volume descriptor");
	assert_refused("sound.wav", -EMEDIUMTYPE, "RIFF");
	assert_refused("t.iso", -EMEDIUMTYPE, "tar");
	assert_refused("t.iso.gz", -EMEDIUMTYPE, "gzip");
	assert_refused("raw.bin", -EMEDIUMTYPE, "raw CD sectors");
	assert_refused("fifo", -ENODEV, "neither");
	assert_refused("/dev/null", -ENODEV, "neither");
	assert_refused("a", -EISDIR, "directory");
	assert_refused("missing.iso", -ENOENT, "no such file");
	run("genisoimage -quiet -udf -o u.iso a && dd if=/dev/zero of=u.iso bs=2048 seek=16 count=3 conv=notrunc && "
	    "dd if=u.iso of=v.iso bs=2048 skip=19 count=3 && dd if=v.iso of=u.iso bs=2048 seek=16 conv=notrunc");
	assert_refused("u.iso", -EMEDIUMTYPE, "UDF disc without");
}

static void create_and_permissions(void **state)
{
	struct disc_open_options options = {.writable = true, .create = true};
	const char *why = NULL;
	struct disc *d;
	struct stat st;

	(void)state;
	assert_int_equal(disc_open_path("new.iso", &options, &d, &why), 0);
	disc_close(d);
	assert_int_equal(stat("new.iso", &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(disc_open_path("nowhere/new.iso", &options, &d, &why), -ENOENT);
	/* Its owner's alone, whatever the umask; a file that is there keeps what it has. */
	assert_int_equal(st.st_mode & 07777, 0600);
	for (mode_t mask = 0; mask <= 0777; mask += 0777) {
		mode_t before = umask(mask);
		int r = disc_open_path("masked.iso", &options, &d, &why);

		umask(before);
		assert_int_equal(r, 0);
		disc_close(d);
		assert_int_equal(stat("masked.iso", &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(unlink("masked.iso"), 0);
	}
	run("install -m 644 /dev/null own.iso");
	assert_int_equal(disc_open_path("own.iso", &options, &d, &why), 0);
	disc_close(d);
	assert_int_equal(stat("own.iso", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* No link is followed: not to nothing, not to what is there, not in the path. */
	run("mkdir -p elsewhere && ln -s elsewhere/made.iso dangling.iso && ln -s own.iso link.iso && "
	    "ln -s elsewhere links");
	assert_int_equal(disc_open_path("dangling.iso", &options, &d, &why), -ELOOP);
	assert_non_null(strstr(why, "symbolic link"));
	assert_int_equal(disc_open_path("link.iso", &options, &d, &why), -ELOOP);
	assert_int_equal(disc_open_path("links/made.iso", &options, &d, &why), -ENOTDIR);
	assert_int_equal(access("elsewhere/made.iso", F_OK), -1);
	run("genisoimage -quiet -o i.iso a");
	assert_int_equal(chmod("i.iso", 0444), 0);
	if (geteuid() == 0)
		return;
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), -EACCES);
}

static void read_edges(void **state)
{
	uint8_t buf[3 * 2048], *image;
	struct disc *d;
	size_t n;

	(void)state;
	run("genisoimage -quiet -no-pad -o i.iso a && printf tail >>i.iso");
	image = slurp("i.iso", &n);
	d = open_image("i.iso", false);
	assert_int_equal(n % 2048, 4);
	memset(buf, 0xaa, sizeof(buf));
	assert_int_equal(disc_read(d, (uint32_t)(n / 2048) - 1, buf, 1), 0);
	assert_memory_equal(buf, image + n / 2048 * 2048 - 2048, 2048);
	/* What is missing of a block is not known to be zeros. */
	assert_int_equal(disc_read(d, (uint32_t)(n / 2048) - 1, buf, 2), -EIO);
	assert_int_equal(disc_read(d, (uint32_t)(n / 2048), buf, 1), -EIO);
	assert_int_equal(disc_read(d, (uint32_t)(n / 2048), buf, 2), -EIO);
	assert_int_equal(disc_read(d, UINT32_MAX, buf, 3), -EIO);
	assert_true(disc_fd(d) >= 0);
	disc_close(d);
	free(image);
}

/* What does not fit the rules of I/O past the page cache is for disc_read(), and so is what was opened for reading
 * only. */
static void read_past_the_cache(void **state)
{
	uint8_t *buf = aligned_alloc(4096, 2u << 20), *image;
	struct disc *d;
	size_t n;

	(void)state;
	assert_non_null(buf);
	run("genisoimage -quiet -o i.iso a && head -c 3M /dev/urandom >>i.iso && truncate -s $(($(stat -c %s i.iso) / "
	    "4096 * 4096)) i.iso");
	image = slurp("i.iso", &n);
	d = open_image("i.iso", false);
	assert_int_equal(disc_read_medium(d, 0, buf, 512), -EOPNOTSUPP);
	disc_close(d);
	d = open_image("i.iso", true);
	/* Some file systems have none; then nothing is read so. */
	if (disc_read_medium(d, 512, buf, 512) == 0) {
		assert_memory_equal(buf, image + (1u << 20), 1u << 20);
		assert_int_equal(disc_read_medium(d, (uint32_t)(n / 2048) - 2, buf, 2), 0);
		assert_memory_equal(buf, image + n - 4096, 4096);
		/* What is changed, and still in the cache, is seen. */
		image[n - 1] ^= 1;
		patch("i.iso", n - 1, image + n - 1, 1);
		assert_int_equal(disc_read_medium(d, (uint32_t)(n / 2048) - 2, buf, 2), 0);
		assert_memory_equal(buf, image + n - 4096, 4096);
	}
	assert_int_equal(disc_read_medium(d, 513, buf, 512), -EOPNOTSUPP);
	assert_int_equal(disc_read_medium(d, 512, buf, 511), -EOPNOTSUPP);
	assert_int_equal(disc_read_medium(d, 512, buf + 2048, 256), -EOPNOTSUPP);
	assert_int_equal(disc_read_medium(d, (uint32_t)(n / 2048), buf, 2), -EOPNOTSUPP); /* behind the end */
	disc_close(d);
	free(image);
	free(buf);
}

static void one_writer(void **state)
{
	struct disc_open_options options = {.writable = true};
	const char *why = NULL;
	struct disc *d, *second;
	int to_child[2], status;
	pid_t child;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	d = open_image("i.iso", true);
	assert_int_equal(disc_open_path("i.iso", &options, &second, &why), -EBUSY);
	assert_non_null(strstr(why, "another program"));
	second = open_image("i.iso", false); /* reading is free */
	disc_close(second);
	disc_close(d);
	/* wait: the child holds the lock until it is told to end. */
	assert_int_equal(pipe(to_child), 0);
	child = fork();
	if (child == 0) {
		char c;

		close(to_child[1]);
		options.wait = true;
		if (disc_open_path("i.iso", &options, &d, &why) < 0)
			_exit(2);
		_exit(read(to_child[0], &c, 1) == 1 ? 0 : 1);
	}
	close(to_child[0]);
	while (disc_open_path("i.iso", &options, &d, &why) == 0) {
		disc_close(d);
		usleep(1000);
	}
	assert_int_equal(write(to_child[1], "x", 1), 1);
	options.wait = true;
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(to_child[1]);
	disc_close(d);
}

static void fill(uint8_t *buf, uint32_t n_sectors, uint8_t value) { memset(buf, value, n_sectors * 2048); }

/* The target of an image and where its next session goes. */
static struct target *open_target(struct disc *d, uint32_t *ret_start)
{
	struct disc_state s;
	struct target *t;

	assert_int_equal(disc_state(d, &s), 0);
	assert_true(s.appendable);
	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	*ret_start = s.next_lba;
	return t;
}

/* Padding of xorriso lies behind the session and is put back as well. */
static void abort_restores(void **state)
{
	static const char *const makers[] = {"genisoimage -quiet -o i.iso a",
					     "rm i.iso && xorriso -outdev i.iso -map a /a -commit", ": >i.iso"};
	static uint8_t buf[PIECE * 2048];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LENGTH(makers); i++) {
		struct stat before, after;
		uint32_t start, accepted;
		_free_ uint8_t *old = NULL, *new = NULL;
		size_t n, m;

		run(makers[i]);
		old = slurp("i.iso", &n);
		struct disc *d = open_image("i.iso", true);
		struct target *t = open_target(d, &start);
		assert_int_equal(fsync(disc_fd(d)), 0);
		assert_int_equal(stat("i.iso", &before), 0);
		assert_int_equal(target_reserve(t, start, 4 * PIECE), 0);
		assert_int_equal(stat("i.iso", &after), 0);
		assert_int_equal(before.st_size, after.st_size);
		for (uint32_t j = 0; j < 3; j++) {
			fill(buf, PIECE, (uint8_t)(j + 1));
			assert_int_equal(target_write(t, start + j * PIECE, j == 1 ? NULL : buf, PIECE, &accepted), 0);
			assert_int_equal(accepted, PIECE);
		}
		assert_int_equal(target_write(t, start + 3 * PIECE, buf, PIECE + 1, &accepted), -EINVAL);
		assert_int_equal(target_write(t, start - 1, buf, 1, &accepted), -EINVAL);
		assert_int_equal(target_sync(t), 0);
		assert_int_equal(target_abort(t), 0);
		new = slurp("i.iso", &m);
		assert_int_equal(n, m);
		assert_memory_equal(old, new, n);
		assert_int_equal(fsync(disc_fd(d)), 0);
		assert_int_equal(stat("i.iso", &after), 0);
		assert_true(after.st_blocks <= before.st_blocks + 16);
		target_free(t);
		disc_close(d);
	}
}

static void no_space(void **state)
{
	struct disc_open_options options = {.writable = true, .capacity_sectors = 1000};
	struct disc_state s;
	const char *why;
	struct target *t;
	struct disc *d;
	_free_ uint8_t *old = NULL, *new = NULL;
	uint32_t start;
	size_t n, m;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	old = slurp("i.iso", &n);
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), 0);
	t = open_target(d, &start);
	assert_int_equal(target_reserve(t, start, 1000 - start + 1), -ENOSPC);
	assert_int_equal(target_reserve(t, start - 32, 32), -EINVAL);
	assert_int_equal(target_reserve(t, start, 1000 - start), 0);
	target_free(t);
	disc_close(d);
	d = open_image("i.iso", true);
	t = open_target(d, &start);
	assert_int_equal(disc_state(d, &s), 0);
	if (s.host_free_bytes / 2048 < UINT32_MAX - start)
		assert_int_equal(target_reserve(t, start, UINT32_MAX - start), -ENOSPC);
	assert_int_equal(target_reserve(t, start, UINT32_MAX), -ENOSPC);
	target_free(t);
	disc_close(d);
	new = slurp("i.iso", &m);
	assert_true(n == m && !memcmp(old, new, n));
	d = open_image("i.iso", false);
	assert_int_equal(disc_open_target(d, NULL, &t), -EROFS);
	disc_close(d);
}

static void zeros_are_holes(void **state)
{
	uint8_t buf[2048], record[2048];
	uint32_t start, accepted;
	struct stat st;

	(void)state;
	run("genisoimage -quiet -o i.iso a && xorriso -outdev x.iso -map a /a -commit && cat x.iso >>i.iso");
	struct disc *d = open_image("i.iso", true);
	struct target *t = open_target(d, &start);
	memset(record, 7, sizeof(record));
	assert_int_equal(target_reserve(t, start, 8193), 0);
	assert_int_equal(target_write(t, start, NULL, 8, &accepted), 0);
	assert_int_equal(target_write(t, start + 8, NULL, 8184, &accepted), 0);
	assert_int_equal(accepted, 8184);
	assert_int_equal(target_write(t, start + 8192, record, 1, &accepted), 0);
	assert_int_equal(target_sync(t), 0);
	assert_int_equal(stat("i.iso", &st), 0);
	assert_true(st.st_blocks < 4 << 11); /* 16 MiB of holes */
	for (uint32_t i = 0; i < 8192; i++) {
		assert_int_equal(disc_read(d, start + i, buf, 1), 0);
		assert_true(buf[0] == 0 && !memcmp(buf, buf + 1, 2047));
	}
	assert_int_equal(disc_read(d, start + 8192, buf, 1), 0);
	assert_memory_equal(buf, record, 2048);
	target_free(t);
	disc_close(d);
}

/* ---- the order of publishing ---- */

struct trace {
	struct target target;
	char log[256];
};

static void trace_add(struct target *t, const char *word)
{
	struct trace *trace = (struct trace *)(void *)t;
	size_t n = strlen(trace->log);

	snprintf(trace->log + n, sizeof(trace->log) - n, "%s ", word);
}

static int trace_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[2048])
{
	char word[16];

	snprintf(word, sizeof(word), "%u", lba);
	trace_add(t, word);
	return t->inner->ops->publish_sector(t->inner, lba, sector);
}

static int trace_sync(struct target *t)
{
	trace_add(t, "sync");
	return target_sync(t->inner);
}

static void publish_order(void **state)
{
	static const struct target_ops ops = {.publish_sector = trace_publish_sector, .sync = trace_sync};
	static uint8_t head[16 * 2048];
	struct trace trace = {.target = {.ops = &ops}};
	_free_ uint8_t *old = NULL, *new = NULL;
	uint32_t start;
	size_t n, m;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	old = slurp("i.iso", &n);
	struct disc *d = open_image("i.iso", true);
	trace.target.inner = open_target(d, &start);
	for (unsigned i = 0; i < 16; i++)
		memset(head + i * 2048, (int)i + 1, 2048);
	assert_int_equal(target_publish(&trace.target, head), 0);
	assert_string_equal(trace.log, "31 30 29 28 27 26 25 24 23 22 21 20 19 18 17 sync 16 sync ");
	assert_int_equal(target_publish(&trace.target, head), 0);
	new = slurp("i.iso", &m);
	assert_int_equal(n, m);
	assert_memory_equal(new + 16 * 2048, head, sizeof(head));
	assert_memory_equal(new, old, 16 * 2048);
	assert_memory_equal(new + 32 * 2048, old + 32 * 2048, n - 32 * 2048);
	assert_int_equal(trace.target.inner->ops->publish_sector(trace.target.inner, 32, head), -EINVAL);
	target_free(trace.target.inner);
	disc_close(d);
}

/* What lies behind the newest session is cut and cleared; nothing of a session is. */
static void unburn(void **state)
{
	struct disc_fingerprint f;
	uint8_t sector[2048];
	uint64_t bytes;
	struct disc *d;
	uint32_t lba;

	(void)state;
	run("genisoimage -quiet -no-pad -o i.iso a");
	d = open_image("i.iso", true);
	assert_int_equal(disc_fingerprint(d, &f), 0);
	assert_int_equal(disc_image_bytes(d, &bytes), 0);
	assert_true(bytes == f.image_bytes);
	assert_int_equal(disc_cut_image(d, bytes), 0);
	assert_int_equal(disc_cut_image(d, bytes + 1), 0);
	assert_int_equal(disc_cut_image(d, bytes - 1), -EINVAL);
	lba = (uint32_t)(bytes / 2048) + 10;
	run("truncate -s +1M i.iso && dd if=i.iso of=i.iso bs=2048 skip=16 seek=$(($(stat -c %s i.iso) / 2048 - 512 + "
	    "26)) "
	    "count=1 conv=notrunc");
	assert_int_equal(disc_read(d, lba + 16, sector, 1), 0);
	assert_memory_equal(sector + 1, "CD001", 5);
	assert_int_equal(disc_clear_session(d, lba, 32), 0);
	assert_int_equal(disc_read(d, lba + 16, sector, 1), 0);
	assert_true(sector[0] == 0 && !memcmp(sector, sector + 1, sizeof(sector) - 1));
	assert_int_equal(disc_clear_session(d, 0, 32), 0); /* the session's own */
	assert_int_equal(disc_clear_session(d, UINT32_MAX, 32), 0);
	assert_int_equal(disc_read(d, 16, sector, 1), 0);
	assert_memory_equal(sector + 1, "CD001", 5);
	assert_int_equal(disc_cut_image(d, bytes), 0);
	assert_int_equal(disc_image_bytes(d, &bytes), 0);
	assert_true(bytes == f.image_bytes);
	d = disc_wrap_faults(d, "read@16=EIO"); /* what cannot be read may be one */
	assert_int_equal(disc_image_bytes(d, &bytes), 0);
	assert_true(bytes == f.image_bytes);
	disc_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(refusals),	     FIXTURE_TEST(create_and_permissions),
		FIXTURE_TEST(read_edges),    FIXTURE_TEST(read_past_the_cache),
		FIXTURE_TEST(one_writer),    FIXTURE_TEST(abort_restores),
		FIXTURE_TEST(no_space),	     FIXTURE_TEST(zeros_are_holes),
		FIXTURE_TEST(publish_order), FIXTURE_TEST(unburn),
	};

	return cmocka_run_group_tests_name("medium_image", tests, NULL, NULL);
}
