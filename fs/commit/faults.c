/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/faults.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "burner/base/own.h"
#include "fs/commit/states.h"

#define WAIT_SECONDS 2

static const struct {
	const char *name;
	int value;
} fault_names[] = {
	{"EIO", -EIO},
	{"ENOSPC", -ENOSPC},
	{"EBADMSG", -EBADMSG},
	{"kill", FAULT_KILL_BEFORE},
	{"killed", FAULT_KILL_AFTER},
	{"wait", FAULT_WAIT},
};

static int parse_edge(char *word, struct faults *f)
{
	char *value = strchr(word, '=');
	size_t state = 0, fault = 0;

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	while (state < FAULT_STATES && strcmp(word, commit_state_name((enum stage_commit_state)state)) != 0)
		state++;
	while (fault < ARRAY_LENGTH(fault_names) && strcmp(value, fault_names[fault].name) != 0)
		fault++;
	if (state == FAULT_STATES || fault == ARRAY_LENGTH(fault_names))
		return -EINVAL;
	f->at[state] = fault_names[fault].value;
	return 0;
}

int faults_parse(const char *spec, struct faults *ret)
{
	_cleanup_(faults_release) struct faults f = {.target = NULL};
	_free_ char *copy = strdup(spec ? spec : ""), *rest = calloc(1, strlen(spec ? spec : "") + 1);
	size_t used = 0;

	if (!copy || !rest)
		return -ENOMEM;
	for (char *word = copy, *next; word && *word; word = next) {
		size_t length;

		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		if (strncmp(word, "edge@", 5) == 0) {
			int r = parse_edge(word + 5, &f);

			if (r)
				return r;
			continue;
		}
		length = strlen(word);
		if (used)
			rest[used++] = ',';
		memcpy(rest + used, word, length);
		used += length;
	}
	f.target = used ? TAKE_PTR(rest) : NULL;
	*ret = f;
	f.target = NULL;
	return 0;
}

void faults_release(struct faults *f)
{
	free(f->target);
	f->target = NULL;
}

int faults_before(const struct faults *f, enum stage_commit_state state)
{
	int fault = f ? f->at[state] : 0;

	if (fault == FAULT_KILL_BEFORE)
		kill(getpid(), SIGKILL);
	if (fault == FAULT_WAIT)
		sleep(WAIT_SECONDS);
	return fault < 0 ? fault : 0;
}

void faults_after(const struct faults *f, enum stage_commit_state state, struct stage *stage)
{
	if (!f || f->at[state] != FAULT_KILL_AFTER)
		return;
	stage_sync(stage);
	kill(getpid(), SIGKILL);
}
