#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# test_report.sh --build DIR: `sekisho compare` in full: what a line tells, --expect, and the page of
# --report: sound HTML that needs nothing from outside and whose story is that of the capture; names
# that are markup; no difference; very many. Where there is Chromium, the page is drawn in it: at 1280
# and 400 px wide nothing sticks out, the filter works and the console stays silent. Needs jq, python3.
set -u

[ "${1:-}" = --build ] && [ -n "${2:-}" ] || { echo "usage: test_report.sh --build DIR" >&2; exit 2; }
here=$(cd "$(dirname "$0")/../.." && pwd)
sekisho=$(realpath "$2")/app/sekisho/sekisho
capture=$here/tests/captures/ikev2-both.pcap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/e2e/checks.sh
source "$here/tests/e2e/checks.sh"
cp "$here/config/examples/aws-like.yaml" "$here/config/examples/strict.yaml" "$work"
cd "$work" || exit 1

compare() { # ARGUMENT...
	"$sekisho" compare --a aws-like.yaml --b strict.yaml "$@"
}

# ---- lines ----
compare -o json "$capture" >known.json
check "a line tells where the rule is and when the flow was opened" equal \
	"$(head -1 known.json | jq -c '[.flow_number, .first_of_flow, .a.file, .a.line, .a.opened_by,
		.a.opened_before, .a.opened_direction, .b.file]')" \
	'[1,true,"aws-like.yaml",10,1,0.032138,"egress",null]'
check "and which clauses each side follows, and that of the drop" equal \
	"$(head -1 known.json | jq -c '[.clause, .a.clause, .b.clause]')" '["STRICT-33","AWS-1","STRICT-33"]'
check "what a line was it still is" equal \
	"$(head -1 known.json | jq -c '[.packet, .direction, .flow, .a.verdict, .a.reason, .a.admitted_by,
		.a.rule, .b.verdict, .b.reason, .b.admitted_by]')" \
	'[2,"ingress","udp 198.51.100.1:500 > 198.51.100.2:500","pass","flow-answer","flow","vpn/all-out","drop","no-proof-ike",null]'
compare "$capture" >table.txt
check "each flow's first difference is told" equal "$(grep -c '^  b (strict) drops it' table.txt)" 3
compare --limit 1 "$capture" >table.txt
check "as many flows as asked for" grep -q '^(1 more; --limit N shows more)$' table.txt

# ---- a pair of captures: each side recorded what came to it, and what it was sent on ----
compare -o json "$capture" >/dev/null
"$sekisho" replay -o json --policy aws-like.yaml "$capture" >verdicts.json
python3 - "$capture" <<'PYTHON'
import json, struct, sys
data = open(sys.argv[1], "rb").read()
verdicts = [o for o in map(json.loads, open("verdicts.json")) if "packet" in o]
sides, at = {"ingress": [], "egress": []}, 24
for verdict in verdicts:
    seconds, us, captured, length = struct.unpack("<IIII", data[at:at + 16])
    body = data[at + 16:at + 16 + captured]
    at += 16 + captured
    mine = verdict["direction"]
    other = "egress" if mine == "ingress" else "ingress"
    sides[mine].append((seconds * 1000000 + us, body, length))
    if verdict["verdict"] == "pass":  # another MAC, and padded: the same packet all the same
        sides[other].append((seconds * 1000000 + us + 40, b"\x0a" * 12 + body[12:] + bytes(4), length + 4))
for name, packets in (("outside.pcap", sides["ingress"]), ("inside.pcap", sides["egress"])):
    with open(name, "wb") as file:
        file.write(data[:24])
        for time, body, length in sorted(packets, key=lambda packet: packet[0]):
            file.write(struct.pack("<IIII", time // 1000000, time % 1000000, len(body), length) + body)
PYTHON
compare -o json inside.pcap outside.pcap >pair.json
check "a pair of captures has the same differences" equal "$(jq -c 'del(.summary)' pair.json)" "$(jq -c 'del(.summary)' known.json)"
check "and tells how many packets were in both" equal "$(tail -1 pair.json)" \
	"{\"summary\":{\"packets\":14,\"differ\":2,\"flows_differ\":2,\"in_both\":$(grep -c '"verdict":"pass"' verdicts.json)}}"
check "the order of the two says which is which: turned, no packet comes from an endpoint" equal \
	"$(compare -o json outside.pcap inside.pcap | jq .summary.differ)" 0
check "no third capture" exits 2 compare inside.pcap outside.pcap "$capture"

# ---- what is expected ----
check "exactly as expected" exits 0 compare --expect known.json "$capture"
sed 1d known.json >fewer.json
check "one more than expected" exits 1 compare --expect fewer.json "$capture"
check "and it is told" grep -q '^new      packet 2, ingress, udp 198.51.100.1:500 > 198.51.100.2:500: a pass' "$work/last.out"
sed '1s/"packet":2/"packet":1/' known.json >moved.json
check "one new, one missing" exits 1 compare -o json --expect moved.json "$capture"
check "both are told" equal "$(jq -c 'if .new then ["new", .new.packet] elif .missing then
	["missing", .missing[0:9]] else [.summary.new, .summary.missing] end' "$work/last.out" | tr -d '\n')" \
	'["missing","packet 1,"]["new",2][1,1]'
sed 's/no-proof-ike/no-rule/' known.json >reasons.json
check "another reason is another difference" exits 1 compare --expect reasons.json "$capture"
check "nothing is as expected of nothing" exits 0 "$sekisho" compare --a aws-like.yaml --b aws-like.yaml \
	--expect /dev/null "$capture"
check "the end of the list is missing" exits 1 "$sekisho" compare --a aws-like.yaml --b aws-like.yaml \
	--expect known.json "$capture"
echo '{"packet":"two"}' >bad.json
check "a list that is none" exits 2 compare --expect bad.json "$capture"
check "is named with its line" grep -q '^sekisho: bad.json:1: ' "$work/last.err"
echo 'x' >bad.json
check "nor is this" exits 2 compare --expect bad.json "$capture"
check "a list that is not there" exits 2 compare --expect absent.json "$capture"

# ---- pages ----
cat >page.py <<'PYTHON'
"""page.py PAGE [TEXT...]: a sound page that needs nothing else, and in whose text each TEXT stands."""
import base64, hashlib, html.parser, re, sys

VOID = {"meta", "link", "br", "input", "img", "hr"}
KNOWN = VOID | set("html head title style body svg defs pattern rect path main h1 h2 h3 p span strong code bdi div ul li "
                   "table caption thead tbody tr th td dl dt dd label script".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.text, self.scripts, self.policy = [], [], [], ""

    def handle_starttag(self, tag, attributes):
        assert tag in KNOWN, f"element {tag}"
        for name, value in attributes:
            assert not name.startswith("on"), f"handler {name}"
            assert name not in ("src", "href", "action", "data"), f"reference {value}"
            assert "url(" not in (value or "").replace("url(#", ""), value
            if value and "script-src" in value:
                self.policy = value
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in ("rect", "path"), tag

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif not self.open or self.open[-1] != "style":
            self.text.append(data)


page = Page()
source = open(sys.argv[1], encoding="utf-8").read()
page.feed(source)
page.close()
assert not page.open, page.open
assert "://" not in source, "an address"
assert len(page.scripts) == 1
digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
assert f"'sha256-{digest}'" in page.policy and "default-src 'none'" in page.policy, f"the script is {digest}"
text = re.sub(r"\s+", " ", "".join(page.text).replace("\u202f", " "))
for wanted in sys.argv[2:]:
    assert wanted in text, f"no {wanted!r}"
assert len(source) < 2 << 20, len(source)
PYTHON
check "a page is written, and the answer stays" exits 1 compare --report founding.html "$capture"
check "the founding case is told in words" python3 page.py founding.html \
	"2 packets of 14 are judged differently" "Policy a passes 2 packets that b drops. They belong to 2 flows." \
	"Packet 2, 0.032138 s into the capture, coming in: udp 198.51.100.1:500 > 198.51.100.2:500" \
	"No inbound rule admits such a packet. It passes only because of packet 1, which went out 0.032138 s before" \
	"Both ports are 500, at either end." "under rule vpn/all-out (aws-like.yaml:10)" \
	"Why b drops it. no-proof-ike: IKE that answers nothing" "1 other flow differs later, from packet 9 on"
cp founding.html before.html
compare --report founding.html "$capture" >/dev/null
check "the same files give the same page" cmp before.html founding.html
check "no difference" exits 0 "$sekisho" compare --a strict.yaml --b strict.yaml --report alike.html "$capture"
check "is a story as well" python3 page.py alike.html "The two policies judge every packet alike" \
	"Both pass 11 and drop 3, the same ones."
check "a page that cannot be written" exits 4 compare --report /nowhere/page.html "$capture"

# Names from a stranger: of files and of rules. In a file name the line is broken, too.
hostile=$'<img src=x onerror=alert(1)>\xff\xe2\x80\xae"\'&\n'
mkdir -p "$work/$hostile"
sed 's/id: all-out/id: "<script>alert(1)<\/script>"/' aws-like.yaml >"$work/$hostile/a.yaml"
cp "$capture" "$work/$hostile/c.pcap"
"$sekisho" compare --a "$hostile/a.yaml" --b strict.yaml --report hostile.html "$hostile/c.pcap" >/dev/null 2>err
if [ -s hostile.html ]; then
	check "names are text" python3 page.py hostile.html '<img src=x onerror=alert(1)>' '[U+202E]"'\''&'
else # a rule may not be called so
	sed -i 's/<script>.*<.script>/all-out/' "$work/$hostile/a.yaml"
	"$sekisho" compare --a "$hostile/a.yaml" --b strict.yaml --report hostile.html "$hostile/c.pcap" >/dev/null
	check "names are text" python3 page.py hostile.html '<img src=x onerror=alert(1)>' '[U+202E]"'\''&'
fi

# Very many flows that differ: the page stays a page, and says what is not on it.
python3 - <<'PYTHON'
import struct

def header(source, destination):
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, 1, 0, 64, 17, 0, source, destination)
    total = sum(struct.unpack("!10H", ip))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return b"\2" * 12 + b"\x08\0" + ip[:10] + struct.pack("!H", ~total & 0xffff) + ip[12:]

ours = bytes([198, 51, 100, 2])
with open("many.pcap", "wb") as file:
    file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    at = 0
    for peer in range(2):
        theirs = bytes([203, 0, 113, peer])
        for port in range(9000, 59000):
            udp = struct.pack("!HHHH", port, port, 16, 0) + bytes(8)
            for frame in (header(ours, theirs) + udp, header(theirs, ours) + udp):
                file.write(struct.pack("<IIII", at // 1000000, at % 1000000, len(frame), len(frame)) + frame)
                at += 20
PYTHON
check "a hundred thousand flows differ" exits 1 compare --report many.html many.pcap
check "the page is bounded, and says so" python3 page.py many.html "100 000 packets of 200 000 are judged differently" \
	"100000 flows; the first 1000 are in the table, 99000 are left out" "The first 12 flows of 100000 are drawn."

# ---- drawn ----
cat >harness.py <<'PYTHON'
"""harness.py PAGE...: a page that opens each PAGE at two widths, and writes what it finds into its title."""
import json, sys
print("""<!DOCTYPE html><meta charset="utf-8"><title>wait</title><body><script>
const pages = %s, said = [];
async function look(page, width) {
	const frame = document.createElement("iframe");
	frame.style = `width:${width}px;height:900px;border:0`;
	const loaded = new Promise(done => frame.onload = done);
	frame.src = page;
	document.body.append(frame);
	await loaded;
	const inside = frame.contentDocument, name = `${page} at ${width}: `;
	const root = inside.documentElement;
	if (root.scrollWidth > width)
		said.push(name + `${root.scrollWidth} px wide`);
	for (const element of inside.body.querySelectorAll("main *"))
		if (element.getBoundingClientRect().right > width + 1 && !element.closest("thead") && !element.closest("svg"))
			said.push(name + element.outerHTML.slice(0, 80) + " sticks out");
	if (inside.querySelector("img,script[src]"))
		said.push(name + "a foreign element");
	const input = inside.querySelector("#filter input");
	if (input) {
		const rows = () => [...inside.querySelectorAll("#flows tbody tr")].filter(row => row.getClientRects().length).length;
		const all = rows();
		input.value = "no-such-word";
		input.dispatchEvent(new frame.contentWindow.Event("input", {bubbles: true}));
		if (rows() !== 0 || all === 0)
			said.push(name + `the filter shows ${rows()} of ${all}`);
	}
	frame.remove();
}
addEventListener("load", async () => {
	for (const page of pages)
		for (const width of [1280, 400])
			await look(page, width).catch(error => said.push(page + ": " + error));
	document.body.textContent = "FOUND[" + (said.join("; ") || "nothing") + "]";
});
</script>""" % json.dumps(sys.argv[1:]))
PYTHON
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$browser" ]; then
	python3 harness.py founding.html alike.html hostile.html many.html >harness.html
	timeout 120 "$browser" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/profile" \
		--allow-file-access-from-files --enable-logging=stderr --virtual-time-budget=60000 --window-size=1400,1000 \
		--dump-dom "file://$work/harness.html" >dom.txt 2>console.txt
	check "nothing sticks out, and the filter works" equal "$(grep -o 'FOUND\[.*\]' dom.txt)" "FOUND[nothing]"
	check "the console is silent" equal "$(grep -c 'CONSOLE' console.txt)" 0
else
	echo "no Chromium here: the pages were not drawn"
fi

checks_end
