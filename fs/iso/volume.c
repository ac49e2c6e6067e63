/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * volume.c - the volume descriptors, the choice of the tree, the life of struct iso
 *
 * What is shown is what Linux' isofs shows.  Of a root directory the descriptor says only where it is: the rest its "."
 * says.  The set of descriptors goes from the given primary one to the terminator, or to a sector that is none; the
 * first supplementary one with a Joliet escape sequence counts.
 *
 *	the "." of the primary root has ER (of any name)	Rock Ridge, unless only the Joliet root has names in it
 *	else, with a Joliet descriptor				Joliet
 *	else							Rock Ridge where records have it, else plain names
 *
 * A Joliet descriptor in front of the primary one: always Joliet.  Where the two trees, or what a descriptor says and
 * what is there, contradict each other, iso_info.odd says so.
 */
#include <string.h>
#include <sys/random.h>

#include "burner/format/geometry.h"
#include "burner/format/volume_descriptor.h"
#include "fs/iso/internal.h"

#define DESCRIPTORS_MAX 84u /* Linux looks at as many */

/* What the root directories of the two trees are, before one of them is chosen. */
struct root {
	bool is_said;	     /* there is a descriptor */
	uint32_t lba, bytes; /* by the descriptor */
	bool is_there;	     /* its "." is one */
	uint32_t dot_bytes;  /* what that says */
	bool is_empty;	     /* names nothing; on Linux its first sector counts */
	bool regular, agree; /* the descriptor */
	uint8_t dot[SECTOR_BYTES];
};
struct roots {
	struct root primary, joliet;
	bool joliet_first; /* its descriptor comes before the primary one */
	/* entries of the primary root's ".": */
	bool has_sp, has_px, has_er, is_broken;
	uint8_t skip;
};

static void take_root(const uint8_t *d, struct root *ret)
{
	*ret = (struct root){.is_said = true,
			     .bytes = record_bytes(descriptor_root(d)),
			     .regular = descriptor_is_regular(d),
			     .agree = descriptor_halves_agree(d)};
	/* An address that no disc has: nowhere. */
	if (descriptor_root_lba(d, &ret->lba))
		ret->lba = UINT32_MAX;
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

/* Other programs may copy the field: it is of this session where that begins as it says, or of the head. */
static bool is_ours(uint32_t lba, const uint8_t *d, struct appuse *ret)
{
	struct appuse a;

	if (appuse_decode(d, &a) || (lba != DESCRIPTORS_LBA && lba != (uint64_t)a.start_lba + SESSION_DESCRIPTORS &&
				     lba != (uint64_t)a.start_lba + SESSION_ABSOLUTE_DESCRIPTORS))
		return false;
	*ret = a;
	return true;
}

static int read_primary(struct iso *iso, uint32_t lba, struct root *ret_root)
{
	uint8_t d[SECTOR_BYTES];
	struct disc_state state;
	struct timespec created;
	int r = disc_read(iso->disc, lba, d, 1);

	if (r)
		return r;
	if (!descriptor_is_any_primary(d))
		return -EMEDIUMTYPE;
	iso->descriptor_lba = lba;
	take_root(d, ret_root);
	iso->block_shift = (uint8_t)__builtin_ctz(descriptor_block_bytes(d));
	take_volume_id(d, iso->info.volume_id);
	iso->info.volume_sectors = descriptor_space_sectors(d);
	(void)descriptor_created(d, &created);
	iso->info.created = created.tv_sec;
	iso->info.ours = is_ours(lba, d, &iso->info.appuse);
	iso->info.tables[0] = path_table(d);
	/* Later sessions of others give their size relative to their start, 16 before the descriptor. */
	r = disc_state(iso->disc, &state);
	if (!r)
		iso->there_sectors = state.there_sectors;
	if (!r && state.used_sectors)
		iso->limit_sectors = max_u64(state.used_sectors,
					     (uint64_t)(lba > SYSTEM_AREA_SECTORS ? lba - SYSTEM_AREA_SECTORS : 0) +
						     iso->info.volume_sectors);
	return r;
}

static void take_joliet(struct iso *iso, const uint8_t *d, struct root *ret_root)
{
	take_root(d, ret_root);
	iso->info.joliet = true;
	iso->info.tables[1] = path_table(d);
}

/* In front of the primary descriptor. */
static int search_joliet_before(struct iso *iso, uint32_t lba, struct roots *roots)
{
	uint8_t d[SECTOR_BYTES];

	for (unsigned i = 1; i < DESCRIPTORS_MAX && i <= lba; i++) {
		int r = disc_read(iso->disc, lba - i, d, 1);

		/* That of the set before, if there is one, may be of a session that was burned over. */
		if (r)
			return disc_is_damage(r) ? 0 : r;
		if (descriptor_ends_set(d) || descriptor_type(d) == ISO_VD_PRIMARY)
			return 0;
		if (descriptor_is_joliet(d)) {
			take_joliet(iso, d, &roots->joliet);
			iso->block_shift = (uint8_t)__builtin_ctz(descriptor_block_bytes(d) ?: SECTOR_BYTES);
			roots->joliet_first = true;
		}
	}
	return 0;
}

static int search_joliet(struct iso *iso, uint32_t lba, struct roots *roots)
{
	uint8_t d[SECTOR_BYTES];
	int r = search_joliet_before(iso, lba, roots);

	if (r || roots->joliet_first)
		return r;
	for (unsigned i = 1; i < DESCRIPTORS_MAX && lba <= UINT32_MAX - i; i++) {
		r = disc_read(iso->disc, lba + i, d, 1);
		if (r == -EIO && iso->limit_sectors && lba + i >= iso->limit_sectors)
			return 0;
		if (r)
			return r;
		if (descriptor_ends_set(d))
			return 0;
		if (descriptor_is_joliet(d)) {
			take_joliet(iso, d, &roots->joliet);
			return 0;
		}
	}
	return 0;
}

/* ---- roots ---- */

/* Does its first sector name anything? */
static bool names_nothing(const uint8_t sector[SECTOR_BYTES])
{
	unsigned at = 0, n = 0;

	while (at < SECTOR_BYTES && sector[at] && n < 3) {
		at += sector[at];
		n++;
	}
	return n < 3;
}

static int look_at_root(struct iso *iso, struct root *root)
{
	int r = root->is_said ? iso_read_dot(iso, root->lba, root->dot) : -EBADMSG;

	if (r && r != -EBADMSG && r != -EIO)
		return r;
	/* On a disc that can be read a root that cannot is an error, unless it lies where there is no disc. */
	if (r == -EIO && !(iso->limit_sectors && iso_position(iso, root->lba) >> SECTOR_SHIFT >= iso->limit_sectors))
		return r;
	root->is_there = !r;
	root->dot_bytes = r ? 0 : record_bytes(root->dot);
	root->is_empty = r || !root->dot_bytes || names_nothing(root->dot);
	return 0;
}

/* What a System Use area of the root has, up to what makes no sense. */
static int walk_root(struct iso *iso, const uint8_t *area, size_t n, struct roots *roots)
{
	__attribute__((cleanup(window_release))) struct window w = {0};
	const uint8_t *e;
	struct susp_walk s;
	int more;

	susp_walk_begin(&s, iso, &w, area, n);
	while ((more = susp_walk_next(&s, &e)) > 0) {
		unsigned signature = susp_signature(e);

		if (signature == SUSP_SIGNATURE('S', 'P'))
			roots->has_sp = !susp_sp_decode(e, &roots->skip);
		roots->has_px |= signature == SUSP_SIGNATURE('P', 'X');
		roots->has_er |= signature == SUSP_SIGNATURE('E', 'R') && susp_er_is_sound(e);
		roots->is_broken |= (signature == SUSP_SIGNATURE('S', 'P') && !roots->has_sp) ||
				    (signature == SUSP_SIGNATURE('E', 'R') && !susp_er_is_sound(e));
		if (roots->is_broken)
			return 0;
	}
	roots->is_broken |= more < 0;
	return disc_is_damage(more) ? 0 : more;
}

/* Behind attributes of CD-ROM XA, too. */
static int look_for_rock_ridge(struct iso *iso, struct roots *roots)
{
	size_t n;
	const uint8_t *area = record_system_use(roots->primary.dot, &n);
	int r = walk_root(iso, area, n, roots);

	if (r || roots->has_er || roots->has_sp || roots->has_px || n <= XA_BYTES)
		return r;
	roots->is_broken = false;
	return walk_root(iso, area + XA_BYTES, n - XA_BYTES, roots);
}

/* ---- the choice ---- */

static enum iso_names choose(struct iso *iso, const struct roots *roots)
{
	const struct root *primary = &roots->primary, *joliet = &roots->joliet;
	bool rock = primary->is_there && roots->has_er;

	if (joliet->is_said && !joliet->is_there && (roots->joliet_first || !rock))
		iso->info.odd |= ODDITY_BIT(ODDITY_ROOT);
	if (!joliet->is_there)
		return ISO_NAMES_ROCK_RIDGE;
	if (!primary->is_there || (primary->is_empty && !joliet->is_empty)) {
		iso->info.odd |= ODDITY_BIT(ODDITY_ROOT);
		return ISO_NAMES_JOLIET;
	}
	if (rock && !roots->joliet_first)
		return ISO_NAMES_ROCK_RIDGE;
	if (rock || roots->has_sp || roots->has_px || roots->is_broken)
		iso->info.odd |= ODDITY_BIT(ODDITY_ROCK_RIDGE);
	return ISO_NAMES_JOLIET;
}

static int take_tree(struct iso *iso, const struct roots *roots)
{
	const struct root *root;

	iso->names = choose(iso, roots);
	root = iso->names == ISO_NAMES_JOLIET ? &roots->joliet : &roots->primary;
	if (!root->is_there)
		return -EBADMSG;
	iso->info.rock_ridge = iso->names == ISO_NAMES_ROCK_RIDGE && (roots->has_er || roots->has_px);
	iso->rock_unannounced = !roots->has_er && !roots->has_px && !roots->has_sp;
	iso->rock_behind_xa = !roots->has_sp && !roots->has_er;
	iso->susp_skip = roots->has_sp ? roots->skip : 0;
	iso->root = (struct iso_extent){root->lba, root->dot_bytes};
	if (root->bytes != root->dot_bytes)
		iso->info.odd |= ODDITY_BIT(ODDITY_DIRECTORIES);
	if (!root->regular)
		iso->info.odd |= ODDITY_BIT(ODDITY_DESCRIPTORS);
	if (!root->agree || !roots->primary.agree)
		iso->info.odd |= ODDITY_BIT(ODDITY_BYTE_ORDERS);
	return 0;
}

static int read_volume(struct iso *iso, uint32_t descriptor_lba)
{
	struct roots roots = {0};
	int r = read_primary(iso, descriptor_lba, &roots.primary);

	if (!r)
		r = search_joliet(iso, descriptor_lba, &roots);
	if (!r)
		r = look_at_root(iso, &roots.primary);
	if (!r && roots.primary.is_there)
		r = look_for_rock_ridge(iso, &roots);
	if (!r && (!roots.has_er || roots.primary.is_empty || roots.joliet_first))
		r = look_at_root(iso, &roots.joliet);
	return r ? r : take_tree(iso, &roots);
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
	atomic_init(&iso->has_strays, false);
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

static int take_root_extent(const uint8_t *d, struct iso_extent *ret)
{
	struct root root;

	take_root(d, &root);
	*ret = (struct iso_extent){root.lba, root.bytes};
	return root.lba == UINT32_MAX ? -EBADMSG : 0;
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
	if ((i && descriptor_type(d) != ISO_VD_SUPPLEMENTARY) || take_root_extent(d, ret) ||
	    ret->lba == iso->root.lba || (iso->limit_sectors && ret->lba >= iso->limit_sectors))
		return 0;
	r = i ? disc_read(iso->disc, iso->descriptor_lba, primary, 1) : 0;
	if (r)
		return r;
	return !i || take_root_extent(primary, &first) || first.lba != ret->lba;
}

/* The same, and a directory is there: a root that is none names nothing. */
static int other_tree(struct iso *iso, uint32_t i, uint8_t d[SECTOR_BYTES], struct iso_extent *ret)
{
	uint8_t self[SECTOR_BYTES];
	int r = other_root(iso, i, d, ret);

	if (r <= 0)
		return r;
	r = iso_read_dot(iso, ret->lba, self);
	if (r)
		return r == -EBADMSG ? 0 : r;
	ret->bytes = record_bytes(self);
	return 1;
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
	other->block_shift = iso->block_shift;
	other->descriptor_lba = iso->descriptor_lba;
	other->limit_sectors = iso->limit_sectors;
	other->there_sectors = iso->there_sectors;
	other->passes_gaps = iso->passes_gaps;
	*ret = TAKE_PTR(other);
	return 0;
}

#define FORM_BLOCKS 8u /* bits 0-7: skip; 8-9: how much smaller blocks are than sectors */
#define FORM_UNANNOUNCED (1u << 10)
#define FORM_BEHIND_XA (1u << 11)
#define FORM_MAX (1u << 12)

unsigned iso_form(const struct iso *iso)
{
	return iso->susp_skip | (SECTOR_SHIFT - iso->block_shift) << FORM_BLOCKS |
	       (iso->rock_unannounced ? FORM_UNANNOUNCED : 0) | (iso->rock_behind_xa ? FORM_BEHIND_XA : 0);
}

int iso_open_form(struct iso *iso, unsigned form, struct iso **ret)
{
	unsigned smaller = form >> FORM_BLOCKS & 3;
	struct iso *other;
	int r = form >= FORM_MAX || smaller > 2 ? -EBADMSG : iso_new(iso->disc, &other);

	if (r)
		return r;
	other->susp_skip = (uint8_t)form;
	other->block_shift = (uint8_t)(SECTOR_SHIFT - smaller);
	other->rock_unannounced = form & FORM_UNANNOUNCED;
	other->rock_behind_xa = form & FORM_BEHIND_XA;
	other->descriptor_lba = iso->descriptor_lba;
	other->limit_sectors = iso->limit_sectors;
	other->there_sectors = iso->there_sectors;
	other->passes_gaps = iso->passes_gaps;
	*ret = other;
	return 0;
}

void iso_pass_gaps(struct iso *iso) { iso->passes_gaps = true; }

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
