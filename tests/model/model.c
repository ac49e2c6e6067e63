/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * model.c - random operations on a mount and on a plain directory, side by side
 *
 *	model_model [-v] [-e] [-i] [-n EVERY] [-x EVERY:COMMAND]… [-c EVERY:COMMAND]… [-k EVERY:COMMAND]… SEED
 *	OPERATIONS MOUNT PLAIN
 *
 * Both directories hold the same tree at the start.  Each operation must give the same result and errno on both;
 * after every EVERY (100) operations, and around each hook, the whole trees must be the same.  Hooks run a shell
 * command every so many operations:
 *	-x with all handles, mappings and directory streams kept (a commit)
 *	-c after everything was closed (an unmount and a mount)
 *	-k after everything was fsynced and closed (the end of the daemon without warning, and a mount)
 *	-i  inode numbers of the mount are the same after -c and -k
 *	-e  the mount may be full: what fails with ENOSPC must have changed nothing, but for content; nothing is mapped
 *	-v  tells each operation on standard error
 * The same seed makes the same operations.  Exit status 0: no difference; 1: a difference, told with the last
 * operations; 2: trouble.
 */
#include "tests/model/names.h"

#define NODES_MAX 250u
#define BYTES_MAX (28ll << 20)
#define HOOKS 8

/* ---- directory streams ---- */

/* The names that the stream may not miss: those there when it begins to be read. */
static void begin_reading(struct held *h)
{
	ssize_t n = names_of(h->fd[PLAIN], &h->start);

	free_names(h->seen, h->n_seen);
	h->seen = NULL;
	h->n_seen = 0;
	h->n_start = n < 0 ? 0 : (size_t)n;
	free(h->start_inos);
	h->start_inos = need(calloc(h->n_start + 1, sizeof(*h->start_inos)));
	for (size_t i = 0; i < h->n_start; i++) {
		struct stat st;
		h->start_inos[i] = fstatat(h->fd[PLAIN], h->start[i], &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
	}
}

static void saw(struct held *h, const char *name)
{
	for (size_t i = 0; i < h->n_seen; i++)
		if (!strcmp(h->seen[i], name))
			differ("handle %d: readdir gives %s twice", (int)(h - model.held), name);
	h->seen = need(realloc(h->seen, (h->n_seen + 1) * sizeof(*h->seen)));
	h->seen[h->n_seen++] = need(strdup(name));
}

/* At the end of the stream: names that were there all the time were given. */
static void check_seen(struct held *h)
{
	for (size_t i = 0; i < h->n_start; i++) {
		struct stat st;
		size_t at = 0;

		if (fstatat(h->fd[PLAIN], h->start[i], &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != h->start_inos[i])
			continue;
		while (at < h->n_seen && strcmp(h->seen[at], h->start[i]))
			at++;
		if (at == h->n_seen)
			differ("handle %d: readdir did not give %s", (int)(h - model.held), h->start[i]);
	}
}

static void rewind_stream(struct held *h)
{
	BOTH(lseek(h->fd[s], 0, SEEK_SET));
	free_names(h->start, h->n_start);
	h->start = NULL;
	h->n_start = 0;
	free(h->start_inos);
	h->start_inos = NULL;
}

static void read_stream(struct held *h)
{
	char buf[4096];
	size_t size = 300 + below(sizeof(buf) - 300);
	struct stat st;

	tell("readdir handle %d", (int)(h - model.held));
	if (fstat(h->fd[PLAIN], &st) < 0 || !st.st_nlink)
		return;
	if (!h->start_inos)
		begin_reading(h);
	for (unsigned calls = 1 + (unsigned)below(3); calls; calls--) {
		ssize_t n = getdents64(h->fd[MOUNT], buf, size);

		if (n < 0)
			differ("handle %d: getdents: %s", (int)(h - model.held), strerror(errno));
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			saw(h, entry->d_name);
			at += entry->d_reclen;
		}
		if (n == 0) {
			check_seen(h);
			rewind_stream(h);
			return;
		}
	}
}

static void do_directory(void)
{
	struct held *h = &model.held[below(HELD)];
	int fd[SIDES];

	if (h->used && h->directory) {
		if (percent(90)) {
			read_stream(h);
		} else {
			tell("rewinddir handle %d", (int)(h - model.held));
			rewind_stream(h);
		}
		return;
	}
	const struct node *n = pick(S_IFDIR);
	tell("opendir %s", n ? n->path : ".");
	if (!BOTH_OPEN(fd, openat(model.root[s], n ? n->path : ".", O_RDONLY | O_DIRECTORY)))
		return;
	if (!keep(fd))
		close_both(fd);
}

/* ---- keeping the tree small ---- */

static void remove_below(const char *path)
{
	size_t length = strlen(path);

	for (size_t i = model.n_nodes; i-- > 0;) {
		const struct node *n = &model.nodes[i];
		if (!strncmp(n->path, path, length) && (!n->path[length] || n->path[length] == '/'))
			BOTH(unlinkat(model.root[s], n->path, S_ISDIR(n->mode) ? AT_REMOVEDIR : 0));
	}
	model.stale = true;
}

static void prune(void)
{
	for (scan(); (model.n_nodes > NODES_MAX || model.bytes > BYTES_MAX) && !model.full; scan()) {
		const struct node *n = pick(0);

		for (size_t i = 0; model.bytes > BYTES_MAX && i < model.n_nodes; i++)
			if (S_ISREG(model.nodes[i].mode) && (!S_ISREG(n->mode) || model.nodes[i].size > n->size))
				n = &model.nodes[i];
		tell("remove %s and all below", n->path);
		char *path = need(strdup(n->path));
		remove_below(path);
		free(path);
	}
}

/* ---- hooks ---- */

static struct hook {
	char kind;
	uint64_t every;
	const char *command;
} hooks[HOOKS];
static unsigned n_hooks;
static uint64_t compare_every = 100;
static bool numbers_stay;

static void fsync_everything(void)
{
	for (size_t i = 0; i <= model.n_nodes; i++) {
		const char *path = i < model.n_nodes ? model.nodes[i].path : ".";
		mode_t type = i < model.n_nodes ? model.nodes[i].mode & S_IFMT : S_IFDIR;

		if (type != S_IFREG && type != S_IFDIR)
			continue;
		int fd = openat(model.root[MOUNT], path, O_RDONLY | O_NOFOLLOW | (type == S_IFDIR ? O_DIRECTORY : 0));
		if (fd < 0 || fsync(fd) < 0)
			differ("fsync %s: %s", path, strerror(errno));
		close(fd);
	}
}

static void close_everything(void)
{
	for (int i = 0; i < HELD; i++)
		release(&model.held[i]);
	close_both(model.root);
}

static void run_hook(const struct hook *h)
{
	struct pairing *before = NULL;
	size_t n_before;

	tell("hook: %s", h->command);
	if (h->kind != 'x')
		for (int i = 0; i < HELD; i++)
			release(&model.held[i]);
	compare_all();
	n_before = paired.n;
	before = need(memcpy(need(malloc((n_before + 1) * sizeof(*before))), paired.pairs, n_before * sizeof(*before)));
	if (h->kind == 'k') {
		model.stale = true; /* what was unlinked is gone */
		scan();
		fsync_everything();
	}
	if (h->kind != 'x')
		close_everything();
	fflush(NULL);
	int status = system(h->command);
	if (status)
		differ("hook \"%s\": status %d", h->command, status);
	if (h->kind != 'x')
		open_roots();
	compare_all();
	if (numbers_stay && h->kind != 'x')
		compare_numbers_before(before, n_before);
	free(before);
}

static void run_hooks(void)
{
	for (unsigned i = 0; i < n_hooks; i++)
		if (model.number && model.number % hooks[i].every == 0)
			run_hook(&hooks[i]);
}

/* ---- the run ---- */

static const struct {
	unsigned weight;
	void (*run)(void);
} operations[] = {
	{10, do_open},	   {6, do_close},  {14, do_write},    {6, do_read},    {5, do_truncate}, {2, do_truncate_path},
	{6, do_fallocate}, {2, do_seek},   {4, do_copy},      {1, do_scatter}, {2, do_rewrite},	 {4, do_version},
	{2, do_fsync},	   {3, do_map},	   {5, do_map_held},  {5, do_mkdir},   {2, do_mknod},	 {3, do_symlink},
	{1, do_readlink},  {4, do_link},   {6, do_unlink},    {9, do_rename},  {2, do_stat},	 {4, do_chmod},
	{3, do_chown},	   {4, do_utimes}, {6, do_directory}, {4, do_xattr},   {3, do_acl},
};

static void operate(void)
{
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		sum += operations[i].weight;
	uint64_t at = below(sum);
	size_t i = 0;
	while (at >= operations[i].weight)
		at -= operations[i++].weight;
	operations[i].run();
}

static void add_hook(char kind, char *argument)
{
	char *command = strchr(argument, ':');

	if (!command || n_hooks == HOOKS || !strtoull(argument, NULL, 10))
		errx(2, "-%c EVERY:COMMAND", kind);
	hooks[n_hooks++] = (struct hook){kind, strtoull(argument, NULL, 10), command + 1};
}

static void run(uint64_t n)
{
	struct timespec times[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};

	model.started = time(NULL);
	model.stale = true;
	open_roots();
	BOTH(fchmod(model.root[s], 0755));
	BOTH(fchown(model.root[s], 0, 0));
	BOTH(futimens(model.root[s], times));
	compare_all();
	for (model.number = 0; model.number < n; model.number++) {
		model.told[model.number % TOLD][0] = 0;
		run_hooks();
		if (model.number % compare_every == 0)
			compare_all();
		prune();
		model.full = false;
		operate();
	}
	model.told[model.number % TOLD][0] = 0;
	run_hooks();
	compare_all();
	close_everything();
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "vein:x:c:k:")) != -1) {
		switch (option) {
		case 'v':
			model.verbose = true;
			break;
		case 'e':
			model.bounded = true;
			break;
		case 'i':
			numbers_stay = true;
			break;
		case 'n':
			compare_every = strtoull(optarg, NULL, 10);
			break;
		case 'x':
		case 'c':
		case 'k':
			add_hook((char)option, optarg);
			break;
		default:
			return 2;
		}
	}
	if (argc - optind != 4 || !compare_every)
		errx(2, "usage: model_model [-vei] [-n EVERY] [-x|-c|-k EVERY:COMMAND]… SEED OPERATIONS MOUNT PLAIN");
	model.seed = model.chance = strtoull(argv[optind], NULL, 10);
	model.path[MOUNT] = argv[optind + 2];
	model.path[PLAIN] = argv[optind + 3];
	umask(027);
	run(strtoull(argv[optind + 1], NULL, 10));
	printf("# seed %" PRIu64 ", %" PRIu64 " operations: no difference\n", model.seed, model.number);
	return 0;
}
