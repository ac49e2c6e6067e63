/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.c - what the three commands share
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"
#include "fs/control/report.h"
#include "fs/cmd/command.h"

int command_fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	return COMMAND_FAILED;
}

int command_usage(const char *format, ...)
{
	va_list arguments;

	if (format) {
		fprintf(stderr, "%s: ", program_invocation_short_name);
		va_start(arguments, format);
		vfprintf(stderr, format, arguments);
		va_end(arguments);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
	return COMMAND_USAGE;
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
	char shown[sizeof(mount->mountpoint)];

	if (c->n++ < CLAIMS_SHOWN)
		fprintf(c->out, "%s%s of user %u", c->n > 1 ? ", " : "",
			report_printable(mount->mountpoint, shown, sizeof(shown)), (unsigned)mount->owner);
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

int command_help(const char *text)
{
	fputs(text, stdout);
	return command_end(COMMAND_DONE);
}

int command_version(void)
{
	printf("%s %s\n", program_invocation_short_name, CDAPPENDFS_VERSION);
	return command_end(COMMAND_DONE);
}

int command_end(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return command_fail("standard output: %s", strerror(errno));
}
