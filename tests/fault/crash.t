#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# crash.t - the daemon ends, or the medium fails, at every step of a commit: nothing is lost, the next commit succeeds
#
# The developer's option fault=SPEC (include/cdappendfs/burn.h, target_wrap_faults) is a filter around the target.
. "$(dirname "$0")/../lib.sh"

base=$T/base.iso disc=$T/disc.iso
blank_disc "$base"
mount_disc "$base"
make_odd_tree "$mnt" special
noise 400000 1 >"$mnt/burned data"
tree_digest "$mnt" >"$T/first"
ok 'a first session' umount_disc
older_intact() {
	mount_disc -s "$T/stage/older" -o session=1 "$disc"
	tree_digest "$mnt" >"$T/got"
	same_listing "$1: session 1 is intact" "$T/first" "$T/got"
	umount_disc || fail "$1: unmount of session 1"
}
change() {
	noise 600000 2 >"$mnt/new data"
	noise 300 3 >"$mnt/new small"
	printf 'more' >>"$mnt/burned data"
	rm -r "$mnt/a dir with spaces"
	mv "$mnt/level1" "$mnt/moved"
	chmod 0600 "$mnt/Readme.TXT"
	ln "$mnt/README" "$mnt/moved/link"
	tree_digest "$mnt" >"$T/want"
}
# After whatever happened: mount, all is there, commit, all is burned.
recovers() {
	local name=$1
	mount_disc "$disc"
	tree_digest "$mnt" >"$T/got"
	same_listing "$name: nothing is lost" "$T/want" "$T/got"
	printf 'after\n' >"$mnt/after"
	ok "$name: the next commit succeeds" umount_disc
	mount_disc -o ro "$disc"
	"$TOOLS/treelist" -x T "$mnt" | grep -v '^after ' >"$T/got"
	cut_directory_times "$T/want" >"$T/want.short"
	same_listing "$name: all is burned" "$T/want.short" "$T/got"
	is "$name: nothing is staged" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
	umount_disc || fail "$name: unmount"
	older_intact "$name"
}
cut_directory_times() { sed -E 's/^([^ ]+ d [0-7]+ [0-9]+:[0-9]+) .*/\1/' "$1"; }
begin() {
	rm -rf "$T/stage" "$disc"
	cp "$base" "$disc"
}

# How long the session is, to aim at its middle and its end.
begin
mount_disc "$disc"
change
sectors=$(($("$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{append_bytes}') / 2048))
kill_daemon
cmp_number 'the session of this test has some hundred sectors' "$sectors" -gt 300

# ---- the daemon is killed
last=$((sectors - 1))
for spec in kill@0 kill@1 kill@16 kill@40 "kill@$((sectors / 2))" "kill@$last" kill-publish@0 kill-publish@1 kill-publish@8 kill-publish@14 kill-publish@15; do
	begin
	mount_disc -o "fault=$spec" "$disc"
	change
	fails "$spec: the sync fails" any bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt"
	ok "$spec: the daemon is gone" until_true 20 gone "${pid_of[$mnt]}"
	kill_daemon
	recovers "$spec"
done

# ---- the medium fails; the daemon lives and says so
for spec in write@0=EIO write@5=ENOSPC "write@$((sectors / 2))=EIO" "write@$last=EIO" sync=EIO reserve=ENOSPC publish=EIO; do
	begin
	mount_disc -o "fault=$spec" "$disc"
	change
	fails "$spec: the sync fails" 1 bounded 60 "$BUILD/cdappendfs-sync" "$mnt"
	tree_digest "$mnt" >"$T/got"
	same_listing "$spec: the mount shows all" "$T/want" "$T/got"
	ok "$spec: it takes writes" sh -c "echo x >'$mnt/x' && rm '$mnt/x'"
	touch -r "$T" "$mnt"; tree_digest "$mnt" >"$T/want"
	sync "$mnt/new small"
	kill_daemon
	recovers "$spec"
done
# At unmount: the status says it, the stage is kept, the next mount tells it once.
begin
mount_disc -o fault=write@20=EIO "$disc"
change
status=0
bounded 60 "$BUILD/cdappendfs-umount" "$mnt" >"$T/out" 2>&1 || status=$?
is 'a burn that fails at unmount: status 1' "$status" 1
until_true 30 gone "${pid_of[$mnt]}"
kill_daemon
mount_disc "$disc"
like 'the next mount tells it' "$(cat "$log")" 'the last commit failed: .*Input/output error'
tree_digest "$mnt" >"$T/got"
same_listing 'and nothing is lost' "$T/want" "$T/got"
ok 'unmount commits' umount_disc

# ---- kill -9 at any moment of a slow burn; before it begins nothing was promised
began() { gone "$syncer" || [[ $(info_json '$_->{burning} ? $_->{burning}{phase} : "idle"' "$mnt") == burning ]]; }
for tenths in 1 3 6 9 12 16; do
	begin
	mount_disc -o speed=3 "$disc"
	change
	sync_disc >/dev/null 2>&1 & syncer=$!
	ok "kill -9 after $tenths tenths of a second: it burns" until_true 60 began
	sleep "$((tenths / 10)).$((tenths % 10))"
	kill_daemon
	await "$syncer"
	recovers "kill -9 after $tenths tenths of a second"
done
# The daemon dies, and dies again while it recovers.
begin
mount_disc -o fault=kill-publish@3 "$disc"
change
bounded 60 "$BUILD/cdappendfs-sync" -q "$mnt" >/dev/null 2>&1
until_true 20 gone "${pid_of[$mnt]}"
kill_daemon
start_disc -o fault=kill-publish@9 "$disc" || note 'ended while it recovered'
[[ ${pid_of[$mnt]-} ]] && kill_daemon
unmount_all
recovers 'killed twice'
done_testing
