/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * md5.h - MD5 (RFC 1321), by libcrypto: for what other programs say of their blocks, and nothing else
 *
 * All of it fails for want of memory, or where the system has forbidden MD5: -ENOMEM, -EOPNOTSUPP.
 */
#ifndef BURNER_BASE_MD5_H
#define BURNER_BASE_MD5_H

#include <stddef.h>
#include <stdint.h>

#include "burner/base/own.h"

#define MD5_BYTES 16u

int md5_of(const void *bytes, size_t length, uint8_t ret[MD5_BYTES]);

struct md5;
int md5_new(struct md5 **ret);
void md5_free(struct md5 *h);
DEFINE_FREEP(struct md5, md5_free)
int md5_add(struct md5 *h, const void *bytes, size_t length);
/* Of all that was added; more may follow. */
int md5_now(const struct md5 *h, uint8_t ret[MD5_BYTES]);

#endif
