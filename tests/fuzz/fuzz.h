/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fuzz.h: what the harnesses share.
 *
 * A harness is one fuzz_NAME.c with libFuzzer's entry point in it. With clang and the meson option
 * `fuzz` it becomes a fuzzer; with any compiler it becomes a test that runs the kept inputs of
 * corpus/NAME (replay.c). A finding is fixed, and its input, made small, is kept there.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry points. The second is optional and is called once, first. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold whatever the input; unlike assert() in every build, and heard if stderr is shut. */
#define FUZZ_CHECK(condition)                                        \
	do {                                                         \
		if (!(condition))                                    \
			fuzz_broken(__FILE__, __LINE__, #condition); \
	} while (0)

/* Say what is broken and abort. */
_Noreturn void fuzz_broken(const char *file, int line, const char *condition);

/* Send what stdio writes to stderr nowhere: complaints about bad input are no news here. */
void fuzz_quiet(void);

/* A file of these bytes, for what is read by path alone; the path is good until the next call. */
const char *fuzz_file(const uint8_t *data, size_t size);

#endif
