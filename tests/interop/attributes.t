#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# attributes.t - extended attributes and access control lists, ours and xorriso's, by turns on one disc; and what all
# other readers make of a disc with the largest of them
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
need getfattr setfattr getfacl setfacl xorriso bsdtar python3
seven=$(command -v 7zz || command -v 7z || command -v 7za)

# A line for each attribute, for each entry of a list: "PATH NAME=VALUE", of long ones the length and both ends
by_file() {
	awk '/^# file: / {file = substr($0, 9); sub(/^\.\//, "", file)}
		/^[a-z]+[.:]/ {print file, length($0) < 200 ? $0 : substr($0, 1, 40) " " length($0) " " substr($0, length($0) - 40)}' | sort
}
of_mount() { (cd "$1" && { getfattr -R -h -d -m '^(user|trusted|security)[.]' .; getfacl -R -n -E . 2>/dev/null; } | by_file); }
of_xorriso() { xorriso -xattr any -acl on -indev "$1" -getfattr_r / -- -getfacl_r / -- 2>/dev/null | by_file; }
same() { of_mount "$2" >"$T/ours"; of_xorriso "$3" >"$T/theirs"; same_listing "$1" "$T/ours" "$T/theirs"; }
has() { if grep -qxF -e "$2" "$T/ours"; then pass "$1"; else fail "$1" "$(cat "$T/ours")"; fi; }

# ---- a disc that xorriso began
disc=$T/xorriso.iso
mkdir -p tree/dir/deep
for file in file list dir/inner dir/deep/inmost none; do echo "$file" >"tree/$file"; done
long=$(printf 'long%.0s' {1..600})
acl=u::rw-,u:54321:rw-,g::r--,g:54322:r--,m::rw-,o::r--
ok 'xorriso begins a disc' xorriso -xattr on -acl on -md5 on -outdev "$disc" -map tree / \
	-setfattr user.of-root r / -- -setfattr user.one eins /file -- -setfattr user.long "$long" /file -- -setfattr user.inner i /dir/inner -- \
	-setfacl $acl /list -- -setfacl u::rwx,g::r-x,o::r-x /dir -- -setfacl d:u::rwx,d:u:54321:rwx,d:g::r-x,d:m::rwx,d:o::--- /dir --
mount_disc "$disc"
same 'the mount shows what xorriso recorded' "$mnt" "$disc"
has 'an attribute' 'file user.one="eins"'
grep -q '^file user.long="long.* 2412 .*long"$' "$T/ours"; is 'one of several areas' $? 0
has 'of the root' '. user.of-root="r"'
has 'a list' 'list user:54321:rw-'
has 'a default list' 'dir default:user:54321:rwx'
silent 'nothing else' getfattr -h -d -m - "$mnt/none"
touch "$mnt/none"
setfattr -n user.ours -v 1 "$mnt/dir/deep/inmost"
setfattr -n trusted.ours -v t "$mnt/dir/deep/inmost"
of_mount "$mnt" >"$T/before"
ok 'a session of ours above it' umount_disc
same_listing 'xorriso shows what it recorded, and ours' "$T/before" <(of_xorriso "$disc")
ok 'and one of xorriso' xorriso -xattr any -acl on -dev "$disc" -setfattr user.two zwei /dir/inner -- -setfacl $acl /none -- -map tree/file /new -commit
mount_disc "$disc"
same 'the mount shows the three of them' "$mnt" "$disc"
for line in 'file user.one="eins"' 'dir/deep/inmost user.ours="1"' 'dir/deep/inmost trusted.ours="t"' 'dir/inner user.inner="i"' 'dir/inner user.two="zwei"' \
	'none user:54321:rw-' 'list group:54322:r--' 'dir default:user:54321:rwx'; do
	has "${line:0:40}" "$line"
done
mv "$mnt/file" "$mnt/dir/moved"
setfattr -x user.one "$mnt/dir/moved"
setfacl -m u:54323:r "$mnt/list"
echo more >>"$mnt/dir/inner"
of_mount "$mnt" >"$T/before"
ok 'a fourth session' umount_disc
same_listing 'xorriso shows what changed, and what did not' "$T/before" <(of_xorriso "$disc")
mount_disc "$disc"
same_listing 'so do we' "$T/before" <(of_mount "$mnt")
umount_disc

# ---- as many as can be, for everybody
disc=$T/long.iso reference=$T/long
blank_disc "$disc"
mkdir "$reference"
make_odd_tree "$reference/tree" plain
mount_disc "$disc"
cp -a "$reference/tree" "$mnt"
find "$mnt/tree" -type f -print0 | sort -z | python3 -c '
import os, sys
for n, path in enumerate(sys.stdin.read().split("\0")[:-1]):
    os.setxattr(path, "user.a", b"a" * (n * 37 % 300))
    if n % 5 == 0:
        os.setxattr(path, "user.large", os.urandom(47000 if n % 15 == 0 else n * 50))
'
of_mount "$mnt" >"$T/before"
ok 'burn them' umount_disc
mount_disc "$disc"
same_listing 'all are there' "$T/before" <(of_mount "$mnt")
umount_disc
all=$(find "$reference" -printf x | wc -c)
is 'bsdtar lists all' "$(bsdtar tf "$disc" 2>&1 | wc -l)" "$all"
cmp_number '7z lists all files' "$("$seven" l -slt "$disc" | grep -c '^Folder = -')" -ge "$(find "$reference" -type f -printf x | wc -c)"
is 'xorriso lists all' "$(xorriso -indev "$disc" -find / 2>/dev/null | grep -c .)" "$all"
is 'isoinfo lists all' "$(isoinfo -R -f -i "$disc" 2>/dev/null | sort -u | grep -c .)" $((all - 1))
tree_digest "$reference" lTh >"$T/long.want"
if why=$(uml_missing); then skip 'Linux reads all' "$why"
else
	echo "long $disc - lTh" >"$T/jobs"
	ok 'the guest ran' in_uml "$TOP/tests/interop/uml-isofs" "$T/jobs"
	same_listing 'Linux reads all: no chain of areas is too long' "$T/long.want" "$T/long.isofs"
fi

# pycdlib knows no chains of areas at all; what many writers have, it reads.
if /usr/bin/python3 -c 'import pycdlib' 2>/dev/null; then
	extract=$TOP/tests/interop/pycdlib-extract
	fails 'pycdlib refuses a disc with more than an area holds' any "$extract" rr "$T/long.iso" "$T/out-long"
	like 'as it says' "$(<"$T/ok.output")" 'Only single CE'
	disc=$T/short.iso
	blank_disc "$disc"
	mount_disc "$disc"
	for n in {1..40}; do
		echo "$n" >"$mnt/some-name-$n"
		setfattr -n user.some -v "${long:0:n}" "$mnt/some-name-$n"
		setfacl -m "u:$((54000 + n)):rw" "$mnt/some-name-$n"
	done
	ok 'burn short ones' umount_disc
	ok 'pycdlib reads them' "$extract" rr "$disc" "$T/out-short"
	is 'all of them' "$(cat "$T/out-short/"* | sort -n | paste -sd' ')" "$(seq -s' ' 40)"
else
	skip 'pycdlib' 'no pycdlib'
fi
done_testing
