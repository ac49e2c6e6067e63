#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# drive-dvd.t - cdappendfs on a recorder with each medium that is no CD: sessions that Linux's isofs and we read back
# equal
. "$(dirname "$0")/../lib.sh"
need_uml

read -ra stories <<<"${STORIES:-dvd-r dvd-rw dvd+r bd-r dvd+rw dvd-ram bd-re dvd-rw-formatted}"	# STORIES="dvd-r" runs that one alone
ok 'the guest ran' in_uml -M 1200 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/drive-guest" "${stories[@]}"
relay_stories "${stories[@]}"
done_testing
