#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# parents.t - more directories than a path table has numbers for parents: most have none in them, so they are taken,
# burned, and read by others; also when one of the last has one
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
make_them() { perl -e 'chdir shift or die; for my $p (0 .. 9) { mkdir $p or die "$p: $!"; for (0 .. 6999) { mkdir "$p/$_" or die "$p/$_: $!" } }' "$mnt"; }
# table: the path table as "NUMBER PARENT NAME", in its order
table() { isoinfo -p -i "$disc" | sed -nE 's/^ *([0-9]+): +([0-9]+) [0-9a-f]+ ?(.*)$/\1 \2 \3/p'; }
directories() { isoinfo -R -f -i "$disc" | wc -l; }

blank_disc "$disc"
mount_disc -o media=dvd "$disc"
patience 300
ok '70,010 directories, 11 of them with some' make_them
is 'that Windows opens no files in the last ones is told, once' "$(grep -c 'Windows cannot open files' "$log")" 1
ok 'burned' sync_disc
is 'each is in the path table' "$(table | wc -l)" 70011
is 'which has the usual order' "$(table | awk '$2 < last {n++} {last = $2} END {print NR, n + 0}')" '70011 0'
is 'isoinfo finds all' "$(directories)" 70010
ok 'one of the last gets one' mkdir "$mnt/9/6999/sub"
ok 'and one of the first' mkdir "$mnt/0/0/sub"
ok 'burned again' sync_disc
is 'each is in the path table' "$(table | wc -l)" 70013
is 'and its parent is what the number says' "$(table | awk '{name[$1] = $3} $3 == "SUB" {print $2 < 65536, name[$2]}' | sort | xargs)" '1 0 1 6999'
is 'isoinfo finds all' "$(directories)" 70012
is 'xorriso, too' "$(xorriso -abort_on FATAL -indev "$disc" -find / -type d 2>/dev/null | grep -c .)" 70013
ok 'and another session above that' mkdir "$mnt/9/6999/sub/sub"
rmdir "$mnt/0/0/sub"
ok 'burned a third time' sync_disc
is 'isoinfo finds all' "$(directories)" 70012
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
is 'so do we' "$(find "$mnt" -mindepth 1 -type d | wc -l)" 70012
ok 'unmount' umount_disc
done_testing
