/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/burner/play.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "tests/burner/control.h"
#include "tests/burner/drive.h"

enum { MAX_DATA = 1 << 20, SHOWN = 64 };

static int digit(char c) { return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10; }

/* Pairs of hexadecimal digits up to something else. */
static size_t read_bytes(char **text, uint8_t *bytes, size_t limit)
{
	for (size_t n = 0;; n++, *text += 2) {
		while (isspace((unsigned char)**text))
			(*text)++;
		if (n == limit || !isxdigit((unsigned char)(*text)[0]) || !isxdigit((unsigned char)(*text)[1]))
			return n;
		bytes[n] = (uint8_t)(digit((*text)[0]) << 4 | digit((*text)[1]));
	}
}

static void show(const struct reply *reply, const uint8_t *data)
{
	const uint8_t *s = reply->sense;

	if (reply->status == STATUS_GOOD) {
		fputs("ok", stdout);
		for (size_t i = 0; i < reply->length && i < SHOWN; i++)
			printf(" %02x", data[i]);
		putchar('\n');
		return;
	}
	printf("%x/%02x/%02x %s", s[2], s[12], s[13],
	       sense_name((struct sense){.key = s[2], .asc = s[12], .ascq = s[13]}));
	if (s[0] & 0x80)
		printf(" lba %d", (int)get_be32(s + 3));
	if (s[15] & 0x80)
		printf(" progress %d", get_be16(s + 16));
	if ((s[0] & 0x7f) == 0x71)
		fputs(" deferred", stdout);
	putchar('\n');
}

static void play_command(struct drive *drive, char *line, uint8_t *data)
{
	uint8_t cdb[16] = {0};
	struct reply reply;
	size_t size = 0;
	bool sends;
	char kind;

	read_bytes(&line, cdb, sizeof(cdb));
	sends = drive_takes_data(cdb);
	kind = *line;
	if (kind == '<' || kind == '>')
		size = (size_t)min_u64(strtoul(line + 1, NULL, 0), MAX_DATA);
	memset(data, 0, MAX_DATA);
	if (kind == ':') {
		line++;
		size = read_bytes(&line, data, MAX_DATA);
	} else if (sends) {
		for (size_t i = 0; i + BLOCK_BYTES <= size; i += BLOCK_BYTES)
			put_be32(data + i, (uint32_t)(get_be32(cdb + 2) + i / BLOCK_BYTES));
	}
	drive_execute(drive, cdb, data, size, &reply);
	if (reply.delay_ns) {
		struct timespec time = {.tv_sec = reply.delay_ns / 1000000000, .tv_nsec = reply.delay_ns % 1000000000};

		nanosleep(&time, NULL);
	}
	show(&reply, data);
}

int play(struct drive *drive)
{
	_free_ uint8_t *data = malloc(MAX_DATA);
	_free_ char *line = NULL;
	size_t room = 0;
	char text[1024];

	if (!data)
		return -ENOMEM;
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (!*line || *line == '#') {
			puts(line);
		} else if (*line == '@') {
			control_obey(NULL, drive, line + 1 + strspn(line + 1, " "), text, sizeof(text));
			puts(text);
		} else {
			play_command(drive, line, data);
		}
		fflush(stdout);
	}
	return 0;
}
