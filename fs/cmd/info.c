/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cdappendfs-info - what a disc holds and what is staged for it
 *
 * A mounted disc is described by its daemon, which alone knows what is staged.  A disc that is not mounted, or whose
 * daemon does not answer us, is opened here, read-only and without its lock, and so is its stage.
 */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>

#include "cdappendfs/burn.h"
#include "burner/base/io.h"
#include "burner/base/printable.h"
#include "burner/base/json.h"
#include "burner/base/log.h"
#include "burner/base/new_file.h"
#include "burner/base/values.h"
#include "fs/control/report.h"
#include "fs/control/client.h"
#include "fs/cmd/argument.h"
#include "fs/cmd/changes.h"
#include "fs/cmd/command.h"
#include "fs/cmd/listing.h"
#include "fs/control/mounts.h"
#include "fs/iso/iso.h"
#include "fs/show/page.h"
#include "fs/show/picture.h"
#include "fs/stage/stage.h"

static const char help[] =
	"Usage: cdappendfs-info [OPTION…] DISC|MOUNTPOINT\n"
	"Show medium, sessions, used and free space, and what is staged.\n"
	"\n"
	"  -j, --json        print it as JSON\n"
	"      --svg=FILE    draw it, as SVG, into a new FILE; - is standard output\n"
	"      --html=FILE   the same as a page of its own: sessions, and their trees to browse and to search by\n"
	"                    name, into a new FILE; reads all directories\n"
	"      --msinfo      print LAST_START,NEXT as cdrecord -msinfo does, for mkisofs -C\n"
	"  -c, --changes[=FORM]  print what is staged in a mount, and what the next session writes of each at most:\n"
	"                    in groups, or as lines: A added, M changed, D removed, R renamed, with new bytes; FORM "
	"is\n"
	"                    groups or lines, without it groups on a terminal\n"
	"      --top[=N]     of these the N (10) that cost most\n"
	"  -p, --pieces      list the files that lie in several pieces, of which some readers show one: "
	"pieces, path, bytes; reads the whole tree\n"
	"  -N, --names       list the names that Windows and other readers of Joliet see otherwise, or that Windows\n"
	"                    cannot open: why, path, Joliet name; reads the whole tree\n"
	"      --staging=DIR where the stage of a disc that is not mounted is, when it was mounted "
	"with -o staging=DIR\n"
	"  -h, --help        print this\n"
	"  -V, --version     print the version\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage.\n";

struct options {
	bool json, msinfo;
	enum listing list;
	struct changes_asked changes;
	const char *staging, *svg, *html, *argument;
};

enum { OPTION_MSINFO = 256, OPTION_STAGING, OPTION_SVG, OPTION_HTML, OPTION_TOP };

static enum listing list_of(int option)
{
	return option == 'c' || option == OPTION_TOP ? LIST_CHANGES : option == 'p' ? LIST_PIECES : LIST_NAMES;
}

static int take_form(struct changes_asked *changes)
{
	if (!optarg)
		return COMMAND_DONE;
	changes->form = strcmp(optarg, "groups") == 0 ? CHANGES_GROUPS :
			strcmp(optarg, "lines") == 0  ? CHANGES_LINES :
							CHANGES_AUTO;
	return changes->form != CHANGES_AUTO ? COMMAND_DONE :
					       command_usage("--changes: '%s' is neither groups nor lines", optarg);
}

static int take_top(struct changes_asked *changes)
{
	uint64_t n = 10;

	if (optarg && (value_number(optarg, 10, SIZE_MAX, &n) < 0 || !n))
		return command_usage("--top: '%s' is no number from 1 on", optarg);
	changes->top = (size_t)n;
	return COMMAND_DONE;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"msinfo", no_argument, NULL, OPTION_MSINFO},
		{"changes", optional_argument, NULL, 'c'},
		{"top", optional_argument, NULL, OPTION_TOP},
		{"pieces", no_argument, NULL, 'p'},
		{"names", no_argument, NULL, 'N'},
		{"staging", required_argument, NULL, OPTION_STAGING},
		{"svg", required_argument, NULL, OPTION_SVG},
		{"html", required_argument, NULL, OPTION_HTML},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{0},
	};
	int c, lists = 0, status = COMMAND_DONE;

	while (status == COMMAND_DONE && (c = command_option(argc, argv, ":jcpNhV", options)) >= 0) {
		switch (c) {
		case 'j':
			ret->json = true;
			break;
		case OPTION_TOP:
		case 'c':
		case 'p':
		case 'N':
			lists += !ret->list || ret->list != list_of(c);
			ret->list = list_of(c);
			status = c == 'c'	 ? take_form(&ret->changes) :
				 c == OPTION_TOP ? take_top(&ret->changes) :
						   status;
			break;
		case OPTION_MSINFO:
			ret->msinfo = true;
			break;
		case OPTION_SVG:
			ret->svg = optarg;
			break;
		case OPTION_HTML:
			ret->html = optarg;
			break;
		case OPTION_STAGING:
			ret->staging = optarg;
			break;
		default:
			return command_common(c, argv, options, help);
		}
	}
	if (status != COMMAND_DONE)
		return status;
	if (ret->json && ret->changes.form != CHANGES_AUTO)
		return command_usage("--json goes with no other form of --changes");
	if (ret->json)
		ret->changes.form = CHANGES_JSON;
	if (lists > 1)
		return command_usage("only one of --changes, --pieces and --names can be asked for");
	const bool draws = ret->svg || ret->html;
	if (ret->msinfo && (ret->json || ret->list || draws))
		return command_usage("--msinfo goes with no other option");
	if ((ret->svg && ret->html) || (draws && (ret->json || ret->list)))
		return command_usage(
			"--svg and --html draw, and go with no option that lists or prints, or each other");
	return command_argument(argc, argv, "disc or mount point", &ret->argument);
}

/* ---- printing ---- */

/* The newest session that can be mounted, and where the next one starts. */
static int print_msinfo(const struct report_info *info, const char *name)
{
	size_t n = info->n_sessions;

	while (n > 0 && info->sessions[n - 1].broken)
		n--;
	if (n == 0)
		return command_fail("%s: %s: there is no session to continue", name,
				    info->blank ? "the disc is blank" : "no session of the disc can be read");
	if (!info->appendable)
		return command_fail("%s: nothing can be appended: %s", name,
				    info->why_not_appendable ? info->why_not_appendable : "the medium is closed");
	printf("%" PRIu32 ",%" PRIu32 "\n", info->sessions[n - 1].start_lba, info->next_lba);
	return COMMAND_DONE;
}

static void print_text(const struct report_info *info, const struct picture *p)
{
	const struct picture_style style = picture_style(stdout);

	report_info_text(stdout, info);
	if (!info->n_sessions)
		return;
	putchar('\n');
	picture_print(p, &style, stdout);
	putchar('\n');
	report_sessions_text(stdout, info);
}

/* As any new file of this user's. */
static mode_t new_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* What draws into `out`; COMMAND_DONE, or a status after a message. */
typedef int drawing(const struct options *o, const struct picture *p, FILE *out);

static int draw_svg(const struct options *o, const struct picture *p, FILE *out)
{
	(void)o;
	picture_svg(p, out);
	return COMMAND_DONE;
}

static int tell_lost(const char *name, const struct page_lost *lost)
{
	if (!lost->directories && !lost->sessions && !lost->messages)
		return COMMAND_DONE;
	return command_fail("%s: the page is not complete: %" PRIu64 " directories, %" PRIu64 " sessions and %" PRIu64
			    " messages cannot be read, and are marked in it; 'cdappendfs-check' says more",
			    name, lost->directories, lost->sessions, lost->messages);
}

static int draw_page(const struct options *o, const struct picture *p, FILE *out)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_cleanup_history_ struct history h = {.n = 0};
	struct page_lost lost = {.sessions = 0};
	struct argument a;
	int status = argument_history(o->argument, &a, &disc, &h), r;

	if (status != COMMAND_DONE)
		return status;
	r = page_write(disc, &h, p, out, &lost);
	if (r < 0)
		return command_fail("%s: %s", o->argument, strerror(-r));
	return tell_lost(o->argument, &lost);
}

static int write_new(const char *path, const char *bytes, size_t n)
{
	_cleanup_(new_file_release) struct new_file file = NEW_FILE_NONE;
	_free_ char *why = NULL;

	if (new_file_begin(path, &file, &why) < 0)
		return command_fail("%s", why ? why : strerror(ENOMEM));
	int r = pwrite_full(file.fd, bytes, n, 0, NULL);
	if (r)
		return command_fail("%s: it cannot be written: %s", path, strerror(-r));
	if (fchmod(file.fd, new_mode()) < 0)
		return command_fail("%s: %s", path, strerror(errno));
	return new_file_publish(&file, &why) < 0 ? command_fail("%s", why ? why : strerror(ENOMEM)) : COMMAND_DONE;
}

/* Into a new file, or to standard output ("-").  What is not complete is kept, and told. */
static int draw(const struct options *o, const struct picture *p, const char *path, drawing *into)
{
	_free_ char *drawn = NULL;
	size_t n = 0;

	if (strcmp(path, "-") == 0)
		return into(o, p, stdout);
	FILE *out = open_memstream(&drawn, &n);
	if (!out)
		return command_fail("%s: %s", path, strerror(errno));
	int status = into(o, p, out);
	const bool failed = ferror(out);
	if (fclose(out) != 0 || failed)
		return command_fail("%s: %s", path, strerror(ENOMEM));
	int written = n ? write_new(path, drawn, n) : status;
	return written == COMMAND_DONE ? status : written;
}

static int print_info(const struct options *o, const struct report_info *info)
{
	_cleanup_(picture_free) struct picture p = {0};

	if (o->msinfo)
		return print_msinfo(info, o->argument);
	if (o->json) {
		report_info_json(stdout, info, NULL);
		return COMMAND_DONE;
	}
	if (picture_of(info, &p) < 0)
		return command_fail("%s: %s", o->argument, strerror(ENOMEM));
	if (o->svg)
		return draw(o, &p, o->svg, draw_svg);
	if (o->html)
		return draw(o, &p, o->html, draw_page);
	print_text(info, &p);
	return COMMAND_DONE;
}

/* ---- from the daemon ---- */

struct reply {
	struct report_parsed *info; /* of the last info line */
	int error;
};

static void on_line(void *context, const char *type, const char *line)
{
	struct reply *a = context;

	if (strcmp(type, "info") != 0)
		return;
	report_parsed_free(TAKE_PTR(a->info));
	int r = report_info_parse(line, &a->info);
	if (r < 0)
		a->error = r == -EINVAL ? -EPROTO : r;
}

/* A line of the daemon was right; did it come to an end, and well? 0 or an errno with `why` for the user. */
static int judge(const struct reply *a, int r, const struct client_result *result, char *why, size_t size)
{
	if (r == 0)
		r = a->error;
	if (r < 0) {
		snprintf(why, size, "%s", client_why(r));
		return r;
	}
	snprintf(why, size, "%s", result->message[0] ? result->message : strerror(result->error));
	return -result->error;
}

/* mount NULL: of the disc that the argument names, when some daemon has it. */
static int ask_info(const struct options *o, const struct control_mount *mount, const struct client_handlers *handlers,
		    struct client_result *ret)
{
	_cleanup_(client_freep) struct client *c = NULL;
	int r = mount ? client_open(mount, &c) : client_open_disc(o->argument, &c);

	if (r == 0)
		r = client_send(c, "info");
	return r < 0 ? r : client_finish(c, handlers, ret);
}

/* The status of what was printed; or an errno, nothing was printed and `why` says why. */
static int info_of_mount(const struct options *o, const struct control_mount *mount, char *why, size_t size)
{
	struct reply a = {.info = NULL};
	struct client_handlers handlers = {.line = on_line, .context = &a};
	struct client_result result = {0};
	int r = judge(&a, ask_info(o, mount, &handlers, &result), &result, why, size);

	if (r == 0 && !a.info) {
		snprintf(why, size, "%s", client_why(-EPROTO));
		r = -EPROTO;
	}
	if (r == 0)
		r = print_info(o, report_parsed_info(a.info));
	report_parsed_free(a.info);
	return r;
}

/* ---- from the disc itself ---- */

/* The stage of this user for it; NULL: there is none. */
static void find_stage(const struct options *o, struct disc *disc, const char *path, struct stage **ret)
{
	struct stage_options so = {.directory = o->staging, .disc_path = path, .mountpoint = "", .read_only = true};
	struct stage_holder holder = {0};
	_free_ char *why = NULL;

	int r = disc_identity(disc, &so.identity);
	if (!r)
		r = disc_fingerprint(disc, &so.fingerprint);
	if (r < 0) {
		command_note("the stage of this disc cannot be found: %s", strerror(-r));
		return;
	}
	r = stage_open(&so, ret, &holder, &why);
	if (r == -EBUSY) {
		command_note("process %" PRId32 " %s", holder.pid,
			     holder.user == STAGE_FINISHING ? "is burning what was staged for this disc" :
							      "has the stage of this disc in use");
	} else if (r < 0 && (r != -ENOENT || (o->staging && access(o->staging, F_OK) < 0))) {
		command_note("the stage of this disc: %s", why ? why : strerror(-r));
	}
}

/* What is staged for it. */
static void look_at_stage(struct stage *stage, struct report_info *info)
{
	if (!stage)
		return;
	info->has_stage = true;
	info->staging_free_bytes = stage_room(stage);
	if (stage_empty(stage))
		return;
	info->staged_bytes = stage_bytes(stage);
	info->staging = stage_directory(stage);
	info->free_bytes -= info->staged_bytes < info->free_bytes ? info->staged_bytes : info->free_bytes;
}

/* A commit that failed and that no mount has told of since. */
static void tell_last_result(struct stage *stage)
{
	_free_ char *text = NULL;
	int r;

	if (stage && stage_result_get(stage, &r, &text) == 0 && r != 0)
		command_note("the last commit failed: %s", text);
}

/* We look at a disc without opening it for writing; what is asked is whether a mount could append to it. */
static void judge_as_writer(const char *path, struct disc_state *state)
{
	if (state->appendable || !state->why_not || strcmp(state->why_not, DISC_WHY_OPENED_READ_ONLY) != 0)
		return;
	state->appendable = access(path, W_OK) == 0;
	state->why_not = state->appendable ? NULL :
			 errno == EROFS	   ? "its file system is read-only" :
					     "its file cannot be written by this user";
}

static int open_disc(const char *path, const struct disc_open_options *how, struct disc **ret, struct disc_state *state)
{
	const char *why = NULL;
	int r;

	disc_close(TAKE_PTR(*ret));
	r = disc_open_path(path, how, ret, &why);
	if (r == 0)
		r = disc_state(*ret, state);
	return r < 0 ? command_fail("%s: %s", path, why ? why : strerror(-r)) : COMMAND_DONE;
}

/* The capacity of an image may be known to its stage alone. */
static int apply_capacity(const char *path, struct stage *stage, struct disc **disc, struct disc_state *state)
{
	struct disc_open_options how = {.look_behind = true};

	if (!stage || state->kind != MEDIUM_IMAGE || stage_capacity(stage, &how.capacity_sectors) < 0)
		return COMMAND_DONE;
	how.unbounded = !how.capacity_sectors;
	return open_disc(path, &how, disc, state);
}

/* As the mount does: what cannot be opened is broken, and nothing follows it. */
static void judge_sessions(struct disc *disc, struct disc_session *sessions, size_t n, struct disc_state *state)
{
	bool newest = true;

	for (size_t i = n; i-- > 0;) {
		_cleanup_(iso_unrefp) struct iso *iso = NULL;

		if (sessions[i].broken)
			continue;
		sessions[i].broken = iso_open(disc, sessions[i].descriptor_lba, &iso) < 0;
		if (newest && sessions[i].broken && state->appendable) {
			state->appendable = false;
			state->why_not = "its newest session cannot be read";
		}
		newest = false;
	}
}

/* As the mount does: a tree that contradicts itself is not appended to before that was accepted. */
static void judge_tree(struct disc *disc, const struct disc_session *sessions, size_t n, struct disc_state *state)
{
	_cleanup_(iso_unrefp) struct iso *base = NULL;
	struct iso_info info;

	while (n && sessions[n - 1].broken)
		n--;
	if (!n || !state->appendable || iso_open(disc, sessions[n - 1].descriptor_lba, &base) < 0)
		return;
	iso_info(base, &info);
	if (!info.odd)
		return;
	state->appendable = false;
	state->why_not = oddity_refusal((enum oddity)__builtin_ctz(info.odd));
}

static int info_of_disc(const struct options *o, const char *path)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	_cleanup_(stage_closep) struct stage *stage = NULL;
	_free_ struct disc_session *sessions = NULL;
	const struct disc_open_options oo = {.look_behind = true};
	struct disc_state state;
	struct report_info info;
	size_t n = 0;
	int r, status = open_disc(path, &oo, &disc, &state);

	if (status)
		return status;
	find_stage(o, disc, path, &stage);
	status = apply_capacity(path, stage, &disc, &state);
	if (status)
		return status;
	r = disc_sessions(disc, &sessions, &n);
	if (r < 0)
		return command_fail("%s: %s", path, strerror(-r));
	judge_as_writer(path, &state);
	judge_sessions(disc, sessions, n, &state);
	judge_tree(disc, sessions, n, &state);
	report_info_init(&info, &state, sessions, n);
	info.disc = path;
	look_at_stage(stage, &info);
	status = print_info(o, &info);
	fflush(stdout);
	tell_last_result(stage);
	return status;
}

static int info_of(const struct options *o)
{
	struct control_mount mount;
	char path[PATH_MAX], why[1200];
	struct stat st;
	int found = mounts_find(o->argument, &mount);

	if (found == 0 && o->list == LIST_CHANGES)
		return changes_of_mount(&o->changes, &mount);
	if (found == 0 && o->list)
		return listing_of_mount(o->list, o->json, &mount);
	if (found == 0) {
		int status = info_of_mount(o, &mount, why, sizeof(why));
		if (status >= 0)
			return status;
		if (!command_source_is_known(o->argument, &mount))
			return command_fail("%s: %s", mount.mountpoint, why);
		command_note("%s: %s; what follows is read from the disc itself", mount.mountpoint, why);
		return info_of_disc(o, mount.source);
	}
	if (found == -ENOTUNIQ && o->list == LIST_CHANGES)
		return command_mount(o->argument, &mount);
	if (found == -ENOTUNIQ) {
		_free_ char *disputed = command_disputed(o->argument);

		command_note("%s: %s; what follows is read from the disc itself", o->argument,
			     disputed ? disputed : strerror(ENOMEM));
	}
	if (!realpath(o->argument, path))
		return command_fail("%s: %s", o->argument, strerror(errno));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && found == -ENOTSUP)
		return command_mount(o->argument, &mount); /* it says why nothing is known */
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return command_fail("%s: no cdappendfs is mounted there, and a directory is no disc; see 'findmnt -t "
				    "fuse.cdappendfs'",
				    o->argument);
	if (found != -ENOTUNIQ && !o->list && !o->staging && info_of_mount(o, NULL, why, sizeof(why)) == COMMAND_DONE)
		return COMMAND_DONE; /* unmounted, and still being burned */
	if (o->list == LIST_CHANGES)
		return command_fail("%s: not mounted by cdappendfs: mount it to see what is staged", o->argument);
	return o->list ? listing_of_disc(o->list, o->json, path) : info_of_disc(o, path);
}

int main(int argc, char **argv)
{
	struct options o = {0};
	int status = parse_options(argc, argv, &o);

	if (status != COMMAND_DONE || !o.argument)
		return status;
	return command_end(info_of(&o));
}
