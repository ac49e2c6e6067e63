#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# readers.t - other readers of our discs, of default options and with several sessions: pycdlib, GRUB, The Sleuth Kit,
# unar, fuseiso, libarchive, libcdio's tools, 7z, and a reader that knows one section for each file; discs with
# entries as the first versions wrote them; more directories than Windows knows
. "$(dirname "$0")/../lib.sh"

seven=$(command -v 7zz || command -v 7z || command -v 7za)

# ---- what is on the discs: no block of a file is changed in its place
change_tree() {
	local dir=$2 i level
	case $1 in
	1)
		mkdir -p "$dir/photos/2026" "$dir/links" "$dir/empty directory"
		for i in {1..30}; do noise $((i * 997)) "$i" >"$dir/photos/2026/picture $i.jpeg"; done
		noise 1500000 40 >"$dir/photos/film.mkv"
		noise 2048 41 >"$dir/one block"
		noise 2049 42 >"$dir/and a byte"
		: >"$dir/empty"
		printf 'six\n' >"$dir/README"
		printf 'seven\n' >"$dir/readme"
		printf 'eight\n' >"$dir/Zażółć gęślą jaźń – 日本語.txt"
		ln -s ../README "$dir/links/up"
		ln -s /an/absolute/path "$dir/links/absolute"
		ln -s "$(printf 'component/%.0s' {1..12})end" "$dir/links/long"
		level=$dir
		for i in {1..14}; do level=$level/level$i; mkdir "$level"; printf '%s\n' "$i" >"$level/file"; done
		;;
	2)
		mv "$dir/photos/2026" "$dir/photos/of this year"
		mv "$dir/level1/level2" "$dir/moved up"
		cp "$dir/photos/film.mkv" "$dir/copy of the film.mkv"
		ln "$dir/README" "$dir/another name"
		rm "$dir/one block"
		printf 'added\n' >"$dir/photos/added"
		;;
	3)	# replaced by new files
		noise 400000 43 >"$dir/new"
		mv "$dir/new" "$dir/photos/film.mkv"
		rm "$dir/and a byte" "$dir/photos/of this year/picture 3.jpeg"
		ln -sfn /another/path "$dir/links/absolute"
		;;
	long)	# what needs continuation areas
		for i in 140 180 220 250; do noise "$i" "$i" >"$dir/$(printf "%${i}s" '' | tr ' ' n)"; done
		# In each directory they lie in as few blocks without one being cut.
		mkdir "$dir/links/few"
		for i in {1..12}; do ln -s "$(printf 'component/%.0s' {1..25})$i" "$dir/links/few/$i"; done
		mkdir "$dir/$(printf '%210s' '' | tr ' ' d)"
		printf 'inside\n' >"$dir/$(printf '%210s' '' | tr ' ' d)/inside"
		ln -s "$(printf 'component/%.0s' {1..80})end" "$dir/links/longer"
		;;
	esac
}

# ---- comparing
# Names, content and links' targets below a directory; "files": no links
listing() {
	(cd "$1" && find . -type f -printf '%P\0' | sort -z | xargs -0r sha256sum)
	[[ ${2-} == files ]] || (cd "$1" && find . -type l -printf '%P -> %l\n' | sort)
}
contents() { find "$1" -type f -size +0 -exec sha256sum {} + | cut -d' ' -f1 | sort; }
fresh() {
	chmod -R u+rwX "$T/out" 2>/dev/null
	rm -rf "$T/out"
	mkdir "$T/out"
}
# gives NAME [files]: $T/out is the reference
gives() {
	listing "$reference" "${2-}" >"$T/want"
	listing "$T/out" "${2-}" >"$T/got"
	same_listing "$1" "$T/want" "$T/got"
}
# copied_from COMMAND…: a FUSE file system of $disc at the last word, all of it to $T/out but for links/
copied_from() {
	local status=0
	mkdir -p "$T/other"
	"$@" "$disc" "$T/other" && tar -C "$T/other" --exclude=./links -cf - . | tar -C "$T/out" -xf - || status=$?
	fusermount3 -u "$T/other" || umount "$T/other"
	return $status
}
# Those that know Rock Ridge and its continuation areas
by_rock_ridge() {
	local name=$1 path
	in_one_section "$name" "$disc" "$reference"
	fresh
	ok "$name: pycdlib, Rock Ridge" "$TOP/tests/interop/pycdlib-extract" rr "$disc" "$T/out"
	gives "$name: pycdlib gives the source"
	# GRUB gives what links lead to, fuseiso cuts long ones.
	for program in grub-mount fuseiso; do
		fresh
		ok "$name: $program" copied_from "$program"
		gives "$name: $program gives the source's files" files
	done
	for path in README 'copy of the film.mkv' 'photos/of this year/picture 30.jpeg'; do
		[[ -e $reference/$path ]] || continue
		ok "$name: grub-fstest cp $path" grub-fstest "$disc" cp "(loop0)/$path" "$T/grub.out"
		same_file "$name: as it is" "$T/grub.out" "$reference/$path"
	done
}
# Those that take the Joliet tree: no links; and the tree of ECMA-119.  By content alone, since names are shortened there.
by_content() {
	local name=$1 way
	contents "$reference" >"$T/want"
	for way in joliet iso; do
		fresh
		ok "$name: pycdlib, $way" "$TOP/tests/interop/pycdlib-extract" "$way" "$disc" "$T/out"
		contents "$T/out" >"$T/got"
		same_listing "$name: pycdlib gives every file" "$T/want" "$T/got"
	done
	fresh
	ok "$name: unar" unar -q -D -o "$T/out" "$disc"
	contents "$T/out" >"$T/got"
	same_listing "$name: unar gives every file" "$T/want" "$T/got"
	fresh
	ok "$name: 7z" "$seven" x -y -bd "-o$T/out" "$disc"
	contents "$T/out" >"$T/got"
	same_listing "$name: 7z gives every file" "$T/want" "$T/got"
	fresh
	ok "$name: tsk_recover" tsk_recover -e -f iso9660 "$disc" "$T/out"
	contents "$T/out" >"$T/got"
	same_listing "$name: tsk_recover gives every file" "$T/want" "$T/got"
}
# The same by name, where none is too long
by_name() {
	local name=$1 file
	fresh
	ok "$name: unar" unar -q -D -o "$T/out" "$disc"
	gives "$name: unar gives the source's files" files
	fresh
	ok "$name: 7z" "$seven" x -y -bd "-o$T/out" "$disc"
	gives "$name: 7z gives the source's files" files
	fls -r -p -u -F -f iso9660 "$disc" | sed -nE 's/^r\/r [^:]*:\t//p' | sort -u >"$T/got"
	(cd "$reference" && find . -type f -printf '%P\n' | sort) >"$T/want"
	same_listing "$name: fls lists every file" "$T/want" "$T/got"
	for file in README photos/film.mkv 'moved up/level3/file'; do
		[[ -e $reference/$file ]] || continue
		ok "$name: iso-read $file" iso-read -i "$disc" -e "$file" -o "$T/iso-read.out"
		same_file "$name: it is the file" "$T/iso-read.out" "$reference/$file"
	done
}
by_libarchive() {
	fresh
	ok "$1: bsdtar" bsdtar -xf "$disc" -C "$T/out"
	gives "$1: bsdtar gives the source"
}
new_pair() {
	disc=$T/$1.iso reference=$T/$1.tree
	blank_disc "$disc"
	rm -rf "$reference"
	mkdir "$reference"
}
burn() {
	mount_disc ${2:+-o "$2"} "$disc"
	both_changed "$1" "$reference" "$mnt"
	ok "${disc##*/}: session of round $1" umount_disc
}

for options in '' tree=linked; do
	new_pair "${options:-default}"
	for round in 1 2 3; do
		burn "$round" "$options"
		[[ $round == 2 ]] && continue
		by_rock_ridge "${options:-default}, round $round"
		by_content "${options:-default}, round $round"
		by_name "${options:-default}, round $round"
		[[ $options ]] || by_libarchive "default, round $round"
	done
done

# ---- continuation areas
new_pair long
burn 1
burn long
burn 2
by_rock_ridge 'long names'
by_content 'long names'

# ---- an entry TW, as the first versions wrote it, where now padding stands: the same bytes but for their order
as_before() {
	perl -MDigest::SHA=sha256 -0777 -pi -e '
		s{PD\x14\x01TW(.{4})(.{4})(.{3})(.{3})}{$n++; "TW\x14\x01$1" . pack("V", 2048 * unpack "V", "$3\0") . $2 . "$4\0"}gse;
		for (my $at = 0; ($at = index $_, "CDAPPENDFS-END 1", $at) >= 0; $at += 2048) {
			next if $at % 2048;
			my ($start, $sectors) = unpack "VV", substr $_, $at + 36, 8;
			substr $_, $at + 44, 4, "\0" x 4; # the kind of record that they had, too
			substr $_, $at + 112, 1936, "\0" x 1936;
			substr $_, $at + 48, 32, sha256(substr $_, 2048 * $start, 2048 * ($sectors - 1));
			substr $_, $at + 80, 32, sha256(substr $_, $at, 80);
		}
		END { print STDERR "$n\n" }' "$1" 2>"$T/entries"
}
new_pair before
burn 1
burn long
as_before "$disc"
cmp_number 'entries TW: they are there' "$(<"$T/entries")" -gt 20
fails 'pycdlib refuses the disc' any "$TOP/tests/interop/pycdlib-extract" rr "$disc" "$T/out"
mount_disc -o tree=linked "$disc"
mkdir "$mnt/photos/new" "$reference/photos/new"
printf 'new\n' | tee "$mnt/photos/new/file" >"$reference/photos/new/file"
touch -r "$mnt/photos/new/file" "$reference/photos/new/file"
whole=$(bounded 60 "$BUILD/cdappendfs-sync" --dry-run --full-tree --json "$mnt" | json '$_->{tree_bytes}')
cmp_number 'directories stay where they are' "$(bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{tree_bytes} * 3')" -lt "$whole"
ok 'a linked session above entries TW' sync_disc
in_one_section 'entries TW' "$disc" "$reference"
rm -rf "$T/out"
ok 'entries TW: xorriso' xorriso -osirrox on -indev "$disc" -extract / "$T/out"
gives 'entries TW: xorriso gives the source'
ok 'a full tree' "$BUILD/cdappendfs-sync" -q --full-tree "$mnt"
ok 'unmount' umount_disc
by_rock_ridge 'after entries TW'
by_content 'after entries TW'

# ---- more directories than Windows has numbers for
disc=$T/many.iso
mkdir "$T/many"
(cd "$T/many" && seq 255 | xargs mkdir && for part in *; do seq -f "$part/%.0f" 256; done | xargs mkdir)
xorriso -as mkisofs -quiet -R -o "$disc" "$T/many" 2>/dev/null
mount_disc -o nojoliet "$disc"
planned() { bounded 300 "$BUILD/cdappendfs-sync" --dry-run "$mnt"; }
echo new >"$mnt/new"
like '65,536 directories: it is said before they are burned' "$(planned)" \
	'session 2 planned.*the tree has 65536 directories: Windows cannot open files in those beyond the first 65535'
rmdir "$mnt/1/1"
is '65,535: nothing is said' "$(planned | grep -oE 'session 2 planned|Windows')" 'session 2 planned'
ok 'discard' "$BUILD/cdappendfs-sync" -q --discard "$mnt"
ok 'unmount' umount_disc
done_testing
