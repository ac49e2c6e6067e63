/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * turns.h - who reads next: requests that wait for a drive are served in the order in which it passes them
 *
 *	turns_take -> the drive is the caller's -> turns_give
 *
 * As an elevator that goes one way: upwards from where the drive stands, then from the lowest again.  Nobody is
 * passed for ever. Threads: any.  No lock may be held that the one whose turn it is needs.
 */
#ifndef BURNER_MEDIUM_TURNS_H
#define BURNER_MEDIUM_TURNS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turn;
struct turns {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	/* who waits, in the order of their coming; they lie on the stacks of their threads */
	struct turn *first;
	bool taken;
};

void turns_init(struct turns *t);
void turns_release(struct turns *t);
/* Returns when it is the caller's turn, who means to read at lba. */
void turns_take(struct turns *t, uint32_t lba);
/* The drive stands at lba. */
void turns_give(struct turns *t, uint32_t lba);
/* How many wait. */
unsigned turns_waiting(struct turns *t);

#endif
