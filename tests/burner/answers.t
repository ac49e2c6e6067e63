#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# answers.t - drives that answer otherwise than ours: fields that are 0, all ones or absent, commands that they do not
# know.  Sessions are burned all the same, or what the drive said is told.  ANSWERS=all asks for the whole table.
. "$(dirname "$0")/recorder.sh"

read -ra stories <<<"${STORIES:-cd-r dvd+r dvd+rw dvd+r-closes cd-r-swap cd-r-broken cd-r-image lies-cd-r lies-dvd+r lies-dvd+rw}"
[[ ${ANSWERS-} != all ]] || : >"$T/all"
echo "${LIES:-12}" >"$T/lies"
recorder_stories answers-stories "${stories[@]}"
done_testing
