/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * witness_static.c: the first packets that one policy admits and the other does not, as boxes with a
 * packet in each. The engine judges; and it judges each box's example again before that is printed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "first_boxes.h"
#include "render.h"
#include "witness.h"

#define SECONDS_MAX 120 /* of one search */
#define RANGE_SIZE  96

struct search {
	const struct witness *witness;
	uint64_t packets, boxes;
	time_t until;
	bool late, broken;
};

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* ---- asking ----------------------------------------------------------------------------------- */

/* What both say of a packet that comes first. */
static void ask_both(const struct witness *witness, const struct first_packet *first,
		     struct sekisho_verdict verdicts[2])
{
	uint8_t bytes[PACKET_WORDS_FRAME_MAX];
	const struct sekisho_frame frame = probe_frame(first, bytes);

	for (unsigned p = 0; p < 2; p++) {
		verdicts[p] = probe_ask(&witness->judges[p], 0, &frame);
		if (verdicts[p].opened)
			probe_forget(&witness->judges[p], 0);
	}
}

static bool judge(void *context, const struct first_packet *packet, bool passes[2])
{
	struct search *search = context;
	struct sekisho_verdict verdicts[2];

	ask_both(search->witness, packet, verdicts);
	for (unsigned p = 0; p < 2; p++)
		passes[p] = verdicts[p].action == SEKISHO_PASS;
	if (++search->packets % 4096 == 0)
		search->late = seconds_now() > search->until;
	return !search->late;
}

/* ---- printing --------------------------------------------------------------------------------- */

static void address_text(uint8_t family, unsigned __int128 number, char *text)
{
	uint8_t address[16];

	areas_address(family, number, address);
	if (inet_ntop(family == SEKISHO_IPV6 ? AF_INET6 : AF_INET, address, text,
		      INET6_ADDRSTRLEN) == NULL)
		text[0] = '\0';
}

/* "198.51.100.2", "198.51.100.0/24", or first-last. */
static void range_text(uint8_t family, const struct area_range *range, char text[RANGE_SIZE])
{
	unsigned __int128 size = range->last - range->first; /* less one */
	unsigned length = family == SEKISHO_IPV6 ? 128 : 32;
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];

	address_text(family, range->first, first);
	address_text(family, range->last, last);
	if (size == 0) {
		snprintf(text, RANGE_SIZE, "%s", first);
	} else if ((size & (size + 1)) == 0 && (range->first & size) == 0) {
		for (; size > 0; size >>= 1)
			length--;
		snprintf(text, RANGE_SIZE, "%s/%u", first, length);
	} else {
		snprintf(text, RANGE_SIZE, "%s-%s", first, last);
	}
}

static bool is_icmp(const struct first_box *box)
{
	return box->protocol_first == box->protocol_last &&
	       box->protocol_first == (box->family == SEKISHO_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool has_ports(const struct first_box *box)
{
	return box->protocol_first == box->protocol_last &&
	       (box->protocol_first == IPPROTO_TCP || box->protocol_first == IPPROTO_UDP);
}

/* "tcp", "all", "7-16". */
static void protocol_text(const struct first_box *box, char *text, size_t size)
{
	if (box->protocol_first == box->protocol_last)
		render_protocol(box->protocol_first, text, size);
	else if (box->protocol_first == 0 && box->protocol_last == 255)
		snprintf(text, size, "all");
	else
		snprintf(text, size, "%u-%u", box->protocol_first, box->protocol_last);
}

static const char *const segment_words[] = {"syn", "not-syn", "odd-flags"};

/* "port 443", "type 8 code 0", with the segments; empty if the box has all. */
static void detail_text(const struct first_box *box, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	if (box->detail_first != 0 || box->detail_last != UINT16_MAX) {
		if (is_icmp(box) && box->detail_first == box->detail_last)
			at = (size_t)snprintf(text, size, " type %u code %u",
					      box->detail_first >> 8, box->detail_first & 0xff);
		else if (is_icmp(box))
			at = (size_t)snprintf(text, size, " type %u code %u to type %u code %u",
					      box->detail_first >> 8, box->detail_first & 0xff,
					      box->detail_last >> 8, box->detail_last & 0xff);
		else if (box->detail_first == box->detail_last)
			at = (size_t)snprintf(text, size, " port %u", box->detail_first);
		else
			at = (size_t)snprintf(text, size, " ports %u-%u", box->detail_first,
					      box->detail_last);
	}
	if (box->segments == FIRST_ALL)
		return;
	for (unsigned i = 0; i < 3; i++) {
		if (box->segments & 1u << i)
			at += (size_t)snprintf(text + at, size - at, " %s", segment_words[i]);
	}
}

static void box_print(const struct search *search, const struct first_box *box, const char *example,
		      const struct sekisho_verdict verdicts[2])
{
	char local[RANGE_SIZE], peer[RANGE_SIZE], protocol[16], detail[80];

	range_text(box->family, &box->locals, local);
	range_text(box->family, &box->peers, peer);
	protocol_text(box, protocol, sizeof(protocol));
	detail_text(box, detail, sizeof(detail));
	printf("only %c: %s %s%s, %s %s %s\n    '%s'\n", "ab"[box->admitted],
	       sekisho_direction_word(box->direction), protocol, detail, local,
	       box -> direction == SEKISHO_EGRESS ? ">" : "<", peer, example);
	for (unsigned p = 0; p < 2; p++) {
		printf("    %c %s %s", "ab"[p], render_action(&verdicts[p]),
		       sekisho_reason_word(verdicts[p].reason));
		if (verdicts[p].rule != SEKISHO_RULE_NONE) {
			fputs(", ", stdout);
			render_origin(stdout, &verdicts[p], &search->witness->judges[p]);
		}
		putchar('\n');
	}
}

static void ends_print_json(const char *name, uint8_t family, const struct area_range *range)
{
	char first[INET6_ADDRSTRLEN], last[INET6_ADDRSTRLEN];

	address_text(family, range->first, first);
	address_text(family, range->last, last);
	printf(",\"%s\":[\"%s\",\"%s\"]", name, first, last);
}

static void box_print_json(const struct search *search, const struct first_box *box,
			   const char *example, const struct sekisho_verdict verdicts[2])
{
	const char *separator = "";

	printf("{\"only\":\"%c\",\"direction\":\"%s\"", "ab"[box->admitted],
	       sekisho_direction_word(box->direction));
	ends_print_json("local", box->family, &box->locals);
	ends_print_json("peer", box->family, &box->peers);
	printf(",\"protocol\":[%u,%u]", box->protocol_first, box->protocol_last);
	if (has_ports(box))
		printf(",\"ports\":[%u,%u]", box->detail_first, box->detail_last);
	if (is_icmp(box))
		printf(",\"icmp\":[{\"type\":%u,\"code\":%u},{\"type\":%u,\"code\":%u}]",
		       box->detail_first >> 8, box->detail_first & 0xff, box->detail_last >> 8,
		       box->detail_last & 0xff);
	if (box->protocol_first <= IPPROTO_TCP && box->protocol_last >= IPPROTO_TCP) {
		fputs(",\"segments\":[", stdout);
		for (unsigned i = 0; i < 3; i++) {
			if (box->segments & 1u << i) {
				printf("%s\"%s\"", separator, segment_words[i]);
				separator = ",";
			}
		}
		putchar(']');
	}
	fputs(",\"packet\":", stdout);
	render_string_json(stdout, example);
	for (unsigned p = 0; p < 2; p++) {
		printf(",\"%c\":{", "ab"[p]);
		render_verdict_json(stdout, &verdicts[p], search->witness->judges[p].names);
		putchar('}');
	}
	puts("}");
}

static bool box_take(void *context, const struct first_box *box)
{
	struct search *search = context;
	struct sekisho_verdict verdicts[2];
	struct first_packet packet;
	char example[PROBE_TEXT_SIZE];

	if (!first_boxes_example(box, &packet))
		return true;
	ask_both(search->witness, &packet, verdicts);
	probe_text(&packet, example);
	if (verdicts[box->admitted].action != SEKISHO_PASS ||
	    verdicts[!box->admitted].action == SEKISHO_PASS) {
		search->broken = true;
		fprintf(stderr, "sekisho: the engine does not bear out what was found of '%s'\n",
			example);
		return false;
	}
	search->boxes++;
	if (search->witness->cli->output == CLI_JSON)
		box_print_json(search, box, example, verdicts);
	else
		box_print(search, box, example, verdicts);
	return !ferror(stdout);
}

static void summary_print(const struct search *search, bool complete)
{
	if (search->witness->cli->output == CLI_JSON)
		printf("{\"summary\":{\"boxes\":%" PRIu64 ",\"packets_judged\":%" PRIu64
		       ",\"complete\":%s}}\n",
		       search->boxes, search->packets, complete ? "true" : "false");
	else if (search->boxes == 0 && complete)
		printf("no first packet is admitted by one and not by the other; %" PRIu64
		       " judged, one of each class\n",
		       search->packets);
	else
		printf("%s%" PRIu64 " box%s, %" PRIu64 " packets judged, one of each class\n",
		       search->boxes ? "\n" : "", search->boxes, search->boxes == 1 ? "" : "es",
		       search->packets);
	if (search->late)
		fprintf(stderr,
			"sekisho: not all was searched: it was stopped after %d s; what is left "
			"may differ too\n",
			SECONDS_MAX);
}

enum cli_exit witness_static(const struct witness *witness)
{
	struct search search = {.witness = witness, .until = seconds_now() + SECONDS_MAX};
	const struct first_boxes boxes = {
		{witness->specs[0], witness->specs[1]}, judge, box_take, &search};
	int rc = first_boxes_find(&boxes);

	if (rc == -ENOMEM)
		fputs("sekisho: out of memory\n", stderr);
	summary_print(&search, rc == 0);
	if (search.broken || (rc != 0 && search.boxes == 0))
		return CLI_FAILED;
	return search.boxes ? CLI_NO : CLI_OK;
}
