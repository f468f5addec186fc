#!/bin/sh
# The compiler as run.sh calls it: without coverage for the Public Suffix List, of whose 75,000 branches each is a rule.
case " $* " in
*" --crate-name psl "* | *" --crate-name suffixes "*)
    for argument; do
        shift
        case $argument in
        -Cpasses=sancov-module | -Cllvm-args=-sanitizer-coverage-*) ;;
        *) set -- "$@" "$argument" ;;
        esac
    done
    ;;
esac
exec "$@"
