#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# sheets.t - cue, toc and nrg files of somebody who means no good: what they name, what they are, and that they change
. "$(dirname "$0")/../lib.sh"
((EUID == 0)) || skip_all 'not root'

export TMPDIR=$T/tmp
mkdir -p "$TMPDIR" "$T/tree" "$T/root"
chmod 755 "$T"
# Two users: the one who writes sheets, and root, who mounts them.
as_writer=(setpriv --reuid=1001 --regid=1001 --clear-groups --inh-caps=-all --)
writer() { "${as_writer[@]}" "$@"; }
# A child, so that it can be ended: start_flip COMMAND…
start_flip() {
	"${as_writer[@]}" "$TOOLS/flip" "$@" >/dev/null 2>&1 &
	flipper=$!
	children+=("$flipper")
}
end_flip() {
	kill "$flipper"
	wait "$flipper" 2>/dev/null
}
set=$T/set
mkdir -m 755 "$set"
chown 1001:1001 "$set"

noise 100000 1 >"$T/tree/data"
genisoimage -quiet -R -o "$T/root/private.iso" "$T/tree" 2>/dev/null
chmod 600 "$T/root/private.iso"
chmod 700 "$T/root"
raw() {
	perl -e 'my ($from, $to) = @ARGV; open my $in, "<:raw", $from or die; open my $out, ">:raw", $to or die; local $/ = \2048;
		while (my $data = <$in>) { print $out "\0", "\377" x 10, "\0\0\0\0\1", $data, "\0" x 288 }' "$@"
}
raw "$T/root/private.iso" "$T/root/private.bin"
# own NAME: a file of the writer's
own() { cat >"$set/$1" && chown 1001:1001 "$set/$1"; }
own own.iso <"$T/root/private.iso"
own own.bin <"$T/root/private.bin"
own 'other case.BIN' <"$T/root/private.bin"
cue() { printf '%s\n  TRACK 01 %s\n    INDEX 01 00:00:00\n' "$2" "$3" | own "$1"; }
toc() { printf 'CD_ROM\nTRACK %s\n%s\n' "$2" "$3" | own "$1"; }
# index NAME DATA: an nrg of one track, as the older of Nero's indices have it
nero() {
	perl -e 'local $/; open my $f, "<:raw", $ARGV[0]; my $data = <$f>;
		print $data, "ETNF", pack("N", 20), pack("N5", 0, length $data, 0, 0, 0), "END!", pack("N", 0), "NERO", pack("N", length $data)' "$1"
}
nero "$T/root/private.iso" | own own.nrg

# refused NAME SHEET WORDS: by root's mount for all, and by who looks only
refused() {
	if start_disc -o allow_other -s "$T/stage/none" "$2"; then
		fail "$1: refused" "$(ls -l "$mnt")"
		umount_disc
	else
		pass "$1: refused"
	fi
	like "$1: and why" "$(<"$log")" "$3"
	fails "$1: so by cdappendfs-info" 1 info "$2"
	like "$1: with the same words" "$(<"$T/ok.output")" "$3"
}
taken() {
	if start_disc -o allow_other -s "$T/stage/none" "$2"; then
		same_file "$1" "$T/tree/data" "$mnt/data"
		umount_disc || fail "$1: unmount"
	else
		fail "$1" "$(<"$log")"
	fi
}

# ---- what a sheet may name
cue own.cue 'FILE "own.bin" BINARY' MODE1/2352
toc own.toc MODE1_RAW 'DATAFILE "own.bin"'
cue case.cue 'FILE "OTHER case.bin" BINARY' MODE1/2352
cue whole.cue "FILE \"$set/own.iso\" BINARY" MODE1/2048
for sheet in own.cue own.toc own.nrg case.cue whole.cue; do taken "$sheet: what is its writer's" "$set/$sheet"; done
# Ways to write it that sheets have.
cue tabs.cue $'FILE\town.bin\tBINARY' MODE1/2352
cue blanks.cue 'FILE  own.bin   BINARY ' MODE1/2352
cue in-it.cue 'FILE ".//./own.bin" BINARY' MODE1/2352
toc in-it.toc MODE1_RAW 'DATAFILE "./own.bin"'
for sheet in tabs.cue blanks.cue in-it.cue in-it.toc; do taken "$sheet: its name in other forms" "$set/$sheet"; done
for TMPDIR in /proc "$T/none" relative ''; do taken "TMPDIR '$TMPDIR', where nothing can be made" "$set/own.cue"; done
TMPDIR=$T/tmp
cp "$set/own.cue" "$T/root/private.cue"
sed -i 's/own.bin/private.bin/' "$T/root/private.cue"
taken "root's sheet, root's data" "$T/root/private.cue"

# Each line a way to root's files.
mkdir "$set/below"
ln -s "$T/root/private.iso" "$set/link.iso"
ln -s "$T/root" "$set/links"
ln "$T/root/private.iso" "$set/hard.iso"
ln "$T/root/private.bin" "$set/hard.bin"
cp "$T/root/private.iso" "$set/below/private.iso"
n=0
while IFS=';' read -r what name why; do
	((++n))
	cue "$n.cue" "FILE \"$name\" BINARY" MODE1/2048
	refused "cue, $what" "$set/$n.cue" "$why"
	toc "$n.toc" MODE1 "DATAFILE \"$name\""
	refused "toc, $what" "$set/$n.toc" "$why"
done <<END
a whole path;$T/root/private.iso;put it there
a path upwards;../root/private.iso;put it there
a path below;below/private.iso;put it there
upwards from here;./../root/private.iso;put it there
through a link;links/private.iso;put it there
a symbolic link;link.iso;symbolic link
a hard link;hard.iso;another user
a hard link in other letters;HARD.ISO;another user
of a path of another system;C:\\..\\hard.iso;another user
of a path of another system, a path;C:\\x\\../root/private.iso;put it there
the directory itself;.;put it there
the one above;..;put it there
END
cue lower.cue "file \"$T/root/private.iso\" binary" MODE1/2048
refused 'cue, small letters' "$set/lower.cue" 'put it there'
cue unquoted.cue "FILE $T/root/private.iso BINARY" MODE1/2048
refused 'cue, without quotes' "$set/unquoted.cue" 'put it there'
for word in FILE AUDIOFILE datafile; do
	toc "$word.toc" MODE1_RAW "$word \"hard.bin\" 0"
	refused "toc, $word" "$set/$word.toc" 'another user'
done
# The first is what it should be.
printf 'CD_ROM\nTRACK MODE1_RAW\nDATAFILE "own.bin"\nTRACK AUDIO\nAUDIOFILE "%s" 0\n' "$T/root/private.bin" | own second.toc
refused 'toc, the second file' "$set/second.toc" 'put it there'
printf 'CD_ROM\nTRACK MODE1_RAW\nDATAFILE "own.bin"\nDATAFILE "hard.bin"\n' | own twice.toc
refused 'toc, the second file of a track' "$set/twice.toc" 'another user'
cue second.cue $'FILE "own.iso" BINARY\n  TRACK 01 MODE1/2048\n    INDEX 01 00:00:00\nFILE "hard.bin" BINARY' AUDIO
refused 'cue, the second file' "$set/second.cue" 'another user'

cue itself.cue 'FILE "itself.cue" BINARY' MODE1/2352
refused 'cue, itself as its data' "$set/itself.cue" 'no ISO 9660 volume'
# What "others" see of a directory that they may go through, not list.
chmod 711 "$set"
if [[ $(setpriv --reuid=1002 --regid=1002 --clear-groups "$BUILD/cdappendfs-info" "$set/case.cue" 2>&1) == *'may not be listed'* ]]; then pass 'cue, in a directory that cannot be listed'
else fail 'cue, in a directory that cannot be listed' "$(setpriv --reuid=1002 --regid=1002 --clear-groups "$BUILD/cdappendfs-info" "$set/case.cue" 2>&1)"; fi
chmod 755 "$set"

# What libcdio takes for a line of its own, since it is behind its buffer for one.
long() { printf "%$1s" '' | tr ' ' x; }
printf 'CD_ROM\nTRACK MODE1_RAW\nDATAFILE "own.bin"\n// %sTRACK AUDIO\n// %sDATAFILE "%s"\n' "$(long 508)" "$(long 508)" "$T/root/private.bin" | own long.toc
taken 'toc, a line in what is a comment' "$set/long.toc"
descriptors() { readlink "/proc/${pid_of[$mnt]}/fd/"* 2>/dev/null; }
printf 'CD_ROM\nTRACK MODE1_RAW\n// %sDATAFILE "%s"\nDATAFILE "own.bin"\n' "$(long 508)" "$T/root/private.bin" | own long2.toc
if start_disc -o allow_other -s "$T/stage/none" "$set/long2.toc"; then
	is 'the file in a comment is not opened, but the other' "$(descriptors | grep -oE "$T/root|/own\.bin\$" | sort -u)" /own.bin
	same_file 'but what the sheet names' "$T/tree/data" "$mnt/data"
	umount_disc || fail 'unmount'
else
	fail 'toc, a file in what is a comment' "$(<"$log")"
fi

# ---- numbers that lead libcdio astray
printf 'FILE "own.bin" BINARY\n  TRACK 99 MODE1/2352\n    INDEX 01 00:00:00\n' | own last.cue
taken 'cue, the first track is number 99' "$set/last.cue"
printf 'FILE "own.bin" BINARY\n\fTRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n' | own feed.cue
taken 'cue, a form feed before a word' "$set/feed.cue"

# ---- what is no file
mkfifo "$set/fifo.cue" "$set/fifo.toc" "$set/fifo.nrg" "$set/fifo"
mkdir "$set/directory.cue" "$set/directory"
mknod "$set/device.toc" c 1 5
mknod "$set/device" c 1 5
perl -MSocket -e 'for (@ARGV) { socket(my $s, PF_UNIX, SOCK_STREAM, 0); bind($s, pack_sockaddr_un($_)) or die }' "$set/socket.nrg" "$set/socket"
chown -h 1001:1001 "$set"/*
for sheet in fifo.cue fifo.toc fifo.nrg directory.cue device.toc socket.nrg; do
	fails "$sheet is no sheet" 1 bounded 60 "$BUILD/cdappendfs-info" "$set/$sheet"
	like "$sheet: and why" "$(<"$T/ok.output")" 'no regular file|a directory'
done
for data in fifo directory device socket; do
	cue "a $data.cue" "FILE \"$data\" BINARY" MODE1/2048
	toc "a $data.toc" MODE1 "DATAFILE \"$data\""
	for sheet in "a $data.cue" "a $data.toc"; do
		fails "$sheet" 1 bounded 60 "$BUILD/cdappendfs-info" "$set/$sheet"
		like "$sheet: and why" "$(<"$T/ok.output")" "\"$data\", is no regular file"
	done
done
printf '' | own empty.cue
fails 'an empty sheet' 1 info "$set/empty.cue"
{ cat "$set/own.cue"; yes REM | head -c 300000; } | own big.cue
fails 'a sheet of 300,000 bytes' 1 info "$set/big.cue"
truncate -s 1T "$set/huge.cue"
fails 'a sheet of a terabyte' 1 bounded 60 "$BUILD/cdappendfs-info" "$set/huge.cue"

# ---- data that are cut while somebody reads
for sheet in own.cue own.toc own.nrg whole.cue; do
	case $sheet in own.nrg) file=own.nrg ;; whole.cue) file=own.iso ;; *) file=own.bin ;; esac
	cp -p "$set/$file" "$T/kept"
	start_disc -o allow_other -s "$T/stage/none" "$set/$sheet" || { fail "$sheet" "$(<"$log")"; continue; }
	writer truncate -s 40000 "$set/$file"
	drop_caches
	fails "$sheet, cut: what is gone is an error" any cat "$mnt/data"
	ok "$sheet, cut: the mount lives" alive "${pid_of[$mnt]}"
	umount_disc || fail "$sheet: unmount"
	cat "$T/kept" >"$set/$file"
done
# Cut before: nothing is made up.
head -c 150528 "$T/root/private.bin" | own short.bin
cue short.cue 'FILE "short.bin" BINARY' MODE1/2352
if start_disc -s "$T/stage/none" "$set/short.cue"; then
	fails 'data that are not there are an error' any cat "$mnt/data"
	umount_disc || fail 'short.cue: unmount'
else
	pass 'data that are not there are an error'
fi

# ---- what changes while it is looked at
# Sheets and indices that are not sound; each of them is refused.
{
	printf 'FILE "own.bin" BINARY\n'
	for i in {1..400}; do printf '  TRACK 01 MODE1/2352\n    INDEX 01 00:00:00\n'; done
} | own bad.cue
{
	printf 'CD_ROM\n'
	for i in {1..400}; do printf 'TRACK MODE1_RAW\nDATAFILE "own.bin"\n'; done
} | own bad.toc
perl -e 'print "ETNF", pack("N", 20 * 400), pack("N5", 0, 2048, 0, 0, 0) x 400, "END!", pack("N", 0), "NERO", pack("N", $ARGV[0])' "$(stat -c %s "$set/own.iso")" >"$T/bad.index"
# Of one length with it, so that only its bytes change.
perl -e 'print "ETNF", pack("N", 20), pack("N5", 0, $ARGV[0], 0, 0, 0), "XXXX", pack("N", 7960), "\0" x 7960, "SINF", pack("N2", 4, 1), "END!", pack("N", 0), "NERO", pack("N", $ARGV[0])' "$(stat -c %s "$set/own.iso")" >"$T/good.index"
is 'two indices are of one length' "$(stat -c %s "$T/good.index")" "$(stat -c %s "$T/bad.index")"
cat "$set/own.iso" "$T/good.index" | own flipping.nrg
cat "$set/own.iso" "$T/bad.index" | own bad.nrg
taken 'one of them is sound' "$set/flipping.nrg"
for sheet in bad.cue bad.toc bad.nrg; do fails "$sheet is refused" 1 info "$set/$sheet"; done
# flips NAME SHEET HOW…: while that goes on, the sheet is opened again and again, until both were met; nothing but 0 and 1
flips() {
	local name=$1 sheet=$2 i status good=0 refused=0 others=''
	shift 2
	start_flip "$@"
	for ((i = 0; i < ${FLIPS:-250} || (i < 5000 && (good == 0 || refused == 0)); i++)); do
		status=0
		MALLOC_CHECK_=3 MALLOC_PERTURB_=165 bounded 60 "$BUILD/cdappendfs-info" "$sheet" >"$T/flip.output" 2>&1 || status=$?
		case $status in 0) ((++good)) ;; 1) ((++refused)) ;; *) others+=" $status" ;; esac
	done
	ok "$name: it went on all the time" alive "$flipper"
	end_flip
	none "$name: never ended by a signal" "$others"
	cmp_number "$name: at times it is the sound one" "$good" -gt 0
	cmp_number "$name: and at times the other" "$refused" -gt 0
}
for kind in cue toc; do
	cp -p "$set/own.$kind" "$set/flipping.$kind"
	flips "a $kind that changes its name" "$set/flipping.$kind" exchange "$set/flipping.$kind" "$set/bad.$kind"
done
flips 'an nrg that changes its name' "$set/flipping.nrg" exchange "$set/flipping.nrg" "$set/bad.nrg"
cat "$set/own.iso" "$T/good.index" | own bytes.nrg
flips 'an nrg whose index changes' "$set/bytes.nrg" bytes "$set/bytes.nrg" "$T/bad.index"
# The data: never what is root's.
cue data.cue 'FILE "flipping.bin" BINARY' MODE1/2352
cp -p "$set/own.bin" "$set/flipping.bin"
writer ln -s "$T/root/private.bin" "$set/planted.bin"
start_flip exchange "$set/flipping.bin" "$set/planted.bin"
leaked=0 taken=0
for ((i = 0; i < 20 || (i < 400 && (taken == 0 || taken == i)); i++)); do
	if start_disc -o allow_other -s "$T/stage/none" "$set/data.cue"; then
		((leaked += $(descriptors | grep -c "$T/root")))
		((taken += $(descriptors | grep -m 1 -c "$set/")))
		umount_disc || fail 'unmount'
	fi
done
end_flip
is "data that become a link to root's file: never opened" "$leaked" 0
cmp_number 'at times they are the data that the sheet names' "$taken" -gt 0
cmp_number 'and at times that link, which is refused' "$taken" -lt "$i"

# ---- a directory for temporary files that is everybody's
mkdir -m 777 "$T/open"
TMPDIR=$T/open taken 'TMPDIR in which all may rename' "$set/own.cue"
silent 'nothing is left there' ls -A "$T/open"
silent 'nothing is left of the copies of sheets' ls -A "$TMPDIR"
done_testing
