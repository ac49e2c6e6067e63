/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "burner/medium/elevator.h"

#include <stddef.h>

#define PASSED_MAX 16u /* so often others may come first */

struct turn {
	struct turn *next;
	uint32_t lba;
	unsigned passed;
	bool has_come;
};

void elevator_init(struct elevator *t)
{
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->changed, NULL);
	t->first = NULL;
	t->taken = false;
}

void elevator_release(struct elevator *t)
{
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
}

static void append_locked(struct elevator *t, struct turn *me)
{
	struct turn **end = &t->first;

	while (*end)
		end = &(*end)->next;
	*end = me;
}

/* The nearest one above lba, wrapping around; before it who was passed too often. */
static struct turn **next_locked(struct elevator *t, uint32_t lba)
{
	struct turn **best = &t->first;

	for (struct turn **at = &t->first; *at; at = &(*at)->next) {
		if ((*at)->passed >= PASSED_MAX)
			return at;
		if ((*at)->lba - lba < (*best)->lba - lba)
			best = at;
	}
	return best;
}

void elevator_take(struct elevator *t, uint32_t lba)
{
	struct turn me = {.lba = lba};

	pthread_mutex_lock(&t->lock);
	if (t->taken) {
		append_locked(t, &me);
		while (!me.has_come)
			pthread_cond_wait(&t->changed, &t->lock);
	}
	t->taken = true;
	pthread_mutex_unlock(&t->lock);
}

bool elevator_try(struct elevator *t)
{
	bool free;

	pthread_mutex_lock(&t->lock);
	free = !t->taken;
	t->taken = true;
	pthread_mutex_unlock(&t->lock);
	return free;
}

void elevator_give(struct elevator *t, uint32_t lba)
{
	struct turn **at, *next;

	pthread_mutex_lock(&t->lock);
	at = next_locked(t, lba);
	next = *at;
	if (next) {
		*at = next->next;
		for (struct turn *other = t->first; other != *at; other = other->next)
			other->passed++; /* they came before */
		next->has_come = true;
		pthread_cond_broadcast(&t->changed);
	}
	t->taken = next != NULL;
	pthread_mutex_unlock(&t->lock);
}

unsigned elevator_waiting(struct elevator *t)
{
	unsigned n = 0;

	pthread_mutex_lock(&t->lock);
	for (const struct turn *at = t->first; at; at = at->next)
		n++;
	pthread_mutex_unlock(&t->lock);
	return n;
}
