#!/bin/sh
# How much the published recipes agree with each other on one input: a Markdown table on standard output.
#
#     sh benches/agreement/run.sh raw/web_pages.jsonl.zst [folder for the runs [recipe …]]
#
# Without recipes: every one that comes with the program. CORPUS names the program, if it is not on the path.
set -eu
input=$1
folder=${2:-agreement-runs}
corpus=${CORPUS:-corpus}
shift
if [ $# -gt 0 ]; then shift; fi
if [ $# -eq 0 ]; then
    # Names of recipes hold no white space.
    # shellcheck disable=SC2046
    set -- $("$corpus" plan --list)
fi
for recipe in "$@"; do
    shift
    out=$folder/$(basename "$recipe" .toml)
    echo "$recipe" >&2
    "$corpus" clean "$input" "$out" --recipe "$recipe" --signals early --rejected none --no-signatures --quiet > /dev/null
    set -- "$@" "$out"
done
echo "All documents:"
echo
"$corpus" diff "$@"
echo
echo "Without those that a recipe drops for their language:"
echo
"$corpus" diff "$@" --without language
