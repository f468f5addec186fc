#!/bin/sh
# Fuzzes one target with the stable compiler and without cargo-fuzz:  crates/fuzz/run.sh text [libFuzzer's flags]
# New inputs go to target/fuzz/corpus/<target>, a failing one to target/fuzz/artifacts; cases/ is read, too.
set -eu
cd "$(dirname "$0")"
target=$1
shift
host=$(rustc -vV | sed -n 's/^host: //p')
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS="--cfg fuzzing $coverage" RUSTC_WRAPPER="$PWD/rustc.sh" cargo build --release --target "$host" --target-dir ../../target/fuzz \
    --no-default-features --features "$target" --bin "$target"
cd ../../target/fuzz
mkdir -p "corpus/$target" artifacts
dictionary=../../crates/fuzz/dictionaries/$target.dict
[ ! -f "$dictionary" ] || set -- "-dict=$dictionary" "$@"
# Some targets write their input to a file: three times as fast in memory.
[ ! -d /dev/shm ] || export TMPDIR="${TMPDIR:-/dev/shm}"
exec "$host/release/$target" "corpus/$target" "../../crates/fuzz/cases/$target" -artifact_prefix=artifacts/ -max_len=1024 \
    -print_final_stats=1 "$@"
