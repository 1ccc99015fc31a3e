#!/bin/sh
# Fails unless totals.sh prints what it should.
cd "$(dirname "$0")" || exit 1
check() {
    got=$(printf "$1" | sh ./totals.sh)
    want=$(printf "$2")
    [ "$got" = "$want" ] && return
    printf 'of:\n%s\ngot:\n%s\nwant:\n%s\n' "$(printf "$1")" "$got" "$want"
    exit 1
}
check 'ann 10 200\n' 'ann 10\n'
check 'ann 10 200\nann 5 204\n' 'ann 15\n'
check 'ann 10 200\nann 90 500\nbob 1 404\n' 'ann 10\n'
check 'bob 7 200\nann 7 200\ncat 30 201\n' 'cat 30\nann 7\nbob 7\n'
check '' ''
echo passed
