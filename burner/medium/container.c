/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container.c - cue, nrg and toc images through libcdio, read-only
 *
 * libcdio reads some of these wrong without an error (a toc or nrg of 2048-byte sectors), or not to their end (a cue
 * with MODE1/2048), and places tracks behind a session's gap too low.  So nothing is believed: three ways to read are
 * tried, and one is taken only when sector 16 of the track holds a primary volume descriptor whose root directory
 * really lies where it says (its first record, ".", names its own address: ECMA-119 6.8.2.2).  The ways: the data
 * file as it is (2048-byte sectors from its first byte), libcdio's sector calls, libcdio's stream.  A container where
 * none passes is refused. For NAME.cue libcdio reads NAME.bin, whatever the sheet's FILE line says: when there is no
 * such file, the sheet and the file it names get such names in a temporary directory for as long as it takes to open
 * both. Its parsers believe their input: nrg.c and sheet.c look at it first. libcdio is not thread-safe: one mutex
 * around each call.  Its default log handler ends the program: it is replaced before the first call.
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

/* The first n bytes of a, and b; NULL: no memory. */
static char *join(const char *a, int n, const char *b)
{
	char *s = NULL;

	return asprintf(&s, "%.*s%s", n, a, b) < 0 ? NULL : s;
}

/* What the first FILE (cue) or DATAFILE (toc) line names, relative to the sheet. */
static int data_file(const char *path, char **ret)
{
	_free_ char *line = NULL, *name = NULL;
	size_t capacity = 0;
	FILE *f = fopen(path, "re");
	int r = -ENOENT, directory = (int)(strrchr(path, '/') + 1 - path);

	if (!f)
		return -errno;
	for (unsigned i = 0; i < 1000 && r == -ENOENT && getline(&line, &capacity, f) >= 0; i++) {
		if (sscanf(line, " DATAFILE \"%m[^\"]\"", &name) != 1 &&
		    sscanf(line, " FILE \"%m[^\"]\"", &name) != 1 && sscanf(line, " FILE %ms", &name) != 1)
			continue;
		*ret = join(path, name[0] == '/' ? 0 : directory, name);
		r = *ret ? 0 : -ENOMEM;
	}
	fclose(f);
	return r;
}

/* libcdio opens the data when it is first read. */
static CdIo_t *open_renamed(const char *path, const char *data)
{
	const char *parent = getenv("TMPDIR");
	_free_ char *directory = join(parent && parent[0] == '/' ? parent : "/tmp", 4096, "/cdappendfs-XXXXXX"),
		    *cue = NULL, *bin = NULL;
	uint8_t sector[CDIO_CD_FRAMESIZE_RAW];
	CdIo_t *cdio = NULL;

	if (!directory || !mkdtemp(directory))
		return NULL;
	cue = join(directory, 4096, "/i.cue");
	bin = join(directory, 4096, "/i.bin");
	if (cue && bin) {
		if (symlink(path, cue) == 0 && symlink(data, bin) == 0)
			cdio = cdio_open_cue(cue);
		if (cdio)
			cdio_read_audio_sector(cdio, sector, 0);
		unlink(cue);
		unlink(bin);
	}
	rmdir(directory);
	return cdio;
}

static CdIo_t *open_cue(const char *path, const char *data)
{
	_free_ char *bin = NULL;

	if (!strcasecmp(extension(path), ".cue"))
		bin = join(path, (int)strlen(path) - 4, ".bin");
	if ((bin && access(bin, F_OK) == 0) || !data)
		return cdio_open_cue(path);
	return open_renamed(path, data);
}

/* path: absolute. */
static CdIo_t *open_driver(const char *path, const char *e, const char *data)
{
	if (!strcasecmp(e, ".cue"))
		return open_cue(path, data);
	return !strcasecmp(e, ".nrg") ? cdio_open_nrg(path) : cdio_open_cdrdao(path);
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

int container_open(const char *path, struct disc **ret, const char **ret_why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct container *c = calloc(1, sizeof(*c));
	_free_ char *file = NULL;
	bool data, nrg, sound;
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
	nrg = !strcasecmp(extension(path), ".nrg");
	sound = nrg || sheet_is_sound(c->path, !strcasecmp(extension(path), ".cue") ? SHEET_CUE : SHEET_TOC);
	if (nrg)
		file = strdup(path); /* its own data file */
	else if (sound && data_file(c->path, &file) < 0)
		file = NULL;
	if (file)
		c->fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (sound && (!nrg || (c->fd >= 0 && nrg_is_sound(c->fd))))
		c->cdio = open_driver(c->path, extension(path), file);
	if (!c->cdio) {
		*ret_why = "no cue, nrg or toc file that libcdio understands, or the file it names is missing";
		return -EMEDIUMTYPE;
	}
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
