/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tcmu.h - serves the commands of a target_core_user device (Linux's Documentation/target/tcmu-design.rst)
 */
#ifndef TESTS_BURNER_TCMU_H
#define TESTS_BURNER_TCMU_H

#include <stdbool.h>

struct drive;
struct control;

/* Executes what the kernel puts into the ring of the UIO device until *stop is set by a signal handler; answers the
 * control socket between two commands and while one takes its time.  0 or -errno. */
int tcmu_serve(const char *uio, struct drive *drive, struct control *control, const volatile int *stop);

#endif
