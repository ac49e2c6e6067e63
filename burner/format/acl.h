/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * acl.h - ACLs: as Linux has them in system.posix_acl_access and _default, and as AAIP has both in one value (aaip.h)
 *
 * Linux: 0 version, 2; from 4 on entries: 0 tag, 2 permissions, 4 number, or ~0; little-endian, in the order of the
 * tags, of one tag by number.
 */
#ifndef BURNER_FORMAT_ACL_H
#define BURNER_FORMAT_ACL_H

#include <stddef.h>
#include <stdint.h>

#define ACL_ACCESS_NAME "system.posix_acl_access"
#define ACL_DEFAULT_NAME "system.posix_acl_default"
#define ACL_HEADER_BYTES 4u
#define ACL_ENTRY_BYTES 8u
/* of a value of AAIP with so many bytes, either of them takes at most: what the mode says may be added */
#define ACL_BYTES_MAX(aaip_bytes) (ACL_HEADER_BYTES + ACL_ENTRY_BYTES * ((size_t)(aaip_bytes) + 4))

/* Raw bytes of an ACL. */
struct acl {
	const uint8_t *bytes;
	size_t n; /* 0: there is none */
};

/* Both in one value; out NULL: measure.  mode stands for an access ACL that is not there.  -EINVAL: one of them is
 * none, or not in its order. */
int acl_encode(struct acl access, struct acl standard, uint32_t mode, uint8_t *out, size_t *ret_bytes);

/* The value's; each out has room for ACL_BYTES_MAX.  *ret_…: bytes, 0: there is none.  -EBADMSG. */
int acl_decode(const uint8_t *value, size_t bytes, uint32_t mode, uint8_t *access, size_t *ret_access,
	       uint8_t *standard, size_t *ret_standard);

#endif
