#!/usr/bin/env bash
# Downloads, unpacks and checks:
#   bash scripts/prepare_data.sh [fashion_iq|shoes|fashion200k|glove|pretrained|all]
#     --source_dir=DIR   take annotation files from DIR or DIR/<dataset>, not from the network
#     --data_path=DIR    where to, for one target (default data/<target>, pretrain_model)
#     --images=False     annotations only: no image download, no check
#   Other flags go to download_fashion_iq.py (--threads=8 --retry_failed --min_success=0.9 ...).
# Run it again at any time: what is done is skipped, what was interrupted goes on. What has to be
# fetched by hand is said. Exit code 1: something is missing. Formats and sources: data/README.md.
set -euo pipefail
caller=$PWD
cd "$(dirname "$0")/.."

# Mirrors may be named in the environment.
github=${GITHUB_RAW:-https://raw.githubusercontent.com}
queries_url=${TEST_QUERIES_URL:-https://storage.googleapis.com/image_retrieval_css/test_queries.txt}
glove_url=${GLOVE_URL:-https://nlp.stanford.edu/data/glove.42B.300d.zip}
models_url=${TF_MODELS_URL:-http://download.tensorflow.org/models}

fail() { echo "prepare_data.sh: $1" >&2; exit "${2:-1}"; }

absolute() { case $1 in "" | /*) echo "$1" ;; *) echo "$caller/$1" ;; esac; }

claim() {  # root: until this process and those it started have ended
    mkdir -p "$1"
    [[ -w $1 ]] || return 0
    exec 9>>"$1/prepare.lock"
    "$python" - <<'PYTHON' || fail "$1: another process is preparing it; let it end"
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit(1)
except OSError:
    print("prepare_data.sh: no locks here; let no other process prepare the same folder")
PYTHON
}

curl_part() { curl -fL -sS --retry 5 --connect-timeout 20 -C - -o "$2.part" "$1"; }

fetch() {  # url file: resumes, retries; the file appears whole or not at all
    local code=0
    [[ -s $2 ]] && return
    echo "fetching $1"
    mkdir -p "$(dirname "$2")"
    curl_part "$@" || code=$?
    if [[ $code =~ ^(22|33|36)$ && -e $2.part ]]; then  # this server can't resume: from the start
        rm "$2.part"
        code=0
        curl_part "$@" || code=$?
    fi
    [[ $code == 0 ]] || fail "$1 could not be fetched; run again to go on, or put it at $2"
    mv "$2.part" "$2"
}

annotation() {  # root dataset url file: from --source_dir, or from the network
    local from
    [[ -s $1/$4 ]] && return
    if [[ -z $source_dir ]]; then fetch "$3" "$1/$4"; return; fi
    for from in "$source_dir/$4" "$source_dir/$2/$4"; do
        if [[ -f $from ]]; then
            mkdir -p "$(dirname "$1/$4")"
            cp "$from" "$1/$4.part" && chmod u+w "$1/$4.part" && mv "$1/$4.part" "$1/$4"
            return
        fi
    done
    fail "--source_dir=$source_dir has no $4"
}

unpack() {  # archives: each into its own folder, once
    local archive folder
    for archive in "$@"; do
        [[ -f $archive ]] || continue
        folder=$(dirname "$archive")
        [[ $folder/.unpacked_$(basename "$archive") -nt $archive ]] && continue
        echo "unpacking $archive"
        case $archive in
            *.zip) "$python" -m zipfile -e "$archive" "$folder" 2>&1 | tail -n 1 >&2 ;;
            *) tar -xf "$archive" -C "$folder" ;;
        esac || fail "$archive: not unpacked (above: why); if it is no archive, or cut short: delete it and fetch it again"
        touch "$folder/.unpacked_$(basename "$archive")"
    done
}

check() {  # dataset root
    [[ $images == True ]] || { echo "$1: annotations are in $2"; return; }
    "$python" -m datasets.check_data --dataset="$1" --data_path="$2" --decode=True || status=1
}

fashion_iq() {
    local root=${data_path:-data/fashion_iq} category split name
    local iq=$github/XiaoxiaoGuo/fashion-iq/master
    local val=$github/yanbeic/VAL/master/datasets/fashion_iq
    for category in dress shirt toptee; do
        for split in train val; do
            for name in captions/cap image_splits/split; do
                name=$name.$category.$split.json
                annotation "$root" fashion_iq "$iq/$name" "$name"
            done
        done
        for name in image_url/asin2url.$category.txt tags/asin2attr.$category.train.json; do
            name=image_tag_dataset/$name
            annotation "$root" fashion_iq "$val/$name" "$name"
        done
    done
    if [[ $images == True ]]; then
        "$python" download_fashion_iq.py --data_path="$root" ${flags[@]+"${flags[@]}"} || status=1
    fi
    check fashion_iq "$root"
}

shoes() {
    local root=${data_path:-data/shoes} name
    local dialog=$github/XiaoxiaoGuo/fashion-retrieval/master/dataset
    for name in relative_captions_shoes.json captions_shoes.json {train,eval}_im_names.txt; do
        annotation "$root" shoes "$dialog/$name" "$name"
    done
    unpack "$root"/attributedata*.{tar.gz,tgz,tar,zip}
    [[ -d $root/attributedata ]] || compgen -G "$root/womens_*" >/dev/null || cat <<TEXT
shoes: the images have to be fetched by hand: attributedata.tar.gz (Attribute Discovery Dataset,
  http://tamaraberg.com/attributesDataset/index.html) into $root, then run this again.
TEXT
    check shoes "$root"
}

fashion200k() {
    local root=${data_path:-data/fashion200k} name
    annotation "$root" fashion200k "$queries_url" test_queries.txt
    if [[ -n $source_dir ]]; then
        for name in labels/{dress,jacket,pants,skirt,top}_{train,test}_detect_all.txt; do
            annotation "$root" fashion200k "" "$name"
        done
    fi
    unpack "$root"/{labels,women}*.{tar.gz,tgz,tar,zip}
    [[ -d $root/labels ]] || cat <<TEXT
fashion200k: labels and images have to be fetched by hand: the labels and women archives linked at
  https://github.com/xthan/fashion-200k into $root, then run this again.
TEXT
    check fashion200k "$root"
}

glove() {
    local root=${data_path:-data/glove}
    fetch "$glove_url" "$root/glove.42B.300d.zip"  # read_glove.py reads it as it is
    "$python" -c 'import sys, zipfile; sys.exit(not zipfile.is_zipfile(sys.argv[1]))' \
        "$root/glove.42B.300d.zip" || fail "$root/glove.42B.300d.zip: not a .zip; delete it"
    echo "glove: $root/glove.42B.300d.zip"
}

pretrained() {
    local root=${data_path:-pretrain_model} name
    fetch "$models_url/resnet_v2_50_2017_04_14.tar.gz" "$root/resnet_v2_50/resnet_v2_50.tar.gz"
    fetch "$models_url/mobilenet_v1_2018_02_22/mobilenet_v1_1.0_224.tgz" \
        "$root/mobilenet_v1_1.0_224/mobilenet_v1_1.0_224.tgz"
    unpack "$root"/{resnet_v2_50,mobilenet_v1_1.0_224}/*.t*gz
    for name in resnet_v2_50/resnet_v2_50.ckpt mobilenet_v1_1.0_224/*.ckpt.index; do
        compgen -G "$root/$name" >/dev/null || fail "$root/$name: not in the archive"
    done
    echo "pretrained: $root"
}

target="" source_dir="" data_path="" images=True flags=() status=0
for argument in "$@"; do
    case $argument in
        fashion_iq | shoes | fashion200k | glove | pretrained | all) target+=$argument ;;
        --source_dir=*) source_dir=$(absolute "${argument#*=}") ;;
        --data_path=*) data_path=$(absolute "${argument#*=}") ;;
        --images=True | --images=False) images=${argument#*=} ;;
        --*) flags+=("$argument") ;;
        *) fail "$argument is not one of fashion_iq shoes fashion200k glove pretrained all" 2 ;;
    esac
done
[[ -n $source_dir && ! -d $source_dir ]] && fail "--source_dir=$source_dir: no such folder" 2
[[ $target == all && -n $data_path ]] && fail "--data_path=$data_path needs one target" 2
[[ $target =~ ^(fashion_iq|all)$ || ${#flags[@]} -eq 0 ]] || fail "unknown flag ${flags[0]}" 2
case $target in
    all | fashion_iq | shoes | fashion200k | glove | pretrained) ;;
    *) sed -n '2,9s/^# \{0,1\}//p' scripts/prepare_data.sh >&2; exit 2 ;;
esac
command -v curl >/dev/null || fail "curl is needed"
bash scripts/setup.sh
python=.venv/bin/python
if [[ $target == all ]]; then
    own=(--images="$images" ${source_dir:+--source_dir="$source_dir"})
    bash scripts/prepare_data.sh fashion_iq "${own[@]}" ${flags[@]+"${flags[@]}"} || status=1
    for target in shoes fashion200k pretrained glove; do  # whatever fails
        bash scripts/prepare_data.sh "$target" "${own[@]}" || status=1
    done
else
    root=data/$target
    [[ $target != pretrained ]] || root=pretrain_model
    claim "${data_path:-$root}"
    "$target"
fi
exit "$status"
