/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/tree over a disc that cannot be read: each operation of the mount, with each read of the disc failing in turn, or
 * all from one on.
 *
 * A request that fails says EIO, never that something is not there, and has changed nothing; while the disc fails
 * nothing shows anything but that error, or what it showed before or shows after the request; and when it is read
 * again, all is as it was.  Once with what the operation is about in memory, once with nothing but the numbers of
 * files.
 */
#include "tests/unit/failing_disc.h"
#include "tests/unit/tree_operations.h"

static struct {
	_Atomic long left; /* reads until the fault; below 0: it was */
	_Atomic bool armed, fired, all;
} fault;

static int look(uint32_t lba, const uint8_t *sectors, uint32_t n)
{
	(void)lba, (void)sectors, (void)n;
	if (!fault.armed)
		return 0;
	long left = --fault.left;
	if (left && (left > 0 || !fault.all))
		return 0;
	fault.fired = true;
	return -EIO;
}

static void fault_arm(bool all, long at)
{
	fault.left = at;
	fault.all = all;
	fault.fired = false;
	fault.armed = true;
}

static void begin(struct world *w, const struct world *template)
{
	copy_world(w, template);
	w->wrap = failing_disc_wrap;
	REQUIRE(world_open(w) == 0);
}

/* The kernel has look-ups and handles of an earlier time. */
static void prepare_cold(struct scene *s, struct world *w)
{
	struct scene warm;

	prepare(&warm, w);
	finish(&warm);
	world_close(w);
	REQUIRE(world_open(w) == 0);
	*s = (struct scene){.w = w,
			    .t = w->tree,
			    .same = warm.same,
			    .replaced = warm.replaced,
			    .modified = warm.modified,
			    .sym = warm.sym,
			    .dir = warm.dir,
			    .newdir = warm.newdir,
			    .one = warm.one,
			    .large = warm.large};
}

static bool needs_handles(const struct operation *op)
{
	static int (*const with[])(struct scene *) = {op_read,	    op_readdir,	   op_readdirplus,
						      op_write,	    op_write_disc, op_write_large,
						      op_fallocate, op_copy,	   op_discard};

	for (size_t i = 0; i < ARRAY_LENGTH(with); i++)
		if (op->run == with[i])
			return true;
	return false;
}

struct expected {
	int clean;
	const struct view *before, *after;
};

/* false: there are not so many reads. */
static bool run_case(struct world *w, const struct operation *op, bool cold, bool all, long at,
		     const struct expected *x)
{
	struct scene s;
	struct view v;

	(cold ? prepare_cold : prepare)(&s, w);
	fault_arm(all, at);
	int r = op->run(&s);
	bool fired = fault.fired;
	if (fired && r != x->clean && r != -EIO)
		fail_msg("%s, %s, read %ld: %d, not %d", op->name, cold ? "cold" : "warm", at, r, x->clean);
	if (fired) {
		describe(w, &v);
		if (!possible_view(&v, x->before, x->after))
			fail_msg("%s, read %ld (%d): what is not there", op->name, at, r);
	}
	fault.armed = false;
	if (!cold)
		finish(&s);
	if (!fired)
		return false;
	tree_is_sound(w->tree);
	describe(w, &v);
	if (!(op->in_parts && r < 0 ? possible_view(&v, x->before, x->after) :
				      same_view(&v, r == x->clean ? x->after : x->before)))
		fail_msg("%s, %s, read %ld (%d): not as it was", op->name, cold ? "cold" : "warm", at, r);
	if (op->run != op_commit)
		assert_int_equal(sync_now(w).error, 0);
	describe(w, &v);
	if (!op->in_parts)
		assert_true(same_view(&v, r == x->clean ? x->after : x->before));
	return true;
}

/* Returns how many cases there were. */
static long run_operation(const struct world *template, const struct operation *op, bool cold,
			  const struct view *before)
{
	struct scene s;
	struct view after;
	struct world w;
	long n = 0;

	begin(&w, template);
	(cold ? prepare_cold : prepare)(&s, &w);
	struct expected x = {.clean = op->run(&s), .before = before, .after = &after};
	if (!cold)
		finish(&s);
	describe(&w, &after);
	world_close(&w);
	world_remove(&w);
	if (x.clean == -ESTALE)
		return 0; /* such numbers the kernel would ask for by handles: tests/mount/handles.t */
	for (unsigned all = 0; all < 2; all++)
		for (long at = 1, more = true; more; at++, n++) {
			begin(&w, template);
			more = run_case(&w, op, cold, all, at, &x);
			world_close(&w);
			world_remove(&w);
		}
	return n - 2;
}

static void test_all(void **state)
{
	struct world template;
	struct view before;
	const char *only = getenv("OPERATION");
	long cases = 0, n;

	(void)state;
	failing_disc.look = look;
	make_template(&template, &before);
	for (size_t i = 0; i < ARRAY_LENGTH(operations); i++)
		for (unsigned cold = 0; cold < 2; cold++) {
			if ((only && strcmp(only, operations[i].name)) || (cold && needs_handles(&operations[i])))
				continue;
			n = run_operation(&template, &operations[i], cold, &before);
			if (only)
				print_message("# %s: %ld cases\n", cold ? "cold" : "warm", n);
			cases += n;
		}
	print_message("# %ld cases\n", cases);
	assert_true(only || cases > 100);
	world_remove(&template);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
