"""``python -m frlib.models``: fetch and convert all networks, so that everything after it works offline."""

import sys
import time

from frlib.models import DownloadError, missing
from frlib.models.catalogue import fetch, stored_path, stored_tensors
from frlib.models.networks import NETWORKS


def main() -> int:
    """Fetch and convert what is missing, print one line per network, and return the exit status."""
    absent = missing()
    print(f"{'network':<20}{'size MB':>9}{'seconds':>9}{'package MB':>12}")
    for name in NETWORKS:
        start, fetched = time.perf_counter(), 0
        try:
            if name in absent:
                fetched = fetch(name)
                stored_tensors(name)
            size = stored_path(name).stat().st_size / 1e6
        except (DownloadError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        seconds = time.perf_counter() - start
        print(f"{name:<20}{size:>9.1f}{seconds:>9.1f}{fetched / 1e6:>12.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
