#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# adopt.t - cdappendfs-sync --adopt: a session of ours names the blocks of other programs' sessions by their digests, so
# that it is told from then on what of them is altered, which files that are, and what is right
. "$(dirname "$0")/../lib.sh"
need xorriso genisoimage

disc=$T/disc.iso whole=$T/whole.iso out=$T/out.iso
check() { bounded 120 "$BUILD/cdappendfs-check" --state="$T/checks" "$@"; }
adopt() { bounded 120 "$BUILD/cdappendfs-sync" --adopt "$@"; }
quiet_xorriso() { xorriso -abort_on FAILURE -report_about FAILURE "$@"; }
# Members of a result: result MEMBER… <OUTPUT
result() { tail -n 1 | json "join ' ', map {\$_ // 'null'} @{\$_}{qw($*)}"; }
cost=(append_bytes adopted_bytes adopted_sessions unread_bytes session)
proofs() { check --json "$1" | tail -n 1 | json 'join " ", map {"$_->{proof}:$_->{verdict}"} @{$_->{sessions}}'; }
# In the file itself: alter BLOCK…, wipe BLOCK BLOCKS
alter() { local b; for b in "$@"; do printf 'XYZ%d' "$b" | dd of="$disc" bs=1 seek=$((b * 2048 + 700)) conv=notrunc status=none; done; }
wipe() { dd if=/dev/zero of="$disc" bs=2048 seek="$1" count="$2" conv=notrunc status=none; }
# The first block of a file's content, by isoinfo
block_of() { isoinfo -R -l -i "$disc" | awk -v name="$1" '$NF == name {gsub(/[^0-9]/, " ", $0); print $0}' | awk '{print $(NF - 1)}'; }
where() { xorriso -report_about FAILURE -indev "$disc" -find "$1" -exec report_lba 2>/dev/null | awk -F, '/File data lba/ {print $2 + 0; exit}'; }
sectors() { info_json "\$_->{sessions}[$1]{sectors}" "$disc"; }
start() { info_json "\$_->{sessions}[$1]{start_lba}" "$disc"; }

mkdir -p "$T/tree/sub"
noise 3000000 1 >"$T/tree/foreign"
noise 700000 2 >"$T/tree/sub/other"
printf 'small\n' >"$T/tree/small"
foreign_disc() { # PROGRAM
	rm -f "$disc"
	case $1 in
	genisoimage) genisoimage -quiet -R -J -o "$disc" "$T/tree" 2>/dev/null ;;
	*) quiet_xorriso -outdev "$disc" -map "$T/tree" / ;;
	esac
}

for program in genisoimage xorriso; do
	ok "$program: a disc" foreign_disc "$program"
	is "$program: nothing proves it" "$(proofs "$disc")" 'none:readable'
	mount_disc "$disc"
	planned=$(adopt --dry-run --json "$mnt" | result "${cost[@]}")
	is "$program: a dry run burns nothing" "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 1
	is "$program: it is exact" "$(adopt --json "$mnt" | result "${cost[@]}")" "$planned"
	like "$program: all of it" "$planned" " $((($(start 0) + $(sectors 0) - 32) * 2048)) 1 0 2\$"
	ok "$program: asked again" adopt "$mnt"
	like "$program: there is nothing to do" "$(cat "$T/ok.output")" '^nothing to do: .*without digests$'
	tree_digest "$mnt" T >"$T/before"
	ok "$program: unmount" umount_disc
	is "$program: that made no session" "$(info_json 'scalar @{$_->{sessions}}' "$disc")" 2
	is "$program: it is proven" "$(proofs "$disc")" 'adopted:sound table:sound'
	reader_gives "$program: a reader of our format sees no more in it" "$disc" 2 "$T/before" T
	cp "$disc" "$whole"
	lba=$(where /foreign)
	alter $((lba + 600))
	fails "$program: an altered block" 1 check "$disc"
	like "$program: is told" "$(cat "$T/ok.output")" 'session 1, .* of another program: damaged: 32 blocks altered'
	like "$program: with its file, in each tree" "$(cat "$T/ok.output")" \
		'session 2: /foreign: 64.0 KiB from byte [0-9]+ on altered.*session 1: /foreign: '
	mount_disc -o ro,check=reads "$disc"
	fails "$program: its bytes do not go out" any cat "$mnt/foreign"
	like "$program: what they are is in the log" "$(cat "$log")" \
		'session 1: what lies in blocks [0-9]+ to [0-9]+ is not what was burned'
	noise 700000 2 >"$T/good"
	same_file "$program: others do" "$T/good" "$mnt/sub/other"
	ok "$program: unmount" umount_disc
	cp "$whole" "$disc"
	mount_disc -o ro,check=reads "$disc"
	tree_digest "$mnt" T >"$T/after"
	same_listing "$program: of a sound disc all is given out" "$T/before" "$T/after"
	none "$program: and nothing told" "$(grep 'what lies in' "$log")"
	ok "$program: unmount" umount_disc
done

# ---- the head of the first session was written over by the next one: its files lie below the first session that is found
ok 'headless: a disc of genisoimage' genisoimage -quiet -R -o "$disc" "$T/tree"
noise 900000 3 >"$T/tree/third"
ok 'headless: xorriso appends' quiet_xorriso -dev "$disc" -map "$T/tree/third" /third
rm "$T/tree/third"
cmp_number 'headless: one session is found, above the files' "$(start 0)" -gt "$(where /foreign)"
mount_disc "$disc"
is 'headless: what is below is adopted, too' "$(adopt --json "$mnt" | result adopted_sessions adopted_bytes)" \
	"1 $((($(start 0) + $(sectors 0) - 32) * 2048))"
ok 'headless: unmount' umount_disc
fails 'headless: sound' 0 check "$disc"
alter "$(($(where /foreign) + 100))"
fails 'headless: altered' 1 check --json "$disc"
is 'headless: it is named' "$(tail -n 1 "$T/ok.output" | json 'join " ", map {$_->{path}} grep {$_->{session} == 2} @{$_->{damage}}')" /foreign

# ---- several of others, with ours between them and below
ok 'several: a disc of xorriso' foreign_disc xorriso
noise 900000 3 >"$T/tree/third"
ok 'several: another session of it' quiet_xorriso -dev "$disc" -map "$T/tree/third" /third
mount_disc "$disc"
echo ours >"$mnt/ours"
is 'several: two are adopted, with what is staged' "$(adopt --json "$mnt" | result adopted_sessions burned)" '2 1'
ok 'several: unmount' umount_disc
noise 500000 4 >"$T/tree/fourth"
ok 'several: one more of xorriso, above ours' quiet_xorriso -dev "$disc" -map "$T/tree/fourth" /fourth
is 'several: what is above is not proven' "$(proofs "$disc")" 'adopted:sound adopted:sound table:sound none:readable'
mount_disc "$disc"
is 'several: that alone is adopted' \
	"$(adopt --json "$mnt" | result adopted_sessions adopted_bytes)" "1 $(($(sectors 3) * 2048))"
echo more >"$mnt/more"
ok 'several: a session of ours above' sync_disc
tree_digest "$mnt" T >"$T/before"
ok 'several: unmount' umount_disc
is 'several: all is proven' "$(proofs "$disc")" \
	'adopted:sound adopted:sound table:sound adopted:sound table:sound table:sound'
is 'several: the chain holds' "$(check --json "$disc" | tail -n 1 | json 'join " ", map {$_->{chain}} @{$_->{sessions}}')" \
	'none none none none holds holds'
cp "$disc" "$whole"
at=("$(($(where /foreign) + 100))" "$(where /third)" "$(where /fourth)")
alter "${at[@]}"
fails 'several: altered in each' 1 check --json "$disc"
is 'several: all of them are named' \
	"$(tail -n 1 "$T/ok.output" | json 'join " ", map {$_->{path}} grep {$_->{session} == 6} @{$_->{damage}}')" \
	'/foreign /fourth /third'

# ---- of two copies one
cp "$disc" "$T/one.iso"
cp "$whole" "$disc"
alter "$((at[0] + 400))" "$((at[1] + 100))" "$((at[2] + 100))"
wipe $((at[0] + 900)) 40
cp "$disc" "$T/two.iso"
ok 'merge: two damaged copies' check --merge="$out" "$T/one.iso" "$T/two.iso"
same_file 'merge: are the disc' "$whole" "$out"
rm "$out"
alter "${at[0]}" # in both, and other bytes than in the first
cp "$disc" "$T/two.iso"
printf 'other' | dd of="$T/two.iso" bs=1 seek=$((at[0] * 2048 + 700)) conv=notrunc status=none
fails 'merge: what is right in none' 1 check --merge="$out" "$T/one.iso" "$T/two.iso"
like 'merge: is named' "$(cat "$T/ok.output")" 'session 6: /foreign: '
rm "$out"
cp "$whole" "$disc"

# ---- the record of the session that says so is lost: its table says the same
end=$(($(start 4) + $(sectors 4)))
wipe $((end - 1)) 1
fails 'record alone: damaged' 1 check --json "$disc"
is 'record alone: what it adopted is compared' "$(tail -n 1 "$T/ok.output" | json '$_->{sessions}[3]{proof}')" adopted
alter "$((at[2] + 100))"
fails 'record alone: altered' 1 check --json "$disc"
is 'record alone: it is named' \
	"$(tail -n 1 "$T/ok.output" | json 'join " ", map {$_->{path}} grep {$_->{session} == 6 && $_->{path}} @{$_->{damage}}')" /fourth
cp "$whole" "$disc"

# ---- the record and the table of the session that says so are lost, and made again by a newer one
wipe $((end - 3)) 3
fails 'record: damaged' 1 check "$disc"
mount_disc -o ro,check=reads "$disc"
fails 'record: what nothing proves any more does not go out' any cat "$mnt/fourth"
ok 'record: unmount' umount_disc
ok 'record: it is made again' check --repair="$out" "$disc"
same_file 'record: as it was' "$whole" "$out"
rm "$out"

# ---- with parity
ok 'parity: a disc' foreign_disc genisoimage
mount_disc "$disc"
like 'parity: what gets it is adopted, too' \
	"$(bounded 120 "$BUILD/cdappendfs-sync" --add-ecc=10 --json "$mnt" | result adopted_sessions older_sessions unproven_bytes)" \
	'^1 1 [1-9]'
ok 'parity: asked to adopt' adopt "$mnt"
like 'parity: there is nothing to do' "$(cat "$T/ok.output")" '^nothing to do'
tree_digest "$mnt" T >"$T/before"
ok 'parity: unmount' umount_disc
cp "$disc" "$whole"
lba=$(where /foreign)
alter $((lba + 20)) $((lba + 321)) $((lba + 722))
fails 'parity: altered blocks are found, without any other damage' 1 check "$disc"
like 'parity: all can be made good' "$(cat "$T/ok.output")" 'all of it can be made good again'
mount_disc -o ro,check=reads "$disc"
tree_digest "$mnt" T >"$T/after"
same_listing 'parity: who reads has right bytes' "$T/before" "$T/after"
like 'parity: it is told' "$(cat "$log")" 'session 1: what lies in blocks [0-9]+ to [0-9]+ was damaged, and is repaired'
ok 'parity: unmount' umount_disc
ok 'parity: it is repaired' check --repair="$out" "$disc"
same_file 'parity: to the last byte' "$whole" "$out"
rm "$out"
# adopted before, it is proven when it gets parity
ok 'adopted first: a disc' foreign_disc xorriso
mount_disc "$disc"
ok 'adopted first: adopted' adopt -q "$mnt"
ok 'adopted first: unmount' umount_disc
lba=$(where /foreign)
alter "$lba"
mount_disc "$disc"
fails 'adopted first: what is altered' 1 "$BUILD/cdappendfs-sync" --add-ecc=10 --json "$mnt"
is 'adopted first: gets no parity, and nothing is unproven' \
	"$(grep '^{' "$T/ok.output" | result unproven_bytes left_out_bytes)" '0 65536'
ok 'adopted first: unmount' umount_disc

# ---- blocks that cannot be read
ok 'unreadable: a disc' foreign_disc genisoimage
lba=$(where /foreign)
bad=$(((lba + 200) / 32 * 32))
mount_disc -o "disc-fault=read@$((bad + 3))-$((bad + 5))=EIO" "$disc"
fails 'unreadable: the status tells' 1 adopt "$mnt"
like 'unreadable: what cannot be is named' "$(cat "$T/ok.output")" "blocks $bad to $((bad + 31)) cannot be read"
like 'unreadable: all else is adopted' "$(cat "$T/ok.output")" 'session 2 written: '
fails 'unreadable: asked again, the status is the same' 1 adopt "$mnt"
like 'unreadable: and no session is made' "$(cat "$T/ok.output")" 'nothing was burned: what has no digests cannot be read'
is 'unreadable: there are two' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 2
ok 'unreadable: unmount' umount_disc
cp "$disc" "$whole"
is 'unreadable: not all of it is proven' "$(proofs "$disc")" 'adopted:readable table:sound'
like 'unreadable: it says how much' "$(check "$disc")" 'session 1, .*: readable; 32 of its blocks have no digests'
mount_disc -o "ro,check=reads,disc-fault=read@$((bad + 3))=EIO" "$disc"
ok 'unreadable: neighbours are given out' dd if="$mnt/foreign" of=/dev/null bs=2048 skip=$((bad + 8 - lba)) count=4 iflag=direct
fails 'unreadable: it is not' any dd if="$mnt/foreign" of=/dev/null bs=2048 skip=$((bad + 3 - lba)) count=1 iflag=direct
ok 'unreadable: unmount' umount_disc
alter $((bad + 64))
fails 'unreadable: the rest is proven' 1 check "$disc"
cp "$whole" "$disc"
mount_disc "$disc"
is 'readable again: that alone is adopted' "$(adopt --json "$mnt" | result adopted_bytes adopted_sessions)" '65536 1'
ok 'readable again: unmount' umount_disc
is 'readable again: all is proven' "$(proofs "$disc")" 'adopted:sound table:sound table:sound'
alter $((bad + 9))
fails 'readable again: what was adopted later, too' 1 check "$disc"

# ---- the table itself is altered: then nothing that it names is certain
ok 'table: a disc' foreign_disc genisoimage
mount_disc "$disc"
noise 2000000 9 >"$mnt/ours"
ok 'table: adopted' adopt -q "$mnt"
ok 'table: unmount' umount_disc
table=$(od -An -t u4 -j $((($(start 1) + $(sectors 1) - 1) * 2048 + 192)) -N 4 --endian=little "$disc" | tr -d ' ')
is 'table: it begins as it should' "$(dd if="$disc" bs=2048 skip="$table" count=1 status=none | head -c 16 | tr -d '\0')" 'CDAPPENDFS-ADO 1'
cp "$disc" "$whole"
alter "$table"
fails 'table: it is altered' 1 check "$disc"
like 'table: that is damage of its session' "$(cat "$T/ok.output")" 'session 2, .*: damaged: '
mount_disc -o ro,check=reads "$disc"
fails 'table: nothing of what it may name goes out' any cat "$mnt/foreign"
like 'table: it is told' "$(cat "$log")" "session 2: what lies in blocks $table to $((table + 2)) cannot be proven"
ok 'table: unmount' umount_disc
mount_disc -o disc-fault=read@"$table"=EIO "$disc"
fails 'table: whether there is more to adopt cannot be known' 1 adopt "$mnt"
like 'table: it says why' "$(cat "$T/ok.output")" 'which sessions of other programs are adopted cannot be found out: .*cdappendfs-check says which'
ok 'table: unmount' umount_disc
is 'table: no session was made' "$(info_json 'scalar @{$_->{sessions}}' "$disc")" 2

# ---- with MD5 sums of libisofs
rm "$disc"
ok 'md5: a disc' quiet_xorriso -md5 on -outdev "$disc" -map "$T/tree" /
mount_disc "$disc"
ok 'md5: adopted' adopt -q "$mnt"
ok 'md5: unmount' umount_disc
is 'md5: it has both' "$(proofs "$disc")" 'md5:sound table:sound'
alter $(($(where /foreign) + 3))
fails 'md5: altered' 1 check "$disc"
like 'md5: which blocks, by the digests' "$(cat "$T/ok.output")" 'session 1, .*: damaged: 32 blocks altered'

# ---- no room, ends midway, nothing to adopt
head -c 100000000 /dev/zero >"$T/tree/large"
ok 'no room: a disc' foreign_disc genisoimage
rm "$T/tree/large"
mount_disc -o "media=$(($(stat -c %s "$disc") / 2048 * 2048 + 2000000))" "$disc"
noise 9000000 1 >"$T/fill"
fails 'no room: as much as there is' any dd if="$T/fill" of="$mnt/fill" bs=2048 oflag=direct
fails 'no room: refused' 1 adopt "$mnt"
like 'no room: it says so' "$(cat "$T/ok.output")" 'with the digests of other programs. sessions it does not fit'
is 'no room: no session was made' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 1
ok 'no room: what was accepted fits' sync_disc
ok 'no room: unmount' umount_disc
for spec in kill@0 kill@20 kill-before-sync kill-publish@8; do
	ok "$spec: a disc" foreign_disc xorriso
	mount_disc "$disc"
	tree_digest "$mnt" T >"$T/before"
	ok "$spec: unmount" umount_disc
	mount_disc -o "fault=$spec" "$disc"
	fails "$spec: it does not end" any adopt -q "$mnt"
	ok "$spec: the daemon is gone" until_true 20 gone "${pid_of[$mnt]}"
	kill_daemon
	mount_disc "$disc"
	tree_digest "$mnt" T >"$T/after"
	same_listing "$spec: nothing is lost" "$T/before" "$T/after"
	ok "$spec: asked again" adopt -q "$mnt"
	ok "$spec: unmount" umount_disc
	is "$spec: it is proven" "$(proofs "$disc")" 'adopted:sound table:sound'
done
blank_disc "$disc"
mount_disc "$disc"
ok 'blank: nothing to adopt' adopt "$mnt"
like 'blank: it says so' "$(cat "$T/ok.output")" '^nothing to do'
echo one >"$mnt/one"
is 'ours alone: a session as any other' "$(adopt --json "$mnt" | result adopted_bytes burned)" '0 1'
fails '--adopt with --discard' 2 "$BUILD/cdappendfs-sync" --adopt --discard "$mnt"
ok 'unmount' umount_disc
done_testing
