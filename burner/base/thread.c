/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/thread.h"

#include <signal.h>

int thread_start(pthread_t *ret, void *(*main)(void *), void *arg)
{
	sigset_t all, before;
	pthread_t thread;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!r)
		*ret = thread;
	return r;
}
