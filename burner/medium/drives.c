/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drives.c - the drives of this machine, and what they say of themselves
 *
 * The names are the kernel's: libcdio's list leaves out a drive that somebody has, or that we may not open.  What a
 * drive is asked, by libcdio, it answers out of its memory: INQUIRY, GET CONFIGURATION (which media it knows, and the
 * one in it), READ DISC INFORMATION.  The kernel's own status of the drive is a TEST UNIT READY.
 */
#include <cdio/cdio.h>
#include <cdio/logging.h>
#include <cdio/mmc_ll_cmds.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/cdrom.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/child.h"
#include "burner/base/grow.h"
#include "burner/base/own.h"
#include "burner/base/time.h"
#include "burner/medium/drive.h"
#include "burner/medium/drive_recorder.h"
#include "cdappendfs/drives.h"

#define TABLE "/proc/sys/dev/cdrom/info"
#define TABLE_KEY "drive name:"
#define COMMAND_MS 3000u
#define ONE_FEATURE 2u		 /* MMC-6 6.5.2: RT */
#define PROFILE_LIST 0u		 /* 5.3.1: the feature that has them */
#define PROFILES_AT 12u		 /* behind the header of the answer and that of the feature; four bytes each */
#define CONFIGURATION_BYTES 252u /* libcdio asks for no more than 255: it gives the length one byte */
#define INFORMATION_BYTES 34u	 /* 6.22.2: the standard disc information */

/* ---- names ---- */

static int by_name(const void *a, const void *b)
{
	return strverscmp(((const struct seen_drive *)a)->path, ((const struct seen_drive *)b)->path);
}

int drives_names(const char *table, struct seen_drive **ret, size_t *ret_n)
{
	const char *at = strstr(table, TABLE_KEY);
	struct seen_drive *all = NULL;
	size_t n = 0, capacity = 0;

	for (at = at ? at + strlen(TABLE_KEY) : ""; *(at += strspn(at, " \t")) && *at != '\n';) {
		const size_t length = strcspn(at, " \t\n");

		if (grow(&all, &capacity, n, sizeof(*all)) < 0) {
			free(all);
			return -ENOMEM;
		}
		all[n] = (struct seen_drive){.path = ""};
		snprintf(all[n++].path, sizeof(all->path), "/dev/%.*s", (int)length, at);
		at += length;
	}
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- one drive, in a process of its own ---- */

static enum drive_tray tray_of(int fd)
{
	switch (ioctl(fd, CDROM_DRIVE_STATUS, CDSL_CURRENT)) {
	case CDS_NO_DISC:
		return DRIVE_NO_DISC;
	case CDS_TRAY_OPEN:
		return DRIVE_TRAY_OPEN;
	case CDS_DRIVE_NOT_READY:
		return DRIVE_NOT_READY;
	case CDS_DISC_OK:
		return DRIVE_DISC;
	default:
		return DRIVE_TRAY_UNKNOWN;
	}
}

static void ask_profiles(CdIo_t *drive, struct seen_drive *to)
{
	uint8_t answer[CONFIGURATION_BYTES] = {0};
	const struct drive_kind *kind;

	if (mmc_get_configuration(drive, answer, sizeof(answer), ONE_FEATURE, PROFILE_LIST, COMMAND_MS) != 0)
		return;
	for (size_t i = PROFILES_AT; i + 4 <= min_u64(PROFILES_AT + answer[11], sizeof(answer)); i += 4) {
		kind = drive_kind_of(get_be16(answer + i));
		to->writes_cd |= kind->kind == MEDIUM_CD_R || kind->kind == MEDIUM_CD_RW;
		to->writes_dvd |= kind->kind >= MEDIUM_DVD_R && kind->kind <= MEDIUM_DVD_RAM;
		to->writes_bd |= kind->kind == MEDIUM_BD_R || kind->kind == MEDIUM_BD_RE;
	}
	kind = drive_kind_of(get_be16(answer + 6));
	if (to->tray != DRIVE_DISC || kind->kind == MEDIUM_OTHER)
		return;
	snprintf(to->medium, sizeof(to->medium), "%s", kind->name);
	to->overwritable = drive_kind_is_overwritable(kind);
}

static void ask_disc(CdIo_t *drive, struct seen_drive *to)
{
	static const enum drive_disc states[] = {DRIVE_DISC_BLANK, DRIVE_DISC_APPENDABLE, DRIVE_DISC_COMPLETE,
						 DRIVE_DISC_UNKNOWN};
	uint8_t answer[INFORMATION_BYTES] = {0};

	if (to->tray == DRIVE_DISC &&
	    mmc_read_disc_information(drive, answer, sizeof(answer), CDIO_MMC_READ_DISC_INFO_STANDARD, COMMAND_MS) == 0)
		to->disc = states[answer[2] & 3];
}

static void copy_model(const cdio_hwinfo_t *from, struct seen_drive *to)
{
	size_t n;

	snprintf(to->model, sizeof(to->model), "%.8s", from->psz_vendor);
	for (n = strlen(to->model); n && to->model[n - 1] == ' '; n--)
		to->model[n - 1] = '\0';
	snprintf(to->model + n, sizeof(to->model) - n, "%s%.16s", n ? " " : "", from->psz_model);
	for (n = strlen(to->model); n && to->model[n - 1] == ' '; n--)
		to->model[n - 1] = '\0';
}

/* The process of one drive, whose standard error is the user's. */
static void say_nothing(cdio_log_level_t level, const char message[])
{
	(void)level;
	(void)message;
}

static void ask(struct seen_drive *to)
{
	/* Whoever has it exclusively may be burning: nothing is asked then. */
	int fd = open(to->path, O_RDONLY | O_NONBLOCK | O_EXCL | O_CLOEXEC);
	cdio_hwinfo_t info;

	if (fd < 0) {
		to->error = errno;
		return;
	}
	to->tray = tray_of(fd);
	cdio_log_set_handler(say_nothing);
	CdIo_t *drive = cdio_open(to->path, DRIVER_LINUX);
	if (drive) {
		if (cdio_get_hwinfo(drive, &info))
			copy_model(&info, to);
		ask_profiles(drive, to);
		ask_disc(drive, to);
		cdio_destroy(drive);
	}
	close(fd);
}

/* ---- all of them ---- */

struct asked {
	pid_t pid;
	int from; /* -1: not asked, or done */
};

static int begin(struct seen_drive *drive, struct asked *ret)
{
	int ends[2];

	*ret = (struct asked){.pid = -1, .from = -1};
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	ret->pid = child_fork();
	if (ret->pid == 0) {
		ask(drive);
		_exit(write(ends[1], drive, sizeof(*drive)) == (ssize_t)sizeof(*drive) ? 0 : 1);
	}
	int r = ret->pid < 0 ? -errno : 0;
	close(ends[1]);
	if (r < 0)
		close(ends[0]);
	else
		ret->from = ends[0];
	return r;
}

/* A process that waits for a dead drive does not end before the drive answers: it is left alone. */
static void end(struct seen_drive *drive, struct asked *a, int64_t until)
{
	struct pollfd p = {.fd = a->from, .events = POLLIN};
	const int64_t left = until - now_ms();
	struct seen_drive answer;

	drive->error = ETIMEDOUT;
	if (poll(&p, 1, left > 0 ? (int)left : 0) == 1) {
		if (read(a->from, &answer, sizeof(answer)) == (ssize_t)sizeof(answer))
			*drive = answer;
		else
			drive->error = EIO;
		waitpid(a->pid, NULL, 0);
	} else {
		kill(a->pid, SIGKILL);
	}
	close(a->from);
}

static int read_table(char **ret)
{
	_close_file_ FILE *f = fopen(TABLE, "re");
	_free_ char *text = NULL;
	size_t size = 0;

	if (!f && errno != ENOENT)
		return -errno;
	/* Without the kernel's driver there is no drive. */
	if (f && getdelim(&text, &size, '\0', f) < 0 && ferror(f))
		return -EIO;
	if (!text)
		text = strdup("");
	*ret = TAKE_PTR(text);
	return *ret ? 0 : -ENOMEM;
}

int drives_list(bool (*in_use)(void *context, const char *path), void *context, struct seen_drive **ret, size_t *ret_n)
{
	_free_ char *table = NULL;
	_free_ struct asked *asked = NULL;
	struct seen_drive *all = NULL;
	size_t n = 0;
	int r = read_table(&table);

	if (!r)
		r = drives_names(table, &all, &n);
	if (r < 0)
		return r;
	asked = calloc(n + 1, sizeof(*asked));
	if (!asked) {
		drives_free(all);
		return -ENOMEM;
	}
	const int64_t until = now_ms() + DRIVES_WAIT_MS;
	for (size_t i = 0; i < n; i++) {
		asked[i].from = -1;
		r = in_use(context, all[i].path) ? -EBUSY : begin(&all[i], &asked[i]);
		all[i].error = -r;
	}
	for (size_t i = 0; i < n; i++)
		if (asked[i].from >= 0)
			end(&all[i], &asked[i], until);
	*ret = all;
	*ret_n = n;
	return 0;
}

void drives_free(struct seen_drive *drives) { free(drives); }
