/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.c - what the three commands share
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/json.h"
#include "burner/base/nearest.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "fs/cmd/command.h"

#define CHANGE_TEXT_MAX (3u * 4096u)

void command_note(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	va_start(arguments, format);
	print_line(stderr, program_invocation_short_name, format, arguments);
	va_end(arguments);
}

int command_fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	va_start(arguments, format);
	print_line(stderr, program_invocation_short_name, format, arguments);
	va_end(arguments);
	return COMMAND_FAILED;
}

static int say_try(void)
{
	fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
	return COMMAND_USAGE;
}

int command_usage(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line(stderr, program_invocation_short_name, format, arguments);
	va_end(arguments);
	return say_try();
}

static const char *long_name(const struct option *options, int c)
{
	while (options->name && options->val != c)
		options++;
	return options->name;
}

int command_option(int argc, char **argv, const char *letters, const struct option *options)
{
	opterr = 0; /* getopt_long() prints an argument as it is */
	return getopt_long(argc, argv, letters, options, NULL);
}

/* Also the beginning of several: getopt_long() tells no difference. */
static int unknown_option(const char *given, const struct option *options)
{
	struct nearest near = nearest_begin(given + 2, strcspn(given + 2, "="));

	for (; options->name; options++)
		nearest_try(&near, options->name, strlen(options->name));
	return near.best ? command_usage("unknown option '%s'; is --%s meant?", given, near.best) :
			   command_usage("unknown option '%s'", given);
}

int command_unknown_word(const char *given, const char *known)
{
	struct nearest near = nearest_begin(given, strlen(given));

	for (const char *w = known; *w; w += strspn(w, ", ")) {
		const size_t n = strcspn(w, ",");

		nearest_try(&near, w, n);
		w += n;
	}
	return near.best ? command_usage("'%s' is none of %s; is %.*s meant?", given, known, (int)near.best_length,
					 near.best) :
			   command_usage("'%s' is none of %s", given, known);
}

int command_common(int c, char **argv, const struct option *options, const char *help)
{
	const char *name = optopt ? long_name(options, optopt) : NULL;

	switch (c) {
	case 'h':
		fputs(help, stdout);
		return command_end(COMMAND_DONE);
	case 'V':
		printf("%s %s\n", program_invocation_short_name, CDAPPENDFS_VERSION);
		return command_end(COMMAND_DONE);
	case ':':
		return command_usage("--%s: the value is missing", name);
	}
	if (name)
		return command_usage("--%s takes no value", name);
	return optopt ? command_usage("unknown option '-%c'", optopt) : unknown_option(argv[optind - 1], options);
}

int command_argument(int argc, char **argv, const char *what, const char **ret)
{
	if (argc == optind)
		return command_usage("the %s is missing", what);
	if (argc > optind + 1)
		return command_usage("one %s at a time", what);
	*ret = argv[optind];
	return COMMAND_DONE;
}

/* ---- which mount ---- */

#define CLAIMS_SHOWN 4u

struct claims {
	FILE *out;
	unsigned n;
};

static void add_claim(void *context, const struct control_mount *mount)
{
	struct claims *c = context;

	if (c->n++ < CLAIMS_SHOWN)
		fprintf(c->out, "%s%s of user %u", c->n > 1 ? ", " : "", mount->mountpoint, (unsigned)mount->owner);
}

char *command_disputed(const char *argument)
{
	_free_ char *disc = realpath(argument, NULL);
	char *text = NULL;
	size_t length;
	struct claims c = {.out = open_memstream(&text, &length)};

	if (!c.out)
		return NULL;
	fputs("root asks, and by the disc alone it cannot tell which mount is meant, for anybody may give a mount that "
	      "name: ",
	      c.out);
	if (disc)
		(void)mounts_claims(disc, add_claim, &c);
	if (c.n > CLAIMS_SHOWN)
		fprintf(c.out, " and %u more", c.n - CLAIMS_SHOWN);
	fprintf(c.out, "%s; give the mount point", c.n ? "" : "see 'findmnt -t fuse.cdappendfs'");
	if (fclose(c.out) == 0)
		return text;
	free(text);
	return NULL;
}

int command_mount(const char *argument, struct control_mount *ret)
{
	int r = mounts_find(argument, ret);

	if (r == -ENOTUNIQ) {
		_free_ char *why = command_disputed(argument);

		return command_fail("%s: %s", argument, why ? why : strerror(ENOMEM));
	}
	if (r == -ENOENT)
		return command_fail("%s: no cdappendfs is mounted there; see 'findmnt -t fuse.cdappendfs'", argument);
	if (r == -ENOTSUP)
		return command_fail("%s: what is mounted cannot be seen: /proc is missing here, or hidden", argument);
	return r < 0 ? command_fail("%s: %s", argument, strerror(-r)) : COMMAND_DONE;
}

bool command_source_is_known(const char *argument, const struct control_mount *mount)
{
	char path[PATH_MAX];

	return mount->owner == 0 || mount->owner == geteuid() ||
	       (realpath(argument, path) && strcmp(path, mount->source) == 0);
}

/* The tabulator before the number is ours. */
void command_change(FILE *out, char kind, const char *path, const char *from, uint64_t bytes)
{
	char shown[CHANGE_TEXT_MAX];

	fputc(kind >= 'A' && kind <= 'Z' ? kind : '?', out);
	if (from)
		fprintf(out, " %s ->", printable(from, shown, sizeof(shown)));
	fprintf(out, " %s", printable(path, shown, sizeof(shown)));
	if (kind != 'D' && (!from || bytes))
		fprintf(out, "\t%" PRIu64, bytes);
	fputc('\n', out);
}

void command_json_end(struct json *j, bool complete)
{
	json_bool(j, "complete", complete);
	json_close(j, '}');
	json_end_line(j);
}

int command_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return command_fail("standard output: %s", strerror(errno));
}
