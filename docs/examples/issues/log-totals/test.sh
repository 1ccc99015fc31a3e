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
check 'auk 10 200\n' 'auk 10\n'
check 'auk 10 200\nauk 5 204\n' 'auk 15\n'
check 'auk 10 200\nauk 90 500\nowl 1 404\n' 'auk 10\n'
check 'owl 7 200\nauk 7 200\ntit 30 201\n' 'tit 30\nauk 7\nowl 7\n'
check '' ''
echo passed
