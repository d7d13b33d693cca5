#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Which clause has which tests. usage: clauses.py [--write | --self-test]

clauses.txt is the list of clauses. A test of one is
  - a test of tests/unit that has it in its name (aws_36_...), in the comment before it or in one within it;
  - a table of tests/tables that has it in its title;
  - a check of an end-to-end script with it in its words, or such a script whose opening comment names it;
  - a folder or file that clauses.txt gives.
Ranges (AWS-10..17) say what a file is about and count as nothing.

Without --write: says what is wrong and fails if a clause has no test and no excuse, or CLAUSES.md is not what
--write makes. Where the papers lie beside the project, the list is held against them as well.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PAPERS = ROOT.parent / "shared"
KINDS = {
    "test": "with tests",
    "ours": "with tests, where AWS is silent and the choice is ours",
    "documented": "facts about AWS outside a firewall",
    "not applicable": "about what is not here",
    "planned": "not built yet",
}
NEED_TEST = ("test", "ours")
SHOWN = 4  # tests of one clause that are named

MENTION = re.compile(r"\b(AWS|STRICT)-((?:\d+[a-z]?(?!\.\.)(?:, )?)+)(?![.\d])")
NAMED = re.compile(r"(?:^|_)(aws|strict)((?:_\d+[a-z]?(?=_|$))+)")


class Clause:
    def __init__(self, number, kind, title, rest):
        self.number, self.kind, self.title = number, kind, title
        self.reason = rest if kind not in NEED_TEST else ""
        self.given = rest.split() if kind in NEED_TEST else []
        self.tests = []


def read_list():
    """clauses.txt as [(section, [Clause])]."""
    sections, wrong = [], []
    for row, line in enumerate((TESTS / "clauses.txt").read_text().splitlines(), 1):
        if line.startswith("#"):
            sections.append((line[1:].strip(), []))
        if line.startswith("#") or not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in (3, 4) or fields[1] not in KINDS:
            wrong.append(f"clauses.txt:{row}: not a clause: {line}")
            continue
        sections[-1][1].append(Clause(*fields[:3], fields[3] if len(fields) == 4 else ""))
    return [section for section in sections if section[1]], wrong


def mentions(text):
    """Clauses in words: AWS-60, 61."""
    for word, numbers in MENTION.findall(text):
        for number in numbers.split(", "):
            if number:
                yield f"{word}-{number}"


def names(name):
    """Clauses in an identifier: aws_60_61_..."""
    for word, numbers in NAMED.findall(name):
        for number in numbers.strip("_").split("_"):
            yield f"{word.upper()}-{number}"


def definition(text, name):
    """The comment before a test of a C file, and its body; a test is a function or a table in a macro."""
    found = re.search(rf"^(?:static void {name}\(void \*\*state\)|[A-Z][A-Z_0-9]*\({name}\b)", text, re.M)
    if found is None:
        return ""
    before = re.search(r"(/\*(?:(?!\*/).)*\*/)\n\Z", text[: found.start()], re.S)
    end = re.search(r"^\}|\)\n(?=\n|/\*)", text[found.end():], re.M)
    body = text[found.start(): found.end() + (end.end() if end else 0)]
    return (before.group(1) if before else "") + " ".join(re.findall(r"/\*.*?\*/|\"[^\"\n]*\"", body, re.S))


def unit_tests():
    for path in sorted(TESTS.glob("unit/test_*.c")):
        text = path.read_text()
        for name in re.findall(r"cmocka_unit_test(?:_[a-z]+)?\((\w+)", text):
            for clause in set(names(name)) | set(mentions(definition(text, name))):
                yield clause, f"{path.stem.removeprefix('test_')}: {name}"


def tables():
    for path in sorted(TESTS.glob("tables/*")):
        for title in re.findall(r"^== (.*)$", path.read_text(), re.M):
            for clause in set(mentions(title)):
                yield clause, f"tables/{path.name}: {re.sub(r'^[^:]*: ', '', title)}"


def scripts():
    for path in sorted(TESTS.glob("e2e/test_*.sh")):
        lines = path.read_text().splitlines()
        opening = []
        for line in lines[1:]:
            if not line.startswith("#"):
                break
            opening.append(line)
        checks = [line for line in lines if re.match(r"\s*check \"", line)]
        for clause in set(mentions("\n".join(opening + checks))):
            yield clause, f"e2e/{path.name}"


def collect(clauses):
    """Give each clause its tests; says which mention a clause that is none."""
    wrong = []
    for clause in clauses.values():
        for given in clause.given:
            if not (ROOT / given).exists():
                wrong.append(f"{clause.number}: {given} is not there")
            clause.tests.append(given.removeprefix("tests/"))
    for source in (unit_tests, tables, scripts):
        for number, test in source():
            known = clauses.get(number) or clauses.get(number.rstrip("abcdefghijklmnopqrstuvwxyz"))
            if known is None:
                wrong.append(f"{test}: there is no clause {number}")
            elif test not in known.tests:
                known.tests.append(test)
    return wrong


def judge(clauses):
    wrong = []
    for clause in clauses.values():
        if clause.kind in NEED_TEST and not clause.tests:
            wrong.append(f"{clause.number} has no test: {clause.title}")
        if clause.kind not in NEED_TEST and not clause.reason:
            wrong.append(f"{clause.number} is {clause.kind}, for no reason")
        if clause.kind == "planned" and clause.tests:
            wrong.append(f"{clause.number} is planned, and has tests: {clause.tests[0]}")
    return wrong


def against_papers(clauses):
    """Every clause of the papers is in the list, none is made up, and what AWS leaves open is ours."""
    papers = sorted(PAPERS.glob("semantics-*.md"))
    if not papers:
        print("the papers are not here: the list is taken as it is")
        return []
    wrong, seen = [], {}
    for paper in papers:
        for line in paper.read_text().splitlines():
            clause = re.match(r"- \*\*((?:AWS|STRICT)-\d+[a-z]?)\*\*(?: `(\w+)`)?", line)
            if clause:
                seen[clause.group(1)] = clause.group(2)
    wrong += [f"{number} of the papers is not in clauses.txt" for number in seen if number not in clauses]
    wrong += [f"{number} is in no paper" for number in clauses if number not in seen]
    for number, mark in seen.items():
        if mark == "unknown" and number in clauses and clauses[number].kind not in ("ours", "planned"):
            wrong.append(f"{number} is unknown by the paper, so the choice is ours: {clauses[number].kind}")
    return wrong


def page(sections):
    clauses = [clause for _, group in sections for clause in group]
    lines = ["# The clauses of the semantics, and their tests", "",
             "Made by `tests/clauses.py --write` of `tests/clauses.txt` and the tests; `meson test clauses` fails when it is out",
             "of date, or a clause has neither a test nor an excuse. `AWS-n` says what AWS's security groups do (`aws-like`),",
             "`STRICT-n` what `strict` does.", ""]
    for kind, words in KINDS.items():
        lines.append(f"- {sum(clause.kind == kind for clause in clauses)} {words}")
    for section, group in sections:
        lines += ["", f"## {section}", "", "| clause | says | tests |", "|---|---|---|"]
        for clause in group:
            if clause.kind in NEED_TEST:
                shown = [f"`{test}`" for test in clause.tests[:SHOWN]]
                more = len(clause.tests) - SHOWN
                told = "; ".join(shown) + (f"; and {more} more" if more > 0 else "")
                told = ("ours: " if clause.kind == "ours" else "") + told
            else:
                told = f"{clause.kind}: {clause.reason}"
            lines.append(f"| {clause.number} | {clause.title} | {told} |")
    return "\n".join(lines) + "\n"


# What a self-test seeds, and what must be said of it.
SEEDS = {
    "tests/clauses.txt": "# Some\nAWS-1 | test | tested\nAWS-2 | test | not tested\nAWS-3 | planned | no reason\n"
                         "AWS-4 | test | given | tests/nothing\nAWS-5 | perhaps | no kind\nAWS-6 | test | by a comment\n",
    "tests/unit/test_seed.c": "/* AWS-2 is no test's comment */\nstatic int x;\n\n/* AWS-6 */\nstatic void other(void **state)\n{\n}\n"
                              "static void aws_1_one(void **state)\n{\n}\nstatic void aws_9_none(void **state)\n{\n}\n"
                              "cmocka_unit_test(aws_1_one),\ncmocka_unit_test(aws_9_none),\ncmocka_unit_test(other),\n",
}
SAID = ["AWS-2 has no test: not tested", "AWS-3 is planned, for no reason", "AWS-4: tests/nothing is not there",
        "clauses.txt:6: not a clause: AWS-5 | perhaps | no kind", "seed: aws_9_none: there is no clause AWS-9",
        "CLAUSES.md is out of date: run tests/clauses.py --write"]


def self_test():
    with tempfile.TemporaryDirectory() as scratch:
        for path, text in SEEDS.items():
            file = Path(scratch, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        program = Path(scratch, "tests/clauses.py")
        program.write_text(Path(__file__).read_text())
        run = subprocess.run([sys.executable, program], capture_output=True, text=True)
    said = [line for line in run.stdout.splitlines() if not line.startswith("the papers")]
    if run.returncode == 1 and sorted(said) == sorted(SAID):
        print("each seeded fault is found, and no other")
        return 0
    print(f"exit {run.returncode}, said:\n{run.stdout}{run.stderr}")
    return 1


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    sections, wrong = read_list()
    clauses = {}
    for _, group in sections:
        for clause in group:
            if clause.number in clauses:
                wrong.append(f"{clause.number} is in clauses.txt twice")
            clauses[clause.number] = clause
    wrong += collect(clauses) + judge(clauses) + against_papers(clauses)
    text, target = page(sections), TESTS / "CLAUSES.md"
    if sys.argv[1:] == ["--write"]:
        target.write_text(text)
    elif not target.exists() or target.read_text() != text:
        wrong.append("CLAUSES.md is out of date: run tests/clauses.py --write")
    print("\n".join(wrong) if wrong else f"{len(clauses)} clauses, none left out")
    return bool(wrong)


sys.exit(main())
