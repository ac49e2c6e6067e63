/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tree as a whole: making and freeing it; attributes.
 */
#include "fs/tree/xattrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "burner/format/bound.h"
#include "burner/format/date.h"
#include "burner/base/hash.h"
#include "burner/base/time.h"

uint64_t tree_first_ino(struct iso *base, const struct disc_state *state)
{
	struct iso_info info;

	if (!base)
		return TREE_ROOT + 1;
	iso_info(base, &info);
	if (info.ours)
		return info.appuse.next_ino > TREE_ROOT ? info.appuse.next_ino : 0;
	uint64_t end = max_u64(state->next_lba, state->used_sectors);
	return end < 1ull << 26 ? (end + 1) << 6 : 0;
}

static int root_from_base_locked(struct tree *t)
{
	lock_assert(&t->lock);
	_cleanup_entry_ struct iso_entry e = {0};
	int r = iso_root(t->base, &e);

	return r < 0 ? r : node_from_entry_locked(t, TREE_ROOT, &e, &t->root);
}

static int root_blank_locked(struct tree *t)
{
	lock_assert(&t->lock);
	struct node *n;
	int r = node_new_locked(t, TREE_ROOT, &n);

	if (r < 0)
		return r;
	n->mode = S_IFDIR | 0755;
	n->uid = t->options.owner;
	n->gid = t->options.group;
	n->nlink = 2;
	n->parent = TREE_ROOT;
	n->atime = n->mtime = n->ctime = n->birth = time_now();
	if (t->options.time)
		n->atime = n->mtime = n->ctime = n->birth = (struct timespec){.tv_sec = t->options.time};
	t->root = n;
	return 0;
}

static int root_open_locked(struct tree *t)
{
	lock_assert(&t->lock);
	int r;

	if (t->stage && stage_node_exists(t->stage, TREE_ROOT))
		r = node_from_stage_locked(t, TREE_ROOT, &t->root);
	else
		r = t->base ? root_from_base_locked(t) : root_blank_locked(t);
	if (r == 0) {
		t->root->parent = TREE_ROOT;
		if (!S_ISDIR(t->root->mode))
			r = -EBADMSG;
	}
	return r;
}

int tree_new(const struct tree_options *options, struct disc *disc, struct iso *base, struct stage *stage,
	     struct tree **ret)
{
	_cleanup_(tree_freep) struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->options = *options;
	t->options.medium = NULL; /* borrowed for this call */
	t->disc = disc;
	t->stage = stage;
	t->base = base ? iso_ref(base) : NULL;
	if (base && stage && !stage_empty(stage))
		iso_require_links(base);
	t->n_buckets = 1024;
	t->seed = t->known.seed = t->space.seed = hash_seed(t);
	lock_init(&t->lock, LOCK_PLAIN);
	lock_init(&t->places.lock, LOCK_PLAIN);
	rwlock_init(&t->content, RWLOCK_WRITER_FIRST); /* a rebase is not starved */
	t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
	if (!t->buckets)
		return -ENOMEM;
	if (options->medium)
		t->space.medium = *options->medium; /* what is counted depends on it */
	tree_lock(t);
	int r = root_open_locked(t);
	if (r == 0)
		r = space_recount_locked(t);
	tree_unlock(t);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	if (t->buckets) {
		tree_lock(t);
		if (t->stage)
			node_flush_all_locked(t);
		t->root = NULL;
		for (uint64_t i = 0; i < t->n_buckets; i++) {
			while (t->buckets[i]) {
				struct node *n = t->buckets[i];

				n->n_lookups = n->n_open = n->n_pins = 0;
				node_undirty(n);
				node_unused_locked(t, n);
			}
		}
		tree_unlock(t);
	}
	space_release(t);
	iso_unref(t->base);
	readers_release(t);
	known_release(&t->known);
	idset_release(&t->once);
	idset_release(&t->attributed.inos);
	idset_release(&t->losers);
	idset_release(&t->uncorrected);
	burned_release(t);
	free(t->idle.inos);
	free(t->buckets);
	places_release(&t->places);
	lock_release(&t->lock);
	rwlock_release(&t->content);
	free(t);
}

void tree_set_medium(struct tree *t, const struct disc_state *state)
{
	tree_lock(t);
	t->space.medium = *state;
	t->finalized = state->finalized;
	t->space.host.seen = (struct timespec){0};
	tree_unlock(t);
}

int tree_getattr(struct tree *t, uint64_t ino, struct stat *st)
{
	struct node *n;

	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0) {
		node_stat(n, st);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}

static void set_times(struct node *n, const struct stat *set, unsigned which)
{
	struct timespec now = time_now();

	if (which & TREE_SET_ATIME)
		n->atime = set->st_atim;
	if (which & TREE_SET_ATIME_NOW)
		n->atime = now;
	if (which & TREE_SET_MTIME)
		n->mtime = set->st_mtim;
	if (which & TREE_SET_MTIME_NOW)
		n->mtime = now;
	n->ctime = which & TREE_SET_CTIME ? set->st_ctim : now;
}

/* As the next session has it. */
static struct timespec recorded(struct timespec time)
{
	return (struct timespec){(time_t)date_recorded(time.tv_sec), time.tv_nsec};
}

/* Of what is on the disc as it was. */
static bool sets_what_is(const struct node *n, const struct stat *set, unsigned which)
{
	const unsigned looked_at = TREE_SET_MODE | TREE_SET_UID | TREE_SET_GID | TREE_SET_ATIME | TREE_SET_MTIME;

	return !n->staged && !n->orphan && !node_is_dirty(n) && !(which & ~looked_at) &&
	       (!(which & TREE_SET_MODE) || (n->mode & 07777) == (set->st_mode & 07777)) &&
	       (!(which & TREE_SET_UID) || n->uid == set->st_uid) &&
	       (!(which & TREE_SET_GID) || n->gid == set->st_gid) &&
	       (!(which & TREE_SET_ATIME) || same_time(recorded(n->atime), recorded(set->st_atim))) &&
	       (!(which & TREE_SET_MTIME) || same_time(recorded(n->mtime), recorded(set->st_mtim)));
}

static int set_size(struct tree *t, uint64_t ino, uint64_t size)
{
	struct node *n;

	if (size > BOUND_FILE_BYTES)
		return -EFBIG;
	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0 && !S_ISREG(n->mode))
		r = S_ISDIR(n->mode) ? -EISDIR : -EINVAL;
	if (r == 0)
		n->n_pins++;
	tree_unlock(t);
	if (r < 0)
		return r;
	r = node_resize(t, n, size);
	tree_lock(t);
	n->n_pins--;
	node_unused_locked(t, n);
	tree_unlock(t);
	return r;
}

static int change_attributes_locked(struct tree *t, struct node *n, const struct fetched *f, const struct stat *set,
				    unsigned which)
{
	lock_assert(&t->lock);
	struct set xattrs;
	int has_list = 0;
	/* `cp -au` of an unchanged tree sets the attributes of all its directories: that makes no session. */
	if (sets_what_is(n, set, which))
		return 0;
	int r = dirty_ancestors_of_locked(t, n);
	if (r == 0)
		r = space_grow_locked(t, n, &(struct space_growth){.size = n->size});
	if (r == 0 && which & TREE_SET_MODE)
		r = has_list = xattrs_chmod(n, f, set->st_mode, &xattrs);
	if (r < 0)
		return r;
	if (has_list)
		node_take_set(n, xattrs);
	if (which & TREE_SET_MODE)
		n->mode = (n->mode & S_IFMT) | (set->st_mode & 07777);
	if (which & TREE_SET_UID)
		n->uid = set->st_uid;
	if (which & TREE_SET_GID)
		n->gid = set->st_gid;
	set_times(n, set, which);
	node_changed_locked(t, n);
	return 0;
}

int tree_setattr(struct tree *t, uint64_t ino, const struct stat *set, unsigned which, struct stat *st)
{
	_cleanup_(fetched_release) struct fetched f = {0};
	struct node *n;

	if (tree_is_read_only(t))
		return -EROFS;
	int r = space_admit(t);
	if (r == 0 && which & TREE_SET_SIZE)
		r = set_size(t, ino, (uint64_t)set->st_size);
	if (r < 0)
		return r;
	tree_lock(t);
	r = which & TREE_SET_MODE ? node_with_xattrs_locked(t, ino, &f, &n) : node_fetch_locked(t, ino, &n);
	if (r == 0) {
		r = change_attributes_locked(t, n, &f, set, which);
		if (r == 0)
			node_stat(n, st);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}

int tree_readlink(struct tree *t, uint64_t ino, char **ret)
{
	struct node *n;
	char *copy = NULL;

	tree_lock(t);
	int r = node_fetch_locked(t, ino, &n);
	if (r == 0) {
		if (!S_ISLNK(n->mode) || !n->target)
			r = -EINVAL;
		else
			r = (copy = strdup(n->target)) ? 0 : -ENOMEM;
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	if (r == 0)
		*ret = copy;
	return r;
}

int tree_flush(struct tree *t)
{
	if (!t->stage)
		return 0;
	tree_lock(t);
	int r = node_flush_all_locked(t);
	check(!tree_check_locked(t));
	tree_unlock(t);
	return r;
}

int tree_sync(struct tree *t)
{
	int r = tree_flush(t);

	return r < 0 || !t->stage ? r : stage_sync(t->stage);
}

int tree_fsync(struct tree *t, uint64_t ino)
{
	(void)ino; /* the journal has one transaction: what one file needs (its names, its directories) is in it */
	return tree_sync(t);
}

bool tree_changed(struct tree *t) { return t->stage && (tree_flush(t) < 0 || !stage_empty(t->stage)); }

struct iso *tree_base_ref(struct tree *t)
{
	struct iso *base;

	tree_lock(t);
	base = t->base ? iso_ref(t->base) : NULL;
	tree_unlock(t);
	return base;
}

int tree_pieces(struct tree *t, const struct iso_pieces *asked, uint64_t *ret_files, char ret_where[ISO_WHERE_BYTES])
{
	_cleanup_(iso_unrefp) struct iso *base = tree_base_ref(t);

	if (base)
		return iso_pieces(base, asked, ret_files, ret_where);
	*ret_files = 0;
	return 0;
}
