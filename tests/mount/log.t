#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# log.t - cdappendfs-log: sessions with their messages and what each changed, versions of a file through renames; of discs of other
# programs, of damaged ones
. "$(dirname "$0")/../lib.sh"
need xorriso python3

disc=$T/disc.iso
log_of() { bounded 60 "$BUILD/cdappendfs-log" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$@" "$mnt"; }
field() { log_of --json "$1" | json "join ' ', map { \$_->{$2} // 'null' } @{\$_->{sessions}}"; }
versions() { log_of --json "$1" | json 'join ", ", map { join " ", grep { defined } @$_{qw(session kind from path bytes)} } @{$_->{versions}}'; }

# ---- sessions
blank_disc "$disc"
silent 'a blank disc has none' sh -c "'$BUILD/cdappendfs-log' '$disc' 2>/dev/null"
is 'in JSON, too' "$(log_of --json "$disc")" '{"sessions":[],"complete":true}'
mount_disc -o volid=LABEL "$disc"
mkdir -p "$mnt/a/deep" "$mnt/b"
noise 30000 1 >"$mnt/a/one"
noise 30000 2 >"$mnt/a/deep/two"
noise 30000 3 >"$mnt/b/three"
ok 'a session' burn -m 'the first visit'
mv "$mnt/a/one" "$mnt/b/eins"
noise 40000 4 >"$mnt/b/three"
rm "$mnt/a/deep/two"
cp "$mnt/b/eins" "$mnt/b/copy"
noise 5000 5 >"$mnt/b/five"
ok 'another one' burn -m 'müde'
mv "$mnt/b" "$mnt/c"
chmod 600 "$mnt/c/five"
ok 'the last one' burn
is 'the newest first' "$(field "$mnt" number)" '3 2 1'
is 'messages' "$(log_of --json "$mnt" | grep -o '"message":[^,]*' | paste -sd' ')" '"message":null "message":"müde" "message":"the first visit"'
is 'labels' "$(field "$mnt" label)" 'LABEL LABEL LABEL'
is 'added' "$(field "$mnt" added)" '0 2 3'
is 'changed' "$(field "$mnt" changed)" '1 1 0'
is 'moved' "$(field "$mnt" moved)" '0 1 0'
is 'directories that were moved' "$(field "$mnt" moved_directories)" '1 0 0'
is 'deleted' "$(field "$mnt" deleted)" '0 1 0'
is 'bytes that are new' "$(field "$mnt" new_bytes)" '0 45000 90000'
is 'bytes that are shared' "$(field "$mnt" shared_bytes)" '0 30000 0'
is 'dates are those of cdappendfs-info' "$(field "$mnt" date)" "$(info_json 'join " ", map { $_->{created} } reverse @{$_->{sessions}}' "$mnt")"
like 'text' "$(log_of "$mnt")" "^session 3  20..-..-..T..:..:..Z  LABEL
    1 changed, 1 moved
session 2  .*Z  LABEL
    müde
    2 added, 1 changed, 1 moved, 1 deleted; 43.9 KiB new, 29.3 KiB shared
session 1  .*
    the first visit
    3 added; 87.9 KiB new, 0 bytes shared\$"
is 'the newest one alone, without counts' "$(log_of -b -n 1 "$mnt" | sed 's/  2.*Z//')" 'session 3  LABEL'

# ---- a file
is 'through renames' "$(versions "$mnt/c/eins")" '3 R b/eins c/eins 30000, 2 R a/one b/eins 30000, 1 A a/one 30000'
is 'changed' "$(versions "$mnt/c/three")" '3 R b/three c/three 40000, 2 M b/three 40000, 1 A b/three 30000'
is 'its attributes' "$(versions "$mnt/c/five")" '3 R b/five c/five 5000, 2 A b/five 5000'
is 'one that is gone' "$(versions "$mnt/a/deep/two")" '2 D a/deep/two 0, 1 A a/deep/two 30000'
is 'one that is elsewhere now' "$(versions "$mnt/a/one")" '2 R a/one b/eins 30000, 1 A a/one 30000'
is 'a directory' "$(versions "$mnt/c")" '3 R b c 0, 1 A b 0'
like 'text' "$(log_of "$mnt/c/eins")" '^session 3  .*Z  R  29.3 KiB  b/eins -> c/eins'
is 'the newest version' "$(log_of -n 1 "$mnt/c/eins" | wc -l)" 1
is 'of one that is gone, too' "$(log_of -n 1 "$mnt/a/one" | wc -l)" 1
noise 7000 6 >"$mnt/a/one"
noise 100 7 >"$mnt/c/five.new"
mv "$mnt/c/five.new" "$mnt/c/five"
fails 'one that is not there' 1 log_of "$mnt/a/none"
fails 'one that is only staged' 1 log_of "$mnt/a/one/none"
mv "$mnt/c" "$mnt/d"
is 'one whose directory has another name since' "$(versions "$mnt/d/copy")" '3 R b/copy c/copy 30000, 2 A b/copy 30000'
mv "$mnt/d" "$mnt/c"
ok 'a session' burn
is 'a name that is given again' "$(versions "$mnt/a/one")" '4 A a/one 7000, 2 R a/one b/eins 30000, 1 A a/one 30000'
is 'one that another file took' "$(versions "$mnt/c/five")" '4 M c/five 100, 3 R b/five c/five 5000, 2 A b/five 5000'
ok 'unmount' umount_disc
same_file 'the disc says what its mount said' <(log_of "$disc" | tail -n +3) <(log_of -n 99 "$disc" | tail -n +3)
fails 'no disc' 1 log_of "$T/none"
fails 'no number' 2 log_of -n 0 "$disc"
fails 'a full disk' 1 sh -c "'$BUILD/cdappendfs-log' '$disc' >/dev/full"

# ---- deleted out of a directory that was renamed
blank_disc "$disc.2"
mount_disc "$disc.2"
mkdir -p "$mnt/d/sub"
for f in f1 f2 sub/f3; do noise 3000 1 >"$mnt/d/$f"; done
ok 'a session' burn
mv "$mnt/d" "$mnt/dd"
rm -r "$mnt/dd/f1" "$mnt/dd/sub"
noise 100 2 >>"$mnt/dd/f2"
ok 'another one' burn
is 'it did not get the new name' "$(versions "$mnt/d/f1")" '2 D d/f1 0, 1 A d/f1 3000'
is 'nor with a directory that was deleted' "$(versions "$mnt/d/sub/f3")" '2 D d/sub/f3 0, 1 A d/sub/f3 3000'
is 'what is left did, with its size' "$(versions "$mnt/d/f2")" '2 R d/f2 dd/f2 3100, 1 A d/f2 3000'
fails 'a path in the directory of sessions' 1 log_of "$mnt/.sessions/1/d/f1"
like 'is refused' "$(cat "$T/ok.output")" '\.sessions'
ok 'unmount' umount_disc

# ---- of other programs
mkdir -p "$T/tree"
noise 30000 1 >"$T/tree/one"
xorriso -outdev "$T/foreign.iso" -volid THEIRS -map "$T/tree" / -commit >"$T/xorriso.log" 2>&1
xorriso -dev "$T/foreign.iso" -mv /one /eins -- -map "$T/tree/one" /zwei -commit >"$T/xorriso.log" 2>&1
mount_disc "$T/foreign.iso"
mv "$mnt/eins" "$mnt/uno"
ok 'ours above two of another program' burn -m 'with words'
is 'added' "$(field "$mnt" added)" '0 1 1'
is 'moved' "$(field "$mnt" moved)" '1 1 0'
is 'messages' "$(field "$mnt" message)" 'with words null null'
is 'versions' "$(versions "$mnt/uno")" '3 R eins uno 30000, 2 R one eins 30000, 1 A one 30000'
ok 'unmount' umount_disc

# ---- sessions that are not found
genisoimage -quiet -R -J -o "$T/based.iso" "$T/tree" 2>/dev/null
mount_disc "$T/based.iso"
echo 1 >"$mnt/first"
ok 'ours above another program' burn
echo 2 >"$mnt/second"
ok 'another one' burn
lba=$(info_json '$_->{sessions}[1]{start_lba}' "$mnt")
ok 'unmount' umount_disc
ok 'the first one is overwritten' dd if=/dev/zero of="$T/based.iso" bs=2048 seek="$lba" count=32 conv=notrunc status=none
fails 'what the next one changed is not known' 1 log_of "$T/based.iso"
like 'is said' "$(cat "$T/ok.output")" 'session 3.*what it changed is not known: the sessions before it are not found'
is 'nor counted' "$(field "$T/based.iso" added 2>/dev/null)" null
silent 'which does not matter when it is not asked for' sh -c "'$BUILD/cdappendfs-log' -b '$T/based.iso' >/dev/null"
start_disc -o ro "$T/based.iso"
fails 'and versions' 1 log_of "$mnt/one"
like 'are not known' "$(cat "$T/ok.output")" '^session 3 .*  [?]  29.3 KiB  one'
ok 'unmount' umount_disc

# ---- damage
cp "$disc" "$T/record.iso"
end=$(info_json '$_->{sessions}[1]{start_lba} + $_->{sessions}[1]{sectors}' "$disc")
dd if=/dev/zero of="$T/record.iso" bs=2048 seek=$((end - 1)) count=1 conv=notrunc status=none
is 'a session without its commit record has its message' "$(log_of --json "$T/record.iso" | grep -c '"message":"müde"')" 1
like 'and is ours' "$(log_of "$T/record.iso")" 'session 2  [^ ]*  LABEL  \(its commit record cannot be read\)'
is 'its numbers hold' "$("$BUILD/cdappendfs-diff" "$T/record.iso" 1 3 | grep ' b/ ')" 'R  b/ -> c/'
lba=$(info_json '$_->{sessions}[1]{start_lba}' "$disc")
printf 'X' | dd of="$disc" bs=1 seek=$(((lba + 12) * 2048 + 50)) conv=notrunc status=none
fails 'a message that was altered' 1 log_of "$disc"
like 'is told' "$(cat "$T/ok.output")" 'session 2: its message cannot be read'
is 'and is not none' "$(log_of --json "$disc" 2>/dev/null | json 'join " ", map { $_->{message_lost} ? "lost" : $_->{message} // "null" } @{$_->{sessions}}')" 'null null lost the first visit'
root=$(python3 - "$disc" "$lba" <<'END'
import sys
with open(sys.argv[1], 'rb') as disc:
    disc.seek((int(sys.argv[2]) + 16) * 2048 + 158)
    print(int.from_bytes(disc.read(4), 'little'))
END
)
head -c 1500 /dev/zero | tr '\0' '\377' | dd of="$disc" bs=1 seek=$((root * 2048 + 400)) conv=notrunc status=none
fails 'a root directory that cannot be read to its end' 1 log_of "$disc"
is 'what two sessions changed is not known' "$(field "$disc" added 2>/dev/null)" '1 null null 3'
done_testing
