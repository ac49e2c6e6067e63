#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# aside.t - what was accepted fits, also where the image's own file system is the limit; and what fallocate set aside
# on a disc can be written when the disc is full
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
# fill PATH: until nothing fits any more
fill() { for size in 1M 64K 2048; do dd if=/dev/urandom bs=$size 2>/dev/null >>"$1"; done; }
# put PATH SIZE BYTES STEP: writes BYTES at each STEP of it, backwards, then all of it; not fill's content
put() {
	local at
	for ((at = $2 - $3; at >= 0; at -= $4)); do head -c "$3" /dev/urandom | dd of="$1" bs="$3" seek=$at oflag=seek_bytes conv=notrunc status=none || return; done
	head -c "$2" /dev/urandom | dd of="$1" bs=64K iflag=fullblock conv=notrunc status=none
}
stored() { echo $(($(stat -c '%b' "$1") * 512)); }

# ---- a full disc: there is room in what was set aside, in any order
for burned in false true; do
	name='a blank disc'
	blank_disc "$disc"
	mount_disc -o media=24M "$disc"
	if $burned; then
		name='a burned disc'
		noise 2000000 1 >"$mnt/beyond"
		noise 2000000 2 >"$mnt/zeroed"
		ok "$name: first session" sync_disc
	fi
	fallocate -l 5M "$mnt/new"
	is "$name: its blocks are counted" "$(stored "$mnt/new")" $((5 << 20))
	touch "$mnt/beyond" "$mnt/zeroed"
	size=$(stat -c %s "$mnt/beyond")
	exec 8<>"$mnt/beyond"	# as long as it is open
	ok "$name: beyond the end" fallocate -n -o "$size" -l 3M "$mnt/beyond"
	is "$name: the size stays" "$(stat -c %s "$mnt/beyond")" "$size"
	cmp_number "$name: blocks beyond the end are counted" "$(stored "$mnt/beyond")" -ge $((3 << 20))
	ok "$name: zeros" fallocate -z -o 1000 -l 3M "$mnt/zeroed"
	cmp_number "$name: zeros are counted" "$(stored "$mnt/zeroed")" -ge $((3 << 20))
	noise 3000000 3 >"$mnt/punched"
	ok "$name: a hole" fallocate -p -o 5000 -l 2M "$mnt/punched"
	cmp_number "$name: a hole takes no blocks" "$(stored "$mnt/punched")" -lt 1000000
	truncate -s 2M "$mnt/sparse"
	is "$name: nor does what a file grows by" "$(stored "$mnt/sparse")" 0
	ok "$name: holes of it are filled" fallocate -o 1M -l 1M "$mnt/sparse"
	is "$name: and count" "$(stored "$mnt/sparse")" 1048576
	fill "$mnt/filler"
	fails "$name: is full" any dd if=/dev/urandom of="$mnt/further" bs=8192 count=1
	rm -f "$mnt/further"
	ok "$name, full: what was new" put "$mnt/new" $((5 << 20)) 3000 300000
	if ! $burned; then # of what is burned the rest would have to be written again
		ok "$name, full: beyond the end" put "$mnt/beyond" $((3 << 20)) 5000 500000
		ok "$name, full: zeros" put "$mnt/zeroed" $((3 << 20)) 100 400000
	else
		ok "$name, full: beyond the end" dd if=/dev/urandom of="$mnt/beyond" oflag=append conv=notrunc bs=64K count=48 iflag=fullblock
		ok "$name, full: zeros" dd if=/dev/urandom of="$mnt/zeroed" bs=2048 seek=2 count=1500 conv=notrunc
	fi
	ok "$name, full: the hole, too" put "$mnt/punched" 3000000 2000 700000
	ok "$name, full: what was sparse" put "$mnt/sparse" $((2 << 20)) 2000 700000
	exec 8>&-
	tree_digest "$mnt" >"$T/before"
	is "$name: the dry run says that it fits" "$("$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{fits}')" true
	ok "$name: burned" sync_disc
	tree_digest "$mnt" >"$T/after"
	same_listing "$name: whole" "$T/before" "$T/after"
	ok "$name: unmount" umount_disc
done

# What was set aside beyond the end is given back when nobody holds the file.
blank_disc "$disc"
mount_disc -o media=24M "$disc"
free_bytes() { stat -f -c '%a %S' "$mnt" | { read -r blocks size; echo $((blocks * size)); }; }
: >"$mnt/beyond"
before=$(free_bytes)
exec 8<>"$mnt/beyond"
fallocate -n -l 10M "$mnt/beyond"
cmp_number 'beyond the end: df counts it' "$(free_bytes)" -le $((before - (10 << 20)))
exec 8>&-
given_back() { (($(free_bytes) >= before - 65536)); }
ok 'beyond the end: and gets it back' until_true 30 given_back
ok 'beyond the end: unmount' umount_disc

# ---- the image's own file system is the limit
if ((EUID != 0)) || ! mkdir "$T/host" || ! mount -t tmpfs -o size=120M tmpfs "$T/host" 2>/dev/null; then
	skip 'the file system of the image is the limit' 'no tmpfs here'
	done_testing
fi
host_free() { stat -f -c '%a %S' "$T/host" | { read -r blocks size; echo $((blocks * size)); }; }
for stage in host elsewhere; do
	name="stage $stage"
	rm -rf "$T/host/"*
	blank_disc "$T/host/disc.iso"
	mount_disc -s "$T/$stage/stage" -o media=300G,share=none,fault=edge@burning=wait "$T/host/disc.iso"
	# Much for the next session that takes no room in the stage, with some left for what comes.
	n=0
	for size in 32M 8M 2M; do while truncate -s "$size" "$mnt/sparse $n" 2>/dev/null; do ((++n)); done; done
	rm -f "$mnt/sparse $((n))" "$mnt/sparse $((n - 1))" "$mnt/sparse $((n - 2))"
	cmp_number "$name: nearly full" "$(free_bytes)" -lt 30000000
	cmp_number "$name: and its file system is not" "$(host_free)" -gt 80000000
	staged=$(info_json '$_->{staged_bytes}' "$mnt")
	sync_disc >"$T/told" & background=$!
	sleep 0.5
	is "$name: what is being burned is staged until it is" "$(info_json '$_->{staged_bytes}' "$mnt")" "$staged"
	dd if=/dev/urandom of="$mnt/meanwhile" bs=64K count=1000 2>"$T/dd.log"
	fails "$name: what comes between freeze and burn does not take the room of what is frozen" any grep -q '^1000+0 records out' "$T/dd.log"
	ok "$name: the session is burned" await "$background"
	tree_digest "$mnt" >"$T/before"
	ok "$name: so is what came meanwhile" sync_disc
	tree_digest "$mnt" >"$T/after"
	same_listing "$name: whole" "$T/before" "$T/after"
	ok "$name: unmount" umount_disc
done

# What becomes data of a hole needs room in the stage, which the session needs as well.
rm -rf "$T/host/"*
blank_disc "$T/host/disc.iso"
mount_disc -s "$T/host/stage" -o media=300G,share=none "$T/host/disc.iso"
for size in 32M 8M 2M; do while truncate -s "$size" "$mnt/hole $((n++))" 2>/dev/null; do :; done; done
for file in "$mnt/hole "*; do dd if=/dev/urandom of="$file" bs=64K count=$(($(stat -c %s "$file") / 65536)) conv=notrunc 2>>"$T/dd.log" || break; done
like 'holes become data: refused when it is written' "$(<"$T/dd.log")" 'No space left'
tree_digest "$mnt" >"$T/before"
ok 'holes become data: what was accepted is burned' sync_disc
tree_digest "$mnt" >"$T/after"
same_listing 'holes become data: whole' "$T/before" "$T/after"
ok 'holes become data: unmount' umount_disc

# Set aside there: its place in the stage, too.
rm -rf "$T/host/"*
blank_disc "$T/host/disc.iso"
mount_disc -s "$T/host/stage" -o media=300G,share=none "$T/host/disc.iso"
fallocate -l 20M "$mnt/aside"
fill "$mnt/filler"
ok 'set aside on a full file system: can be written' put "$mnt/aside" $((20 << 20)) 5000 2000000
ok 'set aside on a full file system: is burned' umount_disc

# Others take what was promised: told, nothing is lost, and with room again it goes on.
rm -rf "$T/host/"*
blank_disc "$T/host/disc.iso"
mount_disc -s "$T/elsewhere/stage" -o media=300G "$T/host/disc.iso"
noise 30000000 4 >"$mnt/accepted"
dd if=/dev/zero of="$T/host/of others" bs=1M count=100 status=none
fails 'others took the room: the burn does not begin' 1 "$BUILD/cdappendfs-sync" "$mnt"
like 'others took the room: and says why' "$(<"$T/ok.output")" 'does not fit: .* than the file system that holds the image has left'
dd if=/dev/zero of="$mnt/more" bs=1M count=1 2>"$T/dd.log"
like 'others took the room: nothing more is accepted' "$(<"$T/dd.log")" 'No space left'
is 'others took the room: what is staged is shown' "$(($(info_json '$_->{staged_bytes}' "$mnt") >= 30000000))" 1
rm "$T/host/of others"
ok 'with room again it is burned' umount_disc
umount "$T/host"
done_testing
