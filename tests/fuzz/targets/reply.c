/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/cmd: what a daemon answers, and what others write into mountinfo. Input: the bytes that come
 *
 * What report_info_parse() understands is written and read again: both must say the same.
 */
#include <stdio.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "fs/control/report.h"
#include "fs/control/client.h"
#include "fs/control/mounts.h"
#include "tests/fuzz/common/target.h"

#define MINOR 778u
#define ANSWER_MAX_BYTES 65536u

static char *write_json(const struct report_info *info)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	MUST(f);
	report_info_json(f, info, "info");
	fclose(f);
	return text;
}

static void check_info(const char *line)
{
	_cleanup_(report_parsed_freep) struct report_parsed *first = NULL, *second = NULL;
	_free_ char *once = NULL, *twice = NULL, *text = NULL;
	size_t n;
	FILE *f;

	if (report_info_parse(line, &first))
		return;
	once = write_json(report_parsed_info(first));
	MUST(strchr(once, '\n') == once + strlen(once) - 1);
	MUST(report_info_parse(once, &second) == 0);
	twice = write_json(report_parsed_info(second));
	MUST(!strcmp(once, twice));
	f = open_memstream(&text, &n);
	MUST(f);
	report_info_text(f, report_parsed_info(first));
	report_sessions_text(f, report_parsed_info(first));
	fclose(f);
	for (size_t i = 0; i < n; i++)
		MUST((uint8_t)text[i] >= 0x20 || text[i] == '\n');
}

static void check_string(const char *text)
{
	_free_ char *line = NULL, *back = malloc(strlen(text) + 1);
	struct mounts_line mount;
	struct json j;
	size_t n;

	j = (struct json){.out = open_memstream(&line, &n)};
	MUST(j.out && back);
	json_open(&j, NULL, '{');
	json_string(&j, "name", text);
	json_close(&j, '}');
	fclose(j.out);
	MUST(json_get_string(line, "name", back, strlen(text) + 1) == 0 && !strcmp(back, text));
	if (mounts_parse(text, &mount) == 0 && mount.ours)
		MUST(strlen(mount.mount.mountpoint) < sizeof(mount.mount.mountpoint) &&
		     strlen(mount.mount.source) < sizeof(mount.mount.source));
}

static void on_progress(void *context, const struct burning *b)
{
	char text[BURNING_TEXT];

	*(size_t *)context += strlen(burning_text(b, text));
}

static void on_line(void *context, const char *type, const char *line)
{
	char path[4096];
	uint64_t bytes;

	*(size_t *)context += strlen(type);
	check_info(line);
	(void)!json_get_string(line, "path", path, sizeof(path));
	(void)!json_get_u64(line, "bytes", &bytes);
}

/* The other end of the conversation is ours: what is sent fits the socket's buffer. */
static void converse(const uint8_t *data, size_t size)
{
	const struct control_mount mount = {.major = 1u << 11 | ((unsigned)getpid() & 0x7ff),
					    .minor = MINOR,
					    .owner = getuid()};
	size_t seen = 0;
	const struct client_handlers handlers = {.progress = on_progress, .line = on_line, .context = &seen};
	struct client_result result;
	struct sockaddr_un address;
	socklen_t length = control_address(mount.major, mount.minor, &address);
	_cleanup_(client_freep) struct client *c = NULL;
	static int listener = -1;
	_close_ int fd = -1;

	if (listener < 0) {
		listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, length) == 0 &&
		     listen(listener, 4) == 0);
	}
	MUST(client_open(&mount, &c) == 0 && client_send(c, "info") == 0);
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	MUST(fd >= 0 && send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
	close_fd(&fd);
	if (client_finish(c, &handlers, &result) == 0)
		MUST(strlen(result.message) < sizeof(result.message) && result.error <= 4095);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_free_ char *text = calloc(1, size + 1);

	MUST(text);
	memcpy(text, data, size);
	check_info(text);
	check_string(text);
	converse(data, min_u64(size, ANSWER_MAX_BYTES));
	return 0;
}
