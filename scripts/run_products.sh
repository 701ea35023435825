#!/usr/bin/env bash
# From a table and a folder of photographs to scores and an index (data/README.md, Your own products):
#   bash scripts/run_products.sh --table=shop.csv --image_dir=PHOTOS --attributes=gender,baseColour
#     [--group= --triplets= --phrases= --image_column= --data_path=data/products] [flags of training]
# Without --attributes it shows the columns to choose from. Some 40 minutes on 2 cores; stop it at any
# time, the same command goes on. Other data are prepared and trained anew, into a run and an index of
# their own: those before stay usable.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/.."
absolute() { if [[ $1 == /* || -z $1 || $caller == "$PWD" ]]; then echo "$1"; else echo "$caller/$1"; fi; }
fail() { echo "run_products.sh: $1" >&2; exit 2; }

data=data/products images="" preparing=() training=() backbone=pretrain_model/mobilenet_v1_1.0_224
for argument in "$@"; do
    value=${argument#*=}
    case $argument in
        --table=* | --triplets=* | --phrases=*) preparing+=("${argument%%=*}=$(absolute "$value")") ;;
        --attributes=* | --group=* | --image_column=*) preparing+=("$argument") ;;
        --image_dir=*) images=$(absolute "$value") ;;
        --data_path=*) data=$(absolute "$value") ;;
        --dataset=* | --preset=*) fail "$argument: it trains --dataset=products with --preset=products" ;;
        --pretrain_checkpoint_dir=*) backbone=$(absolute "$value"); training+=("${argument%%=*}=$backbone") ;;
        *) training+=("$argument") ;;
    esac
done
[[ -n $images ]] || fail "--image_dir= is needed, the folder of the photographs, and --table="
# An empty one, given, is the user's word.
if [[ -n $backbone ]] && ! compgen -G "$backbone*" >/dev/null; then
    fail "$backbone: no ImageNet checkpoint there. Get it with: bash scripts/prepare_data.sh pretrained
  or give any checkpoint of slim's MobileNet-v1 1.0: --pretrain_checkpoint_dir=FILE_OR_FOLDER
  or go on without one, for far worse results: --pretrain_checkpoint_dir="
fi
bash scripts/setup.sh --catalogue
python=.venv/bin/python
"$python" -m datasets.prepare_products --image_dir="$images" --data_path="$data" ${preparing[@]+"${preparing[@]}"}
digest=$(sed -n 's/^  "digest": "\(.\{12\}\).*/\1/p' "$data/products.json")
name=$(basename "$data")
flags=(--preset=products --data_path="$data" --checkpoint_dir="save_model/$name-$digest" ${training[@]+"${training[@]}"})
run=$("$python" -m datasets.check_settings "${flags[@]}")
cat <<TEXT
run_products.sh: trains $run from ${backbone:-random weights}, tests it, writes a sheet of answers to results/
  and indexes $images. Stop it at any time: the same command goes on.
TEXT
"$python" train_val.py "${flags[@]}"
"$python" generate_groundtruth.py --checkpoint_dir="$run"
"$python" extract_features_val.py --checkpoint_dir="$run"
"$python" test_val.py --feature_dir="$run/features"
"$python" -m reports.show_retrieval --feature_dir="$run/features"
# Of these pictures and this checkpoint: a run that went on gets another.
made_of=$( (echo "$images"; cat "$run"/{config.json,vocab.txt,*.index}) | cksum)
index=index/$(basename "$run")-${made_of%% *}
"$python" index_catalogue.py --checkpoint_dir="$run" --image_dir="$images" --index_dir="$index"
"$python" - "$index" "$images" "$run/features/queries.jsonl" <<'PYTHON'
import json, sys
from catalogue.answers import table
from catalogue.search import Searcher
index, images, queries = sys.argv[1:]
searcher, rows = Searcher(index), [json.loads(line) for line in open(queries, encoding="utf-8")]
for row in rows[:: -(-len(rows) // 3)]:
    image, text = f"{images}/{row['reference']}", row["caption"]
    print(f'the pictures nearest to {image}, but "{text}":', *table(searcher.find(image, text, 5)), sep="\n")
PYTHON
echo "current: $run and $index"
for old in {save_model,index}/"$name"-*; do
    [[ ! $old =~ /"$name"-[0-9a-f]{12}(-[0-9]+)?$ || $old == "$run" || $old == "$index" ]] || echo "earlier, yours to delete: $old"
done
cat <<TEXT
Search on a page: .venv/bin/python search_catalogue.py --index_dir=$index --serve=True
TEXT
