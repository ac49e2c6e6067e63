#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# history.t - .sessions: each session of the disc as it was, beside what xorriso loads by sbsector; found by number, date
# and label, seen by nobody who does not ask, and changed by nobody; what is copied out of it costs directory records only
. "$(dirname "$0")/../lib.sh"
need xorriso genisoimage getfattr setfattr rsync
past=$mnt/.sessions

# Their root has the session's date, of directories others know no links, and only we know nanoseconds.
same_session() { # NAME WANT DIR [LEAVE OUT]
	tree_digest "$3" "${4-}" >"$T/got"
	same_listing "$1" "$2" "$T/got"
}
# xorriso's own view of a session.  Of symbolic links it restores the target alone, and dates from 2036 on of genisoimage are
# a day late.
of_links() { sed -E 's/^([^ ]* l) [^>]*->/\1 ->/; s/^(base.sector\.bin .*) 21[0-9]*\.0* /\1 /'; }
xorriso_gives() { # DISC SECTOR DIR
	rm -rf "$3"
	bounded 120 xorriso -osirrox on:auto_chmod_off:device_files -hardlinks on -load sbsector "$2" -indev "$1" -extract / "$3" >"$T/xorriso.log" 2>&1
}
sector_of() { json "\$_->{sessions}[$2 - 1]{sbsector}" <"$1"; }
created_of() { json "\$_->{sessions}[$2 - 1]{created}" <"$1"; }

# ---- ours: one mount, a session after each round of changes ------------------------------------------------------------
disc=$T/ours.iso reference=$T/reference
mkdir "$reference"
blank_disc "$disc"
mount_disc -o volid=FIRST,compress "$disc"
none 'a blank disc has no sessions' "$(ls -A "$past")"
fails 'nor a newest one' any ls "$past/latest"
for round in 1 2 3; do
	both_changed "$round" "$reference" "$mnt" special short
	if ((round == 1)); then
		seq 200000 | tee "$reference/packed" >"$mnt/packed"
		for dir in "$reference" "$mnt"; do
			truncate -s 10M "$dir/holes" && printf end | dd of="$dir/holes" bs=1 seek=9999999 conv=notrunc status=none
			setfattr -n user.first -v round1 "$dir/packed"
			setfacl -m u:1234:r "$dir/packed"
			touch -d '2021-02-03 04:05:06.123456789' "$dir/packed" "$dir/holes"
		done
	fi
	ok "round $round: session" sync_disc
	tree_digest "$reference" >"$T/$round.want"
	if ((round == 1)); then
		exec 7<"$past/1/packed" 8<"$past/latest/first session/README"
		setfattr -n user.first -v round2 "$reference/packed" "$mnt/packed"
	fi
	is "round $round: latest is the newest" "$(readlink "$past/latest")" "$round"
	sleep 1.1 # sessions of one second have one date
done
ok 'open before the later sessions: as it was' cmp "$reference/packed" - <&7
exec 7<&- 8<&-
# Reading a tree with 20,000 lines is what the caches are good for.
for again in '' ', nothing cached'; do
	for round in 1 2 3; do same_session "session $round is as it was$again" "$T/$round.want" "$past/$round"; done
	drop_caches
done
info --json "$disc" >"$T/info.json"
for round in 1 2 3; do
	ok "xorriso loads session $round" xorriso_gives "$disc" "$(sector_of "$T/info.json" "$round")" "$T/extracted"
	# It does not unpack, and both files of the root are packed.
	tree_digest "$T/extracted" hnT | of_links | grep '/' >"$T/want"
	tree_digest "$past/$round" hnT | of_links | grep '/' >"$T/got"
	same_listing "session $round is what xorriso loads" "$T/want" "$T/got"
done
is 'attributes of then' "$(getfattr --absolute-names --only-values -n user.first "$past/1/packed" "$past/2/packed" "$mnt/packed")" round1round2round2
is 'access lists of then' "$(getfacl -cnp "$past/1/packed" | grep 1234)" 'user:1234:r--'
is 'they are in the list' "$(getfattr -m - --absolute-names "$past/1/packed" | grep -c user.first)" 1
is 'hard links are one file' "$(stat -c %i "$past/1/first session/README")" "$(stat -c %i "$past/1/first session/another name")"
isnt 'and not one with that of another session' "$(stat -c %i "$past/1/first session/README")" "$(stat -c %i "$past/2/first session/README")"
isnt 'nor with the present one' "$(stat -c %i "$past/3/first session/README")" "$(stat -c %i "$mnt/first session/README")"

# ---- names
for round in 1 2 3; do
	date=$(created_of "$T/info.json" "$round")
	is "$date is session $round" "$(readlink "$past/$date")" "$round"
	is 'its times are the date' "$(date -u -d "@$(stat -c %Y "$past/$round")" +%FT%TZ)" "$date"
	gmt=$(date -u -d "$date" +@GMT-%Y.%m.%d-%H.%M.%S)
	ok "$gmt is answered" test "$past/$gmt/first session" -ef "$past/$round/first session"
done
is 'the label leads to the newest that has it' "$(readlink "$past/FIRST")" 3
is 'all names' "$(ls "$past" | sed 's/^20.*Z$/DATE/' | paste -sd' ')" '1 2 DATE DATE DATE 3 FIRST latest'
for name in 0 4 01 +1 -1 latest/.. @GMT-2001.01.01-00.00.00 2001-01-01T00:00:00Z; do
	[[ $name == */* ]] || fails "there is no $name" 2 ls "$past/$name"
done
is '.. of a session' "$(cd "$past/2" && ls ..)" "$(ls "$past")"
ok '.. of .sessions' test "$past/.." -ef "$mnt"

# ---- nobody comes to it by chance
tree_digest "$mnt" >"$T/got"
same_listing 'the present tree has what it had' "$T/3.want" "$T/got"
none 'ls' "$(ls -A "$mnt" | grep sessions)"
none 'find -inum' "$(find "$mnt" -xdev -inum "$(stat -c %i "$past/1/packed")")"
ok 'rsync' rsync -aHAX --exclude=fifo --exclude=null --exclude=loop "$mnt/" "$T/rsynced"
none 'of which it copies nothing' "$(ls -A "$T/rsynced" | grep sessions)"
rm -rf "$T/rsynced"

# ---- it is read-only
read_only() { # WHAT COMMAND…
	local what=$1
	shift
	fails "$what" any env LC_ALL=C "$@"
	like "$what: read-only" "$(cat "$T/ok.output")" 'Read-only file system'
}
read_only 'write' dd if=/dev/null of="$past/1/packed" conv=notrunc status=none
read_only 'truncate' truncate -s 0 "$past/1/packed"
read_only 'create' touch "$past/1/new"
read_only 'create beside the sessions' touch "$past/new"
read_only 'mkdir' mkdir "$past/1/new"
read_only 'mkdir beside the sessions' mkdir "$past/5"
read_only 'remove' rm -f "$past/1/packed"
read_only 'remove a link' rm -f "$past/latest"
read_only 'rmdir of a session' rmdir "$past/1"
read_only 'rmdir of it all' rmdir "$past"
read_only 'rename within' mv "$past/1/packed" "$past/1/other"
read_only 'rename out' mv "$past/1/packed" "$mnt/"
read_only 'rename into' mv "$mnt/packed" "$past/1/new"
read_only 'rename onto' mv -T "$mnt/moved up" "$past"
read_only 'rename of it all' mv -T "$past" "$mnt/other"
read_only 'hard link out' ln "$past/1/packed" "$mnt/new"
read_only 'hard link into' ln "$mnt/packed" "$past/1/new"
read_only 'symbolic link' ln -s x "$past/1/new"
read_only 'mkfifo' mkfifo "$past/new"
read_only 'chmod' chmod 700 "$past/1/packed"
read_only 'chmod of a session' chmod 700 "$past/1"
read_only 'utimes' touch "$past/1/packed"
read_only 'setxattr' setfattr -n user.x -v y "$past/1/packed"
read_only 'removexattr' setfattr -x user.first "$past/1/packed"
fails 'there is a file of that name' any mkdir "$past"
is 'nothing is staged by all that' "$(info_json '$_->{staged_bytes}' "$mnt")" 0

# ---- a version restored: directory records only
noise 5000000 77 >"$T/noise"
cp "$T/noise" "$mnt/large"
touch -d '2020-01-01 00:00:00.5' "$mnt/large"
ok 'session 4' sync_disc
rm "$mnt/large"
ok 'session 5, without it' sync_disc
ok 'cp -a restores' cp -a "$past/4/large" "$mnt/large"
same_file 'its content' "$T/noise" "$mnt/large"
is 'its time' "$(stat -c %y "$mnt/large")" "$(stat -c %y "$past/4/large")"
"$BUILD/cdappendfs-sync" --json "$mnt" >"$T/sync.json"
is 'no data is burned' "$(json '$_->{data_bytes}' <"$T/sync.json")" 0
is 'all of it is shared' "$(json '$_->{shared_bytes} >= 5000000' <"$T/sync.json")" 1
# A file with the first block of another, which is not the same, gets its own (burner/SESSION.md): that one is out of the way.
rm "$mnt/first session/data.tar.gz"
ok 'a directory as a whole' cp -a "$past/1/first session" "$mnt/as it was"
tree_digest "$past/1/first session" >"$T/want"
same_session 'with all attributes' "$T/want" "$mnt/as it was"
"$BUILD/cdappendfs-sync" --json "$mnt" >"$T/sync.json"
is 'no data is burned for that either' "$(json '$_->{data_bytes}' <"$T/sync.json")" 0
ok 'unmount' umount_disc
mount_disc "$disc"
same_file 'mounted anew: restored' "$T/noise" "$past/latest/large"
same_session 'mounted anew: session 1' "$T/1.want" "$past/1"
ok 'unmount' umount_disc

# ---- the options
mount_disc -o sessions=show "$disc"
is 'sessions=show: listed' "$(ls -A "$mnt" | grep sessions)" .sessions
is 'once' "$(find "$mnt" -maxdepth 1 -name .sessions | wc -l)" 1
ok 'unmount' umount_disc
mount_disc -o sessions=off "$disc"
fails 'sessions=off: not there' 2 ls "$past"
ok 'the name is free' mkdir "$past"
echo mine >"$past/mine"
ok 'unmount' umount_disc
mount_disc -o sessions=show "$disc"
is 'a file of that name is what is shown' "$(ls "$past")" mine
is 'once' "$(ls -A "$mnt" | grep -c sessions)" 1
like 'and that is said' "$(cat "$log")" "a file '.sessions' of its own"
ok 'it may be renamed' mv "$past" "$mnt/mine"
is 'then the sessions are there' "$(ls "$past/latest/.sessions")" mine
ok 'unmount' umount_disc
mount_disc -o session=2,sessions=show "$disc"
is 'session=N has all sessions' "$(readlink "$past/latest")" "$(info_json '$_->{sessions}[-1]{number}' "$disc")"
same_session 'of a read-only mount: session 1' "$T/1.want" "$past/1"
tree_digest "$mnt" | grep -v '^\.sessions' >"$T/got"
same_listing 'session 2 is mounted' "$T/2.want" "$T/got"
ok 'unmount' umount_disc
fails 'another word' 2 "$BUILD/cdappendfs" -o sessions=maybe "$disc" "$mnt"

# ---- discs that other programs began, and sessions of theirs above ours
for kind in genisoimage xorriso; do
	disc=$T/$kind.iso
	new_disc "$kind" "$disc" "$T/$kind.tree"
	mount_disc "$disc"
	tree_digest "$T/$kind.tree" lhT >"$T/want"
	same_session "$kind: before we append" "$T/want" "$past/1" lhT
	for round in 1 2; do
		both_changed "$round" "$T/$kind.tree" "$mnt" special short
		ok "$kind: session $round of ours" sync_disc
	done
	same_session "$kind: the first is what it was" "$T/want" "$past/1" lhT
	ok "$kind: unmount" umount_disc
	if [[ $kind == xorriso ]]; then
		ok 'xorriso appends' xorriso -hardlinks on -dev "$disc" -map "$TOP/Makefile" /from-xorriso -commit
		mount_disc "$disc"
		cp "$mnt/from-xorriso" "$mnt/copy"
		ok 'and so do we' umount_disc
	fi
	info --json "$disc" >"$T/info.json"
	n=$(json 'scalar @{$_->{sessions}}' <"$T/info.json")
	is "$kind: all sessions are known" "$n" "$([[ $kind == xorriso ]] && echo 5 || echo 3)"
	mount_disc -o ro "$disc"
	for ((i = 1; i <= n; i++)); do
		ok "$kind: xorriso loads session $i" xorriso_gives "$disc" "$(sector_of "$T/info.json" "$i")" "$T/extracted"
		tree_digest "$T/extracted" lhnT | of_links >"$T/want"
		tree_digest "$past/$i" lhnT | of_links >"$T/got"
		same_listing "$kind: session $i is what xorriso loads" "$T/want" "$T/got"
	done
	ok "$kind: unmount" umount_disc
done

# ---- appended to by another program while it is mounted read-only: right, or an error, never another session
disc=$T/behind.iso
new_disc genisoimage "$disc" "$T/behind.tree"
dd if="$disc" of="$T/date" bs=1 skip=$((16 * 2048 + 813)) count=17 status=none
mount_disc -o ro "$disc"
start_disc -s "$T/stage/other" "$disc" "$T/other" || fail 'a writable mount beside it' "$(cat "$log")"
echo more >"$T/other/more"
ok 'a session is burned' umount_disc "$T/other"
# The head is that of the new session by now.  Its date may be that of the old one, in the same second.
dd if="$T/date" of="$disc" bs=1 seek=$((16 * 2048 + 813)) conv=notrunc status=none
fails 'session 1 is not where it was: an error' 2 ls "$past/1"
like 'which one' "$(cat "$T/ok.output")" 'Stale file handle'
like 'and why is said' "$(cat "${log_of[$mnt]}")" 'another program has changed it since it was mounted'
ok 'unmount' umount_disc

# ---- a burn under way; a session that is damaged
disc=$T/ours.iso
mount_disc -o check=reads "$disc"
same_session 'check=reads: session 2' "$T/2.want" "$past/2"
echo more >"$mnt/more"
"$BUILD/cdappendfs-sync" -q "$mnt" & children+=($!)
same_session 'while a session is burned: session 1' "$T/1.want" "$past/1"
await "${children[-1]}"
is 'it is burned' $? 0
ok 'unmount' umount_disc

# ---- many sessions open: those nobody remembers are closed, and any of them is there again
disc=$T/many.iso
blank_disc "$disc"
mount_disc -o noverify "$disc"
for i in {1..20}; do
	echo "$i" >"$mnt/number"
	sync_disc || fail "session $i"
done
for again in 1 2; do
	is 'each has its number' "$(cat "$past"/{1..20}/number | paste -sd' ')" "$(seq -s' ' 20)"
	drop_caches
done
ok 'unmount' umount_disc
done_testing
