/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * faults.h - a list of faults to order, as disc_wrap_faults() and target_wrap_faults() take it (cdappendfs/burn.h)
 */
#ifndef BURNER_MEDIUM_FAULTS_H
#define BURNER_MEDIUM_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#define FAULTS_MAX 16u

enum fault_kind {
	FAULT_READ,
	FAULT_DELAY,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_PUBLISH,
	FAULT_RESERVE,
	FAULT_KILL,
	FAULT_KILL_SYNC,
	FAULT_KILL_PUBLISH
};
/* of a disc; all others are of a target */
#define DISC_FAULTS (1u << FAULT_READ | 1u << FAULT_DELAY)

struct fault {
	enum fault_kind kind;
	uint64_t at;   /* sector, milliseconds, or number of the write */
	uint64_t last; /* sector: the last one of a range; else the same */
	int error;     /* -errno */
};
struct fault_list {
	struct fault faults[FAULTS_MAX];
	size_t n;
};

/* allowed: bits of kinds.  *ret is empty before.  -EINVAL, -ENOMEM. */
int fault_list_parse(const char *spec, uint32_t allowed, struct fault_list *ret);
/* The first fault of that kind of which something lies in [low, low + n), or NULL. */
const struct fault *fault_list_find(const struct fault_list *f, enum fault_kind kind, uint64_t low, uint64_t n);
/* The error of the first of that kind, or 0. */
int fault_list_error(const struct fault_list *f, enum fault_kind kind);

#endif
