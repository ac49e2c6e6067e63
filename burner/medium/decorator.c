/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/medium/decorator.h"

#include <stdlib.h>

int pass_read_medium(struct disc *d, uint32_t lba, void *buf, uint32_t n_sectors)
{
	return disc_read_medium(d->inner, lba, buf, n_sectors);
}
uint32_t pass_zeros(struct disc *d, uint32_t lba, uint32_t n_sectors) { return disc_zeros(d->inner, lba, n_sectors); }
int pass_state(struct disc *d, struct disc_state *ret) { return disc_state(d->inner, ret); }
int pass_sessions(struct disc *d, struct disc_session **ret, size_t *ret_n)
{
	return disc_sessions(d->inner, ret, ret_n);
}
int pass_identity(struct disc *d, struct disc_identity *ret) { return disc_identity(d->inner, ret); }
int pass_fingerprint(struct disc *d, struct disc_fingerprint *ret) { return disc_fingerprint(d->inner, ret); }
int pass_refresh(struct disc *d) { return disc_refresh(d->inner); }
int pass_forgive(struct disc *d, uint32_t session_lba) { return disc_forgive(d->inner, session_lba); }

int pass_reserve(struct target *t, uint32_t start_lba, uint64_t sectors)
{
	return target_reserve(t->inner, start_lba, sectors);
}
int pass_sync(struct target *t) { return target_sync(t->inner); }
int pass_publish_sector(struct target *t, uint32_t lba, const uint8_t sector[SECTOR_BYTES])
{
	return t->inner->ops->publish_sector(t->inner, lba, sector);
}
int pass_publish(struct target *t, const uint8_t published[DESCRIPTORS_SECTORS * SECTOR_BYTES])
{
	return target_publish(t->inner, published);
}
int pass_abort(struct target *t) { return target_abort(t->inner); }
const char *pass_words(struct target *t) { return target_sense_text(t->inner); }
void pass_free(struct target *t)
{
	target_free(t->inner);
	free(t);
}

void sleep_until(const struct timespec *due)
{
	struct timespec now;

	for (;;) {
		int64_t left;
		struct timespec slice = {0};

		clock_gettime(CLOCK_MONOTONIC, &now);
		left = (int64_t)(due->tv_sec - now.tv_sec) * 1000000000 + (due->tv_nsec - now.tv_nsec);
		if (left <= 0)
			return;
		slice.tv_nsec = left < SLICE_NS ? (long)left : SLICE_NS;
		nanosleep(&slice, NULL);
	}
}

void add_ns(struct timespec *t, uint64_t ns)
{
	t->tv_sec += (time_t)(ns / 1000000000);
	t->tv_nsec += (long)(ns % 1000000000);
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}
