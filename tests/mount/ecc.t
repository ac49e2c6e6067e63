#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ecc.t - sessions with parity: others see nothing of it, the mount reads through it up to its bound, df and dry run count it
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
# A number of the header of the newest session's parity area, by its bytes: word OFFSET
parity_lba() { info_json '$_->{sessions}[-1]{parity_lba}' "$disc"; }
word() { od -An -t u4 -j $(($(parity_lba) * 2048 + $1)) -N 4 --endian=little "$disc" | tr -d ' '; }
# Mounted read-only with blocks that cannot be read: with_faults RANGE…
with_faults() {
	local spec='' range
	for range in "$@"; do spec+="${spec:+\\,}read@$range=EIO"; done
	mount_disc -o "ro,disc-fault=$spec" "$disc"
}
make_tree() {
	mkdir "$1/sub"
	noise 9000000 1 >"$1/first"
	noise 5000000 2 >"$1/sub/second"
	noise 3000 3 >"$1/sub/small"
	cp -p "$TOP/tests/lib.sh" "$1/zz test"
}
make_tree "$T"

# ---- as much as was asked for, seen by nobody, made good up to the bound
for percent in 5 10 20; do
	blank_disc "$disc"
	mount_disc -o "ecc=$percent" "$disc"
	make_tree "$mnt"
	planned=$(bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '"$_->{append_bytes} $_->{parity_bytes}"')
	tree_digest "$mnt" T >"$T/before"
	is "$percent %: the dry run is exact" "$(bounded 60 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '"$_->{append_bytes} $_->{parity_bytes}"')" "$planned"
	ok "$percent %: unmount" umount_disc
	area=$(parity_lba) k=$(word 40) m=$(word 44) columns=$(word 48) start=$(word 64) length=$(word 68)
	is "$percent %: what is protected begins with the session and ends with the area" "$start $((start + length))" "32 $area"
	cmp_number "$percent %: so much" $((m * 100)) -ge $((k * percent))
	cmp_number "$percent %: and not a piece more" $(((m - 1) * 100)) -lt $((k * percent))
	is "$percent %: the header stands twice" "$(dd if="$disc" bs=2048 count=1 skip="$area" status=none | sha256sum)" \
		"$(dd if="$disc" bs=2048 count=1 skip=$((area + $(word 36) - 1)) status=none | sha256sum)"
	rm -rf "$T/out"
	ok "$percent %: xorriso reads it" bounded 120 xorriso -abort_on FAILURE -osirrox on -indev "$disc" -extract / "$T/out"
	ok "$percent %: whole" diff -r "$T/sub" "$T/out/sub"
	like "$percent %: xorriso sees no other file" "$(ls "$T/out")" $'^first\nsub\nzz test$'

	bound=$((m * columns * 32))
	for from in $((start + 200)) $((area - bound)) $((area - bound / 2)); do
		with_faults "$from-$((from + bound - 1))"
		tree_digest "$mnt" T >"$T/after"
		same_listing "$percent %: $bound blocks from $from on are lost, all is right" "$T/before" "$T/after"
		like "$percent %: it is told" "$(cat "$log")" "blocks [0-9]+ to [0-9]+ of the disc cannot be read; parity made them again"
		ok "$percent %: unmount" umount_disc
	done
	from=$((start + 1000))
	with_faults "$from-$((from + bound))"
	fails "$percent %: a block more: the file cannot be read" any cat "$mnt/first"
	same_file "$percent %: another one can" "$T/sub/second" "$mnt/sub/second"
	like "$percent %: it is told" "$(cat "$log")" "too much is lost"
	ok "$percent %: unmount" umount_disc
done

# ---- here and there, and of the area too
blank_disc "$disc"
mount_disc -o ecc=10 "$disc"
make_tree "$mnt"
ok 'sync' sync_disc
noise 70000 7 >"$mnt/later"
ok 'a second session' sync_disc
noise 70000 8 >"$mnt/without"
tree_digest "$mnt" T >"$T/before"
ok 'unmount' umount_disc
is 'each has its own' "$(info_json 'join " ", map {$_->{parity_bytes} > 0 ? 1 : 0} @{$_->{sessions}}' "$disc")" '1 1 1'
first=$(info_json '$_->{sessions}[0]{parity_lba}' "$disc")
with_faults 400 500-503 1003 2999-3030 4000 5000 "$first" $((first + 1)) $((first + 50))-$((first + 60))
tree_digest "$mnt" T >"$T/after"
same_listing 'losses here and there, of the header and the digests too' "$T/before" "$T/after"
like 'they are told' "$(cat "$log")" 'parity made them again'
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
is 'nothing is told where nothing is lost' "$(cat "$mnt/first" "$mnt/later" >"$T/read"; cat "$log")" ''
ok 'unmount' umount_disc
mount_disc "$disc"
noise 1000 9 >"$mnt/more"
tree_digest "$mnt" T >"$T/before"
ok 'a session without, above it' umount_disc
is 'has none' "$(info_json '$_->{sessions}[-1]{parity_bytes} // "none"' "$disc")" none

# ---- what was altered, and reads without an error: with check=reads
for block in 300 301 2000 4100; do printf 'altered' | dd of="$disc" bs=1 seek=$((block * 2048 + 99)) conv=notrunc status=none; done
mount_disc -o ro,check=reads "$disc"
tree_digest "$mnt" T >"$T/after"
same_listing 'altered blocks are as they were' "$T/before" "$T/after"
like 'it is told' "$(cat "$log")" 'was damaged, and is repaired'
ok 'unmount' umount_disc

# ---- what the disk below an image cannot read, also in large pieces
blank_disc "$disc"
mount_disc -o ecc=10 "$disc"
{ echo 'BEGINNING OF IT'; noise 5000000 3; } >"$mnt/file"
cp "$mnt/file" "$T/whole"
ok 'a session' umount_disc
blank_disc "$T/below.iso"
mount_disc "$T/below.iso" "$T/below"
cp "$disc" "$T/below/disc.iso"
ok 'its image lies on a file system' umount_disc "$T/below"
at=$(($(grep -obUa -m 1 'BEGINNING OF IT' "$T/below.iso" | head -n 1 | cut -d: -f1) / 2048))
mount_disc -o "ro,disc-fault=read@$((at + 70))=EIO\\,read@$((at + 900))-$((at + 950))=EIO" "$T/below.iso" "$T/below"
fails 'which gives errors' any cat "$T/below/disc.iso"
mount_disc -o ro "$T/below/disc.iso"
ok 'the file can be read' cat "$mnt/file"
same_file 'and is whole' "$T/whole" "$mnt/file"
like 'it is told' "$(cat "$log")" 'parity made them again'
ok 'unmount' umount_disc
ok 'unmount' umount_disc "$T/below"

# ---- df: what was accepted fits, with the parity
fill() {
	local name=$1
	shift
	blank_disc "$disc"
	mount_disc -o media=6M,ecc=20 "$disc"
	fails "$name: ends" any bash -c "cd '$mnt' && $*"
	tree_digest "$mnt" >"$T/before"
	ok "$name: what was accepted is burned" umount_disc
	cmp_number "$name: within the capacity" "$(apparent_size "$disc")" -le $((6 << 20))
	mount_disc "$disc"
	tree_digest "$mnt" >"$T/after"
	same_listing "$name: whole" "$T/before" "$T/after"
	ok "$name: unmount" umount_disc
}
fill 'one large file' dd if=/dev/urandom of=large bs=100000 count=100 status=none
cmp_number 'most of the disc can be used' "$(apparent_size "$disc")" -gt 6000000
# shellcheck disable=SC2016 # for the shell there
fill 'small files' 'for i in {1..6000}; do echo "$i" >"file $i" || exit; done'

for value in 101 x -1 ''; do
	fails "ecc=$value" 2 "$BUILD/cdappendfs" -o "ecc=$value" "$disc" "$mnt"
done
done_testing
