#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# drive.t - cdappendfs on a recorder: sessions that Linux's isofs and we read back equal, by turns with genisoimage
# and wodim, after a failed burn
. "$(dirname "$0")/../lib.sh"
need_uml
command -v wodim >/dev/null || skip_all 'no wodim'

read -ra stories <<<"${STORIES:-three checked ritual broken killed cd-rw dvd-r dvd-rw dvd+r bd-r dvd+rw dvd-ram bd-re dvd-rw-formatted}"	# STORIES="ritual" runs that one alone
ok 'the guest ran' in_uml -M 1200 -t 780 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/drive-guest" "${stories[@]}"
relay_stories "${stories[@]}"
done_testing
