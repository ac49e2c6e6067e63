/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.c - which session of a disc is mounted
 */
#include "fs/daemon/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/log.h"
#include "burner/base/own.h"
#include "cdappendfs/burn.h"
#include "cdappendfs/proof.h"

int opening_fail(int error, const char *what, const char *why)
{
	log_error("%s: %s", what, why ? why : strerror(-error));
	return 1;
}

static int session_failed(const struct opening *o, const struct disc_session *session, int error)
{
	char what[PATH_MAX + 32];
	const char *why = NULL;

	snprintf(what, sizeof(what), "%s, session %u", o->disc_path, session->number);
	if (session->truncated)
		why = "the image ends before its volume descriptors and root directory do";
	else if (session->broken)
		why = "the burn of this session failed; it cannot be mounted";
	else if (error == -EBADMSG)
		why = "its volume descriptors or root directory are damaged";
	return opening_fail(error, what, why);
}

/* ---- -o digest=, -o check= ---- */

/* session NULL: the disc is blank. */
static int check_digest(const struct opening *o, const struct disc_session *session)
{
	char text[PROOF_TEXT_BYTES], why[PROOF_TEXT_BYTES + 160];
	uint8_t sha256[PROOF_DIGEST_BYTES];
	struct commit_record record;
	int r;

	if (!o->options->digest)
		return 0;
	r = session ? proof_record(o->disc, session, &record, sha256) : -ENODATA;
	if (r == -ENODATA)
		return opening_fail(-ESTALE, o->disc_path,
				    session ? "its session is another program's, and has no digest" :
					      "it is blank, and has no digest");
	if (r == 0)
		r = proof_descriptors(o->disc, &record);
	if (r < 0)
		return opening_fail(r, o->disc_path, "its digest cannot be made: the blocks for it are damaged");
	if (proof_matches(sha256, o->options->digest))
		return 0;
	proof_text(sha256, text);
	snprintf(why, sizeof(why),
		 "its digest is %s, another than digest= says; leave that out to mount the disc all the same", text);
	return opening_fail(-ESTALE, o->disc_path, why);
}

static void say_damaged(void *context, const struct disc_damaged *d)
{
	static const char *const words[] = {
		[DISC_DAMAGE_ALTERED] = "is not what was burned",
		[DISC_DAMAGE_UNREADABLE] = "cannot be read",
		[DISC_DAMAGE_TABLE] = "cannot be proven, since its digests are damaged",
		[DISC_DAMAGE_CHAIN] = "is of another session than the next one was burned upon",
		[DISC_DAMAGE_RECORD] = "cannot be proven, nor the chain below it, since its commit record is damaged",
		[DISC_DAMAGE_REPAIRED] = "was damaged, and is repaired",
	};

	log_error("%s: session %u: what lies in blocks %u to %u %s%s", (const char *)context, d->session, d->lba,
		  d->lba + d->sectors - 1, words[d->what],
		  d->what == DISC_DAMAGE_REPAIRED ? "" : "; who reads it gets an error (-o check=none gives it out)");
}

static void say_healed(void *context, uint32_t lba, uint32_t sectors, int error)
{
	(void)context;
	if (error)
		log_error("blocks %u to %u of the disc cannot be read, and too much is lost for parity to make them "
			  "again: cdappendfs-check names the files",
			  lba, lba + sectors - 1);
	else
		log_notice("blocks %u to %u of the disc cannot be read; parity made them again", lba,
			   lba + sectors - 1);
}

struct disc *opening_wrap_healing(struct disc *disc)
{
	const struct disc_healed healed = {.tell = say_healed};

	return disc_wrap_healing(disc, &healed);
}

static int repair(void *context, struct disc *disc, uint32_t lba, uint32_t n_sectors, uint8_t *ret)
{
	(void)context;
	return disc_heal(disc, lba, ret, n_sectors);
}

struct disc *opening_wrap_checked(const struct opening *o, struct disc *disc)
{
	const struct disc_check_options options = {.damaged = say_damaged, .repair = repair, .context = o->disc_path};

	return disc_wrap_checked(disc, &options);
}

/* ---- which one ---- */

static int open_asked_for(struct opening *o)
{
	const struct disc_session *session = NULL;
	int r;

	for (size_t i = o->n_sessions; i-- > 0 && !session;)
		if (o->sessions[i].number == o->options->session)
			session = &o->sessions[i];
	if (!session) {
		log_error("%s: there is no session %u; it has %zu (see cdappendfs-info)", o->disc_path,
			  o->options->session, o->n_sessions);
		return 1;
	}
	r = session->broken ? -EBADMSG : iso_open(o->disc, session->descriptor_lba, &o->base);
	return r == 0 ? check_digest(o, session) : session_failed(o, session, r);
}

/* 1: it is open; 0: it cannot be read, and *ret_error says how; < 0: nobody knows.  *ret_whole: with all that it
 * names. */
static int try_session(const struct opening *o, const struct disc_session *session, struct iso **ret, bool *ret_whole,
		       int *ret_error)
{
	int r = session->broken ? -EBADMSG : iso_open(o->disc, session->descriptor_lba, ret), whole = 1;

	*ret_error = r;
	if (r < 0)
		return disc_is_damage(r) || r == -EMEDIUMTYPE ? 0 : r;
	if (session->truncated)
		whole = iso_is_whole(*ret);
	if (whole < 0)
		iso_unref(TAKE_PTR(*ret));
	*ret_whole = whole > 0;
	return whole < 0 ? whole : 1;
}

/* Not the newest: why, once. */
static void say_older(struct opening *o, const struct disc_session *newest, const struct disc_session *chosen)
{
	bool left = newest->truncated && !newest->broken;

	o->older = newest->truncated ? "its newest session is not whole" : "its newest session cannot be read";
	if (o->said_older)
		return;
	o->said_older = true;
	log_notice("%s: %s%ssession %u %s: session %u is mounted%s", o->disc_path,
		   newest->truncated ? o->state.why_not : "", newest->truncated ? ", and " : "", newest->number,
		   newest->truncated ? "is not whole" : "cannot be read, since it is damaged", chosen->number,
		   left ? "; -o session= mounts what is left of the other" : "");
}

/* The newest that is whole; when there is none, the newest of which something is left. */
static int open_newest(struct opening *o)
{
	const struct disc_session *newest = NULL, *part_of = NULL, *chosen = NULL;
	_cleanup_(iso_unrefp) struct iso *part = NULL;
	int newest_error = -EMEDIUMTYPE;

	for (size_t i = o->n_sessions; i-- > 0 && !chosen;) {
		const struct disc_session *s = &o->sessions[i];
		struct iso *iso = NULL;
		bool whole = false;
		int error, r;

		if (s->broken && !s->truncated)
			continue; /* a burn that failed */
		r = try_session(o, s, &iso, &whole, &error);
		if (r < 0)
			return session_failed(o, s, r);
		if (!newest) {
			newest = s;
			newest_error = error;
		}
		if (iso && whole) {
			chosen = s;
			o->base = iso;
		} else if (iso && !part) {
			part = iso;
			part_of = s;
		} else {
			iso_unref(iso);
		}
	}
	if (!chosen && part) {
		chosen = part_of;
		o->base = TAKE_PTR(part);
	}
	if (chosen && chosen != newest)
		say_older(o, newest, chosen);
	if (chosen)
		return check_digest(o, chosen);
	if (newest)
		return session_failed(o, newest, newest_error);
	return o->state.blank ? check_digest(o, NULL) :
				opening_fail(-EMEDIUMTYPE, o->disc_path, "no session of it can be read");
}

int opening_base(struct opening *o)
{
	iso_unref(TAKE_PTR(o->base));
	o->older = NULL;
	int r = o->options->session ? open_asked_for(o) : open_newest(o);
	if (!r && o->base && o->options->accepted & ODDITY_BIT(ODDITY_DIRECTORIES))
		iso_pass_gaps(o->base);
	return r;
}
