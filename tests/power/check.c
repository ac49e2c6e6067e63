/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.c - see check.h
 *
 * A step that makes things durable is one transaction of the stage, and nothing else is: so the tree must be that of
 * the last one that was answered, or of the one under way, and never anything in between.  Bytes that were
 * overwritten since without an fsync may be of any of the versions.  Sessions: those that were answered, and the one
 * under way wholly or not at all.
 */
#include "tests/power/check.h"

#include <signal.h>
#include <sys/wait.h>

#include "burner/base/time.h"
#include "tests/power/act.h"

#define SECONDS_MAX 60

struct check {
	const struct run *run;
	const struct moment *m;
	struct world w;
	struct expect seen;
	size_t matched;			 /* the tree it has: expect[] */
	size_t sessions, found_sessions; /* now, and after the cut */
	bool commit_under_way;
	bool either;	       /* what was changed since comes to nothing: the tree is that of both */
	uint64_t burned_bytes; /* what sessions of the script hold of the image */
};

static void bad(const char *what)
{
	printf("# LOST: %s\n", what);
	fflush(stdout);
	_exit(1);
}

/* ---- the tree ---- */

static bool byte_is_allowed(const struct check *c, const struct file *f, size_t from, size_t at, uint8_t byte)
{
	for (size_t v = from; v <= c->m->begun; v++) {
		const struct expect *e = &c->run->expect[v];

		for (size_t i = 0; i < e->n; i++)
			if (e->files[i].id == f->id && at < e->files[i].content->length &&
			    e->files[i].content->bytes[at] == byte)
				return true;
	}
	return false;
}

static const char *file_differs(const struct check *c, const struct file *f, size_t from, const struct file *seen)
{
	if (!seen)
		return "is missing";
	if (seen->directory != f->directory)
		return "is of another type";
	if (seen->tag != f->tag)
		return "has another attribute";
	if (f->directory)
		return NULL;
	if (seen->content->length != f->content->length)
		return "has another length";
	if (!memcmp(seen->content->bytes, f->content->bytes, f->content->length))
		return NULL;
	for (size_t i = 0; i < f->content->length; i++)
		if (seen->content->bytes[i] != f->content->bytes[i] &&
		    !byte_is_allowed(c, f, from, i, seen->content->bytes[i]))
			return "has other bytes";
	return NULL;
}

static bool tree_is(const struct check *c, size_t version, const struct expect *seen, char *why, size_t n)
{
	const struct expect *e = &c->run->expect[version];

	for (size_t i = 0; i < e->n; i++) {
		const char *differs = file_differs(c, &e->files[i], version, expect_find(seen, e->files[i].path));

		if (differs) {
			snprintf(why, n, "%s %s", e->files[i].path, differs);
			return false;
		}
	}
	for (size_t i = 0; i < seen->n; i++)
		if (!expect_find(e, seen->files[i].path)) {
			snprintf(why, n, "%s should not be there", seen->files[i].path);
			return false;
		}
	return true;
}

static void check_tree(struct check *c)
{
	char why[2][200] = {"", ""}, text[500];

	act_look(c->w.tree, &c->seen);
	c->matched = c->m->durable;
	if (c->m->in_step && step_is_durable(&c->run->script.steps[c->m->begun - 1]) &&
	    tree_is(c, c->m->begun, &c->seen, why[1], sizeof(why[1]))) {
		c->matched = c->m->begun;
		c->either = tree_is(c, c->m->durable, &c->seen, why[0], sizeof(why[0]));
	} else if (!tree_is(c, c->m->durable, &c->seen, why[0], sizeof(why[0]))) {
		snprintf(text, sizeof(text), "the tree is neither that after step %zu (%s) nor after step %zu (%s)",
			 c->m->durable, why[0], c->m->begun, why[1]);
		bad(text);
	}
}

static void check_same(struct check *c, const char *when)
{
	struct expect now = {.n = 0};
	char text[200];

	act_look(c->w.tree, &now);
	if (now.n != c->seen.n) {
		snprintf(text, sizeof(text), "%s the tree has %zu entries, before %zu", when, now.n, c->seen.n);
		bad(text);
	}
	for (size_t i = 0; i < now.n; i++) {
		const struct file *was = expect_find(&c->seen, now.files[i].path);

		if (was && was->directory == now.files[i].directory && was->tag == now.files[i].tag &&
		    same_time(was->mtime, now.files[i].mtime) &&
		    (was->directory ||
		     (was->content->length == now.files[i].content->length &&
		      !memcmp(was->content->bytes, now.files[i].content->bytes, was->content->length))))
			continue;
		snprintf(text, sizeof(text), "%s %s is another file", when, now.files[i].path);
		bad(text);
	}
	expect_release(&now);
}

/* ---- sessions ---- */

static void check_sessions(struct check *c)
{
	const struct run *run = c->run;
	size_t least = run->sessions_before + run->expect[c->m->in_step ? c->m->begun - 1 : c->m->begun].commits, most;
	char text[200];

	c->commit_under_way = c->m->in_step && run->script.steps[c->m->begun - 1].kind == STEP_COMMIT &&
			      run->expect[c->m->begun - 1].changed;
	most = least + c->commit_under_way;
	c->sessions = c->found_sessions = world_sessions(&c->w);
	if (c->sessions < least || c->sessions > most) {
		snprintf(text, sizeof(text), "%zu sessions, expected %zu to %zu", c->sessions, least, most);
		bad(text);
	}
	if (c->sessions > least && c->matched != c->m->begun)
		bad("a session was burned, and the tree is older");
}

static void measure_burned(struct check *c)
{
	struct disc_session *sessions = NULL;
	size_t n = 0;

	REQUIRE(disc_sessions(c->w.disc, &sessions, &n) == 0);
	c->burned_bytes = n ? ((uint64_t)sessions[n - 1].start_lba + sessions[n - 1].sectors) * 2048 : 0;
	free(sessions);
}

/* Nothing that was burned changes but the head. */
static void check_burned(const struct check *c)
{
	FILE *a = fopen(c->w.image, "r"), *b = fopen(c->run->final, "r");

	REQUIRE(a && b);
	for (uint64_t at = 0; at < c->burned_bytes; at += 2048) {
		uint8_t x[2048], y[2048];

		REQUIRE(fread(x, sizeof(x), 1, a) == 1 && fread(y, sizeof(y), 1, b) == 1);
		if ((at < 16 * 2048 || at >= 32 * 2048) && memcmp(x, y, sizeof(x))) {
			printf("# block %llu\n", (unsigned long long)at / 2048);
			bad("a block that was burned has changed");
		}
	}
	fclose(a);
	fclose(b);
}

/* No part of an older one is left in the head: above a session of ours it is what stands at S+8. */
static void check_head(struct check *c)
{
	uint8_t head[2048], copy[2048];
	struct disc_session *sessions = NULL;
	size_t n = 0;

	REQUIRE(disc_sessions(c->w.disc, &sessions, &n) == 0);
	if (n && sessions[n - 1].ours) {
		REQUIRE(disc_read(c->w.disc, 16, head, 1) == 0 &&
			disc_read(c->w.disc, sessions[n - 1].start_lba + 8, copy, 1) == 0);
		if (memcmp(head, copy, sizeof(head)))
			bad("the head is not whole");
	}
	free(sessions);
}

static size_t version_of_session(const struct run *run, size_t number)
{
	for (size_t v = 0; v <= run->script.n; v++)
		if (run->sessions_before + run->expect[v].commits >= number)
			return v;
	return SIZE_MAX;
}

static void check_old_session(struct check *c, struct disc *d, const struct disc_session *s, size_t number)
{
	struct tree_options options = {.read_only = true, .owner = 1000, .group = 1000, .time = 1000000000};
	struct expect seen = {.n = 0};
	struct tree *tree;
	struct iso *iso;
	char why[200], text[300];

	REQUIRE(iso_open(d, s->descriptor_lba, &iso) == 0);
	REQUIRE(tree_new(&options, d, iso, NULL, &tree) == 0);
	act_look(tree, &seen);
	if (!tree_is(c, version_of_session(c->run, number), &seen, why, sizeof(why))) {
		snprintf(text, sizeof(text), "session %zu: %s", number, why);
		bad(text);
	}
	expect_release(&seen);
	tree_free(tree);
	iso_unref(iso);
}

/* Every session that the script made before shows its tree. */
static void check_old_sessions(struct check *c)
{
	struct disc_open_options o = {.writable = false};
	struct disc_session *sessions = NULL;
	const char *why = NULL;
	struct disc *d;
	size_t n = 0;

	REQUIRE(disc_open_path(c->w.image, &o, &d, &why) == 0);
	REQUIRE(disc_sessions(d, &sessions, &n) == 0);
	for (size_t i = 0; i < n && i < c->found_sessions; i++)
		if (i + 1 >= c->run->sessions_before)
			check_old_session(c, d, &sessions[i], i + 1);
	free(sessions);
	disc_close(d);
}

/* The times of what has been seen, as they are after a change. */
static void see_times(struct check *c)
{
	struct expect now = {.n = 0};

	act_look(c->w.tree, &now);
	for (size_t i = 0; i < c->seen.n; i++) {
		const struct file *f = expect_find(&now, c->seen.files[i].path);

		REQUIRE(f);
		c->seen.files[i].mtime = f->mtime;
	}
	expect_release(&now);
}

/* ---- extension: what an earlier version left behind the end of a file must not come up ---- */

static void check_extend(struct check *c)
{
	for (size_t i = 0; i < c->seen.n; i++) {
		const struct file *f = &c->seen.files[i];
		size_t length = f->directory ? 0 : f->content->length, got = 0;
		struct stat to = {.st_size = (off_t)length + 5000}, st;
		struct tree_file *file;
		uint8_t bytes[5000];
		uint64_t ino;

		if (f->directory)
			continue;
		ino = world_lookup(&c->w, f->path);
		REQUIRE(tree_setattr(c->w.tree, ino, &to, TREE_SET_SIZE, &st) == 0);
		REQUIRE(tree_open(c->w.tree, ino, O_RDONLY, &file) == 0);
		REQUIRE(tree_read(c->w.tree, file, length, bytes, sizeof(bytes), &got) == 0 && got == sizeof(bytes));
		tree_close(c->w.tree, file);
		for (size_t k = 0; k < got; k++)
			if (bytes[k])
				bad("a file that was extended does not read as zeros");
		to.st_size = (off_t)length;
		REQUIRE(tree_setattr(c->w.tree, ino, &to, TREE_SET_SIZE, &st) == 0);
	}
	see_times(c);
}

/* ---- other programs ---- */

static void compare_extracted(struct check *c, const char directory[80])
{
	for (size_t i = 0; i < c->seen.n; i++) {
		const struct file *f = &c->seen.files[i];
		size_t length = f->directory ? 0 : f->content->length;
		char path[400];
		FILE *file;
		struct stat st;
		uint8_t *bytes = malloc(length + 1);

		snprintf(path, sizeof(path), "%s/%s", directory, f->path);
		if (lstat(path, &st) || S_ISDIR(st.st_mode) != f->directory ||
		    (!f->directory && (size_t)st.st_size != length))
			bad("xorriso extracts another tree");
		file = f->directory ? NULL : fopen(path, "r");
		if (file && (fread(bytes, 1, length, file) != length || memcmp(bytes, f->content->bytes, length)))
			bad("xorriso extracts other bytes");
		if (file)
			fclose(file);
		free(bytes);
	}
}

static void check_others(struct check *c)
{
	char command[800], out[64], tree[80];

	if (!c->sessions)
		return;
	snprintf(out, sizeof(out), "%s.out", c->run->root);
	snprintf(command, sizeof(command),
		 "rm -rf '%s' && mkdir '%s' && xorriso -abort_on WARNING -indev 'stdio:%s' -toc -osirrox on -extract / "
		 "'%s/tree' "
		 ">'%s/log' 2>&1 && ! grep -q WARNING '%s/log' && chmod -R u+rwX '%s/tree'",
		 out, out, c->w.image, out, out, out, out);
	if (system(command) != 0) {
		snprintf(command, sizeof(command), "sed 's/^/# /' '%s/log' | tail -n 20", out);
		bad(system(command) ? "xorriso does not read it" : "xorriso does not read it as it should");
	}
	snprintf(tree, sizeof(tree), "%s/tree", out);
	compare_extracted(c, tree);
	snprintf(command, sizeof(command), "rm -rf '%s'", out);
	REQUIRE(system(command) == 0);
}

/* ---- all of it ---- */

static void check_commit(struct check *c, bool extended)
{
	bool committed = c->commit_under_way &&
			 c->sessions == c->run->sessions_before + c->run->expect[c->m->begun - 1].commits + 1;
	bool changed = committed					? false :
		       c->commit_under_way && c->matched == c->m->begun ? true :
									  c->run->expect[c->matched].changed;
	struct commit_result r = sync_now(&c->w);

	if (r.error) {
		printf("# %s\n", r.message);
		bad("the next commit fails");
	}
	if (r.burned != changed && !extended &&
	    !(c->either && !committed && r.burned == c->run->expect[c->m->durable].changed))
		bad(changed ? "what is staged is not burned" : "something is burned again");
	c->sessions += r.burned;
	if (sync_now(&c->w).burned)
		bad("a commit is made twice");
}

static void reopen(struct check *c, const char *when)
{
	char text[300];
	int r = world_open(&c->w);

	if (r) {
		snprintf(text, sizeof(text), "%s it cannot be mounted: %s (%s)", when, strerror(-r),
			 c->w.recovered ? c->w.recovered : "");
		bad(text);
	}
}

static void check_all(struct check *c, unsigned extra)
{
	reopen(c, "after the cut");
	check_tree(c);
	check_sessions(c);
	measure_burned(c);
	check_burned(c);
	check_head(c);
	if (extra & CHECK_EXTEND)
		check_extend(c);
	check_commit(c, extra & CHECK_EXTEND);
	check_same(c, "after the commit");
	world_close(&c->w);
	reopen(c, "after the next commit");
	if (c->w.recovered)
		bad("recovery is not finished");
	check_same(c, "mounted again");
	if (world_sessions(&c->w) != c->sessions || !stage_empty(c->w.stage))
		bad("sessions or stage differ when it is mounted again");
	check_burned(c);
	world_close(&c->w);
	if (extra & CHECK_SESSIONS)
		check_old_sessions(c);
	if (extra & CHECK_OTHERS)
		check_others(c);
}

bool check_state(const struct run *run, const struct moment *m, unsigned extra)
{
	struct check c = {.run = run, .m = m};
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		alarm(SECONDS_MAX);
		log_state.level = -1;
		act_place(&c.w, run->root, run->by_identity);
		check_all(&c, extra);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status))
		printf("# LOST: ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (it hangs)" : "");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void check_moment(const struct disk *d, const struct run *run, size_t at, struct moment *ret)
{
	struct moment m = {.durable = 0};

	for (size_t i = 0; i < at; i++) {
		const char *text;
		const struct power_record *r = disk_record(d, i, &text);
		size_t step;
		char word[8];

		if (r->op != POWER_MARK)
			continue;
		REQUIRE(sscanf(text, "%7[a-z] %zu", word, &step) == 2);
		m.begun = step + 1;
		m.in_step = !strcmp(word, "begin");
		if (!m.in_step && step_is_durable(&run->script.steps[step]))
			m.durable = step + 1;
	}
	*ret = m;
}
