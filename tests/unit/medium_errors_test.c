/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * "Cannot know" is never "is not there": each read of a look at a medium fails in turn.  What memory or the drive has
 * against it goes up as it is; what lies on blocks that cannot be read is said to be missing only where a session that
 * comes can do no harm to it.
 */
#include "tests/unit/commit_fixture.h"

#include <errno.h>

#include "burner/medium/internal.h"

/* A disc of which one read fails, counted from 0. */
struct failing {
	struct disc disc;
	unsigned n_reads, at;
	int error;
	uint32_t lba; /* of the read that failed */
};

static int failing_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct failing *f = (struct failing *)(void *)d;

	if (f->n_reads++ == f->at) {
		f->lba = lba;
		return f->error;
	}
	return disc_read(d->inner, lba, buf, n_sectors);
}

static void failing_init(struct failing *f, struct disc *inner, unsigned at, int error)
{
	static const struct disc_ops ops = {.read = failing_read};

	*f = (struct failing){.disc = {.ops = &ops, .inner = inner}, .at = at, .error = error};
}

static const int errors[] = {-ENOMEM, -ENODEV, -ENOMEDIUM, -EAGAIN};

/* Two sessions of xorriso, two of ours, and what the scan says of them. */
struct image_of_four {
	struct world w;
	uint64_t n_sectors;
	struct session_list list;
};

static void make_image(struct image_of_four *i, bool ours)
{
	world_new(&i->w);
	world_run(&i->w, "mkdir in && echo 1 >in/1 && xorriso -outdev stdio:image -map in / -commit >/dev/null 2>&1 && "
			 "echo 2 >in/2 && xorriso -dev stdio:image -map in/2 /2 -commit >/dev/null 2>&1");
	REQUIRE(world_open(&i->w) == 0);
	for (unsigned n = 0; n < 2 && ours; n++) {
		world_write(&i->w, n ? "four" : "three", 5000, n);
		REQUIRE(sync_now(&i->w).error == 0);
	}
	i->n_sectors = image_bytes(&i->w) / SECTOR_BYTES;
	REQUIRE(sessions_scan(i->w.disc, i->n_sectors, &i->list) == 0);
	assert_false(i->list.cut || i->list.unreadable);
	assert_int_equal(i->list.n, ours ? 4 : 2);
}

static void remove_image(struct image_of_four *i)
{
	session_list_release(&i->list);
	world_close(&i->w);
	world_remove(&i->w);
}

static void scan_with_errors(bool ours)
{
	struct image_of_four i;
	unsigned n = 0;

	make_image(&i, ours);
	for (size_t e = 0; e < ARRAY_LENGTH(errors); e++) {
		for (n = 0;; n++) {
			struct session_list list = {0};
			struct failing f;
			int r;

			failing_init(&f, i.w.disc, n, errors[e]);
			r = sessions_scan(&f.disc, i.n_sectors, &list);
			if (f.n_reads <= n) {
				assert_int_equal(r, 0);
				session_list_release(&list);
				break;
			}
			if (r != errors[e])
				fail_msg("read %u, of block %u: %d, not %d", n, f.lba, r, errors[e]);
		}
		assert_true(n > 5);
	}
	remove_image(&i);
}

static void scan_of_others(void **state)
{
	(void)state;
	scan_with_errors(false);
}

static void scan_of_ours(void **state)
{
	(void)state;
	scan_with_errors(true);
}

/* Blocks that cannot be read: sessions that are not listed are missed, and the disc is not taken for another. */
static void unreadable_blocks(void **state)
{
	struct disc_identity identity, found;
	struct image_of_four i;
	const struct stat st = {0};

	(void)state;
	make_image(&i, true);
	assert_int_equal(sessions_identity(i.w.disc, &i.list, &st, "", &identity), 0);
	for (unsigned n = 0;; n++) {
		struct session_list list = {0};
		struct failing f;
		int r;

		failing_init(&f, i.w.disc, n, -EIO);
		r = sessions_scan(&f.disc, i.n_sectors, &list);
		if (f.n_reads <= n) {
			session_list_release(&list);
			break;
		}
		if (r == 0 && (f.lba < DESCRIPTORS_LBA || (f.lba == DESCRIPTORS_LBA && n)))
			assert_true(list.unreadable);
		if (r == 0 && list.n < i.list.n && list.n > 2)
			assert_true(list.cut || !list.sessions[0].ours);
		if (r == 0 && list.cut)
			assert_int_equal(sessions_identity(i.w.disc, &list, &st, "", &found), -EIO);
		session_list_release(&list);
	}
	/* The descriptor that our first session names as its predecessor's. */
	{
		struct session_list list = {0};
		struct disc *d = i.w.disc;
		char spec[32];

		snprintf(spec, sizeof(spec), "read@%u=EIO", i.list.sessions[1].descriptor_lba);
		d = disc_wrap_faults(d, spec);
		REQUIRE(d);
		assert_int_equal(sessions_scan(d, i.n_sectors, &list), 0);
		assert_true(list.cut && list.n == 2);
		assert_int_equal(sessions_identity(d, &list, &st, "", &found), -EIO);
		session_list_release(&list);
		i.w.disc = d;
	}
	remove_image(&i);
}

static void complete_or_not(void **state)
{
	struct image_of_four i;
	const struct disc_session *s;

	(void)state;
	make_image(&i, true);
	s = &i.list.sessions[3];
	assert_int_equal(burn_session_is_complete(i.w.disc, s->start_lba, s->uuid), 1);
	for (unsigned n = 0; n < 3; n++) {
		struct failing f;

		for (size_t e = 0; e < ARRAY_LENGTH(errors); e++) {
			failing_init(&f, i.w.disc, n, errors[e]);
			assert_int_equal(burn_session_is_complete(&f.disc, s->start_lba, s->uuid), errors[e]);
		}
		failing_init(&f, i.w.disc, n, -EIO);
		assert_int_equal(burn_session_is_complete(&f.disc, s->start_lba, s->uuid), 0);
	}
	remove_image(&i);
}

/* Writers that could not be reached have changes that the session would lack. */
static int no_memory(void *context)
{
	unsigned *times = context;

	return (*times)++ ? 0 : -ENOMEM;
}

static void writers_not_reached(void **state)
{
	unsigned times = 0;
	const struct commit_hooks hooks = {.flush_writers = no_memory, .context = &times};
	struct commit_result r;
	struct world w;

	(void)state;
	world_new(&w);
	REQUIRE(world_open(&w) == 0);
	commit_stop(w.commit, false);
	commit_free(w.commit);
	REQUIRE(commit_new(&w.options, &hooks, w.disc, w.stage, w.tree, &w.commit) == 0);
	REQUIRE(commit_start_thread(w.commit) == 0);
	world_write(&w, "file", 5000, 1);
	r = sync_now(&w);
	assert_int_equal(r.error, -ENOMEM);
	assert_false(r.burned);
	assert_int_equal(sync_now(&w).error, 0);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scan_of_others),      cmocka_unit_test(scan_of_ours),
		cmocka_unit_test(unreadable_blocks),   cmocka_unit_test(complete_or_not),
		cmocka_unit_test(writers_not_reached),
	};

	log_state.level = -1;
	return cmocka_run_group_tests_name("medium_errors", tests, NULL, NULL);
}
