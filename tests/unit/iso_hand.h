/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * iso_hand.h - for tests: a disc of 200 sectors put together record by record
 *
 * hand_begin() or hand_begin_rock() -> susp(), px(), nm(), ce() into an area, add() into the root -> hand_open() … ->
 * hand_end().
 */
#ifndef TESTS_UNIT_ISO_HAND_H
#define TESTS_UNIT_ISO_HAND_H

#include <sys/mman.h>

#include "tests/unit/iso_fixture.h"

#define SECTORS 200u
#define ROOT_LBA 20u
#define SPARE_LBA 60u /* continuation areas, other directories */

struct hand {
	uint8_t *data;
	uint32_t root_sectors;
	uint32_t at; /* where the next record of the root goes */
	struct image m;
};
struct area {
	uint8_t b[4096];
	size_t n;
};

static inline void susp(struct area *a, const char *signature, const void *body, size_t n)
{
	uint8_t *p = a->b + a->n;

	memcpy(p, signature, 2);
	p[2] = (uint8_t)(4 + n);
	p[3] = 1;
	memcpy(p + 4, body, n);
	a->n += 4 + n;
}

static inline void px(struct area *a, uint32_t mode, uint32_t nlink, uint32_t serial)
{
	uint8_t b[40] = {0};

	put_both32(b, mode);
	put_both32(b + 8, nlink);
	put_both32(b + 16, 10);
	put_both32(b + 24, 20);
	put_both32(b + 32, serial);
	susp(a, "PX", b, serial ? 40 : 32);
}

static inline void nm(struct area *a, uint8_t flags, const char *name)
{
	uint8_t b[256] = {flags};

	memcpy(b + 1, name, strlen(name));
	susp(a, "NM", b, 1 + strlen(name));
}

static inline void ce(struct area *a, uint32_t lba, uint32_t offset, uint32_t length)
{
	uint8_t b[24];

	put_both32(b, lba);
	put_both32(b + 8, offset);
	put_both32(b + 16, length);
	susp(a, "CE", b, 24);
}

static inline size_t record(uint8_t *p, const void *id, uint8_t id_length, uint32_t lba, uint32_t bytes, uint8_t flags,
			    const struct area *a)
{
	size_t start = 33u + id_length + !(id_length & 1), n = (start + (a ? a->n : 0) + 1) & ~(size_t)1;
	static const uint8_t date[7] = {100, 2, 3, 4, 5, 6, 0};

	assert_in_range(n, 34, 255);
	memset(p, 0, n);
	p[0] = (uint8_t)n;
	put_both32(p + 2, lba);
	put_both32(p + 10, bytes);
	memcpy(p + 18, date, 7);
	p[25] = flags;
	put_both16(p + 28, 1);
	p[32] = id_length;
	memcpy(p + 33, id, id_length);
	if (a)
		memcpy(p + start, a->b, a->n);
	return n;
}

/* Into the root, which starts a new sector when the record does not fit. */
static inline uint8_t *add(struct hand *h, const char *id, uint32_t lba, uint32_t bytes, uint8_t flags,
			   const struct area *a)
{
	uint8_t buf[256], *p;
	size_t n = record(buf, id, (uint8_t)strlen(id), lba, bytes, flags, a);

	if (h->at % 2048 + n > 2048)
		h->at = (h->at + 2047) & ~2047u;
	assert_true(h->at + n <= h->root_sectors * 2048);
	p = h->data + ROOT_LBA * 2048 + h->at;
	memcpy(p, buf, n);
	h->at += (uint32_t)n;
	return p;
}

static inline void add_dots(uint8_t *directory, uint32_t lba, uint32_t bytes, const struct area *dot)
{
	size_t n = record(directory, "\0", 1, lba, bytes, 2, dot);

	record(directory + n, "\1", 1, lba, bytes, 2, NULL);
}

/* A volume with the root's "." carrying `dot`; the root has so many sectors. */
static inline void hand_begin(struct hand *h, uint32_t root_sectors, const struct area *dot)
{
	int fd = memfd_create("iso", MFD_CLOEXEC);
	uint8_t *d;

	assert_int_equal(ftruncate(fd, SECTORS * 2048), 0);
	h->data = mmap(NULL, SECTORS * 2048, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(h->data != MAP_FAILED);
	d = h->data + 16 * 2048;
	memcpy(d, "\1CD001\1", 7);
	memset(d + 40, ' ', 32);
	put_both32(d + 80, SECTORS);
	put_both16(d + 128, 2048);
	record(d + 156, "\0", 1, ROOT_LBA, root_sectors * 2048, 2, NULL);
	memcpy(d + 2048, "\377CD001\1", 7);
	add_dots(h->data + ROOT_LBA * 2048, ROOT_LBA, root_sectors * 2048, dot);
	h->root_sectors = root_sectors;
	h->at = h->data[ROOT_LBA * 2048] + 34u;
	file_disc_init(&h->m.disc, fd);
}

static inline void hand_begin_rock(struct hand *h, uint32_t root_sectors)
{
	struct area dot = {0};

	susp(&dot, "SP", "\xbe\xef\0", 3);
	px(&dot, S_IFDIR | 0755, 2, 0);
	hand_begin(h, root_sectors, &dot);
}

/* As many sectors as were used: the root has no empty ones. */
static inline void hand_trim(struct hand *h)
{
	uint8_t *root = h->data + ROOT_LBA * 2048, *const records[] = {h->data + 16 * 2048 + 156, root, root + root[0]};

	h->root_sectors = (h->at + 2047) / 2048;
	for (unsigned i = 0; i < 3; i++)
		put_both32(records[i] + 10, h->root_sectors * 2048);
}

static inline void hand_open(struct hand *h) { assert_int_equal(iso_open(&h->m.disc.disc, 16, &h->m.iso), 0); }

static inline void hand_end(struct hand *h)
{
	image_close(&h->m);
	munmap(h->data, SECTORS * 2048);
}

#endif
