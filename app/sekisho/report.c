/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * report.c: the page around a report's parts: style, policy of content, script.
 *
 * The content policy lets nothing in but this page's own style, and the one script by its hash. So
 * even a name that slipped through the escaping could run nothing and fetch nothing.
 * Colours come in pairs with a shape or a word: up or down, full or striped, "only a" or "only b".
 */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "html.h"

/* The hash is of the script, byte for byte: tests/e2e/test_report.sh checks it. */
#define SCRIPT_HASH "ewWjU/Kq2AQWRz7q2C8/hPWd5ZhMB3PinklgOEoBW/U="

static const char script[] = "(function(){"
			     "var t=document.getElementById('flows');if(!t)return;"
			     "var rows=Array.prototype.slice.call(t.tBodies[0].rows);"
			     "var box=document.getElementById('filter');"
			     "var said=document.getElementById('said');"
			     "box.hidden=false;"
			     "box.addEventListener('input',function(e){"
			     "var words=e.target.value.toLowerCase().split(/\\s+/),n=0;"
			     "rows.forEach(function(r){"
			     "var text=r.textContent.toLowerCase();"
			     "var show=words.every(function(w){return text.indexOf(w)>=0});"
			     "r.hidden=!show;n+=show?1:0});"
			     "said.textContent=n+' of '+rows.length+' shown'})})()";

static const char style[] =
	":root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--quiet:#57606a;--line:#d0d7de;"
	"--soft:#f3f5f7;--a:#0b57b0;--b:#a33c00;--rest:#8c959f}"
	"@media(prefers-color-scheme:dark){:root{--back:#12161b;--text:#e6eaef;--quiet:#9aa4af;"
	"--line:#39424c;--soft:#1c2229;--a:#79b0ff;--b:#ffa36b;--rest:#6b7580}}"
	"*{box-sizing:border-box}"
	"body{margin:0;background:var(--back);color:var(--text);"
	"font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}"
	"main{max-width:70rem;margin:0 auto;padding:1.5rem 1rem 4rem}"
	"h1{font-size:1.7rem;line-height:1.25;margin:.5rem 0 1rem}"
	"h2{font-size:1.25rem;margin:2.6rem 0 .6rem;padding-top:.8rem;border-top:1px solid "
	"var(--line)}"
	"h3{font-size:1rem;margin:1.4rem 0 .3rem}"
	"p{margin:.5rem 0;max-width:46rem}"
	"code,bdi{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.9em;"
	"overflow-wrap:anywhere;unicode-bidi:isolate}"
	".lead{font-size:1.12rem}.quiet{color:var(--quiet);font-size:.9rem}"
	".a{color:var(--a);font-weight:600}.b{color:var(--b);font-weight:600}"
	".why{background:var(--soft);border-left:4px solid var(--rest);padding:.6rem .9rem;"
	"margin:.8rem 0;max-width:50rem}"
	".why.side-a{border-color:var(--a)}.why.side-b{border-color:var(--b);border-left-style:"
	"double}"
	"table{border-collapse:collapse;width:100%;font-size:.92rem}"
	"caption{text-align:left;color:var(--quiet);padding:.2rem 0 .5rem}"
	"th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;"
	"border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
	"th{font-weight:600;overflow-wrap:normal}"
	"td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
	"td.bar{width:30%;min-width:5rem}td.bar svg{display:block;width:100%;height:1rem}"
	"svg.strip{display:block;width:100%;height:3.6rem;background:var(--soft)}"
	"svg.lane{display:block;width:100%;height:2rem;background:var(--soft)}"
	".axis{display:flex;justify-content:space-between;color:var(--quiet);font-size:.85rem;"
	"gap:1rem}"
	".fa{fill:var(--a)}.fb{fill:url(#stripes)}.fr{fill:var(--rest)}"
	".sa{stroke:var(--a)}.sb{stroke:var(--b)}.so{stroke:var(--text)}.sl{stroke:var(--line)}"
	"ul.key{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2rem 1.4rem;"
	"font-size:.9rem;margin:.4rem 0}"
	"ul.key svg{width:1.1rem;height:1.1rem;vertical-align:-.2rem;margin-right:.35rem}"
	"label{display:block;margin:.6rem 0}"
	"input{font:inherit;color:inherit;background:var(--back);border:1px solid var(--quiet);"
	"border-radius:4px;padding:.35rem .5rem;width:100%;max-width:28rem;display:block}"
	"dt{margin-top:.7rem}dd{margin:0 0 0 1.2rem}"
	"@media(max-width:640px){"
	"table.flows thead{position:absolute;width:1px;height:1px;overflow:hidden;"
	"clip-path:inset(50%)}"
	"table.flows tr{display:block;border-bottom:2px solid var(--line);padding:.5rem 0}"
	"table.flows tr[hidden]{display:none}"
	"table.flows td,table.flows th[scope=row]{display:block;border:0;padding:.12rem 0;"
	"text-align:left;white-space:normal}"
	"table.flows td::before{content:attr(data-label) ': ';color:var(--quiet)}"
	"table.charts thead{position:absolute;width:1px;height:1px;overflow:hidden;"
	"clip-path:inset(50%)}"
	"table.charts tr{display:block;border-bottom:1px solid var(--line);padding:.4rem 0}"
	"table.charts td,table.charts th[scope=row]{display:block;border:0;padding:.12rem 0;"
	"text-align:left;width:100%}"
	"table.charts td[data-label]::before{content:attr(data-label) ': ';color:var(--quiet)}}"
	"@media print{#filter{display:none}}";

void report_bar(FILE *to, const char *bar_style, uint64_t part, uint64_t whole)
{
	double width = whole ? 100.0 * (double)part / (double)whole : 0;

	fprintf(to,
		"<svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"%s\" width=\"%.3f\" height=\"10\"/></svg>",
		bar_style, width < 0.5 && part ? 0.5 : width);
}

void report_behind(FILE *to, const struct comparison *comparison, const struct trace_row *row,
		   unsigned j)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);

	if (memory) {
		comparison_behind(memory, comparison, row, j);
		fclose(memory);
	}
	html_text(to, text ? text : "");
	free(text);
}

static void head(const struct report *report, FILE *to)
{
	const struct comparison *comparison = report->comparison;

	fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
	      "style-src 'unsafe-inline'; script-src 'sha256-" SCRIPT_HASH "'\">\n<title>",
	      to);
	html_textf(to, "%s and %s compared", comparison->policies[0], comparison->policies[1]);
	fputs("</title>\n<style>", to);
	fputs(style, to);
	fputs("</style>\n</head>\n<body>\n"
	      /* what the stripes of all pictures are made of */
	      "<svg width=\"0\" height=\"0\" style=\"position:absolute\" "
	      "aria-hidden=\"true\"><defs>"
	      "<pattern id=\"stripes\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\" "
	      "patternTransform=\"rotate(45)\"><rect width=\"4\" height=\"4\" "
	      "fill=\"var(--back)\"/>"
	      "<rect width=\"2.5\" height=\"4\" fill=\"var(--b)\"/></pattern></defs></svg>\n"
	      "<main>\n",
	      to);
}

static void foot(const struct report *report, FILE *to)
{
	fputs("<h2>What was compared</h2>\n<dl>\n", to);
	for (unsigned j = 0; j < 2; j++) {
		fprintf(to, "<dt>policy <span class=\"%c\">%c</span></dt><dd><bdi>", "ab"[j],
			"ab"[j]);
		html_text(to, report->comparison->policies[j]);
		fprintf(to, "</bdi>, semantics %s</dd>\n",
			comparison_semantics(report->comparison, j));
	}
	for (int i = 0; i < report->capture_count; i++) {
		fprintf(to, "<dt>capture%s</dt><dd><bdi>",
			report->capture_count == 1 ? ""
			: i == 0                   ? " of the inside"
						   : " of the outside");
		html_text(to, report->captures[i]);
		fputs("</bdi></dd>\n", to);
	}
	fputs("</dl>\n<p class=\"quiet\">Made by <code>sekisho compare --report</code>, "
	      "version " SEKISHO_VERSION
	      ". The same files give the same page.</p>\n</main>\n<script>",
	      to);
	fputs(script, to);
	fputs("</script>\n</body>\n</html>\n", to);
}

bool report_write(const struct report *report, FILE *to)
{
	bool good = true;

	head(report, to);
	report_story(report, to);
	if (comparison_differ(report->comparison)) {
		good = report_picture(report, to) && report_reasons(report, to) &&
		       report_rules(report, to);
		report_flows(report, to);
		report_glossary(report, to);
	}
	foot(report, to);
	if (!good)
		errno = ENOMEM;
	return good && fflush(to) == 0 && !ferror(to);
}
