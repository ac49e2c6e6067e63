/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * elevator.h - who reads next: requests that wait for a drive are served in the order in which it passes them
 *
 *	elevator_take -> the drive is the caller's -> elevator_give
 *
 * As an elevator that goes one way: upwards from where the drive stands, then from the lowest again.  Nobody is
 * passed for ever. Threads: any.  No lock may be held that the one whose turn it is needs.
 */
#ifndef BURNER_MEDIUM_ELEVATOR_H
#define BURNER_MEDIUM_ELEVATOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct turn;
struct elevator {
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	/* who waits, in the order of their coming; they lie on the stacks of their threads */
	struct turn *first;
	bool taken;
};

void elevator_init(struct elevator *t);
void elevator_release(struct elevator *t);
/* Returns when it is the caller's turn, who means to read at lba. */
void elevator_take(struct elevator *t, uint32_t lba);
/* True: nobody has the turn, and now it is the caller's. */
bool elevator_try(struct elevator *t);
/* The drive stands at lba. */
void elevator_give(struct elevator *t, uint32_t lba);
/* How many wait. */
unsigned elevator_waiting(struct elevator *t);

#endif
