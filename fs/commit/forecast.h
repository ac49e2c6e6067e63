/* SPDX-License-Identifier: GPL-3.0-or-later */
/* forecast.h - what of a session is no content, and how many more like it the disc takes */
#ifndef FS_COMMIT_FORECAST_H
#define FS_COMMIT_FORECAST_H

#include "cdappendfs/burn.h"
#include "cdappendfs/further.h"

struct forecast {
	/* all that the disc loses by the session but its data and its parity: directories, tables, padding, gap */
	uint64_t overhead_sectors;
	uint64_t more_sessions; /* of the same size fit behind it; SESSIONS_NO_BOUND: the medium has none */
};

/* state: before the session, which begins at start_lba.  Pure. */
struct forecast forecast_make(const struct disc_state *state, const struct disc_further *further, uint32_t start_lba,
			      const struct burn_cost *cost);

#endif
