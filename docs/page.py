#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Fill in what a manual page tells of the programs themselves. usage: page.py PAGE SOURCE

In PAGE, "@verbs@" becomes the verbs that SOURCE, the built sekisho, knows, and "@options@" their options; "@methods@" the
methods that SOURCE, the daemon's rpc.c, has in its table.
"""
import re
import subprocess
import sys


def escape(text):
    return re.sub(r"([\\_*<>#])", r"\\\1", text)


def helps(program):
    """The help of each verb, in the parts that empty lines make: what it is, and its options."""
    text = subprocess.run([program, "--help"], check=True, capture_output=True, text=True).stdout
    for name in re.findall(r"^  ([a-z]+)\b", text, re.M):
        said = subprocess.run([program, name, "--help"], check=True, capture_output=True, text=True).stdout
        yield said.split("\n\n")


def verbs(program):
    """Each verb with its synopsis and what it does, as `sekisho VERB --help` says."""
    for said, _ in helps(program):
        usage, does = said.split("\n", 1)
        synopsis = usage.removeprefix("usage: sekisho ").strip()
        yield f"*{escape(synopsis)}*\n\t{escape(' '.join(does.split()))}.\n"


def options(program):
    """Each option of any verb once, with its value and what it means."""
    found = {}
    for _, text in helps(program):
        for names, value, does in re.findall(r"^  ((?:-\w, )?--[a-z-]+)(\S* ?\S*) *\n? {4,}(.*)", text, re.M):
            found[names + value] = f"*{escape(names)}*{escape(value)}\n\t{escape(does)}.\n"
    return list(found.values())


def methods(source):
    """Each method with the role that may call it and its sentence."""
    with open(source) as file:
        table = re.search(r"methods\[\] = \{(.*?)\n\};", file.read(), re.S)[1]
    for name, role, text in re.findall(r'\{"([a-z.]+)", CONTROL_(\w+), \w+,\s*((?:"[^"]*"\s*)+)\}', table):
        sentence = "".join(re.findall(r'"([^"]*)"', text))
        socket = " (not on the read-only socket)" if role == "ADMIN" else ""
        yield f"*{escape(name)}*{socket}\n\t{escape(sentence)}\n"


def main():
    page, source = sys.argv[1:]
    with open(page) as file:
        text = file.read()
    for word, rows in (("@verbs@", verbs), ("@options@", options), ("@methods@", methods)):
        if word in text:
            found = list(rows(source))
            if not found:
                sys.exit(f"{source}: nothing found for {word}")
            text = text.replace(word, "\n".join(found))
    print(text, end="")


main()
