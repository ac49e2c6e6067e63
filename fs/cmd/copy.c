/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-copy - a disc becomes an image file with its sessions, around what cannot be read of it
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "burner/base/values.h"
#include "cdappendfs/burn.h"
#include "fs/check/rescue.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/command.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/watch.h"

#define RETRIES_DEFAULT 2u
#define RETRIES_MAX 1000u

/* 1 says that blocks are missing, and nothing else. */
enum copy_status { COPY_WHOLE = COMMAND_DONE, COPY_INCOMPLETE = COMMAND_FAILED, COPY_TROUBLE = COMMAND_USAGE };

static const char help[] =
	"Usage: cdappendfs-copy [OPTION…] DISC IMAGE\n"
	"Copy what is on the disc in a drive to the image file IMAGE, with all its sessions, around what cannot be "
	"read.\n"
	"Asked again for the same, it reads what is missing, also in another drive.\n"
	"\n"
	"      --retries=N   try each block that cannot be read N times more; default: 2\n"
	"      --map=FILE    what was read, as ddrescue writes it, and reads it; default: IMAGE.map, which stays if\n"
	"                    something is missing\n"
	"  -j, --json        print JSON: a line for each second, and the result as the last line\n"
	"  -q, --quiet       print nothing but what could not be read, and errors\n"
	"  -h, --help        print this\n"
	"  -V, --version     print the version\n"
	"\n"
	"Exit status: 0 all was read, 1 some blocks could not be, 2 it could not be copied.\n";

struct options {
	bool json, quiet;
	uint64_t retries;
	const char *map, *source, *image;
};

/* ---- the command line ---- */

static int judge_options(int argc, char **argv, struct options *o)
{
	if (argc - optind < 2)
		return command_usage("the %s is missing", argc == optind ? "disc" : "image file that is to be made");
	if (argc - optind > 2)
		return command_usage("one disc and one image file at a time");
	o->source = argv[optind];
	o->image = argv[optind + 1];
	return COMMAND_DONE;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	enum { OPTION_RETRIES = 256, OPTION_MAP };
	static const struct option options[] = {
		{"retries", required_argument, NULL, OPTION_RETRIES},
		{"map", required_argument, NULL, OPTION_MAP},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c;

	while ((c = command_option(argc, argv, ":jqhV", options)) >= 0) {
		switch (c) {
		case OPTION_RETRIES:
			if (value_number(optarg, 10, RETRIES_MAX, &ret->retries))
				return command_usage("--retries: '%s' is no number from 0 to %u", optarg, RETRIES_MAX);
			break;
		case OPTION_MAP:
			ret->map = optarg;
			break;
		case 'j':
			ret->json = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	return judge_options(argc, argv, ret);
}

/* ---- what came of it ---- */

struct told {
	const struct options *o;
	const char *map;
	const struct rescue *rescue;
	struct disc_session *sessions;
	size_t n_sessions;
};

static uint64_t missing_blocks(const struct told *t) { return mapfile_bytes(&t->rescue->map, 0) / SECTOR_BYTES; }

/* Of blocks [from, to); *ret_first: the first of them. */
static uint64_t missing_in(const struct mapfile *map, uint64_t from, uint64_t to, uint64_t *ret_first)
{
	uint64_t n = 0;

	for (size_t i = 0; i < map->n; i++) {
		uint64_t first = map->gaps[i].from / SECTOR_BYTES, end = map->gaps[i].to / SECTOR_BYTES;

		first = first > from ? first : from;
		end = end < to ? end : to;
		if (first >= end)
			continue;
		*ret_first = n ? *ret_first : first;
		n += end - first;
	}
	return n;
}

static uint64_t missing_of(const struct told *t, const struct disc_session *s, uint64_t *ret_first)
{
	return missing_in(&t->rescue->map, s->start_lba, (uint64_t)s->start_lba + s->sectors, ret_first);
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

static void tell_missing(const struct told *t)
{
	const struct options *o = t->o;
	uint64_t missing = missing_blocks(t), rest = missing;

	say(stdout, "%s: %" PRIu64 " of %" PRIu64 " blocks could not be read; %s says which", o->image, missing,
	    t->rescue->all_sectors, t->map);
	for (size_t i = 0; i < t->n_sessions; i++) {
		uint64_t first = 0, n = missing_of(t, &t->sessions[i], &first);

		rest -= n < rest ? n : rest;
		if (n)
			say(stdout, "  of session %" PRIu32 ": %" PRIu64 " block%s, from %" PRIu64 " on",
			    t->sessions[i].number, n, plural(n), first);
	}
	if (rest)
		say(stdout, "  of no session that is known: %" PRIu64 " block%s", rest, plural(rest));
	say(stdout,
	    "'cdappendfs-check --map=%s --repair=OUT %s' makes them again if the disc has parity, and names the files "
	    "if not; 'cdappendfs-copy%s%s %s %s' tries them again, also in another drive",
	    SHELL_WORD(t->map), SHELL_WORD(o->image), o->map ? " --map=" : "", o->map ? SHELL_WORD(o->map) : "",
	    SHELL_WORD(o->source), SHELL_WORD(o->image));
}

static void tell_text(const struct told *t)
{
	char size[SIZE_TEXT_BYTES];

	if (t->rescue->map.n)
		tell_missing(t);
	else if (!t->o->quiet)
		say(stdout, "%s is a whole copy: %zu session%s, %s%s", t->o->image, t->n_sessions,
		    plural(t->n_sessions), size_text(t->rescue->all_sectors * SECTOR_BYTES, size),
		    t->rescue->read_sectors ? "" : "; nothing was missing");
}

static void json_missing(struct json *j, const struct mapfile *map)
{
	json_open(j, "missing", '[');
	for (size_t i = 0; i < map->n; i++) {
		json_open(j, NULL, '{');
		json_u64(j, "lba", map->gaps[i].from / SECTOR_BYTES);
		json_u64(j, "sectors", (map->gaps[i].to - map->gaps[i].from) / SECTOR_BYTES);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void tell_json(const struct told *t)
{
	struct json j = {stdout, false};
	uint64_t first;

	json_open(&j, NULL, '{');
	json_string(&j, "event", "copy");
	json_string(&j, "image", t->o->image);
	json_string_or_null(&j, "map", t->rescue->map_kept ? t->map : NULL);
	json_bool(&j, "whole", !t->rescue->map.n);
	json_bool(&j, "resumed", t->rescue->resumed);
	json_u64(&j, "sectors", t->rescue->all_sectors);
	json_u64(&j, "had_sectors", t->rescue->had_sectors);
	json_u64(&j, "read_sectors", t->rescue->read_sectors);
	json_u64(&j, "missing_sectors", missing_blocks(t));
	json_open(&j, "sessions", '[');
	for (size_t i = 0; i < t->n_sessions; i++) {
		json_open(&j, NULL, '{');
		json_u64(&j, "number", t->sessions[i].number);
		json_u64(&j, "start_lba", t->sessions[i].start_lba);
		json_u64(&j, "sectors", t->sessions[i].sectors);
		json_u64(&j, "missing_sectors", missing_of(t, &t->sessions[i], &first));
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_missing(&j, &t->rescue->map);
	json_close(&j, '}');
	json_end_line(&j);
}

/* ---- copying ---- */

static void on_phase(void *context, const char *what) { watch_phase(context, what); }
static void on_progress(void *context, uint64_t done_sectors, uint64_t all_sectors)
{
	watch_report(context, done_sectors, all_sectors);
}

static int fail_copy(const struct options *o, const char *disc, int r, const char *why)
{
	if (r == -ENODATA)
		command_note("%s: it is blank: there is nothing to copy", disc);
	else if (r == -ECANCELED)
		command_note("%s: ended before all was read; the same command goes on", o->image);
	else if (r == -ENOMEDIUM || r == -ENODEV)
		command_note("%s: %s; what was read is in %s, and the same command goes on", disc,
			     r == -ENODEV ? "the drive has gone" : "the disc was taken out", o->image);
	else if (why)
		command_note("%s", why);
	else
		command_note("%s: it cannot be copied: %s", disc, strerror(-r));
	return COPY_TROUBLE;
}

static int conclude(const struct options *o, const char *map, struct disc *disc, const struct rescue *rescue)
{
	_free_ struct disc_session *sessions = NULL;
	struct told told = {.o = o, .map = map, .rescue = rescue};

	if (disc_sessions(disc, &sessions, &told.n_sessions))
		told.n_sessions = 0; /* what is missing is told all the same */
	told.sessions = sessions;
	if (rescue->n_audio)
		command_note("%s: audio tracks are left out: %zu", o->source, rescue->n_audio);
	if (o->json)
		tell_json(&told);
	else
		tell_text(&told);
	return rescue->map.n ? COPY_INCOMPLETE : COPY_WHOLE;
}

static int copy(const struct options *o, const char *map, const char *name, struct disc *disc)
{
	struct watch watch;
	const struct burn_progress progress = {on_progress, watch_is_interrupted, &watch};
	const struct rescue_asked asked = {.disc = disc,
					   .image = o->image,
					   .map = map,
					   .made_by = "cdappendfs-copy " CDAPPENDFS_VERSION,
					   .keep_map = o->map != NULL,
					   .retries = (unsigned)o->retries,
					   .phase = on_phase,
					   .progress = &progress};
	_cleanup_(rescue_release) struct rescue rescue;
	_free_ char *why = NULL;
	int r;

	watch_init(&watch, &(struct watch_options){.json = o->json, .quiet = o->quiet}, "copying");
	r = rescue_begin(&asked, &rescue, &why);
	if (!r)
		r = rescue_run(&rescue, &why);
	progress_clear(&watch.line);
	return r ? fail_copy(o, name, r, why) : conclude(o, map, disc, &rescue);
}

static int copy_argument(const struct options *o)
{
	const struct disc_open_options how = {.any_content = true};
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_free_ char *map = NULL;
	const char *why = NULL;
	struct argument a;
	int r;

	if (argument_find(o->source, &a) != COMMAND_DONE)
		return COPY_TROUBLE;
	if (o->map ? !(map = strdup(o->map)) : asprintf(&map, "%s.map", o->image) < 0)
		return fail_copy(o, a.disc, -ENOMEM, NULL);
	r = disc_open_path(a.disc, &how, &disc, &why);
	if (r == -EBUSY && a.mounted)
		command_note("%s: it is mounted at %s, which has the drive for itself: unmount it "
			     "('cdappendfs-umount %s'), and copy it then",
			     a.disc, a.mount.mountpoint, SHELL_WORD(a.mount.mountpoint));
	else if (r)
		command_note("%s: it cannot be copied: %s", a.disc, why ? why : strerror(-r));
	return r ? COPY_TROUBLE : copy(o, map, a.disc, disc);
}

int main(int argc, char **argv)
{
	struct options o = {.retries = RETRIES_DEFAULT};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.source)
		return status;
	status = copy_argument(&o);
	if (interrupted && status == COPY_TROUBLE)
		return interrupt_end();
	return command_end(COMMAND_DONE) == COMMAND_DONE ? status : COPY_TROUBLE;
}
