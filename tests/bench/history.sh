#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# history.sh - how long until the first session of a disc of a million files and 200 sessions is entered, and what is
# read for it; what is asked of all sessions: log, diff, find
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
# What a peer does for it: one session is read, and listed; for a diff two are, and compared
newest=$(info_json '$_->{sessions}[-1]{sbsector}' "$T/history.iso")
listing() { xorriso -load sbsector "$1" -indev "$T/history.iso" -find / -exec lsdl -- 2>/dev/null; }
listings_differ() { listing "$1" >"$T/first"; listing "$2" >"$T/second"; diff "$T/first" "$T/second"; [[ $? == 1 ]]; }
export -f listing listings_differ
for ((i = 0; i < rounds; i++)); do
	measure diff sh -c "'$BUILD/cdappendfs-diff' '$T/history.iso' 1 latest; test \$? = 1"
	measure log "$BUILD/cdappendfs-log" "$T/history.iso"
	measure newest "$BUILD/cdappendfs-log" --max=1 "$T/history.iso"
	up_ours "$T/history.iso" ro
	measure versions "$BUILD/cdappendfs-log" "$at/number"
	down
	measure find "$BUILD/cdappendfs-find" --name=number "$T/history.iso"
	((i < heavy)) || continue
	measure all "$BUILD/cdappendfs-find" "$T/history.iso"
	measure xorriso.find xorriso -load sbsector "$sector" -indev "$T/history.iso" -find / -name number --
	measure xorriso.diff bash -c "listings_differ $sector $newest"
done
row "session 1 of $sessions entered, $(grouped "$million") files" s "$(median ours)" 'xorriso -load sbsector' "$(median xorriso)" 50
row 'read for it' KiB "$(median ours.read)" '' - '<1024'
row "diff of sessions 1 and $sessions" s "$(median diff)" 'xorriso, both listed, and diff' "$(median xorriso.diff)" 20
row resident KiB "$(median diff.kib)" xorriso "$(median xorriso.diff.kib)"
row "log of the newest session" s "$(median newest)" '' -
row "log of all $sessions" s "$(median log)" '' -
row 'versions of a file in all of them' s "$(median versions)" '' -
row "find --name in $sessions sessions" s "$(median find)" 'xorriso -find, in one' "$(median xorriso.find)" 1
row resident KiB "$(median find.kib)" xorriso "$(median xorriso.find.kib)"
row 'find of everything' s "$(median all)" '' -
row resident KiB "$(median all.kib)" '' -
end_section
