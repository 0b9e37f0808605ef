"""The formal proofs under proofs/coq: they compile, assume what they say, and a changed statement has no proof.

What needs Coq is skipped where it is missing (`make -C proofs/coq install`); the rest reads the files as text.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.once import once
from verify.papers.sub_ngrams import PAPER
from verify.registry import papers

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "proofs" / "coq"
INDEX: Mapping[str, Sequence[Mapping[str, Any]]] = json.loads((FOLDER / "index.json").read_text())
ENTRIES = [entry for entries in INDEX.values() for entry in entries]

# What the standard library's real numbers rest on, and nothing else may.
AXIOMS = {
    "none": set(),
    "reals": {
        "ClassicalDedekindReals.sig_not_dec",
        "ClassicalDedekindReals.sig_forall_dec",
        "FunctionalExtensionality.functional_extensionality_dep",
        "Classical_Prop.classic",
    },
}
TIMEOUT = 300  # seconds; a hung prover fails instead of blocking the suite


def modules() -> list[str]:
    return re.findall(r"^(\w+)\.v$", (FOLDER / "_CoqProject").read_text(), re.MULTILINE)


def without_comments(text: str) -> str:
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


def coqc(file: Path, build: Path) -> subprocess.CompletedProcess[str]:
    command = ["coqc", "-w", "none", "-Q", str(build), "SubNGrams", file.name]
    return subprocess.run(command, cwd=file.parent, capture_output=True, text=True, timeout=TIMEOUT, check=False)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled proofs, for all workers."""
    missing = [tool for tool in ("coqc", "coq_makefile", "make") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: see proofs/coq/README.md")
    return once(tmp_path_factory, "coq", compile_proofs)


def compile_proofs(folder: Path) -> None:
    """By their own Makefile in a copy of their folder."""
    probe = folder / "probe.v"
    probe.write_text("From mathcomp Require Import ssrnum.\n")
    if coqc(probe, folder).returncode != 0:
        pytest.skip("coqc is there but mathcomp is not: see proofs/coq/README.md")
    for source in [*FOLDER.glob("*.v"), FOLDER / "_CoqProject", FOLDER / "Makefile"]:
        shutil.copy(source, folder)
    made = subprocess.run(["make", "compile"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert made.returncode == 0, made.stdout + made.stderr


def test_the_index_names_claims_and_theorems_that_exist() -> None:
    page = (ROOT / "docs" / "mathematics" / "sub-n-grams" / "finite-length.md").read_text(encoding="utf-8")
    lemmas = set(INDEX) - {claim.id for paper in papers().values() for claim in paper.claims}
    for lemma in lemmas:
        assert f"({lemma})=" in page
        assert all(f"`{entry['theorem']}`" in page for entry in INDEX[lemma])
    assert {step.where for claim in PAPER.claims for step in claim.steps if step.where.startswith("lemma-")} >= lemmas
    for entry in ENTRIES:
        source = without_comments((ROOT / entry["file"]).read_text())
        assert len(re.findall(rf"^Theorem {entry['theorem']}\b", source, re.MULTILINE)) == 1, entry
        assert entry["axioms"] in AXIOMS and entry["statement"]


def test_every_file_is_compiled_and_every_theorem_listed() -> None:
    assert {path.stem for path in FOLDER.glob("*.v")} == {*modules(), "assumptions"}
    listed = re.findall(r"^Print Assumptions (\w+)\.(\w+)\.$", (FOLDER / "assumptions.v").read_text(), re.MULTILINE)
    assert listed == [(Path(entry["file"]).stem, entry["theorem"]) for entry in ENTRIES]
    readme = (FOLDER / "README.md").read_text()
    for entry in ENTRIES:
        assert f"`{entry['theorem']}`" in readme and f"{Path(entry['file']).name}" in readme
    for name in AXIOMS["reals"]:
        assert name in readme


def holes(source: str) -> list[str]:
    """Commands that leave something unproved or switch off a check, outside comments."""
    words = r"\b(?:Admitted|admit|give_up|Axioms?|Parameters?|Conjecture|Abort|bypass_check|Checking|type-in-type)\b"
    return re.findall(words, without_comments(source))


@pytest.mark.parametrize("module", [*modules(), "assumptions"])
def test_nothing_is_left_unproved(module: str) -> None:
    assert holes((FOLDER / f"{module}.v").read_text()) == []


def test_holes_are_seen() -> None:
    assert holes("(* Admitted *) Lemma no : 0 = 1. Proof. admit. Admitted.") == ["admit", "Admitted"]


def axioms(statements: str, folder: Path, build: Path) -> list[set[str]]:
    """What every `Print Assumptions` among the statements prints: the names that start a line after "Axioms:"."""
    probe = folder / "probe.v"
    probe.write_text(statements)
    printed = coqc(probe, build)
    assert printed.returncode == 0, printed.stderr
    reports = re.split(r"^(Closed under the global context|Axioms:)$", printed.stdout, flags=re.MULTILINE)[1:]
    return [set(re.findall(r"^\S+", text, re.MULTILINE)) for text in reports[1::2]]


def test_assumptions_are_those_of_the_index(build: Path, tmp_path: Path) -> None:
    """All theorems that may rest on the same axioms in one pair, of which Coq goes through each part once."""
    required = re.findall(r"^(?:From|Require) .*$", (build / "assumptions.v").read_text(), flags=re.MULTILINE)
    for allowed, names in AXIOMS.items():
        theorems = [f"@{Path(e['file']).stem}.{e['theorem']}" for e in ENTRIES if e["axioms"] == allowed]
        together = f"Definition together := ({', '.join(theorems)}).\nPrint Assumptions together.\n"
        (found,) = axioms("\n".join([*required, together]), tmp_path, build)
        assert found <= names


def test_an_axiom_would_be_seen(build: Path, tmp_path: Path) -> None:
    wish = "Axiom wish : 0 = 1.\nLemma false : 1 = 0. Proof. symmetry; exact wish. Qed.\n"
    assert axioms(f"{wish}Print Assumptions false.\nPrint Assumptions eq_sym.\n", tmp_path, build) == [{"wish"}, set()]


# In every file, changes of a statement or of a definition in it, after which its proof no longer goes through.
MUTATIONS = [
    ("finite_sums", "sum n (fun i => f i - g i) = sum n f - sum n g", "sum n (fun i => f i - g i) = sum n f + sum n g"),
    (
        "score_identity",
        "(rho * attention z j - P (x j) * attention z j / prediction z (x j)).\nProof",
        "(rho * attention z j + P (x j) * attention z j / prediction z (x j)).\nProof",
    ),
    ("score_identity", "sum T (score z) = 0.", "sum T (score z) = 1."),
    ("score_blocks", "sum T (fun j => score T size x P z j * (", "- sum T (fun j => score T size x P z j * ("),
    ("network", "image V Q (T - 1) l e * image' V V' K K' j l e", "image V Q (T - 1) l e * - image' V V' K K' j l e"),
    ("chain_rule", "(sqrt c * M a l v e)", "(sqrt c * - M a l v e)"),
    ("chain_rule", "(sqrt c * M (l - 1) b e v)", "(sqrt c * M l b e v)"),
    ("chain_rule", "M (h - 1) h o i + ", "M (h - 1) h o i - "),
    (
        "estimator_bound",
        "`|p_theta s - N_of s / N| <= 2%:R * (T%:R - N)",
        "`|p_theta s - N_of s / N| <= (T%:R - N)",
    ),
    ("sufficient_condition", "(forall s, measurable (fun o => dlogp o s)) ->", "True ->"),
    (
        "sufficient_condition",
        "(fun o => \\sum_s p o s * dlogp o s = 0) ->",
        "(fun o => \\sum_s p o s * dlogp o s = 1) ->",
    ),
    ("infinite_length", "(tau u s / prediction r u s - 1)", "(tau u s / prediction r u s + 1)"),
    ("infinite_length", "  a \\in Lambda \\/", "  a \\notin Lambda \\/"),
    ("ordered_field", "0 <= c * b - a * d -> a / b <= c / d", "0 <= a * d - c * b -> a / b <= c / d"),
    (
        "rotation",
        "<= m * Gamma S #|L| r.\nProof.\nmove=> S_gt0 range",
        "<= m * Gamma S #|L|.+1 r / 2%:R.\nProof.\nmove=> S_gt0 range",
    ),
    ("rotation", "(forall t t' i, h t = h t' -> value t i = value t' i) ->", "True ->"),
    ("rotation", "<= 2%:R * m * Gamma S #|L| r", "<= m * Gamma S #|L| r"),
    ("rotation", "= 1 - (q / (q + #|S|%:R - 1)) ^+ L", "= 1 - (q / (q + #|S|%:R)) ^+ L"),
    ("edits", "(r%:R / #|A :&: matching|%:R) +", "(r%:R / #|A :&: matching|.+1%:R) +"),
    ("edits", "(forall i, i \\in matching -> omega i = 1) ->", "True ->"),
    ("decay", "<= 2%:R * (#|S|%:R ^+ #|Lambda| - 1) * r.", "<= (#|S|%:R ^+ #|Lambda| - 1) * r."),
    ("decay", "tested r a b f| <= Gamma S #|Lambda| r", "tested r a b f| <= Gamma S #|Lambda| r / 2%:R"),
    ("decay", "tested r a (Some l) f| <= 2%:R * Gamma", "tested r a (Some l) f| <= Gamma"),
    (
        "sampled_label",
        "psi j) = sum size (fun y => P y * Phi z psi y).",
        "psi j) = - sum size (fun y => P y * Phi z psi y).",
    ),
    ("sampled_label", "Rabs (Phi z psi y) <= 1.", "Rabs (Phi z psi y) <= 1 / 2."),
    ("type_one", "y) <= r / (INR (N y) - 1 + r).", "y) <= r / (INR (N y) + r)."),
    ("type_one", "Hypotheses (b_in : lag b = true)", "Hypotheses (b_in : lag b = false)"),
    ("visits", "<= INR m * phi (INR K * r / INR m).\nProof.", "<= INR m * phi (r / INR m).\nProof."),
    ("visits", "  (0 < m)%nat -> stationary ->", "  (0 < m)%nat -> True ->"),
    ("stationary_type_one", "  stationary_law -> lag b = true ->", "  True -> lag b = true ->"),
    ("stationary_type_one", "<= phi (INR K * r T c / INR m).", "<= phi (r T c / INR m)."),
    ("contraction", "<= delta P * TV mu nu.", "<= delta P * TV mu nu / 2%:R."),
    ("contraction", "`|mu x - nu x| = 2%:R * TV mu nu.", "`|mu x - nu x| = TV mu nu."),
    ("contraction", "<= delta (power P k) ^+ l.\n", "<= delta (power P k) ^+ l.+1.\n"),
    ("contraction", "push pi P =1 pi -> TV (power", "True -> TV (power"),
    ("chains", "<= 6%:R * d + mean pi (i", "<= 4%:R * d + mean pi (i"),
    ("chains", "<= 2%:R * d + mean pi (e", "<= d + mean pi (e"),
    ("edited_lists", "(size DB <= r)%N ->", "(size DB <= r.+1)%N ->"),
    ("type_two", "<= m%:R * (6%:R * d) +", "<= m%:R * (4%:R * d) +"),
    ("type_two", "Gamma S #|L| r + Num.min 1", "Gamma S #|L| r / 2%:R + Num.min 1"),
    ("type_two", "forall t t' w, h t = h t' -> f t w = f t' w.", "forall t t' w, h t = h t' -> f t w = f t w."),
    (
        "landscape",
        "\\tr Z * (r - \\tr Z) <= alpha * sq gradient.",
        "2%:R * \\tr Z * (r - \\tr Z) <= alpha * sq gradient.",
    ),
    ("landscape", "& k%:R * (alpha * form R) <= - (\\tr Z)", "& (alpha * form R) <= - (\\tr Z)"),
    ("landscape", "(u *m v^T) <= - z ^+ 2 / alpha + 3%:R * g / z /", "(u *m v^T) <= - z ^+ 2 / alpha + 2%:R * g / z /"),
    ("landscape", "-> R^T *m R *m Z = Z ->", "-> True ->"),
    ("landscape", "2%:R * gamma * along_homotopy ^+ 2 <= ratio", "3%:R * gamma * along_homotopy ^+ 2 <= ratio"),
]


def test_every_file_has_a_mutation() -> None:
    assert {module for module, _, _ in MUTATIONS} == set(modules())


def session(source: str, changes: Sequence[tuple[str, str]]) -> str:
    """The file up to its last change for a session of Coq, which goes on after an error; and at each place of a change,
    the rest of the file as changed, from which the session then goes back.

    So what stands before is proved once for all changes. Names that do not exist mark in the output what was reached:
    "stated" ahead of the first proof below the change, "tried" the end of the rest, "back" the file as it is.
    """
    parts, done = list[str](), 0
    for old, new in sorted(changes, key=lambda change: source.index(change[0])):
        assert source.count(old) == 1
        place, changed = source.index(old), source.replace(old, new)
        start, proof = source.rindex("\n\n", 0, place), changed.index("Proof.", place)
        stated, rest = changed[start:proof], changed[proof:]
        tried = [stated, "Check stated.", rest, "Check tried.", "Reset here.", "Check back."]
        parts += [source[done:start], "Definition here := tt.", *tried]
        done = start
    return "\n".join(parts)


def errors(script: str, build: Path) -> list[str]:
    """What a session reports, in order: marks by name, all else as "error"."""
    command = ["coqtop", "-quiet", "-w", "none", "-Q", str(build), "SubNGrams"]
    streams: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    printed = subprocess.run(command, input=script, timeout=TIMEOUT, check=True, cwd=build, **streams).stdout
    found = re.findall(r"^Error:\s*(?:The reference (stated|tried|back) was not found)?", printed, re.MULTILINE)
    return [name or "error" for name in found]


def refused(reports: Sequence[str], changes: int) -> bool:
    """Every change is stated without an error, has one in a proof below, and the file as it is has none."""
    return re.fullmatch(rf"(stated( error)+ tried back ?){{{changes}}}", " ".join(reports)) is not None


@pytest.mark.parametrize("module", dict.fromkeys(module for module, _, _ in MUTATIONS))
def test_a_changed_statement_has_no_proof(module: str, build: Path) -> None:
    changes = [(old, new) for name, old, new in MUTATIONS if name == module]
    reports = errors(session((build / f"{module}.v").read_text(), changes), build)
    assert refused(reports, len(changes)), reports


SOURCE = "(* x *)\n\nSection S.\nVariable x : bool.\n\nLemma one : x = x.\nProof. reflexivity. Qed.\n\nEnd S.\n"


@pytest.mark.parametrize(
    ("changes", "all_refused"),
    [
        ([("x = x", "x = true")], True),
        ([("x = x", "x = true"), ("x : bool", "x : nat")], False),  # the second is proved
        ([("x : bool", "x : nat"), ("x = x", "true = true")], False),  # both are
        ([("x = x", "x = y")], False),  # is not stated
    ],
)
def test_a_change_that_is_proved_or_not_stated_is_seen(changes: Any, all_refused: bool, build: Path) -> None:
    assert refused(errors(session(SOURCE, changes), build), len(changes)) is all_refused
