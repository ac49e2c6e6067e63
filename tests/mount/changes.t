#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# changes.t - cdappendfs-info --changes: lines for scripts, groups for a person, what costs most; what each costs is together what a dry
# run says that is written
. "$(dirname "$0")/../lib.sh"
need python3 getfattr

disc=$T/disc.iso
changes() { info --changes "$@"; }
on_terminal() { python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$@" </dev/null | tr -d '\r'; }
costs() { changes --json "$mnt" | json '$_->{cost_bytes}'; }
written() { bounded 60 "$BUILD/cdappendfs-sync" --dry-run --json "$mnt" | tail -n 1 | json '$_->{data_bytes}'; }

for options in share=auto share=blocks share=none compat pieces=1M; do
	blank_disc "$disc"
	mount_disc -o "$options" "$disc"
	mkdir -p "$mnt/dir" "$mnt/gone"
	noise 5000000 1 >"$mnt/dir/five"
	noise 40000000 2 >"$mnt/big"
	noise 30000 3 >"$mnt/mode"
	noise 300000 4 >"$mnt/copied"
	echo name >"$mnt/name"
	echo 1 >"$mnt/gone/file"
	ln "$mnt/dir/five" "$mnt/link"
	is "$options: of a blank disc" "$(costs)" "$(written)"
	ok "$options: a session" sync_disc
	echo more >>"$mnt/dir/five"
	echo more >>"$mnt/big"
	chmod 600 "$mnt/mode"
	rm -r "$mnt/gone"
	mv "$mnt/dir" "$mnt/moved"
	mv "$mnt/name" "$mnt/other"
	chmod 600 "$mnt/other"
	ln "$mnt/copied" "$mnt/copied2"
	chmod 700 "$mnt"
	noise 3000 5 >"$mnt/new"
	ln "$mnt/new" "$mnt/new2"
	mkdir "$mnt/sub"
	truncate -s 1M "$mnt/sub/sparse"
	ln -s target "$mnt/symbolic"
	is "$options: what each costs is what is written" "$(costs)" "$(written)"
	printf x | dd of="$mnt/big" bs=1 seek=20000000 conv=notrunc status=none
	truncate -s 30000100 "$mnt/big"
	truncate -s 40000 "$mnt/mode"
	is "$options: parts in the middle, a hole at the end" "$(costs)" "$(written)"
	[[ $options == share=auto ]] || ok "$options: unmount" umount_disc
	[[ $options == share=auto ]] && {
		info --changes "$mnt" >"$T/lines"
		info --changes=groups "$mnt" >"$T/groups"
		info --top "$mnt" >"$T/top"
		info --top=2 --changes=groups "$mnt" >"$T/two"
		info --changes --json "$mnt" >"$T/all.json"
		info --top=1 --json "$mnt" >"$T/one.json"
		on_terminal "$BUILD/cdappendfs-info" --changes "$mnt" >"$T/terminal"
		on_terminal "$BUILD/cdappendfs-info" --changes=lines "$mnt" >"$T/plain"
		ok 'burned' sync_disc
		is 'nothing is staged' "$(info --changes=groups "$mnt")" 'nothing is staged'
		silent 'no line of nothing' info --changes "$mnt"
		is 'nor in JSON' "$(info --changes --json "$mnt")" '{"changes":[],"cost_bytes":0,"complete":true}'
		ok 'unmount' umount_disc
	}
done
is 'lines are what they were' "$(cut -f1 "$T/lines" | paste -sd,)" \
	'M .,M big,A copied2,D gone,M link,M mode,R dir -> moved,M moved/five,A new,A new2,R name -> other,A sub,A sub/sparse,A symbolic'
is 'with new bytes' "$(grep -P '^(A|M) (new|sub/sparse)\t' "$T/lines" | cut -f2 | paste -sd,)" '3000,1048576'
cat >"$T/expected" <<'END'
New: 6, 1.0 MiB
           -  copied2
     4.0 KiB  new
           -  new2
           -  sub/
     1.0 MiB  sub/sparse
           -  symbolic
Modified: 5, 4.8 MiB
           -  ./
     2.0 KiB  big
     4.8 MiB  link
    40.0 KiB  mode
           -  moved/five
Renamed: 1
           -  dir/ -> moved/
Renamed and modified: 1
           -  name -> other
Deleted: 1
           -  gone/
END
head -n -1 "$T/groups" >"$T/got"
same_listing 'groups' "$T/got" "$T/expected"
like 'and their sum' "$(tail -n 1 "$T/groups")" "^5\.8 MiB of content at most.*cdappendfs-sync --dry-run $mnt'"
same_listing 'groups on a terminal' "$T/terminal" "$T/groups"
same_listing 'or lines' "$T/plain" "$T/lines"
is 'what costs most' "$(cat "$T/top")" $'M link\t5001216\nA sub/sparse\t1048576\nM mode\t40960\nA new\t4096\nM big\t2048'
is 'for a person' "$(head -n -1 "$T/two")" $'     4.8 MiB  M  link\n     1.0 MiB  A  sub/sparse'
is 'what is another' "$(json 'join ",", map { $_->{kind} . ($_->{content} ? "c" : "") . ($_->{attributes} ? "a" : "") . " $_->{path}" } grep { $_->{kind} =~ /[MR]/ } @{$_->{changes}}' <"$T/all.json")" \
	'Ma .,Mca big,Mca link,Mca mode,R moved,Mca moved/five,Ra other'
is 'as JSON' "$(json 'join " ", map { "$_->{path} $_->{cost_bytes} $_->{directory}" } @{$_->{changes}}' <"$T/one.json")" 'link 5001216 0'
# ---- what is cut says so
mount_disc "$disc"
lba=$(getfattr --absolute-names --only-values -n user.cdappendfs.lba "$mnt/sub")
cp -p "$mnt/other" "$mnt/twin" && mv "$mnt/twin" "$mnt/other"
is 'another file with the same attributes' "$(changes --json "$mnt" | json 'join ",", map { "$_->{kind} $_->{path} $_->{content} $_->{attributes}" } @{$_->{changes}}')" 'M other 1 0'
ok 'it is dropped' "$BUILD/cdappendfs-sync" --discard "$mnt"
ok 'unmount' umount_disc
mount_disc -o "disc-fault=read@$lba=EIO" "$disc"
echo new >"$mnt/staged"
for list in changes names pieces; do
	fails "$list: a directory cannot be read" 1 info "--$list" --json "$mnt"
	like 'it is no whole list' "$(info "--$list" --json "$mnt" 2>/dev/null)" '^\{"'$list'":.*"complete":false\}$'
done
kill_daemon
for wrong in --top=0 --top=x --changes=x '--pieces --top' '--top --names' '--json --changes=lines'; do
	# shellcheck disable=SC2086 # words
	fails "info $wrong" 2 info $wrong "$disc"
done
done_testing
