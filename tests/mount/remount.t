#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# remount.t - remount,ro and remount,rw by mount(8) and by its helper; what the mount says of access times is true
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
blank_disc "$disc"
mount_disc "$disc"
options() { findmnt -n -o OPTIONS -M "$mnt"; }
again() { "$BUILD/cdappendfs" -o "$1" "$disc" "$mnt"; }
echo staged >"$mnt/file"
like 'access times are not kept, and the mount says so' ",$(options)," ',noatime,'
was=$(stat -c %X "$mnt/file")
sleep 1.1
cat "$mnt/file" >/dev/null
is 'reading changes none' "$(stat -c %X "$mnt/file")" "$was"
ok 'setting one does' touch -a -d 2001-02-03 "$mnt/file"
is 'and it is kept' "$(stat -c %x "$mnt/file" | cut -c -10)" 2001-02-03

fails 'a place where nothing is mounted' 1 "$BUILD/cdappendfs" -o remount,ro "$disc" "$T"
like 'and says so' "$(<"$T/ok.output")" 'nothing of cdappendfs is mounted there'
if ((EUID != 0)); then
	fails 'not by others than root' 1 again remount,ro
	like 'and says what to do' "$(<"$T/ok.output")" 'only root can remount; unmount it'
	ok 'unmount' umount_disc
	done_testing
fi

exec 8>"$mnt/held"
fails 'a file is open for writing' 1 again remount,ro
like 'and that is said' "$(<"$T/ok.output")" 'files are open for writing'
exec 8>&-
before=$(options)
ok 'remount,ro' again rw,nosuid,nodev,relatime,user_id=0,group_id=0,remount,ro
like 'is read-only' ",$(options)," ',ro,'
is 'all else stays' "$(options | tr , '\n' | grep -vx 'r[ow]')" "$(tr , '\n' <<<"$before" | grep -vx 'r[ow]')"
fails 'nothing is written' any touch "$mnt/other"
like 'for that reason' "$(<"$T/ok.output")" 'Read-only file system'
is 'what is staged is read' "$(cat "$mnt/file")" staged
ok 'and burned' sync_disc
ok 'remount,rw' again remount,rw
ok 'is writable again' touch "$mnt/other"
# As mount(8) calls it.
helper() { mount.fuse3 "$disc" "$mnt" -t "fuse.$BUILD/cdappendfs" -o "rw,nosuid,nodev,noatime,user_id=0,group_id=0,max_read=524288,remount,$1"; }
if command -v mount.fuse3 >/dev/null; then
	ok 'by the helper of mount(8): remount,ro' helper ro
	like 'is read-only' ",$(options)," ',ro,'
	ok 'by the helper of mount(8): remount,rw' helper rw
	ok 'is writable' touch "$mnt/third"
else
	skip 'by the helper of mount(8)' 'no mount.fuse3'
fi
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
fails 'what was mounted read-only does not become writable' 1 again remount,rw
like 'and says what to do' "$(<"$T/ok.output")" 'unmount it, and mount it again without ro'
like 'stays as it is' ",$(options)," ',ro,'
ok 'remount,ro changes nothing' again remount,ro
ok 'unmount' umount_disc
done_testing
