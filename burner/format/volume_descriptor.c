/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume_descriptor.c - the fields of volume descriptors
 *
 * Types, positions and limits are libiso9660's.  Not used of it: iso9660_set_pvd() writes the mark of CD-XA into the
 * application's part, and has no Joliet; iso9660_get_pvd_space_size() gives an int, through a shift into its sign bit;
 * iso9660_get_volume_id() leaves zeros at the end, and memory to be freed; to_731(), to_732() and from_731() ask for
 * WORDS_BIGENDIAN, which no header of it defines.
 */
#include "burner/format/volume_descriptor.h"

#include <string.h>

#include <cdio/bytesex.h>

#include "burner/base/own.h"
#include "burner/format/date.h"
#include "burner/format/joliet.h"

static_assert(ISO_BLOCKSIZE == SECTOR_BYTES, "a logical block is a sector");
static_assert(sizeof(iso9660_pvd_t) == SECTOR_BYTES && sizeof(iso9660_svd_t) == SECTOR_BYTES, "ECMA-119 8.4, 8.5");
static_assert(offsetof(iso9660_pvd_t, volume_id) == 40 && offsetof(iso9660_pvd_t, volume_space_size) == 80 &&
		      offsetof(iso9660_svd_t, escape_sequences) == 88 &&
		      offsetof(iso9660_pvd_t, logical_block_size) == 128 &&
		      offsetof(iso9660_pvd_t, path_table_size) == 132 &&
		      offsetof(iso9660_pvd_t, type_l_path_table) == 140 &&
		      offsetof(iso9660_pvd_t, type_m_path_table) == 148 &&
		      offsetof(iso9660_pvd_t, root_directory_record) == 156 &&
		      offsetof(iso9660_pvd_t, volume_set_id) == 190 && offsetof(iso9660_pvd_t, creation_date) == 813 &&
		      offsetof(iso9660_pvd_t, file_structure_version) == 881 &&
		      offsetof(iso9660_pvd_t, application_data) == 883,
	      "ECMA-119 8.4 and 8.5, byte positions from 0");

#define FILE_ID_BYTES 37u /* of the copyright, abstract and bibliographic file: 8.4.20 to 8.4.22 */
#define VERSION 1u	  /* of descriptors, and of the file structure: 8.4.3, 8.4.31 */

/* ---- reading ---- */

bool is_volume_descriptor(const uint8_t d[SECTOR_BYTES])
{
	return !memcmp(DESCRIPTOR_FIELD(d, id), ISO_STANDARD_ID, strlen(ISO_STANDARD_ID));
}

bool descriptor_ends_set(const uint8_t d[SECTOR_BYTES])
{
	return !is_volume_descriptor(d) || descriptor_type(d) == ISO_VD_END;
}

bool descriptor_is_primary(const uint8_t d[SECTOR_BYTES])
{
	return is_volume_descriptor(d) && descriptor_type(d) == ISO_VD_PRIMARY &&
	       *DESCRIPTOR_FIELD(d, version) == VERSION &&
	       get_le16(DESCRIPTOR_FIELD(d, logical_block_size)) == SECTOR_BYTES;
}

unsigned descriptor_block_bytes(const uint8_t d[SECTOR_BYTES])
{
	unsigned bytes = get_le16(DESCRIPTOR_FIELD(d, logical_block_size));

	return bytes == 512 || bytes == 1024 || bytes == SECTOR_BYTES ? bytes : 0;
}

bool descriptor_is_any_primary(const uint8_t d[SECTOR_BYTES])
{
	return is_volume_descriptor(d) && descriptor_type(d) == ISO_VD_PRIMARY && descriptor_block_bytes(d);
}

int descriptor_root_lba(const uint8_t d[SECTOR_BYTES], uint32_t *ret_lba)
{
	return record_lba(descriptor_root(d), ret_lba);
}

bool descriptor_halves_agree(const uint8_t d[SECTOR_BYTES])
{
	const uint8_t *block = DESCRIPTOR_FIELD(d, logical_block_size);

	return halves_agree32(DESCRIPTOR_FIELD(d, volume_space_size)) && get_le16(block) == get_be16(block + 2) &&
	       record_halves_agree(descriptor_root(d));
}

bool descriptor_is_regular(const uint8_t d[SECTOR_BYTES])
{
	const uint8_t *root = descriptor_root(d);

	return *DESCRIPTOR_FIELD(d, version) == VERSION && record_is_sound(root, RECORD_MIN_BYTES) &&
	       record_is_dot(root) && record_flags(root) & ISO_DIRECTORY;
}

bool descriptor_is_joliet(const uint8_t d[SECTOR_BYTES])
{
	const uint8_t *escape = d + offsetof(iso9660_svd_t, escape_sequences);

	return is_volume_descriptor(d) && descriptor_type(d) == ISO_VD_SUPPLEMENTARY && escape[0] == '%' &&
	       escape[1] == '/' && (escape[2] == '@' || escape[2] == 'C' || escape[2] == 'E');
}

uint32_t descriptor_space_sectors(const uint8_t d[SECTOR_BYTES])
{
	unsigned bytes = descriptor_block_bytes(d);
	uint64_t blocks = get_le32(DESCRIPTOR_FIELD(d, volume_space_size));

	return (uint32_t)(bytes ? sectors_of(blocks * bytes) : blocks);
}

int descriptor_space_agreed(const uint8_t d[SECTOR_BYTES], uint32_t *ret_sectors)
{
	uint32_t sectors = descriptor_space_sectors(d);

	if (sectors != get_be32(DESCRIPTOR_FIELD(d, volume_space_size) + 4))
		return -EBADMSG;
	*ret_sectors = sectors;
	return 0;
}

void descriptor_set_space_sectors(uint8_t d[SECTOR_BYTES], uint32_t sectors)
{
	put_both32(DESCRIPTOR_FIELD(d, volume_space_size), sectors);
}

size_t descriptor_volume_id(const uint8_t d[SECTOR_BYTES], char ret[VOLUME_ID_BYTES + 1])
{
	const uint8_t *id = DESCRIPTOR_FIELD(d, volume_id);
	size_t n = VOLUME_ID_BYTES;

	while (n && (id[n - 1] == ' ' || !id[n - 1]))
		n--;
	memcpy(ret, id, n);
	ret[n] = 0;
	return n;
}

bool descriptor_created(const uint8_t d[SECTOR_BYTES], struct timespec *ret)
{
	return date_decode_long(DESCRIPTOR_FIELD(d, creation_date), ret);
}

void descriptor_path_table(const uint8_t d[SECTOR_BYTES], struct path_table *ret)
{
	*ret = (struct path_table){{get_le32(DESCRIPTOR_FIELD(d, type_l_path_table)),
				    get_be32(DESCRIPTOR_FIELD(d, type_m_path_table))},
				   get_le32(DESCRIPTOR_FIELD(d, path_table_size))};
}

/* ---- writing ---- */

/* A text field, filled with blanks. */
static void put_text(const struct volume *v, char *field, size_t bytes, const char *text)
{
	bool changed;

	if (v->type == ISO_VD_PRIMARY) {
		iso9660_strncpy_pad(field, text, bytes, ISO9660_NOCHECK);
		return;
	}
	for (size_t i = 0; i < bytes; i++)
		field[i] = i % 2 ? ' ' : 0;
	joliet_text(text, (uint8_t *)field, bytes / 2, &changed);
}

/* Copyright, abstract and bibliographic file: in Joliet 18 characters and a zero. */
static void put_no_file(const struct volume *v, char field[37])
{
	put_text(v, field, v->type == ISO_VD_PRIMARY ? FILE_ID_BYTES : FILE_ID_BYTES - 1, "");
}

static void put_texts(const struct volume *v, iso9660_pvd_t *d)
{
	put_text(v, d->system_id, sizeof(d->system_id), v->system_id);
	put_text(v, d->volume_id, sizeof(d->volume_id), v->volume_id ? v->volume_id : "");
	put_text(v, d->volume_set_id, sizeof(d->volume_set_id), "");
	put_text(v, d->publisher_id, sizeof(d->publisher_id), "");
	put_text(v, d->preparer_id, sizeof(d->preparer_id), "");
	put_text(v, d->application_id, sizeof(d->application_id), v->application_id);
	put_no_file(v, d->copyright_file_id);
	put_no_file(v, d->abstract_file_id);
	put_no_file(v, d->bibliographic_file_id);
}

/* ---- labels of an older descriptor ---- */

static const struct label {
	uint16_t at, bytes;
} system_label = {offsetof(iso9660_pvd_t, system_id), ISO_MAX_SYSTEM_ID},
  volume_label = {offsetof(iso9660_pvd_t, volume_id), ISO_MAX_VOLUME_ID},
  text_labels[] =
	  {
		  {offsetof(iso9660_pvd_t, volume_set_id), ISO_MAX_VOLUMESET_ID},
		  {offsetof(iso9660_pvd_t, publisher_id), ISO_MAX_PUBLISHER_ID},
		  {offsetof(iso9660_pvd_t, preparer_id), ISO_MAX_PREPARER_ID},
		  {offsetof(iso9660_pvd_t, application_id), ISO_MAX_APPLICATION_ID},
		  {offsetof(iso9660_pvd_t, copyright_file_id), FILE_ID_BYTES},
		  {offsetof(iso9660_pvd_t, abstract_file_id), FILE_ID_BYTES},
		  {offsetof(iso9660_pvd_t, bibliographic_file_id), FILE_ID_BYTES},
},
  number_labels[] = {
	  {offsetof(iso9660_pvd_t, volume_set_size), 4},
	  {offsetof(iso9660_pvd_t, volume_sequence_number), 4},
	  {offsetof(iso9660_pvd_t, expiration_date), LONG_DATE_BYTES},
	  {offsetof(iso9660_pvd_t, effective_date), LONG_DATE_BYTES},
};

static void take_label(const struct volume *v, struct label label, uint8_t *d)
{
	char text[ISO_MAX_VOLUMESET_ID + 1];
	size_t n = label.bytes, whole = label.bytes == FILE_ID_BYTES ? FILE_ID_BYTES - 1 : label.bytes;

	if (descriptor_type(v->labels) == v->type) {
		memcpy(d + label.at, v->labels + label.at, n);
		return;
	}
	if (v->type == ISO_VD_PRIMARY) /* nothing is made of UCS-2 */
		return;
	while (n && (v->labels[label.at + n - 1] == ' ' || !v->labels[label.at + n - 1]))
		n--;
	memcpy(text, v->labels + label.at, n);
	text[n] = 0;
	put_text(v, (char *)d + label.at, whole, text);
}

static void take_labels(const struct volume *v, uint8_t *d)
{
	take_label(v, system_label, d);
	if (!v->volume_id)
		take_label(v, volume_label, d);
	for (size_t i = 0; i < ARRAY_LENGTH(text_labels); i++)
		take_label(v, text_labels[i], d);
	for (size_t i = 0; i < ARRAY_LENGTH(number_labels); i++)
		memcpy(d + number_labels[i].at, v->labels + number_labels[i].at, number_labels[i].bytes);
}

static void put_path_table(const struct path_table *t, iso9660_pvd_t *d)
{
	d->path_table_size = to_733(t->bytes);
	put_le32((uint8_t *)d + offsetof(iso9660_pvd_t, type_l_path_table), t->lba[0]);
	put_be32((uint8_t *)d + offsetof(iso9660_pvd_t, type_m_path_table), t->lba[1]);
}

static void put_root(const struct volume *v, iso9660_pvd_t *d)
{
	static const uint8_t name = 0;
	struct directory_record root = {.identifier = &name,
					.identifier_bytes = 1,
					.lba = v->root_lba,
					.bytes = v->root_bytes,
					.flags = ISO_DIRECTORY,
					.time = v->root_time};

	record_encode(&root, RECORD_MIN_BYTES, (uint8_t *)d + offsetof(iso9660_pvd_t, root_directory_record));
}

void descriptor_encode(const struct volume *v, uint8_t ret[SECTOR_BYTES])
{
	iso9660_pvd_t d = {
		.type = v->type,
		.version = VERSION,
		.volume_space_size = to_733(v->space_sectors),
		.volume_set_size = to_723(1),
		.volume_sequence_number = to_723(1),
		.logical_block_size = to_723(SECTOR_BYTES),
		.file_structure_version = VERSION,
	};

	memcpy(d.id, ISO_STANDARD_ID, sizeof(d.id));
	put_texts(v, &d);
	put_path_table(&v->table, &d);
	put_root(v, &d);
	date_encode_long((uint8_t *)&d.creation_date, v->created);
	date_encode_long((uint8_t *)&d.modification_date, v->created);
	iso9660_set_ltime_with_timezone(NULL, 0, &d.expiration_date); /* not specified */
	iso9660_set_ltime_with_timezone(NULL, 0, &d.effective_date);
	memcpy(ret, &d, sizeof(d));
	if (v->labels)
		take_labels(v, ret);
	if (v->type == ISO_VD_SUPPLEMENTARY)
		memcpy(ret + offsetof(iso9660_svd_t, escape_sequences), "%/E", 3);
}

void descriptor_encode_terminator(uint8_t ret[SECTOR_BYTES]) { iso9660_set_evd(ret); }
