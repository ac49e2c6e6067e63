/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest.c - content digests: what may be equal (cdappendfs/contents.h)
 */
#include <errno.h>

#include <openssl/evp.h>

#include "cdappendfs/contents.h"
#include "cdappendfs/own.h"

DEFINE_FREEP(EVP_MD_CTX, EVP_MD_CTX_free)

static int add_part(EVP_MD_CTX *hash, const struct manifest *m, uint32_t node, uint64_t offset, uint8_t *buffer, size_t length)
{
	int result = manifest_read(m, node, offset, buffer, length);

	return result ? result : EVP_DigestUpdate(hash, buffer, length) == 1 ? 0 : -ENOMEM;
}

int content_digest(const struct manifest *m, uint32_t node, uint8_t *buffer, uint8_t ret[CONTENT_DIGEST_BYTES])
{
	_cleanup_(EVP_MD_CTX_freep) EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint64_t size = m->nodes[node].size;
	uint8_t sha256[32], header[8];
	int result = 0;

	put_le64(header, size);
	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1 || EVP_DigestUpdate(hash, header, sizeof(header)) != 1)
		return -ENOMEM;
	if (size <= CONTENT_WHOLE_BYTES)
		result = add_part(hash, m, node, 0, buffer, size);
	for (unsigned i = 0; size > CONTENT_WHOLE_BYTES && i < CONTENT_SAMPLES && !result; i++)
		result = add_part(hash, m, node, content_sample(size, i), buffer, CONTENT_SAMPLE_BYTES);
	if (!result && EVP_DigestFinal_ex(hash, sha256, NULL) != 1)
		result = -ENOMEM;
	if (!result)
		memcpy(ret, sha256, CONTENT_DIGEST_BYTES);
	return result;
}

