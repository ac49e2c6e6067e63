#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# handles.t - file handles stay good when the kernel forgets, over changes, commits and mounts; of what is gone they
# are stale
. "$(dirname "$0")/../lib.sh"

((EUID == 0)) && echo 2 2>/dev/null >/proc/sys/vm/drop_caches || skip_all 'opening by handle and dropping caches need root'
disc=$T/disc.iso
ESTALE=116 # of Linux, but for MIPS and a few
# same NAME: what was taken opens now as it did then
opened() { echo 2 >/proc/sys/vm/drop_caches; "$TOOLS/handles" open "$T/handles" "$mnt"; }
same() { is "$1" "$(opened)" "$(<"$T/opened")"; }
# take PATH…: their handles, and what they open while the kernel knows them
take() {
	(cd "$mnt" && "$TOOLS/handles" take "$T/handles" "$@") && "$TOOLS/handles" open "$T/handles" "$mnt" >"$T/opened"
}

for kind in ours foreign; do
	rm -rf "$T/source" "$disc"
	mkdir -p "$T/source/dir/deep/deeper/deepest" "$T/source/empty"
	for f in a dir/b dir/deep/deeper/deepest/c; do echo "$f" >"$T/source/$f"; done
	ln "$T/source/a" "$T/source/dir/other name"
	ln -s a "$T/source/link"
	for i in {1..300}; do echo "many $i" >"$T/source/dir/deep/many $i"; done
	if [[ $kind == foreign ]]; then genisoimage -quiet -R -o "$disc" "$T/source" 2>/dev/null; else blank_disc "$disc"; fi
	mount_disc "$disc"
	if [[ $kind == ours ]]; then cp -a "$T/source/." "$mnt/"; fi
	paths=(a dir/b dir/deep/deeper/deepest/c 'dir/other name' link dir dir/deep/deeper/deepest empty . 'dir/deep/many 77')
	take "${paths[@]}"
	like "$kind: a handle opens what it is of" "$(sed -n 3p "$T/opened")" ' f dir/deep/deeper/deepest/c$'
	same "$kind: forgotten"
	if [[ $kind == ours ]]; then ok "$kind: burned" sync_disc; same "$kind: over a commit"; fi
	ok "$kind: unmount" umount_disc
	mount_disc "$disc"
	same "$kind: over a mount, nothing looked up before"
	# Changes of the names, or above them.
	mv "$mnt/dir/deep" "$mnt/empty/moved"
	mv "$mnt/dir/b" "$mnt/b of another name"
	rm "$mnt/a"
	echo more >>"$mnt/empty/moved/many 77"
	rm "$mnt/link"
	take_back=$(opened)
	like "$kind: renamed" "$(sed -n 2p <<<"$take_back")" ' f dir/b$'
	like "$kind: below a directory that was moved" "$(sed -n 3p <<<"$take_back")" ' f dir/deep/deeper/deepest/c$'
	like "$kind: its other name is there" "$(sed -n 4p <<<"$take_back")" ' f a$'
	is "$kind: of several names, one removed" "$(sed -n 1p <<<"$take_back")" "$(sed -n 1p "$T/opened")"
	is "$kind: removed" "$(sed -n 5p <<<"$take_back")" "5 $ESTALE"
	is "$kind: a directory" "$(sed -n 6p <<<"$take_back")" "$(sed -n 6p "$T/opened")"
	rm "$mnt/dir/other name"
	is "$kind: of several names, all removed" "$(opened | sed -n '1p;4p' | xargs)" "1 $ESTALE 4 $ESTALE"
	take_back=$(opened)
	ok "$kind: the changes are burned" sync_disc
	is "$kind: over that commit" "$(opened)" "$take_back"
	rm -r "$mnt/empty/moved"
	like "$kind: a removed tree" "$(opened | sed -n '3p;7p;10p' | xargs)" "^3 $ESTALE 7 $ESTALE 10 $ESTALE$"
	"$BUILD/cdappendfs-sync" --discard "$mnt" >/dev/null
	is "$kind: and back by a discard" "$(opened)" "$take_back"
	ok "$kind: unmount" umount_disc
	mount_disc -o ro "$disc"
	is "$kind: read-only, another mount" "$(opened)" "$take_back"
	ok "$kind: unmount" umount_disc
done

# The kernel's NFS server keeps handles and nothing else.
if why=$(uml_missing); then skip 'exported by NFS' "$why"
elif ! compgen -G '/usr/lib/uml/modules/*/kernel/fs/nfsd/nfsd.ko' >/dev/null; then skip 'exported by NFS' 'no nfsd for user-mode-linux'
else relay 'exported by NFS' in_uml -m nfsd -m nfsv4 "$TOP/tests/mount/nfs-guest"; fi
done_testing
