#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# check.t - cdappendfs-check: sound discs are sound, each kind of damage is found and named in each session that it
# harms, manifests are sha256sum's, also under Linux' isofs; hostile discs end it soon
. "$(dirname "$0")/../lib.sh"

check() { bounded 120 "$BUILD/cdappendfs-check" --state="$T/checks" "$@"; }
# verdict EXPRESSION ARGUMENTS…: of the result as JSON
verdict() { local expression=$1; shift; check --json "$@" 2>"$T/complaint" | tail -n 1 | json "$expression"; }
verdicts() { verdict 'join ",", map { $_->{verdict} } @{$_->{sessions}}' "$@"; }
# damage ARGUMENTS…: lines "SESSION WHAT PROBLEM", as they are told
damage() { verdict 'join "\n", map { ($_->{session} // "-") . " " . ($_->{path} // $_->{part}) . " " . $_->{problem} } @{$_->{damage}}' "$@"; }
# at TEXT FILE: the block that has it first
block_of() { echo $(($(grep -obUa -m 1 -- "$1" "$2" | head -n 1 | cut -d: -f1) / 2048)); }
# flip DISC BLOCK [BYTE]: another byte there
# record DISC START SECTORS HOW: its commit record made anew: "old", as 0.2 wrote it; "else": with another word in it
record() {
	perl -MDigest::SHA=sha256 -e '
		my ($file, $start, $sectors, $how) = @ARGV;
		open my $f, "+<:raw", $file or die;
		my $at = ($start + $sectors - 1) * 2048;
		seek $f, $at, 0; read $f, my $r, 2048;
		if ($how eq "old") {
			seek $f, $start * 2048, 0; read $f, my $all, ($sectors - 1) * 2048;
			$r = substr($r, 0, 44) . pack("V", 0) . sha256($all);
			$r .= sha256($r);
			$r .= "\0" x (2048 - length $r);
		} else {
			substr($r, 300, 1) = "x";
			substr($r, 2016, 32) = sha256(substr $r, 0, 2016);
		}
		seek $f, $at, 0; print $f $r;' "$@"
}
flip() { printf '\xa5' | dd of="$1" bs=1 seek=$(($2 * 2048 + ${3:-100})) conv=notrunc status=none; }

# ---- a disc of five sessions -----------------------------------------------------------------------------------------
disc=$T/five.iso
blank_disc "$disc"
for i in 1 2 3 4 5; do
	mount_disc -o tree=full "$disc"
	mkdir "$mnt/dir $i"
	{ echo "BEGINNING OF FILE $i"; noise 200000 "$i"; } >"$mnt/dir $i/file $i"
	((i == 1)) && printf 'x' >"$mnt/odd "$'\n'" back\\slash" && : >"$mnt/empty" && ln "$mnt/empty" "$mnt/empty too"
	umount_disc || fail "session $i"
done
ok 'five sessions are sound' check "$disc"
like 'it says so' "$(check "$disc" | tail -n 1)" 'five.iso is sound$'
is 'each of them' "$(verdicts "$disc")" sound,sound,sound,sound,sound
is 'all of it is read, once' "$(verdict '$_->{read_bytes}' "$disc")" "$(apparent_size "$disc")"
is 'one of them alone' "$(verdicts --session=3 "$disc")" 'not checked,not checked,sound,not checked,not checked'
silent 'quiet says nothing' check --quiet "$disc"
fails 'there is no sixth' 1 check --session=6 "$disc"
like 'it says how they are listed' "$(check --session=6 "$disc" 2>&1)" 'no session 6;.*cdappendfs-info'

# ---- each kind of damage ---------------------------------------------------------------------------------------------
fails 'a block that cannot be read' 1 check --disc-fault="read@$(block_of 'BEGINNING OF FILE 2' "$disc")=EIO" "$disc"
two=$(block_of 'BEGINNING OF FILE 2' "$disc")
is 'the file is named in each session, the newest first' "$(damage --disc-fault="read@$((two + 3))=EIO" "$disc")" \
	"$(for i in 5 4 3 2; do echo "$i /dir 2/file 2 unreadable"; done)"
is 'where in it, and how much' \
	"$(verdict 'my $d = $_->{damage}[0]; "$d->{offset} $d->{bytes}"' --disc-fault="read@$((two + 3))=EIO,read@$((two + 5))=EIO" "$disc")" '6144 4096'
is 'no more is counted than what could not be read' \
	"$(verdict '$_->{unreadable_sectors}' --disc-fault="read@$((two + 3))=EIO,read@$((two + 5))=EIO" "$disc")" 2
is 'a session with that is not sound, the others are' "$(verdicts --disc-fault="read@$two=EIO" "$disc")" sound,damaged,sound,sound,sound
like 'as text' "$(check --disc-fault="read@$two=EIO" "$disc")" $'\nsession 3: /dir 2/file 2: 2.0 KiB from byte 0 on cannot be read\n'
like 'names are bounded, and the rest is told' "$(check --names=1 --disc-fault="read@$two=EIO,read@$(block_of 'BEGINNING OF FILE 1' "$disc")=EIO" "$disc")" \
	'session 5: and 1 more; --names=0 lists all'
cp "$disc" "$T/bad.iso"
flip "$T/bad.iso" $((two + 60)) 1000
is 'a byte that was altered' "$(verdicts "$T/bad.iso")" sound,damaged,sound,sound,sound
is 'the file is named in each session' "$(damage "$T/bad.iso")" "$(for i in 5 4 3 2; do echo "$i /dir 2/file 2 altered"; done)"
is 'no more than the piece is told' "$(verdict '$_->{altered_sectors}' "$T/bad.iso")" 32
is 'what cannot be compared beside unreadable blocks is counted' \
	"$(verdict '$_->{sessions}[1]{unproven_sectors}' --disc-fault="read@$((two + 3))=EIO" "$disc")" 31
fails 'the exit status says so' 1 check --quiet "$T/bad.iso"

cp "$disc" "$T/bad.iso"
info --json "$disc" >"$T/info.json"
start=$(json '$_->{sessions}[2]{start_lba}' <"$T/info.json") sectors=$(json '$_->{sessions}[2]{sectors}' <"$T/info.json")
flip "$T/bad.iso" $((start + sectors - 1)) 20
is 'a commit record' "$(damage "$T/bad.iso")" $'4 the chain to the session before it altered\n3 commit record altered'
is 'one that cannot be read' "$(damage --disc-fault="read@$((start + sectors - 1))=EIO" "$disc")" \
	$'4 the chain to the session before it unreadable\n3 commit record unreadable'
# Without its record a table is where it always is, and whatever of it agrees with the session is so.
lost="read@$((start + sectors - 1))=EIO" table=$((start + sectors - 2))
unproven() { verdict 'my $s = $_->{sessions}[2]; "$s->{verdict} $s->{unproven_sectors} $s->{altered_sectors}"' "$@"; }
is 'what its table has is compared all the same' "$(unproven --disc-fault="$lost" "$disc")" 'damaged 0 0'
is 'the record and the table: both are named' "$(damage --disc-fault="$lost,read@$table=EIO" "$disc")" \
	$'4 the chain to the session before it unreadable\n3 commit record unreadable\n3 digest table unreadable'
is 'and all blocks of which nothing is known' "$(unproven --disc-fault="$lost,read@$table=EIO" "$disc")" "damaged $((sectors - 2)) 0"
like 'as text' "$(check --disc-fault="$lost,read@$table=EIO" "$disc")" "session 3, [^:]*: damaged: 2 blocks unreadable, $((sectors - 2)) blocks that nothing proves any more"
cp "$disc" "$T/bad.iso"
dd if=/dev/urandom of="$T/bad.iso" bs=2048 seek="$table" count=2 conv=notrunc status=none
is 'the same, both altered' "$(damage "$T/bad.iso")" $'4 the chain to the session before it altered\n3 commit record altered\n3 digest table altered'
is 'nothing else is called altered' "$(unproven "$T/bad.iso")" "damaged $((sectors - 2)) 0"
cp "$disc" "$T/bad.iso"
flip "$T/bad.iso" "$(block_of 'BEGINNING OF FILE 3' "$T/bad.iso")"
is 'a piece that is not as a table has it of which nothing is proven' "$(unproven --disc-fault="$lost" "$T/bad.iso")" 'damaged 32 0'
cp "$disc" "$T/bad.iso"
record "$T/bad.iso" "$start" "$sectors" else
is 'one that is whole, and not what it was' "$(damage "$T/bad.iso")" '4 the chain to the session before it altered'
is 'the others hold' "$(verdict 'join ",", map { $_->{chain} } @{$_->{sessions}}' "$T/bad.iso")" none,holds,holds,broken,holds
cp "$disc" "$T/bad.iso"
flip "$T/bad.iso" $((start + sectors - 2)) 100 # behind the table, or in it
like 'the digest table' "$(damage "$T/bad.iso")" '^3 digest table altered$'
cp "$disc" "$T/bad.iso"
record "$T/bad.iso" "$start" "$sectors" old
is 'a session of an older version has one checksum' "$(verdict 'my $s = $_->{sessions}[2]; "$s->{proof} $s->{verdict}"' "$T/bad.iso")" 'sha256 sound'
flip "$T/bad.iso" "$(block_of 'BEGINNING OF FILE 3' "$T/bad.iso")"
is 'that tells of damage, and not where' "$(verdict 'my $s = $_->{sessions}[2]; "$s->{verdict} $s->{differs} $_->{altered_sectors}"' "$T/bad.iso")" 'damaged 1 0'
cp "$disc" "$T/bad.iso"
dd if=/dev/urandom of="$T/bad.iso" bs=2048 seek=$((start + 16)) count=1 conv=notrunc status=none
like 'descriptors of a session in the middle: those before it are not found' "$(damage "$T/bad.iso")" \
	"the session before it, which begins at block $start, and those below"
word_at() { perl -e 'open my $f, "<:raw", $ARGV[0]; seek $f, $ARGV[1], 0; read $f, my $n, 4; print unpack "V", $n' "$disc" "$1"; }
tables=$(word_at $((32768 + 140)))
like 'a path table' "$(damage --disc-fault="read@$tables=EIO" "$disc")" '^5 path table \(L\) unreadable$'
root=$(word_at $((32768 + 156 + 2))) joliet=$(word_at $((34816 + 156 + 2)))
like 'a directory: its names are not known' "$(damage --disc-fault="read@$root=EIO" "$disc")" '^5 its tree as a whole.* unreadable'
is 'the root of the Joliet tree' "$(damage --disc-fault="read@$joliet=EIO" "$disc")" '5 another tree of it (Joliet, or plain names) unreadable'
is 'a directory of it' "$(damage --disc-fault="read@$((joliet + 2))=EIO" "$disc")" '5 directory of the Joliet tree: /dir 2 unreadable'
like 'the head' "$(damage --disc-fault=read@31=EIO "$disc")" '^- the head of the disc .* unreadable$'
blank_disc "$T/one.iso"
mount_disc "$T/one.iso"
noise 30000 1 >"$mnt/file"
umount_disc || fail 'one session'
for of in one five; do
	for how in 'zeros 0 32768' 'noise 0 32768' 'zeros 0 2048' 'zeros 2048 2048' 'zeros 4096 2048' 'noise 32700 4' \
		'noise 80 4' 'noise 140 4' 'noise 158 4' 'noise 180 2' 'noise 813 4' 'noise 883 8' 'noise 900 16' 'noise 2000 8'; do
		read -r what from bytes <<<"$how"
		cp "$T/$of.iso" "$T/bad.iso"
		{ [[ $what == zeros ]] && cat /dev/zero || noise 32768 3; } | head -c "$bytes" | dd of="$T/bad.iso" bs=1 seek=$((32768 + from)) conv=notrunc status=none
		fails "$of: a head that is not what it was ($how)" 1 check "$T/bad.iso"
		like "$of: it is named ($how)" "$(cat "$T/ok.output")" 'the head of the disc [^:]*: [^:]* altered'
		is "$of: all sessions are found and sound ($how)" "$(verdicts "$T/bad.iso" | tr -d ,)" "$(verdicts "$T/$of.iso" | tr -d ,)"
	done
done
like 'a part of the disc in which the head lies' "$(damage --subset=1/9 "$T/bad.iso")" '^- the head'
is 'another part' "$(verdict '$_->{damaged} + 0' --subset=9/9 "$T/bad.iso")" 0
cp "$disc" "$T/bad.iso"
truncate -s $(((start + sectors / 2) * 2048)) "$T/bad.iso"
is 'one that was cut off' "$(verdicts "$T/bad.iso")" sound,sound,damaged,damaged
like 'what is not found is told' "$(damage "$T/bad.iso")" '^- sessions 4 to 4, which are not found missing'

like 'it says what is missing' "$(check "$T/bad.iso")" 'session 3: /dir 3/file 3: [0-9.]+ KiB from byte [0-9]+ on missing'

# ---- thirty sessions, linked -----------------------------------------------------------------------------------------
many=$T/thirty.iso
blank_disc "$many"
for i in {1..30}; do
	mount_disc -o tree=linked "$many"
	mkdir "$mnt/$i"
	echo "LINE OF $i" >"$mnt/$i/data"
	umount_disc || fail "session $i"
done
is 'thirty linked sessions are sound' "$(verdict '$_->{sound} . scalar @{$_->{sessions}}' "$many")" '130'
is 'a file of the third is named in all that have it' "$(damage --disc-fault="read@$(block_of 'LINE OF 3$' "$many")=EIO" "$many" | wc -l)" 28

# ---- of other programs -----------------------------------------------------------------------------------------------
mkdir -p "$T/src/sub"
echo 'FOREIGN FILE' >"$T/src/sub/name"
noise 100000 9 >"$T/src/large"
xorriso -outdev "$T/x.iso" -map "$T/src" / -commit >/dev/null 2>&1
xorriso -dev "$T/x.iso" -map "$T/src/large" /again -commit >/dev/null 2>&1
is "xorriso's sessions are readable" "$(verdicts "$T/x.iso")" readable,readable
ok 'that is sound' check --quiet "$T/x.iso"
# Tags of libisofs
{ echo BEGINNING OF LONG; noise 3000000 8; } >"$T/src/long"
xorriso -md5 on -outdev "$T/md5.iso" -map "$T/src" / -commit >/dev/null 2>&1
xorriso -md5 on -dev "$T/md5.iso" -map "$T/src/large" /again -commit >/dev/null 2>&1
is "xorriso's sessions with MD5 are sound" "$(verdict 'join ",", map { "$_->{proof} $_->{verdict}" } @{$_->{sessions}}' "$T/md5.iso")" 'md5 sound,md5 sound'
is 'one that is not read as a whole is not compared' "$(verdict 'join ",", map { $_->{verdict} } @{$_->{sessions}}' --subset=1/3 "$T/md5.iso")" 'part,not checked'
for place in 'session 1.*in: the data of its files' 'session 1.*in: its directories' 'session 1.*in: its volume descriptors'; do
	cp "$T/md5.iso" "$T/bad.iso"
	case $place in
	*data*) flip "$T/bad.iso" 700 500 ;;
	*directories*) flip "$T/bad.iso" "$(disc=$T/bad.iso word_at $((48 * 2048 + 158)))" 2000 ;;
	*) flip "$T/bad.iso" 48 700 ;;
	esac
	like "altered: $place" "$(check "$T/bad.iso")" "$place"
	like 'xorriso finds it, too' "$(xorriso -md5 on -indev "$T/bad.iso" -check_media -- 2>&1)" "md5_mismatch"
done
# Which file it is is told by libisofs' sums of files, also of a session that another file of its own cannot be read in.
start=$(block_of 'BEGINNING OF LONG' "$T/md5.iso") small=$(block_of 'FOREIGN FILE' "$T/md5.iso")
cp "$T/md5.iso" "$T/bad.iso"
flip "$T/bad.iso" $((start + 100)) 500
is 'the altered file is named, in each session' "$(damage "$T/bad.iso")" $'2 /long altered\n1 /long altered'
is 'xorriso names the same' "$(xorriso -md5 on -indev "$T/bad.iso" -check_md5_r sorry / -- 2>/dev/null | grep MISMATCH)" \
	"MD5 MISMATCH: '/long'"
is 'beside one that cannot be read' "$(damage --disc-fault="read@$small=EIO" "$T/bad.iso" | sort)" \
	$'1 /long altered\n1 /sub/name unreadable\n2 /long altered\n2 /sub/name unreadable'
xorriso -md5 on -dev "$T/bad.iso" -rm /long -- -commit >/dev/null 2>&1
is 'one that has no name any more' "$(damage "$T/bad.iso")" $'2 /long altered\n1 /long altered'
rm "$T/src/long"
genisoimage -quiet -R -J -o "$T/g.iso" "$T/src" 2>/dev/null
is "genisoimage's is" "$(verdicts "$T/g.iso")" readable
mount_disc "$T/g.iso"
echo more >"$mnt/more"
umount_disc || fail 'a session above it'
is 'one of ours above it' "$(verdicts "$T/g.iso")" readable,sound
is 'a file of it, in both' "$(damage --disc-fault="read@$(block_of 'FOREIGN FILE' "$T/g.iso")=EIO" "$T/g.iso")" \
	$'2 /sub/name unreadable\n1 /sub/name unreadable'
cp "$T/x.iso" "$T/bad.iso"
truncate -s 131072 "$T/bad.iso"
fails 'one that was cut off is damaged' 1 check --quiet "$T/bad.iso"

# ---- mounted, with something staged -----------------------------------------------------------------------------------
mount_disc "$disc"
echo staged >"$mnt/staged"
ok 'mounted, by its mount point' check "$mnt"
ok 'by a path in it' check --quiet "$mnt/dir 2"
ok 'by its disc' check --quiet "$disc"
(cd "$mnt" && check --manifest . >"$T/manifest")
is 'what is staged is not in the manifest' "$(grep -c staged "$T/manifest")" 0
ok 'sha256sum finds all of it in the mount' bash -c 'cd "$1" && sha256sum --quiet --strict -c "$2"' - "$mnt" "$T/manifest"
ok 'nothing is burned' "$BUILD/cdappendfs-sync" --discard "$mnt"
umount_disc || fail 'the mount ends'

# ---- manifests --------------------------------------------------------------------------------------------------------
for i in 1 3 5; do
	check --manifest --session="$i" "$disc" >"$T/manifest.$i" || fail "manifest $i"
	mount_disc -o "session=$i" "$disc"
	ok "session $i is as its manifest says" bash -c 'cd "$1" && sha256sum --quiet --strict -c "$2"' - "$mnt" "$T/manifest.$i"
	is "all files of session $i" "$(find "$mnt" -type f -printf x | wc -c)" "$(wc -l <"$T/manifest.$i")"
	umount_disc || fail "session $i"
done
fails 'a file that cannot be read is left out, and told' 1 check --manifest --disc-fault="read@$two=EIO" "$disc"
like 'so' "$(check --manifest --disc-fault="read@$two=EIO" "$disc" 2>&1 >"$T/manifest")" 'left out: Input/output error'
is 'the others are there' "$(wc -l <"$T/manifest")" $(($(wc -l <"$T/manifest.5") - 1))
if why=$(uml_missing); then
	skip "Linux' isofs agrees with the manifests" "$why"
else
	cat >"$T/guest" <<-'END'
		while read -r session sector; do
			mkdir -p /mnt/iso
			mount -t iso9660 -o "ro,loop,sbsector=$sector" "$T/five.iso" /mnt/iso && cd /mnt/iso &&
				sha256sum --quiet --strict -c "$T/manifest.$session" >"$T/isofs.$session" 2>&1 && echo fine >"$T/isofs.$session"
			cd / && umount /mnt/iso
		done <"$T/sectors"
	END
	for i in 1 3 5; do
		rm -f "$T/isofs.$i"
		echo "$i $(json "\$_->{sessions}[$i - 1]{sbsector}" <"$T/info.json")" >>"$T/sectors"
	done
	ok 'the guest ran' in_uml bash "$T/guest"
	for i in 1 3 5; do is "Linux' isofs agrees with the manifest of session $i" "$(cat "$T/isofs.$i")" fine; done
fi

# ---- what is no disc, and what lies ------------------------------------------------------------------------------------
blank_disc "$T/blank.iso"
like 'a blank disc' "$(check "$T/blank.iso")" 'is blank: there is nothing to check'
fails 'no disc' 1 check "$T/info.json"
fails 'a directory' 1 check "$T"
like 'it says what to do' "$(check "$T" 2>&1)" 'findmnt'
fails 'nothing' 1 check "$T/none"
fails 'no argument' 2 check
fails 'a number that is none' 2 check --session=0 "$disc"
fails 'a manifest is no JSON' 2 check --manifest --json "$disc"
# Records that lead in circles, extents beyond the end
root=$(disc=$T/g.iso word_at $((32768 + 156 + 2)))
for byte in 2 10 33 58 66 190 300; do
	cp "$T/g.iso" "$T/bad.iso"
	flip "$T/bad.iso" "$root" "$byte"
	check --json "$T/bad.iso" >"$T/out" 2>&1
	(($? < 2)) && tail -n 1 "$T/out" | json '$_->{sound}' >/dev/null 2>&1 || grep -q 'cannot be checked' "$T/out" ||
		fail "byte $byte of a root directory" "$(cat "$T/out")"
done
pass 'odd roots end in a result'
done_testing
