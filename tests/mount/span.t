#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# span.t - more than one disc: each is filled, the rest waits and is put onto the next; what xorriso finds on all of them together is what
# was copied, once; what can only go to one disc does; kills between and in all of it lose nothing
. "$(dirname "$0")/../lib.sh"
need xorriso genisoimage python3
seven=$(command -v 7zz || command -v 7z || command -v 7za) || need 7z

stage=$T/stage/set
span() { mount_disc -s "$stage" -o "span${2:+,$2}" "$1"; }
sync_with() { bounded 120 "$BUILD/cdappendfs-sync" "$@" "$mnt"; }
move() { bounded 60 "$BUILD/cdappendfs-stage" move --staging="$stage" "$@"; }
message() { "$BUILD/cdappendfs-log" --json "$1" | json '$_->{sessions}[0]{message}'; }
# Files with their digests, and directories, as the mount shows them, or as xorriso gives them out of one disc
sums() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum); }
# Of symbolic links xorriso sets no time, of several names it makes files of their own
modes() { (cd "$1" && find . -mindepth 1 -printf '%P %y %m %T@ %l\n' | sed -E 's/^([^ ]+ l 777) [0-9.]+ /\1 /' | sort); }
take_out() {
	rm -rf "$T/out.$1"
	bounded 120 xorriso -osirrox on -indev "$T/$1.iso" -extract / "$T/out.$1" >"$T/xorriso.log" 2>&1 || fail "xorriso of $1.iso" "$(tail -n 5 "$T/xorriso.log")"
	chmod u+w "$T/out.$1"
}
together() { # POINT DISC…: all of them have what "$T/want" lists, each of it once
	local disc name=$1
	shift
	for disc; do take_out "$disc"; done
	for disc; do sums "$T/out.$disc"; done | LC_ALL=C sort -k 2 >"$T/got"
	same_listing "$name" <(LC_ALL=C sort -k 2 "$T/want") "$T/got"
}

# ---- a set of three
mkdir -p "$T/in"/{2019,2020,2021,linked,later} "$T/in/films/first" "$T/in/films/second"
for year in 2019 2020 2021; do for i in 1 2 3; do noise 1900000 "$year$i" >"$T/in/$year/$i"; done; done
for i in 1 2 3 4; do noise 3000000 "4$i" >"$T/in/films/first/$i"; noise 3000000 "5$i" >"$T/in/films/second/$i"; done
noise 500000 60 >"$T/in/later/file"
ln "$T/in/later/file" "$T/in/linked/name"
ln -s ../2019/1 "$T/in/linked/symlink"
: >"$T/in/films/empty"
chmod 0750 "$T/in/films"; chmod 0711 "$T/in/films/second"; chmod 0640 "$T/in/2020/2"
find "$T/in" -exec touch -h -d '2024-02-29 12:30:15' {} +
sums "$T/in" >"$T/want"
modes "$T/in" >"$T/want.modes"

blank_disc "$T/one.iso"
span "$T/one.iso" media=20M
before=$(df --output=size -k "$mnt" | tail -n 1)
cmp_number 'df has room for more than the disc' "$before" -gt 40960
is 'its capacity is what it is' "$(info_json '$_->{capacity_bytes}' "$mnt")" $((20 << 20))
cp -a "$T/in/." "$mnt/"
ok 'a dry run' sync_with --span --dry-run
cp "$T/ok.output" "$T/plan"
like 'tells how many discs' "$(cat "$T/plan")" 'disc 1, this one: .*disc 2: .*disc 3: '
like 'with whole entries' "$(sed -n '/^disc 1/,/^disc 2/p' "$T/plan")" '  2019'$'\n''.*  2020'$'\n''.*  2021'
like 'one that is larger than a disc by what is in it' "$(sed -n '/^disc 2/,/^disc 3/p' "$T/plan")" 'films/first'$'\n'
like 'what has names of one file together' "$(grep -c 'later$\|linked$' "$T/plan"; sed -n '/^disc 1/,/^disc 2/p' "$T/plan")" '^2.* later'$'\n''.* linked'
sync_with --span --dry-run --json >"$T/plan.json"
is 'as JSON: where it would lie' "$(head -n 1 "$T/plan.json" | json 'join " ", @$_{qw(event disc path)}')" 'placed 1 2019'
is 'and how many discs' "$(tail -n 1 "$T/plan.json" | json 'join " ", @$_{qw(disc discs burned)}')" '1 3 0'
blank=$(image_digest "$T/one.iso")
fails 'a plain sync' 1 sync_with
like 'says that it does not fit, and what would' "$(cat "$T/ok.output")" 'does not fit.*nothing was lost.*--span'
is 'and burns nothing' "$(image_digest "$T/one.iso")" "$blank"
ok 'the first disc' sync_with --span -m 'my photos'
like 'says which it is' "$(cat "$T/ok.output")" 'disc 1 of set [0-9a-f]{8}, of 3.*stay staged.*cdappendfs-stage move'
set=$(sed -n 's/.*disc 1 of set \([0-9a-f]*\),.*/\1/p' "$T/ok.output")
is 'so does the session' "$(message "$T/one.iso")" "my photos [disc 1 of set $set]"
sums "$mnt" >"$T/got"
same_listing 'the mount shows all of it' "$T/want" "$T/got"
ok 'once more' sync_with --span
like 'takes nothing more, and says so' "$(cat "$T/ok.output")" 'takes nothing more'
none 'and not that nothing is staged' "$(grep 'nothing is staged' "$T/ok.output")"
ok 'the unmount' umount_disc
like 'keeps the rest' "$(cat "$T/umount.log")" 'waits for the next disc'
is 'one session' "$(info_json 'scalar @{$_->{sessions}}' "$T/one.iso")" 1

# ---- the next one
printf 'not blank' >"$T/other.iso"
fails 'what is no disc' 1 move "$T/one.iso" "$T/other.iso"
cp "$T/one.iso" "$T/copy.iso"
fails 'a disc with a session is no next disc' 1 move "$T/one.iso" "$T/copy.iso"
like 'as it is not blank' "$(cat "$T/ok.output")" 'not blank'
fails 'without a next disc' 2 move "$T/one.iso"
ok 'a next disc, which is made' move "$T/one.iso" "$T/two.iso"
ok 'onto another one, as that is broken' move "$T/two.iso" "$T/spare.iso"
ok 'and back' move "$T/spare.iso" "$T/two.iso"
rm "$T/spare.iso"
none 'nothing is staged for the old one' "$("$BUILD/cdappendfs-stage" list --staging="$stage" | grep -F one.iso)"
span "$T/two.iso"
is 'with the capacity of the first' "$(info_json '$_->{capacity_bytes}' "$mnt")" $((20 << 20))
none 'what is on the first is not here' "$(find "$mnt" -name 2019)"
is 'a directory that both have, with its mode' "$(stat -c '%a %y' "$mnt/films")" '750 2024-02-29 12:30:15.000000000 +0000'
ok 'is filled' sync_with --span
is 'and numbered' "$(message "$T/two.iso")" "[disc 2 of set $set]"
ok 'unmount' umount_disc
ok 'the last one' move "$T/two.iso" "$T/three.iso"
span "$T/three.iso"
ok 'an unmount burns what fits, too' umount_disc
is 'and knows how many there are' "$(message "$T/three.iso")" "[disc 3 of 3 of set $set]"
is 'nothing is left' "$("$BUILD/cdappendfs-stage" list --staging="$stage")" 'nothing is staged'
for disc in one two three; do
	take_out "$disc"
	mount_disc -o ro "$T/$disc.iso"
	[[ $disc != one ]] || is 'names of one file are one' "$(stat -c %h "$mnt/later/file") $(stat -c %i "$mnt/later/file")" "2 $(stat -c %i "$mnt/linked/name")"
	ok "$disc: unmount" umount_disc
	cmp_number "$disc: is not larger than it may be" "$(apparent_size "$T/$disc.iso")" -le $((20 << 20))
	ok "$disc: is sound" bounded 60 "$BUILD/cdappendfs-check" "$T/$disc.iso"
done
cat <(sums "$T/out.one") <(sums "$T/out.two") <(sums "$T/out.three") | LC_ALL=C sort -k 2 >"$T/got"
LC_ALL=C sort -k 2 "$T/want" >"$T/want.sorted"
same_listing 'all discs together have each file, once' "$T/want.sorted" "$T/got"
cat <(modes "$T/out.one") <(modes "$T/out.two") <(modes "$T/out.three") | LC_ALL=C sort -u >"$T/got"
LC_ALL=C sort "$T/want.modes" >"$T/want.sorted"
same_listing 'with modes, times and links, directories on each alike' "$T/want.sorted" "$T/got"

# ---- what is on a disc changes there
rm -rf "$stage" "$T"/*.iso
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M
mkdir "$mnt/d"
noise 1000000 1 >"$mnt/d/old"
noise 100 2 >"$mnt/d/gone"
ok 'a first session' sync_with
echo more >>"$mnt/d/old"; rm "$mnt/d/gone"
for i in 1 2 3 4; do noise 2500000 "7$i" >"$mnt/d/new$i"; done
ok 'a dry run' sync_with --span --dry-run
like 'places what is new, in a directory of the disc, too' "$(cat "$T/ok.output")" 'd/new1'
like 'what changes the disc is there, and says that it can only be' "$(sed -n '/^disc 1/,/^disc 2/p' "$T/ok.output")" 'd/gone  .only here.*d/old  .only here'
none 'once' "$(sed -n '/^disc 2/,$p' "$T/ok.output" | grep -E 'd/(old|gone)')"
ok 'sync' sync_with --span
sums "$mnt" >"$T/want"
chmod 0600 "$mnt/d/old"
mkdir "$mnt/e"; mv "$mnt/d/new1" "$mnt/e/"; ln -s target "$mnt/e/link"
sums "$mnt" >"$T/want"
sync "$mnt/e"
kill_daemon
fails 'changes of the old disc do not go to the next one' 1 move "$T/one.iso" "$T/two.iso"
like 'which is told, with names: what moved' "$(cat "$T/ok.output")" 'e/new1: the old disc has a part of it'
like 'what is gone' "$(cat "$T/ok.output")" 'd/new1: it is removed from the old disc'
like 'what is changed' "$(cat "$T/ok.output")" 'changed, without a name.*can only go to the old disc; nothing was changed'
span "$T/one.iso"
sums "$mnt" >"$T/got"
same_listing 'all is there as before' "$T/want" "$T/got"
ok 'burned where it belongs' sync_with --span
rm "$mnt/d/old"; echo anew >"$mnt/d/old"
sums "$mnt" >"$T/want"
sync "$mnt/d/old"
kill_daemon
fails 'what takes the place of a file there does not go to the next one either' 1 move "$T/one.iso" "$T/two.iso"
like 'which is told' "$(cat "$T/ok.output")" 'd/old: it takes the place of what the old disc has'
span "$T/one.iso"
ok 'unmount' umount_disc
ok 'the rest goes on' move "$T/one.iso" "$T/two.iso"
span "$T/two.iso"
ok 'unmount' umount_disc
take_out one; take_out two
is 'the change is on the first' "$(cat "$T/out.one/d/old")" anew
is 'with the one before it in the session before' "$(cd "$T" && rm -rf older && bounded 60 xorriso -osirrox on -indev one.iso -load session 3 -extract /d/old older >"$T/xorriso.log" 2>&1; tail -c 5 older)" more
none 'what is removed is not' "$(find "$T/out.one" "$T/out.two" -name gone)"
cat <(sums "$T/out.one") <(sums "$T/out.two") | LC_ALL=C sort -k 2 >"$T/got"
LC_ALL=C sort -k 2 "$T/want" >"$T/want.sorted"
same_listing 'each file is on one of them' "$T/want.sorted" "$T/got"
rm -rf "$stage" "$T"/*.iso

# ---- a new directory, larger than the disc, in which something is from the disc
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M
noise 3000 1 >"$mnt/moved"; noise 3000 2 >"$mnt/linked"
ok 'a first session' sync_with
mkdir -p "$mnt/new/below"
mv "$mnt/moved" "$mnt/new/below/"; ln "$mnt/linked" "$mnt/new/link"
for i in 1 2 3 4 5; do noise 2400000 "3$i" >"$mnt/new/$i"; done
noise 100 4 >"$mnt/new/below/small"; echo first >"$mnt/a"
sums "$mnt" >"$T/want"
ok 'a dry run' sync_with --span --dry-run
like 'places what else is in it, in its order' "$(cat "$T/ok.output")" '  a'$'\n''.*  new/1'$'\n''.*  new/2'$'\n''.*  new/3'$'\n''.*  new/below/small'$'\n''disc 2: .*  new/4'$'\n''.*  new/5'
ok 'sync' sync_with --span
ok 'unmount' umount_disc
ok 'the next disc' move "$T/one.iso" "$T/two.iso"
span "$T/two.iso"
ok 'unmount' umount_disc
together 'each file is on one of them' one two
is 'what is from the disc there' "$(cd "$T/out.one" && ls -d new/below/moved new/link linked | paste -sd' ')" 'linked new/below/moved new/link'
rm -rf "$stage" "$T"/*.iso

# ---- attributes that are on the disc already
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M
mkdir "$mnt/d"; echo 1 >"$mnt/d/one"
setfattr -n user.note -v 'of the root' "$mnt"; setfattr -n user.note -v 'of a directory' "$mnt/d"
ok 'a first session' umount_disc
span "$T/one.iso"
for i in 1 2 3 4 5; do noise 2500000 "6$i" >"$mnt/d/$i"; done
ok 'sync' sync_with --span
is 'what waits is all that is changed' "$("$BUILD/cdappendfs-info" --changes "$mnt" | cut -f1 | paste -sd' ')" 'A d/4 A d/5'
chmod 0710 "$mnt/d"
ok 'the mode of a directory' sync_with --span
like 'is burned where that is, whatever waits in it' "$(cat "$T/ok.output")" 'session 3 written'
setfattr -n user.note -v 'of the root, later' "$mnt"
ok 'an attribute of the root' sync_with --span
like 'is, too' "$(cat "$T/ok.output")" 'session 4 written'
ok 'all is there' sync_with --span
none 'once' "$(grep written "$T/ok.output")"
ok 'unmount' umount_disc
ok 'the next disc' move "$T/one.iso" "$T/two.iso"
span "$T/two.iso"
ok 'unmount' umount_disc
for disc in one two; do
	mount_disc -o ro "$T/$disc.iso"
	is "$disc: attributes of the root" "$(getfattr --absolute-names --only-values -n user.note "$mnt" 2>&1)" 'of the root, later'
	is "$disc: its mode" "$(stat -c %a "$mnt/d")" 710
	is "$disc: and of the directory that both have" "$(getfattr --absolute-names --only-values -n user.note "$mnt/d" 2>&1)" 'of a directory'
	ok 'unmount' umount_disc
done
rm -rf "$stage" "$T"/*.iso

# ---- changes while it burns
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M,speed=10
for i in 1 2 3 4 5; do mkdir "$mnt/$i"; noise 2500000 "8$i" >"$mnt/$i/file"; done
noise 2500000 86 >"$mnt/6"
burning() { [[ $(info_json '$_->{burning} ? $_->{burning}{phase} : "idle"' "$mnt") == burning ]]; }
sync_with --span >"$T/sync.log" 2>&1 & syncer=$!
ok 'it burns' until_true 60 burning
echo more >>"$mnt/4/file"; rm "$mnt/5/file" "$mnt/6"; echo new >"$mnt/5/another"; ln "$mnt/4/file" "$mnt/5/link"; echo x >"$mnt/1/meanwhile"
sums "$mnt" >"$T/want"
ok 'it ends' await "$syncer"
sums "$mnt" >"$T/got"
same_listing 'all changes are there' "$T/want" "$T/got"
rm "$mnt/1/meanwhile"
sums "$mnt" >"$T/want"
sync "$mnt/4"
kill_daemon
ok 'the next disc: what was made and removed meanwhile was never on the old one' move "$T/one.iso" "$T/two.iso"
span "$T/two.iso"
ok 'unmount' umount_disc
together 'and on the discs' one two

# ---- kills: of the daemon in the burn and between two discs, of whoever moves
rm -rf "$stage" "$T"/*.iso
make_set() {
	rm -rf "$stage" "$T"/*.iso
	blank_disc "$T/one.iso"
	span "$T/one.iso" "media=8M,$1"
	for i in 1 2 3 4 5; do noise 2500000 "9$i" >"$mnt/$i"; done
	sums "$mnt" >"$T/want"
	sync "$mnt/1"
}
begun() { gone "$mover" || [[ -e $T/two.iso || $(ps -o comm= -p "$mover") == cdappendfs-stag* ]]; }
made() { gone "$mover" || [[ -e $T/two.iso ]]; }
moved() { "$BUILD/cdappendfs-stage" list --staging="$stage" | grep -q two.iso; }
for spec in edge@frozen=kill kill@40 edge@publishing=killed edge@rebasing=killed; do
	make_set "fault=$spec"
	fails "$spec: the sync fails" any sync_with --span
	ok "$spec: the daemon is gone" until_true 20 gone "${pid_of[$mnt]}"
	kill_daemon
	span "$T/one.iso"
	sums "$mnt" >"$T/got"
	same_listing "$spec: nothing is lost" "$T/want" "$T/got"
	ok "$spec: the next sync" sync_with --span
	kill_daemon
	is "$spec: one session" "$(info_json 'scalar @{$_->{sessions}}' "$T/one.iso")" 1
	for state in begun made moved; do
		rm -f "$T/two.iso"
		"$BUILD/cdappendfs-stage" move --staging="$stage" "$T/one.iso" "$T/two.iso" >"$T/move.log" 2>&1 & mover=$!
		until_true 60 "$state"
		kill -KILL "$mover" 2>/dev/null
		await "$mover" >/dev/null 2>&1
		moved && break
	done
	moved || ok "$spec: the move, at last" move "$T/one.iso" "$T/two.iso"
	span "$T/two.iso"
	ok "$spec: the second disc" umount_disc
	together "$spec: both together have all" one two
done

# ---- disc after disc, by one command
# The daemon of the next disc is no child of this shell: it ends with the unmount
unmount_next() { bounded 120 "$BUILD/cdappendfs-umount" "$mnt"; }
make_set nojoliet
noise 2500000 96 >"$mnt/6"; noise 2500000 97 >"$mnt/7"
sums "$mnt" >"$T/want"
cp "$T/one.iso" "$T/foreign.iso"
genisoimage -quiet -o "$T/foreign.iso" "$TOP/tests/lib.sh" 2>/dev/null
fails 'a next one that is not blank' 1 sync_with --span --next="$T/foreign.iso"
await_daemon
like 'is told, and what to do' "$(cat "$T/ok.output")" 'not blank.*stays staged.*cdappendfs-stage move'
export CDAPPENDFS_CATALOGUE=$T/catalogue.db
span "$T/one.iso"
unset CDAPPENDFS_CATALOGUE
fails 'too few discs' 1 sync_with --span -m 'by one' --next="$T/two.iso"
await_daemon
like 'say that something is left' "$(cat "$T/ok.output")" 'session 1 written.*give another one with --next'
is 'the next one is mounted in the place of the first' "$(findmnt -n -o SOURCE "$mnt")" "$T/two.iso"
ok 'the last one' sync_with --span -m 'by one' --next=three.iso
like 'ends the set' "$(cat "$T/ok.output")" 'disc 3 of 3'
is 'by its path from here' "$(findmnt -n -o SOURCE "$mnt")" "$T/three.iso"
ok 'unmount' unmount_next
is 'the catalogue of the first mount has all of them' "$(CDAPPENDFS_CATALOGUE=$T/catalogue.db "$BUILD/cdappendfs-catalogue" list --json | json 'join " ", sort map { $_->{path} =~ s{.*/}{}r } @{$_->{discs}}')" 'one.iso three.iso two.iso'
like 'the message is on each' "$(message "$T/two.iso") $(message "$T/three.iso")" '^by one \[disc 2 of set [0-9a-f]*\] by one \[disc 3 of 3 of set'
none 'options of the mount hold for each' "$(info --names "$T/three.iso" 2>/dev/null | grep -i joliet)"
together 'all of it is on the three' one two three
# In a terminal it is asked for
# (and parity leaves no room for any further session, which is no failure)
make_set ecc=5
python3 - "$BUILD/cdappendfs-sync" "$mnt" "$T/two.iso" <<'END' >"$T/terminal" 2>&1
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], '--span', sys.argv[2]])
said = b''
answered = False
while True:
    try:
        more = os.read(fd, 4096)
    except OSError:
        break
    if not more:
        break
    said += more
    if b'the path of the next disc' in said and not answered:
        answered = True
        os.write(fd, sys.argv[3].encode() + b'\n')
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(said.decode().replace('\r', ''), 'asked' if answered else 'not asked', 'status', status)
END
await_daemon
like 'at a terminal it asks' "$(tail -n 1 "$T/terminal")" 'asked status 0'
ok 'unmount' unmount_next
together 'and goes on with what is typed' one two
settled() {
	local running
	running=$(ps -eo args= | grep -F "$T/" | grep -E 'cdappendfs(-stage|-umount)? ')
	[[ ! $running =~ cdappendfs-(stage|umount)\  ]] && { [[ ! $running ]] || mounted_by "$mnt"; }
}
# Whoever ends it: what is left is staged for one of the two
on_first() { [[ $(findmnt -n -o SOURCE "$mnt") == "$T/one.iso" ]]; }
ended() { ! on_first; }
burns() { burning || ended; }
next_made() { ended && { gone "$syncer" || [[ -e $T/two.iso ]]; }; }
next_mounted() { gone "$syncer" || [[ $(findmnt -n -o SOURCE "$mnt") == "$T/two.iso" ]]; }
for state in on_first burns ended next_made next_mounted; do
	make_set nojoliet
	"$BUILD/cdappendfs-sync" -q --span --next="$T/two.iso" "$mnt" >"$T/sync.log" 2>&1 & syncer=$!
	ok "killed at $state: which is reached" until_true 60 "$state"
	kill -KILL "$syncer" 2>/dev/null
	await "$syncer" >/dev/null 2>&1
	until_true 60 settled
	# what it has called goes on: wait for it, then end the mount that there is
	bounded 120 "$BUILD/cdappendfs-umount" "$mnt" >/dev/null 2>&1
	await_daemon >/dev/null 2>&1
	disc=$("$BUILD/cdappendfs-stage" list --staging="$stage" | head -n 1)
	if [[ $disc == */one.iso ]]; then
		mount_disc -s "$stage" -o span "$T/one.iso"
		ok "killed at $state: the first disc" sync_with --span
		ok "killed at $state: unmount" umount_disc
		rm -f "$T/two.iso"
		ok "killed at $state: the next one" move "$T/one.iso" "$T/two.iso"
	fi
	if [[ $disc == /* ]]; then
		mount_disc -s "$stage" -o span "$T/two.iso"
		ok "killed at $state: the second disc" umount_disc
	fi
	together "killed at $state: nothing is lost" one two
done

# ---- a file that is larger than a disc
rm -rf "$stage" "$T"/*.iso
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M
mkdir "$mnt/films"
noise 1000000 5 >"$mnt/a"; echo last >"$mnt/z"
big="films/it's big\\.bin"
noise 20000001 6 >"$T/big"
cp "$T/big" "$mnt/$big"; chmod 0640 "$mnt/$big"; setfattr -n user.note -v 'of the whole' "$mnt/$big"
touch -d '2024-02-29 12:30:15' "$mnt/$big" "$mnt/films"
fails 'is not split unasked' 1 sync_with --span
like 'and the message says how it is' "$(cat "$T/ok.output")" 'films/it.*larger than a disc.*--split'
fails '--split alone' 2 sync_with --split
ok 'a dry run with --split' sync_with --span --split --dry-run
cp "$T/ok.output" "$T/plan"
like 'shows the parts' "$(cat "$T/plan")" 'disc 1, this one: .*  a'$'\n''.*part-1-of-3.*sha256-1-of-3.*disc 2: .*part-2-of-3.*sha256-2-of-3.*disc 3: .*part-3-of-3.*sha256-3-of-3'
is 'and splits nothing' "$(ls "$mnt/films")" "${big#films/}"
planned=$(sync_with --span --split --dry-run --json | tail -n 1 | json 'join " ", @$_{qw(append_bytes held_bytes discs)}')
exec 5<"$mnt/$big"
fails 'as long as it is open' 1 sync_with --span --split
like 'it stays whole' "$(cat "$T/ok.output")" 'films/it.*is larger than a disc, and open'
exec 5<&-
ok 'the first part' sync_with --span --split --json
is 'is as planned' "$(tail -n 1 "$T/ok.output" | json 'join " ", @$_{qw(append_bytes held_bytes discs)}')" "$planned"
is 'the mount has parts' "$(ls "$mnt/films" | wc -l) $(cat "$mnt/$big".part-* | sha256sum)" "6 $(sha256sum <"$T/big")"
is 'of the directory nothing is changed' "$(stat -c %y "$mnt/films")" '2024-02-29 12:30:15.000000000 +0000'
kill_daemon
for next in 'one two' 'two three'; do
	ok "${next#* }: the next disc" move "$T/${next% *}.iso" "$T/${next#* }.iso"
	span "$T/${next#* }.iso"
	ok "${next#* }: sync, without --split" sync_with --span
	ok "${next#* }: unmount" umount_disc
done
is 'nothing is left' "$("$BUILD/cdappendfs-stage" list --staging="$stage")" 'nothing is staged'
mkdir "$T/joined"
for disc in one two three; do
	take_out "$disc"
	rm -rf "$T/out.7z"
	bounded 120 "$seven" x -bd -y -o"$T/out.7z" "$T/$disc.iso" >"$T/7z.log" 2>&1
	is "$disc: 7-Zip has the same part" "$(cat "$T"/out.7z/films/*.part-*-of-3 | sha256sum)" "$(cat "$T/out.$disc/$big".part-*-of-3 | sha256sum)"
	is "$disc: with mode and time" "$(stat -c '%a %Y' "$T/out.$disc/$big".part-*-of-3)" "640 $(date -d '2024-02-29 12:30:15' +%s)"
	ok "$disc: its text proves it" bounded 30 sh -c 'cd "$1" && sha256sum -c --ignore-missing ./*.sha256-*' sh "$T/out.$disc/films"
	cp "$T/out.$disc/films/"* "$T/joined/"
	mount_disc -o ro "$T/$disc.iso"
	is "$disc: and with attributes" "$(getfattr --absolute-names --only-values -n user.note "$mnt/$big".part-*-of-3)" 'of the whole'
	ok "$disc: unmount" umount_disc
done
is 'what cat joins is the file' "$(cat "$T/out.one/$big".part-* "$T/out.two/$big".part-* "$T/out.three/$big".part-* | sha256sum)" "$(sha256sum <"$T/big")"
echo 'of another file' >"$T/joined/${big#films/}.part-x.part-1-of-3"
sed -n 's/^#   //p' "$T/joined/${big#films/}.sha256-2-of-3" >"$T/lines"
ok 'the lines of a text join it, and prove it' bounded 30 env -C "$T/joined" sh -e "$T/lines"
like 'all of it' "$(cat "$T/ok.output")" 'big.*\.bin: OK.*part-1-of-3: OK.*part-2-of-3: OK.*part-3-of-3: OK'
cmp -s "$T/joined/${big#films/}" "$T/big"; is 'byte by byte' $? 0
rm -rf "$stage" "$T"/*.iso "$T/joined"

# ---- what cannot be
rm -rf "$stage" "$T"/*.iso
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M,nojoliet
touch "$mnt/x"; rm "$mnt/x"
ok 'what was made and removed on a blank disc' sync_with
like 'is nothing' "$(cat "$T/ok.output")" 'nothing is staged'
is 'which no session is made for' "$(stat -c %s "$T/one.iso")" 0
noise 9000000 1 >"$mnt/large.bin"; echo 1 >"$mnt/other"
fails 'a burn fails' 1 sync_with --span
rm "$mnt/large.bin"
sync "$mnt/other"
kill_daemon
ok 'what is staged goes to another disc' move "$T/one.iso" "$T/two.iso"
span "$T/two.iso"
none 'which tells nothing of the old one' "$(grep large.bin "${log_of[$mnt]}")"
ok 'unmount' umount_disc
rm -rf "$stage" "$T"/*.iso
blank_disc "$T/one.iso"
span "$T/one.iso" media=8M,nojoliet
noise 9000000 1 >"$mnt/large.bin"
fails 'a file that is larger than a disc' 1 sync_with --span
like 'is named' "$(cat "$T/ok.output")" 'large.bin.*larger than a disc'
fails 'a dry run says so, too' 1 sync_with --span --dry-run
like 'with the name' "$(cat "$T/ok.output")" 'large.bin.*larger than a disc'
for with in --finalize --full-tree --add-ecc=10 --adopt --discard --wait; do fails "--span with $with" 2 sync_with --span "$with"; done
fails '--next without --span' 2 sync_with --next="$T/two.iso"
fails '--next with a dry run' 2 sync_with --span --dry-run --next="$T/two.iso"
rm "$mnt/large.bin"
ok 'nothing staged, nothing to do' sync_with --span
echo 1 >"$mnt/one"
before=$(image_digest "$T/one.iso")
fails 'a next disc in the mount' 1 sync_with --span --next="$mnt/two.iso"
like 'is refused before anything is burned' "$(cat "$T/ok.output")" 'in the mount itself'
is 'nothing was' "$(image_digest "$T/one.iso")" "$before"
for i in 1 2 3 4; do noise 2500000 "1$i" >"$mnt/f$i"; done
ok 'as much as it takes' sync_with --span
like 'what to do then has the options of the mount' "$(cat "$T/ok.output")" "cdappendfs-stage move $stage NEXT; cdappendfs -o span,nojoliet,staging=$stage NEXT $mnt; "
ok 'unmount' umount_disc
mount_disc -s "$stage" "$T/one.iso"
fails 'a mount without span' 1 sync_with --span --next="$T/two.iso"
like 'is told to have it' "$(cat "$T/ok.output")" 'mount it with -o span'
is 'the first disc is there as before' "$(findmnt -n -o SOURCE "$mnt")" "$T/one.iso"
fails 'an unmount of it burns nothing' any umount_disc
like 'and says what would' "$(cat "$T/umount.log")" '--span, of a mount with -o span'

# ---- by itself: what waits for the next disc is not tried again and again
rm -rf "$stage" "$T"/*.iso
blank_disc "$T/one.iso"
span "$T/one.iso" media=4M,commit=idle=1s
for i in 1 2 3; do noise 2500000 "2$i" >"$mnt/g$i"; done
due_later() { info_json '$_->{sessions} && @{$_->{sessions}} ? $_->{next_commit} : ""' "$mnt" >"$T/due" && (($(date -d "$(<"$T/due")" +%s) > $(date +%s) + 60)); }
ok 'a disc that takes no more is left alone for a while' until_true 120 due_later
ok 'what waits is dropped' "$BUILD/cdappendfs-sync" --discard "$mnt"
ok 'unmount' umount_disc
done_testing
