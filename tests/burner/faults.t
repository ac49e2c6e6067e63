#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# faults.t - burns that fail in a recorder: at every phase and in every way on CD-R (faults-dvd.t: the other media);
# nothing is lost, and the next sync burns
. "$(dirname "$0")/recorder.sh"

read -ra lanes <<<"${LANES:-cd-r cd-r-removed cd-r-power cd-r-corrupt}"	# LANES="cd-r" runs that one alone
recorder_stories faults-stories "${lanes[@]}"
done_testing
