/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.h: packets in order of time, as Ethernet frames: those of one capture, or of a pair that was
 * recorded on both sides of a firewall, inside and outside.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <pcap/pcap.h>
#include <sekisho.h>

#include "copies.h"

#define SOURCE_FILES_MAX 2

enum source_side { SOURCE_ONLY, SOURCE_INSIDE, SOURCE_OUTSIDE };

struct source_file {
	pcap_t *pcap;
	const char *name;
	int link_type;
	uint64_t packets;
	bool has_next;
	struct timeval time; /* of the next packet, and its frame */
	struct sekisho_frame frame;
	uint8_t *scratch;
	size_t scratch_size;
};

struct source {
	struct source_file files[SOURCE_FILES_MAX];
	unsigned count;
	unsigned taken; /* file of the packet given out last; SOURCE_FILES_MAX at the beginning */
	struct copies copies;
	uint64_t in_both;
};

struct source_packet {
	struct timeval time;
	struct sekisho_frame frame; /* good until the next; direction and handle are not set */
	enum source_side side;      /* SOURCE_ONLY if there is one capture */
};

/*
 * Open captures ("-" is stdin): one, or that of the inside and that of the outside. Returns 0, or -1
 * after one line on stderr. Call source_fini() in any case.
 */
int source_init(struct source *source, char *const *captures, unsigned count);
void source_fini(struct source *source);

/*
 * The next packet. A packet that is in both captures is given once, as of the side where it was first.
 * Returns 1, 0 at the end, -1 after one line on stderr.
 */
int source_next(struct source *source, struct source_packet *packet);

#endif
