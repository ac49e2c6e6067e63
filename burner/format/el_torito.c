/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/el_torito.h"

#include <string.h>

#include "burner/format/volume_descriptor.h"

#define SYSTEM_ID "EL TORITO SPECIFICATION" /* zeros behind it, BP 8 to 39 */
#define SYSTEM_ID_AT 7u

bool el_torito_is_boot_record(const uint8_t sector[SECTOR_BYTES])
{
	return is_volume_descriptor(sector) && descriptor_type(sector) == ISO_VD_BOOT_RECORD &&
	       !memcmp(sector + SYSTEM_ID_AT, SYSTEM_ID, strlen(SYSTEM_ID));
}
