/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * crew.h - a thread for each processor, which share out the parts of one piece of work
 *
 *	crew_new -> [crew_begin(job, n) -> whatever the caller does meanwhile -> crew_wait] … -> crew_free
 *
 * job is called once for each number below n, by any of the crew's members; crew_wait() helps, and returns when all are
 * done: 0, or the error of one of them.  member tells who it is, below crew_members(): two never have one at a time, so
 * what each of them needs may be kept by it.  One caller.  What job uses belongs to the crew between begin and wait.
 */
#ifndef BURNER_BASE_CREW_H
#define BURNER_BASE_CREW_H

#include <stdint.h>

#include "burner/base/own.h"

struct crew;
/* -ENOMEM. With fewer threads than processors, or none, it does the same. */
int crew_new(struct crew **ret);
void crew_free(struct crew *c); /* nothing is begun */
DEFINE_FREEP(struct crew, crew_free)

/* The threads, and the caller. */
unsigned crew_members(const struct crew *c);

typedef int crew_job(void *context, uint32_t number, unsigned member);
void crew_begin(struct crew *c, crew_job *job, void *context, uint32_t n);
int crew_wait(struct crew *c);

#endif
