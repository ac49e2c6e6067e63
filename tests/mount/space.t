#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# space.t - df is true, ENOSPC comes at write time, what was accepted fits, a dry run is exact
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
dry() { "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json "$1"; }
free_bytes() { stat -f -c '%a %S' "$mnt" | { read -r blocks size; echo $((blocks * size)); }; }
total_bytes() { stat -f -c '%b %S' "$mnt" | { read -r blocks size; echo $((blocks * size)); }; }

# ---- a small disc is filled in several ways; each time all that was accepted is burned
# fill NAME CAPACITY COMMAND…: COMMAND runs in the mount until it fails
fill() {
	local name=$1 capacity=$2 output
	shift 2
	blank_disc "$disc"
	mount_disc -o "media=$capacity" "$disc"
	is "$name: df shows the capacity" "$(total_bytes)" $((${capacity%M} << 20))
	output=$(cd "$mnt" && "$@" 2>&1)
	like "$name: ends with ENOSPC" "$output" 'No space left'
	fails "$name: a further MiB is refused" any dd if=/dev/zero of="$mnt/further" bs=1M count=1
	rm -f "$mnt/further"
	is "$name: the dry run says that it fits" "$(dry '$_->{fits}')" true
	tree_digest "$mnt" >"$T/before"
	ok "$name: what was accepted is burned" umount_disc
	cmp_number "$name: within the capacity" "$(apparent_size "$disc")" -le $((${capacity%M} << 20))
	mount_disc -o "media=$capacity" "$disc"
	tree_digest "$mnt" >"$T/after"
	same_listing "$name: whole" "$T/before" "$T/after"
	ok "$name: unmount" umount_disc
}
fill 'one large file' 4M dd if=/dev/urandom of=large bs=100000 count=100
cmp_number 'one large file: most of the disc can be used' "$(apparent_size "$disc")" -gt 3500000
fill 'small files' 4M bash -c 'for i in {1..5000}; do echo "$i" >"file $i" || exit; done'
fill 'empty files with long names' 4M bash -c 'printf -v zeros %0200d 0; for i in {1..30000}; do : >"$i $zeros" || exit; done'
fill 'directories' 4M perl -e 'mkdir "directory $_" or die "$!\n" for 1 .. 30000'
fill 'symbolic links' 4M perl -e 'symlink "component/" x 50 . $_, "link $_" or die "$!\n" for 1 .. 30000'
fill 'holes' 8M bash -c 'for i in {1..100}; do truncate -s 300000 "hole $i" 2>&1 || exit; done'
fill 'fallocate' 8M bash -c 'for i in {1..100}; do fallocate -l 300000 "room $i" 2>&1 || exit; done'

# ---- a second session on a disc that is nearly full
blank_disc "$disc"
mount_disc -o media=8M "$disc"
noise 5000000 1 >"$mnt/first"
noise 2000000 2 >"$mnt/more"
ok 'first session' sync_disc
before=$(free_bytes)
output=$(dd if=/dev/urandom of="$mnt/first" bs=4096 count=1 seek=300 conv=notrunc 2>&1)
like 'a change is refused that has the whole file written again, which does not fit' "$output" 'No space left'
cmp_number 'and takes no room' "$(free_bytes)" -ge $((before - 65536))
fails 'nor does a cut fit that has all of the rest written again' any bash -c "cp '$mnt/first' '$mnt/copy' && truncate -s 4096000 '$mnt/copy'"
rm -f "$mnt/copy"
ok 'what is in one piece can be copied and moved' bash -c "cp '$mnt/first' '$mnt/copy' && mv '$mnt/copy' '$mnt/moved'"
ok 'sync' sync_disc
ok 'unmount' umount_disc
mount_disc -o media=8M,pieces=1M "$disc"
ok 'with less asked of pieces it fits' dd if=/dev/urandom of="$mnt/first" bs=4096 count=1 seek=300 conv=notrunc
is 'it will be burned' "$(dry '"$_->{fits} $_->{data_bytes}"')" '1 6144'
ok 'unmount' umount_disc
blank_disc "$disc"
mount_disc -o media=8M,share=blocks "$disc"
noise 5000000 1 >"$mnt/first"
ok 'first session' sync_disc
before=$(free_bytes)
fails 'truncate up beyond what is left' any truncate -s 20M "$mnt/beyond"
fails 'fallocate beyond it' any fallocate -l 20M "$mnt/beyond"
rm -f "$mnt/beyond"
output=$(dd if=/dev/urandom of="$mnt/second" bs=4096 2>&1)
like 'overwriting until it is full' "$output" 'No space left'
cmp_number 'df is 0 or nearly so' "$(free_bytes)" -le 65536
rm "$mnt/second"
cmp_number 'df comes back when the file is deleted' "$(free_bytes)" -ge $((before - 65536))
dd if=/dev/urandom of="$mnt/first" bs=4096 count=100 seek=300 conv=notrunc status=none
chmod 600 "$mnt/first"
is 'the change of a burned file fits' "$(dry '$_->{fits}')" true
ok 'second session' sync_disc
ok 'unmount' umount_disc

# ---- the dry run, to the block
blank_disc "$disc"
mount_disc "$disc"
exact() {
	local name=$1 append used size_before result
	append=$(dry '$_->{append_bytes}')
	used=$(info_json '$_->{used_bytes}' "$mnt")
	size_before=$(apparent_size "$disc")
	result=$("$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 | json '$_->{append_bytes}')
	is "$name: result equals the dry run" "$result" "$append"
	if ((size_before)); then
		is "$name: the image grew by it" $(($(apparent_size "$disc") - size_before)) "$append"
		is "$name: used_bytes too" $(($(info_json '$_->{used_bytes}' "$mnt") - used)) "$append"
	fi
}
make_odd_tree "$mnt" special
exact 'first session'
noise 1000000 2 >"$mnt/one more"
exact 'a file'
cmp_number 'a file: costs little more than its data' "$(info_json '$_->{sessions}[-1]{sectors}' "$mnt")" -lt 700
chmod 700 "$mnt/one more"; mv "$mnt/data.tar.gz" "$mnt/renamed"; ln "$mnt/README" "$mnt/third name"
is 'names and modes: no data' "$(dry '$_->{data_bytes}')" 0
exact 'names and modes'
for i in {1..300}; do printf '%s' "$i" >"$mnt/level1/level2/$i"; done
exact '300 files'
rm -r "$mnt/level1"
exact 'a removed tree'
is 'with nothing staged a dry run appends nothing' "$(dry '$_->{append_bytes}')" 0

# ---- discard
tree_digest "$mnt" >"$T/before"
image=$(image_digest "$disc")
rm "$mnt/README"; noise 100000 3 >"$mnt/unwanted"; chmod 0 "$mnt/readme"; mkdir "$mnt/unwanted dir"
ok '--discard' "$BUILD/cdappendfs-sync" --discard "$mnt"
is 'nothing is staged' "$(info_json '$_->{staged_bytes}' "$mnt")" 0
tree_digest "$mnt" >"$T/after"
same_listing 'the disc is as it was burned' "$T/before" "$T/after"
ok 'unmount' umount_disc
is 'nothing was burned' "$(image_digest "$disc")" "$image"

# ---- what a mapping changed and the disc cannot hold: an error, and nobody reads it
blank_disc "$disc"
mount_disc -o media=4M "$disc"
noise 1000000 4 >"$mnt/mapped"
ok 'mapped: burned' sync_disc
dd if=/dev/zero of="$mnt/filler" bs=2048 2>/dev/null
start_agent
ask open 1 "$mnt/mapped" w >/dev/null; ask open 2 "$mnt/mapped" r >/dev/null; ask map 1 1000000 >/dev/null; ask map 2 1000000 >/dev/null
was=$(ask pread 2 16 500000)
ask poke 1 500000 neverWasStaged00 >/dev/null
like 'mapped: cannot be written back' "$(ask fsync 1)" '^error 28 '
ask open 3 "$mnt/mapped" r >/dev/null
is 'mapped: a new handle reads what is there' "$(ask pread 3 16 500000)" "$was"
is 'mapped: so does the writer' "$(ask pread 1 16 500000)" "$was"
is 'mapped: and its mapping' "$(ask peek 1 16 500000)" "$was"
rm "$mnt/filler"
ask poke 1 500000 stagedWhenItFits >/dev/null
is 'mapped: with room, it can' "$(ask fsync 1)" ok
is 'mapped: and is read' "$(ask pread 3 16 500000)" 'ok stagedWhenItFits'
end_agent
ok 'mapped: unmount' umount_disc

# ---- names and sizes of media
for media in cd74 cd80 dvd dvd-dl bd bd-dl 700M 2G; do
	blank_disc "$T/media.iso"
	mount_disc -o "media=$media" "$T/media.iso"
	bytes=$(total_bytes)
	case $media in
	cd74) range='600000000 690000000' ;; cd80) range='690000000 740000000' ;; dvd) range='4690000000 4710000000' ;; dvd-dl) range='8500000000 8550000000' ;;
	bd) range='24700000000 25100000000' ;; bd-dl) range='49000000000 50100000000' ;; 700M) range='734003200 734003200' ;; 2G) range='2147483648 2147483648' ;;
	esac
	read -r low high <<<"$range"
	if ((bytes >= low && bytes <= high)); then pass "media=$media"; else fail "media=$media" "$bytes is not in $range"; fi
	ok "media=$media: unmount" umount_disc
done
done_testing
