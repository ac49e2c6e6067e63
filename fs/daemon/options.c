/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * options.c - the command line of cdappendfs
 *
 * Options come from three sides: the user's own, libfuse's (handed on, but only those it knows, so that a wrong word
 * is refused here with exit status 2), and the words of fstab and mount(8) that mean nothing to a file system
 * (ignored).  A comma in a value is written "\,".
 */
#include "fs/daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/nearest.h"
#include "burner/base/own.h"
#include "burner/base/size.h"
#include "burner/base/values.h"
#include "cdappendfs/proof.h"
#include "cdappendfs/session_message.h"
#include "fs/daemon/given.h"
#include "fs/daemon/help.h"
#include "fs/daemon/media.h"
#include "fs/daemon/nearest.h"
#include "fs/daemon/others.h"

#define LEAST_SECTORS 192u /* of a medium: less cannot hold one session */

struct parser {
	struct options *options;
	char *why;
	double speed;	   /* x; 0 not given */
	double base_speed; /* bytes per second of 1x, by the medium */
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parser *p, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(p->why, OPTIONS_WHY_MAX, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static int no_memory(struct parser *p)
{
	refuse(p, "out of memory");
	return -ENOMEM;
}

/* ---- our options ---- */

static int set_media(struct parser *p, const char *value)
{
	struct media m;

	if (media_parse(value, &m) < 0)
		return refuse(p, "media=%s: one of " MEDIA_NAMES ", none, or a size as 4M, 700M, 4.7GB", value);
	if (!m.unbounded && m.sectors < LEAST_SECTORS)
		return refuse(p, "media=%s: a medium has at least %u KiB", value, LEAST_SECTORS * SECTOR_BYTES / 1024);
	p->base_speed = m.bytes_per_second;
	p->options->unbounded = m.unbounded;
	p->options->capacity_sectors = m.sectors;
	media_note(value, &m, p->options->note, sizeof(p->options->note));
	return 0;
}

static int set_speed(struct parser *p, const char *value)
{
	const char *end;

	if (value_decimal(value, &end, &p->speed) < 0 || (*end && strcmp(end, "x") != 0) || p->speed <= 0 ||
	    p->speed > 1e6)
		return refuse(p, "speed=%s: a number, as 8 or 2.4", value);
	return 0;
}

static int set_session(struct parser *p, const char *value)
{
	uint64_t number;

	if (value_number(value, 10, UINT32_MAX, &number) < 0 || number == 0)
		return refuse(p, "session=%s: a number from 1", value);
	p->options->session = (uint32_t)number;
	p->options->read_only = true;
	return 0;
}

static int set_volume_id(struct parser *p, const char *value)
{
	size_t length = strlen(value);

	if (length == 0 || length >= sizeof(p->options->volume_id))
		return refuse(p, "volid=: 1 to 32 characters");
	for (const char *c = value; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return refuse(p, "volid=: printable ASCII characters only");
	memcpy(p->options->volume_id, value, length + 1);
	return 0;
}

static int set_text(struct parser *p, char **text, const char *name, const char *value)
{
	if (!*value)
		return refuse(p, "%s=: the value is missing", name);
	free(*text);
	*text = strdup(value);
	return *text ? 0 : no_memory(p);
}

static int set_claim(struct parser *p, const char *value)
{
	if (strcmp(value, "take") == 0)
		p->options->claim = STAGE_TAKE;
	else if (strcmp(value, "new") == 0)
		p->options->claim = STAGE_NEW;
	else
		return refuse(p, "stage=%s: one of take, new (a directory is given by staging=DIR)", value);
	return 0;
}

static int set_message(struct parser *p, const char *value)
{
	const char *why = session_message_refusal(value);

	return why ? refuse(p, "message=: %s", why) : set_text(p, &p->options->message, "message", value);
}

static int set_read_delay(struct parser *p, const char *value)
{
	uint64_t ms;

	if (value_number(value, 10, 60000, &ms) < 0)
		return refuse(p, "read-delay=%s: milliseconds", value);
	free(p->options->disc_fault);
	if (asprintf(&p->options->disc_fault, "delay=%u", (unsigned)ms) < 0) {
		p->options->disc_fault = NULL;
		return no_memory(p);
	}
	return 0;
}

static int set_idle_nodes(struct parser *p, const char *value)
{
	uint64_t nodes;

	if (value_number(value, 10, 1u << 20, &nodes) < 0)
		return refuse(p, "idle-nodes=%s: a number of files", value);
	p->options->idle_nodes = (uint32_t)nodes;
	return 0;
}

/* words: "auto, full, linked"; which of them it is. */
static int choose(struct parser *p, const char *name, const char *value, const char *words, unsigned *ret)
{
	unsigned i = 0;

	for (const char *w = words; *w; w += strspn(w, ", "), i++) {
		size_t n = strcspn(w, ",");

		if (strlen(value) == n && strncmp(value, w, n) == 0) {
			*ret = i;
			return 0;
		}
		w += n;
	}
	return refuse(p, "%s=%s: one of %s", name, value, words);
}

static int set_tree(struct parser *p, const char *value)
{
	return choose(p, "tree", value, "auto, full, linked", &p->options->tree);
}

static int set_share(struct parser *p, const char *value)
{
	return choose(p, "share", value, "auto, blocks, none", &p->options->share);
}

static int set_check(struct parser *p, const char *value)
{
	return choose(p, "check", value, "none, reads", &p->options->check);
}

static int set_sessions(struct parser *p, const char *value)
{
	return choose(p, "sessions", value, "hide, show, off", &p->options->sessions);
}

static int set_pieces(struct parser *p, const char *value)
{
	uint64_t bytes;

	if (size_parse(value, &bytes) < 0)
		return refuse(p, "pieces=%s: what pieces of a file must save, a size as 16M, 700M, 4.7G", value);
	p->options->pieces_bytes = bytes ? bytes : 1;
	return 0;
}

static int set_ecc(struct parser *p, const char *value)
{
	uint64_t percent;

	if (value_number(value, 10, 100, &percent) < 0)
		return refuse(p, "ecc=%s: how much parity, in percent of the session: 1 to 100, or 0 for none", value);
	p->options->parity_percent = (unsigned)percent;
	return 0;
}

static int set_commit(struct parser *p, const char *value)
{
	if (policy_parse(value, &p->options->commit) == 0)
		return 0;
	return refuse(p, "commit=%s: one of unmount, manual, idle=TIME (as 10m, 2h), staged=SIZE (as 4G), daily",
		      value);
}

static int set_digest(struct parser *p, const char *value)
{
	if (!proof_is_prefix(value))
		return refuse(p, "digest=%s: %u to %u hexadecimal digits, as cdappendfs-info shows them", value,
			      PROOF_PREFIX_MIN, 2 * PROOF_DIGEST_BYTES);
	return set_text(p, &p->options->digest, "digest", value);
}

static int set_accept(struct parser *p, const char *value)
{
	if (oddities_parse(value, &p->options->accepted) < 0)
		return refuse(p, "accept=%s: words parted by colons, of: %s", value, oddities_all());
	return 0;
}

static int set_uid(struct parser *p, const char *value)
{
	uint64_t v;

	if (value_number(value, 10, UINT32_MAX - 1, &v) < 0)
		return refuse(p, "uid=%s: a user number", value);
	p->options->uid = (uid_t)v;
	p->options->show_uid = true;
	return 0;
}

static int set_gid(struct parser *p, const char *value)
{
	uint64_t v;

	if (value_number(value, 10, UINT32_MAX - 1, &v) < 0)
		return refuse(p, "gid=%s: a group number", value);
	p->options->gid = (gid_t)v;
	p->options->show_gid = true;
	return 0;
}

static int set_umask(struct parser *p, const char *value)
{
	uint64_t v;

	if (value_number(value, 8, 0777, &v) < 0)
		return refuse(p, "umask=%s: octal permission bits, as 022", value);
	p->options->umask = (mode_t)v;
	p->options->show_umask = true;
	return 0;
}

static char **text_of(struct options *o, const char *name)
{
	return strcmp(name, "staging") == 0    ? &o->staging :
	       strcmp(name, "catalogue") == 0  ? &o->catalogue_file :
	       strcmp(name, "fault") == 0      ? &o->fault :
	       strcmp(name, "disc-fault") == 0 ? &o->disc_fault :
						 NULL;
}

static int set_value(struct parser *p, const char *name, const char *value, bool *ret_known)
{
	static const struct {
		const char *name;
		int (*set)(struct parser *, const char *);
	} values[] = {
		{"media", set_media},
		{"stage", set_claim},
		{"speed", set_speed},
		{"session", set_session},
		{"volid", set_volume_id},
		{"tree", set_tree},
		{"share", set_share},
		{"pieces", set_pieces},
		{"ecc", set_ecc},
		{"commit", set_commit},
		{"message", set_message},
		{"check", set_check},
		{"sessions", set_sessions},
		{"digest", set_digest},
		{"accept", set_accept},
		{"uid", set_uid},
		{"gid", set_gid},
		{"umask", set_umask},
		{"read-delay", set_read_delay},
		{"idle-nodes", set_idle_nodes},
	};

	char **text = text_of(p->options, name);

	*ret_known = text != NULL;
	if (text)
		return value ? set_text(p, text, name, value) :
			       refuse(p, "%s: the value is missing (%s=…)", name, name);
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++) {
		if (strcmp(name, values[i].name) == 0) {
			*ret_known = true;
			return value ? values[i].set(p, value) :
				       refuse(p, "%s: the value is missing (%s=…)", name, name);
		}
	}
	return 0;
}

static bool set_flag(struct options *o, const char *name)
{
	const struct {
		const char *name;
		bool *flag;
		bool value;
	} flags[] = {
		{"create", &o->create, true},
		{"ro", &o->read_only, true},
		{"rw", &o->read_only, o->session != 0},
		{"compat", &o->compat, true},
		{"nojoliet", &o->no_joliet, true},
		{"noverify", &o->no_verify, true},
		{"allow_other", &o->allow_other, true},
		{"debug", &o->debug, true},
		{"remount", &o->remount, true},
		{"compress", &o->compress, true},
		{"md5", &o->md5, true},
		{"kit", &o->kit, true},
		{"catalogue", &o->catalogue, true},
		{"nocatalogue", &o->no_catalogue, true},
		{"span", &o->span, true},
	};

	if (strcmp(name, "drop-udf") == 0) { /* its name before there were others */
		o->accepted |= ODDITY_BIT(ODDITY_UDF);
		return true;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++) {
		if (strcmp(name, flags[i].name) == 0) {
			*flags[i].flag = flags[i].value;
			return strcmp(name, "allow_other") != 0; /* libfuse is to see that one as well */
		}
	}
	return false;
}

/* ---- those of others ---- */

static int hand_to_libfuse(struct parser *p, const char *option)
{
	char *more;

	/* A FUSE file system cannot be mounted so: there is nothing to do for it. */
	if (strcmp(option, "diratime") == 0 || strcmp(option, "nodiratime") == 0)
		return 0;
	if (asprintf(&more, "%s%s%s", p->options->fuse ? p->options->fuse : "", p->options->fuse ? "," : "", option) <
	    0)
		return no_memory(p);
	free(p->options->fuse);
	p->options->fuse = more;
	return 0;
}

/* ---- the line ---- */

static int take_option(struct parser *p, char *option)
{
	char *equals = strchr(option, '='), meant[64];
	bool known = false;
	int r;

	if (!*option || set_flag(p->options, option))
		return 0;
	if (equals)
		*equals = '\0';
	r = set_value(p, option, equals ? equals + 1 : NULL, &known);
	if (equals)
		*equals = '=';
	if (known || others_ignored(option))
		return r;
	if (others_of_libfuse(option))
		return hand_to_libfuse(p, option);
	const struct nearest near = nearest_begin(option, strcspn(option, "="));
	if (nearest_option(help_text(), &near, meant, sizeof(meant)))
		return refuse(p, "unknown option '%s'; is %s meant? See cdappendfs --help", option, meant);
	return refuse(p, "unknown option '%s'; see cdappendfs --help", option);
}

/* "4,7G": does the comma belong to the number? What follows it is no option: those begin with a letter. */
static bool is_decimal_comma(const char *option, size_t length, const char *comma)
{
	static const char media[] = "media=";
	const size_t name = sizeof(media) - 1;

	return length > name && strncmp(option, media, name) == 0 && comma[1] >= '0' && comma[1] <= '9' &&
	       strspn(option + name, "0123456789") >= length - name;
}

/* Options between commas; "\x" stands for x. */
static int take_list(struct parser *p, const char *list)
{
	_free_ char *option = malloc(strlen(list) + 1);
	size_t length = 0;
	int r = 0;

	if (!option)
		return no_memory(p);
	for (const char *c = list; !r; c++) {
		option[length] = '\0';
		if (*c == ',' && is_decimal_comma(option, length, c)) {
			option[length++] = *c;
		} else if (*c == ',' || !*c) {
			length = 0;
			r = take_option(p, option);
			if (!r && given_note(&p->options->given, option) < 0)
				r = no_memory(p);
			if (!*c)
				break;
		} else {
			if (*c == '\\' && c[1])
				c++;
			option[length++] = *c;
		}
	}
	return r;
}

static int take_arguments(struct parser *p, int argc, char **argv)
{
	static const char *const names[] = {"DISC", "MOUNTPOINT"};

	if (p->options->json && argc > 0)
		return refuse(p, "--json goes with nothing else; cdappendfs-info --json describes a disc");
	if (argc < 2)
		return refuse(p, "%s is missing; see cdappendfs --help", names[argc]);
	if (argc > 2)
		return refuse(p, "too many arguments: '%s'; see cdappendfs --help", argv[2]);
	for (int i = 0; i < 2; i++)
		if (!*argv[i])
			return refuse(p, "%s is empty", names[i]);
	p->options->disc = argv[0];
	p->options->mountpoint = argv[1];
	return 0;
}

static int check_together(struct parser *p)
{
	struct options *o = p->options;

	if (o->read_only && o->create && !o->remount)
		return refuse(p, "create and %s: a blank disc cannot be read", o->session ? "session=" : "ro");
	if (o->compress && o->compat)
		return refuse(p, "compress and compat: few readers know compressed files");
	if (o->md5 && o->tree == OPTIONS_TREE_LINKED)
		return refuse(p, "md5 and tree=linked: MD5 sums need all directories in each session");
	o->speed = p->speed;
	if (p->speed > 0)
		o->bytes_per_second = (uint64_t)(p->speed * p->base_speed);
	return 0;
}

/* "--create" is the user's word for "-o create". */
static int refuse_unknown(struct parser *p, const char *given, const struct option *words)
{
	struct nearest near = nearest_begin(given + 2, strcspn(given + 2, "="));
	char meant[64];

	for (const struct option *w = words; w->name && near.length; w++)
		nearest_try(&near, w->name, strlen(w->name));
	if (near.length && nearest_option(help_text(), &near, meant, sizeof(meant)))
		return refuse(p, "unknown option '%s'; is -o %s meant? See cdappendfs --help", given, meant);
	if (near.best)
		return refuse(p, "unknown option '%s'; is --%s meant? See cdappendfs --help", given, near.best);
	return refuse(p, "unknown option '%s'; see cdappendfs --help", given);
}

int options_parse(int argc, char **argv, struct options *ret, char why[OPTIONS_WHY_MAX])
{
	static const struct option words[] = {{"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'V'},
					      {"json", no_argument, NULL, 'j'},
					      {0}};
	struct parser p = {.options = ret, .why = why, .base_speed = MEDIA_CD_SPEED};
	int c, r = 0, asked = 0;

	*ret = (struct options){0};
	optind = 0; /* begins anew, also after an earlier call */
	opterr = 0;
	while (!r && (c = getopt_long(argc, argv, ":hVfdjo:", words, NULL)) >= 0) {
		asked += c != 'j';
		switch (c) {
		case 'h':
			ret->help = true;
			return 0;
		case 'V':
			ret->version = true;
			return 0;
		case 'j':
			ret->json = true;
			break;
		case 'f':
			ret->foreground = true;
			break;
		case 'd':
			ret->debug = ret->foreground = true;
			break;
		case 'o':
			r = take_list(&p, optarg);
			break;
		case ':':
			r = refuse(&p, "-%c: the value is missing", optopt);
			break;
		default:
			r = refuse_unknown(&p, argv[optind - 1], words);
		}
	}
	ret->overview = !r && !asked && optind == argc;
	if (ret->overview)
		return 0;
	if (!r)
		r = take_arguments(&p, argc - optind, argv + optind);
	if (!r && ret->debug)
		ret->foreground = true;
	return r ? r : check_together(&p);
}

struct pieces_rule options_pieces(const struct options *o)
{
	if (o->compat)
		return (struct pieces_rule){o->share == SHARE_NONE ? SHARE_NONE : SHARE_AUTO, PIECES_NEVER};
	return (struct pieces_rule){o->share, o->pieces_bytes};
}

void options_release(struct options *o)
{
	free(o->staging);
	free(o->fuse);
	free(o->fault);
	free(o->disc_fault);
	free(o->digest);
	free(o->catalogue_file);
	free(o->message);
	free(o->given);
	*o = (struct options){0};
}

void options_print_help(FILE *out) { fputs(help_text(), out); }
