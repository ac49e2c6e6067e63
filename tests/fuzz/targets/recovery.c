/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs/commit/recover.c over burner/medium/image.c: what a crash left in the journal and on the disc, and what chance
 * made of the disc since
 *
 * An image of two sessions of ours.  Input: flags (1 byte): 1 the head names the first one, 2 the stage knows the
 * disc as it was before the second; 4 the file is cut to the number of bytes that follows.  The commit in the
 * journal: state (1), which session's uuid (1), start and length of the image (numbers; 0: the true ones).  Then
 * patches as in common/image.h. Whatever is recovered: nothing of a session that the disc had stays not as it was.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "burner/medium/internal.h"
#include "burner/session/stream.h"
#include "burner/format/appuse.h"
#include "burner/base/own.h"
#include "fs/commit/commit.h"
#include "tests/fuzz/common/image.h"
#include "tests/fuzz/common/scratch.h"

#define FIRST_LBA 32u

static uint32_t second_lba;
static struct disc_fingerprint known[2]; /* after the first session, after the second */
static struct disc_identity identity;
static char image_path[300], stage_path[300];

static struct disc *open_disc(void)
{
	const struct disc_open_options options = {.writable = true};
	struct disc *d = NULL;

	return disc_open_path(image_path, &options, &d, NULL) < 0 ? NULL : d;
}

static void head_of_first(struct disc_image *m)
{
	uint8_t head[16 * SECTOR_BYTES];

	MUST(session_published_descriptors(m->data + (FIRST_LBA + 16) * SECTOR_BYTES, FIRST_LBA, head) == 0);
	image_patch(m, 16, 0, head, sizeof(head));
}

static void look(struct disc_image *m, size_t bytes, struct disc_fingerprint *ret)
{
	struct disc *d;

	scratch_write("disc.iso", m->data, bytes);
	d = open_disc();
	MUST(d && disc_fingerprint(d, ret) == 0 && disc_identity(d, &identity) == 0);
	disc_close(d);
}

static void prepare(void)
{
	static const uint8_t base = IMAGE_OURS;
	struct input in = {&base, 1};
	struct disc_image m;
	struct appuse newest;

	if (second_lba)
		return;
	snprintf(image_path, sizeof(image_path), "%s/disc.iso", scratch_directory());
	snprintf(stage_path, sizeof(stage_path), "%s/stage", scratch_directory());
	image_make(&m, &in);
	MUST(appuse_decode(m.data + 16 * SECTOR_BYTES, &newest) == 0);
	second_lba = newest.start_lba;
	look(&m, (second_lba + newest.sectors) * SECTOR_BYTES, &known[1]);
	head_of_first(&m);
	look(&m, second_lba * SECTOR_BYTES, &known[0]);
	image_release(&m);
}

static int open_stage(const struct disc_identity *i, const struct disc_fingerprint *f, struct stage **ret)
{
	const struct stage_options o = {.directory = stage_path,
					.disc_path = image_path,
					.mountpoint = "/mnt",
					.identity = *i,
					.fingerprint = *f,
					.next_ino = 1000};
	_free_ char *why = NULL;

	return stage_open(&o, ret, NULL, &why);
}

static void make_stage(struct input *in, const struct disc_fingerprint *f)
{
	struct stage_commit c = {.state = (enum stage_commit_state)(take_u8(in) % 6),
				 .generation = 1,
				 .session_number = 2,
				 .uuid = {take_u8(in) % 4}};
	const struct stage_node root = {.ino = 1, .mode = S_IFDIR | 0755, .nlink = 2, .parent = 1};
	uint64_t start = take_number(in), bytes = take_number(in);
	struct stage *s = NULL;
	uint32_t generation;

	c.start_lba = start ? (uint32_t)start : second_lba;
	c.image_bytes = bytes ? bytes : (uint64_t)second_lba * SECTOR_BYTES;
	MUST(open_stage(&identity, f, &s) == 0 && stage_node_put(s, &root) == 0 && stage_freeze(s, &generation) == 0);
	MUST(stage_commit_set(s, &c) == 0);
	stage_close(s);
}

/* Everything up to the end of the newest session that was listed, the head apart. */
static void check_kept(const uint8_t *before, uint64_t kept_bytes)
{
	static uint8_t after[IMAGE_SECTORS * SECTOR_BYTES];
	_close_ int fd = open(image_path, O_RDONLY | O_CLOEXEC);
	size_t from = FIRST_LBA * SECTOR_BYTES;

	if (kept_bytes <= from)
		return;
	MUST(pread(fd, after, kept_bytes, 0) == (ssize_t)kept_bytes && !memcmp(after, before, 16 * SECTOR_BYTES));
	MUST(!memcmp(after + from, before + from, kept_bytes - from));
}

static void recover(const struct disc_image *m, uint64_t file_bytes)
{
	struct disc_fingerprint f;
	struct disc_identity i;
	struct stage *s = NULL;
	struct stage_commit c;
	uint32_t generation = 0;
	_free_ char *message = NULL;
	struct disc *d = open_disc();

	if (!d || disc_identity(d, &i) || disc_fingerprint(d, &f)) {
		disc_close(d);
		return;
	}
	if (open_stage(&i, &f, &s) == 0) {
		int r = commit_recover(s, d, &generation, &message);

		MUST(stage_commit_get(s, &c) == 0 && !stage_empty(s));
		MUST(r || c.state == (generation ? STAGE_REBASING : STAGE_IDLE));
		check_kept(m->data, min_u64(f.image_bytes, file_bytes));
		stage_close(s);
	}
	disc_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size}, whole;
	static const uint8_t base = IMAGE_OURS;
	struct disc_image m;
	uint8_t flags = take_u8(&in);
	uint64_t bytes = flags & 4 ? take_number(&in) * 512 : UINT64_MAX;

	prepare();
	scratch_empty();
	make_stage(&in, &known[!(flags & 2)]);
	whole = (struct input){&base, 1};
	image_make(&m, &whole);
	if (flags & 1)
		head_of_first(&m);
	while (in.left) {
		uint32_t lba = take_u16(&in), offset = take_u16(&in);
		size_t n;
		const uint8_t *patch = take_bytes(&in, take_u8(&in), &n);

		image_patch(&m, lba, offset, patch, n);
	}
	bytes = min_u64(bytes, IMAGE_SECTORS * SECTOR_BYTES);
	scratch_write("disc.iso", m.data, bytes);
	recover(&m, bytes);
	image_release(&m);
	return 0;
}
