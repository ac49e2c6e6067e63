#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# install.t - what is installed is all there and says where it is; uninstalling leaves nothing; the sources as an archive
# are the same bytes each time
. "$(dirname "$0")/../lib.sh"

# Built as it is: nothing is compiled.
run_make() { make -C "$TOP" --no-print-directory -o programs -o completions B="${BUILD#"$TOP/"}" "$@"; }
installed() { find "$T/root" ! -type d -printf '/%P\n' | sort; }

umask 077
ok 'install' run_make DESTDIR="$T/root" PREFIX=/usr SBINDIR=/sbin install
installed >"$T/list"
read -ra commands <<<"$(sed -n 's/^COMMANDS := //p' "$TOP/Makefile")"
cmp_number 'there are programs' "${#commands[@]}" -gt 5
for name in cdappendfs "${commands[@]/#/cdappendfs-}"; do
	printf '%s\n' "/usr/bin/$name" "/usr/share/man/man1/$name.1" "/usr/share/bash-completion/completions/$name" \
		"/usr/share/fish/vendor_completions.d/$name.fish"
	grep -q "^#compdef .*\b$name\b" "$T/root/usr/share/zsh/site-functions/_cdappendfs" || echo "$name in zsh"
done >"$T/expected"
cat >>"$T/expected" <<'END'
/sbin/umount.fuse.cdappendfs
/usr/bin/cdappendfs-read.py
/usr/include/cdappendfs/control.h
/usr/lib/systemd/user/cdappendfs@.service
/usr/libexec/cdappendfs-open
/usr/share/applications/cdappendfs-open.desktop
/usr/share/doc/cdappendfs/examples/90-cdappendfs.rules
/usr/share/man/man1/cdappendfs-read.py.1
/usr/share/metainfo/org.cdappendfs.cdappendfs.metainfo.xml
/usr/share/zsh/site-functions/_cdappendfs
END
sort -o "$T/expected" "$T/expected"
same_listing 'all is there, and nothing else' "$T/expected" "$T/list"
ok 'the reader runs' "$T/root/usr/bin/cdappendfs-read.py" --help
none 'others may read all of it' "$(find "$T/root" ! -type l ! -type d ! -perm -444)"
none 'no place is left open' "$(grep -rlE '@[A-Z]+DIR@' "$T/root")"
is 'the unit runs what is installed' "$(grep -o '^ExecStart=[^ ]*' "$T/root/usr/lib/systemd/user/cdappendfs@.service")" ExecStart=/usr/bin/cdappendfs
is 'so does the desktop' "$(sed -n 's/^Exec=//p' "$T/root/usr/share/applications/cdappendfs-open.desktop")" '/usr/libexec/cdappendfs-open %f'
is 'umount(8) finds its helper' "$(readlink "$T/root/sbin/umount.fuse.cdappendfs")" /usr/bin/cdappendfs-umount
echo '#include <cdappendfs/control.h>
int main(void) { struct sockaddr_un a; struct stat st = {.st_mode = S_IFREG}; return !control_address(1, 2, &a) || !control_disc_address(&st, &a); }' >"$T/a.c"
ok 'a program of others is compiled with the header alone' gcc -std=gnu11 -Wall -Wextra -Werror -pedantic -I"$T/root/usr/include" -o "$T/a" "$T/a.c"
ok 'and runs' "$T/a"
ok 'uninstall' run_make DESTDIR="$T/root" PREFIX=/usr SBINDIR=/sbin uninstall
none 'leaves nothing' "$(installed)"

# ---- the archive ----
dist() { "$1/fs/system/dist" "$2"; }
ok 'an archive of the sources' dist "$TOP" "$T/a.tar.gz"
mkdir "$T/there"
ok 'it is unpacked' tar -C "$T/there" -xzf "$T/a.tar.gz"
there=("$T/there"/cdappendfs-*)
ok 'it has what git does not name by itself' test -x "${there[0]}/.ci/run" -a -f "${there[0]}/.debian/control"
none 'nothing that was built' "$(cd "${there[0]}" && echo build*)"
(umask 002 && cd "${there[0]}" && mkdir build && touch build/x && chmod -R g+w .)
export TZ=Asia/Tokyo
ok 'another one, of what was unpacked, elsewhere and with another mask' dist "${there[0]}" "$T/b.tar.gz"
same_file 'is the same' "$T/a.tar.gz" "$T/b.tar.gz"

# ---- the package ----
is 'the package has the version of the programs' "$(sed -n '1s/^cdappendfs (\(.*\)-[^-]*) .*/\1/p' "$TOP/.debian/changelog")" \
	"$("$BUILD/cdappendfs" --version | sed 's/.* //')"
done_testing
