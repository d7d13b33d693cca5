/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_packet_words.c: packets in words: what is read, what fits together by default, what is wrong
 * and in which column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <packet_words.h>

#include "bench.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t bytes[PACKET_WORDS_FRAME_MAX];

/* Build, and fail with the message if it cannot be. */
static uint32_t build(const char *text, const struct packet_words_names *names)
{
	struct packet_words_error error = {0};
	uint32_t length = packet_words_frame(text, names, bytes, &error);

	if (length == 0)
		fail_msg("%s: column %u: %s", text, error.column, error.text);
	return length;
}

/* ---- errors ----------------------------------------------------------------------------------- */

static void errors_have_a_column(void **state)
{
	static const struct {
		const char *text;
		unsigned column;
		const char *part; /* of the message */
	} rows[] = {
		{"", 1, "must be a packet"},
		{"   ", 4, "must be a packet"},
		{"upd 10.0.0.1:1 > 10.0.0.2:2", 1, "protocol is \"upd\""},
		{"proto 256 10.0.0.1 > 10.0.0.2", 7, "number up to 255"},
		{"proto-x 10.0.0.1 > 10.0.0.2", 7, "number up to 255"},
		{"udp 10.0.0.256:1 > 10.0.0.2:2", 5, "address is \"10.0.0.256\""},
		{"udp 10.0.0.1:70000 > 10.0.0.2:2", 14, "port is \"70000\""},
		{"udp 10.0.0.1: > 10.0.0.2:2", 14, "port is \"\""},
		{"udp [::1 > [::2]:2", 5, "must be as [2001:db8::1]:500"},
		{"udp [::1]x > [::2]:2", 5, "must be as [2001:db8::1]:500"},
		{"udp 10.0.0.1:1 10.0.0.2:2", 16, "must be > and the destination"},
		{"udp 10.0.0.1:1", 15, "must be > and the destination"},
		{"udp 10.0.0.1:1 >", 17, "address is \"\""},
		{"udp 10.0.0.1:1 > [::2]:2", 19, "must be of one family"},
		{"udp 10.0.0.1:1 > 10.0.0.2", 18, "must be on both or none"},
		{"  udp 10.0.0.1 > 10.0.0.2", 3, "must be behind both addresses"},
		{"esp 10.0.0.1:1 > 10.0.0.2:1", 1, "only tcp and udp have them"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 fragment", 1, "in the first fragment"},
		{"icmp ::1 > ::2", 1, "icmpv6 over IPv6"},
		{"icmpv6 10.0.0.1 > 10.0.0.2", 1, "icmp over IPv4"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 ike=int", 33, "init, answer, auth"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 flags=S", 29, "must be one of: len= payload="},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 flags=SX", 36, "flags has \"X\""},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 flags=", 35, "flags is empty"},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 seq=4294967296", 33, "up to 4294967295"},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 seq=-1", 33, "seq is \"-1\""},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 win=0x", 33, "win is \"0x\""},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 seq=1 seq=2", 35, "must be once"},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 more=1", 29, "must be one of"},
		{"tcp 10.0.0.1:1 > 10.0.0.2:2 flags", 29, "must be one of"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 spi_i=1 ike=init", 29, "must be one of"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 ike=init dns=query", 38, "one payload only"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 payload=abc", 37, "two a byte"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 payload=abxc", 39, "hexadecimal digits"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 dns=query name=a..b", 44, "labels of 1 to 63"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 len=9001", 33, "up to 9000"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 offset=4", 1, "multiple of 8"},
		{"esp 10.0.0.1 > 10.0.0.2 ipid=65536", 1, "16 bits in IPv4"},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 about esp 10.0.0.1 > 10.0.0.2", 29, "icmp or icmpv6"},
		{"icmp 10.0.0.1 > 10.0.0.2 type=3 about", 38, "must be a packet"},
		{"icmp 10.0.0.1 > 10.0.0.2 type=3 about esp ::1 > ::2", 33, "error's family"},
		{"icmp 10.0.0.1 > 10.0.0.2 about icmp 10.0.0.1 > 10.0.0.2 about", 57, "\"about\""},
		{"udp 10.0.0.1:1 > 10.0.0.2:2 \x1b[2J", 29, "\"?[2J\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct packet_words_error error = {0};

		if (packet_words_frame(rows[i].text, NULL, bytes, &error))
			fail_msg("\"%s\" is taken", rows[i].text);
		if (error.column != rows[i].column || !strstr(error.text, rows[i].part))
			fail_msg("\"%s\": column %u: %s; expected column %u: %s", rows[i].text,
				 error.column, error.text, rows[i].column, rows[i].part);
	}
}

/* ---- what the engine makes of it -------------------------------------------------------------- */

static struct sekisho_verdict send(struct bench *bench, const struct row *row)
{
	struct sekisho_frame frame = {.data = bytes};
	struct sekisho_tuple tuple;
	struct sekisho_verdict verdict;

	frame.captured = frame.length = build(row->packet, NULL);
	sekisho_frame_tuple(&frame, &tuple);
	frame.direction = (uint8_t)sekisho_policy_direction(bench->policy, &tuple);
	sekisho_engine_burst(bench->engine, row->at_ms, &frame, 1, &verdict);
	return verdict;
}

static void run(enum sekisho_semantics semantics, const struct row *rows, size_t count)
{
	struct bench bench;

	bench_init(&bench, 1024);
	bench_founding(&bench, semantics);
	for (size_t i = 0; i < count; i++) {
		struct sekisho_verdict verdict = send(&bench, &rows[i]);

		if (strcmp(sekisho_reason_word(verdict.reason), rows[i].reason) != 0)
			fail_msg("row %zu (%s): %s, expected %s", i + 1, rows[i].packet,
				 sekisho_reason_word(verdict.reason), rows[i].reason);
	}
	bench_fini(&bench);
}

#define A     "198.51.100.1"
#define B     "198.51.100.2"
#define A6    "2001:db8::1"
#define B6    "2001:db8::2"
#define AB(p) A ":" p " > " B ":" p
#define BA(p) B ":" p " > " A ":" p

/* Questions and answers fit by default, and do not when a word says so. */
static void defaults_fit_together(void **state)
{
	static const struct row rows[] = {
		{0, "udp " BA("500") " ike=init", "rule-match"},
		{1, "udp " AB("500") " ike=init", "no-proof-ike"},
		{2, "udp " AB("500") " ike=answer spi_i=0x77", "no-proof-ike"},
		{3, "udp " AB("500") " ike=answer", "flow-answer"},
		{4, "udp " BA("4500") " ike=auth", "rule-match"},
		{5, "udp " AB("4500") " ike=auth-answer", "flow-answer"},
		{6, "udp " AB("4500") " esp spi=7 seq=9", "flow-answer"},
		{7, "udp " AB("4500") " keepalive", "flow-answer"},
		{8, "udp " BA("53") " dns=query name=a.example id=9", "rule-match"},
		{9, "udp " AB("53") " dns=answer name=b.example id=9", "no-proof-dns"},
		{10, "udp " AB("53") " dns=answer name=a.example id=8", "no-proof-dns"},
		{11, "udp " AB("53") " dns=answer name=a.example id=9", "flow-answer"},
		{12, "udp " BA("123") " ntp=client", "rule-match"},
		{13, "udp " AB("123") " ntp=server origin=5", "no-proof-ntp"},
		{14, "udp " AB("123") " ntp=server", "flow-answer"},
		{15, "udp " BA("51820") " wg=init", "rule-match"},
		{16, "udp " AB("51820") " wg=init", "no-proof-wireguard"},
		{17, "udp " AB("51820") " wg=response receiver=1", "no-proof-wireguard"},
		{18, "udp " AB("51820") " wg=response", "flow-answer"},
		{19, "udp " AB("51820") " wg=data", "flow-answer"},
		{20, "tcp " B ":40000 > " A ":22", "rule-match"},
		{21, "tcp " A ":22 > " B ":40000 flags=SA ack=5", "bad-handshake"},
		{22, "tcp " A ":22 > " B ":40000 flags=SA", "flow-answer"},
		{23, "tcp " B ":40000 > " A ":22 flags=A", "flow-originator"},
		{24, "tcp " A ":22 > " B ":40000 flags=PA len=100", "flow-answer"},
		{25, "tcp " A ":22 > " B ":40000 flags=R seq=1100", "rst-inexact"},
		{26, "icmp " B " > " A "", "rule-match"},
		{27, "icmp " A " > " B " type=0 seq=2", "no-proof-echo"},
		{28, "icmp " A " > " B " type=0", "flow-answer"},
		{29, "udp " B ":3000 > " A ":3001", "rule-match"},
		{30, "icmp 192.0.2.9 > " B " type=3 code=1 about udp " B ":3000 > " A ":3001",
		 "icmp-related"},
		{31,
		 "icmp 192.0.2.9 > " B " type=3 code=4 mtu=60 about udp " B ":3000 > " A ":3001",
		 "icmp-mtu-small"},
		{32, "icmp 192.0.2.9 > " B " type=3 code=1 about udp " B ":3002 > " A ":3001",
		 "icmp-unrelated"},
		{33, "esp " A " > " B " spi=5 seq=1", "rule-match"},
		{34, "ah " A " > " B "", "no-rule"},
		{35, "gre " A " > " B "", "no-rule"},
		{36, "proto 99 " B " > " A "", "rule-match"},
		{37, "proto-99 " A " > " B "", "no-proof-protocol"},
		{38, "udp " BA("500") " ttl=0", "ttl-zero"},
		{39, "tcp " B ":40001 > " A ":22 flags=SF", "bad-flags"},
		{40, "udp " AB("500") " payload=00", "ike-malformed"},
	};

	(void)state;
	run(SEKISHO_STRICT, rows, COUNT(rows));
}

static void fragments_and_ipv6(void **state)
{
	static const struct row rows[] = {
		{0, "udp " B ":7 > " A ":8 len=1472 more ipid=5", "rule-match"},
		{1, "udp " B " > " A " fragment ipid=5", "flow-originator"},
		{2, "udp " B " > " A " offset=2960 ipid=6", "fragment-held"},
		{3, "udp [" B6 "]:500 > [" A6 "]:500 ike=init", "rule-match"},
		{4, "udp [" A6 "]:500 > [" B6 "]:500 ike=answer", "flow-answer"},
		{5, "icmpv6 " B6 " > [" A6 "] id=7 seq=3", "rule-match"},
		{6, "icmpv6 " A6 " > " B6 " type=129 id=7 seq=3", "flow-answer"},
		{7, "udp [" B6 "]:7 > [" A6 "]:8 len=1472 more ipid=0x50000", "rule-match"},
		{8, "udp " B6 " > " A6 " fragment ipid=0x50000", "flow-originator"},
		{9, "icmpv6 " A6 " > " B6 " type=2 mtu=1280 about udp [" B6 "]:7 > [" A6 "]:8",
		 "icmp-related"},
		{10, "esp " A6 " > " B6, "rule-match"},
	};

	(void)state;
	run(SEKISHO_STRICT, rows, COUNT(rows));
}

/* ---- the bytes themselves --------------------------------------------------------------------- */

static void fields_are_where_they_belong(void **state)
{
	const uint8_t *l4 = bytes + 34;

	(void)state;
	assert_int_equal(build("tcp 10.0.0.1:258 > 10.0.0.2:3 flags=SAFRPUEC seq=0x01020304 ack=5 "
			       "win=6 scale=7 payload=aBcd len=4 ttl=9 ipid=10",
			       NULL),
			 14 + 20 + 24 + 4);
	assert_memory_equal(l4, "\1\2\0\3\1\2\3\4\0\0\0\5\x60\xff\0\6", 16);
	assert_memory_equal(l4 + 20, "\1\3\3\7\xab\xcd\0\0", 8);
	assert_int_equal(bytes[22], 9);
	assert_int_equal(bytes[19], 10);
	assert_int_equal(
		build("udp 10.0.0.1:4500 > 10.0.0.2:4501 ike=child spi_i=1 spi_r=2 mid=3", NULL),
		14 + 20 + 8 + 4 + 28);
	assert_memory_equal(l4 + 8,
			    "\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\x20\x24\x08\0\0\0\3", 28);
	assert_int_equal(build("udp 10.0.0.1:900 > 10.0.0.2:900 ike=init marker", NULL),
			 14 + 20 + 8 + 4 + 28);
	assert_int_equal(build("udp 10.0.0.1:1 > 10.0.0.2:1 len=9000", NULL), 14 + 20 + 8 + 9000);
	assert_int_equal(build("esp 10.0.0.1 > 10.0.0.2 spi=0x11223344 seq=2", NULL), 14 + 20 + 32);
	assert_memory_equal(l4, "\x11\x22\x33\x44\0\0\0\2", 8);
}

static void names_stand_for_addresses(void **state)
{
	static const struct packet_words_name list[] = {{"a", "10.0.0.1"}, {"b6", "2001:db8::9"}};
	static const struct packet_words_names names = {list, 2};
	struct sekisho_frame frame = {.data = bytes};
	struct sekisho_tuple tuple;
	struct packet_words_error error;

	(void)state;
	frame.captured = frame.length = build("udp a:5 > 10.0.0.2:6", &names);
	sekisho_frame_tuple(&frame, &tuple);
	assert_memory_equal(tuple.source, "\12\0\0\1", 4);
	assert_int_equal(tuple.source_port, 5);
	frame.captured = frame.length = build("udp [b6]:5 > [::5]:6", &names);
	sekisho_frame_tuple(&frame, &tuple);
	assert_int_equal(tuple.source[15], 9);
	assert_int_equal(packet_words_frame("udp c:5 > a:6", &names, bytes, &error), 0);
	assert_int_equal(error.column, 5);
	assert_non_null(strstr(error.text, "or a name of"));
}

static void every_word_has_help(void **state)
{
	struct packet_words_help help;
	unsigned count = 0;

	(void)state;
	for (; packet_words_help(count, &help); count++)
		assert_true(help.word[0] && help.of[0] && help.does[0]);
	assert_in_range(count, 30, 63); /* `given` has a bit for each */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_have_a_column),
		cmocka_unit_test(defaults_fit_together),
		cmocka_unit_test(fragments_and_ipv6),
		cmocka_unit_test(fields_are_where_they_belong),
		cmocka_unit_test(names_stand_for_addresses),
		cmocka_unit_test(every_word_has_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
