/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which file a stage was begun on.
 *
 * A copy of an image has its identity.  What was staged for the original is not the copy's: burned into it, it would be
 * missing in the original.  So a stage knows path, inode and birth of its file, and who mounts another one is told.
 * What became of the original:
 *	renamed, linked, bound elsewhere	the same inode, which is looked for beside its old name, too
 *	moved to another file system		nothing is left at its path: whoever comes is its heir
 *	restored from a backup			its path, another inode, and the old one is not beside it: the same
 *	a disc in a drive			any drive is as good
 * An original that cannot be looked at is there.  Where the stage's directory is a copy, too, the original keeps its
 * own.  A copy that is older than the first thing staged has nothing to take: it gets a stage of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "fs/stage/internal.h"

enum { ORIGIN_KNOWN = 1, ORIGIN_DEVICE = 2 };

static int look(int at, const char *path, struct stage_origin *ret, struct timespec *ret_changed)
{
	struct statx x;

	*ret = (struct stage_origin){.known = false};
	if (statx(at, path, AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &x))
		return -errno;
	ret->known = true;
	ret->device = S_ISBLK(x.stx_mode) || S_ISCHR(x.stx_mode);
	ret->dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	ret->ino = x.stx_ino;
	if (x.stx_mask & STATX_BTIME)
		ret->born = (struct timespec){x.stx_btime.tv_sec, (long)x.stx_btime.tv_nsec};
	if (ret_changed)
		*ret_changed = (struct timespec){x.stx_ctime.tv_sec, (long)x.stx_ctime.tv_nsec};
	return 0;
}

void stage_origin_of(const char *path, struct stage_origin *ret) { (void)look(AT_FDCWD, path, ret, NULL); }

static bool is_set(struct timespec t) { return t.tv_sec || t.tv_nsec; }

static bool before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool same_birth(const struct stage_origin *a, const struct stage_origin *b)
{
	return !is_set(a->born) || !is_set(b->born) ||
	       (a->born.tv_sec == b->born.tv_sec && a->born.tv_nsec == b->born.tv_nsec);
}

/* Numbers of devices change from one start of the system to the next. */
static bool same_file(const struct stage_origin *a, const char *a_path, const struct stage_origin *b,
		      const char *b_path)
{
	return a->known && b->known && a->device == b->device && a->ino == b->ino && same_birth(a, b) &&
	       (a->dev == b->dev || strcmp(a_path, b_path) == 0);
}

/* The file in the directory of its old name, under another one: its path, or that of the directory that cannot be
 * looked through.  -ENOENT: it is not there. */
static int find_beside(const struct stage_origin *was, const char *was_path, char **ret)
{
	_free_ char *copy = strdup(was_path);
	_close_directory_ DIR *list = NULL;
	const char *directory;
	const struct dirent *e;

	if (!copy)
		return -ENOMEM;
	directory = dirname(copy);
	list = opendir(directory);
	if (!list && (errno == ENOENT || errno == ENOTDIR))
		return -ENOENT;
	for (errno = 0; list && (e = readdir(list)); errno = 0) {
		struct stage_origin there;
		int r;

		if (e->d_ino != was->ino || (e->d_type != DT_REG && e->d_type != DT_UNKNOWN))
			continue;
		r = look(dirfd(list), e->d_name, &there, NULL);
		if (r == -ENOENT || (!r && (there.dev != was->dev || there.device || !same_birth(was, &there))))
			continue;
		return asprintf(ret, "%s/%s", strcmp(directory, "/") ? directory : "", e->d_name) < 0 ? -ENOMEM : 0;
	}
	if (list && !errno)
		return -ENOENT;
	*ret = strdup(directory);
	return *ret ? 0 : -ENOMEM;
}

static int copy_of(const char *path, char **ret)
{
	*ret = strdup(path);
	return *ret ? 0 : -ENOMEM;
}

int stage_original(const struct stage_origin *was, const char *was_path, const struct stage_origin *now,
		   const char *now_path, char **ret)
{
	bool one_path = strcmp(was_path, now_path) == 0;
	struct stage_origin there;
	int r;

	if ((was->known && was->device && now->device) || same_file(was, was_path, now, now_path) ||
	    (one_path && (!was->known || !now->known)) || !was_path[0])
		return -ENOENT;
	r = look(AT_FDCWD, was_path, &there, NULL);
	if (r && r != -ENOENT && r != -ENOTDIR)
		return copy_of(was_path, ret);
	if (!r && !was->known && there.device && now->device)
		return -ENOENT;
	/* Its name leads to this one: by a link, or since another file has it now. */
	if (!r && !one_path && !same_file(&there, was_path, now, now_path))
		return copy_of(was_path, ret);
	return was->known && !was->device ? find_beside(was, was_path, ret) : -ENOENT;
}

/* Was the file there, as it is, before that time? */
static bool is_older(const char *path, struct timespec begun)
{
	struct stage_origin o;
	struct timespec changed;

	return !look(AT_FDCWD, path, &o, &changed) && !o.device &&
	       (before(changed, begun) || (is_set(o.born) && before(o.born, begun)));
}

enum stage_kin stage_kin(const struct stage_origin *was, const char *was_path, struct timespec begun,
			 const struct stage_origin *now, const char *now_path, char **ret_original)
{
	_free_ char *original = NULL;
	int r;

	if (same_file(was, was_path, now, now_path) || (was->known && was->device && now->device))
		return KIN_SAME;
	r = stage_original(was, was_path, now, now_path, &original);
	if (r == -ENOENT)
		return strcmp(was_path, now_path) == 0 && !(was->known && now->known) ? KIN_SAME : KIN_HEIR;
	/* Without memory there is one, somewhere. */
	if (!is_set(begun) || is_older(now_path, begun))
		return KIN_OLDER;
	if (ret_original)
		*ret_original = TAKE_PTR(original);
	return KIN_COPY;
}

/* flags 4, dev 8, ino 8, born 8 and 4, of the inode number of the stage's own directory 4 */
void stage_origin_pack(const struct stage_origin *o, uint32_t directory, uint8_t to[36])
{
	memset(to, 0, 36);
	put_le32(to + 32, directory);
	put_le32(to, (o->known ? ORIGIN_KNOWN : 0u) | (o->device ? ORIGIN_DEVICE : 0u));
	put_le64(to + 4, o->dev);
	put_le64(to + 12, o->ino);
	put_le64(to + 20, (uint64_t)o->born.tv_sec);
	put_le32(to + 28, (uint32_t)o->born.tv_nsec);
}

void stage_origin_unpack(const uint8_t from[36], struct stage_origin *ret)
{
	*ret = (struct stage_origin){
		.known = (get_le32(from) & ORIGIN_KNOWN) != 0,
		.device = (get_le32(from) & ORIGIN_DEVICE) != 0,
		.dev = get_le64(from + 4),
		.ino = get_le64(from + 12),
		.born = {(time_t)get_le64(from + 20), (long)(get_le32(from + 28) % 1000000000u)},
	};
}
