/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confine.c - which files are left (landlock(7))
 *
 * By inode, not by name: an image or a stage that is renamed stays allowed, and what takes its place is not.  What is
 * open already is not asked about.  Looking at files (stat, statfs, access) is not restricted, nor are modes, owners
 * and times: those are filter.c's.
 *
 * The kernel's header of the machine that builds may be older than the kernel: what is needed of it stands here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/daemon/internal.h"
#include "fs/daemon/sandbox.h"

/* One number on all machines. */
enum { NR_CREATE_RULESET = 444, NR_ADD_RULE = 445, NR_RESTRICT_SELF = 446 };
enum { CREATE_RULESET_VERSION = 1, RULE_PATH_BENEATH = 1 };

#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIR (UINT64_C(1) << 3)
#define REMOVE_DIR (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_DIR (UINT64_C(1) << 7)
#define MAKE_REG (UINT64_C(1) << 8)
#define TRUNCATE (UINT64_C(1) << 14)
#define IOCTL_DEV (UINT64_C(1) << 15)
#define OF_FILES (UINT64_C(1) | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)
#define TCP (UINT64_C(1) | UINT64_C(2))	   /* bind, connect */
#define SCOPES (UINT64_C(1) | UINT64_C(2)) /* abstract sockets, signals */
#define ALL_OF(n_rights) ((UINT64_C(1) << (n_rights)) - 1)

struct ruleset {
	uint64_t files, net, scoped;
};
struct rule {
	uint64_t allowed;
	int32_t beneath;
} __attribute__((packed));

/* What the kernel of that version knows. */
static struct ruleset known_to(long version)
{
	return (struct ruleset){
		.files = ALL_OF(version >= 5 ? 16 :
				version >= 3 ? 15 :
				version == 2 ? 14 :
					       13),
		.net = version >= 4 ? TCP : 0,
		.scoped = version >= 6 ? SCOPES : 0,
	};
}
static size_t bytes_of(long version)
{
	return version >= 6 ? sizeof(struct ruleset) : version >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

struct confinement {
	int rules;
	uint64_t handled;
};

/* What is missing needs no rule. */
static int allow(const struct confinement *c, int beneath, uint64_t rights)
{
	struct rule rule = {.allowed = rights & c->handled, .beneath = beneath};
	struct stat st;

	if (beneath < 0)
		return 0;
	if (fstat(beneath, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		rule.allowed &= OF_FILES;
	if (rule.allowed && syscall(NR_ADD_RULE, c->rules, RULE_PATH_BENEATH, &rule, 0) < 0)
		return -errno;
	return 0;
}

/* Of the machine: without it less is done, nothing is lost. */
static void allow_path(const struct confinement *c, const char *path, uint64_t rights)
{
	_close_ int fd = open(path, O_PATH | O_CLOEXEC);

	allow(c, fd, rights);
}

/* What libraries read when they are first needed, or each time: further libraries, OpenSSL's settings, the time zone,
 * systemd's word of a shutdown, the number of processors. */
static void allow_libraries(const struct confinement *c)
{
	static const char *const read[] = {
		"/usr",
		"/lib",
		"/lib64",
		"/nix/store",
		"/gnu/store",
		"/etc/ld.so.cache",
		"/etc/ssl",
		"/etc/pki/tls",
		"/etc/crypto-policies",
		"/etc/localtime",
		"/etc/timezone",
		"/run/systemd",
		"/sys/devices/system",
		"/dev/urandom",
		"/dev/random",
	};

	for (size_t i = 0; i < ARRAY_LENGTH(read); i++)
		allow_path(c, read[i], READ_FILE | READ_DIR);
}

/* Each thread of libfuse opens the device anew. */
static void allow_devices(const struct confinement *c, bool drive)
{
	allow_path(c, "/dev/null", READ_FILE | WRITE_FILE);
	allow_path(c, "/dev/fuse", READ_FILE | WRITE_FILE | IOCTL_DEV);
	if (!drive)
		return;
	allow_path(c, "/dev", READ_FILE | WRITE_FILE | READ_DIR | IOCTL_DEV);
	/* Its threads are looked for.  The directory stays open: forgotten by the kernel, it would be another one
	 * when it is next opened. */
	allow(c, open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC), READ_FILE | READ_DIR);
}

static int allow_disc(const struct confinement *c, const struct sandbox_files *f)
{
	const uint64_t all =
		READ_FILE | WRITE_FILE | TRUNCATE | READ_DIR | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR;

	int r = allow(c, f->image, f->writable ? READ_FILE | WRITE_FILE | TRUNCATE : READ_FILE);

	r = r ? r : allow(c, f->stage, all);
	r = r ? r : allow(c, f->catalogue, READ_FILE | WRITE_FILE | TRUNCATE | READ_DIR | MAKE_REG | REMOVE_FILE);
	return r ? r : allow(c, f->stages, READ_DIR | MAKE_DIR | REMOVE_DIR); /* that is renaming */
}

int sandbox_confine(const struct sandbox_files *files)
{
	long version = syscall(NR_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);

	if (sandbox_has_report())
		return -ENOTSUP; /* it is written anywhere */
	if (version < 1)
		return version < 0 ? -errno : -ENOSYS;
	const struct ruleset all = known_to(version);
	_close_ int rules = (int)syscall(NR_CREATE_RULESET, &all, bytes_of(version), 0);
	if (rules < 0)
		return -errno;
	const struct confinement c = {.rules = rules, .handled = all.files};
	allow_libraries(&c);
	allow_devices(&c, files->drive);
	int r = allow_disc(&c, files);
	if (r < 0)
		return r;
	if (files->tuning)
		allow_path(&c, files->tuning, WRITE_FILE);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(NR_RESTRICT_SELF, rules, 0) < 0)
		return -errno;
	return 0;
}
