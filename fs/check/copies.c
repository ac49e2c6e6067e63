/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * copies.c - copies of a disc, of which some blocks could not be read
 *
 * A copy is a disc without sessions, over a file, since its head may be what is damaged.  Blocks that its map calls
 * unreadable are not read: they are errors at once.
 */
#include "fs/check/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/io.h"
#include "burner/base/why.h"

#define MAP_BYTES_MAX (256u << 20)

/* ---- maps ---- */

int mapfile_read(const char *path, struct mapfile *ret, char **ret_why)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_free_ char *text = NULL;
	unsigned line = 0;
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) ? -errno : 0;

	if (!r && (!S_ISREG(st.st_mode) || st.st_size > MAP_BYTES_MAX))
		return why_set(ret_why, -EINVAL, "%s: no map file of ddrescue", path);
	if (!r)
		text = malloc((size_t)st.st_size + 1);
	if (!r)
		r = text ? pread_full(fd, text, (size_t)st.st_size, 0, NULL) : -ENOMEM;
	if (!r)
		r = mapfile_parse(text, (size_t)st.st_size, ret, &line);
	if (r == -EINVAL)
		return why_set(ret_why, r, "%s: line %u is none of a map file of ddrescue", path, line);
	return r ? why_set(ret_why, r, "%s: %s", path, strerror(-r)) : 0;
}

int mapfile_save(const char *path, const struct mapfile *m, uint64_t end, const struct map_place *at,
		 const char *made_by, char **ret_why)
{
	_free_ char *beside = NULL;
	_close_file_ FILE *out = NULL;
	int fd, r;

	if (asprintf(&beside, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return why_set(ret_why, r, "%s: %s", beside, strerror(-r));
	}
	mapfile_print(out, m, end, at, made_by);
	r = fflush(out) || ferror(out) || fsync(fd) || rename(beside, path) ? -errno : fsync_parent(path);
	if (!r)
		return 0;
	(void)unlink(beside);
	return why_set(ret_why, r, "%s: %s", path, strerror(-r));
}

/* ---- a disc with a map ---- */

struct mapped {
	struct disc disc;
	const struct mapfile *map;
};

static int mapped_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	const struct mapped *m = (const struct mapped *)(const void *)d;

	if (mapfile_has_gap(m->map, (uint64_t)lba * SECTOR_BYTES, (uint64_t)n * SECTOR_BYTES))
		return -EIO;
	return disc_read(d->inner, lba, buf, n);
}

static int mapped_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
static int mapped_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return disc_sessions(d->inner, ret, ret_n);
}
static int mapped_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
static int mapped_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
static int mapped_fd(struct disc *d) { return disc_fd(d->inner); }
static void mapped_close(struct disc *d)
{
	disc_close(d->inner);
	free(d);
}

struct disc *mapfile_wrap(struct disc *inner, const struct mapfile *map)
{
	static const struct disc_ops ops = {
		.read = mapped_read,
		.state = mapped_state,
		.sessions = mapped_sessions,
		.identity = mapped_identity,
		.fingerprint = mapped_fingerprint,
		.fd = mapped_fd,
		.close = mapped_close,
	};
	struct mapped *m = inner ? calloc(1, sizeof(*m)) : NULL;

	if (!m) {
		disc_close(inner);
		return NULL;
	}
	*m = (struct mapped){{.ops = &ops, .inner = inner}, map};
	return &m->disc;
}

/* ---- copies ---- */

static int copy_read(struct disc *d, uint32_t lba, void *buf, uint32_t n)
{
	const struct copy *c = (const struct copy *)(const void *)d;

	if ((uint64_t)lba + n > c->sectors ||
	    mapfile_has_gap(&c->map, (uint64_t)lba * SECTOR_BYTES, (uint64_t)n * SECTOR_BYTES))
		return -EIO;
	return pread_full(c->fd, buf, (size_t)n * SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
}

static const struct disc_ops copy_ops = {.read = copy_read};

void copy_init(struct copy *c, int fd, uint64_t sectors)
{
	*c = (struct copy){.disc = {.ops = &copy_ops}, .fd = fd, .sectors = sectors};
	c->reader = (struct reader){.disc = &c->disc, .exact = true};
}

void copy_release(struct copy *c)
{
	close_fd(&c->fd);
	free(c->path);
	mapfile_release(&c->map);
	*c = (struct copy){.fd = -1};
}

int copy_open(const char *path, const char *map, struct copy *ret, char **ret_why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = -EINVAL;
	copy_init(ret, fd, r ? 0 : (uint64_t)st.st_size / SECTOR_BYTES);
	if (r == -EINVAL)
		return why_set(ret_why, r, "%s: a copy is an image file; read a disc into one first: ddrescue -b 2048",
			       path);
	if (r)
		return why_set(ret_why, r, "%s: %s", path, strerror(-r));
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->path = strdup(path);
	if (!ret->path)
		return -ENOMEM;
	return map ? mapfile_read(map, &ret->map, ret_why) : 0;
}
