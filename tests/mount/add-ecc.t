#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# add-ecc.t - cdappendfs-sync --add-ecc: sessions that are on the disc without parity get it, in a session of their own;
# any damage up to the bound is made good to the last byte, what is damaged already is named and left out
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso whole=$T/whole.iso out=$T/out.iso
check() { bounded 120 "$BUILD/cdappendfs-check" --state="$T/checks" "$@"; }
add_ecc() { bounded 120 "$BUILD/cdappendfs-sync" --add-ecc "$@"; }
# A member of the result: result MEMBER… <OUTPUT
result() { tail -n 1 | json "join ' ', map {\$_ // 'null'} @{\$_}{qw($*)}"; }
header() { area=$(info_json '$_->{sessions}[-1]{parity_lba}' "$disc"); }
word() { od -An -t u4 -j $((area * 2048 + $1)) -N 4 --endian=little "$disc" | tr -d ' '; }
# In the file itself, told to nobody: alter BLOCK, wipe BLOCK BLOCKS
alter() { printf 'XYZ%d' "$1" | dd of="$disc" bs=1 seek=$(($1 * 2048 + 700)) conv=notrunc status=none; }
wipe() { dd if=/dev/zero of="$disc" bs=2048 seek="$1" count="$2" conv=notrunc status=none; }
with_faults() {
	local spec='' range
	for range in "$@"; do spec+="${spec:+\\,}read@$range=EIO"; done
	mount_disc -o "ro,disc-fault=$spec" "$disc"
}
repaired() { # NAME
	rm -f "$out"
	ok "$1: it is repaired" check --repair="$out" "$disc"
	same_file "$1: to the last byte" "$whole" "$out"
}
refused() { # NAME FILES
	rm -f "$out"
	fails "$1: refused" 1 check --repair="$out" "$disc"
	like "$1: what stays damaged is named" "$(cat "$T/ok.output")" "$2"
	ok "$1: nothing is written" test ! -e "$out"
}
# Two sessions without parity, the second one linked
two_sessions() {
	blank_disc "$disc"
	mount_disc "$disc"
	noise 9000000 1 >"$mnt/first"
	printf 'hello\n' >"$mnt/small"
	ok "$1: a session" sync_disc
	mkdir "$mnt/sub"
	noise 5000000 2 >"$mnt/sub/second"
	ok "$1: another one" sync_disc
	tree_digest "$mnt" T >"$T/before"
}
RANDOM=5
cost=(append_bytes parity_bytes older_bytes older_sessions session)
for percent in 5 10 20; do
	name="$percent %"
	two_sessions "$name"
	planned=$(add_ecc "$percent" --dry-run --json "$mnt" | result "${cost[@]}")
	is "$name: a dry run burns nothing" "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 2
	is "$name: it is exact" "$(add_ecc "$percent" --json "$mnt" | result "${cost[@]}")" "$planned"
	like "$name: it is of both sessions" "$planned" '^[0-9]+ [0-9]+ [0-9]+ 2 3$'
	ok "$name: asked again" add_ecc "$percent" "$mnt"
	like "$name: there is nothing to do" "$(cat "$T/ok.output")" '^nothing to do: .*has it$'
	ok "$name: unmount" umount_disc
	is "$name: that made no session" "$(info_json 'scalar @{$_->{sessions}}' "$disc")" 3
	cp "$disc" "$whole"
	header
	rows=$(word 40) parity=$(word 44) columns=$(word 48)
	is "$name: what is protected begins with the first session" "$(word 64)" 32
	is "$name: and ends with the area" $((32 + $(word 68))) "$(($(word 72) ? $(word 72) : area))"
	cmp_number "$name: so much" $((parity * 100)) -ge $((rows * percent))
	is "$name: sound" "$(check --json "$disc" | tail -n 1 | json '$_->{sound}')" true
	reader_gives "$name: a reader of our format sees no more in it" "$disc" 3 "$T/before" T

	bound=$((parity * columns * 32)) pieces=$(((area - 32 + 31) / 32))
	for from in 232 $((area - bound)) $((area / 2)); do
		with_faults "$from-$((from + bound - 1))"
		tree_digest "$mnt" T >"$T/after"
		same_listing "$name: $bound blocks from $from on are lost, all is right" "$T/before" "$T/after"
		like "$name: it is told" "$(cat "$log")" 'cannot be read; parity made them again'
		ok "$name: unmount" umount_disc
		wipe "$((from / 32 * 32))" "$bound"
		repaired "$name: $bound blocks from $from on"
		cp "$whole" "$disc"
	done
	with_faults "1000-$((1000 + bound))"
	fails "$name: a block more: the file cannot be read" any cat "$mnt/first"
	ok "$name: unmount" umount_disc
	wipe 1024 $((bound + 1))
	refused "$name: a block more than $bound" 'session 3: /first: '
	cp "$whole" "$disc"

	# as many pieces of each column as there are of parity, at random
	for ((column = 0; column < columns; column++)); do
		hit=()
		while ((${#hit[@]} < parity)); do
			row=$((RANDOM % rows))
			((row * columns + column >= pieces)) && continue
			[[ ${hit[row]-} ]] || alter $((32 + (row * columns + column) * 32 + RANDOM % 32))
			hit[row]=1
		done
	done
	repaired "$name: $parity pieces of each column at random"
	for ((row = 3; row < rows; row++)); do [[ ${hit[row]-} ]] || break; done
	alter $((32 + (row * columns + columns - 1) * 32))
	refused "$name: one more" 'session [12]: '
	cp "$whole" "$disc"
done

# ---- descriptors, table and record of an old session
end=$((32 + $(info_json '$_->{sessions}[0]{sectors}' "$disc")))
wipe 32 64
repaired 'the first blocks of the first session'
cp "$whole" "$disc"
wipe $((end - 3)) 3
repaired 'its table and its record'

# ---- what is damaged when it is asked for gets none, and is named; all else does
two_sessions damaged
end=$((32 + $(info_json '$_->{sessions}[0]{sectors}' "$disc")))
ok 'damaged: unmount' umount_disc
cp "$disc" "$whole"
alter 1003
alter $((end + 700))
mount_disc -o "disc-fault=read@2000-2001=EIO" "$disc"
printf 'with what is staged\n' >"$mnt/staged"
fails 'damaged: the status tells' 1 add_ecc 10 "$mnt"
like 'damaged: what is damaged is named' "$(cat "$T/ok.output")" \
	"blocks 992 to 1023, 1984 to 2015, $((end + 672)) to $((end + 703)) are damaged"
like 'damaged: before, it was told what it costs' "$(cat "$T/ok.output")" '^session 3 planned: [0-9.]+ MiB to append'
like 'damaged: a session was made all the same' "$(cat "$T/ok.output")" 'session 3 written: [0-9.]+ MiB'
is 'damaged: with what was staged' "$(cat "$mnt/staged")" 'with what is staged'
fails 'damaged: asked again, the status is the same' 1 add_ecc 10 "$mnt"
like 'damaged: and no session is made' "$(cat "$T/ok.output")" 'nothing was burned: what has no parity is damaged'
is 'damaged: there are three' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 3
ok 'damaged: unmount' umount_disc
header
is 'damaged: ranges' "$(word 56)" 5
mount_disc -o 'ro,check=reads,disc-fault=read@3000-3010=EIO' "$disc"
fails 'damaged: no parity makes wrong bytes of it' any cat "$mnt/first"
tail -c +4500000 "$mnt/first" >"$T/after"
noise 9000000 1 | tail -c +4500000 >"$T/rest"
same_file 'damaged: other parts are made again' "$T/rest" "$T/after"
ok 'damaged: unmount' umount_disc
# once they are as they were, they get it, too
dd if="$whole" of="$disc" bs=2048 skip=1003 seek=1003 count=1 conv=notrunc status=none
dd if="$whole" of="$disc" bs=2048 skip=$((end + 700)) seek=$((end + 700)) count=1 conv=notrunc status=none
mount_disc "$disc"
is 'healed: what is left gets parity' \
	"$(add_ecc 20 --json "$mnt" | result older_bytes older_sessions left_out_bytes burned)" "$((96 * 2048)) 2 0 1"
tree_digest "$mnt" T >"$T/before"
ok 'healed: unmount' umount_disc
with_faults 1003 2000-2001
tree_digest "$mnt" T >"$T/after"
same_listing 'healed: all is made again' "$T/before" "$T/after"
ok 'healed: unmount' umount_disc

# ---- beside sessions that have parity, and those of others
rm "$disc"
mkdir "$T/tree"
noise 4000000 7 >"$T/tree/foreign"
quiet_xorriso() { xorriso -abort_on FAILURE -report_about FAILURE "$@"; }
ok 'foreign: a disc of xorriso' quiet_xorriso -outdev "$disc" -map "$T/tree" /
mount_disc -o ecc=5 "$disc"
noise 2000000 8 >"$mnt/ours"
ok 'foreign: a session with parity' sync_disc
read -r start sectors < <(info_json '"$_->{sessions}[0]{start_lba} $_->{sessions}[0]{sectors}"' "$disc")
is 'foreign: what is protected' "$(add_ecc 10 --json "$mnt" | result older_sessions older_bytes unproven_bytes burned)" \
	"1 $(((start + sectors - 32) * 2048)) $(((start + sectors - 32) * 2048)) 1"
ok 'foreign: asked again' add_ecc 10 "$mnt"
like 'foreign: there is nothing to do' "$(cat "$T/ok.output")" '^nothing to do'
tree_digest "$mnt" T >"$T/before"
ok 'foreign: unmount' umount_disc
cp "$disc" "$whole"
with_faults 300-310 1000-1063
tree_digest "$mnt" T >"$T/after"
same_listing 'foreign: its blocks are made again' "$T/before" "$T/after"
ok 'foreign: unmount' umount_disc
rm -rf "$T/out"
ok 'foreign: xorriso reads the disc' quiet_xorriso -osirrox on -indev "$disc" -extract / "$T/out"
same_file 'foreign: as it was' "$T/tree/foreign" "$T/out/foreign"

# ---- no room, and ends midway
blank_disc "$disc"
mount_disc -o media=8M "$disc"
noise 6000000 1 >"$mnt/large"
ok 'no room: a session' sync_disc
fails 'no room: refused' 1 add_ecc 50 "$mnt"
like 'no room: how much is missing' "$(cat "$T/ok.output")" \
	'that is [0-9.]+ [KM]iB \([0-9]+ blocks\) more than the disc has left; nothing was burned.* ([0-9]+) percent would fit'
fits=$(grep -o '[0-9]* percent would fit' "$T/ok.output" | head -n 1 | cut -d' ' -f1)
is 'no room: no session was made' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 1
fails 'no room: one percent more than it says' 1 add_ecc $((fits + 1)) --dry-run "$mnt"
ok "no room: $fits % fit" add_ecc "$fits" "$mnt"
ok 'no room: unmount' umount_disc
is 'no room: it is sound' "$(check --json "$disc" | tail -n 1 | json '$_->{sound}')" true

for spec in kill@0 kill@500 kill-before-sync kill-publish@8; do
	two_sessions "$spec"
	ok "$spec: unmount" umount_disc
	cp "$disc" "$whole"
	mount_disc -o "fault=$spec" "$disc"
	fails "$spec: it does not end" any add_ecc 20 -q "$mnt"
	ok "$spec: the daemon is gone" until_true 20 gone "${pid_of[$mnt]}"
	kill_daemon
	mount_disc "$disc"
	tree_digest "$mnt" T >"$T/after"
	same_listing "$spec: nothing is lost" "$T/before" "$T/after"
	is "$spec: nothing is staged" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
	ok "$spec: asked again" add_ecc 20 "$mnt"
	ok "$spec: unmount" umount_disc
	is "$spec: sound" "$(check --json "$disc" | tail -n 1 | json '$_->{sound}')" true
	with_faults 300-999
	tree_digest "$mnt" T >"$T/after"
	same_listing "$spec: parity makes all of it again" "$T/before" "$T/after"
	ok "$spec: unmount" umount_disc
done
for signal in INT cancel; do
	two_sessions "$signal"
	ok "$signal: unmount" umount_disc
	mount_disc -o read-delay=50 "$disc"
	"$BUILD/cdappendfs-sync" --add-ecc 10 --json "$mnt" >"$T/sync.out" 2>&1 & syncer=$!
	ok "$signal: it is under way" until_true 60 eval \
		'[[ $(info_json "\$_->{burning} ? \$_->{burning}{phase} : q(idle)" "$mnt") == preparing ]]'
	if [[ $signal == INT ]]; then
		kill -INT "$syncer"
		fails 'INT: the command ends' 130 await "$syncer"
		like 'INT: and says that it goes on' "$(cat "$T/sync.out")" 'goes on'
		ok 'INT: it is waited for' bounded 120 "$BUILD/cdappendfs-sync" --wait "$mnt"
		is 'INT: the session is there' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 3
	else
		ok 'cancel: it is cancelled' bounded 60 "$BUILD/cdappendfs-sync" --cancel "$mnt"
		fails 'cancel: the command ends' any await "$syncer"
		is 'cancel: no session is made' "$(info_json 'scalar @{$_->{sessions}}' "$mnt")" 2
	fi
	ok "$signal: unmount" umount_disc
done

# ---- usage
mount_disc "$disc"
for value in 0 101 x -1 '' 10x; do
	fails "--add-ecc=$value" 2 "$BUILD/cdappendfs-sync" "--add-ecc=$value" "$mnt"
done
fails '--add-ecc with --discard' 2 "$BUILD/cdappendfs-sync" --add-ecc=10 --discard "$mnt"
ok 'unmount' umount_disc
blank_disc "$disc"
mount_disc -o commit=manual "$disc"
echo one >"$mnt/one"
ok 'a session, with parity' "$BUILD/cdappendfs-sync" -q --add-ecc=10 "$mnt"
"$BUILD/cdappendfs-sync" --add-ecc=10 -m 'a note' "$mnt" >"$T/said" 2>&1
is 'nothing to do, and a message that is not kept: both are told, once' \
	"$? $(grep -c 'nothing to do' "$T/said") $(grep -c 'the message is not kept' "$T/said")" '0 1 1'
ok 'unmount' umount_disc
done_testing
