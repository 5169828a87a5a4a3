"""``python -m frlib.faces``: build the head file, so that drawing starts at once."""

import sys
import time

from frlib.faces.generator.head import head_is_built, head_path, load_head
from frlib.store import REMEDY

if __name__ == "__main__":
    start = time.perf_counter()
    load_head()
    path = head_path()
    if not head_is_built():
        sys.exit(f"{path} cannot be written. {REMEDY}")
    print(f"head file: {path.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.1f} s")
