#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# model.t - random operations on a disc and on a plain directory beside it give the same, through commits, remounts
# and sudden ends
#
# tests/model/model.c does and compares; here is what it asks for in between.  MODEL_OPERATIONS (1200) operations for
# each kind of disc, seeds from MODEL_SEED (1); MODEL_ONLY: a pattern of their names.  A difference is told with its
# seed and the last operations.  At the end every older session is mounted and compared with what the mount showed
# right after it was burned.
. "$(dirname "$0")/../lib.sh"

operations=${MODEL_OPERATIONS:-1200} seed=${MODEL_SEED:-1}
image=$T/disc.iso plain=$T/plain options='' background=''
mkfifo "$T/request" "$T/reply"
exec {request}<>"$T/request" {reply}<>"$T/reply"
# What the model runs as a hook: the daemons are children of this shell, so it is this shell that mounts.
cat >"$T/ask" <<END
#!/bin/bash
exec {request}<>"$T/request" {reply}<>"$T/reply"
echo "\$1" >&"\$request"
read -r -t 600 answer <&"\$reply" || echo "no answer for 600 s to: \$1" >&2
[[ \$answer == ok ]]
END
chmod +x "$T/ask"

mount_again() { start_disc ${options:+-o "$options"} "$image" || { cat "$log"; return 1; }; }
# What the newest session holds: called when nothing is staged.
record() { tree_digest "$mnt" >"$T/session.$(info_json '$_->{sessions}[-1]{number}' "$mnt")"; }
# A disc to which no session can be added is mounted read-only.
read_only() { grep -qE " $mnt ro," /proc/self/mountinfo; }
await_background() {
	local status=0
	[[ $background ]] || return 0
	await "$background" || status=$?
	background=''
	return $status
}
# A copy of the plain directory as it was burned, to go back to.
keep_plain() { rm -rf "$T/burned" && cp -a --sparse=always "$plain" "$T/burned"; }
go_back() { rm -rf "$plain" && cp -a --sparse=always "$T/burned" "$plain"; }
# The options of a mount whose first one is a fault, without it.
without_fault() { [[ $options != *,* ]] || printf '%s' "${options#*,}"; }
# A commit in whose middle the daemon ends, each time at another place; the disc is mounted without that fault, and
# then as before.
faults=(kill@0 kill@40 kill-publish@0 kill-before-sync kill-publish@15 kill-publish@16 kill@90 kill-publish@7) n_crashes=0
crash() {
	local others
	others=$(without_fault)
	kill_daemon
	options="fault=${faults[n_crashes++ % ${#faults[@]}]}${others:+,$others}" mount_again || return
	sync_disc
	kill_daemon
	options=$others mount_again || return
	((n_crashes % 3)) || { sync_disc && record; } || return
	kill_daemon
	mount_again
}
# Ended by a signal, a daemon keeps everything.
mount_without_faults() {
	kill -TERM "${pid_of[$mnt]}"
	await_daemon "$mnt" 60
	options=$(without_fault) mount_again
}
serve() {
	case $1 in
	sync) await_background && { read_only || sync_disc; } && record && keep_plain ;;
	background) await_background && { sync_disc & background=$!; } ;;
	remount) await_background && umount_disc && mount_again && record && keep_plain ;;
	kill) kill_daemon; await_background; mount_again ;;
	fail) ! sync_disc || [[ $(info_json '$_->{staged_bytes}' "$mnt") == 0 ]] ;;
	crash) crash ;;
	discard) "$BUILD/cdappendfs-sync" --discard "$mnt" && go_back ;;
	caches) { echo 2 >/proc/sys/vm/drop_caches; } 2>/dev/null || true ;;
	esac
}
run_model() {
	local pid line status=0
	"$TOOLS/model_model" "$@" >"$T/model.log" 2>&1 &
	pid=$!
	children+=("$pid")
	while alive "$pid"; do
		IFS= read -r -t 0.1 line <&"$request" || continue
		progress
		if serve "$line" >"$T/served" 2>&1; then
			echo ok >&"$reply"
		else
			printf '%s: ' "$line"
			tail -n 20 "$T/served"
			echo failed >&"$reply"
		fi
	done
	await "$pid" || status=$?
	await_background || { echo 'a commit in the background failed'; status=9; }
	((status == 0)) || tail -n 70 "$T/model.log"
	return $status
}
same_as() { diff "$1" "$2" | head -n 30; return "${PIPESTATUS[0]}"; }
each_session() {
	local file n status=0
	for file in "$T"/session.*; do
		n=${file##*.}
		start_disc -s "$T/stage/older" -o "ro,session=$n" "$image" || { echo "session $n: $(cat "$log")"; return 1; }
		tree_digest "$mnt" >"$T/got"
		same_as "$file" "$T/got" || { echo "session $n differs"; status=1; }
		umount_disc || return 1
		reader_options=--no-verify reader_tree "$T/got" "$image" "$n" && same_as "$file" "$T/got" || { echo "session $n, by the reader"; cat "$T/got"; status=1; }
	done
	return $status
}
is_burned() {
	tree_digest "$plain" t >"$T/want"
	tree_digest "$mnt" t >"$T/got"
	same_as "$T/want" "$T/got"
}
foreign_disc() {
	local n
	rm -rf "$plain" "$image"
	mkdir "$plain"
	make_odd_tree "$plain/base" plain special
	mkdir "$plain/links"
	for n in 1 2 3; do
		noise $((n * 7000)) "$n" >"$plain/links/$n"
		ln "$plain/links/$n" "$plain/links/again $n"
		ln "$plain/links/$n" "$plain/base/link $n"
	done
	mkdir "$plain/packed"
	for n in 1 20 300 4000; do yes "a line of file $n" | head -c $((n * 1000)) >"$plain/packed/$n"; done
	whole_seconds "$plain"
	xorriso -hardlinks on -outdev "$image" -volid BEGUN -joliet on -map "$plain" / -set_filter_r --zisofs /packed -- -commit >/dev/null 2>&1
}

# model NAME KIND MOUNT_OPTIONS OPTIONS_OF_MODEL…
model() {
	local name="$1, seed $seed" kind=$2
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == ${MODEL_ONLY:-*} ]] || return 0
	options=$3
	shift 3
	rm -rf "$T/stage" "$T"/session.* "$image" "$T/burned"
	if [[ $kind == xorriso ]]; then foreign_disc; else new_disc "$kind" "$image" "$plain"; fi
	mount_again >"$T/told" || { fail "$name: mount" "$(cat "$T/told")"; return; }
	[[ $kind == blank ]] || record
	keep_plain
	if ! run_model "$@" "$((seed++))" "$operations" "$mnt" "$plain" >"$T/told"; then
		fail "$name: the same results" "$(cat "$T/told")"
		kill_daemon
		return
	fi
	pass "$name: the same results"
	[[ $options != fault=* ]] || ok "$name: SIGTERM, and a mount without faults" mount_without_faults
	ok "$name: the last unmount" umount_disc
	mount_disc -o ro "$image"
	ok "$name: the disc holds the plain directory's tree" is_burned
	[[ $options != compat ]] || in_one_section "$name" "$image" "$plain"
	ok "$name: unmount" umount_disc
	ok "$name: each session is what it was" each_session
}

model 'blank disc' blank '' -i -x "200:$T/ask sync" -c "500:$T/ask remount" -k "700:$T/ask kill"
model 'above genisoimage, nodes forgotten' genisoimage '' -x "30:$T/ask caches" -x "200:$T/ask sync" -c "500:$T/ask remount" -k "700:$T/ask kill"
model 'above xorriso with hard links and zisofs' xorriso '' -x "230:$T/ask sync" -c "500:$T/ask remount" -k "700:$T/ask kill"
model 'while it burns, most files only known' blank speed=8,idle-nodes=3 -i -x "70:$T/ask background" -c "500:$T/ask remount" -k "350:$T/ask kill"
model 'full trees, most files only known' blank tree=full,idle-nodes=3,share=blocks -i -x "90:$T/ask sync" -c "400:$T/ask remount"
model 'compat' blank compat -x "300:$T/ask sync" -k "450:$T/ask kill" -c "800:$T/ask remount"
model 'commits that fail, most files only known' blank fault=write@25=EIO,idle-nodes=3 -i -x "60:$T/ask fail" -k "250:$T/ask crash"
model 'a disc that becomes full' blank media=5M -e -i -x "150:$T/ask sync" -c "390:$T/ask remount" -k "410:$T/ask kill"
model 'linked trees, most files only known' blank tree=linked,idle-nodes=3,pieces=1K -i -x "90:$T/ask sync" -c "400:$T/ask remount" -k "550:$T/ask kill"
model 'linked trees above xorriso' xorriso tree=linked -x "50:$T/ask sync" -c "400:$T/ask remount" -k "550:$T/ask kill"
model 'linked trees while it burns' blank tree=linked,speed=8 -i -x "70:$T/ask background" -c "500:$T/ask remount" -k "350:$T/ask kill"
model 'linked trees, commits that fail' blank fault=write@25=EIO,tree=linked -i -x "60:$T/ask fail" -k "250:$T/ask crash"
model 'compressed, while it burns' blank compress,speed=8 -i -x "70:$T/ask background" -c "500:$T/ask remount" -k "350:$T/ask kill"
model 'linked trees on a disc that becomes full' blank tree=linked,media=5M,pieces=8K -e -i -x "150:$T/ask sync" -c "390:$T/ask remount" -k "410:$T/ask kill"
model 'compressed, on a disc that becomes full' blank compress,tree=linked,media=5M,share=none -e -i -x "150:$T/ask sync" -c "390:$T/ask remount" -k "410:$T/ask kill"
model 'linked trees, discarding, most files only known' genisoimage tree=linked,idle-nodes=3 -x "110:$T/ask sync" -c "190:$T/ask discard" -k "700:$T/ask kill"
model 'discarding' genisoimage '' -x "110:$T/ask sync" -c "190:$T/ask discard" -k "700:$T/ask kill"
done_testing
