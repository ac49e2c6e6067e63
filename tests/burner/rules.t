#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# rules.t - what the emulated recorder takes and refuses, command by command and without a kernel: addresses, tracks,
# sessions, formats, the tray, operations in progress, faults
. "$(dirname "$0")/../lib.sh"
[[ -x $TOOLS/recorder ]] || skip_all "no $TOOLS/recorder"

# ---- a command by name, in hexadecimal -------------------------------------------------------------------------------
command_of() {
	local n=${3-} last=${5-0}
	case $1 in
	write) printf '2a00%08x00%04x00 < %d' "$2" "$n" $((n * 2048)) ;;
	verified) printf '2e00%08x00%04x00 < %d' "$2" "$n" $((n * 2048)) ;;
	read) printf '2800%08x00%04x00 > %d' "$2" "$n" $((n * 2048)) ;;
	close) printf '5b00%02x00%04x00000000' "$2" "${3:-0}" ;;
	close-now) printf '5b01%02x00%04x00000000' "$2" "${3:-0}" ;;
	sync) printf '35000000000000000000' ;;
	reserve) printf '5300000000%08x00' "$2" ;;
	blank) printf 'a1%02x00000000000000000000' "$2" ;;
	format) printf '041100000000 : 00000008%08x%02x0000%02x' $((${4:-0} & 0xffffffff)) $(($2 << 2 | ${3:-0})) "$last" ;;
	track) printf '5201%08x00002400 > 36' "$2" ;;
	info) printf '51000000000000002200 > 34' ;;
	capacity) printf '25000000000000000000 > 8' ;;
	sessions) printf '43000100000000000c00 > 12' ;;
	feature) printf '4602%04x0000001000 > 16' "$2" ;;
	slow) printf 'bb00ffff0845000000000000' ;;	# write at 12x
	ready) printf '000000000000' ;;
	eject) printf '1b0000000200' ;;
	load) printf '1b0000000300' ;;
	lock) printf '1e000000%02x00' "$2" ;;
	event) printf '4a010000100000000800 > 8' ;;
	buffer) printf '5c000000000000000c00 > 12' ;;
	# parameters WRITE-TYPE MULTI-SESSION: mode page 05h
	parameters) printf '55100000000000003c00 : 00000000000000000532%02x%02x08%094d' $((0x40 | $2)) $(($3 << 6 | 4)) 0 ;;
	*) printf '%s' "$*" ;;
	esac
}
be32() { printf '%02x %02x %02x %02x' $(($1 >> 24 & 255)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)); }

# rules MEDIUM [BLOCKS]: lines "NAME | COMMAND | EXPECTED" from standard input.  EXPECTED is a pattern of the shell
# for the answer; without a NAME the line prepares the next and must succeed.  An answer's bytes from N on are also
# written [N]=bytes.
n_discs=0
rules() {
	local medium=$1 disc=$T/disc.$((++n_discs)) name command expected got names=() wants=()
	printf '000000000000\n000000000000\n' >"$T/script"
	while IFS='|' read -r name command expected; do
		[[ $command ]] || continue
		read -r name <<<"$name"
		read -r command <<<"$command"
		read -r expected <<<"$expected"
		names+=("$name")
		wants+=("${expected:-ok*}")
		# shellcheck disable=SC2086 # words
		command_of $command >>"$T/script"
		echo >>"$T/script"
	done
	"$TOOLS/recorder" -m "$medium" ${2:+-c "$2"} - "$disc" <"$T/script" | tail -n +3 >"$T/answers"
	for ((i = 0; i < ${#names[@]}; i++)); do
		IFS= read -r got <&3
		expected=${wants[i]}
		if [[ $expected =~ ^\[([0-9]+)\]=(.*)$ ]]; then
			expected=${BASH_REMATCH[2]}
			[[ $got == ok* ]] && got=${got:$((3 + 3 * BASH_REMATCH[1])):${#expected}}
		fi
		# shellcheck disable=SC2053 # a pattern
		if [[ $got == $expected ]]; then
			[[ ${names[i]} ]] && pass "$medium: ${names[i]}"
		else
			fail "$medium: ${names[i]:-preparation, line $((i + 1))}" "got:      $got"$'\n'"expected: ${wants[i]}"
		fi
	done 3<"$T/answers"
}
last_disc() { printf '%s' "$T/disc.$n_discs"; }

# ---- CD --------------------------------------------------------------------------------------------------------------
rules cd-r <<END
a blank disc has no blocks | read 0 1 | 5/21/00*
writing begins at 0 | write 16 16 | 5/21/02* lba 16
 | write 0 16 |
and goes on where it stopped | write 32 16 | 5/21/02* lba 32
nothing is written twice | write 0 16 | 5/21/02* lba 0
 | write 16 16 |
an open track cannot be read | read 0 1 | 5/64/00*
the session cannot hold another type of track | parameters 2 3 | ok*
session at once needs a cue sheet | write 32 16 | 5/2c/00*
 | parameters 1 3 |
 | close 1 1 |
a short track is padded to 300 blocks | read 299 1 | ok*
then come two run-out blocks | read 300 1 | 3/11/05* lba 300
a read that reaches them names the first | read 290 16 | 3/11/05* lba 300
the next track is behind a pre-gap of 150 blocks | track 255 | [12]=$(be32 452)
 | write 452 304 |
 | close 1 2 |
READ TOC does not know open sessions | sessions | 5/24/00*
 | close 2 |
a session costs 11,400 blocks | track 255 | [12]=$(be32 $((452 + 304 + 2 + 11400)))
READ CAPACITY knows the session now | capacity | [0]=$(be32 757)
READ TOC names its first track | sessions | [6]=01
the gap cannot be read | read 800 1 | 5/21/00*
 | write 12158 304 |
 | close 1 3 |
 | close 2 |
a later session costs 6,900 | track 255 | [12]=$(be32 $((12158 + 304 + 2 + 6900)))
 | sessions | [6]=03
the lead-in between sessions cannot be read | read 5000 1 | 3/11/05*
 | parameters 1 0 |
 | write 19364 304 |
 | close 2 |
without the multi-session bits the disc is complete | info | [2]=0e
and takes nothing | write 26568 16 | 7/27/00*
not even a track | reserve 3000 | 7/27/00*
CD-R is not blanked | blank 1 | 5/30/05*
it has no DVD structure | ad0000000000000000240000 > 36 | 5/30/05*
END
rules cd-r 700 <<END
 | write 0 304 |
the end of the disc is the end | write 304 400 | 5/21/00*
END
rules cd-r 20000 <<END
 | write 0 304 |
 | write 304 496 |
 | close 2 |
what is left is told | track 255 | [16]=$(be32 $((20000 - 802 - 11400)))
END
tracks_of() { # N: tracks of 300 blocks in one session
	local i lba=0
	for ((i = 1; i <= $1; i++, lba += 452)); do printf ' | write %d 300 |\n | close 1 %d |\n' "$lba" "$i"; done
	printf '%s\n' "no track after number 99 | write $lba 16 | 5/21/02*"
}
rules cd-r < <(tracks_of 99)
rules cd-rw <<END
 | reserve 600 |
a reserved track is written in its place | write 0 16 | ok*
and one behind it too | write 752 16 | ok*
 | close 1 2 |
a session with a reserved track that is open cannot be closed | close 2 | 5/72/04*
 | close 1 1 |
 | close 2 |
CD-RW is blanked | blank 1 | ok*
 | info | [2]=10
END

# ---- DVD-R, DVD-RW ---------------------------------------------------------------------------------------------------
rules dvd-r <<END
 | write 0 20 |
what does not fill a packet is filled at the flush | sync | ok*
 | track 1 | [12]=$(be32 32)
an open track cannot be read | read 0 1 | 5/64/00*
 | write 32 16 |
 | close 1 1 |
a closed one can | read 47 1 | ok*
 | close 2 |
the border costs 28,672 blocks | track 2 | [12]=$(be32 $((48 + 28672)))
and cannot be read | read 100 1 | 5/21/00*
 | write 28720 16 |
 | close 1 2 |
 | close 2 |
a later one 6,144 | track 3 | [12]=$(be32 $((28736 + 6144)))
track at once is not for DVD | parameters 1 3 | 5/26/00*
 | write 34880 16 |
 | close 1 3 |
 | close 2 |
the TOC tells of two sessions only | sessions | [3]=02
but where the last begins | sessions | [8]=$(be32 34880)
END
rules dvd-rw <<END
feature 21h is on | feature 33 | [10]=05
 | blank 1 |
fast-blanked: it is off | feature 33 | [10]=04
and packets are refused | write 0 16 | 5/64/00*
 | parameters 2 0 |
at once needs a reservation | write 0 16 | 5/2c/00*
 | reserve 48 |
 | write 0 32 |
more than reserved is refused | write 32 32 | 5/63/00* lba 48
 | write 32 16 |
 | sync |
the flush after the last block closes all | info | [2]=1e
 | blank 0 |
 | feature 33 | [10]=05
 | format 0x15 0 0 |
formatted, the profile changes | 46000000000000000800 > 8 | [6]=00 13
whole packets only | write 0 1 | 5/21/02*
 | write 0 16 |
growing at the end | write 16 32 | ok*
not beyond | write 64 16 | 5/21/00* lba 64
 | close 2 |
closed, it does not grow | write 48 16 | 5/21/00* lba 48
 | format 0x13 0 0 |
but after a quick grow | write 48 16 | ok*
END

# ---- DVD+R, BD-R -----------------------------------------------------------------------------------------------------
rules dvd+r <<END
 | write 0 48 |
what is written can be read at once | read 47 1 | ok*
what is not is blank | read 48 1 | 8/64/00* lba 48
 | sync |
 | close 1 1 |
 | close 2 |
the next session is 2,048 blocks behind | track 2 | [12]=$(be32 2096)
the gap is blank | read 100 1 | 8/64/00*
 | write 2096 16 |
the session must have its track closed | close 2 | 5/2c/00*
 | close 1 2 |
finalized | close 6 | ok*
it is complete | info | [2]=0e
END
sessions_of() { # N GAP
	local i lba=0
	for ((i = 1; i <= $1; i++, lba += 16 + $2)); do printf ' | write %d 16 |\n | close 1 %d |\n | close 2 |\n' "$lba" "$i"; done
	printf '%s\n' "no session after number $1 | write $lba 16 | 5/21/02*"
}
rules dvd+r < <(sessions_of 153 2048)
rules bd-r <<END
random recording is not to be had | format 0x32 2 0 | 5/26/00*
 | format 0x32 1 0 |
formatted with spare blocks | info | [2]=01
 | write 0 33 |
 | sync |
clusters of 32 blocks | track 1 | [12]=$(be32 64)
 | close 1 1 |
 | close 2 |
the next session follows at once | track 2 | [12]=$(be32 64)
no pseudo-overwrite | write 0 32 | 5/21/02*
no second format | format 0x32 1 0 | 5/26/00*
END

# ---- overwritable ----------------------------------------------------------------------------------------------------
rules dvd+rw <<END
unformatted | write 0 16 | 5/30/10*
 | format 0x26 0 -1 |
formatting goes on behind | info | [7]=22
 | write 160 16 |
what lies before was formatted on the way | read 100 1 | ok*
what lies behind was not | read 176 1 | 5/21/00*
single blocks are taken | write 5 1 | ok*
 | close 0 |
stopped | info | [7]=21
it takes nothing behind its lead-out | write 176 16 | 5/21/00*
 | format 0x26 0 -1 1 |
restarted it does | write 176 16 | ok*
END
rules dvd-ram <<END
sold formatted | write 2236703 1 | ok*
to its end | write 2236704 1 | 5/21/00*
closing is not for it | close 2 | 5/24/00*
END
rules bd-re <<END
unformatted | write 0 32 | 5/30/10*
 | format 0x31 0 0 |
 | write 12219391 1 |
 | format 0 0 0 |
spare blocks are not for data | write 12219391 1 | 5/21/00*
END

# ---- tray, swap, operations in progress ------------------------------------------------------------------------------
rules cd-r <<END
 | write 0 304 |
 | lock 1 |
a locked tray stays closed | eject | 5/53/02*
the button asks | @ button | ok
the host is told | event | [4]=01
 | lock 0 |
 | eject |
open | ready | 2/3a/02*
removal is told once | event | [4]=03
 | event | [4]=00
 | load |
a new medium | ready | 6/28/00*
the interrupted track is damaged | track 1 | [5]=24
and has no next address | track 1 | [7]=00
it can only be closed | write 304 16 | 5/21/02*
 | close 1 1 |
 | close 2 |
and the disc is used on | write 11706 304 | ok*
 | @ insert $T/other.disc dvd+r |
a swap is told | read 0 1 | 6/28/00*
the other disc is blank | info | [2]=00
 | write 0 16 |
 | @ long 60 |
closing at once | close-now 1 1 | ok*
is in progress | ready | 2/04/08*progress*
even for who writes | write 16 16 | 2/04/08*progress*
 | bd0000000000000000080000 > 8 |
 | @ take |
empty | ready | 2/3a/01*
END
rules dvd+r <<END
 | @ timing 0.01 |
 | write 0 48 |
 | buffer | [4]=00 20 00 00
 | sync |
timed, all is written the same | read 0 48 | ok*
END

{
	for command in ready ready 'slow' '@ timing 1' 'write 0 304' sync '@ timing 0.2' 'close 1 1' 'read 0 16' 'read 16 16' 'read 280 16'; do
		# shellcheck disable=SC2086 # words
		command_of $command
		echo
	done
} >"$T/script"
"$TOOLS/recorder" -l "$T/log" - "$T/timed.disc" <"$T/script" >"$T/answers"
took() { sed -n 3,99p "$1" | awk '/ after [0-9.]+ s$/ {t = $(NF - 1); printf "%s ", (t >= 0.3 ? "long" : (t >= 0.005 ? "middle" : "short"))}'; }
is 'timed: writing starts up, the flush empties the buffer, closing takes long, reading is quick' "$(took "$T/log")" \
	'long middle long short short short '

# ---- faults ----------------------------------------------------------------------------------------------------------
rules cd-r <<END
 | @ fault write-error lba=308 |
 | write 0 304 |
a write error names its block | write 304 16 | 3/0c/00* lba 308
the track is damaged | track 1 | [5]=24
 | close 1 1 |
what was before the fault is there | read 307 1 | ok 00 00 01 33*
what was not is run-out | read 308 1 | 3/11/05*
 | close 2 |
 | @ fault sense=3/72/00 cmd=close-track-session function=2 |
 | @ fault busy cmd=synchronize-cache seconds=0.1 |
 | @ fault underrun skip=1 |
 | @ fault read-error lba=10-20 times=2 |
a read error | read 0 16 | 3/11/05* lba 10
twice | read 15 1 | 3/11/05* lba 15
no more | read 15 1 | ok*
skip lets one pass | write 11710 300 | ok*
underrun | write 12010 16 | 3/0c/09* lba 12010
busy | sync | 2/04/08*
 | bd0000000000000000080000 > 8 |
END
rules dvd+r <<END
 | @ fault sense=3/72/00 cmd=close-track-session function=2 |
 | @ fault corrupt lba=5 |
 | @ fault write-error deferred |
 | write 0 16 |
a deferred error is good at first | write 16 16 | ok*
and comes with the next command | sync | 3/0c/00*deferred
 | close 1 1 |
the session fails to close | close 2 | 3/72/00*
a retry closes it | close 2 | ok*
a block recorded wrong | read 5 1 | ok ff 00 00 05*
its neighbour is right | read 4 1 | ok 00 00 00 04*
 | @ fault medium-removed cmd=read |
the disc is gone | read 0 1 | 2/3a/02*
END
rules dvd+rw <<END
 | format 0x26 0 -1 |
 | @ fault miscompare cmd=0x2e lba=7 |
what was written does not compare | verified 0 16 | e/1d/00* lba 7
END
rules bd-r <<END
 | @ fault power-lost cmd=synchronize-cache lose=40 |
 | write 0 64 |
 | write 64 64 |
the power fails | sync | b/08/00*
and stays away | ready | b/08/00*
END
like 'the disc keeps what was not in the buffer, in whole clusters' "$(<"$(last_disc).toc")" $'\n''track 1 0 64 '

# ---- twisted answers -------------------------------------------------------------------------------------------------
rules cd-r <<END
 | write 0 304 |
 | close 2 |
 | @ twist cmd=read-track-information when=6:40/40 put=8:00000000 |
the start of the track to come is 0 | track 255 | [8]=00 00 00 00
its address for writing is as it was | track 255 | [12]=$(be32 $((304 + 2 + 11400)))
another track is not twisted | track 1 | [24]=$(be32 306)
 | @ twist cmd=0x52 add=24:000000ff |
all bytes of add are added | track 1 | [24]=00 00 01 31
 | @ twist cmd=read-disc-information put=2:0c/0c length=24 |
some bits, and a short answer | info | [2]=0d
 | @ twist cmd=read-toc-pma-atip ask=2:01 put=6:07 |
by its command | sessions | [6]=07
 | @ straight |
straight again | track 255 | [8]=$(be32 $((304 + 2 + 11400)))
and again | info | [2]=01
 | @ twist cmd=get-configuration without=0x002d |
a feature is missing: the next one comes | feature 0x2d | ok 00 00 00 04*
END
rules dvd+r <<END
 | @ finalizes |
 | write 0 16 |
 | close 1 1 |
 | close 2 |
a drive that closes the disc | info | [2]=0e
END
for twist in '' 'put=0:00' 'cmd=read-capacity' 'cmd=nonsense put=0:00' 'cmd=0x25 put=0' 'cmd=0x25 put=0:0' 'cmd=0x25 put=0:00/0000' 'cmd=0x25 length=x'; do
	fails "a twist that is none is refused: $twist" 1 "$TOOLS/recorder" -r "twist $twist" - "$T/none.disc" </dev/null
done
fails 'a fault that is none is refused' 1 "$TOOLS/recorder" -r 'fault nonsense' - "$T/none.disc" </dev/null
fails 'so is a command that is none' 1 "$TOOLS/recorder" -r 'fault busy cmd=nonsense' - "$T/none.disc" </dev/null
done_testing
