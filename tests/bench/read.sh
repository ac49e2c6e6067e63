#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# read.sh - a large file from end to end and in pieces of 4 KiB from all over it; a disc that genisoimage made
#
# Cold: neither the file's nor the image's pages are in the kernel's cache.  Cached image: the file's are not, the
# image's are, so that the server is what is measured.
. "$(dirname "$0")/common.sh"

# reads KEY FILE BELOW: FILE is served from BELOW
reads() {
	cold "$3" "$2"
	measure "$1.cold" dd "if=$2" of=/dev/null bs=1M
	measure "$1.warm" dd "if=$2" of=/dev/null bs=1M
	dd if="$2" iflag=nocache count=0 status=none
	cat "$3" >/dev/null
	measure "$1.cached" dd "if=$2" of=/dev/null bs=1M
	dd if="$2" iflag=nocache count=0 status=none
	[[ $3 == "$2" ]] && cat "$3" >/dev/null
	measure "$1.pick" "$TOOLS/pick" "$2" "$picks"
	cold "$3" "$2"
	measure "$1.cold_pick" "$TOOLS/pick" "$2" "$picks"
}
# rows_by WORK KEY AIM_PASSTHROUGH AIM_FUSEISO
rows_by() {
	row "$1" s "$(median "ours.$2")" passthrough_ll "$(median "pass.$2")" "$3"
	row '' s "$(median "ours.$2")" 'passthrough_ll, tuned' "$(median "tuned.$2")"
	row '' s "$(median "ours.$2")" fuseiso "$(median "fuseiso.$2")" "$4"
	row '' s "$(median "ours.$2")" 'the image itself' "$(median "image.$2")"
}
say 'read: an image'
tree_large
genisoimage -quiet -R -J -o "$T/large.iso" "$tree" 2>/dev/null || { say 'genisoimage fails'; exit 1; }
say 'read'
# Once before, so that nobody is the first to ask the disk (and caches of a virtual one) for it
cold "$T/large.iso" "$tree/file"
cat "$T/large.iso" "$tree/file" >/dev/null
for ((i = 0; i < heavy; i++)); do
	up_ours "$T/large.iso" ro && reads ours "$at/file" "$T/large.iso"; down
	up_passthrough_ll "$tree" && reads pass "$at/file" "$tree/file"; down
	up_passthrough_tuned "$tree" && reads tuned "$at/file" "$tree/file"; down
	up_fuseiso "$T/large.iso" && reads fuseiso "$at/file" "$T/large.iso"; down
	reads image "$T/large.iso" "$T/large.iso"
done
rows_by "read of $(grouped "$large") MiB, cold" cold 1.8 ''
rows_by 'cached image' cached '' ''
rows_by 'warm' warm 5 ''
rows_by "$(grouped "$picks") reads of 4 KiB, cold" cold_pick '' 2
rows_by 'cached image' pick '' 2
end_section
