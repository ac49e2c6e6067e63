/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * treelist.c - a canonical listing of a tree, to be compared with another one
 *
 *	treelist [-x LETTERS] DIRECTORY
 *
 * One line a path, sorted by bytes.  -x leaves out: l hard link groups, o owners, m modes, t times of modification,
 * n what of them is less than a second, T those of directories, y those of symbolic links, s sockets, c contents,
 * h most of what is huge: of a directory of more than 10,000 entries each hundredth is looked at and the others are
 * only named, and of a file of more than 4 GiB the first and the last MiB are read.  A hard link group is named by its
 * first path.  The content's digest does not depend on holes, and blocks of zeros are only looked at, so that large
 * sparse files cost little.
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct link {
	ino_t ino;
	dev_t dev;
	char *path;
};

static struct link *links;
static size_t n_links;
static const char *left_out = "";
static bool failed;

static bool shows(char letter) { return !strchr(left_out, letter); }

static void complain(const char *path, const char *what)
{
	printf("%s: %s: %s\n", path, what, strerror(errno));
	failed = true;
}

static void print_quoted(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p <= ' ' || *p == '\\' || *p == 0x7f)
			printf("\\%03o", *p);
		else
			putchar(*p);
	}
}

static bool all_zero(const unsigned char *data, size_t length)
{
	return !length || (!data[0] && !memcmp(data, data + 1, length - 1));
}

/* As much of the buffer as the file has from pos on. */
static ssize_t read_at(int fd, unsigned char *buf, size_t length, off_t pos)
{
	size_t done = 0;

	while (done < length) {
		ssize_t got = pread(fd, buf + done, length - done, pos + (off_t)done);

		if (got < 0)
			return -1;
		if (!got)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

/* FNV-1a over the 4 KiB blocks that are not all zeros, each with its number. Holes are passed over where lseek(2)
 * knows them. */
static uint64_t digest_of(int fd, const char *path, uint64_t *ret_bytes)
{
	static unsigned char buf[1 << 20];
	uint64_t sum = 0xcbf29ce484222325ull;
	off_t pos = 0, data;
	ssize_t got;

	for (;;) {
		data = lseek(fd, pos, SEEK_DATA);
		if (data < 0 && errno == ENXIO) {
			pos = lseek(fd, 0, SEEK_END);
			break;
		}
		if (data > pos)
			pos = data / 4096 * 4096;
		got = read_at(fd, buf, sizeof(buf), pos);
		if (got < 0)
			complain(path, "read");
		if (got <= 0)
			break;
		for (ssize_t at = 0; at < got; at += 4096) {
			size_t length = got - at < 4096 ? (size_t)(got - at) : 4096;

			if (all_zero(buf + at, length))
				continue;
			sum = (sum ^ (uint64_t)(pos + at)) * 0x100000001b3ull;
			for (size_t i = 0; i < length; i++)
				sum = (sum ^ buf[at + (ssize_t)i]) * 0x100000001b3ull;
		}
		pos += got;
	}
	*ret_bytes = (uint64_t)pos;
	return sum;
}

/* The same of the first and the last MiB of a file that is longer than both. */
static uint64_t digest_of_ends(int fd, const char *path, off_t size)
{
	static unsigned char buf[2 << 20];
	uint64_t sum = 0xcbf29ce484222325ull;

	if (read_at(fd, buf, 1 << 20, 0) != 1 << 20 ||
	    read_at(fd, buf + (1 << 20), 1 << 20, size - (1 << 20)) != 1 << 20)
		complain(path, "read");
	for (size_t i = 0; i < sizeof(buf); i++)
		sum = (sum ^ buf[i]) * 0x100000001b3ull;
	return sum;
}

static void print_content(int parent, const char *name, const char *path, const struct stat *st)
{
	uint64_t bytes = (uint64_t)st->st_size, sum;
	int fd = openat(parent, name, O_RDONLY | O_NOFOLLOW);

	if (fd < 0) {
		complain(path, "open");
		return;
	}
	sum = !shows('h') && st->st_size > 4ll << 30 ? digest_of_ends(fd, path, st->st_size) :
						       digest_of(fd, path, &bytes);
	close(fd);
	if (bytes != (uint64_t)st->st_size)
		printf(" read=%" PRIu64, bytes);
	printf(" sum=%016" PRIx64, sum);
}

static void print_target(int parent, const char *name, const char *path)
{
	char target[8192];
	ssize_t length = readlinkat(parent, name, target, sizeof(target) - 1);

	if (length < 0) {
		complain(path, "readlink");
		return;
	}
	target[length] = 0;
	printf(" -> ");
	print_quoted(target);
}

static const char *link_group(const struct stat *st, const char *path)
{
	for (size_t i = 0; i < n_links; i++)
		if (links[i].ino == st->st_ino && links[i].dev == st->st_dev)
			return links[i].path;
	links = realloc(links, (n_links + 1) * sizeof(*links));
	if (!links)
		err(1, "memory");
	links[n_links++] = (struct link){st->st_ino, st->st_dev, strdup(path)};
	return path;
}

static void print_node(int parent, const char *name, const char *path, const struct stat *st)
{
	static const char letters[] = {[S_IFREG >> 12] = '-', [S_IFDIR >> 12] = 'd', [S_IFLNK >> 12] = 'l',
				       [S_IFIFO >> 12] = 'p', [S_IFCHR >> 12] = 'c', [S_IFBLK >> 12] = 'b',
				       [S_IFSOCK >> 12] = 's'};

	print_quoted(path);
	printf(" %c", letters[st->st_mode >> 12]);
	if (shows('m') && !S_ISLNK(st->st_mode))
		printf(" %04o", st->st_mode & 07777);
	if (shows('o'))
		printf(" %u:%u", st->st_uid, st->st_gid);
	if (shows('t') && (shows('T') || !S_ISDIR(st->st_mode)) && (shows('y') || !S_ISLNK(st->st_mode)))
		printf(" %lld.%09ld", (long long)st->st_mtime, shows('n') ? st->st_mtim.tv_nsec : 0);
	if (S_ISREG(st->st_mode)) {
		printf(" %lld", (long long)st->st_size);
		if (shows('c'))
			print_content(parent, name, path, st);
	} else if (S_ISLNK(st->st_mode)) {
		print_target(parent, name, path);
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		printf(" %u,%u", major(st->st_rdev), minor(st->st_rdev));
	}
	if (shows('l') && !S_ISDIR(st->st_mode) && st->st_nlink > 1) {
		printf(" links=%lu of ", (unsigned long)st->st_nlink);
		print_quoted(link_group(st, path));
	}
	putchar('\n');
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static size_t names_of(int fd, const char *path, char ***ret)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	char **names = NULL;
	size_t n = 0, room = 0;

	if (!dir)
		err(1, "%s", path);
	while (errno = 0, (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (n == room && !(names = realloc(names, (room = room ? 2 * room : 64) * sizeof(*names))))
			err(1, "memory");
		names[n++] = strdup(entry->d_name);
	}
	if (errno)
		complain(path, "readdir");
	closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), by_bytes);
	*ret = names;
	return n;
}

static void list(int parent, const char *name, const char *path)
{
	char **names = NULL;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), copy;
	size_t n;

	if (fd < 0 || (copy = dup(fd)) < 0) {
		complain(path, "opendir");
		return;
	}
	n = names_of(copy, path, &names);
	for (size_t i = 0; i < n; i++) {
		char *below;
		struct stat st;

		if (asprintf(&below, "%s%s%s", path, *path ? "/" : "", names[i]) < 0)
			err(1, "memory");
		if (!shows('h') && n > 10000 && i % 100) {
			print_quoted(below);
			putchar('\n');
		} else if (fstatat(fd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
			complain(below, "stat");
		} else if (!S_ISSOCK(st.st_mode) || shows('s')) {
			print_node(fd, names[i], below, &st);
			if (S_ISDIR(st.st_mode))
				list(fd, names[i], below);
		}
		free(below);
		free(names[i]);
	}
	free(names);
	close(fd);
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "x:")) != -1) {
		if (option != 'x')
			return 2;
		left_out = optarg;
	}
	if (optind + 1 != argc)
		errx(2, "usage: treelist [-x LETTERS] DIRECTORY");
	if (chdir(argv[optind]) < 0)
		err(1, "%s", argv[optind]);
	list(AT_FDCWD, ".", "");
	return failed;
}
