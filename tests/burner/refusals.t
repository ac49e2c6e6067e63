#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# refusals.t - discs in a recorder to which nothing is added, each with its reason and what helps; ordinary users;
# signals
. "$(dirname "$0")/../lib.sh"
need_uml

read -ra stories <<<"${STORIES:-cd-r-empty cd-r-audio cd-r-open cd-r-full cd-r-hfs dvd+r-udf dvd+r-bridge dvd-rw-fast dvd-r-dl dvd+rw-other cd-r-other cd-r-user cd-r-signals}"
ok 'the guest ran' in_uml -M 1400 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/refusals-guest" "${stories[@]}"
relay_stories "${stories[@]}"
done_testing
