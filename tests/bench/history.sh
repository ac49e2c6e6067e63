#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# history.sh - how long until the first session of a disc of a million files and 200 sessions is entered, and what is read
. "$(dirname "$0")/common.sh"

sessions=200
[[ ${BENCH_SCALE-} == small ]] && sessions=20
image_of "$million" 50 0
say "making $sessions sessions"
cp "$image" "$T/history.iso"
up_ours "$T/history.iso" noverify,tree=linked
for ((i = 2; i <= sessions; i++)); do
	echo "$i" >"$at/number"
	sync_disc "$at" || { say 'no session'; exit 1; }
done
down_committed
sector=$(info_json '$_->{sessions}[0]{sbsector}' "$T/history.iso")
say 'history'
read_kib() { awk '$1 == "rchar:" {printf "%.1f", $2 / 1024}' "/proc/${pid_of[$at]}/io"; }
for ((i = 0; i < rounds; i++)); do
	up_ours "$T/history.iso" ro
	before=$(read_kib)
	measure ours stat "$at/.sessions/1/$last"
	note_figure ours.read "$(awk -v a="$(read_kib)" -v b="$before" 'BEGIN {print a - b}')"
	down
	((i < heavy)) && measure xorriso xorriso -load sbsector "$sector" -indev "$T/history.iso" -lsl "/$last" --
done
row "session 1 of $sessions entered, $(grouped "$million") files" s "$(median ours)" 'xorriso -load sbsector' "$(median xorriso)" 50
row 'read for it' KiB "$(median ours.read)" '' - '<1024'
end_section
