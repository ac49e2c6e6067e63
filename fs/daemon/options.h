/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.h - the command line of cdappendfs
 *
 *	cdappendfs [-f] [-d] [-o OPT,…] DISC MOUNTPOINT
 *
 * options_parse() only reads the words: it opens and asks nothing.
 */
#ifndef FS_DAEMON_OPTIONS_H
#define FS_DAEMON_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "cdappendfs/pieces.h"
#include "cdappendfs/oddity.h"
#include "fs/commit/policy.h"
#include "fs/stage/stage.h"

enum options_tree { OPTIONS_TREE_AUTO, OPTIONS_TREE_FULL, OPTIONS_TREE_LINKED };
enum options_sessions { OPTIONS_SESSIONS_HIDE, OPTIONS_SESSIONS_SHOW, OPTIONS_SESSIONS_OFF };
enum options_check { OPTIONS_CHECK_NONE, OPTIONS_CHECK_READS };

#define OPTIONS_WHY_MAX 512u

struct options {
	bool help, version; /* then nothing else is set */
	bool overview;	    /* nothing was asked for: what there is; as JSON: */
	bool json;
	bool foreground, debug;
	bool remount;		       /* a mount that is there: only read_only is changed */
	char note[OPTIONS_WHY_MAX];    /* what the user should know of what he gave; "" nothing */
	const char *disc, *mountpoint; /* as given; of argv */
	bool create;
	bool read_only;		   /* -o ro, or session= */
	uint32_t session;	   /* 0: the newest */
	char *staging;		   /* NULL: the default */
	uint64_t capacity_sectors; /* media=; 0: not given, … */
	bool unbounded;		   /* … or media=none */
	enum stage_claim claim;	   /* stage= */
	double speed;		   /* speed=; times the single speed; 0: not bounded */
	uint64_t bytes_per_second; /* the same for an image file, by media= */
	unsigned tree;		   /* enum options_tree */
	unsigned share;		   /* enum share_mode */
	unsigned check;		   /* enum options_check */
	unsigned sessions;	   /* enum options_sessions */
	/* neither: as the environment says */
	bool catalogue, no_catalogue;
	char *catalogue_file;	 /* catalogue=; NULL: the default, or as the environment says */
	char *digest;		 /* of the state that the disc must have, or its first digits; NULL: any */
	char *message;		 /* of the session that the unmount burns; NULL: none */
	uint64_t pieces_bytes;	 /* pieces=; 0: not given */
	unsigned parity_percent; /* ecc=; 0: none */
	bool compat, compress, md5, no_joliet, no_verify, kit, span;
	struct commit_policy commit;
	oddities accepted;
	char volume_id[33];
	bool show_uid, show_gid, show_umask;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool allow_other;
	char *given;		  /* all of -o that the next disc of a set gets, too, as typed; NULL none */
	char *fuse;		  /* options for libfuse, comma-separated; NULL none */
	char *fault, *disc_fault; /* developer's; see target_wrap_faults, disc_wrap_faults */
	uint32_t idle_nodes;	  /* developer's; as in struct tree_options */
};

/* 0, or -EINVAL with one line for the user in why (-ENOMEM likewise). The caller releases *ret in any case. */
int options_parse(int argc, char **argv, struct options *ret, char why[OPTIONS_WHY_MAX]);
/* What share=, pieces= and compat mean together. */
struct pieces_rule options_pieces(const struct options *o);
void options_release(struct options *o);
void options_print_help(FILE *out);

#endif
