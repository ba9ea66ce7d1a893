"""What Hugging Face's own client says of a cache that clsrl-bench filled, and of a folder. Needs huggingface_hub 1.0.

usage: load_fetched_model.py fetched ID FOLDER FILE...    what was fetched into the cache and into FOLDER
       load_fetched_model.py fetch ID FILE...             fetches these files and prints the snapshot's folder
HF_HOME and HF_ENDPOINT say where. `fetched` prints "ok" or fails.
"""
import os
import sys

if sys.argv[1] == "fetched":
    os.environ["HF_HUB_OFFLINE"] = "1"

from huggingface_hub import constants, hf_hub_download, scan_cache_dir, snapshot_download  # noqa: E402


def fetched(model, folder, files):
    snapshot = snapshot_download(model)
    for name in files:
        path = hf_hub_download(model, name)
        assert os.path.dirname(path) == snapshot, (path, snapshot)
        with open(path, "rb") as a, open(os.path.join(folder, name), "rb") as b:
            assert a.read() == b.read(), name
    assert sorted(os.listdir(snapshot)) == sorted(files), os.listdir(snapshot)
    cache = scan_cache_dir()
    assert not cache.warnings, cache.warnings
    assert not cache.incomplete_files, cache.incomplete_files
    (repo,) = cache.repos
    (revision,) = repo.revisions
    assert (repo.repo_id, repo.repo_type) == (model, "model"), repo
    assert revision.refs == {"main"} and revision.snapshot_path.name == revision.commit_hash, revision
    assert sorted(file.file_name for file in revision.files) == sorted(files), revision.files
    # It looks up whether files are as listed, so it asks the hub.
    constants.HF_HUB_OFFLINE = False
    from huggingface_hub import HfApi
    for place in [{}, {"local_dir": folder}]:
        found = HfApi().verify_repo_checksums(model, **place)
        assert found.checked_count == len(files), found
        assert not found.mismatches and not found.extra_paths, found
    # It takes the folder's files for its own: nothing but the list is asked for.
    assert snapshot_download(model, local_dir=folder, allow_patterns=files)
    print("ok")


def fetch(model, files):
    print(snapshot_download(model, allow_patterns=files))


if sys.argv[1] == "fetched":
    fetched(sys.argv[2], sys.argv[3], sys.argv[4:])
else:
    fetch(sys.argv[2], sys.argv[3:])
