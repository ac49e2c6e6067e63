/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What sessions say of themselves, read back: every block counts, and where one is wrong is told. */
#include "tests/unit/medium_fixture.h"

#include "burner/base/sha256.h"
#include "burner/format/commit_record.h"
#include "burner/format/digest_table.h"
#include "cdappendfs/proof.h"
#include "tests/unit/session_tree.h"

struct image {
	struct disc *disc;
	struct disc_session *sessions;
	size_t n;
};

static void look(struct image *i)
{
	free(i->sessions);
	assert_int_equal(disc_refresh(i->disc), 0);
	assert_int_equal(disc_sessions(i->disc, &i->sessions, &i->n), 0);
}

static void image_release(struct image *i)
{
	free(i->sessions);
	disc_close(i->disc);
}

/* One more session with the content of a directory. */
static void add(struct image *i, const char *directory, uint8_t mark)
{
	struct burn_options o = {.overwritable = true,
				 .session_number = (uint32_t)i->n + 1,
				 .previous_lba = UINT32_MAX,
				 .previous_descriptor_lba = UINT32_MAX,
				 .next_ino = 1000,
				 .volume_id = "OURS",
				 .align_end_sectors = 32};
	struct tree *t = tree_new();
	struct burn_plan *plan;
	struct commit_record before;
	struct disc_state state;
	struct target *target;

	memset(o.uuid, mark, sizeof(o.uuid));
	assert_int_equal(disc_state(i->disc, &state), 0);
	o.start_lba = state.next_lba;
	if (i->n) {
		const struct disc_session *s = &i->sessions[i->n - 1];

		o.previous_lba = s->start_lba;
		o.previous_descriptor_lba = s->descriptor_lba;
		o.previous_number = s->number;
		assert_int_equal(proof_record(i->disc, s, &before, o.previous_record_sha256), 0);
		o.previous_record_lba = s->start_lba + s->sectors - 1;
	}
	tree_take(t, 0, directory);
	tree_finish(t);
	assert_int_equal(burn_plan_new(&t->manifest, &o, &plan), 0);
	assert_int_equal(disc_open_target(i->disc, NULL, &target), 0);
	assert_int_equal(burn_write(plan, target, NULL), 0);
	assert_int_equal(burn_verify(i->disc, o.start_lba, o.uuid, NULL, NULL), 0);
	assert_int_equal(burn_publish(i->disc, target, o.start_lba), 0);
	target_free(target);
	burn_plan_free(plan);
	tree_free(t);
	look(i);
}

static struct image new_image(const char *path)
{
	struct image i = {0};
	char command[256];

	snprintf(command, sizeof(command), ": >%s", path);
	run(command);
	i.disc = open_image(path, true);
	look(&i);
	return i;
}

static void flip(const char *path, uint64_t at)
{
	int fd = open(path, O_RDWR);
	uint8_t byte = 0;

	assert_true(fd >= 0 && pread(fd, &byte, 1, (off_t)at) == 1);
	byte ^= 4;
	assert_true(pwrite(fd, &byte, 1, (off_t)at) == 1 && close(fd) == 0);
}

/* 12 MiB in 40 files, a hole among them: four blocks of digests and a root. */
static struct image large_image(void)
{
	struct image i = new_image("i.iso");

	run("mkdir large && for i in $(seq 40); do head -c $((250000 + i * 777)) /dev/urandom >large/$i; done && "
	    "truncate -s 2000001 large/hole");
	add(&i, "large", 1);
	return i;
}

static void digests_are_of_the_pieces(void **state)
{
	_cleanup_(image_release) struct image i = large_image();
	_cleanup_(proof_freep) struct proof *proof = NULL;
	static uint8_t piece[64 * SECTOR_BYTES], all[1000][32], some[1000][32], sha[32];
	struct commit_record r;
	uint32_t n;

	(void)state;
	assert_int_equal(proof_record(i.disc, &i.sessions[0], &r, NULL), 0);
	assert_true(commit_has_table(&r));
	n = commit_pieces(&r);
	assert_true(n > 128 && n < 1000);
	assert_int_equal(proof_open(i.disc, &r, &proof), 0);
	assert_int_equal(proof_digests(proof, 0, n, all), 0);
	for (uint32_t p = 0; p < n; p++) {
		assert_int_equal(disc_read(i.disc, r.start_lba + 32 * p, piece, commit_piece_sectors(&r, p)), 0);
		assert_int_equal(sha256_of(piece, (size_t)commit_piece_sectors(&r, p) * SECTOR_BYTES, sha), 0);
		assert_memory_equal(sha, all[p], 32);
	}
	srandom(15);
	for (unsigned k = 0; k < 300; k++) {
		uint32_t first = (uint32_t)random() % n, m = (uint32_t)random() % (n - first + 1);

		memset(some, 0, sizeof(some));
		assert_int_equal(proof_digests(proof, first, m, some), 0);
		assert_memory_equal(some, all[first], (size_t)m * 32);
	}
	assert_int_equal(proof_digests(proof, n, 1, some), -EINVAL);
	assert_int_equal(proof_digests(proof, 1, n, some), -EINVAL);
	assert_int_equal(proof_digests(proof, UINT32_MAX, 2, some), -EINVAL);
	assert_int_equal(proof_rest(proof), 0);
}

/* Each piece, each block of the table, the record. */
static void damage_is_found_where_it_is(void **state)
{
	_cleanup_(image_release) struct image i = large_image();
	struct disc_session *s = &i.sessions[0];
	struct commit_record r;
	struct burn_damage damage;

	(void)state;
	assert_int_equal(proof_record(i.disc, s, &r, NULL), 0);
	for (uint32_t lba = s->start_lba; lba < s->start_lba + s->sectors; lba += lba < r.table_lba - 1 ? 29 : 1) {
		uint32_t piece = (lba - s->start_lba) / 32;
		uint64_t at = lba * 2048ull + lba % 2048;

		flip("i.iso", at);
		assert_int_equal(burn_verify(i.disc, s->start_lba, s->uuid, NULL, &damage), -EBADMSG);
		if (lba == s->start_lba + 16 || lba == s->start_lba + s->sectors - 1)
			assert_int_equal(damage.sectors, 0);
		else if (lba >= r.table_lba)
			assert_true(damage.lba == r.table_lba && damage.sectors == r.table_sectors);
		else
			assert_true(damage.lba == s->start_lba + 32 * piece &&
				    damage.sectors == commit_piece_sectors(&r, piece));
		flip("i.iso", at);
	}
	assert_int_equal(burn_verify(i.disc, s->start_lba, s->uuid, NULL, &damage), 0);
}

/* A digest is believed only if the root says so: with one block of each level. */
static void parts_are_proven(void **state)
{
	_cleanup_(image_release) struct image i = large_image();
	static uint8_t digests[1000][32];
	struct commit_record r;

	(void)state;
	assert_int_equal(proof_record(i.disc, &i.sessions[0], &r, NULL), 0);
	for (uint32_t block = 0; block < digest_table_shape(commit_pieces(&r)).sectors; block++) {
		bool root = block == digest_table_shape(commit_pieces(&r)).sectors - 1;

		flip("i.iso", (uint64_t)(r.table_lba + block) * 2048 + 2047 - block);
		for (uint32_t piece = 0; piece < commit_pieces(&r); piece += 21) {
			_cleanup_(proof_freep) struct proof *proof = NULL;

			assert_int_equal(proof_open(i.disc, &r, &proof), 0);
			assert_int_equal(proof_digests(proof, piece, 1, digests),
					 root || piece / 64 == block ? -EBADMSG : 0);
		}
		flip("i.iso", (uint64_t)(r.table_lba + block) * 2048 + 2047 - block);
	}
}

static void chain(void **state)
{
	_cleanup_(image_release) struct image i = new_image("i.iso"), other = new_image("j.iso");
	struct commit_record r[3], theirs;
	uint8_t sha[32];

	(void)state;
	for (uint8_t k = 1; k <= 3; k++)
		add(&i, k == 2 ? "b" : "a", k);
	add(&other, "a", 1);
	add(&other, "c", 2); /* as long as the one there */
	for (unsigned k = 0; k < 3; k++) {
		assert_int_equal(proof_record(i.disc, &i.sessions[k], &r[k], NULL), 0);
		assert_int_equal(proof_chain(i.disc, &r[k]), 0);
	}
	assert_int_equal(r[0].previous_lba, 0);
	assert_int_equal(r[2].previous_lba, i.sessions[1].start_lba + i.sessions[1].sectors - 1);
	assert_int_equal(proof_record(i.disc, &i.sessions[1], &r[1], sha), 0);
	assert_memory_equal(r[2].previous_sha256, sha, 32);
	/* Another valid session in its place, with the same uuid. */
	assert_int_equal(i.sessions[1].start_lba, other.sessions[1].start_lba);
	assert_int_equal(i.sessions[1].sectors, other.sessions[1].sectors);
	char command[256];
	snprintf(command, sizeof(command), "dd if=j.iso of=i.iso bs=2048 skip=%u seek=%u count=%u conv=notrunc",
		 i.sessions[1].start_lba, i.sessions[1].start_lba, i.sessions[1].sectors);
	run(command);
	look(&i);
	assert_true(i.n == 3 && i.sessions[1].ours);
	assert_int_equal(proof_record(i.disc, &i.sessions[1], &theirs, NULL), 0);
	assert_int_equal(burn_verify(i.disc, i.sessions[1].start_lba, i.sessions[1].uuid, NULL, NULL), 0);
	assert_int_equal(proof_chain(i.disc, &r[2]), -EBADMSG);
}

static void put_record(const struct disc_session *s, const uint8_t sector[SECTOR_BYTES])
{
	int fd = open("i.iso", O_RDWR);

	assert_int_equal(pwrite(fd, sector, SECTOR_BYTES, (off_t)(s->start_lba + s->sectors - 1) * 2048), 2048);
	assert_int_equal(close(fd), 0);
}

/* As cdappendfs 0.2 made them: one digest over all, and no table. */
static void sessions_without_a_table(void **state)
{
	_cleanup_(image_release) struct image i = new_image("i.iso");
	_cleanup_(proof_freep) struct proof *proof = NULL;
	struct commit_record r, old = {.number = 1};
	struct burn_damage damage;
	_free_ uint8_t *all = NULL;
	uint8_t sector[SECTOR_BYTES];

	(void)state;
	add(&i, "a", 1);
	const struct disc_session s = i.sessions[0];
	memcpy(old.uuid, s.uuid, sizeof(old.uuid));
	old.start_lba = s.start_lba;
	old.sectors = s.sectors;
	all = malloc((size_t)s.sectors * SECTOR_BYTES);
	assert_non_null(all);
	assert_int_equal(disc_read(i.disc, s.start_lba, all, s.sectors), 0);
	assert_int_equal(sha256_of(all, (size_t)(s.sectors - 1) * SECTOR_BYTES, old.sha256), 0);
	assert_int_equal(commit_record_encode(&old, sector), 0);
	put_record(&s, sector);
	look(&i);
	assert_true(i.sessions[0].ours);
	assert_int_equal(proof_record(i.disc, &s, &r, NULL), 0);
	assert_false(commit_has_table(&r));
	assert_int_equal(proof_open(i.disc, &r, &proof), -EINVAL);
	assert_int_equal(proof_chain(i.disc, &r), 0);
	assert_int_equal(burn_verify(i.disc, s.start_lba, s.uuid, NULL, &damage), 0);
	flip("i.iso", (uint64_t)(s.start_lba + s.sectors - 2) * 2048);
	assert_int_equal(burn_verify(i.disc, s.start_lba, s.uuid, NULL, &damage), -EBADMSG);
	assert_int_equal(damage.sectors, 0);
	flip("i.iso", (uint64_t)(s.start_lba + s.sectors - 2) * 2048);
	/* The next one names it. */
	add(&i, "b", 2);
	assert_int_equal(proof_record(i.disc, &i.sessions[1], &r, NULL), 0);
	assert_int_equal(r.previous_lba, s.start_lba + s.sectors - 1);
	assert_int_equal(proof_chain(i.disc, &r), 0);
	/* A record of a version to come is one, but nobody knows whether the session is whole. */
	old.kind = 7;
	assert_int_equal(commit_record_encode(&old, sector), 0);
	put_record(&s, sector);
	assert_int_equal(burn_session_is_complete(i.disc, s.start_lba, s.uuid), -EOPNOTSUPP);
}

static void records_are_of_their_sessions(void **state)
{
	_cleanup_(image_release) struct image i = new_image("i.iso");
	struct disc_session s;
	struct commit_record r;

	(void)state;
	run("mkdir d && echo x >d/x && genisoimage -quiet -o f.iso d");
	add(&i, "a", 1);
	s = i.sessions[0];
	s.uuid[3] ^= 1;
	assert_int_equal(proof_record(i.disc, &s, &r, NULL), -EBADMSG);
	s = i.sessions[0];
	s.sectors--;
	assert_int_equal(proof_record(i.disc, &s, &r, NULL), -EBADMSG);
	s.ours = false;
	assert_int_equal(proof_record(i.disc, &s, &r, NULL), -ENODATA);
}

/* ---- reading through the digests ---- */

struct heard {
	unsigned n;
	struct disc_damaged last;
	const uint8_t *good; /* a copy of the image, or NULL */
};

static void hear(void *context, const struct disc_damaged *what)
{
	struct heard *h = context;

	h->n++;
	h->last = *what;
}

static int from_copy(void *context, struct disc *disc, uint32_t lba, uint32_t n_sectors, uint8_t *ret)
{
	const struct heard *h = context;

	(void)disc;
	if (!h->good)
		return -ENOENT;
	memcpy(ret, h->good + (size_t)lba * 2048, (size_t)n_sectors * 2048);
	return 0;
}

/* The disc is given up. */
static struct disc *checked(struct image *i, struct heard *h)
{
	const struct disc_check_options o = {.damaged = hear, .repair = from_copy, .context = h};
	struct disc *d = disc_wrap_checked(i->disc, &o);

	assert_non_null(d);
	i->disc = d;
	return d;
}

static uint8_t *copy_of_image(const char *path, size_t *ret_sectors)
{
	struct stat st;
	int fd = open(path, O_RDONLY);
	uint8_t *all;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	all = malloc((size_t)st.st_size);
	assert_true(all && read(fd, all, (size_t)st.st_size) == st.st_size && close(fd) == 0);
	*ret_sectors = (size_t)st.st_size / 2048;
	return all;
}

static void reads_are_checked(void **state)
{
	_cleanup_(image_release) struct image i = large_image();
	static uint8_t buf[600 * SECTOR_BYTES];
	const struct disc_session s = i.sessions[0];
	struct heard heard = {0};
	struct commit_record r;
	size_t all;
	_free_ uint8_t *copy = copy_of_image("i.iso", &all);
	struct disc *d = checked(&i, &heard);

	(void)state;
	assert_int_equal(proof_record(d, &s, &r, NULL), 0);
	srandom(1);
	for (unsigned k = 0; k < 500; k++) {
		uint32_t lba = (uint32_t)random() % (uint32_t)all, n = 1 + (uint32_t)random() % (k % 2 ? 5 : 600);

		n = n < all - lba ? n : (uint32_t)all - lba;
		assert_int_equal(disc_read(d, lba, buf, n), 0);
		assert_memory_equal(buf, copy + (size_t)lba * 2048, (size_t)n * 2048);
	}
	assert_int_equal(disc_read(d, (uint32_t)all - 1, buf, 2), -EIO);
	assert_int_equal(heard.n, 0);
	/* One bit: all of its piece, and nothing else. */
	uint32_t piece = commit_pieces(&r) / 2, first = s.start_lba + 32 * piece;
	flip("i.iso", first * 2048ull + 40000);
	assert_int_equal(disc_refresh(d), 0);
	for (uint32_t lba = first - 40; lba < first + 72; lba++)
		assert_int_equal(disc_read(d, lba, buf, 1), lba >= first && lba < first + 32 ? -EIO : 0);
	assert_int_equal(disc_read(d, first - 64, buf, 64), 0);
	assert_int_equal(disc_read(d, first - 64, buf, 65), -EIO);
	assert_int_equal(disc_read(d, first - 5, buf, 500), -EIO);
	assert_true(heard.n == 1 && heard.last.what == DISC_DAMAGE_ALTERED && heard.last.lba == first &&
		    heard.last.sectors == 32 && heard.last.session == 1);
	/* Somebody has a good copy; what he gives is not believed blindly. */
	heard.good = copy;
	for (uint32_t lba = first - 3; lba < first + 35; lba++) {
		assert_int_equal(disc_read(d, lba, buf, 1), 0);
		assert_memory_equal(buf, copy + (size_t)lba * 2048, 2048);
	}
	assert_int_equal(disc_read(d, first - 64, buf, 200), 0);
	assert_memory_equal(buf, copy + (size_t)(first - 64) * 2048, (size_t)200 * 2048);
	copy[first * 2048ull] ^= 1;
	assert_int_equal(disc_refresh(d), 0);
	assert_int_equal(disc_read(d, first + 3, buf, 1), -EIO);
	heard.good = NULL;
	flip("i.iso", first * 2048ull + 40000);
	assert_int_equal(disc_read(d, first + 3, buf, 1), 0);
	/* What the table has for 64 pieces. */
	flip("i.iso", (uint64_t)r.table_lba * 2048 + 2047);
	assert_int_equal(disc_refresh(d), 0);
	assert_int_equal(disc_read(d, s.start_lba + 16, buf, 1), -EIO);
	assert_int_equal(disc_read(d, s.start_lba + 64 * 32, buf, 1), 0);
	assert_int_equal(heard.last.what, DISC_DAMAGE_TABLE);
}

static void unreadable_blocks_are_told(void **state)
{
	_cleanup_(image_release) struct image i = large_image();
	struct heard heard = {0};
	static uint8_t buf[64 * SECTOR_BYTES];
	uint32_t first = i.sessions[0].start_lba + 32 * 5;
	char spec[32];

	(void)state;
	snprintf(spec, sizeof(spec), "read@%u=EIO", first + 7);
	i.disc = disc_wrap_faults(i.disc, spec);
	assert_non_null(i.disc);
	checked(&i, &heard);
	assert_int_equal(disc_read(i.disc, first - 32, buf, 64), -EIO);
	assert_int_equal(disc_read(i.disc, first - 32, buf, 32), 0);
	assert_int_equal(disc_read(i.disc, first + 8, buf, 1), -EIO);
	assert_int_equal(disc_read(i.disc, first + 32, buf, 64), 0);
	assert_true(heard.n == 1 && heard.last.what == DISC_DAMAGE_UNREADABLE && heard.last.lba == first);
}

/* All of a session that is not the one that a newer one names; the newer one is read. */
static void exchanged_sessions_are_not_read(void **state)
{
	_cleanup_(image_release) struct image i = new_image("i.iso"), other = new_image("j.iso");
	struct heard heard = {0};
	uint8_t buf[SECTOR_BYTES];
	char command[256];

	(void)state;
	for (uint8_t k = 1; k <= 3; k++)
		add(&i, k == 2 ? "b" : "a", k);
	add(&other, "a", 1);
	add(&other, "c", 2);
	snprintf(command, sizeof(command), "dd if=j.iso of=i.iso bs=2048 skip=%u seek=%u count=%u conv=notrunc",
		 i.sessions[1].start_lba, i.sessions[1].start_lba, i.sessions[1].sectors);
	checked(&i, &heard);
	assert_int_equal(disc_read(i.disc, i.sessions[1].start_lba + 20, buf, 1), 0);
	run(command);
	assert_int_equal(disc_refresh(i.disc), 0);
	assert_int_equal(disc_read(i.disc, i.sessions[2].start_lba + 20, buf, 1), 0);
	assert_int_equal(disc_read(i.disc, i.sessions[1].start_lba + 20, buf, 1), -EIO);
	assert_int_equal(disc_read(i.disc, i.sessions[1].start_lba, buf, 1), -EIO);
	assert_int_equal(disc_read(i.disc, i.sessions[0].start_lba + 20, buf, 1), 0);
	assert_true(heard.n == 1 && heard.last.what == DISC_DAMAGE_CHAIN && heard.last.session == 2);
}

/* Three sessions, the second of which is the longest; what is put in place of it by that command. */
static struct image three_sessions(void)
{
	struct image i = new_image("i.iso");

	run("mkdir large && for i in 1 2 3 4; do head -c 300000 /dev/urandom >large/$i; done");
	for (uint8_t k = 1; k <= 3; k++)
		add(&i, k == 2 ? "large" : "a", k);
	return i;
}

static uint64_t record_at(const struct disc_session *s) { return (s->start_lba + s->sectors - 1) * 2048ull; }

/* The second is given to nobody, told once as that; the others are read, and the first is still compared. */
static void check_second_is_lost(struct image *i, const struct disc_session s[3], enum disc_damage what)
{
	struct heard heard = {0};
	uint8_t buf[SECTOR_BYTES];

	checked(i, &heard);
	assert_int_equal(disc_read(i->disc, s[2].start_lba + 20, buf, 1), 0);
	assert_int_equal(heard.n, 0);
	assert_int_equal(disc_read(i->disc, s[1].start_lba + 100, buf, 1), -EIO);
	assert_int_equal(disc_read(i->disc, s[1].start_lba + s[1].sectors - 1, buf, 1), -EIO);
	assert_true(heard.n == 1 && heard.last.what == what && heard.last.session == 2);
	assert_int_equal(disc_read(i->disc, s[0].start_lba + 20, buf, 1), 0);
	flip("i.iso", (s[0].start_lba + 20) * 2048ull);
	assert_int_equal(disc_refresh(i->disc), 0);
	assert_int_equal(disc_read(i->disc, s[0].start_lba + 20, buf, 1), -EIO);
	assert_int_equal(heard.last.what, DISC_DAMAGE_ALTERED);
}

static void sessions_without_their_record_are_not_read(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 2; kind++) {
		_cleanup_(image_release) struct image i = three_sessions();
		const struct disc_session s[] = {i.sessions[0], i.sessions[1], i.sessions[2]};
		char spec[40];

		snprintf(spec, sizeof(spec), "read@%u=EIO", s[1].start_lba + s[1].sectors - 1);
		if (kind == 0)
			flip("i.iso", record_at(&s[1]) + 1000);
		else
			i.disc = disc_wrap_faults(i.disc, spec);
		look(&i);
		check_second_is_lost(&i, s, DISC_DAMAGE_RECORD);
		run("rm -r large");
	}
}

/* By a shorter one. */
static void sessions_of_another_length_are_not_read(void **state)
{
	_cleanup_(image_release) struct image i = three_sessions(), other = new_image("j.iso");
	const struct disc_session s[] = {i.sessions[0], i.sessions[1], i.sessions[2]};
	char command[256];

	(void)state;
	add(&other, "a", 1);
	add(&other, "c", 2);
	assert_true(other.sessions[1].start_lba == s[1].start_lba && other.sessions[1].sectors < s[1].sectors);
	snprintf(command, sizeof(command),
		 "dd if=/dev/zero of=i.iso bs=2048 seek=%u count=%u conv=notrunc && "
		 "dd if=j.iso of=i.iso bs=2048 skip=%u seek=%u count=%u conv=notrunc",
		 s[1].start_lba, s[1].sectors, s[1].start_lba, s[1].start_lba, other.sessions[1].sectors);
	run(command);
	look(&i);
	check_second_is_lost(&i, s, DISC_DAMAGE_CHAIN);
}

/* The newest: nothing is above it. */
static void newest_session_without_its_record(void **state)
{
	_cleanup_(image_release) struct image i = three_sessions();
	const struct disc_session s = i.sessions[2], before = i.sessions[1];
	struct heard heard = {0};
	uint8_t buf[SECTOR_BYTES];

	(void)state;
	flip("i.iso", record_at(&s) + 100);
	look(&i);
	checked(&i, &heard);
	assert_int_equal(disc_read(i.disc, s.start_lba + 20, buf, 1), -EIO);
	assert_true(heard.n == 1 && heard.last.what == DISC_DAMAGE_RECORD && heard.last.session == 3);
	assert_int_equal(disc_read(i.disc, before.start_lba + 20, buf, 1), 0);
}

/* Found by nobody but through the record that the newer one names. */
static void sessions_without_descriptors_are_compared(void **state)
{
	_cleanup_(image_release) struct image i = three_sessions();
	const struct disc_session s[] = {i.sessions[0], i.sessions[1], i.sessions[2]};
	struct heard heard = {0};
	uint8_t buf[SECTOR_BYTES];

	(void)state;
	flip("i.iso", (s[1].start_lba + 8) * 2048ull + 2);
	flip("i.iso", (s[1].start_lba + 16) * 2048ull + 2);
	flip("i.iso", (s[0].start_lba + 20) * 2048ull);
	flip("i.iso", (s[1].start_lba + 100) * 2048ull);
	look(&i);
	assert_int_equal(i.n, 1);
	checked(&i, &heard);
	assert_int_equal(disc_read(i.disc, s[1].start_lba + 200, buf, 1), 0);
	assert_int_equal(heard.n, 0);
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(disc_read(i.disc, s[k].start_lba + (k ? 100 : 20), buf, 1), -EIO);
		assert_true(heard.n == k + 1 && heard.last.what == DISC_DAMAGE_ALTERED && heard.last.session == k + 1);
	}
}

static void texts(void **state)
{
	uint8_t sha[32] = {0x01, 0x23, 0xab, 0xff};
	char text[PROOF_TEXT_BYTES];

	(void)state;
	proof_text(sha, text);
	assert_int_equal(strlen(text), 64);
	assert_true(proof_matches(sha, text) && proof_matches(sha, "0123ABFF00000000"));
	assert_false(proof_matches(sha, "0123abff0000000") || proof_matches(sha, "0123abfe00000000") ||
		     proof_matches(sha, ""));
	assert_false(proof_is_prefix("0123abff0000000g") || proof_is_prefix("0x23abff00000000"));
	text[63] = '1';
	assert_true(proof_is_prefix(text) && !proof_matches(sha, text));
	assert_false(proof_is_prefix("01234567890123456789012345678901234567890123456789012345678901234"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(digests_are_of_the_pieces),
		FIXTURE_TEST(damage_is_found_where_it_is),
		FIXTURE_TEST(parts_are_proven),
		FIXTURE_TEST(chain),
		FIXTURE_TEST(sessions_without_a_table),
		FIXTURE_TEST(records_are_of_their_sessions),
		FIXTURE_TEST(reads_are_checked),
		FIXTURE_TEST(unreadable_blocks_are_told),
		FIXTURE_TEST(exchanged_sessions_are_not_read),
		FIXTURE_TEST(sessions_without_their_record_are_not_read),
		FIXTURE_TEST(sessions_of_another_length_are_not_read),
		FIXTURE_TEST(newest_session_without_its_record),
		FIXTURE_TEST(sessions_without_descriptors_are_compared),
		FIXTURE_TEST(texts),
	};

	return cmocka_run_group_tests_name("burner_proof", tests, NULL, NULL);
}
