# Records what is typed in a Promptster workspace. Needs bash 5 for the times; older ones tell none.
__promptster_prompt() {
    local code=$? line number took=()
    line=$(HISTTIMEFORMAT='' builtin history 1)
    if [[ ! $line =~ ^\ *([0-9]+)\*?\ \ (.*)$ ]]; then
        # Nothing was typed yet, ever.
        __promptster_last=0
        return $code
    fi
    number=${BASH_REMATCH[1]}
    local command=${line#*"$number"}
    command=${command#\*}
    command=${command#??}
    # An empty line leaves the history as it was, and the first prompt has run nothing.
    if [[ -n ${__promptster_last-} && $number != "$__promptster_last" ]]; then
        if [[ -n ${EPOCHREALTIME-} && ${__promptster_started[0]:-0} -gt 0 ]]; then
            took=(--took $(((${EPOCHREALTIME/[.,]/} - __promptster_started[0]) / 1000)))
        fi
        ('@PROGRAM@' hook shell --exit "$code" --mark "$$:$number" "${took[@]}" -- "$command" </dev/null >/dev/null 2>&1 &)
    fi
    __promptster_last=$number
    __promptster_started=(0)
    return $code
}
if [[ ";${PROMPT_COMMAND-};" != *";__promptster_prompt;"* ]]; then
    __promptster_started=(0)
    # Before everything else: what follows changes the exit code.
    PROMPT_COMMAND="__promptster_prompt${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
    if [[ -n ${EPOCHREALTIME-} ]]; then
        # Assigns while it is expanded, just before the command runs, and prints nothing.
        PS0='${__promptster_started[0]:$((__promptster_started[0]=${EPOCHREALTIME/[.,]/},0)):0}'"${PS0-}"
    fi
fi
