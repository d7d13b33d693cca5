/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * flow_set.c: writes the two captures that all peers are given: what flows send out, and what comes in
 * to answer. UDP, 64 bytes with the check sequence, one packet a flow and side, each side in a random
 * order of its own. The first of each flow comes from the inside when both are played at once, or at
 * least the second time round.
 */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <frames.h>

#define LENGTH    60 /* without the check sequence */
#define FLOWS_MAX 4000000
#define FRAMES    64 /* at least, so that there are whole bursts of one flow */

static int side_write(const char *path, uint32_t flows, uint8_t direction)
{
	uint32_t *order = frames_shuffled(flows);
	uint32_t frames = flows < FRAMES ? FRAMES : flows;
	pcap_t *format = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *to = format ? pcap_dump_open(format, path) : NULL;
	int failed = order == NULL || to == NULL;

	for (uint32_t i = 0; !failed && i < frames; i++) {
		/* answers follow half a round after what they answer */
		uint32_t at = direction == SEKISHO_EGRESS ? i : i + flows / 2;
		struct frames_spec spec = {.space = &frames_space_default,
					   .kind = FRAMES_UDP,
					   .flow = order[at % flows],
					   .direction = direction,
					   .length = LENGTH};
		struct pcap_pkthdr header = {.caplen = LENGTH, .len = LENGTH};
		uint8_t frame[LENGTH];

		frames_write(frame, &spec);
		pcap_dump((u_char *)to, &header, frame);
	}
	if (to != NULL) {
		failed = pcap_dump_flush(to) != 0 || failed;
		pcap_dump_close(to);
	}
	if (format != NULL)
		pcap_close(format);
	free(order);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned long flows = argc == 4 ? strtoul(argv[1], NULL, 10) : 0;

	if (flows < 1 || flows > FLOWS_MAX) {
		fprintf(stderr, "usage: flow_set FLOWS OUT.pcap IN.pcap, of 1 to %d flows\n",
			FLOWS_MAX);
		return EXIT_FAILURE;
	}
	if (side_write(argv[2], (uint32_t)flows, SEKISHO_EGRESS) != 0 ||
	    side_write(argv[3], (uint32_t)flows, SEKISHO_INGRESS) != 0) {
		fprintf(stderr, "flow_set: cannot write %s or %s\n", argv[2], argv[3]);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
