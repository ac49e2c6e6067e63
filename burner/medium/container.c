/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * container.c - cue, nrg and toc images through libcdio, read-only
 *
 * libcdio reads some of these wrong without an error (a toc or nrg of 2048-byte sectors), or not to their end (a cue
 * with MODE1/2048), and places tracks behind a session's gap too low.  So nothing is believed: three ways to read are
 * tried, and one is taken only when sector 16 of the track holds a primary volume descriptor whose root directory
 * really lies where it says (its first record, ".", names its own address: ECMA-119 6.8.2.2).  The ways: the data
 * file as it is (2048-byte sectors from its first byte), libcdio's sector calls, libcdio's stream.  A container where
 * none passes is refused.  Its parsers believe their input, and open what it names: they get copies of what was
 * checked, and links to the files that were opened (container.h).  What libcdio reads behind the end of a file is zeros
 * and no error: so ends are held here, that of the disc as libcdio says it, and those of the files, which somebody may
 * have made shorter.  libcdio is not thread-safe: one mutex around each call.  Its default log handler ends the
 * program: it is replaced before the first call.
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
#include "burner/medium/container.h"
#include "burner/medium/internal.h"
#include "burner/base/io.h"
#include "burner/base/own.h"

enum way { WAY_FILE, WAY_CALLS, WAY_STREAM, WAYS };

struct container {
	struct disc disc;
	pthread_mutex_t lock;
	CdIo_t *cdio; /* under the lock */
	enum way way; /* set when opened */
	uint64_t leadout;
	struct container_files files;
	struct container_place place; /* without its descriptors, once it is open */
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
	return pread_full(c->files.files[0].fd, buf, (size_t)n_sectors * SECTOR_BYTES, (uint64_t)lba * SECTOR_BYTES,
			  NULL);
}

static int read_any(struct container *c, uint32_t lba, void *buf, uint32_t n_sectors)
{
	int r;

	if (c->way == WAY_FILE)
		return read_file(c, lba, buf, n_sectors);
	if (c->way == WAY_CALLS && lba + (uint64_t)n_sectors > c->leadout)
		return -EIO;
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
	return r < 0 ? r : container_files_check(&c->files);
}

static int container_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct container *c = to_container(d);

	return lba + (uint64_t)n_sectors > c->list.end_sectors ? -EIO : read_any(c, lba, buf, n_sectors);
}

/* Sectors between tracks are in no file. */
static uint64_t there(const struct container *c)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < c->files.n; i++)
		bytes += (uint64_t)c->files.files[i].st.st_size;
	return min_u64(c->list.end_sectors, max_u64(c->leadout, sectors_of(bytes)));
}

static int container_state(struct disc *d, struct disc_state *ret)
{
	const struct container *c = to_container(d);

	*ret = (struct disc_state){.kind = MEDIUM_CONTAINER,
				   .name = "cue, nrg or toc image",
				   .why_not = "cue, nrg and toc files can only be read",
				   .capacity_sectors = c->list.end_sectors,
				   .used_sectors = c->list.end_sectors,
				   .there_sectors = there(c),
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

	return sessions_identity(d, &c->list, &c->place.st, c->place.path, ret);
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
	container_files_release(&c->files);
	container_place_release(&c->place);
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

/* libcdio by the name that each kind must have, while the directory is there.  Of an nrg it has opened all, and would
 * keep what it reads now, of the copy. */
static CdIo_t *open_named(const struct container_names *names, const char *extension)
{
	char path[sizeof(names->path) + 8];
	CdIo_t *cdio;

	snprintf(path, sizeof(path), "%s/i.%s", names->path, extension);
	cdio = !strcmp(extension, "cue") ? cdio_open_cue(path) :
	       !strcmp(extension, "toc") ? cdio_open_cdrdao(path) :
					   cdio_open_nrg(path);
	if (cdio && strcmp(extension, "nrg") != 0)
		open_tracks(cdio);
	return cdio;
}

/* i.EXTENSION is this copy, i.bin the first data file. */
static int open_copy(struct container *c, const char *extension, int copy)
{
	struct container_names names;
	char name[8];
	int r = container_names_make(&names);

	if (r < 0)
		snprintf(c->place.why, sizeof(c->place.why),
			 "no directory can be made in TMPDIR, /tmp, /var/tmp or /dev/shm, which reading it needs: %s",
			 strerror(-r));
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "i.%s", extension);
	r = container_names_add(&names, name, copy);
	if (r == 0 && c->files.n > 0)
		r = container_names_add(&names, "i.bin", c->files.files[0].fd);
	if (r == 0)
		c->cdio = open_named(&names, extension);
	container_names_remove(&names);
	return r;
}

static int open_sheet(struct container *c, enum sheet_kind kind)
{
	_close_ int copy = -1;
	int r = sheet_copy(&c->place, kind, &c->files, &copy);

	return r < 0 ? r : open_copy(c, kind == SHEET_CUE ? "cue" : "toc", copy);
}

/* What else has that file open is libcdio. */
static int put_in_place(int file, int copy)
{
	_close_directory_ DIR *d = directory_open(AT_FDCWD, "/proc/self/fd/.");
	struct stat of_copy, st;
	bool done = false;

	if (!d || fstat(copy, &of_copy) < 0)
		return -errno;
	for (const struct dirent *e; (e = readdir(d));) {
		int fd = e->d_name[0] == '.' ? -1 : (int)strtol(e->d_name, NULL, 10);

		if (fd < 0 || fd == copy || fstat(fd, &st) < 0 || st.st_ino != of_copy.st_ino ||
		    st.st_dev != of_copy.st_dev)
			continue;
		if (dup3(file, fd, O_CLOEXEC) < 0)
			return -errno;
		done = true;
	}
	return done ? 0 : -EIO;
}

/* The file has index and data: it is its own data file. */
static int open_nrg(struct container *c)
{
	_close_ int copy = -1;
	int r;

	c->files.files = calloc(1, sizeof(*c->files.files));
	if (!c->files.files)
		return -ENOMEM;
	c->files.n = 1;
	c->files.files[0].st = c->place.st;
	c->files.files[0].fd = TAKE_FD(c->place.fd);
	r = nrg_copy(c->files.files[0].fd, &copy);
	if (r == 0)
		r = open_copy(c, "nrg", copy);
	return r == 0 && c->cdio ? put_in_place(c->files.files[0].fd, copy) : r;
}

/* A track that holds a volume, read rightly and to its end.  One that cannot be read is not mounted; nothing is ever
 * written to a container. */
static bool volume_at(struct container *c, uint32_t start, uint8_t sector[SECTOR_BYTES])
{
	uint8_t other[SECTOR_BYTES];
	uint32_t root, size;

	if (c->way == WAY_FILE && (c->files.n == 0 || start != 0))
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

	*ret_data = true;
	if (first == CDIO_INVALID_TRACK || n == CDIO_INVALID_TRACK || end <= 0 || end == CDIO_INVALID_LSN)
		return -EMEDIUMTYPE;
	*ret_data = false;
	c->leadout = (uint64_t)end;
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

static int open_any(struct container *c)
{
	const char *e = extension(c->place.path);
	int r;

	if (!strcasecmp(e, ".nrg"))
		r = open_nrg(c);
	else
		r = open_sheet(c, !strcasecmp(e, ".cue") ? SHEET_CUE : SHEET_TOC);
	if (r == 0 && !c->cdio)
		r = -EMEDIUMTYPE;
	if (r == -EMEDIUMTYPE)
		snprintf(c->place.why, sizeof(c->place.why), "no cue, nrg or toc file that libcdio understands");
	close_fd(&c->place.fd);
	close_fd(&c->place.directory_fd);
	return r;
}

static int open_and_find(struct container *c)
{
	bool data = false;
	int r = open_any(c);

	if (r < 0)
		return r;
	r = find_volumes(c, &data);
	if (r == 0 && c->list.n == 0)
		r = -EMEDIUMTYPE;
	if (r == -EMEDIUMTYPE)
		snprintf(c->place.why, sizeof(c->place.why), "%s", why_refused(data));
	return r;
}

int container_open(const char *path, struct disc **ret, const char **ret_why)
{
	static _Thread_local char why[sizeof(((struct container *)NULL)->place.why)];
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct container *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	d = &c->disc;
	d->ops = &container_ops;
	pthread_mutex_init(&c->lock, NULL);
	pthread_once(&once, library_init);
	r = container_place_open(path, &c->place);
	if (r == 0)
		r = open_and_find(c);
	if (r < 0 && c->place.why[0]) {
		memcpy(why, c->place.why, sizeof(why));
		*ret_why = why;
	}
	if (r == 0)
		*ret = TAKE_PTR(d);
	return r;
}
