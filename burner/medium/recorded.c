/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recorded.c - which blocks of a disc are recorded, whatever is in them
 */
#include <errno.h>
#include <stdlib.h>

#include "burner/medium/drive.h"
#include "burner/base/own.h"

/* A session may reach to the very end of a track that was written as a whole: then nothing of it is run-out. */
static bool is_of_session(const struct drive *d, uint64_t lba)
{
	for (size_t i = 0; i < d->list.n; i++) {
		const struct disc_session *s = &d->list.sessions[i];

		if (lba >= s->start_lba && lba < (uint64_t)s->start_lba + s->sectors)
			return true;
	}
	return false;
}

/* What is written over and over is one track, and has been written to the end of its newest session, if that is known
 * and nothing else was found behind it. */
static uint64_t written_sectors(const struct drive *d, const struct recorder_track *t)
{
	const struct session_list *l = &d->list;

	if (!d->medium.overwritable)
		return t->sectors;
	if (d->newest == CONTENT_NOTHING)
		return 0;
	return d->newest != CONTENT_TREE || l->behind || l->hidden || l->partition || l->unreadable || l->damaged ?
		       t->sectors :
		       min_u64(t->sectors, l->end_sectors);
}

/* Behind the newest session, if it is ours, nothing is but padding; a copy that ends there is found to have it
 * (sessions.c). */
static uint64_t end_of_newest(const struct drive *d, const struct recorder_track *t, uint64_t sectors)
{
	const struct disc_session *s = d->list.n ? &d->list.sessions[d->list.n - 1] : NULL;
	uint64_t end = s ? (uint64_t)s->start_lba + s->sectors : 0;

	if (!s || !s->ours || s->broken || s->start_lba < t->start_lba || end > t->start_lba + sectors)
		return sectors;
	return end - t->start_lba;
}

static int of_drive(const struct drive *d, struct disc_recorded **ret, size_t *ret_n, size_t *ret_audio)
{
	const struct recorder_medium *m = &d->medium;
	struct disc_recorded *list = calloc(m->n_tracks + 1, sizeof(*list));
	size_t n = 0, audio = 0;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_tracks; i++) {
		const struct recorder_track *t = &m->tracks[i];
		uint64_t sectors = end_of_newest(d, t, written_sectors(d, t)), end = t->start_lba + sectors;
		uint32_t run_out = (uint32_t)min_u64(drive_rules(d)->run_out, sectors);

		audio += !t->data;
		if (!t->data || !sectors)
			continue;
		if (m->overwritable || is_of_session(d, end - 1))
			run_out = 0;
		list[n++] = (struct disc_recorded){t->start_lba, (uint32_t)sectors, run_out};
	}
	*ret = list;
	*ret_n = n;
	*ret_audio = audio;
	return 0;
}

static int as_a_whole(uint64_t sectors, struct disc_recorded **ret, size_t *ret_n)
{
	struct disc_recorded *list = calloc(1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list->sectors = (uint32_t)min_u64(sectors, UINT32_MAX);
	*ret = list;
	*ret_n = sectors > 0;
	return 0;
}

/* Of a container: what lies between its sessions is not in its files. */
static int of_sessions(struct disc *disc, struct disc_recorded **ret, size_t *ret_n)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_recorded *list;
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	if (r)
		return r;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		list[i] = (struct disc_recorded){sessions[i].start_lba, sessions[i].sectors, 0};
	*ret = list;
	*ret_n = n;
	return 0;
}

int disc_recorded(struct disc *disc, struct disc_recorded **ret, size_t *ret_n, size_t *ret_audio)
{
	const struct drive *d = drive_of(disc);
	uint64_t bytes = 0;
	int r;

	*ret_audio = 0;
	if (d)
		return of_drive(d, ret, ret_n, ret_audio);
	r = disc_image_bytes(disc, &bytes);
	if (r)
		return r;
	return image_of(disc) ? as_a_whole(bytes / SECTOR_BYTES, ret, ret_n) : of_sessions(disc, ret, ret_n);
}

int disc_is_there(struct disc *disc)
{
	struct drive *d = drive_of(disc);
	int r;

	if (!d)
		return 0;
	pthread_mutex_lock(&d->lock);
	r = recorder_is_there(d->recorder);
	pthread_mutex_unlock(&d->lock);
	return r;
}
