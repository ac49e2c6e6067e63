#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sizes.t - a file of several sections with marks at their ends, a directory of many entries, many files, many
# directories, deep trees, the largest file: what is burned is what 7-Zip, xorriso and Linux find, in a second session too
#
# SIZES_GIB (13, 9 where less is free): of the sparse file; SIZES_ENTRIES (5,000) of one directory; SIZES_FILES (4,000)
# in directories of 1,000; SIZES_DIRECTORIES (2,000) in others of 1,000; SIZES_DEPTH (300).  `make soak` has 200,000
# entries, 1,000,000 files, 70,000 directories, and the largest file.  Zeros of a file count as room, also of the
# image's file system.  Where less is free below TMPDIR root lays the image on one in a sparse file, others do without.
. "$(dirname "$0")/../lib.sh"

free=$(df -B1G --output=avail "$T" | tail -n 1)
gib=${SIZES_GIB:-$((free > 13 ? 13 : 9))} entries=${SIZES_ENTRIES:-5000} files=${SIZES_FILES:-4000} directories=${SIZES_DIRECTORIES:-2000} depth=${SIZES_DEPTH:-300}
seven=$(command -v 7zz || command -v 7z || command -v 7za)
section=$(((1 << 32) - 2048))
largest=$((90 * section))
if ((free > gib)); then
	disc=$T/disc.iso
elif ((EUID == 0)) && truncate -s "$((gib + gib / 10 + 2))G" "$T/room" && mkfs.ext4 -q -m 0 -O ^has_journal "$T/room" && mkdir "$T/in-room" && mount -o loop "$T/room" "$T/in-room"; then
	disc=$T/in-room/disc.iso
else
	skip_all "$((gib + 1)) GiB must be free in ${TMPDIR:-/tmp}, there are $free: TMPDIR=… for another place, SIZES_GIB=5 for less"
fi
patience $((600 + gib * 20 + (files + 3 * directories) / 500))

# ---- what there is
blank_disc "$disc"
mount_disc "$disc"
size=$((gib << 30))
((size <= largest)) || size=$largest
# A mark ends before each section's end, one begins at it, one lies across.
marks=(0 $((size - 16)))
for ((at = section; at < size; at += section)); do marks+=($((at - 16)) $((at + 16)) $((at - 8))); done
truncate -s "$size" "$mnt/sparse"
# The one across is written first, so that its ends are those of its neighbours.
for ((i = ${#marks[@]} - 1; i >= 0; i--)); do printf '%16d' "${marks[i]}" | dd of="$mnt/sparse" bs=16 oflag=seek_bytes seek="${marks[i]}" conv=notrunc status=none; done
like 'a byte more than 90 sections is refused at once' "$(truncate -s $((largest + 1)) "$mnt/larger" 2>&1)" 'File too large'
rm "$mnt/larger"
mkdir "$mnt/entries" "$mnt/files"
(cd "$mnt/entries" && seq -f 'entry %07.0f' "$entries" | xargs -d '\n' touch)
for ((i = 0; i * 1000 < files; i++)); do mkdir "$mnt/files/$i" && (cd "$mnt/files/$i" && seq 1000 | xargs touch); done
mkdir "$mnt/directories"
for ((i = 0; i * 1000 < directories; i++)); do mkdir "$mnt/directories/$i" && (cd "$mnt/directories/$i" && seq 1000 | xargs mkdir); done
deep=$(printf 'd/%.0s' $(seq "$depth"))
mkdir -p "$mnt/$deep"
echo bottom >"$mnt/${deep}bottom"
listing() { (cd "$1" && find . -printf '%y %s %P\n' | sed 's/^d [0-9]*/d/' | LC_ALL=C sort) | sha256sum; }
listing "$mnt" >"$T/want"
# What the daemon has read by system calls: it reads back what it wrote, but no hole.
has_read() { awk '/^rchar/ {print $2}' "/proc/${pid_of[$mnt]}/io"; }
before=$(has_read)
ok 'a session' bounded 1200 "$BUILD/cdappendfs-sync" -q "$mnt"
cmp_number 'what has no data is not read back' "$(($(has_read) - before))" -lt "$((1 << 30))"
cmp_number 'the image is as sparse as the file' "$(($(stat -c %b "$disc") / 2))" -lt "$((1 << 20))"
ok 'unmounted' umount_disc

mount_disc "$disc"
listing "$mnt" >"$T/got"
same_file 'we find all of it' "$T/want" "$T/got"
is 'the first mark' "$(head -c 16 "$mnt/sparse")" "$(printf '%16d' 0)"
is 'the last mark' "$(tail -c 16 "$mnt/sparse")" "$(printf '%16d' $((size - 16)))"
is 'the one before the end of a section' "$(dd if="$mnt/sparse" bs=8 iflag=skip_bytes skip=$((section - 16)) count=1 status=none)" "$(printf '%16d' $((section - 16)) | head -c 8)"
is 'the one behind it' "$(dd if="$mnt/sparse" bs=16 iflag=skip_bytes skip=$((section + 16)) count=1 status=none)" "$(printf '%16d' $((section + 16)))"

# ---- a second session: a directory with a file, in a directory among many
mkdir "$mnt/directories/0/1/new"
echo new >"$mnt/directories/0/1/new/file"
listing "$mnt" >"$T/want"
ok 'another session' bounded 600 "$BUILD/cdappendfs-sync" -q "$mnt"
ok 'unmounted again' umount_disc
mount_disc "$disc"
listing "$mnt" >"$T/got"
same_file 'we find all of that' "$T/want" "$T/got"

# ---- others
mapfile -t told < <("$seven" l -slt "$disc" sparse 2>/dev/null | sed -n 's/^Size = //p')
is '7-Zip: the size of the large file' "${told[0]}" "$size"
# It goes no deeper, and says nothing (README.md, "Reading the discs elsewhere").
is '7-Zip: all names of 257 levels' "$("$seven" l -slt "$disc" 2>/dev/null | grep -c '^Path = ')" $(($(find "$mnt" -mindepth 1 -maxdepth 257 | wc -l) + 1))
# It looks for each name among all of its directory.
patience $((600 + entries / 100 * (entries / 10000 + 1)))
is 'xorriso: all names' "$(xorriso -indev "$disc" -find / -exec echo -- 2>/dev/null | wc -l)" "$(find "$mnt" | wc -l)"
is 'xorriso: the size of the large file' "$(xorriso -indev "$disc" -lsl /sparse 2>/dev/null | awk '{print $5}')" "$size"
# It reads a file from its beginning, up to where it cuts.
dd if="$mnt/sparse" bs=48 iflag=skip_bytes skip=$((section - 16)) count=1 status=none >"$T/our.cut"
xorriso -osirrox on -indev "$disc" -extract_cut /sparse $((section - 16)) 48 "$T/xorriso.cut" >"$T/xorriso.log" 2>&1
same_file 'xorriso: the marks at the end of the first section' "$T/our.cut" "$T/xorriso.cut"
ok 'cdappendfs-check' bounded 1200 "$BUILD/cdappendfs-check" -q "$disc"
if why=$(uml_missing); then
	skip 'Linux' "$why"
else
	cat >"$T/in-guest" <<'END'
#!/bin/bash
mkdir -p /mnt/iso
mount -t iso9660 -o ro,loop "$1" /mnt/iso || exit
(cd /mnt/iso && find . -printf '%y %s %P\n' | sed 's/^d [0-9]*/d/' | LC_ALL=C sort) | sha256sum >"$T/linux"
for at in $2; do dd if=/mnt/iso/sparse bs=16 iflag=skip_bytes skip="$at" count=1 status=none; echo; done >"$T/linux.marks"
umount /mnt/iso
END
	chmod +x "$T/in-guest"
	ok 'the guest ran' in_uml -M 700 -t $((300 + (files + entries + directories) / 100)) "$T/in-guest" "$disc" "${marks[*]}"
	same_file 'Linux finds all of it' "$T/want" "$T/linux"
	for at in "${marks[@]}"; do dd if="$mnt/sparse" bs=16 iflag=skip_bytes skip="$at" count=1 status=none; echo; done >"$T/our.marks"
	same_file 'and the marks' "$T/our.marks" "$T/linux.marks"
fi
ok 'unmounted' umount_disc
done_testing
