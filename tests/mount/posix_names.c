/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * posix_names.c - what POSIX and Linux promise of names: directories, links, renames, nodes; new and burned
 *
 * Prints TAP; see check.h.  It passes on ext4 and tmpfs.
 */
#include <dirent.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "tests/mount/check.h"

#define MANY 3000

static void numbered(char *name, size_t room, const char *dir, int i) { snprintf(name, room, "%s/entry %05d", dir, i); }

static void fill_directory(const char *dir, int n)
{
	char name[64];

	make_dir(dir);
	for (int i = 0; i < n; i++) {
		numbered(name, sizeof(name), dir, i);
		make_text(name, "");
	}
}

static void prepare(void)
{
	static const char *const files[] = {"a",    "b",      "c",    "d",  "e",  "f",
					    "kept", "linked", "gone", "x1", "x2", "twins"};
	static const char *const dirs[] = {"full",  "moved",	 "target empty", "target full",
					   "empty", "exchanged", "busy",	 "times"};
	char name[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		make_text(files[i], files[i]);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		make_dir(dirs[i]);
	make_text("full/child", "child");
	make_text("target full/child", "child");
	make_text("exchanged/child", "child");
	make_dir("moved/sub");
	make_text("moved/sub/deep", "deep");
	make_text("moved/child", "child");
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "busy/%d", i);
		make_text(name, "");
	}
	if (symlink("a", "symlink") < 0 || link("twins", "twin 2") < 0 || mkfifo("burned fifo", 0644) < 0)
		err(1, "prepare");
	fill_directory("many", MANY);
	fill_directory("rm", 1000);
}

/* ---- reading directories ---- */

/* Entries but "." and ".."; -1 when one is read twice or a name does not begin as it should. */
static int count_entries(const char *path)
{
	static bool seen[100000];
	DIR *dir = opendir(path);
	struct dirent *entry;
	int n = 0, number;

	memset(seen, 0, sizeof(seen));
	if (!dir)
		return -1;
	while (errno = 0, (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		n++;
		if (sscanf(entry->d_name, "entry %d", &number) == 1) {
			if (seen[number])
				n = -100000;
			seen[number] = true;
		}
	}
	if (errno)
		n = -1;
	closedir(dir);
	return n;
}

static const char *check_readdir(void)
{
	struct dirent *entry;
	bool dot = false, dotdot = false;
	DIR *dir;

	CHECK(count_entries("many") == MANY && count_entries("empty") == 0 && count_entries("busy") == 10);
	CHECK((dir = opendir("full")) != NULL);
	while ((entry = readdir(dir))) {
		struct stat st = {0};

		CHECK(fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0);
		CHECK(entry->d_type == DT_UNKNOWN || entry->d_type == IFTODT(st.st_mode));
		dot |= !strcmp(entry->d_name, ".");
		dotdot |= !strcmp(entry->d_name, "..");
	}
	CHECK(dot && dotdot && closedir(dir) == 0);
	CHECK(stat_of("full/.").st_ino == stat_of("full").st_ino && stat_of("full/..").st_ino == stat_of(".").st_ino);
	return NULL;
}

/* Each entry is deleted as soon as it was read: all are seen once, none remains. */
static const char *check_delete_while_reading(void)
{
	static const char *const dirs[] = {"rm", "rm new"};

	fill_directory("rm new", 1000);
	for (int round = 0; round < 2; round++) {
		DIR *dir = opendir(dirs[round]);
		struct dirent *entry;
		int n = 0;

		CHECK(dir);
		while ((entry = readdir(dir)))
			if (entry->d_name[0] != '.') {
				CHECK(unlinkat(dirfd(dir), entry->d_name, 0) == 0);
				n++;
			}
		CHECK(n == 1000 && closedir(dir) == 0 && count_entries(dirs[round]) == 0 && rmdir(dirs[round]) == 0);
	}
	return NULL;
}

static const char *check_rename_while_reading(void)
{
	DIR *dir = opendir("many");
	struct dirent *entry;
	char name[300];
	int n = 0;

	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "entry", 5))
			continue;
		snprintf(name, sizeof(name), "renamed %s", entry->d_name);
		CHECK(renameat(dirfd(dir), entry->d_name, dirfd(dir), name) == 0);
		n++;
	}
	CHECK(n == MANY);
	rewinddir(dir);
	for (n = 0; (entry = readdir(dir));)
		n += !strncmp(entry->d_name, "renamed entry", 13);
	CHECK(n == MANY && closedir(dir) == 0);
	return NULL;
}

static const char *check_seekdir(void)
{
	DIR *dir = opendir("busy");
	char third[256], fourth[256];
	long place;

	CHECK(dir && readdir(dir) && readdir(dir));
	snprintf(third, sizeof(third), "%s", readdir(dir)->d_name);
	place = telldir(dir);
	snprintf(fourth, sizeof(fourth), "%s", readdir(dir)->d_name);
	while (readdir(dir))
		;
	seekdir(dir, place);
	CHECK(!strcmp(readdir(dir)->d_name, fourth));
	make_text("busy/created", "");
	rewinddir(dir);
	CHECK(closedir(dir) == 0 && count_entries("busy") == 11 && strcmp(third, fourth) != 0);
	return NULL;
}

/* ---- directories ---- */

static const char *check_mkdir(void)
{
	CHECK(mkdir("new dir", 0750) == 0 && (stat_of("new dir").st_mode & 07777) == 0750 &&
	      S_ISDIR(stat_of("new dir").st_mode));
	FAILS(mkdir("new dir", 0755), EEXIST);
	FAILS(mkdir("full", 0755), EEXIST);
	FAILS(mkdir("a", 0755), EEXIST);
	FAILS(mkdir("nothing/below", 0755), ENOENT);
	FAILS(mkdir("a/below", 0755), ENOTDIR);
	CHECK(mkdir("full/new", 0755) == 0 && count_entries("full") == 2 && rmdir("full/new") == 0);
	FAILS(rmdir("full"), ENOTEMPTY);
	FAILS(rmdir("a"), ENOTDIR);
	FAILS(rmdir("nothing"), ENOENT);
	FAILS(unlink("empty"), EISDIR);
	CHECK(rmdir("empty") == 0 && missing("empty"));
	CHECK(unlink("full/child") == 0 && rmdir("full") == 0 && missing("full"));
	CHECK(mkdir("full", 0755) == 0 && count_entries("full") == 0);
	return NULL;
}

static const char *check_open_directory_removed(void)
{
	int fd;

	make_dir("removed");
	fd = open("removed", O_RDONLY | O_DIRECTORY);
	CHECK(fd >= 0 && rmdir("removed") == 0);
	FAILS(openat(fd, "file", O_WRONLY | O_CREAT, 0644), ENOENT);
	CHECK(fsync(fd) == 0 && close(fd) == 0);
	return NULL;
}

static const char *check_directory_attributes(void)
{
	struct stat before = stat_of("times"), after;

	tick();
	make_text("times/file", "");
	after = stat_of("times");
	CHECK(after.st_ino == before.st_ino && later(after.st_mtim, before.st_mtim) &&
	      later(after.st_ctim, before.st_ctim));
	CHECK(chmod("times", 01770) == 0 && (stat_of("times").st_mode & 07777) == 01770);
	if (geteuid() == 0) {
		CHECK(chown("times", 77, 88) == 0 && chmod("times", 02775) == 0);
		make_text("times/inherits", "");
		make_dir("times/inherits too");
		CHECK(stat_of("times/inherits").st_gid == 88);
		CHECK(stat_of("times/inherits too").st_gid == 88 && stat_of("times/inherits too").st_mode & S_ISGID);
	}
	return NULL;
}

static const char *check_deep(void)
{
	char path[4096] = "deep";

	make_dir(path);
	for (int i = 0; i < 60; i++) {
		strncat(path, "/a directory", sizeof(path) - strlen(path) - 1);
		make_dir(path);
	}
	strncat(path, "/file", sizeof(path) - strlen(path) - 1);
	make_text(path, "bottom");
	CHECK(has_text(path, "bottom"));
	return NULL;
}

/* ---- names ---- */

static const char *check_names(void)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	make_text(name, "255");
	CHECK(has_text(name, "255") && rename(name, "no longer long") == 0 && rename("no longer long", name) == 0);
	name[255] = 'n';
	name[256] = 0;
	FAILS(open(name, O_WRONLY | O_CREAT, 0644), ENAMETOOLONG);
	FAILS(access(name, F_OK), ENAMETOOLONG);
	make_text("case", "lower");
	make_text("CASE", "upper");
	CHECK(has_text("case", "lower") && has_text("CASE", "upper"));
	make_text("\xff\xfe not UTF-8", "bytes");
	make_text(" blanks ", "blanks");
	make_text("new\nline", "line");
	make_text("Zażółć 日本語 😀", "unicode");
	CHECK(has_text("\xff\xfe not UTF-8", "bytes") && has_text(" blanks ", "blanks") &&
	      has_text("new\nline", "line"));
	CHECK(has_text("Zażółć 日本語 😀", "unicode"));
	return NULL;
}

static const char *check_unlink(void)
{
	CHECK(unlink("gone") == 0 && missing("gone"));
	FAILS(unlink("gone"), ENOENT);
	FAILS(open("gone", O_RDONLY), ENOENT);
	make_text("gone", "back");
	CHECK(has_text("gone", "back") && unlink("gone") == 0 && missing("gone"));
	CHECK(mkdir("gone", 0755) == 0 && rmdir("gone") == 0);
	return NULL;
}

/* ---- renames ---- */

static const char *check_rename(void)
{
	ino_t ino = stat_of("a").st_ino;

	CHECK(rename("a", "a renamed") == 0 && missing("a") && has_text("a renamed", "a") &&
	      stat_of("a renamed").st_ino == ino);
	CHECK(rename("a renamed", "b") == 0 && has_text("b", "a") && stat_of("b").st_ino == ino);
	make_text("n1", "n1");
	CHECK(rename("n1", "c") == 0 && has_text("c", "n1"));
	CHECK(rename("d", "n2") == 0 && has_text("n2", "d"));
	CHECK(rename("n2", "n2") == 0 && has_text("n2", "d"));
	FAILS(rename("nothing", "somewhere"), ENOENT);
	FAILS(rename("n2", "nothing/below"), ENOENT);
	return NULL;
}

static const char *check_rename_directory(void)
{
	ino_t ino = stat_of("moved/sub/deep").st_ino;

	FAILS(rename("moved", "moved/sub/inside"), EINVAL);
	FAILS(rename("moved", "target full"), ENOTEMPTY);
	FAILS(rename("moved", "kept"), ENOTDIR);
	FAILS(rename("kept", "moved"), EISDIR);
	CHECK(rename("moved", "target empty") == 0 && missing("moved"));
	CHECK(has_text("target empty/sub/deep", "deep") && has_text("target empty/child", "child"));
	CHECK(stat_of("target empty/sub/deep").st_ino == ino);
	make_dir("new parent");
	CHECK(rename("target empty", "new parent/moved on") == 0 && has_text("new parent/moved on/sub/deep", "deep"));
	CHECK(rename("new parent/moved on/sub", "sub moved out") == 0 && has_text("sub moved out/deep", "deep"));
	CHECK(missing("new parent/moved on/sub") && count_entries("new parent/moved on") == 1);
	CHECK(stat_of("sub moved out/..").st_ino == stat_of(".").st_ino);
	make_text("sub moved out/more", "more");
	CHECK(unlink("sub moved out/deep") == 0 && count_entries("sub moved out") == 1);
	return NULL;
}

static const char *check_rename_flags(void)
{
	FAILS(renameat2(AT_FDCWD, "e", AT_FDCWD, "f", RENAME_NOREPLACE), EEXIST);
	CHECK(has_text("e", "e") && has_text("f", "f"));
	CHECK(renameat2(AT_FDCWD, "e", AT_FDCWD, "e moved", RENAME_NOREPLACE) == 0 && has_text("e moved", "e") &&
	      missing("e"));
	CHECK(renameat2(AT_FDCWD, "x1", AT_FDCWD, "x2", RENAME_EXCHANGE) == 0 && has_text("x1", "x2") &&
	      has_text("x2", "x1"));
	make_text("fresh", "fresh");
	CHECK(renameat2(AT_FDCWD, "fresh", AT_FDCWD, "exchanged", RENAME_EXCHANGE) == 0);
	CHECK(has_text("exchanged", "fresh") && has_text("fresh/child", "child"));
	make_dir("fresh/inner");
	CHECK(renameat2(AT_FDCWD, "fresh/inner", AT_FDCWD, "f", RENAME_EXCHANGE) == 0 && has_text("fresh/inner", "f"));
	CHECK(stat_of("f/..").st_ino == stat_of(".").st_ino);
	FAILS(renameat2(AT_FDCWD, "f", AT_FDCWD, "nothing", RENAME_EXCHANGE), ENOENT);
	FAILS(renameat2(AT_FDCWD, "fresh", AT_FDCWD, "fresh/child", RENAME_EXCHANGE), EINVAL);
	return NULL;
}

static const char *check_rename_over_open(void)
{
	char buf[8];
	int fd;

	make_text("replaced", "old");
	make_text("replacing", "new");
	fd = open("replaced", O_RDWR);
	CHECK(fd >= 0 && rename("replacing", "replaced") == 0 && has_text("replaced", "new"));
	CHECK(read(fd, buf, sizeof(buf)) == 3 && !memcmp(buf, "old", 3) && write(fd, "er", 2) == 2 && close(fd) == 0);
	CHECK(has_text("replaced", "new"));
	return NULL;
}

/* ---- links and nodes ---- */

static const char *check_hard_links(void)
{
	int fd;

	CHECK(link("linked", "link 2") == 0 && stat_of("linked").st_nlink == 2 &&
	      stat_of("link 2").st_ino == stat_of("linked").st_ino);
	CHECK((fd = open("link 2", O_WRONLY | O_APPEND)) >= 0 && write(fd, "!", 1) == 1 && close(fd) == 0);
	CHECK(has_text("linked", "linked!") && has_text("link 2", "linked!"));
	CHECK(chmod("linked", 0600) == 0 && (stat_of("link 2").st_mode & 0777) == 0600);
	CHECK(rename("linked", "link 2") == 0 && exists("linked") && exists("link 2"));
	CHECK(unlink("linked") == 0 && stat_of("link 2").st_nlink == 1 && has_text("link 2", "linked!"));
	FAILS(link("link 2", "kept"), EEXIST);
	FAILS(link("busy", "link to directory"), EPERM);
	FAILS(link("nothing", "somewhere"), ENOENT);
	return NULL;
}

/* Two names of one file that were burned so. */
static const char *check_burned_links(void)
{
	int fd;

	CHECK(stat_of("twins").st_nlink == 2 && stat_of("twin 2").st_nlink == 2);
	CHECK(stat_of("twins").st_ino == stat_of("twin 2").st_ino);
	CHECK((fd = open("twins", O_WRONLY | O_APPEND)) >= 0 && write(fd, "+", 1) == 1 && close(fd) == 0);
	CHECK(has_text("twin 2", "twins+"));
	CHECK(unlink("twins") == 0 && stat_of("twin 2").st_nlink == 1 && has_text("twin 2", "twins+"));
	CHECK(link("twin 2", "times/twin 3") == 0 && stat_of("twin 2").st_nlink == 2);
	return NULL;
}

static const char *check_symlinks(void)
{
	char target[PATH_MAX], buf[PATH_MAX];

	CHECK(readlink("symlink", buf, sizeof(buf)) == 1 && buf[0] == 'a');
	CHECK(symlink("kept", "s1") == 0 && S_ISLNK(stat_of("s1").st_mode) && stat_of("s1").st_size == 4 &&
	      has_text("s1", "kept"));
	CHECK(symlink("s3", "s2") == 0 && symlink("s2", "s3") == 0);
	FAILS(open("s2", O_RDONLY), ELOOP);
	FAILS(symlink("x", "s1"), EEXIST);
	FAILS(readlink("kept", buf, sizeof(buf)), EINVAL);
	memset(target, 't', sizeof(target));
	for (size_t i = 99; i < sizeof(target); i += 100)
		target[i] = '/';
	target[1500] = 0;
	CHECK(symlink(target, "long symlink") == 0 && readlink("long symlink", buf, sizeof(buf)) == 1500 &&
	      !memcmp(target, buf, 1500));
	CHECK(unlink("symlink") == 0 && symlink("kept", "symlink") == 0 && has_text("symlink", "kept"));
	CHECK(lchown("s1", geteuid(), getegid()) == 0);
	return NULL;
}

static const char *check_nodes(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), reader;
	char c = 0;

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	      S_ISSOCK(stat_of("socket").st_mode) && close(fd) == 0);
	CHECK(S_ISFIFO(stat_of("burned fifo").st_mode));
	CHECK(mkfifo("fifo", 0600) == 0 && S_ISFIFO(stat_of("fifo").st_mode));
	CHECK((reader = open("fifo", O_RDONLY | O_NONBLOCK)) >= 0 && (fd = open("fifo", O_WRONLY)) >= 0);
	CHECK(write(fd, "z", 1) == 1 && read(reader, &c, 1) == 1 && c == 'z' && close(fd) == 0 && close(reader) == 0);
	if (geteuid() == 0) {
		CHECK(mknod("device", S_IFCHR | 0666, makedev(1, 3)) == 0 &&
		      stat_of("device").st_rdev == makedev(1, 3));
		CHECK(S_ISCHR(stat_of("device").st_mode));
		CHECK(mknod("block", S_IFBLK | 0600, makedev(259, 70000)) == 0 &&
		      stat_of("block").st_rdev == makedev(259, 70000));
	}
	CHECK(mknod("plain", S_IFREG | 0644, 0) == 0 && S_ISREG(stat_of("plain").st_mode));
	return NULL;
}

static const struct check checks[] = {
	{"readdir", check_readdir},
	{"unlink of each entry read", check_delete_while_reading},
	{"rename of each entry read", check_rename_while_reading},
	{"telldir, seekdir, rewinddir", check_seekdir},
	{"mkdir and rmdir", check_mkdir},
	{"an open directory is removed", check_open_directory_removed},
	{"times, modes and groups of directories", check_directory_attributes},
	{"60 levels deep", check_deep},
	{"names", check_names},
	{"unlink", check_unlink},
	{"rename", check_rename},
	{"rename of directories", check_rename_directory},
	{"RENAME_NOREPLACE and RENAME_EXCHANGE", check_rename_flags},
	{"rename over an open file", check_rename_over_open},
	{"hard links", check_hard_links},
	{"burned hard links", check_burned_links},
	{"symbolic links", check_symlinks},
	{"fifos, sockets, devices", check_nodes},
	{NULL, NULL},
};

int main(int argc, char **argv) { return check_main(argc, argv, "names", prepare, checks); }
