/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stage and its disc, opened side by side, and the session that the one was made for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "burner/base/bytes.h"
#include "burner/base/sha256.h"
#include "burner/format/geometry.h"
#include "fs/salvage/internal.h"

static int no_disc(struct salvage *s, const char *why)
{
	free(s->disc_why);
	s->disc_why = strdup(why);
	disc_close(TAKE_PTR(s->disc));
	return s->disc_why ? 0 : -ENOMEM;
}

/* For changing, the disc is locked as a mount would; one that may not be written to is looked at. */
static int open_disc(struct salvage *s, enum salvage_for purpose, const char **ret_why)
{
	const struct disc_open_options writable = {.writable = true}, readable = {.writable = false};
	int r = -EROFS;

	*ret_why = NULL;
	if (purpose == SALVAGE_TO_CHANGE) {
		r = disc_open_path(s->disc_path, &writable, &s->disc, ret_why);
		s->writable = r == 0;
	}
	if (r == -EROFS || r == -EACCES)
		r = disc_open_path(s->disc_path, &readable, &s->disc, ret_why);
	return r;
}

/* Is the root directory there, of the session that is gone from the list?  Its first record is itself (ECMA-119
 * 6.8.2.2). */
static int root_is_there(struct disc *d, const struct stage_node *root)
{
	uint8_t sector[SECTOR_BYTES];
	int r = root->base_bytes ? disc_read(d, root->base_lba, sector, 1) : -ENOENT;

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return sector[32] == 1 && sector[33] == 0 && get_le32(sector + 2) == root->base_lba &&
	       get_le32(sector + 10) == root->base_bytes;
}

int salvage_grown(struct stage *stage, struct disc *disc)
{
	_free_ struct disc_session *sessions = NULL;
	struct disc_fingerprint was, now;
	struct stage_node root = {0};
	size_t n = 0;
	int r;

	stage_fingerprint(stage, &was);
	if (was.session_lba == UINT32_MAX)
		return 0;
	r = disc_fingerprint(disc, &now);
	if (r == 0)
		r = disc_sessions(disc, &sessions, &n);
	if (r < 0)
		return r;
	/* Something was appended: the newest session begins behind what there was. */
	if (n == 0 || now.image_bytes <= was.image_bytes || sessions[n - 1].start_lba < was.next_lba / 2 ||
	    now.session_lba <= was.session_lba)
		return 0;
	r = stage_node_get(stage, 1, &root);
	if (r == 0)
		r = root_is_there(disc, &root);
	stage_node_release(&root);
	return r == -ENOENT ? 0 : r;
}

int salvage_look_at_disc(struct salvage *s, enum salvage_for purpose)
{
	struct disc_identity was;
	struct stage_origin origin;
	struct stat st;
	const char *why = NULL;
	int r;

	if (!s->disc_path[0])
		return no_disc(s, "its path is not known");
	if (stat(s->disc_path, &st) < 0)
		return no_disc(s, errno == ENOENT || errno == ENOTDIR ? "nothing is at its path" : strerror(errno));
	r = open_disc(s, purpose, &why);
	if (r == 0)
		r = disc_identity(s->disc, &s->identity);
	if (r == 0)
		r = disc_fingerprint(s->disc, &s->fingerprint);
	if (r == 0)
		r = disc_state(s->disc, &s->state);
	if (r == 0)
		r = disc_sessions(s->disc, &s->sessions, &s->n_sessions);
	if (r < 0)
		return no_disc(s, why ? why : strerror(-r));
	stage_identity(s->stage, &was);
	stage_origin(s->stage, &origin);
	r = salvage_same_disc(&was, &origin, &s->identity, s->disc_path) ? 1 : salvage_grown(s->stage, s->disc);
	if (r > 0)
		return 0;
	return no_disc(s, r < 0 ? strerror(-r) : "another disc is at its path");
}

int salvage_open(const char *directory, const char *disc, enum salvage_for purpose, struct salvage **ret,
		 char **ret_why)
{
	_cleanup_(salvage_closep) struct salvage *s = calloc(1, sizeof(*s));
	_free_ char *path = disc ? realpath(disc, NULL) : NULL;
	struct stage_holder holder = {.pid = 0};
	struct stat st;
	int r;

	if (path && (stat(path, &st) < 0 || S_ISDIR(st.st_mode))) {
		free(path);
		path = NULL;
	}
	if (!s || !(s->directory = strdup(directory)))
		return -ENOMEM;
	r = stage_open_directory(directory, path, purpose == SALVAGE_TO_READ, &s->stage, &holder, ret_why);
	if (r == -EBUSY)
		return salvage_in_use(ret_why, directory, &holder);
	if (r == -EBADMSG && purpose == SALVAGE_TO_CHANGE) {
		*ret = TAKE_PTR(s); /* it can be dropped */
		return 0;
	}
	if (r < 0)
		return r;
	s->disc_path = strdup(path ? path : stage_disc_path(s->stage));
	if (!s->disc_path)
		return -ENOMEM;
	r = salvage_look_at_disc(s, purpose);
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

void salvage_close(struct salvage *s)
{
	if (!s)
		return;
	iso_unref(s->base);
	iso_unref(s->newest);
	if (s->stage)
		stage_close(s->stage);
	disc_close(s->disc);
	free(s->sessions);
	free(s->disc_why);
	free(s->disc_path);
	free(s->directory);
	free(s);
}

/* ---- the session below ---- */

/* Is the descriptor the one that the stage was made for? */
static bool is_descriptor(struct disc *d, uint32_t lba, const uint8_t sha256[32])
{
	uint8_t sector[SECTOR_BYTES], digest[SHA256_BYTES];

	return disc_read(d, lba, sector, 1) == 0 && sha256_of(sector, sizeof(sector), digest) == 0 &&
	       memcmp(digest, sha256, sizeof(digest)) == 0;
}

static bool find_descriptor(struct salvage *s, const struct disc_fingerprint *f, uint32_t *ret)
{
	for (size_t i = 0; i < s->n_sessions; i++)
		if (s->sessions[i].start_lba == f->session_lba &&
		    is_descriptor(s->disc, s->sessions[i].descriptor_lba, f->descriptor)) {
			*ret = s->sessions[i].descriptor_lba;
			return true;
		}
	/* A list that has lost it. */
	*ret = f->session_lba + SESSION_DESCRIPTORS;
	return is_descriptor(s->disc, *ret, f->descriptor);
}

static int open_newest(struct salvage *s)
{
	for (size_t i = s->n_sessions; i-- > 0;)
		if (!s->sessions[i].broken)
			return iso_open(s->disc, s->sessions[i].descriptor_lba, &s->newest);
	return 0;
}

/*
 * The head of a foreign image is its only descriptor, and the next program writes over it.  But its directories are
 * there, the stage knows where its root is, and any reader of the same kind can read them.
 */
static void borrow_newest(struct salvage *s)
{
	struct stage_node root = {0};
	struct iso_info info = {0};

	if (s->newest)
		iso_info(s->newest, &info);
	if (s->newest && !info.ours && stage_node_get(s->stage, 1, &root) == 0 && root_is_there(s->disc, &root) > 0) {
		s->base = iso_ref(s->newest);
		s->base_root = (struct iso_extent){root.base_lba, root.base_bytes};
	}
	stage_node_release(&root);
}

int salvage_open_base(struct salvage *s, char **ret_why)
{
	struct disc_fingerprint was;
	uint32_t lba;
	int r;

	stage_fingerprint(s->stage, &was);
	if (s->disc) {
		r = open_newest(s);
		if (r < 0)
			return why_set(ret_why, r, "the newest session of %s cannot be read: %s", s->disc_path,
				       r == -EBADMSG ? "it is damaged" : strerror(-r));
	}
	if (was.session_lba == UINT32_MAX)
		return 0; /* it was blank */
	if (s->disc && find_descriptor(s, &was, &lba) && iso_open(s->disc, lba, &s->base) == 0)
		return 0;
	if (s->disc)
		borrow_newest(s);
	s->base_missing = !s->base;
	return 0;
}
