/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_flow_log.c: lines in the format of VPC Flow Logs, clause by clause, from frames that are taken apart
 * as the daemon does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "community_id.h"
#include "flow_log.h"

#define ENTRIES 1024

static char text[1 << 20];
static const char *const interfaces[] = {"eni-a", "eni-b"};

static void write_line(void *context, const char *line, size_t length)
{
	(void)context;
	assert_true(length > 1 && line[length - 1] == '\n');
	assert_true(strlen(text) + length < sizeof(text));
	strncat(text, line, length);
}

static struct flow_log *begin(const char *format, unsigned edges)
{
	struct flow_log_settings settings = {.account = "123456789010",
					     .interfaces = interfaces,
					     .interface_count = edges,
					     .entries = ENTRIES,
					     .key = 7,
					     .write = write_line};
	char message[200];

	text[0] = '\0';
	assert_int_equal(flow_log_format_parse(&settings.format, format, message, sizeof(message)),
			 0);
	return flow_log_create(&settings, 1000);
}

/* One packet as a test says it; TCP if `flags` is given, else ICMP, UDP or what `protocol` says. */
struct said {
	const char *source, *destination;
	uint16_t source_port, destination_port;
	uint8_t protocol, flags;
	uint16_t length; /* of the IP packet */
	enum sekisho_direction direction;
	enum sekisho_reason reason;
	double time;
};

static void add(struct flow_log *log, const struct said *said)
{
	struct sekisho_tuple tuple = {
		.family = strchr(said->source, ':') ? SEKISHO_IPV6 : SEKISHO_IPV4,
		.protocol = said->protocol,
		.has_ports = said->protocol == IPPROTO_TCP || said->protocol == IPPROTO_UDP,
		.source_port = said->source_port,
		.destination_port = said->destination_port,
		.ip_length = said->length,
		.tcp_flags = said->flags,
	};
	const struct flow_log_packet packet = {.tuple = &tuple,
					       .time = said->time,
					       .direction = said->direction,
					       .reason = said->reason};
	int family = tuple.family == SEKISHO_IPV6 ? AF_INET6 : AF_INET;

	assert_int_equal(inet_pton(family, said->source, tuple.source), 1);
	assert_int_equal(inet_pton(family, said->destination, tuple.destination), 1);
	flow_log_add(log, &packet);
}

static void finish(struct flow_log *log, const char *expected)
{
	flow_log_flush(log, 1060.5);
	flow_log_destroy(log);
	assert_string_equal(text, expected);
}

static const struct said ping = {.source = "203.0.113.12",
				 .destination = "172.31.16.139",
				 .protocol = IPPROTO_ICMP,
				 .length = 84,
				 .direction = SEKISHO_INGRESS,
				 .reason = SEKISHO_REASON_FLOW_ORIGINATOR,
				 .time = 1010.25};

/* AWS-150, AWS-151, AWS-156, AWS-157, AWS-158: AWS's own example of a ping, in the default format */
static void aws_151_default_fields(void **state)
{
	struct flow_log *log = begin(FLOW_LOG_DEFAULT, 1);
	struct said said = ping;

	for (unsigned i = 0; i < 4; i++, said.time += 5)
		add(log, &said);
	finish(log,
	       "2 123456789010 eni-a 203.0.113.12 172.31.16.139 0 0 1 4 336 1010 1025 ACCEPT OK\n");
}

/* AWS-152, AWS-153, AWS-159 */
static void aws_152_custom_fields(void **state)
{
	struct flow_log *log = begin("${version} ${dstport} ${tcp-flags} ${type} ${pkt-srcaddr} "
				     "${flow-direction} ${traffic-path} ${vpc-id}",
				     1);
	const struct said said = {"2001:db8::1",
				  "2001:db8::2",
				  40000,
				  443,
				  IPPROTO_TCP,
				  0x02,
				  60,
				  SEKISHO_EGRESS,
				  SEKISHO_REASON_RULE_MATCH,
				  1001};
	struct flow_log_format format;
	char message[200];

	add(log, &said);
	finish(log, "5 443 2 IPv6 2001:db8::1 egress - -\n");
	log = begin("${srcaddr} ${reject-reason} ${version}", 1);
	add(log, &(struct said){"10.0.0.1", "10.0.0.2", 1, 2, IPPROTO_UDP, 0, 30, SEKISHO_INGRESS,
				SEKISHO_REASON_NO_RULE, 1001});
	add(log, &(struct said){"10.0.0.1", "10.0.0.2", 1, 2, IPPROTO_ICMP, 0, 30, SEKISHO_INGRESS,
				SEKISHO_REASON_NETWORK_ACL, 1001});
	flow_log_flush(log, 1060);
	flow_log_destroy(log);
	assert_string_equal(text, "10.0.0.1 - 8\n10.0.0.1 - 8\n");
	assert_int_equal(flow_log_format_parse(&format, "${srcaddr} ${sourceport}", message,
					       sizeof(message)),
			 -EINVAL);
	assert_non_null(strstr(message, "'${sourceport}'"));
	assert_int_equal(flow_log_format_parse(&format, "srcaddr", message, sizeof(message)),
			 -EINVAL);
	assert_int_equal(flow_log_format_parse(&format, "  ", message, sizeof(message)), -EINVAL);
}

/* AWS-161, AWS-162, AWS-169: the verdict makes two records of one tuple; full tables are refusals */
static void aws_161_two_verdicts(void **state)
{
	struct flow_log *log = begin("${action} ${packets} ${bytes}", 1);
	struct said said = ping;

	add(log, &said);
	said.reason = SEKISHO_REASON_FLOW_CLOSED;
	add(log, &said);
	said.reason = SEKISHO_REASON_TABLE_FULL;
	add(log, &said);
	flow_log_flush(log, 1060);
	flow_log_destroy(log);
	assert_non_null(strstr(text, "ACCEPT 1 84\n"));
	assert_non_null(strstr(text, "REJECT 2 168\n"));
	assert_int_equal(strlen(text), strlen("ACCEPT 1 84\nREJECT 2 168\n"));
}

/* AWS-160, AWS-163: an interval without traffic, and one of which records were lost */
static void aws_163_log_status(void **state)
{
	struct flow_log *log = begin(FLOW_LOG_DEFAULT, 2);

	add(log, &ping);
	flow_log_flush(log, 1060.5);
	assert_string_equal(
		text,
		"2 123456789010 eni-a 203.0.113.12 172.31.16.139 0 0 1 1 84 1010 1010 ACCEPT OK\n"
		"2 123456789010 eni-b - - - - - - - 1000 1060 - NODATA\n");
	text[0] = '\0';
	flow_log_lose(log);
	flow_log_flush(log, 1120.5);
	assert_string_equal(text, "2 123456789010 eni-a - - - - - - - 1060 1120 - SKIPDATA\n"
				  "2 123456789010 eni-b - - - - - - - 1060 1120 - SKIPDATA\n");
	flow_log_destroy(log);
}

/* AWS-163: more tuples than there is room for: none in silence */
static void aws_163_no_room(void **state)
{
	struct flow_log *log = begin("${log-status} ${packets}", 1);
	struct said said = ping;
	char source[32];
	unsigned lines = 0;

	said.source = source;
	for (unsigned i = 0; i < 2 * ENTRIES; i++) {
		snprintf(source, sizeof(source), "10.0.%u.%u", i / 256, i % 256);
		add(log, &said);
	}
	flow_log_flush(log, 1060);
	flow_log_destroy(log);
	for (const char *at = text; (at = strstr(at, "OK 1\n")) != NULL; at++)
		lines++;
	assert_true(lines > ENTRIES * 9 / 10 && lines <= ENTRIES);
	assert_non_null(strstr(text, "SKIPDATA -\n"));
}

/* AWS-164, AWS-165: the mirrored line of a reply that is stopped on its way out */
static void aws_164_ping_matrix(void **state)
{
	struct flow_log *log = begin(FLOW_LOG_DEFAULT, 1);
	const struct said reply = {.source = "172.31.16.139",
				   .destination = "203.0.113.12",
				   .protocol = IPPROTO_ICMP,
				   .length = 84,
				   .direction = SEKISHO_EGRESS,
				   .reason = SEKISHO_REASON_NETWORK_ACL,
				   .time = 1011};

	add(log, &ping);
	add(log, &reply);
	flow_log_flush(log, 1060);
	flow_log_destroy(log);
	assert_non_null(
		strstr(text, " eni-a 203.0.113.12 172.31.16.139 0 0 1 1 84 1010 1010 ACCEPT OK\n"));
	assert_non_null(
		strstr(text, " eni-a 172.31.16.139 203.0.113.12 0 0 1 1 84 1011 1011 REJECT OK\n"));
}

/* AWS-166, AWS-167 */
static void aws_166_tcp_flags(void **state)
{
	static const struct {
		uint8_t flags[4]; /* of the interval's segments */
		const char *line;
	} rows[] = {
		{{0x02, 0x10, 0x11}, "3\n"},  /* a client: SYN, ACK, FIN+ACK */
		{{0x12, 0x18, 0x11}, "19\n"}, /* a server: SYN+ACK, PSH+ACK, FIN+ACK */
		{{0x10, 0x18, 0x30}, "0\n"},  /* data only */
		{{0x11}, "1\n"},              /* FIN+ACK */
		{{0x14}, "4\n"},              /* RST+ACK */
		{{0xc2}, "2\n"},              /* SYN with ECE and CWR */
		{{0x12}, "18\n"},
		{{0x03}, "-\n"}, /* SYN+FIN: what no stack sends */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_log *log = begin("${tcp-flags}", 1);
		struct said said = {"10.0.0.1", "10.0.0.2",     1,
				    2,          IPPROTO_TCP,    0,
				    40,         SEKISHO_EGRESS, SEKISHO_REASON_FLOW_ORIGINATOR,
				    1001};

		for (unsigned n = 0; n < 4 && (n == 0 || rows[i].flags[n] != 0); n++) {
			said.flags = rows[i].flags[n];
			add(log, &said);
		}
		finish(log, rows[i].line);
	}
}

/* AWS-168: what is never filtered, and what keeps the link up, is not logged */
static void aws_168_not_logged(void **state)
{
	static const enum sekisho_reason reasons[] = {SEKISHO_REASON_NEVER_FILTERED,
						      SEKISHO_REASON_ARP, SEKISHO_REASON_NEIGHBOUR};
	struct flow_log *log = begin("${log-status}", 1);
	struct said said = ping;

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		said.reason = reasons[i];
		add(log, &said);
	}
	finish(log, "NODATA\n");
}

/* AWS-158, AWS-166: length and flags as they are in a frame; Ethernet's padding is not counted */
static void aws_158_bytes_of_a_frame(void **state)
{
	static const uint8_t syn[60] = {2,    0,    0,    0, 0, 1,  2,  0, 0, 0, 0,    2,
					0x08, 0x00, 0x45, 0, 0, 40, 0,  1, 0, 0, 64,   6,
					0,    0,    10,   0, 0, 1,  10, 0, 0, 2, 0x9c, 0x40,
					0x01, 0xbb, 0,    0, 0, 1,  0,  0, 0, 0, 0x50, 0x02};
	uint8_t good[60];
	const struct sekisho_frame frame = {.data = good, .captured = 60, .length = 60};
	struct sekisho_tuple tuple;
	uint32_t sum = 0;

	memcpy(good, syn, sizeof(good));
	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)(good[i] << 8 | good[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	good[24] = (uint8_t)(~sum >> 8);
	good[25] = (uint8_t)~sum;
	sekisho_frame_tuple(&frame, &tuple);
	assert_int_equal(tuple.ip_length, 40);
	assert_int_equal(tuple.tcp_flags, 0x02);
	assert_int_equal(tuple.destination_port, 443);
}

/* What other tools call these flows, the same in both directions. */
static void community_ids(void **state)
{
	static const struct {
		const char *source, *destination;
		uint8_t protocol;
		uint16_t source_port, destination_port; /* ICMP: type and code */
		const char *id;
	} rows[] = {
		/* of the examples that come with the definition */
		{"128.232.110.120", "66.35.250.204", IPPROTO_TCP, 34855, 80,
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"66.35.250.204", "128.232.110.120", IPPROTO_TCP, 80, 34855,
		 "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
		{"192.168.1.52", "8.8.8.8", IPPROTO_UDP, 54585, 53,
		 "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
		{"192.168.0.89", "192.168.0.1", IPPROTO_ICMP, 8, 0,
		 "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
		{"192.168.0.1", "192.168.0.89", IPPROTO_ICMP, 0, 0,
		 "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
	};
	struct sekisho_tuple tuple;
	char id[COMMUNITY_ID_SIZE];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tuple = (struct sekisho_tuple){.family = SEKISHO_IPV4,
					       .protocol = rows[i].protocol,
					       .has_ports = rows[i].protocol != IPPROTO_ICMP,
					       .has_icmp = rows[i].protocol == IPPROTO_ICMP,
					       .source_port = rows[i].source_port,
					       .destination_port = rows[i].destination_port};
		if (tuple.has_icmp)
			tuple.icmp_type = (uint8_t)rows[i].source_port;
		inet_pton(AF_INET, rows[i].source, tuple.source);
		inet_pton(AF_INET, rows[i].destination, tuple.destination);
		assert_true(community_id(&tuple, id));
		assert_string_equal(id, rows[i].id);
	}
	assert_false(community_id(&(struct sekisho_tuple){.ether_type = 0x806}, id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aws_151_default_fields),   cmocka_unit_test(aws_152_custom_fields),
		cmocka_unit_test(aws_161_two_verdicts),     cmocka_unit_test(aws_163_log_status),
		cmocka_unit_test(aws_163_no_room),          cmocka_unit_test(aws_164_ping_matrix),
		cmocka_unit_test(aws_166_tcp_flags),        cmocka_unit_test(aws_168_not_logged),
		cmocka_unit_test(aws_158_bytes_of_a_frame), cmocka_unit_test(community_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
