/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/sessions.h"

#include <unistd.h>

#include "burner/base/log.h"

/* Who asks to see them is told why he does not. */
static void say_hidden(const struct opening *o)
{
	struct stat st;

	if (o->options->sessions != OPTIONS_SESSIONS_SHOW ||
	    tree_lookup(o->tree, TREE_ROOT, HISTORY_DIRECTORY, &st) < 0)
		return;
	tree_forget(o->tree, st.st_ino, 1);
	log_warning("%s: it has a file '" HISTORY_DIRECTORY
		    "' of its own, and that is what is shown: rename it to see the sessions there, "
		    "or mount one of them with -o session=N",
		    o->disc_path);
}

int sessions_new(const struct sessions_options *options, const struct opening *o, const struct server *server,
		 struct snapdir **ret)
{
	const struct snapdir_options how = {
		.medium = &o->state,
		.owner = options->owner,
		.group = getgid(),
		.lazy = o->state.exclusive && !server_checks_permissions(server),
		.present = o->tree,
		.changing = options->changing,
		.context = options->context,
	};
	struct snapdir *p;
	int r;

	*ret = NULL;
	if (o->options->sessions == OPTIONS_SESSIONS_OFF)
		return 0;
	r = snapdir_new(&how, o->disc, &p);
	if (r < 0)
		return r;
	r = snapdir_set_sessions(p, o->sessions, o->n_sessions);
	if (r < 0) {
		snapdir_free(p);
		return r;
	}
	say_hidden(o);
	*ret = p;
	return 0;
}
