/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/control/listener.c, requests.c: what is sent to the control socket of a mount. Input: the bytes that are sent
 *
 * Every request line is answered with lines of JSON, the last one a result; what is no line is not answered.
 */
#include <errno.h>
#include <sys/sysmacros.h>

#include "fs/control/protocol.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "fs/control/listener.h"
#include "fs/tree/tree.h"
#include "tests/fuzz/common/target.h"

#define MINOR 777u /* no mount has such a device number: an anonymous one has major 0 */
#define SENT_MAX_BYTES 4096u

static unsigned major_of(void) { return 1u << 11 | ((unsigned)getpid() & 0x7ff); }

static void listen_once(void)
{
	static const struct disc_session sessions[2] = {{.number = 1, .volume_id = "A \"\\\n\xff\xc3"},
							{.number = 2, .ours = true}};
	static struct disc disc; /* nothing of it is read */
	static const struct tree_options read_only = {.read_only = true};
	static struct control_options options = {.disc_path = "/disc",
						 .mountpoint = "/mnt",
						 .state = {.name = "image file", .why_not = "so"},
						 .sessions = sessions,
						 .n_sessions = 2};
	static struct control *c;

	if (c)
		return;
	MUST(tree_new(&read_only, &disc, NULL, NULL, &options.tree) == 0);
	MUST(control_new(&options, &c) == 0 && control_listen(c, makedev(major_of(), MINOR)) == 0);
	control_finish(c, &(struct commit_result){.error = 0});
}

static int talk(const uint8_t *data, size_t size, char *answer, size_t room)
{
	struct sockaddr_un address;
	socklen_t length = control_address(major_of(), MINOR, &address);
	_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t used = 0;
	ssize_t n;

	MUST(fd >= 0 && connect(fd, (const struct sockaddr *)&address, length) == 0);
	if (size && send(fd, data, size, MSG_NOSIGNAL) < 0)
		return -EPIPE;
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, answer + used, room - used - 1, 0)) > 0)
		used += (size_t)n;
	answer[used] = '\0';
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[65536];
	char type[32] = "";

	listen_once();
	if (talk(data, min_u64(size, SENT_MAX_BYTES), answer, sizeof(answer)) < 0)
		return 0;
	for (char *line = answer, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		MUST(end);
		*end = '\0';
		MUST(json_get_string(line, "type", type, sizeof(type)) == 0);
	}
	MUST(!answer[0] || !strcmp(type, "result"));
	return 0;
}
