/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container.c - cue, nrg and toc images through libcdio, read-only
 *
 * libcdio reads some of these wrong without an error (a toc or nrg of 2048-byte sectors), or not to their end (a cue
 * with MODE1/2048), and places tracks behind a session's gap too low.  So nothing is believed: three ways to read are
 * tried, and one is taken only when sector 16 of the track holds a primary volume descriptor whose root directory
 * really lies where it says (its first record, ".", names its own address: ECMA-119 6.8.2.2).  The ways: the data
 * file as it is (2048-byte sectors from its first byte), libcdio's sector calls, libcdio's stream.  A container where
 * none passes is refused.  What libcdio looks for in the wrong place it finds beside a copy of the sheet
 * (sheet_files.c), for as long as it takes to open everything.  Its parsers believe their input: nrg.c and sheet.c look
 * at it first. libcdio is not thread-safe: one mutex around each call.  Its default log handler ends the program: it is
 * replaced before the first call.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cdio/cdio.h>
#include <cdio/logging.h>

#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"
#include "burner/base/io.h"
#include "burner/base/own.h"

enum way { WAY_FILE, WAY_CALLS, WAY_STREAM, WAYS };

struct container {
	struct disc disc;
	pthread_mutex_t lock;
	CdIo_t *cdio; /* under the lock */
	enum way way; /* set when opened */
	int fd;	      /* of the data file, or -1 */
	struct stat st;
	char *path;
	struct session_list list;
};

static struct container *to_container(struct disc *d) { return (struct container *)(void *)d; /* its first member */ }

static void silent_log(cdio_log_level_t level, const char message[])
{
	(void)level;
	(void)message;
}

static void library_init(void)
{
	cdio_log_set_handler(silent_log);
	cdio_init();
}

/* The stream does not read across the border of two sectors. */
static int read_stream_locked(struct container *c, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	for (uint32_t i = 0; i < n_sectors; i++) {
		if (cdio_lseek(c->cdio, (off_t)(lba + i) * SECTOR_BYTES, SEEK_SET) < 0)
			return -EIO;
		if (cdio_read(c->cdio, buf + (size_t)i * SECTOR_BYTES, SECTOR_BYTES) != (ssize_t)SECTOR_BYTES)
			return -EIO;
	}
	return 0;
}

static int read_file(const struct container *c, uint32_t lba, uint8_t *buf, uint32_t n_sectors)
{
	return pread_full(c->fd, buf, (size_t)n_sectors * SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES, NULL);
}

static int read_any(struct container *c, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r;

	if (c->way == WAY_FILE)
		return read_file(c, lba, buf, n_sectors);
	/* libcdio says that it has read what lies between tracks or behind the end, and leaves the buffer as it is. */
	memset(buf, 0, (size_t)n_sectors * SECTOR_BYTES);
	pthread_mutex_lock(&c->lock);
	if (c->way == WAY_STREAM)
		r = read_stream_locked(c, lba, buf, n_sectors);
	else
		r = cdio_read_data_sectors(c->cdio, buf, (lsn_t)lba, SECTOR_BYTES, n_sectors) == DRIVER_OP_SUCCESS ?
			    0 :
			    -EIO;
	pthread_mutex_unlock(&c->lock);
	return r;
}

static int container_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct container *c = to_container(d);

	return lba + (uint64_t)n_sectors > c->list.end_sectors ? -EIO : read_any(c, lba, buf, n_sectors);
}

static int container_state(struct disc *d, struct disc_state *ret)
{
	const struct container *c = to_container(d);

	*ret = (struct disc_state){.kind = MEDIUM_CONTAINER,
				   .name = "cue, nrg or toc image",
				   .why_not = "cue, nrg and toc files can only be read",
				   .capacity_sectors = c->list.end_sectors,
				   .used_sectors = c->list.end_sectors,
				   .next_lba = (uint32_t)c->list.end_sectors};
	return 0;
}

static int container_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return sessions_copy(&to_container(d)->list, ret, ret_n);
}

static int container_identity(struct disc *d, struct disc_identity *ret)
{
	const struct container *c = to_container(d);

	return sessions_identity(d, &c->list, &c->st, c->path, ret);
}

static int container_fingerprint(struct disc *d, struct disc_fingerprint *ret)
{
	return sessions_fingerprint(d, &to_container(d)->list, ret);
}

static void container_close(struct disc *d)
{
	struct container *c = to_container(d);

	if (c->cdio)
		cdio_destroy(c->cdio);
	pthread_mutex_destroy(&c->lock);
	session_list_release(&c->list);
	close_fd(&c->fd);
	free(c->path);
	free(c);
}

static const struct disc_ops container_ops = {
	.read = container_read,
	.state = container_state,
	.sessions = container_sessions,
	.identity = container_identity,
	.fingerprint = container_fingerprint,
	.close = container_close,
};

/* ---- opening ---- */

static const char *extension(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && !strchr(dot, '/') ? dot : "";
}

bool container_name(const char *path)
{
	const char *e = extension(path);

	return !strcasecmp(e, ".cue") || !strcasecmp(e, ".nrg") || !strcasecmp(e, ".toc");
}

static const char *temporary(void)
{
	const char *parent = getenv("TMPDIR");

	return parent && parent[0] == '/' ? parent : "/tmp";
}

/* libcdio opens the data when it is first read. */
static void open_tracks(CdIo_t *cdio)
{
	uint8_t sector[CDIO_CD_FRAMESIZE_RAW];
	track_t first = cdio_get_first_track_num(cdio), n = cdio_get_num_tracks(cdio);

	for (unsigned i = 0; first != CDIO_INVALID_TRACK && n != CDIO_INVALID_TRACK && i < n; i++) {
		lsn_t start = cdio_get_track_lsn(cdio, (track_t)(first + i));

		if (start >= 0)
			cdio_read_audio_sector(cdio, sector, start);
	}
}

/* A cue or toc: its data file is open afterwards, and libcdio has opened all. */
static int open_sheet(struct container *c, enum sheet_kind kind, char *missing, size_t n)
{
	_free_ char *directory = NULL, *copy = NULL, *data = NULL;
	int r;

	if (!sheet_is_sound(c->path, kind))
		return -EMEDIUMTYPE;
	if (asprintf(&directory, "%s/cdappendfs-XXXXXX", temporary()) < 0) {
		directory = NULL;
		return -ENOMEM;
	}
	if (!mkdtemp(directory))
		return -errno;
	r = sheet_copy(c->path, kind, directory, &copy, &data, missing, n);
	if (r == 0 && data)
		c->fd = open(data, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r == 0 && data && c->fd < 0) {
		r = -errno;
		snprintf(missing, n, "%s", data);
	}
	if (r == 0)
		c->cdio = kind == SHEET_CUE ? cdio_open_cue(copy) : cdio_open_cdrdao(copy);
	if (c->cdio)
		open_tracks(c->cdio);
	sheet_copy_remove(directory);
	return r;
}

static int open_nrg(struct container *c)
{
	c->fd = open(c->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* its own data file */
	if (c->fd < 0)
		return -errno;
	if (nrg_is_sound(c->fd))
		c->cdio = cdio_open_nrg(c->path);
	return 0;
}

/* A track that holds a volume, read rightly and to its end.  One that cannot be read is not mounted; nothing is ever
 * written to a container. */
static bool volume_at(struct container *c, uint32_t start, uint8_t sector[SECTOR_BYTES])
{
	uint8_t other[SECTOR_BYTES];
	uint32_t root, size;

	if (c->way == WAY_FILE && (c->fd < 0 || start != 0))
		return false;
	if (read_any(c, start + SESSION_DESCRIPTORS, sector, 1) < 0 || pvd_check(sector, start, INT32_MAX) < 0)
		return false;
	root = record_extent(descriptor_root(sector));
	size = descriptor_space_sectors(sector);
	if (read_any(c, root, other, 1) < 0 || record_length(other) < RECORD_MIN_BYTES ||
	    record_id_length(other) != 1 || record_extent(other) != root)
		return false;
	return c->way != WAY_STREAM ||
	       (size > 0 && size < INT32_MAX - start && read_any(c, start + size - 1, other, 1) == 0);
}

/* One more session, or those of an image that was recorded as one track. */
static int add_volume(struct container *c, uint32_t start, uint32_t end, const uint8_t sector[SECTOR_BYTES])
{
	_cleanup_(session_list_release) struct session_list inside = {0};
	struct disc_session *s;
	int r = 0;

	c->list.end_sectors = max_u64(c->list.end_sectors, end);
	if (start == 0) {
		c->list.end_sectors =
			max_u64(c->list.end_sectors, min_u64(descriptor_space_sectors(sector), INT32_MAX));
		r = sessions_scan_track(&c->disc, sector, c->list.end_sectors, &inside);
	}
	if (r < 0)
		return r;
	s = reallocarray(c->list.sessions, c->list.n + max_u64(inside.n, 1), sizeof(*s));
	if (!s)
		return -ENOMEM;
	c->list.sessions = s;
	s += c->list.n;
	if (inside.n > 0) {
		memcpy(s, inside.sessions, inside.n * sizeof(*s));
		c->list.n += inside.n;
		c->list.end_sectors = max_u64(c->list.end_sectors, inside.end_sectors);
		return 0;
	}
	memset(s, 0, sizeof(*s));
	pvd_session(sector, start, start + SESSION_DESCRIPTORS, s);
	s->number = (uint32_t)++c->list.n;
	c->list.end_sectors = max_u64(c->list.end_sectors, min_u64((uint64_t)start + s->sectors, INT32_MAX));
	return 0;
}

static int find_volumes(struct container *c, bool *ret_data)
{
	track_t first = cdio_get_first_track_num(c->cdio), n = cdio_get_num_tracks(c->cdio);
	lsn_t end = cdio_get_track_lsn(c->cdio, CDIO_CDROM_LEADOUT_TRACK);
	uint8_t sector[SECTOR_BYTES];

	*ret_data = false;
	if (first == CDIO_INVALID_TRACK || n == CDIO_INVALID_TRACK || end <= 0 || end == CDIO_INVALID_LSN)
		return -EBADMSG;
	for (unsigned i = 0; i < n; i++) {
		lsn_t start = cdio_get_track_lsn(c->cdio, (track_t)(first + i));
		bool found = false;
		int r;

		if (cdio_get_track_format(c->cdio, (track_t)(first + i)) == TRACK_FORMAT_AUDIO || start < 0 ||
		    start >= end)
			continue;
		*ret_data = true;
		/* One way serves all tracks. */
		for (unsigned way = 0; way < WAYS && !found; way++) {
			if (c->list.n == 0)
				c->way = (enum way)way;
			found = volume_at(c, (uint32_t)start, sector);
		}
		r = found ? add_volume(c, (uint32_t)start, (uint32_t)end, sector) : 0;
		if (r < 0)
			return r;
	}
	/* libcdio counts the lead-out of 2048-byte sectors in 2352 bytes: too low. */
	c->list.end_sectors = max_u64(c->list.end_sectors, (uint64_t)end);
	return 0;
}

static const char *why_refused(bool data)
{
	return data ? "no ISO 9660 volume can be read from its data track (sectors in a form that libcdio misreads?)" :
		      "an audio CD, without a data track";
}

static int open_any(struct container *c, const char **ret_why)
{
	static _Thread_local char why[512];
	const char *e = extension(c->path);
	char missing[384] = "";
	int r;

	if (!strcasecmp(e, ".nrg"))
		r = open_nrg(c);
	else
		r = open_sheet(c, !strcasecmp(e, ".cue") ? SHEET_CUE : SHEET_TOC, missing, sizeof(missing));
	if (r < 0 && missing[0]) {
		snprintf(why, sizeof(why), "the data file that it names, \"%s\", %s", missing,
			 r == -ENOENT ? "is missing" : strerror(-r));
		*ret_why = why;
		return r;
	}
	if (r == 0 && !c->cdio)
		r = -EMEDIUMTYPE;
	if (r == -EMEDIUMTYPE)
		*ret_why = "no cue, nrg or toc file that libcdio understands";
	return r;
}

int container_open(const char *path, struct disc **ret, const char **ret_why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct container *c = calloc(1, sizeof(*c));
	bool data;
	int r;

	if (!c)
		return -ENOMEM;
	d = &c->disc;
	c->fd = -1;
	d->ops = &container_ops;
	pthread_mutex_init(&c->lock, NULL);
	if (stat(path, &c->st) < 0)
		return -errno;
	c->path = realpath(path, NULL);
	if (!c->path)
		return -errno;
	pthread_once(&once, library_init);
	r = open_any(c, ret_why);
	if (r < 0)
		return r;
	r = find_volumes(c, &data);
	if (r == 0 && c->list.n == 0)
		r = -EMEDIUMTYPE;
	if (r < 0) {
		*ret_why = r == -EMEDIUMTYPE ? why_refused(data) : NULL;
		return r;
	}
	*ret = TAKE_PTR(d);
	return 0;
}
