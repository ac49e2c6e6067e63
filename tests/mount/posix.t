#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# posix.t - ordinary POSIX behaviour over a blank disc, over a burned one, and what of it reaches the next session
. "$(dirname "$0")/../lib.sh"
need python3

# The checks themselves hold on this machine's own filesystem.
mkdir "$T/native"
for part in files names; do
	"$TOOLS/posix_$part" -p "$T/native"
	"$TOOLS/posix_$part" "$T/native" >"$T/native.tap" || fail "native $part" "$(grep -A1 '^not ok' "$T/native.tap")"
done

for base in blank burned; do
	disc=$T/$base.iso
	blank_disc "$disc"
	mount_disc -o media=dvd "$disc"	# what others do with the file system of the test does not show in df
	for part in files names; do ok "$base: prepare $part" "$TOOLS/posix_$part" -p "$mnt"; done
	if [[ $base == burned ]]; then
		ok "$base: the first session is burned" umount_disc
		mount_disc -o media=dvd "$disc"
	fi
	for part in files names; do relay "$base" "$TOOLS/posix_$part" "$mnt"; done
	tree_digest "$mnt" >"$T/before"
	ok "$base: commit" umount_disc
	mount_disc "$disc"
	tree_digest "$mnt" >"$T/after"
	same_listing "$base: all of it is on the disc" "$T/before" "$T/after"
	is "$base: nothing is staged" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
	ok "$base: unmount" umount_disc
done
# What is refused is refused as by any file system that does not have it; places on a disk are told nobody.  A rename
# with RENAME_WHITEOUT leaves a device 0:0.
disc=$T/refused.iso
blank_disc "$disc"
mount_disc "$disc"
printf 'some bytes' >"$mnt/file"
is 'O_TMPFILE, RENAME_WHITEOUT, FIEMAP and FIBMAP' "$(/usr/bin/python3 - "$mnt" <<'END'
import ctypes, errno, fcntl, os, struct, sys
os.chdir(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
def rename():
    if libc.renameat2(-100, b'file', -100, b'other', 4):
        raise OSError(ctypes.get_errno(), '')
f = os.open('file', os.O_RDWR)
for call in (lambda: os.open('.', os.O_TMPFILE | os.O_RDWR), rename,
             lambda: fcntl.ioctl(f, 0xc020660b, bytes(32 + 56 * 4)),
             lambda: struct.unpack('i', fcntl.ioctl(f, 1, struct.pack('i', 0)))[0]):
    try:
        print(call(), end=' ')
    except OSError as e:
        print(errno.errorcode[e.errno], end=' ')
END
)" 'ENOTSUP None ENOTSUP 0 '
is 'it was renamed' "$(cat "$mnt/other")" 'some bytes'
is 'and left a whiteout' "$(stat -c '%F %t:%T %a %h' "$mnt/file")" 'character special file 0:0 0 1'
ok 'a session' sync_disc
is 'which is on the disc' "$(stat -c '%F %t:%T %a' "$mnt/file") $(xorriso -indev "$disc" -lsl /file 2>/dev/null | cut -c1-10)" 'character special file 0:0 0 c---------'
ok 'unmounted' umount_disc
# Kernels differ in what they do with cached pages of a file that is written past the cache.
if why=$(uml_missing); then skip 'the same under another kernel' "$why"; else relay 'another kernel' in_uml "$TOP/tests/mount/older-kernel-guest"; fi
done_testing
