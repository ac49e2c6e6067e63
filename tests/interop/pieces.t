#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pieces.t - files lie in one piece unless pieces save much (share=auto, pieces=, compat): what is burned of each kind of
# change, how many files are said to lie in pieces, and which; xorriso and isoinfo say the same
. "$(dirname "$0")/../lib.sh"

reference=$T/reference
seven=$(command -v 7zz || command -v 7z || command -v 7za)
mkdir "$reference"
result() { bounded 300 "$BUILD/cdappendfs-sync" "$@" --json "$mnt" | tail -n 1; }
# burned NAME BLOCKS PIECES [OPTION…]: so many blocks of data, so many files in pieces, by the dry run, the result, the disc,
# and xorriso, which lists each section
burned() {
	local name=$1 blocks=$2 pieces=$3 dry
	shift 3
	dry=$(result --dry-run "$@" | json '($_->{data_bytes} / 2048) . " $_->{files_in_pieces}"')
	is "$name: blocks, and files in pieces" "$(result "$@" | json '($_->{data_bytes} / 2048) . " $_->{files_in_pieces}"')" "$blocks $pieces"
	is "$name: the dry run said so" "$dry" "$blocks $pieces"
	is "$name: the disc says so" "$(info_json '"$_->{files_in_pieces} $_->{sessions}[-1]{files_in_pieces}"' "$mnt")" "$pieces $pieces"
	is "$name: those are listed" "$(info --pieces "$mnt" | wc -l)" "$(names_in_pieces | wc -l)"
	drop_caches
	tree_digest "$reference" ti >"$T/want"
	tree_digest "$mnt" ti >"$T/got"
	same_listing "$name: the tree is the source" "$T/want" "$T/got"
}
# of_sections NUMBERS: the files that have a section of such a number, as a regular expression
of_sections() { xorriso -indev "$disc" -find / -type f -exec report_lba -- 2>/dev/null | sed -nE "s/^File data lba: +$1 ,[^']*'(.*)'\$/\1/p" | sort -u; }
names_in_pieces() { of_sections '[1-9][0-9]*'; }
listed() { info --pieces "$1" | sed -E 's/^[0-9]+ (.*)\t[0-9]+$/\1/' | sort; }
both() { (cd "$reference" && "$@") && (cd "$mnt" && "$@"); }
patch() { local at file=$1; shift; for at; do printf 'patched' | dd of="$file" bs=2048 seek="$at" conv=notrunc status=none; done; }
patch_at() { patch "$@"; }
append() { printf 'more\n' >>"$1"; }

# ---- the default
disc=$T/auto.iso
mkdir "$T/source"
noise 5000000 1 >"$T/source/photo"		# 2442 blocks
noise 300000 2 >"$T/source/log"			# 147
noise 24000000 3 >"$T/source/mailbox"		# 11719
noise 20480000 4 >"$T/source/database"		# 10000
noise 4096 5 >"$T/source/small"
mount_disc -o create "$disc"
for file in photo log mailbox database small; do both cp "$T/source/$file" $file; done
burned 'the first session' $((2442 + 147 + 11719 + 10000 + 2)) 0
both append log
burned 'a byte appended to a small file: all of it' 147 0
both patch_at photo 100
burned 'a block changed in it' 2442 0
both mkdir d
both mv photo d/photo
both chmod 600 d/photo log
both ln log d/log
burned 'renamed, chmod-ed, linked after it was written whole' 0 0
both append mailbox
both patch_at database 1 50 700
burned 'where pieces save more than 16 MB' 4 2
is 'they are listed' "$(listed "$mnt")" $'/database\n/mailbox'
is 'xorriso lists the same' "$(names_in_pieces)" $'/database\n/mailbox'
like 'said' "$(info "$mnt" | grep '^Pieces')" '2 files lie in several pieces, of which macOS and the BSDs show only one'
both mv mailbox d/inbox
both chmod 640 database
both ln database d/db2
burned 'renamed, chmod-ed, linked: they stay' 0 2
is 'each name is listed' "$(listed "$mnt")" $'/d/db2\n/d/inbox\n/database'
info --pieces --json "$mnt" | json '$_->{files_in_pieces} . join " ", "", sort map { "$_->{path} $_->{sections} $_->{bytes}" } @{$_->{pieces}}' >"$T/listed"
is 'as JSON' "$(cat "$T/listed")" '2 /d/db2 7 20480000 /d/inbox 2 24000005 /database 7 20480000'
both patch_at d/inbox 6000
burned 'one in pieces, changed again: it goes on so' 1 2
both truncate -s 10240000 database
burned 'one in pieces, cut so that they save little' 5000 1

# ---- copies
cp "$reference/d/inbox" "$T/copy"
both cp "$T/copy" inbox2
burned 'a copy of one in pieces is as large, so it is in pieces, too' 0 2
both rm inbox2
cp "$reference/d/photo" "$T/copy"
both cp "$T/copy" photo2
both cp "$T/copy" photo3
burned 'copies of a whole one' 0 1
both cp d/photo photo4				# within the disc: blocks are shared as it copies
burned 'a copy within the disc' 0 1
both cp --remove-destination "$T/copy" d/photo
burned 'the same content again in its place' 0 1
both dd if=d/photo of=begin bs=2048 count=1000 status=none
burned 'a content that begins as another file does' 1000 1
(cd "$reference" && cp d/photo both && cat log >>both && head -c 409600 d/photo >start)
(cd "$mnt" && cp d/photo both && cat log >>both && head -c 409600 d/photo >start)
burned 'put together of two' $(((5000000 + 300005 + 2047) / 2048 + 200)) 1
is 'xorriso lists only one' "$(names_in_pieces)" /d/inbox
both truncate -s 409600 photo4
burned 'cut, where others begin so' 200 1
both truncate -s 407552 photo3
burned 'cut to what no other is' 199 1
truncate -s 9000000 "$T/sparse"
patch "$T/sparse" 3000
both cp --sparse=always "$T/sparse" sparse
burned 'a sparse file' 4395 1
both patch_at sparse 100
burned 'changed' 4395 1

# ---- removed
both rm -r d
burned 'those are removed' 0 0
ok 'unmount' umount_disc
cp -a "$reference" "$T/auto.reference"
silent 'unmounted: none is listed' info --pieces "$disc"

# ---- pieces=
for case in 1M:1:1 8M:2442:0 0:1:1; do
	IFS=: read -r size blocks pieces <<<"$case"
	disc=$T/size.iso
	rm -rf "$disc" "$reference"
	mkdir "$reference"
	mount_disc -o "create,pieces=$size" "$disc"
	both cp "$T/source/photo" photo
	burned "pieces=$size" 2442 0
	both patch_at photo 100
	burned "pieces=$size: changed" "$blocks" "$pieces"
	ok 'unmount' umount_disc
	is "pieces=$size: unmounted" "$(info --pieces "$disc" | wc -l)" "$pieces"
done
cp -a "$reference" "$T/size.reference"

# ---- compat: nothing in pieces, equal content is shared, and what lies in pieces is brought together
disc=$T/heal.iso
rm -rf "$reference"
mkdir "$reference"
mount_disc -o create,share=blocks,tree=linked "$disc"
for file in photo log small; do both cp "$T/source/$file" $file; done
both mkdir -p a/b
both cp "$T/source/small" a/b/small
both mkdir -p gone/below
noise 300000 6 | tee "$reference/gone/below/log" >"$mnt/gone/below/log"
burned 'share=blocks: a first session' $((2442 + 147 + 2 + 147)) 0
both patch_at photo 9 1000
both append log
both append gone/below/log
burned 'share=blocks: changed' 4 3
both rm -r gone
burned 'linked: a directory is removed with one in pieces' 0 2
for round in 1 2 3; do
	both cp "$T/source/small" "a/small$round"
	burned "linked, $round" 0 2
done
ok 'unmount' umount_disc
mount_disc -o compat "$disc"
both cp "$T/source/photo" photo.before
both append a/small1
burned 'compat: a copy; what was in pieces stays, and keeps the first block' $((2442 + 3)) 2
both cp "$T/source/photo" photo.again
burned 'compat: what is equal is shared' 0 2
both mv log a/log
burned 'compat: renamed' 0 2
drop_caches
burned 'compat: --full-tree brings together' $((2442 + 147)) 0 --full-tree
is 'compat: xorriso lists all in one piece' "$(of_sections 0 | wc -l)" "$(find "$reference" -type f | wc -l)"
none 'compat: and none in several' "$(names_in_pieces)"
is 'compat: again there is nothing to do' "$(result --full-tree | json '"$_->{append_bytes} $_->{burned} $_->{files_in_pieces}"')" '0 0 0'
both chmod 600 photo
both mv a/log log
burned 'compat: renamed after it was brought together' 0 0
ok 'unmount' umount_disc
cp -a "$reference" "$T/heal.reference"
mkdir "$T/tar"
ok 'bsdtar extracts all of it' bsdtar -xf "$disc" -C "$T/tar"
tree_digest "$reference" Tti >"$T/want"
tree_digest "$T/tar" Tti >"$T/got"
same_listing 'as it was' "$T/want" "$T/got"

# ---- above a foreign session: it does not tell, and may hold files in pieces
mkdir "$T/foreign"
cp "$T/source/log" "$T/foreign/log"
disc=$T/foreign.iso
xorriso -outdev "$disc" -map "$T/foreign" / -commit >/dev/null 2>&1
is 'a foreign disc does not tell' "$(info_json 'defined $_->{files_in_pieces} ? "told" : "null"' "$disc")" null
like 'and that is said' "$(info "$disc" | grep '^Pieces')" 'not known'
is 'looking tells' "$(info --pieces --json "$disc" | json '"$_->{files_in_pieces}"')" 0
rm -rf "$reference"
cp -a "$T/foreign" "$reference"
mount_disc -o compat "$disc"
is '--full-tree of a foreign one that is whole' "$(result --full-tree | json '"$_->{append_bytes} $_->{burned}"')" '0 0'
both append log
burned 'a foreign file changed' 147 0
ok 'unmount' umount_disc
cp -a "$reference" "$T/foreign.reference"

# ---- what others read
for disc in auto size heal foreign; do
	wrong=$(cd "$T/$disc.reference" && find . -type f -printf '%P\n' | while IFS= read -r file; do
		isoinfo -i "$T/$disc.iso" -R -x "/$file" 2>/dev/null | cmp -s - "$file" || echo "$file"
	done)
	none "isoinfo reads $disc" "$wrong"
	ok "7-Zip reads $disc" "$seven" x -y -bd "-o$T/7z.$disc" "$T/$disc.iso"
	ok 'and has it as it was' diff -r "$T/$disc.reference" "$T/7z.$disc"
done

# ---- what cannot be
fails 'pieces= needs a size' 2 "$BUILD/cdappendfs" -o pieces=few "$T/auto.iso" "$mnt"
fails 'share= needs one of three' 2 "$BUILD/cdappendfs" -o share=some "$T/auto.iso" "$mnt"
fails 'one list at a time' 2 "$BUILD/cdappendfs-info" --pieces --changes "$T/auto.iso"
blank_disc "$T/blank.iso"
is 'a blank disc has none' "$(info --pieces --json "$T/blank.iso")" '{"pieces":[],"files_in_pieces":0,"complete":true}'
is 'and says so' "$(info_json '"$_->{files_in_pieces}"' "$T/blank.iso")" 0
fails 'no disc' 1 "$BUILD/cdappendfs-info" --pieces "$T/source"
cp "$T/heal.iso" "$T/damaged.iso"
number() { od -An -tu4 -j"$1" -N4 "$T/damaged.iso" | tr -d ' '; }
table=$(number $((16 * 2048 + 140)))		# the second of the path table
at=$(($(number $((table * 2048 + 12))) * 2048))	# a directory; of its second record the length
printf '\1' | dd of="$T/damaged.iso" bs=1 seek=$((at + $(od -An -tu1 -j$at -N1 "$T/damaged.iso"))) conv=notrunc status=none
fails 'a damaged directory: the list is not complete' 1 "$BUILD/cdappendfs-info" --pieces "$T/damaged.iso"
like 'it says so' "$(cat "$T/ok.output")" 'the list is not complete'
done_testing
