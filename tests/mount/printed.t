#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# printed.t - what is printed of names and messages of others: no escape sequence, no forged line, by no program
. "$(dirname "$0")/../lib.sh"
need python3

# Sets a title, clears the screen, turns text around, and would begin a line of its own.
evil=$'x\e]0;owned\a\e[2J\xc2\x9b1m\xe2\x80\xae\ncdappendfs: session 7 written\r'
# Tabulators before numbers are ours: those that names have became question marks (tests/unit/base_printable_test.c).
raw() { LC_ALL=C grep -c -P -e '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]' <<<"$1"; }
# tame NAME STATUS COMMAND…: ends so, says something, and nothing raw; the name's second line begins none of ours
tame() {
	local name=$1 want=$2 status=0 text
	shift 2
	text=$(bounded 60 "$@" 2>&1) || status=$?
	if [[ $status == "$want" && $text && $(raw "$text") == 0 ]] && ! grep -q '^cdappendfs: session 7' <<<"$text"; then pass "$name"
	else fail "$name" "status $status (expected $want): $(cat -v <<<"$text")"; fi
}
like 'the test sees what is raw' "$(raw "$evil")" '^[12]$'
is 'and what is not' "$(raw $'plain \xc3\xa4\nlines')" 0

# ---- arguments, options
for program in '' -sync -umount -info -stage -log -diff -restore -catalogue; do
	tame "cdappendfs$program: an option" 2 "$BUILD/cdappendfs$program" "--$evil" x
	tame "cdappendfs$program: a letter" 2 "$BUILD/cdappendfs$program" $'-\e' x
done
tame 'cdappendfs: -o' 2 "$BUILD/cdappendfs" -o "$evil" x y
tame 'cdappendfs: a value' 2 "$BUILD/cdappendfs" -o "share=$evil" x y
tame 'cdappendfs: too many' 2 "$BUILD/cdappendfs" x y "$evil"
tame 'cdappendfs-umount: too many' 2 "$BUILD/cdappendfs-umount" x "$evil"
tame 'cdappendfs-stage: what' 2 "$BUILD/cdappendfs-stage" "$evil"
tame 'an option without its value' 2 "$BUILD/cdappendfs-umount" --namespace
like 'is named' "$("$BUILD/cdappendfs-umount" -N 2>&1)" 'namespace: the value is missing'
like 'one that has none' "$("$BUILD/cdappendfs-sync" --json=x y 2>&1)" '--json takes no value'
like 'one that is none' "$("$BUILD/cdappendfs-sync" --jsn y 2>&1)" "unknown option '--jsn'"
like 'a letter that is none' "$("$BUILD/cdappendfs-sync" -qx y 2>&1)" "unknown option '-x'"
for program in sync umount info log restore; do tame "cdappendfs-$program: no mount" 1 "$BUILD/cdappendfs-$program" "$T/$evil"; done
tame 'cdappendfs-diff: no disc' 2 "$BUILD/cdappendfs-diff" "$T/$evil" 1
tame 'cdappendfs-find: no disc' 2 "$BUILD/cdappendfs-find" "$T/$evil"
tame 'cdappendfs-find: no date' 2 "$BUILD/cdappendfs-find" --newer="$evil" "$mnt"
tame 'cdappendfs-catalogue: what' 2 "$BUILD/cdappendfs-catalogue" "$evil"
tame 'cdappendfs-catalogue: how many' 2 "$BUILD/cdappendfs-catalogue" copies --min="$evil"
tame 'cdappendfs-catalogue: no disc' 2 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" add "$T/$evil"
tame 'cdappendfs-catalogue: no catalogue' 2 "$BUILD/cdappendfs-catalogue" --db="$T/$evil" list
tame 'cdappendfs-catalogue: the environment' 2 env CDAPPENDFS_CATALOGUE="$evil" "$BUILD/cdappendfs-catalogue" list
tame 'cdappendfs-stage: no disc' 1 "$BUILD/cdappendfs-stage" discard "$T/$evil"
tame 'cdappendfs-umount: a namespace' 1 "$BUILD/cdappendfs-umount" -N "$evil" "$mnt"
tame 'cdappendfs: no disc' 1 "$BUILD/cdappendfs" -f "$T/$evil" "$mnt"
tame 'cdappendfs: no mount point' 1 "$BUILD/cdappendfs" -f -o "create,staging=$T/s" "$T/new.iso" "$T/$evil"
seq 10000 >"$T/$evil.cue"
tame 'cdappendfs: a sheet that is none' 1 "$BUILD/cdappendfs" -f -o ro "$T/$evil.cue" "$mnt"
printf 'FILE "%s" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\n' $'x\e[2J\xc2\x9b' >"$T/names.cue"
tame 'cdappendfs: a sheet that names one' 1 "$BUILD/cdappendfs" -f -o ro "$T/names.cue" "$mnt"

# ---- a disc, a mount point, a stage and files with such names
disc=$T/$evil.iso point=$T/point-$evil
mkdir -p "$T/tree" "$point"
echo one >"$T/tree/$evil"
mkdir "$T/tree/dir$evil"
xorriso -outdev "$T/plain.iso" -volid $'V\e[2J' -map "$T/tree" / -commit >/dev/null 2>&1
cp "$T/plain.iso" "$disc"
tame 'catalogue add' 0 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" add --place="$evil" "$disc"
for json in '' --json; do
	tame "catalogue list $json" 0 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" list $json
	tame "catalogue show $json" 0 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" show $json 1
	tame "catalogue find $json" 0 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" find $json '*'
	tame "catalogue where $json" 0 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" where $json "$T/tree/$evil"
	tame "catalogue copies $json" 1 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" copies $json "$T/tree"
	tame "catalogue copies of discs $json" 1 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" copies $json
done
tame 'catalogue: no such disc' 2 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" show "$evil"
echo new >"$T/tree/new$evil"
tame 'catalogue missing' 1 "$BUILD/cdappendfs-catalogue" --db="$T/shelf.db" missing "$T/tree"
rm "$T/tree/new$evil"
stage=$T/stage/$evil
mkdir -p "$T/stage"
bounded 60 "$BUILD/cdappendfs" -o "commit=manual,staging=$stage" "$disc" "$point" >"$T/mount.log" 2>&1 || fail 'mount' "$(cat -v "$T/mount.log")"
is 'mounting says nothing raw' "$(raw "$(<"$T/mount.log")")" 0
tame 'already mounted' 1 "$BUILD/cdappendfs" -f -o "staging=$stage" "$disc" "$mnt"
echo two >"$point/new$evil"
mv "$point/$evil" "$point/moved$evil"
rmdir "$point/dir$evil"
tame 'info' 0 "$BUILD/cdappendfs-info" "$point"
tame 'info --json' 0 "$BUILD/cdappendfs-info" --json "$point"
is 'info --changes: a line for each' "$("$BUILD/cdappendfs-info" --changes "$point" | wc -l)" 3
tame 'and nothing raw' 0 "$BUILD/cdappendfs-info" --changes "$point"
ok 'info --changes --json tells the names' python3 - "$evil" <(bounded 60 "$BUILD/cdappendfs-info" --changes --json "$point") <<-'END'
	import json, os, sys
	changes = json.load(open(sys.argv[2]))["changes"]
	names = {c["path"] for c in changes}
	assert {"new" + sys.argv[1], "moved" + sys.argv[1], "dir" + sys.argv[1]} <= names, names
END
tame 'info --changes --json' 0 "$BUILD/cdappendfs-info" --changes --json "$point"
tame 'dry run' 0 "$BUILD/cdappendfs-sync" --dry-run "$point"
tame 'discard of one that is not staged' 1 "$BUILD/cdappendfs-sync" --discard "$point/none$evil"
exec {held}<"$point/moved$evil"
if ((EUID == 0)); then tame 'in use' 1 "$BUILD/cdappendfs-umount" -v "$point"; fi
exec {held}<&-
tame 'umount -v' 0 "$BUILD/cdappendfs-umount" -v "$point"
tame 'stage list' 0 "$BUILD/cdappendfs-stage" "--staging=$stage" list
tame 'stage list --json' 0 "$BUILD/cdappendfs-stage" "--staging=$stage" --json list
tame 'stage export' 0 "$BUILD/cdappendfs-stage" "--staging=$stage" export "$disc" "$T/out$evil"
tame 'stage export again' 1 "$BUILD/cdappendfs-stage" "--staging=$stage" export "$disc" "$T/out$evil"
tame 'info of a disc that is not mounted' 0 "$BUILD/cdappendfs-info" "--staging=$stage" "$disc"
# ---- commands that somebody is told to give are right when they are typed, whatever the names are
PATH=$BUILD:$PATH
bounded 60 "$BUILD/cdappendfs" -o "commit=manual,staging=$stage" "$disc" "$point" >"$T/mount.log" 2>&1 || fail 'mount' "$(cat -v "$T/mount.log")"
echo three >"$point/three"
umount_by() { bounded 60 "$BUILD/cdappendfs-umount" -q "$1"; }
said=$(bounded 60 "$BUILD/cdappendfs-stage" "--staging=$stage" discard "$disc" 2>&1)
advice=$(sed -n "s/.*what is staged with '\(cdappendfs-sync .*\)', drop it.*/\1/p" <<<"$said")
ok 'a sync is told' test "$advice"
ok 'and can be typed' eval "${advice/cdappendfs-sync/cdappendfs-sync -n}"
umount_by "$point"
cp "$disc" "$T/grown.iso"
xorriso -dev "$T/grown.iso" -map "$T/tree" /grown -commit >/dev/null 2>&1
cat "$T/grown.iso" >"$disc"
said=$(bounded 60 "$BUILD/cdappendfs" -f -o "staging=$stage" "$disc" "$mnt" 2>&1)
advice=$(sed -n "s/.*is now with '\(cdappendfs-stage .*\)', save.*/\1/p" <<<"$said")
ok 'a rebase is told' test "$advice"
ok 'and can be typed' eval "$advice"
advice=$(bounded 60 "$BUILD/cdappendfs-info" "--staging=$stage" "$disc" | sed -n 's/^ *1  mount .*sbsector=[0-9]* \(.*\) DIRECTORY$/\1/p')
is 'an older session is mounted from that file' "$(eval "printf %s $advice")" "$disc"
truncate -s 100K "$disc"
tame 'info of one that was cut' 0 "$BUILD/cdappendfs-info" "--staging=$stage" "$disc"
tame 'mount of one that was cut' 1 "$BUILD/cdappendfs" -f -o "staging=$stage" "$disc" "$mnt"
done_testing
