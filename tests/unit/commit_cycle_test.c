/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit: whole commits in one process, without FUSE: what is burned, what a dry run says, the queue, what changes
 * meanwhile.
 */
#include "tests/unit/disc_check.h"

#include <errno.h>
#include <time.h>

#include "burner/base/bytes.h"

#define SLOW 4000000u /* bytes a second: a session of 2 MB takes half a second */

static void nap(long ms) { nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL); }

static void wait_phase(struct world *w, enum commit_phase phase)
{
	struct commit_status s = {.phase = COMMIT_IDLE};

	for (int i = 0; i < 2000 && (s.phase != phase || (phase == COMMIT_BURNING && !s.all_sectors)); i++) {
		commit_status(w->commit, &s);
		nap(1);
	}
	assert_int_equal(s.phase, phase);
}

static void check_and_remove(struct world *w)
{
	struct disc_found found;

	if (image_bytes(w))
		disc_check(w->image, &found);
	world_remove(w);
}

static void fill(struct world *w)
{
	world_mkdir(w, "dir");
	world_mkdir(w, "dir/sub");
	world_write(w, "small", 10, 1);
	world_write(w, "dir/empty", 0, 0);
	world_write(w, "dir/large", 1500000, 2);
	world_write(w, "dir/sub/odd name \303\251", 4097, 3);
}

static void check_filled(struct world *w)
{
	assert_true(world_has(w, "small", 10, 1));
	assert_true(world_has(w, "dir/empty", 0, 0));
	assert_true(world_has(w, "dir/large", 1500000, 2));
	assert_true(world_has(w, "dir/sub/odd name \303\251", 4097, 3));
}

/* The dry run and the commit after it agree to the block, and with the file's length. */
static struct commit_result commit_as_planned(struct world *w)
{
	struct commit_result plan = ask(w, &ask_dry_run), done;
	uint64_t before = image_bytes(w), length;
	struct disc_state state;

	assert_int_equal(plan.error, 0);
	assert_true(plan.fits);
	assert_false(plan.burned);
	assert_int_equal(disc_state(w->disc, &state), 0);
	done = sync_now(w);
	assert_int_equal(done.error, 0);
	assert_true(done.burned);
	assert_string_equal(done.message, "");
	assert_memory_equal(&plan.cost, &done.cost, sizeof(plan.cost));
	assert_int_equal(plan.session, done.session);
	length = (state.next_lba + done.cost.append_sectors) * SECTOR_BYTES;
	assert_int_equal(image_bytes(w), length > before ? length : before); /* others pad their images */
	return done;
}

static void test_sessions(void **state)
{
	struct world w;
	struct commit_result r;
	uint64_t length, ino;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	r = sync_now(&w);
	assert_int_equal(r.error, 0);
	assert_false(r.burned); /* nothing staged, nothing burned */
	assert_int_equal(image_bytes(&w), 0);
	fill(&w);
	ino = world_lookup(&w, "dir/large");
	r = commit_as_planned(&w);
	assert_int_equal(r.session, 1);
	assert_true(stage_empty(w.stage));
	check_filled(&w);
	assert_int_equal(world_lookup(&w, "dir/large"), ino);
	length = image_bytes(&w);
	assert_false(sync_now(&w).burned);
	assert_int_equal(image_bytes(&w), length);
	world_run(&w, "mkdir x && xorriso -osirrox on -indev image -extract / x >/dev/null 2>&1 && test $(stat -c %s "
		      "x/dir/large) = 1500000");
	assert_int_equal(world_unlink(&w, "small"), 0);
	world_write(&w, "new", 100000, 9);
	r = commit_as_planned(&w);
	assert_int_equal(r.session, 2);
	assert_true(r.cost.data_sectors < 60); /* the large file stays where it is */
	assert_true(world_has(&w, "new", 100000, 9));
	assert_int_equal(world_lookup(&w, "small"), 0);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	assert_null(w.recovered);
	assert_int_equal(world_sessions(&w), 2);
	assert_true(world_has(&w, "dir/large", 1500000, 2));
	assert_true(world_has(&w, "new", 100000, 9));
	assert_int_equal(world_lookup(&w, "small"), 0);
	assert_int_equal(world_lookup(&w, "dir/large"), ino);
	world_close(&w);
	world_run(&w, "isoinfo -R -l -i image | grep -q large && ! isoinfo -R -f -i image | grep -q small");
	check_and_remove(&w);
}

/* What changes while it burns belongs to the next session; what was open or removed meanwhile survives the rebase. */
static void test_changes_meanwhile(void **state)
{
	struct waiter waiter = WAITER;
	struct tree_file *open_file;
	uint8_t buf[16];
	struct world w;
	struct stat st;
	size_t n;

	(void)state;
	world_new(&w);
	w.options.bytes_per_second = SLOW;
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	world_write(&w, "victim", 5000, 4);
	assert_int_equal(tree_create(w.tree, &world_caller, TREE_ROOT, "held", 0600, O_RDWR, &st, &open_file), 0);
	assert_int_equal(tree_write(w.tree, open_file, 0, "held content", 12), 0);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &waiter), 0);
	wait_phase(&w, COMMIT_BURNING);
	world_write(&w, "during", 7000, 5);
	world_write(&w, "small", 20, 6);
	assert_int_equal(world_unlink(&w, "victim"), 0);
	assert_int_equal(world_unlink(&w, "held"), 0);
	assert_int_equal(tree_rename(w.tree, TREE_ROOT, "dir", TREE_ROOT, "moved", 0), 0);
	assert_int_equal(tree_write(w.tree, open_file, 5, "CON", 3), 0);
	assert_int_equal(waiter_wait(&waiter, 1).error, 0);
	for (int pass = 0; pass < 3; pass++) {
		assert_true(world_has(&w, "during", 7000, 5));
		assert_true(world_has(&w, "small", 20, 6));
		assert_true(world_has(&w, "moved/large", 1500000, 2));
		assert_int_equal(world_lookup(&w, "victim"), 0);
		assert_int_equal(world_lookup(&w, "dir"), 0);
		if (pass == 0) {
			assert_int_equal(tree_read(w.tree, open_file, 0, buf, sizeof(buf), &n), 0);
			assert_int_equal(n, 12);
			assert_memory_equal(buf, "held CONtent", 12);
			tree_close(w.tree, open_file);
			commit_as_planned(&w);
		} else if (pass == 1) {
			world_close(&w);
			assert_int_equal(world_open(&w), 0);
			assert_int_equal(world_sessions(&w), 2);
		}
	}
	world_close(&w);
	check_and_remove(&w);
}

/* Requests during a burn become one next session; forgotten ones are not answered. */
static void test_queue(void **state)
{
	struct waiter first = WAITER, others = WAITER, forgotten = WAITER, dry = WAITER;
	struct disc_session *sessions;
	struct disc_state medium;
	struct world w;
	size_t n;

	(void)state;
	world_new(&w);
	w.options.bytes_per_second = SLOW;
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &first), 0);
	wait_phase(&w, COMMIT_BURNING);
	world_write(&w, "second", 100, 8);
	for (int i = 0; i < 3; i++)
		assert_int_equal(commit_request(w.commit, NULL, waiter_done, &others), 0);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &forgotten), 0);
	assert_int_equal(commit_request(w.commit, &ask_dry_run, waiter_done, &dry), 0);
	assert_true(commit_forget(w.commit, &forgotten));
	assert_false(commit_forget(w.commit, &forgotten));
	assert_int_equal(commit_disc_info(w.commit, &medium, &sessions, &n), 0); /* at once */
	assert_int_equal(n, 0);
	assert_true(medium.blank);
	free(sessions);
	commit_stop(w.commit, true);
	assert_int_equal(first.n, 1);
	assert_int_equal(others.n, 3);
	assert_int_equal(forgotten.n, 0);
	assert_int_equal(dry.n, 1);
	assert_int_equal(first.result.session, 1);
	assert_int_equal(others.result.session, 2);
	assert_int_equal(dry.result.cost.append_sectors, 0);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &first), -ESHUTDOWN);
	assert_int_equal(commit_disc_info(w.commit, &medium, &sessions, &n), 0);
	assert_int_equal(n, 2);
	free(sessions);
	world_close(&w);
	check_and_remove(&w);
}

/* One session has one message: who asks for another gets the next one, of what is staged by then. */
static void test_messages(void **state)
{
	static const char *const wanted[] = {"the first", "the second", ""};
	const struct commit_request_options first_asks = {.message = wanted[0]}, second_asks = {.message = wanted[1]};
	struct waiter first = WAITER, second = WAITER, plain = WAITER;
	struct disc_session *sessions;
	session_message text;
	struct world w;
	size_t n;

	(void)state;
	world_new(&w);
	w.options.bytes_per_second = SLOW;
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &plain), 0);
	wait_phase(&w, COMMIT_BURNING);
	world_write(&w, "second", 100, 8);
	assert_int_equal(commit_request(w.commit, &first_asks, waiter_done, &first), 0);
	assert_int_equal(commit_request(w.commit, &second_asks, waiter_done, &second), 0);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &plain), 0);
	commit_stop(w.commit, true);
	assert_int_equal(first.result.session, 2);
	assert_int_equal(plain.result.session, 2);
	assert_int_equal(second.n, 1);
	assert_false(second.result.burned);
	world_close(&w);
	assert_int_equal(world_open(&w), 0);
	world_write(&w, "third", 100, 9);
	assert_int_equal(commit_request(w.commit, &second_asks, waiter_done, &second), 0);
	assert_int_equal(waiter_wait(&second, 2).session, 3);
	commit_stop(w.commit, true);
	assert_int_equal(disc_sessions(w.disc, &sessions, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(session_message_read(w.disc, &sessions[i], text), 0);
		assert_string_equal(text, wanted[(i + 2) % 3]);
	}
	free(sessions);
	world_close(&w);
	check_and_remove(&w);
}

static void test_stop_and_cancel(void **state)
{
	struct waiter first = WAITER, second = WAITER;
	struct world w;

	(void)state;
	world_new(&w);
	w.options.bytes_per_second = SLOW;
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &first), 0);
	wait_phase(&w, COMMIT_BURNING);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &second), 0);
	commit_cancel(w.commit);
	commit_stop(w.commit, false);
	assert_int_equal(waiter_wait(&first, 1).error, -ECANCELED);
	assert_int_equal(waiter_wait(&second, 1).error, -ECANCELED);
	assert_non_null(strstr(first.result.message, "stay staged"));
	assert_int_equal(image_bytes(&w), 0);
	world_close(&w);
	w.options.bytes_per_second = 0;
	assert_int_equal(world_open(&w), 0);
	check_filled(&w);
	commit_as_planned(&w);
	world_close(&w);
	check_and_remove(&w);
}

/* One that waits for a burn that is cancelled does not begin instead of it; what is asked later does. */
static void test_cancel_queue(void **state)
{
	struct waiter first = WAITER, second = WAITER, third = WAITER, dry = WAITER;
	struct commit_status status;
	struct commit_result last;
	struct world w;
	uint64_t n;

	(void)state;
	world_new(&w);
	w.options.bytes_per_second = SLOW / 2;
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &first), 0);
	wait_phase(&w, COMMIT_BURNING);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &second), 0);
	assert_int_equal(commit_request(w.commit, &ask_dry_run, waiter_done, &dry), 0);
	/* It is seen how far it is, though all of it would fit into memory. */
	do {
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		commit_status(w.commit, &status);
	} while (status.phase == COMMIT_BURNING && status.done_sectors == 0);
	assert_int_equal(status.phase, COMMIT_BURNING);
	assert_in_range(status.done_sectors, 1, status.all_sectors - 1);
	commit_cancel(w.commit);
	assert_int_equal(waiter_wait(&first, 1).error, -ECANCELED);
	assert_int_equal(waiter_wait(&second, 1).error, -ECANCELED);
	assert_non_null(strstr(second.result.message, "stay staged"));
	assert_int_equal(waiter_wait(&dry, 1).error, 0);
	wait_phase(&w, COMMIT_IDLE);
	assert_false(commit_busy(w.commit, &n, &last));
	assert_int_equal(last.error, -ECANCELED);
	assert_int_equal(image_bytes(&w), 0);
	assert_int_equal(commit_request(w.commit, NULL, waiter_done, &third), 0);
	assert_int_equal(waiter_wait(&third, 1).error, 0);
	assert_int_equal(third.result.session, 1);
	world_close(&w);
	check_and_remove(&w);
}

static void count_discarded(void *context, const struct stage_snapshot *what) { *(size_t *)context += what->n_names; }

static void test_discard(void **state)
{
	struct commit_hooks hooks = {.discarded = count_discarded};
	struct waiter waiter = WAITER;
	struct commit *c;
	struct world w;
	size_t n = 0;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	commit_as_planned(&w);
	world_write(&w, "dropped", 3000, 1);
	assert_int_equal(world_unlink(&w, "small"), 0);
	commit_stop(w.commit, false);
	commit_free(w.commit);
	hooks.context = &n;
	assert_int_equal(commit_new(&w.options, &hooks, w.disc, w.stage, w.tree, &c), 0);
	w.commit = c;
	assert_int_equal(commit_start_thread(c), 0);
	assert_int_equal(commit_request(c, &ask_discard, waiter_done, &waiter), 0);
	assert_int_equal(waiter_wait(&waiter, 1).error, 0);
	assert_true(n >= 2);
	assert_int_equal(world_lookup(&w, "dropped"), 0);
	check_filled(&w);
	assert_false(sync_now(&w).burned);
	world_close(&w);
	check_and_remove(&w);
}

/* The tree of the foreign session is whole: directories and file data, also those that lie in LBA 18-31. */
static void check_foreign(struct world *w, size_t session)
{
	struct iso_entry root = {.ino = 0}, e = {.ino = 0};
	struct disc_session *sessions;
	struct iso *old;
	char text[8];
	size_t n;

	assert_int_equal(disc_sessions(w->disc, &sessions, &n), 0);
	assert_true(session < n);
	assert_int_equal(iso_open(w->disc, sessions[session].descriptor_lba, &old), 0);
	assert_int_equal(iso_root(old, &root), 0);
	assert_int_equal(iso_lookup(old, root.dir, "d", &e), 0);
	assert_true(S_ISDIR(e.mode));
	iso_entry_release(&e);
	assert_int_equal(iso_lookup(old, root.dir, "old", &e), 0);
	assert_int_equal(e.n_extents, 1);
	assert_int_equal(iso_read_disc(w->disc, e.extents[0].pos, text, 8), 0);
	assert_memory_equal(text, "foreign\n", 8);
	iso_entry_release(&e);
	iso_entry_release(&root);
	iso_unref(old);
	free(sessions);
}

/* Discs of others go on: their files stay, their sessions stay mountable. */
static void append_to(const char *make, size_t n_sessions)
{
	struct world w;

	world_new(&w);
	world_run(&w, "mkdir in && echo foreign >in/old && mkdir in/d && echo x >in/d/x && ln in/old in/d/link");
	world_run(&w, make);
	assert_int_equal(world_open(&w), 0);
	assert_int_equal(world_sessions(&w), n_sessions);
	world_write(&w, "ours", 3000, 1);
	assert_int_equal(world_unlink(&w, "d/x"), 0);
	commit_as_planned(&w);
	assert_int_not_equal(world_lookup(&w, "d/link"), 0);
	assert_int_equal(world_lookup(&w, "d/link"), world_lookup(&w, "old"));
	assert_int_equal(world_sessions(&w), n_sessions + 1);
	check_foreign(&w, n_sessions - 1);
	world_close(&w);
	world_run(&w, "mkdir x && xorriso -osirrox on -indev image -extract / x >/dev/null 2>&1 && cmp x/old in/old && "
		      "cmp x/d/link in/old && test -e x/ours && ! test -e x/d/x");
	assert_int_equal(world_open(&w), 0);
	world_write(&w, "again", 10, 1);
	commit_as_planned(&w);
	assert_int_equal(world_sessions(&w), n_sessions + 2);
	check_foreign(&w, n_sessions - 1);
	world_close(&w);
	check_and_remove(&w);
}

static void test_foreign(void **state)
{
	(void)state;
	append_to("genisoimage -quiet -R -J -o image in 2>/dev/null", 1);
	append_to("genisoimage -quiet -R -o image in 2>/dev/null", 1);
	append_to("xorriso -as mkisofs -R -o image in >/dev/null 2>&1", 1);
	append_to("xorriso -outdev stdio:image -joliet on -map in / -commit >/dev/null 2>&1", 1);
}

static void test_no_room(void **state)
{
	struct commit_result r;
	struct world w;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	world_close(&w);
	w.capacity_sectors = 400;
	assert_int_equal(world_open(&w), 0);
	r = ask(&w, &ask_dry_run);
	assert_int_equal(r.error, 0);
	assert_false(r.fits);
	r = sync_now(&w);
	assert_int_equal(r.error, -ENOSPC);
	assert_false(r.burned);
	assert_non_null(strstr(r.message, "--discard"));
	assert_int_equal(image_bytes(&w), 0);
	check_filled(&w);
	assert_int_equal(world_unlink(&w, "dir/large"), 0);
	commit_as_planned(&w);
	world_close(&w);
	check_and_remove(&w);
}

/* Another program appends while we have changes: the last look before the burn finds out. */
static void test_changed_disc(void **state)
{
	struct commit_result r;
	struct world w;
	uint64_t length;

	(void)state;
	world_new(&w);
	assert_int_equal(world_open(&w), 0);
	fill(&w);
	commit_as_planned(&w);
	world_write(&w, "more", 3000, 1);
	world_run(&w, "echo other >other && xorriso -dev stdio:image -map other /other -commit >/dev/null 2>&1");
	length = image_bytes(&w);
	r = sync_now(&w);
	assert_int_equal(r.error, -ESTALE);
	assert_non_null(strstr(r.message, "expected"));
	assert_int_equal(image_bytes(&w), length);
	assert_true(world_has(&w, "more", 3000, 1));
	assert_false(stage_empty(w.stage));
	world_close(&w);
	assert_int_equal(world_open(&w), -ESTALE);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sessions),	cmocka_unit_test(test_changes_meanwhile),
		cmocka_unit_test(test_queue),		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_stop_and_cancel), cmocka_unit_test(test_cancel_queue),
		cmocka_unit_test(test_discard),		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_no_room),		cmocka_unit_test(test_changed_disc),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
