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

static int take_change(struct staged *s, const char *line)
{
	char kind[8], path[3 * PATH_MAX], from[3 * PATH_MAX];
	struct diff_staged change = {.content = true, .attributes = true, .path = path};

	if (json_get_string(line, "kind", kind, sizeof(kind)) < 0 ||
	    json_get_string(line, "path", path, sizeof(path)) < 0)
		return -EPROTO;
	change.kind = kind[0];
	if (json_get_string(line, "from", from, sizeof(from)) == 0)
		change.from = from;
	json_get_u64(line, "bytes", &change.bytes);
	/* A daemon of an older version does not tell these: then it is looked at. */
	json_get_bool(line, "content", &change.content);
	json_get_bool(line, "attributes", &change.attributes);
	return diff_overlay_add(s->overlay, &change);
}

static void on_line(void *context, const char *type, const char *line)
{
	struct staged *s = context;

	if (strcmp(type, "base") == 0)
		json_get_u64(line, "root_lba", &s->root_lba);
	if (strcmp(type, "change") == 0 && !s->error)
		s->error = take_change(s, line);
}

/* What it tells is to be laid over that very session, which has its root in itself. */
static int check_base(const struct control_mount *mount, const struct disc_session *newest, uint64_t told)
{
	bool same = newest ? told >= newest->start_lba && told - newest->start_lba < newest->sectors : !told;

	if (same || told == UINT64_MAX)
		return 0;
	return command_fail("%s: what is staged is above another session than the newest one that was found: one was "
			    "burned meanwhile: ask again; or another program has written one: mount the disc again",
			    mount->mountpoint);
}

static int ask(const struct control_mount *mount, const struct disc_session *newest, struct staged *s)
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
	return check_base(mount, newest, s->root_lba);
}

struct former {
	const char *path;
	size_t length; /* of the name that is known so far */
	char *from;
	uint64_t root_lba;
	int error;
};

static void on_renamed(void *context, const char *type, const char *line)
{
	struct former *f = context;
	char path[3 * PATH_MAX], from[3 * PATH_MAX];
	char *made;

	if (strcmp(type, "base") == 0)
		json_get_u64(line, "root_lba", &f->root_lba);
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

int staged_former(const struct control_mount *mount, const struct disc_session *newest, const char *path, char **ret)
{
	struct former f = {.path = path, .root_lba = UINT64_MAX};
	struct client_handlers handlers = {.line = on_renamed, .context = &f};
	struct client_result result = {0};
	int r = client_ask(mount, "changes", &handlers, &result);

	if (r >= 0)
		r = f.error ? f.error : -result.error;
	if (r < 0)
		command_fail("%s: what is staged cannot be known: %s", mount->mountpoint,
			     result.message[0] ? result.message : client_why(r));
	else
		r = check_base(mount, newest, f.root_lba);
	if (r)
		free(f.from);
	else
		*ret = f.from;
	return r;
}

static const struct diff_overlay_ops ops = {.look = look, .read = read_at, .xattrs = read_xattrs};

int staged_open(const struct control_mount *mount, const struct disc_session *newest, struct iso *base,
		const char *advice, struct staged *ret)
{
	int r;

	ret->root = open(mount->mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->root < 0) {
		command_fail("%s: what is staged cannot be looked at: %s%s", mount->mountpoint, strerror(errno),
			     advice);
		return -EACCES;
	}
	r = diff_overlay_new(base, &ops, ret, &ret->overlay);
	if (r) {
		command_fail("%s", strerror(-r));
		return r;
	}
	return ask(mount, newest, ret) ? -EIO : 0;
}

void staged_release(struct staged *s)
{
	diff_overlay_free(s->overlay);
	close_fd(&s->root);
}
