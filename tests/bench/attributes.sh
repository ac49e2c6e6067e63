#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# attributes.sh - directories of 100 files with extended attributes and ACLs are listed (ls -l asks for an ACL of each file)
# and their attributes read, beside passthrough_ll over the same files, and fuseiso, which knows none
. "$(dirname "$0")/common.sh"

count=4000
[[ ${BENCH_SCALE-} == small ]] && count=400
tree=$T/attributed
"$TOOLS/maketree" "$tree" "$count" 100 100 3000 6 >/dev/null
find "$tree" -type f -exec setfattr -n user.origin -v 'https://example.org/a/place/of/some/length' {} + -exec setfattr -n user.checked -v yes {} +
find "$tree" -type f -exec setfacl -m u:1234:r {} +
disc=$T/attributes.iso
blank_disc "$disc"
up_ours "$disc" && cp -a "$tree" "$at/tree" && down_committed

work() { # KEY DIRECTORY
	measure "$1.ls" ls -lR "$2"
	measure "$1.again" ls -lR "$2"
	measure "$1.get" getfattr -R -d -m - "$2"
}
for ((i = 0; i < rounds; i++)); do
	up_ours "$disc" ro && work ours "$at/tree"; down
	tuning=xattr up_passthrough_ll "$tree" && work pass "$at"; down
	up_fuseiso "$disc" && measure fuseiso.ls ls -lR "$at/tree" && measure fuseiso.again ls -lR "$at/tree"; down
done
for key in ls again; do
	case $key in ls) what="ls -lR of $(grouped "$count") files with attributes" ;; again) what=again ;; esac
	row "$what" s "$(median ours.$key)" passthrough_ll "$(median pass.$key)"
	row '' s "$(median ours.$key)" fuseiso "$(median fuseiso.$key)"
done
row 'getfattr -R of them' s "$(median ours.get)" passthrough_ll "$(median pass.get)"
end_section
