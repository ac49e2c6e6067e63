#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# complete.t - what bash, zsh and fish offer behind the programs is what these know; of a disc its sessions, of what is
# mounted the mount points
. "$(dirname "$0")/../lib.sh"
need zsh fish findmnt

made=$BUILD/complete
export PATH=$BUILD:$PATH
read -ra commands <<<"$(sed -n 's/^COMMANDS := //p' "$TOP/Makefile")"

# ---- the tables are not behind the programs ----
for name in cdappendfs "${commands[@]/#/cdappendfs-}"; do
	source=$TOP/fs/cmd/${name#cdappendfs-}.c
	[[ $name == cdappendfs ]] && source=$TOP/fs/daemon/help.c
	"$TOP/fs/system/complete/help" "$source" >"$T/help"
	"$name" --help >"$T/said"
	same_file "$name: its help is in its source" "$T/help" "$T/said"
	"$TOP/fs/system/complete/table" <"$T/help" >"$T/table"
	same_file "$name: its completions are of that" "$T/table" "$made/$name.table"
	# Each word at the beginning of a line of the help, or behind a letter and a comma, and no other.
	awk '/^  -h, --help +-V, --version/ {print "version"}
		match($0, /^ +(-[A-Za-z], )?--[a-z-]+/) {print substr($0, index($0, "--") + 2, RSTART + RLENGTH - index($0, "--") - 2)}
		match($0, /^  -o [a-z0-9_-]+/) {print substr($0, 6, RLENGTH - 5)}
		/^  -o uid=/ {print "gid"; print "umask"}
		/^  -o allow_other/ {for (i = 3; $i ~ /^[a-z_]+,$/; i++) print substr($i, 1, length($i) - 1)}' "$T/said" | sort >"$T/known"
	awk -F '\t' '$1 == "option" && $3 != "-" {print $3} $1 == "mount" {print $2}' "$T/table" | sort >"$T/offered"
	same_listing "$name: each option" "$T/known" "$T/offered"
done
# words_of NAME: what -o NAME= may be, by the table
words_of() { awk -F '\t' -v name="$1" '$1 == "mount" && $2 == name {print $5}' "$made/cdappendfs.table" | tr ' ' '\n' | sort | tr '\n' ' '; }
refused() { cdappendfs -o "$1=?" "$T/none" "$T" 2>&1 | sed -nE "s/^.*: (one of|words parted by colons, of:) //p" | sed 's/, or a size.*//; s/ (a directory.*//; s/ (as [^)]*)//g; s/=[A-Z]*/=/g' |
	tr -d ',' | tr ' ' '\n' | sort | tr '\n' ' '; }
for name in media commit share tree check; do is "each word of $name=" "$(words_of $name)" "$(refused $name)"; done
is 'each word of sessions= but the default' "$(words_of sessions)hide " "$(refused sessions | sed 's/hide //')hide "
is 'each word of accept=' "$(words_of accept)" "$(refused accept | sed 's/$/drop-udf/' | tr ' ' '\n' | sort | tr '\n' ' ' | sed 's/^ //')"
echo 'Usage: cdappendfs-new [OPTION…] DISC
      --new=STRANGE  nobody has said what that stands for' >"$T/help"
fails 'a value that nobody knows is an error' 1 "$TOP/fs/system/complete/table" <"$T/help"

# ---- a disc with two sessions, one mount ----
disc=$T/disc.iso
blank_disc "$disc"
mount_disc "$disc"
echo 1 >"$mnt/one"
ok 'a session' sync_disc
echo 2 >"$mnt/two"
ok 'another one' sync_disc

# ---- the shells: WHAT IS TYPED gives all of what is offered, a line each ----
cat >"$T/bash" <<'END'
. "$1"
compopt() { :; }
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=()
# As readline parts words: at blanks, and = and : alone.
rest=$2
while [[ $rest ]]; do
	if [[ $rest =~ ^([[:blank:]]+) ]]; then rest=${rest#"${BASH_REMATCH[1]}"}; [[ $rest ]] || COMP_WORDS+=(''); continue; fi
	[[ $rest =~ ^([=:]+|[^=:[:blank:]]+) ]]
	COMP_WORDS+=("${BASH_REMATCH[1]}")
	rest=${rest#"${BASH_REMATCH[1]}"}
done
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_cdappendfs "${COMP_WORDS[0]}"
printf '%s\n' "${COMPREPLY[@]}"
END
of_bash() { local line; while IFS= read -r line; do printf '%s\n' "<$line"; bash --norc "$T/bash" "$made/cdappendfs" "$line"; done; }
cat >"$T/fish" <<'END'
for file in $argv[1]/*.fish; source $file; end
while read -l line; echo "<$line"; complete -C $line; end
END
of_fish() { mkdir -p "$T/home"; HOME=$T/home fish --no-config "$T/fish" "$made" | cut -f1; }
# A terminal of zsh's own, in which a key notes what is offered.
cat >"$T/zsh" <<'END'
zmodload zsh/zpty
zpty z zsh -f -i
# To look through all of its functions takes long: only the basic ones are asked what they complete.
zpty -w z "PS1=; all=(\$fpath); fpath=($1 \${(M)all:#*Completion(|/Base)}); autoload -Uz compinit; compinit -u -D; fpath=(\$all)
autoload -Uz \${^\${(M)all:#*Completion*}}/_*(N:t)"
zpty -w z "report() { compadd() {
	if (( ! \${@[(I)-O|-A|-D]} )); then local -a found; builtin compadd -A found \"\$@\"; print -rl -- offers:\$^found >>$T/offers; fi
	builtin compadd \"\$@\"
}; _main_complete; unfunction compadd; compstate[list]= compstate[insert]=; print end >>$T/offers }
zle -C report complete-word report; bindkey '^T' report; print ready >>$T/offers"
until grep -q ready $T/offers 2>/dev/null; do zpty -r -t z >/dev/null || sleep 0.02; done
while IFS= read -r line; do
	: >$T/offers
	zpty -w -n z "$line"$'\x14'
	until grep -q '^end' $T/offers; do zpty -r -t z >/dev/null || sleep 0.02; done
	print -r -- "<$line"
	sed -n 's/^offers://p' $T/offers
	zpty -w -n z $'\x15'
done
zpty -d z
END
of_zsh() { bounded 120 zsh -f "$T/zsh" "$made"; }

# What is typed; what is offered, a shell may offer the rest of a word or all of it
cases=('cdappendfs-sync --' 'dry-run finalize'
	'cdappendfs -o cre' create
	'cdappendfs -o create,media=b' 'bd bd-dl'
	"cdappendfs-check $disc --session=" '1 2'
	"cdappendfs-restore $mnt -s " '1 2'
	"cdappendfs-diff $disc " '1 2'
	'cdappendfs-info --changes=' 'groups lines'
	'cdappendfs-stage ' 'list rebase'
	'cdappendfs-umount ' "$mnt")
for ((i = 0; i < ${#cases[@]}; i += 2)); do printf '%s\n' "${cases[i]}"; done >"$T/typed"
for shell in bash zsh fish; do
	"of_$shell" <"$T/typed" >"$T/$shell.offers" 2>"$T/$shell.err"
	declare -A offered=()
	while IFS= read -r line; do
		if [[ $line == '<'* ]]; then typed=${line#<}; continue; fi
		[[ $line =~ ^(.*,)?-*([a-z-]+=)?(.*)$ ]]
		offered[$typed]+=" ${BASH_REMATCH[3]%[ =]} "
	done <"$T/$shell.offers"
	for ((i = 0; i < ${#cases[@]}; i += 2)); do
		for word in ${cases[i + 1]}; do like "$shell: '${cases[i]/$T/}' offers ${word/$T/}" "${offered[${cases[i]}]-}" " $word "; done
	done
done
ok 'unmount' umount_disc
done_testing
