/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * content_digest.c - content digests: what may be equal (burner/format/content_table.h)
 */
#include "fs/sharing/content_digest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/provider.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"

struct content_digester {
	/* of its own, where a configuration allows only what withstands attacks; else NULL */
	OSSL_LIB_CTX *library;
	OSSL_PROVIDER *provider;
	EVP_MAC_CTX *poly1305;
	struct sha256 *sha256;
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

	if (r == 0)
		r = sha256_new(&d->sha256);
	if (r == 0)
		*ret = TAKE_PTR(d);
	return r;
}

void content_digester_free(struct content_digester *d)
{
	if (!d)
		return;
	sha256_free(d->sha256);
	EVP_MAC_CTX_free(d->poly1305);
	if (d->provider)
		OSSL_PROVIDER_unload(d->provider);
	OSSL_LIB_CTX_free(d->library);
	free(d);
}

static int begin(struct content_digester *d)
{
	/* SHA-256 begins by itself, once what was under way has ended. */
	return d->is_sha256 || EVP_MAC_init(d->poly1305, (const uint8_t *)CONTENT_KEY, 32, NULL) == 1 ? 0 : -ENOMEM;
}

static int add(struct content_digester *d, const void *bytes, size_t length)
{
	if (d->is_sha256)
		return sha256_add(d->sha256, bytes, length);
	return EVP_MAC_update(d->poly1305, bytes, length) == 1 ? 0 : -ENOMEM;
}

static int end(struct content_digester *d, uint8_t ret[SHA256_BYTES])
{
	size_t length = 0;

	if (d->is_sha256)
		return sha256_end(d->sha256, ret);
	return EVP_MAC_final(d->poly1305, ret, &length, SHA256_BYTES) == 1 && length == CONTENT_DIGEST_BYTES ? 0 :
													       -ENOMEM;
}

static int add_part(struct content_digester *d, const struct manifest *m, uint32_t node, uint64_t offset, size_t length)
{
	int r = manifest_read(m, node, offset, d->buffer, length);

	return r ? r : add(d, d->buffer, length);
}

static int add_content(struct content_digester *d, enum content_kind kind, const struct manifest *m, uint32_t node)
{
	uint64_t size = m->nodes[node].size;
	struct content_samples samples = content_samples(kind, size);
	uint8_t header[8];
	int r = begin(d);

	put_le64(header, size);
	if (!r)
		r = add(d, header, sizeof(header));
	for (unsigned i = 0; i < samples.n && !r; i++)
		r = add_part(d, m, node, content_sample_at(samples, size, i), samples.bytes);
	return r;
}

int content_digest(struct content_digester *d, enum content_kind kind, const struct manifest *m, uint32_t node,
		   uint8_t ret[CONTENT_DIGEST_BYTES])
{
	uint8_t all[SHA256_BYTES];
	int r, ended;

	d->is_sha256 = kind == CONTENT_SHA256;
	r = add_content(d, kind, m, node);
	ended = end(d, all); /* in any case: what was added must not stay for the next one */
	if (r || ended)
		return r ? r : ended;
	memcpy(ret, all, CONTENT_DIGEST_BYTES);
	return 0;
}
