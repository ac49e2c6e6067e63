/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * el_torito.h - the boot record of El Torito 1.0 (2.0), a volume descriptor of type 0 (ECMA-119 8.2)
 */
#ifndef BURNER_FORMAT_EL_TORITO_H
#define BURNER_FORMAT_EL_TORITO_H

#include <stdbool.h>
#include <stdint.h>

#include "burner/base/bytes.h"

/* Any other boot record is none of ours to carry on. */
bool el_torito_is_boot_record(const uint8_t sector[SECTOR_BYTES]);
/* Of a boot record: the block of the boot catalog (BP 72 to 75). */
static inline uint32_t el_torito_catalog(const uint8_t sector[SECTOR_BYTES]) { return get_le32(sector + 71); }

#endif
