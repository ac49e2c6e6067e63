/* SPDX-License-Identifier: GPL-3.0-or-later */
/* fs/iso over whole images with lies in them: descriptors, directories, continuation areas, Joliet, zisofs. Input:
 * see common/image.h. */
#include "tests/fuzz/common/image.h"

/* More than this no walk of so small a disc should take. */
#define READ_MAX_BYTES (1ull << 31)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct disc_image m;

	walk_seed(hash_of(data, size));
	image_make(&m, &in);
	walk_session(&m.disc.disc, m.descriptor_lba);
	MUST(m.disc.bytes_read < READ_MAX_BYTES);
	image_release(&m);
	return 0;
}
