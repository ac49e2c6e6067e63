/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * listing.c - what cdappendfs-info lists
 */
#include "fs/cmd/listing.h"

#include <inttypes.h>
#include <limits.h>

#include "burner/base/json.h"
#include "burner/base/printable.h"
#include "cdappendfs/burn.h"
#include "fs/cmd/command.h"
#include "fs/control/client.h"
#include "fs/iso/iso.h"

struct list {
	enum listing what;
	bool json;
	struct json j;
	int error; /* of a line of the daemon */
};

static const struct {
	const char *request, *type; /* and the array's key */
} kinds[] = {
	[LIST_PIECES] = {"pieces", "piece"},
	[LIST_NAMES] = {"names", "name"},
};

/* ---- members ---- */

static void print_piece(struct list *l, const char *path, uint64_t bytes, uint64_t sections)
{
	char shown[3 * PATH_MAX];

	if (!l->json) {
		printf("%" PRIu64 " %s\t%" PRIu64 "\n", sections, printable(path, shown, sizeof(shown)), bytes);
		return;
	}
	json_open(&l->j, NULL, '{');
	json_string(&l->j, "path", path);
	json_u64(&l->j, "bytes", bytes);
	json_u64(&l->j, "sections", sections);
	json_close(&l->j, '}');
}

static void print_name(struct list *l, const char *path, const char *joliet, const char *why, bool staged)
{
	char shown[3 * PATH_MAX], as[1024];

	if (!l->json) {
		printf("%s %s\t%s%s\n", why, printable(path, shown, sizeof(shown)), printable(joliet, as, sizeof(as)),
		       staged ? "\tstaged" : "");
		return;
	}
	json_open(&l->j, NULL, '{');
	json_string(&l->j, "path", path);
	json_string(&l->j, "joliet", joliet);
	json_string(&l->j, "why", why);
	json_bool(&l->j, "staged", staged);
	json_close(&l->j, '}');
}

/* ---- from the daemon ---- */

static void take_line(struct list *l, const char *line, char *path, char *other, size_t size)
{
	uint64_t bytes = 0, sections = 0;
	char why[128] = "";
	bool staged = false;

	if (json_get_string(line, "path", path, size) < 0 ||
	    (l->what == LIST_NAMES && json_get_string(line, "joliet", other, size) < 0)) {
		l->error = -EPROTO;
		return;
	}
	json_get_u64(line, "bytes", &bytes);
	json_get_u64(line, "sections", &sections);
	json_get_string(line, "why", why, sizeof(why));
	json_get_bool(line, "staged", &staged);
	if (l->what == LIST_PIECES)
		print_piece(l, path, bytes, sections);
	else
		print_name(l, path, other, why, staged);
}

static void on_line(void *context, const char *type, const char *line)
{
	struct list *l = context;
	size_t size = strlen(line) + 1; /* a path may be longer than PATH_MAX */
	_free_ char *path = NULL, *other = NULL;

	if (l->error || strcmp(type, kinds[l->what].type) != 0)
		return;
	path = malloc(size);
	other = malloc(size);
	if (path && other)
		take_line(l, line, path, other, size);
	else
		l->error = -ENOMEM;
}

/* ---- the whole ---- */

static void begin(struct list *l)
{
	if (!l->json)
		return;
	json_open(&l->j, NULL, '{');
	json_open(&l->j, kinds[l->what].request, '[');
}

static void end(struct list *l, uint64_t files_in_pieces, bool complete)
{
	if (l->json) {
		json_close(&l->j, ']');
		if (l->what == LIST_PIECES)
			json_u64_or_null(&l->j, "files_in_pieces", files_in_pieces, PIECES_UNKNOWN);
		command_json_end(&l->j, complete);
	}
	fflush(stdout);
}

int listing_of_mount(enum listing what, bool json, const struct control_mount *mount)
{
	struct list l = {.what = what, .json = json, .j = {stdout, false}};
	struct client_handlers handlers = {.line = on_line, .context = &l};
	struct client_result result = {.files_in_pieces = PIECES_UNKNOWN};
	int r;

	begin(&l);
	r = client_ask(mount, kinds[what].request, &handlers, &result);
	if (r == 0)
		r = l.error;
	end(&l, r || result.error ? PIECES_UNKNOWN : result.files_in_pieces, !r && !result.error);
	if (r < 0)
		return command_fail("%s: %s", mount->mountpoint, client_why(r));
	if (result.error)
		return command_fail("%s: %s", mount->mountpoint,
				    result.message[0] ? result.message : strerror(result.error));
	return COMMAND_DONE;
}

static int found_piece(void *context, const char *path, const struct iso_entry *e)
{
	print_piece(context, path, e->size, e->n_sections);
	return 0;
}

static int found_name(void *context, const char *path, const char *joliet, const char *why)
{
	print_name(context, path, joliet, why, false);
	return 0;
}

/* The newest session that can be mounted; a blank disc has none. */
static int walk(struct list *l, struct disc *disc, uint64_t *ret_files, char where[ISO_WHERE_BYTES])
{
	_cleanup_(iso_unrefp) struct iso *iso = NULL;
	_free_ struct disc_session *sessions = NULL;
	size_t n = 0;
	int r = disc_sessions(disc, &sessions, &n);

	while (!r && n > 0 && sessions[n - 1].broken)
		n--;
	if (r || !n)
		return r;
	r = iso_open(disc, sessions[n - 1].descriptor_lba, &iso);
	if (r)
		return r;
	if (l->what == LIST_PIECES)
		return iso_pieces(iso, &(struct iso_pieces){found_piece, l}, ret_files, where);
	return iso_shown_names(iso, &(struct iso_shown){found_name, l}, where);
}

int listing_of_disc(enum listing what, bool json, const char *path)
{
	_cleanup_(disc_closep) struct disc *disc = NULL;
	struct list l = {.what = what, .json = json, .j = {stdout, false}};
	char where[ISO_WHERE_BYTES] = "";
	const struct disc_open_options oo = {0};
	const char *why = NULL;
	uint64_t files = 0;
	int r = disc_open_path(path, &oo, &disc, &why);

	if (r < 0)
		return command_fail("%s: %s", path, why ? why : strerror(-r));
	begin(&l);
	r = walk(&l, disc, &files, where);
	end(&l, r < 0 ? PIECES_UNKNOWN : files, r >= 0);
	if (r < 0)
		return command_fail("%s: %s: %s; the list is not complete", path, where, strerror(-r));
	return COMMAND_DONE;
}
