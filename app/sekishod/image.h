/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * image.h: the flow image, a file of flows that outlives the daemon. What is in a record is the library's
 * matter (sekisho.h); this is what is around them, and knows neither workers nor engines.
 *
 *	header     of a fixed length: what it is, when it was made, how much of what follows, two checksums
 *	records    of flows and address pairs, one after the other, each as long as it says itself
 *	names      of the zones and of the rules that records have numbers of: a length, then the bytes
 *
 * The header is written last, so a file that was not finished has none; that of another length than it
 * says, or whose bytes have another checksum, is refused whole. So are images of another version, of
 * another layout of records, and of a machine of another byte order. The checksum is CRC-32C: it is there
 * against accidents. Who can write the file can as well write a sound one: each record is checked.
 */
#ifndef SEKISHOD_IMAGE_H
#define SEKISHOD_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <sekisho.h>

#define IMAGE_MESSAGE_MAX 256
#define IMAGE_VERSION     1
#define IMAGE_NAME_MAX    4096 /* bytes of a zone's or a rule's name */

struct image_header {
	char magic[8];
	uint32_t order; /* tells the byte order */
	uint32_t version, layout;
	uint32_t zone_count, rule_count;
	uint32_t body_checksum;
	uint64_t time_ms; /* since 1970 */
	uint64_t length;  /* of the file */
	uint64_t records;
	uint64_t names_at; /* where names begin */
	uint8_t proof_key[32];
	uint32_t exact;    /* 1: no packet has passed since; 0 */
	uint32_t checksum; /* of the header up to here */
};

_Static_assert(sizeof(struct image_header) == 104, "without padding");

/* ---- writing ---------------------------------------------------------------------------------- */

struct image_writer {
	int fd;
	int error; /* -errno of the first write that failed; then nothing more is written */
	struct image_header header;
};

/* Begin in an empty file that is open for writing, and stays the caller's. */
void image_begin(struct image_writer *writer, int fd, uint64_t time_ms,
		 const uint8_t proof_key[32]);

void image_add_records(struct image_writer *writer, const uint8_t *bytes, size_t length,
		       uint64_t records);

/* Names are added after all records: those of zones first, both in the order of their numbers. */
void image_add_zone(struct image_writer *writer, const char *name);
void image_add_rule(struct image_writer *writer, const char *name);

/* No packet has passed since the records were made, nor will. */
void image_set_exact(struct image_writer *writer);

/* Write the header, and make sure that all of it is on the disk. 0, or -errno of whatever failed. */
int image_end(struct image_writer *writer);

/* ---- reading ---------------------------------------------------------------------------------- */

struct image {
	int fd;
	struct image_header header;
	char **zones, **rules; /* names by number */
	char *names;           /* their bytes */
};

/*
 * Read all of a file, which stays the caller's while the image is used. 0; or -EINVAL and why it is no
 * image that can be used, or another -errno and a message. Then there is nothing to close.
 */
int image_open(struct image *image, int fd, char message[IMAGE_MESSAGE_MAX]);
void image_close(struct image *image);

/* What is done with each record, which is sound. */
struct image_visitor {
	void (*record)(void *context, const uint8_t *bytes, size_t length,
		       const struct sekisho_record_owner *owner);
	void *context;
};

/* Go through all records. False if the file is no longer what was opened. */
bool image_walk(const struct image *image, const struct image_visitor *visitor);

#endif
