# Records what is typed in a Promptster workspace.
zmodload zsh/datetime
autoload -Uz add-zsh-hook
__promptster_preexec() {
    __promptster_command=$1
    __promptster_started=$EPOCHREALTIME
}
__promptster_precmd() {
    local code=$?
    if [[ -n ${__promptster_command-} ]]; then
        ('@PROGRAM@' hook shell --exit $code --mark "$$:$__promptster_started" \
            --took ${$(((EPOCHREALTIME - __promptster_started) * 1000))%.*} -- "$__promptster_command" </dev/null >/dev/null 2>&1 &)
        __promptster_command=
    fi
    return $code
}
add-zsh-hook preexec __promptster_preexec
add-zsh-hook precmd __promptster_precmd
