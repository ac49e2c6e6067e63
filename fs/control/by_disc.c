/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * by_disc.c - the mount of a disc
 *
 * A mount's source is a text that its owner chose; the kernel's word is its owner alone (user_id=), whom fusermount3
 * cannot be told.  So a disc's mount is looked for among those of who asks and of root; for root, among its own and
 * those of the owner of the disc.  What others call theirs is passed over, and root is told of it where nothing else
 * is found: for a drive belongs to root, whoever has mounted its disc.
 *
 * Another name of a disc is recognised by its file; that is looked at only where the source is a text of who asks or
 * of root, and without following symbolic links: a source is a real path, and elsewhere it could lead into a file
 * system that does not answer, or tell somebody what root looks at.  A disc that was renamed is found by its daemon,
 * which listens on the name of its file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"

/* ---- the rule ---- */

/* The best of a kind: what is staged is in the one that is writable; else the last. */
struct best {
	bool found, writable;
	struct control_mount mount;
};

static void consider(struct best *b, const struct mounts_line *l)
{
	if (b->found && b->writable && !l->writable)
		return;
	*b = (struct best){true, l->writable, l->mount};
}

static bool is_trusted(const struct mounts_wanted *w, uid_t owner) { return owner == 0 || owner == w->asker; }
static bool is_of_disc_owner(const struct mounts_wanted *w, uid_t owner)
{
	return w->asker == 0 && owner == w->owner && owner != (uid_t)-1;
}

static bool has_source(const struct mounts_wanted *w, const struct control_mount *m)
{
	return strcmp(m->source, w->source) == 0 ||
	       (w->same && is_trusted(w, m->owner) && w->same(w->context, m->source));
}

/* All that is said to be the disc's mount. */
struct search {
	struct best trusted, owners, others;
};

static int look_through(FILE *mountinfo, const struct mounts_wanted *w, struct search *s)
{
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;

	while (getline(&line, &size, mountinfo) >= 0) {
		if (mounts_parse(line, &l) < 0 || !l.ours)
			continue;
		if (!is_trusted(w, l.mount.owner) && w->asker != 0)
			continue;
		if (has_source(w, &l.mount))
			consider(is_trusted(w, l.mount.owner)	    ? &s->trusted :
				 is_of_disc_owner(w, l.mount.owner) ? &s->owners :
								      &s->others,
				 &l);
	}
	return feof(mountinfo) ? 0 : -EIO;
}

int mounts_find_source(FILE *mountinfo, const struct mounts_wanted *w, struct control_mount *ret)
{
	_free_ struct search *s = calloc(1, sizeof(*s));
	int r = s ? look_through(mountinfo, w, s) : -ENOMEM;

	if (r < 0)
		return r;
	/* Root looks at an older session, and the owner has it for writing: either may be meant. */
	if (s->trusted.found && s->owners.found && s->owners.writable && !s->trusted.writable)
		return -ENOTUNIQ;
	if (!s->trusted.found && !s->owners.found)
		return s->others.found ? -ENOTUNIQ : -ENOENT;
	*ret = s->trusted.found ? s->trusted.mount : s->owners.mount;
	return 0;
}

int mounts_claims(const char *source, void (*emit)(void *context, const struct control_mount *mount), void *context)
{
	_close_file_ FILE *f = mounts_open();
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) >= 0)
		if (mounts_parse(line, &l) == 0 && l.ours && strcmp(l.mount.source, source) == 0)
			emit(context, &l.mount);
	return feof(f) ? 0 : -EIO;
}

/* ---- of a disc ---- */

/* The file at that real path, if there are no symbolic links in it any more. */
static int look_at(const char *path, struct stat *ret)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
	_close_ int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		return stat(path, ret);
	return fd < 0 ? -1 : fstat(fd, ret);
}

/* A name that cannot be looked at is another: the disc's own name has been compared, and its lock has the last word. */
static bool same_file(void *context, const char *source)
{
	const struct stat *wanted = context;
	struct stat st;

	if (source[0] != '/' || look_at(source, &st) < 0)
		return false;
	if (S_ISBLK(wanted->st_mode))
		return S_ISBLK(st.st_mode) && st.st_rdev == wanted->st_rdev;
	return st.st_dev == wanted->st_dev && st.st_ino == wanted->st_ino;
}

/* Under a name that the mount does not show. */
static int find_by_daemon(const char *path, struct control_mount *ret)
{
	struct control_mount there;
	int r = client_locate(path, &there);

	if (r == 0)
		r = there.mountpoint[0] ? 0 : -ENOENT;
	if (r == 0)
		*ret = there;
	return r;
}

int control_find_disc(const char *path, struct control_mount *ret)
{
	char resolved[PATH_MAX];
	struct stat st;

	if (!realpath(path, resolved) || stat(resolved, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return -ENOENT;
	_close_file_ FILE *f = mounts_open();
	if (!f)
		return -errno;
	const struct mounts_wanted wanted = {
		.source = resolved, .asker = geteuid(), .owner = st.st_uid, .same = same_file, .context = &st};
	int r = mounts_find_source(f, &wanted, ret);

	if (r == -ENOENT && find_by_daemon(resolved, ret) == 0)
		return 0;
	return r;
}
