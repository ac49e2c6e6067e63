/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * index.c - name -> record position, for directories that are too large to be searched at each look-up
 *
 * An index is a sorted array of 8-byte keys: 32 bits of a keyed hash of the name, 32 bits of the record's position in
 * its directory.  Names are not kept; what is found is decoded and compared.  Sorting rather than hashing bounds the
 * cost whatever names a disc holds (also a million equal ones).
 *
 * All indexes together stay within 16 MiB; the least recently used go first.  A directory that does not fit, or that
 * is damaged somewhere, gets an index without keys that says "search it".  Two threads may build the same index: the
 * second finds the first's and drops its own.  The lock guards the lists and the reference counts; the keys never
 * change.
 */
#include <pthread.h>
#include <string.h>

#include "burner/base/hash.h"
#include "fs/iso/internal.h"

#define INDEX_MAX_BYTES (16u << 20)
#define BUCKETS 1024u

struct name_index {
	struct iso_extent dir;
	bool is_unusable, has_gaps;
	unsigned refs;			  /* index_cache.lock; one is the cache's while it is listed */
	struct name_index *newer, *older; /* index_cache.lock: by use */
	struct name_index *next;	  /* index_cache.lock: in the bucket */
	size_t n;
	uint64_t *keys;
};

struct index_cache {
	pthread_mutex_t lock;
	/* All guarded by the lock. */
	size_t bytes;
	struct name_index *newest, *oldest;
	struct name_index *bucket[BUCKETS];
};

int index_cache_new(struct index_cache **ret)
{
	struct index_cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

static void index_free(struct name_index *i)
{
	if (!i)
		return;
	free(i->keys);
	free(i);
}
DEFINE_FREEP(struct name_index, index_free)

void index_cache_free(struct index_cache *c)
{
	struct name_index *i, *older;

	if (!c)
		return;
	for (i = c->newest; i; i = older) {
		older = i->older;
		index_free(i);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static size_t index_bytes(const struct name_index *i) { return sizeof(*i) + i->n * sizeof(i->keys[0]); }

static struct name_index **bucket_of(struct index_cache *c, struct iso_extent dir)
{
	return &c->bucket[dir.lba % BUCKETS];
}

static void unlink_use_locked(struct index_cache *c, struct name_index *i)
{
	*(i->newer ? &i->newer->older : &c->newest) = i->older;
	*(i->older ? &i->older->newer : &c->oldest) = i->newer;
}

static void link_newest_locked(struct index_cache *c, struct name_index *i)
{
	i->newer = NULL;
	i->older = c->newest;
	*(i->older ? &i->older->newer : &c->oldest) = i;
	c->newest = i;
}

static void put_locked(struct name_index *i)
{
	if (!--i->refs)
		index_free(i);
}

static void drop_oldest_locked(struct index_cache *c)
{
	struct name_index *i = c->oldest, **at = bucket_of(c, i->dir);

	while (*at != i)
		at = &(*at)->next;
	*at = i->next;
	unlink_use_locked(c, i);
	c->bytes -= index_bytes(i);
	put_locked(i);
}

void iso_drop_caches(struct iso *iso)
{
	struct index_cache *c = iso->indexes;

	pthread_mutex_lock(&c->lock);
	while (c->oldest)
		drop_oldest_locked(c);
	pthread_mutex_unlock(&c->lock);
	sector_cache_drop(iso->sectors);
}

/* With a reference, or NULL. */
static struct name_index *find_locked(struct index_cache *c, struct iso_extent dir)
{
	struct name_index *i = *bucket_of(c, dir);

	while (i && (i->dir.lba != dir.lba || i->dir.bytes != dir.bytes))
		i = i->next;
	if (!i)
		return NULL;
	unlink_use_locked(c, i);
	link_newest_locked(c, i);
	i->refs++;
	return i;
}

static void insert_locked(struct index_cache *c, struct name_index *i)
{
	struct name_index **bucket = bucket_of(c, i->dir);

	while (c->oldest && c->bytes + index_bytes(i) > INDEX_MAX_BYTES)
		drop_oldest_locked(c);
	i->next = *bucket;
	*bucket = i;
	link_newest_locked(c, i);
	c->bytes += index_bytes(i);
	i->refs++;
}

uint32_t index_hash(const struct iso *iso, const char *name)
{
	return (uint32_t)(hash_text(iso->hash_seed, name, strlen(name)) >> 32);
}

static int compare_keys(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int add_key(struct name_index *i, size_t *capacity, uint64_t key)
{
	if (i->n == *capacity) {
		size_t more = *capacity ? *capacity * 2 : 256;
		uint64_t *grown;

		if (more * sizeof(key) > INDEX_MAX_BYTES - sizeof(*i))
			more = (INDEX_MAX_BYTES - sizeof(*i)) / sizeof(key);
		if (i->n == more)
			return -EFBIG;
		grown = realloc(i->keys, more * sizeof(key));
		if (!grown)
			return -ENOMEM;
		i->keys = grown;
		*capacity = more;
	}
	i->keys[i->n++] = key;
	return 0;
}

static int scan(struct iso *iso, struct name_index *i)
{
	_cleanup_cursor_ struct cursor c = {0};
	size_t capacity = 0;
	struct iso_entry e;
	uint32_t at;
	int more = cursor_begin(&c, iso, i->dir);

	if (more < 0)
		return more;
	c.passes_gaps = true;
	while ((more = cursor_next(&c, DECODE_NAME, &e, &at)) > 0) {
		int r = add_key(i, &capacity, (uint64_t)index_hash(iso, e.name) << 32 | at);
		if (r)
			return r;
	}
	i->has_gaps = c.gaps > 0;
	return more;
}

static int index_build(struct iso *iso, struct iso_extent dir, struct name_index **ret)
{
	_cleanup_(index_freep) struct name_index *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return -ENOMEM;
	i->dir = dir;
	i->refs = 1;
	r = scan(iso, i);
	if (r == -EFBIG || r == -EBADMSG) {
		i->is_unusable = true;
		i->n = 0;
		free(TAKE_PTR(i->keys));
	} else if (r) {
		return r;
	} else if (i->n) {
		uint64_t *exact = realloc(i->keys, i->n * sizeof(i->keys[0]));
		i->keys = exact ? exact : i->keys;
		qsort(i->keys, i->n, sizeof(i->keys[0]), compare_keys);
	}
	*ret = TAKE_PTR(i);
	return 0;
}

int index_get(struct iso *iso, struct iso_extent dir, struct name_index **ret)
{
	struct index_cache *c = iso->indexes;
	struct name_index *i, *built = NULL;
	int r;

	pthread_mutex_lock(&c->lock);
	i = find_locked(c, dir);
	pthread_mutex_unlock(&c->lock);
	if (!i) {
		r = index_build(iso, dir, &built);
		if (r)
			return r;
		pthread_mutex_lock(&c->lock);
		i = find_locked(c, dir);
		if (i)
			put_locked(built);
		else
			insert_locked(c, i = built);
		pthread_mutex_unlock(&c->lock);
	}
	if (i->is_unusable) {
		index_put(iso, i);
		return -EFBIG;
	}
	*ret = i;
	return 0;
}

void index_put(struct iso *iso, struct name_index *index)
{
	pthread_mutex_lock(&iso->indexes->lock);
	put_locked(index);
	pthread_mutex_unlock(&iso->indexes->lock);
}

bool index_has_gaps(const struct name_index *index) { return index->has_gaps; }

bool index_next(const struct name_index *index, uint32_t hash, size_t *state, uint32_t *ret_at)
{
	size_t low = *state, high = index->n;

	/* The first time: the first key with this hash. *state is one more than the last one given. */
	if (!low) {
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (index->keys[middle] >> 32 < hash)
				low = middle + 1;
			else
				high = middle;
		}
	}
	if (low >= index->n || index->keys[low] >> 32 != hash)
		return false;
	*ret_at = (uint32_t)index->keys[low];
	*state = low + 1;
	return true;
}
