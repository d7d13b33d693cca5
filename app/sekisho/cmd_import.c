/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_import.c: `sekisho import aws`: AWS's own JSON in, a policy file out.
 *
 * The policy goes to stdout or to a file, all that is to be said of it to stderr; nothing is written
 * unless the policy is whole. Inputs may be pipes, so that `<(aws ec2 ...)` serves.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <import_aws.h>

#include "cli.h"

/* Read all of a file, a pipe, or stdin for "-". NULL after a message. */
static char *input_read(const char *name, size_t *length)
{
	FILE *from = strcmp(name, "-") == 0 ? stdin : fopen(name, "rbe");
	size_t room = 64u << 10, got = 0;
	char *text = malloc(room);
	const char *why = NULL;

	while (from && text && !feof(from) && !ferror(from) && got <= IMPORT_FILE_MAX) {
		char *grown = got == room ? realloc(text, room * 2) : text;

		if (!grown)
			break;
		room = got == room ? room * 2 : room;
		text = grown;
		got += fread(text + got, 1, room - got, from);
	}
	if (!from || ferror(from))
		why = strerror(errno);
	else if (got > IMPORT_FILE_MAX)
		why = "is over 32 MiB, which is all that is read";
	else if (!text || !feof(from))
		why = "not enough memory";
	if (from && from != stdin)
		fclose(from);
	if (why) {
		fprintf(stderr, "sekisho: %s: %s\n", name, why);
		free(text);
		return NULL;
	}
	*length = got;
	return text;
}

/* Import one file; returns 0, or -1 after a message. */
static int input_add(struct import *import, const char *name, const char *prefix_list)
{
	struct import_source source = {.name = name, .prefix_list = prefix_list};
	char *text = input_read(name, &source.length);

	if (!text)
		return -1;
	source.text = text;
	import_aws_add(import, &source);
	free(text);
	return 0;
}

/* Files that are named, then those of --prefix-list ID=FILE. */
static int inputs_add(struct import *import, const struct cli *cli)
{
	for (int i = 1; i < cli->operand_count; i++) {
		if (input_add(import, cli->operands[i], NULL))
			return -1;
	}
	for (int i = 0; i < cli->prefix_list_count; i++) {
		char *id = cli->prefix_lists[i], *equals = strchr(id, '=');

		if (!equals || equals == id || !equals[1]) {
			fprintf(stderr, "sekisho: --prefix-list is \"%s\", must be ID=FILE\n", id);
			return -1;
		}
		*equals = '\0';
		if (input_add(import, equals + 1, id))
			return -1;
	}
	return 0;
}

enum cli_exit cmd_import(const struct cli *cli)
{
	struct import *import;
	enum cli_exit code = CLI_USAGE;
	const char *policy = NULL;
	size_t length;

	if (strcmp(cli->operands[0], "aws") != 0) {
		fprintf(stderr, "sekisho: import knows aws, not \"%s\"\n", cli->operands[0]);
		return CLI_USAGE;
	}
	if (cli->operand_count == 1 && cli->prefix_list_count == 0) {
		fprintf(stderr, "sekisho: import aws needs a file, or - for stdin\n");
		return CLI_USAGE;
	}
	import = import_aws_create();
	if (!import) {
		fprintf(stderr, "sekisho: not enough memory\n");
		return CLI_FAILED;
	}
	if (inputs_add(import, cli) == 0) {
		policy = import_aws_policy(import, &length);
		cli_tell(cli, import_aws_remarks(import));
		code = policy ? cli_write(cli, policy, length) : CLI_NO;
	}
	import_aws_destroy(import);
	return code;
}
