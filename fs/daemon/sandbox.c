/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sandbox.c - capabilities, no new privileges, and a filter of system calls
 *
 * The filter names what is refused, not what is allowed: libfuse, libburn, SQLite and libsystemd may call what they
 * like of the rest, in the next version too. Refused is what gives power over other processes, the kernel or the name
 * space of files. Of sockets only local ones are left, for the commands and the system bus.
 *
 * A filter needs "no new privileges", and under that fusermount3 is not set-uid any more: see unmounter.h.
 */
#include "fs/daemon/sandbox.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burner/base/own.h"

/* The filter reads the low half of an argument where it lies on a little-endian machine. */
#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_HERE AUDIT_ARCH_RISCV64
#else
#define AUDIT_ARCH_HERE 0 /* no filter */
#endif

#define X32_BIT 0x40000000u
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define MAX_INSTRUCTIONS 256

/* Sanitizers trace their own process when it ends, and run a program that names functions. */
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));
static bool has_sanitizer(void) { return __sanitizer_print_stack_trace != NULL; }

/* ---- capabilities ---- */

/*
 * Left to root: to unmount and to tune the mount; to reach a mount point below a directory of a user; in a drive all
 * SCSI commands. The stage and the image need none: the one is root's own, the other is open.
 */
static uint64_t needed(const struct sandbox_options *options)
{
	uint64_t keep = UINT64_C(1) << CAP_SYS_ADMIN | UINT64_C(1) << CAP_DAC_READ_SEARCH;

	return options->drive ? keep | UINT64_C(1) << CAP_SYS_RAWIO : keep;
}

void sandbox_drop_capabilities(const struct sandbox_options *options)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint64_t keep = needed(options);

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
		if (!(keep >> c & 1))
			prctl(PR_CAPBSET_DROP, c, 0, 0, 0);
	if (syscall(SYS_capget, &header, data) < 0)
		return;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(keep >> 32 * i);
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, data);
}

/* ---- system calls ---- */

static const unsigned refused[] = {
	/* other processes */
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	SYS_kcmp,
	SYS_move_pages,
	SYS_migrate_pages,
	/* other name spaces, other roots */
	SYS_unshare,
	SYS_setns,
	SYS_chroot,
	SYS_pivot_root,
	SYS_mount,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_open_by_handle_at,
	SYS_mknodat,
	/* the kernel */
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_add_key,
	SYS_keyctl,
	SYS_request_key,
	SYS_fanotify_init,
	SYS_syslog,
	SYS_personality,
	/* the machine */
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_vhangup,
#ifdef __x86_64__
	SYS_mknod,
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
	SYS_uselib,
	SYS_kexec_file_load,
#endif
};
static const unsigned refused_traces[] = {SYS_ptrace};
static const unsigned refused_programs[] = {SYS_execve, SYS_execveat};

struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter i) { p->code[p->n++] = i; }

static void put_return(struct program *p, uint32_t action)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static void put_load(struct program *p, size_t offset)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

/* When what is loaded equals the number, that many following instructions are run, otherwise skipped. */
static void put_if_equal(struct program *p, uint32_t number, uint8_t n)
{
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, n));
}

static void put_refusals(struct program *p, const unsigned *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		put_if_equal(p, calls[i], 1);
		put_return(p, SECCOMP_RET_ERRNO | EPERM);
	}
}

/* libfuse lets mount(8) keep /etc/mtab where it is an ordinary file. */
static bool runs_mount(void)
{
	struct stat st;

	return geteuid() == 0 && lstat("/etc/mtab", &st) == 0 && S_ISREG(st.st_mode);
}

static void write_program(struct program *p)
{
	const size_t first_argument = offsetof(struct seccomp_data, args[0]);

	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0));
	put_return(p, SECCOMP_RET_ERRNO | EPERM);
	put_load(p, offsetof(struct seccomp_data, nr));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	put_return(p, SECCOMP_RET_ERRNO | EPERM);
	put_refusals(p, refused, ARRAY_LENGTH(refused));
	if (!has_sanitizer())
		put_refusals(p, refused_traces, ARRAY_LENGTH(refused_traces));
	if (!has_sanitizer() && !runs_mount())
		put_refusals(p, refused_programs, ARRAY_LENGTH(refused_programs));
	/* Its flags lie in memory, where a filter cannot look: threads are made by clone, to which the C library
	 * turns then. */
	put_if_equal(p, SYS_clone3, 1);
	put_return(p, SECCOMP_RET_ERRNO | ENOSYS);
	put_if_equal(p, SYS_clone, 4);
	put_load(p, first_argument);
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1));
	put_return(p, SECCOMP_RET_ERRNO | EPERM);
	put_return(p, SECCOMP_RET_ALLOW);
	put_if_equal(p, SYS_socket, 3);
	put_load(p, first_argument);
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 1, 0));
	put_return(p, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	put_return(p, SECCOMP_RET_ALLOW);
}
_Static_assert(2 * (ARRAY_LENGTH(refused) + ARRAY_LENGTH(refused_traces) + ARRAY_LENGTH(refused_programs)) + 20 <=
		       MAX_INSTRUCTIONS,
	       "the filter has room");

static int filter_calls(void)
{
	struct program p = {.n = 0};
	struct sock_fprog filter = {.filter = p.code};

	if (!AUDIT_ARCH_HERE)
		return -ENOSYS;
	write_program(&p);
	filter.len = p.n;
	/* A thread that cannot follow is told by its number. */
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	return r < 0 ? -errno : r > 0 ? -EAGAIN : 0;
}

int sandbox_enter(const struct sandbox_options *options)
{
	if (!options->dumpable)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return filter_calls();
}
