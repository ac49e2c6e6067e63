/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/check_merge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "fs/check/mapfile.h"
#include "fs/check/merge.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"

/* When it was interrupted, the caller ends the process after nothing is left of it. */
static int fail(const char *name, int r, const char *why)
{
	if (r == -ECANCELED)
		return command_fail("%s: ended, and not made", name);
	return why ? command_fail("%s", why) : command_fail("%s: %s", name, strerror(-r));
}

/* One that cannot be looked at is not missing: reading it says why. */
static bool is_missing(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR) && lstat(path, &st) < 0;
}

/* COPY=FILE of --map; else COPY.map, or the copy's name with .map for what is behind its dot: as ddrescue is called. */
static int find_map(const struct merge_asked *a, const char *copy, char **ret)
{
	size_t length = strlen(copy);
	const char *slash = strrchr(copy, '/'), *dot = strrchr(copy, '.');
	int n = -1;

	*ret = NULL;
	for (size_t i = 0; i < a->n_maps; i++)
		if (strncmp(a->maps[i], copy, length) == 0 && a->maps[i][length] == '=')
			return (*ret = strdup(a->maps[i] + length + 1)) ? 0 : -ENOMEM;
	n = asprintf(ret, "%s.map", copy);
	if (n >= 0 && is_missing(*ret) && dot && dot > (slash ? slash : copy)) {
		free(*ret);
		n = asprintf(ret, "%.*s.map", (int)(dot - copy), copy);
	}
	if (n < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	if (is_missing(*ret))
		free(TAKE_PTR(*ret));
	return 0;
}

static bool names_a_copy(const struct merge_asked *a, const char *map)
{
	for (int i = 0; i < a->n_copies; i++) {
		size_t length = strlen(a->copies[i]);

		if (strncmp(map, a->copies[i], length) == 0 && map[length] == '=')
			return true;
	}
	return false;
}

static int add_copies(const struct merge_asked *a, struct merge *m)
{
	for (int i = 0; i < a->n_copies; i++) {
		_free_ char *map = NULL, *why = NULL;
		int r = find_map(a, a->copies[i], &map);

		if (!r)
			r = merge_add_copy(m, a->copies[i], map, &why);
		if (r)
			return fail(a->copies[i], r, why);
	}
	return COMMAND_DONE;
}

static void tell(const struct merge_asked *a, const struct merge_report *r)
{
	for (int i = 0; i < a->n_copies; i++)
		command_note("%s: %" PRIu64 " blocks are taken from it", a->copies[i], r->taken_sectors[i]);
	if (r->lost_sectors)
		command_note("%" PRIu64 " blocks are right in no copy", r->lost_sectors);
	if (r->undecided_boot)
		command_note("%" PRIu64
			     " of the blocks before the first session, of which nothing is proven, are not the "
			     "same in all copies: they are as the first one has them",
			     r->undecided_boot);
}

static int check_it(const struct merge_asked *a, struct merge *m, bool *ret_proven)
{
	const struct disc_open_options how = {.unbounded = false};
	struct disc *inner = NULL;
	const char *why = NULL;
	int r = disc_open_path(merge_path(m), &how, &inner, &why);

	if (r)
		return command_fail("%s: the copies together are no disc: %s", a->out, why ? why : strerror(-r));
	_cleanup_(disc_closep) struct disc *disc = mapfile_wrap(inner, merge_lost(m));

	return disc ? a->check(a->context, disc, a->out, ret_proven) : fail(a->out, -ENOMEM, NULL);
}

int check_merge(const struct merge_asked *a)
{
	_cleanup_(merge_freep) struct merge *m = NULL;
	_free_ char *why = NULL;
	struct merge_report report;
	bool proven = false;
	int r = 0, status;

	for (size_t i = 0; i < a->n_maps; i++)
		if (!names_a_copy(a, a->maps[i]))
			return command_usage("--map: '%s' does not begin with one of the copies and '='", a->maps[i]);
	r = merge_open(a->out, &m, &why);
	if (r)
		return fail(a->out, r, why);
	status = add_copies(a, m);
	if (status != COMMAND_DONE)
		return status;
	r = merge_run(m, a->progress, &report, &why);
	if (r)
		return fail(a->out, r, why);
	status = check_it(a, m, &proven);
	if (interrupted)
		return fail(a->out, -ECANCELED, NULL);
	if (!a->quiet || report.undecided_boot)
		tell(a, &report);
	r = merge_publish(m, &why);
	if (r)
		return fail(a->out, r, why);
	if (report.undecided_sectors && !proven)
		return command_fail("%s: %" PRIu64
				    " blocks that nothing proves are not the same in all copies: they are as "
				    "the first one has them; give the best copy first",
				    a->out, report.undecided_sectors);
	return status;
}
