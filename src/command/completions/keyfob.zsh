#compdef keyfob
# Completion of keyfob for zsh. The program itself says what fits.
_keyfob() {
    local line value
    local -a fitting
    for line in "${(@f)$(keyfob completions zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        if [[ -z $value ]]; then
            continue
        elif [[ $value == :files ]]; then
            _files
        elif [[ $value == $line ]]; then
            fitting+=("${value//:/\\:}")
        else
            fitting+=("${value//:/\\:}:${line#*$'\t'}")
        fi
    done
    (( $#fitting )) && _describe -t keyfob keyfob fitting
}
if [[ $funcstack[1] == _keyfob ]]; then _keyfob "$@"; else compdef _keyfob keyfob; fi
