"""Files that people hand in: whatever is in them, the outcome is a reading or one line that names the file.

`python tests/verify/test_fuzz_files.py N` tries N files of each kind, and prints how they ended.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from verify import replay
from verify.check import get_paper, parse_request
from verify.papers.sub_ngrams.recorded import PACKAGED
from verify.recheck.certificate import RejectedError
from verify.settings import UsageError

ROOT = Path(__file__).parents[2]
TRIES = 60
QUICK = ("SN3c", "SN4", "SN4c", "SN5", "SN8", "SN10", "SN11")  # claims whose certificates are checked in no time

PIECES = [
    b"", b"\0", b"\xff", b"NaN", b"1e400", b"-1", b"0", b"1/0", b"9" * 5000, b"[", b"]" * 30, b"{", b'"', b"->", b"*",
    b"# ", b"\n", b"\r\n", b"true", b"null", b"\xe2\x80\xa8", b"\x1b[31m", b'"H"', b"[" * 3000, b"PK", b"1.5", b",",
]  # fmt: skip


def matrices() -> bytes:
    return json.dumps({"H": [["1", "0", "1/2"], ["0", "1", "2"]], "F": [["1", "1", "0"], ["0", "1/3", "5"]]}).encode()


def dataset() -> bytes:
    return (ROOT / "docs/gallery/next_token_example.txt").read_bytes()


def certificates() -> bytes:
    document = json.loads((ROOT / "tests/certificates/valid/sub-n-grams.json").read_text())
    document["certificates"] = [entry for entry in document["certificates"] if entry["claim"] in QUICK]
    return json.dumps(document, indent=1).encode()


def recording() -> bytes:
    return PACKAGED.read_bytes()


def with_words(paper: str, key: str, **values: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        parse_request(get_paper(paper), {**values, key: str(path)})

    return read


def replayed(path: Path) -> None:
    """Every certificate has its line, and no check breaks off: what it stumbles over is to be found before."""
    read = replay.read(str(path))
    found = list(replay.outcomes(read, replay.LIMIT))
    assert len(found) == len(read) and all(line.isprintable() and "broke off" not in line for _, line in found), found
    refused = [line for outcome, line in found if outcome != "accepted"]
    if refused:
        raise RejectedError(refused[0])


KINDS: dict[str, tuple[Callable[[], bytes], Callable[[Path], None]]] = {
    "matrices": (matrices, with_words("mean-field", "matrices", k="2", m="3")),
    "dataset": (dataset, with_words("next-token", "dataset")),
    "trajectory": (recording, with_words("sub-n-grams", "trajectory", select="SN15")),
    "certificates": (certificates, replayed),
}


def damaged(content: bytes, rng: Random) -> bytes:
    """Bytes changed, cut out, doubled or put in, once or a few times; at times nothing is left of it."""
    if rng.random() < 0.1:
        return b"".join(rng.choice(PIECES) for _ in range(rng.randint(0, 6)))
    for _ in range(rng.randint(1, 3)):
        i, j = sorted(rng.randint(0, len(content)) for _ in range(2))
        j = min(j, i + rng.choice((1, 3, 20, 10**6)))
        new = [b"", rng.choice(PIECES), content[i:j] * 2, rng.randbytes(j - i if j - i < 30 else 8)]
        content = content[:i] + rng.choice(new) + content[j:]
    return content


def outcome(kind: str, content: bytes, path: Path) -> str:
    """What becomes of the file; AssertionError unless a refusal is one printable line that says where."""
    path.write_bytes(content)
    try:
        KINDS[kind][1](path)
    except UsageError as error:
        line = str(error)
    except RejectedError as error:
        line = f"{path}: {error}"
    else:
        return "read"
    assert str(path) in line and line.isprintable(), line
    return "refused"


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused_in_one_line(kind: str, tmp_path: Path) -> None:
    rng, path = Random(0), tmp_path / "file.npz"
    assert outcome(kind, KINDS[kind][0](), path) == "read"
    ends = Counter(outcome(kind, damaged(KINDS[kind][0](), rng), path) for _ in range(TRIES))
    assert ends["refused"] > TRIES // 3


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for name, (valid, _) in KINDS.items():
            random = Random(1)
            count = Counter(
                outcome(name, damaged(valid(), random), Path(folder) / "file.npz") for _ in range(int(sys.argv[1]))
            )
            print(name, dict(count))
