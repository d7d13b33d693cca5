/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz_words.c: any text as a packet in words. What is refused is refused with a column and words; what is
 * accepted is the same frame each time, which can be read back.
 */
#include <stdlib.h>
#include <string.h>

#include <packet_words.h>
#include <sekisho.h>

#include "fuzz.h"

static void check_refusal(const char *text, const struct packet_words_error *error)
{
	FUZZ_CHECK(error->column >= 1 && error->column <= strlen(text) + 1);
	FUZZ_CHECK(error->text[0] != '\0' &&
		   memchr(error->text, '\0', sizeof(error->text)) != NULL);
	for (const char *at = error->text; *at != '\0'; at++)
		FUZZ_CHECK((unsigned char)*at >= ' ' && *at != 0x7f);
}

static void check_frame(const uint8_t *bytes, uint32_t length)
{
	const struct sekisho_frame frame = {.data = bytes, .captured = length, .length = length};
	struct sekisho_tuple tuple;

	FUZZ_CHECK(length <= PACKET_WORDS_FRAME_MAX);
	sekisho_frame_tuple(&frame, &tuple);
	FUZZ_CHECK(tuple.ether_type == 0x0800 || tuple.ether_type == 0x86dd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct packet_words_name list[] = {{"a", "198.51.100.1"},
							{"b", "2001:db8::2"}};
	static const struct packet_words_names names = {list, 2};
	static uint8_t frame[PACKET_WORDS_FRAME_MAX], again[PACKET_WORDS_FRAME_MAX];
	struct packet_words_error error;
	char *text = malloc(size + 1);
	uint32_t length;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	length = packet_words_frame(text, &names, frame, &error);
	if (length == 0) {
		check_refusal(text, &error);
	} else {
		check_frame(frame, length);
		FUZZ_CHECK(packet_words_frame(text, &names, again, &error) == length);
		FUZZ_CHECK(memcmp(frame, again, length) == 0);
	}
	free(text);
	return 0;
}
