/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * disc.c - the image, the state beside it, the write cache
 *
 * Data reaches the image at once; the cache of a real drive shows only when the power fails.  So a fault that cuts
 * the power arms an undo log (disc_keep_undo): the old content of the blocks written since the last flush, as many as
 * the drive's buffer holds.
 */
#include "tests/burner/disc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"

enum { UNDO_BLOCKS = 1024 }; /* 2 MiB, the buffer that the drive reports */

struct undo {
	int32_t lba[UNDO_BLOCKS];
	uint8_t old[UNDO_BLOCKS][BLOCK_BYTES];
	size_t first, n;
};

void disc_save(struct disc *disc)
{
	char temporary[4096];
	FILE *file;

	if (snprintf(temporary, sizeof(temporary), "%s.new", disc->state_path) >= (int)sizeof(temporary))
		return;
	file = fopen(temporary, "w");
	if (!file)
		return;
	fprintf(file, "medium %s %d\n", disc->medium->name, disc->capacity);
	for (int i = 0; i < disc->n_tracks; i++) {
		const struct track *t = &disc->tracks[i];

		fprintf(file, "track %d %d %d %d %d %d %d %d %d\n", t->session, t->start, t->end, t->run_out,
			t->control, t->closed, t->reserved, t->damaged, t->at_once);
	}
	for (int i = 0; i < disc->n_sessions; i++) {
		const struct session *s = &disc->sessions[i];

		fprintf(file, "session %d %d %d\n", s->first_track, s->last_track, s->lead_out);
	}
	fprintf(file, "format %d %d %d %d\n", (int)disc->background, disc->formatted, disc->restricted,
		disc->intermediate);
	if (disc->fast_blanked)
		fputs("fast-blanked\n", file);
	if (disc->finalized)
		fputs("finalized\n", file);
	if (!fclose(file))
		rename(temporary, disc->state_path);
}

static void load_track(struct disc *disc, const char *line)
{
	struct track t = {0};
	int control, closed, damaged = 0, at_once = 0;

	if (disc->n_tracks == MAX_TRACKS ||
	    sscanf(line, "track %d %d %d %d %d %d %d %d %d", &t.session, &t.start, &t.end, &t.run_out, &control,
		   &closed, &t.reserved, &damaged, &at_once) < 6)
		return;
	t.control = (uint8_t)control;
	t.closed = closed;
	t.damaged = damaged;
	t.at_once = at_once;
	disc->tracks[disc->n_tracks++] = t;
}

static void load_line(struct disc *disc, const char *line)
{
	struct session s = {0};
	int background, restricted, intermediate;
	char name[32];

	if (sscanf(line, "medium %31s %d", name, &disc->capacity) == 2) {
		const struct medium *medium = medium_find(name);

		if (medium)
			disc->medium = medium;
	} else if (disc->n_sessions < MAX_TRACKS &&
		   sscanf(line, "session %d %d %d", &s.first_track, &s.last_track, &s.lead_out) == 3) {
		disc->sessions[disc->n_sessions++] = s;
	} else if (sscanf(line, "format %d %d %d %d", &background, &disc->formatted, &restricted, &intermediate) == 4) {
		disc->background = (enum background)(background & 3);
		disc->restricted = restricted;
		disc->intermediate = intermediate;
	} else if (!strncmp(line, "fast-blanked", 12)) {
		disc->fast_blanked = true;
	} else if (!strncmp(line, "finalized", 9)) {
		disc->finalized = true;
	} else {
		load_track(disc, line);
	}
}

static bool load(struct disc *disc)
{
	FILE *file = fopen(disc->state_path, "r");
	char line[128];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		load_line(disc, line);
	fclose(file);
	return true;
}

int disc_open(const char *path, const struct medium *medium, int32_t capacity, struct disc **ret_disc)
{
	struct disc *disc = calloc(1, sizeof(*disc));
	int r;

	if (!disc)
		return -ENOMEM;
	disc->medium = medium;
	disc->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (disc->fd < 0) {
		r = -errno;
		free(disc);
		return r;
	}
	if (asprintf(&disc->state_path, "%s.toc", path) < 0) {
		close(disc->fd);
		free(disc);
		return -ENOMEM;
	}
	if (!load(disc)) {
		if (!medium) {
			close(disc->fd);
			free(disc->state_path);
			free(disc);
			return -EINVAL;
		}
		disc->capacity = capacity ? capacity : medium->capacity;
		if (medium->family == DVD_RAM) { /* sold formatted */
			disc->background = FORMAT_COMPLETE;
			disc->formatted = disc->capacity;
		}
		disc_save(disc);
	} else {
		disc_damage(disc); /* a track left open by a drive that is gone */
	}
	*ret_disc = disc;
	return 0;
}

void disc_free(struct disc *disc)
{
	if (!disc)
		return;
	disc_save(disc);
	close(disc->fd);
	free(disc->state_path);
	free(disc->undo);
	free(disc);
}

enum profile disc_profile(const struct disc *disc)
{
	return disc->restricted ? PROFILE_DVD_RW_RO : disc->medium->profile;
}

bool disc_is_overwritable(const struct disc *disc)
{
	switch (disc->medium->family) {
	case DVD_PLUS_RW:
	case DVD_RAM:
	case BD_RE:
		return true;
	case DVD_MINUS:
		return disc->restricted;
	case CD:
	case DVD_PLUS_R:
	case BD_R:
		break;
	}
	return false;
}

bool disc_is_blank(const struct disc *disc)
{
	return disc_is_overwritable(disc) ? !disc->formatted : !disc->n_tracks && !disc->formatted;
}

int32_t disc_readable_end(const struct disc *disc)
{
	if (disc_is_overwritable(disc))
		return disc->formatted;
	return disc->n_sessions ? disc->sessions[disc->n_sessions - 1].lead_out : 0;
}

static bool pwrite_all(int fd, const uint8_t *data, size_t bytes, off_t position)
{
	while (bytes) {
		ssize_t n = pwrite(fd, data, bytes, position);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		bytes -= (size_t)n;
		position += n;
	}
	return true;
}

static bool read_block(const struct disc *disc, int32_t lba, uint8_t *data, int32_t blocks)
{
	size_t bytes = (size_t)blocks * BLOCK_BYTES;
	ssize_t n = pread(disc->fd, data, bytes, (off_t)lba * BLOCK_BYTES);

	if (n < 0)
		return false;
	memset(data + n, 0, bytes - (size_t)n); /* behind the end of the image: recorded zeros */
	return true;
}

static void remember(struct disc *disc, int32_t lba, int32_t blocks)
{
	struct undo *undo = disc->undo;

	for (int32_t i = 0; undo && i < blocks; i++) {
		size_t slot = (undo->first + undo->n) % UNDO_BLOCKS;

		undo->lba[slot] = lba + i;
		if (!read_block(disc, lba + i, undo->old[slot], 1))
			memset(undo->old[slot], 0, BLOCK_BYTES);
		if (undo->n < UNDO_BLOCKS)
			undo->n++;
		else
			undo->first = (undo->first + 1) % UNDO_BLOCKS;
	}
}

struct sense disc_put(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks)
{
	remember(disc, lba, blocks);
	if (!pwrite_all(disc->fd, data, (size_t)blocks * BLOCK_BYTES, (off_t)lba * BLOCK_BYTES))
		return sense_at(SENSE_WRITE_ERROR, lba);
	return SENSE_OK;
}

struct sense disc_write(struct disc *disc, int32_t lba, const uint8_t *data, int32_t blocks, uint8_t control)
{
	if (lba < 0 || blocks > disc->capacity - lba)
		return sense_at(SENSE_OUT_OF_RANGE, lba);
	if (disc_is_overwritable(disc))
		return overwrite_write(disc, lba, data, blocks);
	return sequential_write(disc, lba, data, blocks, control);
}

/* Runs of readable blocks are read together: the rules are asked per block, the image per run. */
struct sense disc_read(const struct disc *disc, int32_t lba, uint8_t *data, int32_t blocks)
{
	bool overwritable = disc_is_overwritable(disc);

	if (lba < 0 || blocks > disc->capacity - lba)
		return sense_at(SENSE_OUT_OF_RANGE, lba);
	for (int32_t i = 0; i < blocks; i++) {
		struct sense sense =
			overwritable ? overwrite_readable(disc, lba + i) : sequential_readable(disc, lba + i);

		if (sense.key)
			return sense_at(sense, lba + i);
	}
	return read_block(disc, lba, data, blocks) ? SENSE_OK : sense_at(SENSE_UNREADABLE, lba);
}

struct sense disc_flush(struct disc *disc)
{
	struct sense sense = disc_is_overwritable(disc) ? SENSE_OK : sequential_flush(disc);

	if (disc->undo)
		disc->undo->n = 0;
	disc_save(disc);
	return sense;
}

int disc_keep_undo(struct disc *disc)
{
	if (!disc->undo)
		disc->undo = calloc(1, sizeof(*disc->undo));
	return disc->undo ? 0 : -ENOMEM;
}

void disc_lose(struct disc *disc, int32_t blocks)
{
	struct undo *undo = disc->undo;
	struct track *cut = disc_open_track(disc);

	for (; undo && undo->n && blocks > 0; blocks--) {
		size_t slot = (undo->first + --undo->n) % UNDO_BLOCKS;

		pwrite_all(disc->fd, undo->old[slot], BLOCK_BYTES, (off_t)undo->lba[slot] * BLOCK_BYTES);
		if (cut && cut->end == undo->lba[slot] + 1)
			cut->end--;
	}
	if (cut) /* what was of a packet only a part is not there */
		cut->end -= (cut->end - cut->start) % disc->medium->packet;
	disc_damage(disc);
	disc_save(disc);
}
