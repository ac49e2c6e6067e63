/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/stages_json.h"

#include "burner/base/time.h"

static const char *known(const char *text) { return text && *text ? text : NULL; }

void stages_json(struct json *j, const struct salvage_stages *s)
{
	char date[TIME_TEXT_BYTES];

	json_open(j, "stages", '[');
	for (size_t i = 0; i < s->n; i++) {
		const struct salvage_stage *at = &s->all[i];

		json_open(j, NULL, '{');
		json_string_or_null(j, "disc", known(at->disc));
		json_string(j, "staging", at->directory);
		json_u64(j, "staged_bytes", at->staged_bytes);
		json_string_or_null(j, "changed", known(time_text(at->changed.tv_sec, date)));
		json_string(j, "state", salvage_state_name(at->state));
		json_string_or_null(j, "why", known(at->why));
		json_string_or_null(j, "mountpoint", known(at->mountpoint));
		json_close(j, '}');
	}
	json_close(j, ']');
}
