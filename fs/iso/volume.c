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

#include "fs/iso/internal.h"

#define DESCRIPTORS_MAX 84u /* Linux looks at as many */
#define DESCRIPTOR_PRIMARY 1u
#define DESCRIPTOR_SUPPLEMENTARY 2u
#define DESCRIPTOR_TERMINATOR 255u
#define XA_BYTES 14u /* attributes of CD-ROM XA may come before the SUSP entries */

static bool descriptor_is_sound(const uint8_t *d) { return !memcmp(d + 1, "CD001", 5); }

/* ECMA-119 8.4.18: the root's record, at BP 157. */
static int descriptor_root(const uint8_t *d, struct iso_extent *ret)
{
	const uint8_t *record = d + 156;
	uint32_t lba;
	int r;

	if (!record_is_sound(record, 34) || !(record_flags(record) & RECORD_DIRECTORY))
		return -EBADMSG;
	r = record_lba(record, &lba);
	if (!r)
		*ret = (struct iso_extent){lba, record_bytes(record)};
	return r;
}

static bool descriptor_is_joliet(const uint8_t *d)
{
	const uint8_t *escape = d + 88;

	return d[0] == DESCRIPTOR_SUPPLEMENTARY && d[6] == 1 && escape[0] == '%' && escape[1] == '/' &&
	       (escape[2] == '@' || escape[2] == 'C' || escape[2] == 'E');
}

static void take_volume_id(const uint8_t *d, char ret[33])
{
	size_t n = 32;

	while (n && (d[40 + n - 1] == ' ' || !d[40 + n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(d[40 + i] < ' ' || d[40 + i] == 0x7f ? '_' : d[40 + i]);
	ret[n] = 0;
}

/* ECMA-119 8.4.13 to 8.4.16, BP 133, 141, 149. */
static struct iso_table descriptor_tables(const uint8_t *d)
{
	return (struct iso_table){{get_le32(d + 140), get_be32(d + 148)}, get_le32(d + 132)};
}

static int read_primary(struct iso *iso, uint32_t lba)
{
	uint8_t d[SECTOR_BYTES];
	struct disc_state state;
	int r = disc_read(iso->disc, lba, d, 1);

	if (r)
		return r;
	if (!descriptor_is_sound(d) || d[0] != DESCRIPTOR_PRIMARY || d[6] != 1 || get_le16(d + 128) != SECTOR_BYTES)
		return -EMEDIUMTYPE;
	r = descriptor_root(d, &iso->root);
	if (r)
		return r;
	take_volume_id(d, iso->info.volume_id);
	iso->info.volume_sectors = get_le32(d + 80);
	iso->info.created = date_of_volume(d + 813).tv_sec;
	iso->info.ours = !appuse_decode(d, &iso->info.appuse);
	iso->info.tables[0] = descriptor_tables(d);
	/* Later sessions of others give their size relative to their start, 16 before the descriptor. */
	r = disc_state(iso->disc, &state);
	if (!r && state.used_sectors)
		iso->limit_sectors =
			max_u64(state.used_sectors, (uint64_t)(lba > 16 ? lba - 16 : 0) + iso->info.volume_sectors);
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
		if (!descriptor_is_sound(d) || d[0] == DESCRIPTOR_TERMINATOR)
			return 0;
		if (descriptor_is_joliet(d)) {
			r = descriptor_root(d, ret_root);
			iso->info.joliet = !r;
			iso->info.tables[1] = descriptor_tables(d);
			return r;
		}
	}
	return 0;
}

static bool is_rock_ridge_er(const uint8_t *e)
{
	static const char *const ids[] = {"RRIP_1991A", "IEEE_P1282", "IEEE_1282"};

	if (e[2] < 8)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(ids); i++) {
		size_t n = strlen(ids[i]);
		if (e[4] == n && e[2] >= 8 + n && !memcmp(e + 8, ids[i], n))
			return true;
	}
	return false;
}

/* Walk one System Use area of the root. 1: Rock Ridge, with the skip to use; 0: not; or an errno. */
static int walk_root(struct iso *iso, const uint8_t *area, size_t n, uint8_t *ret_skip)
{
	__attribute__((cleanup(window_release))) struct window w = {0};
	bool has_sp = false, has_rock = false;
	const uint8_t *e;
	struct susp s;
	uint8_t skip = 0;
	int more;

	susp_begin(&s, iso, &w, area, n);
	while ((more = susp_next(&s, &e)) > 0) {
		unsigned signature = susp_signature(e);
		if (signature == SIGNATURE('S', 'P') && e[2] >= 7 && e[4] == 0xbe && e[5] == 0xef) {
			has_sp = true;
			skip = e[6];
		}
		has_rock |=
			signature == SIGNATURE('P', 'X') || (signature == SIGNATURE('E', 'R') && is_rock_ridge_er(e));
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
	iso->kind = iso->info.rock_ridge ? TREE_ROCK_RIDGE : iso->info.joliet ? TREE_JOLIET : TREE_PLAIN;
	if (iso->kind == TREE_JOLIET)
		iso->root = joliet_root;
	return 0;
}

int iso_open(struct disc *disc, uint32_t descriptor_lba, struct iso **ret)
{
	_cleanup_(iso_unrefp) struct iso *iso = calloc(1, sizeof(*iso));
	int r;

	if (!iso)
		return -ENOMEM;
	iso->disc = disc;
	atomic_init(&iso->refs, 1);
	/* Without randomness look-ups on a malicious disc may be slow, no more. */
	if (getrandom(&iso->hash_seed, sizeof(iso->hash_seed), GRND_NONBLOCK) != (ssize_t)sizeof(iso->hash_seed))
		iso->hash_seed = (uintptr_t)iso;
	r = sector_cache_new(&iso->sectors);
	if (!r)
		r = index_cache_new(&iso->indexes);
	if (!r)
		r = read_volume(iso, descriptor_lba);
	if (r)
		return r;
	*ret = TAKE_PTR(iso);
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
	free(iso);
}

void iso_info(const struct iso *iso, struct iso_info *ret) { *ret = iso->info; }

struct disc *iso_disc(const struct iso *iso) { return iso->disc; }

int iso_root(struct iso *iso, struct iso_entry *ret) { return entry_decode_self(iso, iso->root, ret); }
