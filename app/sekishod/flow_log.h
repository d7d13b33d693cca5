/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_log.h: what has passed and what has not, in the format of VPC Flow Logs (AWS-150..169).
 *
 * Packets are summed up by 5-tuple, side and verdict over an interval, and each sum is a line. An edge
 * stands for the interface, its name for `interface-id`. Of the fields that AWS has, those that have no
 * meaning on a wire of one's own print `-`.
 *
 * Memory is taken at creation; a tuple that finds no room is lost, and its edge's lines end with
 * SKIPDATA. The table's hash is keyed, since strangers choose tuples. One thread.
 */
#ifndef SEKISHOD_FLOW_LOG_H
#define SEKISHOD_FLOW_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sekisho.h>

/* The default, version 2 (AWS-151). */
#define FLOW_LOG_DEFAULT                                                                        \
	"${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} " \
	"${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"

#define FLOW_LOG_FIELDS_MAX 64
#define FLOW_LOG_LINE_MAX   2048

struct flow_log_format {
	unsigned count;
	uint8_t fields[FLOW_LOG_FIELDS_MAX];
	unsigned version; /* highest of its fields' (AWS-152) */
};

/* Read "${field} ${field} ..."; 0, or -EINVAL and a sentence. Any thread. */
int flow_log_format_parse(struct flow_log_format *format, const char *text, char *message,
			  size_t size);

struct flow_log;

struct flow_log_settings {
	struct flow_log_format format;
	const char *account;           /* NULL: "-" */
	const char *const *interfaces; /* names by zone; outlive the log */
	unsigned interface_count;
	uint32_t entries; /* tuples of an interval; a power of two */
	uint64_t key;     /* random */
	void (*write)(void *context, const char *line, size_t length); /* a line with its newline */
	void *context;
};

/* NULL without memory. `now`: seconds since 1970, as everywhere here. */
struct flow_log *flow_log_create(const struct flow_log_settings *settings, double now);
void flow_log_destroy(struct flow_log *log);

struct flow_log_packet {
	const struct sekisho_tuple *tuple;
	double time;
	uint16_t zone;
	uint8_t direction; /* enum sekisho_direction */
	uint8_t reason;    /* enum sekisho_reason: passed or dropped */
};

/* Sum a packet up. What is never filtered, and link upkeep, is not logged (AWS-168). */
void flow_log_add(struct flow_log *log, const struct flow_log_packet *packet);

/* Packets were not seen: every edge's lines of this interval end with SKIPDATA. */
void flow_log_lose(struct flow_log *log);

/* Write the interval's lines and begin the next. */
void flow_log_flush(struct flow_log *log, double now);

#endif
