#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# burn.sh - a session into a recorder: emulated, without any time of its own, so that the programs are what is measured
. "$(dirname "$0")/common.sh"

if why=$(uml_missing); then
	say "burning is left out: $why"
else
	say 'burn'
	for ((i = 0; i < heavy; i++)); do
		while read -r name writing all; do
			note_figure "writing.$name" "$writing"
			note_figure "all.$name" "$all"
		done < <(in_uml -M 1000 -t 600 -m tcm_loop -m target_core_user -m sr_mod -m sg "$here/burning" "$burned" 2>"$T/burning.log")
	done
	[[ ${taken[all.wodim]-} ]] || say "burning failed: $(tail -n 5 "$T/burning.log")"
fi
row "CD-R, $burned MB: writing" s "$(median writing.noverify)" cdrskin "$(median writing.cdrskin)"
row '' s "$(median writing.noverify)" wodim "$(median writing.wodim)"
row 'the whole command, noverify' s "$(median all.noverify)" cdrskin "$(median all.cdrskin)"
row 'the whole command, verified' s "$(median all.verify)" 'cdrskin, unverified' "$(median all.cdrskin)"
end_section
