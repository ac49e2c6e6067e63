/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * main.c - recorder: an optical recorder in software, behind a target_core_user device
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "tests/burner/control.h"
#include "tests/burner/drive.h"
#include "tests/burner/play.h"
#include "tests/burner/tcmu.h"
#include "tests/burner/wire.h"

static volatile int stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int serve(const char *where, struct drive *drive, struct control *control)
{
	if (!strcmp(where, "-"))
		return play(drive);
	if (!strncmp(where, "unix:", 5))
		return wire_serve(where + 5, drive, control, &stop);
	return tcmu_serve(where, drive, control, &stop);
}

static int usage(void)
{
	fputs("usage: recorder [-m MEDIUM] [-c BLOCKS] [-l LOG] [-s SOCKET] [-r REQUEST]... UIO-DEVICE [IMAGE]\n"
	      "       recorder ask SOCKET WORD...\n"
	      "  UIO-DEVICE may be \"-\": commands come from standard input (play.h), or \"unix:PATH\": from programs\n"
	      "  into which tests/preload/recorder.c is preloaded (wire.h)\n"
	      "  -m  the disc, when IMAGE is a new one:",
	      stderr);
	for (size_t i = 0; medium_name(i); i++)
		fprintf(stderr, " %s", medium_name(i));
	fputs(" (default: cd-r)\n"
	      "  -c  its capacity in blocks of 2048 bytes\n"
	      "  -l  write a line for every command to LOG\n"
	      "  -s  take requests at the unix socket SOCKET\n"
	      "  -r  a request to obey before the first command, as \"fault write-error lba=300\"; README.md lists "
	      "them\n",
	      stderr);
	return 2;
}

/* recorder ask SOCKET WORD...: the words are one line. */
static int ask(int argc, char **argv)
{
	char line[2048] = "";
	size_t length = 0;
	int r;

	if (argc < 4)
		return usage();
	for (int i = 3; i < argc && length < sizeof(line); i++)
		length += (size_t)snprintf(line + length, sizeof(line) - length, "%s%s", i > 3 ? " " : "", argv[i]);
	r = control_ask(argv[2], line);
	if (r < 0)
		fprintf(stderr, "recorder: %s: %s\n", argv[2], strerror(-r));
	return r != 0;
}

struct options {
	const struct medium *medium;
	int32_t capacity;
	FILE *log;
	const char *socket;
	char *requests[16];
	size_t n_requests;
};

static int parse(int argc, char **argv, struct options *o)
{
	for (int option; (option = getopt(argc, argv, "m:c:l:s:r:")) != -1;) {
		switch (option) {
		case 'm':
			o->medium = medium_find(optarg);
			if (!o->medium)
				return usage();
			break;
		case 'c':
			o->capacity = (int32_t)strtol(optarg, NULL, 10);
			break;
		case 'l':
			o->log = fopen(optarg, "ae");
			if (!o->log) {
				perror(optarg);
				return 1;
			}
			setvbuf(o->log, NULL, _IOLBF, 0);
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'r':
			if (o->n_requests == ARRAY_LENGTH(o->requests))
				return usage();
			o->requests[o->n_requests++] = optarg;
			break;
		default:
			return usage();
		}
	}
	return argc - optind == 1 || argc - optind == 2 ? 0 : usage();
}

static int insert_and_obey(const struct options *o, const char *image, struct control *control, struct drive *drive)
{
	char text[1024];

	if (image) {
		struct disc *disc;
		int r = disc_open(image, o->medium, o->capacity, &disc);

		if (r) {
			fprintf(stderr, "recorder: %s: %s\n", image, strerror(-r));
			return 1;
		}
		drive_insert(drive, disc);
	}
	for (size_t i = 0; i < o->n_requests; i++) {
		control_obey(control, drive, o->requests[i], text, sizeof(text));
		if (strncmp(text, "ok", 2)) {
			fprintf(stderr, "recorder: %s\n", text);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct options o = {.medium = medium_find("cd-r")};
	struct control *control = NULL;
	struct drive *drive = NULL;
	int r;

	if (argc > 1 && !strcmp(argv[1], "ask"))
		return ask(argc, argv);
	r = parse(argc, argv, &o);
	if (r)
		return r;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGCHLD, SIG_IGN); /* of control_unplug */
	if (drive_new(o.log, &drive) < 0 || (o.socket && control_new(o.socket, &control) < 0)) {
		perror(o.socket ? o.socket : "recorder");
		drive_free(drive);
		return 1;
	}
	r = insert_and_obey(&o, argv[optind + 1], control, drive);
	if (!r) {
		int error = serve(argv[optind], drive, control);

		if (error) {
			fprintf(stderr, "recorder: %s: %s\n", argv[optind], strerror(-error));
			r = 1;
		}
	}
	control_free(control);
	drive_free(drive);
	return r;
}
