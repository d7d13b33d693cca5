/* SPDX-License-Identifier: BSD-3-Clause */
/* test_filter.c: which flows and packets a filter means, and what is said of one that is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "filter.h"

static const uint8_t gateway_a[16] = {198, 51, 100, 1}, gateway_b[16] = {198, 51, 100, 2};
static const uint8_t six_a[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
static const uint8_t six_b[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 2};

static const struct filter_subject ike = {.family = 4,
					  .protocol = 17,
					  .direction = 0,
					  .has_ports = true,
					  .address = {gateway_b, gateway_a},
					  .port = {500, 4500},
					  .edge = "vpn-edge",
					  .rule = "vpn/all-out",
					  .state = "unanswered"};
static const struct filter_subject esp = {.family = 6,
					  .protocol = 50,
					  .direction = 1,
					  .address = {six_a, six_b},
					  .reason = "no-rule",
					  .verdict = "drop"};
static const struct filter_subject other = {.reason = "not-ip", .verdict = "drop"};

/* i, e, o: the subjects above that are meant. */
static const struct {
	const char *text, *meant;
} rows[] = {
	{"all", "ieo"},
	{"udp", "i"},
	{"tcp", ""},
	{"udp or esp", "ie"},
	{"sport 500", "i"},
	{"dport 500", ""},
	{"dport 4500", "i"},
	{"src 198.51.100.2", "i"},
	{"src 198.51.100.1", ""},
	{"dst 198.51.100.0/31 or dst 2001:db8::2", "ie"},
	{"drop", "eo"},
	{"verdict drop and esp", "e"},
	{"pass", ""},
	{"not pass", "ieo"},
	{"egress and udp", "i"},
	{"ingress", "e"},
	{"proto udp and port 500", "i"},
	{"proto 17", "i"},
	{"proto esp", "e"},
	{"proto 0", ""},
	{"port 500", "i"},
	{"port 501-4499", ""},
	{"port 501-4500", "i"},
	{"port 0-65535", "i"},
	{"src port 500", "i"},
	{"dst port 500", ""},
	{"dst port 4500", "i"},
	{"host 198.51.100.1", "i"},
	{"src host 198.51.100.1", ""},
	{"dst host 198.51.100.1", "i"},
	{"net 198.51.100.0/30", "i"},
	{"net 198.51.100.4/30", ""},
	{"net 198.51.100.3/31", "i"},
	{"net 0.0.0.0/0", "i"},
	{"net ::/0", "e"},
	{"host 2001:db8::1", "e"},
	{"src host 2001:db8::2/127", ""},
	{"dst host 2001:db8::3/127", "e"},
	{"ip", "i"},
	{"ip6", "e"},
	{"not ip", "eo"},
	{"not not ip", "i"},
	{"edge vpn-edge", "i"},
	{"edge vpn", ""},
	{"rule vpn/all-out", "i"},
	{"state unanswered", "i"},
	{"reason no-rule or reason not-ip", "eo"},
	{"reason expired or reason rule-withdrawn", ""},
	{"direction egress and not reason not-ip", "i"},
	{"direction ingress", "e"},
	{"ip or ip6 and proto tcp", "i"},
	{"(ip or ip6) and proto tcp", ""},
	{"( ip or ip6 )and(not proto tcp)", "ie"},
	{"not (ip or ip6)", "o"},
	{"not ip and not ip6", "o"},
	{"ip and port 500 and state unanswered and dst host 198.51.100.1 or proto esp", "ie"},
};

static void meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char message[200] = "", got[4] = "";
		struct filter filter;

		if (filter_compile(&filter, rows[i].text, message, sizeof(message)) != 0)
			fail_msg("%s: %s", rows[i].text, message);
		snprintf(got, sizeof(got), "%s%s%s", filter_matches(&filter, &ike) ? "i" : "",
			 filter_matches(&filter, &esp) ? "e" : "",
			 filter_matches(&filter, &other) ? "o" : "");
		if (strcmp(got, rows[i].meant) != 0)
			fail_msg("%s: means '%s', not '%s'", rows[i].text, got, rows[i].meant);
	}
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{"", "column 1: something is missing: proto, port, host, ..."},
	{"proto", "column 6: a protocol is missing"},
	{"proto upd", "column 7: 'upd' is no protocol: a name as udp or esp, or 0 to 255"},
	{"proto 256", "column 7: '256' is no protocol: a name as udp or esp, or 0 to 255"},
	{"proto 17x", "column 7: '17x' is no protocol: a name as udp or esp, or 0 to 255"},
	{"port 65536", "column 6: '65536' is no port: 0 to 65535, or a range as 500-4500"},
	{"port 9-8", "column 6: '9-8' is no port: 0 to 65535, or a range as 500-4500"},
	{"port -1", "column 6: '-1' is no port: 0 to 65535, or a range as 500-4500"},
	{"port 1-", "column 6: '1-' is no port: 0 to 65535, or a range as 500-4500"},
	{"host 1.2.3",
	 "column 6: '1.2.3' is no address: as 198.51.100.1, 10.0.0.0/8 or 2001:db8::/32"},
	{"host 1.2.3.4/33",
	 "column 6: '1.2.3.4/33' is no address: as 198.51.100.1, 10.0.0.0/8 or 2001:db8::/32"},
	{"ip and", "column 7: something is missing: proto, port, host, ..."},
	{"ip ip6", "column 4: 'ip6' is too much: after a part come and, or, or nothing"},
	{"(ip", "column 4: a ) is missing"},
	{"ip)", "column 3: ')' is too much: after a part come and, or, or nothing"},
	{"src ip", "column 5: 'ip' is no address: as 198.51.100.1, 10.0.0.0/8 or 2001:db8::/32"},
	{"src sport 5",
	 "column 5: 'sport' is no address: as 198.51.100.1, 10.0.0.0/8 or 2001:db8::/32"},
	{"verdict maybe", "column 9: a verdict is pass or drop"},
	{"17", "column 1: '17' is not known: there are proto, port, host, src, dst, edge, rule, state, reason, "
	 "verdict, direction, ip, ip6, all, and, or, not, ( and )"},
	{"reason because", "column 8: 'because' is no reason"},
	{"state closing",
	 "column 7: 'closing' is no state: unanswered, answered, stream, syn-sent, syn-crossed, "
	 "syn-received, established, resumed, picked-up, fin-wait, close-wait, last-ack, time-wait, closed"},
	{"direction up", "column 11: a direction is egress or ingress"},
	{"rule (", "column 6: a name is missing"},
};

static void refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char message[300] = "";
		struct filter filter;

		assert_int_equal(filter_compile(&filter, wrong[i].text, message, sizeof(message)),
				 -EINVAL);
		assert_string_equal(message, wrong[i].message);
	}
}

/* As long and as deep as may be, and one more. */
static void bounds(void **state)
{
	char text[2 * FILTER_TEXT_MAX] = "", message[200];
	struct filter filter;

	(void)state;
	for (int i = 0; i < 32; i++)
		strcat(text, i == 0 ? "ip" : " or ip");
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), 0);
	strcat(text, " or ip");
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), -EINVAL);
	memset(text, '(', 15);
	strcpy(text + 15, "ip");
	memset(text + 17, ')', 16);
	text[32] = '\0';
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), 0);
	memset(text, '(', 1000);
	text[1000] = '\0';
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), -EINVAL);
	memset(text, 'a', FILTER_TEXT_MAX);
	text[FILTER_TEXT_MAX] = '\0';
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), -EINVAL);
	memcpy(text, "rule ", 5);
	text[5 + FILTER_WORD_MAX] = '\0';
	assert_int_equal(filter_compile(&filter, text, message, sizeof(message)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meant),
		cmocka_unit_test(refused),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
