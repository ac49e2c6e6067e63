/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/medium/container.c: cue, toc and nrg files, and what libcdio makes of them
 *
 * Input: flags (1 byte): low two bits cue, toc, nrg; 4: the data are raw sectors of 2352 bytes; 8: without data of
 * the sheet's own name (they are in "data"); then the sheet.  Of an nrg it is the end of the file, behind the data.
 */
#include <fcntl.h>
#include <stdio.h>

#include "burner/medium/internal.h"
#include "burner/base/own.h"
#include "tests/fuzz/common/image.h"
#include "tests/fuzz/common/scratch.h"

#define DATA_SECTORS 64u
#define RAW_BYTES 2352u
#define SHEET_MAX_BYTES 65536u

static size_t make_data(const uint8_t *image, uint8_t flags, uint8_t *ret)
{
	static const uint8_t sync[16] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 2, 0, 1};

	if (!(flags & 4)) {
		memcpy(ret, image, DATA_SECTORS * SECTOR_BYTES);
		return DATA_SECTORS * SECTOR_BYTES;
	}
	for (unsigned i = 0; i < DATA_SECTORS; i++) {
		memset(ret + i * RAW_BYTES, 0, RAW_BYTES);
		memcpy(ret + i * RAW_BYTES, sync, sizeof(sync));
		memcpy(ret + i * RAW_BYTES + 16, image + i * SECTOR_BYTES, SECTOR_BYTES);
	}
	return DATA_SECTORS * RAW_BYTES;
}

/* What is said to be read was read: it does not depend on what the buffer held. */
static void read_twice(struct disc *d, uint32_t lba, uint32_t n)
{
	static uint8_t a[256 * SECTOR_BYTES], b[256 * SECTOR_BYTES];

	memset(a, 0xaa, (size_t)n * SECTOR_BYTES);
	memset(b, 0x55, (size_t)n * SECTOR_BYTES);
	if (disc_read(d, lba, a, n) == 0 && disc_read(d, lba, b, n) == 0)
		MUST(!memcmp(a, b, (size_t)n * SECTOR_BYTES));
}

static void use(struct disc *d)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_fingerprint fingerprint;
	struct disc_identity identity;
	struct disc_state state;
	size_t n = 0;

	MUST(disc_state(d, &state) == 0 && disc_sessions(d, &sessions, &n) == 0);
	(void)!disc_identity(d, &identity);
	(void)!disc_fingerprint(d, &fingerprint);
	for (size_t i = 0; i < n && i < 8; i++)
		walk_session(d, sessions[i].descriptor_lba);
	for (uint32_t k = 1; k <= 256; k *= 4) {
		read_twice(d, 0, k);
		read_twice(d, (uint32_t)state.used_sectors - k, k);
		read_twice(d, UINT32_MAX - k, k);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"i.cue", "i.toc", "i.nrg", "i.CUE"};
	static const uint8_t base = IMAGE_HAND;
	static uint8_t bytes[DATA_SECTORS * RAW_BYTES + SHEET_MAX_BYTES];
	struct input in = {data, size}, whole = {&base, 1};
	uint8_t flags = take_u8(&in);
	size_t n_data, n_sheet = min_u64(in.left, SHEET_MAX_BYTES);
	const char *why = NULL;
	struct disc *d = NULL;
	struct disc_image m;
	char path[300];
	_close_ int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* Of tracks that lie over each other libcdio reads the one or the other, by the number of sectors asked for. */
	walk_unstable_discs();
	walk_seed(hash_of(data, size));
	image_make(&m, &whole);
	n_data = make_data(m.data, flags, bytes);
	image_release(&m);
	scratch_empty();
	if ((flags & 3) == 2) {
		memcpy(bytes + n_data, in.at, n_sheet);
		scratch_write(names[2], bytes, n_data + n_sheet);
	} else {
		scratch_write(names[flags & 3], in.at, n_sheet);
		scratch_write(flags & 8 ? "data" : "i.bin", bytes, n_data);
	}
	snprintf(path, sizeof(path), "%s/%s", scratch_directory(), names[flags & 3]);
	/* libcdio looks for the data of a toc in the working directory. */
	MUST(here >= 0 && chdir(scratch_directory()) == 0);
	if (container_open(path, &d, &why) == 0)
		use(d);
	disc_close(d);
	MUST(fchdir(here) == 0);
	return 0;
}
