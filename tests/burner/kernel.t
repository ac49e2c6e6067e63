#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kernel.t - cdappendfs on a recorder behind Linux's own drivers: CDs that its isofs and we read back equal, by turns with
# genisoimage and wodim; a daemon that dies in a burn; drives in use, of which others have the name, to which a user has
# no right, without a tray
. "$(dirname "$0")/recorder.sh"
need_uml
need wodim

recorder_guest 'drive-stories three ritual killed' 'refusals-stories cd-r-empty cd-r-user' 'answers-stories cd-r-caddy' alone 'faults-stories cd-r-name'
done_testing
