#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# beside.t - discs of which other programs made part: which names are one file, and what only a tree beside the shown
# one names
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
stage_of_own() { rm -rf "$T/stage"; }
# inos PATH…: their inode numbers in one word, the first one 1, the next new one 2, …
inos() { (cd "$mnt" && stat -c %i "$@") | awk '!($1 in n) {n[$1] = ++k} {printf "%d", n[$1]}'; }
first() { head -c "${2:-4}" "$mnt/$1"; }

# ---- two copies of a linked pair: two files, whoever appended
mkdir -p "$T/src/p"
head -c 5000 /dev/zero | tr '\0' q >"$T/src/p/a"
: >"$T/src/p/empty"
ln "$T/src/p/a" "$T/src/p/b"
ln "$T/src/p/empty" "$T/src/p/void"
ln -s a "$T/src/p/s"
ln -P "$T/src/p/s" "$T/src/p/t"
mkfifo "$T/src/p/fifo"
ln "$T/src/p/fifo" "$T/src/p/pipe"
echo x >"$T/other"
mount_disc -o create,media=cd74 "$disc"
for i in 1 2 3; do cp -a "$T/src/p" "$mnt/backup$i"; done
chmod 600 "$mnt/backup2/a"
ok 'three copies of a linked pair' umount_disc
mount_disc "$disc"
is 'in our session each copy is linked' "$(inos backup{1,2,3}/{a,b})" 112233
ok 'unmount' umount_disc
for maker in growisofs 'growisofs without Joliet' 'xorriso -hardlinks on' 'xorriso new_rr' xorriso; do
	stage_of_own
	cp "$disc" "$T/appended.iso"
	case $maker in
	growisofs) growisofs -M "$T/appended.iso" -R -J -quiet -graft-points added="$T/other" ;;
	growisofs*) growisofs -M "$T/appended.iso" -R -quiet -graft-points added="$T/other" ;;
	xorriso) xorriso -dev "$T/appended.iso" -map "$T/other" /added -commit ;;
	*new_rr) xorriso -compliance new_rr -hardlinks on -dev "$T/appended.iso" -map "$T/other" /added -commit ;;
	*) xorriso -hardlinks on -dev "$T/appended.iso" -map "$T/other" /added -commit ;;
	esac >"$T/out" 2>&1 || note "$(tail -n 3 "$T/out")"
	mount_disc "$T/appended.iso"
	if [[ $maker == xorriso ]]; then want=123456; else want=112233; fi
	is "$maker: who is linked with whom" "$(inos backup{1,2,3}/{a,b})" $want
	is "$maker: of what has no content nobody is" "$(inos backup1/{empty,void,s,t,fifo,pipe})" 123456
	echo changed >"$mnt/backup2/a"
	rm "$mnt/backup3/a"
	chmod 640 "$mnt/backup3/b"
	for when in 'before the burn' 'after it'; do
		is "$maker: $when: the other copies are untouched" "$(first backup1/a)$(first backup1/b)$(first backup3/b)" qqqqqqqqqqqq
		is "$maker: $when: and their modes" "$(stat -c %a "$mnt"/backup1/[ab] "$mnt/backup3/b" | tr '\n' ' ')" '644 644 640 '
		is "$maker: $when: links of the last name" "$(stat -c %h "$mnt/backup3/b")" 1
		if [[ $maker == xorriso ]]; then want=qqqq; else want=chan; fi
		is "$maker: $when: the changed one's other name" "$(first backup2/a)$(first backup2/b)" chan$want
		[[ $when == before* ]] || continue
		ok "$maker: our session" umount_disc
		mount_disc "$T/appended.iso"
	done
	ok "$maker: unmount" umount_disc
	is "$maker: isoinfo reads the same" "$(for f in backup1/a backup2/a backup3/b; do isoinfo -R -i "$T/appended.iso" -x "/$f" 2>/dev/null | head -c 4; done)" qqqqchanqqqq
done

# ---- what only another tree names is not lost without a word
rm -rf "$T/src"
mkdir -p "$T/src/d"
for name in both windows.txt unix.txt d/fork; do echo "$name" >"$T/src/$name"; done
# refused NAME PATTERN ACCEPT: a session is made only when it was accepted; until then image and stage stay
refused() {
	local before status=0
	stage_of_own
	before=$(sha256sum <"$disc")
	mount_disc "$disc"
	echo n >"$mnt/new"
	"$BUILD/cdappendfs-sync" --dry-run "$mnt" >"$T/dry" 2>&1 || status=$?
	like "$1: a dry run says so" "$status $(<"$T/dry")" "^1 .*$2.*-o accept=$3 "
	fails "$1: a sync makes no session" 1 "$BUILD/cdappendfs-sync" -q "$mnt"
	is "$1: what is staged is there" "$(cat "$mnt/new")" n
	fails "$1: nor does the unmount" 1 "$BUILD/cdappendfs-umount" -q "$mnt"
	await_daemon || true
	is "$1: the image is what it was" "$(sha256sum <"$disc")" "$before"
	mount_disc -o "accept=$3" "$disc"
	is "$1: what was staged is there again" "$(cat "$mnt/new")" n
	ok "$1: accepted, it is burned" umount_disc
	mount_disc "$disc"
	echo m >"$mnt/more"
	ok "$1: and need not be accepted again" umount_disc
}
genisoimage -quiet -R -J -hide windows.txt -hide-joliet unix.txt -o "$disc" "$T/src" 2>/dev/null
refused 'hidden from Rock Ridge' '/windows.txt is only in its Joliet tree' trees
genisoimage -quiet -J -hide-joliet unix.txt -o "$disc" "$T/src" 2>/dev/null
refused 'hidden from Joliet, which is shown' '/unix.txt is only in its primary tree' trees
rm "$disc"
xorriso -outdev "$disc" -joliet on -map "$T/src" / -hide iso_rr /d -- -commit >/dev/null 2>&1
refused 'a directory hidden by xorriso' '/d is only in its Joliet tree' trees
genisoimage -quiet -R -o "$disc" "$T/src" 2>/dev/null
perl -0777 -pi -e 'substr($_, index($_, "FORK.;1") - 8, 1) = "\4"' "$disc" # File Flags: Associated File
refused 'an associated file' '/d/fork.* is an associated file' associated

genisoimage -quiet -R -J -hide-joliet unix.txt -o "$disc" "$T/src" 2>/dev/null
stage_of_own
mount_disc "$disc"
echo n >"$mnt/new"
ok 'what only Joliet did not name is no loss' umount_disc
is 'and is named there then' "$(isoinfo -J -f -i "$disc" | grep -c unix.txt)" 1

for maker in genisoimage xorriso; do
	stage_of_own
	rm -f "$disc"
	if [[ $maker == xorriso ]]; then xorrisofs -quiet -hfsplus -o "$disc" "$T/src" 2>/dev/null
	else genisoimage -quiet -R -hfs -o "$disc" "$T/src" 2>/dev/null; fi
	mount_disc "$disc"
	like "HFS by $maker: mounted read-only, with the reason" "$(<"$log")" 'HFS.*-o accept=hfs.*read-only'
	fails "HFS by $maker: no write" any touch "$mnt/new"
	is "HFS by $maker: info says it, too" "$(info_json '$_->{why_not_appendable}' "$disc" | grep -c accept=hfs)" 1
	ok "HFS by $maker: unmount" umount_disc
	mount_disc -o accept=hfs "$disc"
	echo n >"$mnt/new"
	ok "HFS by $maker: accepted, it is burned" umount_disc
	is "HFS by $maker: and read" "$(isoinfo -R -i "$disc" -x /new 2>/dev/null)" n
done

# ---- hidden files: the Existence bit of a name stays while the name does
mkdir -p "$T/hidden/dir"
echo a >"$T/hidden/a"
echo b >"$T/hidden/b"
echo c >"$T/hidden/dir/c"
genisoimage -quiet -R -J -hidden a -hidden c -hidden dir -o "$T/hidden.iso" "$T/hidden"
flags() { isoinfo -l "$1" -i "$T/hidden.iso" | sed -nE 's/.*\[ *[0-9]+ ([0-9a-f]{2})\] +([a-z]+) *$/\2:\1/p' | tr '\n' ' '; }
is 'genisoimage hides' "$(flags -R)" 'a:01 b:00 dir:03 c:01 '
mount_disc "$T/hidden.iso"
is 'what is hidden is shown, as by Linux' "$(ls "$mnt" | tr '\n' ' ')" 'a b dir '
echo more >>"$mnt/a"
echo new >"$mnt/new"
ok 'a session above' umount_disc
is 'they are hidden still, changed or not' "$(flags -R)" 'a:01 b:00 dir:03 new:00 c:01 '
is 'in Joliet, too' "$(flags -J)" 'a:01 b:00 dir:03 new:00 c:01 '
done_testing
