#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# check.sh - a disc is checked, beside sha256sum of its image
. "$(dirname "$0")/common.sh"

say 'check: a disc of our own'
tree_large
disc=$T/checked.iso
blank_disc "$disc"
up_ours "$disc" && cp "$tree/file" "$at/file" && down_committed
say 'check'
pin=()	# by all processors
for ((i = 0; i < heavy; i++)); do
	cold "$disc"
	measure ours "$BUILD/cdappendfs-check" --quiet --state="$T/checks" "$disc"
	cold "$disc"
	measure sha256sum sha256sum "$disc"
	cold "$disc"
	measure openssl openssl dgst -sha256 "$disc"
	cold "$disc"
	measure dd dd "if=$disc" of=/dev/null bs=1M
done
row "check of $(grouped "$large") MiB, cold, unpinned" s "$(median ours)" sha256sum "$(median sha256sum)" 1.7
row '' s "$(median ours)" 'openssl dgst -sha256' "$(median openssl)"
row '' s "$(median ours)" 'dd, the disk alone' "$(median dd)"
end_section
