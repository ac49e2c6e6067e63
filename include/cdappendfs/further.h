/* SPDX-License-Identifier: GPL-3.0-or-later */
/* further.h - what sessions behind the next one will cost on a medium, by its own rules */
#ifndef CDAPPENDFS_FURTHER_H
#define CDAPPENDFS_FURTHER_H

#include <stdint.h>

#include "cdappendfs/disc.h"

#define SESSIONS_NO_BOUND UINT64_MAX /* of a number of sessions that is not known, or would say nothing */

struct disc_further {
	/* lost behind each session that follows the next one: as disc_state.after_session_sectors is of that */
	uint32_t after_sectors;
	uint32_t
		sessions_left; /* the medium takes, whatever room it has, the next one included; UINT32_MAX: no bound */
};

/* All zeros and no bound, where nothing lies between sessions.  The thread of disc_state(). */
void disc_further(struct disc *d, struct disc_further *ret);

#endif
