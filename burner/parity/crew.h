/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew.h - a thread for each processor, which share out the parts of one piece of work
 *
 *	crew_new -> [crew_begin(job, n) -> whatever the caller does meanwhile -> crew_wait] … -> crew_free
 *
 * job is called once for each number below n, from any thread; crew_wait() helps, and returns when all are done: 0, or
 * the error of one of them.  One caller.  What job uses belongs to the crew between begin and wait.
 */
#ifndef BURNER_PARITY_CREW_H
#define BURNER_PARITY_CREW_H

#include <stdint.h>

#include "burner/base/own.h"

struct crew;
/* -ENOMEM. With fewer threads than processors, or none, it does the same. */
int crew_new(struct crew **ret);
void crew_free(struct crew *c); /* nothing is begun */
DEFINE_FREEP(struct crew, crew_free)

void crew_begin(struct crew *c, int (*job)(void *context, uint32_t number), void *context, uint32_t n);
int crew_wait(struct crew *c);

#endif
