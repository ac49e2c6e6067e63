/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * version.h - what --version says
 */
#ifndef CDAPPENDFS_VERSION_H
#define CDAPPENDFS_VERSION_H

#define CDAPPENDFS_VERSION "0.1"

#endif
