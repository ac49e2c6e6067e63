#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# proof.t - what sessions prove: digests that stand for a disc's state, reads that are compared, a chain of sessions;
# discs that cdappendfs 0.2 made
. "$(dirname "$0")/../lib.sh"

digest() { info_json '$_->{digest} // "none"' "$1"; }
field() { info_json "join ' ', map { \$_->{$2} } @{\$_->{sessions}}" "$1"; }
block_of() { echo $(($(grep -obUa -m 1 -- "$1" "$2" | head -n 1 | cut -d: -f1) / 2048)); }
flip() { perl -e 'open my $f, "+<:raw", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $b, 1; seek $f, $ARGV[1], 0; print $f chr(4 ^ ord $b)' "$1" "$2"; }
burn() { # DISC NAME SEED [OPTIONS]
	mount_disc ${4:+-o "$4"} "$1"
	{ echo "BEGINNING OF $2"; noise 400000 "$3"; } >"$mnt/$2"
	umount_disc || fail "session of $2"
}

# ---- digests ---------------------------------------------------------------------------------------------------------
disc=$T/d.iso
blank_disc "$disc"
is 'a blank disc has no digest' "$(digest "$disc")" none
fails 'and is not what somebody means by one' 1 start_disc -o digest=0123456789abcdef "$disc"
like 'it says so' "$(<"$log")" 'it is blank, and has no digest'
burn "$disc" one 1
first=$(digest "$disc")
like 'a session has one' "$first" '^[0-9a-f]{64}$'
read -r start sectors < <(echo "$(field "$disc" start_lba) $(field "$disc" sectors)")
is 'it is that of its last block' "$(dd if="$disc" bs=2048 skip=$((start + sectors - 1)) count=1 status=none | sha256sum)" "$first  -"
burn "$disc" two 2
burn "$disc" three 3
second=$(digest "$disc")
isnt 'each state has its own' "$first" "$second"
is 'the sessions have theirs' "$(field "$disc" digest | tr ' ' '\n' | sed -n '1p;3p')" "$first"$'\n'"$second"
like 'info shows it' "$(info "$disc")" "Digest      $second"
like 'and its first digits of each' "$(info "$disc")" "  ${first:0:16}  "
for given in "$second" "${second:0:16}" "${second^^}"; do
	ok "mounted by $given" start_disc -o "ro,digest=$given" "$disc"
	umount_disc
done
ok 'an older session by its own' start_disc -o "session=1,digest=$first" "$disc"
umount_disc
fails 'not by that of an older one' 1 start_disc -o "ro,digest=$first" "$disc"
like 'it says which one it has, and what to do' "$(<"$log")" "its digest is $second, another than digest= says; leave that out"
fails 'nor the older by that of the newest' 1 start_disc -o "session=1,digest=$second" "$disc"
for wrong in 0123 xyz ${second}0 ''; do
	bounded 20 "$BUILD/cdappendfs" -o "digest=$wrong" "$disc" "$mnt" >"$T/out" 2>&1
	is "digest=$wrong is none" $? 2
done
genisoimage -quiet -o "$T/foreign.iso" "$TOP/tests/house" 2>/dev/null
fails 'another program made it: no digest' 1 start_disc -o "ro,digest=$second" "$T/foreign.iso"
like 'it says so' "$(<"$log")" 'has no digest'

# ---- reads are compared ----------------------------------------------------------------------------------------------
ok 'a sound disc' start_disc -o ro,check=reads "$disc"
for i in 1 2 3; do
	name=$(echo one two three | cut -d' ' -f$i)
	ok "$name is what it was" cmp "$mnt/$name" <({ echo "BEGINNING OF $name"; noise 400000 "$i"; })
done
umount_disc
silent 'nothing was told' cat "$log"
cp "$disc" "$T/bad.iso"
two=$(block_of 'BEGINNING OF two' "$disc")
flip "$T/bad.iso" $(((two + 100) * 2048 + 5))
mount_disc -o ro "$T/bad.iso"
fails 'without it wrong bytes are given out' 1 cmp "$mnt/two" <({ echo 'BEGINNING OF two'; noise 400000 2; })
umount_disc
mount_disc -o ro,check=reads "$T/bad.iso"
cat "$mnt/two" >"$T/out" 2>"$T/error"
is 'with it an error' $? 1
like 'of input and output' "$(<"$T/error")" 'Input/output error'
fails 'again' 2 cmp "$mnt/two" "$T/out"
ok 'no wrong byte came before it' cmp -n "$(stat -c %s "$T/out")" "$T/out" <({ echo 'BEGINNING OF two'; noise 400000 2; })
ok 'the other files are read' cmp "$mnt/three" <({ echo 'BEGINNING OF three'; noise 400000 3; })
umount_disc
is 'it is told once, with the place' "$(grep -c 'session 2: what lies in blocks [0-9]* to [0-9]* is not what was burned' "$log")" 1
# A directory, in a session of its own.
cp "$disc" "$T/tree.iso"
mount_disc -o tree=linked "$T/tree.iso"
mkdir "$mnt/sub"
echo here >"$mnt/sub/NAMEWITHIN"
umount_disc
flip "$T/tree.iso" $(($(block_of NAMEWITHIN "$T/tree.iso") * 2048 + 30))
mount_disc -o ro,check=reads "$T/tree.iso"
fails 'directories are compared as well' 2 ls "$mnt/sub"
ok 'and others are listed' ls "$mnt"
umount_disc
like 'it is told' "$(<"$log")" 'session 4: what lies in blocks [0-9]* to [0-9]* is not what was burned'
bounded 20 "$BUILD/cdappendfs" -o check=all "$disc" "$mnt" >"$T/out" 2>&1
is 'no other word' "$? $(<"$T/out")" '2 cdappendfs: check=all: one of none, reads'

# ---- a commit through it ---------------------------------------------------------------------------------------------
cp "$disc" "$T/w.iso"
mount_disc -o check=reads "$T/w.iso"
echo more >>"$mnt/one"
ok 'a commit' sync_disc
ok 'what it made is read' cmp "$mnt/one" <({ echo 'BEGINNING OF one'; noise 400000 1; echo more; })
cp "$mnt/two" "$mnt/copy"
ok 'a further one' umount_disc
is 'four and five' "$(field "$T/w.iso" number)" '1 2 3 4 5'
ok 'sound' bounded 60 "$BUILD/cdappendfs-check" --state="$T/checks" -q "$T/w.iso"

# ---- an older session exchanged --------------------------------------------------------------------------------------
# The same changes in another order: another valid session in place of the second.
burn_other() {
	blank_disc "$T/other.iso"
	burn "$T/other.iso" one 1
	burn "$T/other.iso" six 4
}
burn_other
read -r _ start _ < <(field "$disc" start_lba)
is 'it has the same place' "$(field "$T/other.iso" start_lba | cut -d' ' -f2) $(field "$T/other.iso" sectors | cut -d' ' -f2)" "$start $(field "$disc" sectors | cut -d' ' -f2)"
cp "$disc" "$T/exchanged.iso"
dd if="$T/other.iso" of="$T/exchanged.iso" bs=2048 skip="$start" seek="$start" count="$(field "$disc" sectors | cut -d' ' -f2)" conv=notrunc status=none
before=$(image_digest "$T/exchanged.iso")
mount_disc "$T/exchanged.iso"
echo new >"$mnt/new"
fails 'nothing is appended' 1 sync_disc
like 'it says why, and the word' "$(<"$log")" 'an older session is not the one that a newer one was burned upon.*accept=chain'
is 'the image is what it was' "$(image_digest "$T/exchanged.iso")" "$before"
kill_daemon "$mnt"
mount_disc -o accept=chain "$T/exchanged.iso"
ok 'what was staged is there' grep -qx new "$mnt/new"
ok 'accepted, it is burned' umount_disc
is 'as a fourth session' "$(field "$T/exchanged.iso" number)" '1 2 3 4'
mount_disc -o ro,check=reads "$T/exchanged.iso"
fails 'of the session that is not the one nothing is given out' 2 grep -q . "$mnt/two"
ok 'of others it is' cmp "$mnt/three" <({ echo 'BEGINNING OF three'; noise 400000 3; })
umount_disc
like 'it is told' "$(<"$log")" 'session 2: .* is of another session than the next one was burned upon'

# ---- discs of cdappendfs 0.2 -----------------------------------------------------------------------------------------
old=$T/old.iso
gunzip <"$TOP/tests/mount/made-by-0.2.iso.gz" >"$old"
cp "$old" "$T/before.iso"
is 'it has two sessions' "$(field "$old" ours)" '1 1'
ok 'sound, by their checksums' bounded 60 "$BUILD/cdappendfs-check" --state="$T/checks" -q "$old"
flip "$T/before.iso" $((66 * 2048))
fails 'with one bit more they are not' 1 bounded 60 "$BUILD/cdappendfs-check" --state="$T/checks" -q "$T/before.iso"
ok 'they have digests' start_disc -o "check=reads,digest=$(digest "$old")" "$old"
files() { (cd "$mnt" && find . -type f ! -name new -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16); }
is 'what is in it' "$(files)" "$(printf '%s  %s\n' \
	9948de274ff959dca1e8cd320e62f165565e1d8655654eac740fe67aa7f75f8d ./long \
	b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41 ./photos/one \
	480c2336b410f1ad5f8bf1b28944490255804b65350c527787e74ebdd511e3a4 ./photos/three \
	b640e840b19d378660b32fb51ae18d67dccb4a8596a29e7bd72c1b2ae5928f41 ./photos/two | sha256sum | cut -c1-16)"
echo new >"$mnt/new"
ok 'a session of ours above' umount_disc
burn "$old" four 4
is 'four sessions' "$(field "$old" number)" '1 2 3 4'
ok 'all sound' bounded 60 "$BUILD/cdappendfs-check" --state="$T/checks" -q "$old"
mount_disc -o ro,check=reads "$old"
is 'the older files' "$(cd "$mnt" && sha256sum photos/three | cut -c1-16)" 480c2336b410f1ad
umount_disc
is 'older bytes stay' "$(head -c 262144 "$old" | tail -c +65537 | sha256sum)" "$(gunzip <"$TOP/tests/mount/made-by-0.2.iso.gz" | tail -c +65537 | sha256sum)"
is 'xorriso lists all' "$(xorriso -indev "$old" -toc 2>&1 | grep -c 'ISO session')" 4
for reader in 7z isoinfo; do
	command -v "$reader" >/dev/null || continue
	case $reader in
	7z) is '7z reads the newest' "$(7z x -so "$old" new 2>/dev/null)" new ;;
	isoinfo) is 'isoinfo, too' "$(isoinfo -R -x /new -i "$old" 2>/dev/null)" new ;;
	esac
done
done_testing
