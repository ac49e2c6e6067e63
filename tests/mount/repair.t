#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# repair.t - cdappendfs-check tells what parity makes good again, and writes it: any damage up to the bound, to the last byte; one piece
# more is refused, with the names of the files
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso whole=$T/whole.iso out=$T/out.iso
check() { bounded 120 "$BUILD/cdappendfs-check" --state="$T/checks" "$@"; }
verdict() { check --json "$disc" | tail -n 1 | json "$1"; }
word() { od -An -t u4 -j $((area * 2048 + $1)) -N 4 --endian=little "$whole" | tr -d ' '; }
# In the file itself, told to nobody: alter BLOCK, wipe BLOCK BLOCKS
alter() { printf 'XYZ%d' "$1" | dd of="$disc" bs=1 seek=$(($1 * 2048 + 700)) conv=notrunc status=none; }
wipe() { dd if=/dev/zero of="$disc" bs=2048 seek="$1" count="$2" conv=notrunc status=none; }
# Piece ROW of column COLUMN, of data or behind them of parity
place() {
	if (($1 < rows)); then echo $((start + ($1 * columns + $2) * 32)); else echo $((data + (($1 - rows) * columns + $2) * 32)); fi
}
repaired() { # NAME [OPTION]
	rm -f "$out"
	ok "$1: it is repaired" check --repair="$out" "${@:2}" "$disc"
	like "$1: it is told" "$(cat "$T/ok.output")" "all of it can be made good again
$out is whole\$"
	same_file "$1: to the last byte" "$whole" "$out"
}
refused() {
	rm -f "$out"
	fails "$1: refused" 1 check --repair="$out" "$disc"
	like "$1: what stays damaged is named" "$(cat "$T/ok.output")" "$2"
	ok "$1: nothing is written" test ! -e "$out"
}
RANDOM=7
for percent in 5 10 20; do
	blank_disc "$disc"
	mount_disc -o "ecc=$percent" "$disc"
	noise $((percent > 5 ? 3000000 : 11000000)) 1 >"$mnt/first"
	noise $((percent > 5 ? 2000000 : 6000000)) 2 >"$mnt/second"
	ok "$percent %: a session" umount_disc
	cp "$disc" "$whole"
	area=$(info_json '$_->{sessions}[-1]{parity_lba}' "$disc") start=32
	rows=$(word 40) parity=$(word 44) columns=$(word 48) length=$(word 68)
	digests=$(((length + 31) / 32 + parity * columns)) data=$((area + 1 + (digests + 62) / 63))
	is "$percent %: sound" "$(verdict '"$_->{sound} " . exists $_->{repairable}')" '1 '

	# as many pieces of each column as there are of parity
	for ((column = 0; column < columns; column++)); do
		hit=()
		while ((${#hit[@]} < parity)); do
			row=$((RANDOM % (rows + parity)))
			((row == rows - 1 && row * columns + column >= length / 32)) && continue
			[[ ${hit[row]-} ]] || alter $(($(place "$row" "$column") + RANDOM % 32))
			hit[row]=1
		done
	done
	is "$percent %, $parity pieces of each column at random" "$(verdict '$_->{sound} ? "sound" : $_->{repairable} ? "yes" : "no"')" yes
	repaired "$percent %, $parity pieces of each column at random"
	for ((row = 3; row < rows; row++)); do [[ ${hit[row]-} ]] || break; done
	alter "$(place "$row" $((columns - 1)))"
	refused "$percent %, one more" 'session 1: '
	is "$percent %, what was altered is told as that" "$(grep -c 'cannot be read' "$T/ok.output")" 0

	bound=$((parity * columns * 32))
	for from in $((start + 320)) $((area - bound - 5)); do
		cp "$whole" "$disc"
		wipe "$from" $((bound - 32))
		repaired "$percent %, $((bound - 32)) blocks in a row from $from on"
	done
	cp "$whole" "$disc"
	wipe $((data - 40)) $((bound - 2 * columns * 32))
	repaired "$percent %, in a row from the data into the parity"
	cp "$whole" "$disc"
	wipe $((start + 320)) $((bound + 1))
	refused "$percent %, a block more than $bound in a row" 'first: '
	cp "$whole" "$disc"
	wipe 32 32
	repaired "$percent %, the session's descriptors"
done

# ---- what cannot be repaired, and what need not
cp "$whole" "$disc"
ok 'a sound disc is left as it is' check --repair="$out.not" "$disc"
ok 'and nothing is written' test ! -e "$out.not"
wipe 500 1
: >"$out"
fails 'no file is written over' 1 check --repair="$out" "$disc"
is 'nor is the disc read for nothing' "$(grep -c 'read in' "$T/ok.output")" 0
is 'it is as it was' "$(stat -c %s "$out")" 0
rm -f "$out"
ended_midway "$out" "$BUILD/cdappendfs-check" --state="$T/checks" --disc-fault=delay=100 --repair="$out" "$disc"
fails 'nowhere' 1 check --repair="$T/none/out.iso" "$disc"
fails 'of one session' 2 check --repair="$out" --session=1 "$disc"
mount_disc "$disc"
noise 100000 3 >"$mnt/unprotected"
ok 'a session without parity above it' umount_disc
cp "$disc" "$whole"
wipe $(($(info_json '$_->{sessions}[-1]{start_lba}' "$disc") + 40)) 1
refused 'damage where no parity is' 'not all of it can be made good again'
is 'it is told' "$(verdict '$_->{repairable}')" false

# ---- what sessions say of themselves: descriptors of older ones, digest tables, records, the head
for with in ecc=10 ecc=0; do
	blank_disc "$disc"
	for i in 1 2 3; do
		mount_disc -o "$with" "$disc"
		noise 500000 "$i" >"$mnt/file $i"
		ok "$with: session $i, with a message" bounded 60 "$BUILD/cdappendfs-sync" -m "the session $i" "$mnt"
		ok "$with: unmount" umount_disc
	done
	cp "$disc" "$whole"
	read -ra starts <<<"$(info_json 'join " ", map { $_->{start_lba} } @{$_->{sessions}}' "$disc")"
	read -ra ends <<<"$(info_json 'join " ", map { $_->{start_lba} + $_->{sectors} } @{$_->{sessions}}' "$disc")"
	if [[ $with == ecc=10 ]]; then
		wipe "${starts[1]}" 32
		repaired "$with: the beginning of an older session"
		cp "$whole" "$disc"
		wipe "${starts[0]}" 32
		wipe "${starts[1]}" 32
		wipe $((ends[0] - 8)) 7
		repaired "$with: of two, and what proves one"
		for n in 1 2; do
			cp "$whole" "$disc"
			wipe $((ends[n] - 8)) 8
			repaired "$with: the end of session $((n + 1))"
		done
		# Zeros lie between parity and table: what else is there now is not taken into a record that is made again.
		behind=$(info_json 'do { my $s = $_->{sessions}[-1]; $s->{parity_lba} + $s->{parity_bytes} / 2048 }' "$whole")
		cmp_number "$with: there is something behind the parity" "$behind" -lt $((ends[2] - 3))
		cp "$whole" "$disc"
		alter "$behind"
		wipe $((ends[2] - 1)) 1
		refused "$with: the newest record, and what it was of" 'not all of it can be made good again'
	fi
	cp "$whole" "$disc"
	for n in 0 1; do wipe $((starts[n] + 8 + 8 * n)) 3; done
	repaired "$with: one set of descriptors of each older session"
	cp "$whole" "$disc"
	for n in 0 1 2; do wipe $((ends[n] - 3)) 2; done
	repaired "$with: the digest tables"
	cp "$whole" "$disc"
	wipe $((ends[1] - 1)) 1
	repaired "$with: an older session's record"
	cp "$whole" "$disc"
	repaired "$with: the head" --disc-fault=read@16-31=EIO
	wipe 16 16
	repaired "$with: the head, empty"
	cp "$whole" "$disc"
	alter 16
	repaired "$with: the head, altered"
done
wipe $((ends[2] - 1)) 1
rm -f "$out"
fails 'the record of the newest session is proven by parity alone' 1 check --repair="$out" "$disc"
ok 'nothing is written' test ! -e "$out"
cp "$whole" "$disc"
wipe $((starts[1] + 8)) 12
fails 'of both sets of descriptors too' 1 check --repair="$out" "$disc"
cp "$whole" "$disc"
wipe 16 16
wipe $((ends[2] - 1)) 1
fails 'a head by descriptors that nothing proves' 1 check --repair="$out" "$disc"
ok 'is not made' test ! -e "$out"
for program in xorriso genisoimage; do
	noise 400000 8 >"$T/foreign"
	[[ $program == xorriso ]] && set -- xorriso -as mkisofs || set -- genisoimage
	"$@" -quiet -J -R -o "$disc" "$T/foreign" 2>/dev/null
	for i in 1 2; do
		mount_disc "$disc"
		noise 100000 "$i" >"$mnt/file $i"
		ok "a session above that of $program" umount_disc
	done
	cp "$disc" "$whole"
	like "$program: sound" "$(check "$disc" | tail -n 1)" 'is sound$'
	repaired "$program: the head cannot be read" --disc-fault=read@16-31=EIO
	wipe 16 16
	repaired "$program: the head, empty, and what of the first session lay there"
	cp "$whole" "$disc"
	alter 16
	repaired "$program: the head, altered"
	cp "$whole" "$disc"
	# a block behind the descriptors, of the first session
	alter 20
	repaired "$program: a path table in it"
done
# Our session above two of another program, of which the first is gone from sight: it has saved no head, and where others
# save one lie the zeros of a file.
mkdir "$T/first" "$T/second"
noise 900000 1 >"$T/first/one"
noise 100000 2 >"$T/second/two"
rm -f "$disc"
genisoimage -quiet -R -J -o "$disc" "$T/first" 2>/dev/null
growisofs -M "$disc" -R -J "$T/second" >"$T/growisofs.log" 2>&1 || fail growisofs "$(tail -n 5 "$T/growisofs.log")"
mount_disc "$disc"
mkdir "$mnt/k1" "$mnt/k2" "$mnt/k3"
head -c 60000 /dev/zero >"$mnt/zero"
echo small >"$mnt/small"
ok 'a session above those of growisofs' umount_disc
cp "$disc" "$whole"
ok 'is sound, and its head' check "$disc"
rm -f "$out"
check --merge="$out" "$disc" "$whole" >"$T/merge.log" 2>&1
same_file 'of two copies of it comes the same' "$whole" "$out"
dd if=/dev/urandom of="$disc" bs=2048 seek=16 count=2 conv=notrunc status=none
fails 'a head that is none is damage, also where nothing says what it was' 1 check "$disc"
like 'and named' "$(cat "$T/ok.output")" 'the head of the disc'
blank_disc "$disc"
mount_disc "$disc"
noise 100000 3 >"$mnt/unprotected"
ok 'no parity at all' umount_disc
cp "$disc" "$whole"
wipe 16 16
fails 'a first session without a head cannot be mounted' 1 bounded 60 "$BUILD/cdappendfs" -f -o "ro,staging=$T/none" "$disc" "$mnt"
like 'why, and what can be done' "$(cat "$T/ok.output")" 'its burn was not finished.*staging area of that burn.*cdappendfs-check --repair'
fails 'a check finds it' 1 check "$disc"
like 'and says the same' "$(cat "$T/ok.output")" 'its burn was not finished.*cdappendfs-check --repair'
like 'so does what is told of the disc' "$("$BUILD/cdappendfs-info" "$disc")" 'its burn was not finished'
repaired 'a disc of one session without a head'
is 'where there is no parity none is told of' "$(grep -c parity "$T/ok.output")" 0
fails 'nowhere to put what is made again' 1 env TMPDIR="$T/none" "$BUILD/cdappendfs-check" --state="$T/checks" "$disc"
like 'it is told where that was to be' "$(cat "$T/ok.output")" "in $T/none, and that fails: No such file.* set TMPDIR"
cp "$whole" "$disc"
wipe 90 1
rm -f "$out"
fails 'is told' 1 check --repair="$out" "$disc"
like 'as such' "$(cat "$T/ok.output")" 'it has no parity .-o ecc=. that can be read'
done_testing
