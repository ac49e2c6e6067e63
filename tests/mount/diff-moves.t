#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# diff-moves.t - directories that move into each other while others go: each is one rename, staged and burned, and what moved is not said to be deleted
. "$(dirname "$0")/../lib.sh"
disc=$T/disc.iso
differences() { bounded 60 "$BUILD/cdappendfs-diff" "$@"; }
found() { bounded 60 "$BUILD/cdappendfs-find" "$@" | cut -d' ' -f4-; }

# Before and after a burn: told NAME EXPECTED
told() {
	is "$1, staged" "$(differences "$mnt" 1)" "$2"
	ok "$1, burned" sync_disc
	is 'the same' "$(differences "$mnt" 1 2)" "$2"
}
for tree in linked full; do
	# ---- the child of what goes becomes a directory elsewhere, and takes its parent and what was beside it
	blank_disc "$disc"
	mount_disc -o "tree=$tree" "$disc"
	mkdir -p "$mnt/top/beside/below" "$mnt/top/goes/child"
	echo 1 >"$mnt/top/beside/file"
	echo 2 >"$mnt/top/goes/inside"
	echo 3 >"$mnt/top/beside/below/deep"
	for d in top top/beside top/goes top/goes/child; do echo "$d" >"$mnt/$d/saved"; done
	ok "$tree: a session" sync_disc
	for d in top top/beside top/goes top/goes/child; do # as editors save
		echo "$d again" >"$mnt/$d/saved~"
		mv "$mnt/$d/saved~" "$mnt/$d/saved"
	done
	mv "$mnt/top/goes/child" "$mnt/new"
	mv "$mnt/top/goes" "$mnt/top/beside" "$mnt/new/"
	rm "$mnt/new/goes/inside"
	echo more >>"$mnt/new/beside/below/deep"
	told "$tree: into what was a child" "$(printf '%s\n' 'R  top/goes/child/ -> new/' 'R  top/beside/ -> new/beside/' \
		'M  new/beside/below/deep' 'M  new/beside/saved' 'R  top/goes/ -> new/goes/' 'M  new/goes/saved' 'M  new/saved' \
		'D  top/goes/inside' 'M  top/saved')"
	like "$tree: it is there" "$(found --name=file "$mnt")" 'top/beside/file [|] now new/beside/file$'
	like "$tree: also what has another number" "$(found --name=deep "$mnt")" 'changed in session 2, now new/beside/below/deep'
	like "$tree: what was saved anew is the same file" "$(found --name=saved "$mnt")" 'top/goes/saved [|] changed in session 2, now new/goes/saved'
	like "$tree: to the log, too" "$(bounded 60 "$BUILD/cdappendfs-log" --max=1 "$mnt")" ' 5 changed, 3 moved, 1 deleted'
	ok "$tree: unmount" umount_disc

	# ---- a directory takes the place of the one it was in
	blank_disc "$disc"
	mount_disc -o "tree=$tree" "$disc"
	mkdir -p "$mnt/outer/inner/below"
	echo 1 >"$mnt/outer/inner/file"
	echo 2 >"$mnt/outer/gone"
	ok "$tree: a session" sync_disc
	mv "$mnt/outer/inner" "$mnt/other"
	rm -r "$mnt/outer"
	mv "$mnt/other" "$mnt/outer"
	told "$tree: in the place of its parent" $'R  outer/inner/ -> outer/\nD  outer/gone'
	like "$tree: it is there" "$(found --type=d --name=inner "$mnt")" 'outer/inner/ [|] now outer/$'
	like "$tree: what was in it came along" "$(found --name=file "$mnt")" 'outer/inner/file [|] now outer/file$'
	like "$tree: the other one is deleted" "$(found --type=d --name=outer "$mnt")" 'outer/ [|] deleted in session 2'
	ok "$tree: unmount" umount_disc
done
done_testing
