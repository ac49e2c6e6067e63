#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# labels.t - what is written on the label stays: every text and date of both descriptors, over sessions of ours and of
# others
. "$(dirname "$0")/../lib.sh"

# labels DISC DESCRIPTOR_LBA: the fields of ECMA-119 8.4 and 8.5 that say what the disc is called, of both descriptors, in hex
labels() {
	perl -e 'my ($path, $at) = @ARGV; open my $f, "<:raw", $path or die; my %seen;
		for (my $i = 0; $i < 16; $i++) {
			seek $f, ($at + $i) * 2048, 0; read $f, my $d, 2048; my $type = ord $d;
			last if substr($d, 1, 5) ne "CD001" || $type == 255;
			next if $type != 1 && substr($d, 88, 2) ne "%/";
			my %fields = (system => [8, 32], volume => [40, 32], set_size => [120, 4], number => [124, 4], set => [190, 128], publisher => [318, 128], preparer => [446, 128],
				application => [574, 128], copyright => [702, 37], abstract => [739, 37], bibliographic => [776, 37], expiration => [847, 17], effective => [864, 17]);
			print "$type $_ ", unpack("H*", substr $d, $fields{$_}[0], $fields{$_}[1]), "\n" for sort keys %fields;
		}' "$1" "$2" | if [[ ${3-} ]]; then grep -v "$3"; else cat; fi
}
# set_label DISC TYPE OFFSET TEXT [CHARSET]: into the first descriptor of that type
set_label() {
	local lba=16
	while ((lba < 32)) && [[ $(od -An -tu1 -j $((lba * 2048)) -N1 "$1") -ne $2 ]]; do ((++lba)); done
	printf '%s' "$4" | iconv -t "${5:-UTF-8}" | dd of="$1" bs=1 seek=$((lba * 2048 + $3)) conv=notrunc status=none
}
append() {
	mount_disc "${@:2}"
	echo "$1" >"$mnt/$1"
	ok "$1 is burned" umount_disc
}
newest() { info_json '$_->{sessions}[-1]{descriptor_lba}' "$1"; }

mkdir "$T/tree"
echo copying >"$T/tree/COPYING.TXT"
disc=$T/labelled.iso
genisoimage -quiet -R -J -V PLAIN_ID -sysid SYSTEM -volset SET -publisher 'The publisher' -p 'a preparer' -A 'AN APPLICATION' \
	-copyright COPYING.TXT -abstract ABSTRACT.TXT -biblio BIBLIO.TXT -o "$disc" "$T/tree" 2>/dev/null
printf '\3\0\0\3' | dd of="$disc" bs=1 seek=$((16 * 2048 + 120)) conv=notrunc status=none	# a set of three volumes
set_label "$disc" 1 864 2026010203040506
set_label "$disc" 2 847 2027010203040506
set_label "$disc" 1 318 'Zoë, in an 8-bit set ' ISO-8859-1
set_label "$disc" 2 40 'Têtę-à-tête  ' UTF-16BE
set_label "$disc" 2 318 'Ζωή ' UTF-16BE
labels "$disc" 16 >"$T/want"
is 'both descriptors are compared' "$(wc -l <"$T/want")" 26
for round in first second; do
	append "$round" "$disc"
	labels "$disc" 16 >"$T/got"
	same_listing "$round session of ours: the head" "$T/want" "$T/got"
	labels "$disc" "$(newest "$disc")" >"$T/got"
	same_listing "$round session of ours: its own descriptors" "$T/want" "$T/got"
done
is 'blkid shows the label of the Joliet descriptor' "$(blkid -p -o value -s LABEL "$disc")" 'Têtę-à-tête'
is 'isoinfo -d' "$(isoinfo -d -i "$disc" 2>/dev/null | grep -aE '^(Volume set|Copyright File) id')" $'Volume set id: SET\nCopyright File id: COPYING.TXT'
ok 'the file that it names is there' cmp "$T/tree/COPYING.TXT" <(isoinfo -i "$disc" -x '/COPYING.TXT;1')
like 'xorriso -pvd_info' "$(xorriso -indev "$disc" -pvd_info 2>/dev/null | grep '^Volume Id')" 'PLAIN_ID'

append nojoliet -o nojoliet "$disc"
labels "$disc" 16 >"$T/got"
same_listing 'without a Joliet tree: the primary descriptor' <(grep '^1' "$T/want") "$T/got"
append joliet-again "$disc"
is 'one that is made anew has the text of the primary' \
	"$(dd if="$disc" bs=2048 skip=$(($(newest "$disc") + 1)) count=1 status=none | tail -c +575 | head -c 28 | iconv -f UTF-16BE -t UTF-8)" 'AN APPLICATION'
append named -o volid=OTHER "$disc"
is 'volid= changes the primary descriptor' "$(dd if="$disc" bs=1 skip=$((16 * 2048 + 40)) count=8 status=none)" 'OTHER   '
is 'and the Joliet one' "$(blkid -p -o value -s LABEL "$disc")" OTHER
labels "$disc" 16 'volume\|^2' >"$T/got"
same_listing 'and nothing else' <(grep '^1' "$T/want" | grep -v volume) "$T/got"
append after "$disc"
is 'it stays' "$(blkid -p -o value -s LABEL "$disc")" OTHER

# ---- a foreign session above ours, and one of ours above that
disc=$T/xorriso.iso
xorriso -outdev "$disc" -volid FIRST -publisher PUBLISHER -volset_id VOLSET -joliet on -map "$T/tree" / -commit >/dev/null 2>&1
append ours "$disc"
is 'what xorriso had written stays' "$(isoinfo -d -i "$disc" 2>/dev/null | grep -E '^(Volume|Publisher|Volume set) id')" $'Volume id: FIRST\nVolume set id: VOLSET\nPublisher id: PUBLISHER'
xorriso -dev "$disc" -volid SECOND -publisher 'ANOTHER' -map "$TOP/Makefile" /from-xorriso -commit >/dev/null 2>&1
labels "$disc" 16 >"$T/want"
append above "$disc"
labels "$disc" 16 >"$T/got"
same_listing 'the labels are those of the newest session, whoever made it' "$T/want" <(grep '^1' "$T/got")

# ---- no label at all
genisoimage -quiet -R -J -V '' -o "$T/none.iso" "$T/tree" 2>/dev/null
set_label "$T/none.iso" 1 40 '                                '
set_label "$T/none.iso" 2 40 '                ' UTF-16BE
labels "$T/none.iso" 16 >"$T/want"
append none "$T/none.iso"
labels "$T/none.iso" 16 >"$T/got"
same_listing 'an empty label stays empty' "$T/want" "$T/got"
blank_disc "$T/blank.iso"
append blank "$T/blank.iso"
is 'a blank disc gets one' "$(isoinfo -d -i "$T/blank.iso" 2>/dev/null | grep -E '^(Volume|Application) id')" $'Volume id: CDAPPENDFS\nApplication id: CDAPPENDFS'
done_testing
