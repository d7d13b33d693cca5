/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * source.c: reading captures through libpcap, and merging two of them.
 *
 * Of a pair each file has its next packet ready; the earlier goes first. A packet that crossed the
 * firewall was recorded on both sides: what comes second is a copy, and is passed over (copies.h).
 */
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "link.h"

#define ERA (INT64_C(1) << 32) /* as many seconds as a pcap file can tell apart */

/* ---- one file -------------------------------------------------------------------------------- */

/* Returns 0, or -1 after one line on stderr. */
static int file_open(struct source_file *file, const char *capture)
{
	char message[PCAP_ERRBUF_SIZE] = "";
	struct stat status;

	*file = (struct source_file){.name = capture, .time.tv_sec = ERA / 2};
	if (strcmp(capture, "-") != 0 && stat(capture, &status) == 0 && S_ISDIR(status.st_mode)) {
		fprintf(stderr, "sekisho: %s: is a directory, must be a capture\n", capture);
		return -1;
	}
	file->pcap = pcap_open_offline(capture, message);
	if (!file->pcap) {
		size_t prefix = strlen(capture);

		/* libpcap names the file in some of its messages and not in others. */
		if (strncmp(message, capture, prefix) == 0 && message[prefix] == ':')
			fprintf(stderr, "sekisho: %s\n", message);
		else
			fprintf(stderr, "sekisho: %s: %s\n", capture, message);
		return -1;
	}
	file->link_type = pcap_datalink(file->pcap);
	if (!link_supported(file->link_type)) {
		const char *word = pcap_datalink_val_to_name(file->link_type);

		fprintf(stderr,
			"sekisho: %s: link type %s (%d) is not supported, must be EN10MB, RAW, "
			"IPV4, "
			"IPV6, LINUX_SLL, LINUX_SLL2, NULL, LOOP or PPP\n",
			capture, word ? word : "unknown", file->link_type);
		pcap_close(file->pcap);
		file->pcap = NULL;
		return -1;
	}
	return 0;
}

/*
 * Put a captured packet as an Ethernet frame into the scratch buffer. Returns 0, or -1 when there
 * is no memory.
 */
static int frame_make(struct source_file *file, const struct pcap_pkthdr *header,
		      const uint8_t *data, struct sekisho_frame *frame)
{
	uint32_t captured = header->caplen;
	uint32_t length = header->len < captured ? captured : header->len;
	size_t need = (size_t)captured + LINK_ETHERNET_HEADER;
	uint8_t ethernet[LINK_ETHERNET_HEADER] = {0};
	struct link_payload payload;
	bool whole = link_read(file->link_type, data, captured, &payload);
	uint8_t *at;

	if (need > file->scratch_size) {
		free(file->scratch);
		file->scratch = malloc(need);
		file->scratch_size = file->scratch ? need : 0;
		if (!file->scratch)
			return -1;
	}
	at = file->scratch;
	*frame = (struct sekisho_frame){.data = at};
	if (payload.is_ethernet) {
		memcpy(at, data, captured);
		frame->captured = captured;
		frame->length = length;
		return 0;
	}
	if (!whole) {
		/* Nothing to stand on: an empty frame, which the engine calls truncated. */
		return 0;
	}
	ethernet[12] = (uint8_t)(payload.ether_type >> 8);
	ethernet[13] = (uint8_t)payload.ether_type;
	memcpy(at, ethernet, sizeof(ethernet));
	memcpy(at + LINK_ETHERNET_HEADER, data + payload.offset, captured - payload.offset);
	frame->captured = captured - payload.offset + LINK_ETHERNET_HEADER;
	/* A length near 2^32 is a lie; keep it from wrapping below what was captured. */
	frame->length = length - payload.offset;
	frame->length = frame->length > UINT32_MAX - LINK_ETHERNET_HEADER
				? UINT32_MAX
				: frame->length + LINK_ETHERNET_HEADER;
	return 0;
}

/*
 * A packet's seconds, in the era that is nearest to the packet before: a pcap file has 32 bits of them,
 * which libpcap takes as signed, so that a clock would go back in 2038, and in 2106 as well.
 */
static time_t seconds_unfold(time_t seconds, time_t before)
{
	if (seconds < -ERA / 2 || seconds >= ERA / 2 || before < -ERA || before > 2 * ERA)
		return seconds;
	return before + (int32_t)((uint32_t)seconds - (uint32_t)before);
}

/* Make a file's next packet ready. Returns 0, or -1 after one line on stderr. */
static int file_advance(struct source_file *file)
{
	struct pcap_pkthdr *header;
	const uint8_t *data;
	int status = pcap_next_ex(file->pcap, &header, &data);

	file->has_next = status == 1;
	if (status == PCAP_ERROR) {
		fprintf(stderr, "sekisho: %s: after packet %" PRIu64 ": %s\n", file->name,
			file->packets, pcap_geterr(file->pcap));
		return -1;
	}
	if (!file->has_next)
		return 0;
	file->packets++;
	file->time.tv_sec = seconds_unfold(header->ts.tv_sec, file->time.tv_sec);
	file->time.tv_usec = header->ts.tv_usec;
	if (frame_make(file, header, data, &file->frame)) {
		fprintf(stderr, "sekisho: %s: out of memory\n", file->name);
		return -1;
	}
	return 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

int source_init(struct source *source, char *const *captures, unsigned count)
{
	*source = (struct source){.count = count};
	for (unsigned i = 0; i < count; i++)
		if (file_open(&source->files[i], captures[i]))
			return -1;
	if (count == 2 && copies_init(&source->copies)) {
		fputs("sekisho: out of memory\n", stderr);
		return -1;
	}
	source->taken = SOURCE_FILES_MAX;
	return 0;
}

void source_fini(struct source *source)
{
	for (unsigned i = 0; i < source->count; i++) {
		if (source->files[i].pcap)
			pcap_close(source->files[i].pcap);
		free(source->files[i].scratch);
	}
	copies_fini(&source->copies);
}

static bool is_earlier(const struct timeval *a, const struct timeval *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_usec < b->tv_usec;
}

/* The file whose packet is next; NULL at the end. */
static struct source_file *file_next(struct source *source)
{
	struct source_file *next = NULL;

	for (unsigned i = 0; i < source->count; i++) {
		struct source_file *file = &source->files[i];

		if (file->has_next && (!next || is_earlier(&file->time, &next->time)))
			next = file;
	}
	return next;
}

/* A packet's frame was used: read the next of its file; of all files at the beginning. */
static int files_advance(struct source *source)
{
	int status = 0;

	for (unsigned i = 0; i < source->count; i++)
		if (source->taken == SOURCE_FILES_MAX || source->taken == i)
			status |= file_advance(&source->files[i]);
	return status;
}

int source_next(struct source *source, struct source_packet *packet)
{
	struct source_file *file;

	for (;;) {
		if (files_advance(source))
			return -1;
		file = file_next(source);
		if (!file)
			return 0;
		source->taken = (unsigned)(file - source->files);
		*packet = (struct source_packet){.time = file->time, .frame = file->frame};
		if (source->count == 1)
			return 1;
		packet->side = source->taken == 0 ? SOURCE_INSIDE : SOURCE_OUTSIDE;
		if (!copies_take(&source->copies, &packet->frame, &packet->time, source->taken))
			return 1;
		source->in_both++;
	}
}
