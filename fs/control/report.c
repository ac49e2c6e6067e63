/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.c - a disc described, for programs (JSON) and for people
 *
 * The daemon writes JSON, the command reads it and prints either that line or the text made of it: one description, two
 * forms.  Volume ids and paths come from discs and are hostile: JSON escapes them, the text shows what could command a
 * terminal as '?'.
 */
#include <ctype.h>
#include <inttypes.h>

#include "burner/base/printable.h"
#include "burner/format/bound.h"
#include "cdappendfs/proof.h"
#include "burner/format/geometry.h"
#include "burner/base/json.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "burner/base/values.h"
#include "fs/control/report.h"

/* The newest session that can be mounted, or NULL. */
static const struct disc_session *newest_of(const struct disc_session *sessions, size_t n)
{
	while (n > 0 && sessions[n - 1].broken)
		n--;
	return n ? &sessions[n - 1] : NULL;
}

void report_info_init(struct report_info *ret, const struct disc_state *state, const struct disc_session *sessions,
		      size_t n_sessions)
{
	const struct disc_session *newest = newest_of(sessions, n_sessions);
	uint64_t left, room;

	*ret = (struct report_info){
		.medium = state->name,
		.blank = state->blank && n_sessions == 0,
		.appendable = state->appendable,
		.overwritable = state->overwritable,
		.unbounded = !state->capacity_sectors,
		.why_not_appendable = state->appendable ? NULL : state->why_not,
		.next_lba = state->next_lba,
		.kept_bytes = state->kept_sectors * SECTOR_BYTES,
		.used_bytes = state->used_sectors * SECTOR_BYTES,
		.files_in_pieces = state->blank ? 0 :
				   newest	? newest->files_in_pieces :
						  PIECES_UNKNOWN,
		.digest = newest && newest->has_digest ? newest->digest : NULL,
		.sessions = sessions,
		.n_sessions = n_sessions,
	};
	if (state->capacity_sectors) {
		ret->capacity_bytes = state->capacity_sectors * SECTOR_BYTES;
		left = state->capacity_sectors > state->next_lba ? state->capacity_sectors - state->next_lba : 0;
	} else {
		ret->capacity_bytes = ret->used_bytes + state->host_free_bytes;
		left = state->host_free_bytes / SECTOR_BYTES;
	}
	room = bound_session_room(left - min_u64(left, state->tail_sectors));
	if (state->appendable && room > BOUND_SESSION_SECTORS)
		ret->free_bytes = (room - BOUND_SESSION_SECTORS) * SECTOR_BYTES;
}

uint32_t report_sbsector(const struct disc_session *session, bool overwritable)
{
	if (session->ours && overwritable && session->start_lba >= SESSION_ABSOLUTE_DESCRIPTORS)
		return session->start_lba - SESSION_ABSOLUTE_DESCRIPTORS;
	return session->descriptor_lba >= SESSION_DESCRIPTORS ? session->descriptor_lba - SESSION_DESCRIPTORS : 0;
}

/* ---- JSON ---- */

static void digest_json(struct json *j, const uint8_t *digest)
{
	char text[PROOF_TEXT_BYTES];

	if (digest)
		proof_text(digest, text);
	json_string_or_null(j, "digest", digest ? text : NULL);
}

static void session_json(struct json *j, const struct disc_session *s, bool overwritable)
{
	char created[TIME_TEXT_BYTES], uuid[2 * sizeof(s->uuid) + 1];

	json_open(j, NULL, '{');
	json_u64(j, "number", s->number);
	json_u64(j, "start_lba", s->start_lba);
	json_u64(j, "sectors", s->sectors);
	json_string_or_null(j, "created", time_text(s->created, created));
	json_string(j, "volume_id", s->volume_id);
	json_u64(j, "descriptor_lba", s->descriptor_lba);
	json_u64(j, "sbsector", report_sbsector(s, overwritable));
	json_bool(j, "ours", s->ours);
	json_bool(j, "broken", s->broken);
	json_bool(j, "truncated", s->truncated);
	if (s->ours) {
		for (size_t i = 0; i < sizeof(s->uuid); i++)
			snprintf(uuid + 2 * i, 3, "%02x", s->uuid[i]);
		json_string(j, "uuid", uuid);
		digest_json(j, s->has_digest ? s->digest : NULL);
	}
	if (s->ours && s->tells_shared) {
		json_u64(j, "shared_bytes", s->shared_bytes);
		json_u64(j, "found_bytes", s->found_bytes);
	}
	if (s->files_in_pieces != PIECES_UNKNOWN)
		json_u64(j, "files_in_pieces", s->files_in_pieces);
	if (s->parity_sectors) {
		json_u64(j, "parity_lba", s->parity_lba);
		json_u64(j, "parity_bytes", (uint64_t)s->parity_sectors * SECTOR_BYTES);
	}
	json_close(j, '}');
}

void report_info_json(FILE *out, const struct report_info *info, const char *type)
{
	struct json j = {out, false};
	char date[TIME_TEXT_BYTES];

	json_open(&j, NULL, '{');
	if (type)
		json_string(&j, "type", type);
	json_string(&j, "medium", info->medium);
	json_u64(&j, "capacity_bytes", info->capacity_bytes);
	json_u64(&j, "used_bytes", info->used_bytes);
	json_u64(&j, "free_bytes", info->free_bytes);
	json_u64(&j, "staged_bytes", info->staged_bytes);
	json_bool(&j, "blank", info->blank);
	json_bool(&j, "appendable", info->appendable);
	json_string_or_null(&j, "why_not_appendable", info->why_not_appendable);
	json_bool(&j, "overwritable", info->overwritable);
	json_bool(&j, "unbounded", info->unbounded);
	json_u64(&j, "next_lba", info->next_lba);
	json_u64(&j, "kept_bytes", info->kept_bytes);
	json_u64_or_null(&j, "files_in_pieces", info->files_in_pieces, PIECES_UNKNOWN);
	digest_json(&j, info->digest);
	json_string_or_null(&j, "disc", info->disc);
	json_string_or_null(&j, "mountpoint", info->mountpoint);
	json_string_or_null(&j, "staging", info->staging);
	if (info->has_stage) {
		json_u64(&j, "staging_free_bytes", info->staging_free_bytes);
	} else {
		json_key(&j, "staging_free_bytes");
		fputs("null", out);
	}
	json_string_or_null(&j, "device", info->device);
	json_string_or_null(&j, "commit", info->commit);
	json_string_or_null(&j, "next_commit", info->next_commit ? time_text(info->next_commit, date) : NULL);
	if (burning_idle(&info->burning)) {
		json_string_or_null(&j, "burning", NULL);
	} else {
		json_open(&j, "burning", '{');
		burning_json(&j, &info->burning);
		json_close(&j, '}');
	}
	json_open(&j, "sessions", '[');
	for (size_t i = 0; i < info->n_sessions; i++)
		session_json(&j, &info->sessions[i], info->overwritable);
	json_close(&j, ']');
	json_close(&j, '}');
	json_end_line(&j);
}

/* ---- reading it back ---- */

struct report_parsed {
	struct report_info info;
	struct disc_session *sessions;
	char medium[64], why[512], disc[4096], mountpoint[4096], staging[4096], device[32], commit[32];
};

static int parse_u32(const char *object, const char *key, uint32_t *ret)
{
	uint64_t v;

	if (json_get_u64(object, key, &v) < 0 || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* buf, or NULL when the member is null or missing. */
static const char *parse_optional(const char *object, const char *key, char *buf, size_t size)
{
	return json_get_string(object, key, buf, size) == 0 ? buf : NULL;
}

static int64_t parse_time(const char *object)
{
	char text[TIME_TEXT_BYTES];
	struct tm tm = {0};

	if (!parse_optional(object, "created", text, sizeof(text)) || !strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	return timegm(&tm);
}

/* Absent: it has none. */
static void parse_parity(const char *object, struct disc_session *ret)
{
	uint64_t bytes = 0;

	if (parse_u32(object, "parity_lba", &ret->parity_lba) == 0 && json_get_u64(object, "parity_bytes", &bytes) == 0)
		ret->parity_sectors = (uint32_t)min_u64(bytes / SECTOR_BYTES, UINT32_MAX);
}

static int parse_hex(const char *text, uint8_t *ret, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sscanf(text + 2 * i, "%2hhx", &ret[i]) != 1)
			return -EINVAL;
	return 0;
}

static int parse_session(const char *object, struct disc_session *ret)
{
	char uuid[2 * sizeof(ret->uuid) + 1], digest[PROOF_TEXT_BYTES];

	*ret = (struct disc_session){.files_in_pieces = PIECES_UNKNOWN};
	if (parse_u32(object, "number", &ret->number) < 0 || parse_u32(object, "start_lba", &ret->start_lba) < 0 ||
	    parse_u32(object, "sectors", &ret->sectors) < 0 ||
	    parse_u32(object, "descriptor_lba", &ret->descriptor_lba) < 0 ||
	    json_get_string(object, "volume_id", ret->volume_id, sizeof(ret->volume_id)) < 0 ||
	    json_get_bool(object, "ours", &ret->ours) < 0 || json_get_bool(object, "broken", &ret->broken) < 0)
		return -EINVAL;
	(void)json_get_bool(object, "truncated", &ret->truncated);
	ret->created = parse_time(object);
	json_get_u64(object, "files_in_pieces", &ret->files_in_pieces);
	if (!ret->ours)
		return 0;
	parse_parity(object, ret);
	ret->tells_shared = json_get_u64(object, "shared_bytes", &ret->shared_bytes) == 0 &&
			    json_get_u64(object, "found_bytes", &ret->found_bytes) == 0;
	if (json_get_string(object, "uuid", uuid, sizeof(uuid)) < 0 ||
	    parse_hex(uuid, ret->uuid, sizeof(ret->uuid)) < 0)
		return -EINVAL;
	if (!parse_optional(object, "digest", digest, sizeof(digest)))
		return 0;
	ret->has_digest = true;
	return parse_hex(digest, ret->digest, sizeof(ret->digest));
}

static int parse_sessions(const char *line, struct report_parsed *p)
{
	const char *s = json_find(line, "sessions");
	size_t room = 0;

	if (!s || *s != '[')
		return -EINVAL;
	for (s = json_skip_blank(s + 1); *s != ']'; s = json_skip_blank(s)) {
		if (p->info.n_sessions == room) {
			struct disc_session *more = reallocarray(p->sessions, room += 64, sizeof(*more));
			if (!more)
				return -ENOMEM;
			p->info.sessions = p->sessions = more;
		}
		if (*s != '{' || parse_session(s, &p->sessions[p->info.n_sessions++]) < 0 || !(s = json_skip_value(s)))
			return -EINVAL;
		s = json_skip_blank(s);
		if (*s == ',')
			s++;
		else if (*s != ']')
			return -EINVAL;
	}
	return 0;
}

int report_info_parse(const char *line, struct report_parsed **ret)
{
	_cleanup_(report_parsed_freep) struct report_parsed *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	struct report_info *i = &p->info;
	struct value_date next;
	char date[TIME_TEXT_BYTES];
	if (json_get_string(line, "medium", p->medium, sizeof(p->medium)) < 0 ||
	    json_get_u64(line, "capacity_bytes", &i->capacity_bytes) < 0 ||
	    json_get_u64(line, "used_bytes", &i->used_bytes) < 0 ||
	    json_get_u64(line, "free_bytes", &i->free_bytes) < 0 ||
	    json_get_u64(line, "staged_bytes", &i->staged_bytes) < 0 || json_get_bool(line, "blank", &i->blank) < 0 ||
	    json_get_bool(line, "appendable", &i->appendable) < 0 ||
	    json_get_bool(line, "overwritable", &i->overwritable) < 0 || parse_u32(line, "next_lba", &i->next_lba) < 0)
		return -EINVAL;
	(void)json_get_bool(line, "unbounded", &i->unbounded);
	i->files_in_pieces = PIECES_UNKNOWN;
	json_get_u64(line, "files_in_pieces", &i->files_in_pieces);
	i->medium = p->medium;
	(void)json_get_u64(line, "kept_bytes", &i->kept_bytes);
	i->why_not_appendable = parse_optional(line, "why_not_appendable", p->why, sizeof(p->why));
	i->disc = parse_optional(line, "disc", p->disc, sizeof(p->disc));
	i->mountpoint = parse_optional(line, "mountpoint", p->mountpoint, sizeof(p->mountpoint));
	i->staging = parse_optional(line, "staging", p->staging, sizeof(p->staging));
	i->has_stage = json_get_u64(line, "staging_free_bytes", &i->staging_free_bytes) == 0;
	i->device = parse_optional(line, "device", p->device, sizeof(p->device));
	i->commit = parse_optional(line, "commit", p->commit, sizeof(p->commit));
	if (json_get_string(line, "next_commit", date, sizeof(date)) == 0 && value_date(date, &next) == 0)
		i->next_commit = next.first;
	const char *burning = json_find(line, "burning");
	if (burning && *burning == '{' && burning_parse(burning, &i->burning) < 0)
		return -EINVAL;
	int r = parse_sessions(line, p);
	if (r < 0)
		return r;
	const struct disc_session *newest = newest_of(p->sessions, i->n_sessions);
	i->digest = newest && newest->has_digest ? newest->digest : NULL;
	*ret = TAKE_PTR(p);
	return 0;
}

const struct report_info *report_parsed_info(const struct report_parsed *p) { return &p->info; }

void report_parsed_free(struct report_parsed *p)
{
	if (!p)
		return;
	free(p->sessions);
	free(p);
}

/* ---- text ---- */

const char *report_pieces(uint64_t files, char text[REPORT_PIECES_TEXT])
{
	if (files == PIECES_UNKNOWN)
		return "how many files lie in several pieces is not known: cdappendfs-info --pieces looks";
	if (!files)
		return "no file lies in several pieces";
	snprintf(text, REPORT_PIECES_TEXT,
		 "%" PRIu64 " file%s in several pieces, of which macOS and the BSDs show only one: cdappendfs-info "
		 "--pieces lists %s",
		 files, files == 1 ? " lies" : "s lie", files == 1 ? "it" : "them");
	return text;
}

const char *report_names(uint64_t changed, uint64_t closed, char text[REPORT_NAMES_TEXT])
{
	size_t n = 0;

	if (!changed && !closed)
		return NULL;
	if (changed)
		n = (size_t)snprintf(text, REPORT_NAMES_TEXT,
				     "%" PRIu64
				     " new name%s shortened or changed for Windows and other readers of Joliet",
				     changed, changed == 1 ? " is" : "s are");
	if (closed)
		n += (size_t)snprintf(text + n, REPORT_NAMES_TEXT - n, "%s%" PRIu64 " %scannot be opened by Windows",
				      changed ? "; " : "", closed,
				      changed	  ? "" :
				      closed == 1 ? "new name " :
						    "new names ");
	snprintf(text + n, REPORT_NAMES_TEXT - n, ": cdappendfs-info --names lists %s",
		 changed + closed == 1 ? "it" : "them");
	return text;
}

static void line(FILE *out, const char *label, const char *value)
{
	char shown[4096];

	if (value)
		fprintf(out, "%-12s%s\n", label, printable(value, shown, sizeof(shown)));
}

static bool nothing_whole(const struct report_info *info)
{
	for (size_t i = 0; i < info->n_sessions; i++)
		if (!info->sessions[i].broken)
			return false;
	return info->blank || info->n_sessions > 0;
}

static void state_text(FILE *out, const struct report_info *info)
{
	char text[600], kept[SIZE_TEXT_BYTES];

	if (nothing_whole(info))
		snprintf(text, sizeof(text), "%s%s%s",
			 info->blank ? "blank" : "no session that could be read, only burns that failed",
			 info->appendable ? "" : ", not appendable: ",
			 info->appendable || !info->why_not_appendable ? "" : info->why_not_appendable);
	else if (info->appendable && info->kept_bytes)
		snprintf(text, sizeof(text),
			 "appendable, the next session starts at %" PRIu32 ", behind %s of something else",
			 info->next_lba, size_text(info->kept_bytes, kept));
	else if (info->appendable)
		snprintf(text, sizeof(text), "appendable, the next session starts at %" PRIu32, info->next_lba);
	else
		snprintf(text, sizeof(text), "not appendable: %s",
			 info->why_not_appendable ? info->why_not_appendable : "the medium is closed");
	line(out, "State", text);
}

/* Empty: the session does not tell. */
static const char *shared_text(const struct disc_session *s, uint64_t bytes, char text[SIZE_TEXT_BYTES])
{
	return s->ours && s->tells_shared ? size_text(bytes, text) : "";
}

static const char *session_state(const struct disc_session *s)
{
	if (s->truncated)
		return s->broken ? "  (truncated: its root directory is missing)" : "  (truncated: its end is missing)";
	return s->broken ? "  (broken: a burn failed, or its root directory cannot be read; it is skipped)" : "";
}

static void session_text(FILE *out, const struct disc_session *s)
{
	char size[SIZE_TEXT_BYTES], shared[SIZE_TEXT_BYTES], found[SIZE_TEXT_BYTES], created[TIME_TEXT_BYTES],
		digest[PROOF_TEXT_BYTES] = "", parity[SIZE_TEXT_BYTES], volume[sizeof(s->volume_id)];
	const char *date = time_text(s->created, created);

	if (s->has_digest)
		proof_text(s->digest, digest);
	digest[PROOF_PREFIX_MIN] = '\0';
	fprintf(out, "%7" PRIu32 "  %10" PRIu32 "  %10" PRIu32 "  %10s  %10s  %10s  %-20s  %-16s  %s%s%s%s\n",
		s->number, s->start_lba, s->sectors, size_text((uint64_t)s->sectors * SECTOR_BYTES, size),
		shared_text(s, s->shared_bytes, shared), shared_text(s, s->found_bytes, found), date ? date : "unknown",
		digest, printable(s->volume_id, volume, sizeof(volume)), s->parity_sectors ? "  parity " : "",
		s->parity_sectors ? size_text((uint64_t)s->parity_sectors * SECTOR_BYTES, parity) : "",
		session_state(s));
}

/* How the sessions before the newest are mounted, without us and with us. */
static void older_sessions_text(FILE *out, const struct report_info *info)
{
	bool image = strncmp(info->medium, "image", 5) == 0, first = true;
	struct shell_word word;
	const char *disc = info->disc ? shell_word(&word, info->disc) : "DISC";

	for (size_t i = 0; i + 1 < info->n_sessions; i++) {
		const struct disc_session *s = &info->sessions[i];
		if (s->broken)
			continue;
		if (first)
			fprintf(out, "\nOlder sessions stay: cdappendfs -o session=NUMBER, or as root with Linux' own "
				     "driver\n");
		first = false;
		fprintf(out, "%7" PRIu32 "  mount -t iso9660 -o %sro,sbsector=%" PRIu32 " %s DIRECTORY\n", s->number,
			image ? "loop," : "", report_sbsector(s, info->overwritable), disc);
	}
}

void report_info_text(FILE *out, const struct report_info *info)
{
	char text[SIZE_TEXT_BYTES], pieces[REPORT_PIECES_TEXT], burning[BURNING_TEXT], digest[PROOF_TEXT_BYTES],
		date[TIME_TEXT_BYTES], burns[96];

	line(out, "Disc", info->disc);
	line(out, "Medium", info->medium);
	state_text(out, info);
	if (!burning_idle(&info->burning))
		line(out, "Commit", burning_text(&info->burning, burning));
	line(out, "Mounted at", info->mountpoint);
	if (info->commit && info->next_commit && time_text(info->next_commit, date))
		snprintf(burns, sizeof(burns), "commit=%s, next %s", info->commit, date);
	else if (info->commit)
		snprintf(burns, sizeof(burns), "commit=%s", info->commit);
	line(out, "Burns by", info->commit ? burns : NULL);
	line(out, "Capacity", size_text(info->capacity_bytes, text));
	line(out, "Used", size_text(info->used_bytes, text));
	line(out, "Free", size_text(info->free_bytes, text));
	line(out, "Staged", info->staged_bytes ? size_text(info->staged_bytes, text) : "nothing");
	if (info->staged_bytes)
		line(out, "Staged in", info->staging);
	if (info->has_stage)
		line(out, "Stage room", size_text(info->staging_free_bytes, text));
	if (info->n_sessions == 0)
		return;
	line(out, "Pieces", report_pieces(info->files_in_pieces, pieces));
	if (info->digest) {
		proof_text(info->digest, digest);
		line(out, "Digest", digest);
	}
}

void report_sessions_text(FILE *out, const struct report_info *info)
{
	if (info->n_sessions == 0)
		return;
	fprintf(out, "%7s  %10s  %10s  %10s  %10s  %10s  %-20s  %-*s  %s\n", "Session", "Start", "Sectors", "Size",
		"Shared", "Found", "Date", (int)PROOF_PREFIX_MIN, "Digest", "Volume id");
	for (size_t i = 0; i < info->n_sessions; i++)
		session_text(out, &info->sessions[i]);
	older_sessions_text(out, info);
}
