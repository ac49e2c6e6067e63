#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# drive.t - cdappendfs on a recorder, on all media: sessions that xorriso and we read back equal, checked, adopted, with
# parity; kernel.t and kernel-dvd.t are those that Linux's own drivers are asked for
. "$(dirname "$0")/recorder.sh"

read -ra stories <<<"${STORIES:-checked added adopted broken cd-rw dvd-rw dvd+r bd-r dvd-ram bd-re dvd-rw-formatted}"	# STORIES="cd-rw" runs that one alone
recorder_stories drive-stories "${stories[@]}"
done_testing
