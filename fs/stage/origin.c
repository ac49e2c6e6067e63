/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which file a stage was begun on.
 *
 * A copy of an image has its identity.  What was staged for the original is not the copy's: burned into it, it would be
 * missing in the original, and be read by whoever has the copy.  So a stage knows path, inode, birth (or handle), owner
 * and modes of its file, and who mounts another one is told.  What became of the original:
 *	renamed, linked, bound elsewhere	the same inode, which is looked for beside its old name, too
 *	there, or cannot be looked at		it has its own
 *	moved, restored from a backup		another file, and nothing is left of the old one, not at its path nor
 *						beside it: the heir is who is certain to be it (stage_is_heir()), all
 *						others ask
 *	a disc in a drive			any drive is as good
 * Where the stage's directory is a copy, too, the original keeps its own.  A copy that is older than the first thing
 * staged has nothing to take: it gets a stage of its own.  fs/DESIGN.md has a table of all that may happen.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "fs/stage/internal.h"

enum { ORIGIN_KNOWN = 1, ORIGIN_DEVICE = 2 };
enum { OWNER_KNOWN = 1, OWNER_FUSE = 2 };

/* Of the file system's own handle, in which a number that is given again is another one: a digest. */
static uint64_t handle_of(int fd)
{
	struct {
		struct file_handle head;
		uint8_t bytes[MAX_HANDLE_SZ];
	} h = {.head = {.handle_bytes = MAX_HANDLE_SZ}};
	uint64_t digest = 14695981039346656037u ^ 1;
	int mount;

	if (name_to_handle_at(fd, "", &h.head, &mount, AT_EMPTY_PATH))
		return 0;
	digest = (digest ^ (uint32_t)h.head.handle_type) * 1099511628211u;
	for (unsigned i = 0; i < h.head.handle_bytes; i++)
		digest = (digest ^ h.bytes[i]) * 1099511628211u;
	return digest ? digest : 1;
}

static int look(int at, const char *path, struct stage_origin *ret, struct timespec *ret_changed)
{
	_close_ int fd = openat(at, path, O_PATH | O_CLOEXEC);
	struct statfs fs;
	struct statx x;

	*ret = (struct stage_origin){.known = false};
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &x))
		return -errno;
	ret->known = true;
	ret->device = S_ISBLK(x.stx_mode) || S_ISCHR(x.stx_mode);
	ret->dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	ret->ino = x.stx_ino;
	if (x.stx_mask & STATX_BTIME)
		ret->born = (struct timespec){x.stx_btime.tv_sec, (long)x.stx_btime.tv_nsec};
	ret->handle = handle_of(fd);
	ret->owned = true;
	ret->uid = x.stx_uid;
	ret->gid = x.stx_gid;
	ret->mode = x.stx_mode & 07777;
	ret->fuse = fstatfs(fd, &fs) == 0 && fs.f_type == FUSE_SUPER_MAGIC;
	ret->foreign = stage_is_others_fuse(fd);
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

/* Besides the number of the inode, which is given again to another file when this one is gone.  1, 0; -1: not known. */
static int same_birth(const struct stage_origin *a, const struct stage_origin *b)
{
	if (is_set(a->born) && is_set(b->born))
		return same_time(a->born, b->born);
	return a->handle && b->handle ? a->handle == b->handle : -1;
}

/* Numbers of devices change from one start of the system to the next, those of FUSE with each mount. */
bool stage_same_file(const struct stage_origin *a, const char *a_path, const struct stage_origin *b, const char *b_path)
{
	bool one_path = strcmp(a_path, b_path) == 0;
	int birth = same_birth(a, b);

	if (!a->known || !b->known || a->device != b->device || a->foreign || b->foreign)
		return false;
	if (a->device)
		return true;
	if (a->ino != b->ino || birth == 0 || (a->dev != b->dev && !one_path))
		return false;
	if (birth < 0 || a->fuse || b->fuse)
		return one_path && (!a->owned || !b->owned || a->uid == b->uid);
	return true;
}

/* Can we see that it is gone?  Where a file system is not mounted, nothing is there either. */
static bool place_is_there(const struct stage_origin *was, const char *was_path)
{
	_free_ char *copy = strdup(was_path);
	struct stat st;

	return copy && stat(dirname(copy), &st) == 0 && st.st_dev == was->dev;
}

/* Only what this user had, and has: and nobody may read or write it who could not before. */
bool stage_is_as_private(const struct stage_origin *was, const struct stage_origin *now)
{
	return was->known && now->known && !was->device && !now->device && was->owned && !now->foreign &&
	       was->uid == geteuid() && now->uid == geteuid() && !(now->mode & 077 & ~was->mode) &&
	       (!(now->mode & 070) || now->gid == was->gid);
}

bool stage_is_heir(const struct stage_origin *was, const char *was_path, const struct stage_origin *now,
		   const char *now_path)
{
	bool one_path = strcmp(was_path, now_path) == 0;

	if (!stage_is_as_private(was, now))
		return false;
	return (one_path && was->fuse && now->fuse) || place_is_there(was, was_path);
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
		if (r == -ENOENT || (!r && (there.dev != was->dev || there.device || same_birth(was, &there) == 0)))
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

	if (stage_same_file(was, was_path, now, now_path) || (one_path && (!was->known || !now->known)) || !was_path[0])
		return -ENOENT;
	r = look(AT_FDCWD, was_path, &there, NULL);
	if (r && r != -ENOENT && r != -ENOTDIR)
		return copy_of(was_path, ret);
	if (!r && !was->known && there.device && now->device)
		return -ENOENT;
	/* Its name leads to this one: by a link, or since another file has it now. */
	if (!r && !one_path && !stage_same_file(&there, was_path, now, now_path))
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

	if (stage_same_file(was, was_path, now, now_path))
		return KIN_SAME;
	r = stage_original(was, was_path, now, now_path, &original);
	if (r == -ENOENT && strcmp(was_path, now_path) == 0 && !(was->known && now->known))
		return KIN_SAME;
	if (r == -ENOENT)
		return stage_is_heir(was, was_path, now, now_path) ? KIN_HEIR : KIN_LOST;
	/* Without memory there is one, somewhere. */
	if (!is_set(begun) || is_older(now_path, begun))
		return KIN_OLDER;
	if (ret_original)
		*ret_original = TAKE_PTR(original);
	return KIN_COPY;
}

bool stage_has_file(const struct stage *s, int fd)
{
	struct stat st;

	return fd < 0 || !s->here.known || s->here.device ||
	       (fstat(fd, &st) == 0 && st.st_ino == s->here.ino && st.st_dev == s->here.dev);
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

/* flags 4, of that inode 8, handle 8, uid 4, gid 4, mode 4: older versions write the above alone, for another inode. */
void stage_owner_pack(const struct stage_origin *o, uint8_t to[32])
{
	put_le32(to, (o->owned ? OWNER_KNOWN : 0u) | (o->fuse ? OWNER_FUSE : 0u));
	put_le64(to + 4, o->ino);
	put_le64(to + 12, o->handle);
	put_le32(to + 20, o->uid);
	put_le32(to + 24, o->gid);
	put_le32(to + 28, o->mode);
}

void stage_owner_unpack(const uint8_t from[32], struct stage_origin *ret)
{
	if (!(get_le32(from) & OWNER_KNOWN) || get_le64(from + 4) != ret->ino)
		return;
	ret->owned = true;
	ret->fuse = (get_le32(from) & OWNER_FUSE) != 0;
	ret->handle = get_le64(from + 12);
	ret->uid = get_le32(from + 20);
	ret->gid = get_le32(from + 24);
	ret->mode = get_le32(from + 28);
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
