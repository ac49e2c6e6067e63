/* SPDX-License-Identifier: GPL-3.0-or-later */
/* image_of INPUT >IMAGE: the image that an input of the target iso_image stands for, to be mounted */
#include <stdio.h>

#include "tests/fuzz/common/image.h"

int main(int argc, char **argv)
{
	static uint8_t bytes[1 << 16];
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	struct disc_image m;
	bool written;

	if (!f) {
		fprintf(stderr, "usage: image_of INPUT >IMAGE\n");
		return 2;
	}
	struct input in = {bytes, fread(bytes, 1, sizeof(bytes), f)};
	fclose(f);
	image_make(&m, &in);
	written = fwrite(m.data, SECTOR_BYTES, IMAGE_SECTORS, stdout) == IMAGE_SECTORS && fflush(stdout) == 0;
	image_release(&m);
	return !written;
}
