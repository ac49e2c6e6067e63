#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# moved.t - a directory above the mount point is renamed, and a symbolic link to somebody else's mount stands in its
# place: nothing but our own mount is ever taken away, by a command or by a daemon that ends by itself
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
mkdir -p "$T/victim/mnt"
mount -t tmpfs none "$T/victim/mnt" 2>/dev/null || skip_all 'no tmpfs can be mounted'
: >"$T/victim/mnt/here"

a=$T/a/mnt
victim_stays() { ok "$1: the other mount stays" test -e "$T/victim/mnt/here"; [[ -e $T/victim/mnt/here ]] || { mount -t tmpfs none "$T/victim/mnt"; : >"$T/victim/mnt/here"; }; }
is_mounted() { awk -v at="$1" '$5 == at {found = 1} END {exit !found}' /proc/self/mountinfo; }
swap() { mv "$T/a" "$T/b" && ln -s "$T/victim" "$T/a"; }
back() { rm -f "$T/a"; mv "$T/b" "$T/a"; }
daemon_of() { printf '%s' "${pid_of[$a]}"; }
# term NAME: the daemon ends by itself
term() {
	kill -TERM "$(daemon_of)"
	ok "$1: the daemon ends" await_daemon "$a"
}
# connected PID: it has found its mount, and waits for the daemon's first word
connected() { find "/proc/$1/fd" -lname 'socket:*' 2>/dev/null | grep -q .; }
# command_meanwhile NAME OPTION…: the path changes between the command's look at it and its unmount
command_meanwhile() {
	local name=$1 pid
	shift
	until_true 60 listens "$a"
	kill -STOP "$(daemon_of)"
	"$BUILD/cdappendfs-umount" "$@" "$a" >"$T/said" 2>&1 &
	pid=$!
	ok "$name: the command waits for its daemon" until_true 30 connected "$pid"
	swap
	kill -CONT "$(daemon_of)"
	ok "$name: it succeeds" await "$pid"
	victim_stays "$name"
	fails "$name: its own mount is gone" any is_mounted "$T/b/mnt"
	ok "$name: and the daemon" await_daemon "$a"
	back
}

blank_disc "$T/disc.iso"
# ---- the daemon ends by itself
mount_disc "$T/disc.iso" "$a"
echo kept >"$a/kept"
swap
term 'SIGTERM after a swap'
victim_stays 'SIGTERM after a swap'
fails 'its own mount is gone from where it was moved' any is_mounted "$T/b/mnt"
back

mount_disc "$T/disc.iso" "$a"
is 'what was staged is there' "$(cat "$a/kept")" kept
mv "$T/a" "$T/b"
term 'SIGTERM, moved'
fails 'moved, it is gone' any is_mounted "$T/b/mnt"
mv "$T/b" "$T/a"

mount_disc "$T/disc.iso" "$a"
mkdir -p "$T/further"
mount --bind "$a" "$T/further"
umount -i "$a"
mount --bind "$T/victim/mnt" "$a"
term 'SIGTERM when another is mounted there'
ok 'it stays' test -e "$a/here"
umount "$a"
umount -l -i "$T/further"

mount_disc "$T/disc.iso" "$a"
mount -t tmpfs none "$a"
: >"$a/over"
term 'SIGTERM below another mount'
ok 'what is mounted over it stays' test -e "$a/over"
like 'that nothing was taken away is told' "$(cat "${log_of[$a]-$log}")" 'could not be taken away.*mounted over it'
umount "$a"
ok 'the rest is taken away by hand' umount -i "$a"

# ---- the command
mount_disc "$T/disc.iso" "$a"
echo first >"$a/first"
command_meanwhile 'a swap while the command runs'
like 'and what was staged is burned' "$(cat "$T/said")" 'session 1 written'
mount_disc "$T/disc.iso" "$a"
command_meanwhile 'with --lazy' --lazy
mount_disc "$T/disc.iso" "$a"
command_meanwhile 'with --force' --force

mount_disc "$T/disc.iso" "$a"
swap
ok 'by the disc, after a swap' bounded 60 "$BUILD/cdappendfs-umount" "$T/disc.iso"
victim_stays 'by the disc'
fails 'by the disc: it is gone' any is_mounted "$T/b/mnt"
await_daemon "$a"
back

mount_disc "$T/disc.iso" "$a"
swap
fails 'by a name that leads to another mount: nothing' 1 bounded 60 "$BUILD/cdappendfs-umount" "$a"
victim_stays 'by that name'
ok 'ours is there as well' is_mounted "$T/b/mnt"
back
mount -t tmpfs none "$a"
: >"$a/over"
fails 'below another mount: nothing' 1 bounded 60 "$BUILD/cdappendfs-umount" "$T/disc.iso" 2>"$T/said"
ok 'what is over it stays' test -e "$a/over"
umount "$a"

# ---- remounting, and by umount(8)
ok 'remount,ro' "$BUILD/cdappendfs" -o remount,ro "$T/disc.iso" "$a"
fails 'it is read-only' any touch "$a/new"
ok 'remount,rw' "$BUILD/cdappendfs" -o remount,rw "$T/disc.iso" "$a"
ok 'it is writable' touch "$a/new"
if unshare -m true 2>/dev/null; then
	unshare -m --propagation slave sleep 600 &
	other=$!
	children+=("$other")
	in_other() { [[ $(readlink "/proc/$other/ns/mnt") != "$(readlink /proc/self/ns/mnt)" ]]; }
	until_true 10 in_other
	ln -sf "$BUILD/cdappendfs-umount" "$T/umount.fuse.cdappendfs"
	ok 'in another mount namespace' bounded 60 "$T/umount.fuse.cdappendfs" "$a" -l -N "$other"
	fails 'it is gone there' any nsenter -t "$other" -m mountpoint -q "$a"
	ok 'and not here' is_mounted "$a"
	kill "$other"
else
	skip 'in another mount namespace' 'none can be made here'
fi
ok 'unmount' umount_disc "$a"
umount "$T/victim/mnt"
done_testing
