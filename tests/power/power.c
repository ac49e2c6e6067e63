/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * power.c - power cuts: scripts are run and recorded, and what a disk may hold at each moment of them is mounted again
 *
 *	power_cut [-s SEED] [-n STATES] [-x] [-v] [SCENARIO…]	TAP, a point for each scenario; -x: every moment,
 *								in every way; -l lists them
 *	power_cut -r "SCENARIO SEED AT HOW SEED [AT HOW SEED]"	one state again, as a loss was printed; it stays in
 *								the directory that is named
 *	power_cut -b "ROOT KEEP LOG PART HOW SEED"		a state of a record that was made by preloading,
 *								from an empty ROOT; PART is in thousandths of the
 *								record.  Prints the last mark before it
 *	power_cut -m TEXT					a mark in the record $POWER_LOG
 *
 * A third of the states of a sample are cut a second time: the recovery is recorded too, and interrupted.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/power/act.h"
#include "tests/power/check.h"
#include "tests/power/disk.h"

enum base { BLANK, OURS, GENISOIMAGE, XORRISO };
struct scenario {
	const char *name;
	enum base base;
	bool by_identity;
	unsigned random_steps;
	const char *script;
};

static const struct scenario scenarios[] = {
	{"first", BLANK, false, 0,
	 "mkdir d; write a 0 5000 1; fsync a; write d/b 0 30000 2; write c 0 10 3; commit;"
	 " write a 3000 4000 4; fsync a; move c d/c; unlink d/b; write e 0 2500 5; commit; remount"},
	{"appended", OURS, false, 0,
	 "write before/large 1000 9000 7; fsync before/large; write new 0 3000 8; move before/small kept; commit;"
	 " write new 100 100 9; fsync new; remount; write last 0 4096 3; commit; remount"},
	{"genisoimage", GENISOIMAGE, false, 0,
	 "write old/a 100 3000 7; write new 0 30000 8; fsync new; move old/b b; commit; write new 0 50 9;"
	 " unlink b; commit; remount"},
	{"xorriso", XORRISO, false, 0,
	 "write old/a 100 3000 7; write new 0 30000 8; fsync new; unlink old/empty; commit; write more 0 9000 2;"
	 " commit; remount"},
	{"discard", OURS, false, 0,
	 "write a 0 9000 1; fsync a; write before/small 0 700 2; discard; write b 0 300 3; fsync b; write c 0 5 5;"
	 " discard; write d 0 6000 4; commit; remount; remount"},
	{"names", OURS, false, 0,
	 "mkdir d; write d/a 0 3000 1; link d/a b; fsync b; write tmp 0 5000 2; fsync tmp; move tmp before/large; "
	 "fsync b;"
	 " unlink d/a; move d e; mkdir d; write d/a 0 900 3; fsync d/a; commit; link b d/b; write b 500 5000 4; unlink "
	 "before/large; commit;"
	 " rmdir e; unlink d/b; fsync b; commit; remount"},
	{"large", BLANK, false, 0,
	 "write l 0 700000 1; fsync l; write l 300000 90000 2; truncate l 500000; fsync l; write l 600000 50000 3;"
	 " write s 0 20000 4; fsync s; unlink s; fsync l; commit; write l 100000 3000 5; truncate l 300000; fsync l; "
	 "write l 280000 400000 6;"
	 " commit; unlink l; write m 0 9 9; commit; remount"},
	{"fsyncs", BLANK, false, 0,
	 "write a 0 100 1; fsync a; write a 100 100 2; fsync a; write a 50 2100 3; fsync a; truncate a 1000; write a "
	 "1500 9 4;"
	 " fsync a; remount; write a 0 3000 5; fsync a; write b 0 2048 6; remount; unlink a; unlink b; discard; write "
	 "c 0 1 1; remount"},
	{"default-root", BLANK, true, 0,
	 "write a 0 5000 1; fsync a; write b 0 100 2; commit; write a 0 9 3; fsync a; remount; write c 0 70 4; commit;"
	 " remount; write d 0 100 5; fsync d; remount"},
	{"random", BLANK, false, 40, NULL},
	{"random-ours", OURS, false, 60, NULL},
	{"random-genisoimage", GENISOIMAGE, false, 40, NULL},
	{"random-default", BLANK, true, 60, NULL},
};
static const char before[] = "mkdir before; write before/large 0 50000 1; write before/small 0 900 2; commit; write "
			     "before/third 0 5000 3; commit";

#define NOBODY 65534u
#define HEAD_BYTES (16 * 2048u)

struct options {
	unsigned seed;
	size_t states;
	bool every, verbose;
};

/* ---- making it ---- */

struct bench {
	struct run run;
	char top[32], keep[40], log[40];
	struct disk *disk;
	const struct scenario *scenario;
	unsigned seed;
};

static void command(const char *format, const char *where)
{
	char text[600];

	snprintf(text, sizeof(text), "set -e; cd '%s'; %s", where, format);
	REQUIRE(system(text) == 0);
}

/* In a child, so that the recorder and all memory end with it. */
static void in_child(void (*body)(struct bench *b), struct bench *b, const char *log)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		if (log) {
			setenv("POWER_ROOT", b->run.root, 1);
			setenv("POWER_LOG", log, 1);
			power_record_begin();
		}
		log_state.level = -1;
		alarm(300);
		body(b);
		_exit(0);
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "%s, seed %u: the script does not run: status %x, see %s\n", b->scenario->name, b->seed,
			(unsigned)status, b->top);
		abort();
	}
}

static void run_script(struct bench *b)
{
	struct world w;

	act_place(&w, b->run.root, b->run.by_identity);
	act_script(&w, &b->run.script, b->run.expect);
}

static void put_file(const char *directory, struct expect *e, const char *path, size_t length, unsigned seed)
{
	uint8_t *bytes = malloc(length + 1);
	char name[200];
	FILE *f;

	for (size_t i = 0; i < length; i++)
		bytes[i] = script_byte(seed, i);
	snprintf(name, sizeof(name), "%s/%s", directory, path);
	f = fopen(name, "w");
	REQUIRE(f && (!length || fwrite(bytes, length, 1, f) == 1) && fclose(f) == 0);
	expect_add(e, path, false, bytes, length);
	free(bytes);
}

static void foreign_base(struct bench *b, struct expect *e)
{
	char in[48];

	snprintf(in, sizeof(in), "%s/in", b->top);
	command("mkdir -p in/old r", b->top);
	expect_add(e, "old", true, NULL, 0);
	put_file(in, e, "old/a", 9000, 1);
	put_file(in, e, "old/b", 70000, 2);
	put_file(in, e, "old/empty", 0, 3);
	if (b->scenario->base == GENISOIMAGE)
		command("genisoimage -quiet -J -R -o r/image in 2>/dev/null", b->top);
	else
		command("xorriso -outdev stdio:r/image -joliet on -map in / -commit >/dev/null 2>&1", b->top);
	b->run.sessions_before = 1;
}

static void own_base(struct bench *b, struct expect *e)
{
	struct script whole = b->run.script;
	struct expect *all;

	b->run.script = (struct script){0};
	script_parse(&b->run.script, before);
	all = calloc(b->run.script.n + 1, sizeof(*all));
	REQUIRE(all);
	script_expect(&b->run.script, all);
	b->run.expect = all;
	in_child(run_script, b, NULL);
	for (size_t i = 0; i < all[b->run.script.n].n; i++) {
		const struct file *f = &all[b->run.script.n].files[i];

		expect_add(e, f->path, f->directory, f->content ? f->content->bytes : NULL,
			   f->content ? f->content->length : 0);
	}
	for (size_t i = 0; i <= b->run.script.n; i++)
		expect_release(&all[i]);
	free(all);
	script_free(&b->run.script);
	b->run.script = whole;
	b->run.sessions_before = 2;
}

static void make_script(struct bench *b, const struct expect *beginning)
{
	const struct scenario *s = b->scenario;

	if (s->script)
		script_parse(&b->run.script, s->script);
	else
		script_random(&b->run.script, beginning, b->seed, s->random_steps);
	script_parse(&b->run.script, "remount");
}

static void bench_open(struct bench *b, const struct scenario *s, unsigned seed)
{
	struct expect first = {.n = 0};
	char path[64];

	*b = (struct bench){.scenario = s, .seed = seed, .run.by_identity = s->by_identity};
	snprintf(b->top, sizeof(b->top), "%s/cdappendfs-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	REQUIRE(mkdtemp(b->top));
	snprintf(b->run.root, sizeof(b->run.root), "%s/r", b->top);
	snprintf(b->run.final, sizeof(b->run.final), "%s/final", b->top);
	snprintf(b->keep, sizeof(b->keep), "%s/keep", b->top);
	snprintf(b->log, sizeof(b->log), "%s/log", b->top);
	command("mkdir -p r", b->top);
	if (s->base == OURS)
		own_base(b, &first);
	else if (s->base != BLANK)
		foreign_base(b, &first);
	make_script(b, &first);
	b->run.expect = calloc(b->run.script.n + 1, sizeof(struct expect));
	REQUIRE(b->run.expect);
	b->run.expect[0] = first;
	script_expect(&b->run.script, b->run.expect);
	b->disk = disk_open(b->run.root, b->keep, DISK_AS_IT_IS);
	in_child(run_script, b, b->log);
	disk_load(b->disk, b->log);
	snprintf(path, sizeof(path), "cp --sparse=always r/image final");
	command(path, b->top);
}

static void bench_close(struct bench *b)
{
	command("rm -rf -- \"$PWD\"", b->top);
	for (size_t i = 0; i <= b->run.script.n; i++)
		expect_release(&b->run.expect[i]);
	free(b->run.expect);
	script_free(&b->run.script);
	disk_free(b->disk);
}

/* ---- a state ---- */

struct state {
	struct disk_cut cut, second;
	bool twice;
	unsigned extra;
};

static void recover_only(struct bench *b)
{
	struct world w;

	act_place(&w, b->run.root, b->run.by_identity);
	if (world_open(&w) != 0)
		_exit(0); /* the check says so */
	world_close(&w);
}

/* The recovery is recorded and cut. False: there was none to be cut. */
static bool cut_again(struct bench *b, struct state *s)
{
	struct disk *d = disk_open(b->run.root, b->keep, DISK_AS_IT_IS);
	char log[48];
	bool any;

	snprintf(log, sizeof(log), "%s/log2", b->top);
	unlink(log);
	in_child(recover_only, b, log);
	disk_load(d, log);
	any = disk_records(d) != 0;
	if (s->second.at == SIZE_MAX)
		s->second.at = any ? disk_hash(s->second.seed, 8, 8) % (disk_records(d) + 1) : 0;
	disk_build(d, &s->second);
	disk_free(d);
	return any;
}

static bool try_state(struct bench *b, struct state *s)
{
	struct moment m;

	disk_build(b->disk, &s->cut);
	if (s->twice)
		cut_again(b, s);
	check_moment(b->disk, &b->run, s->cut.at, &m);
	if (check_state(&b->run, &m, s->extra))
		return true;
	printf("# again: power_cut -r \"%s %u %zu %d %llu", b->scenario->name, b->seed, s->cut.at, (int)s->cut.how,
	       (unsigned long long)s->cut.seed);
	if (s->twice)
		printf(" %zu %d %llu", s->second.at, (int)s->second.how, (unsigned long long)s->second.seed);
	printf("\"\n# after %zu of %zu records, step %zu%s, durable %zu\n", s->cut.at, disk_records(b->disk), m.begun,
	       m.in_step ? " (not ended)" : "", m.durable);
	return false;
}

/* A mark that follows tells more of what was promised at the same moment. */
static bool is_moment(const struct disk *d, size_t at)
{
	const char *data;

	return at == disk_records(d) || disk_record(d, at, &data)->op != POWER_MARK;
}

/* The head's first sector has just been written, in place: the one write on which all depends. */
static bool is_head(const struct disk *d, size_t at)
{
	const char *data;
	const struct power_record *r = at ? disk_record(d, at - 1, &data) : NULL;

	return r && r->op == POWER_WRITE && r->offset == HEAD_BYTES && r->data_bytes == 2048;
}

struct count {
	size_t states, losses, twice;
};

static void count_state(struct bench *b, struct state *s, struct count *n)
{
	s->extra = n->states % 400 == 37 ? CHECK_OTHERS | CHECK_SESSIONS :
		   n->states % 7 == 3	 ? CHECK_EXTEND :
		   n->states % 5 == 2	 ? CHECK_SESSIONS :
					   0;
	n->states++;
	n->twice += s->twice;
	n->losses += !try_state(b, s);
}

static void try_moment(struct bench *b, size_t at, struct count *n)
{
	static const unsigned ways[DISK_HOWS] = {
		[DISK_ALL] = 1,	    [DISK_NONE] = 1,	 [DISK_SIZES] = 1,    [DISK_DATA] = 1,
		[DISK_BUT_ONE] = 2, [DISK_ONLY_ONE] = 2, [DISK_PREFIXES] = 2, [DISK_RANDOM] = 4};

	for (int how = 0; how < DISK_HOWS; how++)
		for (unsigned i = 0; i < (is_head(b->disk, at) ? 16 : 1) * ways[how] && n->losses < 20; i++) {
			struct state s = {.cut = {at, (enum disk_how)how, disk_hash(b->seed, at, i) % 1000000}};

			count_state(b, &s, n);
			if (!disk_has_pending(b->disk, at))
				return;
		}
}

static void try_sample(struct bench *b, size_t states, struct count *n)
{
	for (size_t i = 0; i < states && n->losses < 20; i++) {
		uint64_t h = disk_hash(b->seed, i, 42);
		struct state s = {.cut = {h % (disk_records(b->disk) + 1), (enum disk_how)(h / 1000 % (DISK_HOWS + 3)),
					  h / 100000 % 1000000}};

		if (s.cut.how >= DISK_HOWS)
			s.cut.how = DISK_RANDOM;
		while (!is_moment(b->disk, s.cut.at) ||
		       (i % 8 == 5 && s.cut.at < disk_records(b->disk) && !is_head(b->disk, s.cut.at)))
			s.cut.at++;
		s.twice = h / 7 % 3 == 0;
		if (s.twice)
			s.second =
				(struct disk_cut){SIZE_MAX, (enum disk_how)(h / 21 % DISK_HOWS), h / 200000 % 1000000};
		count_state(b, &s, n);
	}
}

/* Root's default root is one for all: an ordinary user has one of his own. */
static void become_user(const struct scenario *s)
{
	if (s->by_identity && geteuid() == 0)
		REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

static bool try_scenario(const struct scenario *s, const struct options *o, unsigned point)
{
	struct count n = {0};
	struct bench b;
	bool complete;

	bench_open(&b, s, o->seed);
	complete = disk_is_complete(b.disk);
	if (o->verbose)
		script_print(&b.run.script);
	for (size_t at = 0; o->every && at <= disk_records(b.disk); at++)
		if (is_moment(b.disk, at))
			try_moment(&b, at, &n);
	if (!o->every)
		try_sample(&b, o->states, &n);
	printf("%sok %u - %s, seed %u: %zu states of %zu records, %zu of them cut twice, %zu losses%s\n",
	       n.losses || !complete ? "not " : "", point, s->name, o->seed, n.states, disk_records(b.disk), n.twice,
	       n.losses, complete ? "" : "; the record is not complete");
	fflush(stdout);
	bench_close(&b);
	return complete && !n.losses;
}

static bool in_own_process(const struct scenario *s, const struct options *o, unsigned point)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	REQUIRE(child >= 0);
	if (child == 0) {
		become_user(s);
		exit(!try_scenario(s, o, point));
	}
	REQUIRE(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status))
		printf("not ok %u - %s, seed %u: ended by signal %d\n", point, s->name, o->seed, WTERMSIG(status));
	return status == 0;
}

/* ---- the command line ---- */

static const struct scenario *find_scenario(const char *name)
{
	for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++)
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	fprintf(stderr, "no scenario %s\n", name);
	exit(2);
}

static int again(const char *text)
{
	unsigned long long seed, second_seed = 0;
	struct state s = {.extra = 0};
	char name[32];
	unsigned script_seed;
	size_t at, second_at = 0;
	int how, second_how = 0, n;
	struct bench b;

	n = sscanf(text, "%31s %u %zu %d %llu %zu %d %llu", name, &script_seed, &at, &how, &seed, &second_at,
		   &second_how, &second_seed);
	if (n != 5 && n != 8)
		return 2;
	s.cut = (struct disk_cut){at, (enum disk_how)how, seed};
	s.second = (struct disk_cut){second_at, (enum disk_how)second_how, second_seed};
	s.twice = n == 8;
	become_user(find_scenario(name));
	bench_open(&b, find_scenario(name), script_seed);
	script_print(&b.run.script);
	printf("%s\n", b.top);
	for (unsigned extra = 0; extra < 8; extra++) {
		s.extra = extra;
		if (!try_state(&b, &s))
			break;
	}
	disk_build(b.disk, &s.cut);
	if (s.twice)
		cut_again(&b, &s);
	return 0;
}

static int build_one(const char *text)
{
	char root[128], keep[128], log[128];
	struct disk_cut cut;
	unsigned long long seed;
	struct disk *d;
	size_t part;
	int how;

	if (sscanf(text, "%127s %127s %127s %zu %d %llu", root, keep, log, &part, &how, &seed) != 6 || part > 1000 ||
	    how < 0 || how >= DISK_HOWS)
		return 2;
	d = disk_open(root, keep, DISK_EMPTY);
	disk_load(d, log);
	cut = (struct disk_cut){disk_records(d) * part / 1000, (enum disk_how)how, seed};
	while (!is_moment(d, cut.at))
		cut.at++;
	if (part == 1000 && how == DISK_ALL && !disk_is_complete(d))
		return 1;
	disk_build(d, &cut);
	for (size_t i = cut.at; i-- > 0;) {
		const char *data;
		const struct power_record *r = disk_record(d, i, &data);

		if (r->op == POWER_MARK) {
			printf("%.*s\n", (int)r->data_bytes, data);
			break;
		}
	}
	disk_free(d);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .states = 100};
	unsigned point = 0, failed = 0;
	int c;

	while ((c = getopt(argc, argv, "s:n:r:b:m:xvl")) >= 0) {
		if (c == 'r')
			return again(optarg);
		if (c == 'b')
			return build_one(optarg);
		if (c == 'm')
			return power_mark(optarg), 0;
		if (c == 's')
			o.seed = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'n')
			o.states = strtoul(optarg, NULL, 10);
		else if (c == 'x')
			o.every = true;
		else if (c == 'v')
			o.verbose = true;
		else if (c != 'l')
			return 2;
		for (size_t i = 0; c == 'l' && i < ARRAY_LENGTH(scenarios); i++)
			printf("%s\n", scenarios[i].name);
		if (c == 'l')
			return 0;
	}
	for (size_t i = 0; optind == argc && i < ARRAY_LENGTH(scenarios); i++)
		failed += !in_own_process(&scenarios[i], &o, ++point);
	for (; optind < argc; optind++)
		failed += !in_own_process(find_scenario(argv[optind]), &o, ++point);
	printf("1..%u\n", point);
	return failed != 0;
}
