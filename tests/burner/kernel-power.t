#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kernel-power.t - as kernel.t, a drive that loses its power: Linux takes its device away
. "$(dirname "$0")/recorder.sh"
need_uml

recorder_guest 'faults-stories dvd+r-power'
done_testing
