/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_burning.c - what we ask of libburn to write
 *
 * A burn runs in a detached thread of libburn, which ends by itself; with write type TAO (DVD and BD: incremental) it
 * ends the track and closes the session also when the source ended early, so nothing has to be cancelled. Sizes of
 * tracks are not announced to libburn: what the source gives is what is burned.
 *
 * The thread says that the drive is idle before it gives up its references, which are counted without a lock, and
 * writes a last message.  Who frees them meanwhile, or ends libburn because the drive has gone, pulls the ground from
 * under it.  So the end of the thread itself is waited for.  Nothing of libburn tells it; but a thread begins with
 * the name of the one that made it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "burner/medium/drive_libburn.h"
#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"

#define FORCE_CLOSE 1
#define FLUSH 1		      /* burn_random_access_write: it is on the medium when that returns */
#define FORMAT_DEFAULT_SIZE 6 /* burn_disc_format: with the spare area that the medium proposes … */
#define FORMAT_QUICK 64	      /* … and without certification of every block */
#define NAME_BYTES 16	      /* of a thread, PR_SET_NAME */
#define END_PAUSE_MS 5
#define END_TRIES 12000 /* a minute: a machine that is that busy has stopped */

/* ---- options ---- */

/* Orange Book, DVD and BD standards: the single speed, in 1000 bytes a second. */
static double single_speed(unsigned profile)
{
	if (profile == PROFILE_CD_R || profile == PROFILE_CD_RW)
		return 176.4;
	return profile >= PROFILE_BD_ROM ? 4495.625 : 1385;
}

static void set_speed(struct recorder *rec, const struct recorder_job *job)
{
	burn_drive_set_speed(rec->drive, 0, job->speed > 0 ? (int)(job->speed * single_speed(rec->profile) + 0.5) : 0);
}

/* ---- the source: struct burn_source, version 1. Its data is the job; libburn frees the struct. ---- */

static int source_read(struct burn_source *s, unsigned char *buf, int bytes)
{
	const struct recorder_job *job = s->data;

	return job->read(job->context, buf, bytes);
}
static off_t source_size(struct burn_source *s)
{
	(void)s;
	return 0;
}
static int source_set_size(struct burn_source *s, off_t bytes)
{
	(void)s;
	(void)bytes;
	return 1;
}
static void source_free(struct burn_source *s) { s->data = NULL; }
static int source_cancel(struct burn_source *s)
{
	(void)s;
	return 1;
}

static int set_source(struct recorder *rec, const struct recorder_job *job)
{
	struct burn_source *s = calloc(1, sizeof(*s));
	enum burn_source_status status;

	if (!s)
		return -ENOMEM;
	*s = (struct burn_source){.refcount = 1,
				  .version = 1,
				  .read_xt = source_read,
				  .get_size = source_size,
				  .set_size = source_set_size,
				  .free_data = source_free,
				  .cancel = source_cancel,
				  .data = (void *)(uintptr_t)job};
	status = burn_track_set_source(rec->track, s);
	burn_source_free(s); /* the track has it */
	return status == BURN_SOURCE_OK ? 0 : -EINVAL;
}

/* ---- libburn's thread ---- */

static const char thread_name[NAME_BYTES] = "cdappendfs-burn";

/* Threads made until name_back() can be told. */
static void name_thread(char ret_before[NAME_BYTES])
{
	prctl(PR_GET_NAME, ret_before, 0, 0, 0);
	prctl(PR_SET_NAME, thread_name, 0, 0, 0);
}
static void name_back(const char before[NAME_BYTES]) { prctl(PR_SET_NAME, before, 0, 0, 0); }

/* Of one that has ended since the directory was read there is nothing. */
static bool has_name(int tasks, const char *task)
{
	char path[64], name[NAME_BYTES + 1] = "";
	_close_ int fd = -1;

	snprintf(path, sizeof(path), "%.40s/comm", task);
	fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, name, sizeof(name) - 1) > 0 &&
	       strncmp(name, thread_name, sizeof(thread_name) - 1) == 0;
}

static bool thread_lives(void)
{
	DIR *tasks = opendir("/proc/self/task");
	bool found = false;

	for (const struct dirent *e; tasks && !found && (e = readdir(tasks));)
		found = e->d_name[0] != '.' && has_name(dirfd(tasks), e->d_name);
	if (tasks)
		closedir(tasks);
	return found;
}

static void await_thread(void)
{
	for (int i = 0; i < END_TRIES && thread_lives(); i++)
		sleep_ms(END_PAUSE_MS);
}

/* ---- the job ---- */

static int begin_job(struct recorder *rec, const struct recorder_job *job)
{
	int r;

	rec->job = job;
	rec->disc = burn_disc_create();
	rec->session = burn_session_create();
	rec->track = burn_track_create();
	if (!rec->disc || !rec->session || !rec->track)
		return -ENOMEM;
	/* bytes, whatever its manual says */
	burn_track_define_data(rec->track, 0, (int)(job->tail_sectors * SECTOR_BYTES), 1, BURN_MODE1);
	r = set_source(rec, job);
	if (r < 0)
		return r;
	if (!burn_disc_add_session(rec->disc, rec->session, BURN_POS_END) ||
	    !burn_session_add_track(rec->session, rec->track, BURN_POS_END))
		return -ENOMEM;
	r = recorder_options(rec, job->close_disc, &rec->options);
	if (r == 0 && job->start_lba > 0)
		burn_write_opts_set_start_byte(rec->options, (off_t)job->start_lba * (off_t)SECTOR_BYTES);
	return r;
}

static int check_job(struct recorder *rec)
{
	_free_ char *reasons = malloc(BURN_REASONS_LEN);

	if (!reasons)
		return -ENOMEM;
	if (burn_precheck_write(rec->options, rec->disc, reasons, 1) == 1)
		return 0;
	snprintf(rec->message, sizeof(rec->message), "%.*s", (int)sizeof(rec->message) - 1, reasons);
	return -EIO;
}

int recorder_precheck(struct recorder *rec, const struct recorder_job *job)
{
	int r;

	if (recorder_gone(rec))
		return -ENODEV;
	recorder_forget_messages(rec);
	r = begin_job(rec, job);
	if (r == 0)
		r = check_job(rec);
	recorder_end_job(rec);
	return r;
}

int recorder_burn(struct recorder *rec, const struct recorder_job *job)
{
	char name[NAME_BYTES];
	int r;

	if (recorder_gone(rec))
		return -ENODEV;
	recorder_forget_messages(rec);
	set_speed(rec, job);
	r = begin_job(rec, job);
	if (r < 0) {
		recorder_end_job(rec);
		return r;
	}
	name_thread(name);
	burn_disc_write(rec->options, rec->disc);
	name_back(name);
	return 0;
}

bool recorder_is_busy(struct recorder *rec) { return burn_drive_get_status(rec->drive, NULL) != BURN_DRIVE_IDLE; }

int recorder_burned_well(struct recorder *rec)
{
	bool well = rec->job && burn_drive_wrote_well(rec->drive);

	await_thread();
	recorder_message(rec);
	recorder_end_job(rec);
	if (recorder_gone(rec))
		return -ENODEV;
	return well ? 0 : -EIO;
}

/* ---- beside burning ---- */

int recorder_format(struct recorder *rec)
{
	char name[NAME_BYTES];

	if (recorder_gone(rec))
		return -ENODEV;
	if (rec->profile == PROFILE_DVD_PLUS_RW)
		return 0;
	recorder_forget_messages(rec);
	name_thread(name);
	burn_disc_format(rec->drive, 0, FORMAT_DEFAULT_SIZE | FORMAT_QUICK);
	name_back(name);
	do
		sleep_ms(RECORDER_PAUSE_MS);
	while (recorder_is_busy(rec));
	await_thread();
	recorder_message(rec);
	if (recorder_gone(rec))
		return -ENODEV;
	return burn_drive_wrote_well(rec->drive) ? 0 : -EIO;
}

/* libburn gives 1 also when the cache could not be written; that it notes as a cancelled operation. */
int recorder_write(struct recorder *rec, uint32_t lba, const void *buf, uint32_t n_sectors)
{
	_free_ char *copy = malloc((size_t)n_sectors * SECTOR_BYTES);
	int r;

	if (!copy)
		return -ENOMEM;
	if (recorder_gone(rec))
		return -ENODEV;
	memcpy(copy, buf, (size_t)n_sectors * SECTOR_BYTES);
	recorder_forget_messages(rec);
	r = burn_random_access_write(rec->drive, (off_t)lba * (off_t)SECTOR_BYTES, copy,
				     (off_t)n_sectors * (off_t)SECTOR_BYTES, FLUSH);
	recorder_message(rec);
	if (recorder_gone(rec))
		return -ENODEV;
	return r == 1 && burn_drive_wrote_well(rec->drive) ? 0 : -EIO;
}

int recorder_close_track(struct recorder *rec)
{
	struct burn_write_opts *o;
	int r;

	if (recorder_gone(rec))
		return -ENODEV;
	recorder_forget_messages(rec);
	r = recorder_options(rec, false, &o);
	if (r < 0)
		return r;
	r = burn_disc_close_damaged(o, FORCE_CLOSE) > 0 ? 0 : -EIO;
	burn_write_opts_free(o);
	recorder_message(rec);
	return r == 0 || !recorder_gone(rec) ? r : -ENODEV;
}
