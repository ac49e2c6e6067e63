/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sectors.c - bytes of the disc, a small cache of metadata sectors, windows on continuation areas
 *
 * The cache is for look-ups, which come back to the same small directories; it is direct-mapped, 256 KiB, and never
 * wrong: what a session's metadata lie in does not change under a mount.  The disc is read outside its lock, so two
 * threads may read the same sector twice; both store the same bytes.
 */
#include <pthread.h>
#include <string.h>

#include "burner/base/io.h"
#include "fs/iso/internal.h"

#define CACHE_SLOTS 128u
#define CHUNK_SECTORS 8192u /* 16 MiB: the most asked of a disc in one call */
#define BOUNCE_SECTORS 8u

struct slots {
	bool valid[CACHE_SLOTS];
	uint32_t lba[CACHE_SLOTS];
	uint8_t data[CACHE_SLOTS][SECTOR_BYTES];
};
struct sector_cache {
	pthread_mutex_t lock;
	struct slots *slots; /* guarded by it; NULL: nothing is kept */
};

int sector_cache_new(struct sector_cache **ret)
{
	struct sector_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

void sector_cache_free(struct sector_cache *c)
{
	if (!c)
		return;
	pthread_mutex_destroy(&c->lock);
	free(c->slots);
	free(c);
}

void sector_cache_drop(struct sector_cache *c)
{
	pthread_mutex_lock(&c->lock);
	free(TAKE_PTR(c->slots));
	pthread_mutex_unlock(&c->lock);
}

static bool cache_get(struct sector_cache *c, uint32_t lba, uint8_t *buf, uint32_t n)
{
	uint32_t i;

	pthread_mutex_lock(&c->lock);
	const struct slots *s = c->slots;
	for (i = 0; s && i < n; i++) {
		uint32_t slot = (lba + i) % CACHE_SLOTS;
		if (!s->valid[slot] || s->lba[slot] != lba + i)
			break;
		memcpy(buf + (size_t)i * SECTOR_BYTES, s->data[slot], SECTOR_BYTES);
	}
	pthread_mutex_unlock(&c->lock);
	return i == n;
}

static void cache_put(struct sector_cache *c, uint32_t lba, const uint8_t *buf, uint32_t n)
{
	pthread_mutex_lock(&c->lock);
	if (!c->slots)
		c->slots = calloc(1, sizeof(*c->slots)); /* or nothing is kept */
	struct slots *s = c->slots;
	for (uint32_t i = 0; s && i < n; i++) {
		uint32_t slot = (lba + i) % CACHE_SLOTS;
		s->valid[slot] = true;
		s->lba[slot] = lba + i;
		memcpy(s->data[slot], buf + (size_t)i * SECTOR_BYTES, SECTOR_BYTES);
	}
	pthread_mutex_unlock(&c->lock);
}

static int read_sectors(struct iso *iso, uint32_t lba, void *buf, uint32_t n_sectors)
{
	bool cached = n_sectors <= SMALL_DIRECTORY_SECTORS;
	int r;

	if (n_sectors - 1 > UINT32_MAX - lba)
		return -EIO;
	if (cached && cache_get(iso->sectors, lba, buf, n_sectors))
		return 0;
	r = disc_read(iso->disc, lba, buf, n_sectors);
	if (!r && cached)
		cache_put(iso->sectors, lba, buf, n_sectors);
	return r;
}

int iso_read_sectors(struct iso *iso, uint64_t pos, void *buf, uint32_t n_sectors)
{
	if (pos >> SECTOR_SHIFT > UINT32_MAX)
		return -EIO;
	if (pos & (SECTOR_BYTES - 1)) /* blocks are smaller */
		return iso_read_disc(iso->disc, pos, buf, (size_t)n_sectors * SECTOR_BYTES);
	return read_sectors(iso, (uint32_t)(pos >> SECTOR_SHIFT), buf, n_sectors);
}

int iso_read_dot(struct iso *iso, uint32_t lba, uint8_t ret[SECTOR_BYTES])
{
	int r = iso_read_sectors(iso, iso_position(iso, lba), ret, 1);

	if (r)
		return r;
	return record_is_sound(ret, SECTOR_BYTES) && record_is_dot(ret) && record_flags(ret) & ISO_DIRECTORY ? 0 :
													       -EBADMSG;
}

static bool window_covers(const struct window *w, uint32_t lba, uint32_t n)
{
	return w->n && lba >= w->lba && lba - w->lba < w->n && n <= w->n - (lba - w->lba);
}

int window_get(struct iso *iso, struct window *w, uint32_t lba, uint32_t n, const uint8_t **ret)
{
	uint32_t want = n > w->ahead ? n : w->ahead;
	int r;

	if (!window_covers(w, lba, n)) {
		if (iso->limit_sectors && lba < iso->limit_sectors && want > n)
			want = (uint32_t)max_u64(n, min_u64(want, iso->limit_sectors - lba));
		if (w->capacity < want) {
			uint8_t *grown = realloc(w->buf, (size_t)want * SECTOR_BYTES);
			if (!grown)
				return -ENOMEM;
			w->buf = grown;
			w->capacity = want;
		}
		w->n = 0;
		r = read_sectors(iso, lba, w->buf, want);
		if (r == -EIO && want > n)
			r = read_sectors(iso, lba, w->buf, want = n);
		if (r)
			return r;
		w->lba = lba;
		w->n = want;
	}
	*ret = w->buf + (size_t)(lba - w->lba) * SECTOR_BYTES;
	return 0;
}

void window_release(struct window *w)
{
	free(w->buf);
	*w = (struct window){0};
}

/* Part of at most BOUNCE_SECTORS sectors. */
static int read_bounced(struct disc *disc, uint64_t pos, uint8_t *buf, size_t length)
{
	uint8_t bounce[BOUNCE_SECTORS * SECTOR_BYTES];
	uint32_t inside = (uint32_t)(pos & (SECTOR_BYTES - 1));
	int r = disc_read(disc, (uint32_t)(pos >> SECTOR_SHIFT), bounce, (uint32_t)sectors_of(inside + length));
	size_t done = 0;

	/* The end of a file may be all that an image has of its last block. */
	if (r == -EIO && disc_fd(disc) >= 0 && !pread_full(disc_fd(disc), buf, length, pos, &done) && done == length)
		return 0;
	if (!r)
		memcpy(buf, bounce + inside, length);
	return r;
}

int iso_read_disc(struct disc *disc, uint64_t pos, void *buf, size_t length)
{
	uint8_t *p = buf;

	/* No disc has such an address: entry.c marks what must not be read (interleaved files) so. */
	if (pos >> (32 + SECTOR_SHIFT))
		return -EBADMSG;
	if (length > (1ull << (32 + SECTOR_SHIFT)) - pos)
		return -EIO;
	while (length) {
		uint32_t inside = (uint32_t)(pos & (SECTOR_BYTES - 1));
		size_t n;
		int r;

		if (!inside && length >= SECTOR_BYTES) {
			uint32_t sectors = (uint32_t)min_u64(length >> SECTOR_SHIFT, CHUNK_SECTORS);
			n = (size_t)sectors * SECTOR_BYTES;
			r = disc_read(disc, (uint32_t)(pos >> SECTOR_SHIFT), p, sectors);
		} else {
			/* A short piece in one call; of a long one only what is before the next sector. */
			n = inside + length <= BOUNCE_SECTORS * SECTOR_BYTES ? length : SECTOR_BYTES - inside;
			r = read_bounced(disc, pos, p, n);
		}
		if (r)
			return r;
		p += n;
		pos += n;
		length -= n;
	}
	return 0;
}
