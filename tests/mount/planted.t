#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# planted.t - stages that somebody else had his hands in: directories on the way, files put there, a journal that is exchanged
# in the middle of a mount; and rows that say what no row of ours says
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
need sqlite3 python3
chmod 755 "$T"

genisoimage -quiet -R -o "$T/d.iso" "$T/mnt" 2>/dev/null || skip_all 'no genisoimage'
cp d.iso master.iso
# refuses NAME STAGING WORDS: no mount, and what is said
refuses() {
	if start_disc -o commit=manual -s "$2" d.iso; then fail "$1" "$(ls "$mnt")"; umount_disc; else like "$1" "$(<"$log")" "$3"; fi
}
accepts() {
	if start_disc -o commit=manual -s "$2" d.iso; then pass "$1"; umount_disc; else fail "$1" "$(<"$log")"; fi
	rm -rf "$2"
}

# ---- the way to it
mkdir way way/theirs way/all way/sticky way/group way/private
chown 1002 way/theirs
chmod 777 way/all
chmod 1777 way/sticky
chmod 775 way/group
chgrp 1003 way/group
refuses 'below a directory of another user' "$T/way/theirs/stage" "$T/way/theirs: it belongs to another user"
[[ -e way/theirs/stage ]] && fail 'nothing was made there'
refuses 'below one that all may write to' "$T/way/all/stage" "$T/way/all: everybody may write"
refuses 'below one of a group' "$T/way/group/stage" "$T/way/group: a group may write"
for word in 'chmod g-w' '-o staging='; do like "… it says $word" "$(<"$log")" "$word"; done
mkdir way/all/ours way/theirs/ours
refuses 'also where the next one is ours' "$T/way/all/ours/stage" "$T/way/all: everybody may write"
refuses 'also of another user' "$T/way/theirs/ours/stage" "$T/way/theirs: it belongs"
accepts 'where the sticky bit is set' "$T/way/sticky/stage"
mkdir way/sticky/of && chown 1002 way/sticky/of
refuses 'but not what belongs to others there' "$T/way/sticky/of/stage" "of: it belongs to another user"
chgrp 0 way/private && chmod 775 way/private
if [[ $(awk -F: '$4 == 0 && $3 != 0' /etc/passwd) ]]; then skip 'a group without other members' 'others are in the group root'
else accepts 'a group without other members' "$T/way/private/stage"; fi
ln -s "$T/way/private" way/link
accepts 'by a symbolic link of ours' "$T/way/link/stage"
ln -s "$T/way/private" way/sticky/link && chown -h 1002 way/sticky/link
refuses 'by one of another user' "$T/way/sticky/link/stage" 'symbolic link of another user'
ln -s "$T/way/all/ours" way/into
refuses 'by one that leads through what others may write to' "$T/way/into/stage" "$T/way/all: everybody may write"
ln -s round way/round
fails 'in a circle' 1 "$BUILD/cdappendfs" -f -o "staging=$T/way/round/stage" d.iso "$mnt"
accepts 'a relative path' way/private/stage
accepts 'with dots in it' way/link/../private/./stage
fails 'directories above it are not made' 1 "$BUILD/cdappendfs" -f -o "staging=$T/way/nowhere/deep/stage" d.iso "$mnt"
like 'what lists looks at the way, too' "$("$BUILD/cdappendfs-stage" list --staging="$T/way/all/ours")" 'everybody may write'

# ---- files in it
begin() {
	rm -rf "$T/place"
	cp master.iso d.iso
	start_disc -o commit=manual -s "$T/place" d.iso || { fail mount "$(<"$log")"; return 1; }
	mkdir "$mnt/a" "$mnt/a/b" "$mnt/c"
	echo one >"$mnt/a/b/one"
	echo two >"$mnt/c/two"
	ln -s one "$mnt/a/link"
	umount_disc
}
begin
for file in journal.db bodies/00000001 lock journal.made; do ok "there is $file" test -e "place/$file"; done
for file in journal.db lock; do
	chown 1002 "place/$file"
	refuses "$file of another user" "$T/place" "$file in the stage .* belongs to another user"
	chown 0 "place/$file"
	chmod 666 "place/$file"
	refuses "$file that others may write to" "$T/place" "$file in the stage .* others may write"
	chmod 600 "place/$file"
	ln "place/$file" second
	refuses "$file with a second name" "$T/place" "$file in the stage .* second name"
	rm second
	mv "place/$file" kept
	mkfifo "place/$file"
	refuses "a FIFO as $file" "$T/place" "$file"
	rm "place/$file"
	mv kept "place/$file"
done
for file in journal.db-wal journal.db-journal; do
	[[ -e place/$file ]] && mv "place/$file" kept
	printf 'SQLite log' >"place/$file" && chown 1002 "place/$file"
	refuses "$file of another user" "$T/place" "$file in the stage .* belongs to another user"
	rm "place/$file"
	[[ -e kept ]] && mv kept "place/$file"
done
chown 1002 place/bodies
refuses 'bodies of another user' "$T/place" 'bodies'
chown 0 place/bodies
chown 1002 place/bodies/00000001
start_disc -o commit=manual -s "$T/place" d.iso || fail mount
fails 'a body of another user is not read' any cat "$mnt/a/b/one"
umount_disc
chown 0 place/bodies/00000001
start_disc -o commit=manual -s "$T/place" d.iso || fail mount "$(<"$log")"
is 'all is as it was' "$(cat "$mnt/a/b/one" "$mnt/c/two" | tr '\n' ' ')" 'one two '
umount_disc

# ---- rows
cp -a place good
# planted NAME SQL WORDS…: refused, with words; nothing is changed; the disc can be read; what can be given out is
planted() {
	local name=$1 sql=$2 sums
	shift 2
	rm -rf place
	cp -a good place
	# Its own defence, which newer ones have.
	sqlite3 -cmd '.dbconfig defensive off' place/journal.db "PRAGMA writable_schema=ON; $sql" >"$T/sql.log" 2>&1 || { fail "$name: the rows" "$(<"$T/sql.log")"; return; }
	chmod 600 place/*.db*
	sums=$(cd place && sha256sum journal.db bodies/*)
	if start_disc -o commit=manual -s "$T/place" d.iso; then
		fail "$name" "it is mounted: $(cd "$mnt" && timeout 10 find . | head -20 | tr '\n' ' ')"
		umount_disc
		return
	fi
	pass "$name"
	for word in "$T/place" "$@" 'cdappendfs-stage discard'; do like "… it says $word" "$(<"$log")" "$word"; done
	is '… nothing was changed' "$(cd place && sha256sum journal.db bodies/*)" "$sums"
	rm -rf out
	(ulimit -v 1000000; timeout 60 "$BUILD/cdappendfs-stage" export --staging="$T/place" d.iso out >"$T/export.log" 2>&1)
	cmp_number '… an export ends' $? -lt 2
}
number() { sqlite3 good/journal.db "SELECT ino FROM name WHERE CAST(name AS TEXT)='$1'"; }
a=$(number a) b=$(number b) c=$(number c) one=$(number one) two=$(number two)
says='says what no cdappendfs writes'
planted 'a directory that is its own parent' "UPDATE node SET parent=$a WHERE ino=$a; DELETE FROM name WHERE ino=$a" "$says" "directory $a is in itself" 'cdappendfs-stage export'
ok 'the disc can be read' start_disc -o ro -s "$T/none" d.iso
silent 'nothing is on it' ls -A "$mnt"
ok 'unmount' umount_disc
planted 'two that are in each other' "UPDATE name SET parent=$b WHERE ino=$a; UPDATE node SET parent=$b WHERE ino=$a" "$says" 'is in itself'
planted 'a directory with two names' "INSERT INTO name VALUES($c,CAST('again' AS BLOB),$b,1)" "$says" "directory $b has a second name"
planted 'the root in a directory' "INSERT INTO name VALUES($c,CAST('root' AS BLOB),1,1)" "$says" 'directory 1 has a second name'
planted 'a parent that is a file' "UPDATE node SET parent=$one WHERE ino=$c; DELETE FROM name WHERE ino=$c" "$says" "directory $c is in node $one, which is none"
planted 'a name of nothing' "DELETE FROM node WHERE ino=$one" "$says" "node $one, which is not there"
planted 'a name of what never was' "INSERT INTO name VALUES($a,CAST('none' AS BLOB),987654,1)" "$says" 'node 987654 has a number that was never given'
planted 'a negative parent' "UPDATE node SET parent=-1 WHERE ino=$a" "$says" "column parent of node $a"
planted 'a negative number' "UPDATE node SET ino=-5 WHERE ino=$one" "$says" 'column ino of a node'
planted 'a huge number in a name' "UPDATE name SET ino=-9223372036854775808 WHERE ino=$one" "$says" 'a name in directory'
planted 'a parent in a name that is negative' "UPDATE name SET parent=-7 WHERE ino=$one" "$says" 'a name in directory'
for column in generation mode uid gid nlink size parent mtime base_lba base_bytes zisofs; do
	planted "text in $column" "UPDATE node SET $column='x' WHERE ino=$one" "$says" "column $column of node $one"
done
planted 'bytes in a number' "UPDATE node SET size=x'4142' WHERE ino=$one" "$says" 'column size'
planted 'a fraction in a number' "UPDATE node SET size=1.5 WHERE ino=$one" "$says" 'column size'
planted 'a link count beyond its field' "UPDATE node SET nlink=4294967296 WHERE ino=$one" "$says" 'column nlink'
planted 'a generation to come' "UPDATE node SET generation=99 WHERE ino=$one" "$says" 'column generation'
planted 'no type that there is' "UPDATE node SET mode=0 WHERE ino=$one" "$says" 'no type that there is'
planted 'a name as text' "UPDATE name SET name=CAST(name AS TEXT) WHERE ino=$one" "$says" "can be no file's"
for bad in "x''" "x'2e'" "x'2e2e'" "x'612f62'" "x'6100'" "zeroblob(256)"; do
	planted "the name $bad" "UPDATE name SET name=$bad WHERE ino=$one" "$says" "can be no file's"
done
# What was given once is not given again: a new file would be written over the one that has it.
planted 'a counter below the numbers of rows' "UPDATE state SET value=2 WHERE key='ino_limit'" "$says" 'a number that was never given'
planted 'a counter among them' "UPDATE state SET value=$one WHERE key='ino_limit'" "$says" 'a number that was never given'
planted 'no counter' "DELETE FROM state WHERE key='ino_limit'" "$says" 'a number that was never given'
planted 'a number that no disc can hold' "UPDATE node SET ino=4294967296 WHERE ino=$one; UPDATE name SET ino=4294967296 WHERE ino=$one" "$says" 'a number that was never given'
planted 'a number to come' "UPDATE node SET ino=100000 WHERE ino=$one; UPDATE name SET ino=100000 WHERE ino=$one" "$says" 'a number that was never given'
planted 'a name in a file' "INSERT INTO name VALUES($one,CAST('in' AS BLOB),$two,1)" "$says" "node $one, which is no directory"
planted 'a name that is gone from a file' "INSERT INTO name VALUES($one,CAST('in' AS BLOB),0,1)" "$says" "node $one, which is no directory"
planted 'a name in nothing' "INSERT INTO name VALUES(0,CAST('in' AS BLOB),$two,1)" "$says" 'a name in directory 0'
link=$(number link)
for bad in "x'6f006e65'" "CAST(printf('%.*c',4096,'x') AS BLOB)" 'randomblob(50000000)' "'text'"; do
	planted "the target $bad" "UPDATE node SET target=$bad WHERE ino=$link" "$says" "the target of node $link can be no link's"
done
planted 'half an extent' "UPDATE node SET extents=zeroblob(33) WHERE ino=$one" "$says" 'the extents of node'
planted 'extents that say nothing' "UPDATE node SET extents=zeroblob(64) WHERE ino=$one" 'cdappendfs-stage'
planted 'a size that its extents have not' "UPDATE node SET size=1234567 WHERE ino=$one" "$says" "the extents of node $one"
hole="x'0000000000000000000000000000004000000000000000000000000000000000'"
planted 'a hole of 4 EiB' "UPDATE node SET size=4611686018427387904, extents=$hole WHERE ino=$one" "$says" "the extents of node $one"
planted 'a body that is none' "INSERT INTO body VALUES(-3,0,1)" "$says" 'body -3'
planted 'a body of text' "INSERT INTO body VALUES(77,'../x',1)" "$says" 'body 77'
planted 'a trigger' "CREATE TRIGGER t AFTER INSERT ON name BEGIN DELETE FROM node; END" "$says" 'tables that are not ours'
planted 'a view in the place of a table' "ALTER TABLE body RENAME TO bodies; CREATE VIEW body AS SELECT * FROM bodies" "$says" 'tables that are not ours'
planted 'a table with a default that runs' "CREATE TABLE extra(a DEFAULT (randomblob(1000000)))" "$says" 'tables that are not ours'
planted 'an index with an expression' "CREATE INDEX i ON node(abs(size))" "$says" 'tables that are not ours'
planted 'a constraint of its own' "UPDATE sqlite_schema SET sql=replace(sql,'target BLOB','target BLOB CHECK (length(hex(zeroblob(1000))))') WHERE name='node'" "$says" 'tables that are not ours'
planted 'a virtual table' "CREATE VIRTUAL TABLE v USING fts5(x)" "$says" 'tables that are not ours'
# A body that is not there: a file with an error, and nothing is burned in its place
rm -rf place
cp -a good place
sqlite3 place/journal.db "UPDATE node SET extents=CAST(substr(extents,1,24) || x'63000000' || substr(extents,29) AS BLOB) WHERE ino=$one"
start_disc -o commit=manual -s "$T/place" d.iso || fail 'a body that is not there: mount' "$(<"$log")"
fails 'a body that is not there is an error of its file' any cat "$mnt/a/b/one"
fails 'and of a sync' 1 "$BUILD/cdappendfs-sync" "$mnt"
is 'nothing was burned' "$(image_digest d.iso)" "$(image_digest master.iso)"
umount_disc

# ---- after a crash: where a directory is its name says, whatever its row still says
rm -rf place
cp -a good place
sqlite3 place/journal.db "UPDATE node SET parent=$b WHERE ino=$a"
start_disc -o commit=manual -s "$T/place" d.iso || fail 'a row that was not written yet: mount' "$(<"$log")"
is 'the tree is that of the names' "$(cd "$mnt" && find . | sort | tr '\n' ' ')" '. ./a ./a/b ./a/b/one ./a/link ./c ./c/two '
ok 'it can be changed' touch "$mnt/a/b/new"
ok 'and burned' sync_disc
umount_disc

# ---- exchanged in the middle: whichever of the two directories a mount has opened, all of it is in that one
begin
rm -rf race
mkdir race
cp -a place race/theirs
mv place race/stage
sqlite3 race/theirs/journal.db "UPDATE name SET name=CAST('planted' AS BLOB) WHERE ino=$two"
sed -i 's/two/TWO/' race/theirs/bodies/00000001
chmod 600 race/theirs/bodies/00000001 race/theirs/*.db*
cat >exchange.py <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for i in range(int(sys.argv[3])):
	if libc.renameat2(-100, sys.argv[1].encode(), -100, sys.argv[2].encode(), 2):
		sys.exit(os.strerror(ctypes.get_errno()))
END
python3 exchange.py "$T/race/stage" "$T/race/theirs" 20000000 &
flipping=$!
children+=("$flipping")
declare -A seen=()
for _ in {1..60}; do
	start_disc -o commit=manual -s "$T/race/stage" d.iso || { ((seen[refused]++)); continue; }
	((seen["$(cd "$mnt/c" && echo * "$(cat ./*)")"]++))
	umount_disc
done
ok 'they were exchanged all the time' alive "$flipping"
kill "$flipping" 2>/dev/null
await "$flipping" 60 2>/dev/null
note "$(declare -p seen)"
for which in 'two two' 'planted TWO'; do cmp_number "the one with $which was met" "${seen[$which]-0}" -gt 0; done
unset 'seen[two two]' 'seen[planted TWO]' 'seen[refused]'
none 'each mount had one of the two, whole' "${!seen[*]}"
done_testing
