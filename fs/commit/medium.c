/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cdappendfs/bytes.h"
#include "cdappendfs/own.h"
#include "fs/commit/machine.h"
#include "fs/commit/message.h"

static bool same_state(const struct disc_fingerprint *a, const struct disc_fingerprint *b)
{
	return a->session_lba == b->session_lba && a->next_lba == b->next_lba && a->image_bytes == b->image_bytes &&
		memcmp(a->descriptor, b->descriptor, sizeof(a->descriptor)) == 0;
}

int medium_is_expected(struct stage *stage, struct disc *disc, char *message, size_t n)
{
	struct disc_fingerprint expected, found;
	int result = stage_fingerprint(stage, &expected);

	if (!result)
		result = disc_fingerprint(disc, &found);
	if (result) {
		message_failed(message, n, "the disc could not be identified", result, NULL);
	} else if (!same_state(&expected, &found)) {
		message_changed(message, n, &expected, &found);
		result = -ESTALE;
	}
	return result;
}

int medium_newest_is(struct disc *disc, const uint8_t uuid[16], struct disc_session *ret)
{
	_free_ struct disc_session *sessions = NULL;
	const struct disc_session *newest;
	size_t n = 0;
	int result = disc_sessions(disc, &sessions, &n);

	if (result)
		return result;
	newest = newest_session(sessions, n);
	if (!newest || !newest->ours || memcmp(newest->uuid, uuid, sizeof(newest->uuid)) != 0)
		return 0;
	*ret = *newest;
	return 1;
}

/* Wraps own what they wrap, also when they fail. */
int medium_open_target(struct disc *disc, const struct commit_options *o, struct target **ret)
{
	struct target *target;
	int result = disc_open_target(disc, &target);

	if (result)
		return result;
	if (o && o->bytes_per_second)
		target = target_wrap_throttle(target, o->bytes_per_second);
	if (target && o && o->fault)
		target = target_wrap_faults(target, o->fault);
	if (!target)
		return -errno;
	*ret = target;
	return 0;
}

uint64_t medium_image_bytes(struct disc *disc)
{
	int fd = disc_fd(disc);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

int medium_cut(struct disc *disc, uint64_t image_bytes)
{
	uint64_t now = medium_image_bytes(disc);
	struct disc_fingerprint f;
	int fd = disc_fd(disc), result;

	if (now <= image_bytes)
		return 0;
	result = disc_fingerprint(disc, &f);
	if (result)
		return result;
	if (image_bytes < f.image_bytes)
		return -EINVAL;
	if (ftruncate(fd, (off_t)image_bytes) < 0 || fsync(fd) < 0)
		return -errno;
	return disc_refresh(disc);
}

int medium_clear(struct disc *disc, uint32_t start_lba, uint64_t image_bytes)
{
	uint8_t sector[SECTOR_BYTES];
	uint64_t pos = ((uint64_t)start_lba + 16) * SECTOR_BYTES;
	int fd = disc_fd(disc);

	if (fd < 0 || pos + SECTOR_BYTES > image_bytes || disc_read(disc, start_lba + 16, sector, 1) < 0 || memcmp(sector + 1, "CD001", 5) != 0)
		return 0;
	memset(sector, 0, sizeof(sector));
	if (pwrite(fd, sector, sizeof(sector), (off_t)pos) != (ssize_t)sizeof(sector) || fsync(fd) < 0)
		return -EIO;
	return disc_refresh(disc);
}

int medium_settle(struct stage *stage, struct disc *disc, const struct faults *faults)
{
	const struct stage_commit idle = {.state = STAGE_IDLE};
	struct disc_identity identity;
	struct disc_fingerprint fingerprint;
	int result = disc_identity(disc, &identity);

	if (!result)
		result = disc_fingerprint(disc, &fingerprint);
	if (!result)
		result = stage_rebind(stage, &identity, &fingerprint);
	return result ? result : faults_commit_set(faults, stage, &idle);
}
