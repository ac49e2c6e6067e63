#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# odd-names.t - names of 255 bytes, of any byte, in no encoding, that clash where they are shortened, that Windows cannot
# open; targets of 4,095 bytes: they come back, other readers read them, and what becomes of them in Joliet is told
. "$(dirname "$0")/../lib.sh"
need python3
/usr/bin/python3 -c "import pycdlib" 2>/dev/null || skip_all "no pycdlib"

names() { /usr/bin/python3 "$TOP/tests/interop/odd_names.py" "$@"; }
sync_json() { bounded 300 "$BUILD/cdappendfs-sync" --json "$@" "$mnt"; }
disc=$T/disc.iso
blank_disc "$disc"
# is_told NAME: what the last answer in $T/result says is what the list has, and had before $changed and $closed
is_told() {
	is "$1: names that Joliet has otherwise" "$(json '$_->{names_changed}' <"$T/result")" $(($(names count "$T/names" changed) - changed))
	is "$1: names that Windows cannot open" "$(json '$_->{names_closed}' <"$T/result")" $(($(names count "$T/names" closed) - closed))
}
same_tree() {
	names tree "$reference" >"$T/want"
	names tree "$2" >"$T/got"
	same_listing "$1" "$T/want" "$T/got"
}

# ---- what comes back
reference=$T/reference
mkdir "$reference"
names make "$reference"
mount_disc -o tree=linked "$disc"
ok 'names are made' names make "$mnt"
same_tree 'they are there' "$mnt"
ok 'what is staged has a list' info --names --json "$mnt"
cp "$T/ok.output" "$T/names"
cmp_number 'of many names' "$(names count "$T/names" changed)" -gt 200
changed=0 closed=0
sync_json --dry-run >"$T/result"
cp "$T/result" "$T/planned"
ok 'a session' sync_json
tail -n 1 "$T/ok.output" >"$T/result"
is 'a dry run has counted the same' "$(json '"@$_{qw(names_changed names_closed)}"' <"$T/planned")" "$(json '"@$_{qw(names_changed names_closed)}"' <"$T/result")"
same_tree 'they are there after the session' "$mnt"
ok 'cdappendfs-info --names --json' info --names --json "$mnt"
cp "$T/ok.output" "$T/names"
is_told 'the first session'
ok 'each is in Joliet what was said, by pycdlib, and Windows opens the others' names told "$disc" "$T/names"

# ---- a second session tells its own names
changed=$(names count "$T/names" changed) closed=$(names count "$T/names" closed)
names add "$reference"
names add "$mnt"
ok 'a session with more names' sync_json
tail -n 1 "$T/ok.output" >"$T/result"
ok 'all are listed' info --names --json "$mnt"
cp "$T/ok.output" "$T/names"
is_told 'the second session'
ok 'each is in Joliet what was said' names told "$disc" "$T/names"
echo changed >"$mnt/$(printf 'n%.0s' {1..255})"
echo changed >"$reference/$(printf 'n%.0s' {1..255})"
echo null >"$mnt/nul"
echo null >"$reference/nul"
ok 'unmounted' umount_disc
like 'cdappendfs-umount tells new names, and no others' "$(<"$T/umount.log")" $'\n1 new name cannot be opened by Windows: cdappendfs-info --names lists it'
ok 'of the disc: cdappendfs-info --names --json' info --names --json "$disc"
cp "$T/ok.output" "$T/names"
ok 'each is in Joliet what was said' names told "$disc" "$T/names"
ok 'as text' grep -qxF $'device,case /nul\tnul' <(info --names "$disc")
fails 'one list at a time' 2 info --names --pieces "$disc"

# ---- in a new mount, and by others
mount_disc "$disc"
same_tree 'in a new mount' "$mnt"
names links "$reference"
ok 'links of all lengths' names links "$mnt"
ok 'unmounted' umount_disc
mount_disc "$disc"
same_tree 'with the links' "$mnt"
ok 'unmounted without a change' umount_disc
# It refuses a whole disc with targets of more than about 1,000 bytes (README.md, "Limits"), and gives a//b as a/b.
cp "$disc" "$T/short.iso"
mount_disc -s "$T/stage/short" "$T/short.iso"
for i in {3..8}; do rm "$mnt/link $i" "$reference/link $i"; done
ok 'a session without long targets' sync_json --full-tree
ok 'unmounted' umount_disc
mkdir "$T/out"
ok 'xorriso takes all of it' xorriso -for_backup -indev "$T/short.iso" -osirrox on -extract / "$T/out"
same_tree 'xorriso' "$T/out"
done_testing
