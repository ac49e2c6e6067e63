/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/overview.h"

#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/cmd/command.h"
#include "fs/cmd/stages_json.h"
#include "fs/cmd/surroundings.h"

#define COMMAND_TEXT 8400u

/* ---- words ---- */

/* What a drive has, or why that is not known. */
static const char *state_of(const struct surroundings *s, const struct seen_drive *d)
{
	static const char *const trays[] = {[DRIVE_TRAY_UNKNOWN] = "unknown",
					    [DRIVE_TRAY_OPEN] = "open",
					    [DRIVE_NO_DISC] = "no disc",
					    [DRIVE_NOT_READY] = "not ready",
					    [DRIVE_DISC] = "disc"};

	if (surroundings_mount_of(s, d->path))
		return "mounted";
	return d->error == EBUSY     ? "in use" :
	       d->error == EACCES    ? "not permitted" :
	       d->error == ETIMEDOUT ? "no answer" :
	       d->error		     ? "error" :
				       trays[d->tray];
}

static const char *disc_of(const struct seen_drive *d)
{
	static const char *const discs[] = {[DRIVE_DISC_UNKNOWN] = NULL,
					    [DRIVE_DISC_BLANK] = "blank",
					    [DRIVE_DISC_APPENDABLE] = "appendable",
					    [DRIVE_DISC_COMPLETE] = "complete"};

	/* Of a rewritable one "complete" says nothing. */
	return d->overwritable && d->disc == DRIVE_DISC_COMPLETE ? "rewritable" : discs[d->disc];
}

static const char *why_of(const struct seen_drive *d)
{
	switch (d->error) {
	case EBUSY:
		return "another program has it, or it is mounted elsewhere";
	case EACCES:
		return "this user may not use it: it takes read and write access; usually the group cdrom has it";
	case ETIMEDOUT:
		return "it does not answer";
	default:
		return strerror(d->error);
	}
}

static bool writes(const struct seen_drive *d) { return d->writes_cd || d->writes_dvd || d->writes_bd; }

/* ---- what to type next ---- */

/* Whoever shows them: each time one command, and what it does. */
typedef void suggestion(void *context, const char *command, const char *what);

struct suggesting {
	const struct surroundings *all;
	suggestion *emit;
	void *context;
	char directory[32]; /* where to mount: one that is none of our mounts */
	char make[64];	    /* the command that makes it, and " && "; or "" */
};

__attribute__((format(printf, 3, 4))) static void suggest(const struct suggesting *s, const char *what,
							  const char *format, ...)
{
	char command[COMMAND_TEXT];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command, sizeof(command), format, arguments);
	va_end(arguments);
	s->emit(s->context, command, what);
}

static bool is_mount_point(const struct surroundings *s, const char *path)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].mount.mountpoint, path) == 0)
			return true;
	return false;
}

static void choose_directory(struct suggesting *s)
{
	const char *home = getenv("HOME");
	char path[4096] = "";

	for (unsigned i = 1; i <= s->all->n_mounts + 1; i++) {
		snprintf(s->directory, sizeof(s->directory), i > 1 ? "~/disc%u" : "~/disc", i);
		snprintf(path, sizeof(path), "%s%s", home ? home : "", s->directory + 1);
		if (!is_mount_point(s->all, path))
			break;
	}
	if (access(path, F_OK) < 0)
		snprintf(s->make, sizeof(s->make), "mkdir -p %s && ", s->directory);
}

static void suggest_of_mount(const struct suggesting *s, const struct seen_mount *m)
{
	const struct report_info *info = m->info ? report_parsed_info(m->info) : NULL;
	const char *point = SHELL_WORD(m->mount.mountpoint);
	char what[96], bytes[SIZE_TEXT_BYTES];

	if (!info || !m->writable)
		return;
	if (!burning_idle(&info->burning)) {
		suggest(s, "watch the burn, and wait for it", "cdappendfs-sync --wait %s", point);
	} else if (info->staged_bytes) {
		snprintf(what, sizeof(what), "burn the %s that are staged", size_text(info->staged_bytes, bytes));
		suggest(s, what, "cdappendfs-sync %s", point);
	} else {
		suggest(s, "unmount it: nothing is staged", "cdappendfs-umount %s", point);
	}
}

static void suggest_of_stage(const struct suggesting *s, const struct salvage_stage *at)
{
	switch (at->state) {
	case SALVAGE_MOUNTED:
	case SALVAGE_FINISHING:
		break; /* who has it does what is to be done */
	case SALVAGE_WAITING:
	case SALVAGE_INTERRUPTED:
	case SALVAGE_FAILED:
		suggest(s, "mount it: what is staged is there again", "%scdappendfs %s %s", s->make,
			SHELL_WORD(at->disc), s->directory);
		break;
	case SALVAGE_STALE:
		suggest(s, "put what is staged onto the disc as it is now", "cdappendfs-stage rebase %s",
			SHELL_WORD(at->disc));
		break;
	case SALVAGE_REPLACED:
	case SALVAGE_GONE:
		suggest(s, "copy out what is staged", "cdappendfs-stage export %s rescued", SHELL_WORD(at->directory));
		break;
	case SALVAGE_DAMAGED:
		suggest(s, "drop it: its journal cannot be read", "cdappendfs-stage discard %s",
			SHELL_WORD(at->directory));
		break;
	}
}

/* false: it has nothing that can be mounted. */
static bool suggest_of_drive(const struct suggesting *s, const struct seen_drive *d)
{
	const bool takes = d->overwritable || d->disc == DRIVE_DISC_BLANK || d->disc == DRIVE_DISC_APPENDABLE;

	if (d->error || d->tray != DRIVE_DISC)
		return false;
	suggest(s, takes ? "mount the disc, to read and to write" : "mount the disc, to read", "%scdappendfs %s %s",
		s->make, d->path, s->directory);
	return true;
}

static void suggest_all(const struct surroundings *all, suggestion *emit, void *context)
{
	struct suggesting s = {.all = all, .emit = emit, .context = context};
	bool disc = false;

	choose_directory(&s);
	for (size_t i = 0; i < all->n_mounts; i++)
		suggest_of_mount(&s, &all->mounts[i]);
	for (size_t i = 0; i < all->stages.n; i++)
		suggest_of_stage(&s, &all->stages.all[i]);
	for (size_t i = 0; i < all->n_drives; i++)
		disc |= suggest_of_drive(&s, &all->drives[i]);
	if (!disc && !all->n_mounts && !all->stages.n)
		suggest(&s, "begin a disc of 700 MiB in a file", "%scdappendfs -o create,media=700M disc.iso %s",
			s.make, s.directory);
}

/* ---- as JSON ---- */

static void drive_json(struct json *j, const struct surroundings *s, const struct seen_drive *d)
{
	json_open(j, NULL, '{');
	json_string(j, "device", d->path);
	json_string_or_null(j, "model", *d->model ? d->model : NULL);
	json_string(j, "state", state_of(s, d));
	json_string_or_null(j, "why", d->error && !surroundings_mount_of(s, d->path) ? why_of(d) : NULL);
	json_open(j, "writes", '[');
	if (d->writes_cd)
		json_string(j, NULL, "CD");
	if (d->writes_dvd)
		json_string(j, NULL, "DVD");
	if (d->writes_bd)
		json_string(j, NULL, "BD");
	json_close(j, ']');
	json_string_or_null(j, "medium", *d->medium ? d->medium : NULL);
	json_string_or_null(j, "disc", disc_of(d));
	json_close(j, '}');
}

static void mount_json(struct json *j, const struct seen_mount *m)
{
	const struct report_info *info = m->info ? report_parsed_info(m->info) : NULL;

	json_open(j, NULL, '{');
	json_string(j, "mountpoint", m->mount.mountpoint);
	json_string(j, "disc", m->mount.source);
	json_u64(j, "user", m->mount.owner);
	json_bool(j, "writable", m->writable);
	json_u64_or_null(j, "staged_bytes", info ? info->staged_bytes : UINT64_MAX, UINT64_MAX);
	json_u64_or_null(j, "free_bytes", info ? info->free_bytes : UINT64_MAX, UINT64_MAX);
	json_string_or_null(j, "phase", info ? burning_idle(&info->burning) ? "idle" : info->burning.phase : NULL);
	json_string_or_null(j, "why", m->why);
	json_close(j, '}');
}

static void suggestion_json(void *context, const char *command, const char *what)
{
	struct json *j = context;

	json_open(j, NULL, '{');
	json_string(j, "command", command);
	json_string(j, "what", what);
	json_close(j, '}');
}

static void print_json(const struct surroundings *s)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_open(&j, "drives", '[');
	for (size_t i = 0; i < s->n_drives; i++)
		drive_json(&j, s, &s->drives[i]);
	json_close(&j, ']');
	json_open(&j, "mounts", '[');
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_json(&j, &s->mounts[i]);
	json_close(&j, ']');
	stages_json(&j, &s->stages);
	json_open(&j, "next", '[');
	suggest_all(s, suggestion_json, &j);
	json_close(&j, ']');
	json_close(&j, '}');
	json_end_line(&j);
}

/* ---- for people ---- */

static void print_drive(const struct surroundings *s, const struct seen_drive *d)
{
	const char *disc = disc_of(d);

	say(stdout, "  %s%s%s%s%s%s%s", d->path, *d->model ? "  " : "", d->model, writes(d) ? ", writes" : "",
	    d->writes_cd ? " CD" : "", d->writes_dvd ? " DVD" : "", d->writes_bd ? " BD" : "");
	if (surroundings_mount_of(s, d->path))
		say(stdout, "    mounted, see below");
	else if (d->error)
		say(stdout, "    %s: %s", state_of(s, d), why_of(d));
	else if (d->tray != DRIVE_DISC)
		say(stdout, "    %s", state_of(s, d));
	else
		say(stdout, "    %s%s%s", *d->medium ? d->medium : "a disc", disc ? ", " : "", disc ? disc : "");
}

static void print_mount(const struct seen_mount *m)
{
	const struct report_info *info = m->info ? report_parsed_info(m->info) : NULL;
	char staged[SIZE_TEXT_BYTES], left[SIZE_TEXT_BYTES];

	say(stdout, "  %s  %s%s", m->mount.mountpoint, m->mount.source, m->writable ? "" : ", read-only");
	if (info && !burning_idle(&info->burning))
		say(stdout, "    %s", info->burning.phase);
	if (info && m->writable)
		say(stdout, "    %s staged, %s free",
		    info->staged_bytes ? size_text(info->staged_bytes, staged) : "nothing",
		    size_text(info->free_bytes, left));
	else if (m->why)
		say(stdout, "    %s", m->why);
	else if (!m->ours)
		say(stdout, "    of user %u", (unsigned)m->mount.owner);
}

static void print_stage(const struct salvage_stage *at)
{
	char bytes[SIZE_TEXT_BYTES];

	say(stdout, "  %s", *at->disc ? at->disc : at->directory);
	if (at->staged_bytes)
		say(stdout, "    %s, %s: %s", size_text(at->staged_bytes, bytes), salvage_state_name(at->state),
		    at->why);
	else
		say(stdout, "    %s: %s", salvage_state_name(at->state), at->why);
}

static void print_suggestion(void *context, const char *command, const char *what)
{
	(void)context;
	say(stdout, "  %s", command);
	say(stdout, "    %s", what);
}

static void print_text(const struct surroundings *s)
{
	puts(s->n_drives ? "drives" : "no drive is known to this machine; image files need none");
	for (size_t i = 0; i < s->n_drives; i++)
		print_drive(s, &s->drives[i]);
	puts(s->n_mounts ? "\nmounted" : "\nnothing is mounted");
	for (size_t i = 0; i < s->n_mounts; i++)
		print_mount(&s->mounts[i]);
	puts(s->stages.n ? "\nstaged for discs that are not mounted" : "\nnothing else is staged");
	for (size_t i = 0; i < s->stages.n; i++)
		print_stage(&s->stages.all[i]);
	puts("\nnext");
	suggest_all(s, print_suggestion, NULL);
	puts("  cdappendfs --help");
}

int overview_print(bool json)
{
	_cleanup_(surroundings_release) struct surroundings s;
	int status = surroundings_look(&s);

	if (json)
		print_json(&s);
	else
		print_text(&s);
	return command_end(status);
}
