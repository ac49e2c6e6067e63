/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/sync_check.h"

#include <string.h>

#include "burner/base/json.h"
#include "burner/base/size.h"
#include "fs/cmd/command.h"

struct asked {
	bool overwritable;
	uint64_t staged_bytes;
};

static void on_info(void *context, const char *type, const char *line)
{
	struct asked *a = context;

	if (strcmp(type, "info") != 0)
		return;
	json_get_bool(line, "overwritable", &a->overwritable);
	json_get_u64(line, "staged_bytes", &a->staged_bytes);
}

static int ask(const struct control_mount *mount, struct asked *ret)
{
	struct client_handlers handlers = {.line = on_info, .context = ret};
	struct client_result result = {0};

	*ret = (struct asked){0};
	int r = client_ask(mount, "info", &handlers, &result);
	if (r < 0 || result.error)
		return command_fail("%s: %s", mount->mountpoint, r < 0 ? client_why(r) : strerror(result.error));
	return COMMAND_DONE;
}

int sync_check_finalize(const struct control_mount *mount)
{
	struct asked a;
	int status = ask(mount, &a);

	if (status == COMMAND_DONE && a.overwritable)
		return command_fail("%s: image files and rewritable media are always appendable: there is nothing to "
				    "finalize, and nothing was burned; "
				    "leave --finalize out",
				    mount->mountpoint);
	return status;
}

int sync_check_staged(const struct control_mount *mount, uint64_t least_bytes, bool *ret,
		      struct client_result *ret_little)
{
	char staged[SIZE_TEXT_BYTES], least[SIZE_TEXT_BYTES];
	struct asked a;
	int status = ask(mount, &a);

	if (status != COMMAND_DONE)
		return status;
	*ret = a.staged_bytes >= least_bytes;
	*ret_little = (struct client_result){.fits = true,
					     .more_sessions = SESSIONS_NO_BOUND,
					     .files_in_pieces = PIECES_UNKNOWN};
	snprintf(ret_little->message, sizeof(ret_little->message), "nothing was burned: %s are staged, less than %s",
		 size_text(a.staged_bytes, staged), size_text(least_bytes, least));
	return COMMAND_DONE;
}
