/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * susp.c - System Use entries of SUSP itself
 *
 * Places of fields are those of libiso9660's structures.  Its converters are not used: from_733() shifts a byte into
 * the sign of an int, which is undefined for every number from 2^31 on, and to_731() and to_732() swap bytes only
 * where the configuration of the program has WORDS_BIGENDIAN.
 */
#include "burner/format/susp.h"

#include <assert.h>
#include <cdio/iso9660.h>
#include <errno.h>
#include <string.h>

#include "burner/base/own.h"

#define AT(field) offsetof(iso_extension_record_t, u.field)

static_assert(offsetof(iso_extension_record_t, len) == 2 && offsetof(iso_extension_record_t, version) == 3, "SUSP 4.1");
static_assert(AT(CE) == SUSP_HEADER_BYTES && AT(CE) + sizeof(iso_su_ce_t) == SUSP_CE_BYTES, "SUSP 5.1");
static_assert(AT(CE.offset) == 12 && AT(CE.size) == 20, "SUSP 5.1");
static_assert(AT(SP.skip) == 6 && AT(SP) + sizeof(iso_su_sp_t) == SUSP_SP_BYTES, "SUSP 5.3");
static_assert(AT(ER.len_des) == 5 && AT(ER.ext_ver) == 7 && AT(ER.data) == SUSP_ER_FIXED_BYTES, "SUSP 5.5");

void susp_header_encode(unsigned signature, unsigned length, unsigned version, uint8_t *entry)
{
	put_be16(entry, (uint16_t)signature);
	entry[offsetof(iso_extension_record_t, len)] = (uint8_t)length;
	entry[offsetof(iso_extension_record_t, version)] = (uint8_t)version;
}

void susp_ce_encode(const struct susp_ce *ce, uint8_t entry[SUSP_CE_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('C', 'E'), SUSP_CE_BYTES, 1, entry);
	put_both32(entry + AT(CE.extent), ce->lba);
	put_both32(entry + AT(CE.offset), ce->offset);
	put_both32(entry + AT(CE.size), ce->bytes);
}

int susp_ce_decode(const uint8_t *entry, struct susp_ce *ret)
{
	if (susp_length(entry) < SUSP_CE_BYTES)
		return -EBADMSG;
	ret->lba = get_le32(entry + AT(CE.extent));
	ret->offset = get_le32(entry + AT(CE.offset));
	ret->bytes = get_le32(entry + AT(CE.size));
	return 0;
}

void susp_sp_encode(uint8_t skip, uint8_t entry[SUSP_SP_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('S', 'P'), SUSP_SP_BYTES, 1, entry);
	put_be16(entry + AT(SP.magic), 0xbeef);
	entry[AT(SP.skip)] = skip;
}

int susp_sp_decode(const uint8_t *entry, uint8_t *ret_skip)
{
	if (susp_length(entry) < SUSP_SP_BYTES || get_be16(entry + AT(SP.magic)) != 0xbeef)
		return -EBADMSG;
	*ret_skip = entry[AT(SP.skip)];
	return 0;
}

void susp_er_encode_rrip(uint8_t entry[SUSP_ER_RRIP_BYTES])
{
	susp_header_encode(SUSP_SIGNATURE('E', 'R'), SUSP_ER_RRIP_BYTES, 1, entry);
	entry[AT(ER.len_id)] = sizeof(SUSP_ER_RRIP) - 1;
	entry[AT(ER.len_des)] = entry[AT(ER.len_src)] = 0;
	entry[AT(ER.ext_ver)] = 1;
	memcpy(entry + AT(ER.data), SUSP_ER_RRIP, sizeof(SUSP_ER_RRIP) - 1);
}

bool susp_er_is_sound(const uint8_t *entry)
{
	return susp_length(entry) >= SUSP_ER_FIXED_BYTES &&
	       susp_length(entry) >= SUSP_ER_FIXED_BYTES + entry[AT(ER.len_id)];
}
