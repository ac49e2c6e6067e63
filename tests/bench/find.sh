#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# find.sh - a walk with a stat of every file, from cold caches and again; a disc that genisoimage made, so that it is
# nobody's own
. "$(dirname "$0")/common.sh"

# walks KEY FILE: of what is up
walks() {
	cold "$2"
	measure "$1.cold" find "$at" -printf %s
	measure "$1.warm" find "$at" -printf %s
	note_figure "$1.kib" "$(resident_kib)"
}
iso_of() { # NAME FILES
	"$TOOLS/maketree" "$T/$1" "$2" 100 1000 1000 4 >/dev/null
	genisoimage -quiet -R -J -o "$T/$1.iso" "$T/$1" 2>/dev/null || { say 'genisoimage fails'; exit 1; }
}
say 'find: trees'
iso_of many "$files"
rm -rf "$T/many"
iso_of few "$small"
say 'find'
for ((i = 0; i < rounds; i++)); do
	up_ours "$T/many.iso" ro && walks ours "$T/many.iso"; down
	up_fuseiso "$T/many.iso" && walks fuseiso "$T/many.iso"; down
	up_ours "$T/few.iso" ro && walks few "$T/few.iso"; down
	up_passthrough_ll "$T/few" && walks pass "$T/few.iso"; down
done
row "find -printf %s, $(grouped "$files") files, cold" s "$(median ours.cold)" fuseiso "$(median fuseiso.cold)" 6
row 'again' s "$(median ours.warm)" fuseiso "$(median fuseiso.warm)" 8
row 'resident after it' KiB "$(median ours.kib)" fuseiso "$(median fuseiso.kib)"
row "find -printf %s, $(grouped "$small") files, cold" s "$(median few.cold)" passthrough_ll "$(median pass.cold)" 6
row 'again' s "$(median few.warm)" passthrough_ll "$(median pass.warm)" 8

say 'find, beside isofs'
if why=$(uml_missing); then
	say "isofs is left out: $why"
else
	while read -r key seconds; do note_figure "$key" "$seconds"; done < <(in_uml -M 1000 -t 600 "$here/isofs" "$T/many.iso" "$rounds" 2>"$T/isofs.log")
	[[ ${taken[isofs.warm]-} ]] || say "isofs failed: $(tail -n 5 "$T/isofs.log")"
fi
row "find, $(grouped "$files") files, in a guest, cold" s "$(median guest.cold)" "Linux' isofs" "$(median isofs.cold)" /2
row 'again' s "$(median guest.warm)" "Linux' isofs" "$(median isofs.warm)" /2
end_section
