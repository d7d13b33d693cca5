/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * trace.c: reading a capture and asking the judges.
 *
 * One packet at a time: a capture's packets seldom share a millisecond. A packet that a judge holds
 * gets its verdict later; it and the rows after it wait, so that rows come out in packet order.
 * What still waits when the capture ends is waited for: the clock goes on without packets.
 *
 * Time. The engine's clock must not go back, and compares 32-bit milliseconds by signed difference.
 * So a timestamp before the latest one stands still, and a gap longer than any timer is cut to
 * GAP_MAX_MS: hostile captures jump by decades.
 */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "link.h"

#define GAP_MAX_MS  (UINT32_C(1) << 30) /* 12 days; the longest timer is 5 */
#define TIME_MAX_US INT64_C(1000000000000000000)
#define END_STEP_MS 1000u /* of the clock, once the capture has ended */
#define ROWS_MIN    256u
#define FLOWS_MIN   4096u
#define FLOWS_MAX   (1u << 22)

struct reader {
	pcap_t *pcap;
	const char *name;
	int link_type;
	uint64_t packets;
	struct timeval first;
	int64_t latest_us; /* highest so far */
	int64_t rest_us;   /* of latest_us, not yet in clock_ms */
	uint32_t clock_ms;
	uint8_t *scratch;
	size_t scratch_size;
};

/* Rows that are not called back yet, in packet order. */
struct rows {
	struct trace_row *row;
	size_t first, count, size; /* a ring; size is a power of two */
};

/* ---- Judges ---------------------------------------------------------------------------------- */

/*
 * Flows that are enough for a capture: a packet opens at most one, and takes 16 bytes for its
 * record beside its own. An unknown size (a pipe) gets a quarter of the most.
 */
static uint32_t flows_for(const char *capture)
{
	struct stat status;
	uint64_t most = FLOWS_MAX / 4;
	uint32_t flows = FLOWS_MIN;

	if (strcmp(capture, "-") != 0 && stat(capture, &status) == 0 && S_ISREG(status.st_mode))
		most = (uint64_t)status.st_size / 16;
	while (flows < most && flows < FLOWS_MAX)
		flows *= 2;
	return flows;
}

int trace_judge_init(struct trace_judge *judge, const char *policy, const char *capture)
{
	return trace_judge_load(judge, policy, flows_for(capture));
}

int trace_judge_load(struct trace_judge *judge, const char *policy, uint32_t flows)
{
	struct sekisho_engine_config engine = {.flows = flows, .zones = 1};
	struct config_errors errors = {0};
	char message[256] = "out of memory";

	*judge = (struct trace_judge){0};
	judge->config = config_policy_load(policy, &errors);
	if (!judge->config) {
		fputs(errors.text ? errors.text : "sekisho: the policy cannot be read\n", stderr);
		config_errors_fini(&errors);
		return 1;
	}
	config_errors_fini(&errors);
	judge->names = sekisho_rule_names_create(
		sekisho_policy_spec_names(config_policy_spec(judge->config)));
	if (judge->names)
		judge->policy = sekisho_policy_create(config_policy_spec(judge->config),
						      judge->names, message, sizeof(message));
	if (judge->policy) {
		engine.names = judge->names;
		for (unsigned i = 0; i < sizeof(engine.hash_key); i++)
			engine.hash_key[i] = (uint8_t)i;
		judge->engine = sekisho_engine_create(&engine, message, sizeof(message));
	}
	if (!judge->engine) {
		fprintf(stderr, "sekisho: %s: %s\n", policy, message);
		return -1;
	}
	sekisho_engine_set_policy(judge->engine, 0, judge->policy);
	return 0;
}

void trace_judge_fini(struct trace_judge *judge)
{
	if (judge->engine)
		sekisho_engine_destroy(judge->engine);
	if (judge->policy)
		sekisho_policy_destroy(judge->policy);
	if (judge->names)
		sekisho_rule_names_destroy(judge->names);
	if (judge->config)
		config_policy_destroy(judge->config);
	*judge = (struct trace_judge){0};
}

/* ---- Reading --------------------------------------------------------------------------------- */

static int reader_open(struct reader *reader, const char *capture)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	struct stat status;

	*reader = (struct reader){.name = capture};
	if (strcmp(capture, "-") != 0 && stat(capture, &status) == 0 && S_ISDIR(status.st_mode)) {
		fprintf(stderr, "sekisho: %s: is a directory, must be a capture\n", capture);
		return -1;
	}
	reader->pcap = pcap_open_offline(capture, message);
	if (!reader->pcap) {
		size_t prefix = strlen(capture);

		/* libpcap names the file in some of its messages and not in others. */
		if (strncmp(message, capture, prefix) == 0 && message[prefix] == ':')
			fprintf(stderr, "sekisho: %s\n", message);
		else
			fprintf(stderr, "sekisho: %s: %s\n", capture, message);
		return -1;
	}
	reader->link_type = pcap_datalink(reader->pcap);
	if (!link_supported(reader->link_type)) {
		const char *word = pcap_datalink_val_to_name(reader->link_type);

		fprintf(stderr,
			"sekisho: %s: link type %s (%d) is not supported, must be EN10MB, RAW, "
			"IPV4, "
			"IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP or PPP\n",
			capture, word ? word : "unknown", reader->link_type);
		pcap_close(reader->pcap);
		return -1;
	}
	return 0;
}

static void reader_close(struct reader *reader)
{
	pcap_close(reader->pcap);
	free(reader->scratch);
}

/* Microseconds from the first packet on, within +-TIME_MAX_US whatever the file says. */
static int64_t elapsed_us(const struct timeval *first, const struct timeval *at)
{
	int64_t seconds, us;

	if (__builtin_sub_overflow((int64_t)at->tv_sec, (int64_t)first->tv_sec, &seconds) ||
	    __builtin_mul_overflow(seconds, INT64_C(1000000), &us) ||
	    __builtin_add_overflow(us, (int64_t)at->tv_usec - (int64_t)first->tv_usec, &us) ||
	    us > TIME_MAX_US || us < -TIME_MAX_US)
		return at->tv_sec < first->tv_sec ? -TIME_MAX_US : TIME_MAX_US;
	return us;
}

/* Move the engine's clock to a packet's time. */
static void clock_advance(struct reader *reader, int64_t time_us)
{
	int64_t gap_us, gap_ms;

	if (time_us <= reader->latest_us)
		return;
	gap_us = time_us - reader->latest_us + reader->rest_us;
	gap_ms = gap_us / 1000;
	reader->latest_us = time_us;
	reader->rest_us = gap_us % 1000;
	reader->clock_ms += gap_ms > (int64_t)GAP_MAX_MS ? GAP_MAX_MS : (uint32_t)gap_ms;
}

/*
 * Put a captured packet as an Ethernet frame into the scratch buffer. Returns 0, or -1 when there
 * is no memory.
 */
static int frame_make(struct reader *reader, const struct pcap_pkthdr *header, const uint8_t *data,
		      struct sekisho_frame *frame)
{
	uint32_t captured = header->caplen;
	uint32_t length = header->len < captured ? captured : header->len;
	size_t need = (size_t)captured + LINK_ETHERNET_HEADER;
	uint8_t ethernet[LINK_ETHERNET_HEADER] = {0};
	struct link_payload payload;
	bool whole = link_read(reader->link_type, data, captured, &payload);
	uint8_t *at;

	if (need > reader->scratch_size) {
		free(reader->scratch);
		reader->scratch = malloc(need);
		reader->scratch_size = reader->scratch ? need : 0;
		if (!reader->scratch)
			return -1;
	}
	at = reader->scratch;
	*frame = (struct sekisho_frame){.data = at};
	if (payload.is_ethernet) {
		memcpy(at, data, captured);
		frame->captured = captured;
		frame->length = length;
		return 0;
	}
	if (!whole) {
		/* Nothing to stand on: an empty frame, which the engine calls truncated. */
		return 0;
	}
	ethernet[12] = (uint8_t)(payload.ether_type >> 8);
	ethernet[13] = (uint8_t)payload.ether_type;
	memcpy(at, ethernet, sizeof(ethernet));
	memcpy(at + LINK_ETHERNET_HEADER, data + payload.offset, captured - payload.offset);
	frame->captured = captured - payload.offset + LINK_ETHERNET_HEADER;
	/* A length near 2^32 is a lie; keep it from wrapping below what was captured. */
	frame->length = length - payload.offset;
	frame->length = frame->length > UINT32_MAX - LINK_ETHERNET_HEADER
				? UINT32_MAX
				: frame->length + LINK_ETHERNET_HEADER;
	return 0;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Add an empty row; NULL when there is no memory. */
static struct trace_row *rows_add(struct rows *rows)
{
	struct trace_row *row;

	if (rows->count == rows->size) {
		size_t size = rows->size ? rows->size * 2 : ROWS_MIN;
		struct trace_row *larger = calloc(size, sizeof(*larger));

		if (!larger)
			return NULL;
		for (size_t i = 0; i < rows->count; i++)
			larger[i] = rows->row[(rows->first + i) & (rows->size - 1)];
		free(rows->row);
		*rows = (struct rows){larger, 0, rows->count, size};
	}
	row = &rows->row[(rows->first + rows->count++) & (rows->size - 1)];
	memset(row, 0, sizeof(*row));
	return row;
}

/* The waiting row of a packet number. */
static struct trace_row *rows_find(const struct rows *rows, uint64_t number)
{
	uint64_t behind = number - rows->row[rows->first].number;

	return &rows->row[(rows->first + behind) & (rows->size - 1)];
}

static bool row_is_decided(const struct trace_row *row, const struct trace_run *run)
{
	for (unsigned j = 0; j < run->judge_count; j++)
		if (row->verdicts[j].action == SEKISHO_HOLD)
			return false;
	return true;
}

/* Call back with the rows that nothing holds up. False to stop. */
static bool rows_flush(struct rows *rows, const struct trace_run *run)
{
	while (rows->count > 0 && row_is_decided(&rows->row[rows->first], run)) {
		if (!run->row(run->context, &rows->row[rows->first]))
			return false;
		rows->first = (rows->first + 1) & (rows->size - 1);
		rows->count--;
	}
	return true;
}

/* ---- Judging --------------------------------------------------------------------------------- */

/* Take what a judge releases. The handle of a frame is its packet's number. */
static void rows_release(struct rows *rows, const struct trace_run *run, unsigned judge)
{
	struct sekisho_release releases[SEKISHO_BURST_MAX];
	unsigned count;

	do {
		count = sekisho_engine_release(run->judges[judge].engine, releases,
					       SEKISHO_BURST_MAX);
		for (unsigned i = 0; i < count; i++)
			rows_find(rows, (uintptr_t)releases[i].handle)->verdicts[judge] =
				releases[i].verdict;
	} while (count == SEKISHO_BURST_MAX);
}

/* Show one packet to all judges. */
static void row_judge(struct rows *rows, struct trace_row *row, const struct trace_run *run,
		      struct sekisho_frame *frame, uint32_t now_ms)
{
	sekisho_frame_tuple(frame, &row->tuple);
	frame->handle = (void *)(uintptr_t)row->number;
	for (unsigned j = 0; j < run->judge_count && j < TRACE_JUDGES_MAX; j++) {
		const struct trace_judge *judge = &run->judges[j];
		enum sekisho_direction direction = SEKISHO_INGRESS;

		if (row->tuple.family)
			direction = sekisho_policy_direction(judge->policy, &row->tuple);
		row->directions[j] = (uint8_t)direction;
		frame->direction = (uint8_t)direction;
		sekisho_engine_burst(judge->engine, now_ms, frame, 1, &row->verdicts[j]);
		rows_release(rows, run, j);
	}
}

/* Take one packet through. Returns 1 to go on, 0 to stop, -1 when there is no memory. */
static int packet_take(struct reader *reader, struct rows *rows, const struct trace_run *run,
		       const struct pcap_pkthdr *header, const uint8_t *data)
{
	struct sekisho_frame frame;
	struct trace_row *row;

	if (reader->packets == 0)
		reader->first = header->ts;
	if (frame_make(reader, header, data, &frame))
		return -1;
	row = rows_add(rows);
	if (!row)
		return -1;
	row->number = ++reader->packets;
	row->time_us = elapsed_us(&reader->first, &header->ts);
	clock_advance(reader, row->time_us);
	row_judge(rows, row, run, &frame, reader->clock_ms);
	return rows_flush(rows, run) ? 1 : 0;
}

/* The capture has ended: let time pass until nothing is held. */
static void rows_finish(struct reader *reader, struct rows *rows, const struct trace_run *run)
{
	while (rows->count > 0) {
		reader->clock_ms += END_STEP_MS;
		for (unsigned j = 0; j < run->judge_count; j++) {
			sekisho_engine_burst(run->judges[j].engine, reader->clock_ms, NULL, 0,
					     NULL);
			rows_release(rows, run, j);
		}
		if (!rows_flush(rows, run))
			return;
	}
}

int trace_run(const struct trace_run *run, const char *capture)
{
	struct reader reader;
	struct rows rows = {0};
	struct pcap_pkthdr *header;
	const uint8_t *data;
	int status = 1, went = 1;

	if (reader_open(&reader, capture))
		return -1;
	while (went == 1 && (status = pcap_next_ex(reader.pcap, &header, &data)) == 1)
		went = packet_take(&reader, &rows, run, header, data);
	if (went == 1)
		rows_finish(&reader, &rows, run);
	if (went < 0)
		fprintf(stderr, "sekisho: %s: out of memory\n", capture);
	else if (status == PCAP_ERROR)
		fprintf(stderr, "sekisho: %s: after packet %" PRIu64 ": %s\n", capture,
			reader.packets, pcap_geterr(reader.pcap));
	reader_close(&reader);
	free(rows.row);
	return went < 0 || status == PCAP_ERROR ? -1 : 0;
}
