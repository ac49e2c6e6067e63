#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# linked.t - sessions that leave unchanged directories where they are, read by others: Linux's isofs, xorriso,
# isoinfo -R and -J, 7z; each session stays what it was; --full-tree makes one that libarchive can read, too
. "$(dirname "$0")/../lib.sh"

seven=$(command -v 7zz || command -v 7z || command -v 7za)
disc=$T/linked.iso reference=$T/reference rounds=7

# For both_changed.
change_tree() {
	local dir=$2 i j
	case $1 in
	1)
		make_odd_tree "$dir/odd" plain
		for i in {1..40}; do
			mkdir -p "$dir/part $i/inner/deep"
			for j in 1 2 3; do printf '%s %s\n' "$i" "$j" | tee "$dir/part $i/file $j" "$dir/part $i/inner/file $j" >"$dir/part $i/inner/deep/file $j"; done
		done
		;;
	2)
		mv "$dir/part 1" "$dir/renamed 1"
		printf 'two\n' >"$dir/part 5/inner/added"
		;;
	3)	# sub-trees below that do not change keep ".." of where they were
		mv "$dir/part 2/inner" "$dir/part 3/moved inner"
		mv "$dir/renamed 1" "$dir/part 4/below"
		chmod 0711 "$dir/part 6/inner"
		;;
	4)
		ln "$dir/part 7/inner/file 1" "$dir/part 8/link of seven"
		rm -r "$dir/part 9" "$dir/odd/level1/level2/level3/level4"
		;;
	5)	# one name is written, two records change
		printf 'more\n' >>"$dir/part 8/link of seven"
		chmod 0701 "$dir/part 10"
		mkdir -p "$dir/new/a/b/c"
		mv "$dir/part 11" "$dir/new/a/b/"
		;;
	6)
		rm "$dir/part 7/inner/file 1"
		mv "$dir/part 4/below/inner" "$dir/new/a/renamed again"
		mv "$dir/new/a/b" "$dir/part 12/inner/deep/from new"
		;;
	7)
		printf 'last\n' >"$dir/part 12/inner/deep/from new/part 11/inner/deep/file 4"
		chmod 0600 "$dir/part 8/link of seven"
		;;
	esac
}
dry() { bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$@" "$mnt" | json '$_->{append_bytes}'; }
within_xorriso() { sed -E '/^[^ ]+ [bc] /d; s/^([^ ]+ l) .*( -> )/\1\2/'; }
extracted() {
	local status=0
	rm -rf "$T/extracted"
	xorriso -osirrox on:auto_chmod_off -hardlinks on -indev "$disc" -extract / "$T/extracted" >"$T/out" 2>&1 || status=$?
	tree_digest "$reference" T | within_xorriso >"$T/want"
	tree_digest "$T/extracted" T | within_xorriso >"$T/got"
	same_listing "$1: xorriso extracts the source" "$T/want" "$T/got"
	is "$1: without complaint" "$status$(grep -E '^xorriso : (WARNING|SORRY|FAILURE|FATAL)' "$T/out")" 0
	chmod -R u+rwX "$T/extracted"
	rm -rf "$T/extracted"
}
parts_in() { local parts=("$1"/*part*); echo "${#parts[@]}"; }
listed() {
	local all part file
	all=$(find "$reference" -mindepth 1 -printf x | wc -c)
	is "$1: isoinfo -R lists every path" "$(isoinfo -R -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" "$all"
	is "$1: isoinfo -J lists every file and directory" "$(isoinfo -J -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" \
		"$(find "$reference" -mindepth 1 '(' -type f -o -type d ')' -printf x | wc -c)"
	for file in 'part 40/inner/deep/file 1' 'part 5/inner/file 2'; do
		for way in -R -J; do
			ok "$1: isoinfo $way -x of $file" cmp <(isoinfo "$way" -i "$disc" -x "/$file" 2>/dev/null) "$reference/$file"
		done
	done
	rm -rf "$T/7z.out"
	ok "$1: 7z extracts" sh -c "'$seven' x -y -bd '-o$T/7z.out' '$disc' >'$T/out' 2>&1"
	for part in "$reference"/part* "$reference"/new "$reference"/renamed*; do
		[[ -e $part ]] || continue
		diff -r "$part" "$T/7z.out/${part##*/}" 2>&1 || break
	done >"$T/differences"
	is "$1: 7z gives the source's files, and only those" "$(head -n 5 "$T/differences")$(parts_in "$reference")" "$(parts_in "$T/7z.out")"
	rm -rf "$T/7z.out"
}

: >"$disc"
mkdir "$reference"
: >"$T/jobs"
for ((round = 1; round <= rounds; round++)); do
	mount_disc -o tree=linked "$disc"
	both_changed "$round" "$reference" "$mnt"
	whole=$(dry --full-tree)
	linked=$(dry)
	if ((round == 1)); then is "round 1: the first session has the whole tree" "$linked" "$whole"
	else cmp_number "round $round: a part of the tree is written" "$((linked * 2))" -lt "$whole"; fi
	before=$(apparent_size "$disc")
	ok "round $round: session" umount_disc
	((round == 1)) || is "round $round: as many bytes as the dry run said" $(($(apparent_size "$disc") - before)) "$linked"
	tree_digest "$reference" T >"$T/$round.want"
	tree_digest "$reference" lT >"$T/$round.kernel"
	extracted "round $round"
	in_one_section "round $round" "$disc" "$reference"
	listed "round $round"
done
is 'xorriso -toc lists every session' "$(xorriso -indev "$disc" -toc 2>/dev/null | grep -c '^ISO session')" "$rounds"
for ((round = 1; round <= rounds; round++)); do
	mount_disc -o "session=$round" "$disc"
	tree_digest "$mnt" T >"$T/got"
	same_listing "session=$round is what it was" "$T/$round.want" "$T/got"
	reader_gives "the reader restores session $round" "$disc" "$round" "$T/$round.want" T
	umount_disc || fail 'unmount'
	echo "$round $disc $(info_json "\$_->{sessions}[$((round - 1))]{sbsector}" "$disc") lT" >>"$T/jobs"
done
echo "head $disc - lT" >>"$T/jobs"
cp "$T/$rounds.kernel" "$T/head.kernel"
cp "$disc" "$T/copy.iso"

# ---- Linux
if why=$(uml_missing); then
	skip 'isofs' "$why"
else
	ok 'the guest ran' in_uml -M 700 "$TOP/tests/interop/uml-isofs" "$T/jobs"
	while read -r name _; do same_listing "isofs, session $name" "$T/$name.kernel" "$T/$name.isofs"; done <"$T/jobs"
fi

# ---- xorriso appends, then we
ok 'xorriso appends to it' xorriso -hardlinks on -dev "$disc" -map "$TOP/Makefile" /from-xorriso -commit
cp -a "$TOP/Makefile" "$reference/from-xorriso"
mount_disc -o tree=linked "$disc"
printf 'again\n' >"$mnt/again"
is 'above a foreign session the whole tree is written' "$(dry)" "$(dry --full-tree)"
cp -p "$mnt/again" "$reference/again"
ok 'and we append again' umount_disc
extracted 'with a session of xorriso'

# ---- the whole tree again
disc=$T/copy.iso
rm "$reference/again" "$reference/from-xorriso"
mount_disc -o tree=linked "$disc"
whole=$(dry --full-tree)
is 'nothing is staged' "$(dry)" 0
cmp_number '--full-tree --dry-run: what it would cost' "$whole" -gt 0
before=$(apparent_size "$disc")
ok '--full-tree: a session of nothing but the tree' "$BUILD/cdappendfs-sync" -q --full-tree "$mnt"
is '--full-tree: as many bytes as the dry run said' $(($(apparent_size "$disc") - before)) "$whole"
before=$(apparent_size "$disc")
ok '--full-tree again: nothing to do' "$BUILD/cdappendfs-sync" -q --full-tree "$mnt"
is 'nothing was burned' "$(apparent_size "$disc")" "$before"
tree_digest "$mnt" T >"$T/got"
same_listing 'the tree is what it was' "$T/$rounds.want" "$T/got"
ok 'unmount' umount_disc
mkdir "$T/tar.out"
ok 'bsdtar extracts it' bsdtar -x -p -f "$disc" -C "$T/tar.out"
tree_digest "$reference" lT >"$T/want"
tree_digest "$T/tar.out" lT >"$T/got"
same_listing 'bsdtar: the source' "$T/want" "$T/got"
chmod -R u+rwX "$T/tar.out"
fails '--full-tree with --discard' 2 "$BUILD/cdappendfs-sync" --discard --full-tree "$mnt"
done_testing
