/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - what must hold where it stands, whatever a disc or a user said
 *
 * assert() for what costs nothing; check() for what costs time: it is compiled in with CDAPPENDFS_CHECKS only
 * (`make CHECKS=1`, and each SAN=…), and is an assert() there.
 */
#ifndef BURNER_BASE_CHECK_H
#define BURNER_BASE_CHECK_H

#include <assert.h>

#ifdef CDAPPENDFS_CHECKS
#define check(condition) assert(condition)
#else
#define check(condition) ((void)sizeof(condition))
#endif

#endif
