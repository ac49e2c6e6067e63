/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * handles.c - file handles, as NFS servers and backup programs keep them
 *
 *	handles take FILE PATH…		writes the handles of all paths to FILE
 *	handles open FILE MOUNT		opens them below that mount: for each a line "NUMBER INO TYPE FIRST-LINE", where
 *					TYPE is f, d, l or an error's number; of directories PARENT instead of the line
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

union handle {
	struct file_handle head;
	char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

static void take(FILE *to, const char *path)
{
	union handle h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int id;

	if (name_to_handle_at(AT_FDCWD, path, &h.head, &id, 0) < 0)
		err(1, "%s", path);
	if (fwrite(&h, sizeof(h), 1, to) != 1)
		err(1, "cannot write");
}

static void tell(unsigned number, int fd)
{
	char line[64] = "";
	struct stat st, parent = {0};
	ssize_t got;

	if (fstat(fd, &st) < 0)
		err(1, "fstat");
	if (S_ISDIR(st.st_mode)) {
		if (fstatat(fd, "..", &parent, 0) < 0)
			err(1, "..");
		printf("%u %lu d %lu\n", number, (unsigned long)st.st_ino, (unsigned long)parent.st_ino);
		return;
	}
	if (S_ISREG(st.st_mode) && (got = pread(fd, line, sizeof(line) - 1, 0)) >= 0)
		line[got] = 0;
	line[strcspn(line, "\n")] = 0;
	printf("%u %lu %c %s\n", number, (unsigned long)st.st_ino, S_ISREG(st.st_mode) ? 'f' : 'l', line);
}

int main(int argc, char **argv)
{
	union handle h;

	if (argc < 4)
		errx(2, "usage: %s take FILE PATH… | open FILE MOUNT", argv[0]);
	FILE *file = fopen(argv[2], strcmp(argv[1], "take") ? "r" : "w");
	if (!file)
		err(1, "%s", argv[2]);
	if (!strcmp(argv[1], "take")) {
		for (int i = 3; i < argc; i++)
			take(file, argv[i]);
		return fclose(file) != 0;
	}
	int mount = open(argv[3], O_RDONLY | O_DIRECTORY);
	if (mount < 0)
		err(1, "%s", argv[3]);
	for (unsigned number = 1; fread(&h, sizeof(h), 1, file) == 1; number++) {
		int fd = open_by_handle_at(mount, &h.head, O_RDONLY);

		if (fd < 0 && errno == ELOOP) /* a symbolic link */
			fd = open_by_handle_at(mount, &h.head, O_PATH);
		if (fd < 0) {
			printf("%u %d\n", number, errno);
			continue;
		}
		tell(number, fd);
		close(fd);
	}
	return 0;
}
