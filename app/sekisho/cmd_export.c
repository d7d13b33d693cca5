/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_export.c: `sekisho export aws`: a policy file in, AWS's own JSON out, in one document that
 * `import aws` reads again. Indented as AWS prints it; with `-o json` it is one line.
 */
#include <stdlib.h>
#include <string.h>

#include <export_aws.h>

#include "cli.h"

enum cli_exit cmd_export(const struct cli *cli)
{
	struct config_errors errors = {0};
	struct remarks remarks = {0};
	struct config_policy *config;
	json_t *document;
	char *text = NULL;
	enum cli_exit code = CLI_NO;

	if (strcmp(cli->operands[0], "aws") != 0) {
		fprintf(stderr, "sekisho: export knows aws, not \"%s\"\n", cli->operands[0]);
		return CLI_USAGE;
	}
	config = config_policy_load(cli->operands[1], &errors);
	if (!config) {
		fputs(errors.text ? errors.text : "", stderr);
		config_errors_fini(&errors);
		return CLI_NO;
	}
	document = export_aws(config, &remarks);
	cli_tell(cli, &remarks);
	if (document)
		text = json_dumps(document,
				  cli->output == CLI_JSON ? JSON_COMPACT : JSON_INDENT(4));
	if (text) {
		code = cli_write(cli, text, strlen(text));
		if (code == CLI_OK && !cli->to)
			putchar('\n');
	} else if (document) {
		fprintf(stderr, "sekisho: not enough memory\n");
		code = CLI_FAILED;
	}
	free(text);
	json_decref(document);
	remarks_fini(&remarks);
	config_policy_destroy(config);
	config_errors_fini(&errors);
	return code;
}
