#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# times.t - times to the nanosecond: the same before a commit, after it and after a remount, in full and linked trees, of
# all kinds of files; on discs whose older sessions have none
. "$(dirname "$0")/../lib.sh"
need rsync python3

disc=$T/disc.iso source=$T/source
times() { (cd "$1" && find . -printf '%p %y %A@ %T@ %C@\n' | LC_ALL=C sort); }
# Of what was set, not of when; who lists the source reads its directories and links.
set_times() { (cd "$1" && find . \( -type d -o -type l \) -printf '%p %y %T@\n' -o -printf '%p %y %A@ %T@\n' | LC_ALL=C sort); }
sessions() { info_json 'scalar @{$_->{sessions}}' "$disc"; }
again() { rsync -aHAX --delete --modify-window=-1 -i "$source/" "$mnt/" 2>&1; } # what is left to do

mkdir -p "$source/directory/inner"
echo text >"$source/file"
ln "$source/file" "$source/directory/other name"
ln -s file "$source/link"
mkfifo "$source/fifo"
echo long >"$source/directory/$(printf 'n%.0s' {1..120})"
echo longest >"$source/directory/$(printf 'm%.0s' {1..255})"
ln -s "$(printf 'component/%.0s' {1..90})" "$source/directory/long link"
noise 300000 1 >"$source/directory/inner/noise"
n=0
while IFS= read -r -d '' path; do
	((++n))
	touch -h -a -d "2001-02-03 04:05:06.$(printf %09d $((n * 1000003)))" "$path"
	touch -h -m -d "2011-12-13 14:15:16.$(printf %09d $((999999999 - n * 7919)))" "$path"
done < <(find "$source" -depth -print0)
((EUID)) || { mknod "$source/device" c 1 3 && touch -d '1999-12-31 23:59:59.999999999' "$source/device" && touch -d '2011-12-13 14:15:16.000000001' "$source"; }

for tree in full linked; do
	disc=$T/$tree.iso
	blank_disc "$disc"
	mount_disc -o "commit=manual,tree=$tree" "$disc"
	set_times "$source" >"$T/want"
	ok "tree=$tree: cp -a" cp -a "$source/." "$mnt"
	set_times "$mnt" >"$T/got"
	same_listing "tree=$tree: copies them" "$T/want" "$T/got"
	times "$mnt" >"$T/staged"
	ok "tree=$tree: a commit" sync_disc
	times "$mnt" >"$T/got"
	same_listing "tree=$tree: they are the same after it" "$T/staged" "$T/got"
	silent "tree=$tree: rsync transfers nothing" again
	ok "tree=$tree: unmount" umount_disc
	mount_disc -o "commit=manual,tree=$tree" "$disc"
	times "$mnt" >"$T/got"
	same_listing "tree=$tree: and after a remount" "$T/staged" "$T/got"
	silent "tree=$tree: nor then" again
	is "tree=$tree: which makes no session" "$(info_json '$_->{staged_bytes}' "$mnt")" 0
	touch -h -m -d '2011-12-13 14:15:16.123456789' "$mnt/link" "$mnt/directory/inner"
	times "$mnt" >"$T/staged"
	ok "tree=$tree: a change of nanoseconds is one" sync_disc
	ok "tree=$tree: unmount" umount_disc
	is "tree=$tree: a session" "$(sessions)" 2
	mount_disc -o "commit=manual,tree=$tree" "$disc"
	times "$mnt" >"$T/got"
	same_listing "tree=$tree: all of it is there" "$T/staged" "$T/got"
	ok "tree=$tree: unmount" umount_disc
	reader "$disc" "$T/restored" >"$T/reader.log" 2>&1
	(cd "$T/restored" && find . ! -type c -printf '%p %y %T@\n' | LC_ALL=C sort) >"$T/got"
	sed -E '/ c /d; s/^(.*) [^ ]+ ([^ ]+) [^ ]+$/\1 \2/' "$T/staged" >"$T/others"
	same_listing "tree=$tree: the reader in Python restores them" "$T/others" "$T/got"
	rm -rf "$T/restored"
done

# ---- years that no disc has become the nearest, and are no change when they are set again
blank_disc "$disc"
mount_disc "$disc"
echo >"$mnt/late"
touch -d '2300-01-01 00:00:00.5' "$mnt/late"
ok 'a year beyond: a session' umount_disc
mount_disc "$disc"
is 'the nearest' "$(TZ=UTC stat -c %y "$mnt/late")" '2155-12-31 23:59:59.500000000 +0000'
touch -d '2300-01-01 00:00:00.5' "$mnt/late"
is 'set again it makes no session' "$(info_json '$_->{staged_bytes}' "$mnt")" 0
ok 'unmount' umount_disc

# ---- above sessions without nanoseconds
for tree in full linked; do
	disc=$T/old-$tree.iso
	gunzip <"$TOP/tests/mount/made-by-0.2.iso.gz" >"$disc"
	mount_disc -o "commit=manual,tree=$tree" "$disc"
	times "$mnt" >"$T/old"
	is "0.2, tree=$tree: its times are of whole seconds" "$(grep -c '\.[0-9]*[1-9][0-9]*' <(sed -E 's/^.* [a-z] //' "$T/old"))" 0
	echo new >"$mnt/a new file"
	ok "0.2, tree=$tree: a session above it" sync_disc
	echo newer >"$mnt/a newer file"
	touch -d '2020-02-02 02:02:02.020202020' "$mnt"
	times "$mnt" >"$T/staged"
	ok "0.2, tree=$tree: and another" sync_disc
	ok "0.2, tree=$tree: unmount" umount_disc
	mount_disc "$disc"
	times "$mnt" >"$T/got"
	same_listing "0.2, tree=$tree: what is new has its times" "$T/staged" "$T/got"
	grep -v '^\. ' "$T/old" >"$T/want"
	grep -vE '^\. |^\./a newe?r? file' "$T/got" >"$T/kept"
	same_listing "0.2, tree=$tree: what was there has the old ones" "$T/want" "$T/kept"
	ok "0.2, tree=$tree: unmount" umount_disc
	mount_disc -o session=2 "$disc"
	times "$mnt" >"$T/got"
	same_listing "0.2, tree=$tree: the old session is as it was" "$T/old" "$T/got"
	ok "0.2, tree=$tree: unmount" umount_disc
done
done_testing
