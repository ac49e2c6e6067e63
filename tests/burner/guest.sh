# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# guest.sh - for scripts in the guest that run cdappendfs on an emulated recorder; to be sourced
#
# They set work, tree (what ought to be there), mnt and stage; $BURNER and $BURNER_CONTROL are with-burner's.
here=$TOP/tests/burner
export BUILD=${BUILD:-$TOP/build}

# ---- TAP, to file descriptor 3 ---------------------------------------------------------------------------------------
n=0
point() { if (($1 == 0)); then echo "ok $((++n)) - $2" >&3; else echo "not ok $((++n)) - $2" >&3; fi; }
# ok NAME COMMAND…, fails NAME COMMAND…: everything they say is in the log
ok() { local name=$1; shift; echo "== $name: $*"; "$@"; local status=$?; echo "== status $status"; point $((status != 0)) "$name"; }
fails() { local name=$1; shift; echo "== $name: $*"; "$@"; local status=$?; echo "== status $status"; point $((status == 0)) "$name"; }
# says NAME PATTERN COMMAND…: a line of its output matches
says() {
	local name=$1 pattern=$2 text status=0
	shift 2
	echo "== $name: $*"
	text=$("$@" 2>&1)
	printf '%s\n' "$text"
	grep -Eq -- "$pattern" <<<"$text" || status=1
	point $status "$name"
}

# ---- mounts ----------------------------------------------------------------------------------------------------------
stage=/tmp/stage
mounting() { timeout 60 "$BUILD/cdappendfs" -o "staging=$stage${1:+,$1}" "$BURNER" "$mnt"; }
committed() { timeout 120 "$BUILD/cdappendfs-sync" -q "$mnt"; }
unmounted() { timeout 120 "$BUILD/cdappendfs-umount" "$mnt"; }
info() { timeout 60 "$BUILD/cdappendfs-info" "$@"; }
info_field() { info --json "$1" | perl -MJSON::PP -e 'local $/; $_ = decode_json(<STDIN>); my $v = eval $ARGV[0]; print ref $v ? ($v ? "true" : "false") : $v // "", "\n"' "$2"; }
# Waits for a daemon that died: it holds the drive until it is gone.
daemon_gone() {
	local i
	for i in {1..300}; do
		grep -qzxF -- "$mnt" /proc/[0-9]*/cmdline 2>/dev/null || return 0
		sleep 0.1
	done
	return 1
}
# As a user takes a disc out and in again, since other programs leave that to him: the kernel hears of what was
# burned when the tray is closed.
reload() { "$here/ask" open >/dev/null && "$here/ask" close >/dev/null; }
# kernel_shows TREE [SESSION]: by Linux's own isofs
kernel_shows() {
	local status=0
	mkdir -p "$work/kernel"
	mount -t iso9660 -o ro "$BURNER" "$work/kernel" || return 1
	diff -r "$1" "$work/kernel" || status=1
	"$TOP/build/tests/treelist" -x "${2:-lTh}" "$1" >"$work/want"
	"$TOP/build/tests/treelist" -x "${2:-lTh}" "$work/kernel" >"$work/got"
	diff "$work/want" "$work/got" | head -n 20
	cmp "$work/want" "$work/got" || status=1
	umount "$work/kernel"
	return $status
}
# we_show TREE [OPTIONS]: by our own mount
we_show() {
	local status=0
	mounting "ro${2:+,$2}" || return 1
	diff -r "$1" "$mnt" || status=1
	unmounted || status=1
	return $status
}
noise() { head -c "$1" /dev/zero | openssl enc -aes-128-ctr -nosalt -K "$(printf '%032x' "$2")" -iv 0 2>/dev/null; }

# begin_story NAME: in with-burner; its directories and its TAP
begin_story() {
	story=$1 image=$T/$1.disc work=/tmp/story.$1
	tree=$work/tree mnt=$work/mnt stage=$work/stage
	mkdir -p "$tree" "$mnt"
	cd "$work" || exit
	exec 3>>"$T/$story.tap"
}
end_story() {
	mountpoint -q "$mnt" && umount -l -i "$mnt"
	"$here/ask" state
	echo "1..$n" >&3
}
# on_burner STORY MEDIUM COMMAND…: in the background, with a drive of its own
on_burner() {
	local story=$1 medium=$2
	shift 2
	"$here/with-burner" -m "$medium" -l "$T/$story.cdb" "$T/$story.disc" "$@" >>"$T/$story.log" 2>&1 </dev/null &
	sleep 0.3
}
