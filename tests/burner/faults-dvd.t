#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# faults-dvd.t - a sample of the burns of faults.t that fail, on all media that are no CD;
# nothing is lost, and the next sync burns
. "$(dirname "$0")/recorder.sh"

read -ra lanes <<<"${LANES:-dvd-r dvd+r bd-r dvd+rw dvd-rw bd-re dvd+r-power dvd+rw-power dvd+rw-corrupt}"	# LANES="dvd-r" runs that one alone
recorder_stories faults-stories "${lanes[@]}"
done_testing
