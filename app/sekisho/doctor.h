/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * doctor.h: is this machine fit for the firewall? What is looked at, and how findings are told.
 *
 * Everything is read from /proc and /sys, below a root that may be another one: that of the host in a
 * container, or a test's. Nothing is changed and no privilege is needed. Each finding is PASS, WARN (it
 * runs, but not as well as it could) or FAIL (it does not run, or not rightly), the latter two
 * with the command that mends it.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <config.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

enum doctor_state { DOCTOR_PASS, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	const char *root;                         /* "" or a folder */
	const struct config_appliance *appliance; /* NULL: only the host is looked at */
	enum cli_output output;
	unsigned counts[3]; /* by state */
};

/* One finding. */
struct doctor_finding {
	const char *check;   /* "hugepages" */
	const char *subject; /* a device or lcore; NULL: the machine */
	enum doctor_state state;
	const char *mend; /* a command; NULL with PASS */
};

/* Tell a finding; `format` is what was found, one sentence without a full stop. */
void doctor_tell(struct doctor *doctor, const struct doctor_finding *finding, const char *format,
		 ...) __attribute__((format(printf, 3, 4)));

/* ---- doctor_read.c: small files below the root -------------------------------------------------- */

/* Read the first line of a file, without its end. False, with an empty text, if there is none. */
bool doctor_line(const struct doctor *doctor, const char *path, char *line, size_t size);

/* Read a number at the beginning of a file, or `otherwise`. */
long doctor_number(const struct doctor *doctor, const char *path, long otherwise);

/* The rest of the first line of a file that begins with `start`, blanks skipped. */
bool doctor_field(const struct doctor *doctor, const char *path, const char *start, char *rest,
		  size_t size);

/* The last part of where a link leads to. */
bool doctor_link(const struct doctor *doctor, const char *path, char *name, size_t size);

/* Whether there is such a file or folder. */
bool doctor_exists(const struct doctor *doctor, const char *path);

/* Call `each` for every entry of a folder but dot files, until it returns false. */
void doctor_entries(const struct doctor *doctor, const char *path,
		    bool (*each)(void *context, const char *name), void *context);

/* Whether a number is in a list as "0-3,8"; an empty list has none. */
bool doctor_in_list(const char *list, unsigned number);

/* ---- The appliance's devices ------------------------------------------------------------------- */

/* A device of the appliance as the checks see it. */
struct doctor_port {
	const char *device;
	bool pci;       /* address holds a PCI address, else an interface's name or nothing */
	char address[64];
	uint64_t capabilities; /* that opening it needs, a bit each */
};

/* Fill `ports`, at most 2 * CONFIG_EDGES_MAX; returns how many. */
unsigned doctor_ports(const struct doctor *doctor, struct doctor_port *ports);

/* ---- The checks -------------------------------------------------------------------------------- */

void doctor_hugepages(struct doctor *doctor);
void doctor_iommu(struct doctor *doctor);
void doctor_memlock(struct doctor *doctor);
void doctor_capabilities(struct doctor *doctor);
void doctor_cores(struct doctor *doctor);
void doctor_clock(struct doctor *doctor);
void doctor_drivers(struct doctor *doctor);
void doctor_numa(struct doctor *doctor);
void doctor_offloads(struct doctor *doctor);
void doctor_peers(struct doctor *doctor);

#endif
