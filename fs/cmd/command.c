/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.c - what the three commands share
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fs/control/report.h"
#include "fs/cmd/command.h"

#define DRAW_EVERY_MS 100

int command_fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return COMMAND_FAILED;
}

int command_usage(const char *format, ...)
{
	va_list arguments;

	if (format) {
		fprintf(stderr, "%s: ", program_invocation_short_name);
		va_start(arguments, format);
		vfprintf(stderr, format, arguments);
		va_end(arguments);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
	return COMMAND_USAGE;
}

int command_argument(int argc, char **argv, const char *what, const char **ret)
{
	if (argc == optind)
		return command_usage("the %s is missing", what);
	if (argc > optind + 1)
		return command_usage("one %s at a time", what);
	*ret = argv[optind];
	return COMMAND_DONE;
}

int command_mount(const char *argument, struct control_mount *ret)
{
	int r = mounts_find(argument, ret);

	if (r == -ENOENT)
		return command_fail("%s: no cdappendfs is mounted there; see 'findmnt -t fuse.cdappendfs'", argument);
	return r < 0 ? command_fail("%s: %s", argument, strerror(-r)) : COMMAND_DONE;
}

int command_help(const char *text)
{
	fputs(text, stdout);
	return command_end(COMMAND_DONE);
}

int command_version(void)
{
	printf("%s %s\n", program_invocation_short_name, CDAPPENDFS_VERSION);
	return command_end(COMMAND_DONE);
}

int command_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return command_fail("standard output: %s", strerror(errno));
}

/* ---- progress ---- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void progress_init(struct progress *p, enum progress_use use)
{
	*p = (struct progress){.shown = use == PROGRESS_AUTO && isatty(STDERR_FILENO), .drawn_ms = -DRAW_EVERY_MS};
}

void progress_format(const struct progress *p, uint64_t done_bytes, uint64_t all_bytes, int64_t at_ms, char *buf,
		     size_t size)
{
	char done[REPORT_BYTES_TEXT], all[REPORT_BYTES_TEXT], rate[REPORT_BYTES_TEXT];
	int64_t passed_ms = at_ms - p->began_ms;

	if (all_bytes == 0) {
		snprintf(buf, size, "%s", p->phase);
		return;
	}
	if (done_bytes > all_bytes)
		done_bytes = all_bytes;
	int n = snprintf(buf, size, "%-10s %3u%%  %s of %s", p->phase,
			 (unsigned)((double)done_bytes / (double)all_bytes * 100), report_bytes(done_bytes, done),
			 report_bytes(all_bytes, all));
	if (n > 0 && (size_t)n < size && passed_ms >= 500 && done_bytes > p->began_bytes)
		snprintf(buf + n, size - (size_t)n, "  %s/s",
			 report_bytes((uint64_t)((double)(done_bytes - p->began_bytes) * 1000 / (double)passed_ms),
				      rate));
}

static size_t terminal_columns(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col : 80;
}

void progress_report(void *progress, const char *phase, uint64_t done_bytes, uint64_t all_bytes)
{
	struct progress *p = progress;
	char text[160], shown[160];
	int64_t now = now_ms();

	if (!p->shown || strcmp(phase, "idle") == 0)
		return;
	if (strcmp(phase, p->phase) != 0) {
		report_printable(phase, p->phase, sizeof(p->phase));
		p->began_ms = now;
		p->began_bytes = done_bytes;
	} else if (now - p->drawn_ms < DRAW_EVERY_MS) {
		return;
	}
	p->drawn_ms = now;
	progress_format(p, done_bytes, all_bytes, now, text, sizeof(text));
	size_t columns = terminal_columns();
	report_printable(text, shown, columns < sizeof(shown) ? columns : sizeof(shown));
	fprintf(stderr, "\r%s\033[K", shown);
	fflush(stderr);
}

void progress_clear(struct progress *p)
{
	if (p->shown && p->phase[0]) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	p->phase[0] = '\0';
}
