#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# drive.t - cdappendfs on a recorder with CDs (drive-dvd.t: the other media): sessions that Linux's isofs and we read
# back equal, by turns with genisoimage and wodim, after a failed burn
. "$(dirname "$0")/../lib.sh"
need_uml
need wodim

read -ra stories <<<"${STORIES:-three checked added adopted ritual broken killed cd-rw}"	# STORIES="ritual" runs that one alone
ok 'the guest ran' in_uml -M 1200 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/drive-guest" "${stories[@]}"
relay_stories "${stories[@]}"
done_testing
