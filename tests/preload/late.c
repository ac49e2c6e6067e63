/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * late.c - to be preloaded: libburn's thread takes half a second to end after it has said that the drive is idle, as
 * on a busy machine
 *
 * It gives up its reference to the options then.  The thread is told from ours by SIGABRT, which libburn blocks in it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

struct burn_write_opts;
void burn_write_opts_free(struct burn_write_opts *options);

void burn_write_opts_free(struct burn_write_opts *options)
{
	void (*next)(struct burn_write_opts *) =
		(void (*)(struct burn_write_opts *))dlsym(RTLD_NEXT, "burn_write_opts_free");
	sigset_t blocked;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	if (sigismember(&blocked, SIGABRT))
		nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
	next(options);
}
