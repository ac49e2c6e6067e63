/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/sha256.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/evp.h>

struct sha256 {
	EVP_MD_CTX *context;
	bool begun;
};

int sha256_of(const void *bytes, size_t length, uint8_t ret[SHA256_BYTES])
{
	return EVP_Digest(bytes, length, ret, NULL, EVP_sha256(), NULL) == 1 ? 0 : -ENOMEM;
}

int sha256_compare(const void *bytes, size_t length, const uint8_t sha256[SHA256_BYTES])
{
	uint8_t found[SHA256_BYTES];

	if (sha256_of(bytes, length, found) < 0)
		return -ENOMEM;
	return memcmp(found, sha256, sizeof(found)) == 0 ? 0 : -EBADMSG;
}

int sha256_new(struct sha256 **ret)
{
	_cleanup_(sha256_freep) struct sha256 *h = calloc(1, sizeof(*h));

	if (!h || !(h->context = EVP_MD_CTX_new()))
		return -ENOMEM;
	*ret = TAKE_PTR(h);
	return 0;
}

void sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->context);
	free(h);
}

static int begin(struct sha256 *h)
{
	if (!h->begun && EVP_DigestInit_ex(h->context, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	h->begun = true;
	return 0;
}

int sha256_add(struct sha256 *h, const void *bytes, size_t length)
{
	if (begin(h) < 0)
		return -ENOMEM;
	return EVP_DigestUpdate(h->context, bytes, length) == 1 ? 0 : -ENOMEM;
}

int sha256_end(struct sha256 *h, uint8_t ret[SHA256_BYTES])
{
	if (begin(h) < 0)
		return -ENOMEM;
	h->begun = false;
	return EVP_DigestFinal_ex(h->context, ret, NULL) == 1 ? 0 : -ENOMEM;
}
