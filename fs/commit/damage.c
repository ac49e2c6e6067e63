/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * damage.c - what of a session lies on blocks that are not what was written
 */
#include "fs/commit/damage.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/log.h"
#include "fs/commit/message.h"

#define NAMES_IN_LOG 10u

struct naming {
	const struct manifest *manifest;
	uint64_t found;
	char *names; /* of DAMAGE_NAMES_BYTES */
};
#define DAMAGE_NAMES_BYTES (DAMAGE_BYTES - sizeof("of "))

static void note(void *context, enum session_part what, uint32_t node)
{
	const char *text = session_part_text(what);
	struct naming *n = context;
	char path[1024] = "";

	if (n->found++ >= NAMES_IN_LOG)
		return;
	if (node != BURN_NO_NODE) {
		manifest_path(n->manifest, node, path, sizeof(path));
		if (!path[0])
			memcpy(path, "/", sizeof("/"));
	}
	log_error("not what was written: %s%s", text, path);
	if (n->found <= MESSAGE_PATHS)
		message_add_path(n->names, DAMAGE_NAMES_BYTES, text, path);
}

void damage_name(const struct manifest *m, const struct burn_plan *plan, const struct burn_damage *damage,
		 char ret[DAMAGE_BYTES])
{
	char names[DAMAGE_NAMES_BYTES] = "";
	struct naming n = {.manifest = m, .names = names};

	burn_plan_parts(plan, (struct burn_range){damage->lba, damage->sectors}, note, &n);
	if (n.found > NAMES_IN_LOG)
		log_error("not what was written: %" PRIu64 " more", n.found - NAMES_IN_LOG);
	message_add_more(names, sizeof(names), n.found);
	snprintf(ret, DAMAGE_BYTES, "of %s", n.found ? names : "nothing, but of zeros between its parts");
}
