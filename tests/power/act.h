/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * act.h - a mount without a kernel in between: steps of a script are done to it, and its tree is looked at
 */
#ifndef TESTS_POWER_ACT_H
#define TESTS_POWER_ACT_H

#include "tests/power/script.h"
#include "tests/unit/commit_fixture.h"

/* Image and stage below root; by_identity: the stage lies below the default root there (not for root, whose default
 * root is fixed). */
void act_place(struct world *w, const char *root, bool by_identity);
/* Does the script from a closed world to a closed world, and marks "begin N" and "end N" in the log. */
void act_script(struct world *w, const struct script *s, const struct expect *expect);
/* The tree: files of it are added to *ret. */
void act_look(struct tree *t, struct expect *ret);

#endif
