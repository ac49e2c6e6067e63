#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# md5.t - sessions with -o md5: xorriso verifies them, and finds what was altered; sums are taken over from session to
# session, and from xorriso's
. "$(dirname "$0")/../lib.sh"
need xorriso getfattr setfattr python3

disc=$T/disc.iso
media_of() { xorriso -md5 on -indev "$1" -check_media -- 2>&1; }
# ranges DISC: "START SIZE RESULT" of each range that has a tag
ranges() { media_of "$1" | sed -n 's/^MD5 tag range: *\([0-9]*\) , *\([0-9]*\) , [+0-] *\([a-z0-9_]*\).*/\1 \2 \3/p'; }
results() { ranges "$1" | cut -d' ' -f3 | paste -sd,; }
files_of() { xorriso -md5 on -indev "$1" -check_md5_r sorry / -- 2>&1; }
match='File contents and their MD5 checksums match.'
# sums DISC: of its files, as xorriso has them from the disc; and as md5sum has them of the mount
sums() { xorriso -md5 on -indev "$1" -find / -type f -exec get_md5 -- 2>/dev/null | cut -c1-32 | sort; }
summed() { find "$1" -type f -exec sh -c 'md5sum <"$1"' . {} \; | cut -c1-32 | sort; }
verified() {
	like "$1: sessions" "$(results "$2")" '^md5_match(,md5_match)*$'
	like "$1: files" "$(files_of "$2")" "$match"
}
block_of() { echo $(($(grep -obUa -m 1 -- "$1" "$2" | head -n 1 | cut -d: -f1) / 2048)); }
flip() { printf '\xa5' | dd of="$1" bs=1 seek=$(($2 * 2048 + 200)) conv=notrunc status=none; }

fails 'a linked tree has none' any bounded 60 "$BUILD/cdappendfs" -o md5,tree=linked,create "$T/none.iso" "$mnt"

# ---- from a blank disc on: whatever files may be
blank_disc "$disc"
mount_disc -o md5,media=60M "$disc"
make_odd_tree "$mnt/odd"
{ echo 'BEGINNING OF OLD'; noise 300000 1; } >"$mnt/old"
truncate -s 3M "$mnt/hole" && echo end >>"$mnt/hole"
echo two >"$mnt/two" && ln "$mnt/two" "$mnt/two again" && cp "$mnt/old" "$mnt/copy"
setfattr -n user.some -v value "$mnt/two" 2>/dev/null
: >"$mnt/$(printf 'n%.0s' {1..250})"
summed "$mnt" >"$T/want"
ok 'first session' umount_disc
verified 'first session' "$disc"
same_listing 'each file has its sum' "$T/want" <(sums "$disc")
ok 'it is sound for us' bounded 60 "$BUILD/cdappendfs-check" -q --state="$T/checks" "$disc"
mount_disc -o ro "$disc"
tree_digest "$mnt" >"$T/tree"
silent 'the mount shows nothing of it' getfattr -h -d -m - "$mnt/old"
umount_disc "$mnt"
reader_gives 'the second reader reads it' "$disc" 1 "$T/tree"
cp "$disc" "$T/bad.iso"
"$TOP/tests/interop/damage" "$T/bad.iso" 1 head relative absolute
fails 'also when no descriptor is left, which it says' 1 reader --session 1 "$T/bad.iso" "$T/restored"
tree_digest "$T/restored" | grep -v '^without-a-name' >"$T/got"
same_listing 'all is there' "$T/tree" "$T/got"

# ---- further ones.  A file that stays is not read again: its block could not be.
old=$(block_of 'BEGINNING OF OLD' "$disc")
mount_disc -o "md5,disc-fault=read@$((old + 5))=EIO" "$disc"
echo new >"$mnt/new"
echo more >>"$mnt/two"
mv "$mnt/copy" "$mnt/moved"
chmod 600 "$mnt/old"
ok 'second session' umount_disc
verified 'second session' "$disc"
mount_disc -o md5,ecc=20,nojoliet "$disc"
{ echo 'BEGINNING OF PROTECTED'; noise 100000 2; } >"$mnt/protected"
echo more >>"$mnt/old"
ok 'third, with parity, without Joliet' umount_disc
verified 'third session' "$disc"
mount_disc -o md5,compress "$disc"
seq 100000 >"$mnt/compressible"
ok 'fourth, compressed' umount_disc
verified 'fourth session' "$disc"
is 'four sessions have tags' "$(ranges "$disc" | wc -l)" 4

# ---- what was altered is found, by xorriso
for what in OLD PROTECTED; do
	cp "$disc" "$T/bad.iso"
	flip "$T/bad.iso" $(($(block_of "BEGINNING OF $what" "$disc") + 2))
	like "altered in $what: the session" "$(results "$T/bad.iso")" md5_mismatch
	like "altered in $what: the file" "$(files_of "$T/bad.iso")" "'/(${what,,}|moved)'"
done
cp "$disc" "$T/bad.iso"
flip "$T/bad.iso" $(($(ranges "$disc" | tail -n 1 | cut -d' ' -f1) + 22))
like 'altered in a path table' "$(xorriso -md5 on -indev "$T/bad.iso" -check_media -- 2>&1)" 'md5_mismatch|MISMATCH|mismatch'

# ---- by turns with xorriso, and with sessions without sums
noise 50000 3 >"$T/theirs"
ok 'xorriso appends' xorriso -md5 on -dev "$disc" -map "$T/theirs" /theirs -commit
verified 'with one of xorriso' "$disc"
mount_disc -o md5 "$disc"
echo five >"$mnt/five"
summed "$mnt" >"$T/want"
ok 'ours above it' umount_disc
verified 'ours above it' "$disc"
mount_disc -o tree=linked "$disc"
echo six >"$mnt/odd/six"
ok 'a linked one without sums' umount_disc
is 'has none' "$(ranges "$disc" | wc -l)" 6
mount_disc -o md5 "$disc"
echo seven >"$mnt/seven"
ok 'and with them again: all files are read' umount_disc
verified 'seven sessions later' "$disc"

# ---- a file that cannot be read has a sum that is of nothing, and keeps no session from being made
blank_disc "$disc"
mount_disc "$disc"
{ echo 'BEGINNING OF LOST'; noise 90000 4; } >"$mnt/lost"
echo kept >"$mnt/kept"
ok 'a disc without sums' umount_disc
mount_disc -o "md5,disc-fault=read@$(($(block_of 'BEGINNING OF LOST' "$disc") + 3))=EIO" "$disc"
echo new >"$mnt/new"
ok 'sums, with a file that cannot be read' umount_disc
like 'it is the only one that does not match' "$(files_of "$disc" | grep -c MISMATCH) $(files_of "$disc")" "^1 .*'/lost'"
mount_disc -o md5 "$disc"
echo newer >"$mnt/newer"
ok 'the next session reads it' umount_disc
verified 'a sum of nothing is not taken over' "$disc"

# ---- above a foreign head, and in an image that another program began
for kind in genisoimage xorriso; do
	new_disc "$kind" "$disc" "$T/reference"
	mount_disc -o md5 "$disc"
	echo ours >"$mnt/ours"
	summed "$mnt" >"$T/want"
	ok "$kind: ours above it" umount_disc
	# Where the disc begins at block 0 xorriso sees no sessions.
	like "$kind: files" "$(files_of "$disc")" "$match"
	same_listing "$kind: each file" "$T/want" <(sums "$disc")
done
done_testing
