/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spool.c - bytes of the disc that a session writes anew, fetched before the burn
 *
 * The stream of a session asks for the same bytes in the same order each time, so reading back goes forward through
 * the file. The places on the disc are kept all the same, as runs, and compared: bytes of the wrong place must not be
 * burned.
 */
#include "fs/manifest/spool.h"

#include <errno.h>
#include <stdlib.h>

#include "burner/base/bytes.h"
#include "burner/base/grow.h"
#include "burner/base/io.h"

struct spool_piece {
	uint64_t pos, length; /* on the disc */
};

struct spool {
	int fd;
	uint64_t written, read;	  /* bytes of the file */
	struct spool_piece *runs; /* as they lie in the file */
	size_t n_runs, room;
	size_t at;     /* run that is read next … */
	uint64_t done; /* … and so much of it was */
};

int spool_new(const char *directory, struct spool **ret)
{
	struct spool *s;
	int fd = unnamed_file_open(directory);

	if (fd < 0)
		return fd;
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	s->fd = fd;
	*ret = s;
	return 0;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	close_fd(&s->fd);
	free(s->runs);
	free(s);
}

static int note(struct spool *s, uint64_t pos, uint64_t length)
{
	struct spool_piece *last = s->n_runs ? &s->runs[s->n_runs - 1] : NULL;

	if (last && last->pos + last->length == pos) {
		last->length += length;
		return 0;
	}
	if (grow(&s->runs, &s->room, s->n_runs, sizeof(*s->runs)))
		return -ENOMEM;
	s->runs[s->n_runs++] = (struct spool_piece){.pos = pos, .length = length};
	return 0;
}

int spool_add(struct spool *s, uint64_t pos, const void *buf, size_t length)
{
	int r = pwrite_full(s->fd, buf, length, s->written, NULL);

	if (r)
		return r;
	s->written += length;
	return length ? note(s, pos, length) : 0;
}

/* At most length bytes of the run that is read next. */
static int get_some(struct spool *s, uint64_t pos, uint8_t *buf, size_t length, size_t *ret_done)
{
	const struct spool_piece *run = &s->runs[s->at];
	ssize_t n;

	if (s->at == s->n_runs || run->pos + s->done != pos)
		return -EIO;
	do
		n = pread(s->fd, buf, (size_t)min_u64(length, run->length - s->done), (off_t)s->read);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	s->read += (uint64_t)n;
	s->done += (uint64_t)n;
	if (s->done == run->length) {
		s->at++;
		s->done = 0;
	}
	*ret_done = (size_t)n;
	return 0;
}

int spool_get(struct spool *s, uint64_t pos, void *buf, size_t length)
{
	uint8_t *to = buf;

	for (size_t done = 0, n = 0; done < length; done += n) {
		int r = get_some(s, pos + done, to + done, length - done, &n);

		if (r < 0)
			return r;
	}
	return 0;
}
