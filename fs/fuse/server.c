/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server.c - the session with the kernel: options, capabilities, loop
 *
 * What is asked of the kernel, and why:
 *	readdirplus always	a listing brings the attributes that ls and find ask for next
 *	no automatic invalidation by times or size: nothing else changes the files, and our own writes change their
 *	times
 *	splice for answers	only: what is read of an image (files.c); requests are read into the worker's
 *				buffer at once
 *	export			it asks for forgotten inodes by their numbers: file handles stay good
 *	max_read 512 KiB	what fits into a pipe of the size that anybody may have, with its header
 *	max_background 512	reads that wait for a burning drive must not use up the slots of the others
 *	no async_dio		of direct writes that end later the kernel leaves pages in the cache that somebody
 *				read meanwhile (checked up to 6.18)
 *	umask as it is		directories may have default access control lists, which count instead
 *	lists checked		where the kernel checks permissions (xattrs.c)
 *	set-id bits are ours	agree.c
 *	no writeback cache	write(2) has reached the stage, and ENOSPC is told, when it returns
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "burner/base/io.h"
#include "burner/base/log.h"
#include "burner/base/own.h"
#include "fs/fuse/internal.h"

#define MAX_THREADS 16
#define MAX_BACKGROUND 512
#define MAX_WRITE (1u << 20)
#define MAX_READ 524288
#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number
#define READ_AHEAD_KB "1024"
#define FUSE_MAGIC 0x65735546

static void op_init(void *data, struct fuse_conn_info *conn)
{
	unsigned unwanted = FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA | FUSE_CAP_WRITEBACK_CACHE |
			    FUSE_CAP_HANDLE_KILLPRIV | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ASYNC_DIO;
	unsigned wanted = FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_ATOMIC_O_TRUNC |
			  FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_EXPORT_SUPPORT |
			  FUSE_CAP_DONT_MASK;
	struct server *s = data;

	if (xattrs_kernel_checks_lists(&s->options))
		wanted |= FUSE_CAP_POSIX_ACL;
	else
		unwanted |= FUSE_CAP_POSIX_ACL;

	s->splices = conn->capable & FUSE_CAP_SPLICE_WRITE;
	s->no_handles = s->options.read_only && conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
	s->no_dir_handles = s->options.read_only && conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
	conn->want &= ~unwanted;
	conn->want |= wanted & conn->capable;
	conn->max_write = MAX_WRITE;
	conn->max_read = MAX_READ;
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi, unsigned flags,
		     const void *in, size_t in_size, size_t out_size)
{
	(void)ino, (void)cmd, (void)arg, (void)fi, (void)flags, (void)in, (void)in_size, (void)out_size;
	fuse_reply_err(req, ENOTTY);
}

/* What is left out (access, flush, locks) libfuse answers ENOSYS: the kernel stops asking. */
const struct fuse_lowlevel_ops server_operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.statfs = op_statfs,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.symlink = op_symlink,
	.link = op_link,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.rename = op_rename,
	.open = op_open,
	.create = op_create,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.release = op_release,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.ioctl = op_ioctl,
};

static void free_args(struct fuse_args *args) { fuse_opt_free_args(args); }

static int make_args(const struct server_options *o, struct fuse_args *args)
{
	_free_ char *text = NULL, *source = NULL;

	if (asprintf(&source, "fsname=%s", o->source) < 0) {
		source = NULL;
		return -ENOMEM;
	}
	if (fuse_opt_add_opt(&text, "subtype=cdappendfs,max_read=" TEXT_OF(MAX_READ)) < 0 ||
	    fuse_opt_add_opt_escaped(&text, source) < 0 || (o->read_only && fuse_opt_add_opt(&text, "ro") < 0) ||
	    (o->allow_other && fuse_opt_add_opt(&text, "default_permissions") < 0) ||
	    (o->for_owner && fuse_opt_add_opt(&text, "allow_other") < 0) ||
	    (o->fuse_options && *o->fuse_options && fuse_opt_add_opt(&text, o->fuse_options) < 0) ||
	    fuse_opt_add_opt(&text, "noatime") < 0 || /* whatever else is asked for: reading changes no times */
	    fuse_opt_add_arg(args, "cdappendfs") < 0 || fuse_opt_add_arg(args, "-o") < 0 ||
	    fuse_opt_add_arg(args, text) < 0)
		return -ENOMEM;
	if (o->debug && fuse_opt_add_arg(args, "-d") < 0)
		return -ENOMEM;
	return 0;
}

/* Lines of libfuse, which end in a newline and name files. */
__attribute__((format(printf, 2, 0))) static void log_of_libfuse(enum fuse_log_level level, const char *format,
								 va_list arguments)
{
	char *text;

	if (vasprintf(&text, format, arguments) < 0)
		return;
	text[strcspn(text, "\n")] = '\0';
	log_at(level > FUSE_LOG_NOTICE ? LOG_NOTICE : (int)level, "%s", text);
	free(text);
}

int server_new(const struct server_options *options, struct tree *tree, struct server **ret)
{
	_cleanup_(free_args) struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	_cleanup_(server_freep) struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->tree = tree;
	s->options = *options;
	lock_init(&s->sync_lock, LOCK_PLAIN);
	lock_init(&s->notify_lock, LOCK_PLAIN);
	pthread_cond_init(&s->notify_idle, NULL);
	r = make_args(options, &args);
	if (!r)
		r = park_new(s, &s->park);
	if (!r)
		r = refresh_new(s, &s->refresh);
	if (r < 0)
		return r;
	fuse_set_log_func(log_of_libfuse);
	s->session = fuse_session_new(&args, &server_operations, sizeof(server_operations), s);
	if (!s->session)
		return -EINVAL;
	*ret = TAKE_PTR(s);
	return 0;
}

void server_set_commit(struct server *s, struct commit *commit) { s->commit = commit; }

void server_set_snapdir(struct server *s, struct snapdir *snapdir) { s->snapdir = snapdir; }

/* Nobody leads root elsewhere by a link in the path.  Where mount(8) keeps /etc/mtab it needs the name. */
static bool mounts_by_descriptor(const struct server *s)
{
	struct stat mtab;

	return geteuid() == 0 && s->options.directory >= 0 && access("/proc/self/fd", F_OK) == 0 &&
	       !(lstat("/etc/mtab", &mtab) == 0 && S_ISREG(mtab.st_mode));
}

int server_mount(struct server *s)
{
	char held[FD_PATH_BYTES];

	fd_path(s->options.directory, held);
	/* fusermount3 goes by the name, with the user's own rights. */
	if (fuse_session_mount(s->session, mounts_by_descriptor(s) ? held : s->options.mountpoint) != 0)
		return -EIO;
	s->mounted = true;
	return agree_begin(s);
}

int server_loop(struct server *s)
{
	struct fuse_loop_config *config;
	int r = park_start(s->park);

	if (!r)
		r = refresh_start(s->refresh);
	if (r < 0)
		return r;
	config = fuse_loop_cfg_create();
	if (!config)
		return -ENOMEM;
	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, MAX_THREADS);
	fuse_loop_cfg_set_idle_threads(config, MAX_THREADS);
	r = fuse_session_loop_mt(s->session, config);
	fuse_loop_cfg_destroy(config);
	return r < 0 ? r : 0;
}

void server_stop(struct server *s)
{
	server_flush_writers(s); /* what it could not reach, the kernel writes back at the unmount */
	notify_silence(s);
	fuse_session_exit(s->session);
}

/* Unmounted by somebody else: another mount may be there by now. */
bool server_unmounted(const struct server *s)
{
	struct pollfd p = {.fd = fuse_session_fd(s->session)};

	return poll(&p, 1, 0) == 1 && (p.revents & POLLERR);
}

/*
 * The device is closed, so that nobody waits for answers any more.  libfuse would unmount by the mount point's name,
 * and that may lead elsewhere by now: so in the place of the device it gets the end of a pipe that nobody reads, which
 * says POLLERR as the device of a mount that is gone, and libfuse only forgets it.
 */
static bool close_device(struct server *s)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return false;
	close(fds[0]);
	bool closed = dup3(fds[1], fuse_session_fd(s->session), O_CLOEXEC) >= 0;
	close(fds[1]);
	return closed;
}

static void take_away(struct server *s)
{
	bool there = !server_unmounted(s), closed = close_device(s);

	if (there && s->options.take_away)
		s->options.take_away(s->options.context);
	if (closed)
		fuse_session_unmount(s->session);
}

void server_unmount(struct server *s)
{
	if (!s->mounted)
		return;
	notify_silence(s);
	if (s->commit)
		sync_reply_all(s, EINTR);
	park_stop(s->park);
	refresh_stop(s->refresh);
	take_away(s);
	s->mounted = false;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	server_unmount(s);
	park_free(s->park);
	refresh_free(s->refresh);
	if (s->session)
		fuse_session_destroy(s->session);
	pthread_cond_destroy(&s->notify_idle);
	lock_release(&s->notify_lock);
	lock_release(&s->sync_lock);
	free(s);
}

int server_answers(int root, dev_t *ret)
{
	struct statfs fs;
	struct stat st;

	if (fstat(root, &st) < 0 || fstatfs(root, &fs) < 0)
		return -errno;
	if (fs.f_type != FUSE_MAGIC || st.st_ino != TREE_ROOT)
		return -ENOTCONN;
	*ret = st.st_dev;
	return 0;
}

void server_tuning(dev_t device, char ret[SERVER_TUNING_MAX])
{
	snprintf(ret, SERVER_TUNING_MAX, "/sys/class/bdi/%u:%u/read_ahead_kb", major(device), minor(device));
}

void server_tune(dev_t device)
{
	char path[SERVER_TUNING_MAX];

	server_tuning(device, path);
	_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, READ_AHEAD_KB, strlen(READ_AHEAD_KB)) < 0)
		return; /* as the kernel likes */
}
