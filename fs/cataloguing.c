/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cataloguing.h"

#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdatomic.h>
#include <string.h>

#include "burner/base/bytes.h"
#include "burner/base/log.h"
#include "burner/base/printable.h"
#include "burner/base/worker.h"
#include "fs/catalogue/catalogue.h"
#include "fs/daemon/given.h"

#define WAIT_SECONDS 30u /* for other programs that change it: nobody waits for us but an unmount */

struct work {
	struct disc_session *sessions;
	size_t n;
	struct disc_identity identity;
	uint64_t bytes, there_sectors;
	bool known_only; /* the mount begins */
};

struct cataloguing {
	char *path;
	int directory;
	struct disc *disc;
	const char *disc_path, *medium;
	bool is_image, began;
	atomic_bool cancelled;
	struct worker worker; /* its lock guards: */
	struct work next;     /* sessions NULL: none */
};

/* ---- which catalogue ---- */

static int open_place(struct cataloguing *c, const char *file, char **ret_why)
{
	_cleanup_(catalogue_closep) struct catalogue *catalogue = NULL;
	_free_ char *copy = NULL;
	int r = catalogue_path(file, true, &c->path, ret_why);

	/* What is wrong with it is told now, to who mounts.  That somebody changes it is not. */
	if (!r)
		r = catalogue_open(c->path, CATALOGUE_CREATE, 1, &catalogue, ret_why);
	if (r && r != -EBUSY)
		return r;
	copy = strdup(c->path);
	if (!copy)
		return -ENOMEM;
	c->directory = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->directory < 0 ? -errno : 0;
}

static int make(const char *file, struct cataloguing **ret, char **ret_why)
{
	struct cataloguing *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->directory = -1;
	worker_init(&c->worker);
	r = open_place(c, file, ret_why);
	if (r)
		cataloguing_free(c);
	else
		*ret = c;
	return r;
}

/* Whoever mounts the next disc of a set may have another environment. */
static int note_place(struct options *o, const char *path)
{
	_free_ char *option = NULL;

	if (asprintf(&option, "catalogue=%s", path) < 0) {
		option = NULL;
		return -ENOMEM;
	}
	return given_note(&o->given, option);
}

int cataloguing_new(struct options *o, struct cataloguing **ret)
{
	enum catalogue_wish wish = CATALOGUE_NOT_WISHED;
	const char *file = NULL;
	_free_ char *why = NULL;
	bool asked = o->catalogue || o->catalogue_file;
	int r;

	*ret = NULL;
	if (o->no_catalogue || o->read_only)
		return 0;
	r = catalogue_wish(&wish, &file, &why);
	if (!asked && !r && wish == CATALOGUE_NOT_WISHED)
		return 0;
	if (!r)
		r = make(o->catalogue_file ? o->catalogue_file : file, ret, &why);
	if (r && asked)
		log_error("the catalogue: %s", why ? why : strerror(-r));
	else if (r)
		log_warning("mounted without a catalogue: %s", why ? why : strerror(-r));
	if (*ret && !o->catalogue_file)
		r = note_place(o, (*ret)->path);
	return asked ? r : 0;
}

int cataloguing_directory(const struct cataloguing *c) { return c ? c->directory : -1; }

void cataloguing_disc(struct cataloguing *c, const struct opening *o)
{
	if (!c)
		return;
	c->disc = o->disc;
	c->disc_path = o->disc_path;
	c->medium = o->state.name;
	c->is_image = o->state.kind == MEDIUM_IMAGE || o->state.kind == MEDIUM_CONTAINER;
}

/* ---- the thread ---- */

static int is_cancelled(void *context)
{
	return atomic_load(&((struct cataloguing *)context)->cancelled) ? -ECANCELED : 0;
}

static void tell_lost(void *context, uint32_t session, const char *path, int error)
{
	const struct cataloguing *c = context;

	log_warning("%s: session %" PRIu32 ": /%s: cannot be read, so the catalogue does not have what is there: %s",
		    c->disc_path, session, path, strerror(-error));
}

static int add(struct cataloguing *c, const struct work *w, char **ret_why)
{
	_cleanup_(catalogue_closep) struct catalogue *catalogue = NULL;
	const struct catalogue_source at = {.disc = c->disc,
					    .sessions = w->sessions,
					    .n_sessions = w->n,
					    .identity = w->identity,
					    .medium = c->medium,
					    .bytes = w->bytes,
					    .there_sectors = w->there_sectors,
					    .path = c->is_image ? c->disc_path : NULL};
	const struct catalogue_adding asked = {.known_only = w->known_only,
					       .pace = is_cancelled,
					       .lost = tell_lost,
					       .context = c};
	struct catalogue_added added;
	int r = catalogue_open(c->path, CATALOGUE_CREATE, WAIT_SECONDS, &catalogue, ret_why);

	if (!r)
		r = catalogue_add(catalogue, &at, &asked, &added, ret_why);
	if (!r && added.displaced)
		log_warning("%s: in the catalogue disc %" PRId64 " was there before: if it is gone, and no copy of it "
			    "is left, 'cdappendfs-catalogue forget %" PRId64 "', or its files count as being on a disc",
			    c->disc_path, added.displaced, added.displaced);
	return r;
}

/* False: the drive burns: again, when that has ended. */
static bool do_work(struct cataloguing *c, const struct work *w)
{
	_free_ char *why = NULL;
	int r = w->n ? add(c, w, &why) : 0;

	if (r == -EAGAIN)
		return false;
	if (r && !(w->known_only && (r == -ENOENT || r == -ENOTUNIQ)))
		log_warning(
			"%s: what it has now is not in the catalogue yet: %s; 'cdappendfs-catalogue add %s' adds it",
			c->disc_path, why ? why : strerror(-r), SHELL_WORD(c->disc_path));
	return true;
}

static void take_locked(struct cataloguing *c, struct work *ret)
{
	lock_assert(&c->worker.lock);
	*ret = c->next;
	c->next = (struct work){.n = 0};
}

/* Unless a newer one has come meanwhile. */
static void put_back(struct cataloguing *c, struct work *w)
{
	lock_take(&c->worker.lock);
	if (!c->next.sessions) {
		c->next = *w;
		w->sessions = NULL;
	}
	lock_give(&c->worker.lock);
	free(w->sessions);
}

static void *main_of(void *context)
{
	struct cataloguing *c = context;
	bool waits = false; /* for a burn: its end comes with other sessions */

	lock_take(&c->worker.lock);
	for (;;) {
		struct work w;

		while (!c->worker.stopping && (!c->next.sessions || waits)) {
			lock_wait(&c->worker.lock, &c->worker.wake);
			waits = false;
		}
		if (!c->next.sessions)
			break;
		bool last = c->worker.stopping;
		take_locked(c, &w);
		lock_give(&c->worker.lock);
		waits = !do_work(c, &w);
		if (waits && !last)
			put_back(c, &w);
		else
			free(w.sessions);
		lock_take(&c->worker.lock);
	}
	lock_give(&c->worker.lock);
	return NULL;
}

int cataloguing_start(struct cataloguing *c) { return c ? worker_start(&c->worker, main_of, c) : 0; }

void cataloguing_sessions(struct cataloguing *c, const struct disc_session *sessions, size_t n)
{
	struct work w = {.n = n};
	struct disc_state state;

	if (!c)
		return;
	w.known_only = !c->began;
	c->began = true;
	w.sessions = calloc(n + 1, sizeof(*w.sessions));
	if (!w.sessions || disc_identity(c->disc, &w.identity) < 0 || disc_state(c->disc, &state) < 0) {
		free(w.sessions);
		log_warning("%s: what it has now is not in the catalogue yet: 'cdappendfs-catalogue add %s' adds it",
			    c->disc_path, SHELL_WORD(c->disc_path));
		return;
	}
	memcpy(w.sessions, sessions, n * sizeof(*sessions));
	w.bytes = state.used_sectors * SECTOR_BYTES;
	w.there_sectors = state.there_sectors;
	lock_take(&c->worker.lock);
	free(c->next.sessions);
	c->next = w;
	worker_wake_locked(&c->worker);
	lock_give(&c->worker.lock);
}

void cataloguing_cancel(struct cataloguing *c)
{
	if (c)
		atomic_store(&c->cancelled, true);
}

void cataloguing_stop(struct cataloguing *c)
{
	if (c)
		worker_stop(&c->worker);
}

void cataloguing_free(struct cataloguing *c)
{
	if (!c)
		return;
	worker_stop(&c->worker);
	worker_release(&c->worker);
	free(c->next.sessions);
	close_fd(&c->directory);
	free(c->path);
	free(c);
}
