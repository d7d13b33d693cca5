/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_capture.c: packets into a pcapng file, with the verdict and its reason as each one's comment.
 *
 * The daemon sends frames and this program writes the file, as who has called it: the daemon opens no
 * path that a client names. Each side of each edge is an interface of the file. A packet is written
 * out at once and whole, so that an interrupt leaves a file that can be read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sekisho.h>

#include "cli.h"
#include "pcapng.h"
#include "rpc.h"

#define FRAME_BYTES  16384 /* as many of a frame as the daemon tells */
#define LATE_SECONDS 30    /* past --for, until the daemon is given up */

struct capture {
	const struct cli *cli;
	FILE *to;
	json_t *edges; /* by the order of their interfaces */
	uint64_t packets, bytes;
	json_int_t lost;
	bool failed;
	enum cli_exit code; /* once the daemon is done */
};

static const char *text_of(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "-";
}

/* Two interfaces for each edge: those on which packets come from inside and from outside. */
static bool interfaces_write(struct capture *capture)
{
	json_t *edge;
	size_t i;

	json_array_foreach(capture->edges, i, edge)
	{
		static const char *const sides[] = {"inside", "outside"};

		for (unsigned side = 0; side < 2; side++) {
			char name[256];

			snprintf(name, sizeof(name), "%s/%s", text_of(edge, "name"), sides[side]);
			if (!pcapng_interface(capture->to, name, text_of(edge, sides[side])))
				return false;
		}
	}
	return true;
}

static uint32_t interface_of(const struct capture *capture, const json_t *event)
{
	bool ingress = strcmp(text_of(event, "direction"), "ingress") == 0;
	json_t *edge;
	size_t i;

	json_array_foreach(capture->edges, i, edge)
	{
		if (strcmp(text_of(edge, "name"), text_of(event, "edge")) == 0)
			return (uint32_t)(2 * i + ingress);
	}
	return 0;
}

/* What hexadecimal digits say, into `data`; how many bytes. */
static uint32_t hex_read(const char *digits, uint8_t *data, uint32_t most)
{
	static const char all[] = "0123456789abcdef";
	uint32_t count = 0;

	while (count < most && digits[0] && digits[1]) {
		const char *high = strchr(all, digits[0]), *low = strchr(all, digits[1]);

		if (!high || !low)
			break;
		data[count++] = (uint8_t)((high - all) << 4 | (low - all));
		digits += 2;
	}
	return count;
}

/* What a reason's word means; an empty text if this program does not know it. */
static const char *sentence_of(const char *word)
{
	for (unsigned i = 0; i < SEKISHO_REASON_COUNT; i++)
		if (strcmp(sekisho_reason_word(i), word) == 0)
			return sekisho_reason_sentence(i);
	return "";
}

/* "drop no-rule (rule g/x, opened by packet 3): no flow and no rule ..." */
static void comment_make(const json_t *event, char *text, size_t size)
{
	const char *reason = text_of(event, "reason"), *rule = text_of(event, "rule");
	json_int_t opened_by = json_integer_value(json_object_get(event, "opened_by"));
	char origin[512] = "", packet[64] = "";

	if (opened_by > 0)
		snprintf(packet, sizeof(packet), ", opened by packet %" JSON_INTEGER_FORMAT,
			 opened_by);
	if (strcmp(rule, "-") != 0)
		snprintf(origin, sizeof(origin), " (rule %s%s)", rule, packet);
	snprintf(text, size, "%s %s%s: %s", text_of(event, "verdict"), reason, origin,
		 sentence_of(reason));
}

/* Whether one more packet is in the bounds, and was written. */
static bool packet_write(struct capture *capture, const json_t *event)
{
	double time = json_number_value(json_object_get(event, "time"));
	static uint8_t data[FRAME_BYTES];
	char comment[PCAPNG_TEXT_MAX];
	struct pcapng_packet packet = {
		.interface = interface_of(capture, event),
		.time_us = (uint64_t)(time * 1e6 + 0.5),
		.data = data,
		.captured = hex_read(text_of(event, "frame"), data, sizeof(data)),
		.length = (uint32_t)json_integer_value(json_object_get(event, "length")),
		.comment = comment,
	};

	comment_make(event, comment, sizeof(comment));
	capture->bytes += pcapng_packet_size(&packet);
	if (capture->cli->bytes > 0 && capture->bytes > (uint64_t)capture->cli->bytes)
		return false;
	if (!pcapng_packet(capture->to, &packet) || fflush(capture->to) != 0) {
		capture->failed = true;
		return false;
	}
	capture->packets++;
	return true;
}

static bool line_take(void *context, const json_t *event)
{
	struct capture *capture = context;
	const char *kind = text_of(event, "event");

	if (strcmp(kind, "done") == 0) {
		capture->code = rpc_done(event);
		return false;
	}
	if (strcmp(kind, "lost") == 0) {
		capture->lost += json_integer_value(json_object_get(event, "lost"));
		return true;
	}
	return packet_write(capture, event);
}

static enum cli_exit write_failed(const struct capture *capture)
{
	fprintf(stderr, "sekisho: cannot write %s: %s\n", capture->cli->out, strerror(errno));
	return CLI_FAILED;
}

/* Ask for packets and write them until there are enough. */
static enum cli_exit capture_run(struct capture *capture, struct rpc *rpc)
{
	const struct cli *cli = capture->cli;
	unsigned patience = cli->for_ms ? (unsigned)(cli->for_ms / 1000) + LATE_SECONDS : 0;
	json_t *params = json_pack("{s:i}", "frame_bytes", FRAME_BYTES), *answer;
	enum cli_exit code;

	if (cli->filter)
		json_object_set_new(params, "filter", json_string(cli->filter));
	if (cli->count)
		json_object_set_new(params, "count", json_integer(cli->count));
	if (cli->for_ms)
		json_object_set_new(params, "for_ms", json_integer(cli->for_ms));
	if (cli->drops)
		json_object_set_new(params, "drops", json_true());
	code = rpc_call(rpc, "trace.start", params, &answer);
	json_decref(answer);
	if (code == CLI_OK)
		code = rpc_listen(rpc, "trace", patience, line_take, capture);
	return capture->failed ? write_failed(capture) : code;
}

/* The file, readable for its owner only: it holds what people say to each other. */
static FILE *file_open(const char *path)
{
	int fd = strcmp(path, "-") == 0
			 ? dup(STDOUT_FILENO)
			 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "wb");
}

/* How it went: on stderr if the packets go to stdout. */
static void capture_print(const struct capture *capture)
{
	FILE *to = strcmp(capture->cli->out, "-") == 0 ? stderr : stdout;

	if (capture->cli->output == CLI_JSON)
		fprintf(to, "{\"packets\":%llu,\"lost\":%lld}\n",
			(unsigned long long)capture->packets, (long long)capture->lost);
	else
		fprintf(to, "%llu packets captured, %lld lost\n",
			(unsigned long long)capture->packets, (long long)capture->lost);
}

enum cli_exit cmd_capture(const struct cli *cli)
{
	struct capture capture = {.cli = cli};
	json_t *status = NULL;
	struct rpc rpc;
	enum cli_exit code = rpc_init(&rpc, cli->socket, RPC_WRITE);

	if (code == CLI_OK)
		code = rpc_call(&rpc, "status", NULL, &status);
	capture.edges = json_object_get(status, "edges");
	if (code == CLI_OK) {
		capture.to = file_open(cli->out);
		if (!capture.to || !pcapng_begin(capture.to, "sekisho " SEKISHO_VERSION) ||
		    !interfaces_write(&capture) || fflush(capture.to) != 0)
			code = write_failed(&capture);
	}
	if (code == CLI_OK)
		code = capture_run(&capture, &rpc);
	if (capture.to && fclose(capture.to) != 0 && code == CLI_OK)
		code = write_failed(&capture);
	if (code == CLI_OK) {
		capture_print(&capture);
		code = capture.code;
	}
	json_decref(status);
	rpc_fini(&rpc);
	return code;
}
