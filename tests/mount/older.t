#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# older.t - every session stays mountable as it was
. "$(dirname "$0")/../lib.sh"

disc=$T/disc.iso
blank_disc "$disc"
for n in 1 2 3 4; do
	mount_disc "$disc"
	case $n in
	1) make_odd_tree "$mnt" special ;;
	2) rm -r "$mnt/a dir with spaces"; printf 'changed\n' >>"$mnt/Readme.TXT"; mv "$mnt/level1" "$mnt/moved" ;;
	3) noise 50000 9 >"$mnt/data.tar.gz"; chmod 0700 "$mnt/moved"; ln "$mnt/README" "$mnt/moved/link" ;;
	4) rm -r "$mnt/moved" "$mnt/README"; mkdir "$mnt/last" ;;
	esac
	tree_digest "$mnt" >"$T/session.$n"
	ok "session $n" umount_disc
done
for n in 1 2 3 4; do
	mount_disc -o "session=$n" "$disc"
	tree_digest "$mnt" >"$T/got"
	same_listing "session=$n is what it was" "$T/session.$n" "$T/got"
	fails "session=$n takes no write" any sh -c "echo x >'$mnt/file'"
	like "session=$n is mounted read-only" "$(grep " $mnt " /proc/self/mountinfo)" ' ro,'
	ok "session=$n unmounts" umount_disc
done
if start_disc -o session=9 "$disc"; then
	fail 'session=9 is refused' "$(cat "$log")"
	umount_disc
else
	is 'session=9 is refused' "$start_status" 1
	is 'in one line' "$(wc -l <"$log")" 1
fi
info "$disc" >"$T/out"
for n in 1 2 3 4; do like "info lists session $n" "$(cat "$T/out")" "(^|[^0-9])${n}[^0-9]"; done
is 'JSON too' "$(info_json 'join ",", map $_->{number}, @{$_->{sessions}}' "$disc")" 1,2,3,4
is 'their starts ascend and are multiples of 32' "$(info_json 'my $l = 0; join ",", map { my $g = $_->{start_lba} > $l && $_->{start_lba} % 32 == 0; $l = $_->{start_lba}; $g ? 1 : 0 } @{$_->{sessions}}' "$disc")" 1,1,1,1
done_testing
