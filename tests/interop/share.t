#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# share.t - no block twice, with share=blocks: copies, new versions, patches, appended logs, what is staged twice; above
# our sessions and foreign ones; each as others read it.  The default, which keeps files in one piece, is pieces.t
. "$(dirname "$0")/../lib.sh"

disc=$T/share.iso reference=$T/reference source=$T/source
mkdir "$source" "$reference"
data_of() { bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json "$1"; }
blocks() { data_of '$_->{data_bytes} / 2048'; }
# burned NAME BLOCKS: so many blocks of data, by the dry run, the result and the length of the image
burned() {
	local dry before result
	dry=$(data_of '"$_->{data_bytes} $_->{append_bytes} $_->{shared_bytes} $_->{found_bytes}"')
	before=$(apparent_size "$disc")
	result=$(bounded 300 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '"$_->{data_bytes} $_->{append_bytes} $_->{shared_bytes} $_->{found_bytes}"')
	is "$1: blocks of data" "$(($(cut -d' ' -f1 <<<"$result") / 2048))" "$2"
	is "$1: the dry run said so" "$result" "$dry"
	is "$1: the session says so" "$(info_json '"$_->{sessions}[-1]{shared_bytes} $_->{sessions}[-1]{found_bytes}"' "$mnt")" "$(cut -d' ' -f3,4 <<<"$result")"
	((before && before % 65536 == 0)) && [[ $1 != xorriso* ]] && is "$1: the image has grown by as much" "$(($(apparent_size "$disc") - before))" "$(cut -d' ' -f2 <<<"$result")"
	drop_caches
	tree_digest "$reference" ti >"$T/want"
	tree_digest "$mnt" ti >"$T/got"
	same_listing "$1: the tree is the source" "$T/want" "$T/got"
}
# both COMMAND…: in the reference and on the disc, by way of a copy outside, so that no program may copy within the disc
both() { (cd "$reference" && "$@") && (cd "$mnt" && "$@"); }
patch() { local at file=$1; shift; for at; do printf 'patched' | dd of="$file" bs=2048 seek="$at" conv=notrunc status=none; done; }

# ---- a backup
mkdir "$source/a" "$source/a/b"
for i in {1..60}; do noise $((i * 211)) "$i" >"$source/a/b/small $i"; done
noise 8000000 101 >"$source/a/large"
noise 2000001 102 >"$source/a/odd"
noise 300000 103 >"$source/a/log"
: >"$source/a/empty"
truncate -s 400000 "$source/a/sparse"
ln "$source/a/b/small 7" "$source/a/linked"
count() { find "$source" -links 1 -type f -size +0 -printf '%s\n' | awk '{n += int(($1 + 2047) / 2048)} END {print n}'; }
all=$(($(count) + 1))		# and the linked one
mount_disc -o create,share=blocks "$disc"
both cp -a "$source/a" .
burned 'the first backup' "$all"

both cp -a "$source/a" again
burned 'the same again' 0
both cp "$source/a/large" 'large under another name'
burned 'a file under another name' 0
both cp -a "$source/a/b" 'a/b/b'
rm -r "$mnt/again" "$reference/again"
burned 'small ones in their own directory' 0
in_one_section 'what is equal is shared whole' "$disc" "$reference"

# ---- new versions of a file: 2 blocks changed in one place, 3 in others
cp "$source/a/large" "$T/new"
patch "$T/new" 100 1000 1001 2000 3000
both cp "$T/new" a/large
burned 'written over, 5 blocks changed' 6	# and the first, since another file begins with it
both cp --remove-destination "$T/new" a/large
burned 'the same in its place' 0
patch "$T/new" 50
both cp "$T/new" .new
both mv .new a/large
burned 'replaced by a new file with 1 block changed' 1
printf 'a line more\n' >>"$source/a/log"
both rsync -a "$source/a/log" a/log
burned 'rsync of a longer log' 1
both rsync -a --inplace "$source/a/log" a/log
is 'rsync again' "$(blocks)" 0
patch "$source/a/odd" 5 976
both rsync -a --inplace --no-whole-file "$source/a/odd" a/odd
burned 'rsync --inplace' 2
both truncate -s 1000000 a/odd
head -c 1000000 "$source/a/odd" >"$T/cut"
both cp "$T/cut" a/odd
burned 'a shorter one, its last block not whole' 1

# ---- what was put together of parts
both cp a/large 'a copy of the patched one'
both cp "$T/new" 'a copy from outside'
burned 'copies of a file of several parts' 0

# ---- staged twice
noise 3000000 104 >"$T/twice"
both cp "$T/twice" twice1
both cp "$T/twice" twice2
both cp "$T/twice" a/twice3
burned 'three copies at once' $(((3000000 + 2047) / 2048))

# ---- like, not equal: of one size, with the same samples
cp "$T/twice" "$T/alike"
patch "$T/alike" 30 40
both cp "$T/alike" alike
burned 'a file that differs where no sample is taken' 3
noise 3000000 105 >"$T/different"
both cp "$T/different" different
burned 'a different file of that size' $(((3000000 + 2047) / 2048))

# ---- open files over the commit
exec 7<>"$mnt/a/late" 8<>"$reference/a/late"
cat "$T/twice" >&7
cat "$T/twice" >&8
burned 'an open file' 0
printf 'written later' >&7
printf 'written later' >&8
exec 7>&- 8>&-
burned 'it goes on' 2
ok 'unmount' umount_disc
sessions=$(info_json 'scalar @{$_->{sessions}}' "$disc")
# The third one: a file under another name.
is 'each session says what was found' "$(info_json '$_->{sessions}[2]{found_bytes}' "$disc")" 8000000
like 'also as text' "$(info "$disc" | grep '^ *3 ')" ' 7\.6 MiB +20'

# ---- as others read it
cp -a "$reference" "$T/whole"
tree_digest "$T/whole" Tti >"$T/want"
xorriso -osirrox on:auto_chmod_off -hardlinks on -indev "$disc" -extract / "$T/xorriso" >/dev/null 2>&1
tree_digest "$T/xorriso" Tti >"$T/got"
same_listing 'xorriso extracts the source' "$T/want" "$T/got"
mkdir "$T/tar"
bsdtar -xf "$disc" -C "$T/tar" 2>"$T/complaints"
wrong=$(cd "$T/tar" && find . -type f -size +0 -print0 | while IFS= read -r -d '' file; do cmp -s "$file" "$reference/$file" || echo "$file"; done)
refused=$(sed -nE 's/^bsdtar: File is beyond end-of-media: //p; s/: Ignoring out-of-order file .*//p' "$T/complaints")
none 'bsdtar gives no wrong file but those of several parts, which it refuses' "$(grep -vxF "$refused" <<<"${wrong//.\//}")"
if why=$(uml_missing); then
	skip 'isofs' "$why"
else
	echo "head $disc - Ttil" >"$T/jobs"
	ok 'the guest ran' in_uml -M 700 "$TOP/tests/interop/uml-isofs" "$T/jobs"
	tree_digest "$T/whole" Ttil >"$T/want"
	same_listing 'isofs reads the source' "$T/want" "$T/head.isofs"
fi

# ---- older sessions
mount_disc -o session=1 "$disc"
cmp_number 'there are many sessions' "$sessions" -ge 15
same_file 'the first one is what it was' "$mnt/a/large" "$T/xorriso/large under another name"
ok 'unmount' umount_disc

# ---- not when it is not wanted
mount_disc -o share=none "$disc"
cp "$T/twice" "$mnt/none"
is 'share=none: burned again' "$(blocks)" $(((3000000 + 2047) / 2048))
"$BUILD/cdappendfs-sync" -q --discard "$mnt"
ok 'unmount' umount_disc

# ---- a table that lies
cp "$disc" "$T/lies.iso"
perl -0777 -pi -e 's{(CDAPPENDFS-CNT 2(.{4}).{12})(.*)}{my ($head, $n, $rest) = ($1, unpack("V", $2), $3);
	for my $i (0 .. $n - 1) { substr($rest, 32 * $i + 24, 4) = pack "V", unpack("V", substr $rest, 32 * $i + 24, 4) + 1 if 32 * $i + 32 <= length $rest } "$head$rest"}gse' "$T/lies.iso"
isnt 'the lie is there' "$(image_digest "$T/lies.iso")" "$(image_digest "$disc")"
mount_disc "$T/lies.iso"
cp "$T/twice" "$mnt/believed"
cp "$source/a/b/small 9" "$mnt/small"
ok 'sync' sync_disc
drop_caches
same_file 'what the table says is not believed' "$mnt/believed" "$T/twice"
same_file 'nor of a small file' "$mnt/small" "$source/a/b/small 9"
ok 'unmount' umount_disc

# ---- tables as they were made before: digests are of SHA-256
cp "$disc" "$T/before.iso"
perl -MDigest::SHA=sha256 -0777 -pi -e 'my $all = $_;
	sub digest { my ($at, $size) = @_;
		my @samples = $size <= 262144 ? ([0, $size]) : map { [$_ == 15 ? $size - 16384 : int(int(($size - 16384) / 15) * $_ / 2048) * 2048, 16384] } 0 .. 15;
		substr sha256(pack("Q<", $size) . join "", map { substr $all, $at * 2048 + $_->[0], $_->[1] } @samples), 0, 16 }
	s{CDAPPENDFS-CNT 2(.{4})(.{12})}{my ($packed, $rest) = ($1, $2); my $from = $+[0]; my $n = unpack "V", $packed;
		my @entries = map { my $e = substr $all, $from + 32 * $_, 32; my ($size, $where, $runs) = unpack "x16 Q< V V", $e;
			$runs == 1 ? digest($where, $size) . substr $e, 16 : $e } 0 .. $n - 1;
		push @new, [$from, join "", sort @entries]; "CDAPPENDFS-CNT 1$packed$rest"}gse;
	for my $table (@new) { substr $_, $table->[0], length $table->[1], $table->[1] }' "$T/before.iso"
mount_disc "$T/before.iso"
cp "$T/twice" "$mnt/before"
cp -r "$source/a/b" "$mnt/small before"
is 'found by tables of the older kind' "$(blocks)" 0
noise 100000 106 >"$mnt/new"
ok 'sync' sync_disc
is 'what is new is found by the newer kind' "$(cp "$mnt/new" "$T/new.copy"; cp "$T/new.copy" "$mnt/again"; cp "$T/twice" "$mnt/twice again"; blocks)" 0
"$BUILD/cdappendfs-sync" -q --discard "$mnt"
drop_caches
same_file 'its content' "$mnt/before" "$T/twice"
ok 'unmount' umount_disc

# ---- above foreign sessions
for program in genisoimage xorriso; do
	disc=$T/$program.iso
	case $program in
	genisoimage) genisoimage -quiet -R -J -o "$disc" "$source" 2>/dev/null ;;
	xorriso) xorriso -outdev "$disc" -map "$source" / -commit >/dev/null 2>&1 ;;
	esac
	rm -rf "$reference"
	cp -a "$source" "$reference"
	mount_disc -o share=blocks "$disc"
	both cp -r "$source/a" "again"
	burned "$program: the same again" 0
	cp "$source/a/large" "$T/new"
	patch "$T/new" 9
	both cp "$T/new" a/large
	burned "$program: written over" 2
	both cp "$source/a/odd" 'odd again'
	burned "$program: known from the session before" 0
	ok "$program: unmount" umount_disc
done

# ---- a full disc: what is equal needs room while it is staged, and none when it is burned
disc=$T/full.iso
blank_disc "$disc"
mount_disc -o media=8M "$disc"
head -c 3500000 "$T/twice" >"$T/part"
for i in {1..6}; do
	cp "$T/part" "$mnt/copy $i" || break
	sync_disc || break
done
is 'six copies on a disc that has room for two' "$i" 6
same_file 'the last' "$mnt/copy 6" "$T/part"
ok 'unmount' umount_disc
done_testing
