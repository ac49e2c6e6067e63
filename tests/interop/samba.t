#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# samba.t - Samba shows the sessions of a mounted disc to Windows as previous versions, configured as README.md has it:
# a client is told of all of them, and gets the file of each
# In a network of its own: nobody else is asked, and nobody else can ask.
[[ ${OWN_NETWORK-} || $EUID != 0 ]] || OWN_NETWORK=yes exec unshare -n "$0" "$@"
. "$(dirname "$0")/../lib.sh"
smbd=$(PATH=$PATH:/usr/sbin command -v smbd) || skip_all 'no smbd'
need smbclient python3
((EUID == 0)) || skip_all 'not root'
python3 -c 'import fcntl, socket, struct
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))' || skip_all 'no loopback device'

# What a directory of the share needs besides a path is what README.md says.
mapfile -t lines < <(sed -n '/^    vfs objects = shadow_copy2$/,/^$/s/^    //p' "$TOP/README.md")
cmp_number 'README has a handful of lines' "${#lines[@]}" -ge 3
mkdir -p "$T/samba"/{private,lock,state,cache,pid,ncalrpc}
{
	printf '[global]\ninterfaces = lo\nbind interfaces only = yes\nsmb ports = 4455\ndisable netbios = yes\n'
	printf 'server role = standalone server\nmap to guest = Bad User\nguest account = root\nload printers = no\ndisable spoolss = yes\n'
	for what in 'private dir' 'ncalrpc dir' {lock,state,cache,pid}' directory'; do
		printf '%s = %s\n' "$what" "$T/samba/${what% *}"
	done
	printf '[photos]\npath = %s\nguest ok = yes\nread only = no\n' "$mnt"
	printf '%s\n' "${lines[@]}"
} >"$T/smb.conf"

disc=$T/photos.iso
blank_disc "$disc"
mount_disc -o allow_other,volid=PHOTOS "$disc"
mkdir "$mnt/album"
for i in 1 2 3; do
	echo "version $i" >"$mnt/album/picture"
	ok "session $i" sync_disc
	sleep 1.1 # sessions of one second have one date
done
echo 'not burned yet' >"$mnt/album/picture"

# It makes itself a group of processes, and ends all of them.
"$smbd" -F --debug-stdout -s "$T/smb.conf" </dev/null >"$T/smbd.log" 2>&1 & children+=($!)
client() { bounded 60 smbclient -N -p 4455 -s "$T/smb.conf" //127.0.0.1/photos -c "$1" 2>>"$T/client.log"; }
answers() { client 'ls' | grep -q album; }
until_true 60 answers || note "$(cat "$T/smbd.log" "$T/client.log")"
client 'allinfo album\picture' | grep -o '@GMT[-.0-9]*' | sort -u >"$T/versions"
is 'three versions are told' "$(wc -l <"$T/versions")" 3
i=0
while read -r version; do
	((++i))
	client "get $version\\album\\picture $T/restored"
	is "version $i is restored" "$(cat "$T/restored")" "version $i"
	like "version $i: its directory is listed" "$(client "ls $version\\album\\*")" 'picture'
done <"$T/versions"
client "get album\\picture $T/restored"
is 'the present one is what it was' "$(cat "$T/restored")" 'not burned yet'
none 'and .sessions is not in the share' "$(client ls | grep sessions)"
kill -TERM "${children[-1]}"
await "${children[-1]}" 60
ok 'unmount' umount_disc
done_testing
