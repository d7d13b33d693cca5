/* SPDX-License-Identifier: BSD-3-Clause */
/* remarks.c: what an import or export has to say, on stderr, because stdout is for what it makes. */
#include "cli.h"
#include "render.h"

static void print_json(const struct remark *remark)
{
	static const char *const kinds[REMARK_KIND_COUNT] = {
		[REMARK_ERROR] = "error",
		[REMARK_LEFT_OUT] = "not-carried-over",
		[REMARK_NOTE] = "note",
	};

	fprintf(stderr, "{\"kind\":\"%s\",\"file\":", kinds[remark->kind]);
	render_string_json(stderr, remark->file);
	fputs(",\"path\":", stderr);
	render_string_json(stderr, remark->path);
	fputs(",\"text\":", stderr);
	render_string_json(stderr, remark->text);
	fputs("}\n", stderr);
}

void cli_tell(const struct cli *cli, const struct remarks *remarks)
{
	const size_t *count = remarks->of_kind;
	size_t all = count[REMARK_ERROR] + count[REMARK_LEFT_OUT] + count[REMARK_NOTE];

	for (size_t i = 0; i < remarks->count; i++) {
		if (cli->output == CLI_JSON)
			print_json(&remarks->items[i]);
		else
			remark_print(stderr, &remarks->items[i]);
	}
	if (cli->output == CLI_TABLE && all > remarks->count)
		fprintf(stderr, "%zu more are not shown\n", all - remarks->count);
	if (cli->output == CLI_JSON)
		fprintf(stderr,
			"{\"summary\":{\"errors\":%zu,\"not_carried_over\":%zu,\"notes\":%zu}}\n",
			count[REMARK_ERROR], count[REMARK_LEFT_OUT], count[REMARK_NOTE]);
	else if (count[REMARK_ERROR] > 0)
		fprintf(stderr, "%zu error%s: nothing is made\n", count[REMARK_ERROR],
			count[REMARK_ERROR] == 1 ? "" : "s");
	else if (all > 0)
		fprintf(stderr, "%zu not carried over, %zu note%s\n", count[REMARK_LEFT_OUT],
			count[REMARK_NOTE], count[REMARK_NOTE] == 1 ? "" : "s");
}
