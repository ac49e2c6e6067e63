/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cataloguing.h - what a mount has burned goes into the catalogue: -o catalogue, or the environment
 *
 *	cataloguing_new (in the caller's directory and environment) -> cataloguing_disc -> cataloguing_start (after the
 *	daemon forked) -> cataloguing_sessions … -> cataloguing_stop -> cataloguing_free
 *
 * A thread of its own reads and writes, so no commit waits for it or fails with it: what goes wrong is told once, and
 * the next commit, or cdappendfs-catalogue, makes up for it.  At the mount a disc that the catalogue has already is
 * brought up to date.  All of it takes NULL: nobody wants a catalogue.
 */
#ifndef FS_CATALOGUING_H
#define FS_CATALOGUING_H

#include "fs/daemon/opening.h"

struct cataloguing;

/* 0 and *ret, NULL: none is wished; or an error, which was told: what was asked for by an option cannot be. */
int cataloguing_new(struct options *options, struct cataloguing **ret);
/* Its directory, for reading and writing; -1: none. */
int cataloguing_directory(const struct cataloguing *c);
/* Borrows what is opened. */
void cataloguing_disc(struct cataloguing *c, const struct opening *o);
int cataloguing_start(struct cataloguing *c); /* -EAGAIN */
/* The disc has these now.  From whoever may ask the disc; never waits. */
void cataloguing_sessions(struct cataloguing *c, const struct disc_session *sessions, size_t n);
/* What is under way ends at the next name, and is taken back. */
void cataloguing_cancel(struct cataloguing *c);
/* Waits until all is in the catalogue, or told. */
void cataloguing_stop(struct cataloguing *c);
void cataloguing_free(struct cataloguing *c);

#endif
