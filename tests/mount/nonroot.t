#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# nonroot.t - an ordinary user and a disc of root, under a kernel of its own where /dev/fuse may be opened by everyone
. "$(dirname "$0")/../lib.sh"
need_uml
for tool in setfattr setfacl; do command -v $tool >/dev/null || skip_all "no $tool"; done

mkdir -p "$T/in/tree/sub dir" "$T/disc/sub"
printf 'of root\n' >"$T/disc/sub/file"
printf 'second\n' >"$T/disc/sub/second"
printf 'mine\n' >"$T/in/tree/file"
noise 100000 1 >"$T/in/tree/sub dir/noise"
chmod 0444 "$T/in/tree/sub dir/noise"
touch -d '2003-03-03 03:03:03' "$T/in/tree/file"
genisoimage -quiet -r -J -o "$T/in/disc.iso" "$T/disc" 2>/dev/null
# What root may put on a disc
mkdir "$T/special"
cp "$(command -v id)" "$T/special/id"
chmod 6755 "$T/special/id"
if mknod "$T/special/null" c 1 3; then chmod 666 "$T/special/null"; fi
xorriso -outdev "$T/in/special.iso" -map "$T/special" / -chown_r 0 / -- -commit >/dev/null 2>&1
chmod 755 "$T"
relay user in_uml "$TOP/tests/mount/uml-nonroot" /mnt/user "$TOP/tests/mount/nonroot-guest"
done_testing
