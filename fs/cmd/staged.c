/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/staged.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "burner/base/xattrs.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"

static int look(void *context, const char *path, struct stat *ret, char **ret_target)
{
	const struct staged *s = context;
	char target[PATH_MAX];
	ssize_t n;

	if (fstatat(s->root, path, ret, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return -errno;
	if (!S_ISLNK(ret->st_mode))
		return 0;
	n = readlinkat(s->root, path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	*ret_target = strdup(target);
	return *ret_target ? 0 : -ENOMEM;
}

/* As the mount tells it. */
static int has_changed(void *context, const char *path)
{
	const struct staged *s = context;
	_close_ int fd = openat(s->root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	char value[16];
	ssize_t n = fd < 0 ? -1 : fgetxattr(fd, "user.cdappendfs.staged", value, sizeof(value));

	/* A mount of another version has no such word. */
	return n < 0 ? (errno == ENODATA ? 0 : -errno) : n == 7 && memcmp(value, "content", 7) == 0;
}

static int read_at(void *context, const char *path, uint64_t offset, void *buf, size_t length)
{
	const struct staged *s = context;
	_close_ int fd = openat(s->root, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : pread_full(fd, buf, length, offset, NULL);
}

static int add_xattr(const char *path, const char *name, uint8_t *value, uint8_t **set, size_t *bytes)
{
	uint8_t *more = NULL;
	ssize_t n = lgetxattr(path, name, value, XATTRS_VALUE_MAX);
	int r = n < 0 ? -errno : xattrs_set(*set, *bytes, name, value, (size_t)n, 0, &more, bytes);

	if (!r) {
		free(*set);
		*set = more;
	}
	return r == -ENODATA ? 0 : r;
}

static int read_xattrs(void *context, const char *path, uint8_t **ret, size_t *ret_bytes)
{
	const struct staged *s = context;
	_free_ char *names = malloc(XATTRS_VALUE_MAX), *full = NULL;
	_free_ uint8_t *value = malloc(XATTRS_VALUE_MAX), *set = NULL;
	size_t bytes = 0;
	ssize_t n = 0;
	int r = names && value && asprintf(&full, "/proc/self/fd/%d/%s", s->root, path) >= 0 ? 0 : -ENOMEM;

	if (!r) {
		n = llistxattr(full, names, XATTRS_VALUE_MAX);
		r = n < 0 ? -errno : 0;
	}
	for (const char *name = names; !r && name < names + n; name += strlen(name) + 1)
		r = add_xattr(full, name, value, &set, &bytes);
	if (!r) {
		*ret = TAKE_PTR(set);
		*ret_bytes = bytes;
	}
	return r;
}

static void on_line(void *context, const char *type, const char *line)
{
	struct staged *s = context;
	char kind[8], path[3 * PATH_MAX], from[3 * PATH_MAX];
	bool renamed = json_get_string(line, "from", from, sizeof(from)) == 0;
	uint64_t bytes = 0;

	if (strcmp(type, "change") != 0 || s->error)
		return;
	if (json_get_string(line, "kind", kind, sizeof(kind)) < 0 ||
	    json_get_string(line, "path", path, sizeof(path)) < 0) {
		s->error = -EPROTO;
		return;
	}
	json_get_u64(line, "bytes", &bytes);
	s->error = diff_overlay_add(s->overlay, kind[0], path, renamed ? from : NULL, bytes);
}

static int ask(const struct control_mount *mount, struct staged *s)
{
	struct client_handlers handlers = {.line = on_line, .context = s};
	struct client_result result = {0};
	int r = client_ask(mount, "changes", &handlers, &result);

	if (r < 0)
		return command_fail("%s: what is staged cannot be known: %s", mount->mountpoint, client_why(r));
	r = result.error ? -result.error : s->error ? s->error : diff_overlay_seal(s->overlay);
	if (r)
		return command_fail("%s: what is staged cannot be known: %s", mount->mountpoint,
				    result.message[0] ? result.message : strerror(-r));
	return 0;
}

struct former {
	const char *path;
	size_t length; /* of the name that is known so far */
	char *from;
	int error;
};

static void on_renamed(void *context, const char *type, const char *line)
{
	struct former *f = context;
	char path[3 * PATH_MAX], from[3 * PATH_MAX];
	char *made;

	if (strcmp(type, "change") != 0 || json_get_string(line, "from", from, sizeof(from)) < 0 ||
	    json_get_string(line, "path", path, sizeof(path)) < 0 || !path_is_inside(f->path, path) ||
	    strlen(path) <= f->length)
		return;
	if (asprintf(&made, "%s%s", from, f->path + strlen(path)) < 0) {
		f->error = -ENOMEM;
		return;
	}
	free(f->from);
	f->from = made;
	f->length = strlen(path);
}

int staged_former(const struct control_mount *mount, const char *path, char **ret)
{
	struct former f = {.path = path};
	struct client_handlers handlers = {.line = on_renamed, .context = &f};
	struct client_result result = {0};
	int r = client_ask(mount, "changes", &handlers, &result);

	if (r >= 0)
		r = f.error ? f.error : -result.error;
	if (r < 0) {
		free(f.from);
		return command_fail("%s: what is staged cannot be known: %s", mount->mountpoint,
				    result.message[0] ? result.message : client_why(r));
	}
	*ret = f.from;
	return 0;
}

int staged_open(const struct control_mount *mount, struct iso *base, const char *advice, struct staged *ret)
{
	int r;

	ret->root = open(mount->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->root < 0) {
		command_fail("%s: what is staged cannot be looked at: %s%s", mount->mountpoint, strerror(errno),
			     advice);
		return -EACCES;
	}
	r = diff_overlay_new(base, look, ret, &ret->overlay);
	if (r) {
		command_fail("%s", strerror(-r));
		return r;
	}
	diff_overlay_compare(ret->overlay, has_changed, read_at, read_xattrs);
	return ask(mount, ret) ? -EIO : 0;
}

void staged_release(struct staged *s)
{
	diff_overlay_free(s->overlay);
	close_fd(&s->root);
}
