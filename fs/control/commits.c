/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * commits.c - requests to the commit: what is asked of it, and with what
 */
#include <errno.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "fs/control/internal.h"

static const char *take_message(const char *object, struct commit_request_options *o, char *buf)
{
	if (o->kind != COMMIT_BURN)
		return "nothing is burned";
	o->message = buf;
	return json_get_string(object, "message", buf, sizeof(session_message)) < 0 ? "it cannot be read" :
										      session_message_refusal(buf);
}

static const char *take_parity(uint64_t percent, struct commit_request_options *o)
{
	if (o->kind == COMMIT_DISCARD)
		return "no session is made";
	if (percent < 1 || percent > 100)
		return "parity is 1 to 100 percent";
	o->flags |= COMMIT_ADD_PARITY;
	o->parity_percent = (unsigned)percent;
	return NULL;
}

static const char *take_adoption(struct commit_request_options *o)
{
	o->flags |= COMMIT_ADOPT;
	return o->kind == COMMIT_DISCARD ? "no session is made" : NULL;
}

/* One that makes a session may say with what message, with parity of what, and whether it adopts:
 * sync {"message":"…","add_ecc":10,"adopt":true} */
static bool take_object(struct connection *n, const char *object, struct commit_request_options *o, char *buf)
{
	const char *why = NULL;
	uint64_t percent;
	bool parity, adopts = false;

	if (!object)
		return true;
	json_get_bool(object, "adopt", &adopts);
	parity = json_get_u64(object, "add_ecc", &percent) == 0;
	if (parity)
		why = take_parity(percent, o);
	if (!why && adopts)
		why = take_adoption(o);
	if (!why &&
	    ((!parity && !adopts) || json_get_string(object, "message", buf, sizeof(session_message)) != -ENOENT))
		why = take_message(object, o, buf);
	if (why)
		control_refuse(n, -EINVAL, why);
	return !why;
}

bool control_reply_to_commits(struct connection *n, const char *line)
{
	static const struct {
		const char *request;
		struct commit_request_options commit;
	} commits[] = {
		{"sync", {.flags = 0}},
		{"sync finalize", {.flags = COMMIT_FINALIZE}},
		{"sync full-tree", {.flags = COMMIT_FULL_TREE}},
		{"sync finalize full-tree", {.flags = COMMIT_FINALIZE | COMMIT_FULL_TREE}},
		{"sync span", {.flags = COMMIT_SPAN}},
		{"sync span split", {.flags = COMMIT_SPAN | COMMIT_SPLIT}},
		{"dry-run", {.kind = COMMIT_DRY_RUN}},
		{"dry-run span", {.kind = COMMIT_DRY_RUN, .flags = COMMIT_SPAN}},
		{"dry-run span split", {.kind = COMMIT_DRY_RUN, .flags = COMMIT_SPAN | COMMIT_SPLIT}},
		{"dry-run full-tree", {.kind = COMMIT_DRY_RUN, .flags = COMMIT_FULL_TREE}},
		{"discard", {.kind = COMMIT_DISCARD}},
	};
	const char *object = strstr(line, " {");
	size_t length = object ? (size_t)(object - line) : strlen(line);
	session_message message;

	for (size_t i = 0; i < ARRAY_LENGTH(commits); i++) {
		struct commit_request_options o = commits[i].commit;

		if (strlen(commits[i].request) != length || strncmp(line, commits[i].request, length) != 0)
			continue;
		if (take_object(n, object, &o, message))
			(void)control_reply_commit(n, &o);
		return true;
	}
	return false;
}
