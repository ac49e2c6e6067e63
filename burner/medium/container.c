/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container.c - cue, nrg and toc images through libcdio, read-only
 *
 * libcdio reads some of these wrong without an error (a toc or nrg of 2048-byte sectors, a cue with MODE1/2048 by its sector calls), and
 * places tracks behind a session's gap too low.  So nothing is believed: for each data track both of its ways to read are tried, and one
 * is taken only when sector 16 of the track holds a primary volume descriptor whose root directory really lies where it says (its first
 * record, ".", names its own address: ECMA-119 6.8.2.2).  A container where none passes is refused.
 * libcdio is not thread-safe: one mutex around each call.  Its default log handler ends the program: it is replaced before the first call.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cdio/cdio.h>
#include <cdio/logging.h>

#include "burner/medium/medium.h"
#include "cdappendfs/own.h"

struct container {
	struct disc disc;
	pthread_mutex_t lock;
	CdIo_t *cdio;		/* under the lock */
	bool by_stream;		/* cdio_lseek and cdio_read; else by sector calls.  Set when opened */
	struct stat st;
	char *path;
	struct session_list list;
};

static struct container *to_container(struct disc *d)
{
	return (struct container *)(void *)d;	/* its first member */
}

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

static int read_locked(struct container *c, uint32_t lba, void *buf, uint32_t n_sectors)
{
	if (c->by_stream) {
		ssize_t length = (ssize_t)n_sectors * SECTOR_BYTES;

		if (cdio_lseek(c->cdio, (off_t)lba * SECTOR_BYTES, SEEK_SET) < 0)
			return -EIO;
		return cdio_read(c->cdio, buf, (size_t)length) == length ? 0 : -EIO;
	}
	return cdio_read_data_sectors(c->cdio, buf, (lsn_t)lba, SECTOR_BYTES, n_sectors) == DRIVER_OP_SUCCESS ? 0 : -EIO;
}

static int container_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct container *c = to_container(d);
	int result;

	if (lba + (uint64_t)n_sectors > c->list.end_sectors)
		return -EIO;
	pthread_mutex_lock(&c->lock);
	result = read_locked(c, lba, buf, n_sectors);
	pthread_mutex_unlock(&c->lock);
	return result;
}

static int container_state(struct disc *d, struct disc_state *ret)
{
	const struct container *c = to_container(d);

	*ret = (struct disc_state){.kind = MEDIUM_CONTAINER, .name = "cue, nrg or toc image", .why_not = "cue, nrg and toc files can only be read",
		.capacity_sectors = c->list.end_sectors, .used_sectors = c->list.end_sectors, .next_lba = (uint32_t)c->list.end_sectors};
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
	free(c->path);
	free(c);
}

static const struct disc_ops container_ops = {
	.read = container_read, .state = container_state, .sessions = container_sessions, .identity = container_identity,
	.fingerprint = container_fingerprint, .close = container_close,
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

static CdIo_t *open_driver(const char *path)
{
	const char *e = extension(path);

	if (!strcasecmp(e, ".cue"))
		return cdio_open_cue(path);
	return !strcasecmp(e, ".nrg") ? cdio_open_nrg(path) : cdio_open_cdrdao(path);
}

/* A track that holds a volume, read rightly. */
static bool volume_at(struct container *c, uint32_t start, uint64_t n_sectors, uint8_t sector[SECTOR_BYTES])
{
	uint8_t root[SECTOR_BYTES];
	uint32_t root_lba;

	if (read_locked(c, start + HEAD_LBA, sector, 1) < 0 || pvd_check(sector, start, n_sectors) < 0)
		return false;
	root_lba = get_le32(sector + 158);
	return read_locked(c, root_lba, root, 1) == 0 && root[0] >= 34 && root[32] == 1 && get_le32(root + 2) == root_lba;
}

static int find_volumes(struct container *c, bool *ret_data)
{
	track_t first = cdio_get_first_track_num(c->cdio), n = cdio_get_num_tracks(c->cdio);
	lsn_t end = cdio_get_track_lsn(c->cdio, CDIO_CDROM_LEADOUT_TRACK);
	uint8_t sector[SECTOR_BYTES];

	*ret_data = false;
	c->list.sessions = calloc(CDIO_CD_MAX_TRACKS, sizeof(*c->list.sessions));
	if (!c->list.sessions)
		return -ENOMEM;
	if (first == CDIO_INVALID_TRACK || n == CDIO_INVALID_TRACK || end <= 0 || end == CDIO_INVALID_LSN)
		return -EBADMSG;
	for (unsigned i = 0; i < n && c->list.n < CDIO_CD_MAX_TRACKS; i++) {
		lsn_t start = cdio_get_track_lsn(c->cdio, (track_t)(first + i));
		struct disc_session *s = &c->list.sessions[c->list.n];
		bool found = false;

		if (cdio_get_track_format(c->cdio, (track_t)(first + i)) == TRACK_FORMAT_AUDIO || start < 0 || start >= end)
			continue;
		*ret_data = true;
		for (int way = 0; way < 2 && !found; way++) {
			if (c->list.n == 0)
				c->by_stream = way == 1;	/* one way serves all tracks */
			found = volume_at(c, (uint32_t)start, (uint64_t)end, sector);
		}
		if (!found)
			continue;
		pvd_session(sector, (uint32_t)start, (uint32_t)start + HEAD_LBA, s);
		s->number = (uint32_t)++c->list.n;
	}
	c->list.end_sectors = (uint64_t)end;
	return 0;
}

static const char *why_refused(bool data)
{
	return data ? "no ISO 9660 volume can be read from its data track (sectors in a form that libcdio misreads?)" : "an audio CD, without a data track";
}

int container_open(const char *path, struct disc **ret, const char **ret_why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct container *c = calloc(1, sizeof(*c));
	bool data;
	int result;

	if (!c)
		return -ENOMEM;
	d = &c->disc;
	d->ops = &container_ops;
	pthread_mutex_init(&c->lock, NULL);
	if (stat(path, &c->st) < 0)
		return -errno;
	c->path = realpath(path, NULL);
	if (!c->path)
		return -errno;
	pthread_once(&once, library_init);
	c->cdio = open_driver(path);
	if (!c->cdio) {
		*ret_why = "no cue, nrg or toc file that libcdio understands, or the file it names is missing";
		return -EMEDIUMTYPE;
	}
	result = find_volumes(c, &data);
	if (result == 0 && c->list.n == 0)
		result = -EMEDIUMTYPE;
	if (result < 0) {
		*ret_why = result == -EMEDIUMTYPE ? why_refused(data) : NULL;
		return result;
	}
	*ret = TAKE_PTR(d);
	return 0;
}
