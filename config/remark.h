/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * remark.h: what an import or an export has to say of its input, each with its place.
 */
#ifndef CONFIG_REMARK_H
#define CONFIG_REMARK_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum remark_kind {
	REMARK_ERROR,    /* nothing is made */
	REMARK_LEFT_OUT, /* part of the input has no counterpart */
	REMARK_NOTE,     /* carried over, with something to know about it */
	REMARK_KIND_COUNT
};

/* Texts may be NULL where there is none to tell. */
struct remark_place {
	const char *file;
	const char *path; /* "SecurityGroups[0].IpPermissions[2]" */
};

/* Texts are UTF-8 and, like what they quote, hostile. */
struct remark {
	enum remark_kind kind;
	char *file, *path; /* NULL where there is none */
	char *text;
};

/* In the order of their finding. Zero it before use. */
struct remarks {
	struct remark *items;
	size_t count;                      /* at most REMARKS_MAX are kept, and then errors only */
	size_t of_kind[REMARK_KIND_COUNT]; /* all that were found */
};
#define REMARKS_MAX    10000
#define REMARKS_ERRORS 100 /* that are kept beyond */

/* Add one; all texts are copied. When memory is short it is counted only. */
void remark_add(struct remarks *remarks, enum remark_kind kind, struct remark_place place,
		const char *format, ...) __attribute__((format(printf, 4, 5)));
void remark_add_v(struct remarks *remarks, enum remark_kind kind, struct remark_place place,
		  const char *format, va_list arguments);

/* Free them all and zero the list. */
void remarks_fini(struct remarks *remarks);

/*
 * Write a remark as one line, "FILE: PATH: not carried over: TEXT", without the control characters
 * that what came from outside may hold.
 */
void remark_print(FILE *to, const struct remark *remark);

#endif
