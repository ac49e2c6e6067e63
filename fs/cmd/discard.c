/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/printable.h"
#include "fs/cmd/discard.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"
#include "fs/control/report.h"

/* ---- where it is ---- */

/* The real path of as much of it as is there, and the rest; the last part is never followed: what is named may be gone.
 * NULL with errno. */
static char *real_path(const char *path)
{
	char *text = path_plain(path), *cut, *made = NULL;
	_free_ char *above = text ? strdup(text) : NULL;

	if (!above) {
		free(text);
		return NULL;
	}
	for (cut = strrchr(above, '/'); cut && cut > above; cut = strrchr(above, '/')) {
		_free_ char *real = NULL;

		*cut = '\0';
		real = realpath(above, NULL);
		if (!real)
			continue;
		if (asprintf(&made, "%s%s", strcmp(real, "/") ? real : "", text + (cut - above)) < 0)
			made = NULL;
		free(text);
		return made;
	}
	return text;
}

int discard_locate(const char *path, struct control_mount *ret, char inside[4096])
{
	_free_ char *real = real_path(path), *above = real ? strdup(real) : NULL;
	int r = -ENOENT, why = -ENOENT;

	if (!above)
		return -errno;
	/* What cannot be looked at (a damaged directory, one of another user) is in a mount all the same. */
	for (char *cut = above + strlen(above); r < 0 && cut && cut > above; cut = strrchr(above, '/')) {
		*cut = '\0';
		if (!*above)
			break;
		r = control_find_mount(above, ret);
		why = why == -ENOENT ? r : why;
		if (r == 0 && strlen(real + (cut - above)) < PATH_MAX)
			snprintf(inside, PATH_MAX, "%s", real + (cut - above) + (real[cut - above] == '/'));
	}
	return r == 0 ? 0 : why;
}

bool discard_is_path(const char *argument)
{
	struct control_mount mount;

	int disc = control_find_mount(argument, &mount) == 0 ? 0 : control_find_disc(argument, &mount);

	return disc != 0 && disc != -ENOTUNIQ;
}

/* ---- dropping ---- */

#define BATCH 256 /* paths of one request, as the daemon takes them */

struct dropping {
	bool json, quiet;
	struct json j;
	bool failed;
};

/* A path of one request. */
struct wanted {
	const char *given;
	struct control_mount mount;
	char *inside;
};

static void on_line(void *context, const char *type, const char *line)
{
	struct dropping *d = context;
	char kind[8], path[3 * PATH_MAX], from[3 * PATH_MAX];
	bool renamed = json_get_string(line, "from", from, sizeof(from)) == 0;
	uint64_t bytes = 0;

	if (strcmp(type, "change") != 0 || json_get_string(line, "kind", kind, sizeof(kind)) < 0 ||
	    json_get_string(line, "path", path, sizeof(path)) < 0)
		return;
	json_get_u64(line, "bytes", &bytes);
	if (kind[0] == '-') {
		command_fail("%s: nothing is staged there", path);
		d->failed = true;
	} else if (d->json) {
		json_open(&d->j, NULL, '{');
		json_string(&d->j, "kind", kind);
		json_string(&d->j, "path", path);
		if (renamed)
			json_string(&d->j, "from", from);
		json_u64(&d->j, "bytes", bytes);
		json_close(&d->j, '}');
	} else if (!d->quiet && renamed) {
		say(stdout, "dropped: %.1s %s -> %s", kind, from, path);
	} else if (!d->quiet) {
		say(stdout, "dropped: %.1s %s", kind, path);
	}
}

static char *request_of(const struct wanted *w, size_t n)
{
	char *text = NULL, key[24];
	size_t length;
	struct json j = {open_memstream(&text, &length), false};

	if (!j.out)
		return NULL;
	fputs("discard ", j.out);
	json_open(&j, NULL, '{');
	for (size_t i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%zu", i + 1);
		json_string(&j, key, w[i].inside);
	}
	json_close(&j, '}');
	if (fclose(j.out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* All at once: what was moved from one to another goes together.  What cannot go so is tried one by one. */
static void drop(struct dropping *d, const struct wanted *w, size_t n)
{
	struct client_handlers handlers = {.line = on_line, .context = d};
	struct client_result result = {0};
	_free_ char *request = request_of(w, n);
	int r = !request ? -ENOMEM : strlen(request) >= CONTROL_LINE_MAX ? -E2BIG : 0;

	if (r == 0)
		r = client_ask(&w->mount, request, &handlers, &result);
	if (n > 1 && (r == -E2BIG || (r == 0 && result.error))) {
		for (size_t i = 0; i < n; i++)
			drop(d, &w[i], 1);
		return;
	}
	if (r < 0)
		command_fail("%s: %s", w->given, r == -E2BIG ? "the path is too long" : client_why(r));
	else if (result.error)
		command_fail("%s: %s", w->given, result.message[0] ? result.message : strerror(result.error));
	d->failed |= r < 0 || result.error;
}

/* Where it is; false: nowhere, which was said. */
static bool locate(struct dropping *d, const char *path, struct wanted *ret)
{
	char inside[PATH_MAX];
	int r = discard_locate(path, &ret->mount, inside);

	ret->given = path;
	ret->inside = r == 0 && inside[0] ? strdup(inside) : NULL;
	if (ret->inside)
		return true;
	d->failed = true;
	if (r == -ENOENT)
		command_fail("%s: it is in no mount of cdappendfs; see 'findmnt -t fuse.cdappendfs'", path);
	else if (r == 0 && !inside[0])
		command_fail("%s: that is all that is staged; give it alone to drop all of it", path);
	else
		command_fail("%s: %s", path, strerror(r < 0 ? -r : ENOMEM));
	return false;
}

static bool one_mount(const struct wanted *a, const struct wanted *b)
{
	return a->mount.major == b->mount.major && a->mount.minor == b->mount.minor;
}

/* As many as are of one mount, and fit. */
static void drop_all(struct dropping *d, const struct wanted *w, size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i + 1; k < n && k - i < BATCH && one_mount(&w[i], &w[k]); k++)
			;
		drop(d, &w[i], k - i);
	}
}

int discard_paths(char *const *paths, int n, bool json, bool quiet)
{
	struct dropping d = {.json = json, .quiet = quiet, .j = {stdout, false}};
	_free_ struct wanted *w = calloc((size_t)n + 1, sizeof(*w));
	size_t found = 0;

	if (!w)
		return command_fail("%s", strerror(ENOMEM));
	for (int i = 0; i < n; i++)
		found += locate(&d, paths[i], &w[found]);
	if (json) {
		json_open(&d.j, NULL, '{');
		json_open(&d.j, "dropped", '[');
	}
	drop_all(&d, w, found);
	if (json) {
		json_close(&d.j, ']');
		command_json_end(&d.j, !d.failed);
	}
	for (size_t i = 0; i < found; i++)
		free(w[i].inside);
	return d.failed ? COMMAND_FAILED : COMMAND_DONE;
}
