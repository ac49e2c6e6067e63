#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# overlay.t - Linux' overlay with a mount as its upper directory: it needs extended attributes, types in listings and
# RENAME_WHITEOUT; what it shows is what a plain directory has, also over sessions and mounts
#
# Of a file with several names Linux asks again for the one by which it came to it: when that is removed, the others are
# "Stale file handle" until the overlay is mounted anew.  So of those none is removed here.
. "$(dirname "$0")/../lib.sh"
need getfattr
((EUID == 0)) || skip_all 'not root'

disc=$T/disc.iso lower=$T/lower merged=$T/merged plain=$T/plain
listing() { (cd "$1" && find . -mindepth 1 -printf '%y %m %n %s %P %l\n' | sed 's/^\(d [0-7]*\) [0-9]* [0-9]*/\1/' | LC_ALL=C sort; find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum); }
show() { listing "$merged" >"$T/got"; listing "$plain" >"$T/want"; same_listing "$1" "$T/want" "$T/got"; }
both() { (cd "$merged" && "$@") && (cd "$plain" && "$@"); }
lay() { mount -t overlay overlay -o "lowerdir=$lower,upperdir=$mnt/upper,workdir=$mnt/work" "$merged"; }

mkdir -p "$lower/directory/below" "$merged" "$T/upper" "$T/work"
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$T/upper,workdir=$T/work" "$merged" 2>/dev/null || skip_all 'no overlay here'
umount "$merged"
for name in removed changed moved directory/one directory/two directory/below/three; do noise 5000 ${#name} >"$lower/$name"; done
ln -s moved "$lower/link"
cp -a "$lower" "$plain"
change() {
	rm removed &&
		echo more >>changed &&
		mv moved directory/moved &&
		rm -r directory/below &&
		mkdir directory/below && echo new >directory/below/new &&
		chmod 600 directory/one &&
		ln directory/two directory/linked
}
again() {
	mv directory/moved moved &&
		rm directory/one directory/below/new &&
		mkdir removed && echo inside >removed/inside &&
		mv changed elsewhere
}
blank_disc "$disc"
mount_disc -o commit=manual "$disc"
mkdir "$mnt/upper" "$mnt/work"
ok 'an overlay above it' lay
ok 'changes' both change
show 'the same as in a directory'
like 'what is gone is a device 0:0' "$(stat -c '%F %t:%T' "$mnt/upper/removed")" '^character special file 0:0$'
ok 'overlay unmounted' umount "$merged"
ok 'a session' sync_disc
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
ok 'an overlay above what is burned' lay
show 'the same after a mount'
ok 'a session below it' sync_disc
ok 'changes of what is burned' both again
show 'the same as in a directory'
ok 'overlay unmounted' umount "$merged"
ok 'a session' sync_disc
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
ok 'an overlay once more' lay
show 'the same after a mount'
ok 'overlay unmounted' umount "$merged"
ok 'unmount' umount_disc
done_testing
