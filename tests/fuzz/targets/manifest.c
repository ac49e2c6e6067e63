/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session above a hostile one: the whole tree is taken over (fs/commit), laid out and encoded (burner/session), and
 * read back
 *
 * Nothing that was understood may be missing afterwards, and nothing may be there that was not.  Input: see
 * common/image.h.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "burner/session/stream.h"
#include "burner/base/own.h"
#include "fs/manifest/directories.h"
#include "fs/manifest/manifest.h"
#include "fs/manifest/trees.h"
#include "tests/fuzz/common/image.h"

#define START_LBA IMAGE_SECTORS
#define SESSION_MAX_SECTORS 2048u

static uint8_t disc_bytes[(IMAGE_SECTORS + SESSION_MAX_SECTORS) * SECTOR_BYTES];

/* False: it cannot be read, or is too large for this test. */
static bool encode(const struct burn_plan *plan)
{
	_cleanup_(session_stream_freep) struct session_stream *s = NULL;

	if (session_length(plan) > SESSION_MAX_SECTORS)
		return false;
	MUST(session_stream_new(plan, &s) == 0);
	return session_stream_read(s, disc_bytes + START_LBA * SECTOR_BYTES, session_body(plan)) == 0;
}

static void check_directory(struct iso *iso, const struct manifest *m, uint32_t node, struct iso_extent dir)
{
	const struct manifest_node *d = &m->nodes[node];
	_cleanup_(iso_dir_closep) struct iso_dir *listing = NULL;
	uint32_t n = 0;
	struct iso_entry e;

	MUST(iso_dir_open(iso, dir, &listing) == 0);
	while (iso_dir_next_name(listing, &e) > 0)
		n++;
	MUST(n == d->n_entries);
	for (uint32_t i = 0; i < d->n_entries; i++) {
		const struct manifest_entry *entry = &m->entries[d->first_entry + i];
		const struct manifest_node *child = &m->nodes[entry->node];

		MUST(iso_lookup(iso, dir, entry->name, &e) == 0);
		MUST(e.ino == child->ino && e.mode == child->mode && (S_ISDIR(e.mode) || e.size == child->size) &&
		     e.uid == child->uid && e.gid == child->gid);
		MUST(!S_ISLNK(e.mode) || !strcmp(e.target, child->target));
		if (S_ISDIR(e.mode))
			check_directory(iso, m, entry->node, e.dir);
		iso_entry_release(&e);
	}
}

static void check_session(const struct manifest *m)
{
	struct memory_disc disc;
	struct iso *iso = NULL;
	struct iso_entry root;

	memory_disc_init(&disc, disc_bytes, sizeof(disc_bytes) / SECTOR_BYTES);
	MUST(iso_open(&disc.disc, START_LBA + 16, &iso) == 0 && iso_root(iso, &root) == 0);
	check_directory(iso, m, 0, root.dir);
	iso_unref(iso);
}

static void burn(struct disc_image *image, struct iso *base, uint8_t flags)
{
	struct burn_options o = {.start_lba = START_LBA,
				 .session_number = 2,
				 .previous_lba = 0,
				 .previous_descriptor_lba = image->descriptor_lba,
				 .previous_number = 1,
				 .overwritable = flags & 1,
				 .next_ino = 1u << 30,
				 .no_joliet = flags & 2,
				 .pieces = {flags & 4 ? SHARE_NONE :
					    flags & 8 ? SHARE_AUTO :
							SHARE_BLOCKS,
					    flags & 1 ? 4096 : PIECES_NEVER},
				 .heal = flags & 2,
				 .compat = flags & 8,
				 .align_end_sectors = 32};
	struct tree_frozen frozen = {.generation = 1, .base = base, .next_ino = 1u << 30};
	_cleanup_(manifest_freep) struct manifest *m = NULL;
	_cleanup_(burn_plan_freep) struct burn_plan *plan = NULL;
	char why[MANIFEST_WHY_BYTES] = "";

	(void)trees_compare(base, &(struct bulk){.directory = NULL}, why);
	if (manifest_build(&frozen, &image->disc.disc, NULL, &m, why)) {
		MUST(why[0]);
		return;
	}
	if (burn_plan_new(m, &o, &plan) == 0 && encode(plan))
		check_session(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	uint8_t flags = take_u8(&in);
	struct burn_directory *directories = NULL;
	struct iso *base = NULL;
	struct disc_image image;
	size_t n = 0;

	image_make(&image, &in);
	memcpy(disc_bytes, image.data, IMAGE_SECTORS * SECTOR_BYTES);
	if (iso_open(&image.disc.disc, image.descriptor_lba, &base) == 0) {
		if (directories_of(base, 0, &directories, &n) == 0)
			free(directories);
		burn(&image, base, flags);
	}
	iso_unref(base);
	image_release(&image);
	return 0;
}
