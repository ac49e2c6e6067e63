/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/md5.h"

#include <openssl/evp.h>

struct md5 {
	EVP_MD_CTX *context;
};

int md5_of(const void *bytes, size_t length, uint8_t ret[MD5_BYTES])
{
	return EVP_Digest(bytes, length, ret, NULL, EVP_md5(), NULL) == 1 ? 0 : -EOPNOTSUPP;
}

int md5_new(struct md5 **ret)
{
	_cleanup_(md5_freep) struct md5 *h = calloc(1, sizeof(*h));

	if (!h || !(h->context = EVP_MD_CTX_new()))
		return -ENOMEM;
	if (EVP_DigestInit_ex(h->context, EVP_md5(), NULL) != 1)
		return -EOPNOTSUPP;
	*ret = TAKE_PTR(h);
	return 0;
}

void md5_free(struct md5 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->context);
	free(h);
}

int md5_add(struct md5 *h, const void *bytes, size_t length)
{
	return EVP_DigestUpdate(h->context, bytes, length) == 1 ? 0 : -ENOMEM;
}

int md5_now(const struct md5 *h, uint8_t ret[MD5_BYTES])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	int r = copy && EVP_MD_CTX_copy_ex(copy, h->context) == 1 && EVP_DigestFinal_ex(copy, ret, NULL) == 1 ? 0 :
														-ENOMEM;

	EVP_MD_CTX_free(copy);
	return r;
}
