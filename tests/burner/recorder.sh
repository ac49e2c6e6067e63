# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# recorder.sh - what the tests of this directory share: stories with emulated recorders, in a guest or past the kernel
#
#	. "$(dirname "$0")/recorder.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

# The points of stories that ran in a guest: $T/NAME.tap, and the end of $T/NAME.log when one failed
relay_stories() {
	local story before
	for story in "$@"; do
		before=$failures
		relay "$story" cat "$T/$story.tap"
		((failures == before)) || note "$(tail -n 300 "$T/$story.log")"
	done
}
# recorder_guest 'SCRIPT STORY…'…: stories of tests/burner in a guest, by the kernel's drivers; what follows 'alone' begins when all others have ended
recorder_guest() {
	local words commands=
	for words; do
		[[ $words == alone ]] && commands+='wait; ' || commands+='"$TOP/tests/burner/"'"$words & "
	done
	ok 'the guest ran' in_uml -M 1400 -m tcm_loop -m target_core_user -m sr_mod -m sg bash -c "$commands wait"
	for words; do
		read -ra words <<<"$words"
		relay_stories "${words[@]:1}"
	done
}
# recorder_stories SCRIPT STORY…: on this machine, past the kernel (tests/preload/recorder.c), at a tenth of the cost; KERNEL=1: in a guest
recorder_stories() {
	if [[ ${KERNEL-} ]]; then
		need_uml
		recorder_guest "$*"
		return
	fi
	need xorriso
	patience 300
	ok 'the stories ran' env WITHOUT_KERNEL=1 TMPDIR="$T" TOP="$TOP" "$TOP/tests/burner/$1" "${@:2}"
	relay_stories "${@:2}"
}
