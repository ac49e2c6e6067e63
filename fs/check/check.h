/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * check.h - is everything on a disc readable, and what it was when it was burned?
 *
 *	check_run(disc, options, &report) -> look at it -> check_report_release
 *
 * All blocks of the sessions are read once, in the order of the disc, and held against what the sessions say of
 * themselves: ours have a commit record (cdappendfs/proof.h), others nothing.  Then the
 * trees are read, and whatever lies on damaged blocks is named.  Nothing is written anywhere.
 *
 * Threads: one call at a time for each disc; it makes its own.  Errors: what the disc or the system has against the
 * check as a whole (-ENOMEM, -ENODEV, -ECANCELED…); damage is no error, but in the report.
 */
#ifndef FS_CHECK_CHECK_H
#define FS_CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cdappendfs/burn.h"
#include "cdappendfs/disc.h"

/* By what the blocks of a session are proven. */
enum check_proof {
	CHECK_PROOF_NONE,   /* nothing: they are read, that is all */
	CHECK_PROOF_SHA256, /* of ours, of older versions: one digest over all of them */
	CHECK_PROOF_TABLE,  /* of ours: a digest of each piece */
	CHECK_PROOF_MD5,    /* of libisofs: checksum tags, of parts that grow */
	CHECK_PROOF_NEWER,  /* of ours, and made by a version that is not known here */
	CHECK_PROOF_ADOPTED /* of another program: a session of ours has digests of its pieces, or of some */
};

/* What the commit record of a session says of the one before it (cdappendfs/proof.h). */
enum check_chain {
	CHECK_CHAIN_NONE,	/* nothing, or there is none of ours before it */
	CHECK_CHAIN_HOLDS,	/* it is the one that was there */
	CHECK_CHAIN_BROKEN,	/* another one is, or none */
	CHECK_CHAIN_UNREADABLE, /* it cannot be read */
};

enum check_problem {
	CHECK_UNREADABLE, /* blocks cannot be read */
	CHECK_ALTERED,	  /* blocks are not what they were */
	CHECK_MISSING,	  /* they lie beyond the end of the disc */
	CHECK_SENSELESS,  /* what it says cannot be */
};

/* Something that lies on damaged blocks. */
struct check_damage {
	uint32_t session; /* whose tree names it, or whose it is; 0: of the disc */
	bool is_path;	  /* `what` is a path from the root; else words: "commit record" */
	char *what;
	enum check_problem problem;
	uint64_t bytes;	 /* that are damaged, in whole blocks; 0: not known */
	uint64_t offset; /* of the first of them in it */
};

enum check_verdict {
	CHECK_NOT_READ,	    /* was not asked for */
	CHECK_FAILED_BURN,  /* a burn that failed: no session, and no damage */
	CHECK_SOUND,	    /* all blocks are what they were */
	CHECK_READABLE,	    /* all can be read; there is nothing to prove them by */
	CHECK_DAMAGED,	    /* some are not */
	CHECK_PART,	    /* what was read of it is not damaged; it was not all */
	CHECK_NOT_COMPARED, /* it should be provable and is not: its proof is lost, or only a part was read */
};

struct check_session {
	struct disc_session disc;
	bool ours;
	enum check_proof proof;
	enum check_verdict verdict;
	enum check_chain chain;
	bool compared;		/* all of it with its proof … */
	bool differs;		/* … which it is not, and that is all it says; but of MD5 in which part: */
	const char *differs_in; /* in words; NULL: not known */
	bool table_damaged;	/* digests are lost with it */
	uint64_t read_sectors;
	uint64_t unreadable_sectors, altered_sectors, missing_sectors;
	/* can be read, and cannot be compared: neighbours of those that cannot be read, or their proof is lost */
	uint64_t unproven_sectors;
	uint64_t bare_sectors;	     /* CHECK_PROOF_ADOPTED: of which there is no digest */
	bool walked;		     /* its tree was read: */
	uint64_t directories, files; /* so many are in it */
	uint64_t lost_directories;   /* that could not be read to their end: what else is in them is not known */
	uint64_t damaged;	     /* things that its tree names, or that it consists of, on damaged blocks … */
	uint64_t listed;	     /* … so many of them are in the report */
};

struct check_options {
	uint32_t session;   /* this one alone; 0: all */
	uint64_t names_max; /* that are listed of each session; 0: all */
	/* Of what is to be read only blocks from here to there; to 0: to the end.  Whole pieces. */
	uint64_t from_lba, to_lba;
	bool exact;	  /* also where many blocks side by side cannot be read each is tried: that costs nothing */
	int64_t until_ns; /* CLOCK_MONOTONIC: no further piece is read then; 0: never */
	/* Everything that was to be read from from_lba to there was; by several threads, not at once.  May be NULL. */
	void (*reached)(void *context, uint64_t lba, bool damaged);
	struct burn_progress progress; /* of the reading, in sectors; its context is that of reached, too */
};

struct check_report {
	struct check_session *sessions; /* oldest first */
	size_t n_sessions;
	struct check_damage *damage; /* newest session first */
	size_t n_damage;
	uint64_t damaged; /* the same, also those that are not listed */
	bool proven;	  /* each session was compared with its proof, and is sound */
	bool sound;	  /* nothing is damaged, and what should be compared was */
	bool too_many;	  /* damaged blocks: some are not held against the trees */
	uint64_t unreadable_sectors, altered_sectors, missing_sectors; /* of the whole disc */
	uint64_t end_lba;					       /* of what there is to read */
	bool partial;  /* not all of the disc was read, as was asked for */
	bool finished; /* all that was asked for was read, in the time there was */
	uint64_t read_sectors, retries;
	uint64_t read_ns; /* that reading took */
};

/* *ret is to be released also after an error.  -ENOENT: there is no session of that number. */
int check_run(struct disc *disc, const struct check_options *options, struct check_report *ret);
void check_report_release(struct check_report *r);

#endif
