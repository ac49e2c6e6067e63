/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clients.c - several processes that work at once, each in a directory of its own, for the bench
 *
 *	clients DIR PROCESSES metadata TURNS	each turn: create, stat, chmod, rename; every second file is
 *						removed, every 50th turn lists the directory
 *	clients DIR PROCESSES writes TURNS	each turn appends 4 KiB to the process's file
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIST_EVERY 50
#define PIECE 4096

static void list_here(void)
{
	DIR *dir = opendir(".");

	if (!dir)
		err(1, "opendir");
	while (readdir(dir))
		;
	closedir(dir);
}

static void one_file(long turn)
{
	char made[32], kept[32];
	struct stat st;

	snprintf(made, sizeof(made), "new %ld", turn);
	snprintf(kept, sizeof(kept), "kept %ld", turn);
	int fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || close(fd) < 0 || stat(made, &st) < 0 || chmod(made, 0600) < 0 || rename(made, kept) < 0)
		err(1, "%s", made);
	if (turn % 2 && unlink(kept) < 0)
		err(1, "%s", kept);
}

static void metadata(long turns)
{
	for (long i = 0; i < turns; i++) {
		one_file(i);
		if (i % LIST_EVERY == LIST_EVERY - 1)
			list_here();
	}
}

static void writes(long turns)
{
	char piece[PIECE];
	int fd = open("file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	for (long i = 0; i < turns; i++) {
		memset(piece, (int)(i & 0x7f), sizeof(piece));
		if (write(fd, piece, sizeof(piece)) != sizeof(piece))
			err(1, "write");
	}
	if (close(fd) < 0)
		err(1, "close");
}

static void client(const char *dir, int number, void (*work)(long), long turns)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/client %d", dir, number);
	if (mkdir(path, 0755) < 0 || chdir(path) < 0)
		err(1, "%s", path);
	work(turns);
	exit(0);
}

int main(int argc, char **argv)
{
	int status, failed = 0;

	if (argc != 5)
		errx(2, "usage: clients DIR PROCESSES metadata|writes TURNS");
	for (int i = 0; i < (int)strtol(argv[2], NULL, 10); i++) {
		pid_t pid = fork();

		if (pid < 0)
			err(1, "fork");
		if (!pid)
			client(argv[1], i, strcmp(argv[3], "writes") ? metadata : writes, strtol(argv[4], NULL, 10));
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
