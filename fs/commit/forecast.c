/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/commit/forecast.h"

#include "burner/base/bytes.h"

/* So many that take `each`, the last one `last`, fit into the room. */
static uint64_t fit(uint64_t room, uint64_t each, uint64_t last)
{
	return room < last ? 0 : !each ? SESSIONS_NO_BOUND : 1 + (room - last) / each;
}

static uint64_t beyond(uint64_t all, uint64_t used) { return all > used ? all - used : 0; }

struct forecast forecast_make(const struct disc_state *state, const struct disc_further *further, uint32_t start_lba,
			      const struct burn_cost *cost)
{
	const uint64_t append = cost->append_sectors, after = state->after_session_sectors,
		       each = append + further->after_sectors, next = start_lba + append + after,
		       end = state->capacity_sectors ? min_u64(state->capacity_sectors, UINT32_MAX) : UINT32_MAX;
	struct forecast f = {.overhead_sectors = beyond(append, cost->data_sectors + cost->parity_sectors) + after,
			     .more_sessions = fit(beyond(end, next), each, append + state->tail_sectors)};

	if (state->kind == MEDIUM_IMAGE) {
		const uint64_t host = beyond(state->host_free_bytes / SECTOR_BYTES, append);

		f.more_sessions = min_u64(f.more_sessions, fit(host, append, append));
	}
	if (further->sessions_left != UINT32_MAX)
		f.more_sessions = min_u64(f.more_sessions, beyond(further->sessions_left, 1));
	/* An image that grows with its file system has no number of sessions that would tell anything. */
	if (!state->capacity_sectors)
		f.more_sessions = SESSIONS_NO_BOUND;
	return f;
}
