/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * damage.c - what of a session lies on blocks that are not what was written
 */
#include "fs/commit/damage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/log.h"
#include "burner/base/search.h"
#include "fs/commit/message.h"

#define NAMES_IN_LOG 10u

struct naming {
	const struct manifest *manifest;
	const struct burn_plan *plan;
	const struct burn_directory *directories; /* ascending by number */
	size_t n_directories;
	uint64_t from, to; /* bytes of the disc */
};

static bool overlaps(const struct naming *n, uint64_t pos, uint64_t bytes)
{
	return pos < n->to && pos + bytes > n->from;
}

static bool comes_before(const void *list, size_t i, const void *key)
{
	return ((const struct burn_directory *)list)[i].ino < *(const uint64_t *)key;
}

static bool lies_there(const struct naming *n, uint32_t node)
{
	const struct manifest_node *m = &n->manifest->nodes[node];
	const struct extent *extents;
	size_t i, n_extents;
	bool found = false;

	if (S_ISDIR(m->mode)) {
		i = search_first(n->directories, n->n_directories, &m->ino, comes_before);
		return i < n->n_directories && n->directories[i].ino == m->ino &&
		       overlaps(n, (uint64_t)n->directories[i].lba * SECTOR_BYTES, n->directories[i].bytes);
	}
	if (!S_ISREG(m->mode))
		return false;
	burn_plan_extents(n->plan, node, &extents, &n_extents);
	for (i = 0; i < n_extents && !found; i++)
		found = overlaps(n, extents[i].pos, extents[i].length);
	return found;
}

void damage_name(const struct manifest *m, const struct burn_plan *plan, const struct burn_damage *damage,
		 char ret[DAMAGE_BYTES])
{
	struct naming n = {.manifest = m,
			   .plan = plan,
			   .from = (uint64_t)damage->lba * SECTOR_BYTES,
			   .to = ((uint64_t)damage->lba + damage->sectors) * SECTOR_BYTES};
	uint64_t found = 0;
	char path[1024], names[DAMAGE_BYTES - sizeof("of ")] = "";

	burn_plan_directories(plan, &n.directories, &n.n_directories);
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].kept || !lies_there(&n, i) || found++ >= NAMES_IN_LOG)
			continue;
		manifest_path(m, i, path, sizeof(path));
		log_error("not what was written: %s", path[0] ? path : "/");
		if (found <= MESSAGE_PATHS)
			message_add_path(names, sizeof(names), path[0] ? path : "/");
	}
	if (found > NAMES_IN_LOG)
		log_error("not what was written: %" PRIu64 " more", found - NAMES_IN_LOG);
	message_add_more(names, sizeof(names), found);
	snprintf(ret, DAMAGE_BYTES, "of %s", found ? names : "no file, but of what the session consists of besides");
}
