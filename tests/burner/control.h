/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control.h - the hand at the recorder: a unix socket that takes one line and gives one line back
 *
 *	insert IMAGE [MEDIUM [BLOCKS]]   take   open   close   reload   button
 *	fault …   clear   twist …   straight   finalizes   timing SCALE   long SECONDS   state   save
 *	device DIR		(the SCSI device in sysfs, which a power cut removes)
 *
 * The answer begins with "ok" or "error".
 */
#ifndef TESTS_BURNER_CONTROL_H
#define TESTS_BURNER_CONTROL_H

#include <signal.h>
#include <stdint.h>

struct control;
struct drive;

/* 0 or -errno. */
int control_new(const char *path, struct control **ret_control);
void control_free(struct control *control);
/* To poll for reading; -1 when control is NULL. */
int control_fd(const struct control *control);
void control_serve(struct control *control, struct drive *drive);
/* The drive takes its time, until *stop; the socket is heard meanwhile.  Signals come as `unblocked` has it. */
void control_let_pass(struct control *control, struct drive *drive, int64_t delay_ns, const volatile int *stop,
		      const sigset_t *unblocked);
/* The device vanishes from the host, once. */
void control_unplug(struct control *control);
/* The other side: sends the line, prints the answer.  0 when it was "ok", 1 when not, or -errno. */
int control_ask(const char *path, const char *line);
/* One line of the above, without the socket; text takes the answer. */
void control_obey(struct control *control, struct drive *drive, char *line, char *text, unsigned long size);

#endif
