/* SPDX-License-Identifier: BSD-3-Clause */
/* flow_forms.h: the rows of flows.list as people and programs know flows. */
#ifndef FLOW_FORMS_H
#define FLOW_FORMS_H

#include <jansson.h>
#include <stdio.h>

#define FLOW_FORMS_TIME 32

/* Milliseconds as 17.2s, 5m12s, 3h05m or 2d04h. */
void flow_forms_time(json_int_t ms, char text[FLOW_FORMS_TIME]);

/* A list of flows as a table; or each in words with what has opened it (flows.list with `why`). */
void flow_forms_table(FILE *to, const json_t *flows);
void flow_forms_why(FILE *to, const json_t *flows);

/* One flow as `conntrack -L` prints it. */
void flow_forms_conntrack(FILE *to, const json_t *flow);

/* The line with the names, and one flow as comma-separated values. */
void flow_forms_csv_head(FILE *to);
void flow_forms_csv(FILE *to, const json_t *flow);

#endif
