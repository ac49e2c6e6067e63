/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * target.h - the write side of a medium: one session
 *
 * target_reserve() -> target_write() in ascending order, without gaps -> target_sync() -> [verify by disc_read] ->
 * target_publish() -> target_free().  target_abort() at any time before publish gives back what can be given back
 * (an image is cut to its old length; a track is closed).
 * On sequential media target_sync() closes the session and publish has nothing left to do.
 *
 * One thread.  Errors: -ENOSPC, -EIO, -ENOMEDIUM, -ENODEV (the drive has gone), -EROFS, -ECANCELED.
 */
#ifndef CDAPPENDFS_TARGET_H
#define CDAPPENDFS_TARGET_H

#include <stdbool.h>
#include <stdint.h>

struct target_options {
	bool finalize; /* close the disc behind the session for ever; sequential media only */
	/* times the medium's single speed; 0: as fast as the drive can; images take no notice */
	double speed;
};

struct target;
struct target_ops {
	int (*reserve)(struct target *t, uint32_t start_lba, uint64_t sectors);
	int (*write)(struct target *t, uint32_t lba, const void *buf, uint32_t n_sectors, uint32_t *ret_accepted);
	int (*sync)(struct target *t);
	/* One of both, or none (sequential media). publish_sector is one sector-sized write to LBA 16..31;
	 * target_publish() orders them. */
	int (*publish_sector)(struct target *t, uint32_t lba, const uint8_t sector[2048]);
	int (*publish)(struct target *t, const uint8_t published[16 * 2048]);
	int (*abort)(struct target *t);
	const char *(*words)(struct target *t); /* NULL: none */
	void (*free)(struct target *t);
};
struct target {
	const struct target_ops *ops;
	struct target *inner;
};

/* Make sure that the session has room before its first sector (image: fallocate KEEP_SIZE).  -ENOSPC: nothing was
 * changed. */
static inline int target_reserve(struct target *t, uint32_t start_lba, uint64_t sectors)
{
	return t->ops->reserve(t, start_lba, sectors);
}
/* *ret_accepted is set EVEN ON ERROR: sectors that reached the medium.  buf NULL: n_sectors of zeros (an image leaves
 * a hole); decorators pass it on. */
static inline int target_write(struct target *t, uint32_t lba, const void *buf, uint32_t n_sectors,
			       uint32_t *ret_accepted)
{
	return t->ops->write(t, lba, buf, n_sectors, ret_accepted);
}
/* Everything written is on the medium. */
static inline int target_sync(struct target *t) { return t->ops->sync(t); }
/* LBA 31..17, sync, then 16, sync; each one sector-sized write.  May be repeated. */
static inline int target_publish(struct target *t, const uint8_t published[16 * 2048])
{
	int r = 0;

	if (!t->ops->publish_sector)
		return t->ops->publish ? t->ops->publish(t, published) : 0;
	for (uint32_t lba = 31; lba > 16 && !r; lba--)
		r = t->ops->publish_sector(t, lba, published + (lba - 16) * 2048);
	if (!r)
		r = t->ops->sync(t);
	if (!r)
		r = t->ops->publish_sector(t, 16, published);
	return r ? r : t->ops->sync(t);
}
static inline int target_abort(struct target *t) { return t->ops->abort(t); }
/* What the drive said itself about the last failure; "" nothing. The target's, until it is used again. */
static inline const char *target_sense_text(struct target *t) { return t->ops->words ? t->ops->words(t) : ""; }
static inline void target_free(struct target *t)
{
	if (t)
		t->ops->free(t);
}
static inline void target_freep(struct target **t) { target_free(*t); }

#endif
