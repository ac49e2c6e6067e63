/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_mutate SEED COUNT IMAGE...: damage images in memory and read everything that is left of them
 *
 * Each of COUNT runs takes one image, overwrites some bytes (mostly in descriptors, directories and System Use areas,
 * which are found by their marks) or cuts it short, opens it and walks the whole tree: bounded in nodes, entries and
 * bytes.  Errors are welcome; what must not happen is what the sanitizers and the alarm say.  Same seed, same runs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/own.h"
#include "tests/fuzz/common/walk.h"

#define SECONDS_MAX 20u /* for one run */

struct image {
	uint8_t *data;
	size_t length;
	uint32_t *places; /* byte positions worth damaging */
	size_t n_places;
	uint32_t descriptors[64];
	unsigned n_descriptors;
};

static void add_places(struct image *m, size_t from, size_t n)
{
	uint32_t *grown = realloc(m->places, (m->n_places + n) * sizeof(*grown));

	if (!grown)
		exit(1);
	m->places = grown;
	for (size_t i = 0; i < n && from + i < m->length; i++)
		m->places[m->n_places++] = (uint32_t)(from + i);
}

/* Descriptors; directories (sectors that begin with a "." record); continuation areas and zisofs headers, by their
 * signatures. */
static void find_places(struct image *m)
{
	static const char *const marks[] = {
		"SL", "NM", "PX", "TF", "CE", "ER", "ZF", "CL", "RE", "\x37\xe4\x53\x96", "\xef\x22\x55\xa1"};

	for (size_t at = 0; at + SECTOR_BYTES <= m->length; at += SECTOR_BYTES) {
		const uint8_t *s = m->data + at;

		if (!memcmp(s + 1, "CD001", 5)) {
			if (s[0] == 1 && m->n_descriptors < 64)
				m->descriptors[m->n_descriptors++] = (uint32_t)(at / SECTOR_BYTES);
			add_places(m, at, 8);
			add_places(m, at + 80, 190);
		}
		if (s[0] >= 34 && s[32] == 1 && !s[33] && s[25] & 2) {
			add_places(m, at, 400);
			add_places(m, at + 400, 1648);
		}
	}
	for (size_t at = 0; at + 4 < m->length; at++)
		for (size_t k = 0; k < ARRAY_LENGTH(marks); k++)
			if (!memcmp(m->data + at, marks[k], strlen(marks[k])) &&
			    (strlen(marks[k]) == 4 || m->data[at + 3] <= 2))
				add_places(m, at, 40);
}

static void load(struct image *m, const char *path)
{
	_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || st.st_size > 64 << 20 || !(m->data = malloc((size_t)st.st_size)) ||
	    read(fd, m->data, (size_t)st.st_size) != st.st_size) {
		perror(path);
		exit(2);
	}
	m->length = (size_t)st.st_size;
	find_places(m);
	if (!m->n_descriptors) {
		fprintf(stderr, "%s: no volume descriptor\n", path);
		exit(2);
	}
}

static void damage(const struct image *m, uint8_t *data)
{
	static const uint8_t telling[] = {0, 1, 2, 4, 5, 8, 33, 34, 0x7f, 0x80, 0xfe, 0xff};
	unsigned n = 1 + (unsigned)walk_below(walk_below(4) ? 8 : 200);

	for (unsigned i = 0; i < n; i++) {
		size_t at = walk_below(10) ? m->places[walk_below(m->n_places)] : walk_below(m->length);

		switch (walk_below(5)) {
		case 0:
			data[at] ^= (uint8_t)(1u << walk_below(8));
			break;
		case 1:
			data[at] = telling[walk_below(sizeof(telling))];
			break;
		case 2:
			for (size_t k = 0; k < 4 && at + k < m->length; k++)
				data[at + k] = (uint8_t)walk_below(UINT64_MAX);
			break;
		case 3: {
			/* Other metadata in this place. */
			size_t from = m->places[walk_below(m->n_places)], k = walk_below(64);
			k = min_u64(k, min_u64(m->length - at, m->length - from));
			memmove(data + at, data + from, k);
			break;
		}
		default:
			data[at] = (uint8_t)walk_below(UINT64_MAX);
		}
	}
}

static void run(const struct image *m)
{
	bool cut = !walk_below(10);
	/* Of exactly the length that can be read, so that no byte behind it goes unnoticed. */
	size_t length = cut ? walk_below(m->length + 1) & ~(size_t)(SECTOR_BYTES - 1) : m->length;
	_free_ uint8_t *data = malloc(m->length + 1);
	struct memory_disc disc;

	if (!data)
		exit(1);
	memcpy(data, m->data, m->length);
	if (!cut || walk_below(2))
		damage(m, data);
	memory_disc_init(&disc, data, (uint32_t)(length / SECTOR_BYTES));
	if (!walk_below(4))
		disc.used_sectors = 0;
	walk_session(&disc.disc, m->descriptors[walk_below(m->n_descriptors)]);
}

int main(int argc, char **argv)
{
	_free_ struct image *images = NULL;
	unsigned long count, n_images = argc > 3 ? (unsigned long)argc - 3 : 0;
	uint64_t seed;

	if (!n_images) {
		fprintf(stderr, "usage: iso_mutate SEED COUNT IMAGE...\n");
		return 2;
	}
	seed = strtoull(argv[1], NULL, 0);
	count = strtoul(argv[2], NULL, 0);
	images = calloc(n_images, sizeof(*images));
	if (!images)
		return 1;
	for (unsigned long i = 0; i < n_images; i++)
		load(&images[i], argv[3 + i]);
	for (unsigned long i = 0; i < count; i++) {
		walk_seed(seed + i * 0x2545f4914f6cdd1du);
		alarm(SECONDS_MAX);
		run(&images[i % n_images]);
	}
	for (unsigned long i = 0; i < n_images; i++) {
		free(images[i].data);
		free(images[i].places);
	}
	printf("%lu images, ok\n", count);
	return 0;
}
