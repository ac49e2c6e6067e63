#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# layers.t - the walls are held: tests/layers finds each fault that is built into a small house made for it
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
layers=$TOP/tests/layers
house=$T/house

# Three rooms: low is seen by middle, and middle by high; high may use zlib.
build_house() {
	rm -rf "$house"
	mkdir -p "$house"/{low,middle,high,include/cdappendfs,build/rooms}
	cd "$house" || exit 1
	echo 'int low(void); ' >low/low.h
	printf '#include "low/low.h"\nint low(void) { return 1; }\n' >low/low.c
	echo 'int secret(void);' >low/internal.h
	echo 'int middle(void);' >middle/middle.h
	printf '#include "low/low.h"\n#include "middle/middle.h"\nint middle(void) { return low(); }\n' >middle/middle.c
	printf '#include <zlib.h>\n#include "middle/middle.h"\nint high(void);\nint high(void) { return middle(); }\n' >high/high.c
	echo 'int contract(void);' >include/cdappendfs/contract.h
}
look() {
	local room
	for room in low middle high; do
		(cd "$house" && rm -f build/rooms/lib$room.a build/*.o &&
			for file in "$room"/*.c; do gcc -I. -Iinclude -c "$file" -o "build/$(basename "$file" .c).o" || exit 1; done &&
			ar rcs build/rooms/lib$room.a build/*.o) || return 2
	done
	printf '%s\n' 'low;;' 'middle;low;' 'high;middle;zlib' >"$house/rules"
	(cd "$house" && mkdir -p fs burner && "$layers" build <rules >said 2>&1)
}
finds() { # TEXT NAME
	look
	if (($? == 1)) && grep -qF -- "$1" "$house/said"; then pass "$2"; else fail "$2"; sed 's/^/# /' "$house/said"; fi
}

build_house
look && pass 'a sound house is let through' || fail "a sound house: $(<"$house/said")"

build_house
echo '#include "high/high.h"' >>low/low.c
: >high/high.h
finds 'low/low.c:3: low must not include high/high.h' 'an include upwards'

build_house
echo '#include "low/low.h"' >>high/high.c
finds 'high must not include low/low.h' 'an include of a room that is not among those it sees'

build_house
echo '#include "low/internal.h"' >>middle/middle.c
finds 'low/internal.h is of its room alone' 'a private header'

build_house
sed -i '1i #include <zlib.h>' middle/middle.c
finds 'middle must not include zlib.h' 'the library of another room'

build_house
echo '#include "../low/low.h"' >>fs.c
mkdir -p fs
mv fs.c fs/hidden.c
finds 'write the header with its room' 'a header by way of ..'

build_house
echo '#include "fs/room.h"' >>include/cdappendfs/contract.h
finds 'contracts see no room' 'a contract that sees a room'

build_house
printf 'int middle(void);\nint up(void);\nint up(void) { return middle(); }\n' >low/up.c
finds 'low must not call middle() of middle' 'a call upwards, declared by hand'

build_house
printf 'int low(void);\nint over(void);\nint over(void) { return low(); }\n' >high/over.c
finds 'high must not call low() of low' 'a call past a room'

done_testing
