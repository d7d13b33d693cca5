# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Completion of `sekisho` for bash. Verbs and options are what `sekisho --help` says; edges, rules, reasons
# and generations are those of the running daemon, if it can be asked.

# The verbs of this sekisho.
_sekisho_verbs() { sekisho --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\).*/\1/p'; }

# How a verb is used, without its name; then its options, each with how its value is written.
_sekisho_usage() { sed -n "1s/^usage: sekisho $1//p" <<<"$2"; }
_sekisho_options() {
    sed -nE -e 'h; s/^  (--[a-z-]+)\[(=[a-z]+)\].*/\1\2/p' -e 'g; s/^  (-., )?(--[a-z-]+)( ([^ ]+))?.*/\2 \4/p' <<<"$1"
}

# Values of a member in what a verb of the daemon prints: MEMBER VERB [--socket PATH]
_sekisho_ask() {
    local member=$1
    shift
    sekisho "$@" -o json 2>/dev/null | grep -o "\"$member\": *[\"0-9][^\",}]*" | sed 's/^[^:]*: *"\{0,1\}//' | sort -u
}

# A filter is one word of the command, in quotes; its last word is completed by the one before: [--socket PATH]
_sekisho_filter() {
    local text=${cur#[\'\"]} before= word words
    [[ $text != *' '* ]] || before="${text% *} "
    case " $before" in
        *' rule ') words=$(_sekisho_ask rule rules "$@") ;;
        *' edge ') words=$(_sekisho_ask name status "$@") ;;
        *' reason ') words=$(_sekisho_ask reason drops "$@") ;;
        *' direction ') words='ingress egress' ;;
        *' proto ' | *' port ' | *' host ' | *' net ' | *' state ') return ;;
        *) words='proto src dst port host net direction edge rule state reason ip ip6 all not and or' ;;
    esac
    for word in $words; do
        [[ $word != "${text##* }"* ]] || COMPREPLY+=("$before$word")
    done
}

# A list with commas; its last word is one of those allowed: WORDS
_sekisho_list() {
    local before= word
    [[ $cur != *,* ]] || before="${cur%,*},"
    for word in $1; do
        [[ $word != "${cur##*,}"* ]] || COMPREPLY+=("$before$word")
    done
}

_sekisho() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]}
    local help usage operands value words= files= yaml='*.@(yaml|yml)' socket=() i
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_sekisho_verbs) --help --version" -- "$cur")
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        [ "${COMP_WORDS[i]}" != --socket ] || socket=(--socket "${COMP_WORDS[i + 1]}")
    done
    help=$(sekisho "$verb" --help 2>/dev/null)
    usage=$(_sekisho_usage "$verb" "$help")
    case $prev in -o) prev=--output ;; -c) prev=--config ;; esac
    value=$(_sekisho_options "$help" | awk -v name="$prev" '$1 == name { print $2 }')
    operands=$(sed 's/\[-[^]]*\]//g; s/ --[a-z-]* [A-Z][^ ]*//g; s/  */ /g' <<<"$usage")
    case $prev:$value in
        *:*\|*) words=${value//|/ } ;;
        *:[a-z]*,*) _sekisho_list "${value//,/ }"; return ;;
        *:NAME) words=$(_sekisho_ask name status "${socket[@]}") ;;
        *:FILTER | kill:*) _sekisho_filter "${socket[@]}"; return ;;
        --if-generation:*) words=$(_sekisho_ask generation history "${socket[@]}") ;;
        --policy:* | --a:* | --b:* | --config:*) files=$yaml ;;
        *:PCAP) files='*.@(pcap|pcapng|cap)' ;;
        *:FILE* | *:PATH | *:DIR) files='*' ;;
        --*:?*) return ;;
        *)
            if [[ $cur == -* ]]; then
                words=$(_sekisho_options "$help" | cut -d ' ' -f 1)
            elif [[ $operands == *PCAP* ]]; then
                files='*.@(pcap|pcapng|cap)'
            elif [[ $operands == ' save' ]]; then
                words=save
            elif [[ $operands == *' FILE'* || $operands == ' '[a-z]* ]]; then
                words=$(grep -oE '^ [a-z]+' <<<"$operands") files='*'
            elif [[ $operands == *'kill FILTER' ]]; then
                words=kill
            elif [[ $operands == *' P' ]]; then
                files=$yaml
            elif [[ $operands == *'[N]' ]]; then
                words=$(_sekisho_ask generation history "${socket[@]}")
            fi
            ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
    [ -n "$files" ] || return 0
    compopt -o filenames 2>/dev/null || true
    shopt -q extglob || { shopt -s extglob && trap 'shopt -u extglob; trap - RETURN' RETURN; }
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -X "!$files" -- "$cur"; compgen -d -- "$cur")
}

complete -F _sekisho sekisho
