#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# inhibit.t - while a disc is burned a block lock of logind is held; without logind, or with a bus that does not
# answer, burns go on as ever
. "$(dirname "$0")/../lib.sh"
need dbus-daemon

export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/bus
cat >"$T/bus.conf" <<END
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:path=$T/bus</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow receive_sender="*"/><allow own="*"/></policy></busconfig>
END
dbus-daemon --config-file="$T/bus.conf" --nofork --nopidfile >"$T/bus.log" 2>&1 &
bus=$!
children+=("$bus")
ok 'a bus of our own' until_true 10 test -S "$T/bus"
"$TOOLS/logind" >"$T/locks" 2>&1 &
children+=("$!")
ok 'a logind of our own' until_true 10 grep -q ready "$T/locks"

blank_disc "$T/disc.iso"
mount_disc -o speed=4 "$T/disc.iso"
noise 1500000 1 >"$mnt/file"
is 'nothing is locked while nothing is burned' "$(grep -c taken "$T/locks")" 0
sync_disc &
sync=$!
ok 'a burn takes a lock' until_true 20 grep -qx 'taken shutdown:sleep cdappendfs block' "$T/locks"
is 'and holds it' "$(grep -c released "$T/locks")" 0
ok 'the burn' await "$sync"
ok 'then it is released' until_true 10 grep -q released "$T/locks"
is 'one lock for one burn' "$(grep -c taken "$T/locks")" 1
noise 1000 2 >"$mnt/small"
ok 'unmount' umount_disc
is 'the burn of an unmount takes one too' "$(grep -c taken "$T/locks")" 2
ok 'and releases it' until_true 10 sh -c "test \$(grep -c released '$T/locks') = 2"

# A bus that takes connections and never answers
kill -STOP "$bus"
mount_disc "$T/disc.iso"
echo more >"$mnt/more"
ok 'a bus that hangs does not stop a burn' sync_disc
kill -CONT "$bus"
ok 'unmount' umount_disc

export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$T/nothing
mount_disc "$T/disc.iso"
echo again >"$mnt/again"
ok 'nor does a system without one' sync_disc
ok 'unmount' umount_disc
done_testing
