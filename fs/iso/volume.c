/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume.c - the volume descriptors, the choice of the tree, the life of struct iso
 *
 * The set of descriptors starts at the given primary one and ends with the terminator, or with a sector that is none.
 * The first supplementary descriptor with a Joliet escape sequence counts.  Rock Ridge is there when the "." of the
 * primary tree's root says so by ER (of RRIP 1.09, 1.12 or the IEEE drafts) or carries PX; ER alone may be behind an
 * unreadable CE.
 */
#include <string.h>
#include <sys/random.h>

#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"
#include "fs/iso/internal.h"

#define DESCRIPTORS_MAX 84u /* Linux looks at as many */
#define XA_BYTES 14u	    /* attributes of CD-ROM XA may come before the SUSP entries */

static int take_root(const uint8_t *d, struct iso_extent *ret)
{
	const uint8_t *record = descriptor_root(d);
	uint32_t lba;
	int r;

	if (!record_is_sound(record, RECORD_MIN_BYTES) || !(record_flags(record) & ISO_DIRECTORY))
		return -EBADMSG;
	r = record_lba(record, &lba);
	if (!r)
		*ret = (struct iso_extent){lba, record_bytes(record)};
	return r;
}

static void take_volume_id(const uint8_t *d, char ret[33])
{
	size_t n = descriptor_volume_id(d, ret);

	for (size_t i = 0; i < n; i++)
		if ((uint8_t)ret[i] < ' ' || ret[i] == 0x7f)
			ret[i] = '_';
}

static struct iso_table path_table(const uint8_t *d)
{
	struct path_table t;

	descriptor_path_table(d, &t);
	return (struct iso_table){{t.lba[0], t.lba[1]}, t.bytes};
}

static int read_primary(struct iso *iso, uint32_t lba)
{
	uint8_t d[SECTOR_BYTES];
	struct disc_state state;
	struct timespec created;
	int r = disc_read(iso->disc, lba, d, 1);

	if (r)
		return r;
	if (!descriptor_is_primary(d))
		return -EMEDIUMTYPE;
	iso->descriptor_lba = lba;
	r = take_root(d, &iso->root);
	if (r)
		return r;
	take_volume_id(d, iso->info.volume_id);
	iso->info.volume_sectors = descriptor_space_sectors(d);
	(void)descriptor_created(d, &created);
	iso->info.created = created.tv_sec;
	iso->info.ours = !appuse_decode(d, &iso->info.appuse);
	iso->info.tables[0] = path_table(d);
	/* Later sessions of others give their size relative to their start, 16 before the descriptor. */
	r = disc_state(iso->disc, &state);
	if (!r && state.used_sectors)
		iso->limit_sectors = max_u64(state.used_sectors,
					     (uint64_t)(lba > SYSTEM_AREA_SECTORS ? lba - SYSTEM_AREA_SECTORS : 0) +
						     iso->info.volume_sectors);
	return r;
}

/* *ret_root is set when there is a Joliet tree. */
static int search_joliet(struct iso *iso, uint32_t lba, struct iso_extent *ret_root)
{
	uint8_t d[SECTOR_BYTES];

	for (unsigned i = 1; i < DESCRIPTORS_MAX && lba <= UINT32_MAX - i; i++) {
		int r = disc_read(iso->disc, lba + i, d, 1);

		if (r == -EIO && iso->limit_sectors && lba + i >= iso->limit_sectors)
			return 0;
		if (r)
			return r;
		if (descriptor_ends_set(d))
			return 0;
		if (descriptor_is_joliet(d)) {
			r = take_root(d, ret_root);
			iso->info.joliet = !r;
			iso->info.tables[1] = path_table(d);
			return r;
		}
	}
	return 0;
}

/* Walk one System Use area of the root. 1: Rock Ridge, with the skip to use; 0: not; or an errno. */
static int walk_root(struct iso *iso, const uint8_t *area, size_t n, uint8_t *ret_skip)
{
	__attribute__((cleanup(window_release))) struct window w = {0};
	bool has_sp = false, has_rock = false;
	const uint8_t *e;
	struct susp_walk s;
	uint8_t skip = 0;
	int more;

	susp_walk_begin(&s, iso, &w, area, n);
	while ((more = susp_walk_next(&s, &e)) > 0) {
		unsigned signature = susp_signature(e);

		has_sp |= signature == SUSP_SIGNATURE('S', 'P') && susp_sp_decode(e, &skip) == 0;
		has_rock |= signature == SUSP_SIGNATURE('P', 'X') ||
			    (signature == SUSP_SIGNATURE('E', 'R') && susp_er_is_rrip(e));
	}
	if (has_rock) {
		*ret_skip = skip;
		return 1;
	}
	/* Without SP this was no SUSP at all, and nothing in it is damage. */
	return more == -EBADMSG && !has_sp ? 0 : more;
}

static int detect_rock_ridge(struct iso *iso)
{
	uint8_t sector[SECTOR_BYTES];
	const uint8_t *area;
	uint8_t skip = 0;
	size_t n;
	int found = iso_read_sectors(iso, iso->root.lba, sector, 1);

	if (found < 0)
		return found;
	if (!record_is_sound(sector, SECTOR_BYTES) || !record_is_dot(sector))
		return -EBADMSG;
	area = record_system_use(sector, &n);
	found = walk_root(iso, area, n, &skip);
	if (!found && n > XA_BYTES)
		found = walk_root(iso, area + XA_BYTES, n - XA_BYTES, &skip);
	if (found <= 0)
		return found;
	iso->info.rock_ridge = true;
	iso->susp_skip = skip;
	return 0;
}

static int read_volume(struct iso *iso, uint32_t descriptor_lba)
{
	struct iso_extent joliet_root;
	int r = read_primary(iso, descriptor_lba);

	if (!r)
		r = search_joliet(iso, descriptor_lba, &joliet_root);
	if (!r)
		r = detect_rock_ridge(iso);
	if (r)
		return r;
	iso->names = iso->info.rock_ridge ? ISO_NAMES_ROCK_RIDGE :
		     iso->info.joliet	  ? ISO_NAMES_JOLIET :
					    ISO_NAMES_PLAIN;
	if (iso->names == ISO_NAMES_JOLIET)
		iso->root = joliet_root;
	return 0;
}

static int iso_new(struct disc *disc, struct iso **ret)
{
	_cleanup_(iso_unrefp) struct iso *iso = calloc(1, sizeof(*iso));
	int r;

	if (!iso)
		return -ENOMEM;
	iso->disc = disc;
	atomic_init(&iso->refs, 1);
	atomic_init(&iso->links.state, LINKS_UNKNOWN);
	pthread_mutex_init(&iso->links.lock, NULL);
	/* Without randomness look-ups on a malicious disc may be slow, no more. */
	if (getrandom(&iso->hash_seed, sizeof(iso->hash_seed), GRND_NONBLOCK) != (ssize_t)sizeof(iso->hash_seed))
		iso->hash_seed = (uintptr_t)iso;
	r = sector_cache_new(&iso->sectors);
	if (!r)
		r = index_cache_new(&iso->indexes);
	if (!r)
		*ret = TAKE_PTR(iso);
	return r;
}

int iso_open(struct disc *disc, uint32_t descriptor_lba, struct iso **ret)
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	int r = iso_new(disc, &iso);

	if (!r)
		r = read_volume(iso, descriptor_lba);
	if (!r)
		*ret = TAKE_PTR(iso);
	return r;
}

/* Of the descriptor i behind the primary one: 1 and its root, 0 when it has no tree of its own, -ENOENT at the end. */
static int other_root(struct iso *iso, uint32_t i, uint8_t d[SECTOR_BYTES], struct iso_extent *ret)
{
	uint8_t primary[SECTOR_BYTES];
	struct iso_extent first;
	int r = disc_read(iso->disc, iso->descriptor_lba + i, d, 1);

	if (r == -EIO && iso->limit_sectors && iso->descriptor_lba + i >= iso->limit_sectors)
		return -ENOENT;
	if (r || descriptor_ends_set(d))
		return r ? r : -ENOENT;
	if ((i && descriptor_type(d) != ISO_VD_SUPPLEMENTARY) || take_root(d, ret) || ret->lba == iso->root.lba ||
	    (iso->limit_sectors && ret->lba >= iso->limit_sectors))
		return 0;
	r = i ? disc_read(iso->disc, iso->descriptor_lba, primary, 1) : 0;
	if (r)
		return r;
	return !i || take_root(primary, &first) || first.lba != ret->lba;
}

/* The same, and a directory is there: a root that is none names nothing. */
static int other_tree(struct iso *iso, uint32_t i, uint8_t d[SECTOR_BYTES], struct iso_extent *ret)
{
	uint8_t self[SECTOR_BYTES];
	int r = other_root(iso, i, d, ret);

	if (r <= 0)
		return r;
	r = iso_read_sectors(iso, ret->lba, self, 1);
	return r < 0 ? r : record_is_sound(self, SECTOR_BYTES) && record_is_dot(self);
}

int iso_open_other(struct iso *iso, uint32_t *at, struct iso **ret)
{
	_cleanup_(iso_unrefp) struct iso *other = NULL;
	uint8_t d[SECTOR_BYTES];
	struct iso_extent root;
	int r = 0;

	while (r == 0 && *at < DESCRIPTORS_MAX)
		r = other_tree(iso, (*at)++, d, &root);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = iso_new(iso->disc, &other);
	if (r)
		return r;
	other->names = descriptor_is_joliet(d) ? ISO_NAMES_JOLIET : ISO_NAMES_PLAIN;
	other->info.joliet = other->names == ISO_NAMES_JOLIET;
	other->root = root;
	other->descriptor_lba = iso->descriptor_lba;
	other->limit_sectors = iso->limit_sectors;
	*ret = TAKE_PTR(other);
	return 0;
}

struct iso *iso_ref(struct iso *iso)
{
	atomic_fetch_add(&iso->refs, 1);
	return iso;
}

void iso_unref(struct iso *iso)
{
	if (!iso || atomic_fetch_sub(&iso->refs, 1) != 1)
		return;
	sector_cache_free(iso->sectors);
	index_cache_free(iso->indexes);
	idmap_release(&iso->links.exceptions);
	pthread_mutex_destroy(&iso->links.lock);
	free(iso);
}

void iso_info(const struct iso *iso, struct iso_info *ret) { *ret = iso->info; }

struct disc *iso_disc(const struct iso *iso) { return iso->disc; }

int iso_root(struct iso *iso, struct iso_entry *ret) { return entry_decode_self(iso, iso->root, ret); }
