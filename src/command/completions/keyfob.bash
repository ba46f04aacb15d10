# Completion of keyfob for bash. The program itself says what fits.
_keyfob() {
    local line=${COMP_LINE:0:COMP_POINT} words current value rest breaks head
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]} - 1]}
    COMPREPLY=()
    while IFS=$'\t' read -r value rest; do
        if [[ $value == :files ]]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "$current")
        else
            COMPREPLY+=("$value")
        fi
    done < <(keyfob completions bash -- "${words[@]:1}" 2>/dev/null)
    # bash ends a word at these, and puts what it gets behind the last one.
    breaks=${COMP_WORDBREAKS//[^:=@]/}
    if [[ -n $breaks && ${#COMPREPLY[@]} -gt 0 ]]; then
        head=${current%"${current##*[$breaks]}"}
        COMPREPLY=("${COMPREPLY[@]#"$head"}")
    fi
}
complete -F _keyfob keyfob
