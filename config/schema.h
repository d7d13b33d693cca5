/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema.h: the files as libcyaml loads them: strings and numbers as written, nothing judged yet.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "reader.h"

#define SCHEMA_UNSET INT32_MIN /* an optional number that was not given */

struct schema_rule {
	char *id, *protocol, *description;
	char **ports, **from, **to;
	unsigned ports_count, from_count, to_count;
	int32_t *icmp_type, *icmp_code;
};

struct schema_group {
	char *name, *id, *description;
	struct schema_rule *ingress, *egress;
	unsigned ingress_count, egress_count;
};

/* Seconds by the names of SEKISHO_TIMEOUTS, in their order; NULL where not given. */
struct schema_timeouts {
	uint32_t *seconds[SEKISHO_TIMEOUT_COUNT];
};

struct schema_endpoint {
	char *name, *id;
	char **addresses, **groups;
	unsigned addresses_count, groups_count;
	struct schema_timeouts timeouts;
	bool auto_tracked;
};

struct schema_list {
	char *name, *id, *description;
	char **entries;
	unsigned entries_count;
};

struct schema_acl_entry {
	uint16_t number;
	char *action;
	struct schema_rule match;
};

struct schema_acl {
	char *name, *id, *description;
	char **endpoints, **subnets;
	struct schema_acl_entry *ingress, *egress;
	unsigned endpoints_count, subnets_count, ingress_count, egress_count;
};

struct schema_ports {
	char **list[SEKISHO_GRAMMAR_COUNT];
	unsigned list_count[SEKISHO_GRAMMAR_COUNT];
};

struct schema_strict {
	char *symmetric_udp, *esp;
	bool *verify_checksums;
	struct schema_ports ports;
};

struct schema_aws {
	bool *tcp_pickup;
};

struct schema_limits {
	uint32_t *half_open_percent, *half_open_per_source, *flows_per_source;
};

struct schema_policy {
	uint32_t version;
	char *semantics;
	struct schema_endpoint *endpoints;
	struct schema_group *groups;
	struct schema_list *prefix_lists;
	struct schema_acl *network_acls;
	char **never_filtered;
	unsigned endpoints_count, groups_count, prefix_lists_count, network_acls_count;
	unsigned never_filtered_count;
	struct schema_timeouts timeouts;
	struct schema_limits limits;
	struct schema_strict strict;
	struct schema_aws aws;
};

struct schema_port {
	char *device;
};

struct schema_edge {
	char *name, *policy;
	struct schema_port inside, outside;
};

struct schema_appliance {
	uint32_t version;
	char *policy;
	struct schema_edge *edges;
	uint16_t *workers;
	char **eal;
	unsigned edges_count, workers_count, eal_count;
	struct {
		uint32_t *flows;
		char *hugepages;
	} memory;
	struct {
		char *socket, *readonly_socket, *group;
	} control;
	struct {
		char *level;
	} log;
	struct {
		uint32_t *port;
		char *socket;
	} metrics;
	struct schema_records {
		struct {
			char *file, *format, *account_id;
			uint32_t *interval;
		} flow_log;
		struct {
			char *file;
		} events;
		struct {
			uint32_t *megabytes, *hours, *keep;
		} rotate;
	} records;
	bool dpdk_telemetry, link_mirror;
	struct {
		uint32_t *interval;
	} flow_image;
	struct {
		char *user;
		bool *seccomp;
	} privileges;
	char *steering, *idle, *audit, *state, *shadow;
};

struct schema_address {
	char *name, *address;
};

struct schema_case {
	char *name;
	char **policies;
	unsigned policies_count;
};

struct schema_packet {
	char *at, *send;
	char **expect;
	unsigned expect_count;
};

struct schema_exchange {
	char *ask, *answer;
};

struct schema_retry {
	char *first, *factor;
	uint32_t tries;
};

struct schema_conversation {
	char *name, *at;
	struct schema_retry retry;
	struct schema_exchange *exchanges;
	char **expect;
	unsigned exchanges_count, expect_count;
};

struct schema_sweep {
	char *conversation, *from, *to, *step;
	char **expect;
	unsigned expect_count;
};

struct schema_scenario {
	uint32_t version;
	char *title;
	struct schema_address *addresses;
	struct schema_case *cases;
	struct schema_packet *packets;
	struct schema_conversation *conversations;
	unsigned addresses_count, cases_count, packets_count, conversations_count;
	struct schema_sweep sweep;
};

/* What may stand in the files. */
extern const struct cyaml_schema_value schema_policy_file, schema_appliance_file,
	schema_scenario_file;

/* Load a text that was read by the file's schema. NULL and an error when memory is short. */
struct schema_policy *schema_load_policy(const char *name, const struct reader *reader,
					 struct config_errors *errors);
struct schema_appliance *schema_load_appliance(const char *name, const struct reader *reader,
					       struct config_errors *errors);
struct schema_scenario *schema_load_scenario(const char *name, const struct reader *reader,
					     struct config_errors *errors);
void schema_free_policy(struct schema_policy *policy);
void schema_free_appliance(struct schema_appliance *appliance);
void schema_free_scenario(struct schema_scenario *scenario);

#endif
