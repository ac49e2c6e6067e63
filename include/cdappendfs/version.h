/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * version.h - what --version of every program says
 *
 * Its only place in the code.  .Os of the manual pages and the newest heading of .github/CHANGELOG.md say the same;
 * tests/house/documents.t holds them to it.
 */
#ifndef CDAPPENDFS_VERSION_H
#define CDAPPENDFS_VERSION_H

#define CDAPPENDFS_VERSION "0.3.0"

#endif
