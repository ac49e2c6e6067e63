/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults to order, the speed of a slow drive, and containers read through libcdio. */
#include "tests/unit/medium_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define START 512u

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void disc_faults(void **state)
{
	uint8_t buf[4 * 2048];
	struct disc_state s;
	double begin;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	assert_null(disc_wrap_faults(open_image("i.iso", false), "read@x=EIO"));
	assert_int_equal(errno, EINVAL);
	assert_null(disc_wrap_faults(open_image("i.iso", false), "write@1=EIO"));
	struct disc *d = disc_wrap_faults(open_image("i.iso", false), "read@20=EIO,read@30=EAGAIN,delay=20");
	assert_non_null(d);
	begin = now();
	assert_int_equal(disc_read(d, 16, buf, 4), 0);
	assert_true(now() - begin > 0.015);
	assert_int_equal(disc_read(d, 17, buf, 4), -EIO);
	assert_int_equal(disc_read(d, 21, buf, 4), 0);
	assert_int_equal(disc_read(d, 30, buf, 1), -EAGAIN);
	assert_int_equal(disc_state(d, &s), 0);
	assert_int_equal(disc_fd(d), -1);
	free(list_sessions(d, 1));
	disc_close(d);
}

static struct target *wrapped(struct disc *d, const char *spec)
{
	struct target *t;

	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	t = target_wrap_faults(t, spec);
	assert_non_null(t);
	return t;
}

static void target_faults(void **state)
{
	static uint8_t buf[16 * 2048];
	uint32_t accepted;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	struct disc *d = open_image("i.iso", true);
	struct target *t = wrapped(d, "reserve=ENOSPC");
	assert_int_equal(target_reserve(t, START, 100), -ENOSPC);
	target_free(t);
	t = wrapped(d, "write@10=EIO,sync=EROFS,publish=ENOMEDIUM");
	assert_int_equal(target_reserve(t, START, 100), 0);
	assert_int_equal(target_write(t, START, buf, 8, &accepted), 0);
	assert_int_equal(accepted, 8);
	assert_int_equal(target_write(t, START + 8, buf, 8, &accepted), -EIO);
	assert_int_equal(accepted, 2);
	assert_int_equal(target_sync(t), -EROFS);
	assert_int_equal(target_publish(t, buf), -ENOMEDIUM);
	assert_int_equal(target_abort(t), 0);
	target_free(t);
	disc_close(d);
}

/* A child that is killed on the way: what of the file has changed then? */
static void killed(void **state)
{
	static const struct {
		const char *spec;
		unsigned body, head;
	} cases[] = {
		{"kill@10", 10, 0},	   {"kill-before-sync", 16, 0}, {"kill-publish@0", 16, 0},
		{"kill-publish@3", 16, 3}, {"kill-publish@15", 16, 15}, {"kill-publish@16", 16, 16},
	};
	uint8_t mark[2048];

	(void)state;
	memset(mark, 0xee, sizeof(mark));
	for (unsigned i = 0; i < ARRAY_LENGTH(cases); i++) {
		_free_ uint8_t *image = NULL;
		unsigned body = 0, head = 0;
		int status;
		size_t n;

		run("genisoimage -quiet -o i.iso a");
		pid_t child = fork();
		if (child == 0) {
			static uint8_t buf[16 * 2048];
			uint32_t accepted;
			struct target *t = wrapped(open_image("i.iso", true), cases[i].spec);

			memset(buf, 0xee, sizeof(buf));
			target_reserve(t, START, 16);
			target_write(t, START, buf, 16, &accepted);
			target_sync(t);
			target_publish(t, buf);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		image = slurp("i.iso", &n);
		for (unsigned j = 0; j < 16; j++) {
			bool written = !memcmp(image + (31 - j) * 2048, mark, sizeof(mark));

			body += n > (START + j) * 2048 && !memcmp(image + (START + j) * 2048, mark, sizeof(mark));
			head += written;
			assert_true(written == (j < cases[i].head));
		}
		assert_int_equal(body, cases[i].body);
		assert_int_equal(head, cases[i].head);
	}
}

static void throttle(void **state)
{
	static uint8_t buf[128 * 2048];
	uint32_t accepted;
	struct target *t;
	double seconds;

	(void)state;
	run("genisoimage -quiet -o i.iso a");
	struct disc *d = open_image("i.iso", true);
	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	t = target_wrap_throttle(t, 1 << 20);
	assert_int_equal(target_reserve(t, START, 128), 0);
	seconds = now();
	assert_int_equal(target_write(t, START, buf, 100, &accepted), 0);
	assert_int_equal(accepted, 100);
	assert_int_equal(target_write(t, START + 100, NULL, 28, &accepted), 0);
	seconds = now() - seconds;
	assert_true(seconds > 0.24);
	assert_int_equal(target_sync(t), 0);
	target_free(t);
	disc_close(d);
}

/* ---- containers ---- */

/* MODE1/2352: sync pattern, header, 2048 bytes, and no error correction, which nobody checks. */
static void make_raw(const char *iso, const char *bin)
{
	uint8_t sector[2352] = {0};
	size_t n;
	_free_ uint8_t *image = slurp(iso, &n);
	FILE *f = fopen(bin, "w");

	assert_non_null(f);
	memset(sector + 1, 0xff, 10);
	sector[15] = 1;
	for (size_t i = 0; i < n / 2048; i++) {
		memcpy(sector + 16, image + i * 2048, 2048);
		assert_int_equal(fwrite(sector, sizeof(sector), 1, f), 1);
	}
	assert_int_equal(fclose(f), 0);
}

/* One track of 2048-byte sectors, then the chunks (big-endian), then where they begin. */
static void make_nrg(const char *iso, const char *nrg)
{
	uint8_t chunks[8 + 20 + 8 + 4 + 8 + 8] = {0};
	size_t n;
	_free_ uint8_t *image = slurp(iso, &n);
	FILE *f = fopen(nrg, "w");

	assert_non_null(f);
	memcpy(chunks, "ETNF", 4);
	put_be32(chunks + 4, 20);
	put_be32(chunks + 12, (uint32_t)n);
	memcpy(chunks + 28,
	       "SINF\0\0\0\4\0\0\0\1"
	       "END!",
	       16);
	memcpy(chunks + 48, "NERO", 4);
	put_be32(chunks + 52, (uint32_t)n);
	assert_int_equal(fwrite(image, n, 1, f), 1);
	assert_int_equal(fwrite(chunks, sizeof(chunks), 1, f), 1);
	assert_int_equal(fclose(f), 0);
}

static void assert_container(const char *path, const char *iso)
{
	struct disc *d = open_image(path, false);
	_free_ struct disc_session *s = list_sessions(d, 1);
	struct disc_open_options options = {.writable = true};
	struct disc_identity identity, plain;
	struct disc_state state;
	const char *why = NULL;
	uint8_t buf[5 * 2048];
	struct target *t;
	size_t n;
	_free_ uint8_t *image = slurp(iso, &n);

	assert_int_equal(s[0].start_lba, 0);
	assert_int_equal(disc_state(d, &state), 0);
	assert_true(state.kind == MEDIUM_CONTAINER && !state.appendable && state.why_not);
	for (uint32_t lba = 0; lba + 5 <= n / 2048; lba += 5) {
		if (disc_read(d, lba, buf, 5) != 0)
			fail_msg("%s: sector %u", path, lba);
		assert_memory_equal(buf, image + lba * 2048, sizeof(buf));
	}
	assert_int_equal(disc_read(d, (uint32_t)(n / 2048) + 300, buf, 1), -EIO);
	assert_int_equal(disc_open_target(d, NULL, &t), -EROFS);
	assert_int_equal(disc_identity(d, &identity), 0);
	disc_close(d);
	d = open_image(iso, false);
	assert_int_equal(disc_identity(d, &plain), 0);
	assert_memory_equal(identity.id, plain.id, 32);
	disc_close(d);
	assert_int_equal(disc_open_path(path, &options, &d, &why), -EROFS);
	assert_non_null(why);
}

static void containers(void **state)
{
	struct disc_open_options options = {0};
	const char *why = NULL;
	struct disc *d = NULL;

	(void)state;
	run("genisoimage -quiet -R -o i.iso a");
	make_raw("i.iso", "i.bin");
	run("printf 'FILE \"i.bin\" BINARY\\n  TRACK 01 MODE1/2352\\n    INDEX 01 00:00:00\\n' >raw.cue");
	run("printf 'FILE \"i.iso\" BINARY\\n  TRACK 01 MODE1/2048\\n    INDEX 01 00:00:00\\n' >cooked.cue");
	run("printf 'CD_ROM\\nTRACK MODE1_RAW\\nDATAFILE \"i.bin\"\\n' >raw.toc");
	run("printf 'CD_ROM\\nTRACK MODE1\\nDATAFILE \"i.iso\"\\n' >cooked.toc");
	run("head -c 2352000 /dev/urandom >s.bin; printf 'FILE \"s.bin\" BINARY\\n  TRACK 01 AUDIO\\n    INDEX 01 "
	    "00:00:00\\n' >audio.cue");
	run("printf 'FILE \"gone.bin\" BINARY\\n  TRACK 01 MODE1/2352\\n    INDEX 01 00:00:00\\n' >gone.cue; echo "
	    "nonsense >nonsense.nrg");
	make_nrg("i.iso", "i.nrg");
	assert_container("i.nrg", "i.iso");
	assert_container("raw.cue", "i.iso");
	run("cp raw.cue i.cue"); /* the data is NAME.bin */
	assert_container("i.cue", "i.iso");
	assert_container("cooked.cue", "i.iso");
	assert_container("raw.toc", "i.iso");
	assert_container("cooked.toc", "i.iso");
	assert_int_equal(disc_open_path("audio.cue", &options, &d, &why), -EMEDIUMTYPE);
	assert_non_null(strstr(why, "audio CD"));
	assert_int_equal(disc_open_path("gone.cue", &options, &d, &why), -ENOENT);
	assert_non_null(strstr(why, "\"gone.bin\", is missing"));
	assert_int_equal(disc_open_path("nonsense.nrg", &options, &d, &why), -EMEDIUMTYPE);
	assert_int_equal(disc_open_path("missing.toc", &options, &d, &why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(disc_faults), FIXTURE_TEST(target_faults), FIXTURE_TEST(killed),
		FIXTURE_TEST(throttle),	   FIXTURE_TEST(containers),
	};

	return cmocka_run_group_tests_name("medium_decorators", tests, NULL, NULL);
}
