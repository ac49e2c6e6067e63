#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# refusals.t - discs in a recorder to which nothing is added, each with its reason and what helps; ordinary users;
# signals
. "$(dirname "$0")/recorder.sh"

read -ra stories <<<"${STORIES:-cd-r-audio cd-r-open cd-r-full cd-r-hfs dvd+r-udf dvd+r-bridge dvd-rw-fast dvd-r-dl dvd+rw-other cd-r-other cd-r-signals}"
recorder_stories refusals-stories "${stories[@]}"
done_testing
