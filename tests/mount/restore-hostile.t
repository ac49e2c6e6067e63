#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# restore-hostile.t - cdappendfs-restore of discs whose records say what cannot be: each content comes back under its own name or is named, and
# it ends
. "$(dirname "$0")/../lib.sh"
need python3

disc=$T/disc.iso forged=$T/forged.iso
forge() { cp "$disc" "$forged" && "$TOP/tests/mount/forge" "$forged" "$@"; }
restore() { rm -rf "$T/out" && bounded 20 "$BUILD/cdappendfs-restore" -C "$T/out" "$forged" "$@"; }

blank_disc "$disc"
mount_disc "$disc"
mkdir "$mnt/dir" "$mnt/dir/below"
for name in one two three four dir/inside dir/below/deep; do echo "this is $name" >"$mnt/$name"; done
ln "$mnt/one" "$mnt/one again"
ln "$mnt/two" "$mnt/two again"
ln -s here "$mnt/first"
ln -s there "$mnt/second"
ok 'a disc' umount_disc

# each_is_its_own NAME…: of those that are there
each_is_its_own() {
	local name
	for name; do is "'$name' has its own content" "$(cat "$T/out/$name")" "this is ${name% again}"; done
}

ok 'two files of two names have one number' forge serial two =one serial 'two again' =one
fails 'that is told' 1 restore
like 'by name' "$(cat "$T/ok.output")" '/two.*: another file has its number, so it is a file of its own, no link'
each_is_its_own one 'one again' two 'two again' three
is 'names of one file are links' "$(stat -c %i "$T/out/one")" "$(stat -c %i "$T/out/one again")"

ok 'two files of one name' forge serial four =three links three 2 links four 2
fails 'that is told' 1 restore
each_is_its_own one three four

ok 'two symbolic links' forge serial second =first links first 2 links second 2
fails 'that is told' 1 restore
is 'each leads where it led' "$(readlink "$T/out/first" "$T/out/second" | paste -sd' ')" 'here there'

ok 'a directory is in itself' forge self dir
fails 'that ends, and is told' 1 restore
like 'by name' "$(cat "$T/ok.output")" '/dir: what is in it cannot be read'
each_is_its_own one two three four
fails 'also in a dry run' 1 restore -n
fails 'and when it is asked for' 1 restore dir
ok 'one is in the directory above' forge self dir/below
fails 'that ends, and is told' 1 restore
each_is_its_own one dir/inside
done_testing
