"""The real client of the Hugging Face hub against the imitation of hub.py, and what `corpus` committed read with it.

Usage: hub_client.py upload FOLDER PATH_IN_REPOSITORY | download FOLDER. HF_ENDPOINT and HF_TOKEN say where and who.
"""

import os
import sys

# The other protocol of large files needs servers of its own; set before the client is imported.
os.environ.update(HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")

from huggingface_hub import HfApi, snapshot_download


def main():
    what, folder, *rest = sys.argv[1:]
    if what == "upload":
        HfApi().upload_folder(repo_id="org/name", repo_type="dataset", folder_path=folder, path_in_repo=rest[0])
    else:
        snapshot_download("org/name", repo_type="dataset", local_dir=folder)


if __name__ == "__main__":
    main()
