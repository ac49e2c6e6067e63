#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# copy.t - cdappendfs-copy: a disc in a recorder becomes an image with all its sessions, around what cannot be read
. "$(dirname "$0")/recorder.sh"

read -ra stories <<<"${STORIES:-cd-r-copy dvd+rw-copy dvd-r-copy}"
recorder_stories copy-stories "${stories[@]}"
done_testing
