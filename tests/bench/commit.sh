#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# commit.sh - sessions of what write.sh copies; read back and compared, and without (noverify), as xorriso and dd do it
#
# All end with what they wrote on the disk: xorriso by -stdio_sync end (one fsync; its default is one each 16 MiB),
# dd by conv=fsync, ours in any case.
. "$(dirname "$0")/common.sh"

commit_ours() { # KEY OPTIONS
	blank_disc "$T/disc.iso"
	up_ours "$T/disc.iso" "commit=manual$2"
	cp -r "$tree" "$at/tree"
	measure "$1" "$BUILD/cdappendfs-sync" -q "$at"
	down
}
commit_xorriso() {
	rm -f "$T/xorriso.iso"
	measure xorriso xorriso -stdio_sync end -joliet on -outdev "$T/xorriso.iso" -map "$tree" /tree -commit
	rm -f "$T/xorriso.iso"
}
# commits WHAT WORK ROUNDS
commits() {
	local i key
	"tree_$1"
	taken=()
	say "commit: $2"
	for ((i = 0; i < $3; i++)); do
		settle; commit_ours noverify ,noverify
		settle; commit_ours verified ''
		settle; commit_xorriso
		settle
		cat "$T/disc.iso" >/dev/null	# was written past the kernel's cache, perhaps
		measure dd dd "if=$T/disc.iso" "of=$T/raw" bs=1M conv=fsync
		rm -f "$T/raw"
	done
	for key in noverify verified; do
		row "commit of $2, $key" s "$(median $key)" 'xorriso -commit' "$(median xorriso)" 3
		row '' s "$(median $key)" 'dd of as much' "$(median dd)" /1.5
	done
}
commits small "$(grouped "$small") small files" "$rounds"
commits sources "$(grouped "$sources") sources" "$rounds"
commits large "$(grouped "$large") MiB" "$heavy"
end_section
