#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# whole.t - a disc that is nearly full, and a session that cannot, or would rather not, leave directories where they are
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
many() { local i; mkdir "$2"; for ((i = 1; i <= $1; i++)); do : >"$2/a name that is so long that it takes its place, number $i"; done; }
fill() { head -c 20000000 /dev/urandom 2>"$T/told" >"$mnt/$1"; grep -q 'No space left' "$T/told"; }
listing() { (cd "$mnt" && find . -printf '%y %s %p\n') | LC_ALL=C sort | sha256sum; }
last_session() { info_json '$_->{sessions}[-1]{sectors}' "$mnt"; }

# ---- tree=auto: a session burns that leaves less than 1 MiB of tree.  What comes meanwhile is accepted for a linked tree; after it a whole one would be due.
blank_disc "$disc"
mount_disc -o media=8M,speed=0.25 "$disc"
many 2800 "$mnt/stays"
many 2000 "$mnt/goes"
ok 'auto: first session' sync_disc
noise 1500000 1 >"$mnt/data"
rm "$mnt/goes"/*
before=$(apparent_size "$disc")
sync_disc & background=$!
grown() { (($(apparent_size "$disc") > before + 100000)); }
ok 'auto: it burns' until_true 30 grown
ok 'auto: refused with ENOSPC while it burns' fill 'while it burns'
ok 'auto: it still burns' alive "$background"
ok 'auto: the session under way' await "$background"
listing=$(listing)
is 'auto: what was accepted fits' "$("$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{fits}')" true
ok 'auto: and is burned' sync_disc
is 'auto: whole' "$(listing)" "$listing"
ok 'auto: unmount' umount_disc

# ---- the disc's path tables are damaged: nothing can stay where it is, which the commit finds out
damage_table() {
	local lba
	lba=$(od -An -tu4 -j $((16 * 2048 + 140)) -N 4 "$disc")
	printf X | dd of="$disc" bs=1 seek=$((lba * 2048 + 18)) conv=notrunc status=none
}
blank_disc "$disc"
mount_disc -o media=8M,tree=linked "$disc"
many 3000 "$mnt/stays"
ok 'damaged: first session' sync_disc
whole=$(last_session)
ok 'damaged: unmount' umount_disc
damage_table
mount_disc -o media=8M,tree=linked "$disc"
for i in 1 2 3; do noise 500000 "$i" >"$mnt/data $i"; done
ok 'damaged: filled' fill data
listing=$(listing)
fails 'damaged: the commit is refused' 1 sync_disc
like 'damaged: for want of room, with the cause' "$(<"$T/ok.output")" 'does not fit.*with all directories of the disc: what it says of them is damaged'
like 'damaged: and with what can be done' "$(<"$T/ok.output")" 'nothing was lost.*delete some of them.*--discard'
is 'damaged: nothing is lost' "$(listing)" "$listing"
is 'damaged: df knows now' "$(stat -f -c %a "$mnt")" 0
ok 'damaged: a further byte is refused at once' eval '! { echo >"$mnt/more"; } 2>/dev/null && rm -f "$mnt/more"'
rm "$mnt/data 1"
fails 'damaged: not enough was deleted' 1 sync_disc
like 'damaged: the cause, again' "$(<"$T/ok.output")" 'with all directories of the disc: what it says of them is damaged'
kill_daemon
mount_disc -o media=8M,tree=linked "$disc"
rm "$mnt/data 2" "$mnt/data 3"
listing=$(listing)
ok 'damaged: with less it is burned' sync_disc
is 'damaged: whole' "$(listing)" "$listing"
cmp_number 'damaged: with the whole tree' "$(last_session)" -gt "$whole"
echo more >"$mnt/data 1"
ok 'damaged: the next session' sync_disc
cmp_number 'damaged: is linked' "$(last_session)" -lt 100
fails 'the whole tree on request does not fit' 1 "$BUILD/cdappendfs-sync" --full-tree "$mnt"
like 'and it says so' "$(<"$T/ok.output")" 'with all directories of the disc, as was asked for'
ok 'damaged: unmount' umount_disc
done_testing
