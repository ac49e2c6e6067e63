#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kernel-dvd.t - as kernel.t, a sample of the other media
. "$(dirname "$0")/recorder.sh"
need_uml

recorder_guest 'drive-stories dvd-r dvd+rw'
done_testing
