#!/usr/bin/env bash
# Train the default model on a machine with a GPU that is at hand for minutes.
#
# Usage: scripts/gpu_train.sh OUT SECONDS [KEY=VALUE ...]
#
# Needs build/gpu (scripts/gpu_pack.py). After SECONDS, OUT holds last.safetensors (and best, if a
# validation came by) and the parts of the last checkpoint, each under 16 MB. Put the parts into
# build/gpu/resume, and the next call goes on from them.
set -euo pipefail
out=$(realpath -m "$1") seconds=$2
shift 2
cd "$(dirname "$0")/.."
pack=$PWD/build/gpu run=${TMPDIR:-/tmp}/avalanche-iseg-gpu
export AVALANCHE_ISEG_DATA=$pack AVALANCHE_ISEG_SCENES=$pack/scenes PYTHONPATH=$pack/packages
export AVALANCHE_ISEG_FIRST_STEP=$PWD/resources/models/default.safetensors
export OMP_NUM_THREADS=1 OPENCV_LOG_LEVEL=ERROR
mkdir -p "$out"
resume=()
if compgen -G "$pack/resume/checkpoint.*" > /dev/null; then
  mkdir -p "$run/checkpoints"
  cat "$pack"/resume/checkpoint.* > "$run/checkpoints/last_checkpoint.pt"
  resume=(--resume)
else
  rm -rf "$run"
fi
options=()
for change in "run.workers=$(nproc)" "$@"; do options+=(--set "$change"); done
# Ctrl-C after the time given: the run saves between two steps and ends in good order (130).
timeout --signal=INT --kill-after=60 "$seconds" \
  "${PYTHON:-python3}" -m training training/configs/default_light_gpu.yaml --out "$run" --no-check \
  "${resume[@]}" "${options[@]}" 2>&1 | tr '\r' '\n' | grep -v -e '%|' -e '^ *$' | tee "$out/log.txt" || true
cp "$run"/checkpoints/*.safetensors "$out/"
split --bytes=15M --numeric-suffixes "$run/checkpoints/last_checkpoint.pt" "$out/checkpoint."
ls -l "$out"
