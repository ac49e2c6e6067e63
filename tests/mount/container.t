#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# container.t - cue, toc and nrg files: from any directory, whatever way their data are named
. "$(dirname "$0")/../lib.sh"

export TMPDIR=$T/tmp
mkdir -p "$TMPDIR" "$T/tree" "$T/set" "$T/elsewhere"
noise 200000 1 >"$T/tree/data"
genisoimage -quiet -R -o "$T/set/cooked.bin" "$T/tree" 2>/dev/null
# raw MODE FROM TO: sectors of 2352 bytes; mode 2 has a subheader of form 1
raw() {
	perl -e 'my ($mode, $from, $to) = @ARGV; open my $in, "<:raw", $from or die; open my $out, ">:raw", $to or die; local $/ = \2048;
		my $lba = 150;
		while (my $data = <$in>) {
			my $msf = pack("H2H2H2", map { sprintf "%02d", $_ } int($lba / 4500), int($lba / 75) % 60, $lba % 75);
			my $sector = "\0" . "\377" x 10 . "\0" . $msf . chr($mode) . ($mode == 2 ? "\0\0\10\0" x 2 : "") . $data;
			print $out $sector, "\0" x (2352 - length $sector);
			$lba++;
		}' "$@"
}
raw 1 "$T/set/cooked.bin" "$T/set/raw 1.bin"
raw 2 "$T/set/cooked.bin" "$T/set/raw2.bin"
cp "$T/set/raw 1.bin" "$T/set/Mixed.BIN"

# cue NAME FILE-LINE MODE; toc NAME MODE FILE-LINE
cue() { printf '%s\r\n  TRACK 01 %s\r\n    INDEX 01 00:00:00\r\n' "$2" "$3" >"$T/set/$1"; }
toc() { printf 'CD_ROM\n\n// Track 1\nTRACK %s\nNO COPY\n%s\n' "$2" "$3" >"$T/set/$1"; }
cue raw1.cue 'FILE "raw 1.bin" BINARY' MODE1/2352
cue cooked.cue 'FILE "cooked.bin" BINARY' MODE1/2048
cue raw2.cue 'FILE "raw2.bin" BINARY' MODE2/2352
cue unquoted.cue 'FILE raw2.bin BINARY' MODE2/2352
cue blanks.cue 'FILE raw 1.bin BINARY' MODE1/2352
cue absolute.cue "FILE \"$T/set/raw 1.bin\" BINARY" MODE1/2352
cue case.CUE 'FILE "mixed.bin" BINARY' MODE1/2352
cue lower.cue 'file "raw 1.bin" binary' mode1/2352
cue windows.cue 'FILE "C:\images\raw2.bin" BINARY' MODE2/2352
cue mark.cue $'\xef\xbb\xbfFILE "raw 1.bin" BINARY' MODE1/2352
# The data of another name, while there is a file that libcdio would take.
cue Mixed.cue 'FILE "raw2.bin" BINARY' MODE2/2352
toc raw1.toc MODE1_RAW 'DATAFILE "raw 1.bin"'
toc cooked.toc MODE1 'DATAFILE "cooked.bin"'
toc file.toc MODE1_RAW 'FILE "raw 1.bin" 0'
toc absolute.toc MODE1_RAW "DATAFILE \"$T/set/raw 1.bin\""
toc comment.toc MODE1_RAW 'DATAFILE "raw 1.bin" // its length is that of the file'
toc length.toc MODE1_RAW 'DATAFILE "raw 1.bin" 00:03:05 // length in bytes: 529200'
toc case.toc MODE1_RAW 'DATAFILE "MIXED.bin"'
toc lower.toc MODE1_RAW 'datafile "raw 1.bin"'
# One track at once, as the older of Nero's indices have it: data, then the chunks, then where these begin.
perl -e 'local $/; open my $f, "<:raw", $ARGV[0]; my $data = <$f>;
	print $data, "ETNF", pack("N", 20), pack("N5", 0, length $data, 0, 0, 0), "END!", pack("N", 0), "NERO", pack("N", length $data)' "$T/set/cooked.bin" >"$T/set/nero.nrg"
# The same of mode 2 with a subheader, which libcdio must take off: not the data as they are.
perl -e 'my ($from, $to) = @ARGV; open my $in, "<:raw", $from or die; local $/ = \2048; my $data = "";
	while (my $sector = <$in>) { $data .= "\0\0\10\0" x 2 . $sector . "\0" x 280 }
	print $data, "ETNF", pack("N", 20), pack("N5", 0, length $data, 3, 0, 0), "END!", pack("N", 0), "NERO", pack("N", length $data)' "$T/set/cooked.bin" >"$T/set/mode2.nrg"
cp "$T/set/mode2.nrg" "$T/set/capital.Nrg"
ln -s ../set/raw1.cue "$T/elsewhere/link.cue"
ln -s "$T/set/raw1.toc" "$T/elsewhere/link.toc"

# mounts NAME DIRECTORY SHEET: from that directory
mounts() {
	cd "$2" || return
	if start_disc -s "$T/stage/none" "$3"; then
		same_file "$1 in ${2#"$T"/}" "$T/tree/data" "$mnt/data"
		cd "$T" || return
		umount_disc || fail "$1: unmount"
	else
		fail "$1 in ${2#"$T"/}" "$(<"$log")"
	fi
	cd "$T" || return
}
for sheet in "$T"/set/*.cue "$T"/set/*.CUE "$T"/set/*.toc "$T"/set/*.nrg "$T"/set/*.Nrg; do
	name=${sheet##*/}
	mounts "$name" "$T/set" "$name"
	mounts "set/$name" "$T" "set/$name"
done
mounts 'an absolute path' / "$T/set/raw1.toc"
mounts 'a link to a cue' "$T/elsewhere" link.cue
mounts 'a link to a toc' "$T/elsewhere" ./link.toc
ok 'cdappendfs-info of a toc beside it' sh -c "cd '$T/set' && '$BUILD/cdappendfs-info' raw1.toc"
ok 'and from elsewhere' sh -c "cd '$T/elsewhere' && '$BUILD/cdappendfs-info' ../set/raw1.toc"

# ---- a missing file is named
cue gone.cue 'FILE "not there.bin" BINARY' MODE1/2352
toc gone.toc MODE1_RAW 'DATAFILE "not there.bin"'
cp "$T/set/raw 1.bin" "$T/set/gone.bin"	# not what the sheet names
for sheet in gone.cue gone.toc; do
	if start_disc -s "$T/stage/none" "$T/set/$sheet"; then fail "$sheet: refused"; umount_disc; else pass "$sheet: refused"; fi
	like "$sheet: the file is named" "$(<"$log")" '"not there.bin", is missing'
	fails "$sheet: cdappendfs-info" 1 info "$T/set/$sheet"
	like "$sheet: it says so as well" "$(<"$T/ok.output")" '"not there.bin", is missing'
done
silent 'nothing is left of the copies of sheets' ls -A "$TMPDIR"
done_testing
