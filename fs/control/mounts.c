/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mounts.c - which of the system's mounts are ours
 *
 * All is read from /proc/self/mountinfo: its device number leads to the daemon's socket.  The mount point itself is
 * never looked at: root may not enter a user's mount, and a look at one whose daemon is dead fails or hangs.  Fields
 * are
 *	ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [FIELD…] - TYPE SOURCE SUPER_OPTIONS
 * with blank, tab, newline, '\\' and '#' as three octal digits.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "burner/base/path.h"
#include "fs/control/mounts.h"

#define MOUNTINFO "/proc/self/mountinfo"

FILE *mounts_open(void)
{
	FILE *f = fopen(MOUNTINFO, "re");

	if (!f && errno == ENOENT)
		errno = ENOTSUP;
	return f;
}

static bool octal(const char *s)
{
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7';
}

/* The field at *s, decoded; *s moves to the next one. -EINVAL: none. buf NULL: skip it. */
static int take_field(const char **s, char *buf, size_t size)
{
	const char *p = *s + strspn(*s, " ");
	size_t used = 0;

	if (!*p || *p == '\n')
		return -EINVAL;
	while (*p && *p != ' ' && *p != '\n') {
		char c = *p++;
		if (c == '\\' && octal(p)) {
			c = (char)((p[0] - '0') << 6 | (p[1] - '0') << 3 | (p[2] - '0'));
			p += 3;
		}
		if (!buf)
			continue;
		if (used + 1 >= size)
			return -EINVAL;
		buf[used++] = c;
	}
	if (buf)
		buf[used] = '\0';
	*s = p;
	return 0;
}

/* The number behind a key, as "user_id=", of a comma-separated list; -1, which no user has, when there is none. */
static unsigned number_of(const char *options, const char *key)
{
	size_t n = strlen(key);

	for (const char *o = options; o; o = strchr(o, ',')) {
		o += *o == ',';
		if (strncmp(o, key, n) == 0)
			return (unsigned)strtoul(o + n, NULL, 10);
	}
	return UINT_MAX;
}

int mounts_parse(const char *line, struct mounts_line *ret)
{
	char number[32], device[32], root[PATH_MAX], type[64], options[4096];
	const char *s = line, *dash;

	*ret = (struct mounts_line){0};
	if (take_field(&s, number, sizeof(number)) < 0 || take_field(&s, NULL, 0) < 0 ||
	    take_field(&s, device, sizeof(device)) < 0 || take_field(&s, root, sizeof(root)) < 0 ||
	    take_field(&s, ret->mount.mountpoint, sizeof(ret->mount.mountpoint)) < 0 ||
	    sscanf(number, "%u", &ret->mount.number) != 1 ||
	    sscanf(device, "%u:%u", &ret->mount.major, &ret->mount.minor) != 2)
		return -EINVAL;
	dash = strstr(s, " - ");
	if (!dash)
		return -EINVAL;
	s = dash + 3;
	if (take_field(&s, type, sizeof(type)) < 0)
		return -EINVAL;
	bool type_is_ours = strcmp(type, "fuse.cdappendfs") == 0 || strcmp(type, "fuseblk.cdappendfs") == 0;
	ret->ours = type_is_ours && strcmp(root, "/") == 0;
	ret->part = type_is_ours && !ret->ours;
	if (!type_is_ours)
		return 0; /* what others write further on is not ours to judge */
	if (take_field(&s, ret->mount.source, sizeof(ret->mount.source)) < 0 ||
	    take_field(&s, options, sizeof(options)) < 0)
		return -EINVAL;
	ret->writable = strncmp(options, "ro", 2) != 0 || (options[2] && options[2] != ',');
	ret->mount.owner = number_of(options, "user_id="); /* nobody's, when it is not told */
	ret->mount.group = number_of(options, "group_id=");
	return 0;
}

/* Nothing was found: -ENOENT only when all of it was read. */
static int end_of(FILE *mountinfo) { return feof(mountinfo) ? -ENOENT : -EIO; }

int mounts_find_point(FILE *mountinfo, const char *path, struct control_mount *ret)
{
	_free_ char *line = NULL;
	size_t size = 0;
	bool found = false;
	struct mounts_line l;

	while (getline(&line, &size, mountinfo) >= 0) {
		if (mounts_parse(line, &l) < 0 || strcmp(l.mount.mountpoint, path) != 0)
			continue;
		found = l.ours; /* something else mounted above hides ours */
		if (found)
			*ret = l.mount;
	}
	return found ? 0 : end_of(mountinfo);
}

int mounts_find_number(FILE *mountinfo, unsigned number, struct control_mount *ret)
{
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;

	while (getline(&line, &size, mountinfo) >= 0)
		if (mounts_parse(line, &l) == 0 && l.mount.number == number && (l.ours || l.part)) {
			*ret = l.mount;
			return 0;
		}
	return end_of(mountinfo);
}

/* Cuts slashes and "/." at the end; the root stays "/". */
static void cut_tail(char *path)
{
	size_t n = strlen(path);

	while (n > 1 && (path[n - 1] == '/' || (path[n - 1] == '.' && path[n - 2] == '/')))
		path[--n] = '\0';
}

int mounts_path(const char *path, char *buf, size_t size)
{
	char copy[PATH_MAX], parent[PATH_MAX];

	if (!*path)
		return -ENOENT;
	if (strlen(path) >= sizeof(copy))
		return -ENAMETOOLONG;
	memcpy(copy, path, strlen(path) + 1);
	cut_tail(copy);
	char *slash = strrchr(copy, '/'), *last = slash ? slash + 1 : copy;
	if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
		if (!realpath(copy, parent)) /* of ".": the working directory's name; nothing is looked at */
			return -errno;
		return (size_t)snprintf(buf, size, "%s", parent) < size ? 0 : -ENAMETOOLONG;
	}
	if (slash)
		slash[0] = '\0';
	if (!realpath(!slash ? "." : *copy ? copy : "/", parent))
		return -errno;
	return (size_t)snprintf(buf, size, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, last) < size ?
		       0 :
		       -ENAMETOOLONG;
}

int control_find_mount(const char *path, struct control_mount *ret)
{
	char resolved[PATH_MAX];
	int r = mounts_path(path, resolved, sizeof(resolved));

	for (int attempt = 0; r == 0 && attempt < 2; attempt++) {
		_close_file_ FILE *f = mounts_open();
		if (!f)
			return -errno;
		r = mounts_find_point(f, resolved, ret);
		if (r != -ENOENT)
			return r;
		/* Not a mount point by that name: it may be a symbolic link to one. */
		r = realpath(path, resolved) ? 0 : -errno;
	}
	return r < 0 && r != -ENOTDIR ? r : -ENOENT;
}

int mounts_of_device(unsigned major, unsigned minor, struct control_mount *ret)
{
	_close_file_ FILE *f = mounts_open();
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;
	bool ours = false, other = false;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) >= 0) {
		if (mounts_parse(line, &l) < 0 || l.mount.major != major || l.mount.minor != minor)
			continue;
		if (l.ours && !ours)
			*ret = l.mount;
		ours |= l.ours;
		other |= !l.ours && !l.part;
	}
	return other ? -EXDEV : ours ? 0 : end_of(f);
}

int mounts_containing(const char *path, struct control_mount *ret)
{
	char resolved[PATH_MAX];
	_free_ char *line = NULL, *plain = NULL;
	size_t size = 0, longest = 0;
	struct mounts_line l;
	bool ours = false;

	/* Root may not look into a user's mount, nobody into one whose daemon is dead. */
	if (!realpath(path, resolved)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return -ENOENT;
		plain = path_plain(path);
		if (!plain)
			return -errno;
	}
	_close_file_ FILE *f = mounts_open();
	if (!f)
		return -errno;
	while (getline(&line, &size, f) >= 0) {
		if (mounts_parse(line, &l) < 0 || strlen(l.mount.mountpoint) < longest ||
		    !path_is_inside(plain ? plain : resolved, l.mount.mountpoint))
			continue;
		longest = strlen(l.mount.mountpoint);
		ours = l.ours || l.part;
		if (ours)
			*ret = l.mount;
	}
	return ours ? 0 : end_of(f);
}

int mounts_find(const char *argument, struct control_mount *ret)
{
	int r = control_find_mount(argument, ret);

	if (r == -ENOENT)
		r = control_find_disc(argument, ret);
	if (r == -ENOTUNIQ)
		return r;
	/* What cannot be looked at may be a path in a mount all the same: of another user, of a daemon that is dead. */
	if (r < 0) {
		int inside = mounts_containing(argument, ret);

		r = inside == -ENOENT ? r : inside;
	}
	return r;
}

/* ---- who else has it ---- */

static void held_in(const char *mountinfo, int pid, const struct control_mount *mount,
		    void (*emit)(void *context, int pid, const char *mountpoint), void *context)
{
	_close_file_ FILE *f = fopen(mountinfo, "re");
	_free_ char *line = NULL;
	size_t size = 0;
	struct mounts_line l;

	while (f && getline(&line, &size, f) >= 0)
		if (mounts_parse(line, &l) == 0 && l.mount.major == mount->major && l.mount.minor == mount->minor &&
		    (!mount->source[0] || strcmp(l.mount.source, mount->source) == 0))
			emit(context, pid, l.mount.mountpoint);
}

/* The namespaces that were looked at; some more than once when there are too many. */
struct seen {
	ino_t ns[256];
	size_t n;
};

static bool is_new(struct seen *s, const char *pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	if (stat(path, &st) < 0)
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->ns[i] == st.st_ino)
			return false;
	if (s->n < ARRAY_LENGTH(s->ns))
		s->ns[s->n++] = st.st_ino;
	return true;
}

int mounts_held(const struct control_mount *mount, void (*emit)(void *context, int pid, const char *mountpoint),
		void *context)
{
	_close_directory_ DIR *d = opendir("/proc");
	const struct dirent *e;
	struct seen seen = {.n = 0};
	char path[64];

	if (!d)
		return -errno;
	is_new(&seen, "self");
	held_in(MOUNTINFO, 0, mount, emit, context);
	while ((e = readdir(d))) {
		if (e->d_name[strspn(e->d_name, "0123456789")] || !is_new(&seen, e->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", e->d_name);
		held_in(path, (int)strtol(e->d_name, NULL, 10), mount, emit, context);
	}
	return 0;
}

int mounts_below(const char *mountpoint, void (*emit)(void *context, const char *mountpoint), void *context)
{
	_close_file_ FILE *f = mounts_open();
	_free_ char *line = NULL;
	size_t size = 0, n = strlen(mountpoint);
	struct mounts_line l;

	if (!f)
		return -errno;
	while (getline(&line, &size, f) >= 0)
		if (mounts_parse(line, &l) == 0 && strncmp(l.mount.mountpoint, mountpoint, n) == 0 &&
		    l.mount.mountpoint[n] == '/')
			emit(context, l.mount.mountpoint);
	return feof(f) ? 0 : -EIO;
}
