/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What lies behind the newest session: on a medium of which not all can be read, and in tables of partitions. */
#include "tests/unit/medium_fixture.h"

#include "burner/medium/internal.h"

#define N_SECTORS 2000u

static struct disc *disc_of(const char *path)
{
	struct disc_open_options options = {.accepted = ODDITY_BIT(ODDITY_TAIL)};
	const char *why;
	struct disc *d;

	assert_int_equal(disc_open_path(path, &options, &d, &why), 0);
	return d;
}

/* As if the file were a medium with that newest session. */
static void assert_on_drive(const char *faults, bool ours, uint64_t end, int expected)
{
	struct disc_session session = {.number = 1, .descriptor_lba = 16, .ours = ours};
	struct session_list list = {.sessions = &session, .n = 1, .end_sectors = end};
	struct disc *d = disc_of("i.iso");

	if (faults)
		d = disc_wrap_faults(d, faults);
	assert_non_null(d);
	assert_int_equal(behind_on_drive(d, &list, N_SECTORS), expected);
	disc_close(d);
}

static uint64_t make_medium(const char *command)
{
	struct disc_state state;
	struct disc *d;

	run(command);
	d = disc_of("i.iso");
	assert_int_equal(disc_state(d, &state), 0);
	disc_close(d);
	assert_int_equal(truncate("i.iso", N_SECTORS * 2048), 0);
	return state.used_sectors;
}

static void on_drive(void **state)
{
	uint64_t end = make_medium("genisoimage -quiet -R -o i.iso a"), next = round_up(end, 32);
	char faults[64];

	(void)state;
	assert_on_drive(NULL, false, end, 0);
	/* In the way of a session above one of others; far behind it may be what an earlier use has left. */
	patch("i.iso", (next + 500) * 2048, "x", 1);
	assert_on_drive(NULL, false, end, 0);
	patch("i.iso", (next + 20) * 2048 + 7, "x", 1);
	assert_on_drive(NULL, false, end, 1);
	assert_on_drive(NULL, true, end, 0);
	/* Blocks that cannot be read were never written; all other errors say nothing of them. */
	snprintf(faults, sizeof(faults), "read@%u=EIO", (unsigned)next + 20);
	assert_on_drive(faults, false, end, 0);
	snprintf(faults, sizeof(faults), "read@%u=ENOSPC", (unsigned)next + 20);
	assert_on_drive(faults, false, end, -ENOSPC);
	/* Error correction data says what it is. */
	patch("i.iso", end * 2048, "*dvdisaster*RS02", 16);
	assert_on_drive(NULL, true, end, 1);
}

static void boot_image(void **state)
{
	uint64_t end =
		make_medium("head -c 2048 /dev/urandom >a/boot && genisoimage -quiet -R -b boot -no-emul-boot -c "
			    "catalog -o i.iso a");
	uint8_t sector[2048];
	uint32_t catalog;
	char faults[64];
	struct disc *d = disc_of("i.iso");

	(void)state;
	assert_on_drive(NULL, true, end, 0);
	assert_int_equal(disc_read(d, 17, sector, 1), 0);
	catalog = get_le32(sector + 71);
	disc_close(d);
	/* A catalog, or a set of descriptors, that cannot be read may name something. */
	snprintf(faults, sizeof(faults), "read@%u=EIO", (unsigned)catalog);
	assert_on_drive(faults, true, end, -EIO);
	assert_on_drive("read@17=EIO", true, end, -EIO);
	put_le32(sector, (uint32_t)end + 300);
	patch("i.iso", catalog * UINT64_C(2048) + 40, sector, 4);
	assert_on_drive(NULL, true, end, 1);
	put_le32(sector, N_SECTORS);
	patch("i.iso", catalog * UINT64_C(2048) + 40, sector, 4);
	assert_on_drive(NULL, true, end, 0);
	put_le32(sector, (uint32_t)end + 300);
	patch("i.iso", 17 * 2048 + 71, sector, 4);
	assert_on_drive(NULL, true, end, 1);
}

static void assert_partition(int expected)
{
	struct disc *d = disc_of("i.iso");

	assert_int_equal(partition_behind(d, 1000, N_SECTORS), expected);
	disc_close(d);
}

/* An entry of Apple's map, in blocks of so many bytes. */
static void put_apple(uint32_t bytes, uint32_t index, uint32_t n, uint32_t first_sector, const char *type)
{
	uint8_t p[80] = "PM";

	put_be32(p + 4, n);
	put_be32(p + 8, first_sector * (2048 / bytes));
	snprintf((char *)p + 48, 32, "%s", type);
	patch("i.iso", (uint64_t)index * bytes, p, sizeof(p));
}

static void partitions(void **state)
{
	uint8_t p[16] = {0}, zeros[32768] = {0};

	(void)state;
	make_medium("genisoimage -quiet -R -o i.iso a");
	assert_partition(0);
	p[4] = 0xef;
	for (unsigned i = 0; i < 3; i++) {
		put_le32(p + 8, i == 0 ? 999 * 4 : i == 1 ? 1000 * 4 : N_SECTORS * 4);
		patch("i.iso", 446 + 16, p, sizeof(p));
		patch("i.iso", 510, "\x55\xaa", 2);
		assert_partition(i == 1);
	}
	for (uint32_t bytes = 512; bytes <= 2048; bytes *= 4) {
		patch("i.iso", 0, zeros, sizeof(zeros));
		put_be16(p, (uint16_t)bytes);
		patch("i.iso", 0, "ER", 2);
		patch("i.iso", 2, p, 2);
		put_apple(bytes, 1, 2, 1, "Apple_partition_map");
		put_apple(bytes, 2, 2, 500, "Apple_HFS");
		assert_partition(0);
		put_apple(bytes, 2, 2, 1500, "Apple_Free");
		assert_partition(0);
		put_apple(bytes, 2, 2, 1500, "Apple_HFS");
		assert_partition(1);
		put_apple(bytes, 1, 1, 1, "Apple_partition_map"); /* the map ends before it */
		assert_partition(0);
		put_apple(bytes, 1, UINT32_MAX, 1, "Apple_partition_map");
		assert_partition(1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {FIXTURE_TEST(on_drive), FIXTURE_TEST(boot_image), FIXTURE_TEST(partitions)};

	return cmocka_run_group_tests_name("medium_behind", tests, NULL, NULL);
}
