#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# originals.t - what is staged for an image goes into no other file unless that is certain to be what has become of it, or
# the user says so: the table of fs/DESIGN.md, "Whose it is"; by root here, by two ordinary users in strangers.t
# Root's stages lie in /var/lib: there this test has one of its own.
((EUID == 0)) || { echo '1..0 # SKIP not root'; exit 0; }
if [[ ${STAGES_ALONE-} != yes ]]; then STAGES_ALONE=yes exec unshare -m --propagation private "$0" "$@"; fi
. "$(dirname "$0")/../lib.sh"
mount -t tmpfs -o size=256m stages /var/lib || skip_all 'no private /var/lib can be made'

stage() { "$BUILD/cdappendfs-stage" "$@"; }
# The clock of files has ticks: a file that is made now is younger than what was made before.
tick() { local a; a=$(mktemp "$T/tick.XXXX"); until touch "$T/tick.b" && [[ $T/tick.b -nt $a ]]; do :; done; rm -f "$a" "$T/tick.b"; }

mkdir pub other ours
truncate -s 64M fs.img
mkfs.ext4 -q fs.img && mount -o loop fs.img other || { rmdir other; mkdir other; mount -t tmpfs -o size=64m other other; }
echo public >public
genisoimage -quiet -R -o master.iso public 2>/dev/null
chmod 644 master.iso

# begin [IMAGE]: an image, and a diary that is staged for it
begin() {
	local image=${1:-pub/pub.iso}
	rm -rf pub/* ours/* other/*.iso /var/lib/cdappendfs
	cp master.iso "$image"
	tick
	mounted "$image" || { fail 'mount the original' "$(<"$log")"; return; }
	echo 'dear diary' >"$mnt/diary"
	umount_disc
	tick
}
# refuses NAME DISC [WORD…]: no mount, nothing is written to the file, the diary is still there, and the words are said
refuses() {
	local name=$1 disc=$2 before
	shift 2
	before=$(image_digest "$disc")
	if mounted "$disc"; then fail "$name" "mounted, with: $(ls "$mnt")"; umount_disc; return; fi
	pass "$name"
	for word in "$@" stage=take stage=new 'cdappendfs-stage discard'; do like "… it says $word" "$(<"$log")" "$word"; done
	is '… nothing was written' "$(image_digest "$disc")" "$before"
	like '… the stage is there' "$(stage list)" '/var/lib/cdappendfs/'
}
# takes NAME [OPTIONS] DISC: it has what was staged
takes() {
	local name=$1
	shift
	if mounted "$@"; then is "$name" "$(cat "$mnt/diary" 2>&1)" 'dear diary'; umount_disc; else fail "$name" "$(<"$log")"; fi
}
# without NAME [OPTIONS] DISC: it mounts, and has nothing of it
without() {
	local name=$1
	shift
	if mounted "$@"; then none "$name" "$(cat "$mnt/diary" 2>/dev/null)"; umount_disc; else fail "$name" "$(<"$log")"; fi
}
copy() { cp "$1" "$2" && chown "${3:-0}:${3:-0}" "$2" && chmod "${4:-644}" "$2"; }

# ---- the original is there
begin
copy pub/pub.iso ours/a.iso 1002
refuses "another user's copy" ours/a.iso "$T/pub/pub.iso" 'files and directories'
copy pub/pub.iso ours/own.iso
refuses 'a copy of one'"'"'s own' ours/own.iso "$T/pub/pub.iso"
cp --reflink=auto pub/pub.iso ours/reflink.iso
refuses 'a reflink, where there are any' ours/reflink.iso "$T/pub/pub.iso"
ok 'info of a copy says it, too' grep -q stage=take <("$BUILD/cdappendfs-info" ours/a.iso 2>&1)
fails 'rebase of a copy' 1 stage rebase ours/a.iso
takes 'the original has it' pub/pub.iso
ln pub/pub.iso ours/link.iso
takes 'by a hard link' ours/link.iso
ln -s ../pub/pub.iso ours/soft.iso
takes 'by a symbolic link' ours/soft.iso
copy pub/pub.iso other/pub.iso
mount --bind other pub
refuses 'a copy at its path, in what is mounted over its directory' pub/pub.iso
umount pub
takes 'below it the original has it' pub/pub.iso

# ---- two at once
begin
copy pub/pub.iso ours/two.iso
mounted pub/pub.iso || fail mount "$(<"$log")"
mkdir -p second
fails 'the copy of one that is mounted' 1 "$BUILD/cdappendfs" ours/two.iso "$T/second"
like '… it says where' "$(<"$T/ok.output")" "mounted at $mnt"
umount_disc

# ---- moved
begin
mv pub/pub.iso ours/moved.iso
takes 'renamed: the same inode' ours/moved.iso
begin
mv pub/pub.iso other/moved.iso
takes 'moved to another file system: the same user has it, and nobody else' other/moved.iso
begin
mv pub/pub.iso other/moved.iso
chown 1002:1002 other/moved.iso
refuses 'gone, and what is there is another user'"'"'s' other/moved.iso "$T/pub/pub.iso" 'of user 0' 'of user 1002'
fails 'rebase takes it neither' 1 stage rebase other/moved.iso
like '… it names the directory' "$(<"$T/ok.output")" /var/lib/cdappendfs/
takes 'when he says so' stage=take other/moved.iso
takes '… for good' other/moved.iso
begin
mv pub/pub.iso other/moved.iso
chmod 666 other/moved.iso
refuses 'gone, and others may write to this one' other/moved.iso
without 'stage=new: a stage of its own' stage=new other/moved.iso
like '… and the other is kept' "$(stage list)" "$T/pub/pub.iso"
begin
chmod 600 pub/pub.iso
takes 'it was private' pub/pub.iso
mv pub/pub.iso other/moved.iso
chmod 644 other/moved.iso
refuses 'gone, and others may read this one' other/moved.iso
chmod 600 other/moved.iso
takes 'as private as it was' other/moved.iso

# ---- another file at its path
begin
cp -p pub/pub.iso ours/backup.iso
rm pub/pub.iso
cp -p ours/backup.iso pub/pub.iso
takes 'restored from a backup' pub/pub.iso
begin
cp -p pub/pub.iso ours/backup.iso
cat ours/backup.iso >pub/pub.iso
takes 'restored over it: the same inode' pub/pub.iso
begin
rm pub/pub.iso
copy master.iso pub/pub.iso 1002
refuses "another user's file at its path" pub/pub.iso 'of user 1002'
begin
mv pub/pub.iso pub/old.iso
copy master.iso pub/pub.iso
refuses 'its old path, and it is beside it' pub/pub.iso "$T/pub/old.iso"
takes 'which has it' pub/old.iso

# ---- the number of its inode, given again (ext4 gives the lowest one that is free)
begin other/first.iso
number=$(stat -c %i other/first.iso)
rm other/first.iso
for i in {1..50}; do
	copy master.iso "other/again$i.iso" 1002
	[[ $(stat -c %i "other/again$i.iso") == "$number" ]] && break
done
if [[ $(stat -c %i "other/again$i.iso") == "$number" ]]; then refuses 'the same number, and another file' "other/again$i.iso"
else skip 'the same number, and another file' 'this file system gives no number again'; fi

# ---- what cannot be seen is not gone
begin other/stick.iso
copy other/stick.iso ours/copy.iso
umount other
refuses 'its file system is not mounted' ours/copy.iso "$T/other/stick.iso"
if [[ -e fs.img ]]; then
	# Another number for the same file system
	truncate -s 1M dummy.img
	mapfile -t held < <(for _ in 1 2 3; do losetup -f --show dummy.img; done)
	mount -o loop fs.img other
	takes 'mounted again, under another number' other/stick.iso
	umount other
	losetup -d "${held[@]}"
fi

# ---- stage and image, both copied
begin
cp -a pub ours/machine
mv /var/lib/cdappendfs /var/lib/before
cp -a /var/lib/before /var/lib/cdappendfs
rm -r pub/*
takes 'a home that was copied as a whole' ours/machine/pub.iso
rm -rf /var/lib/cdappendfs
cp -a /var/lib/before /var/lib/cdappendfs
chown 1002 ours/machine/pub.iso
refuses "with another user's file" ours/machine/pub.iso
rm -rf /var/lib/before

# ---- -o staging=: the same
rm -rf pub/* ours/* /var/lib/cdappendfs
cp master.iso pub/pub.iso
tick
mounted "staging=$T/place" pub/pub.iso || fail mount "$(<"$log")"
echo 'dear diary' >"$mnt/diary"
umount_disc
tick
rm pub/pub.iso
copy master.iso ours/a.iso 1002
if mounted "staging=$T/place" ours/a.iso; then fail 'staging=: refused'; umount_disc; else pass 'staging=: refused'; fi
like '… it says stage=take' "$(<"$log")" stage=take
takes 'when he says so' "staging=$T/place,stage=take" ours/a.iso
done_testing
