#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# mixed.t - programs that check what they keep, in the mount, at random: one after another and at once, with sessions
# while they work and between them, and new mounts
#
# MIXED_SEED (1) and MIXED_STEPS (5): which ones, and how many; MIXED_SECONDS: no step begins later.  `make soak` has ten
# minutes of them.
. "$(dirname "$0")/../lib.sh"
need restic borg git sqlite3 rsync fio tar

seed=${MIXED_SEED:-1} steps=${MIXED_STEPS:-5} seconds=${MIXED_SECONDS:-600}
RANDOM=$seed
disc=$T/disc.iso source=$T/source
export RESTIC_PASSWORD=words RESTIC_CACHE_DIR=$T/cache BORG_BASE_DIR=$T/borg BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example

# ---- what is backed up: some of it changes, in the middle, at its end, by name
change_source() {
	local n=$((RANDOM % 6 + 1)) file="$source/$((RANDOM % 5))/$((RANDOM % 20))"
	mkdir -p "$source"/{0,1,2,3,4}
	for ((; n > 0; n--)); do
		case $((RANDOM % 6)) in
		0) noise $((RANDOM * 20 + 1)) "$RANDOM" >"$file" ;;
		1) noise 5000 "$RANDOM" >>"$file" ;;
		2) noise 4096 "$RANDOM" | dd of="$file" bs=4096 seek=$((RANDOM % 40)) conv=notrunc status=none ;;
		3) truncate -s $((RANDOM * 10)) "$file" ;;
		4) [[ ! -e $file ]] || mv "$file" "$source/$((RANDOM % 5))/moved $RANDOM" ;;
		5) rm -f "$file"; ln -f "$source/kept" "$file" ;;
		esac
		file="$source/$((RANDOM % 5))/$((RANDOM % 20))"
	done
}

# ---- programs: each leaves in the mount what it can check itself
does_restic() {
	restic backup -q -r "$mnt/restic" "$source" || return
	((RANDOM % 3)) || restic forget -q -r "$mnt/restic" --keep-last 2 --prune
}
does_borg() {
	borg create "$mnt/borg::$1" "$source" || return
	((RANDOM % 3)) || { borg prune --keep-last 2 "$mnt/borg" && borg compact "$mnt/borg"; }
}
does_git() {
	rsync -a --delete --exclude=.git "$source/" "$mnt/git/" && git -C "$mnt/git" add -A || return
	git -C "$mnt/git" commit -q --allow-empty -m "step $1" || return
	case $((RANDOM % 4)) in
	0) git -C "$mnt/git" gc -q --prune=now ;;
	1) git -C "$mnt/git" repack -q -a -d ;;
	2) rm -rf "$mnt/clone" && git clone -q "$mnt/git" "$mnt/clone" ;;
	esac
}
does_sqlite() {
	local mode=wal also=''
	((RANDOM % 2)) || mode=delete
	((RANDOM % 3)) || also='vacuum;'
	sqlite3 "$mnt/data.db" "pragma journal_mode=$mode; create table if not exists t(a integer primary key, b blob);
		insert into t(b) select randomblob(abs(random()) % 3000) from generate_series(1, 300);
		delete from t where a % 7 = $((RANDOM % 7)); $also" >/dev/null
}
does_rsync() {
	local options=(--delete)
	((RANDOM % 2)) || options+=(--inplace --no-whole-file)
	rsync -aH "${options[@]}" "$source/" "$mnt/mirror/"
}
does_tar() {
	tar -C "$source" --sparse -cf "$mnt/all.tar" . && rm -rf "$mnt/unpacked" || return
	mkdir "$mnt/unpacked" && tar -C "$mnt/unpacked" -xf "$mnt/all.tar"
}
# Blocks of one size: of several fio finds its own overlapping ones wrong, on any file system.
fio_of() {
	fio --name="$1" --directory="$mnt" --size=2m --bs=$((1024 << $2 % 5)) --rw=randrw --ioengine="$1" --verify=crc32c \
		--verify_fatal=1 --randseed="$2" "${@:3}"
}
does_fio() {
	local engine=psync
	((RANDOM % 2)) || engine=mmap
	fio_of "$engine" "$1" --do_verify=1 && echo "$1" >"$T/fio.$engine"
}
programs=(restic borg git sqlite rsync tar fio)

# ---- are they content?  Each of them is asked in the mount and finds what it has left.
restic_right() { [[ ! -e $mnt/restic/config ]] || restic check -q --read-data -r "$mnt/restic"; }
borg_right() { borg check --verify-data "$mnt/borg"; }
git_right() {
	git -C "$mnt/git" fsck --strict --full || return
	[[ ! -e $mnt/clone ]] || git -C "$mnt/clone" fsck --strict --full
}
sqlite_right() { [[ ! -e $mnt/data.db || $(sqlite3 "$mnt/data.db" 'pragma integrity_check') == ok ]]; }
fio_right() {
	local engine
	for engine in psync mmap; do [[ ! -e $T/fio.$engine ]] || fio_of "$engine" "$(<"$T/fio.$engine")" --verify_only=1 || return; done
}
tar_right() { [[ ! -e $mnt/all.tar ]] || tar -C "$mnt/unpacked" --compare -f "$mnt/all.tar"; }
rsync_right() { [[ ! -e $mnt/mirror ]] || { tree_digest "$mnt/mirror" T | cmp - "$T/mirror"; }; }
all_right() {
	local program
	for program in "${programs[@]}"; do "${program}_right" || { echo "$program"; return 1; }; done
}

blank_disc "$disc"
mount_disc "$disc"
mkdir -p "$source" "$mnt/git"
echo kept >"$source/kept"
change_source
ok 'repositories' eval "restic init -q -r '$mnt/restic' && borg init -e none '$mnt/borg' && git init -q '$mnt/git'"
end=$((SECONDS + seconds))
for ((step = 1; step <= steps && SECONDS < end; step++)); do
	change_source
	program=${programs[RANDOM % ${#programs[@]}]} how=$((RANDOM % 4))
	if ((how == 0)); then
		sync_disc "$mnt" >"$T/beside" 2>&1 & beside=$!
		children+=("$beside")
	fi
	ok "step $step: $program" "does_$program" "$step"
	[[ $program != rsync ]] || tree_digest "$mnt/mirror" T >"$T/mirror"
	if ((how == 0)); then ok "step $step: a session beside it" await "$beside"; fi
	if ((how == 1)); then ok "step $step: a session" sync_disc; fi
	if ((how == 2)); then
		ok "step $step: unmounted" umount_disc
		mount_disc "$disc"
	fi
	((step % 5)) || ok "step $step: all of them find what they have left" all_right
done
tree_digest "$mnt" T >"$T/want"
ok 'unmounted' umount_disc
mount_disc "$disc"
tree_digest "$mnt" T >"$T/got"
same_listing "all of it is on the disc, seed $seed" "$T/want" "$T/got"
ok 'they find what they have left' all_right
ok 'unmounted' umount_disc
ok 'the disc is sound' bounded 300 "$BUILD/cdappendfs-check" -q "$disc"
done_testing
