#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# mount.sh - how long until one file deep in a disc of a million is known, and what is resident then
. "$(dirname "$0")/common.sh"

image_of "$million" 50 0
say 'mount'
for ((i = 0; i < rounds; i++)); do
	deep=$last
	up_ours "$image" ro && { note_figure ours "$(<"$T/appeared")"; note_figure ours.kib "$(resident_kib)"; }
	down
	up_fuseiso "$image" && { note_figure fuseiso "$(<"$T/appeared")"; note_figure fuseiso.kib "$(resident_kib)"; }
	down
	deep=''
	((i < heavy)) && measure xorriso xorriso -indev "$image" -lsl "/$last" --
done
row "mount, stat of a deep file, $(grouped "$million") files" s "$(median ours)" 'xorriso -indev' "$(median xorriso)" 50
row '' s "$(median ours)" fuseiso "$(median fuseiso)"
row 'resident then' KiB "$(median ours.kib)" 'xorriso -indev' "$(median xorriso.kib)" '<16384'
row '' KiB "$(median ours.kib)" fuseiso "$(median fuseiso.kib)"
end_section
