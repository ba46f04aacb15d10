# Completion of keyfob for fish. The program itself says what fits.
function __keyfob_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    for line in (keyfob completions fish -- $words[2..] 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            echo $line
        end
    end
end
complete -c keyfob -f -a '(__keyfob_complete)'
