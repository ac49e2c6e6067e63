#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# compress.t - -o compress: files are written as zisofs where that takes less, and read as they were, by us, Linux and
# xorriso; beside sharing, links, changes and open files; a session never takes more than without it
. "$(dirname "$0")/../lib.sh"
need python3

disc=$T/disc.iso
sync_json() { bounded 300 "$BUILD/cdappendfs-sync" --json "$mnt" | tail -n 1 >"$T/result"; }
data_of() { json '$_->{data_bytes} / 2048' <"$T/result"; }
same_tree() {
	tree_digest "$1" lT >"$T/want"
	tree_digest "$2" lT >"$T/got"
	same_listing "$3" "$T/want" "$T/got"
}

# ---- the source: what is worth it, what is not, and where blocks end
make_source() {
	local i
	mkdir -p "$1/code" "$1/edges"
	cp -a "$TOP/fs" "$TOP/burner" "$1/code"
	for i in 0 1 2048 2049 4096 4097 32767 32768 32769 65536 2097152 2097153; do
		yes "line $i of a text" | head -c "$i" >"$1/edges/text $i"
		head -c "$i" /dev/zero >"$1/edges/zeros $i"
		noise "$i" $((i + 1)) >"$1/edges/noise $i"
	done
	{ noise 40000 1; head -c 100000 /dev/zero; noise 5 2; } >"$1/edges/zeros between"
	truncate -s 3M "$1/edges/hole" && printf end >>"$1/edges/hole"
	truncate -s 40000 "$1/edges/all of it a hole"
	cp "$1/edges/all of it a hole" "$1/edges/all of it another hole"
	seq 1 900000 >"$1/edges/numbers"
	ln "$1/edges/text 65536" "$1/edges/another name"
	seq 2000 >"$1/edges/$(printf 'n%.0s' {1..250})"
	for i in {1..40}; do seq $((i * 40)) >"$1/edges/$(printf 'long%.0s' {1..30}) $i"; done
	cp "$1/edges/numbers" "$1/edges/the same numbers"
}
make_source "$T/source"
blank_disc "$disc"
mount_disc -o compress "$disc"
cp -a "$T/source" "$mnt/"
before=$(bounded 300 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | tail -n 1 | json '$_->{append_bytes}')
exec {held}<"$mnt/source/edges/numbers"
ok 'a session' sync_json
is 'of the length that the dry run said' "$(json '$_->{append_bytes}' <"$T/result")" "$before"
same_tree "$T/source" "$mnt/source" 'it is as it was'
same_file 'by a descriptor of before it' "$T/source/edges/numbers" <(cat <&"$held")
exec {held}<&-
du_plain=$(du -s --apparent-size -B2048 "$T/source" | cut -f1)
cmp_number 'less than half of it was written' $(($(data_of) * 2)) -lt "$du_plain"

# ---- beside sharing
cp -a "$T/source" "$mnt/copied"
ok 'the same again' sync_json
is 'is not written again' "$(data_of)" 0
chmod 600 "$mnt/source/edges/numbers"
mv "$mnt/source/code" "$mnt/moved"
ln "$mnt/copied/edges/numbers" "$mnt/one more name"
ok 'modes, names and links change' sync_json
is 'no data for them' "$(data_of)" 0
printf 'x' >>"$mnt/copied/edges/text 65536"
printf 'x' >>"$T/source/edges/text 65536"
ok 'a byte is appended to a compressed file' sync_json
cmp_number 'which is written anew, compressed' "$(data_of)" -eq 1
same_file 'it is what it should be' "$T/source/edges/text 65536" "$mnt/copied/edges/text 65536"
chmod 644 "$mnt/source/edges/numbers"
mv "$mnt/moved" "$mnt/source/code"
ok 'unmounted' umount_disc
mount_disc "$disc"
same_tree "$T/source" "$mnt/copied" 'in a new mount, without the option'
printf 'y' >>"$mnt/one more name"
printf 'y' >>"$T/source/edges/numbers"
ok 'a compressed file changes there' sync_json
same_file 'and is plain' "$T/source/edges/numbers" "$mnt/one more name"
cmp_number 'with all of its blocks' "$(data_of)" -ge $(($(stat -c %s "$T/source/edges/numbers") / 2048))
ok 'unmounted' umount_disc
# What lies there plain is not compressed.
mount_disc -o compress "$disc"
cp "$T/source/edges/numbers" "$mnt/plain copy"
ok 'content that the disc has plain' sync_json
is 'is not written again either' "$(data_of)" 0
same_file 'it is what it should be' "$T/source/edges/numbers" "$mnt/plain copy"

# ---- what changes while it burns
cp "$T/source/code/fs/main.c" "$mnt/while it burns"
cp "$T/source/code/fs/main.c" "$mnt/appended"
ok 'unmounted' umount_disc
mount_disc -o compress,speed=0.5 "$disc"
seq 300000 >"$T/new"
cp "$T/new" "$mnt/new"
cp "$T/new" "$mnt/new appended"
exec {held}<"$mnt/new"
bounded 300 "$BUILD/cdappendfs-sync" -q "$mnt" & burn=$!
children+=("$burn")
burns() { [[ $(info_json '$_->{burning}{phase} // "none"' "$mnt") != none ]]; }
ok 'it burns' until_true 60 burns
printf x >>"$mnt/new appended"
chmod 600 "$mnt/new"
ok 'a session, with changes meanwhile' await "$burn"
same_file 'what did not change' "$T/new" <(cat <&"$held")
same_file 'what did' <(cat "$T/new"; printf x) "$mnt/new appended"
exec {held}<&-
ok 'those are burned next' sync_json
cmp_number 'the one that is no other now' "$(data_of)" -gt 1
same_file 'what did not change' "$T/new" "$mnt/new"
same_file 'what did' <(cat "$T/new"; printf x) "$mnt/new appended"
ok 'unmounted' umount_disc

# ---- by an attribute, of the file or of a directory above it
word() { setfattr -n user.cdappendfs.compress -v "$1" "$2"; }
chosen_disc=$T/chosen.iso
# How many blocks of a file's content a session wrote: 45 plain ones, or fewer.
chosen() { bounded 60 xorriso -indev "$chosen_disc" -find "$1" -exec report_lba 2>/dev/null | awk '/^File data lba/ {print $8}'; }
blank_disc "$chosen_disc"
mount_disc "$chosen_disc"
mkdir -p "$mnt/tree/below/deeper" "$mnt/against"
ok 'a directory asks for it' word yes "$mnt/tree"
ok 'one below it is against it' word no "$mnt/tree/below/deeper"
for i in tree/1 tree/below/2 tree/below/deeper/3 tree/4 5 6 against/7; do seq -f "$i %g" 20000 | head -c 92160 >"$mnt/$i"; done
ok 'a file below it is against it' word no "$mnt/tree/4"
ok 'a file asks for it' word yes "$mnt/5"
ok 'a word that means nothing' word perhaps "$mnt/6"
cp --reflink=auto "$mnt/against/7" "$mnt/against/8"
ok 'of two with one content one asks' word yes "$mnt/against/8"
tree_digest "$mnt" lT >"$T/want"
ok 'a session' sync_json
is 'those are compressed' "$(for i in tree/1 tree/below/2 5; do (($(chosen "/$i") < 30)) && echo "$i"; done | paste -sd' ')" 'tree/1 tree/below/2 5'
is 'the others are not' "$(for i in tree/below/deeper/3 tree/4 6 against/7; do chosen "/$i"; done | paste -sd' ')" '45 45 45 45'
ok 'unmounted' umount_disc
mount_disc -o compress "$chosen_disc"
tree_digest "$mnt" lT >"$T/got"
same_listing 'all is as it was' "$T/want" "$T/got"
for i in tree/below/deeper/9 10; do seq -f "$i %g" 20000 | head -c 92160 >"$mnt/$i"; done
ok 'with the option' sync_json
is 'a word against it holds' "$(chosen /tree/below/deeper/9)" 45
cmp_number 'no word is none against it' "$(chosen /10)" -lt 30
ok 'unmounted' umount_disc
mount_disc -o compat "$chosen_disc"
printf x >>"$mnt/5"
ok 'for all readers' sync_json
is 'nothing is compressed' "$(chosen /5)" 46
ok 'unmounted' umount_disc

# ---- several requests are the first to change a compressed file: the kernel writes pages of a mapping side by side
mkdir "$T/stored"
for i in {1..60}; do yes "line of file $i" | head -c 1500000 >"$T/stored/$i"; done
xorriso -outdev "$T/stored.iso" -map "$T/stored" / -set_filter_r --zisofs / -- -commit >"$T/out" 2>&1
mount_disc "$T/stored.iso"
# store_in MOUNT: a byte in every 64th page of each file, by a mapping
store_in() {
	python3 - "$1" <<'END'
import mmap, os, sys
for i in range(1, 61):
    fd = os.open('%s/%d' % (sys.argv[1], i), os.O_RDWR)
    with mmap.mmap(fd, os.fstat(fd).st_size) as m:
        for at in range(0, len(m), 262144):
            m[at] = 1
        m.flush()
    os.close(fd)
END
}
ok 'stores into compressed files' store_in "$mnt"
ok 'and into what they were made of' store_in "$T/stored"
tree_digest "$T/stored" t >"$T/want"
ok 'unmounted' umount_disc
mount_disc "$T/stored.iso"
tree_digest "$mnt" t >"$T/got"
same_listing 'none is lost' "$T/want" "$T/got"
ok 'unmounted' umount_disc
rm -r "$T/stored" "$T/stored.iso"

# ---- other readers
mount_disc -o ro "$disc"
tree_digest "$mnt" lT >"$T/want"
ok 'unmounted' umount_disc
mkdir "$T/out"
ok 'xorriso takes all of it' xorriso -for_backup -indev "$disc" -osirrox on -extract / "$T/out"
tree_digest "$T/out" lT >"$T/got"
same_listing 'as it is' "$T/want" "$T/got"
if why=$(uml_missing); then
	skip 'Linux' "$why"
else
	echo "linux $disc - lT" >"$T/jobs"
	ok 'the guest ran' in_uml "$TOP/tests/interop/uml-isofs" "$T/jobs"
	sed -E 's/n{250}/NAME/' "$T/want" >"$T/want.uml"
	sed -E 's/n{250}/NAME/' "$T/linux.isofs" >"$T/got"
	same_listing 'Linux, as it is' "$T/want.uml" "$T/got"
fi

# ---- beside mkisofs -z
blank_disc "$disc"
rm -rf "$T/stage/disc.iso"
mount_disc -o compress "$disc"
cp -a "$TOP/fs" "$TOP/burner" "$TOP/tests" "$mnt/"
cp -a "$mnt" "$T/tree"
ok 'a tree of sources' sync_json
mkzftree -z 9 "$T/tree" "$T/packed"
genisoimage -quiet -z -R -J -o "$T/packed.iso" "$T/packed" 2>/dev/null
cmp_number 'takes at most what mkisofs -z takes' "$(json '$_->{append_bytes}' <"$T/result")" -le "$(apparent_size "$T/packed.iso")"
ok 'unmounted' umount_disc

# ---- a full disc: what was accepted fits, and no session is longer than the plain one
# by_size NAME BYTES NOISE LENGTH: files of so many bytes, the first of them noise, with names of that length
by_size() {
	local name=$1 bytes=$2 noise=$3 length=$4 i=0 plain
	blank_disc "$T/$name.iso"
	mount_disc -o compress,media=2M "$T/$name.iso"
	while { noise "$noise" "$i"; head -c $((bytes - noise)) < <(yes "$i"); } >"$mnt/$(printf "%${length}d" "$i" | tr ' ' -)" 2>/dev/null; do ((++i)); done
	rm "$mnt/$(printf "%${length}d" "$i" | tr ' ' -)"
	tree_digest "$mnt" lT >"$T/want"
	ok "$name: $i files until it is full, and a session" sync_json
	tree_digest "$mnt" lT >"$T/got"
	same_listing "$name: all are there" "$T/want" "$T/got"
	cp "$T/result" "$T/packed.result"
	blank_disc "$T/$name-plain.iso"
	mount_disc "$T/$name-plain.iso" "$T/plain"
	cp -a "$mnt/." "$T/plain"
	plain=$(bounded 300 "$BUILD/cdappendfs-sync" --json "$T/plain" | tail -n 1 | json '$_->{append_bytes}')
	cmp_number "$name: it is no longer than a plain one" "$(json '$_->{append_bytes}' <"$T/packed.result")" -le "$plain"
	ok "$name: unmounted" umount_disc "$T/plain"
	ok "$name: unmounted" umount_disc
}
by_size least 2060 1500 8
by_size long 4200 1500 200
by_size middle 2060 1500 64
by_size noise 6140 6140 8
done_testing
