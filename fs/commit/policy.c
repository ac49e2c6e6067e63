/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "burner/base/bytes.h"
#include "burner/base/log.h"
#include "burner/base/size.h"
#include "burner/base/time.h"
#include "burner/base/values.h"
#include "fs/commit/internal.h"

#define DAY_MS (86400 * INT64_C(1000))
#define QUIET_MS (60 * INT64_C(1000))
#define AGAIN_MS \
	(600 * INT64_C(1000)) /* after a burn that failed: it may be for long, and each spoils some of a disc */

/* ---- the rules ---- */

static const char *behind(const char *text, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(text, name, n) == 0 ? text + n : NULL;
}

int policy_parse(const char *text, struct commit_policy *ret)
{
	struct commit_policy p = {.when = POLICY_UNMOUNT};
	const char *value;

	if (strlen(text) >= sizeof(p.text))
		return -EINVAL;
	if (strcmp(text, "manual") == 0)
		p.when = POLICY_MANUAL;
	else if (strcmp(text, "daily") == 0)
		p.when = POLICY_DAILY;
	else if ((value = behind(text, "idle=")) && value_duration(value, &p.seconds) == 0 && p.seconds)
		p.when = POLICY_IDLE;
	else if ((value = behind(text, "staged=")) && size_parse(value, &p.bytes) == 0 && p.bytes)
		p.when = POLICY_STAGED;
	else if (strcmp(text, "unmount") != 0)
		return -EINVAL;
	snprintf(p.text, sizeof(p.text), "%s", text);
	*ret = p;
	return 0;
}

const char *policy_text(const struct commit_policy *p) { return p->text[0] ? p->text : "unmount"; }

int64_t policy_due_ms(const struct commit_policy *p, const struct policy_now *now)
{
	int64_t left;

	if (!now->changed)
		return POLICY_NOT_KNOWN;
	switch (p->when) {
	case POLICY_IDLE:
		left = p->seconds * INT64_C(1000) - now->idle_ms;
		break;
	case POLICY_STAGED:
		left = now->staged_bytes >= p->bytes ? 0 : POLICY_NOT_KNOWN;
		break;
	case POLICY_DAILY:
		left = DAY_MS - now->burned_ms;
		break;
	default:
		left = POLICY_NOT_KNOWN;
	}
	return left > 0 ? left : 0;
}

int64_t policy_quiet_ms(const struct commit_policy *p)
{
	return p->when == POLICY_IDLE ? p->seconds * INT64_C(1000) : QUIET_MS;
}

/* ---- the commit's thread ---- */

static int64_t real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static int64_t since(int64_t now, int64_t then) { return now > then ? now - then : 0; }

int64_t policy_burned_ms(int64_t created, int64_t now, int64_t otherwise)
{
	const int64_t then = created > 0 && created < INT64_MAX / 1000 ? created * 1000 : 0;

	return then && then <= now ? now - then : otherwise;
}

/* A file that was made and removed again leaves rows, and nothing that a session could have. */
static int any(void *context, const struct tree_change *change)
{
	(void)context, (void)change;
	return 1;
}

/* Looked at only when it would burn, for it takes a walk. What cannot be told, the burn tells. */
static bool nothing_differs(struct commit *c)
{
	const int64_t touched = tree_touched_ms(c->tree);

	if (!touched || tree_changes(c->tree, any, NULL, NULL) != 0)
		return false;
	atomic_store(&c->policy_idle_ms, touched);
	return true;
}

static void look_around(struct commit *c, struct policy_now *ret)
{
	const int64_t now = now_ms(), touched = tree_touched_ms(c->tree);
	const int64_t burned = atomic_load(&c->burned_ms), began = burned ? burned : c->made_ms;
	const struct disc_session *newest;
	uint64_t free_bytes;

	*ret = (struct policy_now){.changed = tree_changed(c->tree) &&
					      (!touched || touched != atomic_load(&c->policy_idle_ms))};
	tree_space(c->tree, &ret->staged_bytes, &free_bytes);
	ret->idle_ms = since(now, touched > c->made_ms ? touched : c->made_ms);
	commit_lock(c);
	newest = newest_session(c->sessions, c->n_sessions);
	ret->burned_ms = policy_burned_ms(newest ? newest->created : 0, real_ms(), since(now, began));
	commit_unlock(c);
}

static void policy_done(void *arg, const struct commit_result *result)
{
	struct commit *c = arg;

	if (!result->error)
		atomic_store(&c->burned_ms, now_ms());
	if (!result->error && !result->held_bytes) /* what waits for the next disc is tried again after a while only */
		atomic_store(&c->policy_wait_ms, 0);
	else if (result->error && result->error != -ECANCELED)
		log_error("commit=%s: %s", policy_text(&c->options.policy),
			  result->message[0] ? result->message : strerror(-result->error));
}

void policy_tick(struct commit *c)
{
	const struct commit_policy *p = &c->options.policy;
	const struct commit_request_options request = {.flags = c->options.span ? COMMIT_SPAN : 0};
	struct policy_now now;

	if (p->when < POLICY_IDLE || now_ms() < atomic_load(&c->policy_wait_ms))
		return;
	look_around(c, &now);
	if (policy_due_ms(p, &now) > 0 || tree_written_for_ms(c->tree, policy_quiet_ms(p)) || nothing_differs(c))
		return;
	atomic_store(&c->policy_wait_ms, now_ms() + AGAIN_MS);
	int r = commit_request(c, &request, policy_done, c);
	if (r < 0 && r != -ESHUTDOWN)
		log_error("commit=%s: %s", policy_text(p), strerror(-r));
}

const char *commit_policy(struct commit *c, int64_t *ret_next)
{
	const struct commit_policy *p = &c->options.policy;
	const int64_t wait = since(atomic_load(&c->policy_wait_ms), now_ms());
	struct policy_now now;

	*ret_next = 0;
	if (p->when >= POLICY_IDLE) {
		look_around(c, &now);
		const int64_t due = policy_due_ms(p, &now);

		if (due != POLICY_NOT_KNOWN)
			*ret_next = (real_ms() + (due > wait ? due : wait) + 999) / 1000;
	}
	return policy_text(p);
}
