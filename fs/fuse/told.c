/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * told.c - what scripts may ask of a file, as attributes that nobody has set: user.cdappendfs.session and the like
 *
 * They are in no list, so `cp -a`, `rsync -X` and `tar --xattrs` do not take them along, and what is asked costs no
 * more than a look at the file.  user.cdappendfs.compress is none of them: users set it (README.md).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/json.h"
#include "burner/base/own.h"
#include "fs/fuse/internal.h"

#define PREFIX "user.cdappendfs."
#define VALUE_BYTES 24u

/* The sessions of the disc, as the mount knows them. */
struct sessions {
	const struct disc_session *list;
	size_t n;
	struct disc_session *owned;
};

static int sessions_take(struct server *s, struct sessions *ret)
{
	struct disc_state state;
	int r;

	*ret = (struct sessions){s->options.sessions, s->options.n_sessions, NULL};
	if (!s->commit)
		return 0;
	r = commit_disc_info(s->commit, &state, &ret->owned, &ret->n);
	ret->list = ret->owned;
	return r;
}

static void sessions_release(struct sessions *x) { free(x->owned); }

/* In which that byte of the disc lies; NULL: in none. */
static const struct disc_session *session_of(const struct sessions *x, uint64_t pos)
{
	for (size_t i = x->n; i-- > 0;)
		if (pos / SECTOR_BYTES >= x->list[i].start_lba)
			return &x->list[i];
	return NULL;
}

static int look(struct server *s, uint64_t ino, uint64_t older_below, struct tree_where *ret)
{
	return is_past(s, ino) ? snapdir_where(s->snapdir, ino, older_below, ret) :
				 tree_where(s->tree, ino, older_below, ret);
}

/* A session has its root directory in itself, always: what lies before it is of older ones. */
static int look_beside(struct server *s, const struct sessions *x, uint64_t ino, struct tree_where *ret)
{
	uint64_t root = is_past(s, ino) ? snapdir_root_of(ino) : TREE_ROOT;
	const struct disc_session *own;
	int r = look(s, root, 0, ret);

	if (r < 0)
		return r;
	own = ret->on_disc ? session_of(x, ret->first) : NULL;
	return look(s, ino, own ? (uint64_t)own->start_lba * SECTOR_BYTES : 0, ret);
}

/* ---- of a file ---- */

static int put_number(char ret[VALUE_BYTES], uint64_t n)
{
	snprintf(ret, VALUE_BYTES, "%" PRIu64, n);
	return 0;
}

typedef int put_value(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES]);

static int put_session(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES])
{
	const struct disc_session *s = w->on_disc ? session_of(x, w->last) : NULL;

	return s ? put_number(ret, s->number) : -ENODATA;
}

static int put_lba(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES])
{
	(void)x;
	return w->on_disc ? put_number(ret, w->first / SECTOR_BYTES) : -ENODATA;
}

static int put_sections(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES])
{
	(void)x;
	return S_ISREG(w->mode) ? put_number(ret, w->sections) : -ENODATA;
}

static int put_shared(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES])
{
	(void)x;
	return S_ISREG(w->mode) ? put_number(ret, w->older_bytes) : -ENODATA;
}

static int put_staged(const struct sessions *x, const struct tree_where *w, char ret[VALUE_BYTES])
{
	static const char *const words[] = {
		[TREE_STAGED_NOTHING] = "no",
		[TREE_STAGED_ATTRIBUTES] = "attributes",
		[TREE_STAGED_CONTENT] = "content",
	};

	(void)x;
	snprintf(ret, VALUE_BYTES, "%s", words[w->staged]);
	return 0;
}

static const struct {
	const char *name;
	put_value *put; /* NULL: of the mount */
} values[] = {
	{PREFIX "session", put_session}, {PREFIX "lba", put_lba},	{PREFIX "sections", put_sections},
	{PREFIX "staged", put_staged},	 {PREFIX "shared", put_shared}, {PREFIX "status", NULL},
};

static size_t value_called(const char *name)
{
	size_t i = 0;

	if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return ARRAY_LENGTH(values);
	while (i < ARRAY_LENGTH(values) && strcmp(values[i].name, name) != 0)
		i++;
	return i;
}

bool is_told(const char *name) { return value_called(name) < ARRAY_LENGTH(values); }

static int tell_file(struct server *s, uint64_t ino, put_value *put, uint8_t **ret, size_t *ret_bytes)
{
	_cleanup_(sessions_release) struct sessions x = {.list = NULL};
	char text[VALUE_BYTES] = "";
	struct tree_where w;
	int r = sessions_take(s, &x);

	if (!r)
		r = look_beside(s, &x, ino, &w);
	if (!r)
		r = put(&x, &w, text);
	if (r < 0)
		return r;
	*ret = (uint8_t *)strdup(text);
	*ret_bytes = strlen(text);
	return *ret ? 0 : -ENOMEM;
}

/* ---- of the mount ---- */

static int tell_status(struct server *s, uint8_t **ret, size_t *ret_bytes)
{
	_cleanup_(sessions_release) struct sessions x = {.list = NULL};
	struct commit_status status = {.phase = COMMIT_IDLE};
	struct tree_where root = {.on_disc = false};
	const struct disc_session *shown;
	uint64_t staged = 0, left = 0;
	char *text = NULL;
	size_t length;
	struct json j;
	int r = sessions_take(s, &x);

	if (!r)
		r = tree_where(s->tree, TREE_ROOT, 0, &root);
	if (r < 0)
		return r;
	if (s->commit) {
		commit_status(s->commit, &status);
		tree_space(s->tree, &staged, &left);
	}
	shown = root.on_disc ? session_of(&x, root.first) : NULL;
	j = (struct json){open_memstream(&text, &length), false};
	if (!j.out)
		return -ENOMEM;
	json_open(&j, NULL, '{');
	json_u64_or_null(&j, "session", shown ? shown->number : UINT64_MAX, UINT64_MAX);
	json_bool(&j, "changed", s->commit && tree_changed(s->tree));
	json_u64(&j, "staged_bytes", staged);
	json_u64(&j, "free_bytes", left);
	json_string(&j, "phase", commit_phase_name(status.phase));
	json_bool(&j, "read_only", !s->commit);
	json_close(&j, '}');
	if (fclose(j.out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = (uint8_t *)text;
	*ret_bytes = strlen(text);
	return 0;
}

int told_value(struct server *s, uint64_t ino, const char *name, uint8_t **ret, size_t *ret_bytes)
{
	put_value *put = values[value_called(name)].put;

	if (put)
		return tell_file(s, ino, put, ret, ret_bytes);
	return ino == TREE_ROOT ? tell_status(s, ret, ret_bytes) : -ENODATA;
}
