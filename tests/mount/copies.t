#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# copies.t - cdappendfs-check: of two damaged copies a whole disc is made, or what is lost is named; a disc is checked a
# little each time, and what was checked is known after a kill
. "$(dirname "$0")/../lib.sh"

check() { bounded 120 "$BUILD/cdappendfs-check" --state="$T/checks" "$@"; }
verdict() { local expression=$1; shift; check --json "$@" 2>"$T/complaint" | tail -n 1 | json "$expression"; }
damage() { verdict 'join "\n", map { ($_->{session} // "-") . " " . ($_->{path} // $_->{part}) . " " . $_->{problem} } @{$_->{damage}}' "$@"; }
# spoil DISC COPY WHICH HOW COMMON…: a third of the blocks of DISC is spoiled in COPY 1, another third in 2, and COMMON in
# both; HOW: "map", with garbage and a map beside it; "zeros", without; "head", "map" and all of the head
spoil() {
	perl -e '
		my ($from, $to, $which, $how, @common) = @ARGV;
		open my $f, "<:raw", $from or die; local $/; my $all = <$f>;
		my %common = map { $_ => 1 } @common;
		my ($n, $map, $seed) = (length($all) / 2048, "# Mapfile\n0x0 ? 1\n", 12345);
		for my $i (0 .. $n - 1) {
			$seed = ($seed * 1103515245 + 12345) % 2147483648;
			my $third = int($seed / 65536) % 10;
			my $bad = $common{$i} || ($which == 1 ? $third < 3 : $third > 6);
			$bad = 1 if $how eq "head" && $i >= 16 && $i < 32 && $which == 1;
			$bad = 0 if $how eq "head" && $i >= 16 && $i < 32 && $which == 2;
			$map .= sprintf "0x%X 0x800 %s\n", $i * 2048, $bad ? "-" : "+";
			next unless $bad;
			substr($all, $i * 2048, 2048) = $how eq "zeros" ? "\0" x 2048 : substr(pack("V", $i) x 512, 0, 2048);
		}
		open my $t, ">:raw", $to or die; print $t $all;
		if ($how ne "zeros") { open my $m, ">", $to =~ s/iso$/map/r or die; print $m $map }' "$@"
}
block_of() { echo $(($(grep -obUa -m 1 -- "$1" "$2" | head -n 1 | cut -d: -f1) / 2048)); }

disc=$T/disc.iso
blank_disc "$disc"
for i in 1 2 3 4; do
	mount_disc "$disc"
	mkdir "$mnt/dir $i"
	for k in 1 2 3; do { echo "FILE $i $k"; noise 300000 "$i$k"; } >"$mnt/dir $i/file $k"; done
	umount_disc || fail "session $i"
done

# ---- two copies --------------------------------------------------------------------------------------------------------
spoil "$disc" "$T/a.iso" 1 map
spoil "$disc" "$T/b.iso" 2 map
fails 'a copy with a third of its blocks spoiled is damaged' 1 check --quiet "$T/a.iso"
ok 'two of them make a whole one' check --merge="$T/whole.iso" "$T/a.iso" "$T/b.iso"
same_file 'it is the disc' "$disc" "$T/whole.iso"
is 'the copies are as they were' "$(stat -c %s "$T/a.iso" "$T/b.iso" | sort -u)" "$(apparent_size "$disc")"
fails 'what is there is not overwritten' 1 check --merge="$T/whole.iso" "$T/a.iso" "$T/b.iso"
fails 'nor is a copy' 1 check --merge="$T/a.iso" "$T/a.iso" "$T/b.iso"
same_file 'it is as it was' "$disc" "$T/whole.iso"
silent 'nothing else is left' find "$T" -name '*.unfinished'
mv "$T/a.map" "$T/elsewhere"
ok 'a map of another name' check --quiet --map="$T/a.iso=$T/elsewhere" --merge="$T/second.iso" "$T/b.iso" "$T/a.iso"
same_file 'it is the disc again' "$disc" "$T/second.iso"
fails 'a map of no copy' 2 check --map="$T/x=$T/elsewhere" --merge="$T/third.iso" "$T/a.iso" "$T/b.iso"
fails 'one that is none' 1 check --map="$T/a.iso=$TOP/Makefile" --merge="$T/third.iso" "$T/a.iso" "$T/b.iso"
like 'it says which line' "$(check --map="$T/a.iso=$TOP/Makefile" --merge="$T/third.iso" "$T/a.iso" "$T/b.iso" 2>&1)" 'line [0-9]+ is none of a map file'
fails 'one copy twice' 1 check --merge="$T/third.iso" "$T/a.iso" "$T/a.iso"
fails 'one copy' 2 check --merge="$T/third.iso" "$T/a.iso"
ok 'nothing was made of them' test ! -e "$T/third.iso"

spoil "$disc" "$T/a.iso" 1 zeros
spoil "$disc" "$T/b.iso" 2 zeros
rm -f "$T"/*.map "$T/second.iso"
ok 'zeros in the place of what could not be read, without maps' check --quiet --merge="$T/second.iso" "$T/a.iso" "$T/b.iso"
same_file 'that is the disc, too' "$disc" "$T/second.iso"
rm -f "$T/second.iso"
spoil "$disc" "$T/a.iso" 1 head
spoil "$disc" "$T/b.iso" 2 head
ok 'a copy without a head first' check --quiet --merge="$T/second.iso" "$T/a.iso" "$T/b.iso"
same_file 'the head is the other one' "$disc" "$T/second.iso"
rm -f "$T/second.iso" "$T"/*.map
for copy in a b; do
	{ head -c 32768 "$disc"; head -c 32768 /dev/zero; tail -c +65537 "$disc"; } >"$T/$copy.iso"
	printf '0x0 ? 1\n0x0 0x8000 +\n0x8000 0x8000 -\n0x10000 0x%x +\n' $(($(apparent_size "$disc") - 65536)) >"$T/$copy.map"
done
ok 'a head that is in no copy is made by the newest session' check --merge="$T/second.iso" "$T/a.iso" "$T/b.iso"
same_file 'it is the one that was there' "$disc" "$T/second.iso"
is 'so none of its blocks is missed' "$(grep -c 'in no copy' "$T/ok.output")" 0
rm -f "$T/second.iso"
cp "$disc" "$T/a.iso"
cp "$disc" "$T/b.iso"
rm -f "$T"/*.map
for at in 3 5 900; do printf x | dd of="$T/a.iso" bs=1 seek=$(((at + 100) * 2048)) conv=notrunc status=none; done
for at in 4 1200; do printf x | dd of="$T/b.iso" bs=1 seek=$(((at + 100) * 2048)) conv=notrunc status=none; done
ok 'wrong bytes in one piece of both, without maps' check --quiet --merge="$T/second.iso" "$T/a.iso" "$T/b.iso"
same_file 'the digest tells' "$disc" "$T/second.iso"

# ---- heads, what nothing proves, maps that cannot be read --------------------------------------------------------------
rm -f "$T/second.iso" "$T"/*.map
cp "$disc" "$T/newer.iso"
mount_disc "$T/newer.iso"
noise 1000 5 >"$mnt/new"
umount_disc || fail 'a fifth session'
cp "$disc" "$T/a.iso"
cp "$T/newer.iso" "$T/b.iso"
dd if=/dev/zero of="$T/b.iso" bs=2048 seek=16 count=16 conv=notrunc status=none
ok 'an older copy, and a newer one without a head' check --quiet --merge="$T/second.iso" "$T/a.iso" "$T/b.iso"
same_file 'the head is that of the newest session' "$T/newer.iso" "$T/second.iso"
rm -f "$T/second.iso"
dd if=/dev/zero of="$T/b.iso" bs=2048 seek=$(($(info_json '$_->{sessions}[-1]{start_lba}' "$T/newer.iso") + 8)) count=20 conv=notrunc status=none
check --quiet --merge="$T/second.iso" "$T/a.iso" "$T/b.iso" >/dev/null 2>&1
is 'a head is not taken away for one that leads nowhere' "$(dd if="$T/second.iso" bs=2048 skip=16 count=16 status=none | sha256sum)" \
	"$(dd if="$disc" bs=2048 skip=16 count=16 status=none | sha256sum)"
rm -f "$T/second.iso"
cp "$disc" "$T/b.iso"
printf x | dd of="$T/b.iso" bs=1 seek=$((3 * 2048)) conv=notrunc status=none
printf y | dd of="$T/a.iso" bs=1 seek=$((3 * 2048)) conv=notrunc status=none
like 'blocks before the first session are compared' "$(check --merge="$T/second.iso" "$T/a.iso" "$T/b.iso" 2>&1)" '1 of the blocks before the first session'
rm -f "$T/second.iso"
cp "$disc" "$T/b.iso"
ln -s a.map "$T/a.map"
like 'a map that cannot be looked at is told' "$(check --merge="$T/second.iso" "$T/a.iso" "$T/b.iso" 2>&1)" 'a.map: Too many levels'
ok 'nothing is made without it' test ! -e "$T/second.iso"
rm -f "$T/a.map"

# ---- ended in the middle -----------------------------------------------------------------------------------------------
blank_disc "$T/slow.iso"
mount_disc "$T/slow.iso"
cp "$T/a.iso" "$T/b.iso" "$mnt"
umount_disc || fail 'copies on a disc'
mount_disc -o ro,disc-fault=delay=100 "$T/slow.iso"
ended_midway "$T/ended.iso" "$BUILD/cdappendfs-check" --merge="$T/ended.iso" "$mnt/a.iso" "$mnt/b.iso"
umount_disc

# ---- what is lost ------------------------------------------------------------------------------------------------------
lost=$(($(block_of 'FILE 2 2' "$disc") + 7))
spoil "$disc" "$T/a.iso" 1 map "$lost"
spoil "$disc" "$T/b.iso" 2 map "$lost"
fails 'a block that is in no copy' 1 check --merge="$T/lost.iso" "$T/a.iso" "$T/b.iso"
is 'all but that is right' "$(cmp -l "$disc" "$T/lost.iso" | awk '{print int(($1 - 1) / 2048)}' | sort -u)" "$lost"
rm "$T/lost.iso"
is 'the file is named in each session' "$(damage --merge="$T/lost.iso" "$T/a.iso" "$T/b.iso")" \
	$'4 /dir 2/file 2 unreadable\n3 /dir 2/file 2 unreadable\n2 /dir 2/file 2 unreadable'
is 'a saved image with its map says the same' "$(printf '0x0 ?\n0x%x 0x800 -\n' $((lost * 2048)) >"$T/map"; damage --map="$T/map" "$T/lost.iso")" \
	$'4 /dir 2/file 2 unreadable\n3 /dir 2/file 2 unreadable\n2 /dir 2/file 2 unreadable'

# ---- of another disc, of another program -------------------------------------------------------------------------------
mkdir "$T/src"
noise 200000 77 >"$T/src/data"
xorriso -outdev "$T/x.iso" -map "$T/src" / -commit >/dev/null 2>&1
spoil "$T/x.iso" "$T/a.iso" 1 map
spoil "$T/x.iso" "$T/b.iso" 2 map
ok 'a disc of xorriso, by its maps' check --quiet --merge="$T/merged-x.iso" "$T/a.iso" "$T/b.iso"
same_file 'it is that' "$T/x.iso" "$T/merged-x.iso"
cp "$T/x.iso" "$T/a.iso"
cp "$T/x.iso" "$T/b.iso"
rm -f "$T"/*.map
printf x | dd of="$T/b.iso" bs=1 seek=$((100 * 2048)) conv=notrunc status=none
like 'what nothing decides is told' "$(check --merge="$T/c.iso" "$T/a.iso" "$T/b.iso" 2>&1)" '1 blocks that nothing proves'
cp "$T/x.iso" "$T/b.iso"
for at in 3 24; do printf x | dd of="$T/b.iso" bs=1 seek=$((at * 2048)) conv=notrunc status=none; done
cp "$T/x.iso" "$T/a.iso"
for at in 3 24; do printf y | dd of="$T/a.iso" bs=1 seek=$((at * 2048)) conv=notrunc status=none; done
rm -f "$T/c.iso"
like 'also of what lies where our head would be' "$(check --merge="$T/c.iso" "$T/a.iso" "$T/b.iso" 2>&1)" '2 blocks that nothing proves'
cp "$disc" "$T/other.iso"
mount_disc "$T/other.iso"
echo one >"$mnt/one"
umount_disc || fail 'a session'
cp "$disc" "$T/another.iso"
mount_disc -s "$T/stage/x" "$T/another.iso"
echo two >"$mnt/two"
umount_disc || fail 'a session'
like 'different discs are no copies' "$(check --merge="$T/d.iso" "$T/other.iso" "$T/another.iso" 2>&1)" 'are not copies of one disc'
ok 'an older copy beside a newer one' check --quiet --merge="$T/d.iso" "$disc" "$T/other.iso"
same_file 'the newer one is made' "$T/other.iso" "$T/d.iso"

# ---- a little each time ------------------------------------------------------------------------------------------------
rm -rf "$T/checks"
is 'it was never checked' "$(verdict 'defined $_->{last_whole} ? "checked" : "never"' --subset=1/3 "$disc")" never
is 'a third was read' "$(verdict '$_->{round_percent} >= 33 && $_->{round_percent} < 40' --subset=1/3 "$disc")" 1
like 'it says that' "$(check --subset=1/3 "$disc")" 'disc.iso is sound as far as it was read'
check --quiet --subset=3/3 "$disc"
is 'the rest is what is left' "$(verdict '$_->{read_bytes} < 0.5 * '"$(apparent_size "$disc")"' ? "less" : "all"' --minutes=5 "$disc")" less
like 'so all of it was read' "$(check --subset=1/2 "$disc")" 'last checked as a whole on 20[0-9-]*: sound'
like 'JSON says when' "$(verdict '$_->{last_whole}' --subset=1/2 "$disc")" '^[0-9]{9,}$'
cp "$disc" "$T/bad.iso"
printf x | dd of="$T/bad.iso" bs=1 seek=$(($(block_of 'FILE 1 1' "$disc") * 2048 + 5000)) conv=notrunc status=none
fails 'the part with the damage' 1 check --quiet --subset=1/2 "$T/bad.iso"
ok 'the other part' check --quiet --subset=2/2 "$T/bad.iso"
like 'as a whole it is damaged' "$(check --subset=2/2 "$T/bad.iso")" 'last checked as a whole on 20[0-9-]*: damaged'
like 'more retries than before' "$(check --disc-fault="read@500=EIO" "$disc" 2>&1; check --disc-fault="read@500=EIO,read@600=EIO,read@900=EIO" "$disc" 2>&1)" \
	'more reads had to be tried again than at the check before: copy the disc'
fails 'no part' 2 check --subset=4/3 "$disc"
fails 'no number' 2 check --minutes=0 "$disc"
chmod 777 "$T/checks"
fails 'a place that others may change' 1 check --minutes=1 "$disc"
like 'it says what to do' "$(check --minutes=1 "$disc" 2>&1)" 'give another place with --state='
rm -rf "$T/checks"

# Killed in the middle: what was read is known.
some_is_kept() { grep -q '"read":"0-' "$T/checks"/*[0-9a-f]; }
"$BUILD/cdappendfs-check" --state="$T/checks" --quiet --disc-fault=delay=250 "$disc" &
children+=($!)
ok 'what is read is kept while it goes on' until_true 60 some_is_kept
kill -KILL "${children[-1]}"
await "${children[-1]}" 2>/dev/null
is 'after a kill the next one goes on there' "$(verdict '$_->{read_bytes} < '"$(apparent_size "$disc")"' && $_->{round_percent}' --minutes=5 "$disc")" 100
done_testing
