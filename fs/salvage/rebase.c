/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Onto another session of the same disc: rows get the inode numbers and listings that the new one has.
 *
 * Numbers of files on a disc are those of one session: by another program's they are places of records.  So everything
 * of the old session is found again by its path, and everything new gets a number that the new one does not use.
 * Content needs nothing: what the stage has stays in its bodies, and what lies on the disc lies where it did.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/idmap.h"
#include "burner/base/printable.h"
#include "fs/commit/commit.h"
#include "fs/salvage/internal.h"
#include "fs/tree/tree.h"

struct rebase {
	struct salvage *s;
	const struct stage_snapshot *rows;
	const struct staged_list *list;
	struct idmap numbers; /* old inode number -> new one */
	uint64_t next_ino;
	struct stage_snapshot to; /* its arrays are ours, what they point to is of rows */
};

static int map_number(struct rebase *b, uint64_t old, uint64_t now)
{
	uint64_t before;

	if (idmap_get(&b->numbers, old, &before))
		return before == now ? 0 : -EEXIST; /* names of one file are two files now */
	if (idmap_reserve(&b->numbers, 1))
		return -ENOMEM;
	idmap_put(&b->numbers, old, now);
	return 0;
}

static uint64_t number_of(const struct rebase *b, uint64_t old)
{
	uint64_t now;

	return idmap_get(&b->numbers, old, &now) ? now : 0;
}

/* What is on the disc under that path now. */
static int map_path(struct rebase *b, uint64_t ino, const char *path)
{
	_cleanup_entry_ struct iso_entry now = {0};
	int r = clash_lookup(b->s->newest, (struct iso_extent){0}, path, &now);

	return r < 0 ? r : map_number(b, ino, now.ino);
}

static int map_dirs(struct rebase *b)
{
	int r = map_number(b, TREE_ROOT, TREE_ROOT);

	for (size_t i = 0; r == 0 && i < b->list->n_dirs; i++) {
		const struct staged_dir *d = &b->list->dirs[i];
		_free_ char *path = NULL;

		r = d->ino == TREE_ROOT ? 0 : clash_disc_path(b->list, d, &path);
		if (r == 0 && path)
			r = map_path(b, d->ino, path);
	}
	return r;
}

static int map_files(struct rebase *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->list->n_changes; i++) {
		const struct staged_change *c = &b->list->changes[i];
		const struct staged_dir *d = staged_dir(b->list, c->parent);
		_free_ char *above = NULL, *path = NULL;

		if (c->kind == 'R') {
			r = map_path(b, c->ino, c->from);
			continue;
		}
		if (c->kind != 'M' || !c->base.mode || c->base.ino != c->ino || !d)
			continue;
		r = clash_disc_path(b->list, d, &above);
		if (r < 0 || !above)
			continue;
		if (asprintf(&path, "%s%s%s", above, *above ? "/" : "", c->name) < 0) {
			path = NULL;
			return -ENOMEM;
		}
		r = map_path(b, c->ino, path);
	}
	return r;
}

/* Everything else is new. */
static int map_new(struct rebase *b)
{
	uint64_t first = tree_first_ino(b->s->newest, &b->s->state), old = stage_next_ino(b->s->stage);
	int r = 0;

	if (!first)
		return -EOVERFLOW;
	b->next_ino = first > old ? first : old;
	for (size_t i = 0; r == 0 && i < b->rows->n_nodes; i++)
		if (!number_of(b, b->rows->nodes[i].ino))
			r = map_number(b, b->rows->nodes[i].ino, b->next_ino++);
	return r == 0 && b->next_ino > UINT32_MAX ? -EOVERFLOW : r;
}

/* A directory of the disc: its listing, and what of its attributes was not changed here. */
static int move_dir(struct rebase *b, const struct staged_dir *d, struct stage_node *row)
{
	_cleanup_entry_ struct iso_entry old = {0}, now = {0};
	_free_ char *path = NULL;
	int r = clash_disc_path(b->list, d, &path);

	if (r < 0 || !path)
		return r;
	r = clash_lookup(b->s->newest, (struct iso_extent){0}, path, &now);
	if (r < 0)
		return r;
	r = b->s->base ? clash_lookup(b->s->base, b->s->base_root, path, &old) : -ENOENT;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0) {
		if (row->mode == old.mode && row->uid == old.uid && row->gid == old.gid) {
			row->mode = now.mode;
			row->uid = now.uid;
			row->gid = now.gid;
		}
		r = staged_xattrs_differ(row, b->s->base, &old);
		if (r < 0)
			return r;
		if (r == 0) {
			row->xattrs = NULL;
			row->xattrs_bytes = 0;
			row->xattrs_at = now.xattrs_at;
		}
	} else {
		old.nlink = 2; /* an empty one */
	}
	if (row->nlink + now.nlink > old.nlink)
		row->nlink += now.nlink - old.nlink;
	row->base_lba = now.dir.lba;
	row->base_bytes = now.dir.bytes;
	row->size = iso_entry_sectors(&now);
	return 0;
}

static int move_nodes(struct rebase *b)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < b->rows->n_nodes; i++) {
		struct stage_node *row = &b->to.nodes[b->to.n_nodes];
		const struct staged_dir *d;

		*row = b->rows->nodes[i];
		d = S_ISDIR(row->mode) ? staged_dir(b->list, row->ino) : NULL;
		if (S_ISDIR(row->mode) && !d)
			continue; /* what was removed leaves nothing */
		if (d)
			r = move_dir(b, d, row);
		row->ino = number_of(b, row->ino);
		row->parent = row->parent ? number_of(b, row->parent) : 0;
		b->to.n_nodes++;
	}
	return r;
}

static int move_names(struct rebase *b)
{
	for (size_t i = 0; i < b->rows->n_names; i++) {
		struct stage_snapshot_name name = b->rows->names[i];

		if (!staged_dir(b->list, name.parent))
			continue;
		name.parent = number_of(b, name.parent);
		name.ino = name.ino == STAGE_WHITEOUT ? STAGE_WHITEOUT : number_of(b, name.ino);
		b->to.names[b->to.n_names++] = name;
	}
	return 0;
}

static int translate(struct rebase *b)
{
	int r = map_dirs(b);

	if (r == 0)
		r = map_files(b);
	if (r == 0)
		r = map_new(b);
	b->to.nodes = calloc(b->rows->n_nodes + 1, sizeof(*b->to.nodes));
	b->to.names = calloc(b->rows->n_names + 1, sizeof(*b->to.names));
	if (!b->to.nodes || !b->to.names)
		return -ENOMEM;
	if (r == 0)
		r = move_nodes(b);
	return r ? r : move_names(b);
}

static int compare_and_move(struct salvage *s, const struct salvage_tell *tell, char **ret_why)
{
	_cleanup_(staged_freep) struct staged_list *list = NULL;
	_cleanup_(stage_snapshot_freep) struct stage_snapshot *rows = NULL;
	struct rebase b = {.s = s};
	struct clash_sides sides = {.old = s->base, .old_root = s->base_root, .now = s->newest, .tell = tell};
	int r = stage_snapshot(s->stage, 0, &rows);

	if (r == 0)
		r = staged_find(rows, s->base, &list);
	if (r < 0)
		return why_set(ret_why, r, "what is staged cannot be compared with the disc: %s", strerror(-r));
	sides.list = b.list = list;
	sides.rows = b.rows = rows;
	r = clash_check(&sides);
	if (r == 0 && sides.n_clashes)
		return why_set(
			ret_why, -EEXIST,
			"%llu paths clash; nothing was changed. Save what is staged with 'cdappendfs-stage export %s "
			"DIRECTORY', or drop it with 'cdappendfs-stage discard %s'",
			(unsigned long long)sides.n_clashes, SHELL_WORD(s->directory), SHELL_WORD(s->directory));
	if (r == 0)
		r = translate(&b);
	if (r == 0)
		r = stage_replace(s->stage, &b.to, b.next_ino, &s->identity, &s->fingerprint);
	else
		why_set(ret_why, r, "what is staged cannot be put onto the disc as it is now: %s",
			r == -EEXIST	? "names of one file are files of their own there" :
			r == -EOVERFLOW ? "no inode numbers are left on so large a disc" :
					  strerror(-r));
	idmap_release(&b.numbers);
	free(b.to.nodes);
	free(b.to.names);
	return r;
}

/* A burn that was cut off is taken back, or it is the mount's to end. */
static int settle(struct salvage *s, char **ret_why)
{
	struct stage_commit commit;
	_free_ char *message = NULL;
	uint32_t generation = 0;
	int r;

	stage_commit_get(s->stage, &commit);
	if (commit.state == STAGE_IDLE)
		return 0;
	r = commit_recover(s->stage, s->disc, &generation, &message);
	if (r == 0 && generation)
		return why_set(ret_why, -EBUSY,
			       "a burn of it was cut off after its session was on the disc: the next mount ends it");
	if (r < 0)
		return why_set(ret_why, r, "a burn of it was cut off and cannot be taken back: %s",
			       message && *message ? message : strerror(-r));
	stage_unfreeze(s->stage);
	r = disc_refresh(s->disc);
	return r ? r : disc_fingerprint(s->disc, &s->fingerprint);
}

int salvage_rebase(struct salvage *s, const struct salvage_tell *tell, char **ret_why)
{
	struct disc_fingerprint was;
	int r;

	if (!s->stage)
		return ret_why && *ret_why ? -EBADMSG : stage_say_damaged(s->directory, NULL, ret_why);
	if (!s->disc)
		return why_set(ret_why, -ENOMEDIUM,
			       "%s: %s; what is staged for it can be saved with 'cdappendfs-stage export %s DIRECTORY'",
			       s->disc_path, s->disc_why, SHELL_WORD(s->directory));
	r = settle(s, ret_why);
	if (r < 0)
		return r;
	stage_fingerprint(s->stage, &was);
	if (disc_same_state(&was, &s->fingerprint))
		return -EALREADY;
	r = salvage_open_base(s, ret_why);
	if (r < 0)
		return r;
	if (s->base_missing)
		return why_set(
			ret_why, -ESTALE,
			"the session that it was staged for is not on the disc any more, so clashes cannot be found: "
			"save what is staged with 'cdappendfs-stage export %s DIRECTORY'",
			SHELL_WORD(s->directory));
	if (!s->newest)
		return why_set(ret_why, -ESTALE,
			       "the disc is blank now: save what is staged with 'cdappendfs-stage export %s DIRECTORY'",
			       SHELL_WORD(s->directory));
	return compare_and_move(s, tell, ret_why);
}
