#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# lost-attributes.t - extended attributes that are damaged on the disc, or cannot be had where they go: who looks at
# other things is not stopped by them, and none is lost before that was accepted
. "$(dirname "$0")/../lib.sh"
for tool in getfattr setfattr setfacl getfacl python3; do
	command -v $tool >/dev/null || skip_all "no $tool"
done

disc=$T/disc.iso damaged=$T/damaged.iso
value() { getfattr --absolute-names --only-values -n "$2" "$1" 2>&1; }
letters() { head -c "$2" /dev/zero | tr '\0' "$1"; }
# damage IMAGE LETTER: the value of these letters has pieces that do not end, in all records
damage() {
	python3 - "$@" <<-'END'
		import sys
		path, letter = sys.argv[1], sys.argv[2].encode()
		data = bytearray(open(path, "rb").read())
		at = data.find(letter * 100)
		assert at > 0
		while at > 0:
		    data[at - 1] = 0
		    at = data.find(letter * 100, at + 3000)
		open(path, "r+b").write(data)
	END
}

blank_disc "$disc"
mount_disc -o commit=manual "$disc"
for name in first second third; do echo "$name" >"$mnt/$name"; done
# Odd letters: as the flags of a piece they say that another follows.
setfattr -n user.v -v "$(letters a 40000)" "$mnt/first"
setfattr -n user.v -v "$(letters c 3000)" "$mnt/second"
setfattr -n user.v -v small "$mnt/third"
for i in {1..8}; do : >"$mnt/large $i"; setfattr -n user.v -v "$(letters "$i" 40000)" "$mnt/large $i"; done
ok 'a session' sync_disc
ok 'unmount' umount_disc

# ---- a write looks once whether it takes a capability away
cp "$disc" "$damaged"
mount_disc -o commit=manual "$damaged"
ok 'a write to a file that has attributes' sh -c "echo more >>'$mnt/first'"
exec 8<"$mnt/first" # another test may drop the kernel's caches meanwhile, and who has seen a file goes with it
damage "$damaged" a
getfattr --absolute-names -d "$mnt"/large* >/dev/null # in the daemon's cache, instead of those
for _ in 1 2 3; do ok 'the next does not read them again' sh -c "stat '$mnt/first' && echo more >>'$mnt/first'"; done
exec 8<&-
fails 'who asks for them does' any getfattr -n user.v "$mnt/first"

# ---- staged is what has attributes of its own, above damaged ones, and other things
"$BUILD/cdappendfs-sync" --discard "$mnt" >"$T/told" 2>&1 || fail 'discard' "$(cat "$T/told")"
setfattr -n user.own -v x "$mnt/second"
chmod 600 "$mnt/third"
damage "$damaged" c
is 'all changes are listed' "$(info --changes "$mnt" 2>&1 | grep -c 'second\|third')" 2
ok 'one is dropped' "$BUILD/cdappendfs-sync" --discard "$mnt/third"
is 'and no other' "$(info --changes "$mnt" 2>&1 | grep -o 'second\|third')" second
kill_daemon
like 'listed of the stage, too' "$("$BUILD/cdappendfs-stage" export "$T/stage/damaged.iso" "$T/kept" 2>&1)" second
is 'with its own' "$(value "$T/kept/second" user.own)" x

# ---- a session would lose them
mount_disc -o commit=manual,tree=full "$damaged"
is 'the file itself is there' "$(<"$mnt/first")" first
output=$("$BUILD/cdappendfs-sync" "$mnt" 2>&1)
like 'no session is made, and the file is named' "$output" 'first'
like 'and how to make one' "$output" 'accept=attributes'
like 'nothing staged is lost' "$(info --changes "$mnt" 2>&1)" second
ok 'unmount' umount_disc
mount_disc -o commit=manual,tree=full,accept=attributes "$damaged"
is 'accepted: foretold, with their count' "$("$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | json '$_->{attributes_lost}')" 1
output=$("$BUILD/cdappendfs-sync" "$mnt" 2>&1) || fail 'accepted: a session' "$output"
like 'it says whose are left out' "$output" 'not in this session.*those of /first; '
like 'so does the log' "$(<"${log_of[$mnt]}")" '/first: its extended attributes cannot be had'
ok 'unmount' umount_disc
mount_disc -o ro "$damaged"
like 'without what was damaged' "$(value "$mnt/first" user.v)" 'No such attribute'
is 'with all others' "$(value "$mnt/third" user.v) $(value "$mnt/second" user.own) $(value "$mnt/second" user.v | wc -c)" 'small x 3000'
ok 'unmount' umount_disc

# ---- more than a session holds, of another program: of xorriso 1.5.4; 1.5.6 writes none where there are so many
gunzip <"$TOP/tests/mount/many-attributes.iso.gz" >"$T/foreign.iso"
is 'the disc has them' "$(xorriso -xattr on -indev "$T/foreign.iso" -getfattr /much -- 2>/dev/null | grep -c qqqq)" 80
mount_disc -o commit=manual "$T/foreign.iso"
echo new >"$mnt/new"
is 'the file is there' "$(<"$mnt/much")" much
like 'its attributes are too many' "$(value "$mnt/much" user.1)" 'Argument list too long'
output=$("$BUILD/cdappendfs-sync" "$mnt" 2>&1)
like 'no session is made, the file is named' "$output" '/much.*accept=attributes'
ok 'unmount' umount_disc
mount_disc -o commit=manual,accept=attributes "$T/foreign.iso"
output=$("$BUILD/cdappendfs-sync" --json "$mnt" 2>&1) || fail 'accepted: a session' "$output"
like 'accepted: it is named' "$output" 'those of /much; '
is 'and counted' "$(tail -n 1 <<<"$output" | json '$_->{attributes_lost}')" 1
ok 'unmount' umount_disc
mount_disc -o ro "$T/foreign.iso"
is 'the file is whole, without them; others have theirs' "$(cat "$mnt/much" "$mnt/new") $(getfattr --absolute-names -d "$mnt/much" | wc -l) $(value "$mnt/less" user.v)" $'much\nnew 0 small'
ok 'unmount' umount_disc
mount_disc -o ro,session=1 "$T/foreign.iso"
like 'the older session keeps them' "$(value "$mnt/much" user.1)" 'Argument list too long'
ok 'unmount' umount_disc
cmp_number 'xorriso reads them there' "$(xorriso -xattr on -load session 1 -indev "$T/foreign.iso" -getfattr /much -- 2>/dev/null | grep -c qqqq)" -eq 80

# ---- a stage above them goes to another session
blank_disc "$disc"
rm -rf "$T/stage"
mount_disc -o commit=manual "$disc"
mkdir "$mnt/changed" "$mnt/kept"
for name in changed kept; do echo "$name" >"$mnt/$name/file"; setfattr -n user.v -v "$(letters a 20000)" "$mnt/$name"; done
ok 'a session' sync_disc
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
setfattr -x user.v "$mnt/changed"
setfattr -n user.own -v own "$mnt/changed"
echo new >"$mnt/kept/new"
ok 'unmount' umount_disc
ok 'xorriso appends' xorriso -xattr on -acl on -dev "$disc" -mkdir /other -- -commit
damage "$disc" a
ok 'rebase above what is damaged' "$BUILD/cdappendfs-stage" rebase --staging="$T/stage/disc.iso" "$disc"
mount_disc -o commit=manual "$disc"
is 'all is there, with its own' "$(cat "$mnt/changed/file" "$mnt/kept/file" "$mnt/kept/new" | tr '\n' ' ')$(value "$mnt/changed" user.own) $(cd "$mnt" && ls -d other)" 'changed kept new own other'
like 'what is damaged is no empty set' "$(value "$mnt/kept" user.v)" 'error'
output=$("$BUILD/cdappendfs-sync" "$mnt" 2>&1)
like 'no session is made, the directory is named' "$output" '/kept.*accept=attributes'
ok 'unmount' umount_disc

# ---- names of one file whose records have different ones are no names of one file
blank_disc "$disc"
rm -rf "$T/stage"
mount_disc -o commit=manual "$disc"
echo linked >"$mnt/name"
setfattr -n user.v -v "$(letters e 3000)" "$mnt/name"
ln "$mnt/name" "$mnt/other name"
ok 'a session' sync_disc
ok 'unmount' umount_disc
python3 - "$disc" <<'EOF'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
at = data.rfind(b"e" * 100)
data[at] = ord("g")
open(sys.argv[1], "r+b").write(data)

EOF
mount_disc -o commit=manual,tree=full "$disc"
echo new >"$mnt/new"
ok 'a session above that' sync_disc
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
is 'both have their own' "$({ value "$mnt/name" user.v; echo; value "$mnt/other name" user.v; } | tr -d e | sort | tr -d '\n')" g
ok 'unmount' umount_disc

# ---- an export to where there are no attributes
if ((EUID == 0)) && mkdir "$T/ram" && mount -t ramfs ramfs "$T/ram" 2>/dev/null; then
	blank_disc "$disc"
	rm -rf "$T/stage"
	mount_disc -o commit=manual "$disc"
	echo content >"$mnt/plain"
	echo content >"$mnt/valued"
	setfattr -n user.v -v 1 "$mnt/valued"
	sync "$mnt/valued"
	kill_daemon
	status=0
	output=$("$BUILD/cdappendfs-stage" export "$T/stage/disc.iso" "$T/ram/out" 2>&1) || status=$?
	is 'what cannot be had there is told' "$status $(grep -c 'valued.*extended attribute' <<<"$output")" '1 1'
	is 'all else is there' "$(cat "$T/ram/out/plain" "$T/ram/out/valued")" $'content\ncontent'
	umount "$T/ram"
else
	skip 'an export to where there are no attributes' 'no ramfs here'
fi
done_testing
