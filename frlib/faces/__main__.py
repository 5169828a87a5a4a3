"""``python -m frlib.faces``: build the head file, so that drawing starts at once."""

import time

from frlib.faces.head import head_path, load_head

if __name__ == "__main__":
    start = time.perf_counter()
    load_head()
    path = head_path()
    print(f"head file: {path.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - start:.1f} s")
