#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# reading.t - a drive is read well: few seeks beside those of Linux's isofs, nothing outside of tracks, and a bad
# block harms its file alone, or none where there is parity; what is on the disc already is found in few sweeps
. "$(dirname "$0")/recorder.sh"
need_uml

read -ra lanes <<<"${LANES:-walk damaged parity again}"	# LANES="walk" runs that one alone
noise 13000000 1 >"$T/noise"
ok 'the guest ran' in_uml -M 1200 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/reading-guest" "${lanes[@]}"
relay_stories "${lanes[@]}"
done_testing
