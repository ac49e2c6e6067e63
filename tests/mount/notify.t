#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# notify.t - a service manager is told when a mount can be used, how far a burn is, and how it ends (sd_notify(3))
. "$(dirname "$0")/../lib.sh"
need python3

cat >"$T/manager.py" <<'END'
import socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + name[1:] if name[0] == "@" else name)
print("listens", flush=True)
while True:
    print(s.recv(65536).decode().replace("\n", " | "), flush=True)
END
# manager NAME FILE: what it is told, a line each
manager() {
	python3 "$T/manager.py" "$1" >"$2" 2>&1 &
	children+=("$!")
	ok "a manager listens at ${1/$T/}" until_true 300 grep -q "^listens" "$2"
}
told() { grep -qE -- "$2" "$1"; }

for socket in "$T/socket" "@cdappendfs-test/${T##*.}"; do
	said=$T/said.${#socket}
	manager "$socket" "$said"
	disc=$T/disc-${#socket}.iso
	blank_disc "$disc"
	NOTIFY_SOCKET=$socket mount_disc -o speed=8 "$disc"
	ok 'it is told when the mount can be used' until_true 300 told "$said" '^READY=1 . STATUS=.*\.iso is mounted on '
	if [[ $socket == /* ]]; then
		ok 'unmount' umount_disc
		ok 'a service that ends without a burn' until_true 300 told "$said" '^STATUS=nothing was burned$'
		continue
	fi
	noise 3000000 1 >"$mnt/file"
	ok 'a burn' sync_disc
	ok 'how far it is' until_true 300 told "$said" '^EXTEND_TIMEOUT_USEC=[0-9]+ . STATUS=(burning|verifying) '
	ok 'and what became of it' until_true 300 told "$said" '^STATUS=session 1 was burned$'
	noise 300000 2 >"$mnt/more"
	ok 'the burn of an unmount' umount_disc
	ok 'the end is told' until_true 300 told "$said" '^STOPPING=1'
	like 'then how far the burn is, and its result' "$(sed '1,/^STOPPING/d' "$said" | tr '\n' ';')" \
		'^EXTEND_TIMEOUT.*;STATUS=session 2 was burned;$'
	is 'it is ready once' "$(grep -c READY=1 "$said")" 1
done

# A burn that fails at the end
NOTIFY_SOCKET=$socket mount_disc -o fault=write:10 "$disc"
noise 100000 3 >"$mnt/lost"
fails 'the burn of the unmount fails' 1 bounded 300 "$BUILD/cdappendfs-umount" "$mnt"
await_daemon "$mnt" 60
is 'so does the daemon' $? 1
ok 'it is told what is staged' until_true 300 told "$said" '^STATUS=the last burn failed, and nothing staged is lost: '

# Who only inherited the socket is no service
before=$(grep -c . "$said")
ok 'without -f' env NOTIFY_SOCKET="$socket" "$BUILD/cdappendfs" "$disc" "$mnt"
ok 'unmount' "$BUILD/cdappendfs-umount" "$mnt"
ok 'the burn has ended' "$BUILD/cdappendfs-sync" -q --wait "$disc"
is 'nothing is told' "$(grep -c . "$said")" "$before"

NOTIFY_SOCKET=$T/nobody mount_disc "$disc"
like 'a manager that is not there is no reason not to mount' "$(cat "$log")" 'NOTIFY_SOCKET: No such file'
ok 'unmount' umount_disc
done_testing
