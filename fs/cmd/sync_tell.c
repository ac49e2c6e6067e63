/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/sync_tell.h"

#include <inttypes.h>
#include <stdio.h>

#include "burner/base/json.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/control/report.h"

void sync_print_json(const struct client_result *r)
{
	struct json j = {stdout, false};
	char set[24];

	json_open(&j, NULL, '{');
	json_string(&j, "event", "result");
	json_u64(&j, "append_bytes", r->append_bytes);
	json_u64(&j, "data_bytes", r->data_bytes);
	json_u64(&j, "parity_bytes", r->parity_bytes);
	json_u64(&j, "shared_bytes", r->shared_bytes);
	json_u64(&j, "found_bytes", r->found_bytes);
	json_u64(&j, "tree_bytes", r->tree_bytes);
	json_u64_or_null(&j, "files_in_pieces", r->files_in_pieces, PIECES_UNKNOWN);
	json_u64(&j, "attributes_lost", r->attributes_lost);
	json_u64(&j, "names_changed", r->names_changed);
	json_u64(&j, "names_closed", r->names_closed);
	json_u64(&j, "older_bytes", r->older_bytes);
	json_u64(&j, "older_sessions", r->older_sessions);
	json_u64(&j, "unproven_bytes", r->unproven_bytes);
	json_u64(&j, "left_out_bytes", r->left_out_bytes);
	json_u64(&j, "adopted_bytes", r->adopted_bytes);
	json_u64(&j, "adopted_sessions", r->adopted_sessions);
	json_u64(&j, "unread_bytes", r->unread_bytes);
	json_u64(&j, "held_bytes", r->held_bytes);
	snprintf(set, sizeof(set), "%08" PRIx64, r->set);
	json_string_or_null(&j, "set", r->set ? set : NULL);
	json_u64_or_null(&j, "disc", r->disc, 0);
	json_u64_or_null(&j, "discs", r->discs, 0);
	json_u64(&j, "overhead_bytes", r->overhead_bytes);
	json_u64_or_null(&j, "more_sessions", r->more_sessions, SESSIONS_NO_BOUND);
	json_bool(&j, "fits", r->fits);
	json_u64(&j, "session", r->session);
	json_bool(&j, "burned", r->burned);
	json_u64(&j, "error", (uint64_t)r->error);
	json_string(&j, "message", r->message);
	json_close(&j, '}');
	json_end_line(&j);
}

void sync_print_cost(const struct client_result *r)
{
	char overhead[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], more[80] = "";

	if (!r->append_bytes)
		return;
	if (r->more_sessions != SESSIONS_NO_BOUND && r->fits)
		snprintf(more, sizeof(more), "; %" PRIu64 " more session%s of this size fit%s", r->more_sessions,
			 r->more_sessions == 1 ? "" : "s", r->more_sessions == 1 ? "s" : "");
	printf("this session %s %s of overhead for %s of data%s\n", r->burned ? "took" : "takes",
	       size_text(r->overhead_bytes, overhead), size_text(r->data_bytes, data), more);
}

void sync_print_parity(const struct client_result *r)
{
	char parity[SIZE_TEXT_BYTES], older[SIZE_TEXT_BYTES], unproven[SIZE_TEXT_BYTES];
	const char *are = r->burned ? "are" : "will be";

	if (r->parity_bytes && r->older_bytes)
		printf("of the session, %s %s parity, by which what gets lost of it, and of %s in %" PRIu64
		       " older session%s, can be made again\n",
		       size_text(r->parity_bytes, parity), are, size_text(r->older_bytes, older), r->older_sessions,
		       r->older_sessions == 1 ? "" : "s");
	else if (r->parity_bytes)
		printf("of the session, %s %s parity, by which what gets lost of it can be made again\n",
		       size_text(r->parity_bytes, parity), are);
	if (r->unproven_bytes)
		printf("of the older sessions, %s are of other programs: no digest proves them, so they %s protected "
		       "as "
		       "they are now\n",
		       size_text(r->unproven_bytes, unproven), are);
	if (r->older_more)
		puts("the disc has more pieces than one session can protect: ask again for the rest");
}
