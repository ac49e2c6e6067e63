#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# stages.t - a stage is never a dead end: listed, given out, put onto another session, dropped; copies of images; paths that
# are dropped one by one; the capacity of an image
# Root's stages lie in /var/lib: there this test has one of its own.
if ((EUID == 0)) && [[ ${STAGES_ALONE-} != yes ]]; then
	STAGES_ALONE=yes exec unshare -m --propagation private "$0" "$@"
fi
. "$(dirname "$0")/../lib.sh"
if ((EUID == 0)); then mount -t tmpfs -o size=256m stages /var/lib || skip_all 'no private /var/lib can be made'; fi

stage() { "$BUILD/cdappendfs-stage" "$@"; }
changes() { "$BUILD/cdappendfs-info" --changes "$mnt"; }
drop() { "$BUILD/cdappendfs-sync" --discard "$@"; }
fill() {
	mkdir -p "$1"/d/e "$1"/gone "$1"/keep
	noise 100000 9 >"$1/big"
	for i in a b c d/1 d/2 d/e/3 gone/x gone/y keep/k; do echo "$i" >"$1/$i"; done
	ln "$1/a" "$1/a2"
}
change() {
	mv d/e d/E; echo 5 >d/E/5; echo tail >>big; mv gone/x x; rm -r gone; mv b B; echo new >b; echo more >>c; rm a2
	mkdir -p nd/deep; echo q >nd/q; ln nd/q nd/q2; ln -s ../sym nd/sl; echo r >nd/deep/r; echo k2 >keep/k2; chmod 700 keep
	truncate -s 3M nd/holes; echo end >>nd/holes; touch -d @1000000000 nd/q
}
want_changes=$'R b -> B\nM a\t0\nD a2\nA b\t4\nM big\t1701\nM c\t7\nR d/e -> d/E\nA d/E/5\t2\nD gone\nM keep\t0\nA keep/k2\t3\nA nd\t0\nA nd/deep\t0\nA nd/deep/r\t2\nA nd/holes\t3145732\nA nd/q\t2\nA nd/q2\t2\nA nd/sl\t0\nR gone/x -> x'
shown() { (cd "$1" && find . -mindepth 1 -printf '%p %y %m %s %l\n' | sort); }

# ---- a disc of ours, changed by another program
is 'no stages yet' "$(stage list)" 'nothing is staged'
# Without arguments: what there is. Of the mounts of others beside this test it tells, too.
here() { "$BUILD/cdappendfs" --json | json "$1"; }
about='(grep { $_->{disc} eq "'$T/a.iso'" } @{$_->{%s}})[0]'
none 'overview: nothing of a disc that there is not' "$(here "$(printf "$about" mounts)")$(here "$(printf "$about" stages)")"
silent 'overview: no drive, and no complaint' eval '[[ -e /proc/sys/dev/cdrom/info ]] || "$BUILD/cdappendfs" --json | grep -q "^{\"drives\":\[\],"'
ok 'mount' mounted create a.iso
fill "$mnt"
ok 'burn' "$BUILD/cdappendfs-sync" "$mnt"
(cd "$mnt" && change)
is 'what is staged, with renames; a file that only lost a name is not one' "$(changes)" "${want_changes/$'M a\t0\n'/}"
like 'a rename as JSON' "$("$BUILD/cdappendfs-info" --changes --json "$mnt")" '"kind":"R","path":"d/E","from":"d/e"'
cp "$mnt/big" big.want
like 'list: mounted' "$(stage list)" "$T/a.iso"$'\n'"  mounted: mounted at $mnt"
for what in 'export a.iso out' 'discard a.iso' 'rebase a.iso'; do
	# shellcheck disable=SC2086 # words
	fails "mounted: no $what" 1 stage $what
	like '… what to do instead' "$(<"$T/ok.output")" 'cdappendfs-sync --discard'
done
is 'overview: the mount, and what is staged there' "$(here "join ' ', @{$(printf "$about" mounts)}{qw(mountpoint phase why)}, $(printf "$about" mounts)->{staged_bytes} > 1000")" "$mnt idle  1"
none 'overview: its stage is not another one' "$(here "$(printf "$about" stages)")"
like 'overview: what comes next' "$(here 'join "\n", map {$_->{command}} @{$_->{next}}')" "(^|"$'\n'")cdappendfs-sync $mnt("$'\n'"|\$)"
like 'overview: as text' "$("$BUILD/cdappendfs")" "$mnt  $T/a.iso"$'\n'"    [0-9.]+ [KM]iB staged, .* free"$'\n'
info_room=$(info_json '$_->{staging_free_bytes}' "$mnt")
cmp_number 'info: the room of the stage' "$info_room" -gt 1000000
like 'info as text' "$("$BUILD/cdappendfs-info" "$mnt")" 'Stage room'
ok 'unmount' umount_disc
like 'list: waits' "$(stage list)" 'waiting: waits for the next mount'
is 'list: JSON' "$(stage list --json | json 'join " ", @{$_->{stages}[0]}{qw(disc state)}, $_->{stages}[0]{staged_bytes} > 1000')" "$T/a.iso waiting 1"
is 'overview: it waits' "$(here "join ' ', @{$(printf "$about" stages)}{qw(disc state)}")" "$T/a.iso waiting"
next=$(here 'join "\n", map {$_->{command}} @{$_->{next}}' | grep -F "cdappendfs $T/a.iso ")
like 'overview: it is to be mounted, where nothing is' "$next" "^mkdir -p ~/disc2? && cdappendfs $T/a.iso ~/disc2?\$"
ok 'as the overview says, but that nothing is burned at its end' env PATH="$BUILD:$PATH" bash -c "${next/cdappendfs /cdappendfs -o commit=manual }"
like 'it is mounted' "$(here "$(printf "$about" mounts)->{mountpoint}")" "^$T/disc2?\$"
ok 'unmount' bash -c "umount -i '$T'/disc*"
waits() { [[ $(here "$(printf "$about" stages)->{state}") == waiting ]]; }
ok 'it waits again' until_true 60 waits
fails 'list takes no disc' 2 stage list a.iso
fails 'no such word' 2 stage drop a.iso
fails 'nor one like another' 2 stage lsit
like '… which is told' "$(<"$T/ok.output")" "'lsit' is none of list, .*; is list meant"
for program in sync umount info stage check log diff find restore catalogue; do
	fails "$program: an option that is like another" 2 "$BUILD/cdappendfs-$program" --hlep
	like '… which is told' "$(<"$T/ok.output")" "unknown option '--hlep'; is --help meant"
done
for option in -h --help -V --version; do ok "stage $option" stage $option; done

is 'export: the list' "$(stage export a.iso out)" "$want_changes"
is 'only what is staged' "$(cd out && find . -mindepth 1 | sort | tr '\n' ' ')" \
	'./a ./b ./big ./c ./d ./d/E ./d/E/5 ./keep ./keep/k2 ./nd ./nd/deep ./nd/deep/r ./nd/holes ./nd/q ./nd/q2 ./nd/sl '
same_file 'a changed file is whole' out/big big.want
is 'attributes' "$(stat -c '%a' out/keep) $(stat -c '%Y %h' out/nd/q) $(readlink out/nd/sl)" '700 1000000000 2 ../sym'
is 'holes' "$(tail -c 4 out/nd/holes) $(stat -c %s out/nd/holes)" 'end 3145732'
fails 'nothing is written over' 1 stage export a.iso out
mkdir tar
ok 'export: a tar' eval 'stage export a.iso - 2>tar.list | tar -C tar -xf -'
is 'its list' "$(<tar.list)" "$want_changes"
shown out >out.list; shown tar >tar.files
same_listing 'has the same' out.list tar.files
ok 'and the same content' diff -r --no-dereference out tar

cp a.iso before.iso
echo other >other
append() { xorriso -dev a.iso "$@" -commit >"$T/xorriso.log" 2>&1; }
ok 'xorriso appends' append -map other /other -map other /d/other
fails 'no writable mount' 1 mounted a.iso
for word in rebase export discard; do like "… it names $word" "$(<"$log")" "cdappendfs-stage $word"; done
like 'info names it, too' "$("$BUILD/cdappendfs-info" a.iso 2>&1)" 'cdappendfs-stage rebase'
ok 'read-only it is mounted' mounted ro a.iso
ok 'unmount' umount_disc
like 'list: stale' "$(stage list)" 'stale: '
like 'overview: stale' "$(here 'join "\n", map {$_->{command}} @{$_->{next}}')" "cdappendfs-stage rebase $T/a.iso"
ok 'rebase' stage rebase a.iso
is 'once more there is nothing to do' "$(stage rebase a.iso | cut -d: -f1)" 'nothing to do'
ok 'mount' mounted a.iso
is 'all is staged' "$(changes)" "$want_changes"
is 'both are there' "$(cd "$mnt" && cat other d/other d/E/3 d/E/5 B b x c | tr '\n' ' ')" 'other other d/e/3 5 b new gone/x c more '
same_file 'a changed file' "$mnt/big" big.want
ok 'burn' "$BUILD/cdappendfs-sync" "$mnt"
ok 'unmount' umount_disc
same_file 'after a burn' <(xorriso -indev a.iso -osirrox on -extract /big big.got >/dev/null 2>&1; cat big.got) big.want
is 'nothing waits' "$(stage list)" 'nothing is staged'
fails 'nothing is staged for it' 1 stage discard a.iso

# ---- clashes: all or nothing
cp before.iso a.iso
mounted a.iso || fail mount
(cd "$mnt" && change)
ok 'unmount' umount_disc
directory=$(stage list --json | json '$_->{stages}[0]{staging}')
ok 'xorriso changes the same' append -map other /b -map other /gone/z -rm /big -- -mv /c /cc -- -map other /nd
(cd "$directory" && sha256sum journal.db bodies/* >"$T/sums")
fails 'rebase: clashes' 1 stage rebase a.iso
cp "$T/ok.output" clashes
for path in B b gone big c nd; do like "… $path is named" "$(<clashes)" "cdappendfs-stage: $path: "; done
[[ $(<clashes) =~ 'd/E' || $(<clashes) =~ 'keep' ]] && fail 'others are not' "$(<clashes)"
ok 'nothing was changed' sh -c "cd '$directory' && sha256sum --quiet -c '$T/sums'"
rm -r out
ok 'it can be exported' stage export a.iso out
same_file '… whole' out/big big.want
mv a.iso moved.iso
ok 'discard, though it was moved' stage discard moved.iso
is 'nothing waits' "$(stage list)" 'nothing is staged'

# ---- a disc of another program, whose only descriptor the next session writes over
fill foreign
ok 'genisoimage' genisoimage -quiet -R -o a.iso foreign
mounted a.iso || fail mount
(cd "$mnt" && change)
cp "$mnt/big" big.want
ok 'unmount' umount_disc
ok 'xorriso appends' append -map other /other
fails 'no writable mount' 1 mounted a.iso
like '… with the ways out' "$(<"$log")" 'cdappendfs-stage rebase'
ok 'rebase' stage rebase a.iso
mounted a.iso || fail mount "$(<"$log")"
is 'all is staged' "$(changes)" "$want_changes"
same_file 'a changed file' "$mnt/big" big.want
ok 'unmount' umount_disc

# ---- a disc that is gone
rm a.iso
rm -r out
like 'list: gone' "$(stage list)" 'gone: nothing is at its path'
fails 'export tells what is missing' 1 stage export a.iso out
cp "$T/ok.output" told
like '… the disc' "$(<told)" 'names of directories and files that are in their place on it are not known'
like '… bytes of a file' "$(<told)" '98304 of its 100005 bytes lie on the disc'
is 'what the stage has is there' "$(cat out/nd/q out/nd/deep/r out/b | tr '\n' ' ')" 'q r new '
fails 'no rebase' 1 stage rebase a.iso
ok 'genisoimage makes another one there' genisoimage -quiet -R -V OTHER -o a.iso foreign/d
like 'list: replaced' "$(stage list)" 'replaced: another disc'
ok 'discard by its directory' stage discard "$(stage list --json | json '$_->{stages}[0]{staging}')"

# ---- blank discs
ok 'mount a blank one' mounted create,media=50M x.iso
echo x >"$mnt/x"
ok 'unmount' umount_disc
mv x.iso y.iso
ok 'renamed' mounted y.iso
is 'it is there' "$(<"$mnt/x")" x
ok 'unmount' umount_disc
ok 'xorriso writes its first session' xorriso -dev y.iso -map other /other -commit
fails 'no writable mount' 1 mounted y.iso
ok 'rebase' stage rebase y.iso
ok 'mount' mounted y.iso
is 'both are there' "$(cat "$mnt/x" "$mnt/other" | tr '\n' ' ')" 'x other '
ok 'unmount' umount_disc
ok 'discard' stage discard y.iso

# ---- a journal that was taken away
mounted create z.iso || fail mount
echo z >"$mnt/z"
ok 'unmount' umount_disc
directory=$(stage list --json | json '$_->{stages}[0]{staging}')
: >"$directory/journal.db"
fails 'an emptied journal is not an empty stage' 1 mounted z.iso
like '… and it says what to do' "$(<"$log")" 'cdappendfs-stage discard'
like 'list: damaged' "$(stage list)" 'damaged: '
fails 'no export' 1 stage export z.iso out2
: >other.iso
fails 'for another disc none can be read' 1 stage discard other.iso
like '… and the one that cannot be is named, which may be for it' "$(<"$T/ok.output")" "in $directory, may be for it"
rm other.iso
if ((EUID == 0)); then
	mkdir -m 700 private
	chmod 755 .
	fails 'a directory of another user' 1 setpriv --reuid=65534 --regid=65534 --clear-groups -- "$BUILD/cdappendfs-stage" discard "--staging=$T/private" z.iso
	like '… is not one without anything staged' "$(<"$T/ok.output")" 'Permission denied'
fi
ok 'discard' stage discard z.iso
ok 'mount' mounted z.iso
ok 'unmount' umount_disc
rm -f z.iso

# ---- a burn that was cut off: taken back, or ended by the mount
cut_off() {
	mounted "fault=$1" "$2" || fail mount "$(<"$log")"
	[[ $3 ]] && echo "$3" >"$mnt/$3"
	"$BUILD/cdappendfs-sync" "$mnt" >/dev/null 2>&1
	kill_daemon 2>/dev/null
}
mounted create i.iso || fail mount
ok 'unmount' umount_disc
for what in 'rebase i.iso' 'discard i.iso'; do
	cut_off kill@20 i.iso file
	like 'list: interrupted' "$(stage list)" 'interrupted: a burn was cut off'
	ln -sf i.iso link.iso
	# shellcheck disable=SC2086 # words
	ok "$what" stage ${what/i.iso/link.iso}
	is 'what it had written is taken back' "$(apparent_size i.iso)" 0
done
is 'nothing waits' "$(stage list)" 'nothing is staged'
cut_off kill-publish@16 i.iso file
fails 'one that is on the disc is ended by the mount' 1 stage rebase i.iso
like '… it says' "$(<"$T/ok.output")" 'the next mount ends it'
ok 'or by a discard' stage discard i.iso
mounted i.iso || fail mount "$(<"$log")"
is 'it is there' "$(<"$mnt/file")" file
# Of one that is mounted: while something is staged for it, and while nothing is.
mkdir other.mnt
echo i >"$mnt/i"
sleep 0.1 # the times of files have ticks
cp i.iso j.iso
fails 'a copy of one that is mounted' 1 "$BUILD/cdappendfs" j.iso "$T/other.mnt"
like '… is told where' "$(<"$T/ok.output")" "mounted at $mnt"
ok 'nothing is staged' drop "$mnt"
cp i.iso k.iso
sleep 0.1
echo i >"$mnt/i"
mnt=$T/other.mnt mounted k.iso || fail 'a copy made while nothing was staged' "$(<"$log")"
echo k >other.mnt/k
is 'of that, too, single paths' "$("$BUILD/cdappendfs-sync" --discard other.mnt/k)" 'dropped: A k'
echo k >other.mnt/k
ok 'unmount the copy' umount_disc "$T/other.mnt"
ok 'unmount' umount_disc
is 'each has its own' "$(stage list --json | json 'join " ", sort map {$_->{disc}} @{$_->{stages}}')" "$T/i.iso $T/k.iso"
ok 'discard' stage discard i.iso
ok 'discard' stage discard k.iso
rm i.iso j.iso k.iso

# ---- copies
ok 'mount' mounted before.iso
echo mine >"$mnt/mine"
ok 'unmount' umount_disc
cp before.iso copy.iso
fails 'a copy takes nothing' 1 mounted copy.iso
for word in "$T/before.iso" stage=take stage=new staging= 'cdappendfs-stage discard'; do like "… it names $word" "$(<"$log")" "$word"; done
like 'info says it' "$("$BUILD/cdappendfs-info" copy.iso 2>&1)" 'stage=take'
ok 'read-only' mounted ro copy.iso
silent 'as it was' find "$mnt" -name mine
ok 'unmount' umount_disc
ok 'with a stage of its own' mounted stage=new copy.iso
silent 'nothing is in it' changes
echo its >"$mnt/its"
ok 'unmount' umount_disc
ok 'the original' mounted before.iso
is 'has its own' "$(changes)" $'A mine\t5'
ok 'unmount' umount_disc
ok 'the copy' mounted copy.iso
is 'has its own, too' "$(changes)" $'A its\t4'
ok 'unmount' umount_disc
ok 'discard of the copy' stage discard copy.iso
ok 'the copy takes it' mounted stage=take copy.iso
is 'and has it' "$(changes)" $'A mine\t5'
ok 'unmount' umount_disc
ok 'the original has none any more' mounted before.iso
silent 'none' changes
ok 'unmount' umount_disc
# ---- --staging= with a disc: the stage of another one is not this one's
mounted create,media=cd74,staging="$T/place" own.iso || fail 'a stage in a place of its own' "$(<"$log")"
echo own >"$mnt/own"
umount_disc
cp own.iso not-own.iso
for what in discard rebase "export $T/none"; do
	read -r verb to <<<"$what"
	fails "$verb of another disc" 1 stage "$verb" --staging="$T/place" not-own.iso ${to:+"$to"}
	like '… it names whose it is' "$(<"$T/ok.output")" "for $T/.*own.iso, not for it"
done
like 'all is there' "$(stage list --staging="$T/place")" own.iso
ok 'of its own' stage discard --staging="$T/place" own.iso
fails 'stage= has two words' 2 "$BUILD/cdappendfs" -o stage=give copy.iso "$mnt"
ok 'discard' stage discard copy.iso

# ---- single paths
ok 'mount' mounted create p.iso
fill "$mnt"
ok 'burn' "$BUILD/cdappendfs-sync" "$mnt"
cd "$mnt" || exit 1
shown . >"$T/was"
change
is 'a new file' "$(drop b)" 'dropped: A b'
is 'a changed one' "$(drop "$mnt/big")" 'dropped: M big'
ok 'is as it was' cmp big <(noise 100000 9)
fails 'what is not staged' 1 drop d/1
like '… is named' "$(<"$T/ok.output")" 'nothing is staged there'
fails 'the old name of what was renamed' 1 drop d/e
like '… names the new one' "$(<"$T/ok.output")" 'd/e was renamed to d/E'
is 'a renamed directory with all below it' "$(drop d/E)" $'dropped: R d/e -> d/E\ndropped: A d/E/5'
is 'is where it was' "$(<d/e/3)" d/e/3
fails 'what something was moved out of' 1 drop gone
is 'together with that' "$(drop gone x)" $'dropped: D gone\ndropped: R gone/x -> x'
exec 5>>nd/q
fails 'an open file' 1 drop nd/q
exec 5>&-
like '… is named' "$(<"$T/ok.output")" 'nd/q is open'
is 'one of two names' "$(drop nd/q2)" 'dropped: A nd/q2'
is 'the other stays' "$(stat -c %h nd/q) $(<nd/q)" '1 q'
is 'below the current directory' "$(cd nd && drop deep && pwd && ls)" $'dropped: A nd/deep\ndropped: A nd/deep/r\n'"$mnt/nd"$'\nholes\nq\nsl'
is 'JSON' "$(drop --json nd | json 'scalar @{$_->{dropped}}')" 4
is 'some of them not staged' "$(drop nosuch B 2>/dev/null)" 'dropped: R b -> B'
is 'a removed one' "$(drop a2)" 'dropped: D a2'
ok 'the rest' drop c keep
silent 'nothing is staged' changes
is '… at all' "$(info_json '$_->{staged_bytes}' .)" 0
shown . >"$T/is"
same_listing 'all is as it was' "$T/was" "$T/is"
change
fails 'none of ours' 1 drop "$T/nowhere" ..
ok 'the mount point alone: all of it' drop .
silent 'nothing is staged' changes
cd "$T" || exit 1
ok 'unmount' umount_disc

# ---- the capacity of an image
capacity() { info_json '$_->{capacity_bytes}' "$1"; }
ok 'media=cd80' mounted create,media=cd80 m.iso
is 'info' "$(capacity "$mnt")" $((359844 * 2048))
is 'df' "$(df -B1 --output=size "$mnt" | tail -n 1)" $((359844 * 2048))
ok 'unmount' umount_disc
is 'a blank image keeps it' "$(capacity m.iso)" $((359844 * 2048))
ok 'mount' mounted m.iso
is 'df' "$(df -B1 --output=size "$mnt" | tail -n 1)" $((359844 * 2048))
echo 1 >"$mnt/1"
ok 'burn' "$BUILD/cdappendfs-sync" "$mnt"
ok 'unmount' umount_disc
cp m.iso m2.iso
is 'a burned one too, without a stage' "$(capacity m2.iso) $(stage list)" "$((359844 * 2048)) nothing is staged"
ok 'another one' mounted media=4,7G m.iso
is '4,7G is 4.7G' "$(capacity "$mnt")" $((2464153 * 2048))
like 'which is more than a DVD has' "$(<"$log")" '4,7G is 4\.7 GiB, more than a disc that is sold as 4\.7 GB takes: media=dvd'
ok 'unmount' umount_disc
is 'it is kept' "$(capacity m.iso)" $((2464153 * 2048))
ok 'none' mounted media=none m.iso
cmp_number 'is bounded by its file system' "$(capacity "$mnt")" -ne $((2464153 * 2048))
is 'info says what df does' "$(($(capacity "$mnt") / 100000000))" "$(($(df -B1 --output=size "$mnt" | tail -n 1) / 100000000))"
ok 'unmount' umount_disc
for kind in bdxl-100:48878592 bdxl-128:62500864 mdisc-dvd:2295104 mdisc-bd:12219392 mdisc-bd-dl:24438784 mdisc-bdxl-100:48878592; do
	ok "media=${kind%:*}" mounted "create,media=${kind%:*}" "k.iso"
	is 'its capacity' "$(capacity "$mnt")" $((${kind#*:} * 2048))
	ok 'unmount' umount_disc
done
fails 'media=4,7X' 2 "$BUILD/cdappendfs" -o create,media=4,7X q.iso "$mnt"
like '… names what there is' "$(<"$T/ok.output")" 'mdisc-bdxl-100'

# ---- a full disk of the stage
mkdir small
if ((EUID == 0)) && mount -t tmpfs -o size=20m small small; then
	start_disc -o create -s "$T/small/stage" full.iso || fail mount
	fails 'the disk of the stage is full' 1 dd if=/dev/zero of="$mnt/large" bs=1M count=40
	fails 'and still' 1 dd if=/dev/zero of="$mnt/large2" bs=1M count=40
	is 'the daemon says so once' "$(grep -c 'the disk of the staging area is full' "$log")" 1
	rm -f "$mnt/large" "$mnt/large2"
	ok 'unmount' umount_disc
	umount small
fi

# ---- a discard in one's own directory, which is staged itself
blank_disc "$T/here.iso"
mount_disc "$T/here.iso"
mkdir "$mnt/mine"
echo stays >"$mnt/mine/stays"
echo goes >"$mnt/mine/goes"
is 'what is dropped is gone, and the directory is still there under one' \
	"$(cd "$mnt/mine" && "$BUILD/cdappendfs-sync" --discard goes && pwd -P && ls)" "dropped: A mine/goes"$'\n'"$mnt/mine"$'\n'stays
ok 'unmount' umount_disc

# ---- a set of discs: the stage of one that was blank has another name when it is unmounted
ok 'mount' mounted create,media=8M,span set1.iso
for i in 1 2 3 4 5 6 7; do noise 2500000 "7$i" >"$mnt/$i"; done
ok 'the first disc, and the next ones' bounded 120 "$BUILD/cdappendfs-sync" --span --next=set2.iso --next=set3.iso "$mnt"
await_daemon
like 'the last of the set' "$(<"$T/ok.output")" 'disc 3 of 3'
is 'it is mounted in the place of the first' "$(findmnt -n -o SOURCE "$mnt")" "$T/set3.iso"
is 'with what was left' "$(cd "$mnt" && ls | paste -sd' ')" 7
ok 'unmount' bounded 60 "$BUILD/cdappendfs-umount" "$mnt"
none 'nothing waits' "$(stage list | grep -F set)"
done_testing
