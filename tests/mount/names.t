#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# names.t - a disc's name is no proof, and neither are the names of sockets: what another user's mounts, listeners and
# connections can do to the commands, under a kernel of its own with two ordinary users
. "$(dirname "$0")/../lib.sh"
need_apart
relay names apart bash "$TOP/tests/mount/names-guest"
done_testing
