#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# catalogue.t - cdappendfs-catalogue: what was on a disc in each session, by the schema alone and beside the mount's own .sessions; names,
# content, copies, places; discs that are damaged; two programs at once, kills, full disks
. "$(dirname "$0")/../lib.sh"
need xorriso python3 sqlite3

export XDG_DATA_HOME=$T/data
db=$T/data/cdappendfs/catalogue.db disc=$T/disc.iso
catalogue() { bounded 120 "$BUILD/cdappendfs-catalogue" "$@"; }
shelf() { PYTHONDONTWRITEBYTECODE=1 bounded 120 python3 "$TOP/tests/mount/shelf.py" "$@"; }
burn() { bounded 60 "$BUILD/cdappendfs-sync" -q "$@" "$mnt"; }
# What of the JSON of find or where: disc, sessions, path of each
places() { json "join ', ', sort map { \"\$_->{disc} \$_->{first_session}-\$_->{last_session} \$_->{path}\" } map { \$_->{found} ? @{\$_->{found}} : \$_ } @{\$_->{found} // \$_->{files}}"; }
find_in() { catalogue find --json "$@" | places; }
in_session() { (cd "$mnt/.sessions/$1" && LC_ALL=C find . -mindepth 1 -printf '%y %P\n' | LC_ALL=C sort); }
# same_trees DISC SESSION…: what the catalogue has of each is what the mount shows
same_trees() {
	local number=$1 session
	shift
	for session; do
		shelf tree "$db" "$number" "$session" >"$T/of-catalogue"
		in_session "$session" >"$T/of-mount"
		same_listing "session $session of disc $number" "$T/of-mount" "$T/of-catalogue"
	done
}

# ---- none yet
fails 'no catalogue' 2 catalogue list
like 'it says how to make one' "$(catalogue find x 2>&1)" 'there is no catalogue yet: .cdappendfs-catalogue add DISC'
blank_disc "$disc"
fails 'a blank disc' 2 catalogue add "$disc"
like 'it says so' "$(catalogue add "$disc" 2>&1)" 'blank'

# ---- sessions
mount_disc -o volid=FIRST,tree=linked "$disc"
make_odd_tree "$mnt/odd"
latin=$(printf 'ma\xf1ana \xe9t\xe9.txt')
mkdir -p "$mnt/a/deep/er" "$mnt/b"
printf latin >"$mnt/a/$latin"
echo müde >"$mnt/a/MÜLLER und Söhne.doc"
for i in 1 2 3; do
	seq "$i" 100 >"$mnt/a/file$i"
	seq "$i" 200 >"$mnt/a/deep/er/under$i"
done
ok 'a session' burn -m 'the first visit'
ok 'added' catalogue add --place 'shelf 3, box B' "$mnt"
is 'only for its user' "$(stat -c %a "$db")" 600
like 'listed' "$(catalogue list)" '^1  FIRST  image file  .* 1 session  .*  shelf 3, box B'
mv "$mnt/a/deep" "$mnt/b/elsewhere"
seq 5 >"$mnt/a/file1"
rm "$mnt/a/file2"
mv "$mnt/a/file3" "$mnt/b/third"
chmod 600 "$mnt/b/elsewhere/er/under1"
ok 'another one' burn
mv "$mnt/b" "$mnt/c"
ok 'one that moves a directory' burn
rm -r "$mnt/c/elsewhere"
mkdir "$mnt/c/elsewhere"
touch "$mnt/c/elsewhere/again"
ok 'the last one' burn
is 'those that are new are added' "$(catalogue add --json "$mnt" | json '"$_->{added}[0]{disc} $_->{added}[0]{sessions}"')" '1 3'
is 'and nothing twice' "$(catalogue add --json "$disc" | json '"$_->{added}[0]{sessions} $_->{added}[0]{names}"')" '0 0'
same_trees 1 1 2 3 4
is 'a directory that was moved is one name' "$(catalogue show --json 1 | json 'join " ", map { $_->{names} } @{$_->{sessions}}[1 .. 3]')" '3 1 2'
is 'messages' "$(catalogue show --json FIRST | json '$_->{sessions}[0]{message}')" 'the first visit'
is 'sound' "$(shelf sound "$db")" sound

# ---- names
is 'versions' "$(find_in file1)" '1 1-1 a/file1, 1 2-4 a/file1'
is 'where it was last' "$(find_in under2)" '1 1-3 c/elsewhere/er/under2'
is 'moved' "$(find_in third)" '1 2-4 c/third'
is 'a part of a name, in any case' "$(catalogue find üller SÖHNE | sed 's/.*  //')" 'a/MÜLLER und Söhne.doc'
is 'two characters' "$(catalogue find ü ö | sed 's/.*  //')" 'a/MÜLLER und Söhne.doc'
is 'a pattern' "$(find_in 'FILE[23]')" '1 1-1 a/file2, 1 1-1 a/file3'
is 'one that excludes' "$(find_in 'file[!23]')" '1 1-1 a/file1, 1 2-4 a/file1'
none 'of the whole name' "$(find_in 'ile1*')"
is 'of a path' "$(find_in '/a/f*')" '1 1-1 a/file1, 1 1-1 a/file2, 1 1-1 a/file3, 1 2-4 a/file1'
is 'of the end of a path' "$(find_in 'er/u*3')" '1 1-3 c/elsewhere/er/under3'
is 'bytes that are no UTF-8' "$(catalogue find --json 'ma*.txt' | grep -o '"path":"[^"]*"')" '"path":"a/ma\udcf1ana \udce9t\udce9.txt"'
is 'a quotation mark' "$(catalogue find --json '"quotes"' | json 'scalar @{$_->{found}}')" 1
like 'text' "$(catalogue find third)" '^disc 1 FIRST \(shelf 3, box B\)  sessions 2-4  .*  c/third$'
fails 'nothing is found' 1 catalogue find 'no such name'
fails 'no word' 2 catalogue find
fails 'an option of others' 2 catalogue find --min=2 x
fails 'no such verb' 2 catalogue fetch x

# ---- discs of other programs: more than one session, each with all directories
mkdir -p "$T/tree/x/y"
seq 1000 >"$T/tree/x/y/one"
seq 2000 >"$T/tree/x/two"
xorriso -outdev "$T/other.iso" -volid OTHER -md5 on -map "$T/tree" / -commit >"$T/xorriso.log" 2>&1
seq 3000 >"$T/tree/x/three"
rm "$T/tree/x/two"
xorriso -dev "$T/other.iso" -md5 on -update_r "$T/tree" / -commit >>"$T/xorriso.log" 2>&1
ok 'one of xorriso' catalogue add -p 'in the attic' "$T/other.iso"
is 'its versions' "$(find_in two), $(find_in three), $(find_in one | sed 's/.*, //')" '2 1-1 x/two, 2 2-2 x/three, 2 1-2 x/y/one'
for n in 1 2; do
	xorriso -indev "$T/other.iso" -load session "$n" -find / 2>/dev/null | tr -d "'" | sed -n 's:^/\(.\):\1:p' | sort >"$T/of-xorriso"
	shelf tree "$db" 2 "$n" | cut -c3- | sort >"$T/of-catalogue"
	same_listing "session $n as xorriso has it" "$T/of-xorriso" "$T/of-catalogue"
done

# ---- files of the hard disk
cp -p "$T/tree/x/three" "$T/three"
is 'by MD5 sums that the disc has' "$(catalogue where --json "$T/three" | json '$_->{files}[0]{found}[0]{by}')" md5
cp "$T/tree/x/three" "$T/renamed"
is 'under another name' "$(catalogue where --json "$T/renamed" | places)" '2 2-2 x/three'
mkdir "$T/home"
cp -p "$mnt/a/file1" "$mnt/c/third" "$T/home"
seq 77 >"$T/home/new"
cp "$T/home/file1" "$T/home/copied"
touch -d '2001-02-03 04:05:06' "$T/home/copied"
is 'by name, size and date' "$(catalogue where --json "$T/home/file1" | json '$_->{files}[0]{found}[0]{by}')" 'name, size and date'
fails 'which may not be enough' 1 catalogue where --content "$T/home/file1"
is 'missing' "$(catalogue missing "$T/home" | sed 's:.*/::' | paste -sd' ')" 'copied new'
fails 'something is' 1 catalogue missing "$T/home"
ok 'all content is read' catalogue add --digests "$disc"
is 'as sha256sum has it' "$(catalogue find --json under1 | json '$_->{found}[0]{sha256}')" "$(sha256sum <"$mnt/.sessions/3/c/elsewhere/er/under1" | cut -d' ' -f1)"
is 'not again' "$(catalogue add --digests --json "$disc" | json '$_->{added}[0]{digests}')" 0
sqlite3 "$db" "SELECT lower(hex(sha256)) || '  ' || name FROM entry WHERE kind='f' AND size>0 AND last IS NULL AND directory IN (SELECT child FROM entry WHERE name='a' AND child)" | LC_ALL=C sort >"$T/of-catalogue"
(cd "$mnt/a" && sha256sum ./*) | sed 's:\./::' | LC_ALL=C sort >"$T/of-sha256sum"
same_listing 'digests' "$T/of-sha256sum" "$T/of-catalogue"
is 'by content now' "$(catalogue where --json "$T/home/copied" | json '"$_->{files}[0]{found}[0]{by} $_->{files}[0]{found}[0]{path}"')" 'sha256 a/file1'
is 'missing' "$(catalogue missing --content "$T/home" | sed 's:.*/::' | paste -sd' ')" new
printf 'another\n' >"$T/same"
n=$(stat -c %s "$T/home/third")
head -c "$n" /dev/zero >"$T/home/third.new"
touch -r "$T/home/third" "$T/home/third.new"
mv "$T/home/third.new" "$T/home/third"
like 'what has another digest is another file' "$(catalogue where "$T/home/third")" 'third: on no disc'
is 'with zero bytes' "$(catalogue missing -z "$T/home" | tr '\0' ' ')" "$T/home/new $T/home/third "
is 'JSON' "$(catalogue missing --json "$T/home" | json '"$_->{files} " . join " ", map { $_->{path} =~ s:.*/::r } @{$_->{missing}}')" '4 new third'
rm "$T/home/new" "$T/home/third"
silent 'nothing is missing' catalogue missing "$T/home"
is 'on one disc only' "$(catalogue copies "$T/home" | sed 's:\t.*/: :' | paste -sd' ')" '1 copied 1 file1'
fails 'no such directory' 2 catalogue missing "$T/none"
ln -s "$T/none" "$T/dangling"; ln -s home "$T/leads"; mkfifo "$T/pipe"
fails 'a link that leads nowhere' 2 catalogue missing "$T/dangling"
fails 'what has no content' 2 catalogue missing "$T/pipe"
silent 'a link to a directory' catalogue missing "$T/leads"

# ---- copies
ok 'a session' sh -c "seq 9 >'$mnt/nine'; '$BUILD/cdappendfs-sync' -q '$mnt'"
cp "$disc" "$T/copy.iso"
ok 'unmount' umount_disc
ok 'it is added' catalogue add "$disc"
ok 'a copy of it' catalogue add --copy --place 'in a safe' "$T/copy.iso"
is 'costs no names' "$(sqlite3 "$db" 'SELECT count(*), count(DISTINCT title) FROM disc')" '3|2'
silent 'two discs have all of it' catalogue copies "$T/home"
is 'what of the discs is on one only' "$(catalogue copies --json | json 'join ", ", sort map { "$_->{disc} $_->{copies} $_->{path}" } @{$_->{copies}}')" '2 1 x/three, 2 1 x/y/one'
like 'text' "$(catalogue copies)" '^1  disc 2 OTHER \(in the attic\)  x/'
cmp_number 'on two' "$(catalogue copies --min=3 | grep -c '^2  disc [13] ')" -gt 10
fails 'not three' 1 catalogue copies --min=3 "$T/home"
is 'both are told' "$(find_in nine)" '1 5-5 nine, 3 5-5 nine'
mount_disc "$disc"
seq 10 >"$mnt/ten"
ok 'one of them goes on' burn
ok 'which is known by its path' catalogue add "$mnt"
is 'what it got the other has not' "$(find_in ten)" '1 6-6 ten'
mv "$T/copy.iso" "$T/moved.iso"
ok 'an older one that was moved is the only one that it can be' catalogue add "$T/moved.iso"
is 'and has another path now' "$(catalogue show --json 3 | json '$_->{path}')" "$T/moved.iso"
cp "$T/moved.iso" "$T/fork.iso"
mount_disc "$T/fork.iso" "$T/fork"
seq 11 >"$T/fork/eleven"
ok 'a copy goes another way' umount_disc "$T/fork"
ok 'and is another one' catalogue add "$T/fork.iso"
is 'with all that it has' "$(find_in eleven), $(find_in nine)" '4 6-6 eleven, 1 5-6 nine, 3 5-5 nine, 4 5-6 nine'
ok 'unmount' umount_disc
cp "$T/moved.iso" "$disc"
ok 'an image that is set back' catalogue add "$disc"
none 'has not what was there' "$(catalogue find --json ten | places)"
is 'but what is' "$(find_in nine)" '1 5-5 nine, 3 5-5 nine, 4 5-6 nine'
is 'sound' "$(shelf sound "$db")" sound
mount_disc "$disc"
seq 12 >"$mnt/twelve"
ok 'it goes on' burn
ok 'and is added' catalogue add "$mnt"
same_trees 1 1 2 3 4 5 6
ok 'unmount' umount_disc
cp "$disc" "$T/like.iso"
cp "$disc" "$T/like2.iso"
ok 'a copy' catalogue add --copy "$T/like.iso"
like 'which one it is has to be said' "$(catalogue add "$T/like2.iso" 2>&1)" 'which of its copies is it: disc 1, 3, 5 \(--disc=N\), or one more \(--copy\)'
fails 'it is not guessed' 2 catalogue add "$T/like2.iso"
ok 'by its number' catalogue add --disc=5 "$T/like2.iso"
fails 'another disc it is not' 2 catalogue add --disc=2 "$T/like2.iso"

# ---- places, forgetting
ok 'another place' catalogue place 5 'box Ü "7"'
is 'it is there' "$(catalogue show --json 5 | grep -o '"place":".*,"path"')" '"place":"box Ü \"7\"","path"'
fails 'of no disc' 2 catalogue place 99 x
like 'a label that several have' "$(catalogue show FIRST 2>&1)" 'discs have that label: give the number'
for n in 5 4 3 2; do ok "disc $n is forgotten" catalogue forget "$n"; done
is 'one is left' "$(catalogue list --json | json 'join " ", map { $_->{disc} } @{$_->{discs}}')" 1
fails 'what it alone had is gone' 1 catalogue find eleven
same_trees_of_disc() { shelf tree "$db" 1 6 | wc -l; }
cmp_number 'the other is whole' "$(same_trees_of_disc)" -gt 50
is 'sound' "$(shelf sound "$db")" sound
ok 'a disc' catalogue add "$T/other.iso"
is 'no number is given twice' "$(catalogue list --json | json '$_->{discs}[1]{disc}')" 6
ok 'all of it anew' catalogue add --anew "$T/other.iso"
is 'sound' "$(shelf sound "$db")" sound

# ---- an image that was cut off behind its directories: what they name is not there
mkdir "$T/cut"
seq 3 >"$T/cut/first"
noise 1500000 31 >"$T/cut/large"
blank_disc "$T/cut.iso"
mount_disc "$T/cut.iso"
cp -p "$T/cut"/* "$mnt/"
ok 'unmount' umount_disc
cp "$T/cut.iso" "$T/uncut.iso"
truncate -s 1000000 "$T/cut.iso"
fails 'one that is cut off' 1 catalogue add --db="$T/cut.db" "$T/cut.iso"
like 'it says what is not there' "$(cat "$T/ok.output")" 'session 1: /large: cannot be read'
is 'that is missing' "$(catalogue missing --db="$T/cut.db" "$T/cut" | sed 's:.*/::')" large
rm "$T/cut.db"
ok 'a whole one' catalogue add --db="$T/cut.db" "$T/uncut.iso"
mv "$T/cut.iso" "$T/uncut.iso"
fails 'which is cut off later' 1 catalogue add --db="$T/cut.db" "$T/uncut.iso"
like 'it says so' "$(cat "$T/ok.output")" 'session 1 .* cut off now'
fails 'read again' 1 catalogue add --anew --db="$T/cut.db" "$T/uncut.iso"
is 'it is missing, too' "$(catalogue missing --db="$T/cut.db" "$T/cut" | sed 's:.*/::')" large

# ---- a disc that is damaged
damaged=$T/damaged.iso
mkdir "$T/more"
for d in 1 2 3; do mkdir "$T/more/dir$d" && seq "$d" 50 >"$T/more/dir$d/in$d"; done
xorriso -outdev "$damaged" -volid DAMAGED -map "$T/more" / -commit >"$T/xorriso.log" 2>&1
lba=$(python3 -c 'import sys; print(open(sys.argv[1], "rb").read().find(b"in2") // 2048)' "$damaged")
cp "$damaged" "$T/whole.iso"
dd if=/dev/zero of="$damaged" bs=2048 seek="$lba" count=1 conv=notrunc status=none
fails 'a directory that is lost' 1 catalogue add "$damaged"
like 'it is told' "$(catalogue list)" 'DAMAGED .*not all of it could be read'
is 'all else is there' "$(find_in in1), $(find_in in3)" "$(for n in 1 3; do echo "7 1-1 dir$n/in$n"; done | paste -sd, | sed 's/,/, /')"
fails 'and that is not' 1 catalogue find in2
ok 'read again when it is whole' catalogue add --disc=7 --anew "$T/whole.iso"
is 'then it is' "$(find_in in2)" '7 1-1 dir2/in2'

# One that leads back to where it is.
xorriso -outdev "$T/loop.iso" -volid LOOP -map "$T/more" / -commit >"$T/xorriso.log" 2>&1
python3 - "$T/loop.iso" <<'END'
import sys
with open(sys.argv[1], 'r+b') as image:
    data = bytearray(image.read())
    root = data[16 * 2048 + 156:16 * 2048 + 190]
    start = int.from_bytes(root[2:6], 'little') * 2048
    record = data.find(b'DIR1', start) - 33
    data[record + 2:record + 18] = root[2:18]
    image.seek(0)
    image.write(data)
END
fails 'a disc that leads in circles' 1 catalogue add "$T/loop.iso"
is 'has what it has' "$(find_in --disc=LOOP 'dir?' | tr ',' '\n' | wc -l)" 3
is 'sound' "$(shelf sound "$db")" sound

# ---- what is no catalogue, or another one
echo text >"$T/text"
like 'a text' "$(catalogue list --db="$T/text" 2>&1)" 'damaged'
fails 'fails' 2 catalogue list --db="$T/text"
is 'and stays' "$(cat "$T/text")" text
sqlite3 "$T/someone.db" 'CREATE TABLE t(x)'
like 'a database of something else' "$(catalogue add --db="$T/someone.db" "$disc" 2>&1)" 'it is a database, and no catalogue'
cp "$db" "$T/newer.db"
sqlite3 "$T/newer.db" 'PRAGMA user_version=2'
like 'one of a newer version' "$(catalogue list --db="$T/newer.db" 2>&1)" 'a newer cdappendfs has made it \(schema 2, this one knows 1\)'
is 'by the environment' "$(CDAPPENDFS_CATALOGUE=$T/newer.db catalogue list 2>&1 | grep -c newer)" 1
fails 'which says something else' 2 env CDAPPENDFS_CATALOGUE=perhaps "$BUILD/cdappendfs-catalogue" list

# ---- several at once
db=$T/several.db
for i in 1 2 3 4; do
	mkdir "$T/tree$i"
	(cd "$T/tree$i" && seq -f "number $i %05g" 3000 | tr '\n' '\0' | xargs -0 touch)
	xorriso -outdev "$T/disc$i.iso" -volid "DISC$i" -map "$T/tree$i" / -commit >>"$T/xorriso.log" 2>&1
done
for i in 1 2 3 4; do
	bounded 120 "$BUILD/cdappendfs-catalogue" add --db="$db" "$T/disc$i.iso" >"$T/add$i.log" 2>&1 &
	children+=($!)
done
none 'who asks meanwhile is answered' "$(for i in {1..20}; do catalogue find --db="$db" 'number 1 00001' 2>&1 | grep -v 'no catalogue yet\|no disc was added\|^disc'; done)"
for pid in "${children[@]: -4}"; do await "$pid" && pass 'one of four at once' || fail 'one of four at once' "$(cat "$T"/add?.log)"; done
is 'all of them are there' "$(sqlite3 "$db" 'SELECT count(*) FROM entry')" 12000
is 'sound' "$(shelf sound "$db")" sound
sqlite3 "$db" .dump >"$T/dump"

# ---- killed in the middle: whole sessions are left, and the next one goes on
killed=$T/killed.db
for i in {1..12}; do
	"$BUILD/cdappendfs-catalogue" add --db="$killed" "$T/disc1.iso" "$T/disc2.iso" >"$T/killed.log" 2>&1 &
	pid=$!
	children+=("$pid")
	sleep "0.0$((i * 7 % 10))"
	kill -KILL "$pid" 2>/dev/null
	await "$pid" 2>/dev/null
	n=$(sqlite3 "$killed" 'SELECT count(*) FROM entry' 2>/dev/null)
	[[ ! $n || $n == 0 || $n == 3000 || $n == 6000 ]] || fail 'a session is there whole, or not at all' "$n names"
	[[ ! $n ]] || [[ $(shelf sound "$killed") == sound ]] || fail 'sound after a kill' "$(shelf sound "$killed")"
done
ok 'it goes on' catalogue add --db="$killed" "$T/disc1.iso" "$T/disc2.iso"
is 'all is there once' "$(sqlite3 "$killed" 'SELECT count(*), count(DISTINCT name) FROM entry')" '6000|6000'
is 'sound' "$(shelf sound "$killed")" sound

# ---- what a mount burns
db=$T/data/cdappendfs/catalogue.db
rm -rf "$T/data" "$T/by-mount.iso"
blank_disc "$T/by-mount.iso"
has() { [[ $(catalogue find --json "$1" 2>/dev/null | places) == "$2" ]]; }
mount_disc -o "catalogue,tree=linked,volid=BY-MOUNT" "$T/by-mount.iso"
mkdir "$mnt/x" "$mnt/y"
seq 1 >"$mnt/x/first"
ok 'a session' burn -m 'of a mount'
ok 'is in the catalogue' until_true 20 has first '1 1-1 x/first'
seq 2 >"$mnt/x/second"
mv "$mnt/y" "$mnt/z"
ok 'so is the one of the unmount' umount_disc
is 'when that has ended' "$(find_in second), $(find_in first)" '1 2-2 x/second, 1 1-2 x/first'
mount_disc -o tree=linked "$T/by-mount.iso"
seq 3 >"$mnt/third"
ok 'one without' umount_disc
none 'is not' "$(find_in third)"
export CDAPPENDFS_CATALOGUE=yes
mount_disc -o nocatalogue "$T/by-mount.iso"
ok 'nor with the environment and nocatalogue' umount_disc
none 'is not' "$(find_in third)"
mount_disc -o tree=linked "$T/by-mount.iso"
ok 'with the environment it is, at the next mount' until_true 20 has third '1 3-3 third'
seq 4 >"$mnt/fourth"
ok 'unmount' umount_disc
is 'and so is what that burns' "$(find_in fourth)" '1 4-4 fourth'
export CDAPPENDFS_CATALOGUE=$T/other.db
blank_disc "$T/more.iso"
mount_disc "$T/more.iso"
seq 5 >"$mnt/fifth"
ok 'unmount' umount_disc
is 'another place' "$(catalogue find --json fifth | places)" '1 1-1 fifth'
unset CDAPPENDFS_CATALOGUE
mount_disc -o tree=linked "$T/by-mount.iso"
mount_disc -o "ro,catalogue" "$T/more.iso" "$T/read-only"
ok 'unmount' umount_disc "$T/read-only"
none 'a disc that is only read is not added' "$(find_in fifth)"
same_trees 1 1 2 3 4
is 'sound' "$(shelf sound "$db")" sound
ok 'unmount' umount_disc

# What goes wrong with it is told, and nothing else.
mount_disc -o "catalogue,tree=linked" "$T/by-mount.iso"
sqlite3 "$db" 'PRAGMA user_version=9'
seq 6 >"$mnt/sixth"
ok 'a commit is as good without' umount_disc
like 'it is told' "$(cat "${log_of[$mnt]}")" 'what it has now is not in the catalogue yet: .*a newer cdappendfs has made it .*cdappendfs-catalogue add .*by-mount.iso.? adds it'
fails 'no mount where it is asked for and cannot be' 1 "$BUILD/cdappendfs" -f -o catalogue "$T/by-mount.iso" "$mnt"
export CDAPPENDFS_CATALOGUE=yes
mount_disc -o tree=linked "$T/by-mount.iso"
like 'by the environment only it is told' "$(cat "$log")" 'mounted without a catalogue: '
unset CDAPPENDFS_CATALOGUE
is 'the session is there' "$(cat "$mnt/sixth")" "$(seq 6)"
ok 'unmount' umount_disc
sqlite3 "$db" 'PRAGMA user_version=1'
mount_disc -o "catalogue,tree=linked" "$T/by-mount.iso"
ok 'it is made up for at the next mount' until_true 20 has sixth '1 5-5 sixth'
python3 - "$db" "$T/locked" <<'END' &
import os, sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('BEGIN IMMEDIATE')
open(sys.argv[2], 'w').close()
while os.path.exists(sys.argv[2]):
    time.sleep(0.05)
db.execute('COMMIT')
END
children+=($!)
ok 'somebody changes it' until_true 20 test -e "$T/locked"
seq 7 >"$mnt/seventh"
ok 'no commit waits for him' burn
none 'the catalogue does' "$(find_in seventh)"
rm "$T/locked"
ok 'and then has it' until_true 40 has seventh '1 6-6 seventh'
ok 'unmount' umount_disc

# ---- a full disk
if ((EUID != 0)) || ! mkdir "$T/small" || ! mount -t tmpfs -o size=400k tmpfs "$T/small" 2>/dev/null; then
	skip 'a full disk' 'no tmpfs here'
else
	fails 'a full disk' 2 catalogue add --db="$T/small/c.db" "$T/disc1.iso"
	like 'it says so' "$(catalogue add --db="$T/small/c.db" "$T/disc1.iso" 2>&1)" 'no room left for the catalogue'
	mount -o remount,size=40M "$T/small"
	ok 'with room' catalogue add --db="$T/small/c.db" "$T/disc1.iso"
	is 'all is there' "$(sqlite3 "$T/small/c.db" 'SELECT count(*) FROM entry')" 3000
	is 'sound' "$(shelf sound "$T/small/c.db")" sound
fi
if ((EUID == 0)); then
	mkdir -m 777 "$T/data2"
	like 'a place that others may exchange' "$(XDG_DATA_HOME=$T/data2 catalogue add "$disc" 2>&1)" 'somebody else could put a directory of his own in its place'
fi
# ---- another disc in the place of one
blank_disc "$disc"
mount_disc "$disc"
echo first >"$mnt/first"
ok 'a disc' umount_disc
ok 'is added' catalogue add --db="$T/placed.db" "$disc"
none 'at first nothing was there before' "$(catalogue add --json --db="$T/placed.db" "$disc" | json '$_->{added}[0]{displaced} // ""')"
sleep 1.1	# its first session is of another second: else it is taken for the same disc, gone another way
blank_disc "$disc"
mount_disc -o "catalogue=$T/placed.db" "$disc"
echo second >"$mnt/second"
ok 'another one is made in its place' sync_disc
ok 'and burned into the catalogue' until_true 60 catalogue find --db="$T/placed.db" second
ok 'unmount' umount_disc
like 'the log says what was there' "$(<"${log_of[$mnt]}")" 'disc 1 was there before: .*forget 1'
sleep 1.1
ok 'one more' blank_disc "$disc"
mount_disc "$disc"
echo third >"$mnt/third"
ok 'burned' umount_disc
ok 'and added' catalogue add --db="$T/placed.db" "$disc"
like 'is told, too' "$(<"$T/ok.output")" 'disc 2 was there before: .*forget 2'
# ---- before 1970: a second begins below its part
mkdir "$T/moon"
seq 11 >"$T/moon/landing"
touch -d '1969-07-20 20:17:40.5' "$T/moon/landing"
bounded 60 xorriso -outdev "$T/moon1.iso" -volid WHOLE -map "$T/moon" / >/dev/null 2>&1
blank_disc "$T/moon2.iso"
mount_disc -o volid=PARTS "$T/moon2.iso"
cp -p "$T/moon/landing" "$mnt/"
ok 'unmount' umount_disc
ok 'of whole seconds, and of their parts' catalogue add --db="$T/moon.db" "$T/moon1.iso" "$T/moon2.iso"
silent 'a file of a disc of another program' catalogue copies --db="$T/moon.db" --min=2 "$T/moon"
none 'is the same as one on ours' "$(catalogue copies --db="$T/moon.db" | grep PARTS)"
done_testing
