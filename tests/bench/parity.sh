#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# parity.sh - a session with 10 % of parity, beside what others take for as much parity of the same data: par2 of the file,
# as it comes and with codewords as short as ours; dvdisaster (RS03, in a file beside) of the image; and what each takes
# in bytes
#
# Ours is the whole commit, which writes the data as well and reads it back; the others find them written.  par2 has
# 2,000 blocks by default, each of which goes into each of 200 of parity: minutes for 256 MiB.  So it is 64 MiB, and that
# of par2 as it comes is measured once.  BENCH_PARITY_MIB sets another size.  dvdisaster has no images that carry their
# parity below the size of a CD: they got ten times what was asked for, and took as long.
. "$(dirname "$0")/common.sh"

[[ ${BENCH_SCALE-} == small ]] && mib=32
mib=${BENCH_PARITY_MIB:-${mib:-64}}
tree=$T/protected
mkdir "$tree"
noise $((mib << 20)) 7 >"$tree/file"
pin=()	# by all processors

percent=10
parity_ours() {
	blank_disc "$T/disc.iso"
	up_ours "$T/disc.iso" "commit=manual,ecc=$percent"
	cp "$tree/file" "$at/file"
	measure ours "$BUILD/cdappendfs-sync" -q "$at"
	note_figure ours_bytes "$("$BUILD/cdappendfs-info" --json "$at" | json '$_->{sessions}[-1]{parity_bytes}')"
	down
}
parity_par2() { # KEY [OPTION]
	have par2 || return 0
	mkdir "$T/par2"
	cp "$tree/file" "$T/par2/file"
	measure "$1" par2 create -q -q -r$percent ${2:+"$2"} "$T/par2/file"
	note_figure "$1_bytes" "$(du -bc "$T"/par2/*.par2 | tail -n 1 | cut -f1)"
	rm -rf "$T/par2"
}
parity_dvdisaster() {
	have dvdisaster || return 0
	xorriso -as mkisofs -quiet -o "$T/plain.iso" "$tree" 2>/dev/null
	measure dvdisaster dvdisaster --regtest -i "$T/plain.iso" -e "$T/plain.ecc" -mRS03 -o file -n "$percent%" -x "$(nproc)" -c
	note_figure dvdisaster_bytes "$(stat -c %s "$T/plain.ecc")"
	rm -f "$T/plain.iso" "$T/plain.ecc"
}
say "parity: $(grouped "$mib") MiB, $percent %"
parity_par2 par2
for ((i = 0; i < heavy; i++)); do
	settle; parity_ours
	settle; parity_par2 short -b232
	settle; parity_dvdisaster
done
row "commit of $(grouped "$mib") MiB with $percent % parity, unpinned" s "$(median ours)" 'par2 create' "$(median par2)" 10
row '' s "$(median ours)" 'par2 create -b232' "$(median short)"
row '' s "$(median ours)" 'dvdisaster -mRS03' "$(median dvdisaster)" 2
row "bytes of $percent % parity" B "$(median ours_bytes)" 'par2 create' "$(median par2_bytes)" /1.1
row '' B "$(median ours_bytes)" 'par2 create -b232' "$(median short_bytes)"
row '' B "$(median ours_bytes)" 'dvdisaster -mRS03' "$(median dvdisaster_bytes)" /1.1
end_section
