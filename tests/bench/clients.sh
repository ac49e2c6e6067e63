#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# clients.sh - eight programs at once: names made, changed and removed, and writes of 4 KiB; pinned, and as the
# scheduler likes
. "$(dirname "$0")/common.sh"

eight() { # WORK HOW TURNS
	local i name
	taken=()
	say "clients: $1, $2"
	[[ $2 == pinned ]] && pin=("${pinned[@]}") || pin=()
	for ((i = 0; i < rounds; i++)); do
		blank_disc "$T/disc.iso"
		settle
		up_ours "$T/disc.iso" commit=manual && measure ours "$TOOLS/clients" "$at" 8 "$1" "$3"
		down
		for name in passthrough_ll overlay; do
			settle
			"up_$name" && measure "$name" "$TOOLS/clients" "$at" 8 "$1" "$3"
			down
		done
	done
	rows_of "8 clients, $1, $2" ours 2.5 passthrough_ll=passthrough_ll overlay=fuse-overlayfs
}
for how in pinned unpinned; do
	eight metadata $how "$turns"
	eight writes $how "$turns"
done
end_section
