#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# write.sh - copying into a mount: small files, a tree of sources from a tar, one large file; pinned, and as the
# scheduler likes
. "$(dirname "$0")/common.sh"

peers=(passthrough_ll passthrough_tuned overlay unionfs tmpfs)
named=(passthrough_ll=passthrough_ll 'passthrough_tuned=passthrough_ll, tuned' overlay=fuse-overlayfs unionfs=unionfs-fuse)

copy_small() { measure "$1" cp -r "$tree" "$at/copy"; }
copy_sources() { measure "$1" tar -C "$at" -xf "$shared/sources.tar"; }
copy_large() { measure "$1" cp "$tree/file" "$at/copy"; }
# copies WHAT ROUNDS
copies() {
	local i name
	for ((i = 0; i < $2; i++)); do
		blank_disc "$T/disc.iso"
		settle
		up_ours "$T/disc.iso" commit=manual && "copy_$1" ours
		down
		for name in "${peers[@]}"; do
			settle
			"up_$name" && "copy_$1" "$name"
			down
		done
	done
}
# all_of WHAT WORK ROUNDS AIM AIM_TMPFS
all_of() {
	local how
	"tree_$1"
	[[ $1 == sources && ! -e $shared/sources.tar ]] && tar -C "$tree" -cf "$shared/sources.tar" .
	for how in pinned unpinned; do
		say "write: $2, $how"
		taken=()
		[[ $how == pinned ]] && pin=("${pinned[@]}") || pin=()
		copies "$1" "$3"
		rows_of "$2, $how" ours "$4" "${named[@]}"
		row '' s "$(median ours)" tmpfs "$(median tmpfs)" "$5"
	done
}
all_of small "cp -r of $(grouped "$small") small files" "$heavy" 3.5 /3
all_of sources "tar x of $(grouped "$sources") sources" "$heavy" 2.5 ''
all_of large "cp of $(grouped "$large") MiB" "$heavy" 1.8 ''
end_section
