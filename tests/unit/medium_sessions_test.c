/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which sessions are found on images that other programs made, and why some are not appended to. */
#include "tests/unit/medium_fixture.h"

#include <time.h>

#define GENISOIMAGE "genisoimage -quiet -R -J "
#define XORRISO "xorriso -return_with SORRY 32 "

static void assert_state(struct disc *d, bool appendable, const char *why)
{
	struct disc_state s;

	assert_int_equal(disc_state(d, &s), 0);
	if (appendable != s.appendable || (why && !strstr(s.why_not, why)))
		fail_msg("appendable %d: %s", s.appendable, s.why_not ? s.why_not : "-");
	assert_int_equal(s.next_lba % 32, 0);
	assert_true(s.next_lba >= s.used_sectors && s.overwritable && s.host_free_bytes > 0);
}

static void genisoimage_single(void **state)
{
	(void)state;
	run(GENISOIMAGE "-V SINGLE -o i.iso a");
	struct disc *d = open_image("i.iso", true);
	_free_ struct disc_session *s = list_sessions(d, 1);
	struct stat st;

	assert_int_equal(stat("i.iso", &st), 0);
	assert_int_equal(s[0].number, 1);
	assert_int_equal(s[0].start_lba, 0);
	assert_int_equal(s[0].descriptor_lba, 16);
	assert_int_equal(s[0].sectors, st.st_size / 2048);
	assert_string_equal(s[0].volume_id, "SINGLE");
	assert_true(llabs(s[0].created - (int64_t)time(NULL)) < 60);
	assert_false(s[0].ours);
	assert_state(d, true, NULL);
	disc_close(d);
}

static void xorriso_three(void **state)
{
	struct disc_identity one, three;
	struct disc_fingerprint before, after;
	struct disc *d;

	(void)state;
	run(XORRISO "-outdev x.iso -volid ONE -map a /a -commit");
	d = open_image("x.iso", true);
	free(list_sessions(d, 1));
	assert_int_equal(disc_identity(d, &one), 0);
	assert_int_equal(disc_fingerprint(d, &before), 0);
	assert_false(one.is_provisional);
	run(XORRISO "-dev x.iso -map b /b -commit && " XORRISO "-dev x.iso -volid THREE -map c /c -commit");
	assert_int_equal(disc_refresh(d), 0);
	_free_ struct disc_session *s = list_sessions(d, 3);
	assert_int_equal(s[0].start_lba, 32);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(s[i].number, i + 1);
		assert_int_equal(s[i].descriptor_lba, s[i].start_lba + 16);
		assert_true(i == 2 || s[i].start_lba + s[i].sectors <= s[i + 1].start_lba);
	}
	assert_string_equal(s[0].volume_id, "ONE");
	assert_string_equal(s[2].volume_id, "THREE");
	assert_int_equal(disc_identity(d, &three), 0);
	assert_memory_equal(one.id, three.id, 32);
	assert_int_equal(disc_fingerprint(d, &after), 0);
	assert_memory_not_equal(&before, &after, sizeof(before));
	assert_int_equal(after.session_lba, s[2].start_lba);
	assert_state(d, true, NULL);
	disc_close(d);
}

/* xorriso destroys the descriptor of a first session at LBA 0; what can be found is listed. */
static void xorriso_after_genisoimage(void **state)
{
	(void)state;
	run(GENISOIMAGE "-o x.iso a && " XORRISO "-dev x.iso -map b /b -commit && " XORRISO
			"-dev x.iso -map c /c -commit");
	struct disc *d = open_image("x.iso", true);
	_free_ struct disc_session *s = list_sessions(d, 2);

	assert_int_equal(s[0].start_lba % 32, 0);
	assert_true(s[0].start_lba > 150);
	assert_state(d, true, NULL);
	disc_close(d);
}

/* What genisoimage -M appends is not in the head: the head's session is the newest, and the image is not appended
 * to. */
static void genisoimage_appended(void **state)
{
	(void)state;
	run(GENISOIMAGE "-V ONE -o m.iso a && n=$(($(stat -c %s m.iso) / 2048)) && " GENISOIMAGE
			"-V TWO -M m.iso -C 0,$n -o two.iso b && cat two.iso >>m.iso");
	struct disc *d = open_image("m.iso", true);
	_free_ struct disc_session *s = list_sessions(d, 1);

	assert_string_equal(s[0].volume_id, "ONE");
	assert_state(d, false, "another session lies behind");
	disc_close(d);
}

/* growisofs: starts at multiples of 16, and the head becomes a copy of the newest descriptors with the absolute
 * size. */
static void growisofs_chain(void **state)
{
	(void)state;
	run(GENISOIMAGE "-V ONE -o m.iso a");
	for (unsigned i = 0; i < 2; i++) {
		uint8_t sector[2048];
		uint32_t start;
		_free_ uint8_t *image = NULL;
		char command[512];
		size_t n;

		image = slurp("m.iso", &n);
		start = (uint32_t)round_up(n / 2048, 16);
		snprintf(command, sizeof(command),
			 GENISOIMAGE "-V TWO -M m.iso -C 0,%u -o two.iso %s && "
				     "dd if=two.iso of=m.iso bs=2048 seek=%u conv=notrunc",
			 start, i ? "c" : "b", start);
		run(command);
		free(image);
		image = slurp("m.iso", &n);
		memcpy(sector, image + (start + 16) * 2048, 2048);
		put_both32(sector + 80, get_le32(sector + 80) + start);
		patch("m.iso", 16 * 2048, sector, 2048);
	}
	struct disc *d = open_image("m.iso", true);
	_free_ struct disc_session *s = list_sessions(d, 2);

	assert_int_equal(s[1].start_lba % 16, 0);
	assert_int_equal(s[1].descriptor_lba, s[1].start_lba + 16);
	assert_state(d, true, NULL);
	disc_close(d);
}

/* An image stored as a file in an image is no session. */
static void image_in_image(void **state)
{
	(void)state;
	run(GENISOIMAGE "-o in.iso a && cp in.iso b/in1.iso && cp in.iso b/in2.iso && " XORRISO
			"-outdev x.iso -map b /b -commit && " XORRISO "-dev x.iso -map c /c -commit");
	struct disc *d = open_image("x.iso", true);

	free(list_sessions(d, 2));
	disc_close(d);
	run(GENISOIMAGE "-o o.iso b");
	d = open_image("o.iso", true);
	free(list_sessions(d, 1));
	assert_state(d, true, NULL);
	disc_close(d);
}

static void blank(void **state)
{
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	struct disc_state s;

	(void)state;
	run(": >blank.iso");
	struct disc *d = open_image("blank.iso", true);
	free(list_sessions(d, 0));
	assert_state(d, true, NULL);
	assert_int_equal(disc_state(d, &s), 0);
	assert_true(s.blank && s.next_lba == 32 && s.used_sectors == 0 && s.kind == MEDIUM_IMAGE && s.host_device != 0);
	assert_int_equal(disc_identity(d, &identity), 0);
	assert_true(identity.is_provisional && !memcmp(identity.id, identity.provisional, 32));
	assert_int_equal(disc_fingerprint(d, &fingerprint), 0);
	assert_true(fingerprint.session_lba == UINT32_MAX && fingerprint.image_bytes == 0);
	disc_close(d);
}

/* With a file of so many more bytes, of which one is not zero (SIZE_MAX: none), the next session begins behind it. */
static void assert_behind(uint64_t more, uint64_t at)
{
	struct disc_open_options as_reader = {.look_behind = true},
				 accepting = {.writable = true, .accepted = ODDITY_BIT(ODDITY_TAIL)};
	struct disc_fingerprint before, after;
	struct disc_state s;
	struct disc *d = open_image("i.iso", true);
	struct stat st;
	const char *why;
	uint32_t next;

	assert_int_equal(disc_state(d, &s), 0);
	next = s.next_lba;
	assert_int_equal(disc_fingerprint(d, &before), 0);
	disc_close(d);
	assert_int_equal(stat("i.iso", &st), 0);
	assert_int_equal(truncate("i.iso", st.st_size + (off_t)more), 0);
	if (at != SIZE_MAX)
		patch("i.iso", (uint64_t)st.st_size + at, "x", 1);
	for (unsigned i = 0; i < 3; i++) {
		const struct disc_open_options *options = i == 0 ? &as_reader : i == 1 ? &accepting : NULL;
		bool kept = at != SIZE_MAX && i != 1;

		if (options)
			assert_int_equal(disc_open_path("i.iso", options, &d, &why), 0);
		else
			d = open_image("i.iso", true);
		for (unsigned again = 0; again < 2; again++) {
			assert_int_equal(disc_state(d, &s), 0);
			assert_int_equal(s.kept_sectors,
					 kept ? ((uint64_t)st.st_size + at) / 2048 + 1 - s.used_sectors : 0);
			assert_int_equal(s.next_lba, max_u64(next, round_up(s.used_sectors + s.kept_sectors, 32)));
			assert_int_equal(disc_fingerprint(d, &after), 0);
			assert_memory_equal(&before, &after, sizeof(before));
			assert_int_equal(disc_refresh(d), 0);
		}
		disc_close(d);
	}
	assert_int_equal(truncate("i.iso", st.st_size), 0);
}

static void something_behind(void **state)
{
	(void)state;
	run(GENISOIMAGE "-o i.iso a && test $(($(stat -c %s i.iso) / 2048 % 32)) != 0 || " GENISOIMAGE
			"-o i.iso a b c");
	for (unsigned i = 0; i < 2; i++) {
		assert_behind(0, SIZE_MAX);
		assert_behind(10 << 20, SIZE_MAX);
		assert_behind((uint64_t)100 << 30, SIZE_MAX);
		assert_behind(1, 0);
		assert_behind(10 << 20, 0);
		assert_behind(10 << 20, (10 << 20) - 1);
		assert_behind(3 << 20, (1 << 20) + 12345);
		assert_behind(((uint64_t)100 << 30) + 3, (uint64_t)50 << 30);
		assert_behind(((uint64_t)100 << 30) + 3, ((uint64_t)100 << 30) + 2);
		run(XORRISO "-outdev i2.iso -map a /a -commit && mv i2.iso i.iso");
	}
}

static void udf_bridge(void **state)
{
	struct disc_open_options options = {.writable = true, .accepted = ODDITY_BIT(ODDITY_UDF)};
	const char *why;
	struct disc *d;

	(void)state;
	run(GENISOIMAGE "-udf -o u.iso a");
	d = open_image("u.iso", true);
	free(list_sessions(d, 1));
	assert_state(d, false, "accept=udf");
	disc_close(d);
	assert_int_equal(disc_open_path("u.iso", &options, &d, &why), 0);
	assert_state(d, true, NULL);
	disc_close(d);
}

static void truncated(void **state)
{
	const uint8_t zeros[34] = {0};
	struct disc_open_options options = {0};
	_free_ struct disc_session *s = NULL;
	const char *why = NULL;
	struct disc *d;
	size_t n;

	(void)state;
	run(GENISOIMAGE "-o i.iso a && truncate -s -5000 i.iso");
	d = open_image("i.iso", true);
	free(list_sessions(d, 1));
	assert_state(d, false, "truncated: 5000 bytes are missing");
	disc_close(d);
	run("truncate -s 40000 i.iso");
	d = open_image("i.iso", true);
	assert_int_equal(disc_sessions(d, &s, &n), 0);
	assert_true(n == 1 && s[0].broken && s[0].truncated);
	assert_state(d, false, "bytes are missing");
	disc_close(d);
	run("genisoimage -quiet -R -o i.iso a");
	patch("i.iso", 16 * 2048 + 156, zeros, sizeof(zeros));
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), -EBADMSG);
	/* The Joliet tree has a root still. */
	run(GENISOIMAGE "-o i.iso a");
	patch("i.iso", 16 * 2048 + 156, zeros, sizeof(zeros));
	d = open_image("i.iso", true);
	free(list_sessions(d, 1));
	disc_close(d);
}

static void capacity(void **state)
{
	struct disc_open_options options = {.writable = true, .capacity_sectors = 100};
	const char *why;
	struct disc *d;

	(void)state;
	run(GENISOIMAGE "-o i.iso a");
	assert_int_equal(disc_open_path("i.iso", &options, &d, &why), 0);
	assert_state(d, false, "larger than -o media=");
	disc_close(d);
	d = open_image("i.iso", false);
	assert_state(d, false, "opened read-only");
	disc_close(d);
}

/* Any byte of the descriptors may be wrong: an error or sessions, nothing else. */
static void mutated_heads(void **state)
{
	struct disc_open_options options = {0};
	unsigned seed = 1;

	(void)state;
	run(XORRISO "-outdev x.iso -map a /a -commit && " XORRISO "-dev x.iso -map b /b -commit");
	for (unsigned i = 0; i < 300; i++) {
		const char *why;
		struct disc *d;
		_free_ struct disc_session *list = NULL;
		size_t n;
		uint8_t bytes[8], keep[8];
		uint64_t pos = (i % 3 == 0 ? 48u : 16u) * 2048 + (uint64_t)rand_r(&seed) % (i % 2 ? 192 : 2040);
		int fd = open("x.iso", O_RDWR);

		for (unsigned j = 0; j < 8; j++)
			bytes[j] = (uint8_t)rand_r(&seed);
		assert_int_equal(pread(fd, keep, 8, (off_t)pos), 8);
		assert_int_equal(pwrite(fd, bytes, 8, (off_t)pos), 8);
		if (disc_open_path("x.iso", &options, &d, &why) == 0) {
			assert_int_equal(disc_sessions(d, &list, &n), 0);
			disc_close(d);
		}
		assert_int_equal(pwrite(fd, keep, 8, (off_t)pos), 8);
		close(fd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(genisoimage_single),
		FIXTURE_TEST(xorriso_three),
		FIXTURE_TEST(xorriso_after_genisoimage),
		FIXTURE_TEST(genisoimage_appended),
		FIXTURE_TEST(growisofs_chain),
		FIXTURE_TEST(image_in_image),
		FIXTURE_TEST(blank),
		FIXTURE_TEST(something_behind),
		FIXTURE_TEST(udf_bridge),
		FIXTURE_TEST(truncated),
		FIXTURE_TEST(capacity),
		FIXTURE_TEST(mutated_heads),
	};

	return cmocka_run_group_tests_name("medium_sessions", tests, NULL, NULL);
}
