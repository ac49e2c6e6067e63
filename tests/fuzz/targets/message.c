/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * burner/format: the block that has the message of a session
 *
 * Input: the block from its uuid on; magic and digest are put there.
 */
#include "tests/fuzz/common/target.h"

#include "burner/base/sha256.h"
#include "burner/format/message_block.h"

#define SEALED_BYTES 2016u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t sector[SECTOR_BYTES] = "CDAPPENDFS-MSG ", again[SECTOR_BYTES];
	session_message text = "", second = "";

	memcpy(sector + 16, data, min_u64(size, SEALED_BYTES - 16));
	MUST(sha256_of(sector, SEALED_BYTES, sector + SEALED_BYTES) == 0);
	if (message_block_decode(sector, sector + 16, text) != 0) {
		MUST(!text[0]);
		return 0;
	}
	MUST(!session_message_refusal(text));
	MUST(message_block_encode(sector + 16, text, again) == 0);
	MUST(message_block_decode(again, sector + 16, second) == 0 && strcmp(text, second) == 0);
	return 0;
}
