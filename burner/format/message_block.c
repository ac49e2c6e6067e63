/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/format/message_block.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "burner/base/sha256.h"

#define MAGIC "CDAPPENDFS-MSG " /* 16 bytes with the terminator */

struct block {
	char magic[16];
	uint8_t uuid[16], bytes[4], zeros[12];
	char text[SECTOR_BYTES - 48 - 32];
	uint8_t sha256[SHA256_BYTES];
};
static_assert(sizeof(struct block) == SECTOR_BYTES && offsetof(struct block, text) == 48 &&
		      offsetof(struct block, sha256) == 2016 && sizeof(MAGIC) == 16,
	      "burner/format/message_block.h");
static_assert(sizeof(((struct block *)0)->text) >= SESSION_MESSAGE_MAX_BYTES, "the longest has room");

int message_block_encode(const uint8_t uuid[16], const char *text, uint8_t ret_sector[SECTOR_BYTES])
{
	struct block *b = (struct block *)(void *)ret_sector;
	size_t n = strlen(text);

	assert(n > 0 && n <= SESSION_MESSAGE_MAX_BYTES);
	memset(b, 0, sizeof(*b));
	memcpy(b->magic, MAGIC, sizeof(b->magic));
	memcpy(b->uuid, uuid, sizeof(b->uuid));
	put_le32(b->bytes, (uint32_t)n);
	memcpy(b->text, text, n);
	return sha256_of(b, offsetof(struct block, sha256), b->sha256);
}

int message_block_decode(const uint8_t sector[SECTOR_BYTES], const uint8_t uuid[16], session_message ret)
{
	const struct block *b = (const struct block *)(const void *)sector;
	uint32_t n = get_le32(b->bytes);
	session_message text = "";
	int r;

	if (memcmp(b->magic, MAGIC, sizeof(b->magic)) != 0 || memcmp(b->uuid, uuid, sizeof(b->uuid)) != 0 || n == 0 ||
	    n > SESSION_MESSAGE_MAX_BYTES)
		return -EBADMSG;
	r = sha256_compare(sector, offsetof(struct block, sha256), b->sha256);
	if (r)
		return r;
	memcpy(text, b->text, n);
	if (strlen(text) != n || session_message_refusal(text))
		return -EBADMSG;
	memcpy(ret, text, n + 1);
	return 0;
}
