/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NAME FILE|DIRECTORY...: runs a target on files, without libFuzzer: the corpus as a regression test in every build
 * NAME --pack DIRECTORY >FILE.pack, NAME --unpack FILE.pack DIRECTORY: many small files as one, and back
 *
 * Each file has SECONDS_MAX; the memory of all is bounded, except under AddressSanitizer, which has options of its
 * own for that.
 */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/common/target.h"

#define SECONDS_MAX 30u
#define MEMORY_MAX_BYTES (512ul << 20)
#define FILE_MAX_BYTES (1 << 20)

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static unsigned long count;

/* The buffer ends where the input does, so that no byte behind it is read unnoticed. */
static void run(const char *name, const uint8_t *bytes, size_t n)
{
	uint8_t *data = malloc(n ? n : 1);

	if (!data)
		exit(2);
	memcpy(data, bytes, n);
	fprintf(stderr, "%s\n", name); /* the last one before a crash is the culprit */
	alarm(SECONDS_MAX);
	LLVMFuzzerTestOneInput(data, n);
	alarm(0);
	free(data);
	count++;
}

static uint8_t *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = malloc(FILE_MAX_BYTES);

	if (!f || !bytes) {
		perror(path);
		exit(2);
	}
	*ret_n = fread(bytes, 1, FILE_MAX_BYTES, f);
	fclose(f);
	return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(bytes, 1, n, f) != n || fclose(f)) {
		perror(path);
		exit(2);
	}
}

/* A pack is many small inputs in one file: the length of each in 2 bytes, little-endian, then its bytes. Into a
 * directory, or run. */
static void each_of_pack(const char *path, const char *directory)
{
	size_t n, left;
	uint8_t *bytes = read_file(path, &n), *p = bytes;

	for (left = n; left >= 2;) {
		size_t length = get_le16(p);
		char name[4096];

		if (length > left - 2) {
			fprintf(stderr, "%s: damaged\n", path);
			exit(2);
		}
		snprintf(name, sizeof(name), "%s%s%s@%zu", directory ? directory : path, directory ? "/" : "",
			 directory ? "pack" : "", n - left);
		if (directory)
			write_file(name, p + 2, length);
		else
			run(name, p + 2, length);
		p += 2 + length;
		left -= 2 + length;
	}
	free(bytes);
}

static void run_path(const char *path)
{
	const char *dot = strrchr(path, '.');
	size_t n;
	uint8_t *bytes;

	if (dot && strcmp(dot, ".pack") == 0) {
		each_of_pack(path, NULL);
		return;
	}
	bytes = read_file(path, &n);
	run(path, bytes, n);
	free(bytes);
}

static void each_of_directory(const char *path, void (*use)(const char *path))
{
	struct dirent **list;
	struct stat st;
	int n;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		use(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort);
	if (n < 0) {
		perror(path);
		exit(2);
	}
	for (int i = 0; i < n; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, list[i]->d_name);
		if (list[i]->d_name[0] != '.')
			use(file);
		free(list[i]);
	}
	free(list);
}

/* To standard output. */
static void pack(const char *path)
{
	uint8_t length[2];
	size_t n;
	uint8_t *bytes = read_file(path, &n);

	put_le16(length, (uint16_t)n);
	if (n <= UINT16_MAX && (fwrite(length, 2, 1, stdout) != 1 || fwrite(bytes, 1, n, stdout) != n))
		exit(2);
	free(bytes);
}

int main(int argc, char **argv)
{
	const struct rlimit memory = {MEMORY_MAX_BYTES, MEMORY_MAX_BYTES};

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY... | --pack DIRECTORY | --unpack FILE.pack DIRECTORY\n",
			argv[0]);
		return 2;
	}
	if (argc == 3 && strcmp(argv[1], "--pack") == 0) {
		each_of_directory(argv[2], pack);
		return 0;
	}
	if (argc == 4 && strcmp(argv[1], "--unpack") == 0) {
		each_of_pack(argv[2], argv[3]);
		return 0;
	}
	if (!SANITIZED && setrlimit(RLIMIT_AS, &memory)) {
		perror("setrlimit");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		each_of_directory(argv[i], run_path);
	printf("%lu inputs, ok\n", count);
	return 0;
}
