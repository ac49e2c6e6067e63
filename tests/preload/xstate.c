/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xstate.c - to be preloaded into user-mode Linux: lets it start on processors whose register state is larger than it
 * knows
 *
 * User-mode Linux 6.1 keeps 2,696 bytes of floating-point and vector registers of each process (up to AVX-512 and
 * protection keys).  Where the processor has more (AMX: 8 KiB of tiles), the kernel gives that much of it by
 * PTRACE_GETREGSET, but takes only the whole by PTRACE_SETREGSET: the guest's first process dies.  Here the rest is
 * added before it is set: as the process has it at that moment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define STATE_BYTES_MAX 65536
#define HEADER 512u	   /* of the XSAVE area: which components are there; Intel SDM volume 1, 13.4.2 */
#define TILES (3ull << 17) /* those that are added */

long ptrace(enum __ptrace_request request, ...);

/* User-mode Linux is one thread on small stacks of its own. */
static uint8_t state[STATE_BYTES_MAX] __attribute__((aligned(64)));

static uint64_t *components(uint8_t *area) { return (uint64_t *)(void *)(area + HEADER); }

static long set_state(long (*real)(enum __ptrace_request, ...), int pid, void *set, struct iovec *part)
{
	struct iovec whole = {state, sizeof(state)};
	long r = real(PTRACE_GETREGSET, pid, set, &whole);

	if (r < 0 || whole.iov_len <= part->iov_len || part->iov_len < HEADER + 64)
		return real(PTRACE_SETREGSET, pid, set, part);
	uint64_t tiles = *components(state) & TILES;
	memcpy(state, part->iov_base, part->iov_len);
	*components(state) = (*components(state) & ~TILES) | tiles;
	return real(PTRACE_SETREGSET, pid, set, &whole);
}

long ptrace(enum __ptrace_request request, ...)
{
	static long (*real)(enum __ptrace_request, ...);
	va_list list;

	va_start(list, request);
	int pid = va_arg(list, int);
	void *address = va_arg(list, void *), *data = va_arg(list, void *);
	va_end(list);
	if (!real)
		real = (long (*)(enum __ptrace_request, ...))dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && address == (void *)(uintptr_t)NT_X86_XSTATE)
		return set_state(real, pid, address, data);
	return real(request, pid, address, data);
}
