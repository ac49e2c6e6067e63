/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/next.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/printable.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"

struct how {
	char options[CONTROL_LINE_MAX], staging[PATH_MAX], closed[PATH_MAX];
	bool own_staging, known;
};

static void on_options(void *context, const char *type, const char *line)
{
	struct how *h = context;

	if (strcmp(type, "options") != 0)
		return;
	h->known = json_get_string(line, "options", h->options, sizeof(h->options)) == 0 &&
		   json_get_string(line, "staging", h->staging, sizeof(h->staging)) == 0 && h->staging[0] &&
		   json_get_string(line, "staging_closed", h->closed, sizeof(h->closed)) == 0 &&
		   json_get_bool(line, "own_staging", &h->own_staging) == 0;
}

/* The one beside this program. */
static char *program_path(const char *name)
{
	char self[PATH_MAX], *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	slash = strrchr(self, '/');
	return slash && asprintf(&path, "%.*s/%s", (int)(slash - self), self, name) >= 0 ? path : NULL;
}

/* What it says goes where ours does. */
static int run(const char *name, const char *const *arguments, bool quiet)
{
	_free_ char *path = program_path(name);
	int status = 0;

	if (!path)
		return command_fail("%s: %s", name, strerror(errno));
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		if (quiet && !freopen("/dev/null", "w", stdout))
			_exit(127);
		execv(path, (char *const *)(uintptr_t)arguments);
		dprintf(STDERR_FILENO, "%s: %s\n", path, strerror(errno));
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return COMMAND_FAILED;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? COMMAND_DONE : COMMAND_FAILED;
}

static char *absolute(const char *path)
{
	_free_ char *here = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *all;

	if (path[0] == '/')
		return strdup(path);
	return here && asprintf(&all, "%s/%s", here, path) >= 0 ? all : NULL;
}

/* What lies in the mount, or below it, is not there when that has ended. */
static bool is_inside(const struct control_mount *mount, const char *disc)
{
	_free_ char *path = absolute(disc);
	char *slash = path ? strrchr(path, '/') : NULL;

	if (!slash)
		return false;
	slash[slash == path] = '\0';
	_free_ char *directory = realpath(path, NULL);
	return directory && path_is_inside(directory, mount->mountpoint);
}

int next_check(const struct control_mount *mount, const char *const *discs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_inside(mount, discs[i]))
			return command_fail(
				"%s: it is in the mount itself, which ends before it is taken: give another one",
				discs[i]);
	return COMMAND_DONE;
}

bool next_can_ask(void) { return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO); }

/* NULL: nobody answers any more. */
static char *ask(const struct control_mount *mount)
{
	bool drive = strncmp(mount->source, "/dev/", 5) == 0;
	_free_ char *line = NULL;
	size_t size = 0;

	if (drive)
		say(stdout,
		    "put the next blank disc into %s and press Enter, or type the path of another one (Ctrl-D: stop):",
		    mount->source);
	else
		say(stdout, "the path of the next disc, a drive or an image (Ctrl-D: stop):");
	fflush(stdout);
	do {
		if (getline(&line, &size, stdin) < 0)
			return NULL;
		line[strcspn(line, "\n")] = '\0';
	} while (!*line && !drive);
	return strdup(*line ? line : mount->source);
}

/* That of a disc that was blank has its name by what was burned, once it is unmounted. */
static void follow_stage(struct how *h)
{
	if (h->closed[0] && access(h->staging, F_OK) < 0 && errno == ENOENT)
		memcpy(h->staging, h->closed, sizeof(h->staging));
}

static char *mount_options(const struct how *h)
{
	char *all = malloc(strlen(h->options) + 2 * strlen(h->staging) + 16), *to;

	if (!all)
		return NULL;
	to = stpcpy(all, h->options);
	if (!h->own_staging)
		return all;
	to = stpcpy(to, *h->options ? ",staging=" : "staging=");
	for (const char *c = h->staging; *c; c++) {
		if (*c == ',' || *c == '\\')
			*to++ = '\\';
		*to++ = *c;
	}
	*to = '\0';
	return all;
}

char *next_by_hand(const struct control_mount *mount)
{
	struct how h = {.known = false};
	struct client_handlers handlers = {.line = on_options, .context = &h};
	struct client_result result;
	_free_ char *options = NULL;
	char *all;

	if (client_ask(mount, "options", &handlers, &result) == 0 && h.known) {
		follow_stage(&h);
		options = mount_options(&h);
	}
	if (asprintf(&all, "cdappendfs-umount %s; cdappendfs-stage move %s NEXT; cdappendfs -o %s NEXT %s",
		     SHELL_WORD(mount->mountpoint), SHELL_WORD(options && h.own_staging ? h.staging : mount->source),
		     SHELL_WORD(options ? options : "span"), SHELL_WORD(mount->mountpoint)) < 0)
		return NULL;
	return all;
}

static int stays_staged(const struct control_mount *mount, const struct how *h)
{
	return command_fail("what is left stays staged for %s: go on with 'cdappendfs-stage move %s NEXT' and a mount "
			    "of that with -o span",
			    mount->source, SHELL_WORD(h->staging));
}

static int move_and_mount(const struct control_mount *mount, const struct how *h, const char *disc, bool quiet)
{
	_free_ char *options = mount_options(h);
	const char *moving[] = {"cdappendfs-stage", "move", h->staging, disc, NULL};
	const char *mounting[] = {"cdappendfs", "-o", options, disc, mount->mountpoint, NULL};

	if (!options)
		return command_fail("%s", strerror(ENOMEM));
	if (run("cdappendfs-stage", moving, quiet) != COMMAND_DONE)
		return stays_staged(mount, h);
	if (run("cdappendfs", mounting, quiet) != COMMAND_DONE)
		return command_fail("what is left is staged for %s: mount that with -o span and go on", disc);
	return COMMAND_DONE;
}

int next_disc(const struct control_mount *mount, const char *disc, bool quiet)
{
	struct how h = {.known = false};
	struct client_handlers handlers = {.line = on_options, .context = &h};
	struct client_result result;
	const char *unmounting[] = {"cdappendfs-umount", mount->mountpoint, NULL};
	_free_ char *next = NULL;
	int r = mount->owner == geteuid() ? client_ask(mount, "options", &handlers, &result) : -EACCES;

	if (r == -EACCES)
		return command_fail("%s: it is another user's mount: only that user can mount the next disc there",
				    mount->mountpoint);
	if (r < 0 || result.error || !h.known)
		return command_fail("%s: it does not say how the next disc is to be mounted%s%s", mount->mountpoint,
				    r < 0 ? ": " : "", r < 0 ? client_why(r) : "");
	if (run("cdappendfs-umount", unmounting, quiet) != COMMAND_DONE)
		return command_fail("%s: the next disc waits for that; what is left stays staged", mount->mountpoint);
	follow_stage(&h);
	next = disc ? absolute(disc) : ask(mount);
	if (!next || is_inside(mount, next))
		return stays_staged(mount, &h);
	return move_and_mount(mount, &h, next, quiet);
}
