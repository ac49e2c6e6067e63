#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# find-forms.t - cdappendfs-find: text, JSON, zero bytes; directories and what they carry along; a part of the tree by any of its names;
# criteria, statuses; discs of other programs; damage, sessions that are not found: told, and never taken for absence
. "$(dirname "$0")/../lib.sh"
need python3 xorriso isoinfo genisoimage

disc=$T/disc.iso
find_in() { bounded 60 "$BUILD/cdappendfs-find" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt"; }
# Without dates
lines() { find_in "$@" | sed 's/  20[^ ]*Z  /  /'; }
keys() { json 'join "\n", map { my $v = $_; join " ", map { ref $v->{$_} ? ($v->{$_} ? "true" : "false") : $v->{$_} // "-" } qw(session path now current replaced vanished staged known) } @{$_->{versions}}'; }

# ---- a blank disc
blank_disc "$disc"
fails 'nothing is found on a blank disc' 1 find_in "$disc"
is 'in JSON, too' "$(find_in --json "$disc")" '{"versions":[],"complete":true}'
mount_disc "$disc"
fails 'nor in its mount' 1 find_in "$mnt"
echo first >"$mnt/first"
is 'what is staged is found' "$(lines "$mnt")" 'staged  A  6 bytes  first | is there'
rm "$mnt/first"

# ---- what became of it
mkdir -p "$mnt/2024/in" "$mnt/x"
echo dear >"$mnt/2024/letter.txt"
noise 100000 1 >"$mnt/2024/in/Foto.JPG"
ln -s target "$mnt/x/link"
ln "$mnt/2024/letter.txt" "$mnt/x/hard"
printf x >"$mnt/x/"$'odd\n\xff'
ok 'a session' burn
mv "$mnt/2024" "$mnt/2025"
ok 'its directory is renamed' burn
echo more >>"$mnt/2025/letter.txt"
rm "$mnt/x/link"
chmod 700 "$mnt/x"
ok 'changed and deleted' burn
echo new >"$mnt/new"
mv "$mnt/2025/in" "$mnt/in"
rm "$mnt/x/hard"
echo again >"$mnt/2025/letter.txt"
cat >"$T/all" <<'END'
session 1  A  -  2024/ | now 2025/
session 1  A  -  2024/in/ | now in/ (not burned yet)
session 1  A  97.7 KiB  2024/in/Foto.JPG | now in/Foto.JPG (not burned yet)
session 1  A  5 bytes  2024/letter.txt | changed in session 3, now 2025/letter.txt
session 3  M  10 bytes  2025/letter.txt | changed (not burned yet), is there
staged  M  6 bytes  2025/letter.txt | is there
staged  A  4 bytes  new | is there
session 1  A  -  x/ | changed in session 3, is there
session 3  M  -  x/ | is there
session 1  A  5 bytes  x/hard | changed in session 3, deleted (not burned yet)
session 3  M  10 bytes  x/hard | deleted (not burned yet)
session 1  A  -  x/link | deleted in session 3
session 1  A  1 bytes  x/odd?? | is there
END
lines "$mnt" >"$T/got"
same_listing 'text' "$T/got" "$T/all"
cat >"$T/all" <<'END'
1 2024 2025 true - - - true
1 2024/in in true - - moved true
1 2024/in/Foto.JPG in/Foto.JPG true - - moved true
1 2024/letter.txt 2025/letter.txt false 3 - - true
3 2025/letter.txt 2025/letter.txt false - - changed true
- 2025/letter.txt 2025/letter.txt true - - changed true
- new new true - - added true
1 x x false 3 - - true
3 x x true - - - true
1 x/hard - false 3 - deleted true
3 x/hard - false - - deleted true
1 x/link - false - 3 - true
END
find_in --json "$mnt" | sed 's/,{"session":1,"date":"[^"]*","path":"x\/odd[^}]*}//' | keys >"$T/got"
same_listing 'JSON' "$T/got" "$T/all"
is 'the odd name in JSON' "$(find_in --json --name='odd*' "$mnt" | python3 -c 'import json, sys; print([v["path"].encode("utf-8", "surrogateescape") for v in json.load(sys.stdin)["versions"]])')" "[b'x/odd\\n\\xff']"
is 'it is burned when its session says' "$(find_in --json --name=new "$mnt" | json '$_->{versions}[0]{date} // "null"')" null
is 'dates are those of the sessions' "$(find_in --json --name=link "$mnt" | json '$_->{versions}[0]{date} . " " . $_->{versions}[0]{vanished_date}')" \
	"$(info_json '$_->{sessions}[0]{created} . " " . $_->{sessions}[2]{created}' "$mnt")"
fails 'zero bytes' 0 find_in -z --name='odd*' "$mnt"
is 'paths as they are in .sessions' "$(cd "$mnt/.sessions" && find_in -z --type=f --name='[!o]*' "$mnt" | xargs -0 stat -c '%s %n')" \
	$'100000 1/2024/in/Foto.JPG\n5 1/2024/letter.txt\n10 3/2025/letter.txt\n5 1/x/hard\n10 3/x/hard'

# ---- a part of the tree, by any of its names
is 'what a renamed directory has carried along' "$(lines "$mnt/in")" $'session 1  A  -  2024/in/ | now in/ (not burned yet)\nsession 1  A  97.7 KiB  2024/in/Foto.JPG | now in/Foto.JPG (not burned yet)'
is 'a file, by its path now' "$(lines "$mnt/2025/letter.txt" | cut -d'|' -f1)" \
	$'session 1  A  5 bytes  2024/letter.txt \nsession 3  M  10 bytes  2025/letter.txt \nstaged  M  6 bytes  2025/letter.txt '
is 'by the path that it had' "$(lines "$mnt/2024/letter.txt")" 'session 1  A  5 bytes  2024/letter.txt | changed in session 3, now 2025/letter.txt'
fails 'without a path in .sessions nothing is found' 1 find_in --null "$mnt/new"
is 'one that is staged only' "$(lines "$mnt/new")" 'staged  A  4 bytes  new | is there'
is 'one that is gone' "$(lines "$mnt/x/link")" 'session 1  A  -  x/link | deleted in session 3'
fails 'one that never was' 2 find_in "$mnt/none"
like 'is told' "$(cat "$T/ok.output")" 'none: no session has it'
fails 'one in .sessions' 2 find_in "$mnt/.sessions/1/2024"
like 'is refused' "$(cat "$T/ok.output")" 'without .\.sessions'
fails 'nothing in a part of it' 1 find_in --name=new "$mnt/x"

# ---- criteria
is 'a path that it got by a rename above it' "$(lines --path='2025/*' "$mnt" | cut -d'|' -f1)" \
	$'session 2  R  -  2025/in/ \nsession 2  R  97.7 KiB  2025/in/Foto.JPG \nsession 2  R  5 bytes  2025/letter.txt \nsession 3  M  10 bytes  2025/letter.txt \nstaged  M  6 bytes  2025/letter.txt '
is 'by one that is staged' "$(lines --path='/in/*' "$mnt")" 'staged  R  97.7 KiB  in/Foto.JPG | is there'
is 'moved within a part of it' "$(lines --path='*' --type=d "$mnt/2025" | cut -d'|' -f1)" $'session 1  A  -  2024/ \nsession 1  A  -  2024/in/ '
is 'capitals' "$(lines --iname='foto.*' "$mnt" | wc -l)" 1
fails 'which count otherwise' 1 find_in --name='foto.*' "$mnt"
is 'capitals of a path' "$(lines --ipath='*/FOTO.jpg' "$mnt" | wc -l)" 1
is 'several names, one of which fits' "$(lines --name=new --name='*.JPG' "$mnt" | wc -l)" 2
is 'a name and a path, which both must fit' "$(lines --name='*.txt' --path='2024/*' "$mnt" | wc -l)" 1
is 'sizes' "$(lines --size=5-6 "$mnt" | cut -d'|' -f1)" $'session 1  A  5 bytes  2024/letter.txt \nstaged  M  6 bytes  2025/letter.txt \nsession 1  A  5 bytes  x/hard '
is 'at least' "$(lines --size=97K- "$mnt" | wc -l)" 1
is 'at most' "$(lines --size=-4 "$mnt" | wc -l)" 2
is 'just' "$(lines --size=100000 "$mnt" | wc -l)" 1
is 'types' "$(lines --type=l,d "$mnt" | wc -l)" 5
is 'gone' "$(lines --gone "$mnt" | wc -l)" 3
touch -d '2001-02-03 04:05:06' "$mnt/new"
is 'before a date' "$(lines --older=2002 "$mnt")" 'staged  A  4 bytes  new | is there'
is 'before a time' "$(lines --older=2001-02-03T04:05:07Z --newer='2001-02-03 04:05:06' "$mnt" | wc -l)" 1
fails 'which was later' 1 find_in --older=2001-02-03T04:05:06 "$mnt"
is 'as seconds' "$(lines --older=@981173107 --newer=@981173106 "$mnt" | wc -l)" 1
is 'from a month on' "$(lines --newer=2001-03 --name=letter.txt "$mnt" | wc -l)" 3
for wrong in --size=1-0 --size= --size=- --size=x --size=1Q --newer=2001-13 --newer=2001-02-29 --newer=01-02-03 --newer=2001-02-03T25:00 --newer=yesterday \
	--older=@ --type= --type=x --name=a/b --name; do
	fails "$wrong" 2 find_in "$mnt" "$wrong"
done
like 'a wrong date says what is right' "$(find_in --newer=yesterday "$mnt" 2>&1)" 'yesterday.*2026-11-29'
fails 'two forms' 2 find_in --json --null "$mnt"
fails 'no disc' 2 find_in "$T/none"
fails 'two discs' 2 find_in "$disc" "$disc"
fails 'a directory that is no mount' 2 find_in "$T"
fails 'nobody reads it' 2 sh -c "'$BUILD/cdappendfs-find' '$mnt' >/dev/full"

# ---- taken by others
echo other >"$mnt/other"
mv "$mnt/new" "$mnt/x/new"
ok 'a session' burn
mv "$mnt/other" "$mnt/x/new"
rm -r "$mnt/in"
mkdir "$mnt/in"
echo in >"$mnt/in/else"
rm "$mnt/2025/letter.txt"
mkdir "$mnt/2025/letter.txt"
ok 'names that others take' burn
ok 'unmount' umount_disc
is 'a file that another one was renamed over' "$(lines --name=new "$disc")" $'session 4  A  4 bytes  x/new | deleted in session 5\nsession 5  R  6 bytes  x/new | is there'
is 'that other one' "$(lines --name=other "$disc")" 'session 4  A  6 bytes  other | now x/new'
is 'a directory that was made anew' "$(lines --path='in' --path='in/*' "$disc")" \
	$'session 4  R  -  in/ | is there\nsession 4  R  97.7 KiB  in/Foto.JPG | deleted in session 5\nsession 5  A  3 bytes  in/else | is there'
is 'what is of another type now' "$(lines --name=letter.txt --newer=2002 "$disc" | tail -n 2)" $'session 4  M  6 bytes  2025/letter.txt | deleted in session 5\nsession 5  A  -  2025/letter.txt/ | is there'

# ---- of other programs
mkdir -p "$T/tree/dir"
noise 30000 1 >"$T/tree/one"
noise 30000 2 >"$T/tree/dir/two"
xorriso -outdev "$T/foreign.iso" -map "$T/tree" / -commit >"$T/xorriso.log" 2>&1
xorriso -dev "$T/foreign.iso" -mv /one /dir/eins -- -commit >"$T/xorriso.log" 2>&1
xorriso -dev "$T/foreign.iso" -rm /dir/two -- -commit >"$T/xorriso.log" 2>&1
mount_disc "$T/foreign.iso"
mv "$mnt/dir" "$mnt/ours"
ok 'ours above three of another program' burn
echo more >>"$mnt/ours/eins"
ok 'unmount' umount_disc
is 'theirs and ours' "$(lines --type=f "$T/foreign.iso")" $'session 1  A  29.3 KiB  dir/two | deleted in session 3\nsession 1  A  29.3 KiB  one | changed in session 5, now ours/eins\nsession 5  M  29.3 KiB  ours/eins | is there'

# ---- sessions that are not found
genisoimage -quiet -R -J -o "$T/based.iso" "$T/tree" 2>/dev/null
mount_disc "$T/based.iso"
echo 1 >"$mnt/first"
ok 'ours above another program' burn
rm "$mnt/one"
echo 2 >"$mnt/second"
ok 'another one' burn
lba=$(info_json '$_->{sessions}[1]{start_lba}' "$mnt")
ok 'unmount' umount_disc
ok 'the first one is overwritten' dd if=/dev/zero of="$T/based.iso" bs=2048 seek="$lba" count=32 conv=notrunc status=none
fails 'what the next one changed is not known' 2 find_in "$T/based.iso"
like 'is said' "$(cat "$T/ok.output")" 'session 3.*what it changed is not known'
is 'all that is there is told' "$(lines --type=f "$T/based.iso" 2>/dev/null)" \
	$'session 3  ?  29.3 KiB  dir/two | is there\nsession 3  ?  2 bytes  first | is there\nsession 3  ?  2 bytes  second | is there'
fails 'what is not is not known' 2 find_in --name=one "$T/based.iso"

# ---- damage
damage() {
	local lba
	lba=$(isoinfo -R -l -N "$2" -i "$disc" | awk -v name="$1" '$NF == name {sub(/.*\[ */, ""); print $1}' | head -n 1)
	like "$1" "$lba" '^[0-9]+$'
	head -c 2048 /dev/zero | tr '\0' '\377' | dd of="$disc" bs=2048 seek="$lba" conv=notrunc status=none
}
made() {
	blank_disc "$disc"
	mount_disc -o tree=full "$disc"
	mkdir "$mnt/lost" "$mnt/found"
	echo 1 | tee "$mnt/lost/file" >"$mnt/found/file"
	ok 'a session' burn
	[[ $1 == first ]] && cp "$disc" "$T/first.iso"
	rm "$mnt/found/file"
	ok 'another one' umount_disc
}
made newest
damage lost 0
fails 'a directory that cannot be read' 2 find_in "$disc"
like 'is named' "$(cat "$T/ok.output")" 'session 2: /lost: cannot be read'
is 'what was in it has not vanished, all else is told' "$(lines --name=file "$disc" 2>/dev/null)" \
	$'session 1  A  2 bytes  found/file | deleted in session 2\nsession 1  A  2 bytes  lost/file | whether it is there now is not known'
is 'JSON says so' "$(find_in --json "$disc" 2>/dev/null | json '$_->{complete}')" false
made first
lba=$(isoinfo -R -l -i "$T/first.iso" | awk '$NF == "lost" {sub(/.*\[ */, ""); print $1}' | head -n 1)
head -c 2048 /dev/zero | tr '\0' '\377' | dd of="$disc" bs=2048 seek="$lba" conv=notrunc status=none
fails 'one of the first session' 2 find_in "$disc"
like 'is named' "$(cat "$T/ok.output")" 'session 1: /lost: cannot be read'
is 'what the next one has in it was there before, or not' "$(lines --name=file "$disc" 2>/dev/null)" \
	$'session 1  A  2 bytes  found/file | deleted in session 2\nsession 2  ?  2 bytes  lost/file | is there'
fails 'nothing found, and something not known' 2 find_in --name=nothing "$disc"
made newest
truncate -s $((($(info_json '$_->{sessions}[1]{start_lba}' "$disc") + 20) * 2048)) "$disc"
fails 'nothing found on a disc that is cut off' 2 find_in --name=nothing "$disc"
like 'whose last session is named' "$(cat "$T/ok.output")" 'session 2: '
truncate -s 66000 "$disc"
fails 'and where no session is left' 2 find_in --name=file "$disc"
done_testing
