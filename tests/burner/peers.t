#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# peers.t - the emulated recorder is a recorder for those who did not write it: wodim, cdrskin, xorriso, growisofs,
# dvd+rw-mediainfo burn, append, blank, format and report on every medium, and Linux mounts what they burned
. "$(dirname "$0")/../lib.sh"
need_uml
need wodim cdrskin xorriso growisofs dvd+rw-mediainfo genisoimage

# Short lower-case names: Linux since 6.1.175 loses Rock Ridge in later sessions of mkisofs and xorriso.
for round in 1 2 3 4; do
	mkdir -p "$T/trees/$round"
	((round == 1)) || cp -a "$T/trees/$((round - 1))/." "$T/trees/$round"
	mkdir -p "$T/trees/$round/round$round/sub"
	for i in 1 2 3; do noise $((i * 123457)) $((round * 10 + i)) >"$T/trees/$round/round$round/sub/n$i.bin"; done
	echo "round $round" >"$T/trees/$round/round$round/note.txt"
	printf x >"$T/trees/$round/round$round/x.one"
done
read -ra lanes <<<"${LANES:-cd-r-wodim dvd+rw bd-r fault-power}"	# a sample; LANES=all is all of them
[[ ${LANES-} != all ]] || lanes=(cd-r-wodim cd-r-cdrskin cd-rw dvd-r dvd+r bd-r dvd-rw dvd-rw-ro dvd+rw dvd-ram bd-re fault-burn fault-power fault-power-cd)
ok 'the guest ran' in_uml -M 1200 -m tcm_loop -m target_core_user -m sr_mod -m sg "$TOP/tests/burner/peers-guest" "${lanes[@]}"
for tap in "$T"/*.tap; do
	lane=$(basename "$tap" .tap)
	before=$failures
	relay "$lane" cat "$tap"
	((failures == before)) || note "$(grep -a -A 12 -e '^== not there' -e '^== status [1-9]' "$T/$lane.log" | cut -c1-160 | head -n 120)"
done
is 'every medium had its lane' "$(ls "$T"/*.tap | wc -l)" ${#lanes[@]}
done_testing
