/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drive_recorder.c - what we ask of libburn about a drive and its medium, and reading
 *
 * libburn is a library of one program-wide state: it is started with the first drive and ended with it (one drive a
 * process).  Its messages are queued, not printed; the last complaint is kept.  Its signal handling stays off:
 * signals are the daemon's. When the device does not take commands any more (unplugged), libburn closes it:
 * recorder_look() then begins with it anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "burner/medium/drive_belief.h"
#include "burner/medium/drive_libburn.h"
#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/time.h"

#define BUSY_TRIES 30 /* udev and desktops look at a drive for moments */
#define READY_TRIES 300
#define LEAVING_MS 500
#define READ_SILENT 2	  /* burn_read_data: no message … */
#define READ_ONCE 4	  /* … and no second try block by block */
#define LIBBURN_READS 32u /* sectors by one command */
#define NEXT_DAMAGED 1	  /* burn_disc_next_track_is_damaged() */
#define RESOLVE_BYTES BURN_DRIVE_ADR_LEN

void recorder_medium_release(struct recorder_medium *m)
{
	free(m->tracks);
	memset(m, 0, sizeof(*m));
}

/* What libburn says besides: the bytes of the command that failed. */
static bool is_command(const char *text) { return strncmp(text, "CDB=", 4) == 0; }

const char *recorder_message(struct recorder *rec)
{
	static char everything[] = "ALL", complaint[] = "SORRY";
	char text[BURN_MSGS_MESSAGE_LEN], severity[80];
	int code, number, level, worst;

	burn_text_to_sev(complaint, &worst, 0);
	while (burn_msgs_obtain(everything, &code, text, &number, severity) == 1)
		if (burn_text_to_sev(severity, &level, 0) > 0 && level >= worst && !is_command(text))
			snprintf(rec->message, sizeof(rec->message), "%.*s", (int)sizeof(rec->message) - 1, text);
	return rec->message;
}

void recorder_forget_messages(struct recorder *rec)
{
	recorder_message(rec);
	rec->message[0] = 0;
}

/* ---- opening ---- */

/* libburn says only "not found"; the kernel says why. */
static int try_device(struct recorder *rec, const char **ret_why)
{
	int fd = -1, r = 0;

	for (int i = 0; i < BUSY_TRIES && fd < 0 && (i == 0 || r == EBUSY); i++) {
		if (i)
			sleep_ms(RECORDER_PAUSE_MS);
		fd = open(rec->path, O_RDWR | O_EXCL | O_NONBLOCK | O_CLOEXEC);
		r = errno;
	}
	if (fd < 0 && r == EBUSY)
		*ret_why = "the drive is in use by another program (mounted elsewhere, or a burn is being finished?)";
	if (fd < 0 && r == EACCES)
		*ret_why = "no permission to use the drive (it takes read and write access; usually the group cdrom "
			   "has it)";
	if (fd < 0)
		return -r;
	r = ioctl(fd, CDROM_GET_CAPABILITY, 0);
	rec->loads = r >= 0 && r & CDC_CLOSE_TRAY;
	rec->loaded = ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT) == CDS_DISC_OK;
	close(fd);
	return 0;
}

bool recorder_loads(const struct recorder *rec) { return rec->loads; }

/* A CD whose first session was not closed has no table of contents: libburn then says that it is unsuitable. */
static bool is_open_cd(struct recorder *rec)
{
	char name[80];
	int profile = 0;

	return burn_disc_get_status(rec->drive) == BURN_DISC_UNSUITABLE &&
	       burn_disc_get_profile(rec->drive, &profile, name) > 0 &&
	       (profile == PROFILE_CD_R || profile == PROFILE_CD_RW);
}

static int wait_ready(struct recorder *rec)
{
	enum burn_disc_status status = BURN_DISC_UNREADY;

	for (int i = 0; i < READY_TRIES && status == BURN_DISC_UNREADY; i++) {
		if (i)
			sleep_ms(RECORDER_PAUSE_MS);
		status = burn_disc_get_status(rec->drive);
	}
	if (status == BURN_DISC_UNGRABBED)
		return -ENODEV;
	if (status == BURN_DISC_EMPTY || status == BURN_DISC_UNREADY)
		return -ENOMEDIUM;
	return status == BURN_DISC_UNSUITABLE && !is_open_cd(rec) ? -EMEDIUMTYPE : 0;
}

bool recorder_gone(const struct recorder *rec)
{
	return !rec->infos || burn_disc_get_status(rec->drive) == BURN_DISC_UNGRABBED;
}

static int grab(struct recorder *rec)
{
	static char queue[] = "SORRY", print[] = "NEVER", prefix[] = "";
	char address[RESOLVE_BYTES];

	if (!burn_initialize())
		return -ENOMEM;
	burn_msgs_set_severities(queue, print, prefix);
	if (burn_drive_convert_fs_adr(rec->path, address) <= 0)
		snprintf(address, sizeof(address), "%s", rec->path);
	if (burn_drive_scan_and_grab(&rec->infos, address, !rec->loaded) != 1) {
		rec->infos = NULL;
		return -EIO;
	}
	rec->drive = rec->infos[0].drive;
	rec->seen_once = true;
	return 0;
}

static void let_go(struct recorder *rec)
{
	if (rec->infos) {
		if (!recorder_gone(rec))
			burn_drive_release(rec->drive, 0);
		burn_drive_info_free(rec->infos);
	}
	rec->infos = NULL;
	rec->drive = NULL;
	close_fd(&rec->read_fd);
	burn_finish();
}

int recorder_open(const char *path, struct recorder **ret, const char **ret_why)
{
	struct recorder *rec = calloc(1, sizeof(*rec));
	int r;

	if (!rec)
		return -ENOMEM;
	rec->read_fd = -1;
	rec->path = strdup(path);
	r = rec->path ? try_device(rec, ret_why) : -ENOMEM;
	if (r < 0) {
		free(rec->path);
		free(rec);
		return r;
	}
	r = grab(rec);
	if (r < 0) {
		*ret_why = "the drive does not answer as a CD, DVD or BD drive";
		recorder_close(rec);
		return r;
	}
	*ret = rec;
	return 0;
}

/* A drive that was unplugged, under the same name again. */
static int come_back(struct recorder *rec)
{
	const char *why;

	let_go(rec);
	return try_device(rec, &why) < 0 || grab(rec) < 0 ? -ENODEV : 0;
}

void recorder_end_job(struct recorder *rec)
{
	if (rec->options)
		burn_write_opts_free(TAKE_PTR(rec->options));
	if (rec->track)
		burn_track_free(TAKE_PTR(rec->track));
	if (rec->session)
		burn_session_free(TAKE_PTR(rec->session));
	if (rec->disc)
		burn_disc_free(TAKE_PTR(rec->disc));
	rec->job = NULL;
}

void recorder_close(struct recorder *rec)
{
	if (!rec)
		return;
	recorder_end_job(rec);
	let_go(rec);
	free(rec->path);
	free(rec);
}

/* ---- looking ---- */

static uint32_t not_negative(int value) { return value > 0 ? (uint32_t)value : 0; }
static uint32_t sectors_in(off_t bytes)
{
	return bytes > 0 ? (uint32_t)min_u64((uint64_t)bytes / SECTOR_BYTES, UINT32_MAX) : 0;
}

static void read_track(struct burn_track *t, uint32_t session, struct recorder_track *ret)
{
	struct burn_toc_entry e;
	int start;

	burn_track_get_entry(t, &e);
	start = e.extensions_valid & 1 ? e.start_lba : burn_msf_to_lba(e.pmin, e.psec, e.pframe);
	*ret = (struct recorder_track){.session = session,
				       .start_lba = not_negative(start),
				       .data = e.control & 4,
				       .sectors = e.extensions_valid & 1 ? not_negative(e.track_blocks) :
									   not_negative(burn_track_get_sectors(t))};
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

/* A session that was not closed has one track, which is empty; more of them hold what somebody recorded. */
static void read_incomplete(struct burn_session **incomplete, int n, struct drive_told *told)
{
	struct burn_track **list = NULL;
	struct recorder_track track;
	int tracks = 0;

	if (n > 0)
		list = burn_session_get_tracks(incomplete[0], &tracks);
	told->open_tracks = n > 1 || tracks > 1;
	told->has_pending = n == 1 && tracks == 1;
	if (!told->has_pending)
		return;
	read_track(list[0], 0, &track);
	told->pending_lba = track.start_lba;
}

static int read_toc(struct recorder *rec, struct recorder_medium *m, struct drive_told *told)
{
	struct burn_disc *disc = burn_drive_get_disc(rec->drive);
	struct burn_session **sessions;
	int n = 0;

	if (!disc) /* blank, or nothing that could be read */
		return (m->tracks = calloc(1, sizeof(*m->tracks))) ? 0 : -ENOMEM;
	sessions = burn_disc_get_sessions(disc, &n); /* the complete ones, n of them; the others follow */
	read_incomplete(sessions + n, burn_disc_get_incomplete_sessions(disc), told);
	m->tracks = calloc(count_tracks(sessions, n) + 1, sizeof(*m->tracks));
	for (int i = 0; m->tracks && i < n; i++) {
		int tracks = 0;
		struct burn_track **list = burn_session_get_tracks(sessions[i], &tracks);

		told->lost_sessions = told->lost_sessions || tracks == 0;
		for (int k = 0; k < tracks; k++)
			read_track(list[k], (uint32_t)i + 1, &m->tracks[m->n_tracks++]);
	}
	burn_disc_free(disc);
	return m->tracks ? 0 : -ENOMEM;
}

static bool profile_is_overwritable(unsigned profile)
{
	return profile == PROFILE_DVD_RAM || profile == PROFILE_DVD_RW_OVERWRITE || profile == PROFILE_DVD_PLUS_RW ||
	       profile == PROFILE_BD_RE;
}

int recorder_options(struct recorder *rec, bool close_disc, struct burn_write_opts **ret)
{
	struct burn_write_opts *o = burn_write_opts_new(rec->drive);

	if (!o)
		return -ENOMEM;
	burn_write_opts_set_multi(o, !close_disc && !profile_is_overwritable(rec->profile));
	burn_write_opts_set_underrun_proof(o, 1);
	burn_write_opts_set_perform_opc(o, 0);
	if (!burn_write_opts_set_write_type(o, BURN_WRITE_TAO, BURN_BLOCK_MODE1)) {
		burn_write_opts_free(o);
		return -EROFS;
	}
	*ret = o;
	return 0;
}

/* READ TRACK INFORMATION of the track to come. */
static int read_next(struct recorder *rec, struct drive_told *told)
{
	struct burn_write_opts *o;
	int lba = 0, next = 0, r = recorder_options(rec, false, &o);

	told->not_asked = r == -EROFS;
	if (r < 0)
		return told->not_asked ? 0 : r;
	told->has_next = burn_disc_track_lba_nwa(rec->drive, o, 0, &lba, &next) == 1 && next >= 0;
	told->track_lba = not_negative(lba);
	told->next_lba = not_negative(next);
	told->free_sectors = sectors_in(burn_disc_available_space(rec->drive, o));
	told->damaged = burn_disc_next_track_is_damaged(rec->drive, 0) & NEXT_DAMAGED;
	burn_write_opts_free(o);
	return 0;
}

static void read_multi(struct recorder *rec, struct recorder_medium *m)
{
	struct burn_multi_caps *caps = NULL;

	if (burn_disc_get_multi_caps(rec->drive, BURN_WRITE_TAO, &caps, 0) > 0)
		m->multi = caps->multi_session;
	if (caps)
		burn_disc_free_multi_caps(&caps);
}

/* What the format that recorder_format() asks for will give: the first descriptor (MMC-6 6.24.3.3). */
static uint32_t formatted_sectors(struct recorder *rec)
{
	unsigned tdp;
	off_t bytes = 0;
	int type;

	return burn_disc_get_format_descr(rec->drive, 0, &type, &bytes, &tdp) > 0 ? sectors_in(bytes) : 0;
}

static uint32_t writable_sectors(struct recorder *rec)
{
	struct burn_multi_caps *caps = NULL;
	uint32_t sectors = 0;

	if (burn_disc_get_multi_caps(rec->drive, BURN_WRITE_TAO, &caps, 0) > 0)
		sectors = sectors_in(caps->start_range_high + (off_t)SECTOR_BYTES);
	if (caps)
		burn_disc_free_multi_caps(&caps);
	return sectors;
}

static uint32_t readable_sectors(struct recorder *rec)
{
	int sectors = 0;

	return burn_get_read_capacity(rec->drive, &sectors, 0) > 0 ? not_negative(sectors) : 0;
}

/* A medium without sessions: as a whole one track, as far as it is formatted. */
static int read_overwritable(struct recorder *rec, struct recorder_medium *m)
{
	struct drive_told_size told = {.read = readable_sectors(rec)};
	int status = 0, n = 0;
	unsigned blsas;
	off_t size = 0;

	m->status = RECORDER_APPENDABLE;
	m->multi = true;
	m->tracks = calloc(1, sizeof(*m->tracks));
	if (!m->tracks)
		return -ENOMEM;
	if (burn_disc_get_formats(rec->drive, &status, &size, &blsas, &n) > 0) {
		told.unformatted = status == BURN_FORMAT_IS_UNFORMATTED;
		told.formatted = told.unformatted ? formatted_sectors(rec) : sectors_in(size);
	}
	told.range = told.unformatted ? 0 : writable_sectors(rec);
	drive_believe_size(m, &told);
	return 0;
}

static void read_atip(struct recorder *rec, struct recorder_medium *m)
{
	int start, end;

	if (m->profile != PROFILE_CD_R && m->profile != PROFILE_CD_RW)
		return;
	if (burn_disc_read_atip(rec->drive) > 0 && burn_drive_get_start_end_lba(rec->drive, &start, &end, 0) > 0)
		m->atip_sectors = not_negative(end);
}

static void read_id(struct recorder *rec, struct recorder_medium *m)
{
	char *product = NULL, *code = NULL, *other_code = NULL, *book = NULL;

	if (burn_disc_get_media_id(rec->drive, &product, &code, &other_code, &book, 0) > 0)
		snprintf(m->id, sizeof(m->id), "%s", product ? product : "");
	free(product);
	free(code);
	free(other_code);
	free(book);
}

/* What was asked for in the order that the drive is used to. */
static int read_sequential(struct recorder *rec, struct recorder_medium *m)
{
	struct drive_told told = {.read_sectors = readable_sectors(rec)};
	int r = read_toc(rec, m, &told);

	if (r == 0 && m->status != RECORDER_CLOSED) {
		read_multi(rec, m);
		r = read_next(rec, &told);
	}
	if (r == 0)
		drive_believe(m, &told);
	return r;
}

static int look(struct recorder *rec, struct recorder_medium *m)
{
	char name[80];
	int profile = 0, r = wait_ready(rec);

	if (r < 0)
		return r;
	if (burn_disc_get_profile(rec->drive, &profile, name) <= 0)
		return -EMEDIUMTYPE;
	rec->profile = m->profile = (unsigned)profile;
	m->overwritable = profile_is_overwritable(m->profile);
	read_atip(rec, m);
	read_id(rec, m);
	if (m->overwritable)
		return read_overwritable(rec, m);
	if (is_open_cd(rec)) {
		m->status = RECORDER_APPENDABLE;
		m->interrupted = true;
		return 0;
	}
	switch (burn_disc_get_status(rec->drive)) {
	case BURN_DISC_BLANK:
		m->status = RECORDER_BLANK;
		break;
	case BURN_DISC_APPENDABLE:
		m->status = RECORDER_APPENDABLE;
		break;
	default:
		m->status = RECORDER_CLOSED;
		break;
	}
	return read_sequential(rec, m);
}

int recorder_is_there(const struct recorder *rec)
{
	_close_ int fd = open(rec->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int status;

	if (fd < 0)
		return errno == ENXIO || errno == ENODEV || errno == ENOENT ? -ENODEV : 0;
	status = ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT);
	return status == CDS_NO_DISC || status == CDS_TRAY_OPEN ? -ENOMEDIUM : 0;
}

/* A device that is being taken away answers nonsense for moments. */
static bool is_leaving(const struct recorder *rec)
{
	sleep_ms(LEAVING_MS);
	return recorder_is_there(rec) == -ENODEV;
}

int recorder_look(struct recorder *rec, struct recorder_medium *ret)
{
	struct recorder_medium m = {0};
	int r = recorder_gone(rec) ? come_back(rec) : 0;

	if (r < 0)
		return r;
	recorder_forget_messages(rec);
	if (!rec->seen_once && burn_drive_re_assess(rec->drive, 0) <= 0)
		return recorder_gone(rec) ? -ENODEV : -EIO;
	rec->seen_once = false;
	r = look(rec, &m);
	if (recorder_gone(rec) || ((r == -EMEDIUMTYPE || m.n_tracks < rec->n_tracks) && is_leaving(rec)))
		r = -ENODEV;
	if (r == 0)
		rec->n_tracks = m.n_tracks;
	if (r < 0)
		recorder_medium_release(&m);
	else
		*ret = m;
	return r;
}

int recorder_read(struct recorder *rec, uint32_t lba, void *buf, uint32_t n_sectors)
{
	off_t bytes = (off_t)n_sectors * (off_t)SECTOR_BYTES, done = 0;
	int readable = 0, r;

	if (recorder_gone(rec))
		return -ENODEV;
	if (n_sectors > LIBBURN_READS)
		return recorder_read_raw(rec, lba, buf, n_sectors);
	/* libburn would refuse it */
	if (burn_get_read_capacity(rec->drive, &readable, 0) > 0 && readable >= 0 &&
	    (uint64_t)lba + n_sectors > (uint64_t)readable)
		return recorder_read_raw(rec, lba, buf, n_sectors);
	r = burn_read_data(rec->drive, (off_t)lba * (off_t)SECTOR_BYTES, buf, bytes, &done, READ_SILENT | READ_ONCE);
	return r > 0 && done >= bytes ? 0 : recorder_gone(rec) ? -ENODEV : -EIO;
}
