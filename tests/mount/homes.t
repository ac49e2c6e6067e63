#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# homes.t - files of which the tree knows no directory when a session begins, and which lose the name that the session
# finds while it burns: it is not taken for where they lie
#
# A file with several names has its directory forgotten when the name in it goes.  What the burn learns of it is put
# right by what happened meanwhile: each of its names in turn is removed, or moved elsewhere; then all but one.
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso plain=$T/plain
dirs=(a b c)
both() { "$1" "$mnt" && "$1" "$plain"; }
begin() {
	local d f
	mkdir -p "$1"/{a,b,c,first,elsewhere}
	for d in "${dirs[@]}"; do
		for f in unlinked renamed replaced; do
			printf '%s\n' "$f $d" >"$1/first/$f $d"
			ln "$1/first/$f $d" "$1/a/"
			ln "$1/first/$f $d" "$1/b/"
			ln "$1/first/$f $d" "$1/c/"
		done
	done
}
# Where they were made: the names that go are those that the tree went by.
forget() { rm -r "$1/first"; noise 6000000 7 >"$1/large"; }
while_it_burns() {
	local d
	for d in "${dirs[@]}"; do
		rm "$1/$d/unlinked $d"
		mv "$1/$d/renamed $d" "$1/elsewhere/"
		printf 'another\n' >"$1/new $d"
		mv "$1/new $d" "$1/$d/replaced $d"
	done
}
# Of each file one name is left: every pair of the name that went while it burned and the one that stays.
leave_one() {
	local d other
	for d in "${dirs[@]}"; do
		for other in "${dirs[@]}"; do [[ $other == "$d" ]] || rm "$1/$other/renamed $d"; done
	done
	rm "$1/b/unlinked a" "$1/c/unlinked b" "$1/a/unlinked c" "$1/c/replaced a" "$1/a/replaced b" "$1/b/replaced c"
}
same_trees() {
	tree_digest "$plain" t >"$T/want"
	tree_digest "$mnt" t >"$T/got"
	same_listing "$1" "$T/want" "$T/got"
}
burning() { [[ $(info_json '$_->{burning} ? 1 : 0' "$mnt") == 1 ]]; }

for tree in linked full; do
	rm -rf "$disc" "$plain" "$T/stage"
	blank_disc "$disc"
	mkdir "$plain"
	mount_disc -o "tree=$tree,speed=2" "$disc"
	both begin
	ok "$tree: the first session" sync_disc
	both forget
	sync_disc &
	burn=$!
	ok "$tree: the next one begins" until_true 60 burning
	both while_it_burns
	ok "$tree: it burns still when all that has happened" burning
	ok "$tree: and ends" await "$burn" 120
	same_trees "$tree: after it"
	both leave_one
	drop_caches
	same_trees "$tree: one name is left"
	printf 'more\n' | tee "$mnt/more" >"$plain/more"
	ok "$tree: the disc can still be changed, and burned" sync_disc
	same_trees "$tree: after that"
	ok "$tree: unmount" umount_disc
	mount_disc -o ro "$disc"
	same_trees "$tree: mounted again"
	ok "$tree: unmount again" umount_disc
done
done_testing
