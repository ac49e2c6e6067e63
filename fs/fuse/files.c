/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files.c - open files
 *
 * The page cache is kept over opens: what is written through this mount goes through it (no writeback cache: write(2)
 * has reached the tree when it returns), and the kernel itself drops the pages that a truncation, fallocate or copy
 * changes. A file that is made (or emptied) to be written only, as cp and tar do, is written past it: nothing can be
 * mapped through such a handle, and nothing is cached of the file, unless somebody else opens it meanwhile
 * (refresh.c). FLUSH is answered "no such call" once: a close costs no request.  On a read-only mount OPEN is, too: a
 * small file is read by one request.
 */
#include <fcntl.h>

#include "fs/fuse/internal.h"

#define SPLICE_FROM_BYTES (64u << 10) /* below, the calls cost more than the copy */

static struct tree_file *file_of(uint64_t handle) { return (struct tree_file *)(uintptr_t)handle; }

/* empty: nothing of it is cached. */
static struct fuse_file_info open_info(struct server *s, struct tree_file *f, int flags, bool empty)
{
	bool past_cache = empty && (flags & O_ACCMODE) == O_WRONLY && tree_file_alone(s->tree, f);

	return (struct fuse_file_info){.flags = flags,
				       .fh = (uint64_t)(uintptr_t)f,
				       .keep_cache = !past_cache && !refresh_is_losing(s->refresh),
				       .direct_io = past_cache,
				       .noflush = 1};
}

static int open_file(struct server *s, fuse_ino_t ino, int flags, struct tree_file **ret)
{
	return is_past(s, ino) ? snapdir_open(s->snapdir, ino, flags, ret) : tree_open(s->tree, ino, flags, ret);
}

static void close_file_of(struct server *s, fuse_ino_t ino, struct tree_file *f)
{
	if (is_past(s, ino))
		snapdir_close(s->snapdir, ino, f);
	else
		tree_close(s->tree, f);
}

/* Of a file that is open. */
static struct tree *tree_of(struct server *s, fuse_ino_t ino)
{
	return is_past(s, ino) ? snapdir_tree(s->snapdir, ino) : s->tree;
}

/* A read-only mount has no handles: a file is opened for each request on it. */
static int use_file(struct server *s, const struct request *request, struct tree_file **ret)
{
	*ret = file_of(request->handle);
	return *ret ? 0 : open_file(s, request->ino, O_RDONLY, ret);
}

static void unuse_file(struct server *s, const struct request *request, struct tree_file *f)
{
	if (!request->handle)
		close_file_of(s, request->ino, f);
}

/* What is written back of a mapping goes through any handle of the file. */
static void note_opener(struct server *s, fuse_req_t req, struct tree_file *f)
{
	if (fuse_req_ctx(req)->uid != 0)
		tree_file_set_plain(s->tree, f);
}

static int run_open(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_file *f;
	bool past = is_past(s, request->ino), emptied = request->flags & O_TRUNC && !past;
	int r = emptied ? attributes_content_changes(s, req, request->ino) : 0;

	if (!r)
		r = open_file(s, request->ino, request->flags, &f);
	if (r < 0)
		return reply(req, r);
	if (!past)
		note_opener(s, req, f);
	struct fuse_file_info fi = open_info(s, f, request->flags, emptied);
	if (fuse_reply_open(req, &fi) < 0)
		close_file_of(s, request->ino, f);
	return 0;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (server_of(req)->no_handles)
		fuse_reply_err(req, ENOSYS); /* the kernel opens and closes files by itself from now on */
	else
		request_submit(req, &(struct request){.run = run_open, .ino = ino, .flags = fi->flags});
}

static int run_create(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_caller caller = caller_of(req);
	struct fuse_entry_param e;
	struct tree_file *f;
	struct stat st;
	int r = past_refuses(s, request);

	if (!r)
		r = tree_create(s->tree, &caller, request->ino, request->name, request->mode, request->flags, &st, &f);
	if (r < 0)
		return reply(req, r);
	note_opener(s, req, f);
	struct fuse_file_info fi = open_info(s, f, request->flags, true);
	entry_of(s, &st, &e);
	if (fuse_reply_create(req, &e, &fi) < 0) {
		tree_close(s->tree, f);
		tree_forget(s->tree, st.st_ino, 1);
	}
	return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){
				    .run = run_create, .ino = parent, .name = name, .mode = mode, .flags = fi->flags});
}

/* Large pieces of an image go to the kernel without passing through this process. False: not this one, nothing is
 * answered. */
static bool reply_from_image(struct server *s, fuse_req_t req, const struct request *request, struct tree_file *f)
{
	struct fuse_bufvec v = FUSE_BUFVEC_INIT(0);
	struct stat st;
	uint64_t pos;
	int fd;

	if (!s->splices || request->size < SPLICE_FROM_BYTES ||
	    !tree_read_place(tree_of(s, request->ino), f, (uint64_t)request->offset, request->size, &fd, &pos,
			     &v.buf[0].size))
		return false;
	/* Of an image that was cut, reading says where. */
	if (fstat(fd, &st) < 0 || pos + v.buf[0].size > (uint64_t)st.st_size)
		return false;
	v.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK;
	v.buf[0].fd = fd;
	v.buf[0].pos = (off_t)pos;
	fuse_reply_data(req, &v, 0);
	return true;
}

static int run_read(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_file *f;
	size_t n;
	int r = use_file(s, request, &f);

	if (r < 0)
		return reply(req, r);
	if (!reply_from_image(s, req, request, f)) {
		void *buffer = thread_buffer(request->size);

		r = !buffer ? -ENOMEM :
			      tree_read(tree_of(s, request->ino), f, (uint64_t)request->offset, buffer, request->size,
					&n);
		if (r < 0)
			r = reply(req, r);
		else
			fuse_reply_buf(req, buffer, n);
	}
	unuse_file(s, request, f);
	return r;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	request_submit(
		req, &(struct request){.run = run_read, .ino = ino, .handle = fi->fh, .size = size, .offset = offset});
}

static int run_write(struct server *s, fuse_req_t req, const struct request *request)
{
	/* The kernel writes back changed pages through any handle of the file: they are what is cached, and refresh.c
	 * may be waiting for them. */
	bool past_cache = !request->writeback;

	if (past_cache && !request->refreshed && tree_file_met(file_of(request->handle)))
		return refresh_before(s->refresh, req, request);
	int r = request->writeback ? attributes_mapping_changes(s, file_of(request->handle)) :
				     attributes_content_changes(s, req, request->ino);

	if (!r)
		r = tree_write(s->tree, file_of(request->handle), (uint64_t)request->offset, request->data,
			       request->size);
	if (r < 0 && r != -EAGAIN && request->writeback)
		return refresh_lost(s->refresh, req, request, r);
	if (r < 0)
		return reply(req, r);
	if (past_cache && tree_file_met(file_of(request->handle)))
		refresh_written(s->refresh, req, request->ino, request->offset, request->size);
	else
		fuse_reply_write(req, request->size);
	return 0;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t offset, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){.run = run_write,
					      .ino = ino,
					      .handle = fi->fh,
					      .data = data,
					      .size = size,
					      .offset = offset,
					      .writeback = fi->writepage});
}

static int run_fallocate(struct server *s, fuse_req_t req, const struct request *request)
{
	int r = attributes_content_changes(s, req, request->ino);

	if (!r)
		r = tree_fallocate(s->tree, file_of(request->handle), request->flags, (uint64_t)request->offset,
				   (uint64_t)request->other_offset);
	return reply(req, r);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset, off_t length, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){.run = run_fallocate,
					      .ino = ino,
					      .handle = fi->fh,
					      .flags = mode,
					      .offset = offset,
					      .other_offset = length});
}

static int run_lseek(struct server *s, fuse_req_t req, const struct request *request)
{
	struct tree_file *f;
	uint64_t found;
	int r = use_file(s, request, &f);

	if (r == 0) {
		r = tree_seek(tree_of(s, request->ino), f, (uint64_t)request->offset, request->flags, &found);
		unuse_file(s, request, f);
	}
	if (r < 0)
		return reply(req, r);
	fuse_reply_lseek(req, (off_t)found);
	return 0;
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence, struct fuse_file_info *fi)
{
	request_submit(req, &(struct request){
				    .run = run_lseek, .ino = ino, .handle = fi->fh, .offset = offset, .flags = whence});
}

static int run_copy(struct server *s, fuse_req_t req, const struct request *request)
{
	size_t copied;
	int r = attributes_content_changes(s, req, request->other);

	if (!r)
		r = tree_copy(s->tree, file_of(request->handle), (uint64_t)request->offset,
			      file_of(request->other_handle), (uint64_t)request->other_offset, request->size, &copied);
	if (r < 0)
		return reply(req, r);
	fuse_reply_write(req, copied);
	return 0;
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t offset_in, struct fuse_file_info *fi_in,
			fuse_ino_t ino_out, off_t offset_out, struct fuse_file_info *fi_out, size_t length, int flags)
{
	/* The answer holds 32 bits. */
	size_t most = length < 0x7ffff000u ? length : 0x7ffff000u;

	(void)flags;
	request_submit(req, &(struct request){.run = run_copy,
					      .ino = ino_in,
					      .offset = offset_in,
					      .handle = fi_in->fh,
					      .other = ino_out,
					      .other_offset = offset_out,
					      .other_handle = fi_out->fh,
					      .size = most});
}

static int run_fsync(struct server *s, fuse_req_t req, const struct request *request)
{
	return reply(req, is_past(s, request->ino) ? 0 : tree_fsync(s->tree, request->ino));
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)datasync, (void)fi;
	request_submit(req, &(struct request){.run = run_fsync, .ino = ino});
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	close_file_of(server_of(req), ino, file_of(fi->fh));
	fuse_reply_err(req, 0);
}
