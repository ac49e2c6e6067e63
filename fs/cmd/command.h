/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command.h - what the commands share: exit statuses, messages, help
 */
#ifndef FS_CMD_COMMAND_H
#define FS_CMD_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cdappendfs/version.h"
#include "fs/control/mounts.h"

enum command_status { COMMAND_DONE = 0, COMMAND_FAILED = 1, COMMAND_USAGE = 2 };

/* "NAME: message" on standard error; control characters in it become '?'. */
__attribute__((format(printf, 1, 2))) void command_note(const char *format, ...);
/* The same: what, why, what to do. Returns COMMAND_FAILED. */
__attribute__((format(printf, 1, 2))) int command_fail(const char *format, ...);
/* The same of what was typed, and where help is. Returns COMMAND_USAGE. */
__attribute__((format(printf, 1, 2))) int command_usage(const char *format, ...);
/* A word that is none of these, parted by ", ": which one may be meant.  Returns COMMAND_USAGE. */
int command_unknown_word(const char *given, const char *known);
/* The one argument behind the options, and what it is called.  COMMAND_DONE, or COMMAND_USAGE after a message. */
int command_argument(int argc, char **argv, const char *what, const char **ret);
/* The mount of that mount point or disc.  COMMAND_DONE, or COMMAND_FAILED after a message. */
int command_mount(const char *argument, struct control_mount *ret);
/* Of a disc whose mount root cannot tell (-ENOTUNIQ): whose there are, and what to do; to be freed, or NULL. */
char *command_disputed(const char *argument);
/* The mount's source is its owner's text: of another user it is taken only where it is what was asked for. */
bool command_source_is_known(const char *argument, const struct control_mount *mount);
/* A line of what is staged: "A PATH<tab>BYTES", "D PATH", "R FROM -> PATH". */
void command_change(FILE *out, char kind, const char *path, const char *from, uint64_t bytes);
/* The end of a list in JSON, which says whether it is whole: what is printed member by member may end anywhere. */
struct json;
void command_json_end(struct json *j, bool complete);
/* getopt_long(), which prints nothing; letters begin with ':'. */
struct option;
int command_option(int argc, char **argv, const char *letters, const struct option *options);
/* What it gave and the command does not know itself: --help, --version, and what is no option. What to exit with. */
int command_common(int c, char **argv, const struct option *options, const char *help);
/* The status, or COMMAND_FAILED when standard output could not be written. */
int command_end(int status);

#endif
