# shellcheck shell=bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# pause.sh - to wait a moment between two looks, without a process for it; to be sourced
exec {never}<> <(:)	# nothing comes
pause() { read -r -t "$1" -u "$never" || true; }
