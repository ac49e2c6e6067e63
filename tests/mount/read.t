#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# read.t - discs that other programs made: all that is on them is shown, and nothing is read before it is asked for
. "$(dirname "$0")/../lib.sh"

make_odd_tree "$T/odd" special
make_odd_tree "$T/plain" plain
# genisoimage loops for ever on a target of 790 bytes: it gets one of 600, xorriso one of 800 besides.
ln -sfn "$(printf 'component/%.0s' {1..60})end" "$T/odd/long link"
# compare NAME LEFT_OUT SOURCE DISC: the mount's listing equals the source's
compare() {
	mount_disc -o ro "$4"
	tree_digest "$3" "$2" | grep -v '^rr_moved' >"$T/want"
	tree_digest "$mnt" "$2" | grep -v '^rr_moved' >"$T/got"
	same_listing "$1" "$T/want" "$T/got"
	ok "$1: unmount" umount_disc
}

genisoimage -quiet -R -o "$T/rr.iso" "$T/odd" 2>/dev/null
compare 'genisoimage -R, relocated deep directories, continuation areas' lT "$T/odd" "$T/rr.iso"
genisoimage -quiet -R -J -joliet-long -D -o "$T/rrj.iso" "$T/plain" 2>/dev/null
compare 'genisoimage -R -J -D' l "$T/plain" "$T/rrj.iso"
genisoimage -quiet -r -cache-inodes -o "$T/links.iso" "$T/odd" 2>/dev/null
compare 'genisoimage -r' lomT "$T/odd" "$T/links.iso"
ln -s "$(printf 'component/%.0s' {1..80})end" "$T/odd/longer link"
xorriso -outdev "$T/xorriso.iso" -map "$T/odd" / -commit >"$T/out" 2>&1 || note "$(tail -n 3 "$T/out")"
compare 'xorriso' l "$T/odd" "$T/xorriso.iso"
xorriso -hardlinks on -outdev "$T/xorriso-h.iso" -map "$T/odd" / -commit >"$T/out" 2>&1
compare 'xorriso -hardlinks on' n "$T/odd" "$T/xorriso-h.iso"

# ---- sessions of xorriso in a file
mkdir "$T/more"
noise 100000 1 >"$T/more/added"
xorriso -dev "$T/xorriso.iso" -map "$T/more" /more -rm_r '/a dir with spaces' -- -commit >"$T/out" 2>&1
mount_disc -o ro "$T/xorriso.iso"
same_file 'a file of the second session' "$T/more/added" "$mnt/more/added"
same_file 'a file of the first one' "$T/odd/data.tar.gz" "$mnt/data.tar.gz"
ok 'what was removed is gone' test ! -e "$mnt/a dir with spaces"
is 'two sessions are listed' "$(info_json 'scalar @{$_->{sessions}}' "$T/xorriso.iso")" 2
ok 'unmount' umount_disc
mount_disc -o session=1 "$T/xorriso.iso"
tree_digest "$T/odd" l >"$T/want"
tree_digest "$mnt" l >"$T/got"
same_listing 'session=1 is as it was' "$T/want" "$T/got"
ok 'unmount' umount_disc

# ---- the same as the one track of a CD
printf 'FILE "xorriso.iso" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\n' >"$T/xorriso.cue"
is 'cue: two sessions are listed' "$(info_json 'scalar @{$_->{sessions}}' "$T/xorriso.cue")" 2
mount_disc "$T/xorriso.cue"
same_file 'cue: the second session' "$T/more/added" "$mnt/more/added"
ok 'unmount' umount_disc
mount_disc -o session=1 "$T/xorriso.cue"
tree_digest "$mnt" l >"$T/got"
same_listing 'cue: session=1 is as it was' "$T/want" "$T/got"
ok 'unmount' umount_disc
blank_disc "$T/ours.iso"
for i in 1 2 3; do
	mount_disc "$T/ours.iso"
	echo "$i" >"$mnt/$i"
	ok "session $i of ours" umount_disc
done
sed 's/xorriso/ours/' "$T/xorriso.cue" >"$T/ours.cue"
is 'ours: each is found by Linux too' "$(info_json 'join " ", map {$_->{sbsector}} @{$_->{sessions}}' "$T/ours.cue")" '24 56 88'
mount_disc -o session=2 "$T/ours.cue"
is 'ours: the second' "$(cd "$mnt" && echo ?)" '1 2'
ok 'unmount' umount_disc

# ---- sessions of mkisofs -M in a file, as growisofs makes them
# (genisoimage -M cannot read back its own continuation areas and relocated directories.)
genisoimage -quiet -R -D -o "$T/grown.iso" "$T/plain" 2>/dev/null
truncate -s %32K "$T/grown.iso"
start=$(($(apparent_size "$T/grown.iso") / 2048))
# With the old head at 0 mkisofs reads the tree; the new session goes to its end and its descriptors to LBA 16.
if genisoimage -quiet -R -D -graft-points -C "0,$start" -M "$T/grown.iso" -o "$T/second" more="$T/more" 2>"$T/out"; then
	cat "$T/second" >>"$T/grown.iso"
	dd if="$T/second" of="$T/grown.iso" bs=2048 skip=16 seek=16 count=16 conv=notrunc status=none
	mount_disc -o ro "$T/grown.iso"
	same_file 'growisofs style: new file' "$T/more/added" "$mnt/more/added"
	same_file 'growisofs style: old file' "$T/plain/data.tar.gz" "$mnt/data.tar.gz"
	tree_digest "$T/plain" lT >"$T/want"
	tree_digest "$mnt" lT | grep -v '^more' >"$T/got"
	same_listing 'growisofs style: all that was there' "$T/want" "$T/got"
	ok 'unmount' umount_disc
else
	fail 'genisoimage -M' "$(cat "$T/out")"
fi

# ---- no Rock Ridge
genisoimage -quiet -J -joliet-long -o "$T/joliet.iso" "$T/more" "$T/plain/a dir with spaces" 2>/dev/null
mount_disc -o ro "$T/joliet.iso"
same_file 'Joliet only: content' "$T/more/added" "$mnt/added"
ok 'Joliet only: names' test -e "$mnt/.hidden/..dots"
ok 'unmount' umount_disc
mkdir -p "$T/iso9660/Sub"
noise 5000 2 >"$T/iso9660/Sub/File.Txt"
genisoimage -quiet -o "$T/iso9660.iso" "$T/iso9660" 2>/dev/null
mount_disc -o ro "$T/iso9660.iso"
same_file 'plain ISO 9660: lower case, no version' "$T/iso9660/Sub/File.Txt" "$mnt/sub/file.txt"
ok 'unmount' umount_disc

# ---- listings of a read-only mount: the kernel opens directories by itself, keeps what it was told, and goes on anywhere
mkdir -p "$T/listed/large"
(cd "$T/listed/large" && seq -f 'a file of a large directory, number %05.0f' 4000 | xargs -d '\n' touch)
for n in {1..40}; do mkdir "$T/listed/$n"; echo "$n" >"$T/listed/$n/file"; done
genisoimage -quiet -R -J -joliet-long -o "$T/listed.iso" "$T/listed" 2>/dev/null
mount_disc -o ro,debug "$T/listed.iso"
for again in '' ', again'; do
	tree_digest "$T/listed" lT >"$T/want"
	tree_digest "$mnt" lT | grep -v '^rr_moved' >"$T/got"
	same_listing "directories of a read-only mount$again" "$T/want" "$T/got"
done
opened=$(grep -c 'opcode: OPENDIR' "$log")
ok 'they are opened without a request' test "$opened" -lt 5
# Half of it, then the kernel forgets; the rest; and the second half once more from where it was.
cat >"$T/halves" <<'END'
opendir(my $d, shift) or die; my (@first, @rest, @again);
push @first, scalar readdir $d for 1 .. 2000;
my $place = telldir $d;
system @ARGV;
@rest = readdir $d;
system @ARGV;
seekdir $d, $place;
@again = readdir $d;
my %seen; $seen{$_}++ for @first, @rest;
print scalar(keys %seen), " ", scalar(grep { $_ != 1 } values %seen), " ", "@rest" eq "@again" ? "same" : "other", "\n";
END
drop_caches
is 'a listing goes on where it was' "$(perl "$T/halves" "$mnt/large" true)" '4002 0 same'
is 'also when the kernel forgot it' "$(perl "$T/halves" "$mnt/large" sh -c 'echo 3 >/proc/sys/vm/drop_caches' 2>/dev/null)" '4002 0 same'
ok 'sync of a read-only mount' sync "$mnt"
ok 'unmount' umount_disc
mount_disc "$T/listed.iso"
is 'of a writable one, too' "$(perl "$T/halves" "$mnt/large" sh -c 'echo 3 >/proc/sys/vm/drop_caches' 2>/dev/null)" '4002 0 same'
ok 'unmount' umount_disc

# ---- zisofs
if command -v mkzftree >/dev/null; then
	mkdir "$T/z"
	cat /usr/share/common-licenses/* 2>/dev/null >"$T/z/text"
	noise 200000 3 >"$T/z/noise"
	truncate -s 1000000 "$T/z/zeros"
	: >"$T/z/empty"
	mkzftree "$T/z" "$T/z.compressed"
	genisoimage -quiet -R -z -o "$T/zisofs.iso" "$T/z.compressed" 2>/dev/null
	mount_disc "$T/zisofs.iso"
	tree_digest "$T/z" lT >"$T/want"
	tree_digest "$mnt" lT >"$T/got"
	same_listing 'zisofs: decompressed' "$T/want" "$T/got"
	printf tail >>"$mnt/text"
	ok 'zisofs: append and burn' umount_disc
	mount_disc -o ro "$T/zisofs.iso"
	ok 'zisofs: content after it' cmp <(cat "$T/z/text"; printf tail) "$mnt/text"
	same_file 'zisofs: an unchanged file after it' "$T/z/noise" "$mnt/noise"
	ok 'unmount' umount_disc
else
	skip 'zisofs' 'no mkzftree'
fi

# ---- larger than 4 GiB
mkdir "$T/big"
truncate -s 4300M "$T/big/huge"
printf end | dd of="$T/big/huge" bs=1 seek=4508876797 conv=notrunc status=none
printf boundary | dd of="$T/big/huge" bs=1 seek=4294965244 conv=notrunc status=none
xorriso -as mkisofs -quiet -iso-level 3 -R -o "$T/huge.iso" "$T/big" >/dev/null 2>&1
mount_disc -o ro "$T/huge.iso"
is 'multi-extent: size' "$(apparent_size "$mnt/huge")" 4508876800
is 'multi-extent: end' "$(tail -c 3 "$mnt/huge")" end
is 'multi-extent: across the boundary' "$(dd if="$mnt/huge" bs=1 skip=4294965244 count=8 status=none)" boundary
is 'multi-extent: listed once' "$(find "$mnt" -type f | wc -l)" 1
ok 'unmount' umount_disc
rm -f "$T/huge.iso" "$T/big/huge"

# ---- what Rock Ridge says of a mount made by root
mount_disc "$T/rr.iso"
ok 'a foreign disc takes a write' sh -c "echo new >'$mnt/new file'"
ok 'and a session' umount_disc
mount_disc -o ro "$T/rr.iso"
is 'which is there' "$(cat "$mnt/new file")" new
rm "$T/odd/longer link"
tree_digest "$T/odd" lT | grep -v '^rr_moved' >"$T/want"
tree_digest "$mnt" lT | grep -Ev '^(rr_moved|new\\040file)' >"$T/got"
same_listing 'next to all that was there' "$T/want" "$T/got"
ok 'unmount' umount_disc
# ---- large reads: taken from the image as they are, and put together where a file lies in several places
mkdir "$T/large"
noise 9000001 3 >"$T/large/file"
xorriso -outdev "$T/large.iso" -map "$T/large" / -commit >"$T/out" 2>&1
mount_disc -o commit=manual "$T/large.iso"
same_file 'a large file' "$T/large/file" "$mnt/file"
for where in 3000000 5242880 8999000; do
	noise 5000 "$where" | dd of="$T/large/file" bs=1 seek="$where" conv=notrunc status=none
	noise 5000 "$where" | dd of="$mnt/file" bs=5000 oflag=seek_bytes seek="$where" conv=notrunc status=none
done
ok 'unmount' umount_disc
mount_disc -o commit=manual "$T/large.iso"
same_file 'changed in three places' "$T/large/file" "$mnt/file"
ok 'discard' "$BUILD/cdappendfs-sync" --discard "$mnt"
ok 'unmount' umount_disc
noise 9000001 3 >"$T/large/file"
mount_disc -o ro "$T/large.iso"
exec 5<"$mnt/file"
drop_caches
same_file 'read-only: an open file outlasts what the kernel forgets' "$T/large/file" /dev/fd/5
is 'read-only: its only hole is at its end' "$(perl -e 'print sysseek STDIN, 5, 4' <"$mnt/file")" 9000001
is 'read-only: and all of it is data' "$(perl -e 'print sysseek STDIN, 5, 3' <"$mnt/file")" 5
exec 5<&-
drop_caches
truncate -s 5000000 "$T/large.iso"
ok 'of an image that is cut while it is mounted, what is left is read' cmp -n 4000000 "$T/large/file" "$mnt/file"
fails 'and the rest is an error' any cat "$mnt/file"
ok 'unmount' umount_disc
done_testing
