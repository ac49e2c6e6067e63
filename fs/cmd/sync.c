/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-sync - burn what is staged in a mount as a new session, and wait for it
 */
#include <getopt.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <time.h>

#include "burner/base/printable.h"
#include "burner/base/time.h"
#include "burner/base/json.h"
#include "burner/base/log.h"
#include "burner/base/size.h"
#include "cdappendfs/session_message.h"
#include "fs/control/report.h"
#include "fs/control/client.h"
#include "fs/cmd/command.h"
#include "fs/cmd/discard.h"
#include "fs/cmd/holders.h"
#include "fs/cmd/interrupt.h"
#include "fs/cmd/next.h"
#include "fs/cmd/reverting.h"
#include "fs/cmd/span.h"
#include "fs/cmd/sync_check.h"
#include "fs/cmd/sync_tell.h"
#include "fs/control/mounts.h"

#define EVENT_EVERY_MS 1000
#define NEXT_MAX 200u /* discs of a set */

static const char help[] =
	"Usage: cdappendfs-sync [OPTION…] MOUNTPOINT|DISC\n"
	"       cdappendfs-sync --discard [-j] [-q] PATH…\n"
	"       cdappendfs-sync --revert=SESSION [--force] [-j] [-q] MOUNTPOINT [PATH…]\n"
	"Burn what is staged as a new session, wait until it is read back and checked. Any path in the mount will do.\n"
	"\n"
	"  -n, --dry-run   burn nothing, say what a session would append, to the block\n"
	"      --discard   burn nothing, drop everything that is staged; of PATHs in the mount: what is staged\n"
	"                  there and below, and say what that was\n"
	"      --revert=SESSION\n"
	"                  burn nothing, make the tree, or PATHs from its root, as it was in that session: staged\n"
	"      --force     with --revert: drop what is staged there; without, it refuses\n"
	"      --finalize  close the disc after this session: nothing can be appended any more\n"
	"      --full-tree write every directory, also those that have not changed: for readers that want\n"
	"                  the whole tree in one session; of a mount with -o compat also every file that lies in\n"
	"                  several pieces; a session is made even if nothing is staged\n"
	"      --add-ecc=PERCENT\n"
	"                  give parity to all sessions that have none, and to this one: so much of them, 1 to\n"
	"                  100 percent; a session is made even if nothing is staged\n"
	"      --adopt     keep digests of all sessions of other programs that have none, as they are now, so that\n"
	"                  it can be told from then on what of them is altered; a session is made even if nothing\n"
	"                  is staged\n"
	"      --span      burn what this disc takes, keep the rest staged for the next one, of a mount with -o span;\n"
	"                  with --dry-run: which disc would take what\n"
	"      --split     with --span: a file that is larger than a disc is split into parts, which 'cat' joins; the\n"
	"                  files stay parts in the mount, too\n"
	"      --next=DISC the next disc of the set, a drive or an image, for what is left; may be given again; at a\n"
	"                  terminal it is asked for\n"
	"      --if-larger=SIZE\n"
	"                  burn nothing, and succeed, while less than that is staged: each session costs room of its\n"
	"                  own on a write-once disc\n"
	"  -m, --message=TEXT\n"
	"                  a line of text about it, which the session keeps; see cdappendfs-log\n"
	"      --wait      burn nothing, wait for the burn that is under way; also one after an unmount\n"
	"      --cancel    stop the burn that is under way; what is staged is kept\n"
	"  -j, --json      print JSON: a line for each second of a burn, and the result as the last line\n"
	"  -q, --quiet     print nothing but errors\n"
	"  -h, --help      print this\n"
	"  -V, --version   print the version\n"
	"\n"
	"Exit status: 0 done (also when nothing was staged), 1 failed or does not fit, 2 wrong usage.\n";

enum action { ACTION_SYNC, ACTION_DRY_RUN, ACTION_DISCARD, ACTION_FINALIZE, ACTION_WAIT, ACTION_CANCEL };
/* The second: with --full-tree; the third: with --span; the last: and --split.  Some write no tree, or cannot say what
 * is for which disc. */
static const char *const requests[][4] = {
	[ACTION_SYNC] = {"sync", "sync full-tree", "sync span", "sync span split"},
	[ACTION_DRY_RUN] = {"dry-run", "dry-run full-tree", "dry-run span", "dry-run span split"},
	[ACTION_DISCARD] = {"discard"},
	[ACTION_FINALIZE] = {"sync finalize", "sync finalize full-tree"},
	[ACTION_WAIT] = {"await"},
	[ACTION_CANCEL] = {"cancel"},
};

struct options {
	enum action action;
	bool full_tree, adopt, span, split, json, quiet;
	unsigned add_ecc;    /* percent; 0: not asked for */
	const char *message; /* NULL: none */
	uint64_t least;	     /* bytes that are to be staged; 0: any */
	const char *revert;  /* to that session; NULL: not asked for */
	bool force;
	const char *next[NEXT_MAX];
	size_t n_next;
	struct client_result *last; /* NULL, or what the commit ended with */
	const char *mountpoint;
	char **paths; /* to be dropped one by one; with --revert the mount point before them; NULL: all */
	int n_paths;
};

static int parse_percent(const char *text, unsigned *ret)
{
	char *end;
	unsigned long percent = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || percent < 1 || percent > 100)
		return -EINVAL;
	*ret = (unsigned)percent;
	return 0;
}

/* COMMAND_DONE with a mount point; COMMAND_DONE without: help was printed; or what to exit with. */
static int parse_options(int argc, char **argv, struct options *ret)
{
	enum {
		OPTION_DISCARD = 256,
		OPTION_FINALIZE,
		OPTION_FULL_TREE,
		OPTION_ADD_ECC,
		OPTION_ADOPT,
		OPTION_SPAN,
		OPTION_SPLIT,
		OPTION_NEXT,
		OPTION_WAIT,
		OPTION_CANCEL,
		OPTION_REVERT,
		OPTION_FORCE,
		OPTION_IF_LARGER,
	};
	static const struct option options[] = {
		{"dry-run", no_argument, NULL, 'n'},
		{"discard", no_argument, NULL, OPTION_DISCARD},
		{"finalize", no_argument, NULL, OPTION_FINALIZE},
		{"full-tree", no_argument, NULL, OPTION_FULL_TREE},
		{"add-ecc", required_argument, NULL, OPTION_ADD_ECC},
		{"adopt", no_argument, NULL, OPTION_ADOPT},
		{"span", no_argument, NULL, OPTION_SPAN},
		{"split", no_argument, NULL, OPTION_SPLIT},
		{"next", required_argument, NULL, OPTION_NEXT},
		{"if-larger", required_argument, NULL, OPTION_IF_LARGER},
		{"message", required_argument, NULL, 'm'},
		{"wait", no_argument, NULL, OPTION_WAIT},
		{"cancel", no_argument, NULL, OPTION_CANCEL},
		{"revert", required_argument, NULL, OPTION_REVERT},
		{"force", no_argument, NULL, OPTION_FORCE},
		{"json", no_argument, NULL, 'j'},
		{"quiet", no_argument, NULL, 'q'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c, actions = 0;

	while ((c = command_option(argc, argv, ":nm:jqhV", options)) >= 0) {
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
		case OPTION_WAIT:
			ret->action = ACTION_WAIT;
			actions++;
			break;
		case OPTION_CANCEL:
			ret->action = ACTION_CANCEL;
			actions++;
			break;
		case OPTION_REVERT:
			ret->revert = optarg;
			actions++;
			break;
		case OPTION_FORCE:
			ret->force = true;
			break;
		case OPTION_FULL_TREE:
			ret->full_tree = true;
			break;
		case OPTION_ADOPT:
			ret->adopt = true;
			break;
		case OPTION_ADD_ECC:
			if (parse_percent(optarg, &ret->add_ecc) < 0)
				return command_usage(
					"--add-ecc=%s: how much parity, in percent of what it is of: 1 to 100", optarg);
			break;
		case OPTION_SPAN:
			ret->span = true;
			break;
		case OPTION_SPLIT:
			ret->split = true;
			break;
		case OPTION_NEXT:
			if (!*optarg || ret->n_next == NEXT_MAX)
				return command_usage("--next=%s: a drive or an image, %u times at most", optarg,
						     NEXT_MAX);
			ret->next[ret->n_next++] = optarg;
			break;
		case OPTION_IF_LARGER:
			if (size_parse(optarg, &ret->least) < 0)
				return command_usage("--if-larger=%s: a size as 50M, 4.7GB", optarg);
			break;
		case 'm':
			ret->message = optarg;
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
	if (actions > 1)
		return command_usage(
			"only one of --dry-run, --discard, --revert, --finalize, --wait and --cancel can be asked for");
	if (ret->force && !ret->revert)
		return command_usage("--force goes with --revert: leave it out");
	if (ret->revert && (ret->full_tree || ret->add_ecc || ret->adopt || ret->span || ret->split || ret->n_next ||
			    ret->message || ret->least))
		return command_usage("--revert makes no session: give that option to the cdappendfs-sync that burns");
	if (ret->revert && argc > optind) {
		ret->mountpoint = argv[optind];
		ret->paths = argv + optind;
		ret->n_paths = argc - optind;
		return COMMAND_DONE;
	}
	if (ret->full_tree && !requests[ret->action][1])
		return command_usage("--full-tree goes with what writes a tree: leave it out");
	if (ret->span && (!requests[ret->action][2] || ret->full_tree || ret->add_ecc || ret->adopt))
		return command_usage("--span goes with a plain sync and with --dry-run: leave the other one out");
	if (ret->split && !ret->span)
		return command_usage("--split goes with --span, which may take several discs: leave it out");
	if (ret->n_next && (!ret->span || ret->action != ACTION_SYNC))
		return command_usage("--next goes with --span, which burns: leave it out");
	if (ret->add_ecc && !requests[ret->action][1])
		return command_usage("--add-ecc goes with what makes a session: leave it out");
	if (ret->adopt && !requests[ret->action][1])
		return command_usage("--adopt goes with what makes a session: leave it out");
	if (ret->least && (ret->action != ACTION_SYNC || ret->full_tree || ret->add_ecc || ret->adopt))
		return command_usage("--if-larger goes with a plain sync, which burns what is staged: leave it out");
	if (ret->message && ret->action != ACTION_SYNC && ret->action != ACTION_FINALIZE)
		return command_usage("--message goes with what burns a session: leave it out");
	if (ret->message && session_message_refusal(ret->message))
		return command_usage("--message: %s", session_message_refusal(ret->message));
	if (ret->action == ACTION_DISCARD && argc > optind) {
		ret->mountpoint = argv[optind];
		if (argc > optind + 1 || discard_is_path(argv[optind])) {
			ret->paths = argv + optind;
			ret->n_paths = argc - optind;
		}
		return COMMAND_DONE;
	}
	return command_argument(argc, argv, "mount point or disc", &ret->mountpoint);
}

/* ---- while it burns ---- */

struct watch {
	bool json;
	struct progress line;
	char phase[32];
	int64_t began_ms, told_ms;
};

/* A line each second and at each new phase; none of what takes no second, so that its result stands alone. */
static void on_progress(void *context, const struct burning *b)
{
	struct watch *w = context;
	struct json j = {stdout, false};
	int64_t now = now_ms();

	progress_report(&w->line, b);
	if (!w->json || burning_idle(b) || now - w->began_ms < EVENT_EVERY_MS ||
	    (strcmp(b->phase, w->phase) == 0 && now - w->told_ms < EVENT_EVERY_MS))
		return;
	snprintf(w->phase, sizeof(w->phase), "%s", b->phase);
	w->told_ms = now;
	json_open(&j, NULL, '{');
	json_string(&j, "event", "progress");
	burning_json(&j, b);
	json_close(&j, '}');
	json_end_line(&j);
	fflush(stdout);
}

static void note_phase(void *context, const struct burning *b)
{
	if (!burning_idle(b))
		*(bool *)context = true;
}

/* The user does not wait any longer: what goes on without him?  Ends the process by that signal. */
static int leave(const struct options *o, const struct control_mount *mount)
{
	bool burning = false;
	struct client_handlers handlers = {.progress = note_phase, .context = &burning};
	struct client_result result;
	const char *name = mount ? mount->mountpoint : o->mountpoint;

	if (mount) /* it says how far it is, and no more: without a result */
		(void)client_ask(mount, "status", &handlers, &result);
	else
		burning = true;
	if (burning)
		interrupt_say_goes_on(name);
	else
		command_fail("%s: no burn is under way; what is staged is kept", name);
	return interrupt_end();
}

/* ---- the end ---- */

static void print_adopted(const struct client_result *r)
{
	char bytes[SIZE_TEXT_BYTES];

	if (r->adopted_bytes && r->append_bytes)
		printf("%s in %" PRIu64
		       " session%s of other programs %s adopted as they are now: the session has their "
		       "digests\n",
		       size_text(r->adopted_bytes, bytes), r->adopted_sessions, r->adopted_sessions == 1 ? "" : "s",
		       r->burned ? "are" : "will be");
	if (r->adopted_more)
		puts("the disc has more pieces of other programs' sessions than one session can adopt: ask again for "
		     "the rest");
}

static const char *nothing(const struct options *o)
{
	if (o->adopt)
		return o->add_ecc ? "nothing to do: nothing is staged, all that can have parity has it, and no "
				    "session of another program is without digests" :
				    "nothing to do: nothing is staged, and no session of another program is without "
				    "digests";
	if (o->add_ecc)
		return "nothing to do: nothing is staged, and all that can have parity has it";
	return o->full_tree ? "nothing to do: nothing is staged, and the newest session has the whole tree" :
			      "nothing to do: nothing is staged";
}

static bool asks(const struct options *o) { return !o->json && !o->quiet && next_can_ask(); }

static void print_text(const struct client_result *r, const struct options *o, const struct control_mount *mount)
{
	enum action action = o->action;
	char append[SIZE_TEXT_BYTES], data[SIZE_TEXT_BYTES], tree[SIZE_TEXT_BYTES], shared[SIZE_TEXT_BYTES],
		found[SIZE_TEXT_BYTES], pieces[REPORT_PIECES_TEXT], names[REPORT_NAMES_TEXT];

	if (action == ACTION_DISCARD)
		puts("what was staged is dropped");
	else if (action >= ACTION_WAIT && !r->burned)
		puts("no burn was under way");
	else if (r->append_bytes == 0 && !r->held_bytes) /* what is held is told below */
		puts(r->left_out_bytes ? "nothing was burned: what has no parity is damaged" :
		     r->unread_bytes   ? "nothing was burned: what has no digests cannot be read" :
					 nothing(o));
	else if (r->append_bytes)
		printf("session %" PRIu32 " %s: %s %s (data %s, tree %s), %s shared with older sessions\n", r->session,
		       r->burned ? "written" : "planned", size_text(r->append_bytes, append),
		       r->burned ? "appended" : "to append", size_text(r->data_bytes, data),
		       size_text(r->tree_bytes, tree), size_text(r->shared_bytes, shared));
	sync_print_cost(r);
	sync_print_parity(r);
	print_adopted(r);
	if (r->found_bytes)
		printf("of what is staged, %s %s on the disc already, or twice in the stage\n",
		       size_text(r->found_bytes, found), r->burned ? "were" : "are");
	if (r->append_bytes && r->files_in_pieces)
		puts(report_pieces(r->files_in_pieces, pieces));
	if (report_names(r->names_changed, r->names_closed, names))
		puts(names);
	if (r->message[0] && !r->left_out_bytes && !r->unread_bytes)
		say(stdout, "%s", r->message);
	if (o->span)
		span_tell(r, mount, o->split, asks(o) || o->n_next);
}

static int finish(const struct options *o, const char *name, const struct control_mount *mount,
		  const struct client_result *r)
{
	bool cancelled = o->action == ACTION_CANCEL && r->error == ECANCELED;

	if (o->json)
		sync_print_json(r);
	if (cancelled && !o->json && !o->quiet)
		say(stdout, "the burn is cancelled: %s", r->message);
	if (cancelled)
		return COMMAND_DONE;
	if (r->error) {
		command_fail("%s: %s", name, r->message[0] ? r->message : strerror(r->error));
		if (r->error == EBUSY && o->action == ACTION_DISCARD)
			holders_print(stderr, name);
		return COMMAND_FAILED;
	}
	if (!o->json && !o->quiet)
		print_text(r, o, mount);
	if (o->message && !r->burned)
		command_note("%s: no session was burned, so the message is not kept", name);
	if (r->left_out_bytes || r->unread_bytes)
		return command_fail("%s: %s", name, r->message);
	if (o->action == ACTION_CANCEL && r->burned)
		return command_fail("%s: session %" PRIu32 " was written before it could be cancelled", name,
				    r->session);
	if (o->action == ACTION_DRY_RUN && !r->fits && r->older_bytes)
		return command_fail("%s: with that much parity of older sessions it does not fit on the disc", name);
	if (o->action == ACTION_DRY_RUN && !r->fits && r->adopted_bytes)
		return command_fail("%s: with the digests of other programs' sessions it does not fit on the disc",
				    name);
	if (o->action == ACTION_DRY_RUN && !r->fits)
		return command_fail(
			"%s: what is staged does not fit on the disc; delete some of it, or drop it all with --discard",
			name);
	return COMMAND_DONE;
}

/* The request; to be freed. */
static char *word_request(const struct options *o)
{
	const char *request = requests[o->action][o->span ? 2 + o->split : o->full_tree];
	size_t length = 0;
	char *line = NULL;
	FILE *out = o->message || o->add_ecc || o->adopt ? open_memstream(&line, &length) : NULL;
	struct json j = {out, false};

	if (!o->message && !o->add_ecc && !o->adopt)
		return strdup(request);
	if (!out)
		return NULL;
	fprintf(out, "%s ", request);
	json_open(&j, NULL, '{');
	if (o->message)
		json_string(&j, "message", o->message);
	if (o->add_ecc)
		json_u64(&j, "add_ecc", o->add_ecc);
	if (o->adopt)
		json_bool(&j, "adopt", true);
	json_close(&j, '}');
	if (fclose(out) == 0)
		return line;
	free(line);
	return NULL;
}

/* A conversation to its end.  mount NULL: of a disc that may be not mounted any more. *ret: the session to be made, or
 * that was; 0: none. */
static int converse(const struct options *o, const struct control_mount *mount, uint64_t *ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	_free_ char *request = word_request(o);
	const char *name = mount ? mount->mountpoint : o->mountpoint;
	struct watch watch = {.json = o->json, .began_ms = now_ms()};
	struct client_handlers handlers = {.progress = on_progress, .context = &watch};
	struct client_result result = {0};
	int r = mount ? client_open(mount, &c) : client_open_disc(name, &c);

	progress_init(&watch.line, o->quiet ? PROGRESS_QUIET : PROGRESS_AUTO);
	if (r == 0)
		r = request ? client_send(c, request) : -ENOMEM;
	if (r == 0 && (o->action == ACTION_SYNC || o->action >= ACTION_WAIT)) {
		interrupt_catch();
		client_stop_by(c, &interrupted);
	}
	if (r == 0)
		r = client_finish(c, &handlers, &result);
	progress_clear(&watch.line);
	if (r == -EINTR) {
		client_free(TAKE_PTR(c)); /* a commit that has not begun is forgotten by that */
		return leave(o, mount);
	}
	if (!mount && (r == -ECONNREFUSED || r == -EPERM || r == -EAGAIN)) {
		/* Beside whoever has the name a daemon of ours would listen, too. */
		snprintf(result.message, sizeof(result.message), "%s",
			 r == -ECONNREFUSED ? "" :
					      "a process of another user has the name of this disc; it is not asked");
		r = 0;
	}
	if (r < 0)
		return command_fail("%s: %s", name, client_why(r));
	if (strcmp(result.message, "idle") == 0)
		result.message[0] = '\0';
	*ret = result.append_bytes;
	if (o->last)
		*o->last = result;
	return finish(o, name, mount, &result);
}

/* To read all that is on a disc takes a while: what it is for is told before. */
static int announce(const struct options *o, const struct control_mount *mount, uint64_t *ret)
{
	struct options dry = *o;

	*ret = 1;
	if ((!o->add_ecc && !o->adopt) || o->action == ACTION_DRY_RUN || o->json || o->quiet)
		return COMMAND_DONE;
	dry.action = ACTION_DRY_RUN;
	dry.message = NULL;
	int status = converse(&dry, mount, ret);
	fflush(stdout);
	return status;
}

/* Disc by disc, as long as something is left and there is a disc for it. */
static int sync_set(struct options set, struct control_mount *mount)
{
	struct client_result last = {0};
	char point[sizeof(mount->mountpoint)];
	uint64_t bytes;

	set.last = &last;
	memcpy(point, mount->mountpoint, sizeof(point));
	int status = next_check(mount, set.next, set.n_next) ? COMMAND_FAILED : converse(&set, mount, &bytes);
	for (size_t i = 0; status == COMMAND_DONE && last.held_bytes && (i < set.n_next || asks(&set)); i++) {
		status = next_disc(mount, i < set.n_next ? set.next[i] : NULL, set.quiet || set.json);
		if (status == COMMAND_DONE)
			status = command_mount(point, mount);
		if (status == COMMAND_DONE)
			status = converse(&set, mount, &bytes);
	}
	if (status == COMMAND_DONE && last.held_bytes && set.n_next)
		status = command_fail("%s: not all of it is on a disc yet: give another one with --next", point);
	return status;
}

static int say_little(const struct options *o, const struct client_result *r)
{
	if (o->json)
		sync_print_json(r);
	else if (!o->quiet)
		say(stdout, "%s", r->message);
	return COMMAND_DONE;
}

int main(int argc, char **argv)
{
	struct options o = {0};
	struct control_mount mount;
	struct stat st;
	struct client_result little;
	bool enough = true;
	uint64_t bytes;
	int status = parse_options(argc, argv, &o), r;

	if (status != COMMAND_DONE || !o.mountpoint)
		return status;
	if (o.revert)
		return command_end(
			reverting(&(struct reverting){o.revert, o.force, o.json, o.quiet, o.paths, o.n_paths}));
	if (o.paths)
		return command_end(discard_paths(o.paths, o.n_paths, o.json, o.quiet));
	r = mounts_find(o.mountpoint, &mount);
	if (r == -ENOENT && o.action >= ACTION_WAIT && stat(o.mountpoint, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return command_end(converse(&o, NULL, &bytes));
		return command_fail("%s: no cdappendfs is mounted there; a burn after an unmount is found by its disc: "
				    "give the image file or the device",
				    o.mountpoint);
	}
	status = command_mount(o.mountpoint, &mount);
	if (status != COMMAND_DONE)
		return status;
	if (o.action == ACTION_FINALIZE && (status = sync_check_finalize(&mount)) != COMMAND_DONE)
		return status;
	if (o.least && (status = sync_check_staged(&mount, o.least, &enough, &little)) != COMMAND_DONE)
		return status;
	if (!enough)
		return command_end(say_little(&o, &little));
	if (o.span && o.action == ACTION_DRY_RUN &&
	    (status = span_list(&mount, o.split, o.json, o.quiet)) != COMMAND_DONE)
		return status;
	if (o.span && o.action == ACTION_SYNC)
		return command_end(sync_set(o, &mount));
	status = announce(&o, &mount, &bytes);
	/* Nothing to append; but it may be to be closed, and a message that nothing keeps is told. */
	const bool go_on = bytes || o.action == ACTION_FINALIZE || o.message;
	o.quiet |= !bytes && o.action != ACTION_FINALIZE; /* that there is nothing was said */
	return command_end(status == COMMAND_DONE && go_on ? converse(&o, &mount, &bytes) : status);
}
