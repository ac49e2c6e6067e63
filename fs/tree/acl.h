/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * acl.h - POSIX access control lists in the form of Linux (burner/format/acl.h), and modes
 *
 * What these functions take was looked at by acl_check() before.  Of modes the nine bits of permissions count; others
 * are left as they are.
 */
#ifndef FS_TREE_ACL_H
#define FS_TREE_ACL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "burner/format/acl.h"

/* -EINVAL: it is no list; one without entries is none either, but has a meaning (there is none): 1. */
int acl_check(const uint8_t *acl, size_t bytes);
/* Its entries in the order that a disc has: of one tag by number.  -EINVAL: two are of one. */
int acl_sort(uint8_t *acl, size_t bytes);
/* The mode that a file with this list has.  true: the mode says all of it. */
bool acl_mode(const uint8_t *acl, size_t bytes, mode_t *mode);
/* The list after a chmod. */
void acl_set_mode(uint8_t *acl, size_t bytes, mode_t mode);
/* A default list becomes that of a new file, and the mode it is made with what the list leaves of it.  true: the mode
 * says all of it. */
bool acl_begin(uint8_t *acl, size_t bytes, mode_t *mode);

#endif
