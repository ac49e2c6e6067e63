/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sha256.h - SHA-256 (FIPS 180-4), by libcrypto
 *
 *	sha256_of(…)		or		sha256_new -> sha256_add … -> sha256_end -> sha256_free
 *
 * All of it fails for want of memory only: -ENOMEM.  One thread at a time for each struct sha256.
 */
#ifndef BURNER_BASE_SHA256_H
#define BURNER_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "burner/base/own.h"

#define SHA256_BYTES 32u

int sha256_of(const void *bytes, size_t length, uint8_t ret[SHA256_BYTES]);
/* -EBADMSG: it is another one. */
int sha256_compare(const void *bytes, size_t length, const uint8_t sha256[SHA256_BYTES]);

struct sha256;
int sha256_new(struct sha256 **ret);
void sha256_free(struct sha256 *h);
DEFINE_FREEP(struct sha256, sha256_free)
int sha256_add(struct sha256 *h, const void *bytes, size_t length);
/* Of all that was added since it was new, or ended. */
int sha256_end(struct sha256 *h, uint8_t ret[SHA256_BYTES]);

#endif
