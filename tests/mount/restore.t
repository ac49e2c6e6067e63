#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# restore.t - cdappendfs-restore: what rsync and xorriso find no difference in; by number, date and without; into the mount, at the
# cost of directory records, and beside it; from discs that are not mounted; what is in the way, what is damaged, what is interrupted
. "$(dirname "$0")/../lib.sh"
need rsync xorriso setfattr setfacl

disc=$T/disc.iso
restore() { bounded 120 "$BUILD/cdappendfs-restore" "$@"; }
# A session of another year: at SECONDS COMMAND…
at() { LD_PRELOAD=$TOOLS/preload/clock.so CLOCK_BEGINS=$(date -u -d "$1" +%s) mount_disc "${@:2}"; }
same_tree() { none "$1" "$(rsync -naHAXi --delete "$2/" "$3/" 2>&1)"; }
data_bytes() { bounded 120 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '$_->{burned} ? $_->{data_bytes} : "nothing"'; }

# ---- three sessions, of three years
blank_disc "$disc"
at 2024-11-29T06:27:52Z "$disc"
make_odd_tree "$mnt/odd" special links
mkdir "$mnt/2024"
echo 'Dear Anna, we will come in June.' >"$mnt/2024/letter.txt"
truncate -s 3M "$mnt/2024/holes"
printf end | dd of="$mnt/2024/holes" bs=1 seek=2000000 conv=notrunc status=none
noise 3000000 1 >"$mnt/2024/big"
setfattr -n user.note -v "$(printf '%300s' '' | tr ' ' v)" "$mnt/2024/big"
setfattr -n trusted.mark -v mine "$mnt/2024"
setfacl -m u:1234:rw,g:77:r "$mnt/2024/big"
setfacl -d -m u:1234:rwx "$mnt/2024"
cp /bin/true "$mnt/2024/capable" && setcap cap_net_raw+ep "$mnt/2024/capable"
ln "$mnt/2024/big" "$mnt/odd/also big"
touch -d '2001-02-03 04:05:06.123456789' "$mnt/2024/big" "$mnt/2024" "$mnt/odd"
rsync -aHAX "$mnt/" "$T/first/"
ok 'a session of 2024' umount_disc
at 2025-03-02T19:40:11Z "$disc"
echo 'Dear Anna, we will come in July.' >"$mnt/2024/letter.txt"
rm -r "$mnt/odd"
rsync -aHAX "$mnt/" "$T/second/"
ok 'one of 2025' umount_disc
mount_disc "$disc"
rm -r "$mnt/2024"
echo stays >"$mnt/stays"
ok 'one of now' sync_disc

# ---- beside it
ok 'all of it, from the mount' restore -s 1 -C "$T/out" "$mnt"
same_tree 'is what was burned' "$T/first" "$T/out"
rm -r "$T/out"
ok 'a directory that is gone, without a word of when' restore -C "$T/out" "$mnt/2024"
same_tree 'is that of the newest session that had it' "$T/second/2024" "$T/out/2024"
is 'only that' "$(ls -A "$T/out")" 2024
fails 'again: what is there as it was stays' 0 restore -C "$T/out" "$mnt/2024"
like 'and that is said' "$(restore -C "$T/out" "$mnt/2024")" '^/2024: there as it was in session 2 \(2025-03-02T19:4'
ok 'of its inode, too' test "$(stat -c %i "$T/out/2024/big")" = "$(restore -q -C "$T/out" "$mnt/2024"; stat -c %i "$T/out/2024/big")"
cmp_number 'runs of zeros are holes' "$(du -k "$T/out/2024/holes" | cut -f1)" -lt 100
for when in 2024 2024-11 2024-11-29 2024-12-31T23:59 '2025-03-02 19:40:10' @1741000000; do
	rm -rf "$T/out"
	restore -q --at "$when" -C "$T/out" "$mnt/2024/letter.txt"
	case $when in @*) year=second ;; *) year=first ;; esac
	same_file "as it was at $when" "$T/$year/2024/letter.txt" "$T/out/2024/letter.txt"
done
fails 'there was nothing yet' 1 restore --at 2024-11-28 -C "$T/out" "$mnt/2024"
for when in yesterday 24 2024-02-30 2024-11-29T 2024-11-29T25:00 2024-11-29Z @ @12x; do fails "no date: $when" 2 restore --at "$when" "$mnt/2024"; done
fails 'two of them' 2 restore --at 2024-11-29 -s 1 "$mnt/2024"
fails 'no path' 2 restore -s 1
fails 'no such session' 1 restore -s 9 "$mnt/2024"
fails 'a session that has it not' 1 restore -s 3 "$mnt/2024"
fails 'a path that none has' 1 restore "$mnt/2026"
fails 'what is in .sessions' 1 restore "$mnt/.sessions/1/2024"
fails 'what is in no mount' 1 restore "$T/first/2024"

# ---- into the mount
before=$(tree_digest "$mnt")
ok 'a dry run' restore -n -s 1 "$mnt/2024" "$mnt/odd"
is 'changes nothing' "$(tree_digest "$mnt")" "$before"
like 'says what would be' "$(restore -n -s 1 "$mnt/2024")" '^/2024: to be restored from session 1 \(2024-11-29T06:..:..Z\): 1 directory, 4 files, '
ok 'deleted directories' restore -q -s 1 "$mnt/2024" "$mnt/odd"
same_tree 'as they were' "$T/first/2024" "$mnt/2024"
same_tree 'as they were, both' "$T/first/odd" "$mnt/odd"
is 'hard links between them' "$(stat -c %i "$mnt/2024/big")" "$(stat -c %i "$mnt/odd/also big")"
is 'at no data' "$(data_bytes)" 0
same_tree 'burned: as they were' "$T/first/2024" "$mnt/2024"
same_tree 'burned: as they were, both' "$T/first/odd" "$mnt/odd"
is 'nothing else is made' "$(ls -A "$mnt" | paste -sd' ')" '2024 odd stays'

# ---- what is in the way
echo mine >"$mnt/2024/letter.txt"
rm "$mnt/2024/capable" "$mnt/2024/big"
mkdir "$mnt/2024/big"
before=$(tree_digest "$mnt")
fails 'another file is there' 1 restore -s 1 "$mnt/2024"
like 'it is named' "$(cat "$T/ok.output")" '/2024/letter.txt: it is another one now'
like 'and so is the directory' "$(cat "$T/ok.output")" '/2024/big: it is a directory now'
like 'what to do about the file' "$(cat "$T/ok.output")" '--force replaces what is a file now, -C DIR restores elsewhere'
fails 'the directory alone' 1 restore -s 1 "$mnt/2024/big"
like 'what to do about that' "$(cat "$T/ok.output")" '--force does not replace it either: .*-C DIR restores elsewhere'
is 'nothing was changed' "$(tree_digest "$mnt")" "$before"
fails 'a directory is not replaced by force' 1 restore -f -s 1 "$mnt/2024"
is 'and nothing else is' "$(tree_digest "$mnt")" "$before"
is 'in JSON' "$(restore --json -s 1 "$mnt/2024" 2>"$T/words" | json 'join ", ", map { "$_->{path} $_->{final}" } @{$_->{clashes}}')" '2024/big 1, 2024/letter.txt 0'
rmdir "$mnt/2024/big"
touch -r "$T/first/2024/letter.txt" "$mnt/2024/letter.txt"
printf 'Dear Anna, we will come in MAY!.\n' >"$mnt/2024/letter.txt"
touch -r "$T/first/2024/letter.txt" "$mnt/2024/letter.txt"
fails 'of the same length and time, but another one' 1 restore -s 1 "$mnt/2024"
number=$(stat -c %i "$mnt/2024/holes")
like 'by force' "$(restore -f -s 1 "$mnt/2024")" '^/2024: restored from session 1 .*; [1-9] (is|are) there as (it was|they were)$'
same_tree 'as it was' "$T/first/2024" "$mnt/2024"
is 'what was as it was is the same file' "$(stat -c %i "$mnt/2024/holes")" "$number"
setfattr -n user.other -v 1 "$mnt/2024/holes"
ok 'one with another attribute, by force' restore -q -f -s 1 "$mnt/2024/holes"
isnt 'is replaced' "$(stat -c %i "$mnt/2024/holes")" "$number"
none 'the attribute is gone' "$(getfattr --absolute-names -n user.other "$mnt/2024/holes" 2>/dev/null)"
echo new >"$mnt/2024/new"
ok 'what the session had not stays' restore -q -f -s 1 "$mnt/2024"
ok 'there it is' test -e "$mnt/2024/new"
rm -r "$mnt/2024"
echo 'a file' >"$mnt/2024"
fails 'a file where the way goes' 1 restore -f -s 1 "$mnt/2024/big"
fails 'a file where a directory was' 1 restore -s 1 "$mnt/2024"
ok 'by force it goes' restore -q -f -s 1 "$mnt/2024"
same_tree 'as the directory was' "$T/first/2024" "$mnt/2024"
is 'at no data' "$(data_bytes)" 0
mkdir "$T/elsewhere" "$T/linked"
ln -s "$T/elsewhere" "$T/linked/2024"
fails 'a link is not followed' 1 restore -f -s 1 -C "$T/linked" "$mnt/2024/big"
none 'nothing came there' "$(ls -A "$T/elsewhere")"

# ---- without .sessions
rm -r "$mnt/odd"
ok 'unmount' umount_disc
mount_disc -o sessions=off "$disc"
ok 'what no mount shows' restore -q -s 1 "$mnt/odd"
same_tree 'as it was' "$T/first/odd" "$mnt/odd"
is 'found again on the disc' "$(data_bytes)" 0
ok 'unmount' umount_disc

# ---- from a disc that is not mounted, and what xorriso says of it
fails 'where to?' 2 restore "$disc" 2024
for n in 1 2; do
	rm -rf "$T/out" "$T/theirs"
	ok "all of session $n" restore -q -s "$n" -C "$T/out" "$disc"
	bounded 120 xorriso -osirrox on:auto_chmod_off:device_files -hardlinks on -acl on -xattr any -load sbsector \
		"$(info_json "\$_->{sessions}[$n - 1]{sbsector}" "$disc")" -indev "$disc" -extract / "$T/theirs" >"$T/xorriso.log" 2>&1
	# It knows no nanoseconds, and of links the target alone.
	tree_digest "$T/out" nTt >"$T/got"
	tree_digest "$T/theirs" nTt >"$T/want"
	grep -v " l " "$T/want" >"$T/want.$n"; grep -v " l " "$T/got" >"$T/got.$n"
	same_listing "it is what xorriso extracts of session $n" "$T/want.$n" "$T/got.$n"
done
same_tree 'and what was burned' "$T/second" "$T/out"
rm -rf "$T/out"
ok 'paths on the disc' restore -q -s 1 -C "$T/out" "$disc" 2024/letter.txt /odd/../odd/README
is 'these two' "$(cd "$T/out" && find . -type f | sort | paste -sd' ')" './2024/letter.txt ./odd/README'
is 'in JSON' "$(restore --json -s 1 -C "$T/out2" "$disc" 2024/letter.txt | json 'join " ", map { @$_{qw(path session files directories bytes)} } @{$_->{restored}}')" '2024/letter.txt 1 1 1 33'
for path in 2024/letter.txt/ 2024/letter.txt/../letter.txt/; do
	fails "a file is no directory: $path" 1 restore -s 1 -C "$T/out" "$disc" "$path"
	like 'that is said' "$(cat "$T/ok.output")" '/2024/letter.txt: Not a directory'
done
ok 'a directory is one' restore -n -s 1 -C "$T/out" "$disc" 2024/
touch "$T/closed"
fails 'where nothing can be made' 1 restore -s 1 -C "$T/closed" "$disc" 2024
like 'where that is, is said' "$(cat "$T/ok.output")" "$T/closed: "
fails 'a dry run' 0 restore -n -C "$T/none" "$disc"
fails 'makes no directory' 2 ls "$T/none"

# ---- whoever is not root
chmod 644 "$disc"
mkdir -m 777 "$T/theirs.d"
chmod 755 "$T"
ok 'another user' bounded 60 setpriv --reuid 1234 --regid 1234 --clear-groups "$BUILD/cdappendfs-restore" -s 2 -C "$T/theirs.d" "$disc" 2024
like 'whose files these are is told' "$(cat "$T/ok.output")" "the caller's: only root can give files away"
is 'they are his' "$(stat -c %u "$T/theirs.d/2024/big")" 1234
same_file 'and whole' "$T/second/2024/big" "$T/theirs.d/2024/big"
echo "of a group" >"$T/shared"
chown 1234:4321 "$T/shared"
xorriso -outdev "$T/group.iso" -map "$T/shared" /shared >"$T/xorriso.log" 2>&1
member() { bounded 60 setpriv --reuid 1234 --regid 1234 --groups 4321 "$BUILD/cdappendfs-restore" -C "$T/theirs.d" "$@" "$T/group.iso" shared; }
ok 'one of its group' member
chgrp 1234 "$T/theirs.d/shared"
ok 'of another group it is not as it was' member -f
is 'and gets its own' "$(stat -c %g "$T/theirs.d/shared")" 4321

# ---- a damaged disc: two files of a session of xorriso's are cut off
mkdir -p "$T/in/d"
noise 100000 1 >"$T/in/d/good"
noise 900000 2 >"$T/in/d/zzz"
xorriso -padding 0 -outdev "$T/cut.iso" -map "$T/in" / >"$T/xorriso.log" 2>&1
truncate -s -100K "$T/cut.iso"
fails 'one cannot be read' 1 restore -C "$T/cut" "$T/cut.iso"
like 'it is named' "$(cat "$T/ok.output")" '/d/zzz: it cannot be read'
same_file 'the other one is restored' "$T/in/d/good" "$T/cut/d/good"
is 'and no half one' "$(find "$T/cut" -type f)" "$T/cut/d/good"
is 'in JSON' "$(restore --json -f -C "$T/cut" "$T/cut.iso" 2>"$T/words" | json 'join " ", map { $_->{path} } @{$_->{lost}}')" d/zzz

# ---- what was a directory became a file, and the disc is cut off in that session
blank_disc "$T/kinds.iso"
mount_disc -o tree=full "$T/kinds.iso"
mkdir "$mnt/a"
echo below >"$mnt/a/b"
ok 'a session' sync_disc
rm -r "$mnt/a"
echo file >"$mnt/a"
ok 'another one' umount_disc
fails 'what is asked for is in the way of each other' 1 restore -C "$T/kinds" "$T/kinds.iso" a a/b
like 'it is named' "$(cat "$T/ok.output")" '/a: it is no directory now.*not all of it was restored'
is 'the other one is restored' "$(cat "$T/kinds/a")" file
truncate -s $((($(info_json '$_->{sessions}[1]{start_lba}' "$T/kinds.iso") + 20) * 2048)) "$T/kinds.iso"
for when in '' '--at 2100'; do
	# shellcheck disable=SC2086 # words
	fails "in what is cut off it may be${when:+, $when}" 1 restore $when -C "$T/older" "$T/kinds.iso" a/b
	like 'that is said' "$(cat "$T/ok.output")" 'session 2: /a/b: it cannot be known whether it is there.*older session'
done
ok 'as it was in an older one' restore -s 1 -C "$T/older" "$T/kinds.iso" a/b
is 'it is that' "$(cat "$T/older/a/b")" below

# ---- a session is not found any more
blank_disc "$T/gap.iso"
mount_disc -o tree=full "$T/gap.iso"
echo 1 >"$mnt/first"
ok 'a session' sync_disc
rm "$mnt/first"
echo 2 >"$mnt/second"
ok 'another one' sync_disc
rm "$mnt/second"
echo 3 >"$mnt/third"
ok 'a third one' umount_disc
lba=$(info_json '$_->{sessions}[1]{start_lba}' "$T/gap.iso")
ok 'the second is overwritten' dd if=/dev/zero of="$T/gap.iso" bs=2048 seek="$lba" count=32 conv=notrunc status=none
for path in first second; do
	fails "it may have had $path" 1 restore -C "$T/gap" "$T/gap.iso" "$path"
	like 'that is said' "$(cat "$T/ok.output")" "session 3: the sessions before it are not found, so it cannot be known whether they have /$path"
done
fails 'or been the one of a time' 1 restore --at 2001 -C "$T/gap" "$T/gap.iso" second
like 'that is said, too' "$(cat "$T/ok.output")" 'session 3: the sessions before it are not found'
ok 'what the newest has is no question' restore -C "$T/gap" "$T/gap.iso" third

# ---- where it does not fit: nothing half stays
small=$T/small
mkdir "$small"
if mount -t tmpfs -o size=2M tmpfs "$small" 2>"$T/words"; then
	fails 'no room' 1 restore -s 1 -C "$small" "$disc" 2024
	none 'nothing is there' "$(ls -A "$small")"
	umount "$small"
else
	skip 'no room' 'no tmpfs can be mounted'
fi

# ---- interrupted
mkdir "$T/many" "$T/late"
(cd "$T/many" && seq 20000 | xargs touch)
xorriso -outdev "$T/many.iso" -map "$T/many" /many >"$T/xorriso.log" 2>&1
"$BUILD/cdappendfs-restore" -C "$T/late" "$T/many.iso" many 2>"$T/words" &
children+=($!)
beside() { [[ $(echo "$T/late"/.cdappendfs-restore-*) ]]; }
ok 'it is made beside its place' until_true 60 beside
kill -TERM "${children[-1]}"
await "${children[-1]}"
is 'it ends by the signal' $? 143
none 'nothing of it stays' "$(ls -A "$T/late")"
like 'and that is said' "$(cat "$T/words")" 'ended; what is not whole was taken away again'
fails 'nobody reads it' 1 sh -c "'$BUILD/cdappendfs-restore' -n -C '$T/none' '$disc' >/dev/full"
done_testing
