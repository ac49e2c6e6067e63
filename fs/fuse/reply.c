/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.c - replies to the kernel
 *
 * A reply can fail only because its request was interrupted or the mount is gone; then the kernel never learns of
 * the look-up reference or handle in it, and it is taken back here or by the caller.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "burner/base/log.h"
#include "fs/fuse/internal.h"

/* Damage on the disc is an input/output error to programs; the log says once a second that it was damage. */
static int errno_of(int result)
{
	static _Atomic time_t last;
	time_t now = time(NULL);

	if (result != -EBADMSG && result != -EMEDIUMTYPE && result != -EIO)
		return -result;
	if (atomic_exchange(&last, now) != now)
		log_warning("%s",
			    result == -EIO ?
				    "input/output error: the disc or the disk of the stage cannot be read or written" :
				    "a file or directory of the disc is damaged; nothing is written to a disc whose "
				    "directories cannot be read to their end, since what they name would be lost "
				    "(cdappendfs-check names what is damaged)");
	return EIO;
}

/* Programs only learn that there is no space: whether the disc is full or something else, the log says once. */
static void say_full(struct server *s)
{
	static const char *const texts[] = {
		[TREE_FULL_MEDIUM] = "the disc is full: with what is staged its next session has no room for more",
		[TREE_FULL_HOST] = "the file system that holds the image is full: give it room; the disc has more",
		[TREE_FULL_STAGE] = ("the disk of the staging area is full: give it room, or burn what is staged with "
				     "cdappendfs-sync, or mount with another -o staging=; the disc has more"),
	};
	enum tree_full why = tree_why_full(s->tree);
	const char *directory = tree_stage_directory(s->tree);

	if (atomic_fetch_or(&s->full_said, 1u << why) & 1u << why)
		return;
	log_warning("no space left for %s: %s%s%s%s", s->options.mountpoint, texts[why],
		    why == TREE_FULL_STAGE ? " (" : "", why == TREE_FULL_STAGE && directory ? directory : "",
		    why == TREE_FULL_STAGE ? ")" : "");
}

/* Also when nothing is to be changed: what is burned of it later would fail. */
static void say_contradicted(struct server *s)
{
	if (!tree_is_contradicted(s->tree) || s->options.read_only || atomic_exchange(&s->contradiction_said, true))
		return;
	log_warning("%s: " TREE_CONTRADICTED
		    "; it is read-only from now on, and what is staged stays (cdappendfs-stage gives it out)",
		    s->options.source);
}

int reply(fuse_req_t req, int result)
{
	if (result == -EAGAIN)
		return result;
	say_contradicted(server_of(req));
	if (result == -ENOSPC)
		say_full(server_of(req));
	fuse_reply_err(req, result < 0 ? errno_of(result) : 0);
	return 0;
}

void show(const struct server *s, struct stat *st)
{
	if (s->options.show_uid)
		st->st_uid = s->options.uid;
	if (s->options.show_gid)
		st->st_gid = s->options.gid;
	if (s->options.for_owner && st->st_ino == TREE_ROOT)
		st->st_mode &= ~(mode_t)(S_IRWXG | S_IRWXO);
	if (s->options.show_umask && !S_ISLNK(st->st_mode))
		st->st_mode = (st->st_mode & (unsigned)S_IFMT) | (0777u & ~s->options.umask);
}

void entry_of(const struct server *s, const struct stat *st, struct fuse_entry_param *ret)
{
	double timeout = past_timeout(s, st->st_ino);

	*ret = (struct fuse_entry_param){.ino = st->st_ino,
					 .attr = *st,
					 .attr_timeout = timeout,
					 .entry_timeout = timeout};
	show(s, &ret->attr);
}

int reply_entry(fuse_req_t req, int result, const struct stat *st)
{
	struct server *s = server_of(req);
	struct fuse_entry_param e;

	if (result < 0)
		return reply(req, result);
	say_contradicted(s);
	entry_of(s, st, &e);
	if (fuse_reply_entry(req, &e) < 0)
		forget(s, st->st_ino, 1);
	return 0;
}

int reply_attr(fuse_req_t req, int result, const struct stat *st)
{
	struct stat shown;

	if (result < 0)
		return reply(req, result);
	shown = *st;
	show(server_of(req), &shown);
	fuse_reply_attr(req, &shown, past_timeout(server_of(req), st->st_ino));
	return 0;
}

struct tree_caller caller_of(fuse_req_t req)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);

	return (struct tree_caller){c->uid, c->gid, c->umask};
}

/* ---- one buffer a thread ---- */

struct buffer {
	size_t size;
	char bytes[];
};
static pthread_key_t buffer_key;
static pthread_once_t buffer_once = PTHREAD_ONCE_INIT;

static void make_key(void)
{
	if (pthread_key_create(&buffer_key, free) != 0)
		abort(); /* at the first request, for want of memory */
}

void *thread_buffer(size_t size)
{
	struct buffer *b;

	pthread_once(&buffer_once, make_key);
	b = pthread_getspecific(buffer_key);
	if (b && b->size >= size)
		return b->bytes;
	free(b);
	b = malloc(sizeof(*b) + size);
	if (b)
		b->size = size;
	pthread_setspecific(buffer_key, b);
	return b ? b->bytes : NULL;
}
