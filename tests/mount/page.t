#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# page.t - a disc as a page: each session's tree in it is that which xorriso extracts; names that look like markup are
# none; what cannot be read is marked
. "$(dirname "$0")/../lib.sh"
need python3 xorriso genisoimage

disc=$T/disc.iso
mount_disc -o create,commit=manual "$disc"
mkdir -p "$mnt/a/deep" "$mnt/empty"
for name in plain '<script>alert(1)<' '"&<>\' $'new\nline' $'not \xff UTF-8' 'ünï' '{"k":"f"}'; do
	echo "$name" >"$mnt/a/$name"
done
ln -s plain "$mnt/a/link"
mkfifo "$mnt/a/fifo"
echo old >"$mnt/a/deep/file"
mkdir "$mnt/same" && cp -a "$mnt/a" "$mnt/same/"
ok 'the first session' "$BUILD/cdappendfs-sync" -q -m 'with </script> in it' "$mnt"
echo newer and longer >"$mnt/a/deep/file"
rm "$mnt/a/plain"
ok 'the second' sync_disc
mv "$mnt/same" "$mnt/moved"
ok 'the third' sync_disc
ok 'a page' "$BUILD/cdappendfs-info" --html "$T/page.html" "$mnt"

# ---- in it is what others read
cat >"$T/tree.py" <<'END'
import os, stat, sys
top = sys.argv[1]
kinds = {stat.S_IFREG: 'f', stat.S_IFDIR: 'd', stat.S_IFLNK: 'l', stat.S_IFIFO: 'p'}
lines = []
for where, dirs, files in os.walk(top):
	for name in dirs + files:
		path = os.path.join(where, name)
		st = os.lstat(path)
		kind = kinds[stat.S_IFMT(st.st_mode)]
		lines.append('%s %s %s %d' % (ascii(path[len(top):]), kind, st.st_size if kind == 'f' else '-', 0 if kind == 'l' else st.st_mtime))	# xorriso sets no times of links
print('\n'.join(sorted(lines)))
END
for n in 1 2 3; do
	xorriso -osirrox on -load session "$n" -indev "$disc" -extract / "$T/tree$n" >"$T/xorriso.log" 2>&1 || fail 'xorriso' "$(tail -n 5 "$T/xorriso.log")"
	python3 "$T/tree.py" "$T/tree$n" >"$T/want"
	"$TOP/tests/mount/page.py" "$T/page.html" "$n" >"$T/got"
	same_listing "session $n is as xorriso extracts it" "$T/want" "$T/got"
	chmod -R u+w "$T/tree$n"
done
is 'its sessions, with messages' "$("$TOP/tests/mount/page.py" "$T/page.html" sessions | paste -sd'|')" \
	'1 CDAPPENDFS with </script> in it|2 CDAPPENDFS |3 CDAPPENDFS '
# /, /a, /a/deep, /same (in which a is as in /) and the empty one of the first; the changed /, /a, /a/deep of the second; / of the third
is 'what sessions have in common is in it once' "$("$TOP/tests/mount/page.py" "$T/page.html" directories)" 9
is 'no name ends an element' "$(grep -o '<script' "$T/page.html" | wc -l) $(grep -o '</script' "$T/page.html" | wc -l)" '2 2'
fails 'nothing outside of it is asked for' 1 grep -Eiq '(src|href) *= *"?(https?:|//)|@import|url\((https?:|//)' "$T/page.html"
ok 'unmount' umount_disc
ok 'of the disc itself' "$BUILD/cdappendfs-info" --html "$T/plain.html" "$disc"
"$TOP/tests/mount/page.py" "$T/plain.html" 3 >"$T/got"
same_listing 'the same tree' "$T/want" "$T/got"
fails 'what is there is not written over' 1 "$BUILD/cdappendfs-info" --html "$T/plain.html" "$disc"
fails 'no picture beside it' 2 "$BUILD/cdappendfs-info" --html - --svg - "$disc"
fails 'standard output must take it' 1 eval "'$BUILD/cdappendfs-info' --html - '$disc' >/dev/full"
# A file system of two blocks, of this command alone.
cat >"$T/full.sh" <<'END'
mount -t tmpfs -o size=8k small "$1" && cd "$1" || exit 9
"$2" --html page.html "$3"
status=$?
ls
exit "$status"
END
mkdir "$T/small"
fails 'a full disk takes no page' 1 unshare --mount bash "$T/full.sh" "$T/small" "$BUILD/cdappendfs-info" "$disc"
is 'why, and nothing is left of it' "$(<"$T/ok.output")" \
	'cdappendfs-info: page.html: it cannot be written: No space left on device'

# ---- of another program; of none
mkdir -p "$T/foreign/x"
echo foreign >"$T/foreign/x/file"
genisoimage -quiet -R -V FOREIGN -o "$T/foreign.iso" "$T/foreign"
ok 'of another program' "$BUILD/cdappendfs-info" --html "$T/foreign.html" "$T/foreign.iso"
python3 "$T/tree.py" "$T/foreign" >"$T/want"
"$TOP/tests/mount/page.py" "$T/foreign.html" 1 >"$T/got"
same_listing 'its tree' "$T/want" "$T/got"
blank_disc "$T/blank.iso"
ok 'of a blank disc' "$BUILD/cdappendfs-info" --html "$T/blank.html" "$T/blank.iso"
silent 'without sessions' "$TOP/tests/mount/page.py" "$T/blank.html" sessions

# ---- damaged: where a directory lies an error of the disc
lba=$(isoinfo -i "$disc" -N 0 -lR 2>/dev/null | awk '/^Directory listing of/ {dir = $4} dir ~ /^\/moved\/a\/?$/ && / deep *$/ {gsub(/[][]/, " "); print $(NF - 2)}' | head -n 1)
[[ $lba ]] || fail 'the place of a directory' "$(isoinfo -i "$disc" -lR | head -n 40)"
cp "$disc" "$T/damaged.iso"
head -c 2048 /dev/zero | tr '\0' '\377' | dd of="$T/damaged.iso" bs=2048 seek="$lba" conv=notrunc status=none
fails 'a damaged directory is told' 1 "$BUILD/cdappendfs-info" --html "$T/damaged.html" "$T/damaged.iso"
like 'how many' "$(<"$T/ok.output")" 'the page is not complete: [1-9][0-9]* director'
"$TOP/tests/mount/page.py" "$T/damaged.html" 3 >"$T/got"
like 'marked in the page' "$(grep 'moved/a/deep' "$T/got")" "/moved/a/deep' cut"
like 'all else is in it' "$(<"$T/got")" "/a/deep/file' f 17 "
# A directory that is in itself: the record of deep is given the place of the directory that it is in.
cat >"$T/circle.py" <<'END'
import struct, sys
both = lambda n: struct.pack('<I', n) + struct.pack('>I', n)
with open(sys.argv[1], 'r+b') as disc:
	data = disc.read()
	child, bytes_of = int(sys.argv[2]), 2048
	at = data.index(both(child) + both(bytes_of), 32 * 2048)
	while data[at - 2] < 34 or data[at + 31:at + 35] != b'DEEP':	# identifier of its record, in the primary tree
		at = data.index(both(child) + both(bytes_of), at + 1)
	disc.seek(at)
	disc.write(both(at // 2048))
END
cp "$disc" "$T/circle.iso"
ok 'a directory that is in itself' python3 "$T/circle.py" "$T/circle.iso" "$lba"
fails 'is told' 1 bounded 60 "$BUILD/cdappendfs-info" --html "$T/circle.html" "$T/circle.iso"
like 'as what cannot be read' "$(<"$T/ok.output")" 'the page is not complete: [1-9][0-9]* director'
done_testing
