/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_doctor.c: `sekisho doctor`: look at all, tell each finding as it comes, count. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "doctor.h"
#include "render.h"

#define APPLIANCE "/etc/sekisho/sekisho.yaml"

static const char *const state_words[] = {"pass", "warn", "fail"};

void doctor_tell(struct doctor *doctor, const struct doctor_finding *finding, const char *format,
		 ...)
{
	static const char *const shown[] = {"PASS", "WARN", "FAIL"};
	const char *mend = finding->state == DOCTOR_PASS ? NULL : finding->mend;
	char found[512];
	va_list arguments;
	json_t *line;

	va_start(arguments, format);
	vsnprintf(found, sizeof(found), format, arguments);
	va_end(arguments);
	doctor->counts[finding->state]++;
	if (doctor->output == CLI_TABLE) {
		printf("%s  %-12s %s%s%s\n", shown[finding->state], finding->check,
		       finding->subject ? finding->subject : "", finding->subject ? ": " : "",
		       found);
		if (mend != NULL)
			printf("      %s\n", mend);
		return;
	}
	line = json_pack("{s:s,s:s?,s:s,s:s,s:s?}", "check", finding->check, "subject",
			 finding->subject, "state", state_words[finding->state], "found", found,
			 "mend", mend);
	render_line_json(stdout, line);
	json_decref(line);
}

static void summary_tell(const struct doctor *doctor)
{
	json_t *line;

	if (doctor->output == CLI_TABLE) {
		printf("\n%u pass, %u warn, %u fail\n", doctor->counts[DOCTOR_PASS],
		       doctor->counts[DOCTOR_WARN], doctor->counts[DOCTOR_FAIL]);
		return;
	}
	line = json_pack("{s:{s:i,s:i,s:i}}", "summary", "pass", (int)doctor->counts[DOCTOR_PASS],
			 "warn", (int)doctor->counts[DOCTOR_WARN], "fail",
			 (int)doctor->counts[DOCTOR_FAIL]);
	render_line_json(stdout, line);
	json_decref(line);
}

enum cli_exit cmd_doctor(const struct cli *cli)
{
	static void (*const checks[])(struct doctor * doctor) = {
		doctor_hugepages, doctor_iommu,        doctor_drivers,  doctor_numa,  doctor_cores,
		doctor_memlock,   doctor_capabilities, doctor_offloads, doctor_clock, doctor_peers,
	};
	struct doctor doctor = {.root = cli->root ? cli->root : "", .output = cli->output};
	const char *path = cli->config;
	struct config_appliance *appliance = NULL;

	if (path == NULL && access(APPLIANCE, F_OK) == 0)
		path = APPLIANCE;
	if (path != NULL) {
		struct config_errors errors = {0};
		bool unreadable;

		appliance = config_appliance_load(path, &errors);
		unreadable = errors.unreadable;
		if (appliance == NULL) {
			fputs(errors.text ? errors.text : "sekisho: no memory\n", stderr);
			config_errors_fini(&errors);
			return unreadable ? CLI_USAGE : CLI_NO;
		}
		config_errors_fini(&errors);
	}
	doctor.appliance = appliance;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&doctor);
	summary_tell(&doctor);
	config_appliance_destroy(appliance);
	return doctor.counts[DOCTOR_FAIL] > 0 ? CLI_NO : CLI_OK;
}
