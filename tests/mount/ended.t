#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ended.t - a daemon that was killed is told from one that cannot be reached, by each command
. "$(dirname "$0")/../lib.sh"

# says NAME PATTERN COMMAND…: it fails with 1, and its words match
says() {
	local name=$1 pattern=$2 status=0 text
	shift 2
	text=$(bounded 60 "$@" 2>&1) || status=$?
	if [[ $status == 1 && $text =~ $pattern ]]; then pass "$name"; else fail "$name" "status $status: $text"; fi
}
# tells NAME PATTERN COMMAND…: it does its work all the same, and says so
tells() {
	local name=$1 pattern=$2
	shift 2
	like "$name" "$(bounded 60 "$@" 2>&1 >/dev/null)" "$pattern.*read from the disc"
}
killed='has ended without unmounting.*killed.*what was staged is kept'

blank_disc "$T/disc.iso"

# ---- one that has only just begun: the mount is seen before its daemon listens
mkdir "$T/stage"
said=''
for _ in {1..8}; do
	"$BUILD/cdappendfs" -f -o "staging=$T/stage/disc.iso" "$T/disc.iso" "$mnt" >"$T/log" 2>&1 &
	daemon=$!
	children+=("$daemon")
	until grep -q " $mnt " /proc/self/mountinfo || gone "$daemon"; do :; done
	said+=$(bounded 60 "$BUILD/cdappendfs-sync" -n "$mnt" 2>&1 >/dev/null) || said+=" status $?"
	said+=$(bounded 60 "$BUILD/cdappendfs-umount" "$mnt" 2>&1 >/dev/null) || said+=" status $?"
	await "$daemon" 60
done
none 'a command right after the mount is seen is answered' "$said"

# ---- one whose number was that of another, which has not yet noticed that its mount has gone and still has the name
# A mount that leaves its number, and one that has got it: $next.  Whatever else is mounted on this machine may be quicker, so this is tried again.
for i in {1..20}; do
	mount_disc -o create "$T/leaving$i.iso" "$T/leaving$i"
	leaving=${pid_of[$T/leaving$i]} number=$(device_of "$T/leaving$i")
	kill -STOP "$leaving"
	bounded 30 umount -i -c "$T/leaving$i" || fail 'a mount goes while its daemon sleeps'
	next=$T/next$i
	start_disc -o create "$next.iso" "$next" || fail 'another mount' "$(<"$log")"
	[[ $(device_of "$next") == "$number" ]] && break
	kill -CONT "$leaving"
done
is 'another one has its number' "$(device_of "$next")" "$number"
mkdir "$next/a" "$next/b"
"$BUILD/cdappendfs-umount" "$next" >"$T/told" 2>&1 & asking=$!
connected() { find "/proc/$asking/fd" -lname 'socket:*' | grep -q .; }
ok 'asked for its end' until_true 60 connected
kill -CONT "$leaving"
status=0
await "$asking" 60 || status=$?
is 'its burn is told, not that of the other' "$status $(cut -d: -f1 "$T/told")" '0 session 1 written'
ok 'it is what was asked for' await_daemon "$next" 60

mount_disc "$T/disc.iso"
echo first >"$mnt/first"
ok 'a session' sync_disc
echo second >"$mnt/second"
sync "$mnt/second"
kill -KILL "${pid_of[$mnt]}"
await "${pid_of[$mnt]}" 60 2>/dev/null
says 'sync: it was killed' "$killed" "$BUILD/cdappendfs-sync" "$mnt"
says 'sync --dry-run' "$killed" "$BUILD/cdappendfs-sync" --dry-run "$mnt"
says 'sync --discard' "$killed" "$BUILD/cdappendfs-sync" --discard "$mnt"
tells 'info' "$killed" "$BUILD/cdappendfs-info" "$mnt"
says 'info --changes' "$killed" "$BUILD/cdappendfs-info" --changes "$mnt"
says 'umount: it had ended' 'is unmounted.*it had ended.*what is not burned is kept' "$BUILD/cdappendfs-umount" "$mnt"
fails 'and it is unmounted' any mountpoint -q "$mnt"
unset "pid_of[$mnt]"

mount_disc -o fault=kill@4 "$T/disc.iso"
is 'nothing was lost' "$(cat "$mnt/second")" second
says 'sync: killed while it burns' "$killed" "$BUILD/cdappendfs-sync" "$mnt"
kill_daemon

mount_disc "$T/disc.iso"
is 'nothing was lost then either' "$(cat "$mnt/second")" second
if ((EUID == 0)) && unshare -n true 2>/dev/null; then
	elsewhere='runs, but cannot be reached.*another network namespace'
	says 'sync from another network namespace' "$elsewhere" unshare -n "$BUILD/cdappendfs-sync" "$mnt"
	tells 'info from there' "$elsewhere" unshare -n "$BUILD/cdappendfs-info" "$mnt"
else
	skip 'another network namespace' 'none can be made here'
fi
ok 'it is burned' umount_disc
done_testing
