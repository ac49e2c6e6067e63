/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * digest.c - content digests: what may be equal (cdappendfs/contents.h)
 */
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "cdappendfs/contents.h"

struct content_digester {
	/* of its own, where a configuration allows only what withstands attacks; else NULL */
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *provider;
	EVP_MAC_CTX *poly1305;
	EVP_MD_CTX *sha256;
	bool is_sha256; /* what is under way */
	uint8_t buffer[CONTENT_SAMPLES_BYTES];
};

static int open_poly1305(struct content_digester *d)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);

	if (!mac && (d->library = OSSL_LIB_CTX_new()) && (d->provider = OSSL_PROVIDER_load(d->library, "default")))
		mac = EVP_MAC_fetch(d->library, "POLY1305", NULL);
	if (mac)
		d->poly1305 = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	return d->poly1305 ? 0 : -ENOMEM;
}

int content_digester_new(struct content_digester **ret)
{
	_cleanup_(content_digester_freep) struct content_digester *d = calloc(1, sizeof(*d));
	int r = d ? open_poly1305(d) : -ENOMEM;

	if (r == 0 && !(d->sha256 = EVP_MD_CTX_new()))
		r = -ENOMEM;
	if (r == 0)
		*ret = TAKE_PTR(d);
	return r;
}

void content_digester_free(struct content_digester *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->sha256);
	EVP_MAC_CTX_free(d->poly1305);
	if (d->provider)
		OSSL_PROVIDER_unload(d->provider);
	OSSL_LIB_CTX_free(d->library);
	free(d);
}

static bool begin(struct content_digester *d)
{
	return d->is_sha256 ? EVP_DigestInit_ex(d->sha256, EVP_sha256(), NULL) == 1 :
			      EVP_MAC_init(d->poly1305, (const uint8_t *)CONTENT_KEY, 32, NULL) == 1;
}

static bool add(struct content_digester *d, const void *bytes, size_t length)
{
	return d->is_sha256 ? EVP_DigestUpdate(d->sha256, bytes, length) == 1 :
			      EVP_MAC_update(d->poly1305, bytes, length) == 1;
}

static bool end(struct content_digester *d, uint8_t ret[CONTENT_DIGEST_BYTES])
{
	uint8_t all[32];
	size_t length = 0;
	bool done = d->is_sha256 ? EVP_DigestFinal_ex(d->sha256, all, NULL) == 1 :
				   EVP_MAC_final(d->poly1305, all, &length, sizeof(all)) == 1 &&
					   length == CONTENT_DIGEST_BYTES;

	if (done)
		memcpy(ret, all, CONTENT_DIGEST_BYTES);
	return done;
}

static int add_part(struct content_digester *d, const struct manifest *m, uint32_t node, uint64_t offset, size_t length)
{
	int r = manifest_read(m, node, offset, d->buffer, length);

	return r || add(d, d->buffer, length) ? r : -ENOMEM;
}

int content_digest(struct content_digester *d, enum content_kind kind, const struct manifest *m, uint32_t node,
		   uint8_t ret[CONTENT_DIGEST_BYTES])
{
	uint64_t size = m->nodes[node].size;
	struct content_samples samples = content_samples(kind, size);
	uint8_t header[8];
	int r = 0;

	put_le64(header, size);
	d->is_sha256 = kind == CONTENT_SHA256;
	if (!begin(d) || !add(d, header, sizeof(header)))
		return -ENOMEM;
	for (unsigned i = 0; i < samples.n && !r; i++)
		r = add_part(d, m, node, content_sample_at(samples, size, i), samples.bytes);
	return r || end(d, ret) ? r : -ENOMEM;
}
