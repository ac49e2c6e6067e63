/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * child.h - processes that are waited for
 */
#ifndef BURNER_BASE_CHILD_H
#define BURNER_BASE_CHILD_H

#include <signal.h>
#include <unistd.h>

/* Who started this process may have ignored SIGCHLD, which is inherited: then no child of it can be waited for, nor one
 * of the programs that it starts (waitpid() gives ECHILD).  Before the first of them. */
static inline void child_expect(void) { signal(SIGCHLD, SIG_DFL); }

/* fork(), whose child can be waited for. */
static inline pid_t child_fork(void)
{
	child_expect();
	return fork();
}

#endif
