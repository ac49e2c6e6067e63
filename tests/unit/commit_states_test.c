/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit: the table of a commit's states.  Each of its edges is walked by a commit, by one that is undone or by a
 * recovery; no other can be journaled.
 */
#include "tests/unit/commit_fixture.h"

#include <errno.h>
#include <signal.h>

#include "fs/commit/internal.h"

#define STATES (STAGE_REBASING + 1)

/* ---- what was walked: read from the lines of the log ---- */

static bool walked[STATES][STATES];

static enum stage_commit_state state_named(const char *name)
{
	enum stage_commit_state s = STAGE_IDLE;

	while (s < STATES && strcmp(name, commit_state_name(s)) != 0)
		s++;
	assert_true(s < STATES);
	return s;
}

static void read_log(const char *path)
{
	FILE *in = fopen(path, "re");
	char line[512], from[32], to[32];

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		if (sscanf(line, "cdappendfs: commit: %31s -> %31s", from, to) == 2)
			walked[state_named(from)][state_named(to)] = true;
	fclose(in);
}

/* ---- walks ---- */

static void make_world(struct world *w)
{
	world_new(w);
	REQUIRE(world_open(w) == 0);
	world_write(w, "older", 5000, 3);
	REQUIRE(sync_now(w).error == 0);
	world_write(w, "small", 100, 2);
}

static void commit_with(const char *fault)
{
	struct world w;

	make_world(&w);
	world_close(&w);
	w.options.fault = fault;
	REQUIRE(world_open(&w) == 0);
	assert_int_not_equal(sync_now(&w).error, 0);
	world_close(&w);
	world_remove(&w);
}

/* A record as a crash leaves it: of the newest session, or of one that is not there. */
static void leave_record(struct world *w, enum stage_commit_state last, bool of_newest, struct stage_commit *ret)
{
	static const enum stage_commit_state way[] = {STAGE_FROZEN, STAGE_BURNING, STAGE_VERIFYING, STAGE_PUBLISHING};
	struct disc_session *sessions = NULL;
	struct disc_state state;
	size_t n = 0;

	commit_stop(w->commit, false);
	commit_free(TAKE_PTR(w->commit));
	memset(ret, 0, sizeof(*ret));
	REQUIRE(disc_sessions(w->disc, &sessions, &n) == 0 && n == 1 && disc_state(w->disc, &state) == 0);
	ret->image_bytes = image_bytes(w);
	ret->start_lba = of_newest ? sessions[0].start_lba : state.next_lba;
	ret->session_number = of_newest ? 1 : 2;
	if (of_newest)
		memcpy(ret->uuid, sessions[0].uuid, sizeof(ret->uuid));
	free(sessions);
	REQUIRE(stage_freeze(w->stage, &ret->generation) == 0);
	for (size_t i = 0; i < ARRAY_LENGTH(way) && ret->state != last; i++) {
		ret->state = way[i];
		assert_int_equal(commit_journal(NULL, w->stage, ret), 0);
	}
}

static void recover_from(enum stage_commit_state state, bool of_newest)
{
	struct stage_commit record;
	struct world w;

	make_world(&w);
	leave_record(&w, state, of_newest, &record);
	world_close(&w);
	REQUIRE(world_open(&w) == 0);
	assert_non_null(w.recovered);
	assert_int_equal(w.recovered_generation, of_newest ? record.generation : 0);
	world_close(&w);
	world_remove(&w);
}

/* A drive said that the burn had failed, and the session is there. */
static void settle_recorded(void)
{
	struct commit c = {.cancelled = false};
	struct commit_result outcome = {.error = 0};
	struct stage_commit record;
	struct run *run = NULL, *ret = NULL;
	struct world w;

	make_world(&w);
	leave_record(&w, STAGE_BURNING, true, &record);
	c.disc = w.disc;
	c.stage = w.stage;
	c.tree = w.tree;
	c.unsettled = run = calloc(1, sizeof(*run));
	REQUIRE(run);
	run->c = &c;
	run->record = record;
	assert_int_equal(run_settle(&c, &ret, &outcome), 1);
	assert_ptr_equal(ret, run);
	assert_int_equal(stage_commit_get(w.stage, &record), 0);
	assert_int_equal(record.state, STAGE_PUBLISHING);
	run_free(run);
	world_close(&w);
	world_remove(&w);
}

static void walk_all(void)
{
	commit_with("edge@frozen=ENOSPC");
	commit_with("edge@burning=EIO");
	commit_with("write@0=EIO");
	commit_with("edge@publishing=EIO");
	recover_from(STAGE_BURNING, true);
	recover_from(STAGE_VERIFYING, true);
	recover_from(STAGE_PUBLISHING, true);
	recover_from(STAGE_PUBLISHING, false);
	settle_recorded();
}

static void test_all_edges_are_walked(void **state)
{
	char path[] = "/tmp/cdappendfs-states-XXXXXX";
	int log = mkostemp(path, O_CLOEXEC), terminal = dup(STDERR_FILENO), level = log_state.level;

	(void)state;
	REQUIRE(log >= 0 && terminal >= 0 && fflush(NULL) == 0);
	REQUIRE(dup2(log, STDERR_FILENO) == STDERR_FILENO);
	log_state.level = LOG_DEBUG;
	walk_all();
	log_state.level = level;
	REQUIRE(fflush(NULL) == 0 && dup2(terminal, STDERR_FILENO) == STDERR_FILENO);
	close(terminal);
	close(log);
	read_log(path);
	unlink(path);
	for (enum stage_commit_state from = 0; from < STATES; from++)
		for (enum stage_commit_state to = 0; to < STATES; to++)
			if (walked[from][to] != commit_may_follow(from, to))
				fail_msg("%s -> %s: %s", commit_state_name(from), commit_state_name(to),
					 walked[from][to] ? "walked, not in the table" : "in the table, not walked");
}

/* ---- a disc that is away when a failed commit is to be taken back ---- */

static bool away;

static int away_refresh(struct disc *d) { return away ? -ENOMEDIUM : disc_refresh(d->inner); }
static int away_read(struct disc *d, uint32_t lba, void *buf, uint32_t n) { return disc_read(d->inner, lba, buf, n); }
static int away_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
static int away_sessions(struct disc *d, struct disc_session **ret, size_t *n)
{
	return disc_sessions(d->inner, ret, n);
}
static int away_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int away_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static void away_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

static struct disc *wrap_away(struct disc *inner)
{
	static const struct disc_ops ops = {.refresh = away_refresh,
					    .read = away_read,
					    .state = away_state,
					    .sessions = away_sessions,
					    .identity = away_identity,
					    .fingerprint = away_fingerprint,
					    .close = away_close};
	struct disc *d = calloc(1, sizeof(*d));

	REQUIRE(d);
	d->ops = &ops;
	d->inner = inner;
	return d;
}

static void go_away(void *context)
{
	(void)context;
	away = true;
}

static void test_disc_away(void **state)
{
	const struct commit_hooks hooks = {.inhibit = go_away};
	struct stage_commit record;
	struct commit_result r;
	struct world w;

	(void)state;
	make_world(&w);
	world_close(&w);
	w.wrap = wrap_away;
	REQUIRE(world_open(&w) == 0);
	commit_stop(w.commit, false);
	commit_free(w.commit);
	w.options.fault = "write@0=EIO";
	REQUIRE(commit_new(&w.options, &hooks, w.disc, w.stage, w.tree, &w.commit) == 0);
	REQUIRE(commit_start_thread(w.commit) == 0);
	assert_int_equal(sync_now(&w).error, -EIO);
	assert_int_equal(stage_commit_get(w.stage, &record), 0);
	assert_int_equal(record.state, STAGE_BURNING);
	r = sync_now(&w);
	assert_int_equal(r.error, -ENOMEDIUM);
	assert_non_null(strstr(r.message, "no disc in the drive"));
	away = false;
	assert_int_equal(sync_now(&w).error, -EIO); /* as before: it was taken back, and failed again */
	away = false;
	world_close(&w);
	w.options.fault = NULL;
	REQUIRE(world_open(&w) == 0);
	assert_true(sync_now(&w).burned);
	world_close(&w);
	world_remove(&w);
}

/* ---- the others are refused ---- */

/* Exit status of a child that journals it; -SIGABRT where an assert says so. */
static int try_edge(struct stage *stage, enum stage_commit_state to)
{
	const struct stage_commit next = {.state = to, .generation = 1};
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		REQUIRE(!freopen("/dev/null", "w", stderr) || true);
		_exit(-commit_journal(NULL, stage, &next));
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void test_no_other_edge(void **state)
{
	struct stage_commit record;
	struct world w;

	(void)state;
	make_world(&w);
	leave_record(&w, STAGE_IDLE, false, &record);
	for (enum stage_commit_state from = 0; from < STATES; from++) {
		const struct stage_commit begin = {.state = from, .generation = record.generation};

		REQUIRE(stage_commit_set(w.stage, &begin) == 0);
		for (enum stage_commit_state to = 0; to < STATES + 1; to++) {
			if (commit_may_follow(from, to))
				continue;
#ifdef CDAPPENDFS_CHECKS
			assert_int_equal(try_edge(w.stage, to), -SIGABRT);
#else
			assert_int_equal(try_edge(w.stage, to), EPROTO);
			assert_int_equal(commit_journal(NULL, w.stage, &(struct stage_commit){.state = to}), -EPROTO);
#endif
			REQUIRE(stage_commit_get(w.stage, &record) == 0);
			assert_int_equal(record.state, from);
			assert_int_equal(record.generation, begin.generation);
		}
	}
	REQUIRE(stage_commit_set(w.stage, &(struct stage_commit){.state = STAGE_IDLE}) == 0);
	world_close(&w);
	world_remove(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_edges_are_walked),
		cmocka_unit_test(test_disc_away),
		cmocka_unit_test(test_no_other_edge),
	};

	log_state.level = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
