/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * thread.h - a thread that gets no signals: they are for those who were there before
 */
#ifndef BURNER_BASE_THREAD_H
#define BURNER_BASE_THREAD_H

#include <pthread.h>

/* Not before the daemon forked.  -EAGAIN: the system has no thread to give; *ret is as it was. */
int thread_start(pthread_t *ret, void *(*main)(void *), void *arg);

#endif
