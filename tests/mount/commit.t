#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# commit.t - every way to a commit; what carries on across one; the mount while it burns
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
sessions() { info_json 'scalar @{$_->{sessions}}' "${1:-$mnt}"; }
staged() { info_json '$_->{staged_bytes}' "$mnt"; }
blank_disc "$disc"

# ---- triggers
mount_disc "$disc"
noise 500000 1 >"$mnt/first"
ok 'little is staged: a sync that is to be worth it' bounded 60 "$BUILD/cdappendfs-sync" --if-larger=1M "$mnt"
like 'says so' "$(<"$T/ok.output")" '^nothing was burned: [0-9.]+ KiB are staged, less than 1\.0 MiB$'
is 'as JSON' "$("$BUILD/cdappendfs-sync" --json --if-larger=1M "$mnt" | json 'join " ", @{$_}{qw(burned error append_bytes)}, $_->{message} =~ /less than/')" '0 0 0 1'
is 'and does nothing' "$(sessions)" 0
fails 'with what makes a session in any case' 2 "$BUILD/cdappendfs-sync" --if-larger=1M --full-tree "$mnt"
fails 'and with what makes none' 2 "$BUILD/cdappendfs-sync" --if-larger=1M --revert=1 "$mnt"
fails 'what is no size' 2 "$BUILD/cdappendfs-sync" --if-larger=much "$mnt"
dry=$("$BUILD/cdappendfs-sync" --dry-run --json "$mnt")
is 'the cost before: all but the content' "$(json '$_->{overhead_bytes} == $_->{append_bytes} - $_->{data_bytes} && $_->{overhead_bytes} > 0' <<<"$dry")" 1
is 'an image without bound: nobody knows how many more' "$(json '$_->{more_sessions} // "null"' <<<"$dry")" null
ok 'cdappendfs-sync' bounded 60 "$BUILD/cdappendfs-sync" --if-larger=400K "$mnt"
like 'the cost after' "$(<"$T/ok.output")" $'\n''this session took [0-9.]+ KiB of overhead for 490\.0 KiB of data($|'$'\n'')'
is 'one session' "$(sessions)" 1
is 'nothing staged' "$(staged)" 0
mkdir "$mnt/dir"
noise 100000 2 >"$mnt/dir/second"
ok 'fsync of a directory that is not the root' sync "$mnt/dir"
is 'burns nothing' "$(sessions)" 1
ok 'sync MOUNTPOINT' bounded 60 sync "$mnt"
is 'burns' "$(sessions)" 2
before=$(image_digest "$disc")
ok 'sync with nothing staged' sync_disc
ok 'sync MOUNTPOINT with nothing staged' sync "$mnt"
is 'appends nothing' "$(image_digest "$disc")" "$before"
printf x >"$mnt/third"
start_agent
is 'opendir and fsync of the root, as databases do' "$(ask opendir 0 "$mnt")$(ask fsyncdir 0)" okok
end_agent
ok 'sync -f of the root' sync -f "$mnt"
is 'burn nothing either' "$(sessions)" 2
ok 'cdappendfs-umount' umount_disc
is 'burned at unmount' "$(sessions "$disc")" 3
before=$(image_digest "$disc")
mount_disc "$disc"
ok 'unmount with nothing staged' umount_disc
is 'appends nothing at unmount' "$(image_digest "$disc")" "$before"

# ---- plain unmount commits in the background, the next mount waits
mount_disc -o speed=20 "$disc"
noise 6000000 3 >"$mnt/large"
first_pid=${pid_of[$mnt]}
ok 'fusermount3 -u' fusermount3 -u "$mnt"
still=$(alive "$first_pid" && echo running)
is 'returns while the burn goes on' "$still" running
unset "pid_of[$mnt]"
children+=("$first_pid")
mount_disc "$disc" "$T/again"
ok 'a mount that follows waits and shows it' cmp <(noise 6000000 3) "$T/again/large"
ok 'the first daemon has ended' until_true 10 gone "$first_pid"
is 'as a session' "$(sessions "$T/again")" 4
ok 'unmount' umount_disc "$T/again"

# ---- what carries on across a commit
mount_disc "$disc"
mkdir "$mnt/wide"
(cd "$mnt/wide" && seq -f 'entry %g' 5000 | xargs -d '\n' touch)
noise 300000 4 >"$mnt/held"
noise 10000 5 >"$mnt/unlinked"
printf 'XX' >"$mnt/mapped"
truncate -s 20000 "$mnt/mapped"
start_agent
is 'hold a staged file' "$(ask open 0 "$mnt/held" w)" ok
is 'hold a burned file' "$(ask open 1 "$mnt/first" w)" ok
is 'hold an unlinked file' "$(ask open 2 "$mnt/unlinked" w)" ok
rm "$mnt/unlinked"
is 'hold a mapping' "$(ask open 3 "$mnt/mapped" w)$(ask map 3 20000)" okok
is 'hold a directory' "$(ask opendir 4 "$mnt/wide")" ok
is 'read half of it' "$(ask readdir 4 2000)" 'ok 2000 2000 0'
is 'hold a burned unlinked file' "$(ask open 5 "$mnt/dir/second" w)" ok
rm "$mnt/dir/second"
before_held=$(ask stat 0) before_first=$(ask stat 1) before_unlinked=$(ask stat 2)
numbers_before=$(find "$mnt" -printf '%i %P\n' | sort)
is 'write through the mapping, no msync' "$(ask poke 3 7000 by-mapping)" ok
ok 'commit' sync_disc
is 'a staged file keeps its number' "$(ask stat 0)" "$before_held"
is 'a burned file keeps its number' "$(ask stat 1)" "$before_first"
is 'an unlinked file keeps its number' "$(ask stat 2)" "$before_unlinked"
is 'every name keeps its number' "$(find "$mnt" -printf '%i %P\n' | sort)" "$numbers_before"
is 'the directory reads on' "$(ask readdir 4 0)" 'ok 3002 5002 0'
is 'write to the held file' "$(ask pwrite 0 5 after)" ok
is 'read from it' "$(ask pread 0 5 5)" 'ok after'
is 'write to the burned file' "$(ask pwrite 1 100000 more)$(ask fsync 1)" okok
is 'write to the unlinked file' "$(ask pwrite 2 3 gone)$(ask pread 2 4 3)" 'okok gone'
is 'read the burned unlinked file' "$(ask pread 5 30 0)" "ok $(noise 30 2 | LC_ALL=C tr -c '!-~' .)"
is 'write through the mapping again' "$(ask poke 3 100 second-time)" ok
drop_caches
is 'old data of the unlinked file after the caches are gone' "$(ask pread 2 4 3)" 'ok gone'
ok 'commit again' sync_disc
is 'read the unlinked file after two commits' "$(ask pread 2 4 3)" 'ok gone'
end_agent
tree_digest "$mnt" >"$T/before"
ok 'unmount' umount_disc
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'the disc holds all of it' "$T/before" "$T/after"
is 'the first write through the mapping' "$(dd if="$mnt/mapped" bs=1 skip=7000 count=10 status=none)" by-mapping
is 'the second one' "$(dd if="$mnt/mapped" bs=1 skip=100 count=11 status=none)" second-time
is 'the write to the held file' "$(dd if="$mnt/held" bs=1 skip=5 count=5 status=none)" after
ok 'the unlinked file is gone' test ! -e "$mnt/unlinked"
is 'numbers are the same after a remount' "$(find "$mnt" -printf '%i %P\n' | sort)" "$numbers_before"
ok 'unmount' umount_disc

# ---- the mount while it burns
mount_disc "$disc"
mkdir "$mnt/cold"
for i in {1..64}; do noise 100000 "$i" >"$mnt/cold/$i"; done
ok 'burn 64 files' umount_disc
mount_disc -o speed=6 "$disc"
noise 8000000 99 >"$mnt/burning"
printf 'staged\n' >"$mnt/staged"
old_size=$(apparent_size "$disc")
sync_disc & syncer=$!
children+=("$syncer")
grown() { (($(apparent_size "$disc") > old_size + 200000)); }
ok 'a slow burn is under way' until_true 30 grown
drop_caches
readers=()
for i in {1..64}; do cat "$mnt/cold/$i" >/dev/null & readers+=($!); children+=($!); done
is 'read staged data' "$(cat "$mnt/staged")" staged
ok 'write' sh -c "echo during >'$mnt/during' && sync '$mnt/during'"
ok 'statfs' stat -f "$mnt"
ok 'list' ls -lR "$mnt"
ok 'mkdir, rename, unlink' sh -c "mkdir '$mnt/d' && mv '$mnt/d' '$mnt/e' && rmdir '$mnt/e' && mv '$mnt/staged' '$mnt/moved'"
ok 'open and append to what is burning' sh -c "printf tail >>'$mnt/burning'"
kill -KILL "${readers[@]}" 2>/dev/null
for pid in "${readers[@]}"; do await "$pid" 60 2>/dev/null; done
ok 'all of it, and the end of 64 readers, while it burns' alive "$syncer"
drop_caches
good=0
for i in {1..64}; do cmp -s <(noise 100000 "$i") "$mnt/cold/$i" && ((++good)); done
is '64 burned files read right during the burn' "$good" 64
ok 'the burn succeeds' await "$syncer"
is 'what came during the burn is staged' "$(info --changes "$mnt" | grep -c during)" 1
tree_digest "$mnt" >"$T/before"
ok 'unmount' umount_disc
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'both sessions hold it all' "$T/before" "$T/after"
ok 'its content too' cmp <(noise 8000000 99; printf tail) "$mnt/burning"

# ---- several requests during a burn
noise 100000 7 >"$mnt/several"
sync_disc & a=$!
sync_disc & b=$!
ok 'two syncs at once' await "$a"
ok 'both succeed' await "$b"

# ---- a busy mount is not unmounted
start_agent
ask open 0 "$mnt/several" w >/dev/null
printf x >"$mnt/more"
n=$(sessions)
fails 'cdappendfs-umount of a busy mount' 1 bounded 60 "$BUILD/cdappendfs-umount" "$mnt"
is 'burns nothing' "$(sessions)" "$n"
end_agent
ok 'unmount' umount_disc
is 'then it does' "$(sessions "$disc")" $((n + 1))

# ---- SIGTERM ends the mount and keeps the stage
mount_disc "$disc"
printf kept >"$mnt/kept"
before=$(image_digest "$disc")
kill -TERM "${pid_of[$mnt]}"
await_daemon "$mnt" 60
silent 'SIGTERM takes the mount away' ls -A "$mnt"
is 'SIGTERM burns nothing' "$(image_digest "$disc")" "$before"
mount_disc "$disc"
is 'and keeps the stage' "$(cat "$mnt/kept")" kept
ok 'unmount' umount_disc
# ---- a discard gives back what the disc has: hard links stay one file, whatever their number is
mount_disc "$disc"
mkdir "$mnt/links"
for i in {1..64}; do
	printf '%s' "$i" >"$mnt/links/$i"
	ln "$mnt/links/$i" "$mnt/links/$i again"
done
ok 'sync' sync_disc
for i in {1..64}; do printf more >>"$mnt/links/$i"; done
ok 'discard' "$BUILD/cdappendfs-sync" -q --discard "$mnt"
for i in {1..64}; do [[ "$mnt/links/$i" -ef "$mnt/links/$i again" && $(<"$mnt/links/$i again") == "$i" ]] || echo "$i"; done >"$T/apart"
silent 'links of one file are one file after a discard' cat "$T/apart"
ok 'unmount' umount_disc
# ---- commit=manual
mount_disc -o commit=manual "$disc"
printf x >"$mnt/manual"
before=$(image_digest "$disc")
ok 'unmount with commit=manual' umount_disc
is 'burns nothing' "$(image_digest "$disc")" "$before"
mount_disc -o commit=manual "$disc"
is 'and keeps the stage' "$(cat "$mnt/manual")" x
n=$(sessions)
ok 'sync MOUNTPOINT with commit=manual' sync "$mnt"
is 'burns' "$(sessions)" $((n + 1))
ok 'unmount' umount_disc
# ---- a session that is not what was written: its files are named, some of them, and how many there are
disc=$T/verified.iso
blank_disc "$disc"
mount_disc -o disc-fault=read@90-110=EIO "$disc"
mkdir "$mnt/dir"
for i in {1..60}; do echo "$i" >"$mnt/dir/file $i"; done
told=$(sync_disc 2>&1)
like 'it cannot be read back: files are named' "$told" \
	'reading it back failed: in blocks [0-9]+ to [0-9]+, of /, /dir, /dir/file 1 and [0-9]+ more, the disc cannot be read;.*the changes stay staged'
is 'ten of them in the log' "$(grep -c 'not what was written: /' "${log_of[$mnt]}")" 10
like 'and how many more' "$(cat "${log_of[$mnt]}")" 'not what was written: [0-9]+ more'
ok 'nothing is burned' bounded 60 "$BUILD/cdappendfs-sync" -q --discard "$mnt"
echo small >"$mnt/small"
[[ $(bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt") =~ \"append_bytes\":([0-9]+) ]]
table=$((32 + BASH_REMATCH[1] / 2048 - 2))
ok 'another one' bounded 60 "$BUILD/cdappendfs-sync" -q --discard "$mnt"
umount_disc
mount_disc -o disc-fault=read@$table=EIO "$disc"
echo small >"$mnt/small"
like 'what no file has is named, too' "$(sync_disc 2>&1)" "in blocks $table to $table, of digest table, the disc cannot be read"
ok 'nothing is burned, either' bounded 60 "$BUILD/cdappendfs-sync" -q --discard "$mnt"
umount_disc
# ---- it burns by itself
ordered=$T/ordered.iso
blank_disc "$ordered"
mount_disc -o commit=idle=1h "$ordered"
is 'with nothing staged no moment is known' "$(info_json '"$_->{commit} " . ($_->{next_commit} // "none")' "$mnt")" 'idle=1h none'
echo 1 >"$mnt/one"
next=$(date -d "$(info_json '$_->{next_commit}' "$mnt")" +%s)
cmp_number "what is staged burns in an hour, or less" "$((next - EPOCHSECONDS))" -le 3601 # both are whole seconds
cmp_number 'not at once' "$((next - EPOCHSECONDS))" -gt 0
like 'info says when' "$(info "$mnt")" $'\n''Burns by +commit=idle=1h, next 20[0-9T:-]+Z'$'\n'
ok 'unmount' umount_disc
is 'which burns, too' "$(sessions "$ordered")" 1
has_sessions() { [[ $(sessions "$mnt") == "$1" ]]; }
mount_disc -o commit=idle=1s "$ordered"
echo 2 >"$mnt/two"
ok 'idle: burned when nothing was changed for a while' until_true 120 has_sessions 2
ok 'unmount' umount_disc
mount_disc -o commit=staged=1M "$ordered"
echo 3 >"$mnt/three"
is 'staged: less than that waits' "$(info_json '"$_->{commit} " . ($_->{next_commit} // "none")' "$mnt")" 'staged=1M none'
noise 1500000 3 >"$mnt/large"
ok 'staged: more is burned' until_true 120 has_sessions 3
ok 'unmount' umount_disc
done_testing
