#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# said.t - what a session of ours says of itself is what somebody wrote there: forged, with all digests made anew, it
# destroys nothing.  Either a change is refused, aloud, with all that is staged kept; or the session is right, as
# another reader sees it.  What lies on the disc can be read in any case.
. "$(dirname "$0")/../lib.sh"
need python3
forge() { python3 "$TOP/tests/mount/forge" "$@"; }

# ---- the disc: linked and full ones of the same tree
fill() {
	local dir
	mkdir -p "$1"/{a/x,b,c,d/e}
	for dir in a a/x b c d d/e; do
		for i in 1 2 3; do echo "$dir $i" >"$1/$dir/f$i"; done
	done
	echo r1 >"$1/r1"
	echo r2 >"$1/r2"
	echo linked >"$1/h1"
	ln "$1/h1" "$1/b/h2"
	noise 50000 1 >"$1/c/large"
	noise 50000 2 >"$1/b/large"
}
for tree in linked full; do
	blank_disc "$T/$tree.iso"
	mount_disc -o tree=$tree "$T/$tree.iso"
	fill "$mnt"
	ok "a disc, tree=$tree" umount_disc
done
fill "$T/was"
forge "$T/full.iso" show >"$T/fields"
value() { awk -v name="$1" '$1 == name {print $2}' "$T/fields"; }
session_of() { info_json '$_->{sessions}[-1]{number}' "$1"; }
contents() { (cd "$1" && find . -type f -exec cksum {} + | sort -k 3); }
extract() { rm -rf "$2" && xorriso -osirrox on -indev "$1" -extract / "$2" >/dev/null 2>&1; chmod -R u+w "$2" 2>/dev/null; }

# ---- what is done: look at all; new files; changes in several directories. In the mount and in what is expected
look() { contents "$1" >/dev/null; }
news() { local i; for i in 1 2 3 4; do echo "new $i" >"$1/n$i" || return; done; }
inside() { mkdir "$1/new" && echo in >"$1/new/in" && echo x >"$1/c/new"; }
changes() { echo more >>"$1/a/f1" && echo more >>"$1/a/x/f2"; }
both() { echo more >>"$1/a/f1" && echo more >>"$1/b/f1"; }
linked() { echo more >>"$1/h1"; }
moves() { mv "$1/a" "$1/moved" && rm "$1/b/f3"; }
copies() { cp "$1/c/large" "$1/copy"; }
removes() { rm "$1/h1" && rm "$1/a/f2"; }

same_contents() {
	contents "$2" >"$T/want.list"
	contents "$3" >"$T/got.list" 2>&1
	if [[ ${exempt-} ]]; then sed -i "\\|$exempt|d" "$T/want.list" "$T/got.list"; fi
	same_listing "$1" "$T/want.list" "$T/got.list"
}
# forged TREE WHAT ACTIONS: does it harm?  $outcome: refused (a change), unburned (by the commit), burned
forged() {
	local tree=$1 what=$2 actions=$3 name="$2 ($1: $3)" disc=$T/d.iso action
	cp "$T/$tree.iso" "$disc"
	rm -rf "$T/stage/d.iso" "$T/want"
	cp -a "$T/was" "$T/want"
	# shellcheck disable=SC2086 # words
	forge "$disc" $what || { fail "$name: forged"; return; }
	if ! start_disc -o "tree=$tree" "$disc"; then
		outcome=unmounted
		like "$name: no disc of ours" "$(cat "$log")" 'damaged|not|none'
		return
	fi
	outcome=burned
	for action in $actions; do
		if $action "$mnt" 2>"$T/why"; then $action "$T/want"; continue; fi
		outcome=refused
		like "$name: it is read-only" "$(cat "$T/why")" 'Read-only file system'
		break
	done
	if [[ $outcome == burned ]]; then
		bounded 120 "$BUILD/cdappendfs-sync" "$mnt" >"$T/why" 2>&1 || outcome=unburned
	fi
	if [[ $outcome == burned ]]; then
		same_contents "$name: the mount is right" "$T/want" "$mnt"
		ok "$name: unmount" umount_disc
		extract "$disc" "$T/got"
		same_contents "$name: the session is right" "$T/want" "$T/got"
		return
	fi
	like "$name: told why" "$(cat "$log" "$T/why")" 'contradicts itself|cannot be kept|two places|two names|is damaged|inode number|is truncated'
	kill_daemon
	is "$name: nothing was burned" "$(session_of "$disc")" 1
	mount_disc -o ro "$disc"
	same_contents "$name: all is read" "$T/was" "$mnt"
	ok "$name: unmount" umount_disc
}
harmless() { forged "$@"; is "$2 ($1: $3): burned" "$outcome" burned; }
either() { forged "$@"; }
harmful() { forged "$@"; isnt "$2 ($1: $3): refused" "$outcome" burned; }

next=$(value next_ino) sectors=$(value sectors) start=$(value start)
note "next_ino $next, sectors $sectors"

for tree in linked full; do
	# ---- the counter
	for n in 0 2 5; do harmful $tree "appuse next_ino $n" 'news changes'; done
	harmful $tree "appuse next_ino $((next - 1))" 'look news'
	harmful $tree 'appuse next_ino 2' inside
	harmless $tree 'appuse next_ino 4000000000' 'news changes'
	# ---- serial numbers: none, the root's, those of others
	harmful $tree "serial a/f1 $next" 'look changes'
	harmful $tree 'serial a/f1 0' 'look changes'
	harmful $tree 'serial b 1' 'look changes'
	harmful $tree 'serial a/f2 =a/f1' changes
	harmful $tree 'serial a/f2 =a/f1' 'look news'
	harmful $tree 'serial b/f1 =a/f1' both
	harmful $tree 'serial b/f1 =a/f1' 'look news'
	either $tree 'serial b/f1 =a/f1' changes
	harmful $tree 'serial b/f1 =a/f1 links a/f1 2 links b/f1 2' changes
	harmful $tree 'serial b/f1 =a/f1 links a/f1 2 links b/f1 2' both
	harmful $tree 'serial b/f1 =a/f1 links a/f1 2 links b/f1 2' 'look news'
	harmful $tree 'serial b/f1 =h1' linked
	harmful $tree 'serial b/f1 =h1 links b/f1 2' linked
	either $tree 'serial b/f1 =h1 links b/f1 3' linked
	harmful $tree 'serial b =a' both
	harmful $tree 'serial b =a' 'look changes'
	either $tree 'serial b =a' inside
	either $tree 'serial a/x =d/e' changes
	harmful $tree 'serial b/f1 =c' both
	harmful $tree 'serial c =b/f1' both
	either $tree 'links a/f1 0 links a/f2 7 links h1 9' 'changes removes linked'
	# ---- places of records: where the next session comes, in each other, in themselves
	exempt=a/f3
	harmful $tree 'extent a/f3 100000 -' changes
	exempt=a/x
	harmful $tree 'self a/x' changes
	exempt=./b/
	either $tree 'as b c' 'changes inside'
	exempt=
	# ---- tables, twins, sizes, places: hints, and what only counts
	for what in 'appuse links_lba 1000000' 'appuse links_bytes 40' 'appuse links_bytes 4000000000' 'word links 16 500' \
		'word links 32 77 word links 36 99' 'appuse links_sectors 4000000000'; do
		either $tree "$what" 'linked removes'
	done
	for what in 'appuse contents_lba 33' 'appuse contents_bytes 99999' 'word contents 56 16' 'word contents 60 9' \
		"word contents 56 $((start + sectors + 8)) word contents 88 100000"; do
		either $tree "$what" 'copies changes'
	done
	for what in 'twin b 100000 1 0' 'twin b 16 3 70000' 'twin a 0 0 0' 'twin c 60 8000000 4000000000' 		'appuse directories 1' 'appuse directories 4000000000' 'appuse tree_sectors 1' 'appuse pieces 5' \
		'appuse capacity 70' 'appuse shared 18446744073709551615' 'appuse number 4294967295' 'appuse previous 16' \
		'appuse previous_descriptor 40' 'volume 40' 'volume 4294967295' 'appuse flags 0' 'appuse flags 4095' \
		"appuse sectors $((sectors - 32))" "appuse sectors $((sectors + 3200))" 'appuse start 64'; do
		either $tree "$what" 'changes inside'
	done
done

# ---- what is staged when it is found stays, and can be had
disc=$T/d.iso
cp "$T/linked.iso" "$disc"
rm -rf "$T/stage/d.iso" "$T/out"
forge "$disc" serial b/f1 =a/f1
mount_disc "$disc"
echo staged >"$mnt/a/f1"
echo new >"$mnt/c/new"
is 'another file with the number of a changed one is itself' "$(cat "$mnt/b/f1")" 'b 1'
fails 'then nothing is changed any more' any sh -c 'echo no >"$1"' - "$mnt/c/more"
like 'the daemon says so' "$(cat "$log")" 'read-only from now on'
fails 'nor planned' 1 "$BUILD/cdappendfs-sync" --dry-run "$mnt"
fails 'nor burned' 1 "$BUILD/cdappendfs-sync" "$mnt"
like 'for a reason' "$(cat "$T/ok.output")" 'the disc contradicts itself.*the changes stay staged'
is 'what is staged is listed' "$(info --changes "$mnt" | cut -f1 | sort | tr '\n' ' ')" 'A c/new M a/f1 '
fails 'an unmount burns nothing' any "$BUILD/cdappendfs-umount" "$mnt"
await_daemon
ok 'it is given out' "$BUILD/cdappendfs-stage" export --staging="$T/stage/d.iso" "$disc" "$T/out"
is 'as it was staged' "$(cd "$T/out" && grep -r . | sort | tr '\n' ' ')" 'a/f1:staged c/new:new '
mount_disc "$disc"
ok 'or dropped' "$BUILD/cdappendfs-sync" --discard "$mnt"
is 'and the disc is as it was' "$(cat "$mnt/a/f1" "$mnt/b/f1" | tr '\n' ' ')" 'a 1 b 1 '
ok 'unmount' umount_disc
is 'in one session' "$(session_of "$disc")" 1
done_testing
