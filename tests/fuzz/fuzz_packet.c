/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_packet.c: any bytes as a frame. The first byte says how much of the wire was not captured,
 * so that clipped frames are met as well, and how much is clipped from the frame in a second look,
 * which must find the same or that the frame is cut.
 */
#include <stdlib.h>
#include <string.h>

#include <sekisho.h>

#include "fuzz.h"
#include "packet.h"

/* What must hold of every parsed frame. */
static void check(const struct packet *packet, uint32_t captured)
{
	const uint8_t *end = packet->frame + captured;

	FUZZ_CHECK(packet->reason <= PACKET_REASON_NONE);
	FUZZ_CHECK(packet->reason == PACKET_REASON_NONE ||
		   sekisho_reason_action(packet->reason) == SEKISHO_DROP);
	FUZZ_CHECK(packet->l4_captured <= packet->l4_length);
	FUZZ_CHECK(packet->l4_offset + packet->l4_captured <= captured);
	FUZZ_CHECK(packet->payload_captured <= packet->payload_length);
	/* UDP says its length in the first fragment for the whole datagram */
	FUZZ_CHECK(packet->payload_length <= packet->l4_length ||
		   (packet->is_fragment && packet->l4_kind == PACKET_L4_UDP));
	if (packet->payload != NULL)
		FUZZ_CHECK(packet->payload >= packet->frame + packet->l4_offset &&
			   packet->payload + packet->payload_captured <= end);
	FUZZ_CHECK(packet->kind == PACKET_IP ? packet->family == 4 || packet->family == 6
					     : packet->family == 0);
	FUZZ_CHECK(packet->fragment_offset == 0 || packet->l4_kind == PACKET_L4_NONE);
	if (packet->reason == PACKET_REASON_NONE && packet->is_fragment)
		FUZZ_CHECK(packet->fragment_offset + packet->fragment_length <= 65535);
}

static void check_quote(const struct packet *error, uint32_t captured)
{
	struct packet quoted;

	if (!packet_parse_quoted(&quoted, error))
		return;
	FUZZ_CHECK(error->l4_kind == PACKET_L4_ICMP_ERROR);
	FUZZ_CHECK(quoted.family == error->family);
	FUZZ_CHECK(quoted.l4_kind != PACKET_L4_ICMP_ERROR && quoted.fragment_offset == 0);
	FUZZ_CHECK(quoted.l4_offset + quoted.l4_captured <= captured);
}

/* Whatever can be read as IP has an owner, who is the same when the two addresses change places. */
static void check_owner(const struct packet *packet, uint8_t *bytes, uint32_t captured,
			uint32_t length)
{
	const struct sekisho_owners owners = {.engines = 3, .secret = {3, 5, 7, 11}};
	const struct sekisho_frame frame = {.data = bytes, .captured = captured, .length = length};
	uint32_t owner = sekisho_frame_owner(&owners, &frame);
	uint8_t *at = bytes + packet->ip_offset + (packet->family == 4 ? 12 : 8), address[16];
	size_t size = packet->family == 4 ? 4 : 16;

	FUZZ_CHECK(owner < owners.engines || owner == SEKISHO_OWNER_ANY);
	FUZZ_CHECK((packet->kind == PACKET_IP) == (owner != SEKISHO_OWNER_ANY));
	if (packet->kind != PACKET_IP)
		return;
	memcpy(address, at, size);
	memmove(at, at + size, size);
	memcpy(at + size, address, size);
	FUZZ_CHECK(sekisho_frame_owner(&owners, &frame) == owner);
}

/* Take apart `captured` bytes, which stand in memory of just that size. */
static uint8_t look(const uint8_t *bytes, uint32_t captured, uint32_t length)
{
	uint8_t *frame = malloc(captured > 0 ? captured : 1);
	struct packet packet;

	FUZZ_CHECK(frame != NULL);
	memcpy(frame, bytes, captured);
	packet_parse(&packet, frame, captured, length);
	check(&packet, captured);
	check_quote(&packet, captured);
	(void)packet_checksum_ok(&packet);
	check_owner(&packet, frame, captured, length);
	free(frame);
	return packet.reason;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t captured, clipped;
	uint8_t whole, cut;

	if (size < 1 || size > 70000)
		return 0;
	clipped = data[0];
	captured = (uint32_t)size - 1;
	look(data + 1, captured, captured + clipped);
	whole = look(data + 1, captured, captured);
	if (clipped > captured)
		return 0;
	cut = look(data + 1, captured - clipped, captured);
	FUZZ_CHECK(cut == whole || cut == SEKISHO_REASON_TRUNCATED);
	return 0;
}
