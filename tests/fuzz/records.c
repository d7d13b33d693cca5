/* SPDX-License-Identifier: BSD-3-Clause */
/* records.c: see records.h. */
#include "records.h"

#include <stdbool.h>
#include <string.h>

/* A list under change; index 0 is the head, which stays. */
struct list {
	uint8_t (*record)[RECORD_SIZE];
	size_t count, max;
	uint64_t random;
};

size_t records_count(size_t size)
{
	size_t count = size < RECORD_SIZE ? 0 : size / RECORD_SIZE - 1;

	return count < RECORDS_MAX ? count : RECORDS_MAX;
}

const uint8_t *records_at(const uint8_t *data, size_t i)
{
	return data + (i + 1) * RECORD_SIZE;
}

/* xorshift64*: the same seed makes the same change. */
static uint32_t draw(struct list *list, uint32_t below)
{
	list->random ^= list->random >> 12;
	list->random ^= list->random << 25;
	list->random ^= list->random >> 27;
	return (uint32_t)((list->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % below;
}

/* Any record but the head; the list must have one. */
static size_t pick(struct list *list)
{
	return 1 + draw(list, (uint32_t)list->count - 1);
}

/* Change a byte of a record, mostly by little. */
static void change_byte(struct list *list, size_t at)
{
	static const uint8_t edges[] = {0, 1, 2, 4, 8, 0x10, 0x20, 0x40, 0x7f, 0x80, 0xff};
	uint8_t *byte = &list->record[at][draw(list, RECORD_SIZE)];

	switch (draw(list, 5)) {
	case 0:
		*byte = (uint8_t)draw(list, 256);
		break;
	case 1:
		*byte = edges[draw(list, sizeof(edges))];
		break;
	case 2:
		*byte ^= (uint8_t)(1u << draw(list, 8));
		break;
	case 3:
		*byte = (uint8_t)(*byte + 1);
		break;
	default:
		*byte = (uint8_t)(*byte - 1);
		break;
	}
}

/* Open a gap for one record before `at`; false if the list is full. */
static bool make_gap(struct list *list, size_t at)
{
	if (list->count == list->max)
		return false;
	memmove(list->record[at + 1], list->record[at], (list->count - at) * RECORD_SIZE);
	list->count++;
	return true;
}

/* Add a record: a new one with few bytes set, or a copy of another with a byte changed. */
static void add(struct list *list)
{
	size_t at = 1 + draw(list, (uint32_t)list->count);
	uint8_t record[RECORD_SIZE] = {0};
	uint32_t changes = draw(list, 6);

	if (list->count > 1 && draw(list, 2) == 0) {
		memcpy(record, list->record[pick(list)], RECORD_SIZE);
		changes = draw(list, 3);
	}
	if (!make_gap(list, at))
		return;
	memcpy(list->record[at], record, RECORD_SIZE);
	while (changes-- > 0)
		change_byte(list, at);
}

static void drop(struct list *list)
{
	size_t at = pick(list), length = 1 + draw(list, 4);

	if (length > list->count - at)
		length = list->count - at;
	memmove(list->record[at], list->record[at + length],
		(list->count - at - length) * RECORD_SIZE);
	list->count -= length;
}

static void swap(struct list *list)
{
	size_t one = pick(list), other = pick(list);
	uint8_t record[RECORD_SIZE];

	memcpy(record, list->record[one], RECORD_SIZE);
	memcpy(list->record[one], list->record[other], RECORD_SIZE);
	memcpy(list->record[other], record, RECORD_SIZE);
}

/* Repeat a run of records at the end. */
static void repeat(struct list *list)
{
	size_t at = pick(list), length = 1 + draw(list, 8);

	for (; length > 0 && at < list->count && list->count < list->max; length--, at++) {
		memcpy(list->record[list->count], list->record[at], RECORD_SIZE);
		list->count++;
	}
}

/* Give a record a byte of another, such as its port. */
static void borrow(struct list *list)
{
	uint32_t byte = draw(list, RECORD_SIZE);

	list->record[pick(list)][byte] = list->record[pick(list)][byte];
}

static void change(struct list *list)
{
	static void (*const changes[])(struct list *) = {drop, swap, repeat, borrow};

	if (list->count == 1 || draw(list, 4) == 0)
		add(list);
	else if (draw(list, 16) == 0)
		change_byte(list, 0);
	else if (draw(list, 2) == 0)
		change_byte(list, pick(list));
	else
		changes[draw(list, 4)](list);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct list list = {.record = (uint8_t(*)[RECORD_SIZE])data,
			    .count = 1 + records_count(size),
			    .max = max_size / RECORD_SIZE,
			    .random = seed + UINT64_C(0x9e3779b97f4a7c15)};
	uint32_t changes;

	if (list.max == 0)
		return size;
	if (list.max > RECORDS_MAX + 1)
		list.max = RECORDS_MAX + 1;
	if (size < RECORD_SIZE)
		memset(data + size, 0, RECORD_SIZE - size);
	for (changes = 1 + draw(&list, 4); changes > 0; changes--)
		change(&list);
	return list.count * RECORD_SIZE;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_size, unsigned seed)
{
	struct list draws = {.random = seed + UINT64_C(0x9e3779b97f4a7c15)};
	size_t head, tail, skip;

	if (size1 < RECORD_SIZE || size2 < RECORD_SIZE)
		return 0;
	/* the first records of one, with its head, and the last of the other */
	head = (1 + draw(&draws, (uint32_t)records_count(size1) + 1)) * RECORD_SIZE;
	skip = (1 + draw(&draws, (uint32_t)records_count(size2) + 1)) * RECORD_SIZE;
	tail = (1 + records_count(size2)) * RECORD_SIZE - skip;
	if (head > max_size)
		head = max_size / RECORD_SIZE * RECORD_SIZE;
	if (tail > max_size - head)
		tail = (max_size - head) / RECORD_SIZE * RECORD_SIZE;
	memcpy(out, data1, head);
	memcpy(out + head, data2 + skip, tail);
	return head + tail;
}
