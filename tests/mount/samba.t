#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# samba.t - a disc that Samba gives out: what it keeps of Windows' attributes, times of creation and permissions in
# extended attributes (user.DOSATTRIB, security.NTACL) and access lists is the same over sessions and mounts
. "$(dirname "$0")/../lib.sh"
need setfattr getfattr smbd smbclient ip

disc=$T/disc.iso share=$mnt/share

# ---- as smbd sets them
blank_disc "$disc"
mount_disc -o commit=manual "$disc"
mkdir "$share"
echo hello >"$share/plain"
hidden=0sAAAFAAUAAAARAAAAJwAAAD9JM7g1gd0B
ok 'the attribute' setfattr -n user.DOSATTRIB -v "$hidden" "$share/plain"
ok 'a session' sync_disc
is 'is the same' "$(getfattr --absolute-names -e base64 --only-values -n user.DOSATTRIB "$share/plain" | base64 -w 0)" "${hidden#0s}"
ok 'unmount' umount_disc
like 'xorriso has it' "$(xorriso -xattr on -indev "$disc" -getfattr /share/plain -- 2>/dev/null)" 'user.DOSATTRIB='

# ---- by smbd itself, in a network of its own
((EUID == 0)) || { skip 'smbd' 'only root can start it'; done_testing; }
mkdir "$T/smb"
cat >"$T/smb.conf" <<END
[global]
server role = standalone server
private dir = $T/smb
lock directory = $T/smb
state directory = $T/smb
cache directory = $T/smb
pid directory = $T/smb
ncalrpc dir = $T/smb/ncalrpc
log file = $T/smb/log
map to guest = bad user
guest account = root
disable netbios = yes
smb ports = 4455
interfaces = lo
load printers = no
[share]
path = $share
guest only = yes
force user = root
read only = no
store dos attributes = yes
ea support = yes
vfs objects = acl_xattr
END
# The server is in a process group of its own: it ends its whole group.
cat >"$T/with-smbd" <<'END'
#!/bin/bash
cd "$1" && ip link set lo up || exit
setsid smbd -F --no-process-group -s smb.conf >smb/out 2>&1 & pid=$!
client() { smbclient -N -p 4455 //127.0.0.1/share -s smb.conf -c "$1" 2>&1; }
for ((i = 0; i < 300; i++)); do client ls >/dev/null && break; sleep 0.2; done
client "$2"
kill "$pid"
wait "$pid" 2>/dev/null
exit 0
END
chmod +x "$T/with-smbd"
by_smb() { bounded 300 unshare -n "$T/with-smbd" "$T" "$1"; }
# Sorted, without the free space: both change with a session.
shown() { by_smb 'allinfo dos; allinfo folder; ls; ls folder\*; showacls; ls dos' | grep -v 'blocks of size' | LC_ALL=C sort; }

mount_disc -o commit=manual "$disc"
echo hello >"$T/hello"
by_smb 'put hello dos; setmode dos +rhs; mkdir folder; put hello folder\inside; setmode folder\inside +h; setmode folder +s; utimes dos 2001:02:03-04:05:06 -1 -1 -1' >"$T/made"
shown >"$T/before"
like 'Windows attributes' "$(<"$T/before")" 'attributes: RHS'
like 'those of what was there' "$(<"$T/before")" 'plain  *AHSR '
like 'the time of creation' "$(<"$T/before")" 'create_time: *Sat Feb  3 .*2001'
like 'permissions' "$(getfattr --absolute-names -d -m - "$share/dos")" 'security.NTACL='
ok 'a session' sync_disc
shown >"$T/burned"
same_listing 'after a session' "$T/before" "$T/burned"
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
shown >"$T/after"
same_listing 'after a mount' "$T/before" "$T/after"
by_smb 'setmode dos -rhs; setmode dos +a; del folder\inside' >"$T/made"
shown >"$T/before"
like 'changed above what is burned' "$(<"$T/before")" 'attributes: A '
ok 'a session' sync_disc
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
shown >"$T/after"
same_listing 'after a mount, read-only' "$T/before" "$T/after"
ok 'unmount' umount_disc
done_testing
