/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_packet.c: any bytes as a frame. The first byte says how much of the wire was not captured,
 * so that clipped frames are met as well; the sanitizers and the asserts are the oracle.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold of every parsed frame. */
static void check(const struct packet *packet, uint32_t captured)
{
	assert(packet->reason <= PACKET_REASON_NONE);
	assert(packet->l4_captured <= packet->l4_length);
	assert(packet->l4_offset + packet->l4_captured <= captured);
	assert(packet->payload_captured <= packet->payload_length);
	assert(packet->payload_length <= packet->l4_length);
	if (packet->payload != NULL)
		assert(packet->payload + packet->payload_captured <= packet->frame + captured);
	assert(packet->kind == PACKET_IP ? packet->family == 4 || packet->family == 6
					 : packet->family == 0);
}

/* The entry of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct packet packet, quoted;
	uint32_t captured, clipped;
	uint8_t *frame;

	if (size < 1 || size > 70000)
		return 0;
	clipped = data[0];
	captured = (uint32_t)size - 1;
	/* exactly sized, so that one byte too far is seen */
	frame = malloc(captured > 0 ? captured : 1);
	if (frame == NULL)
		return 0;
	memcpy(frame, data + 1, captured);
	packet_parse(&packet, frame, captured, captured + clipped);
	check(&packet, captured);
	if (packet.l4_kind == PACKET_L4_ICMP_ERROR && packet_parse_quoted(&quoted, &packet)) {
		assert(quoted.family == packet.family);
		assert(quoted.l4_kind != PACKET_L4_ICMP_ERROR);
		assert(quoted.l4_offset + quoted.l4_captured <= captured);
	}
	(void)packet_checksum_ok(&packet);
	free(frame);
	return 0;
}
