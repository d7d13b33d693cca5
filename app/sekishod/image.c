/* SPDX-License-Identifier: BSD-3-Clause */
/* image.c: see image.h. Read in pieces, so that a large image takes no memory but for its names. */
#include "image.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crc32c.h"

#define MAGIC       "sekishoF"
#define ORDER       0x01020304u
#define PIECE       65536u
#define ZONES_MAX   65535u /* of an engine */
#define RULES_MAX   (1u << 24)
#define NAMES_MAX   (1u << 30)
#define HEADER_SIZE sizeof(struct image_header)

static uint32_t header_checksum(const struct image_header *header)
{
	return crc32c(CRC32C_BEGIN, header, offsetof(struct image_header, checksum));
}

/* ---- writing ---------------------------------------------------------------------------------- */

static void write_at(struct image_writer *writer, const void *bytes, size_t length, uint64_t offset)
{
	const uint8_t *from = bytes;

	while (writer->error == 0 && length > 0) {
		ssize_t done = pwrite(writer->fd, from, length, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			writer->error = -errno;
			return;
		}
		from += done;
		offset += (uint64_t)done;
		length -= (size_t)done;
	}
}

void image_begin(struct image_writer *writer, int fd, uint64_t time_ms, const uint8_t proof_key[32])
{
	*writer = (struct image_writer){.fd = fd,
					.header = {.order = ORDER,
						   .version = IMAGE_VERSION,
						   .layout = SEKISHO_RECORD_LAYOUT,
						   .body_checksum = CRC32C_BEGIN,
						   .time_ms = time_ms,
						   .length = HEADER_SIZE,
						   .names_at = HEADER_SIZE}};
	memcpy(writer->header.magic, MAGIC, sizeof(writer->header.magic));
	memcpy(writer->header.proof_key, proof_key, sizeof(writer->header.proof_key));
}

static void body_add(struct image_writer *writer, const void *bytes, size_t length)
{
	struct image_header *header = &writer->header;

	write_at(writer, bytes, length, header->length);
	header->body_checksum = crc32c(header->body_checksum, bytes, length);
	header->length += length;
}

void image_add_records(struct image_writer *writer, const uint8_t *bytes, size_t length,
		       uint64_t records)
{
	body_add(writer, bytes, length);
	writer->header.records += records;
	writer->header.names_at = writer->header.length;
}

static void name_add(struct image_writer *writer, const char *name)
{
	size_t length = strnlen(name, IMAGE_NAME_MAX);
	uint8_t bytes[2 + IMAGE_NAME_MAX];

	bytes[0] = (uint8_t)length;
	bytes[1] = (uint8_t)(length >> 8);
	memcpy(bytes + 2, name, length);
	body_add(writer, bytes, 2 + length);
}

void image_add_zone(struct image_writer *writer, const char *name)
{
	name_add(writer, name);
	writer->header.zone_count++;
}

void image_add_rule(struct image_writer *writer, const char *name)
{
	name_add(writer, name);
	writer->header.rule_count++;
}

void image_set_exact(struct image_writer *writer)
{
	writer->header.exact = 1;
}

int image_end(struct image_writer *writer)
{
	writer->header.checksum = header_checksum(&writer->header);
	write_at(writer, &writer->header, HEADER_SIZE, 0);
	if (writer->error == 0 && fsync(writer->fd) < 0)
		writer->error = -errno;
	return writer->error;
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* Read so many bytes. False if they are not there. */
static bool read_at(int fd, void *bytes, size_t length, uint64_t offset)
{
	uint8_t *to = bytes;

	while (length > 0) {
		ssize_t got = pread(fd, to, length, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			errno = got < 0 ? errno : EINVAL;
			return false;
		}
		to += got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	return true;
}

/* Why a header that is there whole is not that of an image for us; NULL if it is. */
static const char *header_refuse(const struct image_header *header, uint64_t size)
{
	if (memcmp(header->magic, MAGIC, sizeof(header->magic)) != 0)
		return "it is no flow image, or was not finished";
	if (header->order != ORDER)
		return "it is from a machine of another byte order";
	if (header->version != IMAGE_VERSION || header->layout != SEKISHO_RECORD_LAYOUT)
		return "it is from another version of sekishod";
	if (header->checksum != header_checksum(header))
		return "its header is damaged";
	if (header->length != size)
		return "it is not as long as it says";
	if (header->names_at < HEADER_SIZE || header->names_at > size ||
	    size - header->names_at > NAMES_MAX || header->exact > 1 ||
	    header->zone_count > ZONES_MAX || header->rule_count > RULES_MAX ||
	    2 * (uint64_t)(header->zone_count + header->rule_count) > size - header->names_at)
		return "its header makes no sense";
	return NULL;
}

/* The numbers alone, which is all that can be checked of them. */
static struct sekisho_record_terms bounds(const struct image *image)
{
	return (struct sekisho_record_terms){.zone_count = image->header.zone_count,
					     .rule_count = image->header.rule_count};
}

/* Call the visitor, if there is one, for all records of a piece that are in it whole. */
static size_t visit(const struct image *image, const struct image_visitor *visitor,
		    const uint8_t *piece, size_t length, uint64_t *records)
{
	const struct sekisho_record_terms terms = bounds(image);
	struct sekisho_record_owner owner;
	size_t at = 0, one;

	while ((one = sekisho_record_check(piece + at, length - at, &terms, &owner)) > 0) {
		if (visitor != NULL)
			visitor->record(visitor->context, piece + at, one, &owner);
		at += one;
		++*records;
	}
	return at;
}

/*
 * Go through the records, calling the visitor if there is one, and checksum them. False if one is not
 * sound, or there are more or fewer than was said.
 */
static bool records_walk(const struct image *image, const struct image_visitor *visitor,
			 uint32_t *sum)
{
	uint64_t offset = HEADER_SIZE, records = 0;
	uint8_t piece[PIECE];
	size_t kept = 0;

	while (offset < image->header.names_at) {
		uint64_t left = image->header.names_at - offset;
		size_t more = left < PIECE - kept ? (size_t)left : PIECE - kept, done;

		if (!read_at(image->fd, piece + kept, more, offset))
			return false;
		*sum = crc32c(*sum, piece + kept, more);
		offset += more;
		done = visit(image, visitor, piece, kept + more, &records);
		kept = kept + more - done;
		if (kept >= SEKISHO_RECORD_MAX)
			return false;
		memmove(piece, piece + done, kept);
	}
	return kept == 0 && records == image->header.records;
}

/* Find the names among their bytes. NULL: these are other bytes than names. */
static char **names_find(char *const end, char **at, uint32_t count)
{
	char **names = calloc((size_t)count + 1, sizeof(*names)), *next = *at;
	uint32_t found = 0;

	for (; names != NULL && found < count && end - next >= 2; found++) {
		size_t length = (uint8_t)next[0] | (size_t)(uint8_t)next[1] << 8;

		if (length > IMAGE_NAME_MAX || (size_t)(end - next) < 2 + length ||
		    memchr(next + 2, 0, length) != NULL)
			break;
		/* where the length stood there is room for the end */
		memmove(next, next + 2, length);
		next[length] = '\0';
		names[found] = next;
		next += 2 + length;
	}
	if (names == NULL || found < count) {
		free(names);
		return NULL;
	}
	*at = next;
	return names;
}

/* Read the names. NULL, or why they cannot be. */
static const char *names_read(struct image *image, uint32_t *sum)
{
	const struct image_header *header = &image->header;
	size_t length = (size_t)(header->length - header->names_at);
	char *next;

	image->names = malloc(length + 1);
	if (image->names == NULL)
		return "no memory for its names";
	if (!read_at(image->fd, image->names, length, header->names_at))
		return "it cannot be read";
	*sum = crc32c(*sum, image->names, length);
	next = image->names;
	image->zones = names_find(image->names + length, &next, header->zone_count);
	if (image->zones != NULL)
		image->rules = names_find(image->names + length, &next, header->rule_count);
	return image->rules == NULL || next != image->names + length ? "its names are damaged"
								     : NULL;
}

int image_open(struct image *image, int fd, char message[IMAGE_MESSAGE_MAX])
{
	uint32_t sum = CRC32C_BEGIN;
	const char *wrong = NULL;
	struct stat status;

	*image = (struct image){.fd = fd};
	if (fstat(fd, &status) < 0) {
		snprintf(message, IMAGE_MESSAGE_MAX, "%s", strerror(errno));
		return -EIO;
	}
	if (!S_ISREG(status.st_mode))
		wrong = "it is no file";
	else if (!read_at(fd, &image->header, HEADER_SIZE, 0))
		wrong = "it is too short for a flow image";
	else
		wrong = header_refuse(&image->header, (uint64_t)status.st_size);
	if (wrong == NULL && !records_walk(image, NULL, &sum))
		wrong = "a record is damaged";
	if (wrong == NULL)
		wrong = names_read(image, &sum);
	if (wrong == NULL && sum != image->header.body_checksum)
		wrong = "its checksum is another";
	if (wrong == NULL)
		return 0;
	snprintf(message, IMAGE_MESSAGE_MAX, "%s", wrong);
	image_close(image);
	return -EINVAL;
}

void image_close(struct image *image)
{
	free(image->zones);
	free(image->rules);
	free(image->names);
	*image = (struct image){.fd = -1};
}

bool image_walk(const struct image *image, const struct image_visitor *visitor)
{
	uint32_t sum = CRC32C_BEGIN;

	return records_walk(image, visitor, &sum);
}
