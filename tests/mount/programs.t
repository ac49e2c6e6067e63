#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# programs.t - programs that check what they keep, in the mount, with sessions between: restic and borg repositories, git,
# SQLite's write-ahead log, rsync, tar, cp, a compiler, fio; locks, mappings and sendfile over a session
#
# PROGRAMS_MEBIBYTES (8): what is backed up.  PROGRAMS_PROJECT=1, as `make soak` has it: this project is built in the mount.
. "$(dirname "$0")/../lib.sh"
need python3

mebibytes=${PROGRAMS_MEBIBYTES:-8}
disc=$T/disc.iso
session() { ok "$1" sync_disc; }
have() { command -v "$1" >/dev/null || { skip "$1" "no $1"; return 1; }; }
# What is backed up: it grows, and changes in the middle of a file.
make_source() {
	mkdir -p "$T/source/code"
	cp -a "$TOP/fs" "$T/source/code"
	noise $((mebibytes << 20)) "$1" >"$T/source/noise $1"
	{ seq 100000; echo "$1"; seq 100000; } >"$T/source/text"
	ln -sf "noise $1" "$T/source/newest"
}
blank_disc "$disc"
mount_disc "$disc"
make_source 1

# ---- repositories that know each byte
if have restic; then
	export RESTIC_PASSWORD=words RESTIC_CACHE_DIR=$T/cache
	repository=$mnt/restic
	ok 'restic init' restic init -q -r "$repository"
	ok 'restic backup' restic backup -q -r "$repository" "$T/source"
fi
if have borg; then
	export BORG_BASE_DIR=$T/borg BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
	ok 'borg init' borg init -e none "$mnt/borg"
	ok 'borg create' borg create "$mnt/borg::first" "$T/source"
fi
session 'a session'
make_source 2
rm "$T/source/noise 1"
if command -v restic >/dev/null; then
	ok 'restic backup, of what is burned' restic backup -q -r "$repository" "$T/source"
	ok 'restic check' restic check -q --read-data -r "$repository"
	ok 'restic forget, prune' restic forget -q -r "$repository" --keep-last 1 --prune
	session 'a session'
	ok 'restic check' restic check -q --read-data -r "$repository"
	ok 'restic restore' restic restore -q -r "$repository" latest --target "$T/restic"
	ok 'it is what was backed up' diff -r --no-dereference "$T/source" "$T/restic$T/source"
fi
if command -v borg >/dev/null; then
	ok 'borg create, on what is burned' borg create "$mnt/borg::second" "$T/source"
	ok 'borg delete' borg delete "$mnt/borg::first"
	ok 'borg compact' borg compact "$mnt/borg"
	session 'a session'
	ok 'borg check' borg check --verify-data "$mnt/borg"
	mkdir "$T/out"
	ok 'borg extract' eval "cd '$T/out' && borg extract '$mnt/borg::second'"
	ok 'it is what was backed up' diff -r --no-dereference "$T/source" "$T/out$T/source"
fi

# ---- git
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example
git init -q "$mnt/repository"
cp -a "$TOP/burner" "$mnt/repository"
for i in 1 2 3; do
	echo "$i" >"$mnt/repository/change"
	git -C "$mnt/repository" add -A && git -C "$mnt/repository" commit -q -m "change $i"
	ok "git, a session $i" sync_disc
done
ok 'git gc' git -C "$mnt/repository" gc -q --prune=now
session 'a session'
ok 'git fsck' git -C "$mnt/repository" fsck --strict --full
silent 'nothing seems to have changed' git -C "$mnt/repository" status --porcelain

# ---- a database that stays open over a session
mkfifo "$T/sql"
sqlite3 "$mnt/data.db" <"$T/sql" >"$T/sql.out" 2>&1 & pid=$!
children+=("$pid")
exec {sql}>"$T/sql"
echo 'pragma journal_mode=wal; create table t(a integer primary key, b text); insert into t(b) select hex(randomblob(50)) from generate_series(1,5000); select "one";' >&"$sql"
until_true 60 grep -q one "$T/sql.out"
session 'a session while it is open'
echo 'update t set b=b||a; select "two"; pragma wal_checkpoint(truncate); insert into t(b) values("last"); select "three";' >&"$sql"
until_true 60 grep -q three "$T/sql.out"
session 'a session'
echo 'pragma integrity_check; select count(*) from t;' >&"$sql"
exec {sql}>&-
await "$pid"
like 'the database is whole' "$(tr '\n' ' ' <"$T/sql.out")" ' ok 5001 $'

# ---- copies
ok 'rsync -aH --delete' rsync -aH --delete "$T/source/" "$mnt/mirror/"
session 'a session'
silent 'a second one transfers nothing' rsync -aHi --delete "$T/source/" "$mnt/mirror/"
truncate -s 40M "$T/sparse"
printf island | dd of="$T/sparse" bs=1M seek=20 conv=notrunc status=none
tar -C "$T" --sparse -cf "$T/sparse.tar" sparse
ok 'tar x of a sparse file' tar -C "$mnt" -xf "$T/sparse.tar"
cmp_number 'it is sparse' "$(stat -c %b "$mnt/sparse")" -lt 4096
ok 'cp --sparse --reflink=auto' cp --sparse=always --reflink=auto "$mnt/sparse" "$mnt/sparse copy"
session 'a session'
same_file 'tar gave what it has' "$T/sparse" "$mnt/sparse"
same_file 'so did cp' "$T/sparse" "$mnt/sparse copy"

# ---- a compiler
mkdir "$mnt/build"
cp -a "$TOP/burner" "$TOP/include" "$mnt/build"
compile() { (cd "$mnt/build" && for f in burner/base/*.c; do gcc -std=gnu11 -D_GNU_SOURCE -I. -Iinclude -c -o "${f%.c}.o" "$f" || exit; done && ar rcs base.a burner/base/*.o); }
ok 'gcc and ar' compile
session 'a session'
sum=$(sha256sum <"$mnt/build/base.a")
rm "$mnt/build/burner/base/json.o"
ok 'again' compile
is 'gives the same' "$(sha256sum <"$mnt/build/base.a")" "$sum"

# ---- this project: cloned, built with a session in the middle, and the same as beside the mount
build_in() { make -C "$1" -s -j2 CC=gcc CFLAGS="-O1 -g -ffile-prefix-map=$1=." all; }
built() { (cd "$1" && find build \( -name '*.[oa]' -o -type f -perm /1 \) -exec sha256sum {} + | LC_ALL=C sort); }
many_objects() { (($(find "$mnt/project/build" -name '*.o' | wc -l) > 60)); }
if [[ ${PROGRAMS_PROJECT-} ]]; then
	mkdir "$T/project"
	(cd "$TOP" && cp -a Makefile burner fs include tests "$T/project" && cd "$T/project" && git init -q && git add -A && git commit -q -m all)
	ok 'git clone' git clone -q "$T/project" "$mnt/project"
	patience 3600
	build_in "$mnt/project" >"$T/build.log" 2>&1 & pid=$!
	children+=("$pid")
	ok 'make has begun' until_true 900 many_objects
	session 'a session while it works'
	ok 'it has ended' await "$pid" 1800
	session 'a session'
	built "$mnt/project" >"$T/built"
	patience 3600
	ok 'make, beside the mount' build_in "$T/project"
	built "$T/project" >"$T/built.beside"
	same_file 'both gave the same' "$T/built.beside" "$T/built"
	ok 'unmounted' umount_disc
	mount_disc -o ro "$disc"
	built "$mnt/project" >"$T/built"
	same_file 'so it is on the disc' "$T/built.beside" "$T/built"
	silent 'make finds nothing to do there' make -C "$mnt/project" -s CC=gcc CFLAGS="-O1 -g -ffile-prefix-map=$mnt/project=." build/cdappendfs{,-info,-sync}
	ok 'what was built runs there' "$mnt/project/build/cdappendfs" --version
	ok 'git fsck' git -C "$mnt/project" fsck --strict --full
	silent 'nothing of what was cloned has changed' git -C "$mnt/project" --no-optional-locks status --porcelain --untracked-files=no
	ok 'unmounted' umount_disc
	mount_disc "$disc"
fi

# ---- fio
if have fio; then
	for engine in psync mmap; do
		ok "fio, verified, $engine" fio --name="$engine" --directory="$mnt" --size=4m --bs=4k --rw=randrw --ioengine="$engine" \
			--verify=crc32c --do_verify=1 --verify_fatal=1 --randseed=1 --numjobs=2
		session "a session"
		ok "fio verifies what is burned, $engine" fio --name="$engine" --directory="$mnt" --size=4m --bs=4k --rw=randrw --ioengine="$engine" \
			--verify=crc32c --verify_only=1 --verify_fatal=1 --randseed=1 --numjobs=2
	done
fi

# ---- locks, mappings, sendfile: held over a session
cat >"$T/held.py" <<'END'
import fcntl, mmap, os, sys
top, disc = sys.argv[1], sys.argv[2]
path = os.path.join(top, 'held')
with open(path, 'wb') as f:
    f.write(b'a' * 100000)
f = open(path, 'r+b')
m = mmap.mmap(f.fileno(), 0)
fcntl.flock(f, fcntl.LOCK_EX)
m[0:5] = b'first'
print('ready', flush=True)
sys.stdin.readline()
other = open(path, 'r+b')
try:
    fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    sys.exit('the lock is lost')
except BlockingIOError:
    pass
fcntl.lockf(f, fcntl.LOCK_EX, 10, 5)
m[50000:50006] = b'second'
m.flush()
if os.pread(other.fileno(), 5, 0) != b'first' or os.pread(other.fileno(), 6, 50000) != b'second':
    sys.exit('the mapping is not the file')
sent = open(os.path.join(top, 'sent'), 'wb')
at = 0
while at < 100000:
    at += os.sendfile(sent.fileno(), f.fileno(), at, 100000 - at)
sent.close()
if open(os.path.join(top, 'sent'), 'rb').read() != bytes(m):
    sys.exit('sendfile gave something else')
END
mkfifo "$T/go"
/usr/bin/python3 "$T/held.py" "$mnt" "$disc" <"$T/go" >"$T/held.out" 2>&1 & pid=$!
children+=("$pid")
exec {go}>"$T/go"
until_true 60 grep -q ready "$T/held.out"
session 'a session while a file is locked and mapped'
echo >&"$go"
exec {go}>&-
if await "$pid"; then pass 'lock, mapping and sendfile are right after it'; else fail 'lock, mapping and sendfile are right after it' "$(<"$T/held.out")"; fi
tree_digest "$mnt" T >"$T/want"
ok 'unmounted' umount_disc
mount_disc "$disc"
tree_digest "$mnt" T >"$T/got"
same_listing 'all of it is on the disc' "$T/want" "$T/got"
ok 'unmounted' umount_disc
done_testing
