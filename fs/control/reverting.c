/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reverting.c - revert {"session":3,"force":true,"1":"path",…}: the tree as it was in a session
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/control/internal.h"

/* An older session may have had programs with rights that were taken from them since: where other users may run them,
 * only who could give such rights brings them back. */
static bool may_revert(const struct connection *n) { return n->user == 0 || n->user == geteuid(); }

void control_revert(struct connection *n, const char *object)
{
	struct commit_request_options o = {.kind = COMMIT_REVERT};
	char *paths[CONTROL_PATHS_MAX];
	size_t n_paths = 0;
	uint64_t session;
	bool force = false;
	int r = json_get_u64(object, "session", &session);

	if (r < 0 || session > UINT32_MAX) {
		control_refuse(n, -EINVAL, "which session?");
		return;
	}
	if (!may_revert(n)) {
		control_refuse(n, -EPERM, "only root, and who mounted it, may bring back an older tree as a whole");
		return;
	}
	(void)json_get_bool(object, "force", &force);
	r = control_take_paths(object, paths, &n_paths);
	if (r == -EINVAL && !n_paths)
		r = 0; /* all of it */
	if (!r)
		o.revert = malloc(sizeof(*o.revert) + n_paths * sizeof(char *));
	if (!r && !o.revert)
		r = -ENOMEM;
	if (r) {
		while (n_paths)
			free(paths[--n_paths]);
		control_refuse(n, r, strerror(-r));
		return;
	}
	*o.revert = (struct commit_revert){.session = (uint32_t)session, .force = force, .n_paths = n_paths};
	memcpy(o.revert->paths, paths, n_paths * sizeof(char *));
	if (control_reply_commit(n, &o) < 0)
		commit_revert_free(o.revert);
}
