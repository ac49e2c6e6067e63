#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# faults.t - burns that fail in a recorder: at every phase and in every way on CD-R (faults-dvd.t: the other media);
# nothing is lost, and the next sync burns
. "$(dirname "$0")/../lib.sh"
need_uml

read -ra lanes <<<"${LANES:-cd-r cd-r-removed cd-r-power cd-r-corrupt cd-r-name}"	# LANES="cd-r" runs that one alone
ok 'the guest ran' in_uml -M 1400 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/faults-guest" "${lanes[@]}"
relay_stories "${lanes[@]}"
done_testing
