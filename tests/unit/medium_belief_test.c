/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a drive says, field by field 0, all ones, off by a few blocks, or absent: what is believed of it.  The medium
 * is a CD-R with two sessions, as it is told by a drive that answers well; each case changes something of that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "burner/base/own.h"
#include "burner/medium/drive_belief.h"
#include "cdappendfs/drives.h"

enum { FIRST_END = 802, SECOND = 12208, SECOND_END = 13010, NEXT = 19920, CAPACITY = 359849 };

struct fixture {
	struct recorder_track tracks[4];
	struct recorder_medium medium;
	struct drive_told told;
};

static void tell_well(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	f->tracks[0] = (struct recorder_track){.session = 1, .sectors = FIRST_END, .data = true};
	f->tracks[1] = (struct recorder_track){.session = 2,
					       .start_lba = SECOND,
					       .sectors = SECOND_END - SECOND,
					       .data = true};
	f->medium = (struct recorder_medium){.status = RECORDER_APPENDABLE,
					     .profile = PROFILE_CD_R,
					     .multi = true,
					     .atip_sectors = CAPACITY,
					     .tracks = f->tracks,
					     .n_tracks = 2};
	f->told = (struct drive_told){.track_lba = NEXT,
				      .next_lba = NEXT,
				      .free_sectors = CAPACITY - NEXT,
				      .has_next = true,
				      .pending_lba = NEXT,
				      .has_pending = true,
				      .read_sectors = SECOND_END};
}

typedef void changes(struct fixture *f);
static void nothing(struct fixture *f) { (void)f; }
static void start_0(struct fixture *f) { f->told.track_lba = f->told.pending_lba = 0; }
static void start_1(struct fixture *f) { f->told.track_lba = f->told.pending_lba = 1; }
static void start_of_last(struct fixture *f) { f->told.track_lba = SECOND; }
static void start_ones(struct fixture *f) { f->told.track_lba = UINT32_MAX; }
static void begun(struct fixture *f) { f->told.next_lba += 64; }
static void begun_start_0(struct fixture *f)
{
	begun(f);
	start_0(f);
}
static void damaged(struct fixture *f)
{
	f->told.damaged = true;
	f->told.has_next = false;
	f->told.next_lba = 0;
}
static void open_tracks(struct fixture *f)
{
	f->told.open_tracks = true;
	f->told.has_pending = false;
}
static void no_address(struct fixture *f)
{
	f->told.has_next = false;
	f->told.next_lba = f->told.free_sectors = 0;
}
static void next_0(struct fixture *f) { f->told.next_lba = 0; }
static void next_inside(struct fixture *f) { f->told.next_lba = SECOND + 16; }
static void next_off(struct fixture *f) { f->told.next_lba = f->told.track_lba = NEXT + 2; }
static void free_0(struct fixture *f) { f->told.free_sectors = 0; }
static void free_0_dvd(struct fixture *f)
{
	f->medium.profile = PROFILE_DVD_R;
	f->medium.atip_sectors = 0;
	free_0(f);
}
static void free_ones(struct fixture *f) { f->told.free_sectors = UINT32_MAX - NEXT; }
static void atip_ones(struct fixture *f)
{
	free_0(f);
	f->medium.atip_sectors = UINT32_MAX;
}
static void length_0(struct fixture *f) { f->tracks[1].sectors = 0; }
static void length_0_of_first(struct fixture *f) { f->tracks[0].sectors = 0; }
static void length_ones(struct fixture *f) { f->tracks[1].sectors = UINT32_MAX; }
static void length_short(struct fixture *f) { f->tracks[1].sectors -= 2; }
static void lengths_over(struct fixture *f) { f->tracks[0].sectors = f->tracks[1].sectors = 100000; }
static void starts_0(struct fixture *f) { f->tracks[1].start_lba = 0; }
static void starts_again(struct fixture *f) { f->tracks[0].start_lba = SECOND; }
static void lost(struct fixture *f)
{
	f->medium.n_tracks = 1;
	f->told.lost_sessions = true;
}
static void no_toc(struct fixture *f) { f->medium.n_tracks = 0; }
static void one_too_many(struct fixture *f)
{
	f->tracks[2] = (struct recorder_track){.session = 3, .start_lba = NEXT, .data = true};
	f->medium.n_tracks = 3;
	f->told.has_pending = false;
}
static void one_too_few(struct fixture *f)
{
	f->medium.n_tracks = 1;
	f->told.pending_lba = SECOND;
}
static void blank(struct fixture *f)
{
	f->medium.status = RECORDER_BLANK;
	f->medium.n_tracks = 0;
	f->told = (struct drive_told){.free_sectors = CAPACITY, .has_next = true};
}
static void blank_begins_behind(struct fixture *f)
{
	blank(f);
	f->told.next_lba = 150;
}
static void called_blank(struct fixture *f)
{
	f->medium.status = RECORDER_BLANK;
	f->medium.n_tracks = 0;
	f->told.has_pending = false;
}
static void first_open(struct fixture *f)
{
	f->medium.n_tracks = 0;
	f->told = (struct drive_told){.next_lba = 64, .free_sectors = CAPACITY - 64, .has_next = true};
}
static void closed(struct fixture *f)
{
	f->medium.status = RECORDER_CLOSED;
	f->told = (struct drive_told){.read_sectors = SECOND_END};
}
static void closed_length_0(struct fixture *f)
{
	closed(f);
	length_0(f);
}
static void closed_knows_nothing(struct fixture *f)
{
	closed_length_0(f);
	f->told.read_sectors = 0;
}
static void closed_capacity_0(struct fixture *f)
{
	closed(f);
	f->told.read_sectors = 1;
}

enum { APPENDED, OPEN, NO_ADDRESS, UNTOLD, CLOSED };

static const struct {
	const char *name;
	changes *change;
	int outcome;
	size_t n_tracks;
	uint32_t next_lba, free_sectors;
	uint32_t sectors, room; /* of the last track; 0: not looked at */
} cases[] = {
	{"as it is", nothing, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, NEXT - SECOND},
	{"start of the track to come 0", start_0, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, NEXT - SECOND},
	{"start 1", start_1, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"start of the last closed one", start_of_last, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"start all ones", start_ones, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"begun", begun, OPEN, 2, 0, 0, 802, 0},
	{"begun, start 0: nothing says so", begun_start_0, APPENDED, 2, NEXT + 64, CAPACITY - NEXT, 802, 0},
	{"damaged", damaged, OPEN, 2, 0, 0, 802, 0},
	{"several open tracks", open_tracks, OPEN, 2, 0, 0, 802, 0},
	{"no address, MMC-1", no_address, NO_ADDRESS, 2, 0, 0, 802, 0},
	{"address 0", next_0, UNTOLD, 2, 0, 0, 802, 0},
	{"address in the last session", next_inside, UNTOLD, 2, 0, 0, 0, 0},
	{"address off by the run-out", next_off, APPENDED, 2, NEXT + 2, CAPACITY - NEXT, 802, 0},
	{"nothing free, where the medium says otherwise", free_0, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"nothing free on a DVD", free_0_dvd, APPENDED, 2, NEXT, 0, 802, 0},
	{"more free than there can be", free_ones, APPENDED, 2, NEXT, 450000 - NEXT, 802, 0},
	{"nothing free, ATIP all ones", atip_ones, APPENDED, 2, NEXT, 0, 802, 0},
	{"length 0", length_0, APPENDED, 2, NEXT, CAPACITY - NEXT, NEXT - SECOND, NEXT - SECOND},
	{"length of the first 0", length_0_of_first, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"length all ones", length_ones, APPENDED, 2, NEXT, CAPACITY - NEXT, NEXT - SECOND, NEXT - SECOND},
	{"length without the run-out", length_short, APPENDED, 2, NEXT, CAPACITY - NEXT, 800, NEXT - SECOND},
	{"lengths into the next", lengths_over, APPENDED, 2, NEXT, CAPACITY - NEXT, NEXT - SECOND, NEXT - SECOND},
	{"the last session begins at 0", starts_0, UNTOLD, 1, NEXT, CAPACITY - NEXT, 0, 0},
	{"both begin at one block", starts_again, UNTOLD, 1, NEXT, CAPACITY - NEXT, 0, 0},
	{"a session without tracks", lost, UNTOLD, 1, NEXT, CAPACITY - NEXT, 0, 0},
	{"no table of contents", no_toc, UNTOLD, 0, NEXT, CAPACITY - NEXT, 0, 0},
	{"the session to come counted as closed", one_too_many, APPENDED, 2, NEXT, CAPACITY - NEXT, 802, 0},
	{"the last one counted as that to come", one_too_few, APPENDED, 2, NEXT, CAPACITY - NEXT, NEXT - SECOND, 0},
	{"blank", blank, APPENDED, 0, 0, CAPACITY, 0, 0},
	{"blank, from 150 on", blank_begins_behind, APPENDED, 0, 150, CAPACITY, 0, 0},
	{"sessions, and called blank", called_blank, UNTOLD, 0, 0, 0, 0, 0},
	{"the first session is open", first_open, OPEN, 0, 0, 0, 0, 0},
	{"closed", closed, CLOSED, 2, 0, 0, 802, 802},
	{"closed, length 0", closed_length_0, CLOSED, 2, 0, 0, 802, 802},
	{"closed, no length at all", closed_knows_nothing, CLOSED, 2, 0, 0, 450000 - SECOND, 450000 - SECOND},
	{"closed, READ CAPACITY 0", closed_capacity_0, CLOSED, 2, 0, 0, 802, 0},
};

static int outcome_of(const struct recorder_medium *m)
{
	return m->status == RECORDER_CLOSED ? CLOSED :
	       m->interrupted		    ? OPEN :
	       m->no_address		    ? NO_ADDRESS :
	       m->untold		    ? UNTOLD :
					      APPENDED;
}

static void test_sequential(void **state)
{
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		print_message("%s\n", cases[i].name);
		tell_well(&f);
		cases[i].change(&f);
		drive_believe(&f.medium, &f.told);
		assert_int_equal(outcome_of(&f.medium), cases[i].outcome);
		assert_int_equal(f.medium.n_tracks, cases[i].n_tracks);
		if (cases[i].outcome == APPENDED) {
			assert_int_equal(f.medium.next_lba, cases[i].next_lba);
			assert_int_equal(f.medium.free_sectors, cases[i].free_sectors);
		}
		for (size_t k = 0; k < f.medium.n_tracks; k++)
			assert_true(f.tracks[k].sectors > 0 && f.tracks[k].room >= f.tracks[k].sectors);
		if (cases[i].sectors)
			assert_int_equal(f.tracks[f.medium.n_tracks - 1].sectors, cases[i].sectors);
		if (cases[i].room)
			assert_int_equal(f.tracks[f.medium.n_tracks - 1].room, cases[i].room);
	}
}

static void test_overwritable(void **state)
{
	enum { ALL = 2295104, PART = 100000 };
	static const struct {
		const char *name;
		struct drive_told_size told;
		uint32_t capacity, readable;
		bool unformatted, untold;
	} sizes[] = {
		{"as it is", {ALL, ALL, ALL, false}, ALL, ALL, false, false},
		{"formatted in part", {ALL, ALL, PART, false}, ALL, PART, false, false},
		{"READ CAPACITY unknown", {ALL, ALL, 0, false}, ALL, ALL, false, false},
		{"READ CAPACITY 0", {ALL, ALL, 1, false}, ALL, ALL, false, false},
		{"no range", {ALL, 0, ALL, false}, ALL, ALL, false, false},
		{"a range of nothing", {ALL, 1, ALL, false}, ALL, ALL, false, false},
		{"READ CAPACITY alone", {0, 0, ALL, false}, ALL, ALL, false, false},
		{"READ CAPACITY all ones", {ALL, ALL, UINT32_MAX, false}, ALL, ALL, false, false},
		{"nothing at all", {0, 0, 0, false}, 0, 0, false, true},
		{"unformatted", {ALL, 0, 0, true}, ALL, 0, true, false},
		{"unformatted, READ CAPACITY 0", {ALL, 0, 1, true}, ALL, 0, true, false},
		{"unformatted, and something can be read", {ALL, 0, ALL, true}, ALL, ALL, true, false},
		{"unformatted, of no size", {0, 0, 0, true}, 0, 0, true, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(sizes); i++) {
		struct recorder_track track;
		struct recorder_medium m = {.profile = PROFILE_DVD_PLUS_RW, .overwritable = true, .tracks = &track};

		print_message("%s\n", sizes[i].name);
		drive_believe_size(&m, &sizes[i].told);
		assert_int_equal(m.capacity_sectors, sizes[i].capacity);
		assert_int_equal(m.n_tracks, sizes[i].readable > 0);
		if (m.n_tracks)
			assert_int_equal(track.sectors, sizes[i].readable);
		assert_int_equal(m.unformatted, sizes[i].unformatted);
		assert_int_equal(m.untold != NULL, sizes[i].untold);
	}
}

/* The kernel's list of drives, in no order, in columns. */
static void test_names(void **state)
{
	static const struct {
		const char *table, *paths;
	} tables[] = {
		{"", ""},
		{"CD-ROM information, Id: cdrom.c 3.20 2003/12/17\n", ""},
		{"CD-ROM information\n\ndrive name:\t\nCan write:\t1\n", ""},
		{"CD-ROM information\n\ndrive name:\t\tsr0\ndrive speed:\t48\n", "/dev/sr0 "},
		{"drive name:\t\tsr1\tsr0\ndrive speed:\t\t24\t48\n", "/dev/sr0 /dev/sr1 "},
		{"drive name:\t\tsr2\tsr10\tsr0", "/dev/sr0 /dev/sr2 /dev/sr10 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		struct seen_drive *drives;
		size_t n;
		char paths[64] = "";

		assert_int_equal(drives_names(tables[i].table, &drives, &n), 0);
		for (size_t k = 0; k < n; k++) {
			size_t used = strlen(paths);

			snprintf(paths + used, sizeof(paths) - used, "%s ", drives[k].path);
			assert_int_equal(drives[k].error, 0);
		}
		assert_string_equal(paths, tables[i].paths);
		drives_free(drives);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_overwritable),
	};

	return cmocka_run_group_tests_name("medium_belief", tests, NULL, NULL);
}
