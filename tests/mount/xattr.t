#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# xattr.t - extended attributes and access control lists: in the mount as on other file systems, over commits, remounts,
# crashes and discards; what other programs copy, they find copied
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'
need getfattr setfattr getfacl setfacl setcap getcap rsync python3 sqlite3

chmod 755 "$T"
as() { setpriv --reuid="$1" --regid="$1" --clear-groups --inh-caps=-all -- "${@:2}"; }
attributes() { getfattr -h --absolute-names -d -m "${2--}" -e hex "$1" | sed '/^# file/d; /^$/d'; }
list() { getfacl -cnpE "$1" | paste -sd' ' | sed 's/ $//'; }
# all DIR: every attribute and list below
all() { (cd "$1" && find . -print0 | sort -z >"$T/paths" && xargs -0 getfattr -h -d -m - -e hex <"$T/paths"; find . ! -type l -print0 | sort -z | xargs -0 getfacl -npE) | grep -v '^$'; }
# set_value FILE NAME BYTES FLAGS: "set", or the error
set_value() { python3 -c 'import os, sys; os.setxattr(sys.argv[1], sys.argv[2], b"x" * int(sys.argv[3]), int(sys.argv[4])); print("set")' "$@" 2>&1 | grep -oE '^set$|Errno [0-9]+'; }
errno() { echo "Errno $(python3 -c "import errno; print(errno.$1)")"; }

disc=$T/d.iso
blank_disc "$disc"
mount_disc -o commit=manual,media=64M "$disc"
cd "$mnt" || exit 1

# ---- user.*
echo content >file
mkdir dir
ln -s file link
ok 'a value is set' setfattr -n user.one -v 1 file
ok 'and another' setfattr -n user.two -v zwei file
is 'both are there' "$(attributes file)" $'user.one=0x31\nuser.two=0x7a776569'
ok 'one is replaced' setfattr -n user.one -v eins file
ok 'a directory has some' setfattr -n user.of -v dir dir
is 'as it was set' "$(attributes dir)" user.of=0x646972
ok 'one is removed' setfattr -x user.two file
fails 'once' any setfattr -x user.two file
is 'the rest stays' "$(attributes file)" user.one=0x65696e73
ok 'an empty value' setfattr -n user.empty file
is 'is one' "$(attributes file user.empty)" 'user.empty=0x'
is 'to create what is there' "$(set_value file user.one 1 1)" "$(errno EEXIST)"
is 'to replace what is not' "$(set_value file user.none 1 2)" "$(errno ENODATA)"
is 'no such namespace' "$(set_value file other.x 1 0)" "$(errno EOPNOTSUPP)"
is 'nor ours' "$(set_value file isofs.nt 1 0)" "$(errno EOPNOTSUPP)"
silent 'a link has none of the user' getfattr -h -d -m - link
is 'a value too large for Linux' "$(set_value file user.x 65537 0)" "$(errno E2BIG)"
is 'a set too large for a disc' "$(set_value file user.x 60000 0)" "$(errno ENOSPC)"
ok 'nothing of it came' cmp <(attributes file) <(printf 'user.empty=0x\nuser.one=0x65696e73\n')
is 'a large one that fits' "$(set_value file user.large 40000 0)" set
is 'its length' "$(python3 -c 'import os; print(len(os.getxattr("file", "user.large")))')" 40000
ok 'it goes' setfattr -x user.large file
fails 'inode flags are refused' any chattr +i file
like 'and that is said' "$(<"$T/ok.output")" 'not supported|Inappropriate'
fails 'of directories, too' any chattr +i dir

# ---- of root
ok 'trusted' setfattr -n trusted.t -v secret file
ok 'of a link' setfattr -h -n trusted.l -v 1 link
is 'is kept' "$(attributes link) $(attributes file trusted)" 'trusted.l=0x31 trusted.t=0x736563726574'
cp /bin/true program
ok 'a capability' setcap cap_net_raw=ep program
like 'is kept' "$(getcap program)" 'cap_net_raw'
takes() {
	setcap cap_net_raw=ep program
	is "$1: before" "$(getcap program)" 'program cap_net_raw=ep'
	ok "$1" "${@:2}"
	silent "$1 takes it" getcap program
}
takes 'a write' sh -c 'printf x >>program'
takes 'a write in place' dd if=/dev/zero of=program bs=1 count=1 conv=notrunc status=none
takes 'a cut' truncate -s 100 program
takes 'an empty open' sh -c ': >program'
takes 'a change of owner' chown 1 program
takes 'a hole' fallocate -p -o 0 -l 4096 program
setcap cap_net_raw=ep program

# ---- lists
ok 'a list' setfacl -m u:1001:rw,g:1002:r file
is 'as it was set, and its mask is the mode' "$(list file) $(stat -c %a file)" 'user::rw- user:1001:rw- group::r-- group:1002:r-- mask::rw- other::r-- 664'
chmod 640 file
is 'chmod is its mask' "$(list file) $(stat -c %a file)" 'user::rw- user:1001:rw- group::r-- group:1002:r-- mask::r-- other::--- 640'
ok 'a list that is a mode' setfacl -b file
is 'is the mode' "$(list file) $(stat -c %a file)" 'user::rw- group::r-- other::--- 640'
silent 'and nothing else' getfattr -h -d -m posix_acl file
ok 'a default list' setfacl -d -m u:1001:rwx,g::r-x,o::- dir
(umask 077; touch dir/new; mkdir dir/sub; ln -s x dir/link)
is 'a new file has it, whatever the umask' "$(list dir/new) $(stat -c %a dir/new)" 'user::rw- user:1001:rwx group::r-x mask::rw- other::--- 660'
is 'a new directory passes it on' "$(getfacl -dcnpE dir/sub | paste -sd' ')" "$(getfacl -dcnpE dir | paste -sd' ')"
is 'and has it' "$(stat -c %a dir/sub)" 770
(umask 027; touch plain)
is 'elsewhere the umask counts' "$(stat -c %a plain)" 640
is 'a file has no default list' "$(python3 -c 'import os; os.setxattr("plain", "system.posix_acl_default", os.getxattr("dir", "system.posix_acl_default"))' 2>&1 | grep -o 'Errno [0-9]*')" "$(errno EACCES)"
like 'a list that is none' "$(set_value plain system.posix_acl_access 12 0)" "$(errno EINVAL)|$(errno EOPNOTSUPP)"
ok 'names' mv dir/new dir/renamed
ok 'and links' ln dir/renamed dir/linked
is 'have the same' "$(list dir/linked)" 'user::rw- user:1001:rwx group::r-x mask::rw- other::---'
is 'ctime changes, mtime stays' "$(touch -d @1000000000 plain; setfattr -n user.t -v 1 plain; stat -c '%Y' plain; (($(stat -c %Z plain) > 1000000000)) && echo later)" $'1000000000\nlater'

# ---- what is asked of the daemon
log_debug() {
	mkdir -p "$T/counted"
	"$BUILD/cdappendfs" -f -d -o "staging=$T/stage/counted,create,commit=manual" "$T/counted.iso" "$T/counted" >"$T/debug.log" 2>&1 &
	children+=($!)
	until_true 60 mounted_by "$T/counted"
}
log_debug
noise 400000 4 >"$T/counted/f"
dd if="$T/counted/f" of="$T/counted/g" bs=4096 status=none
seen=$(grep -c 'opcode: GETXATTR' "$T/debug.log")
dd if="$T/counted/f" of="$T/counted/g" bs=4096 conv=notrunc status=none
cmp_number 'no question for each write of a small piece' $(($(grep -c 'opcode: GETXATTR' "$T/debug.log") - seen)) -le 4
cmp_number 'the writes came' "$(grep -c 'opcode: WRITE' "$T/debug.log")" -ge 190
umount "$T/counted"

# ---- over crash, discard, commit
before=$(all .)
for what in 'user.one=0x65696e73' 'trusted.l=0x31' 'security.capability=' 'user.of=0x646972' 'default:user:1001:rwx' 'user:1001:rwx'; do like "there is $what" "$before" "$what"; done
ok 'all of it is durable' sync file
cd "$T" || exit 1
kill_daemon
mount_disc -o commit=manual "$disc"
is 'after a crash everything is there' "$(all "$mnt")" "$before"
ok 'burn' sync_disc
is 'after a commit, too' "$(all "$mnt")" "$before"
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
is 'after a remount, too' "$(all "$mnt")" "$before"
ok 'to set what is there' setfattr -n user.one -v eins "$mnt/file"
ok 'lists as well' setfacl -d -m u:1001:rwx "$mnt/dir"
silent 'stages nothing' info --changes "$mnt"
like 'xorriso reads the values' "$(xorriso -acl on -xattr any -indev "$disc" -getfattr_r / -- 2>/dev/null)" 'user.one="eins"'
like 'and the lists' "$(xorriso -acl on -xattr any -indev "$disc" -getfacl /dir/renamed -- 2>/dev/null)" 'user:1001:rwx'

# changes of what is on the disc: nothing else of it is copied
chmod 600 "$mnt/dir/renamed"
mv "$mnt/dir/sub" "$mnt/moved"
ln "$mnt/file" "$mnt/file2"
setfattr -n user.new -v 1 "$mnt/dir"
setfattr -x user.one "$mnt/file"
echo more >>"$mnt/plain"
is 'what changed is told' "$(info --changes "$mnt" | sort | cut -f1 | paste -sd,)" 'A file2,M dir,M dir/linked,M dir/renamed,M file,M plain,R dir/sub -> moved'
before=$(all "$mnt")
for what in 'user.new=0x31' 'file: file2' 'file: moved' 'user.t=0x31'; do like "there is $what" "$before" "$what"; done
like 'the mask followed the mode' "$(list "$mnt/dir/linked")" 'user:1001:rwx group::r-x mask::---'
is 'data stays where it is' "$(info_json '$_->{staged_bytes} < 40000 ? "little" : "much"' "$mnt")" little
ok 'unmount, it stays staged' umount_disc
mkdir "$T/out"
ok 'what is staged is given out' "$BUILD/cdappendfs-stage" export "$T/stage/d.iso" "$T/out/x"
is 'with its attributes' "$(attributes "$T/out/x/plain" user)" "user.t=0x31"
is 'and lists' "$(list "$T/out/x/dir/linked")" 'user::rw- user:1001:rwx group::r-x mask::--- other::---'
is 'of each name' "$(list "$T/out/x/dir/renamed")" "$(list "$T/out/x/dir/linked")"
like 'of what is on the disc' "$(getfacl -cnpE "$T/out/x/dir/renamed" | paste -sd' ')" 'user:1001:rwx'
mount_disc -o commit=manual "$disc"
is 'it is there again' "$(all "$mnt")" "$before"
ok 'burn' sync_disc
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
is 'as it was' "$(all "$mnt")" "$before"
setfattr -n user.gone -v 1 "$mnt/file" && setfattr -n user.gone -v 1 "$mnt/dir" && setfattr -n user.stays -v 1 "$mnt/plain"
ok 'two are dropped' "$BUILD/cdappendfs-sync" --discard "$mnt/file" "$mnt/dir"
silent 'and as they were' getfattr -h -d -m user.gone "$mnt/file" "$mnt/dir"
is 'the third stays' "$(attributes "$mnt/plain" user.stays)" 'user.stays=0x31'
ok 'all is dropped' "$BUILD/cdappendfs-sync" --discard "$mnt"
is 'and all is as on the disc' "$(all "$mnt")" "$before"

# ---- what others copy
mkdir -p "$T/tree/a/b"
echo 1 >"$T/tree/a/1"; echo 2 >"$T/tree/a/b/2"
setfacl -m u:1001:rw "$T/tree/a/1"; setfacl -d -m g:1002:rx "$T/tree/a/b"; setfacl -m u:1001:rwx "$T/tree/a"
setfattr -n user.k -v v "$T/tree/a/b/2"; setfattr -n user.d -v v "$T/tree/a"
touch -d '2020-01-02 03:04:05.123456789' "$T/tree/a/1" "$T/tree/a/b"
ok 'cp -a copies all' cp -a "$T/tree/a" "$mnt/copied"
is 'and it is all there' "$(all "$mnt/copied")" "$(all "$T/tree/a")"
ok 'rsync -aAX, too' rsync -aAX "$T/tree/a/" "$mnt/synced/"
again() { rsync -aAXi "$T/tree/a/" "$mnt/synced/"; }
silent 'the second time it transfers nothing' again
silent 'nor cp -au' cp -auv "$T/tree/a/." "$mnt/copied/"
ok 'burn' sync_disc
ok 'unmount' umount_disc
mount_disc -o commit=manual "$disc"
silent 'after commit and remount nothing either' again
silent 'and nothing is staged' info --changes "$mnt"
ok 'unmount' umount_disc

# ---- a stage of the version before: its table had no such columns
mount_disc -o commit=manual "$disc"
echo staged >"$mnt/staged"; chmod 601 "$mnt/plain"
ok 'unmount' umount_disc
ok 'a journal of version 1' sqlite3 "$T/stage/d.iso/journal.db" "ALTER TABLE node DROP COLUMN birth; ALTER TABLE node DROP COLUMN birth_ns;
	ALTER TABLE node DROP COLUMN xattrs_at; ALTER TABLE node DROP COLUMN xattrs; PRAGMA user_version=1;"
like 'is looked at' "$("$BUILD/cdappendfs-stage" export "$T/stage/d.iso" "$T/out/old")" 'A staged'
is 'and is not changed by that' "$(sqlite3 "$T/stage/d.iso/journal.db" 'PRAGMA user_version')" 1
mount_disc -o commit=manual "$disc"
is 'and taken over' "$(<"$mnt/staged") $(stat -c %a "$mnt/plain")" 'staged 601'
ok 'with room for attributes' setfattr -n user.x -v y "$mnt/staged"
ok 'burn' sync_disc
ok 'unmount' umount_disc

# ---- others: lists are checked by the kernel, in shared mounts
mount_disc -o commit=manual,allow_other "$disc"
mkdir -m 700 "$mnt/shared"; echo for-1001 >"$mnt/shared/f"; chmod 600 "$mnt/shared/f"
fails 'no mode, no access' any as 1001 cat "$mnt/shared/f"
setfacl -m u:1001:rx "$mnt/shared"; setfacl -m u:1001:r "$mnt/shared/f"
is 'a list gives it' "$(as 1001 cat "$mnt/shared/f" 2>&1)" for-1001
fails 'to nobody else' any as 1002 cat "$mnt/shared/f"
fails 'and no more of it' any as 1001 sh -c 'echo x >>"$1"' - "$mnt/shared/f"
fails 'nobody sets a list of what is not his' any as 1001 setfacl -m u:1001:rwx "$mnt/shared/f"
setfattr -n trusted.x -v y "$mnt/shared/f"; setfattr -n user.x -v y "$mnt/shared/f"
is 'others see no trusted names' "$(as 1001 getfattr --absolute-names -m - "$mnt/shared/f" 2>&1 | grep -E '^(user|trusted)')" user.x
fails 'a value needs the right to write' any as 1001 setfattr -n user.x -v z "$mnt/shared/f"
setfacl -m u:1001:rw "$mnt/shared/f"
ok 'which a list gives, too' as 1001 setfattr -n user.x -v z "$mnt/shared/f"
fails 'trusted names are root'"'"'s' any as 1001 setfattr -n trusted.y -v z "$mnt/shared/f"
install -m 755 -o 1001 /dev/null "$mnt/shared/own"
ok 'his own list he sets' as 1001 setfacl -m u:1002:rx "$mnt/shared/own"
chown 1001:1003 "$mnt/shared/own"; chmod 2755 "$mnt/shared/own"
as 1001 setfacl -m u:1002:r "$mnt/shared/own"
is 'a set-group-id bit of a foreign group does not survive it' "$(stat -c %A "$mnt/shared/own" | cut -c7)" x
ok 'unmount' umount_disc
mount_disc -o commit=manual,allow_other,umask=022 "$disc"
is 'umask= shows one mode for all, and lists give nothing' "$(as 1002 cat "$mnt/shared/f")" for-1001
fails 'nor are they anybody'"'"'s to set' any as 1002 setfacl -m u:1002:rwx "$mnt/shared/f"
ok 'unmount' umount_disc

# ---- a full disc: it is told when the value is set, and what was taken is burned
small=$T/small.iso
blank_disc "$small"
mount_disc -o commit=manual,media=4M "$small"
n=$(python3 - "$mnt" <<'EOF'
import os, sys
n = 0
try:
    while n < 400:
        path = f"{sys.argv[1]}/{n}"
        open(path, "w").close()
        os.setxattr(path, "user.v", b"%06d" % n * 3000)
        n += 1
except OSError as e:
    assert e.errno == 28, e
print(n)
EOF
)
cmp_number 'a full disc takes no more' "$n" -lt 220
cmp_number 'and was not full before' "$n" -gt 150
ok 'it is burned' sync_disc
values() { getfattr --absolute-names -d "$mnt"/* | sha256sum; }
is 'each has its value' "$(getfattr --absolute-names -d "$mnt"/* | grep -c '^user.v=')" "$n"
before=$(values)
ok 'unmount' umount_disc
mount_disc -o ro "$small"
is 'all of them' "$(values)" "$before"
ok 'unmount' umount_disc

# ---- an older kernel
if why=$(uml_missing); then skip 'the same under another kernel' "$why"; else relay 'another kernel' in_uml "$TOP/tests/mount/xattr-guest"; fi
done_testing
