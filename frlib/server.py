"""A notebook on a server: what it runs on, a cache that outlives the session, and what the chapter will cost.

The first cell of a published notebook calls `begin`. What only Colab has is asked for on Colab alone.
"""

import importlib.util
import os
import shutil
from pathlib import Path

import torch

from frlib.store import cache_folder, can_be_written

DRIVE = "/content/drive"


def name() -> str:
    """Return what the notebook runs on: Colab, Kaggle, or any other Jupyter."""
    # First, because Kaggle's machines have the package of Colab too.
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "Kaggle"
    on_colab = importlib.util.find_spec("google") and importlib.util.find_spec("google.colab")
    return "Colab" if on_colab else "Jupyter"


def begin(
    *,
    profile: str | None,
    megabytes: float,
    seconds: float | None = None,
    device: str = "",
    processor: str = "",
    drive: bool = False,
) -> None:
    """Prepare a notebook and print what its chapter will cost.

    Parameters
    ----------
    profile : str or None
        Of the published run; None where there was none.
    megabytes : float
        What the chapter downloads, unless the cache has it.
    seconds : float, optional
        How long the published run took.
    device, processor : str
        Where it ran.
    drive : bool
        On Colab: mount the reader's Google Drive, and keep there what is downloaded and computed. Elsewhere it does
        nothing, because the disk of the machine is kept.
    """
    server = name()
    if server == "Colab":
        _widgets_of_colab()
        if drive:
            _cache_on_drive()
    print(f"{server}, {processors()}.")
    if profile:
        print(f"The published run, profile {profile}, took {spoken(seconds)} on {device.upper()}, {processor}.")
    print("Profile smoke is for a first look; paper takes hours. Choose in the cell with the parameters.")
    print(cache_in_words(megabytes))


def processors() -> str:
    """Return the GPU of this machine, or that there is none, and the number of its processors."""
    here = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU, so the CPU computes"
    return f"{here}; {os.cpu_count()} processors"


def spoken(seconds: float) -> str:
    """Return a duration in words."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def cache_in_words(megabytes: float) -> str:
    """Return where downloads and results are kept, what is fetched at most, and how much room there is."""
    folder = cache_folder()
    if not can_be_written(folder):
        return f"{folder} cannot be written: what is computed is not kept. Set FRLIB_CACHE to another folder."
    fetched = f"Up to {megabytes:.0f} MB are downloaded at first use." if megabytes else "Nothing is downloaded."
    return f"{fetched} Results are kept in {folder}, which has {shutil.disk_usage(folder).free / 1e9:.0f} GB free."


def _widgets_of_colab() -> None:
    """Let Colab draw widgets that are not its own."""
    from google.colab import output

    output.enable_custom_widget_manager()


def _cache_on_drive() -> None:
    """Mount the reader's Drive and keep the cache there."""
    from google.colab import drive

    drive.mount(DRIVE)
    os.environ["FRLIB_CACHE"] = str(Path(DRIVE, "MyDrive", "frlib"))
