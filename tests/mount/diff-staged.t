#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diff-staged.t - cdappendfs-diff of what is staged, of a path in it by both of its names, of paths that are nowhere; of a directory that
# was removed and made anew; of one of which a block is zeros
. "$(dirname "$0")/../lib.sh"
need genisoimage isoinfo

disc=$T/disc.iso
differences() { bounded 60 "$BUILD/cdappendfs-diff" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt"; }

# ---- below a directory that was renamed
blank_disc "$disc"
mount_disc "$disc"
mkdir -p "$mnt/d/deep" "$mnt/e"
for f in x same gone deep/y; do echo "$f" >"$mnt/d/$f"; done
echo f >"$mnt/e/f"
ok 'a session' burn
mv "$mnt/d" "$mnt/dd"
echo c >>"$mnt/dd/x"
echo c >>"$mnt/dd/deep/y"
rm "$mnt/dd/gone"
echo n >"$mnt/dd/new"
mkdir "$mnt/d"
echo o >"$mnt/d/other"
below_both() {
	is "$1: by the old name of a file" "$(differences "$mnt/d/x" "${@:2}")" $'R  d/ -> dd/\nM  dd/x'
	is "$1: by the new one" "$(differences "$mnt/dd/x" "${@:2}")" $'R  d/ -> dd/\nM  dd/x'
	is "$1: one that came along with its directory" "$(differences "$mnt/dd/same" "${@:2}")" 'R  d/ -> dd/'
	is "$1: one that is gone, by the name that it had" "$(differences "$mnt/d/gone" "${@:2}")" 'D  d/gone'
	is "$1: a directory in it" "$(differences "$mnt/d/deep" "${@:2}")" $'R  d/ -> dd/\nM  dd/deep/y'
	is "$1: the new name of the directory" "$(differences "$mnt/dd" "${@:2}")" $'D  d/gone\nR  d/ -> dd/\nM  dd/deep/y\nA  dd/new\nM  dd/x'
	is "$1: the old one, which another has" "$(differences "$mnt/d" "${@:2}")" \
		$'A  d/\nD  d/gone\nA  d/other\nR  d/ -> dd/\nM  dd/deep/y\nA  dd/new\nM  dd/x'
	is "$1: one that is new in the old one" "$(differences "$mnt/d/other" "${@:2}")" 'A  d/other'
	silent "$1: beside it there is no difference" differences "$mnt/e" "${@:2}"
	fails "$1: a path that is in neither tree" 2 differences "$mnt/d/none" "${@:2}"
	like 'is named' "$(cat "$T/ok.output")" 'd/none: .*neither'
	fails "$1: a path in the directory of sessions" 2 differences "$mnt/.sessions/1/d/x" "${@:2}"
	like 'is refused' "$(cat "$T/ok.output")" 'sessions/1/d/x: .*\.sessions'
}
below_both staged 1
ok 'another session' burn
below_both burned 1 2

# ---- removed, and made anew
rm -r "$mnt/dd"
mkdir "$mnt/dd"
echo again >"$mnt/dd/x"
differences -z "$mnt" 2 | tr '\0' '\n' | paste -d' ' - - | sort >"$T/staged"
ok 'a directory that was made anew' burn
differences -z "$mnt" 2 3 | tr '\0' '\n' | paste -d' ' - - | sort >"$T/burned"
same_listing 'is told as what the session has' "$T/staged" "$T/burned"
like 'what it had is deleted' "$(cat "$T/staged")" 'D dd/deep/y'
ok 'unmount' umount_disc

# ---- attributes of a directory, which is the same, of any program
mkdir -p "$T/tree/dir/sub"
echo 1 | tee "$T/tree/dir/file" >"$T/tree/dir/sub/file"
genisoimage -quiet -R -J -o "$T/foreign.iso" "$T/tree" 2>/dev/null
mount_disc "$T/foreign.iso"
for mode in 700 711; do
	chmod "$mode" "$mnt/dir"
	is "mode $mode" "$(differences "$mnt" latest)" 'm  dir/'
	ok 'a session' burn
done
mv "$mnt/dir" "$mnt/moved"
chmod 750 "$mnt/moved" "$mnt/moved/sub"
is 'renamed, too' "$(differences "$mnt" latest)" $'Rm dir/ -> moved/\nm  moved/sub/'
ok 'unmount' umount_disc

# ---- a block of zeros
blank_disc "$disc"
mount_disc -o tree=full "$disc"
mkdir "$mnt/many"
for ((i = 0; i < 90; i++)); do echo "$i" >"$mnt/many/name-of-some-length-$i"; done
ok 'a session' burn
echo more >"$mnt/more"
ok 'another one' umount_disc
lba=$(isoinfo -R -l -N 0 -i "$disc" | awk '$NF == "many" {sub(/.*\[ */, ""); print $1}' | head -n 1)
like 'a directory of several blocks' "$lba" '^[0-9]+$'
ok 'of which one is zeros' dd if=/dev/zero of="$disc" bs=2048 seek=$((lba + 1)) count=1 conv=notrunc status=none
fails 'what it lacks is not known' 2 differences "$disc" 1 2
like 'it is named' "$(cat "$T/ok.output")" 'session 2: /many: cannot be read'
is 'and nothing is said to be deleted' "$(differences "$disc" 1 2 2>/dev/null)" 'A  more'
fails 'nor is it by the log' 1 bounded 60 "$BUILD/cdappendfs-log" "$disc"
like 'which says so' "$(cat "$T/ok.output")" 'what it changed is not known'

# ---- what is another is told, and not what is only shown otherwise, or has another name besides
disc=$T/shown.iso
blank_disc "$disc"
mount_disc -o uid=1000,umask=077 "$disc"
mkdir "$mnt/dir"
for f in linked renamed both more; do echo "$f" >"$mnt/$f"; done
ok 'a session' sync_disc
ln "$mnt/linked" "$mnt/link"
mv "$mnt/dir" "$mnt/moved"
mv "$mnt/renamed" "$mnt/elsewhere"
mv "$mnt/both" "$mnt/other"
touch -d @1000 "$mnt/other"
echo more >>"$mnt/more"
is 'owner and modes are of the mount' "$(differences "$mnt" latest)" $'R  renamed -> elsewhere\nA  link\nM  more\nR  dir/ -> moved/\nRm both -> other'

# ---- a session that the mount does not know is between it and what is asked of the disc
cp "$disc" "$T/copy.iso"
mount_disc "$T/copy.iso" "$T/beside"
echo 1 >"$T/beside/new"
ok 'a session is appended' umount_disc "$T/beside"
cat "$T/copy.iso" >"$disc"
fails 'what is staged is above another one' 2 differences "$mnt" latest
like 'it is told' "$(cat "$T/ok.output")" 'above another session .*ask again'
fails 'nor is it searched' 2 bounded 60 "$BUILD/cdappendfs-find" --name=more "$mnt"
fails 'or looked up' 1 bounded 60 "$BUILD/cdappendfs-log" "$mnt/elsewhere"
kill_daemon

# ---- what is taken from an older session is what that has, and no byte of it is new
disc=$T/taken.iso
blank_disc "$disc"
mount_disc "$disc"
noise 30000 1 >"$mnt/file"
setfattr -n user.note -v one "$mnt/file"
ok 'a session' sync_disc
noise 30000 2 >"$mnt/new"
mv "$mnt/new" "$mnt/file"
ok 'another one' sync_disc
cp --attributes-only -a "$mnt/.sessions/1/file" "$mnt/file"
cp --preserve=timestamps "$mnt/.sessions/1/file" "$mnt/file"
is 'it is another one than the newest' "$(differences "$mnt" 2)" 'M  file'
silent 'and that of the first' differences "$mnt" 1
setfattr -n user.note -v two "$mnt/file"
is 'but for an attribute' "$(differences "$mnt" 1)" 'm  file'
setfattr -n user.note -v one "$mnt/file"
chmod 700 "$mnt"
is 'the root is told, too' "$(differences "$mnt" 1)" 'm  ./'
ok 'unmount' umount_disc
done_testing
