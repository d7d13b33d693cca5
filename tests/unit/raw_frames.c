/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "raw_frames.h"

static uint8_t *heap; /* the frame parsed last; payloads point into it */

void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

uint16_t checksum(const uint8_t *bytes, uint32_t length, uint32_t sum)
{
	for (uint32_t i = 0; i < length; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void seal(struct frame *frame)
{
	put16(frame->bytes + IP + 10, 0);
	put16(frame->bytes + IP + 10,
	      checksum(frame->bytes + IP, (frame->bytes[IP] & 15u) * 4u, 0));
}

struct frame v4_options(uint8_t protocol, const void *options, uint32_t option_bytes,
			const void *l4, uint32_t bytes)
{
	static const uint8_t ip[20] = {0x45, 0, 0,  0, 0xab, 0xcd, 0,  0, 64, 0,
				       0,    0, 10, 0, 0,    1,    10, 0, 0,  2};
	struct frame frame = {.length = IP + 20 + option_bytes + bytes};
	uint8_t *header = frame.bytes + IP;

	put16(frame.bytes + 12, 0x0800);
	memcpy(header, ip, 20);
	header[0] = (uint8_t)(0x45 + option_bytes / 4);
	header[9] = protocol;
	put16(header + 2, 20 + option_bytes + bytes);
	if (option_bytes > 0)
		memcpy(header + 20, options, option_bytes);
	if (bytes > 0)
		memcpy(header + 20 + option_bytes, l4, bytes);
	seal(&frame);
	return frame;
}

struct frame v4(uint8_t protocol, const void *l4, uint32_t bytes)
{
	return v4_options(protocol, NULL, 0, l4, bytes);
}

struct frame v4_fragment(uint8_t protocol, unsigned field, const void *data, uint32_t bytes)
{
	struct frame frame = v4(protocol, data, bytes);

	put16(frame.bytes + IP + 6, field);
	seal(&frame);
	return frame;
}

struct frame v6_chain(uint8_t next, const void *chain, uint32_t chain_bytes, const void *l4,
		      uint32_t bytes)
{
	struct frame frame = {.length = X6 + chain_bytes + bytes};
	uint8_t *ip = frame.bytes + IP;

	put16(frame.bytes + 12, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, chain_bytes + bytes);
	ip[6] = next;
	ip[7] = 255;
	ip[8] = ip[24] = 0x20;
	ip[9] = ip[25] = 0x01;
	ip[23] = 1;
	ip[39] = 2;
	if (chain_bytes > 0)
		memcpy(ip + 40, chain, chain_bytes);
	if (bytes > 0)
		memcpy(ip + 40 + chain_bytes, l4, bytes);
	return frame;
}

struct frame v6(uint8_t next, const void *l4, uint32_t bytes)
{
	return v6_chain(next, NULL, 0, l4, bytes);
}

struct frame tagged(struct frame frame, unsigned type, unsigned tci)
{
	memmove(frame.bytes + 16, frame.bytes + 12, frame.length - 12);
	put16(frame.bytes + 12, type);
	put16(frame.bytes + 14, tci);
	frame.length += 4;
	return frame;
}

struct packet parse(const struct frame *frame, uint32_t captured, uint32_t length)
{
	struct packet packet, quoted;

	free(heap);
	heap = malloc(captured > 0 ? captured : 1);
	assert_non_null(heap);
	memcpy(heap, frame->bytes, captured);
	memset(&packet, 0xa5, sizeof(packet));
	packet_parse(&packet, captured > 0 ? heap : heap + 1, captured, length);
	assert_true(packet.reason <= NONE);
	assert_true(packet.l4_captured <= packet.l4_length);
	assert_true(packet.l4_offset + packet.l4_captured <= captured);
	assert_true(packet.payload_captured <= packet.payload_length);
	assert_int_equal(packet.frame_length, length);
	if (packet.l4_kind == PACKET_L4_ICMP_ERROR)
		(void)packet_parse_quoted(&quoted, &packet);
	(void)packet_checksum_ok(&packet);
	return packet;
}

struct packet expect(struct frame frame, unsigned reason)
{
	struct packet packet = parse(&frame, frame.length, frame.length);

	assert_int_equal(packet.reason, reason);
	return packet;
}

struct packet patched(struct frame frame, uint32_t at, unsigned value, unsigned reason)
{
	frame.bytes[at] = (uint8_t)value;
	if (frame.bytes[12] == 8 && (frame.bytes[IP] & 15) >= 5)
		seal(&frame);
	return expect(frame, reason);
}

struct frame syn4(void)
{
	return v4(6, TCP_SYN, sizeof(TCP_SYN));
}

struct frame syn6(void)
{
	return v6(6, TCP_SYN, sizeof(TCP_SYN));
}

struct frame error_about(struct frame inner, uint32_t bytes)
{
	uint8_t message[600] = {3, 1};
	int family = inner.bytes[IP] >> 4;

	message[0] = family == 4 ? 3 : 1;
	memcpy(message + 8, inner.bytes + IP, bytes);
	return family == 4 ? v4(1, message, 8 + bytes) : v6(58, message, 8 + bytes);
}

int free_heap(void **state)
{
	(void)state;
	free(heap);
	return 0;
}
