/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/medium/faults.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "burner/base/own.h"

static const struct {
	const char *name;
	enum fault_kind kind;
	bool has_at, has_error;
} words[] = {
	{"read@", FAULT_READ, true, true},
	{"delay=", FAULT_DELAY, true, false},
	{"write@", FAULT_WRITE, true, true},
	{"sync=", FAULT_SYNC, false, true},
	{"publish=", FAULT_PUBLISH, false, true},
	{"reserve=", FAULT_RESERVE, false, true},
	{"kill-before-sync", FAULT_KILL_SYNC, false, false},
	{"kill-publish@", FAULT_KILL_PUBLISH, true, false},
	{"kill@", FAULT_KILL, true, false},
};
static const struct {
	const char *name;
	int error;
} errors[] = {
	{"EIO", -EIO},
	{"ENOSPC", -ENOSPC},
	{"ENOMEDIUM", -ENOMEDIUM},
	{"EROFS", -EROFS},
	{"EBUSY", -EBUSY},
	{"EAGAIN", -EAGAIN},
	{"ENOMEM", -ENOMEM},
	{"EBADMSG", -EBADMSG},
	{"ECANCELED", -ECANCELED},
	{"EFBIG", -EFBIG},
	{"ENXIO", -ENXIO},
	{"EDQUOT", -EDQUOT},
	{"ETIMEDOUT", -ETIMEDOUT},
};

static bool parse_error(const char *text, int *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(errors); i++)
		if (!strcmp(text, errors[i].name)) {
			*ret = errors[i].error;
			return true;
		}
	return false;
}

static bool parse_fault(const char *text, struct fault *ret)
{
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		const char *p = text + strlen(words[i].name);
		char *end;

		if (strncmp(text, words[i].name, strlen(words[i].name)) != 0)
			continue;
		ret->kind = words[i].kind;
		if (words[i].has_at) {
			if (*p < '0' || *p > '9')
				return false;
			ret->at = ret->last = strtoull(p, &end, 10);
			if (ret->kind == FAULT_READ && *end == '-')
				ret->last = strtoull(end + 1, &end, 10);
			p = end;
		}
		if (words[i].has_error && words[i].has_at && *p++ != '=')
			return false;
		return words[i].has_error ? parse_error(p, &ret->error) : *p == 0;
	}
	return false;
}

int fault_list_parse(const char *spec, uint32_t allowed, struct fault_list *ret)
{
	_free_ char *copy = strdup(spec);
	char *rest = copy;

	if (!copy)
		return -ENOMEM;
	for (char *word = strsep(&rest, ","); word; word = strsep(&rest, ",")) {
		if (ret->n == FAULTS_MAX || !parse_fault(word, &ret->faults[ret->n]) ||
		    !(allowed & 1u << ret->faults[ret->n].kind))
			return -EINVAL;
		ret->n++;
	}
	return 0;
}

const struct fault *fault_list_find(const struct fault_list *f, enum fault_kind kind, uint64_t low, uint64_t n)
{
	const struct fault *found = NULL;

	for (size_t i = 0; i < f->n; i++)
		if (f->faults[i].kind == kind && f->faults[i].last >= low &&
		    (f->faults[i].at <= low || f->faults[i].at - low < n) && (!found || f->faults[i].at < found->at))
			found = &f->faults[i];
	return found;
}

int fault_list_error(const struct fault_list *f, enum fault_kind kind)
{
	const struct fault *fault = fault_list_find(f, kind, 0, UINT64_MAX);

	return fault ? fault->error : 0;
}
