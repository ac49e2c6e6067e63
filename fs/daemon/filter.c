/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * filter.c - which system calls are left (seccomp(2))
 *
 * The daemon's filter names what is refused, not what is allowed: libfuse, libburn, SQLite and libsystemd may call what
 * they like of the rest, in the next version too.  Refused is what gives power over other processes, the kernel, the
 * name space of files, and over files by their names where Landlock does not look (modes, owners, times, attributes).
 * Of sockets only local ones are left, for the commands and the system bus.  Calls newer than those that were looked at
 * (Linux 6.18) do not exist: who knows them knows how to go without.
 *
 * A filter needs "no new privileges", and under that fusermount3 is not set-uid any more: see unmounter.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/daemon/internal.h"

/* Sanitizers trace their own process when it ends, and run a program that names functions; those and builds that
 * measure coverage write a report then, wherever they were told to. */
extern void __sanitizer_print_stack_trace(void) __attribute__((weak));
extern void __gcov_init(void *) __attribute__((weak));
extern int __llvm_profile_write_file(void) __attribute__((weak));

bool sandbox_has_sanitizer(void) { return __sanitizer_print_stack_trace != NULL; }
bool sandbox_has_report(void) { return sandbox_has_sanitizer() || __gcov_init || __llvm_profile_write_file; }

/* The filter reads the low half of an argument where it lies on a little-endian machine; of others nobody has looked
 * at what they have besides: socketcall(2), ipc(2), other orders of arguments. */
#if defined(__x86_64__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define AUDIT_ARCH_HERE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define AUDIT_ARCH_HERE AUDIT_ARCH_RISCV64
#endif

#define X32_BIT 0x40000000u
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define MAX_INSTRUCTIONS 512

/* From 424 on a call has one number on all machines; headers may be older than the kernel. */
enum {
	NR_PIDFD_SEND_SIGNAL = 424,
	NR_PROCESS_MADVISE = 440,
	NR_MOUNT_SETATTR = 442,
	NR_QUOTACTL_FD = 443,
	NR_MEMFD_SECRET = 447,
	NR_PROCESS_MRELEASE = 448,
	NR_FCHMODAT2 = 452,
	NR_STATMOUNT = 457,
	NR_LISTMOUNT = 458,
	NR_LSM_SET_SELF_ATTR = 460,
	NR_SETXATTRAT = 463,
	NR_REMOVEXATTRAT = 466,
	NR_OPEN_TREE_ATTR = 467,
	NR_FILE_SETATTR = 469,
	NR_NEWEST = 469, /* Linux 6.18 */
};

#ifdef AUDIT_ARCH_HERE

/* ---- the daemon ---- */

/* Each time that something is read or written: asked for first, where the kernel does not remember answers. */
static const unsigned often[] = {SYS_read,  SYS_write,	SYS_readv, SYS_writev,	 SYS_pread64,
				 SYS_futex, SYS_splice, SYS_ppoll, SYS_pwrite64, SYS_fdatasync};

static const unsigned refused[] = {
	/* other processes */
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_getfd,
	NR_PIDFD_SEND_SIGNAL,
	NR_PROCESS_MADVISE,
	NR_PROCESS_MRELEASE,
	SYS_kcmp,
	SYS_move_pages,
	SYS_migrate_pages,
	SYS_setpriority,
	SYS_ioprio_set,
	SYS_sched_setparam,
	SYS_sched_setscheduler,
	SYS_sched_setaffinity,
	SYS_sched_setattr,
	SYS_shmget,
	SYS_shmat,
	SYS_shmctl,
	SYS_semget,
	SYS_semop,
	SYS_semtimedop,
	SYS_semctl,
	SYS_msgget,
	SYS_msgsnd,
	SYS_msgrcv,
	SYS_msgctl,
	SYS_mq_open,
	SYS_mq_unlink,
#ifdef __GLIBC__
	SYS_tkill, /* it uses tgkill */
#endif
	/* other name spaces, other roots */
	SYS_unshare,
	SYS_setns,
	SYS_chroot,
	SYS_pivot_root,
	SYS_mount,
	SYS_umount2,
	SYS_move_mount,
	SYS_open_tree,
	NR_OPEN_TREE_ATTR,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	NR_MOUNT_SETATTR,
	NR_STATMOUNT,
	NR_LISTMOUNT,
	SYS_open_by_handle_at,
	/* files by their names, where Landlock does not look; names that the daemon never makes */
	SYS_truncate,
	SYS_fchmod,
	SYS_fchmodat,
	NR_FCHMODAT2,
	SYS_fchown,
	SYS_fchownat,
	SYS_utimensat,
	SYS_setxattr,
	SYS_lsetxattr,
	SYS_fsetxattr,
	NR_SETXATTRAT,
	SYS_removexattr,
	SYS_lremovexattr,
	SYS_fremovexattr,
	NR_REMOVEXATTRAT,
	NR_FILE_SETATTR,
	SYS_mknodat,
	SYS_symlinkat,
	SYS_linkat,
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
	SYS_fanotify_mark,
	SYS_inotify_add_watch, /* names and uses of all files, which Landlock leaves to be watched */
	SYS_syslog,
	SYS_personality,
	NR_MEMFD_SECRET,
	NR_LSM_SET_SELF_ATTR,
	/* the machine */
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	NR_QUOTACTL_FD,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_vhangup,
#ifdef __x86_64__
	SYS_chmod,
	SYS_chown,
	SYS_lchown,
	SYS_utime,
	SYS_utimes,
	SYS_futimesat,
	SYS_mknod,
	SYS_symlink,
	SYS_link,
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
	SYS_uselib,
	SYS_ustat,
	SYS_sysfs,
	SYS__sysctl,
	SYS_kexec_file_load,
#endif
};
/* Which sanitizers need. */
static const unsigned refused_plainly[] = {SYS_ptrace, SYS_execve, SYS_execveat};
static const unsigned to_itself[] = {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo};
/* Typing into a terminal, taking one over; and of a socket what F_SETOWN is. */
static const unsigned controls[] = {TIOCSTI, TIOCLINUX, TIOCSETD, TIOCSCTTY, TIOCCONS, FIOSETOWN, SIOCSPGRP};
/* A descriptor that is ready sends any signal to any process: root's to everybody's. */
static const unsigned owners[] = {F_SETOWN, F_SETOWN_EX, F_SETSIG};

struct program {
	struct sock_filter code[MAX_INSTRUCTIONS];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter i)
{
	if (p->n < MAX_INSTRUCTIONS) /* one that is full has no end, which the kernel refuses */
		p->code[p->n++] = i;
}

static void put_return(struct program *p, uint32_t action)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}
static void put_refusal(struct program *p) { put_return(p, SECCOMP_RET_ERRNO | EPERM); }

static void put_load(struct program *p, size_t offset)
{
	put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}
static void put_load_argument(struct program *p, unsigned n)
{
	put_load(p, offsetof(struct seccomp_data, args) + sizeof(uint64_t) * n);
}

/* When what is loaded compares so to the number, that many following instructions are run, otherwise skipped. */
static void put_if(struct program *p, unsigned short compares, uint32_t number, uint8_t n)
{
	put(p, (struct sock_filter)BPF_JUMP((unsigned short)(BPF_JMP | BPF_K | compares), number, 0, n));
}

static void put_each(struct program *p, const unsigned *numbers, size_t n, uint32_t action)
{
	for (size_t i = 0; i < n; i++) {
		put_if(p, BPF_JEQ, numbers[i], 1);
		put_return(p, action);
	}
}

static void put_machine(struct program *p)
{
	put_load(p, offsetof(struct seccomp_data, arch));
	put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_HERE, 1, 0));
	put_refusal(p);
	put_load(p, offsetof(struct seccomp_data, nr));
	put_if(p, BPF_JGE, X32_BIT, 1);
	put_refusal(p);
}

/* Threads are made by clone, and nothing that has a name space of its own. */
static void put_threads(struct program *p)
{
	/* Its flags lie in memory, where a filter cannot look; the C library turns to clone then. */
	put_if(p, BPF_JEQ, SYS_clone3, 1);
	put_return(p, SECCOMP_RET_ERRNO | ENOSYS);
	put_if(p, BPF_JEQ, SYS_clone, 4);
	put_load_argument(p, 0);
	put_if(p, BPF_JSET, NAMESPACES, 1);
	put_refusal(p);
	put_return(p, SECCOMP_RET_ALLOW);
}

static void put_sockets(struct program *p)
{
	const unsigned makes[] = {SYS_socket, SYS_socketpair};

	for (size_t i = 0; i < ARRAY_LENGTH(makes); i++) {
		put_if(p, BPF_JEQ, makes[i], 4);
		put_load_argument(p, 0);
		put_if(p, BPF_JEQ, AF_UNIX, 1);
		put_return(p, SECCOMP_RET_ALLOW);
		put_return(p, SECCOMP_RET_ERRNO | EAFNOSUPPORT);
	}
}

/* A call whose second argument says what is done. */
static void put_commands(struct program *p, unsigned call, const unsigned *commands, size_t n)
{
	put_if(p, BPF_JEQ, call, (uint8_t)(2 * n + 2));
	put_load_argument(p, 1);
	put_each(p, commands, n, SECCOMP_RET_ERRNO | EPERM);
	put_return(p, SECCOMP_RET_ALLOW);
}

/* Signals, and limits, are its own affair. */
static void put_itself(struct program *p)
{
	for (size_t i = 0; i < ARRAY_LENGTH(to_itself); i++) {
		put_if(p, BPF_JEQ, to_itself[i], 4);
		put_load_argument(p, 0);
		put_if(p, BPF_JEQ, (uint32_t)getpid(), 1);
		put_return(p, SECCOMP_RET_ALLOW);
		put_refusal(p);
	}
	put_if(p, BPF_JEQ, SYS_prlimit64, 4);
	put_load_argument(p, 0);
	put_if(p, BPF_JEQ, 0, 1);
	put_return(p, SECCOMP_RET_ALLOW);
	put_refusal(p);
}

/* What was written is not run. */
static void put_code(struct program *p)
{
	const unsigned protects[] = {SYS_mprotect, SYS_pkey_mprotect};

	for (size_t i = 0; i < ARRAY_LENGTH(protects); i++) {
		put_if(p, BPF_JEQ, protects[i], 4);
		put_load_argument(p, 2);
		put_if(p, BPF_JSET, PROT_EXEC, 1);
		put_refusal(p);
		put_return(p, SECCOMP_RET_ALLOW);
	}
	put_if(p, BPF_JEQ, SYS_mmap, 5);
	put_load_argument(p, 2);
	put(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, PROT_WRITE | PROT_EXEC));
	put_if(p, BPF_JEQ, PROT_WRITE | PROT_EXEC, 1);
	put_refusal(p);
	put_return(p, SECCOMP_RET_ALLOW);
}

static void write_daemon(struct program *p)
{
	put_machine(p);
	put_each(p, often, ARRAY_LENGTH(often), SECCOMP_RET_ALLOW);
	put_if(p, BPF_JGT, NR_NEWEST, 1);
	put_return(p, SECCOMP_RET_ERRNO | ENOSYS);
	put_each(p, refused, ARRAY_LENGTH(refused), SECCOMP_RET_ERRNO | EPERM);
	put_threads(p);
	put_sockets(p);
	put_commands(p, SYS_ioctl, controls, ARRAY_LENGTH(controls));
	put_commands(p, SYS_fcntl, owners, ARRAY_LENGTH(owners));
	if (!sandbox_has_sanitizer()) {
		put_each(p, refused_plainly, ARRAY_LENGTH(refused_plainly), SECCOMP_RET_ERRNO | EPERM);
		put_itself(p);
		put_code(p);
	}
	put_return(p, SECCOMP_RET_ALLOW);
}
_Static_assert(2 * (ARRAY_LENGTH(often) + ARRAY_LENGTH(refused) + ARRAY_LENGTH(refused_plainly) +
		    ARRAY_LENGTH(controls) + ARRAY_LENGTH(owners)) +
			       5 * ARRAY_LENGTH(to_itself) + 70 <=
		       MAX_INSTRUCTIONS,
	       "the filter has room");

/* ---- who waits to unmount ---- */

/* To look which mount it is, with what the C library needs for that, and the one call. */
static const unsigned unmounters[] = {
	SYS_read,      SYS_close,      SYS_fstat,   SYS_newfstatat,   SYS_lseek,
	SYS_brk,       SYS_munmap,     SYS_mremap,  SYS_madvise,      SYS_name_to_handle_at,
	SYS_getrandom, SYS_futex,      SYS_umount2, SYS_rt_sigreturn, SYS_restart_syscall,
	SYS_exit,      SYS_exit_group,
};

static void write_unmounter(struct program *p)
{
	put_machine(p);
	put_each(p, unmounters, ARRAY_LENGTH(unmounters), SECCOMP_RET_ALLOW);
	put_if(p, BPF_JEQ, SYS_openat, 4);
	put_load_argument(p, 2);
	put_if(p, BPF_JSET, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC, 1);
	put_refusal(p);
	put_return(p, SECCOMP_RET_ALLOW);
	put_if(p, BPF_JEQ, SYS_mmap, 4);
	put_load_argument(p, 2);
	put_if(p, BPF_JSET, PROT_EXEC, 1);
	put_refusal(p);
	put_return(p, SECCOMP_RET_ALLOW);
	put_refusal(p);
}

/* ---- taking effect ---- */

static int load(void (*write)(struct program *p), unsigned flags)
{
	struct program p = {.n = 0};
	struct sock_fprog filter = {.filter = p.code};

	write(&p);
	filter.len = p.n;
	/* A thread that cannot follow is told by its number. */
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	return r < 0 ? -errno : r > 0 ? -EAGAIN : 0;
}

int filter_daemon(void) { return load(write_daemon, SECCOMP_FILTER_FLAG_TSYNC); }
int filter_unmounter(void) { return sandbox_has_report() ? 0 : load(write_unmounter, 0); }

#else
int filter_daemon(void) { return -ENOSYS; }
int filter_unmounter(void) { return -ENOSYS; }
#endif
