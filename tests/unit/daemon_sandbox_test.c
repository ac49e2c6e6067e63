/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In a process of its own each: what the sandbox refuses, and what must still go. */
#include "fs/daemon/sandbox.c"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cmocka.h>

#define LINE_FAILED(line) (50 + (line) % 200)
/* In the child no assertion of cmocka: its status says which line. */
#define NEED(condition) \
	do { \
		if (!(condition)) \
			_exit(LINE_FAILED(__LINE__)); \
	} while (0)
#define REFUSED(call) \
	do { \
		errno = 0; \
		NEED((call) == -1 && errno == EPERM); \
	} while (0)
enum { NO_FILTER = 40 };

static void in_sandbox(void (*run)(void))
{
	const struct sandbox_options options = {.dumpable = false};
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		int r = sandbox_enter(&options);
		if (r == -ENOSYS || r == -EINVAL)
			_exit(NO_FILTER);
		NEED(r == 0);
		run();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void power(void)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {&byte, 1};

	REFUSED(unshare(CLONE_NEWUSER));
	REFUSED(syscall(SYS_setns, -1, 0));
	REFUSED(mount("none", "/nowhere", "tmpfs", 0, NULL));
	REFUSED(chroot("/"));
	REFUSED(syscall(SYS_process_vm_readv, getpid(), &here, 1, &there, 1, 0));
	REFUSED(syscall(SYS_bpf, 0, NULL, 0));
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_init_module, NULL, 0, ""));
	REFUSED(syscall(SYS_reboot, 0, 0, 0, NULL));
	REFUSED(syscall(SYS_personality, 0xffffffff));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	if (has_sanitizer())
		return;
	REFUSED(execl("/bin/true", "true", NULL));
	REFUSED(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static void sockets(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	NEED(fd >= 0 && close(fd) == 0);
	NEED(socket(AF_INET, SOCK_STREAM, 0) == -1 && errno == EAFNOSUPPORT);
	NEED(socket(AF_NETLINK, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
	NEED(socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
}

static void *nothing(void *arg) { return arg; }

static void use(void)
{
	char name[] = "/tmp/cdappendfs-sandbox.XXXXXX", byte = 'x';
	pthread_t thread;
	int fd = mkstemp(name), fds[2];

	NEED(fd >= 0 && unlink(name) == 0 && write(fd, &byte, 1) == 1 && fdatasync(fd) == 0 &&
	     fallocate(fd, 0, 0, 4096) == 0);
	NEED(pipe2(fds, O_CLOEXEC) == 0);
	NEED(pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0);
	/* libfuse makes a process to unmount: that it may, as far as it comes. */
	pid_t child = fork();
	NEED(child >= 0);
	if (child == 0)
		_exit(0);
	NEED(waitpid(child, NULL, 0) == child);
	NEED(umount2("/nowhere/at/all", MNT_DETACH) == -1 && (errno == ENOENT || geteuid() != 0));
}

static void *ask_later(void *arg)
{
	_Atomic int *step = arg;

	atomic_store(step, 1);
	while (atomic_load(step) != 2)
		usleep(1000);
	return unshare(CLONE_NEWUTS) == -1 && errno == EPERM && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? NULL :
													      arg;
}

/* A thread that was there before is held to it too. */
static void test_earlier_threads(void **context)
{
	const struct sandbox_options options = {.dumpable = false};
	pid_t child = fork();
	int status;

	(void)context;
	if (child == 0) {
		_Atomic int step = 0;
		pthread_t thread;
		void *result;

		NEED(pthread_create(&thread, NULL, ask_later, &step) == 0);
		while (atomic_load(&step) != 1)
			usleep(1000);
		if (sandbox_enter(&options) < 0)
			_exit(NO_FILTER);
		atomic_store(&step, 2);
		NEED(pthread_join(thread, &result) == 0 && result == NULL);
		NEED(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_FILTER)
		skip();
	assert_int_equal(status, 0);
}

static void test_power(void **context)
{
	(void)context;
	in_sandbox(power);
}
static void test_sockets(void **context)
{
	(void)context;
	in_sandbox(sockets);
}
static void test_use(void **context)
{
	(void)context;
	in_sandbox(use);
}

static bool has_capability(int which)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	NEED(syscall(SYS_capget, &header, data) == 0);
	return data[which / 32].permitted >> which % 32 & 1;
}

static void test_capabilities(void **context)
{
	pid_t child = geteuid() == 0 ? fork() : 0;
	int status;

	(void)context;
	if (geteuid() != 0)
		skip();
	if (child == 0) {
		const struct sandbox_options image = {.drive = false}, drive = {.drive = true};
		bool raw = has_capability(CAP_SYS_RAWIO), admin = has_capability(CAP_SYS_ADMIN);

		sandbox_drop_capabilities(&drive);
		NEED(has_capability(CAP_SYS_RAWIO) == raw && has_capability(CAP_SYS_ADMIN) == admin);
		NEED(!has_capability(CAP_DAC_OVERRIDE) && !has_capability(CAP_SETUID) &&
		     !has_capability(CAP_SYS_MODULE) && !has_capability(CAP_BPF));
		sandbox_drop_capabilities(&image);
		NEED(!has_capability(CAP_SYS_RAWIO) && has_capability(CAP_SYS_ADMIN) == admin);
		NEED(syscall(SYS_setuid, 65534) == -1); /* of this thread */
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),		cmocka_unit_test(test_sockets),	     cmocka_unit_test(test_use),
		cmocka_unit_test(test_earlier_threads), cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
