#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What the manual pages show is what happens. usage: pages.py BUILD [--write]

In a literal block of a page, a line that begins with "$ " is a command, and what follows it up to the next is what it
prints. Commands are run in a folder with the files that are installed as examples, stderr together with stdout. A
block that begins with "# NAME.yaml" is a file, which must be valid, and is there for the commands after it.
Besides, each key of the files must be in sekisho.yaml(5), each option of the daemon in sekishod(8), each error of the
control socket in sekisho-rpc(7). Verbs, methods and reasons come into the pages from the programs themselves.

Of README.md and the other Markdown: what they name and link to is there, and the verbs that need no daemon print what is
shown of them, where a line "..." stands for any lines.

--write puts into the pages what the commands print now.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
EXAMPLES = [*(ROOT / "config/examples").glob("*.yaml"), *(ROOT / "tests/captures").glob("*.pcap")]
BLOCK = re.compile(r"^```\n(.*?)^```\n", re.M | re.S)
INDENTED = re.compile(r"(?:^    .*\n(?:\n+(?=    ))?)+", re.M)

failed = 0


def fail(text):
    global failed
    failed += 1
    print("FAIL: " + text)


class Folder:
    """Where the commands of a page are run."""

    def __init__(self, build):
        self.scratch = tempfile.TemporaryDirectory()
        self.path = Path(self.scratch.name)
        for file in EXAMPLES:
            (self.path / file.name).write_bytes(file.read_bytes())
        programs = f"{build}/app/sekisho:{build}/app/sekishod"
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "LC_ALL": "C"}

    def run(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.path, env=self.environment, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout


def commands(block):
    """[(command, what it prints)]"""
    parts = re.split(r"^\$ (.*)\n", block, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


def file_check(folder, page, block):
    """A file that is shown must be valid."""
    name = re.match(r"# ([a-z.]+\.yaml)\n", block)[1]
    (folder.path / name).write_text(block)
    verb = "sekishod -c {} --check" if "\nedges:" in block else "sekisho check --socket none {}"
    if "policy:" in block and not (folder.path / "policy.yaml").exists():
        (folder.path / "policy.yaml").write_bytes((folder.path / "strict.yaml").read_bytes())
    said = folder.run(verb.format(name) + " || echo refused")
    if said.endswith("refused\n"):
        fail(f"{page}: {name} is not valid\n{said}")


def block_now(folder, page, block):
    """The block with what its commands print now."""
    if re.match(r"# [a-z.]+\.yaml\n", block):
        file_check(folder, page, block)
        return block
    found = commands(block)
    if not found:
        fail(f"{page}: a block that is neither a file nor commands:\n{block}")
    text = ""
    for command, shown in found:
        said = folder.run(command)
        if said != shown:
            fail(f"{page}: $ {command}\nthe page shows\n{shown}it prints\n{said}")
        text += f"$ {command}\n{said}"
    return text


def examples_check(build, write):
    global failed
    ran = 0
    for page in sorted([*DOCS.glob("*.scd"), *DOCS.glob("*.scd.in")]):
        folder, text = Folder(build), page.read_text()
        ran += sum(len(commands(block)) for block in BLOCK.findall(text))
        now = BLOCK.sub(lambda match: f"```\n{block_now(folder, page.name, match[1])}```\n", text)
        if write and now != text:
            page.write_text(now)
            failed = 0
    return ran


def told(page, words, what):
    """Each word stands in bold in a page."""
    text = (DOCS / page).read_text().replace("\\", "")
    for word in words:
        if f"*{word}*" not in text:
            fail(f"{page}: nothing on {what} {word}")
    if not words:
        fail(f"{page}: no {what} was found to look for")


def keys():
    """The keys that the schema of the two files has."""
    schema = (ROOT / "config/schema.c").read_text()
    public = (ROOT / "lib/policy_spec.h").read_text()
    found = set(re.findall(r'(?:CYAML_FIELD_\w+\(|\.key = )"(\w+)"', schema))
    found |= set(re.findall(r"^\s(?:OPT_)?(?:TEXT|LIST)\(schema_\w+, (\w+)", schema, re.M))
    found |= set(re.findall(r"MATCH_(?:TEXT|LIST)\((\w+)[,)]", schema)) - {"m"}
    for table in ("SEKISHO_TIMEOUTS", "SEKISHO_GRAMMARS"):
        rows = re.search(rf"#define {table}\(X\) \\\n(.*?\n)/\*", public, re.S)[1]
        found |= set(re.findall(r'X\(\w+,\s*"(\w+)"', rows))
    return sorted(found)


def files_named(page, text):
    """Each file that a page names is there."""
    for name in re.findall(r"`((?:app|bench|config|docs|docker|lib|packaging|tests)/[^` ]*|README\.md)`", text):
        if "NAME" not in name and "foo" not in name and not (ROOT / name).exists():
            fail(f"{page.name}: there is no {name}")


def links(page, text):
    """Each link leads to a file, and to a heading of it."""
    for target in re.findall(r"\]\(([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.is_file():
            fail(f"{page.name}: there is no {target}")
            continue
        headings = re.findall(r"^#+ (.*)$", file.read_text(), re.M)
        if anchor and anchor not in [re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in headings]:
            fail(f"{page.name}: there is no {target}")


def excerpt_of(shown, said):
    """Whether the lines `shown` are those of `said`, in this order, with "..." for any number of lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r" *\n" for line in shown.splitlines())
    return re.fullmatch(pattern, said) is not None


def excerpts(page, text, folder):
    """What the page shows of verbs without a daemon; all but the search, which has a test and takes long."""
    blocks = BLOCK.findall(text)
    blocks += [re.sub(r"^    ", "", block, flags=re.M) for block in INDENTED.findall(BLOCK.sub("", text))]
    ran = 0
    for block in blocks:
        for command, shown in commands(block):
            if not re.match(r"sekisho (compare|scenario|check|replay|explain --policy)\b", command):
                continue
            if command.endswith("--witness"):
                continue
            said = folder.run(command)
            ran += 1
            if not excerpt_of(shown, said):
                fail(f"{page.name}: $ {command}\nthe page shows\n{shown}it prints\n{said}")
    return ran


def markdown_check(build):
    folder, ran = Folder(build), 0
    for name in ("config", "tests"):
        (folder.path / name).symlink_to(ROOT / name)
    for page in sorted([ROOT / "README.md", *DOCS.glob("*.md")]):
        text = page.read_text()
        files_named(page, text)
        links(page, text)
        ran += excerpts(page, text, folder)
    return ran


def options(program, usage):
    text = subprocess.run([program, *usage], capture_output=True, text=True).stdout
    return sorted(set(re.findall(r"--[a-z][a-z-]+", text)))


def main():
    build, write = sys.argv[1], "--write" in sys.argv
    build = os.path.realpath(build)
    ran = examples_check(build, write) + markdown_check(build)
    told("sekisho.yaml.5.scd", keys(), "the key")
    told("sekishod.8.scd", options(f"{build}/app/sekishod/sekishod", ["-h"]), "the option")
    codes = re.findall(r"#define RPC_\w+\s+\((-32\d+)\)", (ROOT / "app/sekishod/control.h").read_text())
    told("sekisho-rpc.7.scd.in", [code for code in codes if -32100 < int(code) <= -32000], "the error")
    if failed:
        sys.exit(f"{failed} of what the pages say is wrong; pages.py BUILD --write mends examples")
    print(f"pass: {ran} commands of the pages print what the pages show")


main()
