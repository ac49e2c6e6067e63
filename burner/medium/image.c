/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * image.c - an image file as a disc
 *
 * Sector n is byte n * 2048, read by pread(2) without any state, so that every thread may read at any time; a file
 * that ends inside a sector reads as if padded with zeros.  A second descriptor goes past the page cache, for a
 * burn's large pieces.  What is known of the sessions changes only in refresh.  One program at a time writes to an
 * image: an OFD lock on the whole file, held from open to close, passed on by fork and given back by the kernel when
 * a process dies.
 *
 * Blank is a file of length 0, and a file whose first burn ended before its head was written: no descriptor at LBA
 * 16, but at LBA 48 that of our first session (image_target.c makes it durable before anything that follows), or
 * less: a file that ends there, empty but for what a power cut left of that descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "burner/medium/internal.h"
#include "burner/format/appuse.h"
#include "burner/format/volume_descriptor.h"
#include "burner/base/io.h"
#include "burner/base/own.h"

static struct image *to_image(struct disc *d) { return (struct image *)(void *)d; /* its first member */ }

static int image_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	size_t length = (size_t)n_sectors * SECTOR_BYTES, done = 0;
	int r = pread_full(to_image(d)->fd, buf, length, (uint64_t)lba * SECTOR_BYTES, &done);

	if (r < 0)
		return r;
	return done < length ? -EIO : 0; /* of a block that was cut off it is not known what it held */
}

/* What is read so comes from the disk: what the page cache holds of it, changed, is written there first. */
static int image_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	uint64_t pos = (uint64_t)lba * SECTOR_BYTES;
	size_t length = (size_t)n_sectors * SECTOR_BYTES;
	ssize_t n;

	if (to_image(d)->direct_fd < 0 || !direct_fits(buf, pos) || length % DIRECT_ALIGN)
		return -EOPNOTSUPP;
	do
		n = pread(to_image(d)->direct_fd, buf, length, (off_t)pos);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EINVAL)
		return -errno;
	return n == (ssize_t)length ? 0 : -EOPNOTSUPP;
}

/* Past the end of the file nothing is known: a file system tells of a hole up to there.  Whole sectors count. */
static uint32_t image_zeros(struct disc *d, uint32_t lba, uint32_t n_sectors)
{
	int fd = to_image(d)->fd;
	off_t from = (off_t)lba * SECTOR_BYTES, data = lseek(fd, from, SEEK_DATA);
	struct stat st;

	if (data < 0 && errno == ENXIO && fstat(fd, &st) == 0)
		data = st.st_size;
	return data > from ? (uint32_t)min_u64((uint64_t)(data - from) / SECTOR_BYTES, n_sectors) : 0;
}

int image_host_free(const struct image *image, uint64_t *ret_bytes)
{
	struct statvfs v;

	if (fstatvfs(image->fd, &v) < 0)
		return -errno;
	*ret_bytes = (uint64_t)v.f_bavail * v.f_frsize; /* as df says it, for root too */
	return 0;
}

static uint64_t next_start(const struct image *image)
{
	return image->blank ? FIRST_SESSION_LBA : round_up(image->kept_end, SESSION_ALIGN_SECTORS);
}

/* What is written to a file without a name is gone when it is closed.  One that was renamed is none, nor are files
 * where links are not counted. */
static bool is_deleted(const struct image *image)
{
	struct stat st, named;

	return fstat(image->fd, &st) == 0 && st.st_nlink == 0 &&
	       (stat(image->path, &named) < 0 || named.st_dev != st.st_dev || named.st_ino != st.st_ino);
}

static int image_state(struct disc *d, struct disc_state *ret)
{
	const struct image *image = to_image(d);
	struct disc_state state = {.kind = MEDIUM_IMAGE,
				   .name = "image file",
				   .blank = image->blank,
				   .overwritable = true};
	int r = image_host_free(image, &state.host_free_bytes);

	if (r < 0)
		return r;
	state.appendable = image->why_not[0] == 0;
	state.why_not = state.appendable ? NULL : image->why_not;
	if (state.appendable && is_deleted(image)) {
		state.appendable = false;
		state.why_not = "the image file was deleted, or another one has its name now: what is written to it "
				"would be gone with the mount";
	}
	state.capacity_sectors = image->capacity_sectors;
	state.told_capacity_sectors = image->told_sectors;
	state.used_sectors = image->blank ? 0 : image->list.end_sectors;
	state.there_sectors = sectors_of((uint64_t)image->st.st_size);
	state.kept_sectors = image->blank ? 0 : image->kept_end - image->list.end_sectors;
	state.next_lba = (uint32_t)min_u64(next_start(image), UINT32_MAX);
	state.host_device = image->st.st_dev;
	*ret = state;
	return 0;
}

static int image_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return sessions_copy(&to_image(d)->list, ret, ret_n);
}

static int image_identity(struct disc *d, struct disc_identity *ret)
{
	const struct image *image = to_image(d);

	return sessions_identity(d, &image->list, &image->st, image->path, ret);
}

/* The length up to the end of the newest session: what an interrupted burn left behind it is no change of the disc. */
static int image_fingerprint(struct disc *d, struct disc_fingerprint *ret)
{
	const struct image *image = to_image(d);
	int r = sessions_fingerprint(d, &image->list, ret);

	if (r == 0)
		ret->image_bytes =
			image->blank ? 0 : min_u64((uint64_t)image->st.st_size, image->list.end_sectors * SECTOR_BYTES);
	return r;
}

/* Disks write pieces of 512 bytes; the first two can be known. */
static bool torn_descriptor(const uint8_t sector[SECTOR_BYTES])
{
	enum { PIECE = 512 };
	static const uint8_t begin[] = "\1" ISO_STANDARD_ID "\1";

	return (bytes_are_zeros(sector, PIECE) || !memcmp(sector, begin, sizeof(begin) - 1)) &&
	       (bytes_are_zeros(sector + PIECE, PIECE) || !memcmp(sector + APPUSE_OFFSET, APPUSE_MAGIC, 16)) &&
	       bytes_are_zeros(sector + 3 * PIECE, PIECE);
}

/* 1: it is that of a first burn. */
static int first_burn_begun(struct disc *d, const struct stat *st)
{
	_free_ uint8_t *all = malloc(FIRST_BURN_SECTORS * SECTOR_BYTES);
	const uint8_t *descriptor = all + (FIRST_BURN_SECTORS - 1) * SECTOR_BYTES;
	struct appuse a;
	int r;

	if (!all)
		return -ENOMEM;
	if (st->st_size < FIRST_BURN_SECTORS * SECTOR_BYTES)
		return 0;
	r = disc_read(d, 0, all, FIRST_BURN_SECTORS);
	if (r < 0)
		return r;
	/* A first burn makes the file no longer than its session: behind it there are others, whose head is damaged. */
	if (appuse_decode(descriptor, &a) == 0)
		return a.start_lba == FIRST_SESSION_LBA && a.previous_lba == APPUSE_NONE &&
		       sectors_of((uint64_t)st->st_size) <= (uint64_t)a.start_lba + a.sectors;
	return st->st_size == FIRST_BURN_SECTORS * SECTOR_BYTES && bytes_are_zeros(all, (size_t)(descriptor - all)) &&
	       torn_descriptor(descriptor);
}

/*
 * The head is no descriptor, or makes no sense.  An image whose first burn was cut short has none yet; of all others
 * the sessions are told that are found without it.  A first session that is whole may be one that was not published:
 * its stage knows, and without it nothing is written over it.
 */
static int look_without_head(struct disc *d, const struct stat *st, int error, struct session_list *ret,
			     bool *ret_blank)
{
	_cleanup_(session_list_release) struct session_list list = {0};
	int begun = error == -EMEDIUMTYPE ? first_burn_begun(d, st) : 0, r;

	if (begun < 0)
		return begun;
	r = sessions_scan_by_chain(d, (uint64_t)st->st_size / SECTOR_BYTES, &list);
	if (r < 0 && r != -EMEDIUMTYPE)
		return r;
	if (r < 0 && !begun)
		return error;
	if (begun && list.n <= 1) {
		*ret_blank = true;
		ret->unpublished = list.n == 1 && list.sessions[0].ours;
		return 0;
	}
	list.no_head = true;
	*ret = list;
	list = (struct session_list){0};
	return 0;
}

/* The first reason against another session, the gravest first; empty: none.  Above a session of ours a UDF tree has
 * been dropped already. */
static void find_why_not(struct image *image)
{
	const char *beside = beside_refusal(&image->list, image->accepted);
	uint64_t end_bytes = image->list.end_sectors * SECTOR_BYTES, bytes = (uint64_t)image->st.st_size,
		 next = next_start(image);
	char *to = image->why_not;
	size_t n = sizeof(image->why_not);

	to[0] = 0;
	if (bytes < end_bytes)
		snprintf(to, n, "the image is truncated: %llu bytes are missing",
			 (unsigned long long)(end_bytes - bytes));
	else if (image->list.no_head)
		snprintf(to, n, "its head, blocks 16 to 31, is damaged; its sessions were found without it");
	else if (image->list.unpublished)
		snprintf(to, n,
			 "a whole session is on it, but no head that names it: its burn was not finished, and it "
			 "would be overwritten; mount it with the staging area of that burn, which finishes it, or "
			 "make a disc of it: cdappendfs-check --repair=NEW.iso");
	else if (image->list.damaged)
		snprintf(to, n, "the descriptors of the newest session are damaged");
	else if (image->list.sequential)
		snprintf(to, n, MEDIUM_WHY_SEQUENTIAL);
	else if (image->list.displaced)
		snprintf(to, n, MEDIUM_WHY_DISPLACED);
	else if (image->list.small_blocks)
		snprintf(to, n, MEDIUM_WHY_SMALL_BLOCKS);
	else if (image->list.hidden)
		snprintf(to, n,
			 "another session lies behind the newest one that the image's head names, and would be "
			 "overwritten");
	else if (image->list.partition)
		snprintf(to, n,
			 "a partition lies behind its ISO 9660 volume (a hybrid image), and would be overwritten");
	else if (image->list.unreadable)
		snprintf(to, n, MEDIUM_WHY_UNREADABLE);
	else if (beside)
		snprintf(to, n, "%s", beside);
	else if (image->capacity_sectors && image->list.end_sectors > image->capacity_sectors)
		snprintf(to, n, "the image is larger than -o media= says: give a larger one, or media=none");
	else if (next + FIRST_SESSION_LBA >= (image->capacity_sectors ? image->capacity_sectors : UINT32_MAX))
		snprintf(to, n, "the disc is full");
	else if (!image->writable)
		snprintf(to, n, DISC_WHY_OPENED_READ_ONLY);
}

/* Sessions of other programs do not say for which medium it is: the last of ours does. */
static void find_capacity(struct image *image)
{
	size_t i = image->list.n;

	while (i > 0 && !image->list.sessions[i - 1].ours)
		i--;
	image->told_sectors = i ? image->list.sessions[i - 1].capacity_sectors : 0;
	image->capacity_sectors = image->unbounded     ? 0 :
				  image->asked_sectors ? image->asked_sectors :
							 image->told_sectors;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Where there are many zeros this takes a while, and the disc is looked at several times before it has changed.  A file
 * that was changed in the last seconds may change again without another time of change. */
static bool has_looked(const struct image *image)
{
	const struct stat *now = &image->st, *then = &image->looked;
	struct timespec clock;

	clock_gettime(CLOCK_REALTIME, &clock);
	return image->looked_from == image->list.end_sectors && now->st_size == then->st_size &&
	       same_time(&now->st_mtim, &then->st_mtim) && same_time(&now->st_ctim, &then->st_ctim) &&
	       clock.tv_sec > now->st_mtim.tv_sec + 2;
}

static int look_behind(struct image *image)
{
	uint64_t end = image->list.end_sectors;
	int r = 0;

	if (image->blank || !(image->writable || image->look_behind) || image->accepted & ODDITY_BIT(ODDITY_TAIL)) {
		image->kept_end = end;
		return 0;
	}
	if (has_looked(image))
		return 0;
	if ((uint64_t)image->st.st_size > end * SECTOR_BYTES)
		r = behind_in_image(&image->disc, image->fd, &image->list, (uint64_t)image->st.st_size, &end);
	if (r < 0)
		return r;
	image->kept_end = end;
	image->looked_from = image->list.end_sectors;
	image->looked = image->st;
	return 0;
}

static int image_refresh(struct disc *d)
{
	struct image *image = to_image(d);
	struct session_list list = {0};
	struct stat st;
	int r = 0;
	bool blank;

	if (fstat(image->fd, &st) < 0)
		return -errno;
	blank = st.st_size == 0;
	if (!blank)
		r = sessions_scan(d, (uint64_t)st.st_size / SECTOR_BYTES, &list);
	if (r == -EMEDIUMTYPE || r == -EBADMSG)
		r = look_without_head(d, &st, r, &list, &blank);
	if (r < 0)
		return r;
	session_list_release(&image->list);
	image->list = list;
	image->st = st;
	image->blank = blank;
	find_capacity(image);
	r = look_behind(image);
	if (r < 0)
		return r;
	find_why_not(image);
	return 0;
}

static int image_fd(struct disc *d) { return to_image(d)->fd; }

static void image_close(struct disc *d)
{
	struct image *image = to_image(d);

	session_list_release(&image->list);
	free(image->path);
	close_fd(&image->direct_fd);
	close_fd(&image->fd);
	free(image);
}

static const struct disc_ops image_ops = {
	.read = image_read,
	.read_medium = image_read_medium,
	.zeros = image_zeros,
	.state = image_state,
	.sessions = image_sessions,
	.identity = image_identity,
	.fingerprint = image_fingerprint,
	.refresh = image_refresh,
	.fd = image_fd,
	.close = image_close,
};

struct image *image_of(struct disc *d)
{
	d = disc_innermost(d);
	return d->ops == &image_ops ? to_image(d) : NULL;
}

/* ---- opening ---- */

static int check_kind(const struct stat *st, const char **ret_why)
{
	if (S_ISREG(st->st_mode))
		return 0;
	if (S_ISDIR(st->st_mode)) {
		*ret_why = "a directory, not a disc";
		return -EISDIR;
	}
	if (S_ISBLK(st->st_mode))
		*ret_why = "a block device that is no optical drive";
	else
		*ret_why = "neither an image file nor an optical drive";
	return -ENODEV;
}

/* The directory of a file that is to be made, by no symbolic link. */
static int open_parent(const char *path, const char **ret_name)
{
	_close_ int fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *end;

	for (path += strspn(path, "/"); fd >= 0 && (end = strchr(path, '/')); path = end + strspn(end, "/")) {
		_free_ char *name = strndup(path, (size_t)(end - path));
		int next = name ? openat(fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

		close_fd(&fd);
		fd = next;
	}
	if (fd < 0)
		return -errno;
	*ret_name = path;
	return TAKE_FD(fd);
}

/* What is on a disc may be for its owner alone: so is the image, whatever the umask says. */
static int make_file(const char *path, int flags, bool is_there, const char **ret_why)
{
	const char *name = NULL;
	_close_ int parent = open_parent(path, &name);
	int fd = parent < 0 ? parent : openat(parent, name, flags | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);

	if (parent >= 0 && fd < 0 && errno == EEXIST) {
		fd = openat(parent, name, flags | O_NOFOLLOW);
		if (fd >= 0 && !is_there) {
			close(fd);
			*ret_why = "somebody has made it at this very moment; look whose it is, and try again";
			return -EEXIST;
		}
	} else if (fd >= 0 && fchmod(fd, 0600) < 0) {
		close_fd(&fd);
	}
	if (parent >= 0 && fd < 0 && errno == ELOOP)
		*ret_why = "a symbolic link; an image is made by its own name";
	return parent >= 0 && fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: the file may have become a FIFO since it was looked at. */
static int open_file(const char *path, const struct disc_open_options *options, int *ret_fd, const char **ret_why)
{
	bool create = options->writable && options->create;
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (options->writable ? O_RDWR : O_RDONLY), r;
	_close_ int fd = -1;
	struct stat st;
	bool is_there = stat(path, &st) == 0;

	if (is_there) {
		r = check_kind(&st, ret_why);
		if (r < 0)
			return r;
	} else if (errno == ENOENT && !create) {
		*ret_why = "no such file (-o create makes a blank image)";
		return -ENOENT;
	}
	fd = create ? make_file(path, flags, is_there, ret_why) : open(path, flags);
	r = fd >= 0 ? 0 : create ? fd : -errno;
	if (options->writable && (r == -EPERM || r == -ETXTBSY))
		return -EACCES; /* immutable, append-only, or a program: readable, not writable */
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	r = check_kind(&st, ret_why);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The file that is open, not what its name has become; no file system must have it. */
static int open_direct(int fd)
{
	char path[FD_PATH_BYTES];

	fd_path(fd, path);
	return open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
}

static int lock_file(int fd, const struct disc_open_options *options, const char **ret_why)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, options->wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock) == 0)
		return 0;
	if (errno == EAGAIN || errno == EACCES) {
		*ret_why = "another program has it open for writing (is it mounted already?)";
		return -EBUSY;
	}
	return -errno;
}

static const char *why_refused(struct disc *d, int error)
{
	if (error == -EMEDIUMTYPE)
		return guess_content(d);
	if (error == -EBADMSG)
		return "a damaged or truncated ISO 9660 disc: its first volume descriptor makes no sense";
	return NULL;
}

int image_open(const char *path, const struct disc_open_options *options, struct disc **ret, const char **ret_why)
{
	_cleanup_(disc_closep) struct disc *d = NULL;
	struct image *image = calloc(1, sizeof(*image));
	int r;

	if (!image)
		return -ENOMEM;
	d = &image->disc;
	d->ops = &image_ops;
	image->fd = image->direct_fd = -1;
	image->writable = options->writable;
	image->accepted = options->accepted;
	image->asked_sectors = options->capacity_sectors;
	image->unbounded = options->unbounded;
	image->look_behind = options->look_behind;
	r = open_file(path, options, &image->fd, ret_why);
	if (r < 0)
		return r;
	image->path = realpath(path, NULL);
	if (!image->path)
		return -errno;
	if (image->writable)
		r = lock_file(image->fd, options, ret_why);
	if (r < 0)
		return r;
	if (image->writable)
		image->direct_fd = open_direct(image->fd);
	r = image_refresh(d);
	if (r < 0) {
		*ret_why = why_refused(d, r);
		return r;
	}
	/* What is staged for a blank disc is found by its file alone, which must be durable before anything is. */
	if (image->writable && image->blank)
		r = fsync(image->fd) < 0 ? -errno : fsync_parent(image->path);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}
