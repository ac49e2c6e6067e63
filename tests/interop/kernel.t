#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# kernel.t - Linux's own isofs mounts what we burn: the head, and every older session by its sector; names, modes,
# owners, times, links' targets, devices and content equal the source
. "$(dirname "$0")/../lib.sh"
need_uml

: >"$T/jobs"
names=()
for kind in blank genisoimage xorriso; do
	disc=$T/$kind.iso reference=$T/$kind.tree
	new_disc "$kind" "$disc" "$reference"
	words=(special short)
	[[ $kind == blank ]] && words+=(many links huge)
	[[ $kind != blank ]] && tree_digest "$reference" lTh >"$T/$kind-0.want"
	for round in 1 2 3; do
		mount_disc "$disc"
		both_changed "$round" "$reference" "$mnt" "${words[@]}"
		ok "$kind: session of round $round" umount_disc
		tree_digest "$reference" lTh >"$T/$kind-$round.want"
		names+=("$kind-$round")
	done
	# In the order of the sessions: sbsector as info gives it.
	info --json "$disc" >"$T/info.json"
	n=$(json 'scalar @{$_->{sessions}}' <"$T/info.json")
	[[ $kind == blank ]] && first=1 || first=0
	is "$kind: info lists all sessions" "$n" $((4 - first))
	for ((i = 0; i < n; i++)); do
		sector=$(json "\$_->{sessions}[$i]{sbsector}" <"$T/info.json")
		echo "$kind-$((first + i)) $disc $sector lTh" >>"$T/jobs"
	done
	((first)) || names+=("$kind-0")
	# What is huge costs isofs a minute: it is read whole once.
	echo "$kind-head $disc - lT" >>"$T/jobs"
	tree_digest "$reference" lT >"$T/$kind-head.want"
	names+=("$kind-head")
	rm -rf "$reference"
done
note "$(cat "$T/jobs")"
ok 'the guest ran' in_uml -M 1500 "$TOP/tests/interop/uml-isofs" "$T/jobs"
for name in "${names[@]}"; do
	if [[ $name == genisoimage-0 || $name == xorriso-0 ]]; then
		# Later sessions of mkisofs and xorriso may lose Rock Ridge in Linux; begun ones do not.
		same_listing "isofs, $name: the foreign first session is what it was" "$T/$name.want" "$T/$name.isofs"
	else
		same_listing "isofs, $name" "$T/$name.want" "$T/$name.isofs"
	fi
done
done_testing
