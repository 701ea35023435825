#!/usr/bin/env bash
# Search a folder of pictures with the demo's model: indexes it, prints one query, serves the page.
#   bash scripts/run_search.sh [--port=8000] [other flags of search_catalogue.py --serve=True]
# The demo's own pictures, or IMAGE_DIR=/path/to/yours (a model of drawn garments knows little of
# photographs: CHECKPOINT_DIR=/path/to/your/run). Without a trained demo it is made first, about
# 8 minutes on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh --catalogue
python=.venv/bin/python
checkpoint=${CHECKPOINT_DIR:-save_model/demo/fashion_iq_val}
images=${IMAGE_DIR:-data/demo/fashion_iq/image_data}
if [[ -z ${CHECKPOINT_DIR:-} ]] && ! compgen -G "$checkpoint/model.ckpt-500.index" >/dev/null; then
    echo "run_search.sh: no trained demo in $checkpoint: training it first, about 8 minutes on 2 cores"
    bash scripts/run_demo.sh fashion_iq
elif [[ -z ${IMAGE_DIR:-} && ! -d $images ]]; then
    "$python" -m demo.generate_demo_data --data_path=data/demo --dataset=fashion_iq
fi
# Of these pictures and this model: one trained anew gets an index of its own.
made_of=$( (printf "%s\n" "$images"; cat "$checkpoint"/{config.json,vocab.txt,checkpoint,*.index} || true) 2>/dev/null | cksum)
index=index/$(basename "$checkpoint")-${made_of%% *}
"$python" index_catalogue.py --checkpoint_dir="$checkpoint" --image_dir="$images" --index_dir="$index"
if [[ -z ${IMAGE_DIR:-} ]]; then
    image=$images/dress/DEMOD00704.jpg text="is red"
    echo "the pictures nearest to $image, but \"$text\":"
    "$python" search_catalogue.py --index_dir="$index" --image="$image" --text="$text" --top=5
fi
exec "$python" search_catalogue.py --index_dir="$index" --serve=True "$@"
