/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_mutate SEED COUNT IMAGE...: damage images in memory and read everything that is left of them
 *
 * Each of COUNT runs takes one image, overwrites some bytes (mostly in descriptors, directories and System Use areas, which are
 * found by their marks) or cuts it short, opens it and walks the whole tree: bounded in nodes, entries and bytes.  Errors are
 * welcome; what must not happen is what the sanitizers and the alarm say.  Same seed, same runs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cdappendfs/bytes.h"
#include "fs/iso/iso.h"

#define NODES_MAX 300u
#define ENTRIES_MAX 4000u
#define SECONDS_MAX 20u		/* for one run */

struct memory_disc {
	struct disc disc;	/* first */
	const uint8_t *data;
	uint32_t sectors;
};

struct image {
	uint8_t *data;
	size_t length;
	uint32_t *places;	/* byte positions worth damaging */
	size_t n_places;
	uint32_t descriptors[64];
	unsigned n_descriptors;
};

static uint64_t random_state;

/* splitmix64 */
static uint64_t next_random(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
	return n ? next_random() % n : 0;
}

static int memory_read(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	struct memory_disc *m = (struct memory_disc *)d;

	if (lba >= m->sectors || n_sectors > m->sectors - lba)
		return -EIO;
	memcpy(buf, m->data + (size_t)lba * SECTOR_BYTES, (size_t)n_sectors * SECTOR_BYTES);
	return 0;
}

static int memory_state(struct disc *d, struct disc_state *ret)
{
	/* Sometimes the size is not known. */
	*ret = (struct disc_state){.name = "memory", .used_sectors = below(4) ? ((struct memory_disc *)d)->sectors : 0};
	return 0;
}

static const struct disc_ops memory_ops = {.read = memory_read, .state = memory_state};

static void add_places(struct image *m, size_t from, size_t n)
{
	uint32_t *grown = realloc(m->places, (m->n_places + n) * sizeof(*grown));

	if (!grown)
		exit(1);
	m->places = grown;
	for (size_t i = 0; i < n && from + i < m->length; i++)
		m->places[m->n_places++] = (uint32_t)(from + i);
}

/* Descriptors; directories (sectors that begin with a "." record); continuation areas and zisofs headers, by their signatures. */
static void find_places(struct image *m)
{
	static const char *const marks[] = {"SL", "NM", "PX", "TF", "CE", "ER", "ZF", "CL", "RE", "\x37\xe4\x53\x96", "\xef\x22\x55\xa1"};

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
			if (!memcmp(m->data + at, marks[k], strlen(marks[k])) && (strlen(marks[k]) == 4 || m->data[at + 3] <= 2))
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
	unsigned n = 1 + (unsigned)below(below(4) ? 8 : 200);

	for (unsigned i = 0; i < n; i++) {
		size_t at = below(10) ? m->places[below(m->n_places)] : below(m->length);

		switch (below(5)) {
		case 0:
			data[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			data[at] = telling[below(sizeof(telling))];
			break;
		case 2:
			for (size_t k = 0; k < 4 && at + k < m->length; k++)
				data[at + k] = (uint8_t)next_random();
			break;
		case 3: {
			/* Other metadata in this place. */
			size_t from = m->places[below(m->n_places)], k = below(64);
			k = min_u64(k, min_u64(m->length - at, m->length - from));
			memmove(data + at, data + from, k);
			break;
		}
		default:
			data[at] = (uint8_t)next_random();
		}
	}
}

static void read_file(struct iso *iso, const struct iso_entry *e)
{
	static uint8_t buf[70000];

	for (unsigned i = 0; i < 4; i++) {
		uint64_t at = i == 0 ? 0 : below(e->size);
		size_t n = (size_t)min_u64(below(sizeof(buf)), e->size - at);
		if (zisofs_used(&e->zisofs))
			(void)!iso_zisofs_read(iso_disc(iso), &e->zisofs, e->extents, e->n_extents, e->size, at, buf, n);
	}
	for (uint32_t i = 0; i < e->n_extents && i < 4; i++) {
		const struct extent *x = &e->extents[i];
		uint64_t at = below(x->length);
		(void)!iso_read_disc(iso_disc(iso), x->pos + at, buf, (size_t)min_u64(below(sizeof(buf)), x->length - at));
	}
}

/* What every caller may rely on. */
static void check_entry(const struct iso_entry *e)
{
	uint64_t end = 0;

	if (!e->name[0] || strnlen(e->name, 256) > 255 || strchr(e->name, '/') || !strcmp(e->name, ".") || !strcmp(e->name, ".."))
		abort();
	if (S_ISLNK(e->mode) != !!e->target || (e->target && strlen(e->target) > 4095) || e->locator >> 63)
		abort();
	for (uint32_t i = 0; i < e->n_extents; i++) {
		if (e->extents[i].offset != end || !e->extents[i].length || e->extents[i].kind != EXTENT_DISC)
			abort();
		end += e->extents[i].length;
	}
	if (S_ISREG(e->mode) && !zisofs_used(&e->zisofs) && end != e->size)
		abort();
}

static void visit_entry(struct iso *iso, struct iso_extent dir, const struct iso_entry *e)
{
	struct iso_entry other = {0};

	check_entry(e);
	if (S_ISREG(e->mode) && !below(3))
		read_file(iso, e);
	if (!below(8) && !iso_lookup(iso, dir, e->name, &other)) {
		check_entry(&other);
		iso_entry_release(&other);
	}
	if (!below(8)) {
		if (iso_entry_at(iso, e->locator, &other))
			return;
		if (strcmp(other.name, e->name) || other.ino != e->ino)
			abort();
		iso_entry_release(&other);
	}
}

static void walk(struct iso *iso)
{
	struct iso_extent queue[NODES_MAX];
	unsigned n = 0, entries = 0;
	struct iso_entry e = {0};

	if (iso_root(iso, &e))
		return;
	queue[n++] = e.dir;
	for (unsigned i = 0; i < n; i++) {
		_cleanup_(iso_dir_closep) struct iso_dir *d = NULL, *names = NULL;

		if (iso_dir_open(iso, queue[i], &d) || iso_dir_open(iso, queue[i], &names))
			continue;
		while (entries++ < ENTRIES_MAX && iso_dir_next(d, &e) > 0) {
			if (S_ISDIR(e.mode) && n < NODES_MAX)
				queue[n++] = e.dir;
			visit_entry(iso, queue[i], &e);
			iso_entry_release(&e);
		}
		while (entries++ < ENTRIES_MAX && iso_dir_next_name(names, &e) > 0)
			;
		if (!iso_lookup(iso, queue[i], "some-file-with-a-name-7", &e))
			iso_entry_release(&e);
	}
}

static void run(const struct image *m)
{
	bool cut = !below(10);
	/* Of exactly the length that can be read, so that no byte behind it goes unnoticed. */
	size_t length = cut ? below(m->length + 1) & ~(size_t)(SECTOR_BYTES - 1) : m->length;
	_free_ uint8_t *data = malloc(m->length + 1);
	struct memory_disc disc = {.disc = {.ops = &memory_ops}, .sectors = (uint32_t)(length / SECTOR_BYTES)};
	struct iso *iso = NULL;

	if (!data)
		exit(1);
	memcpy(data, m->data, m->length);
	if (!cut || below(2))
		damage(m, data);
	disc.data = data;
	if (iso_open(&disc.disc, m->descriptors[below(m->n_descriptors)], &iso))
		return;
	walk(iso);
	iso_unref(iso);
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
		random_state = seed + i * 0x2545f4914f6cdd1du;
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
