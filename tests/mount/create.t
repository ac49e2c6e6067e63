#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# create.t - what -o create makes, for whom, and where: in a directory of somebody else, too
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'

chmod 755 "$T"
as_other=(setpriv --reuid=1001 --regid=1001 --clear-groups --inh-caps=-all --)
mkdir -m 755 "$T/theirs" "$T/roots"
chown 1001:1001 "$T/theirs"
mode() { stat -c %a "$1"; }
creates() { start_disc -o "create,media=20M" "$@"; }

# ---- the mode
for mask in 000 022 077; do
	umask "$mask"
	(umask 022; mkdir -p "$T/stage" "$mnt")
	creates -s "$T/stage-$mask" "$T/m$mask.iso"
	status=$?
	umask 022
	is "umask $mask: made" "$status" 0
	is "umask $mask: for its owner alone" "$(mode "$T/m$mask.iso")" 600
	echo secret >"$mnt/file"
	ok "umask $mask: unmount" umount_disc
	is "umask $mask: so it stays" "$(mode "$T/m$mask.iso")" 600
done
install -m 644 /dev/null "$T/own.iso"
creates "$T/own.iso" || fail 'an empty file is a blank disc' "$(<"$log")"
echo open >"$mnt/file"
ok 'unmount' umount_disc
is 'an empty file that is there keeps its mode' "$(mode "$T/own.iso")" 644
ln -s own.iso "$T/link.iso"
creates "$T/link.iso" || fail 'a link to a file that is there' "$(<"$log")"
is 'a link to a file that is there is followed' "$(<"$mnt/file")" open
ok 'unmount' umount_disc

# ---- links of somebody else
"${as_other[@]}" ln -s "$T/roots/made.iso" "$T/theirs/dangling.iso"
fails 'a dangling link' 1 "$BUILD/cdappendfs" -o create "$T/theirs/dangling.iso" "$mnt"
like 'it says what is wrong' "$(<"$T/ok.output")" 'symbolic link'
"${as_other[@]}" ln -s "$T/roots/none" "$T/theirs/nowhere"
fails 'a directory that is a dangling link' 1 "$BUILD/cdappendfs" -o create "$T/theirs/nowhere/made.iso" "$mnt"
silent "nothing is made in root's directory" ls -A "$T/roots"
# It comes after the look at the name.  The mount fails, so nothing is to be left at all.
"${as_other[@]}" "$TOOLS/flip" link "$T/theirs/new.iso" "$T/roots/made.iso" >/dev/null 2>&1 &
flipper=$!
children+=("$flipper")
others=''
for ((i = 0; i < ${FLIPS:-150}; i++)); do
	status=0
	bounded 60 "$BUILD/cdappendfs" -o create,staging=/dev/null/stage "$T/theirs/new.iso" "$mnt" >"$T/flip.output" 2>&1 || status=$?
	((status == 1)) || others+=" $status"
	[[ -e $T/roots/made.iso ]] && break
done
none 'a link that comes and goes: each mount is refused' "$others"
ok 'it came and went all the time' alive "$flipper"
kill "$flipper"
wait "$flipper" 2>/dev/null
silent "nothing is made in root's directory" ls -A "$T/roots"

# ---- where all may make files
mkdir -m 1777 "$T/all"
"${as_other[@]}" sh -c ": >'$T/all/taken.iso'; chmod 666 '$T/all/taken.iso'"
fails "another user's file in the place of what is to be made" 1 bounded 60 "$BUILD/cdappendfs" -f -o create "$T/all/taken.iso" "$mnt"
like 'it says why' "$(<"$T/ok.output")" 'another user has made it'
creates "$T/all/own.iso" && umount_disc || fail 'one that is made there' "$(<"$log")"
ok 'and mounted with the same words again' creates "$T/all/own.iso"
ok 'unmount' umount_disc
"${as_other[@]}" sh -c ": >'$T/theirs/there.iso'"
ok 'in their own directory theirs is meant' creates "$T/theirs/there.iso"
ok 'unmount' umount_disc

# Theirs comes between our look and ours.
fails "another user's file that comes at that moment" 1 env PLANT=moment.iso LD_PRELOAD="$TOOLS/preload/planted.so" \
	timeout 60 "$BUILD/cdappendfs" -f -o "create,staging=$T/stage-moment" "$T/all/moment.iso" "$mnt"
like 'it says why' "$(<"$T/ok.output")" 'somebody has made it at this very moment'
is 'it is left to them' "$(stat -c '%u %s' "$T/all/moment.iso")" '1001 0'

# ---- what a mount that fails takes back
fails 'a mount that fails' 1 "$BUILD/cdappendfs" -o create,staging=/dev/null/stage "$T/theirs/failed.iso" "$mnt"
ok 'takes the image back that it made' test ! -e "$T/theirs/failed.iso"
# Their directory becomes a link to root's between the look and the removal.
if command -v strace >/dev/null; then
	"${as_other[@]}" mkdir "$T/theirs/dir"
	: >"$T/roots/taken.iso"
	strace -f -qq -o /dev/null -e 'inject=unlink,unlinkat:delay_enter=2000000' \
		"$BUILD/cdappendfs" -f -o create,staging=/dev/null/stage "$T/theirs/dir/taken.iso" "$mnt" >"$T/late.output" 2>&1 &
	late=$!
	children+=("$late")
	ok 'a mount fails, and takes its image back late' until_true 60 grep -q 'cannot be used' "$T/late.output"
	mv "$T/theirs/dir" "$T/theirs/moved"
	"${as_other[@]}" ln -s "$T/roots" "$T/theirs/dir"
	await "$late" 60
	ok 'the file of root by that name stays' test -e "$T/roots/taken.iso"
	rm "$T/roots/taken.iso"
else
	skip 'an image that is taken back late' 'no strace'
fi
: >"$T/theirs/empty.iso"
fails 'a mount of an empty file that fails' 1 "$BUILD/cdappendfs" -o create,staging=/dev/null/stage "$T/theirs/empty.iso" "$mnt"
ok 'leaves that' test -e "$T/theirs/empty.iso"

# ---- what else is made
silent 'of a stage nothing is for others' find "$T/stage" "$T"/stage-* -perm /077 ! -path "$T/stage"
done_testing
