/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * probe.h: asking a policy what it would do, without a capture: packets made to order, and an engine
 * that is put back to its beginning as often as one likes.
 */
#ifndef PROBE_H
#define PROBE_H

#include "trace.h"

#define PROBE_FLOWS     64 /* that an engine has room for: all are swept at one step of the clock */
#define PROBE_FRAME_MAX 512

/* Ask about one frame. */
struct sekisho_verdict probe_ask(const struct trace_judge *judge, uint32_t now_ms,
				 const struct sekisho_frame *frame);

/*
 * Forget all flows. The clock goes once round its 32 bits, in steps that are longer than any timer: it
 * is `now_ms` again afterwards, and all flows are over.
 */
void probe_forget(const struct trace_judge *judge, uint32_t now_ms);

/* What a packet is made from. */
struct probe_packet {
	uint8_t family, protocol;
	uint8_t source[16], destination[16];    /* IPv4 in the first 4 bytes */
	uint16_t source_port, destination_port; /* TCP, UDP */
	uint8_t tcp_flags;                      /* as on the wire */
	uint32_t seq, ack;
	uint8_t icmp_type, icmp_code;
	uint8_t payload[256]; /* after layer 4's header; ICMP: after its first 4 bytes */
	uint16_t payload_length;
};

/* Make the frame, with right lengths and checksums; returns its length. */
uint32_t probe_frame(const struct probe_packet *packet, uint8_t bytes[PROBE_FRAME_MAX]);

#endif
