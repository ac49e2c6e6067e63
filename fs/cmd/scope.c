/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/scope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/own.h"
#include "burner/base/path.h"
#include "fs/cmd/command.h"
#include "fs/cmd/staged.h"
#include "fs/cmd/versions.h"

struct filling {
	struct scope *scope;
	const struct disc_session *sessions;
	const char *path; /* in the session `left` - 1 */
	char *own;	  /* it, when it is not what was asked for */
	size_t left;	  /* sessions that are not filled yet, the oldest ones */
	int error;
};

static void fill(struct filling *f, size_t from)
{
	while (f->left > from && !f->error) {
		f->scope->paths[--f->left] = strdup(f->path);
		f->error = f->scope->paths[f->left] ? 0 : -ENOMEM;
	}
}

/* The newest first. */
static void on_version(void *context, const struct version *v)
{
	struct filling *f = context;

	fill(f, (size_t)(v->session - f->sessions));
	if (f->error || v->kind != 'R' || strcmp(v->path, f->path) != 0)
		return;
	free(f->own);
	f->path = f->own = strdup(v->from);
	f->error = f->own ? 0 : -ENOMEM;
}

static int refuse(const struct argument *a)
{
	if (path_is_inside(a->inside, HISTORY_DIRECTORY))
		command_fail("%s: what is in '" HISTORY_DIRECTORY
			     "' is no path of the disc: give the path without '" HISTORY_DIRECTORY "' and the session",
			     a->given);
	else
		command_fail("%s: no session has it, and nothing that is staged", a->given);
	return -ENOENT;
}

static int fill_all(const struct between *b, const struct argument *a, struct filling *f)
{
	struct versions_asked asked = {.max = UINT64_MAX, .found = on_version, .context = f};
	_free_ char *former = NULL;
	struct stat st;
	bool any = false;
	int r = staged_former(&a->mount, history_newest(b->history), a->inside, &former);

	if (r)
		return -EIO;
	f->path = asked.path = former ? former : a->inside;
	r = versions_list(b, &asked, &any);
	fill(f, 0);
	free(f->own);
	if (r || f->error)
		return r ? r : f->error;
	return any || (!path_is_inside(a->inside, HISTORY_DIRECTORY) && lstat(a->given, &st) == 0) ? 0 : refuse(a);
}

int scope_find(const struct between *b, const struct argument *a, struct scope *ret)
{
	struct filling f = {.scope = ret, .sessions = b->history->sessions, .left = b->history->n};

	ret->staged = a->inside;
	if (!a->inside[0])
		return 0;
	ret->n = b->history->n;
	ret->paths = calloc(ret->n + 1, sizeof(*ret->paths));
	return ret->paths ? fill_all(b, a, &f) : -ENOMEM;
}

void scope_release(struct scope *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->paths[i]);
	free(s->paths);
}
