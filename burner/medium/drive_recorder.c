/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_recorder.c - what we ask of libburn
 *
 * libburn is a library of one program-wide state: it is started with the first drive and ended with it (one drive a process).  Its messages
 * are queued, not printed; the last complaint is kept.  Its signal handling stays off: signals are the daemon's.  A burn runs in a detached
 * thread of libburn, which ends by itself; with write type TAO it ends the track and closes the session also when it failed or when the
 * source ended early, so nothing has to be cancelled.
 * Sizes of tracks are not announced to libburn: what the source gives is what is burned.
 */
#include "burner/medium/drive_recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include <libburn/libburn.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/own.h"

#define BUSY_TRIES 30		/* udev and desktops look at a drive for moments */
#define READY_TRIES 300
#define PAUSE_MS 100
#define READ_SILENT 2		/* burn_read_data: no message … */
#define READ_ONCE 4		/* … and no second try block by block */
#define RESOLVE_BYTES BURN_DRIVE_ADR_LEN
#define FORCE_CLOSE 1

struct recorder {
	struct burn_drive_info *infos;	/* one drive */
	struct burn_drive *drive;
	const struct recorder_job *job;	/* while it burns */
	struct burn_write_opts *options;
	struct burn_disc *disc;
	struct burn_session *session;
	struct burn_track *track;
	bool seen_once;			/* grabbing has looked already */
	char message[256];
};

static void pause_ms(unsigned ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

void recorder_medium_release(struct recorder_medium *m)
{
	free(m->tracks);
	memset(m, 0, sizeof(*m));
}

const char *recorder_message(struct recorder *r)
{
	static char everything[] = "ALL", complaint[] = "SORRY";
	char text[BURN_MSGS_MESSAGE_LEN], severity[80];
	int code, number, level, worst;

	burn_text_to_sev(complaint, &worst, 0);
	while (burn_msgs_obtain(everything, &code, text, &number, severity) == 1)
		if (burn_text_to_sev(severity, &level, 0) > 0 && level >= worst)
			snprintf(r->message, sizeof(r->message), "%.*s", (int)sizeof(r->message) - 1, text);
	return r->message;
}

static void forget_messages(struct recorder *r)
{
	recorder_message(r);
	r->message[0] = 0;
}

/* ---- opening ---- */

/* libburn says only "not found"; the kernel says why. */
static int try_device(const char *path, const char **ret_why)
{
	int fd = -1, error = 0;

	for (int i = 0; i < BUSY_TRIES && fd < 0 && (i == 0 || error == EBUSY); i++) {
		if (i)
			pause_ms(PAUSE_MS);
		fd = open(path, O_RDWR | O_EXCL | O_NONBLOCK | O_CLOEXEC);
		error = errno;
	}
	if (fd < 0 && error == EBUSY)
		*ret_why = "the drive is in use by another program (mounted elsewhere, or a burn is being finished?)";
	if (fd < 0 && error == EACCES)
		*ret_why = "no permission to use the drive (it takes read and write access; usually the group cdrom has it)";
	if (fd < 0)
		return -error;
	close(fd);
	return 0;
}

static int wait_ready(struct recorder *r)
{
	enum burn_disc_status status = BURN_DISC_UNREADY;

	for (int i = 0; i < READY_TRIES && status == BURN_DISC_UNREADY; i++) {
		if (i)
			pause_ms(PAUSE_MS);
		status = burn_disc_get_status(r->drive);
	}
	if (status == BURN_DISC_EMPTY || status == BURN_DISC_UNREADY)
		return -ENOMEDIUM;
	return status == BURN_DISC_UNSUITABLE ? -EMEDIUMTYPE : 0;
}

static int grab(struct recorder *r, char *address)
{
	static char queue[] = "SORRY", print[] = "NEVER", prefix[] = "";

	if (!burn_initialize())
		return -ENOMEM;
	burn_msgs_set_severities(queue, print, prefix);
	if (burn_drive_scan_and_grab(&r->infos, address, 1) != 1)
		return -EIO;
	r->drive = r->infos[0].drive;
	r->seen_once = true;
	return 0;
}

int recorder_open(const char *path, struct recorder **ret, const char **ret_why)
{
	_free_ char *copy = strdup(path);
	char address[RESOLVE_BYTES];
	struct recorder *r;
	int result;

	if (!copy)
		return -ENOMEM;
	result = try_device(path, ret_why);
	if (result < 0)
		return result;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	if (burn_drive_convert_fs_adr(copy, address) <= 0)
		snprintf(address, sizeof(address), "%s", path);
	result = grab(r, address);
	if (result < 0) {
		*ret_why = "the drive does not answer as a CD, DVD or BD drive";
		recorder_close(r);
		return result;
	}
	*ret = r;
	return 0;
}

static void end_job(struct recorder *r)
{
	if (r->options)
		burn_write_opts_free(TAKE_PTR(r->options));
	if (r->track)
		burn_track_free(TAKE_PTR(r->track));
	if (r->session)
		burn_session_free(TAKE_PTR(r->session));
	if (r->disc)
		burn_disc_free(TAKE_PTR(r->disc));
	r->job = NULL;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	end_job(r);
	if (r->drive)
		burn_drive_release(r->drive, 0);
	if (r->infos)
		burn_drive_info_free(r->infos);
	burn_finish();
	free(r);
}

/* ---- looking ---- */

static uint32_t not_negative(int value) { return value > 0 ? (uint32_t)value : 0; }

static void read_track(struct burn_track *t, uint32_t session, struct recorder_track *ret)
{
	struct burn_toc_entry e;
	int start;

	burn_track_get_entry(t, &e);
	start = e.extensions_valid & 1 ? e.start_lba : burn_msf_to_lba(e.pmin, e.psec, e.pframe);
	*ret = (struct recorder_track){.session = session, .start_lba = not_negative(start), .data = e.control & 4,
		.sectors = e.extensions_valid & 1 ? not_negative(e.track_blocks) : not_negative(burn_track_get_sectors(t))};
}

static size_t count_tracks(struct burn_session **sessions, int n)
{
	size_t all = 0;

	for (int i = 0, tracks; i < n; i++) {
		burn_session_get_tracks(sessions[i], &tracks);
		all += (size_t)tracks;
	}
	return all;
}

static int read_toc(struct recorder *r, struct recorder_medium *m)
{
	struct burn_disc *disc = burn_drive_get_disc(r->drive);
	struct burn_session **sessions;
	int n = 0;

	if (!disc)
		return 0;	/* blank, or nothing that could be read */
	sessions = burn_disc_get_sessions(disc, &n);
	n -= burn_disc_get_incomplete_sessions(disc);
	m->tracks = calloc(count_tracks(sessions, n) + 1, sizeof(*m->tracks));
	for (int i = 0; m->tracks && i < n; i++) {
		int tracks = 0;
		struct burn_track **list = burn_session_get_tracks(sessions[i], &tracks);

		for (int k = 0; k < tracks; k++)
			read_track(list[k], (uint32_t)i + 1, &m->tracks[m->n_tracks++]);
	}
	burn_disc_free(disc);
	return m->tracks ? 0 : -ENOMEM;
}

/* As the session will be written, since drives answer by write type. */
static int options_new(struct recorder *r, bool close_disc, struct burn_write_opts **ret)
{
	struct burn_write_opts *o = burn_write_opts_new(r->drive);

	if (!o)
		return -ENOMEM;
	burn_write_opts_set_multi(o, !close_disc);
	burn_write_opts_set_underrun_proof(o, 1);
	burn_write_opts_set_perform_opc(o, 0);
	if (!burn_write_opts_set_write_type(o, BURN_WRITE_TAO, BURN_BLOCK_MODE1)) {
		burn_write_opts_free(o);
		return -EROFS;
	}
	*ret = o;
	return 0;
}

static int read_next(struct recorder *r, struct recorder_medium *m)
{
	struct burn_write_opts *o;
	int lba = 0, next = 0, result = options_new(r, false, &o), damage;
	off_t bytes;

	if (result < 0)
		return result == -EROFS ? 0 : result;
	if (burn_disc_track_lba_nwa(r->drive, o, 0, &lba, &next) == 1 && next >= 0) {
		m->next_lba = (uint32_t)next;
		bytes = burn_disc_available_space(r->drive, o);
		m->free_sectors = bytes > 0 ? (uint32_t)min_u64((uint64_t)bytes / SECTOR_BYTES, UINT32_MAX - m->next_lba) : 0;
	}
	damage = burn_disc_next_track_is_damaged(r->drive, 0);
	m->interrupted = damage != 0 || next > lba;
	burn_write_opts_free(o);
	return 0;
}

static void read_atip(struct recorder *r, struct recorder_medium *m)
{
	char *product = NULL, *code = NULL, *other_code = NULL, *book = NULL;
	int start, end;

	if (m->profile != PROFILE_CD_R && m->profile != PROFILE_CD_RW)
		return;
	if (burn_disc_read_atip(r->drive) > 0 && burn_drive_get_start_end_lba(r->drive, &start, &end, 0) > 0)
		m->atip_sectors = not_negative(end);
	if (burn_disc_get_media_id(r->drive, &product, &code, &other_code, &book, 0) > 0)
		snprintf(m->id, sizeof(m->id), "%s", product ? product : "");
	free(product);
	free(code);
	free(other_code);
	free(book);
}

static int look(struct recorder *r, struct recorder_medium *m)
{
	char name[80];
	int profile = 0, result = wait_ready(r);

	if (result < 0)
		return result;
	if (burn_disc_get_profile(r->drive, &profile, name) <= 0)
		return -EMEDIUMTYPE;
	m->profile = (unsigned)profile;
	switch (burn_disc_get_status(r->drive)) {
	case BURN_DISC_BLANK: m->status = RECORDER_BLANK; break;
	case BURN_DISC_APPENDABLE: m->status = RECORDER_APPENDABLE; break;
	default: m->status = RECORDER_CLOSED; break;
	}
	read_atip(r, m);
	result = read_toc(r, m);
	return result == 0 && m->status != RECORDER_CLOSED ? read_next(r, m) : result;
}

int recorder_look(struct recorder *r, struct recorder_medium *ret)
{
	struct recorder_medium m = {0};
	int result;

	forget_messages(r);
	if (!r->seen_once && burn_drive_re_assess(r->drive, 0) <= 0)
		return -EIO;
	r->seen_once = false;
	result = look(r, &m);
	if (result < 0)
		recorder_medium_release(&m);
	else
		*ret = m;
	return result;
}

int recorder_read(struct recorder *r, uint32_t lba, void *buf, uint32_t n_sectors)
{
	off_t bytes = (off_t)n_sectors * (off_t)SECTOR_BYTES, done = 0;
	int result = burn_read_data(r->drive, (off_t)lba * (off_t)SECTOR_BYTES, buf, bytes, &done, READ_SILENT | READ_ONCE);

	return result > 0 && done >= bytes ? 0 : -EIO;
}

/* ---- burning ---- */

/* struct burn_source, version 1. Its data is the job; libburn frees the struct. */
static int source_read(struct burn_source *s, unsigned char *buf, int bytes)
{
	const struct recorder_job *job = s->data;

	return job->read(job->context, buf, bytes);
}
static off_t source_size(struct burn_source *s) { (void)s; return 0; }
static int source_set_size(struct burn_source *s, off_t bytes) { (void)s; (void)bytes; return 1; }
static void source_free(struct burn_source *s) { s->data = NULL; }
static int source_cancel(struct burn_source *s) { (void)s; return 1; }

static int set_source(struct recorder *r, const struct recorder_job *job)
{
	struct burn_source *s = calloc(1, sizeof(*s));
	enum burn_source_status status;

	if (!s)
		return -ENOMEM;
	*s = (struct burn_source){.refcount = 1, .version = 1, .read_xt = source_read, .get_size = source_size, .set_size = source_set_size,
		.free_data = source_free, .cancel = source_cancel, .data = (void *)(uintptr_t)job};
	status = burn_track_set_source(r->track, s);
	burn_source_free(s);	/* the track has it */
	return status == BURN_SOURCE_OK ? 0 : -EINVAL;
}

static int begin_job(struct recorder *r, const struct recorder_job *job)
{
	int result;

	r->job = job;
	r->disc = burn_disc_create();
	r->session = burn_session_create();
	r->track = burn_track_create();
	if (!r->disc || !r->session || !r->track)
		return -ENOMEM;
	burn_track_define_data(r->track, 0, (int)(job->tail_sectors * SECTOR_BYTES), 1, BURN_MODE1);	/* bytes, whatever its manual says */
	result = set_source(r, job);
	if (result < 0)
		return result;
	if (!burn_disc_add_session(r->disc, r->session, BURN_POS_END) || !burn_session_add_track(r->session, r->track, BURN_POS_END))
		return -ENOMEM;
	return options_new(r, job->close_disc, &r->options);
}

static int check_job(struct recorder *r)
{
	_free_ char *reasons = malloc(BURN_REASONS_LEN);

	if (!reasons)
		return -ENOMEM;
	if (burn_precheck_write(r->options, r->disc, reasons, 1) == 1)
		return 0;
	snprintf(r->message, sizeof(r->message), "%.*s", (int)sizeof(r->message) - 1, reasons);
	return -EROFS;
}

int recorder_precheck(struct recorder *r, const struct recorder_job *job)
{
	int result;

	forget_messages(r);
	result = begin_job(r, job);
	if (result == 0)
		result = check_job(r);
	end_job(r);
	return result;
}

int recorder_burn(struct recorder *r, const struct recorder_job *job)
{
	int result;

	forget_messages(r);
	result = begin_job(r, job);
	if (result < 0)
		end_job(r);
	else
		burn_disc_write(r->options, r->disc);
	return result;
}

bool recorder_is_busy(struct recorder *r)
{
	return burn_drive_get_status(r->drive, NULL) != BURN_DRIVE_IDLE;
}

int recorder_burned_well(struct recorder *r)
{
	int result = r->job && burn_drive_wrote_well(r->drive) ? 0 : -EIO;

	pause_ms(PAUSE_MS);	/* libburn's thread gives up its references just after it says that it is idle, and they are counted without a lock */
	recorder_message(r);
	end_job(r);
	return result;
}

int recorder_close_track(struct recorder *r)
{
	struct burn_write_opts *o;
	int result;

	forget_messages(r);
	result = options_new(r, false, &o);
	if (result < 0)
		return result;
	result = burn_disc_close_damaged(o, FORCE_CLOSE) > 0 ? 0 : -EIO;
	burn_write_opts_free(o);
	return result;
}
