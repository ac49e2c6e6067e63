/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * daemon.h - process matters: leaving the terminal, signals, a system that shuts down
 *
 * daemon_begin() forks before anything is opened (SQLite and threads do not survive a fork); the caller of cdappendfs
 * waits for the child's daemon_ready(), so errors reach its terminal and its exit status, and after success the mount
 * answers.
 *
 * Signals are taken by a thread of their own; everybody else blocks them. The first SIGTERM, SIGINT or SIGHUP calls
 * `first`, each further one `again`, both from that thread.  Until daemon_quit_signals() the thread also wakes the
 * main thread, again and again after the first signal, so that a wait of the main thread which looked at its
 * condition too early looks once more.
 */
#ifndef FS_DAEMON_DAEMON_H
#define FS_DAEMON_DAEMON_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Returns in the child with the pipe to the parent (or -1 in the foreground: no fork). The parent does not return.
 * <0: -errno. */
int daemon_begin(bool foreground, int *ret_pipe);
/* The parent may exit with success; this process leaves its terminal and logs to syslog. pipe -1: nothing to do. */
void daemon_ready(int pipe);

struct daemon_signals {
	void (*first)(void *context);
	void (*again)(void *context);
	void *context;
	pthread_t thread, main;
	_Atomic bool seen, awake; /* seen: a signal came; awake: the main thread needs no more waking */
	bool started;
};
/* Blocks the signals in this thread and all it will make; they wait. */
void daemon_hold_signals(void);
/* Who takes them, from then on. Fields first, again and context are the caller's. */
int daemon_catch_signals(struct daemon_signals *s);
void daemon_quit_signals(struct daemon_signals *s);

/* Is the machine going down? From files only. */
bool daemon_system_stops(void);

/* One heap for all threads: they hold it for moments, and each heap more would keep some megabytes that others could
 * use.  Large blocks go back to the kernel. */
void daemon_tune_memory(void);

#endif
