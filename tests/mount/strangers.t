#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# strangers.t - two ordinary users under a kernel of its own: what one has staged goes into no file of the other, and no stage
# is used where the other could exchange it
. "$(dirname "$0")/../lib.sh"
need_apart
chmod 755 "$T"
relay strangers apart "$TOP/tests/mount/strangers-guest"
done_testing
