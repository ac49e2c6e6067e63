#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# parity.sh - a session with 10 % of parity, beside what others take for as much parity of the same data: par2 of the file,
# dvdisaster (RS03, inside of the image) of the image; and what each takes in bytes
#
# Ours is the whole commit, which writes the data as well; the others find them written.  256 MiB: par2 takes minutes for
# more; BENCH_PARITY_MIB sets another size.
. "$(dirname "$0")/common.sh"

[[ ${BENCH_SCALE-} == small ]] && mib=32
mib=${BENCH_PARITY_MIB:-${mib:-256}}
tree=$T/protected
mkdir "$tree"
noise $((mib << 20)) 7 >"$tree/file"
pin=()	# by all processors

percent=10
parity_ours() {
	blank_disc "$T/disc.iso"
	up_ours "$T/disc.iso" "commit=manual,noverify,ecc=$percent"
	cp "$tree/file" "$at/file"
	measure ours "$BUILD/cdappendfs-sync" -q "$at"
	note_figure ours_bytes "$("$BUILD/cdappendfs-info" --json "$at" | json '$_->{sessions}[-1]{parity_bytes}')"
	down
}
parity_par2() {
	have par2 || return 0
	mkdir "$T/par2"
	cp "$tree/file" "$T/par2/file"
	measure par2 par2 create -q -q -r$percent "$T/par2/file"
	note_figure par2_bytes "$(du -bc "$T"/par2/*.par2 | tail -n 1 | cut -f1)"
	rm -rf "$T/par2"
}
parity_dvdisaster() {
	have dvdisaster || return 0
	xorriso -as mkisofs -quiet -o "$T/plain.iso" "$tree" 2>/dev/null
	local blocks=$(($(stat -c %s "$T/plain.iso") / 2048))
	measure dvdisaster dvdisaster --regtest -i "$T/plain.iso" -mRS03 -n $((blocks * (100 + percent) / 100 + 2000)) -c
	note_figure dvdisaster_bytes $(($(stat -c %s "$T/plain.iso") - blocks * 2048))
	rm -f "$T/plain.iso"
}
say "parity: $(grouped "$mib") MiB, $percent %"
for ((i = 0; i < heavy; i++)); do
	settle; parity_ours
	settle; parity_par2
	settle; parity_dvdisaster
done
row "commit of $(grouped "$mib") MiB with $percent % parity, unpinned" s "$(median ours)" 'par2 create' "$(median par2)" 10
row '' s "$(median ours)" 'dvdisaster -mRS03' "$(median dvdisaster)" 2
row "bytes of $percent % parity" B "$(median ours_bytes)" 'par2 create' "$(median par2_bytes)" /1.1
row '' B "$(median ours_bytes)" 'dvdisaster -mRS03' "$(median dvdisaster_bytes)" /1.1
end_section
