/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Extended attributes of nodes, and what access control lists among them mean for modes and new files.
 *
 * A node has its set in memory when that was changed since it was burned, or made here; else the place of the record
 * that has it, which is read, without a lock, each time that somebody asks: few ask, and nothing is kept that the
 * kernel or the page cache has.  So a change of a file's content, owner or times reads no attribute, and its row tells
 * the place.
 *
 * Most files have none, and the kernel asks for some before many a write: t->attributed says who may have any.
 */
#include "fs/tree/xattrs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/xattr.h>
#include <sys/xattr.h>

#include "burner/base/own.h"
#include "burner/base/xattrs.h"
#include "fs/tree/acl.h"

/* ---- who may have any ---- */

void attributed_note_locked(struct tree *t, uint64_t ino)
{
	lock_assert(&t->lock);
	struct attributed *a = &t->attributed;

	if (a->all)
		return;
	if (iso_is_stray(ino) || idset_reserve(&a->inos, 1) < 0)
		a->all = true;
	else
		idset_add(&a->inos, ino);
	atomic_store(&a->some, true);
}

bool tree_may_have_xattrs(struct tree *t, uint64_t ino)
{
	if (!atomic_load(&t->attributed.some))
		return false;
	tree_lock(t);
	bool may = t->attributed.all || idset_has(&t->attributed.inos, ino);
	tree_unlock(t);
	return may;
}

/* ---- the set of a node ---- */

void fetched_release(struct fetched *f)
{
	free(f->set);
	*f = (struct fetched){0};
}

int xattrs_fetch_locked(struct tree *t, struct node *n, struct fetched *f)
{
	lock_assert(&t->lock);
	uint64_t at = n->xattrs_at;
	struct fetched found = {.at = at};

	if (!at || f->at == at)
		return 0;
	if (!t->base)
		return -EBADMSG; /* a row tells of a disc that is blank */
	struct iso *base = iso_ref(t->base);
	n->n_pins++;
	tree_unlock(t);
	int r = iso_xattrs(base, at, &found.set, &found.bytes);
	iso_unref(base);
	tree_lock(t);
	n->n_pins--;
	node_unused_locked(t, n);
	if (r < 0)
		return r;
	fetched_release(f);
	*f = found;
	return 1;
}

static struct set set_of(const struct node *n, const struct fetched *f)
{
	if (n->xattrs_at)
		return (struct set){f->set, f->bytes};
	return (struct set){n->xattrs, n->xattrs_bytes};
}

int node_with_xattrs_locked(struct tree *t, uint64_t ino, struct fetched *f, struct node **ret)
{
	lock_assert(&t->lock);
	int r;

	do {
		r = node_fetch_locked(t, ino, ret);
		if (r == 0)
			r = xattrs_fetch_locked(t, *ret, f);
	} while (r == 1);
	return r;
}

/* The same for who asks for that name.  -ENODATA: it has no capability, as was seen before, nothing is read for that
 * again: the kernel asks before many a write. */
static int node_with_xattr_locked(struct tree *t, uint64_t ino, const char *name, struct fetched *f, struct node **ret)
{
	lock_assert(&t->lock);
	bool asks_rights = !strcmp(name, XATTR_NAME_CAPS);
	int r = node_fetch_locked(t, ino, ret);

	if (r < 0)
		return r;
	if (asks_rights && (*ret)->no_capability) {
		node_unused_locked(t, *ret);
		return -ENODATA;
	}
	r = node_with_xattrs_locked(t, ino, f, ret);
	if (r == 0 && asks_rights) {
		struct set set = set_of(*ret, f);

		(*ret)->no_capability =
			xattrs_get(set.bytes, set.length, name, &(const uint8_t *){0}, &(size_t){0}) < 0;
	}
	return r;
}

void node_take_set(struct node *n, struct set set)
{
	n->no_capability = false;
	free(n->xattrs);
	n->xattrs = (uint8_t *)(uintptr_t)set.bytes;
	n->xattrs_bytes = (uint32_t)set.length;
	n->xattrs_at = 0;
}

void xattrs_load_locked(struct tree *t, struct node *n, struct fetched *f)
{
	lock_assert(&t->lock);
	if (!n->xattrs_at)
		return;
	node_take_set(n, (struct set){f->set, f->bytes});
	*f = (struct fetched){0};
}

/* ---- asking ---- */

static int copy_value(const uint8_t *value, size_t bytes, void *ret, size_t *ret_bytes)
{
	uint8_t *copy = malloc(bytes + 1);

	if (!copy)
		return -ENOMEM;
	if (bytes)
		memcpy(copy, value, bytes);
	*(void **)ret = copy;
	*ret_bytes = bytes;
	return 0;
}

int tree_xattr_get(struct tree *t, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	_cleanup_(fetched_release) struct fetched f = {0};
	const uint8_t *value;
	struct node *n;
	size_t bytes;

	if (!tree_may_have_xattrs(t, ino) || xattrs_is_hidden(name, strlen(name)))
		return -ENODATA;
	tree_lock(t);
	int r = node_with_xattr_locked(t, ino, name, &f, &n);
	if (r == 0) {
		struct set set = set_of(n, &f);

		r = xattrs_get(set.bytes, set.length, name, &value, &bytes);
		if (r == 0)
			r = copy_value(value, bytes, ret, ret_bytes);
		node_unused_locked(t, n);
	}
	tree_unlock(t);
	return r;
}

int tree_xattr_list(struct tree *t, uint64_t ino, char **ret, size_t *ret_bytes)
{
	_cleanup_(fetched_release) struct fetched f = {0};
	struct node *n;
	char *names = NULL;
	size_t bytes = 0;
	int r = 0;

	if (tree_may_have_xattrs(t, ino)) {
		tree_lock(t);
		r = node_with_xattrs_locked(t, ino, &f, &n);
		if (r == 0) {
			struct set set = set_of(n, &f);

			names = malloc(set.length + 1);
			r = names ? 0 : -ENOMEM;
			bytes = names ? xattrs_list(set.bytes, set.length, names) : 0;
			node_unused_locked(t, n);
		}
		tree_unlock(t);
	}
	if (r == 0) {
		*ret = names;
		*ret_bytes = bytes;
	}
	return r;
}

/* ---- changing ---- */

/* The node as it was, and as it is to be. */
struct change {
	struct set set; /* allocated */
	mode_t mode;
};

static bool is_change(const struct node *n, const struct fetched *f, const struct change *c)
{
	struct set was = set_of(n, f);

	return c->mode != n->mode || was.length != c->set.length ||
	       (was.length && memcmp(was.bytes, c->set.bytes, was.length) != 0);
}

/* The row is put at once: whether the stage has room for it is known now.  The set is taken, or freed. */
static int apply_locked(struct tree *t, struct node *n, const struct change *c)
{
	lock_assert(&t->lock);
	int r = dirty_ancestors_of_locked(t, n);

	if (r == 0)
		r = space_grow_locked(t, n, &(struct space_growth){.size = n->size});
	if (r == 0)
		r = space_xattrs_locked(t, n, c->set.length);
	if (r < 0) {
		free((void *)(uintptr_t)c->set.bytes);
		return r;
	}
	uint8_t *set = n->xattrs;
	uint32_t bytes = n->xattrs_bytes, mode = n->mode;
	uint64_t at = n->xattrs_at;
	n->xattrs = NULL;
	node_take_set(n, c->set);
	n->mode = c->mode;
	node_changed_locked(t, n);
	r = node_is_dirty(n) ? node_put_locked(t, n) : 0;
	if (r < 0) {
		node_take_set(n, (struct set){set, bytes});
		n->xattrs_at = at;
		n->mode = mode;
		node_changed_locked(t, n);
		return r;
	}
	free(set);
	n->ctime = time_now();
	node_changed_locked(t, n);
	attributed_node_locked(t, n);
	return 0;
}

static bool begins(const char *name, const char *space) { return strncmp(name, space, strlen(space)) == 0; }

/* Linux itself says who may use which, and on what. */
static int check_name(const char *name)
{
	static const char *const spaces[] = {"user.", "trusted.", "security."};

	if (!strcmp(name, ACL_ACCESS_NAME) || !strcmp(name, ACL_DEFAULT_NAME))
		return 0;
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
		if (begins(name, spaces[i]))
			return name[strlen(spaces[i])] ? 0 : -EINVAL;
	return -EOPNOTSUPP;
}

static int without(const struct set *was, const char *name, struct set *ret)
{
	uint8_t *set = NULL;
	size_t bytes = 0;
	int r = xattrs_remove(was->bytes, was->length, name, &set, &bytes);

	if (r == 0)
		*ret = (struct set){set, bytes};
	return r;
}

static int with(const struct set *was, const struct tree_xattr *x, struct set *ret)
{
	uint8_t *set = NULL;
	size_t bytes = 0;
	int r = xattrs_set(was->bytes, was->length, x->name, x->value, x->bytes, x->flags, &set, &bytes);

	if (r == 0)
		*ret = (struct set){set, bytes};
	return r;
}

static int with_list(const struct set *was, const struct tree_xattr *x, struct set *ret)
{
	struct tree_xattr sorted = *x;
	_free_ uint8_t *acl = NULL;
	int r = copy_value(x->value, x->bytes, &acl, &sorted.bytes);

	if (r == 0)
		r = acl_sort(acl, x->bytes);
	sorted.value = acl;
	return r < 0 ? r : with(was, &sorted, ret);
}

static int copy_set(const struct set *was, struct set *ret)
{
	uint8_t *copy = NULL;
	size_t bytes = 0;
	int r = was->length ? copy_value(was->bytes, was->length, &copy, &bytes) : 0;

	if (r == 0)
		*ret = (struct set){copy, bytes};
	return r;
}

/* A list that is not there is removed without a word, as everywhere. */
static int removed(const struct set *was, const char *name, struct set *ret)
{
	int r = without(was, name, ret);

	return r == -ENODATA && begins(name, "system.") ? copy_set(was, ret) : r;
}

/* An access list that says no more than a mode is the mode; one without entries takes the list away. */
static int change_acl(const struct node *n, const struct set *was, const struct tree_xattr *x, struct change *c)
{
	bool access = !strcmp(x->name, ACL_ACCESS_NAME);
	int r = acl_check(x->value, x->bytes);

	if (r < 0)
		return r;
	if (S_ISLNK(n->mode))
		return -EOPNOTSUPP;
	if (!access && !S_ISDIR(n->mode))
		return r == 1 ? copy_set(was, &c->set) : -EACCES;
	bool gone = r == 1;
	if (access && !gone) {
		gone = acl_mode(x->value, x->bytes, &c->mode);
		if (x->drops_set_gid)
			c->mode &= ~(mode_t)S_ISGID;
	}
	if (!gone)
		return with_list(was, x, &c->set);
	return removed(was, x->name, &c->set);
}

static int set_locked(struct tree *t, uint64_t ino, const struct tree_xattr *x)
{
	lock_assert(&t->lock);
	_cleanup_(fetched_release) struct fetched f = {0};
	struct node *n;
	int r = x->value ? node_with_xattrs_locked(t, ino, &f, &n) : node_with_xattr_locked(t, ino, x->name, &f, &n);

	if (r < 0)
		return r;
	struct change c = {.mode = n->mode};
	struct set was = set_of(n, &f);
	mode_t mode = n->mode;
	if (!x->value)
		r = removed(&was, x->name, &c.set);
	else if (begins(x->name, "system."))
		r = change_acl(n, &was, x, &c);
	else
		r = with(&was, x, &c.set);
	if (r == 0 && !is_change(n, &f, &c))
		free((void *)(uintptr_t)c.set.bytes); /* `cp -a` and `rsync -X` of an unchanged tree make no session */
	else if (r == 0)
		r = apply_locked(t, n, &c);
	if (r == 0)
		r = n->mode != mode;
	node_unused_locked(t, n);
	return r;
}

int tree_xattr_set(struct tree *t, uint64_t ino, const struct tree_xattr *x)
{
	int r = check_name(x->name);

	if (r == 0 && !x->value && !tree_may_have_xattrs(t, ino))
		return begins(x->name, "system.") ? 0 : -ENODATA;
	if (r == 0)
		r = tree_is_read_only(t) ? -EROFS : space_admit(t);
	if (r < 0)
		return r;
	tree_lock(t);
	r = set_locked(t, ino, x);
	tree_unlock(t);
	return r;
}

/* ---- modes, and new files ---- */

int xattrs_chmod(const struct node *n, const struct fetched *f, mode_t mode, struct set *ret)
{
	struct set was = set_of(n, f);
	const uint8_t *acl;
	size_t bytes;
	uint8_t *set;
	int r;

	if (xattrs_get(was.bytes, was.length, ACL_ACCESS_NAME, &acl, &bytes) < 0)
		return 0;
	if (acl_check(acl, bytes) != 0)
		return -EBADMSG;
	/* The same length: in its place. */
	r = copy_value(was.bytes, was.length, &set, &was.length);
	if (r < 0)
		return r;
	acl_set_mode(set + (acl - was.bytes), bytes, mode);
	*ret = (struct set){set, was.length};
	return 1;
}

int xattrs_inherit(struct node *n, const struct node *dir, const struct fetched *f, mode_t umask)
{
	struct set above = set_of(dir, f), set = {0};
	struct xattr list[2];
	const uint8_t *acl;
	uint8_t *access = NULL;
	size_t bytes, n_list = 0;
	mode_t mode = n->mode;
	int r;

	if (S_ISLNK(n->mode))
		return 0;
	if (xattrs_get(above.bytes, above.length, ACL_DEFAULT_NAME, &acl, &bytes) < 0) {
		n->mode &= ~umask;
		return 0;
	}
	r = acl_check(acl, bytes) == 0 ? copy_value(acl, bytes, &access, &bytes) : -EBADMSG;
	if (r < 0)
		return r;
	if (!acl_begin(access, bytes, &mode))
		list[n_list++] = (struct xattr){ACL_ACCESS_NAME, access, sizeof(ACL_ACCESS_NAME) - 1, (uint32_t)bytes};
	if (S_ISDIR(n->mode))
		list[n_list++] = (struct xattr){ACL_DEFAULT_NAME, acl, sizeof(ACL_DEFAULT_NAME) - 1, (uint32_t)bytes};
	r = xattrs_make(list, n_list, (uint8_t **)(void *)&set.bytes, &set.length);
	free(access);
	if (r < 0)
		return r;
	n->mode = mode;
	node_take_set(n, set);
	return 0;
}
