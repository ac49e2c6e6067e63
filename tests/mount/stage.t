#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# stage.t - what is staged outlives the daemon; copy-up is by block
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
blank_disc "$disc"
mount_disc "$disc"
make_odd_tree "$mnt" special
mkdir "$mnt/tobemoved"
for i in {1..50}; do printf '%s\n' "$i" >"$mnt/tobemoved/$i"; done
tree_digest "$mnt" >"$T/before"
sync -f "$mnt/README"; sync "$mnt/README" "$mnt/a dir with spaces"
kill_daemon
is 'nothing was burned by fsync' "$(apparent_size "$disc")" 0
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'a fresh stage survives kill -9 after fsync' "$T/before" "$T/after"
ok 'first session' umount_disc

mount_disc "$disc"
mv "$mnt/tobemoved" "$mnt/level1/moved"
rm "$mnt/level1/moved/7" "$mnt/a;1"
chmod 0711 "$mnt/level1"
ln "$mnt/data.tar.gz" "$mnt/level1/hard"
ln -s nowhere "$mnt/level1/soft"
mkdir -p "$mnt/new/dir"
printf 'appended\n' >>"$mnt/Readme.TXT"
truncate -s 1000 "$mnt/sector+1.bin"
mv "$mnt/README" "$mnt/readme"
touch -d '2005-05-05 05:05:05' "$mnt/empty"
tree_digest "$mnt" >"$T/before"
sync "$mnt/new"
kill_daemon
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'changes of burned content survive kill -9 after fsync of a directory' "$T/before" "$T/after"

# Records, each fsynced, with a kill in between: all are there.
last=0
for round in 1 2 3 4 5; do
	for i in {1..20}; do
		printf 'record %d\n' $((++last)) >>"$mnt/records"
		printf '%d' "$last" >"$mnt/rec.$last"
		sync "$mnt/records" "$mnt/rec.$last"
	done
	for i in {1..200}; do printf x >"$mnt/unsynced.$round.$i"; done
	kill_daemon
	mount_disc "$disc"
	lines=$(wc -l <"$mnt/records")
	cmp_number "round $round: all fsynced records survive" "$lines" -eq "$last"
	found=$(cat "$mnt"/rec.* | tr -d '\n' | wc -c)
	want=$(seq -s '' "$last" | tr -d '\n' | wc -c)
	cmp_number "round $round: all fsynced files survive" "$found" -eq "$want"
	broken=0
	for file in "$mnt"/unsynced."$round".*; do [[ $(<"$file") == x || ! -s $file ]] || broken=1; done
	is "round $round: what was not fsynced is whole or absent" "$broken" 0
done
# Without any fsync all but the last seconds are there.
mkdir "$mnt/later"
for i in {1..100}; do printf '%s' "$i" >"$mnt/later/$i"; done
sleep 7
kill_daemon
mount_disc "$disc"
is 'seconds later all is durable without fsync' "$(cat "$mnt"/later/* | wc -c)" 192
tree_digest "$mnt" >"$T/before"
ok 'all of it is burned' umount_disc
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'and read back' "$T/before" "$T/after"

# ---- copy-up by block
truncate -s 1G "$mnt/gibibyte"
noise 70000 5 | dd of="$mnt/gibibyte" conv=notrunc status=none
noise 70000 6 | dd of="$mnt/gibibyte" bs=4096 seek=262000 conv=notrunc status=none
ok 'burn 1 GiB' sync_disc
printf '!' >>"$mnt/gibibyte"
is 'the file is one byte longer' "$(apparent_size "$mnt/gibibyte")" 1073741825
staged=$(info_json '$_->{staged_bytes}' "$mnt")
cmp_number 'appending a byte to 1 GiB stages a block' "$staged" -le 8192
cmp_number 'and not nothing' "$staged" -gt 0
chmod 600 "$mnt/gibibyte"
mv "$mnt/gibibyte" "$mnt/renamed"
cmp_number 'chmod and rename stage no data' "$(info_json '$_->{staged_bytes}' "$mnt")" -le 8192
data=$("$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{data_bytes}')
cmp_number 'a commit writes blocks, not the file' "$data" -le 8192
like 'info --changes names it' "$(info --changes "$mnt")" renamed
ok 'commit' umount_disc
mount_disc "$disc"
is 'the byte is there' "$(tail -c 1 "$mnt/renamed")" '!'
ok 'its old content too' cmp <(noise 70000 6) <(dd if="$mnt/renamed" bs=4096 skip=262000 status=none | head -c 70000)

# ---- attributes that are set to what they are
mkdir -p "$T/kept/below"
noise 3000 7 >"$T/kept/below/file"
ln -s file "$T/kept/below/link"
old() { find "$T/kept" -exec touch -h -d @1700000000.5 {} +; }	# reading changes the times of access
appends() { "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{append_bytes}'; }
old
ok 'a tree with its attributes' cp -a "$T/kept" "$mnt"
ok 'burn' sync_disc
old
ok 'the same by cp -au' cp -au "$T/kept" "$mnt"
chmod -R u+rwX "$mnt/kept"
chown -hR "$(id -u):$(id -g)" "$mnt/kept"
touch -d @1700000000.5 "$mnt/kept/below/file"
is 'nothing is appended' "$(appends)" 0
is 'and nothing is staged' "$(info_json '$_->{staged_bytes}' "$mnt")" 0
touch -d @1700000001 "$mnt/kept/below/file"
cmp_number 'another time is a change' "$(appends)" -gt 0
cmp_number 'which info does not call nothing' "$(info_json '$_->{staged_bytes}' "$mnt")" -gt 0
is 'it is there' "$(stat -c %Y "$mnt/kept/below/file")" 1700000001
chmod 700 "$mnt/kept"
chmod 755 "$mnt/kept"
like 'a mode that is changed and put back is a change' "$(info --changes "$mnt")" 'file'
ok 'burn' sync_disc
touch "$mnt/kept/below/file"
cmp_number 'the time of now is a change' "$(appends)" -gt 0
ok 'unmount' umount_disc
done_testing
