#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# reading.t - a drive is read well: few seeks beside those of Linux's isofs, nothing outside of tracks, and a bad
# block harms its file alone, or none where there is parity; what is on the disc already is found in few sweeps
. "$(dirname "$0")/recorder.sh"

# LANES="again" runs that one alone.  What isofs asks for is seen in a guest: walk.
read -ra lanes <<<"${LANES:-walk damaged parity again}"
noise 13000000 1 >"$T/noise"
past=()
for lane in "${lanes[@]}"; do [[ $lane == walk ]] || past+=("$lane"); done
((${#past[@]} == 0)) || recorder_stories reading-stories "${past[@]}"
if [[ " ${lanes[*]} " == *' walk '* ]]; then
	if why=$(uml_missing); then skip 'walk' "$why"; else recorder_guest 'reading-stories walk'; fi
fi
done_testing
