/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interrupt.h - a command that waits for a burn is told to end: the burn goes on, and that is said
 */
#ifndef FS_CMD_INTERRUPT_H
#define FS_CMD_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

extern volatile sig_atomic_t interrupted; /* the signal, 0 none */

/* From here on SIGINT, SIGTERM and SIGHUP only set it, and wake what waits. */
void interrupt_catch(void);
/* As whoever does what takes long asks now and then: -ECANCELED, or 0. */
int interrupt_pace(void *context);
/* They end the process again. */
void interrupt_release(void);
/* How to wait for the burn and how to stop it, by that name: a path in the mount or a disc. */
void interrupt_say_goes_on(const char *name);
/* Ends the process by the signal that came. */
int interrupt_end(void);

#endif
