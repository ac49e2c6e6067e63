#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# reader.t - fs/kit/cdappendfs-read.py, a second reader, made from the description of the format alone, restores each
# session byte for byte as the mount shows it, and what it can of discs that are cut, destroyed, or made to harm
. "$(dirname "$0")/../lib.sh"
need python3

# each_session NAME DISC [FIELDS]: the reader lists what we list, and restores each
each_session() {
	local name=$1 disc=$2 n=0 session
	reader --list --no-verify "$disc" 2>&1 | sed -E 's/^ *([0-9]+)  ([0-9]+)-.*/\1 \2/' >"$T/listed"
	is "$name: the reader lists the sessions" "$(<"$T/listed")" "$(info_json 'join "\n", map {"$_->{number} $_->{start_lba}"} @{$_->{sessions}}' "$disc")"
	while read -r session _; do
		mount_disc -o "session=$session" "$disc"
		tree_digest "$mnt" "${3-}" >"$T/want"
		umount_disc || fail 'unmount'
		reader_gives "$name: session $session" "$disc" "$session" "$T/want" "${3-}"
		((++n))
	done < <(info_json 'join "\n", map {$_->{number}} @{$_->{sessions}}' "$disc")
	cmp_number "$name: there were some" "$n" -ge 1
}
# burned OPTIONS DISC COMMAND…: a session by what a command does in the mount
burned() {
	local options=$1 disc=$2
	shift 2
	mount_disc -o "create${options:+,$options}" "$disc"
	(cd "$mnt" && "$@")
	ok "a session: $*" umount_disc
}
rounds() { local n; for n in 1 2 3; do burned "$1" "$2" change_tree "$n" "$mnt" "${@:3}"; done; }
scattered() { local at; for at in 1 50 700; do printf patched | dd of=database bs=2048 seek=$at conv=notrunc status=none; done; }

# ---- sessions of ours, in each form
rounds '' "$T/ours.iso" special links
each_session 'full trees' "$T/ours.iso"
rounds tree=linked "$T/linked.iso" special
each_session 'linked trees' "$T/linked.iso"
burned '' "$T/nojoliet.iso" make_odd_tree . short
burned nojoliet "$T/nojoliet.iso" mv README renamed
each_session 'the second without Joliet' "$T/nojoliet.iso"
cp_database() { noise 20480000 4 >database; truncate -s 50000000 database; truncate -s 3M holes; printf end >>holes; }
burned '' "$T/pieces.iso" cp_database
burned share=blocks "$T/pieces.iso" scattered
each_session 'a file in pieces, holes' "$T/pieces.iso"
is 'it was one in pieces' "$(info_json '$_->{files_in_pieces}' "$T/pieces.iso")" 1

text_and_zeros() { yes 'a line' | head -c 300000 >text; { noise 40000 6; head -c 300000 /dev/zero; noise 10 7; } >zeros; }
burned compress "$T/packed.iso" text_and_zeros
each_session 'compressed by us' "$T/packed.iso"
cmp_number 'it was compressed' "$(info_json '$_->{sessions}[0]{sectors}' "$T/packed.iso")" -lt 100
gunzip <"$TOP/tests/mount/made-by-0.2.iso.gz" >"$T/old.iso"
each_session 'sessions of cdappendfs 0.2' "$T/old.iso"
is 'they are whole' "$(reader --list "$T/old.iso" | grep -c ' whole$')" 2
new_file() { echo new >"a new file"; }
burned '' "$T/old.iso" new_file
each_session 'ours above them' "$T/old.iso"

# ---- discs of others, and ours above them
make_odd_tree "$T/odd" special
make_odd_tree "$T/plain" plain
ln -sfn "$(printf 'component/%.0s' {1..60})end" "$T/odd/long link" # genisoimage loops for ever on some longer ones
genisoimage -quiet -R -o "$T/deep.iso" "$T/odd" 2>/dev/null
burned '' "$T/deep.iso" cp README another
each_session 'relocated directories, ours above' "$T/deep.iso"
xorriso -hardlinks on -outdev "$T/xorriso.iso" -volid X -joliet on -map "$T/odd" / -commit >"$T/out" 2>&1
xorriso -hardlinks on -dev "$T/xorriso.iso" -map "$TOP/Makefile" /second -rm_r '/empty dir' -- -commit >"$T/out" 2>&1
burned '' "$T/xorriso.iso" mv README moved
xorriso -hardlinks on -dev "$T/xorriso.iso" -map "$TOP/Makefile" /fourth -commit >"$T/out" 2>&1
burned '' "$T/xorriso.iso" rm second
each_session 'xorriso, ours, xorriso, ours' "$T/xorriso.iso"
genisoimage -quiet -J -joliet-long -o "$T/joliet.iso" "$T/plain" 2>/dev/null
each_session 'Joliet without Rock Ridge' "$T/joliet.iso" omt
genisoimage -quiet -l -o "$T/names.iso" "$T/plain/a dir with spaces" 2>/dev/null
each_session 'names of ECMA-119' "$T/names.iso" omt
mkdir "$T/z"
for i in 1 1000 32768 32769 200000; do noise "$i" 5 | tr -c abc d >"$T/z/$i"; done
{ noise 40000 6; head -c 100000 /dev/zero; noise 10 7; } >"$T/z/zeros inside"
xorriso -outdev "$T/z.iso" -map "$T/z" / -set_filter_r --zisofs / -- -commit >"$T/out" 2>&1
burned '' "$T/z.iso" cp -p 1000 'not packed'
each_session 'zisofs, ours above' "$T/z.iso"
ok 'zisofs: what is restored is what it was' cmp "$T/z/200000" <(reader "$T/z.iso" "$T/restored" 2>/dev/null; cat "$T/restored/200000")
rm -rf "$T/restored"

mkdir "$T/attributes"
for i in 1 2; do
	echo "$i" >"$T/attributes/$i"
	setfattr -n user.short -v "value $i" "$T/attributes/$i"
	setfattr -n user.long -v "$(printf "%$((i * 400))s" '' | tr ' ' v)" "$T/attributes/$i"
done
xorriso -xattr on -outdev "$T/attributes.iso" -map "$T/attributes" / -commit >"$T/out" 2>&1
reader "$T/attributes.iso" "$T/restored" >"$T/reader.log" 2>&1
is 'extended attributes' "$(cd "$T/restored" && getfattr -d 1 2)" "$(cd "$T/attributes" && getfattr -d 1 2)"
rm -rf "$T/restored"

# ---- access control lists, ours and xorriso's
lists() { (cd "$1" && find lists -print0 | sort -z | xargs -0 getfacl -nE; find lists -printf '%m %p\n' | sort); }
mkdir -p "$T/attributes/lists/below"
echo x | tee "$T/attributes/lists/file" >"$T/attributes/lists/plain"
chmod 640 "$T/attributes/lists/file"
if command -v setfacl >/dev/null && setfacl -m u:70000:rw,u:1:r,g:4294967294:x,g::-,m:rwx "$T/attributes/lists/file" &&
	setfacl -d -m u:1001:rwx,g:5:rx "$T/attributes/lists/below" && setfacl -m u:1001:rx "$T/attributes/lists/below"; then
	lists "$T/attributes" >"$T/want"
	cat "$T/want" >"$T/lists.want"
	rm -f "$T/attributes.iso"
	xorriso -xattr on -acl on -outdev "$T/attributes.iso" -map "$T/attributes" / -commit >"$T/out" 2>&1
	for kind in xorriso ours; do
		ok "lists, $kind: all is restored" reader "$T/attributes.iso" "$T/restored"
		lists "$T/restored" >"$T/got"
		same_listing "lists, $kind: they are the same" "$T/lists.want" "$T/got"
		rm -rf "$T/restored"
		[[ $kind == ours ]] || burned '' "$T/attributes.iso" touch another
	done
	# Where there are none the group has its own rights, not those of the mask.
	if ((EUID == 0)) && mkdir "$T/ram" && mount -t ramfs ramfs "$T/ram" 2>/dev/null; then
		reader "$T/attributes.iso" "$T/ram/restored" >"$T/reader.log" 2>&1 && fail 'what cannot be had is told'
		like 'what cannot be had is told' "$(<"$T/reader.log")" 'lists/file: attribute system.posix_acl_access|attribute system.posix_acl_access'
		is "the group's rights are its own" "$(stat -c %a "$T/ram/restored/lists/file")" 600
		umount "$T/ram"
	fi
else
	skip 'access control lists' 'none in this file system'
fi

# ---- damaged discs
# content DIR: what a tree holds without modes, links and devices
content() { tree_digest "$1" lomtsT | grep -v ' [lpcb] '; }
# damaged NAME STATUS DISC SESSION PART…: a copy of it, restored to $T/restored
damaged() {
	local name=$1 want=$2 disc=$3 n=$4 status=0
	shift 4
	cp "$disc" "$T/damaged.iso"
	chmod -R u+rwX "$T/restored" 2>/dev/null
	rm -rf "$T/restored"
	"$TOP/tests/interop/damage" "$T/damaged.iso" "$n" "$@" || fail "$name: damage $*"
	cmp -s "$disc" "$T/damaged.iso" && fail "$name: nothing was damaged"
	reader --session "$n" "$T/damaged.iso" "$T/restored" >"$T/reader.log" 2>&1 || status=$?
	is "$name: it is told" "$status $(grep -c Traceback "$T/reader.log")" "$want 0"
}
some_tree() {
	local i
	for i in 1 2 3; do
		mkdir -p "dir $i/inner/empty"
		noise $((i * 30000)) "$i" >"dir $i/noise"
		echo "$i" | tee "dir $i/inner/text" >"dir $i/small"
		ln "dir $i/small" "dir $i/inner/other name"
		chmod 640 "dir $i/inner/text"
	done
	mkdir -m 750 'dir 3/private'
	ln -s text 'dir 1/inner/link'
	echo root >'in the root'
}
for kind in full linked; do
	disc=$T/some-$kind.iso
	burned '' "$disc" some_tree
	burned "tree=$kind" "$disc" cp -p 'in the root' 'dir 2/inner/copy'
	mount_disc -o ro "$disc"
	tree_digest "$mnt" >"$T/whole.$kind"
	tree_digest "$mnt" T >"$T/whole.$kind.files"
	content "$mnt" >"$T/whole.$kind.content"
	umount_disc || fail unmount
	every_byte() { tree_digest "$T/restored" | grep -v '^without-a-name' >"$T/got"; same_listing "$1: everything is restored" "$T/whole.$kind" "$T/got"; }
	damaged "$kind: the head" 0 "$disc" 2 head
	every_byte "$kind: the head"
	damaged "$kind: the head and S+16" 1 "$disc" 2 head relative
	every_byte "$kind: the head and S+16"
	damaged "$kind: all descriptors" 1 "$disc" 2 head relative absolute
	every_byte "$kind: all descriptors"
	damaged "$kind: a directory and the path table L" 1 "$disc" 2 'directory=/dir 1' table-L
	content "$T/restored" | grep -v '^without-a-name' >"$T/got"
	same_listing "$kind: all names and bytes are there" "$T/whole.$kind.content" "$T/got"
	tree_digest "$T/restored" T | grep '^dir.040[23]\|^in' >"$T/got"
	same_listing "$kind: other directories have all attributes" <(grep '^dir.040[23]\|^in' "$T/whole.$kind.files") "$T/got"
	# All but that a file has its other name in the directory that is lost.
	below_one() { sed -n '/^dir.0401\/inner/s/ links=.*//; /^dir.0401\/inner/p'; }
	tree_digest "$T/restored" T | below_one >"$T/got"
	same_listing "$kind: those below it, too" <(below_one <"$T/whole.$kind.files") "$T/got"
	damaged "$kind: the whole Rock Ridge tree" 1 "$disc" 2 rock-ridge
	content "$T/restored" | grep -v '^without-a-name' >"$T/got"
	same_listing "$kind: the Joliet tree has names and bytes" "$T/whole.$kind.content" "$T/got"
	damaged "$kind: both roots" 1 "$disc" 2 root root-joliet
	tree_digest "$T/restored" T | grep '^dir' >"$T/got"
	same_listing "$kind: by the path tables all but the files of the root is there" <(grep '^dir' "$T/whole.$kind.files") "$T/got"
	damaged "$kind: both roots, no Joliet path table" 1 "$disc" 2 root root-joliet joliet-L joliet-M
	is "$kind: under their ISO names" "$(find "$T/restored" -mindepth 1 -maxdepth 1 -name 'dir?????' | wc -l)" 3
done
one_file() { noise 70000 9 >'only here'; }
burned '' "$T/nameless.iso" one_file
damaged 'all directories' 1 "$T/nameless.iso" 1 rock-ridge joliet
is 'by the content table the bytes are there' "$(cat "$T/restored"/without-a-name-* | sha256sum)" "$(noise 70000 9 | sha256sum)"

# ---- a byte of an older session
cp "$T/some-full.iso" "$T/flipped.iso"
at=$(LC_ALL=C grep -obaF "$(noise 60000 2 | tail -c +5000 | tr -d '\0\n' | head -c 16)" "$T/flipped.iso" | head -n 1 | cut -d: -f1)
[[ $at ]] || fail 'the place of a file is found'
printf '\1\2\3\4\5\6\7' | dd of="$T/flipped.iso" bs=1 seek="$at" conv=notrunc status=none
reader --list "$T/flipped.iso" >"$T/listed" 2>&1
piece=$((32 + (at / 2048 - 32) / 32 * 32))
like 'a damaged piece: its blocks are told' "$(grep '^ *1 ' "$T/listed")" "DAMAGED: at blocks $piece-$((piece + 31))"
like 'the newer session is whole' "$(grep '^ *2 ' "$T/listed")" 'whole$'
end=$((32 + $(info_json '$_->{sessions}[0]{sectors}' "$T/some-full.iso")))
printf x | dd of="$T/flipped.iso" bs=1 seek=$((end * 2048 - 100)) conv=notrunc status=none
like 'another commit record: the newer one says so' "$(reader --list "$T/flipped.iso" 2>/dev/null | grep '^ *2 ')" 'the session before it is not the one that it was'

# ---- images that were cut off: what is left of the newest session, and all of the older ones
start=$(info_json '$_->{sessions}[-1]{start_lba}' "$T/some-full.iso")
cp "$T/some-full.iso" "$T/cut.iso"
truncate -s "$(((start + 20) * 2048))" "$T/cut.iso"
mount_disc -o session=1 "$T/some-full.iso"
tree_digest "$mnt" >"$T/want"
umount_disc || fail unmount
rm -rf "$T/restored"
reader_gives 'cut: the first session' "$T/cut.iso" 1 "$T/want"
fails 'cut: the second is told to be incomplete' 1 reader "$T/cut.iso" "$T/restored"
like 'cut: by its commit record' "$(<"$T/ok.output")" 'session 2 is DAMAGED'
rm -rf "$T/restored"

# ---- discs that are made to harm: tests/fuzz/make-seeds, and bytes changed at random
mkdir "$T/seeds" "$T/around"
"$TOP/tests/fuzz/make-seeds" "$T/seeds" >/dev/null
# harmless NAME IMAGE: whatever it does ends soon, with a status of its own, and nothing but its directory is made
harmless() {
	local status=0
	rm -rf "$T/around"
	mkdir "$T/around"
	(cd "$T/around" && reader "$2" out >"$T/reader.log" 2>&1) || status=$?
	if ((status > 1)) || grep -q Traceback "$T/reader.log"; then fail "$1" "status $status: $(tail -n 20 "$T/reader.log")"
	else silent "$1: nothing outside" find "$T/around" -mindepth 1 -maxdepth 1 ! -name out; fi
	chmod -R u+rwX "$T/around"
}
for name in directories-in-each-other directories-overlap 64-levels name-slash zisofs-bomb ce-amplified modes files-overlap; do
	"$TOOLS/fuzz_image_of" "$T/seeds/iso_image/$name" >"$T/hostile.iso"
	harmless "made to harm: $name" "$T/hostile.iso"
done
for seed in {1..8}; do
	images=("$T/some-full.iso" "$T/some-linked.iso" "$T/z.iso" "$T/xorriso.iso")
	cp "${images[seed % 4]}" "$T/hostile.iso"
	perl -e 'srand $ARGV[1]; open my $f, "+<", $ARGV[0] or die; binmode $f; my $s = -s $f;
		for (1 .. 1 + rand 300) { seek $f, int rand $s, 0; print $f chr int rand 256 }' "$T/hostile.iso" "$seed"
	harmless "changed at random, $seed" "$T/hostile.iso"
done
# a name that leads out, a link and then a directory of its name: bytes of an image that genisoimage made
mkdir -p "$T/evil/AAAAAAAA"
echo escaped >"$T/evil/AAAAAAAA/file"
ln -s "$T/outside" "$T/evil/BBBBBBBB"
echo escaped >"$T/evil/.._escaped"
genisoimage -quiet -R -o "$T/evil.iso" "$T/evil" 2>/dev/null
mkdir "$T/outside"
perl -0777 -pi -e 's/(NM.\x01\x00)AAAAAAAA/$1BBBBBBBB/g; s{\.\._escaped}{../escaped}g' "$T/evil.iso"
harmless 'a link, and a directory of the same name' "$T/evil.iso"
silent 'it was not followed' ls -A "$T/outside"
is 'names that lead out do not' "$(find "$T/around" -name '*escaped*' -printf '%P\n')" out/.._escaped
done_testing
