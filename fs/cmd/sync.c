/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-sync - burn what is staged in a mount as a new session, and wait for it
 */
#include <getopt.h>
#include <inttypes.h>

#include "burner/base/json.h"
#include "burner/base/log.h"
#include "fs/control/report.h"
#include "fs/control/client.h"
#include "fs/cmd/command.h"
#include "fs/cmd/discard.h"
#include "fs/control/mounts.h"

static const char help[] =
	"Usage: cdappendfs-sync [OPTION…] MOUNTPOINT\n"
	"       cdappendfs-sync --discard [-j] [-q] PATH…\n"
	"Burn what is staged as a new session, wait until it is read back and checked.\n"
	"\n"
	"  -n, --dry-run   burn nothing, say what a session would append, to the block\n"
	"      --discard   burn nothing, drop everything that is staged; of PATHs in the mount: what is staged\n"
	"                  there and below, and say what that was\n"
	"      --finalize  close the disc after this session: nothing can be appended any more\n"
	"      --full-tree write every directory, also those that have not changed: for readers that want\n"
	"                  the whole tree in one session; a session is made even if nothing is staged\n"
	"  -j, --json      print the result as JSON\n"
	"  -q, --quiet     print nothing but errors\n"
	"      --help      print this\n"
	"      --version   print the version\n"
	"\n"
	"Exit status: 0 done (also when nothing was staged), 1 failed or does not fit, 2 wrong usage.\n";

enum action { ACTION_SYNC, ACTION_DRY_RUN, ACTION_DISCARD, ACTION_FINALIZE };
/* The second without a word for discard: it writes no tree. */
static const char *const requests[][2] = {
	[ACTION_SYNC] = {"sync", "sync full-tree"},
	[ACTION_DRY_RUN] = {"dry-run", "dry-run full-tree"},
	[ACTION_DISCARD] = {"discard", NULL},
	[ACTION_FINALIZE] = {"sync finalize", "sync finalize full-tree"},
};

struct options {
	enum action action;
	bool full_tree, json, quiet;
	const char *mountpoint;
	char **paths; /* to be dropped one by one; NULL: all */
	int n_paths;
};

/* COMMAND_DONE with a mount point; COMMAND_DONE without: help was printed; or what to exit with. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	enum { OPTION_DISCARD = 256, OPTION_FINALIZE, OPTION_FULL_TREE, OPTION_HELP, OPTION_VERSION };
	static const struct option options[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"discard", no_argument, NULL, OPTION_DISCARD},
		{"finalize", no_argument, NULL, OPTION_FINALIZE},
		{"full-tree", no_argument, NULL, OPTION_FULL_TREE},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, OPTION_HELP},
		{"version", no_argument, NULL, OPTION_VERSION},
		{0},
	};
	int c, actions = 0;

	while ((c = getopt_long(argc, argv, "njq", options, NULL)) >= 0) {
		switch (c) {
		case 'n':
			ret->action = ACTION_DRY_RUN;
			actions++;
			break;
		case OPTION_DISCARD:
			ret->action = ACTION_DISCARD;
			actions++;
			break;
		case OPTION_FINALIZE:
			ret->action = ACTION_FINALIZE;
			actions++;
			break;
		case OPTION_FULL_TREE:
			ret->full_tree = true;
			break;
		case 'j':
			ret->json = true;
			break;
		case 'q':
			ret->quiet = true;
			break;
		case OPTION_HELP:
			return command_help(help);
		case OPTION_VERSION:
			return command_version();
		default:
			return command_usage(NULL);
		}
	}
	if (actions > 1)
		return command_usage("only one of --dry-run, --discard and --finalize can be asked for");
	if (ret->full_tree && ret->action == ACTION_DISCARD)
		return command_usage("--discard writes nothing: leave --full-tree out");
	if (ret->action == ACTION_DISCARD && argc > optind) {
		struct control_mount mount;

		ret->mountpoint = argv[optind];
		if (argc > optind + 1 || mounts_find(argv[optind], &mount) == -ENOENT) {
			ret->paths = argv + optind;
			ret->n_paths = argc - optind;
		}
		return COMMAND_DONE;
	}
	return command_argument(argc, argv, "mount point", &ret->mountpoint);
}

static void on_info(void *context, const char *type, const char *line)
{
	bool *overwritable = context;

	if (strcmp(type, "info") == 0)
		json_get_bool(line, "overwritable", overwritable);
}

/* Files and rewritable media are never closed: said before anything is burned. */
static int check_finalize(const struct control_mount *mount)
{
	struct client_result result;
	bool overwritable = false;
	struct client_handlers handlers = {.line = on_info, .context = &overwritable};
	int r = client_ask(mount, "info", &handlers, &result);

	if (r < 0 || result.error)
		return command_fail("%s: %s", mount->mountpoint, r < 0 ? client_why(r) : strerror(result.error));
	if (overwritable)
		return command_fail("%s: image files and rewritable media are always appendable: there is nothing to "
				    "finalize, and nothing was burned; "
				    "leave --finalize out",
				    mount->mountpoint);
	return COMMAND_DONE;
}

static void print_json(const struct client_result *r)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_u64(&j, "append_bytes", r->append_bytes);
	json_u64(&j, "data_bytes", r->data_bytes);
	json_u64(&j, "shared_bytes", r->shared_bytes);
	json_u64(&j, "found_bytes", r->found_bytes);
	json_u64(&j, "tree_bytes", r->tree_bytes);
	json_bool(&j, "fits", r->fits);
	json_u64(&j, "session", r->session);
	json_bool(&j, "burned", r->burned);
	json_u64(&j, "error", (uint64_t)r->error);
	json_string(&j, "message", r->message);
	json_close(&j, '}');
	json_end_line(&j);
}

static void print_text(const struct client_result *r, enum action action)
{
	char append[REPORT_BYTES_TEXT], data[REPORT_BYTES_TEXT], tree[REPORT_BYTES_TEXT], shared[REPORT_BYTES_TEXT],
		found[REPORT_BYTES_TEXT], message[1024];

	if (action == ACTION_DISCARD)
		puts("what was staged is dropped");
	else if (r->append_bytes == 0)
		puts("nothing to do: nothing is staged");
	else
		printf("session %" PRIu32 " %s: %s %s (data %s, tree %s), %s shared with older sessions\n", r->session,
		       r->burned ? "written" : "planned", report_bytes(r->append_bytes, append),
		       r->burned ? "appended" : "to append", report_bytes(r->data_bytes, data),
		       report_bytes(r->tree_bytes, tree), report_bytes(r->shared_bytes, shared));
	if (r->found_bytes)
		printf("of what is staged, %s %s on the disc already\n", report_bytes(r->found_bytes, found),
		       r->burned ? "were" : "are");
	if (r->message[0])
		puts(report_printable(r->message, message, sizeof(message)));
}

static int finish(const struct options *o, const struct control_mount *mount, const struct client_result *r)
{
	char message[1024];

	if (o->json)
		print_json(r);
	if (r->error)
		return command_fail("%s: %s", mount->mountpoint,
				    r->message[0] ? report_printable(r->message, message, sizeof(message)) :
						    strerror(r->error));
	if (!o->json && !o->quiet)
		print_text(r, o->action);
	if (o->action == ACTION_DRY_RUN && !r->fits)
		return command_fail(
			"%s: what is staged does not fit on the disc; delete some of it, or drop it all with --discard",
			mount->mountpoint);
	return COMMAND_DONE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct control_mount mount;
	struct client_result result;
	struct progress progress;
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.mountpoint)
		return status;
	if (o.paths)
		return command_end(discard_paths(o.paths, o.n_paths, o.json, o.quiet));
	status = command_mount(o.mountpoint, &mount);
	if (status != COMMAND_DONE)
		return status;
	if (o.action == ACTION_FINALIZE && (status = check_finalize(&mount)) != COMMAND_DONE)
		return status;
	progress_init(&progress, o.quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
	struct client_handlers handlers = {.progress = progress_report, .context = &progress};
	int r = client_ask(&mount, requests[o.action][o.full_tree], &handlers, &result);
	progress_clear(&progress);
	if (r < 0)
		return command_fail("%s: %s", mount.mountpoint, client_why(r));
	return command_end(finish(&o, &mount, &result));
}
