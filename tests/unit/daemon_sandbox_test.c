/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In a process of its own each: what the sandbox refuses, and what must still go. */
#include "fs/daemon/filter.c"

#include <dirent.h>
#include <linux/capability.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fs/daemon/sandbox.h"

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
	REFUSED(syscall(NR_OPEN_TREE_ATTR, AT_FDCWD, "/", 0, NULL, 0));
	REFUSED(syscall(NR_FILE_SETATTR, AT_FDCWD, "/", NULL, 0, 0));
	REFUSED(syscall(NR_PIDFD_SEND_SIGNAL, -1, 0, NULL, 0));
	REFUSED(umount2("/nowhere/at/all", MNT_DETACH));
	REFUSED(chmod("/nowhere/at/all", 0666));
	REFUSED(fchmodat(AT_FDCWD, "/nowhere/at/all", 0666, 0));
	REFUSED(syscall(NR_FCHMODAT2, AT_FDCWD, "/nowhere/at/all", 0666, 0));
	REFUSED(chown("/nowhere/at/all", 0, 0));
	REFUSED(truncate("/nowhere/at/all", 0));
	REFUSED(symlink("x", "/nowhere/at/all"));
	REFUSED(ioctl(STDERR_FILENO, TIOCSTI, &byte));
	errno = 0;
	NEED(syscall(NR_NEWEST + 1, 0) == -1 && errno == ENOSYS);
	if (sandbox_has_sanitizer())
		return;
	REFUSED(kill(getppid(), 0));
	REFUSED(syscall(SYS_prlimit64, getppid(), 0, NULL, NULL));
	REFUSED(mprotect((void *)((uintptr_t)&byte & ~(uintptr_t)4095), 4096, PROT_READ | PROT_EXEC));
	errno = 0;
	NEED(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	     errno == EPERM);
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
	NEED(kill(getpid(), 0) == 0 && pthread_kill(pthread_self(), 0) == 0);
	pid_t child = fork();
	NEED(child >= 0);
	if (child == 0)
		_exit(0);
	NEED(waitpid(child, NULL, 0) == child);
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
		const struct sandbox_options image = {.drive = false}, drive = {.drive = true},
					     mounted = {.mounted = true};
		bool raw = has_capability(CAP_SYS_RAWIO), admin = has_capability(CAP_SYS_ADMIN);

		sandbox_drop_capabilities(&drive);
		NEED(has_capability(CAP_SYS_RAWIO) == raw && has_capability(CAP_SYS_ADMIN) == admin);
		NEED(!has_capability(CAP_DAC_OVERRIDE) && !has_capability(CAP_SETUID) &&
		     !has_capability(CAP_SYS_MODULE) && !has_capability(CAP_BPF));
		sandbox_drop_capabilities(&image);
		NEED(!has_capability(CAP_SYS_RAWIO) && has_capability(CAP_SYS_ADMIN) == admin);
		NEED(syscall(SYS_setuid, 65534) == -1); /* of this thread */
		sandbox_drop_capabilities(&mounted);
		NEED(!has_capability(CAP_SYS_ADMIN));
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* ---- the filter as a program, for calls that no kernel here has ---- */

#ifdef AUDIT_ARCH_HERE

static uint32_t word_of(const struct seccomp_data *data, uint32_t offset)
{
	uint32_t word;

	memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static bool compares(unsigned short code, uint32_t a, uint32_t k)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == k;
	case BPF_JGT:
		return a > k;
	case BPF_JGE:
		return a >= k;
	case BPF_JSET:
		return a & k;
	default:
		fail_msg("what does %#x mean?", code);
		return false;
	}
}

static uint32_t answer(const struct program *p, struct seccomp_data data)
{
	uint32_t a = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct sock_filter *f = &p->code[i];

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			a = word_of(&data, f->k);
			break;
		case BPF_ALU:
			a &= f->k;
			break;
		case BPF_JMP:
			i += compares(f->code, a, f->k) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return f->k;
		default:
			fail_msg("what does %#x mean?", f->code);
		}
	}
	fail_msg("it has no end");
	return 0;
}

static uint32_t answer_to(const struct program *p, unsigned number, uint64_t first, uint64_t second, uint64_t third)
{
	return answer(p, (struct seccomp_data){.nr = (int)number,
					       .arch = AUDIT_ARCH_HERE,
					       .args = {first, second, third}});
}

static void test_numbers(void **context)
{
	static struct program p;
	const uint32_t none = SECCOMP_RET_ERRNO | ENOSYS, no = SECCOMP_RET_ERRNO | EPERM;

	(void)context;
	write_daemon(&p);
	for (unsigned n = NR_NEWEST + 1; n < 2000; n++)
		assert_int_equal(answer_to(&p, n, 0, 0, 0), none);
	assert_int_equal(answer_to(&p, X32_BIT | SYS_read, 0, 0, 0), no);
	assert_int_equal(answer(&p, (struct seccomp_data){.nr = SYS_read, .arch = AUDIT_ARCH_HERE ^ 1}), no);
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++)
		assert_int_equal(answer_to(&p, refused[i], 0, 0, 0), no);
	for (size_t i = 0; i < ARRAY_LENGTH(often); i++)
		assert_int_equal(answer_to(&p, often[i], 1, 1, 1), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_to(&p, SYS_openat, 0, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer_to(&p, SYS_ioctl, 0, 0x5001, 0), SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_LENGTH(controls); i++)
		assert_int_equal(answer_to(&p, SYS_ioctl, 0, controls[i], 0), no);
	assert_int_equal(answer_to(&p, SYS_mmap, 0, 0, PROT_READ | PROT_EXEC), SECCOMP_RET_ALLOW);
}

static void test_unmounter_numbers(void **context)
{
	static struct program p;
	unsigned allowed = 0;

	(void)context;
	write_unmounter(&p);
	for (unsigned n = 0; n < 2000; n++)
		allowed += answer_to(&p, n, 0, 0, 0) == SECCOMP_RET_ALLOW;
	assert_int_equal(allowed, ARRAY_LENGTH(unmounters) + 2); /* openat, mmap */
	assert_int_equal(answer_to(&p, SYS_openat, 0, 0, O_WRONLY), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(answer_to(&p, SYS_execve, 0, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(answer_to(&p, SYS_mmap, 0, 0, PROT_EXEC), SECCOMP_RET_ERRNO | EPERM);
}

#else
static void test_numbers(void **context)
{
	(void)context;
	skip();
}
#define test_unmounter_numbers test_numbers
#endif

/* ---- files ---- */

enum { NO_LANDLOCK = 41 };

static int open_temporary(char *name)
{
	NEED(mkdtemp(name));
	return open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static void *open_passwd(void *arg)
{
	return open("/etc/passwd", O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES ? NULL : arg;
}

#define DENIED(call) \
	do { \
		errno = 0; \
		NEED((call) == -1 && (errno == EACCES || errno == EPERM || errno == EXDEV)); \
	} while (0)

/* In the directory of the stage all goes on, elsewhere nothing. */
static void look_around(int stage, int stages, int image, const char *elsewhere)
{
	char link[64];
	pthread_t thread;
	void *result;
	int fd;

	NEED((fd = openat(stage, "body", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0 && ftruncate(fd, 10) == 0);
	NEED(openat(stage, ".", O_RDONLY | O_DIRECTORY) >= 0 && unlinkat(stage, "body", 0) == 0);
	NEED(openat(stage, ".", O_TMPFILE | O_RDWR, 0600) >= 0 || errno == EOPNOTSUPP);
	NEED(mkdirat(stage, "bodies", 0700) == 0 && unlinkat(stage, "bodies", AT_REMOVEDIR) == 0);
	NEED(renameat(stages, "stage", stages, "renamed") == 0);
	NEED((fd = openat(stage, "again", O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0 && unlinkat(stage, "again", 0) == 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", image);
	NEED(open(link, O_RDWR | O_CLOEXEC) >= 0 && ftruncate(image, 4096) == 0);
	NEED(open("/dev/null", O_RDWR) >= 0 && open("/usr/bin/env", O_RDONLY) >= 0);

	NEED(open_passwd(link) == NULL);
	DENIED(open("/etc/passwd", O_RDONLY));
	DENIED(open("/proc/self/maps", O_RDONLY));
	DENIED(openat(stages, "file", O_RDWR | O_CREAT, 0600));
	DENIED(open(elsewhere, O_RDONLY | O_DIRECTORY));
	DENIED(mkdir("/tmp/cdappendfs-sandbox-made", 0700));
	DENIED(rmdir(elsewhere));
	DENIED(rename(elsewhere, "/tmp/cdappendfs-sandbox-moved"));
	DENIED(symlink("x", "/tmp/cdappendfs-sandbox-link"));
	DENIED(mount("none", elsewhere, "tmpfs", 0, NULL));
	DENIED(execl("/bin/true", "true", NULL));
	NEED(pthread_create(&thread, NULL, open_passwd, link) == 0 && pthread_join(thread, &result) == 0 && !result);
}

static _Noreturn void run_confined(const char *stages_name, const char *elsewhere, bool drive)
{
	struct sandbox_files files = {
		.image = -1, .writable = true, .stage = -1, .stages = -1, .catalogue = -1, .drive = drive};

	files.stages = open(stages_name, O_PATH | O_DIRECTORY);
	NEED(mkdirat(files.stages, "stage", 0700) == 0);
	files.stage = openat(files.stages, "stage", O_RDONLY | O_DIRECTORY);
	files.image = openat(files.stages, "image", O_RDWR | O_CREAT, 0600);
	NEED(files.stages >= 0 && files.stage >= 0 && files.image >= 0);
	if (sandbox_confine(&files) < 0)
		_exit(NO_LANDLOCK);
	if (!drive) {
		look_around(files.stage, files.stages, files.image, elsewhere);
		_exit(0);
	}
	NEED(open_passwd(files.image ? &files : NULL) == NULL);
	for (int i = 0; i < 3; i++) {
		DIR *tasks = opendir("/proc/self/task");
		char comm[64];

		NEED(tasks);
		snprintf(comm, sizeof(comm), "%d/comm", (int)getpid());
		NEED(openat(dirfd(tasks), comm, O_RDONLY) >= 0);
		closedir(tasks);
	}
	NEED(open("/dev/zero", O_RDWR) >= 0);
	_exit(0);
}

static void confined(bool drive)
{
	char stages[] = "/tmp/cdappendfs-sandbox.XXXXXX", elsewhere[] = "/tmp/cdappendfs-sandbox.XXXXXX";
	int stages_fd = open_temporary(stages), status;
	int elsewhere_fd = open_temporary(elsewhere);
	pid_t child = fork();

	if (child == 0)
		run_confined(stages, elsewhere, drive);
	assert_int_equal(waitpid(child, &status, 0), child);
	unlinkat(stages_fd, "image", 0);
	unlinkat(stages_fd, "stage", AT_REMOVEDIR);
	unlinkat(stages_fd, "renamed", AT_REMOVEDIR);
	close(stages_fd);
	close(elsewhere_fd);
	rmdir(stages);
	rmdir(elsewhere);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NO_LANDLOCK) {
		/* Nothing to show: a sanitizer reads what it likes, and a kernel may be without. */
		assert_true(sandbox_has_sanitizer() || syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0);
		print_message("# files are not confined: %s\n",
			      sandbox_has_sanitizer() ? "a build with a sanitizer" : "a kernel without Landlock");
		return;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_files(void **context)
{
	(void)context;
	confined(false);
}
static void test_drive_files(void **context)
{
	(void)context;
	confined(true);
}

/* A stage or image that the kernel takes no rule for (here a pipe) must stay usable: nothing is restricted then. */
static void test_no_rule(void **context)
{
	struct sandbox_files files = {.image = -1, .stage = -1, .stages = -1, .catalogue = -1};
	int ends[2], status;

	(void)context;
	assert_int_equal(pipe(ends), 0);
	files.image = ends[0];
	pid_t child = fork();
	if (child == 0) {
		NEED(sandbox_confine(&files) < 0);
		NEED(open("/etc/passwd", O_RDONLY) >= 0);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_power),
		cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_earlier_threads),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_unmounter_numbers),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_drive_files),
		cmocka_unit_test(test_no_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
