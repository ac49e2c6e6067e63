#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kit.t - -o kit: a manual, the format and a reader on the disc, burned once; with them alone the disc is restored
. "$(dirname "$0")/../lib.sh"
need python3

disc=$T/disc.iso kit=$mnt/cdappendfs-kit
staged() { info_json '$_->{staged_bytes}' "$mnt"; }
data_blocks() { bounded 60 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '$_->{data_bytes} / 2048'; }
no_kit() { grep -c 'no kit is put on the disc' "$log"; }

# ---- on a blank disc, beside a tree
mount_disc -o create,kit "$disc"
make_odd_tree "$mnt/odd" special
is 'three files' "$(cd "$kit" && echo *)" 'FORMAT.txt READ-ME.txt cdappendfs-read.py'
same_file 'the reader' "$kit/cdappendfs-read.py" "$TOP/fs/kit/cdappendfs-read.py"
same_file 'the manual' "$kit/READ-ME.txt" "$TOP/fs/kit/manual.txt"
same_file 'the format is that of the sources' "$kit/FORMAT.txt" <("$TOP/fs/kit/format")
like 'it has what stands in SESSION.md' "$(<"$kit/FORMAT.txt")" 'A session without a valid record did not happen'
like 'and the bytes' "$(<"$kit/FORMAT.txt")" 'magic "CDAPPENDFS-END 1"'
is 'and no more' "$(grep -c 'Part two: reasons' "$kit/FORMAT.txt")" 0
is 'modes' "$(stat -c %a "$kit" "$kit"/* | paste -sd' ')" '755 644 644 755'
tree_digest "$mnt" >"$T/want"
ok 'a session' umount_disc

# ---- what others make of it: Linux is in kernel.t; the reader of the disc restores the disc
ok 'xorriso gives the kit out' xorriso -osirrox on -indev "$disc" -extract /cdappendfs-kit "$T/kit"
ok 'the reader from the disc restores it' bounded 60 python3 "$T/kit/cdappendfs-read.py" "$disc" "$T/restored"
tree_digest "$T/restored" >"$T/got"
same_listing 'all of it' "$T/want" "$T/got"

# ---- later sessions
mount_disc -o kit "$disc"
is 'it is there: nothing is staged' "$(staged)" 0
echo more >"$mnt/more"
is 'one block of data is burned, none of the kit' "$(data_blocks)" 1
rm -r "$kit"
ok 'it can be removed' umount_disc
mount_disc "$disc"
ok 'and stays so' test ! -e "$kit"
ok 'unmount' umount_disc
mount_disc -o kit "$disc"
ok 'until it is asked for again' test -s "$kit/cdappendfs-read.py"
is 'its content is found on the disc' "$(data_blocks)" 0
# as an older version would have left it
printf 'cdappendfs-read.py of another version\n' >"$kit/cdappendfs-read.py"
ok 'a session with another version' umount_disc
mount_disc -o kit "$disc"
same_file 'which is replaced' "$kit/cdappendfs-read.py" "$TOP/fs/kit/cdappendfs-read.py"
is 'nothing else is in the way' "$(ls -A "$kit" | wc -l)" 3
ok 'unmount' umount_disc

# ---- where it cannot be
blank_disc "$T/taken.iso"
mount_disc "$T/taken.iso"
mkdir "$kit"
echo mine >"$kit/READ-ME.txt"
ok 'a session' umount_disc
mount_disc -o kit "$T/taken.iso"
is "somebody's file of that name stays" "$(<"$kit/READ-ME.txt")" mine
is 'that is said' "$(no_kit)" 1
rm -r "$kit"
ln -s odd "$kit"
ok 'a session with a link there' umount_disc
mount_disc -o kit "$T/taken.iso"
is 'a link stays' "$(readlink "$kit")" odd
like 'and is said' "$(cat "$log")" "no kit is put on the disc: 'cdappendfs-kit' is there already, and is something else"
ok 'unmount' umount_disc
mount_disc -o ro,kit "$T/taken.iso"
like 'read-only' "$(cat "$log")" 'no kit is put on the disc: Read-only'
ok 'unmount' umount_disc
blank_disc "$T/small.iso"
mount_disc -o media=512K "$T/small.iso"
noise 250000 1 >"$mnt/large"
ok 'a session' umount_disc
mount_disc -o kit "$T/small.iso"
is 'a disc without room: said, and mounted' "$(no_kit)" 1
ok 'no part of a file is left' test ! -e "$kit/.cdappendfs-kit.new" -a ! -e "$kit/cdappendfs-read.py"
echo fits >"$mnt/fits"
ok 'and burned' umount_disc
genisoimage -quiet -R -J -o "$T/foreign.iso" "$T/restored/odd/a dir with spaces" 2>/dev/null
mount_disc -o kit "$T/foreign.iso"
ok "another program's disc" umount_disc
mount_disc -o ro "$T/foreign.iso"
same_file 'has it, too' "$kit/READ-ME.txt" "$TOP/fs/kit/manual.txt"
ok 'unmount' umount_disc
done_testing
