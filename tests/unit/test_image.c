/* SPDX-License-Identifier: BSD-3-Clause */
/* test_image.c: flows that outlive their engine, and the file that they do it in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench.h"
#include "crc32c.h"
#include "image.h"

#define RECORDS_MAX 64

/* What a bench has given away, and what its numbers mean to who takes it. */
struct records {
	uint8_t bytes[RECORDS_MAX * SEKISHO_RECORD_MAX];
	size_t length, count;
	uint16_t zones[1];
	uint32_t rules[16];
	struct sekisho_record_terms terms;
};

static void export(const struct bench *bench, uint32_t at_ms, struct records *records)
{
	struct sekisho_export export = {.base_ms = at_ms, .now_ms = at_ms};

	*records = (struct records){.terms = {.zone_count = 1, .rule_count = 16, .exact = true}};
	records->terms.zones = records->zones;
	records->terms.rules = records->rules;
	for (uint32_t i = 0; i < 16; i++)
		records->rules[i] = i;
	while (!export.done)
		records->length += sekisho_engine_export(bench->engine, &export,
							 records->bytes + records->length,
							 sizeof(records->bytes) - records->length);
	records->count = export.records;
}

/* Import all; returns how many had this outcome. */
static unsigned import(struct bench *bench, const struct records *records, uint32_t at_ms,
		       uint64_t down_ms, enum sekisho_import outcome)
{
	struct sekisho_record_owner owner;
	unsigned count = 0;
	size_t length;

	for (size_t at = 0; at < records->length; at += length) {
		length = sekisho_record_check(records->bytes + at, records->length - at,
					      &records->terms, &owner);
		assert_int_not_equal(length, 0);
		count += sekisho_engine_import(bench->engine, at_ms, down_ms, records->bytes + at,
					       length, &records->terms) == outcome;
	}
	return count;
}

static void founding(struct bench *bench, uint32_t flows)
{
	bench_init(bench, flows);
	bench_founding(bench, SEKISHO_STRICT);
}

/* A flow of each kind that remembers something. */
static void talk(struct bench *bench)
{
	static const struct row rows[] = {
		{0, "out tcp 40000 80 S 1000 0 0", "rule-match"},
		{1, "in tcp 80 40000 SA 5000 1001 0", "flow-answer"},
		{2, "out tcp 40000 80 A 1001 5001 0", "flow-originator"},
		{3, "out tcp 40000 80 S 90000 0 0", "flow-originator"},
		{4, "out udp 500 500 ike2 A 0 I 34", "rule-match"},
		{5, "in udp 500 500 ike2 A a R 34", "flow-answer"},
		{6, "out udp 51820 51820 wg1 7", "rule-match"},
		{7, "out udp 40001 53 dns q 1 a.b", "rule-match"},
		{8, "out udp 40001 53 dns q 2 a.b", "flow-originator"},
		{8, "out udp 40001 53 dns q 3 a.b", "flow-originator"},
		{8, "out udp 40001 53 dns q 4 a.b", "flow-originator"},
		{9, "out udp 40002 123 ntp 3 0 T", "rule-match"},
		{10, "out echo 7 1", "rule-match"},
		{11, "out proto 50 A", "rule-match"},
	};

	bench_run(bench, rows, sizeof(rows) / sizeof(rows[0]));
}

/* ---- flows ------------------------------------------------------------------------------------ */

static void all_kinds_go_on(void **state)
{
	static const struct row after[] = {
		{520, "out tcp 40000 80 PA 1001 5001 10", "flow-originator"},
		{521, "in tcp 80 40000 A 5001 1011 0", "flow-answer"},
		{522, "in udp 500 500 ike2 A a R 35 1", "flow-answer"},
		{523, "in udp 500 500 ike2 B a R 35 1", "no-proof-ike"},
		{525, "out udp 4500 4500 natt ike2 A a I 35 1", "rule-match"},
		{526, "in udp 4500 4500 natt ike2 A a R 35 1", "flow-answer"},
		{527, "in udp 4500 4500 esp", "flow-answer"},
		{528, "in udp 51820 51820 wg2 3 7", "flow-answer"},
		{529, "in udp 53 40001 dns r 1 a.b", "flow-answer"},
		{529, "in udp 53 40001 dns r 9 a.b", "no-proof-dns"},
		{530, "in udp 123 40002 ntp 4 T S", "flow-answer"},
		{531, "in reply 7 1", "flow-answer"},
		{532, "in reply 7 1", "no-proof-echo"},
		{533, "in tcp 80 40000 A 900000 1011 0", "out-of-window"},
	};
	struct bench before, next;
	struct records records;

	(void)state;
	founding(&before, 1024);
	talk(&before);
	export(&before, 20, &records);
	assert_int_equal(records.count, 8); /* with the pair of IKE */
	founding(&next, 64);
	assert_int_equal(import(&next, &records, 519, 100, SEKISHO_IMPORT_RESUMED), 7);
	bench_run(&next, after, sizeof(after) / sizeof(after[0]));
	bench_fini(&before);
	bench_fini(&next);
}

/* A packet while the export is under way gives the flow more time from the image's time on than its timer. */
static void a_packet_in_the_meantime(void **state)
{
	static const struct row rows[] = {
		{0, "out tcp 40000 80 S 1000 0 0", "rule-match"},
		{1, "in tcp 80 40000 SA 5000 1001 0", "flow-answer"},
		{60000, "out tcp 40000 80 A 1001 5001 0", "flow-originator"},
	};
	struct sekisho_export export = {.base_ms = 2, .now_ms = 60000};
	const struct sekisho_record_terms terms = {.zone_count = 1, .rule_count = 16};
	struct sekisho_record_owner owner;
	uint8_t record[2 * SEKISHO_RECORD_MAX];
	struct bench bench;
	size_t length = 0;

	(void)state;
	bench_init(&bench, 64);
	bench_founding(&bench, SEKISHO_AWS_LIKE);
	bench_run(&bench, rows, sizeof(rows) / sizeof(rows[0]));
	while (!export.done)
		length += sekisho_engine_export(bench.engine, &export, record + length,
						sizeof(record) - length);
	assert_int_equal(export.records, 1);
	assert_int_equal(sekisho_record_check(record, length, &terms, &owner), length);
	bench_fini(&bench);
}

/*
 * An image from before a kill: the connection has gone on since, further than any window. Who has the rule
 * says where it is; who has none only makes the host say it, and then the windows hold (STRICT-2, 13, 15).
 */
static void tcp_has_gone_on_unseen(void **state)
{
	static const struct row download[] = {
		{100, "in tcp 80 40000 A 900000000 70001 1000", "flow-answer"},
		{101, "in tcp 80 40000 SA 900000000 70001 0", "out-of-window"},
		{102, "in tcp 80 40000 R 900000000 0 0", "out-of-window"},
		{103, "out tcp 40000 80 A 70001 900001000 0", "flow-originator"},
		{104, "in tcp 80 40000 A 900001000 70001 1000", "flow-answer"},
		{105, "in tcp 80 40000 A 5001 1001 0", "out-of-window"},
		{106, "out tcp 40000 80 A 5 6 0", "out-of-window"},
		{107, "in tcp 80 40000 FA 900002000 70001 0", "flow-answer"},
	};
	static const struct row upload[] = {
		{100, "out tcp 40000 80 A 1900000000 5001 1000", "flow-originator"},
		{101, "in tcp 80 40000 A 5001 1900050000 0", "flow-answer"},
		{101, "out tcp 40000 80 A 1900050000 5001 1000", "flow-originator"},
		{101, "in tcp 80 40000 A 5001 1900051000 0", "flow-answer"},
		{102, "in tcp 80 40000 A 905001 1900051000 0", "out-of-window"},
	};
	/* what comes again fits, and still the other side has got more */
	static const struct row again[] = {
		{100, "in tcp 80 40000 A 5001 1001 1000", "flow-answer"},
		{101, "out tcp 40000 80 A 1001 95001 0", "flow-originator"},
		{102, "in tcp 80 40000 A 95001 1001 1000", "flow-answer"},
		{103, "in tcp 80 40000 A 295001 1001 1000", "out-of-window"},
	};
	static const struct row late[] = {
		{300101, "in tcp 80 40000 A 900000000 70001 1000", "out-of-window"},
		{300101, "out tcp 40000 80 A 70001 900000000 0", "out-of-window"},
		{300102, "out tcp 40000 80 A 1001 5001 0", "flow-originator"},
	};
	static const struct {
		const struct row *rows;
		size_t count;
	} ways[] = {{download, sizeof(download) / sizeof(download[0])},
		    {upload, sizeof(upload) / sizeof(upload[0])},
		    {again, sizeof(again) / sizeof(again[0])},
		    {late, sizeof(late) / sizeof(late[0])}};
	struct bench before, next;
	struct records records;

	(void)state;
	founding(&before, 64);
	bench_send(&before, 0, "out tcp 40000 80 S 1000 0 0");
	bench_send(&before, 1, "in tcp 80 40000 SA 5000 1001 0");
	bench_send(&before, 2, "out tcp 40000 80 A 1001 5001 0");
	export(&before, 3, &records);
	records.terms.exact = false;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		founding(&next, 64);
		assert_int_equal(import(&next, &records, 100, 50, SEKISHO_IMPORT_RESUMED), 1);
		bench_run(&next, ways[i].rows, ways[i].count);
		bench_fini(&next);
	}
	/* nor does anything of this hold of an image from a stop */
	founding(&next, 64);
	records.terms.exact = true;
	assert_int_equal(import(&next, &records, 100, 50, SEKISHO_IMPORT_RESUMED), 1);
	bench_run(&next,
		  (const struct row[]){
			  {101, "in tcp 80 40000 A 900000000 70001 1000", "out-of-window"},
			  {102, "out tcp 40000 80 A 70001 900000000 0", "out-of-window"}},
		  2);
	bench_fini(&next);
	bench_fini(&before);
}

/* A flow is gone at the millisecond at which it would have been, had the engine gone on. */
static void flows_age_meanwhile(void **state)
{
	struct bench before, next;
	struct records records;

	(void)state;
	founding(&before, 64);
	bench_send(&before, 1000, "out udp 4000 53 junk"); /* 30 s */
	export(&before, 1000, &records);
	founding(&next, 64);
	assert_int_equal(import(&next, &records, 7, 30000, SEKISHO_IMPORT_EXPIRED), 1);
	assert_int_equal(import(&next, &records, 7, UINT64_MAX, SEKISHO_IMPORT_EXPIRED), 1);
	assert_int_equal(import(&next, &records, 7, 29990, SEKISHO_IMPORT_RESUMED), 1);
	bench_run(&next, (const struct row[]){{16, "in udp 53 4000 junk", "dns-malformed"}}, 1);
	bench_run(&next, (const struct row[]){{17, "in udp 53 4000 junk", "no-rule"}}, 1);
	bench_fini(&before);
	bench_fini(&next);
}

/* Whatever the semantics: what the policy of now does not admit is not resumed. */
static void rules_of_now(void **state)
{
	struct bench before, next;
	struct records records;
	struct sekisho_policy_spec spec;
	struct sekisho_rule_spec rule;

	(void)state;
	for (unsigned semantics = 0; semantics < 2; semantics++) {
		bench_init(&before, 64);
		bench_founding(&before, semantics);
		bench_send(&before, 0, "out udp 4000 99 junk");
		bench_send(&before, 0, "out udp 4001 99 junk");
		export(&before, 0, &records);
		assert_int_equal(records.count, 2);
		bench_init(&next, 64);
		sekisho_policy_spec_init(&spec, semantics);
		rule = bench_rule("g/tcp", SEKISHO_EGRESS, 6, bench_everything);
		bench_install(&next, &spec, &rule, 1);
		assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_WITHDRAWN), 2);
		rule = bench_rule("g/udp", SEKISHO_EGRESS, 17, bench_everything);
		bench_install(&next, &spec, &rule, 1);
		for (uint32_t i = 0; i < 16; i++)
			records.rules[i] = SEKISHO_RULE_NONE; /* of other names */
		assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_RESUMED), 2);
		assert_string_equal(
			sekisho_rule_name(next.names,
					  bench_send(&next, 1, "in udp 99 4000 junk").rule),
			"g/udp");
		bench_fini(&before);
		bench_fini(&next);
	}
}

/* An edge that is no more, and the same flow once more, as it was later. */
static void zones_and_twice(void **state)
{
	struct bench before, next;
	struct records records, later;
	struct sekisho_stats stats;

	(void)state;
	founding(&before, 64);
	bench_send(&before, 0, "out tcp 40000 80 S 1000 0 0");
	export(&before, 0, &records);
	bench_send(&before, 1, "in tcp 80 40000 SA 5000 1001 0");
	bench_send(&before, 2, "out tcp 40000 80 A 1001 5001 0");
	export(&before, 2, &later);
	founding(&next, 64);
	records.zones[0] = UINT16_MAX;
	assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_NO_ZONE), 1);
	records.zones[0] = 0;
	assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_RESUMED), 1);
	assert_int_equal(import(&next, &later, 0, 0, SEKISHO_IMPORT_RESUMED), 1);
	sekisho_engine_stats(next.engine, &stats);
	assert_int_equal(stats.flows, 1);
	assert_int_equal(stats.flows_half_open, 0);
	bench_run(&next, (const struct row[]){{3, "in tcp 80 40000 A 5001 1001 10", "flow-answer"}},
		  1);
	bench_fini(&before);
	bench_fini(&next);
}

/* A smaller table: what has been answered comes in before what has not. */
static void no_room(void **state)
{
	struct bench before, next;
	struct records records;
	struct sekisho_stats stats;
	char text[64];

	(void)state;
	founding(&before, 1024);
	for (unsigned i = 0; i < 32; i++) {
		snprintf(text, sizeof(text), "out udp %u 99 junk", 4000 + i);
		bench_send(&before, 0, text);
	}
	export(&before, 0, &records);
	founding(&next, 64);
	for (unsigned i = 0; i < 60; i++) {
		snprintf(text, sizeof(text), "out tcp %u 80 S 1000 0 0", 5000 + i);
		bench_send(&next, 0, text);
		if (i >= 20)
			continue;
		snprintf(text, sizeof(text), "in tcp 80 %u SA 5000 1001 0", 5000 + i);
		bench_send(&next, 0, text);
		snprintf(text, sizeof(text), "out tcp %u 80 A 1001 5001 0", 5000 + i);
		bench_send(&next, 0, text);
	}
	sekisho_engine_stats(next.engine, &stats);
	assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_RESUMED), 64 - stats.flows);
	assert_int_equal(import(&next, &records, 0, 0, SEKISHO_IMPORT_UNSOUND), 0);
	/* they answer, and now they are worth more than a half-open flow */
	for (unsigned i = 0; i < 32; i++) {
		snprintf(text, sizeof(text), "in udp 99 %u junk", 4000 + i);
		bench_send(&before, 1, text);
	}
	export(&before, 1, &records);
	assert_int_equal(import(&next, &records, 1, 0, SEKISHO_IMPORT_RESUMED), 32);
	bench_fini(&before);
	bench_fini(&next);
}

/* ---- hostile bytes ---------------------------------------------------------------------------- */

/* Any value in any byte is refused, or is a flow that traffic and ageing can live with. */
static void any_byte(void **state)
{
	static const uint8_t values[] = {0, 1, 2, 3, 4, 6, 13, 17, 0x7f, 0x80, 0x84, 0xfe, 0xff};
	static struct records records, bent;
	struct sekisho_record_owner owner;
	struct bench before, next;

	(void)state;
	founding(&before, 1024);
	talk(&before);
	export(&before, 20, &records);
	founding(&next, 64);
	for (size_t at = 0, length; at < records.length; at += length) {
		length = sekisho_record_check(records.bytes + at, records.length - at,
					      &records.terms, &owner);
		for (size_t cut = 0; cut < length; cut++)
			assert_int_equal(sekisho_record_check(records.bytes + at, cut,
							      &records.terms, &owner),
					 0);
		for (size_t i = 0; i < length * sizeof(values); i++) {
			bent = records;
			bent.terms.zones = bent.zones;
			bent.terms.rules = bent.rules;
			bent.bytes[at + i / sizeof(values)] = values[i % sizeof(values)];
			sekisho_engine_import(next.engine, 100, 0, bent.bytes + at, length,
					      &bent.terms);
		}
		bench_send(&next, 200, "in tcp 80 40000 A 5001 1011 0");
		bench_send(&next, 200, "in udp 4500 4500 esp");
		bench_send(&next, 200, "in udp 500 500 ike2 A a R 35 1");
	}
	bench_wait(&next, 200, 5000);
	bench_fini(&before);
	bench_fini(&next);
}

/* ---- the file --------------------------------------------------------------------------------- */

static const uint8_t key[32] = {1, 2, 3};

/* RFC 3720 B.4, at any place and in any pieces. */
static void crc32c_is_as_told(void **state)
{
	uint8_t bytes[40] = {0};

	(void)state;
	assert_int_equal(~crc32c(CRC32C_BEGIN, "123456789", 9), 0xe3069283);
	for (size_t at = 0; at < 8; at++) {
		for (uint8_t i = 0; i < 32; i++)
			bytes[at + i] = i;
		assert_int_equal(~crc32c(CRC32C_BEGIN, bytes + at, 32), 0x46dd794e);
		assert_int_equal(
			~crc32c(crc32c(CRC32C_BEGIN, bytes + at, at), bytes + 2 * at, 32 - at),
			0x46dd794e);
	}
}

/* An image of these records; a descriptor of it. */
static int image_of(const struct records *records)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	struct image_writer writer;

	assert_true(fd >= 0);
	image_begin(&writer, fd, 1234567, key);
	image_add_records(&writer, records->bytes, records->length, records->count);
	image_add_zone(&writer, "edge");
	for (unsigned i = 0; i < 16; i++)
		image_add_rule(&writer, i == 0 ? "" : "vpn/all-out");
	assert_int_equal(image_end(&writer), 0);
	return fd;
}

static void count_record(void *context, const uint8_t *bytes, size_t length,
			 const struct sekisho_record_owner *owner)
{
	(void)bytes;
	assert_true(length > 0);
	assert_int_equal(owner->zone, 0);
	++*(unsigned *)context;
}

static void image_round_trip(void **state)
{
	static struct records records;
	char message[IMAGE_MESSAGE_MAX];
	unsigned count = 0;
	const struct image_visitor visitor = {count_record, &count};
	struct bench bench;
	struct image image;
	int fd;

	(void)state;
	founding(&bench, 64);
	talk(&bench);
	export(&bench, 20, &records);
	fd = image_of(&records);
	assert_int_equal(image_open(&image, fd, message), 0);
	assert_int_equal(image.header.time_ms, 1234567);
	assert_memory_equal(image.header.proof_key, key, sizeof(key));
	assert_int_equal(image.header.rule_count, 16);
	assert_string_equal(image.zones[0], "edge");
	assert_string_equal(image.rules[0], "");
	assert_string_equal(image.rules[15], "vpn/all-out");
	assert_true(image_walk(&image, &visitor));
	assert_int_equal(count, records.count);
	image_close(&image);
	close(fd);
	bench_fini(&bench);
}

static void image_is_whole_or_none(void **state)
{
	static struct records records;
	static uint8_t bytes[RECORDS_MAX * SEKISHO_RECORD_MAX];
	char message[IMAGE_MESSAGE_MAX];
	struct bench bench;
	struct image image;
	ssize_t length;
	int fd;

	(void)state;
	founding(&bench, 64);
	talk(&bench);
	export(&bench, 20, &records);
	fd = image_of(&records);
	length = pread(fd, bytes, sizeof(bytes), 0);
	assert_true(length > 104);
	for (ssize_t i = 0; i < length; i++) {
		uint8_t other = bytes[i] ^ 0x10;

		assert_int_equal(pwrite(fd, &other, 1, i), 1);
		message[0] = '\0';
		assert_int_equal(image_open(&image, fd, message), -EINVAL);
		assert_int_not_equal(message[0], '\0');
		assert_int_equal(pwrite(fd, &bytes[i], 1, i), 1);
	}
	assert_int_equal(ftruncate(fd, length + 1), 0);
	assert_int_equal(image_open(&image, fd, message), -EINVAL);
	for (ssize_t cut = length - 1; cut >= 0; cut--) {
		assert_int_equal(ftruncate(fd, cut), 0);
		assert_int_equal(image_open(&image, fd, message), -EINVAL);
	}
	close(fd);
	bench_fini(&bench);
}

/* What was not finished has no header; what fails to be written is told. */
static void image_unfinished(void **state)
{
	char message[IMAGE_MESSAGE_MAX];
	struct image_writer writer;
	struct image image;
	uint8_t bytes[64] = {0};
	int fd = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	(void)state;
	image_begin(&writer, fd, 1, key);
	image_add_records(&writer, bytes, sizeof(bytes), 1);
	assert_int_equal(image_open(&image, fd, message), -EINVAL);
	close(fd);
	fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	image_begin(&writer, fd, 1, key);
	image_add_records(&writer, bytes, sizeof(bytes), 1);
	image_add_zone(&writer, "edge");
	assert_int_equal(image_end(&writer), -ENOSPC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_go_on),
		cmocka_unit_test(a_packet_in_the_meantime),
		cmocka_unit_test(tcp_has_gone_on_unseen),
		cmocka_unit_test(flows_age_meanwhile),
		cmocka_unit_test(rules_of_now),
		cmocka_unit_test(zones_and_twice),
		cmocka_unit_test(no_room),
		cmocka_unit_test(any_byte),
		cmocka_unit_test(image_round_trip),
		cmocka_unit_test(image_is_whole_or_none),
		cmocka_unit_test(image_unfinished),
		cmocka_unit_test(crc32c_is_as_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
