/* SPDX-License-Identifier: BSD-3-Clause */
/* properties.h: what must hold of the engine alone, on whatever sequence; each a check (compare.h). */
#ifndef PROPERTIES_H
#define PROPERTIES_H

#include "compare.h"

/* STRICT-7: without the packets that were dropped, all others are judged as they were with them. */
check property_dropped_change_nothing;

/* In bursts or one by one: the same verdicts. */
check property_bursts_are_no_matter;

/* What is explained of a packet beforehand is what becomes of it. */
check property_explained;

/* An engine that goes on with the flows of another judges as that would have. */
check property_restart;

/* With inside and outside, ingress and egress changed over: the same verdicts. */
check property_mirror;

#endif
