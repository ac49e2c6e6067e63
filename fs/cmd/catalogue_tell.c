/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * catalogue_tell.c - what the parts of cdappendfs-catalogue share: which catalogue, how things are printed
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "burner/base/time.h"
#include "fs/cmd/catalogue_options.h"
#include "fs/cmd/command.h"

/* ---- which catalogue ---- */

int catalogue_trouble(const char *name, int error, const char *why)
{
	if (why)
		command_fail("%s", why);
	else
		command_fail("%s: %s", name, strerror(-error));
	return CATALOGUE_TROUBLE;
}

#define WAIT_SECONDS 60u

int catalogue_open_asked(const struct catalogue_options *o, enum catalogue_use use, struct catalogue **ret)
{
	_free_ char *path = NULL, *why = NULL;
	int r = catalogue_path(o->db, use == CATALOGUE_CREATE, &path, &why);

	if (!r)
		r = catalogue_open(path, use, WAIT_SECONDS, ret, &why);
	return r ? catalogue_trouble("the catalogue", r, why) : CATALOGUE_YES;
}

int catalogue_find_disc(struct catalogue *c, const char *name, int64_t *ret)
{
	_free_ char *why = NULL;
	int r = catalogue_disc_named(c, name, ret, &why);

	return r ? catalogue_trouble(name, r, why) : CATALOGUE_YES;
}

/* ---- printing ---- */

const char *catalogue_disc_text(const struct catalogue_disc *d, char ret[DISC_TEXT_BYTES])
{
	bool placed = d->place[0];

	snprintf(ret, DISC_TEXT_BYTES, "disc %" PRId64 " %s%s%.300s%s", d->number, d->label, placed ? " (" : "",
		 d->place, placed ? ")" : "");
	return ret;
}

const char *catalogue_sessions_text(const struct catalogue_hit *hit, char ret[SESSIONS_TEXT_BYTES])
{
	if (hit->first == hit->last)
		snprintf(ret, SESSIONS_TEXT_BYTES, "session %" PRIu32, hit->last);
	else
		snprintf(ret, SESSIONS_TEXT_BYTES, "sessions %" PRIu32 "-%" PRIu32, hit->first, hit->last);
	return ret;
}

void catalogue_put_hex(struct json *j, const char *key, const uint8_t *bytes, size_t n)
{
	json_key(j, key);
	fputc('"', j->out);
	for (size_t i = 0; i < n; i++)
		fprintf(j->out, "%02x", bytes[i]);
	fputc('"', j->out);
}

void catalogue_hit_json(struct json *j, const struct catalogue_hit *hit)
{
	static const char *const by[] = {
		[BY_NAME] = NULL, [BY_SHA256] = "sha256", [BY_MD5] = "md5", [BY_TIME] = "name, size and date"};
	char date[TIME_TEXT_BYTES];

	json_open(j, NULL, '{');
	json_u64(j, "disc", (uint64_t)hit->disc->number);
	json_string(j, "label", hit->disc->label);
	json_string(j, "place", hit->disc->place);
	json_string(j, "path", hit->path);
	json_string(j, "kind", (char[]){hit->kind, '\0'});
	json_u64(j, "bytes", hit->bytes);
	json_string_or_null(j, "modified", time_text(hit->mtime, date));
	json_u64(j, "first_session", hit->first);
	json_u64(j, "last_session", hit->last);
	json_bool(j, "present", hit->present);
	if (hit->sha256)
		catalogue_put_hex(j, "sha256", hit->sha256, SHA256_BYTES);
	if (hit->copies)
		json_u64(j, "copies", hit->copies);
	if (by[hit->by])
		json_string(j, "by", by[hit->by]);
	json_close(j, '}');
}
