#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# revert.t - cdappendfs-sync --revert: the tree, or paths of it, is as rsync copied it when that session was made, at no data; what is
# staged is not lost without a word, and what fails changes nothing
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
need rsync xorriso setfattr setfacl

revert() { bounded 120 "$BUILD/cdappendfs-sync" "$@"; }
differences() { bounded 120 "$BUILD/cdappendfs-diff" "$@"; }
same_tree() { none "$1" "$(rsync -naHAXi --delete "$2/" "$3/" 2>&1)"; }
burned() { bounded 120 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '$_->{burned} ? $_->{data_bytes} : "nothing"'; }
copy() { rm -rf "$2"; rsync -aHAX "$1/" "$2/"; }

# What a session has of each kind, and what the next one does to it.
first() {
	make_odd_tree "$mnt/odd" special
	mkdir -p "$mnt/a/b" "$mnt/c/deep" "$mnt/gone" "$mnt/left"
	echo one >"$mnt/a/x"
	ln "$mnt/a/x" "$mnt/a/b/linked"
	ln "$mnt/a/x" "$mnt/c/linked"
	noise 300000 1 >"$mnt/a/big"
	seq 20000 >"$mnt/a/packed"
	ln -s x "$mnt/a/link"
	for i in 1 2 3 4; do echo "$i" >"$mnt/c/deep/$i"; done
	echo gone >"$mnt/gone/file"
	seq 10 >"$mnt/swapped"
	seq 20 >"$mnt/swapped too"
	echo two names >"$mnt/one name"
	ln "$mnt/one name" "$mnt/other name"
	chown 12:13 "$mnt/one name"
	chmod 4711 "$mnt/one name"
	setfattr -n user.note -v value "$mnt/a/x"
	setfattr -n user.dir -v value "$mnt/a"
	setfacl -m u:33:r "$mnt/a/big"
	setfacl -d -m u:33:rwx "$mnt/c"
	cp /bin/true "$mnt/a/program" && setcap cap_net_raw+ep "$mnt/a/program"
	touch -d '2001-02-03 04:05:06.123456789' "$mnt/a/x" "$mnt/a/b" "$mnt/c" "$mnt/left"
	touch -d '1999-01-01 00:00:00.5' "$mnt"
}
second() {
	mv "$mnt/c" "$mnt/renamed"
	mv "$mnt/renamed/deep" "$mnt/up"
	echo new >"$mnt/up/new"
	rm "$mnt/up/2"
	echo changed >"$mnt/up/3"
	rm -r "$mnt/gone" "$mnt/odd/level1" "$mnt/a/packed"
	mkdir "$mnt/fresh" "$mnt/gone.d"
	echo fresh >"$mnt/fresh/file"
	mv "$mnt/swapped" "$mnt/between"
	mv "$mnt/swapped too" "$mnt/swapped"
	mv "$mnt/between" "$mnt/swapped too"
	rm "$mnt/other name"
	cp -a "$mnt/one name" "$mnt/other name"
	rm "$mnt/a/link" "$mnt/a/b/linked" "$mnt/a/big"
	mkdir "$mnt/a/link"
	echo more >>"$mnt/a/x"
	setfattr -x user.note "$mnt/a/x"
	setfattr -n user.dir -v another "$mnt/a"
	setcap -r "$mnt/a/program"
	chmod 700 "$mnt/a" "$mnt"
	touch "$mnt/left"
}

for tree in linked full; do
	disc=$T/$tree.iso
	blank_disc "$disc"
	mount_disc -o "tree=$tree,volid=LABEL,compress" "$disc"
	first
	ok "$tree: a session" sync_disc
	copy "$mnt" "$T/first"
	second
	ok "$tree: another one" sync_disc
	copy "$mnt" "$T/second"

	# ---- all of it
	like "$tree: as it was" "$(revert --revert=1 "$mnt")" '^as in session 1: [0-9]+ made again, [0-9]+ changed, [0-9]+ renamed, [0-9]+ removed; staged'
	same_tree "$tree: staged, it is as it was" "$T/first" "$mnt"
	silent "$tree: no difference to the session" differences "$mnt" 1
	fails "$tree: but to the other one" 1 differences "$mnt" 2
	is "$tree: burned at no data" "$(burned)" 0
	same_tree "$tree: burned, it is as it was" "$T/first" "$mnt"
	silent "$tree: no difference between the sessions" differences "$mnt" 1 3
	is "$tree: nothing beside it" "$(find "$mnt" -name '.cdappendfs*' | wc -l)" 0
	ok "$tree: unmount" umount_disc
	mount_disc -o "tree=$tree,compress" "$disc"
	same_tree "$tree: mounted anew, too" "$T/first" "$mnt"
	is "$tree: again, nothing is different" "$(revert --revert 1 "$mnt")" 'as in session 1: no file is different'
	is "$tree: and nothing is staged" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
	ok "$tree: forth" revert -q --revert 2 "$mnt"
	same_tree "$tree: as it was then" "$T/second" "$mnt"
	is "$tree: at no data" "$(burned)" 0

	# ---- some paths
	ok "$tree: paths" revert -q --revert 1 "$mnt" gone "$mnt/a" '/c/deep/2' fresh
	same_tree "$tree: what is gone" "$T/first/gone" "$mnt/gone"
	same_tree "$tree: a directory" "$T/first/a" "$mnt/a"
	same_file "$tree: one file, in a directory that is gone" "$T/first/c/deep/2" "$mnt/c/deep/2"
	is "$tree: not the others" "$(ls "$mnt/c/deep" "$mnt/c" | paste -sd' ')" "$mnt/c: deep  $mnt/c/deep: 2"
	fails "$tree: what was not there is not" 2 ls "$mnt/fresh"
	same_tree "$tree: all else stays" "$T/second/up" "$mnt/up"
	is "$tree: at no data" "$(burned)" 0
	fails "$tree: a path that was never" 1 revert --revert 1 "$mnt" never
	ok "$tree: unmount" umount_disc
	ok "$tree: it is sound" bounded 120 "$BUILD/cdappendfs-check" -q "$disc"
	rm -rf "$T/out" "$T/theirs"
	bounded 120 xorriso -osirrox on:auto_chmod_off:device_files -indev "$disc" -extract /a "$T/theirs" >"$T/xorriso.log" 2>&1
	same_file "$tree: xorriso has it so" "$T/first/a/big" "$T/theirs/big"
done

# ---- what is staged
disc=$T/full.iso # the copies are of its sessions
mount_disc "$disc"
echo staged >"$mnt/up/staged"
fails 'something is staged' 1 revert --revert 1 "$mnt"
like 'and would be lost' "$(cat "$T/ok.output")" 'not burned yet would be lost.*--force.*nothing was changed'
ok 'it is there' test -e "$mnt/up/staged"
fails 'at a path, too' 1 revert --revert 1 "$mnt" up
ok 'elsewhere nothing is' revert -q --revert 2 "$mnt" a
same_tree 'so it is done' "$T/second/a" "$mnt/a"
ok 'and what is staged stays' test -e "$mnt/up/staged"
ok 'by force' revert -q --force --revert 1 "$mnt"
same_tree 'it is as it was' "$T/first" "$mnt"
fails 'that is staged' 1 revert --revert 2 "$mnt"
ok 'dropped' revert -q --discard "$mnt"
for name in latest LABEL "$(info_json '$_->{sessions}[-1]{created}' "$mnt")"; do ok "by name: $name" revert -q --revert "$name" "$mnt"; done
is 'in JSON' "$(revert --json --revert 2 "$mnt" | json 'join " ", @$_{qw(event session error)}, ($_->{made} + $_->{changed} + $_->{renamed} + $_->{removed} > 0)')" 'result 2 0 1'
fails 'in JSON a refusal' 1 revert --json --revert 1 "$mnt"
is 'has an error' "$(revert --json --revert 1 "$mnt" 2>"$T/words" | json '$_->{error}')" "$(python3 -c 'import errno; print(errno.EEXIST)')"
ok 'dropped' revert -q --discard "$mnt"

# ---- what is wrong
fails 'no such session' 1 revert --revert 99 "$mnt"
fails 'none named' 2 revert --revert
fails 'no mount point' 2 revert --revert 1
fails 'a path in the place of the mount point' 2 revert --revert 1 "$mnt/a"
fails 'with a message' 2 revert --revert 1 -m text "$mnt"
fails 'with another thing' 2 revert --revert 1 --discard "$mnt"
fails 'with the next disc' 2 revert --revert 1 --next "$T/next.iso" "$mnt"
fails '--force alone' 2 revert --force "$mnt"
fails 'a disc that is not mounted' 1 revert --revert 1 "$T/linked.iso"
fails 'what is in .sessions' 1 revert --revert 1 "$mnt" .sessions/1
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
fails 'a mount that is read-only' 1 revert --revert 1 "$mnt"
ok 'unmount' umount_disc

# ---- who may
chmod 755 "$T"
chmod 644 "$disc"
mount_disc -o uid=1234,allow_other "$disc"
fails 'not whom root has mounted it for' 1 setpriv --reuid 1234 --regid 1234 --clear-groups "$BUILD/cdappendfs-sync" --revert 1 "$mnt"
ok 'root' revert -q --revert 1 "$mnt"
ok 'dropped' revert -q --discard "$mnt"
ok 'unmount' umount_disc

# ---- it does not fit: nothing changes
disc=$T/small.iso
blank_disc "$disc"
mount_disc -o media=8M,tree=linked "$disc"
mkdir "$mnt/many" "$mnt/moves"
echo moves >"$mnt/moves/file"
(cd "$mnt/many" && seq -f 'a name that is long enough to take some room in each directory %05g' 4000 | tr '\n' '\0' | xargs -0 touch)
ok 'many names' sync_disc
rm -r "$mnt/many"
mkdir "$mnt/other"
mv "$mnt/moves" "$mnt/other/moved"
noise "$(($(info_json '$_->{free_bytes}' "$mnt") - 600000))" 3 >"$mnt/other/large"
ok 'and a large file' sync_disc
copy "$mnt" "$T/second"
fails 'the many names find no room' 1 revert --revert 1 "$mnt"
like 'that is said' "$(cat "$T/ok.output")" 'No space left on device; all is as in the newest session'
same_tree 'so it is' "$T/second" "$mnt"
is 'nothing is staged' "$(info --changes "$mnt" | wc -l)" 0
ok 'unmount' umount_disc

# ---- it cannot be read: nothing changes
mkdir -p "$T/in/d"
seq 100 >"$T/in/d/a"
disc=$T/damaged.iso
blank_disc "$disc"
mount_disc -o tree=linked "$disc"
cp -r "$T/in/d" "$mnt/d"
ok 'a session' sync_disc
rm -r "$mnt/d"
echo b >"$mnt/b"
ok 'another one' sync_disc
lba=$(getfattr --absolute-names --only-values -n user.cdappendfs.lba "$mnt/.sessions/1/d")
ok 'unmount' umount_disc
dd if=/dev/zero of="$disc" bs=2048 seek="$lba" count=1 conv=notrunc status=none
mount_disc "$disc"
copy "$mnt" "$T/second"
fails 'a directory of it is damaged' 1 revert --revert 1 "$mnt"
like 'which one is said' "$(cat "$T/ok.output")" '/d: .*nothing was changed'
same_tree 'so it is' "$T/second" "$mnt"
is 'nothing is staged' "$(info --changes "$mnt" | wc -l)" 0
ok 'unmount' umount_disc

# ---- other programs' sessions: numbers say nothing there
mkdir -p "$T/theirs.d/d/e"
noise 50000 5 >"$T/theirs.d/d/file"
ln "$T/theirs.d/d/file" "$T/theirs.d/d/e/linked"
seq 5 >"$T/theirs.d/d/e/five"
disc=$T/theirs.iso
xorriso -hardlinks on -outdev "$disc" -map "$T/theirs.d" / -commit -mv /d/e /e -- -rm /d/file -- -map /bin/true /d/true -commit >"$T/xorriso.log" 2>&1
mount_disc -o session=1 "$disc"
copy "$mnt" "$T/first"
ok 'unmount' umount_disc
mount_disc "$disc"
copy "$mnt" "$T/second"
ok 'the first session of xorriso' revert -q --revert 1 "$mnt"
same_tree 'as it was' "$T/first" "$mnt"
silent 'no difference' differences "$mnt" 1
is 'at no data' "$(burned)" 0
same_tree 'burned, as it was' "$T/first" "$mnt"
ok 'the second one' revert -q --revert 2 "$mnt"
same_tree 'as it was' "$T/second" "$mnt"
ok 'dropped' revert -q --discard "$mnt"
ok 'unmount' umount_disc
done_testing
