#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# realuse.t - programs that people use, in the mount; then commit, remount, compare
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
blank_disc "$disc"
mount_disc "$disc"

# ---- rsync, twice
make_odd_tree "$T/odd" special
ok 'rsync -aH' rsync -aH "$T/odd/" "$mnt/odd/"
silent 'a second rsync transfers nothing' rsync -aHi "$T/odd/" "$mnt/odd/"

# ---- tar x of a large source tree
mkdir "$T/tree"
(cd / && find usr/include usr/share usr/lib/python3 etc -type f -size -60k -readable 2>/dev/null | LC_ALL=C sort | head -n 9000 | tar cf "$T/source.tar" -T - 2>/dev/null)
tar xf "$T/source.tar" -C "$T/tree"
mkdir "$mnt/tree"
ok 'tar x of 9,000 files' tar xf "$T/source.tar" -C "$mnt/tree"
# The archive holds no directories: they have the time of their making.
tree_digest "$T/tree" T >"$T/want"
tree_digest "$mnt/tree" T >"$T/got"
same_listing 'they are what tar held' "$T/want" "$T/got"

# ---- git
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example
git init -q "$T/repository"
cp -r "$TOP"/include "$TOP"/tests/mount "$TOP"/Makefile "$T/repository"
for i in {1..5}; do
	printf '%s\n' "$i" >"$T/repository/change"
	git -C "$T/repository" add -A && git -C "$T/repository" commit -q -m "change $i"
done
ok 'git clone' git clone -q "$T/repository" "$mnt/clone"
ok 'git fsck' git -C "$mnt/clone" fsck --strict
printf 'x\n' >"$mnt/clone/change"
ok 'git commit' git -C "$mnt/clone" commit -q -a -m 'in the mount'
ok 'git gc' git -C "$mnt/clone" gc -q

# ---- SQLite in the root does not burn
before=$(image_digest "$disc")
ok 'sqlite3 in the root' sqlite3 "$mnt/data.db" 'create table t(a integer primary key, b text);' \
	"with recursive c(x) as (select 1 union all select x+1 from c where x<20000) insert into t select x, hex(randomblob(20)) from c;"
for mode in delete truncate wal; do
	ok "sqlite3, journal_mode=$mode" sqlite3 "$mnt/data.db" "pragma journal_mode=$mode;" 'begin; update t set b=b||a; commit;' 'pragma integrity_check;'
done
sqlite3 "$mnt/data.db" 'pragma journal_mode=delete;' >/dev/null
is 'its fsync of the root burns nothing' "$(image_digest "$disc")" "$before"
sum=$(sqlite3 "$mnt/data.db" 'select sum(length(b)) from t;')

# ---- an editor
printf 'first version\n' >"$mnt/document"
for i in 1 2 3; do
	printf 'version %d\n' $i >"$mnt/.document.swp"
	sync "$mnt/.document.swp"
	cp -p "$mnt/document" "$mnt/document~"
	mv "$mnt/.document.swp" "$mnt/document"
done
is 'save by rename' "$(cat "$mnt/document" "$mnt/document~" | tr '\n' ,)" 'version 3,version 2,'

tree_digest "$mnt" >"$T/before"
ok 'commit' umount_disc
mount_disc "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'all of it is on the disc' "$T/before" "$T/after"
silent 'rsync still has nothing to do' rsync -aHi "$T/odd/" "$mnt/odd/"
ok 'git fsck of the burned clone' git -C "$mnt/clone" fsck --strict
silent 'git status of it' git -C "$mnt/clone" status --porcelain
is 'the database' "$(sqlite3 "$mnt/data.db" 'pragma integrity_check; select sum(length(b)) from t;' | tr '\n' ,)" "ok,$sum,"

# ---- and once more, on burned ground
ok 'update the burned database' sqlite3 "$mnt/data.db" 'update t set b=a where a%7=0;' 'vacuum;'
ok 'git commit in the burned clone' sh -c "echo y >'$mnt/clone/change' && git -C '$mnt/clone' commit -q -a -m again && git -C '$mnt/clone' gc -q --prune=now"
ok 'rsync --delete of a changed tree' sh -c "rm -r '$T/odd/a dir with spaces' && printf more >>'$T/odd/empty' && rsync -aH --delete '$T/odd/' '$mnt/odd/'"
ok 'mv of the tree' mv "$mnt/tree" "$mnt/renamed"
ok 'rm -r of a part' rm -r "$mnt/renamed/usr/include/linux"
ok 'cp -a within the mount' cp -a "$mnt/clone" "$mnt/second clone"
tree_digest "$mnt" >"$T/before"
ok 'commit' sync_disc
tree_digest "$mnt" >"$T/after"
same_listing 'the mount is the same after the rebase' "$T/before" "$T/after"
ok 'unmount' umount_disc
mount_disc -o ro "$disc"
tree_digest "$mnt" >"$T/after"
same_listing 'and after a remount' "$T/before" "$T/after"
ok 'git fsck' git -C "$mnt/clone" fsck --strict
ok 'unmount' umount_disc
done_testing
