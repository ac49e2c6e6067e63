#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# told.t - what scripts may ask of files: user.cdappendfs.session, .lba, .sections, .staged, .shared, and .status of the root; nobody
# sets or copies them
. "$(dirname "$0")/../lib.sh"
need getfattr setfattr rsync xorriso

disc=$T/disc.iso
told() { echo "$(getfattr --absolute-names --only-values -n "user.cdappendfs.$2" "$1" 2>&1 | sed 's/.*: No such attribute/none/')"; }
all() { for name in session lba sections staged shared; do told "$1" "$name"; done | paste -sd' '; }
status() { told "$mnt" status | json "$1"; }

blank_disc "$disc"
mount_disc -o share=blocks "$disc"
is 'a blank disc' "$(status 'join " ", map { $_ // "null" } @$_{qw(session changed staged_bytes phase read_only)}')" 'null 0 0 idle 0'
mkdir "$mnt/dir"
noise 3000000 1 >"$mnt/dir/file"
: >"$mnt/empty"
ln -s file "$mnt/dir/link"
is 'a new file' "$(all "$mnt/dir/file")" 'none none 0 content 0'
is 'something is staged' "$(status '"$_->{changed} " . ($_->{staged_bytes} >= 3000000)')" '1 1'
ok 'a session' sync_disc
lba=$(told "$mnt/dir/file" lba)
is 'it is burned' "$(all "$mnt/dir/file")" "1 $lba 1 no 0"
ok 'and there' cmp "$mnt/dir/file" <(dd if="$disc" bs=2048 skip="$lba" status=none | head -c 3000000)
is 'xorriso knows that block' "$(xorriso -indev "$disc" -find /dir/file -exec report_lba -- 2>"$T/words" | awk -F, '/File data lba/ {print $2 + 0}')" "$lba"
is 'an empty one has no place' "$(all "$mnt/empty")" 'none none 0 no 0'
like 'a directory has one' "$(all "$mnt/dir")" '^1 [0-9]+ none no none$'
is 'nothing is staged' "$(status 'join " ", @$_{qw(session changed staged_bytes)}')" '1 0 0'

# ---- changed since
chmod 600 "$mnt/dir/file"
is 'its mode' "$(all "$mnt/dir/file")" "1 $lba 1 attributes 0"
printf more >>"$mnt/dir/file"
is 'its content: what is on the disc is shared by the session to come' "$(all "$mnt/dir/file")" "1 $lba 1 content 2998272"
is 'its directory' "$(told "$mnt/dir" staged)" content
ok 'a session' sync_disc
is 'in two pieces, of two sessions' "$(all "$mnt/dir/file")" "2 $lba 2 no 2998272"
mv "$mnt/dir/file" "$mnt/renamed"
is 'renamed' "$(told "$mnt/renamed" staged)" attributes
ok 'a session' sync_disc
is 'all of it is older' "$(all "$mnt/renamed")" "2 $lba 2 no 3000004"
is 'the status' "$(status 'join " ", map { $_ // "null" } @$_{qw(session phase)}')" '3 idle'
is 'of nothing else' "$(told "$mnt/renamed" status)" none
is 'as it was in session 1' "$(all "$mnt/.sessions/1/dir/file")" "1 $lba 1 no 0"
is 'in session 2' "$(all "$mnt/.sessions/2/dir/file")" "2 $lba 2 no 2998272"
is 'the first session itself' "$(told "$mnt/.sessions/1" session)" 1
is '.sessions has none' "$(all "$mnt/.sessions")" 'none none none none none'

# ---- nobody sets them, nobody copies them
for name in session lba sections staged shared status; do
	for what in "$mnt" "$mnt/renamed"; do
		fails "$name is not set" 1 setfattr -n "user.cdappendfs.$name" -v 1 "$what"
		like 'which is not permitted' "$(cat "$T/ok.output")" 'Operation not permitted'
	done
	fails "$name is not removed" 1 setfattr -x "user.cdappendfs.$name" "$mnt/renamed"
	like 'which is not permitted either' "$(cat "$T/ok.output")" 'Operation not permitted'
done
is 'nothing was staged by that' "$(status '$_->{changed}')" false
ok 'how a file is compressed is set' setfattr -n user.cdappendfs.compress -v no "$mnt/renamed"
is 'and is in the list, alone' "$(getfattr --absolute-names -m - "$mnt/renamed" | grep user | paste -sd' ')" user.cdappendfs.compress
setfattr -x user.cdappendfs.compress "$mnt/renamed"
ok 'rsync' rsync -aX "$mnt/" "$T/copy/"
ok 'cp' cp -a "$mnt/renamed" "$T/copied"
ok 'tar' tar -C "$mnt" --xattrs --xattrs-include='*' -cf "$T/tar" .
silent 'has copied none' getfattr -h -R --absolute-names -m - "$T/copy" "$T/copied"
none 'nor has tar' "$(strings "$T/tar" | grep cdappendfs)"
ok 'unmount' umount_disc

# ---- read-only, an older session, other programs'
mount_disc -o session=2 "$disc"
is 'an older session' "$(all "$mnt/dir/file")" "2 $lba 2 no 2998272"
is 'its status' "$(status 'join " ", map { $_ // "null" } @$_{qw(session read_only)}')" '2 1'
ok 'unmount' umount_disc
mkdir "$T/in"
noise 100000 7 >"$T/in/a"
xorriso -outdev "$T/theirs.iso" -map "$T/in/a" /a -commit -map "$T/in/a" /b -commit >"$T/words" 2>&1
mount_disc "$T/theirs.iso"
is 'of the first session of xorriso' "$(told "$mnt/a" session) $(told "$mnt/a" shared)" '1 100000'
is 'of its second' "$(told "$mnt/b" session) $(told "$mnt/b" shared)" '2 0'
ok 'unmount' umount_disc
done_testing
