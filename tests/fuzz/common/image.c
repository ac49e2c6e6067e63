/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/commit_record.h"
#include "tests/fuzz/common/image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <zlib.h>

#include "burner/format/appuse.h"
#include "tests/unit/session_tree.h"

struct area {
	uint8_t b[2048];
	size_t n;
};
struct place {
	uint32_t lba, bytes;
};

/* ---- by hand ---- */

static void susp(struct area *a, const char *signature, const void *body, size_t n)
{
	uint8_t *p = a->b + a->n;

	memcpy(p, signature, 2);
	p[2] = (uint8_t)(4 + n);
	p[3] = 1;
	memcpy(p + 4, body, n);
	a->n += 4 + n;
}

static void px(struct area *a, uint32_t mode, uint32_t nlink)
{
	uint8_t b[32] = {0};

	put_both32(b, mode);
	put_both32(b + 8, nlink);
	put_both32(b + 16, 10);
	put_both32(b + 24, 20);
	susp(a, "PX", b, sizeof(b));
}

static void nm(struct area *a, const char *name)
{
	uint8_t b[256] = {0};

	memcpy(b + 1, name, strlen(name));
	susp(a, "NM", b, 1 + strlen(name));
}

static void pair(struct area *a, const char *signature, uint32_t first, uint32_t second, uint32_t third)
{
	uint8_t b[24];

	put_both32(b, first);
	put_both32(b + 8, second);
	put_both32(b + 16, third);
	susp(a, signature, b, !memcmp(signature, "CE", 2) ? 24 : !memcmp(signature, "PN", 2) ? 16 : 8);
}

static size_t record(uint8_t *p, const void *id, size_t id_bytes, struct place at, uint8_t flags, const struct area *a)
{
	size_t start = 33u + id_bytes + !(id_bytes & 1), n = (start + (a ? a->n : 0) + 1) & ~(size_t)1;
	static const uint8_t date[7] = {100, 2, 3, 4, 5, 6, 0};

	p[0] = (uint8_t)n;
	put_both32(p + 2, at.lba);
	put_both32(p + 10, at.bytes);
	memcpy(p + 18, date, 7);
	p[25] = flags;
	put_both16(p + 28, 1);
	p[32] = (uint8_t)id_bytes;
	memcpy(p + 33, id, id_bytes);
	if (a)
		memcpy(p + start, a->b, a->n);
	return n;
}

/* The two that open a directory; returns what is behind them. */
static uint8_t *dots(uint8_t *image, struct place at, struct place parent, const struct area *dot)
{
	uint8_t *p = image + at.lba * SECTOR_BYTES;

	p += record(p, "\0", 1, at, 2, dot);
	return p + record(p, "\1", 1, parent, 2, NULL);
}

static void descriptor(uint8_t *d, uint8_t type, struct place root)
{
	memset(d, 0, SECTOR_BYTES);
	d[0] = type;
	memcpy(d + 1, "CD001\1", 6);
	memset(d + 40, ' ', 32);
	put_both32(d + 80, IMAGE_SECTORS);
	put_both16(d + 120, 1);
	put_both16(d + 128, SECTOR_BYTES);
	record(d + 156, "\0", 1, root, 2, NULL);
	memcpy(d + 813, "2020010203040500", 17);
}

/* A zisofs file of two blocks of 4 KiB and one of zeros; returns its length. */
static uint32_t zisofs_file(uint8_t *p, unsigned version)
{
	static const uint8_t magic[2][8] = {{0x37, 0xe4, 0x53, 0x96, 0xc9, 0xdb, 0xd6, 0x07},
					    {0xef, 0x22, 0x55, 0xa1, 0xbc, 0x1b, 0x95, 0xa0}};
	uint32_t header = version == 2 ? 24 : 16, width = version == 2 ? 8 : 4, at = header + 4 * width;
	uint8_t block[4096];

	memcpy(p, magic[version - 1], 8);
	put_le32(p + (version == 2 ? 12 : 8), 10000);
	memcpy(p + (version == 2 ? 8 : 12), version == 2 ? "\0\6\1\14" : "\4\14\0\0", 4);
	for (unsigned i = 0; i < 4; i++) {
		uLongf n = 1000;

		put_le32(p + header + i * width, at);
		memset(block, (int)i, sizeof(block));
		if (i < 2) {
			MUST(compress(p + at, &n, block, sizeof(block)) == Z_OK);
			at += (uint32_t)n;
		}
	}
	return at;
}

struct maker {
	uint8_t *image, *p;
};

static void put(struct maker *k, const char *id, struct place at, uint8_t flags, const struct area *a)
{
	k->p += record(k->p, id, strlen(id), at, flags, a);
}

static void put_files(struct maker *k)
{
	static const char times[] = "\x0f\x78\1\2\3\4\5\0\x78\1\2\3\4\5\0\x78\1\2\3\4\5\0\x78\1\2\3\4\5\0";
	static const uint8_t link[] = "\0\x08\0\4\0\0\0\3usr\0\3bin",
			     zf[2][12] = {"pz\4\14\x10\x27", "PZ\6\14\x10\x27"};
	struct area a = {.n = 0}, more = {.n = 0}, l = {.n = 0}, device = {.n = 0}, hard = {.n = 0};

	px(&a, S_IFREG | 0644, 1);
	susp(&a, "TF", times, 29);
	nm(&a, "plain name");
	put(k, "PLAIN.;1", (struct place){IMAGE_FILE_LBA, 3000}, 0, &a);
	px(&l, S_IFLNK | 0777, 1);
	susp(&l, "SL", link, 15);
	put(k, "LINK", (struct place){0, 0}, 0, &l);
	px(&device, S_IFCHR | 0600, 1);
	pair(&device, "PN", 1, 3, 0);
	put(k, "NULL", (struct place){0, 0}, 0, &device);
	px(&hard, S_IFREG | 0644, 2);
	put(k, "HARD1", (struct place){IMAGE_FILE_LBA, 100}, 0, &hard);
	put(k, "HARD2", (struct place){IMAGE_FILE_LBA, 100}, 0, &hard);
	put(k, "PARTS", (struct place){IMAGE_FILE_LBA, 4096}, 0x80, NULL);
	put(k, "PARTS", (struct place){IMAGE_FILE_LBA + 6, 100}, 0, NULL);
	for (unsigned v = 0; v < 2; v++) {
		struct area z = {.n = 0};
		struct place at = {IMAGE_FILE_LBA + 8 + 4 * v, 0};

		at.bytes = zisofs_file(k->image + at.lba * SECTOR_BYTES, v + 1);
		px(&z, S_IFREG | 0644, 1);
		susp(&z, "ZF", zf[v], 12);
		put(k, v ? "Z2" : "Z1", at, 0, &z);
	}
	/* A name in two pieces, the second one in a continuation area that goes on in another. */
	susp(&more, "NM", "\1begins here ", 13);
	pair(&more, "CE", IMAGE_AREA_LBA, 16, 100);
	put(k, "LONG", (struct place){IMAGE_FILE_LBA, 10}, 0, &more);
	struct area first = {.n = 0}, second = {.n = 0};
	nm(&first, "and goes on here");
	pair(&first, "CE", IMAGE_AREA_LBA + 1, 0, 60);
	px(&second, S_IFREG | 0600, 1);
	memcpy(k->image + IMAGE_AREA_LBA * SECTOR_BYTES + 16, first.b, first.n);
	memcpy(k->image + (IMAGE_AREA_LBA + 1) * SECTOR_BYTES, second.b, second.n);
}

/* Too large to be searched: it gets an index. */
static void put_wide(struct maker *k, struct place wide, struct place root)
{
	static const uint8_t ids[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	dots(k->image, wide, root, NULL);
	for (uint32_t i = 0; i < sizeof(ids) - 1; i++) {
		/* In the first sector behind its own two. */
		uint8_t *p = k->image + (wide.lba + i / 5) * SECTOR_BYTES + (i < 5 ? 68 : 0) + i % 5 * 34;

		record(p, ids + i, 1, (struct place){IMAGE_FILE_LBA, i}, 0, NULL);
	}
}

/* sub/, and sub/deep, which lies in rr_moved/; wide/. */
static void put_directories(struct maker *k, struct place root)
{
	struct place wide = {IMAGE_WIDE_LBA, 6 * SECTOR_BYTES};
	struct place sub = {IMAGE_SUB_LBA, 2048}, deep = {IMAGE_SUB_LBA + 1, 2048}, moved = {IMAGE_SUB_LBA + 2, 2048};
	struct area plain = {.n = 0}, dot = {.n = 0}, child = {.n = 0}, hidden = {.n = 0};

	px(&plain, S_IFDIR | 0755, 2);
	put(k, "RR_MOVED", moved, 2, &plain);
	put(k, "SUB", sub, 2, &plain);
	put(k, "WIDE", wide, 2, &plain);
	put_wide(k, wide, root);
	pair(&child, "CL", deep.lba, 0, 0);
	pair(&dot, "PL", sub.lba, 0, 0);
	px(&dot, S_IFDIR | 0700, 2);
	px(&hidden, S_IFDIR | 0700, 2);
	susp(&hidden, "RE", "", 0);
	k->p = dots(k->image, sub, root, &plain);
	put(k, "DEEP", (struct place){IMAGE_FILE_LBA, 2048}, 0, &child);
	k->p = dots(k->image, moved, root, &plain);
	put(k, "DEEP", deep, 2, &hidden);
	k->p = dots(k->image, deep, moved, &dot);
	put(k, "INSIDE", (struct place){IMAGE_FILE_LBA, 5}, 0, NULL);
}

static void make_hand(uint8_t *image, enum image_base base)
{
	struct place root = {IMAGE_ROOT_LBA, 4096}, joliet = {IMAGE_ROOT_LBA + 2, 2048};
	struct area dot = {.n = 0};
	struct maker k = {.image = image};

	descriptor(image + 16 * SECTOR_BYTES, 1, root);
	descriptor(image + 17 * SECTOR_BYTES, 2, joliet);
	memcpy(image + 17 * SECTOR_BYTES + 88, "%/E", 3);
	memcpy(image + 18 * SECTOR_BYTES, "\377CD001\1", 7);
	if (base == IMAGE_HAND) {
		susp(&dot, "SP", "\xbe\xef\0", 3);
		susp(&dot, "ER", "\12\0\0\1RRIP_1991A", 14);
		px(&dot, S_IFDIR | 0755, 2);
	}
	k.p = dots(image, root, root, &dot);
	put_files(&k);
	put_directories(&k, root);
	record(image + (IMAGE_ROOT_LBA + 1) * SECTOR_BYTES, "SECOND", 6, (struct place){IMAGE_FILE_LBA, 7}, 0, NULL);
	k.p = dots(image, joliet, joliet, NULL);
	k.p += record(k.p, "\0a\x26\x3a\xd8\x3d\xde\0\0;\0001", 12, (struct place){IMAGE_FILE_LBA, 3000}, 0, NULL);
	k.p += record(k.p, "\0s\0u\0b", 6, (struct place){joliet.lba + 1, 2048}, 2, NULL);
	dots(image, (struct place){joliet.lba + 1, 2048}, joliet, NULL);
	for (unsigned i = 0; i < 16 * SECTOR_BYTES; i++)
		if (!image[IMAGE_FILE_LBA * SECTOR_BYTES + i])
			image[IMAGE_FILE_LBA * SECTOR_BYTES + i] = (uint8_t)i;
}

/* ---- sessions of ours ---- */

static void add_session(int fd, struct tree *t, uint32_t start, uint32_t number, uint32_t previous)
{
	struct burn_options o = {.start_lba = start,
				 .session_number = number,
				 .previous_lba = previous,
				 .previous_descriptor_lba = previous == UINT32_MAX ? previous : previous + 16,
				 .previous_number = number - 1,
				 .overwritable = true,
				 .uuid = {(uint8_t)number},
				 .time = 1000000000,
				 .next_ino = 100,
				 .volume_id = "OURS",
				 .align_end_sectors = 32};
	struct burn_plan *plan;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tree_finish(t);
	MUST(burn_plan_new(&t->manifest, &o, &plan) == 0);
	image_append(path, plan, true);
	burn_plan_free(plan);
}

static void make_ours(uint8_t *image)
{
	int fd = memfd_create("ours", MFD_CLOEXEC);
	struct tree *t = tree_new();
	uint32_t dir = tree_add(t, 0, "a directory", S_IFDIR | 0755), second = 0;
	uint32_t file = tree_add(t, dir, "a file", S_IFREG | 0644), link = tree_add(t, 0, "link", S_IFLNK | 0777);
	struct commit_record commit;
	char name[200] = "";

	MUST(fd >= 0);
	t->manifest.nodes[link].target = strdup("a directory/a file");
	tree_extent(t, file, EXTENT_STAGE, tree_body(t, NULL), 0, 5000);
	add_session(fd, t, 32, 1, UINT32_MAX);
	MUST(pread(fd, image, IMAGE_SECTORS * SECTOR_BYTES, 0) > 0);
	for (uint32_t lba = 32; lba < IMAGE_SECTORS; lba++)
		if (!commit_record_decode(image + lba * SECTOR_BYTES, &commit))
			second = lba + 1;
	MUST(second && second % 32 == 0);
	memset(name, 'n', sizeof(name) - 1);
	tree_add(t, dir, name, S_IFDIR | 0700);
	tree_link(t, 0, "hard", file);
	tree_extent(t, tree_add(t, 0, "new", S_IFREG | 0600), EXTENT_STAGE, tree_body(t, NULL), 0, 100);
	add_session(fd, t, second, 2, 32);
	MUST(pread(fd, image, IMAGE_SECTORS * SECTOR_BYTES, 0) > 0);
	tree_free(t);
	close(fd);
}

/* ---- with an input over it ---- */

#define IMAGE_BYTES (IMAGE_SECTORS * SECTOR_BYTES)

/* As they were made, and those that are damaged: only what an input touched is put back, which is much less than an
 * image. */
static uint8_t made[4][IMAGE_BYTES], damaged[4][IMAGE_BYTES];

static void make_all(void)
{
	static bool ready;

	if (ready)
		return;
	make_hand(made[IMAGE_HAND], IMAGE_HAND);
	make_hand(made[IMAGE_JOLIET], IMAGE_JOLIET);
	make_ours(made[IMAGE_OURS]);
	memcpy(damaged, made, sizeof(made));
	ready = true;
}

void image_patch(struct disc_image *m, uint32_t lba, uint32_t offset, const void *bytes, size_t n)
{
	size_t at = (size_t)(lba % IMAGE_SECTORS) * SECTOR_BYTES + (offset & (SECTOR_BYTES - 1));

	n = min_u64(n, IMAGE_BYTES - at);
	memcpy(m->data + at, bytes, n);
	for (size_t i = at / SECTOR_BYTES; i * SECTOR_BYTES < at + n; i++)
		m->touched[i] = true;
}

void image_make(struct disc_image *m, struct input *in)
{
	uint8_t flags = take_u8(in);
	struct appuse newest;

	make_all();
	*m = (struct disc_image){.base = (enum image_base)(flags & 3),
				 .data = damaged[flags & 3],
				 .descriptor_lba = 16};
	if (!appuse_decode(m->data + 16 * SECTOR_BYTES, &newest))
		m->descriptor_lba = newest.start_lba + 16;
	while (in->left) {
		uint32_t lba = take_u16(in), offset = take_u16(in);
		size_t n;
		const uint8_t *bytes = take_bytes(in, take_u8(in), &n);

		image_patch(m, lba, offset, bytes, n);
	}
	memory_disc_init(&m->disc, m->data, IMAGE_SECTORS);
	if (flags & IMAGE_NO_SIZE)
		m->disc.used_sectors = 0;
}

void image_release(struct disc_image *m)
{
	for (size_t i = 0; i < IMAGE_SECTORS; i++)
		if (m->touched[i])
			memcpy(m->data + i * SECTOR_BYTES, made[m->base] + i * SECTOR_BYTES, SECTOR_BYTES);
}
