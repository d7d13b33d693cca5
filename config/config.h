/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * config.h: policy and appliance files, from text to plain structs.
 *
 * Three passes over bounded text. (1) The reader (libyaml events) refuses what we never allow
 * (aliases, anchors, tags, several documents, duplicate keys, depth, size, NUL, bad UTF-8) and keeps
 * the line and column of every node. (2) libcyaml loads the text into plain structs by schema; unknown
 * keys and wrong types are refused. (3) Validation checks meaning and resolves references.
 * Every error is `file:line:col: error: what was found, what is allowed`, one a line, and an error
 * means that nothing was made.
 */
#ifndef SEKISHO_CONFIG_H
#define SEKISHO_CONFIG_H

#include <sekisho.h>

/* A growing list of messages, one a line, each with its place. Zero it before use. */
struct config_errors {
	char *text; /* NUL-terminated, lines end in '\n'; NULL when there are none */
	size_t length;
	unsigned count; /* all that were found; `text` holds the first CONFIG_ERRORS_MAX */
	bool unreadable; /* there was nothing to judge: the file could not be read */
};
#define CONFIG_ERRORS_MAX 50

/* Free the text and zero the list. */
void config_errors_fini(struct config_errors *errors);

/* ---- Policy file ------------------------------------------------------------------------------ */

struct config_policy;

/*
 * Read a policy file. Returns NULL and at least one error when it is not valid or not readable.
 * Files over CONFIG_FILE_MAX bytes are refused unread.
 */
struct config_policy *config_policy_load(const char *path, struct config_errors *errors);
#define CONFIG_FILE_MAX (32u << 20)

/* The same from memory; `name` stands for the file in messages. */
struct config_policy *config_policy_parse(const char *name, const char *text, size_t length,
					  struct config_errors *errors);
void config_policy_destroy(struct config_policy *config);

/* The description to build a policy from. Lives as long as `config`. */
const struct sekisho_policy_spec *config_policy_spec(const struct config_policy *config);

/* The text that it was read from, byte for byte, NUL-terminated; and the file's name. */
const char *config_policy_text(const struct config_policy *config, size_t *length);
const char *config_policy_name(const struct config_policy *config);

/* ---- What changes between two policies --------------------------------------------------------- */

struct config_rule_change {
	const struct sekisho_rule_spec *from, *to; /* NULL: added, removed */
};

/* The rules that differ, in the order of their names; for all else see changes.h. */
struct config_diff {
	struct config_rule_change *rules; /* added + removed + changed of them; point into the policies */
	size_t added, removed, changed;
};

/* Compare. 0, or -ENOMEM. Call config_diff_fini() in any case. Any thread. */
int config_diff_init(struct config_diff *diff, const struct sekisho_policy_spec *from,
		     const struct sekisho_policy_spec *to);
void config_diff_fini(struct config_diff *diff);

/* Whether two rules differ in what they admit, or in what of it is written in them (AWS-19). */
bool config_rules_differ(const struct sekisho_rule_spec *a, const struct sekisho_rule_spec *b);

/* ---- Appliance file --------------------------------------------------------------------------- */

#define CONFIG_EDGES_MAX   64
#define CONFIG_WORKERS_MAX 64

struct config_edge {
	const char *name;
	const char *device[2]; /* [SEKISHO_EGRESS] is the inside port, [SEKISHO_INGRESS] the outside:
				* "0000:00:06.0", "net_af_packet0,iface=in0", ... */
	const char *policy;    /* absolute or as written relative to the appliance file, resolved */
};

/* What is kept of packets and flows, in files; NULL: not. */
struct config_records {
	const char *flow_log;    /* in the format of VPC Flow Logs, resolved */
	const char *flow_format; /* NULL: the default fields; sekishod knows the fields */
	unsigned flow_format_line, flow_format_column; /* where it stands */
	const char *account;     /* of the flow log; NULL: none */
	uint32_t interval;       /* of the flow log, seconds */
	const char *events;      /* JSON lines, resolved */
	uint64_t rotate_bytes;   /* a file that would grow past it gets another name */
	uint32_t rotate_hours;   /* and so does one of an earlier so many hours of UTC; 0: none does */
	unsigned rotate_keep;    /* so many of which are kept */
};

struct config_appliance {
	const char *name; /* of the file */
	const char *policy; /* resolved path */
	const char *shadow; /* the same, of the policy to judge beside it; NULL: none */
	struct config_edge *edges;
	size_t edge_count;
	uint16_t *workers; /* lcores */
	size_t worker_count;
	enum { CONFIG_STEERING_AUTO, CONFIG_STEERING_RSS, CONFIG_STEERING_SOFTWARE } steering;
	enum { CONFIG_IDLE_POLL, CONFIG_IDLE_SLEEP } idle; /* what a worker without packets does */
	uint32_t flows;    /* in all, shared out over the workers */
	enum { CONFIG_HUGEPAGES_AUTO, CONFIG_HUGEPAGES_YES, CONFIG_HUGEPAGES_NO } hugepages;
	const char *socket, *readonly_socket, *group; /* group may be NULL */
	uint16_t metrics_port;      /* of the loopback address; 0: none */
	const char *metrics_socket; /* NULL: none */
	bool dpdk_telemetry;
	bool link_mirror; /* the link of one side of an edge follows the other's */
	const char *const *eal_arguments;              /* extra ones, as written */
	size_t eal_argument_count;
	enum { CONFIG_LOG_ERROR, CONFIG_LOG_WARNING, CONFIG_LOG_INFO, CONFIG_LOG_DEBUG } log_level;
	const char *audit; /* file of audit records (JSON lines); NULL sends them to the log only */
	const char *user;  /* that the daemon becomes; NULL: it stays who it is */
	bool seccomp;      /* confine system calls */
	struct config_records records;
	const char *state; /* directory for what outlives the daemon, resolved; NULL: nothing does */
	uint32_t save_interval; /* seconds between two saves of the flows there; 0: only at the end */
};

struct config_appliance *config_appliance_load(const char *path, struct config_errors *errors);
void config_appliance_destroy(struct config_appliance *appliance);

#endif
