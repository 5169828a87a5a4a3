"""The page "Seeds" misses no seed, and nothing is drawn without one."""

import re
from pathlib import Path

import pytest

from book import seeds

NOTEBOOKS = sorted((seeds.ROOT / "notebooks").glob("*.py"))
MAKES = re.compile(
    r"default_rng\(|manual_seed\(|SeedSequence\(|RandomState\(|\brandom\.Random\(|\brandom\.seed\(|\brandom_state="
)


def count_in(text: str) -> int:
    return len(MAKES.findall("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))))


@pytest.mark.parametrize("path", [*seeds.library(), *NOTEBOOKS], ids=lambda path: path.stem)
def test_every_generator_of_a_file_is_found(path):
    assert len(list(seeds.generators([path]))) == count_in(path.read_text())


def test_every_argument_seed_of_a_public_function_is_found():
    found = {(row.file, row.name.rpartition(".")[2]) for row in seeds.takers()}
    written = re.compile(r"(?m)^ *def ([a-z]\w*)\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
    for path in seeds.library():
        for name, arguments in written.findall(path.read_text()):
            if re.search(r"(?:^|[\s,(])seeds?\b\s*[:,=]", arguments + ","):
                assert (str(path.relative_to(seeds.ROOT)), name) in found


def test_nothing_is_drawn_without_a_seed():
    assert list(seeds.unseeded([*seeds.library(), *NOTEBOOKS])) == []


DRAWS = [
    "import numpy as np\nnp.random.rand(3)",
    "import random\nrandom.shuffle(x)",
    "import torch\ntorch.randn(3)",
    "import numpy as np\nnp.random.default_rng()",
    "import torch\ntorch.rand_like(x)",
]


@pytest.mark.parametrize("text", DRAWS)
def test_what_is_drawn_without_a_seed_is_found(text, tmp_path):
    (tmp_path / "one.py").write_text(text)
    assert len(list(seeds.unseeded([tmp_path / "one.py"], tmp_path))) == 1


def test_seeds_given_by_place_are_found():
    assert seeds.places()["sample_identities"] == 1
    given = {(row.name.rpartition(".")[2], row.text) for row in seeds.chapters()}
    assert ("sample_identities", "seed + 5") in given and ("default_rng", "[seed, split]") in given


def test_every_chapter_has_the_parameter():
    for name in seeds.contents.chapters():
        assert re.search(r"(?m)^seed = 0$", (seeds.ROOT / f"{name}.py").read_text()), name


def test_the_tables_show_what_is_found(monkeypatch):
    monkeypatch.syspath_prepend(Path(seeds.__file__).with_name("_ext"))
    import seed_tables

    assert seed_tables.functions().count("<tr>") == 1 + len(list(seeds.takers()))
    assert seed_tables.chapters().count("<tr>") == 1 + len(list(seeds.chapters()))
    assert "[seed, index, 3]" in seed_tables.generators()
