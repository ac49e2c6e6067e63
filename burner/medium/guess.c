/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guess.c - "not an ISO 9660 disc" is true but useless: say what the file looks like instead
 */
#include <ctype.h>
#include <string.h>

#include "burner/format/volume_descriptor.h"
#include "burner/medium/internal.h"

static const struct signature {
	uint32_t offset;
	uint8_t length;
	const char *bytes, *text;
} signatures[] = {
	{0, 12, "\0\377\377\377\377\377\377\377\377\377\377\0",
	 "raw CD sectors (2352 bytes each): open its .cue file instead"},
	{0, 4, "RIFF", "a RIFF file (audio or video), not a disc image"},
	{0, 4, "FORM", "an audio file, not a disc image"},
	{0, 4, "fLaC", "an audio file, not a disc image"},
	{0, 3, "ID3", "an audio file, not a disc image"},
	{0, 4, "OggS", "an audio file, not a disc image"},
	{0, 2, "\x1f\x8b", "a gzip file: unpack it first"},
	{0, 6,
	 "\xfd"
	 "7zXZ\0",
	 "an xz file: unpack it first"},
	{0, 3, "BZh", "a bzip2 file: unpack it first"},
	{0, 4, "\x28\xb5\x2f\xfd", "a zstd file: unpack it first"},
	{0, 4, "PK\3\4", "a ZIP archive, not a disc image"},
	{0, 6, "7z\xbc\xaf\x27\x1c", "a 7z archive, not a disc image"},
	{0, 4, "%PDF", "a PDF file, not a disc image"},
	{0, 4,
	 "\177"
	 "ELF",
	 "a program, not a disc image"},
	{0, 4, "QFI\xfb", "a qcow2 image: convert it to raw first"},
	{0, 15, "SQLite format 3", "a SQLite database, not a disc image"},
	{257, 5, "ustar", "a tar archive, not a disc image"},
	{1080, 2, "\x53\xef", "an ext2/3/4 file system, not an ISO 9660 disc"},
	{1024, 2, "H+", "an HFS+ volume, not an ISO 9660 disc"},
	{1024, 2, "BD", "an HFS volume, not an ISO 9660 disc"},
	{3, 4, "NTFS", "an NTFS volume, not an ISO 9660 disc"},
	{82, 5, "FAT32", "a FAT volume, not an ISO 9660 disc"},
	{54, 3, "FAT", "a FAT volume, not an ISO 9660 disc"},
	{DESCRIPTORS_LBA * SECTOR_BYTES + 9, 5, "CDROM",
	 "a High Sierra disc, the predecessor of ISO 9660, which cannot be read"},
};

int guess_udf(struct disc *d, uint32_t start_lba)
{
	uint8_t sector[SECTOR_BYTES];

	for (uint32_t i = DESCRIPTORS_LBA; i < DESCRIPTORS_LBA + 32; i++) {
		int r = disc_read(d, start_lba + i, sector, 1);

		if (r < 0)
			return r;
		if (!memcmp(sector + 1, "NSR02", 5) || !memcmp(sector + 1, "NSR03", 5))
			return 1;
		if (!is_volume_descriptor(sector) && memcmp(sector + 1, "BEA01", 5) != 0 &&
		    memcmp(sector + 1, "BOOT2", 5) != 0 && memcmp(sector + 1, "CDW02", 5) != 0)
			return 0;
	}
	return 0;
}

static bool is_text(const uint8_t *p, size_t n)
{
	size_t i = 0;

	while (i < n && (isprint(p[i]) || isspace(p[i]) || p[i] >= 0x80))
		i++;
	/* The last sector of a file is padded with zeros. */
	if (i == 0)
		return false;
	while (i < n && p[i] == 0)
		i++;
	return i == n;
}

const char *guess_content(struct disc *d)
{
	uint8_t bytes[17 * SECTOR_BYTES];
	uint32_t n = 0;

	/* Only a text for somebody whose disc was refused: what cannot be read looks like nothing. */
	memset(bytes, 0, sizeof(bytes));
	while (n < 17 && disc_read(d, n, bytes + n * SECTOR_BYTES, 1) == 0)
		n++;
	if (n == 17 && guess_udf(d, 0) > 0)
		return "a UDF disc without an ISO 9660 tree";
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++)
		if (!memcmp(bytes + signatures[i].offset, signatures[i].bytes, signatures[i].length))
			return signatures[i].text;
	if (is_text(bytes, SECTOR_BYTES))
		return "a text file, not a disc image";
	if (n < 17)
		return "too short for an ISO 9660 disc";
	if (bytes_are_zeros(bytes, sizeof(bytes)))
		return "zeros where an ISO 9660 disc has its descriptors (a blank image is a file of length 0)";
	return "no ISO 9660 disc: no volume descriptor at sector 16";
}
