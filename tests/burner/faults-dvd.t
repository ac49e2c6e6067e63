#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# faults-dvd.t - a sample of the burns of faults.t that fail, on all media that are no CD;
# nothing is lost, and the next sync burns
. "$(dirname "$0")/../lib.sh"
need_uml

read -ra lanes <<<"${LANES:-dvd-r dvd+r bd-r dvd+rw dvd-rw bd-re dvd+r-power dvd+rw-power dvd+rw-corrupt}"	# LANES="dvd-r" runs that one alone
ok 'the guest ran' in_uml -M 1400 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/faults-guest" "${lanes[@]}"
relay_stories "${lanes[@]}"
done_testing
