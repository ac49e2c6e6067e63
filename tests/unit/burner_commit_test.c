/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole commits on image files: what is listed afterwards, also between sessions of other programs; and every way to
 * fail. */
#include "tests/unit/medium_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/session_tree.h"

#define GENISOIMAGE "genisoimage -quiet -R -J "
#define XORRISO "xorriso -return_with SORRY 32 "

struct commit {
	struct tree *tree;
	struct burn_plan *plan;
	struct burn_options options;
	uint8_t foreign_descriptors[16 * 2048];
};

static void make_uuid(uint8_t uuid[16])
{
	static uint8_t counter;

	memset(uuid, 0x40, 16);
	uuid[15] = ++counter;
}

/* A session with the content of a directory, as the disc wants it next. */
static void plan_commit(struct disc *d, const char *directory, struct commit *c)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_state state;
	size_t n;

	memset(c, 0, sizeof(*c));
	assert_int_equal(disc_state(d, &state), 0);
	if (!state.appendable)
		fail_msg("not appendable: %s", state.why_not);
	assert_int_equal(disc_sessions(d, &sessions, &n), 0);
	c->options = (struct burn_options){.start_lba = state.next_lba,
					   .session_number = 1,
					   .previous_lba = UINT32_MAX,
					   .previous_descriptor_lba = UINT32_MAX,
					   .overwritable = true,
					   .time = 1700000000,
					   .next_ino = 1000,
					   .volume_id = "OURS",
					   .align_end_sectors = 32};
	make_uuid(c->options.uuid);
	if (n > 0) {
		c->options.session_number = sessions[n - 1].number + 1;
		c->options.previous_number = sessions[n - 1].number;
		c->options.previous_lba = sessions[n - 1].start_lba;
		c->options.previous_descriptor_lba = sessions[n - 1].descriptor_lba;
		if (sessions[n - 1].descriptor_lba == 16) {
			assert_int_equal(disc_read(d, 16, c->foreign_descriptors, 16), 0);
			c->options.foreign_descriptors = c->foreign_descriptors;
		}
	}
	c->tree = tree_new();
	tree_take(c->tree, 0, directory);
	tree_finish(c->tree);
	assert_int_equal(burn_plan_new(&c->tree->manifest, &c->options, &c->plan), 0);
}

static void commit_release(struct commit *c)
{
	burn_plan_free(c->plan);
	tree_free(c->tree);
}

/* One whole commit; spec: faults of the target, or NULL.  Returns the first error. */
static int commit_directory(const char *image, const char *directory, const char *spec, bool publish)
{
	_cleanup_(commit_release) struct commit c;
	struct disc *d = open_image(image, true);
	struct target *t;
	int r;

	plan_commit(d, directory, &c);
	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	if (spec)
		t = target_wrap_faults(t, spec);
	assert_non_null(t);
	r = burn_write(c.plan, t, NULL);
	if (r == 0)
		r = burn_verify(d, c.options.start_lba, c.options.uuid, NULL, NULL);
	if (r == 0 && publish)
		r = burn_publish(d, t, c.options.start_lba);
	assert_int_equal(disc_refresh(d), 0);
	target_free(t);
	disc_close(d);
	return r;
}

static void commit(const char *image, const char *directory)
{
	assert_int_equal(commit_directory(image, directory, NULL, true), 0);
}

static void identity_of(const char *image, uint8_t ret[32])
{
	struct disc *d = open_image(image, false);
	struct disc_identity identity;

	assert_int_equal(disc_identity(d, &identity), 0);
	assert_false(identity.is_provisional);
	memcpy(ret, identity.id, 32);
	disc_close(d);
}

static void assert_identity(const char *image, const uint8_t id[32])
{
	uint8_t now[32];

	identity_of(image, now);
	assert_memory_equal(now, id, 32);
}

/* pattern: one letter a session, o ours, f foreign. */
static struct disc_session *assert_sessions(const char *image, const char *pattern)
{
	struct disc *d = open_image(image, true);
	struct disc_session *s = list_sessions(d, strlen(pattern));
	struct disc_state state;
	uint8_t sector[2048];

	for (size_t i = 0; pattern[i]; i++) {
		assert_int_equal(s[i].ours, pattern[i] == 'o');
		assert_int_equal(s[i].number, i + 1);
		assert_int_equal(disc_read(d, s[i].descriptor_lba, sector, 1), 0);
		assert_memory_equal(sector, "\1CD001", 6);
	}
	assert_int_equal(disc_state(d, &state), 0);
	if (!state.appendable)
		fail_msg("not appendable: %s", state.why_not);
	disc_close(d);
	return s;
}

static void on_blank(void **state)
{
	uint8_t id[32];

	(void)state;
	run(": >i.iso");
	commit("i.iso", "a");
	identity_of("i.iso", id);
	commit("i.iso", "b");
	commit("i.iso", "c");
	_free_ struct disc_session *s = assert_sessions("i.iso", "ooo");
	assert_int_equal(s[0].start_lba, 32);
	assert_int_equal(s[0].descriptor_lba, 48);
	for (unsigned i = 1; i < 3; i++)
		assert_int_equal(s[i].start_lba, s[i - 1].start_lba + s[i - 1].sectors);
	assert_string_equal(s[2].volume_id, "OURS");
	assert_int_equal(s[2].created, 1700000000);
	assert_memory_not_equal(s[1].uuid, s[2].uuid, 16);
	assert_identity("i.iso", id);
	run("isoinfo -R -f -i i.iso | grep -qx /cee && xorriso -indev i.iso -toc 2>&1 | tee toc | grep 'ISO session' | "
	    "wc -l | grep -qx 3");
	run("head -c 32768 /dev/zero >z && head -c 32768 i.iso | cmp - z");
}

static void on_genisoimage(void **state)
{
	uint8_t id[32];

	(void)state;
	run(GENISOIMAGE "-V BASE -o i.iso a");
	identity_of("i.iso", id);
	commit("i.iso", "b");
	commit("i.iso", "c");
	_free_ struct disc_session *s = assert_sessions("i.iso", "foo");
	assert_int_equal(s[0].start_lba, 0);
	assert_int_equal(s[0].descriptor_lba, s[1].start_lba + 32);
	assert_string_equal(s[0].volume_id, "BASE");
	assert_identity("i.iso", id);
	/* xorriso twice above ours, and ours again: all are found, by the commit record and by probing. */
	run(XORRISO "-dev i.iso -map a /x -commit");
	free(assert_sessions("i.iso", "foof"));
	run(XORRISO "-dev i.iso -map b /y -commit");
	free(assert_sessions("i.iso", "fooff"));
	commit("i.iso", "c");
	free(assert_sessions("i.iso", "fooffo"));
	assert_identity("i.iso", id);
}

static void on_xorriso(void **state)
{
	uint8_t id[32];

	(void)state;
	run(XORRISO "-outdev i.iso -volid BASE -map a /a -commit && " XORRISO "-dev i.iso -map b /b -commit");
	identity_of("i.iso", id);
	commit("i.iso", "c");
	free(assert_sessions("i.iso", "ffo"));
	commit("i.iso", "b");
	run(XORRISO "-dev i.iso -map a /x -commit");
	free(assert_sessions("i.iso", "ffoof"));
	commit("i.iso", "c");
	_free_ struct disc_session *s = assert_sessions("i.iso", "ffoofo");
	assert_int_equal(s[0].start_lba, 32);
	assert_identity("i.iso", id);
	run("xorriso -indev i.iso -toc 2>&1 | tee toc | grep 'ISO session' | wc -l | grep -qx 6");
}

/* Complete but not published: not there, until recovery publishes it from the disc alone. */
static void publish_later(void **state)
{
	_cleanup_(commit_release) struct commit c;
	struct disc_fingerprint before, after;
	struct target *t;
	struct disc *d;

	(void)state;
	run(": >i.iso");
	commit("i.iso", "a");
	d = open_image("i.iso", true);
	assert_int_equal(disc_fingerprint(d, &before), 0);
	plan_commit(d, "b", &c);
	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	assert_int_equal(burn_write(c.plan, t, NULL), 0);
	target_free(t);
	disc_close(d);
	free(assert_sessions("i.iso", "o"));
	d = open_image("i.iso", true);
	assert_int_equal(disc_fingerprint(d, &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(burn_session_is_complete(d, c.options.start_lba, c.options.uuid), 1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(disc_open_target(d, NULL, &t), 0);
		assert_int_equal(burn_publish(d, t, c.options.start_lba), 0);
		target_free(t);
	}
	disc_close(d);
	free(assert_sessions("i.iso", "oo"));
}

static void verify_finds_damage(void **state)
{
	_free_ struct disc_session *s = NULL;
	uint8_t other[16] = {1};
	struct disc *d;

	(void)state;
	run(": >i.iso");
	commit("i.iso", "a");
	s = assert_sessions("i.iso", "o");
	d = open_image("i.iso", false);
	assert_int_equal(burn_session_is_complete(d, s[0].start_lba, s[0].uuid), 1);
	assert_int_equal(burn_verify(d, s[0].start_lba, other, NULL, NULL), -EBADMSG);
	assert_int_equal(burn_verify(d, s[0].start_lba + 32, s[0].uuid, NULL, NULL), -EBADMSG);
	assert_int_equal(burn_verify(d, UINT32_MAX, s[0].uuid, NULL, NULL), -EBADMSG);
	/* One bit anywhere. */
	for (uint32_t lba = s[0].start_lba; lba < s[0].start_lba + s[0].sectors; lba += 17) {
		uint8_t byte, flipped;

		assert_int_equal(pread(disc_fd(d), &byte, 1, (off_t)lba * 2048 + lba % 2048), 1);
		flipped = byte ^ 0x10;
		patch("i.iso", (uint64_t)lba * 2048 + lba % 2048, &flipped, 1);
		assert_int_equal(burn_verify(d, s[0].start_lba, s[0].uuid, NULL, NULL), -EBADMSG);
		patch("i.iso", (uint64_t)lba * 2048 + lba % 2048, &byte, 1);
	}
	assert_int_equal(burn_session_is_complete(d, s[0].start_lba, s[0].uuid), 1);
	run("truncate -s -2048 i.iso");
	assert_int_equal(burn_session_is_complete(d, s[0].start_lba, s[0].uuid), 0);
	disc_close(d);
}

static void assert_unchanged(const char *spec, int error)
{
	_free_ uint8_t *old = NULL, *new = NULL;
	size_t n, m;

	old = slurp("i.iso", &n);
	if (commit_directory("i.iso", "big", spec, true) != error)
		fail_msg("%s", spec);
	new = slurp("i.iso", &m);
	assert_int_equal(n, m);
	assert_memory_equal(old, new, n);
}

static void failures_leave_no_trace(void **state)
{
	static const char *const makers[] = {": >i.iso", GENISOIMAGE "-o i.iso a",
					     "rm i.iso && " XORRISO "-outdev i.iso -map a /a -commit"};

	(void)state;
	run("mkdir big && head -c 5000000 /dev/urandom >big/file && truncate -s 3M big/hole");
	for (unsigned i = 0; i < ARRAY_LENGTH(makers); i++) {
		run(makers[i]);
		assert_unchanged("reserve=ENOSPC", -ENOSPC);
		assert_unchanged("write@0=EIO", -EIO);
		assert_unchanged("write@17=ENOSPC", -ENOSPC);
		assert_unchanged("write@1500=EIO", -EIO);
		assert_unchanged("write@2500=EIO", -EIO);
		assert_unchanged("sync=EIO", -EIO);
		commit("i.iso", "big");
	}
}

struct cancel {
	uint64_t at, last;
};

static void watch(void *context, uint64_t done, uint64_t all)
{
	struct cancel *c = context;

	assert_true(done >= c->last && done <= all);
	c->last = done;
}

static bool cancelled(void *context)
{
	const struct cancel *c = context;

	return c->last >= c->at;
}

static void cancellation(void **state)
{
	_free_ uint8_t *old = NULL, *new = NULL;
	struct target *t;
	size_t n, m;

	(void)state;
	run("mkdir big && head -c 24000000 /dev/urandom >big/file"); /* more than is on its way at once */
	run(GENISOIMAGE "-o i.iso a");
	old = slurp("i.iso", &n);
	struct disc *d = open_image("i.iso", true);
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(commit_release) struct commit c;
		struct cancel context = {.at = i ? UINT64_MAX : 1000};
		struct burn_progress progress = {watch, cancelled, &context};

		plan_commit(d, "big", &c);
		assert_int_equal(disc_open_target(d, NULL, &t), 0);
		assert_int_equal(burn_write(c.plan, t, &progress), i ? 0 : -ECANCELED);
		if (i == 0) {
			new = slurp("i.iso", &m);
			assert_true(n == m && !memcmp(old, new, n));
			assert_true(context.last >= 1000 && context.last < 11000);
		} else {
			assert_int_equal(context.last, session_length(c.plan));
			context = (struct cancel){.at = 600};
			assert_int_equal(burn_verify(d, c.options.start_lba, c.options.uuid, &progress, NULL),
					 -ECANCELED);
			context = (struct cancel){.at = UINT64_MAX};
			assert_int_equal(burn_verify(d, c.options.start_lba, c.options.uuid, &progress, NULL), 0);
			assert_int_equal(context.last, session_length(c.plan));
		}
		target_free(t);
	}
	/* A slow target is cancelled in its middle, not at its end. */
	_cleanup_(commit_release) struct commit c;
	struct cancel context = {.at = 0};
	struct burn_progress progress = {NULL, cancelled, &context};
	struct timespec begin, end;

	plan_commit(d, "big", &c);
	assert_int_equal(disc_open_target(d, NULL, &t), 0);
	t = target_wrap_throttle(t, 2 << 20);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(burn_write(c.plan, t, &progress), -ECANCELED);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_true(end.tv_sec - begin.tv_sec <= 8); /* all of it would take 12 */
	target_free(t);
	disc_close(d);
}

/* kill -9 anywhere: the disc is what it was, and the burn can be repeated. */
static void killed(void **state)
{
	static const char *const specs[] = {"kill@0",	      "kill@16",	"kill@17",
					    "kill@700",	      "kill@2400",	"kill-before-sync",
					    "kill-publish@0", "kill-publish@7", "kill-publish@15"};

	(void)state;
	run("mkdir big && head -c 5000000 /dev/urandom >big/file");
	for (unsigned i = 0; i < 2 * ARRAY_LENGTH(specs); i++) {
		bool blank = i % 2 == 0;
		struct disc_fingerprint before, after;
		struct disc *d;
		int status;

		run("rm -f i.iso && : >i.iso");
		if (!blank)
			commit("i.iso", "a");
		d = open_image("i.iso", false);
		assert_int_equal(disc_fingerprint(d, &before), 0);
		disc_close(d);
		pid_t child = fork();
		if (child == 0) {
			commit_directory("i.iso", "big", specs[i / 2], true);
			_exit(1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		if (!blank || i / 2 < 5)
			free(assert_sessions("i.iso", blank ? "" : "o"));
		d = open_image("i.iso", false);
		assert_int_equal(disc_fingerprint(d, &after), 0);
		assert_memory_equal(&before, &after, sizeof(before));
		disc_close(d);
		/* A first session that is whole, and no head: only the stage knows that it was not published. */
		if (blank && i / 2 >= 5) {
			struct disc_state s;

			d = open_image("i.iso", true);
			assert_int_equal(disc_state(d, &s), 0);
			assert_true(s.blank && !s.appendable && strstr(s.why_not, "no head that names it"));
			disc_close(d);
			continue;
		}
		commit("i.iso", "big");
		free(assert_sessions("i.iso", blank ? "o" : "oo"));
	}
}

/* Two sessions of ours whose head was lost are not a first burn that was cut short: they would be burned over. */
static void head_lost(void **state)
{
	struct disc_state s;
	struct disc *d;

	(void)state;
	run("rm -f i.iso && : >i.iso");
	commit("i.iso", "a");
	commit("i.iso", "a");
	run("dd if=/dev/zero of=i.iso bs=2048 seek=16 count=1 conv=notrunc status=none");
	d = open_image("i.iso", true);
	free(list_sessions(d, 2));
	assert_int_equal(disc_state(d, &s), 0);
	assert_true(!s.blank && !s.appendable && strstr(s.why_not, "found without it"));
	disc_close(d);
}

/* Sectors that are read of an image. */
struct counted_disc {
	struct disc disc;
	uint64_t sectors;
};

static int counted_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	((struct counted_disc *)(void *)d)->sectors += n_sectors;
	return disc_read(d->inner, lba, buf, n_sectors);
}

static uint32_t counted_zeros(struct disc *d, uint32_t lba, uint32_t n_sectors)
{
	return disc_zeros(d->inner, lba, n_sectors);
}

/* The newest session of i.iso; where it is damaged, in *ret_damage. */
static int verify_counted(uint64_t *ret_sectors, struct burn_damage *ret_damage)
{
	static const struct disc_ops ops = {.read = counted_read, .zeros = counted_zeros};
	_free_ struct disc_session *s = assert_sessions("i.iso", "o");
	struct disc *image = open_image("i.iso", false);
	struct counted_disc d = {.disc = {.ops = &ops, .inner = image}};
	int r = burn_verify(&d.disc, s[0].start_lba, s[0].uuid, NULL, ret_damage);

	*ret_sectors = d.sectors;
	disc_close(image);
	return r;
}

static void punch(const char *path, uint64_t pos, uint64_t length)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)pos, (off_t)length), 0);
	close(fd);
}

/* Nobody reads a hole to know that it is one; what it should not be, or should be, is found all the same. */
static void holes_are_known(void **state)
{
	const uint64_t island = 100ull << 20;
	struct burn_damage damage;
	uint64_t n, at;

	(void)state;
	run("mkdir known && truncate -s 200M known/hole && head -c 8M /dev/urandom | dd of=known/hole bs=1M seek=100 "
	    "conv=notrunc status=none && : >i.iso");
	commit("i.iso", "known");
	assert_int_equal(verify_counted(&n, &damage), 0);
	assert_true(n > 8 << 9 && n < 12 << 9);
	at = (50ull << 20) + 77;
	patch("i.iso", at, "x", 1);
	assert_int_equal(verify_counted(&n, &damage), -EBADMSG);
	assert_true(damage.lba <= at / 2048 && at / 2048 < damage.lba + damage.sectors);
	punch("i.iso", 50ull << 20, 1 << 20);
	assert_int_equal(verify_counted(&n, &damage), 0);
	punch("i.iso", island + (3 << 20), 2 << 20);
	assert_int_equal(verify_counted(&n, &damage), -EBADMSG);
	assert_true(damage.lba >= (island + (3 << 20)) / 2048 - 32 && damage.lba <= (island + (3 << 20)) / 2048 + 32);
}

static void holes_stay_holes(void **state)
{
	struct stat st;

	(void)state;
	run("mkdir sparse && truncate -s 200M sparse/hole && echo end >>sparse/hole && : >i.iso");
	commit("i.iso", "sparse");
	assert_int_equal(stat("i.iso", &st), 0);
	assert_true(st.st_size > 200 << 20 && st.st_blocks < 4 << 11);
	run("isoinfo -R -x /hole -i i.iso | cmp - sparse/hole");
}

/* A deliberately wrong saved field: the head of another session of ours is not believed. */
static void copied_appuse(void **state)
{
	uint8_t head[2048];

	(void)state;
	run(": >i.iso");
	commit("i.iso", "a");
	struct disc *d = open_image("i.iso", false);
	assert_int_equal(disc_read(d, 48, head, 1), 0);
	disc_close(d);
	run(XORRISO "-dev i.iso -map b /b -commit");
	free(assert_sessions("i.iso", "of"));
	/* As a program would do that keeps the application-use field of the disc it appends to. */
	patch("i.iso", 16 * 2048 + 883, head + 883, 512);
	free(assert_sessions("i.iso", "of"));
	_free_ struct disc_session *s = assert_sessions("i.iso", "of");
	patch("i.iso", (uint64_t)s[1].descriptor_lba * 2048 + 883, head + 883, 512);
	free(assert_sessions("i.iso", "of"));
}

static void assert_session_is_planned(struct disc *d, const struct burn_plan *plan)
{
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;
	static uint8_t planned[97 * 2048], burned[97 * 2048];

	assert_int_equal(session_stream_new(plan, &s), 0);
	while (session_stream_left(s)) {
		uint32_t lba = session_start(plan) + session_stream_at(s),
			 n = session_stream_left(s) < 97 ? session_stream_left(s) : 97;

		assert_int_equal(session_stream_read(s, planned, n), 0);
		assert_int_equal(disc_read(d, lba, burned, n), 0);
		assert_memory_equal(planned, burned, (size_t)n * 2048);
	}
}

/* Pieces at whole and at odd places, alone and several at once, holes between them: what is burned is what was
 * planned, and verifying reads the disk. */
static void large_and_odd(void **state)
{
	(void)state;
	run("mkdir large && for i in 1 2 3; do head -c $((5000001 + i * 2222)) /dev/urandom >large/$i; truncate -s "
	    "$((9000000 + i * 6144)) large/$i; "
	    "head -c 3100 /dev/urandom >>large/$i; done && head -c 7M /dev/urandom >large/whole");
	run(": >i.iso");
	for (unsigned i = 0; i < 2; i++) {
		_cleanup_(commit_release) struct commit c;
		struct disc *d = open_image("i.iso", true);
		struct target *t;
		uint64_t middle;
		uint8_t byte;

		plan_commit(d, "large", &c);
		assert_int_equal(disc_open_target(d, NULL, &t), 0);
		assert_int_equal(burn_write(c.plan, t, NULL), 0);
		assert_session_is_planned(d, c.plan);
		assert_int_equal(burn_verify(d, c.options.start_lba, c.options.uuid, NULL, NULL), 0);
		middle = (c.options.start_lba + session_length(c.plan) / 2) * 2048ull + 99;
		assert_int_equal(pread(disc_fd(d), &byte, 1, (off_t)middle), 1);
		byte ^= 1;
		patch("i.iso", middle, &byte, 1);
		assert_int_equal(burn_verify(d, c.options.start_lba, c.options.uuid, NULL, NULL), -EBADMSG);
		byte ^= 1;
		patch("i.iso", middle, &byte, 1);
		assert_int_equal(burn_publish(d, t, c.options.start_lba), 0);
		target_free(t);
		disc_close(d);
	}
	free(assert_sessions("i.iso", "oo"));
}

/* The newest session's own descriptor is gone: mountable by the head, not to be appended to. */
static void damaged_descriptor(void **state)
{
	uint8_t zeros[2048] = {0};
	struct disc_state s;

	(void)state;
	run(": >i.iso");
	commit("i.iso", "a");
	patch("i.iso", 48 * 2048, zeros, sizeof(zeros));
	struct disc *d = open_image("i.iso", true);
	_free_ struct disc_session *list = list_sessions(d, 1);
	assert_int_equal(list[0].descriptor_lba, 16);
	assert_int_equal(list[0].start_lba, 32);
	assert_int_equal(disc_state(d, &s), 0);
	assert_true(!s.appendable && strstr(s.why_not, "damaged"));
	disc_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(on_blank),
		FIXTURE_TEST(on_genisoimage),
		FIXTURE_TEST(on_xorriso),
		FIXTURE_TEST(publish_later),
		FIXTURE_TEST(verify_finds_damage),
		FIXTURE_TEST(failures_leave_no_trace),
		FIXTURE_TEST(cancellation),
		FIXTURE_TEST(killed),
		FIXTURE_TEST(head_lost),
		FIXTURE_TEST(holes_stay_holes),
		FIXTURE_TEST(holes_are_known),
		FIXTURE_TEST(large_and_odd),
		FIXTURE_TEST(copied_appuse),
		FIXTURE_TEST(damaged_descriptor),
	};

	return cmocka_run_group_tests_name("burner_commit", tests, NULL, NULL);
}
