/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/base/printable.h"
#include "fs/cmd/interrupt.h"

#include <errno.h>
#include <stddef.h>

#include "fs/cmd/command.h"

volatile sig_atomic_t interrupted;

static void on_signal(int number) { interrupted = number; }

/* Without SA_RESTART: what waits is woken. */
static void handle(void (*handler)(int))
{
	const struct sigaction action = {.sa_handler = handler};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

void interrupt_catch(void) { handle(on_signal); }
int interrupt_pace(void *context)
{
	(void)context;
	return interrupted ? -ECANCELED : 0;
}

void interrupt_release(void) { handle(SIG_DFL); }

void interrupt_say_goes_on(const char *name)
{
	command_fail("the burn goes on; 'cdappendfs-sync --wait %s' waits for it, 'cdappendfs-sync --cancel %s' stops "
		     "it",
		     SHELL_WORD(name), SHELL_WORD(name));
}

int interrupt_end(void)
{
	signal(interrupted, SIG_DFL);
	raise(interrupted);
	return COMMAND_FAILED;
}
