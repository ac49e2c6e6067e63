/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * node.c - one file, with its content
 *
 * Within a mount of the disc content is taken from the session's directory in .sessions, by its place: it is neither
 * read nor staged.  Where that cannot be, it is read from the disc and written.
 */
#include "fs/restore/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/io.h"

#define COPY_BYTES ((uint64_t)1 << 30)
#define HOLE_BYTES 4096u

/* ---- content ---- */

/* 1: all of it; 0: it has to be read; or what `pace` says. */
static int take_by_place(struct restore *x, int to, const struct iso_entry *e)
{
	_close_ int from =
		x->shown < 0 ? -1 : openat(x->shown, x->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	uint64_t done = 0;
	int r = 0;

	if (from < 0 || fstat(from, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != e->size)
		return 0;
	while (!r && done < e->size) {
		ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t)min_u64(COPY_BYTES, e->size - done), 0);

		r = restore_pace(x);
		if (!r && n <= 0)
			return ftruncate(to, 0) < 0 ? -errno : 0;
		done += n > 0 ? (uint64_t)n : 0;
	}
	return r ? r : 1;
}

/* Runs of zeros are left out. */
static int write_piece(int to, const uint8_t *bytes, size_t length, uint64_t offset)
{
	size_t from = 0;
	int r = 0;

	for (size_t at = 0; !r && at < length;) {
		size_t n = min_u64(HOLE_BYTES, length - at);
		bool hole = bytes_are_zeros(bytes + at, n);

		if (hole && at > from)
			r = pwrite_full(to, bytes + from, at - from, offset + from, NULL);
		at += n;
		if (hole)
			from = at;
	}
	return r || from == length ? r : pwrite_full(to, bytes + from, length - from, offset + from, NULL);
}

/* 1: all of it; 0: it is lost, which was told; or an error. */
static int write_content(struct restore *x, int to, const struct iso_entry *e)
{
	size_t n;
	int r = 0;

	for (uint64_t offset = 0; !r && offset < e->size; offset += n) {
		n = (size_t)min_u64(PIECE_BYTES, e->size - offset);
		r = restore_pace(x);
		if (r)
			return r;
		r = iso_content_read(iso_disc(x->iso), &e->zisofs, e->extents, e->n_extents, e->size, offset, x->buffer,
				     n);
		if (r) {
			restore_lose(x, "it cannot be read", r);
			return 0;
		}
		r = write_piece(to, x->buffer, n, offset);
	}
	if (!r && ftruncate(to, (off_t)e->size) < 0)
		r = -errno;
	return r < 0 ? restore_fail(x, "its content", r) : 1;
}

static int make_regular(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	_close_ int to = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (to < 0)
		return restore_fail(x, "it cannot be made", -errno);
	r = take_by_place(x, to, e);
	return r ? r : write_content(x, to, e);
}

/* ---- links ---- */

/* What two names of one file have in common.  Numbers alone are what somebody wrote on the disc: were they believed,
 * the content of one file would come back under the name of another. */
static int digest_of(const struct iso_entry *e, uint8_t ret[SHA256_BYTES])
{
	_cleanup_(sha256_freep) struct sha256 *h = NULL;
	const uint64_t numbers[] = {e->mode & S_IFMT, S_ISREG(e->mode) ? e->size : 0, e->rdev, e->n_extents};
	int r = sha256_new(&h);

	if (!r)
		r = sha256_add(h, numbers, sizeof(numbers));
	for (uint32_t i = 0; !r && i < e->n_extents; i++)
		r = sha256_add(h, (const uint64_t[]){e->extents[i].pos, e->extents[i].length}, 2 * sizeof(uint64_t));
	if (!r && e->target)
		r = sha256_add(h, e->target, strlen(e->target));
	return r ? r : sha256_end(h, ret);
}

int node_remember(struct restore *x, const struct iso_entry *e)
{
	struct link link = {.path = NULL};
	int r;

	if (S_ISDIR(e->mode) || e->nlink < 2 || x->checking || idmap_get(&x->linked, e->ino, NULL))
		return 0;
	r = digest_of(e, link.digest);
	if (!r)
		r = grow(&x->links, &x->links_capacity, x->n_links, sizeof(*x->links));
	if (!r)
		r = idmap_reserve(&x->linked, 1);
	if (r)
		return r;
	link.path = strdup(x->path);
	if (!link.path)
		return -ENOMEM;
	x->links[x->n_links] = link;
	idmap_put(&x->linked, e->ino, x->n_links++);
	return 0;
}

void node_forget_links(struct restore *x)
{
	while (x->n_links)
		free(x->links[--x->n_links].path);
	idmap_release(&x->linked);
}

/* Where that path is now: a part of it may be beside its place.  The directory, to be closed, and the name in it. */
static int open_above(struct restore *x, const char *path, const char **ret_name)
{
	const struct beside *b = &x->beside;
	bool inside = b->active && !strncmp(path, x->path, b->path_bytes) && path[b->path_bytes] == '/';
	_close_ int at = inside ? open_directory(b->parent, b->temporary) : open_directory(x->o.to, ".");
	char part[256];

	for (path += inside ? b->path_bytes + 1 : 0; at >= 0 && strchr(path, '/'); path = strchr(path, '/') + 1) {
		int below;

		snprintf(part, sizeof(part), "%.*s", (int)strcspn(path, "/"), path);
		below = open_directory(at, part);
		close(TAKE_FD(at));
		at = below;
	}
	*ret_name = path;
	return TAKE_FD(at);
}

/* 1: it is a link; 0: it has to be made, the first name of its file or where there are no links. */
static int make_link(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	uint8_t digest[SHA256_BYTES];
	const char *old;
	uint64_t which;
	int r;

	if (S_ISDIR(e->mode) || e->nlink < 2 || !idmap_get(&x->linked, e->ino, &which))
		return 0;
	r = digest_of(e, digest);
	if (r)
		return r;
	if (memcmp(digest, x->links[which].digest, sizeof(digest)) != 0) {
		restore_lose(x, "another file has its number, so it is a file of its own, no link", -EBADMSG);
		return 0;
	}
	_close_ int above = open_above(x, x->links[which].path, &old);
	if (above >= 0 && linkat(above, old, at, name, 0) == 0)
		return 1;
	restore_lose(x, "it is a file of its own, no link", above < 0 ? above : -errno);
	return 0;
}

/* ---- any file ---- */

static int make_other(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	int r = S_ISLNK(e->mode) ? symlinkat(e->target ? e->target : "", at, name) :
				   mknodat(at, name, (e->mode & S_IFMT) | 0600, (dev_t)e->rdev);

	if (r == 0)
		return 1;
	if (errno != EPERM && errno != EOPNOTSUPP)
		return restore_fail(x, "it cannot be made", -errno);
	restore_lose(x,
		     S_ISCHR(e->mode) || S_ISBLK(e->mode) ? "only root may make a device" :
							    "such a file cannot be made there",
		     -errno);
	return 0;
}

int node_make(struct restore *x, int at, const char *name, const struct iso_entry *e)
{
	int r = make_link(x, at, name, e);

	if (r)
		return r;
	r = S_ISREG(e->mode) ? make_regular(x, at, name, e) : make_other(x, at, name, e);
	if (r > 0)
		r = attributes_put(x, at, name, e) ?: 1;
	if (r <= 0)
		(void)unlinkat(at, name, 0);
	return r;
}
