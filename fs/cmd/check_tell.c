/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cmd/check_tell.h"

#include <inttypes.h>
#include <stdio.h>

#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "burner/base/printable.h"
#include "burner/base/size.h"
#include "fs/control/report.h"

#define TEXT_BYTES 400u

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

static void put_count(FILE *out, const char **separator, uint64_t n, const char *what)
{
	if (!n)
		return;
	fprintf(out, "%s%" PRIu64 " block%s %s", *separator, n, plural(n), what);
	*separator = ", ";
}

/* What is wrong with the blocks of a session, in words. */
static void put_wrong(FILE *out, const struct check_session *s)
{
	const char *separator = ": ";

	put_count(out, &separator, s->unreadable_sectors, "unreadable");
	put_count(out, &separator, s->altered_sectors, "altered");
	put_count(out, &separator, s->missing_sectors, "missing, the image was cut off");
	put_count(out, &separator, s->unproven_sectors, "that nothing proves any more");
	if (s->differs_in)
		fprintf(out, "%saltered, and that in: %s", separator, s->differs_in);
	else if (s->differs)
		fprintf(out, "%sits blocks are not what they were; which one, its one checksum does not say",
			separator);
	else if (*separator == ':')
		fprintf(out, "%ssee below", separator);
}

static void put_verdict(FILE *out, const struct check_session *s)
{
	switch (s->verdict) {
	case CHECK_NOT_READ:
		fputs("not checked", out);
		break;
	case CHECK_FAILED_BURN:
		fputs("a burn that failed, which no tree needs", out);
		break;
	case CHECK_SOUND:
		fputs("sound", out);
		break;
	case CHECK_READABLE:
		if (s->proof == CHECK_PROOF_ADOPTED)
			fprintf(out, "readable; %" PRIu64 " of its blocks have no digests to be compared with",
				s->bare_sectors + s->unproven_sectors);
		else
			fputs("readable; it has no checksums to be compared with", out);
		if (s->missing_sectors)
			fprintf(out, "; %" PRIu64 " blocks of padding are missing", s->missing_sectors);
		break;
	case CHECK_DAMAGED:
		fputs("damaged", out);
		put_wrong(out, s);
		break;
	case CHECK_PART:
		fprintf(out, "sound as far as it was read, %" PRIu64 " of its blocks", s->read_sectors);
		if (s->proof == CHECK_PROOF_SHA256)
			fputs("; its one checksum needs all of them at once", out);
		break;
	case CHECK_NOT_COMPARED:
		fputs("read, and not compared with its checksum", out);
		break;
	}
}

static void tell_session(const struct check_session *s)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		return;
	fprintf(out, "session %" PRIu32 ", blocks %" PRIu32 " to %" PRIu64 "%s: ", s->disc.number, s->disc.start_lba,
		(uint64_t)s->disc.start_lba + s->disc.sectors - 1, s->ours ? "" : ", of another program");
	put_verdict(out, s);
	if (fclose(out) == 0)
		say(stdout, "%s", text);
	free(text);
}

/* ---- what is damaged ---- */

static const char *problem_text(enum check_problem p)
{
	static const char *const texts[] = {
		[CHECK_UNREADABLE] = "cannot be read",
		[CHECK_ALTERED] = "altered",
		[CHECK_MISSING] = "missing",
		[CHECK_SENSELESS] = "makes no sense",
	};

	return texts[p];
}

static void tell_damage(const struct check_damage *d)
{
	char where[40] = "", how[120] = "", bytes[SIZE_TEXT_BYTES];

	if (d->session)
		snprintf(where, sizeof(where), "session %" PRIu32 ": ", d->session);
	if (d->bytes)
		snprintf(how, sizeof(how), "%s from byte %" PRIu64 " on ", size_text(d->bytes, bytes), d->offset);
	say(stdout, "%s%s: %s%s", where, d->what, how, problem_text(d->problem));
}

static void tell_unlisted(const struct check_session *s)
{
	if (s->damaged > s->listed)
		say(stdout, "session %" PRIu32 ": and %" PRIu64 " more; --names=0 lists all", s->disc.number,
		    s->damaged - s->listed);
}

static void tell_all_damage(const struct check_report *r)
{
	for (size_t i = 0; i < r->n_damage; i++)
		tell_damage(&r->damage[i]);
	for (size_t i = r->n_sessions; i-- > 0;)
		tell_unlisted(&r->sessions[i]);
	if (r->too_many)
		say(stdout, "so many places are damaged that not all were held against the trees");
}

static void tell_end(const struct check_report *r, const struct check_told *told)
{
	char bytes[SIZE_TEXT_BYTES], rate[SIZE_TEXT_BYTES];
	uint64_t read = r->read_sectors * SECTOR_BYTES, seconds = told->passed_ms / 1000;

	say(stdout, "%s read in %" PRIu64 ":%02u, %s/s%s", size_text(read, bytes), seconds / 60,
	    (unsigned)(seconds % 60), size_text(read * 1000 / (told->passed_ms + 1), rate),
	    r->retries ? ", some of it not at once" : "");
}

/* What --repair can do, and what not. */
static void tell_repaired(const struct check_told *told)
{
	struct shell_word word;

	if (told->repaired->sound && told->repairing) {
		say(stdout, "%s is damaged, and all of it can be made good again", told->disc);
		return;
	}
	if (told->repaired->sound) {
		say(stdout, "%s is damaged, and all of it can be made good again: cdappendfs-check --repair=NEW.iso %s",
		    told->disc, shell_word(&word, told->disc));
		return;
	}
	say(stdout, "%s is damaged, and not all of it can be made good again. What stays damaged:", told->disc);
	tell_all_damage(told->repaired);
}

static void tell_advice(const struct check_report *r, const struct check_told *told)
{
	if (r->sound)
		say(stdout, r->partial ? "%s is sound as far as it was read" : "%s is sound", told->disc);
	else if (told->repaired)
		tell_repaired(told);
	else if (!r->damaged)
		say(stdout,
		    "%s is damaged, and which files of it are cannot be told: copy them while they can be read, and "
		    "see "
		    "'man cdappendfs-check'",
		    told->disc);
	else
		say(stdout,
		    "%s is damaged. What is not named can be read: copy it while it can be, and see 'man "
		    "cdappendfs-check'",
		    told->disc);
}

void check_tell_text(const struct check_report *r, const struct check_told *told)
{
	for (size_t i = 0; i < r->n_sessions; i++)
		if (!told->quiet || r->sessions[i].verdict == CHECK_DAMAGED ||
		    r->sessions[i].verdict == CHECK_NOT_COMPARED)
			tell_session(&r->sessions[i]);
	tell_all_damage(r);
	if (told->quiet)
		return;
	tell_end(r, told);
	if (told->part)
		part_tell(told->part);
	tell_advice(r, told);
}

/* ---- JSON ---- */

static const char *proof_word(enum check_proof p)
{
	static const char *const words[] = {
		[CHECK_PROOF_NONE] = "none", [CHECK_PROOF_SHA256] = "sha256", [CHECK_PROOF_TABLE] = "table",
		[CHECK_PROOF_MD5] = "md5",   [CHECK_PROOF_NEWER] = "unknown", [CHECK_PROOF_ADOPTED] = "adopted",
	};

	return words[p];
}

static const char *chain_word(enum check_chain c)
{
	static const char *const words[] = {
		[CHECK_CHAIN_NONE] = "none",
		[CHECK_CHAIN_HOLDS] = "holds",
		[CHECK_CHAIN_BROKEN] = "broken",
		[CHECK_CHAIN_UNREADABLE] = "unreadable",
	};

	return words[c];
}

static const char *verdict_word(enum check_verdict v)
{
	static const char *const words[] = {
		[CHECK_NOT_READ] = "not checked",      [CHECK_FAILED_BURN] = "failed burn", [CHECK_SOUND] = "sound",
		[CHECK_READABLE] = "readable",	       [CHECK_DAMAGED] = "damaged",	    [CHECK_PART] = "part",
		[CHECK_NOT_COMPARED] = "not compared",
	};

	return words[v];
}

static const char *problem_word(enum check_problem p)
{
	static const char *const words[] = {
		[CHECK_UNREADABLE] = "unreadable",
		[CHECK_ALTERED] = "altered",
		[CHECK_MISSING] = "missing",
		[CHECK_SENSELESS] = "senseless",
	};

	return words[p];
}

static void json_session(struct json *j, const struct check_session *s)
{
	json_open(j, NULL, '{');
	json_u64(j, "number", s->disc.number);
	json_u64(j, "start_lba", s->disc.start_lba);
	json_u64(j, "sectors", s->disc.sectors);
	json_bool(j, "ours", s->ours);
	json_string(j, "proof", proof_word(s->proof));
	json_string(j, "chain", chain_word(s->chain));
	json_string(j, "verdict", verdict_word(s->verdict));
	json_u64(j, "unreadable_sectors", s->unreadable_sectors);
	json_u64(j, "altered_sectors", s->altered_sectors);
	json_u64(j, "missing_sectors", s->missing_sectors);
	json_u64(j, "unproven_sectors", s->unproven_sectors);
	json_bool(j, "differs", s->differs);
	json_u64(j, "damaged", s->damaged);
	json_close(j, '}');
}

static void json_damage(struct json *j, const struct check_damage *d)
{
	json_open(j, NULL, '{');
	json_u64_or_null(j, "session", d->session, 0);
	json_string(j, d->is_path ? "path" : "part", d->what);
	json_string(j, "problem", problem_word(d->problem));
	if (d->bytes) {
		json_u64(j, "offset", d->offset);
		json_u64(j, "bytes", d->bytes);
	}
	json_close(j, '}');
}

void check_tell_json(const struct check_report *r, const struct check_told *told)
{
	struct json j = {stdout, false};

	json_open(&j, NULL, '{');
	json_string(&j, "event", "result");
	json_string(&j, "disc", told->disc);
	json_bool(&j, "sound", r->sound);
	json_u64(&j, "read_bytes", r->read_sectors * SECTOR_BYTES);
	json_u64(&j, "passed_ms", told->passed_ms);
	json_u64(&j, "retries", r->retries);
	json_u64(&j, "unreadable_sectors", r->unreadable_sectors);
	json_u64(&j, "altered_sectors", r->altered_sectors);
	json_u64(&j, "missing_sectors", r->missing_sectors);
	json_open(&j, "sessions", '[');
	for (size_t i = 0; i < r->n_sessions; i++)
		json_session(&j, &r->sessions[i]);
	json_close(&j, ']');
	json_u64(&j, "damaged", r->damaged);
	json_open(&j, "damage", '[');
	for (size_t i = 0; i < r->n_damage; i++)
		json_damage(&j, &r->damage[i]);
	json_close(&j, ']');
	if (told->repaired) {
		json_bool(&j, "repairable", told->repaired->sound);
		json_open(&j, "beyond_repair", '[');
		for (size_t i = 0; i < told->repaired->n_damage; i++)
			json_damage(&j, &told->repaired->damage[i]);
		json_close(&j, ']');
	}
	if (told->part)
		part_json(told->part, &j);
	json_close(&j, '}');
	json_end_line(&j);
}
