#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# open.t - "Open disc for appending" of a file manager: mounts below ~/Discs and shows it, or says why not where it is seen
. "$(dirname "$0")/../lib.sh"

mkdir "$T/bin"
for program in xdg-open notify-send; do
	printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>"$T/%s.said"\n' "$program" >"$T/bin/$program"
	chmod +x "$T/bin/$program"
done
sed "s|@BINDIR@|$BUILD|" "$TOP/fs/system/cdappendfs-open" >"$T/open"
opened() { bounded 60 env PATH="$T/bin:$PATH" sh "$T/open" "$@"; }
point="$T/Discs/holiday photos"

blank_disc "$T/holiday photos.iso"
ok 'an image' opened "$T/holiday photos.iso"
is 'is mounted under its name' "$(findmnt -n -o SOURCE --mountpoint "$point")" "$T/holiday photos.iso"
is 'and shown' "$(cat "$T/xdg-open.said")" "$point"
echo new >"$point/file"
cd "$T" || exit
ok 'once more, by another name of it' opened 'holiday photos.iso'
is 'only shows it' "$(wc -l <"$T/xdg-open.said")" 2
is 'with what is staged' "$(cat "$point/file")" new
mkdir "$T/other"
blank_disc "$T/other/holiday photos.iso"
fails 'another disc of that name' 1 opened "$T/other/holiday photos.iso"
like 'is told from it' "$(tail -n 1 "$T/notify-send.said")" 'another disc is mounted on .*cdappendfs-umount'
ok 'unmount' bounded 60 "$BUILD/cdappendfs-umount" "$point"
echo 'no disc' >"$T/text.iso"
fails 'what is no disc' 1 opened "$T/text.iso"
like 'is said' "$(tail -n 1 "$T/notify-send.said")" 'text.iso'
fails 'and leaves no mount point' 1 test -e "$T/Discs/text"
fails 'two files' 2 opened a b
done_testing
