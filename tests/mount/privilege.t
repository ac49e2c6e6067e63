#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# privilege.t - what a mount gives to others: no more than the modes on the disc; and what the daemon itself may
# still do
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'

chmod 755 "$T"
other() { setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all -- "$@"; }
status_of() { awk -v field="$1:" '$1 == field {print $2}' "/proc/${pid_of[$mnt]}/status"; }
options_of() { awk -v at="$1" '$5 == at {print "," $6 ","}' /proc/self/mountinfo; }

# ---- a disc of somebody else: set-id programs, devices, files of root
disc=$T/foreign.iso tree=$T/tree
mkdir -p "$tree/private" "$tree/open"
cp "$(command -v id)" "$tree/open/id"
chmod 6755 "$tree/open/id"
printf 'secret\n' >"$tree/secret"
printf 'inside\n' >"$tree/private/inside"
printf 'public\n' >"$tree/open/public"
chmod 600 "$tree/secret"
chmod 700 "$tree/private"
chmod 666 "$tree/open/public"
chmod 755 "$tree" "$tree/open"
mknod "$tree/open/null" c 1 3
chmod 666 "$tree/open/null"
xorriso -outdev "$disc" -volid FOREIGN -map "$tree" / -commit >/dev/null 2>&1

mount_disc "$disc"
like 'nosuid by default' "$(options_of "$mnt")" ,nosuid,
like 'nodev by default' "$(options_of "$mnt")" ,nodev,
fails 'a private mount is closed to others' any other ls "$mnt"
is 'the modes of the disc are shown' "$(stat -c '%a %u' "$mnt/open/id")" '6755 0'
fails 'a device of it cannot be opened' any sh -c "echo x >'$mnt/open/null'"
ok 'unmount' umount_disc

mount_disc -o allow_other "$disc"
like 'nosuid with allow_other' "$(options_of "$mnt")" ,nosuid,
ok 'allow_other implies default_permissions' grep -q " $mnt .*default_permissions" /proc/self/mountinfo
is 'a set-id program of it runs as who calls it' "$(other "$mnt/open/id" -u)" 65534
fails 'a device of it cannot be opened by others' any other sh -c "echo x >'$mnt/open/null'"
is 'others read what is theirs to read' "$(other cat "$mnt/open/public")" public
fails 'not a file 0600' any other cat "$mnt/secret"
fails 'nor in a directory 0700' any other cat "$mnt/private/inside"
fails 'nor list it' any other ls "$mnt/private"
ok 'they write what is 0666' other sh -c "echo more >>'$mnt/open/public'"
fails 'make nothing in 0755' any other touch "$mnt/open/new"
fails 'delete nothing there' any other rm -f "$mnt/open/public"
fails 'rename nothing' any other mv "$mnt/open/public" "$mnt/open/mine"
fails 'link nothing' any other ln "$mnt/secret" "$mnt/open/link"
fails 'chmod nothing' any other chmod 777 "$mnt/secret"
fails 'chown nothing' any other chown 65534 "$mnt/secret"
fails 'truncate nothing' any other truncate -s 0 "$mnt/secret"
fails 'touch nothing' any other touch -d 2001-01-01 "$mnt/secret"
mkdir -m 1777 "$mnt/shared"
ok 'where all may write' other sh -c "cd '$mnt/shared' && mkdir d && echo x >d/f && chmod 4755 d/f"
echo root >"$mnt/shared/of root"
fails 'the sticky bit holds' any other mv "$mnt/shared/of root" "$mnt/shared/mine"
fails 'for deleting as well' any other rm -f "$mnt/shared/of root"
ok 'a write by others takes the set-id bits' sh -c "cp '$mnt/open/id' '$mnt/shared/id' && chmod 6777 '$mnt/shared/id'"
other sh -c "echo x >>'$mnt/shared/id'"
is 'as on any file system' "$(stat -c %a "$mnt/shared/id")" 777

# ---- control calls: the owner and root
for call in 'sync' 'sync --dry-run' 'sync --discard' umount 'info --changes'; do fails "cdappendfs-$call by others is refused" 1 other "$BUILD"/cdappendfs-$call "$mnt"; done
ok 'the mount is still there' mountpoint -q "$mnt"
device=$(awk -v at="$mnt" '$5 == at {print $3}' /proc/self/mountinfo)
raw_ask() { perl -MSocket -e 'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack_sockaddr_un("\0cdappendfs/$ARGV[0]")) or die; syswrite $s, "$ARGV[1]\n"; print <$s>' "$@"; }
ask_as_other() { other bash -c "$(declare -f raw_ask); raw_ask \"\$@\"" - "$@"; }
like 'root is answered' "$(raw_ask "$device" status)" '"type":'
for request in info sync discard wait status changes; do like "a bare '$request' by others is refused" "$(ask_as_other "$device" "$request")" 'only the owner'; done
ok 'nothing was burned or dropped' test -e "$mnt/shared/d/f"

# ---- the daemon
is 'no new privileges' "$(status_of NoNewPrivs)" 1
if [[ $(awk '$1 == "Seccomp:" {print $2}' /proc/self/status) ]]; then is 'a filter of system calls' "$(status_of Seccomp)" 2; else skip 'a filter of system calls' 'no seccomp'; fi
is 'of root'"'"'s capabilities one is left: to reach what only root may' "$(status_of CapEff)" 0000000000000004
is 'and can be had' "$(status_of CapPrm)" 0000000000000004
is 'or had by what it runs' "$(status_of CapBnd)" 0000000000200004
ok 'each of its threads' sh -c "! grep -hE '^(NoNewPrivs|Seccomp|CapEff):' /proc/${pid_of[$mnt]}/task/*/status | sort -u | grep -vE 'NoNewPrivs:.1|Seccomp:.2|CapEff:.0000000000000004'"
ok 'unmount' umount_disc

mount_disc -o suid,dev "$disc"
fails '-o suid is handed on' any grep -q ,nosuid, <<<"$(options_of "$mnt")"
fails '-o dev is handed on' any grep -q ,nodev, <<<"$(options_of "$mnt")"
ok 'a device works' sh -c "echo x >'$mnt/open/null'"
ok 'unmount' umount_disc

# ---- the stage
blank_disc "$T/blank.iso"
mount_disc -s "$T/stage/fresh" "$T/blank.iso"
noise 3000000 1 >"$mnt/large"
echo small >"$mnt/small"
sync "$mnt/small"
is 'the stage is private' "$(find "$T/stage/fresh" -printf '%m\n' | sort -u | tr '\n' ' ')" '600 700 '
kill_daemon
# refused_stage NAME PATTERN: it is not taken
refused_stage() {
	if start_disc -s "$T/stage/fresh" "$T/blank.iso"; then fail "$1" 'it was mounted'; kill_daemon; else like "$1" "$(cat "$log")" "$2"; fi
}
chmod 770 "$T/stage/fresh"
refused_stage 'a stage that others may write to is refused' 'others may write'
chmod 707 "$T/stage/fresh"
refused_stage 'also one for all' 'others may write'
chmod 700 "$T/stage/fresh"
chown 65534 "$T/stage/fresh"
refused_stage 'a stage of another user is refused' 'belongs to another user'
chown 0 "$T/stage/fresh"
# in_place_of FILE: a link to a file of root takes its place
in_place_of() {
	local file=$1 victim=$T/victim
	printf 'of root\n' >"$victim"
	mv "$T/stage/fresh/$file" "$T/aside"
	ln -s "$victim" "$T/stage/fresh/$file"
	refused_stage "a link in place of $file is not followed" 'cannot be used'
	is "what it points to is untouched" "$(cat "$victim")" 'of root'
	rm "$T/stage/fresh/$file"
	mv "$T/aside" "$T/stage/fresh/$file"
}
for file in lock journal.db journal.db-wal; do [[ -e $T/stage/fresh/$file ]] && in_place_of "$file"; done
mv "$T/stage/fresh/bodies" "$T/bodies"
ln -s "$T/bodies" "$T/stage/fresh/bodies"
refused_stage 'nor one in place of bodies' 'cannot be used'
rm "$T/stage/fresh/bodies"
mv "$T/bodies" "$T/stage/fresh/bodies"
mount_disc -s "$T/stage/fresh" "$T/blank.iso"
is 'and all is as it was' "$(cat "$mnt/small")" small
ok 'unmount' umount_disc

# ---- root mounts for a user
third() { setpriv --reuid=65533 --regid=65533 --clear-groups --inh-caps=-all -- "$@"; }
blank_disc "$T/for.iso"
chmod 755 "$T"
mount_disc -o uid=65534 "$T/for.iso"
is 'the root directory is that user'"'"'s alone' "$(stat -c '%a %u' "$mnt")" '700 65534'
ok 'who writes' other sh -c "echo his >'$mnt/his'"
is 'and reads' "$(other cat "$mnt/his")" his
ok 'as root does' cat "$mnt/his"
fails 'nobody else' any third cat "$mnt/his"
fails 'sees anything' any third ls "$mnt"
ok 'he asks for a commit' other "$BUILD/cdappendfs-sync" "$mnt"
fails 'others do not' 1 third "$BUILD/cdappendfs-sync" "$mnt"
ok 'unmount' umount_disc
done_testing
