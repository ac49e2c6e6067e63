/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inject.c - one system call, made by a thread of another process, as if somebody had taken that process over
 *
 *	inject landlock			the version of Landlock here; 0: none
 *	inject may-trace PROCESS		it succeeds when this user may
 *	inject THREAD NUMBER [ARGUMENT…]	what the call returns: a number, or -errno
 *
 * An argument is a number, or s:TEXT for a pointer to it.  The thread must wait in a system call, which goes on
 * afterwards.  x86-64; elsewhere it ends with 77.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_MACHINE = 77 };

#ifdef __x86_64__
#define BELOW_STACK 8192

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* With its end; the rest of the last word is lost, which is the thread's unused stack. */
static void put_text(pid_t thread, uint64_t at, const char *text)
{
	size_t n = strlen(text) + 1;

	for (size_t i = 0; i < n; i += sizeof(long)) {
		long word = 0;
		memcpy(&word, text + i, n - i < sizeof(word) ? n - i : sizeof(word));
		if (ptrace(PTRACE_POKEDATA, thread, (void *)(uintptr_t)(at + i), (void *)word) < 0)
			die("PTRACE_POKEDATA");
	}
}

static void await_stop(pid_t thread)
{
	int status;

	if (waitpid(thread, &status, __WALL) != thread || !WIFSTOPPED(status)) {
		fprintf(stderr, "inject: the thread does not stop\n");
		exit(1);
	}
}

static void set_arguments(pid_t thread, struct user_regs_struct *regs, int n, char **texts)
{
	unsigned long long *const at[] = {&regs->rdi, &regs->rsi, &regs->rdx, &regs->r10, &regs->r8, &regs->r9};
	uint64_t free_stack = (regs->rsp - BELOW_STACK) & ~UINT64_C(15);

	for (int i = 0; i < 6; i++)
		*at[i] = 0;
	for (int i = 0; i < n && i < 6; i++) {
		if (strncmp(texts[i], "s:", 2) != 0) {
			*at[i] = (unsigned long long)strtoll(texts[i], NULL, 0);
			continue;
		}
		free_stack -= (strlen(texts[i]) + 16) & ~UINT64_C(15);
		put_text(thread, free_stack, texts[i] + 2);
		*at[i] = free_stack;
	}
}

static long long inject(pid_t thread, int n, char **call)
{
	struct user_regs_struct before, regs;

	if (ptrace(PTRACE_SEIZE, thread, NULL, NULL) < 0)
		die("PTRACE_SEIZE");
	if (ptrace(PTRACE_INTERRUPT, thread, NULL, NULL) < 0)
		die("PTRACE_INTERRUPT");
	await_stop(thread);
	if (ptrace(PTRACE_GETREGS, thread, NULL, &before) < 0)
		die("PTRACE_GETREGS");
	/* "syscall", which it stands behind */
	if ((ptrace(PTRACE_PEEKTEXT, thread, (void *)(uintptr_t)(before.rip - 2), NULL) & 0xffff) != 0x050f) {
		fprintf(stderr, "inject: the thread is in no system call\n");
		exit(1);
	}
	regs = before;
	regs.rip -= 2;
	regs.rax = strtoull(call[0], NULL, 0);
	regs.orig_rax = (unsigned long long)-1;
	set_arguments(thread, &regs, n - 1, call + 1);
	if (ptrace(PTRACE_SETREGS, thread, NULL, &regs) < 0 || ptrace(PTRACE_SINGLESTEP, thread, NULL, NULL) < 0)
		die("PTRACE_SINGLESTEP");
	await_stop(thread);
	if (ptrace(PTRACE_GETREGS, thread, NULL, &regs) < 0 || ptrace(PTRACE_SETREGS, thread, NULL, &before) < 0 ||
	    ptrace(PTRACE_DETACH, thread, NULL, NULL) < 0)
		die("PTRACE_DETACH");
	return (long long)regs.rax;
}
#endif

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "landlock") == 0) {
		long version = syscall(444, NULL, 0, 1);

		printf("%ld\n", version < 0 ? 0 : version);
		return 0;
	}
	if (argc == 3 && strcmp(argv[1], "may-trace") == 0) /* our own end lets it go */
		return ptrace(PTRACE_SEIZE, (pid_t)strtol(argv[2], NULL, 10), NULL, NULL) < 0;
	if (argc < 3) {
		fprintf(stderr, "usage: inject THREAD NUMBER [ARGUMENT...]\n");
		return 2;
	}
#ifdef __x86_64__
	printf("%lld\n", inject((pid_t)strtol(argv[1], NULL, 10), argc - 2, argv + 2));
	return 0;
#else
	return NO_MACHINE;
#endif
}
