/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/check: all blocks are read once and in their order, those that cannot be read are found one by one with a bounded
 * number of reads, damaged blocks are looked up.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fs/check/internal.h"

#define SECTORS 5000u

/* Block n holds its number; those from bad[i][0] to bad[i][1] - 1 cannot be read. */
struct odd_disc {
	struct disc disc;
	uint32_t bad[2][2];
	unsigned long reads, sectors;
	uint32_t last_lba;
	uint32_t hole[2]; /* blocks of zeros, from the first one up to the other */
	bool backwards;	  /* a piece was read before one that lies below it */
	int error;
};

static int odd_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	struct odd_disc *o = (struct odd_disc *)(void *)d;

	o->reads++;
	if (n > 16) {
		o->sectors += n;
		o->backwards |= lba < o->last_lba;
		o->last_lba = lba;
	}
	for (unsigned i = 0; i < 2; i++)
		if (lba < o->bad[i][1] && lba + n > o->bad[i][0])
			return -o->error;
	memset(buf, 0, (size_t)n * SECTOR_BYTES);
	for (uint32_t i = 0; i < n; i++)
		put_le32((uint8_t *)buf + (size_t)i * SECTOR_BYTES,
			 lba + i >= o->hole[0] && lba + i < o->hole[1] ? 0 : lba + i);
	return 0;
}

static uint32_t odd_zeros(struct disc *d, uint32_t lba, uint32_t n)
{
	const struct odd_disc *o = (struct odd_disc *)(void *)d;

	return lba < o->hole[0] || lba >= o->hole[1] ? 0 : (uint32_t)min_u64(n, o->hole[1] - lba);
}

static const struct disc_ops odd_ops = {.read = odd_read, .zeros = odd_zeros};

struct seen {
	struct odd_disc *disc;
	uint64_t next, bad;
	uint32_t prepared;
	uint8_t is_bad[SECTORS];
	atomic_ulong each;
};

static int prepare(void *context, struct sweep_piece *p)
{
	struct seen *s = context;

	assert_true(p->lba >= s->prepared);
	s->prepared = p->lba + p->n_sectors;
	*(uint32_t *)p->scratch = p->lba;
	return 0;
}

static int each(void *context, struct sweep_piece *p)
{
	struct seen *s = context;

	assert_int_equal(*(uint32_t *)p->scratch, p->lba);
	atomic_fetch_add(&s->each, p->n_sectors);
	return 0;
}

static int in_order(void *context, struct sweep_piece *p)
{
	struct seen *s = context;

	assert_true(p->lba >= s->next);
	s->next = p->lba + p->n_sectors;
	for (uint32_t i = 0; i < p->n_sectors; i++) {
		bool zeros = p->bad[i] || odd_zeros(&s->disc->disc, p->lba + i, 1);

		s->is_bad[p->lba + i] = p->bad[i];
		assert_int_equal(get_le32(p->bytes + (size_t)i * SECTOR_BYTES), zeros ? 0 : p->lba + i);
	}
	s->bad += p->n_bad;
	return 0;
}

static int sweep_it(struct odd_disc *o, struct seen *s, struct sweep_account *account)
{
	static const struct sweep_span spans[] = {{7, 1500, 0, 0, 0, false}, {1507, 3000, 0, 96, 1, false}};
	const struct sweep sweep = {.disc = &o->disc,
				    .spans = spans,
				    .n_spans = 2,
				    .scratch_bytes = 4,
				    .prepare = prepare,
				    .each = each,
				    .in_order = in_order,
				    .context = s};

	*o = (struct odd_disc){{.ops = &odd_ops},
			       {{o->bad[0][0], o->bad[0][1]}, {o->bad[1][0], o->bad[1][1]}},
			       .hole = {o->hole[0], o->hole[1]},
			       .error = o->error};
	*s = (struct seen){.disc = o};
	return sweep_run(&sweep, account);
}

static void test_in_order(void **state)
{
	static struct seen s;
	struct odd_disc o = {.error = EIO};
	struct sweep_account account;

	(void)state;
	assert_int_equal(sweep_it(&o, &s, &account), 0);
	assert_int_equal(s.next, 4507);
	assert_int_equal(s.each, 4500);
	assert_int_equal(o.sectors, 4500);
	assert_false(o.backwards);
	assert_int_equal(s.bad, 0);
	assert_int_equal(account.read_sectors, 4500);
	assert_int_equal(account.retries, 0);
}

static void test_bad_blocks(void **state)
{
	static struct seen s;
	struct odd_disc o = {.error = EIO, .bad = {{600, 601}, {2000, 2037}}};
	struct sweep_account account;

	(void)state;
	assert_int_equal(sweep_it(&o, &s, &account), 0);
	assert_int_equal(s.bad, 38);
	for (uint32_t i = 0; i < SECTORS; i++)
		assert_int_equal(s.is_bad[i], i == 600 || (i >= 2000 && i < 2037));
	assert_true(account.retries > 38);
}

/* A third of the disc is dead: a few reads for each 16 blocks of it. */
static void test_dead_region(void **state)
{
	static struct seen s;
	struct odd_disc o = {.error = EIO, .bad = {{2005, 3999}, {0, 0}}};
	struct sweep_account account;

	(void)state;
	assert_int_equal(sweep_it(&o, &s, &account), 0);
	assert_int_equal(s.bad, 3999 - 2005);
	assert_int_equal(s.is_bad[2004], 0);
	assert_int_equal(s.is_bad[2005], 1);
	assert_int_equal(s.is_bad[3998], 1);
	assert_int_equal(s.is_bad[3999], 0);
	assert_true(o.reads < 2000 / 16 * 2 + 200);
}

/* Pieces of a hole are not read, nor tried where nothing can be; what lies on its edges is. */
static void test_hole(void **state)
{
	static struct seen s;
	struct odd_disc o = {.error = EIO, .bad = {{2100, 2200}, {0, 0}}, .hole = {1700, 4000}};
	struct sweep_account account;

	(void)state;
	assert_int_equal(sweep_it(&o, &s, &account), 0);
	assert_int_equal(s.each, 4500);
	assert_int_equal(s.bad, 0);
	assert_int_equal(account.read_sectors, 4500);
	assert_true(o.sectors <= 4500 - (4000 - 1700) + 2 * 96);
}

/* What is no error of blocks ends it. */
static void test_gone(void **state)
{
	static struct seen s;
	struct odd_disc o = {.error = ENODEV, .bad = {{2005, 2006}, {0, 0}}};
	struct sweep_account account;

	(void)state;
	assert_int_equal(sweep_it(&o, &s, &account), -ENODEV);
	assert_true(s.next < 2006);
}

static void test_ranges(void **state)
{
	uint64_t hit[4] = {0}, first = 0;
	struct ranges r;

	(void)state;
	ranges_init(&r);
	assert_false(ranges_hit(&r, 0, UINT64_C(1) << 40, hit, &first));
	for (uint32_t i = 100; i-- > 50;)
		assert_int_equal(ranges_add(&r, i, 1, CHECK_UNREADABLE), 0);
	assert_int_equal(ranges_add(&r, 10, 5, CHECK_ALTERED), 0);
	assert_int_equal(ranges_add(&r, UINT32_MAX - 4, 5, CHECK_MISSING), 0);
	ranges_settle(&r);
	assert_int_equal(r.n, 3);
	assert_false(ranges_hit(&r, 15 * 2048, 35 * 2048, hit, &first));
	assert_true(ranges_hit(&r, 14 * 2048 + 2047, 1, hit, &first));
	assert_int_equal(first, 14 * 2048 + 2047);
	assert_int_equal(hit[CHECK_ALTERED], 2048);
	assert_false(ranges_hit(&r, 14 * 2048, 0, hit, &first));
	hit[CHECK_ALTERED] = 0;
	assert_true(ranges_hit(&r, 0, UINT64_MAX, hit, &first));
	assert_int_equal(first, 10 * 2048);
	assert_int_equal(hit[CHECK_ALTERED], 5 * 2048);
	assert_int_equal(hit[CHECK_UNREADABLE], 50 * 2048);
	assert_int_equal(hit[CHECK_MISSING], 5 * 2048);
	ranges_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order), cmocka_unit_test(test_bad_blocks), cmocka_unit_test(test_dead_region),
		cmocka_unit_test(test_hole),	 cmocka_unit_test(test_gone),	    cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
