/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * schema.c: what libcyaml is told of the files. What it would complain of, the reader has refused.
 */
#include "schema.h"

#include <cyaml/cyaml.h>
#include <malloc.h>
#include <stdlib.h>

#define OPT (CYAML_FLAG_OPTIONAL)
#define OPT_PTR (CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER)
#define TEXT(s, m) CYAML_FIELD_STRING_PTR(#m, CYAML_FLAG_POINTER, struct s, m, 0, 4096)
#define OPT_TEXT(s, m) CYAML_FIELD_STRING_PTR(#m, OPT_PTR, struct s, m, 0, 4096)
#define LIST(s, m, value) CYAML_FIELD_SEQUENCE(#m, CYAML_FLAG_POINTER, struct s, m, &value, 0, CYAML_UNLIMITED)
#define OPT_LIST(s, m, value) CYAML_FIELD_SEQUENCE(#m, OPT_PTR, struct s, m, &value, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t text_value = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, 4096)};

/* clang-format off */
static const cyaml_schema_field_t rule_fields[] = {
	OPT_TEXT(schema_rule, id),
	TEXT(schema_rule, protocol),
	OPT_TEXT(schema_rule, description),
	OPT_LIST(schema_rule, ports, text_value),
	OPT_LIST(schema_rule, from, text_value),
	OPT_LIST(schema_rule, to, text_value),
	CYAML_FIELD_INT_PTR("icmp_type", OPT_PTR, struct schema_rule, icmp_type),
	CYAML_FIELD_INT_PTR("icmp_code", OPT_PTR, struct schema_rule, icmp_code),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t rule_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_rule, rule_fields)};

static const cyaml_schema_field_t group_fields[] = {
	TEXT(schema_group, name),
	OPT_TEXT(schema_group, id),
	OPT_TEXT(schema_group, description),
	OPT_LIST(schema_group, ingress, rule_value),
	OPT_LIST(schema_group, egress, rule_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t group_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_group, group_fields)};

static const cyaml_schema_field_t timeouts_fields[] = {
#define X(id, name, aws, strict, min, max) \
	CYAML_FIELD_UINT_PTR(name, OPT_PTR, struct schema_timeouts, seconds[SEKISHO_TIMEOUT_##id]),
	SEKISHO_TIMEOUTS(X)
#undef X
	CYAML_FIELD_END
};

static const cyaml_schema_field_t endpoint_fields[] = {
	TEXT(schema_endpoint, name),
	OPT_TEXT(schema_endpoint, id),
	LIST(schema_endpoint, addresses, text_value),
	OPT_LIST(schema_endpoint, groups, text_value),
	CYAML_FIELD_MAPPING("timeouts", OPT, struct schema_endpoint, timeouts, timeouts_fields),
	CYAML_FIELD_BOOL("auto_tracked", OPT, struct schema_endpoint, auto_tracked),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t endpoint_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_endpoint, endpoint_fields)};

static const cyaml_schema_field_t list_fields[] = {
	TEXT(schema_list, name),
	OPT_TEXT(schema_list, id),
	OPT_TEXT(schema_list, description),
	LIST(schema_list, entries, text_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t list_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_list, list_fields)};

#define MATCH_TEXT(m, flags) CYAML_FIELD_STRING_PTR(#m, flags, struct schema_acl_entry, match.m, 0, 4096)
#define MATCH_LIST(m) \
	{.key = #m, .value = {.type = CYAML_SEQUENCE, .flags = OPT_PTR, .data_size = sizeof(char *), \
	 .sequence = {.min = 0, .max = CYAML_UNLIMITED, .entry = &text_value}}, \
	 .data_offset = offsetof(struct schema_acl_entry, match.m), .count_size = sizeof(unsigned), \
	 .count_offset = offsetof(struct schema_acl_entry, match.m##_count)}
static const cyaml_schema_field_t acl_entry_fields[] = {
	CYAML_FIELD_UINT("number", CYAML_FLAG_DEFAULT, struct schema_acl_entry, number),
	TEXT(schema_acl_entry, action),
	MATCH_TEXT(protocol, CYAML_FLAG_POINTER),
	MATCH_TEXT(description, OPT_PTR),
	MATCH_LIST(ports),
	MATCH_LIST(from),
	MATCH_LIST(to),
	CYAML_FIELD_INT_PTR("icmp_type", OPT_PTR, struct schema_acl_entry, match.icmp_type),
	CYAML_FIELD_INT_PTR("icmp_code", OPT_PTR, struct schema_acl_entry, match.icmp_code),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t acl_entry_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_acl_entry, acl_entry_fields)};

static const cyaml_schema_field_t acl_fields[] = {
	TEXT(schema_acl, name),
	OPT_TEXT(schema_acl, id),
	OPT_TEXT(schema_acl, description),
	LIST(schema_acl, endpoints, text_value),
	OPT_LIST(schema_acl, subnets, text_value),
	OPT_LIST(schema_acl, ingress, acl_entry_value),
	OPT_LIST(schema_acl, egress, acl_entry_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t acl_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_acl, acl_fields)};

static const cyaml_schema_field_t ports_fields[] = {
#define X(id, name, port, known_by, clause) \
	{.key = name, .value = {.type = CYAML_SEQUENCE, .flags = OPT_PTR, \
	 .data_size = sizeof(char *), .sequence = {.min = 0, .max = SEKISHO_GRAMMAR_PORTS, .entry = &text_value}}, \
	 .data_offset = offsetof(struct schema_ports, list[SEKISHO_GRAMMAR_##id]), \
	 .count_size = sizeof(unsigned), .count_offset = offsetof(struct schema_ports, list_count[SEKISHO_GRAMMAR_##id])},
	SEKISHO_GRAMMARS(X)
#undef X
	CYAML_FIELD_END
};

static const cyaml_schema_field_t strict_fields[] = {
	OPT_TEXT(schema_strict, symmetric_udp),
	OPT_TEXT(schema_strict, esp),
	CYAML_FIELD_BOOL_PTR("verify_checksums", OPT_PTR, struct schema_strict, verify_checksums),
	CYAML_FIELD_MAPPING("ports", OPT, struct schema_strict, ports, ports_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t aws_fields[] = {
	CYAML_FIELD_BOOL_PTR("tcp_pickup", OPT_PTR, struct schema_aws, tcp_pickup),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t limits_fields[] = {
	CYAML_FIELD_UINT_PTR("half_open_percent", OPT_PTR, struct schema_limits, half_open_percent),
	CYAML_FIELD_UINT_PTR("half_open_per_source", OPT_PTR, struct schema_limits, half_open_per_source),
	CYAML_FIELD_UINT_PTR("flows_per_source", OPT_PTR, struct schema_limits, flows_per_source),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t policy_fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct schema_policy, version),
	TEXT(schema_policy, semantics),
	OPT_LIST(schema_policy, endpoints, endpoint_value),
	OPT_LIST(schema_policy, groups, group_value),
	OPT_LIST(schema_policy, prefix_lists, list_value),
	OPT_LIST(schema_policy, network_acls, acl_value),
	OPT_LIST(schema_policy, never_filtered, text_value),
	CYAML_FIELD_MAPPING("timeouts", OPT, struct schema_policy, timeouts, timeouts_fields),
	CYAML_FIELD_MAPPING("limits", OPT, struct schema_policy, limits, limits_fields),
	CYAML_FIELD_MAPPING("strict", OPT, struct schema_policy, strict, strict_fields),
	CYAML_FIELD_MAPPING("aws", OPT, struct schema_policy, aws, aws_fields),
	CYAML_FIELD_END
};
const cyaml_schema_value_t schema_policy_file = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct schema_policy, policy_fields)};

static const cyaml_schema_field_t port_fields[] = {
	TEXT(schema_port, device),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t edge_fields[] = {
	TEXT(schema_edge, name),
	OPT_TEXT(schema_edge, policy),
	CYAML_FIELD_MAPPING("inside", CYAML_FLAG_DEFAULT, struct schema_edge, inside, port_fields),
	CYAML_FIELD_MAPPING("outside", CYAML_FLAG_DEFAULT, struct schema_edge, outside, port_fields),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t edge_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_edge, edge_fields)};

static const cyaml_schema_value_t worker_value = {CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint16_t)};

static const cyaml_schema_field_t memory_fields[] = {
	{.key = "flows", .value = {CYAML_VALUE_UINT(OPT_PTR, uint32_t)},
	 .data_offset = offsetof(struct schema_appliance, memory.flows) - offsetof(struct schema_appliance, memory)},
	{.key = "hugepages", .value = {CYAML_VALUE_STRING(OPT_PTR, char, 0, 4096)},
	 .data_offset = offsetof(struct schema_appliance, memory.hugepages) - offsetof(struct schema_appliance, memory)},
	CYAML_FIELD_END
};
#define CONTROL(m) {.key = #m, .value = {CYAML_VALUE_STRING(OPT_PTR, char, 0, 4096)}, \
	 .data_offset = offsetof(struct schema_appliance, control.m) - offsetof(struct schema_appliance, control)}
static const cyaml_schema_field_t control_fields[] = {
	CONTROL(socket), CONTROL(readonly_socket), CONTROL(group), CYAML_FIELD_END
};
static const cyaml_schema_field_t log_fields[] = {
	{.key = "level", .value = {CYAML_VALUE_STRING(OPT_PTR, char, 0, 4096)}, .data_offset = 0},
	CYAML_FIELD_END
};
static const cyaml_schema_field_t metrics_fields[] = {
	{.key = "port", .value = {CYAML_VALUE_UINT(OPT_PTR, uint32_t)},
	 .data_offset = offsetof(struct schema_appliance, metrics.port) - offsetof(struct schema_appliance, metrics)},
	{.key = "socket", .value = {CYAML_VALUE_STRING(OPT_PTR, char, 0, 4096)},
	 .data_offset = offsetof(struct schema_appliance, metrics.socket) - offsetof(struct schema_appliance, metrics)},
	CYAML_FIELD_END
};

#define RECORD(part, member, type, ...) \
	{.key = #member, .value = {type(OPT_PTR, __VA_ARGS__)}, \
	 .data_offset = offsetof(struct schema_records, part.member) - offsetof(struct schema_records, part)}
static const cyaml_schema_field_t flow_log_fields[] = {
	RECORD(flow_log, file, CYAML_VALUE_STRING, char, 0, 4096),
	RECORD(flow_log, format, CYAML_VALUE_STRING, char, 0, 4096),
	RECORD(flow_log, account_id, CYAML_VALUE_STRING, char, 0, 4096),
	RECORD(flow_log, interval, CYAML_VALUE_UINT, uint32_t), CYAML_FIELD_END
};
static const cyaml_schema_field_t record_events_fields[] = {
	RECORD(events, file, CYAML_VALUE_STRING, char, 0, 4096), CYAML_FIELD_END
};
static const cyaml_schema_field_t rotate_fields[] = {
	RECORD(rotate, megabytes, CYAML_VALUE_UINT, uint32_t),
	RECORD(rotate, hours, CYAML_VALUE_UINT, uint32_t),
	RECORD(rotate, keep, CYAML_VALUE_UINT, uint32_t), CYAML_FIELD_END
};
static const cyaml_schema_field_t records_fields[] = {
	CYAML_FIELD_MAPPING("flow_log", OPT, struct schema_records, flow_log, flow_log_fields),
	CYAML_FIELD_MAPPING("events", OPT, struct schema_records, events, record_events_fields),
	CYAML_FIELD_MAPPING("rotate", OPT, struct schema_records, rotate, rotate_fields),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t privileges_fields[] = {
	{.key = "user", .value = {CYAML_VALUE_STRING(OPT_PTR, char, 0, 4096)},
	 .data_offset = offsetof(struct schema_appliance, privileges.user) - offsetof(struct schema_appliance, privileges)},
	{.key = "seccomp", .value = {CYAML_VALUE_BOOL(OPT_PTR, bool)},
	 .data_offset = offsetof(struct schema_appliance, privileges.seccomp) - offsetof(struct schema_appliance, privileges)},
	CYAML_FIELD_END
};

static const cyaml_schema_field_t flow_image_fields[] = {
	{.key = "interval", .value = {CYAML_VALUE_UINT(OPT_PTR, uint32_t)}, .data_offset = 0},
	CYAML_FIELD_END
};

static const cyaml_schema_field_t appliance_fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct schema_appliance, version),
	TEXT(schema_appliance, policy),
	LIST(schema_appliance, edges, edge_value),
	OPT_LIST(schema_appliance, workers, worker_value),
	OPT_LIST(schema_appliance, eal, text_value),
	CYAML_FIELD_MAPPING("memory", OPT, struct schema_appliance, memory, memory_fields),
	CYAML_FIELD_MAPPING("control", OPT, struct schema_appliance, control, control_fields),
	CYAML_FIELD_MAPPING("log", OPT, struct schema_appliance, log, log_fields),
	CYAML_FIELD_MAPPING("metrics", OPT, struct schema_appliance, metrics, metrics_fields),
	CYAML_FIELD_MAPPING("records", OPT, struct schema_appliance, records, records_fields),
	CYAML_FIELD_BOOL("dpdk_telemetry", OPT, struct schema_appliance, dpdk_telemetry),
	CYAML_FIELD_MAPPING("flow_image", OPT, struct schema_appliance, flow_image, flow_image_fields),
	CYAML_FIELD_BOOL("link_mirror", OPT, struct schema_appliance, link_mirror),
	CYAML_FIELD_MAPPING("privileges", OPT, struct schema_appliance, privileges, privileges_fields),
	OPT_TEXT(schema_appliance, steering),
	OPT_TEXT(schema_appliance, idle),
	OPT_TEXT(schema_appliance, audit),
	OPT_TEXT(schema_appliance, state),
	OPT_TEXT(schema_appliance, shadow),
	CYAML_FIELD_END
};
const cyaml_schema_value_t schema_appliance_file = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct schema_appliance, appliance_fields)};

static const cyaml_schema_field_t address_fields[] = {
	TEXT(schema_address, name),
	TEXT(schema_address, address),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t address_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_address, address_fields)};

static const cyaml_schema_field_t case_fields[] = {
	TEXT(schema_case, name),
	LIST(schema_case, policies, text_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t case_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_case, case_fields)};

static const cyaml_schema_field_t packet_fields[] = {
	TEXT(schema_packet, at),
	TEXT(schema_packet, send),
	OPT_LIST(schema_packet, expect, text_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t packet_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_packet, packet_fields)};

static const cyaml_schema_field_t exchange_fields[] = {
	TEXT(schema_exchange, ask),
	TEXT(schema_exchange, answer),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t exchange_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_exchange, exchange_fields)};

static const cyaml_schema_field_t retry_fields[] = {
	TEXT(schema_retry, first),
	TEXT(schema_retry, factor),
	CYAML_FIELD_UINT("tries", CYAML_FLAG_DEFAULT, struct schema_retry, tries),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t conversation_fields[] = {
	TEXT(schema_conversation, name),
	TEXT(schema_conversation, at),
	CYAML_FIELD_MAPPING("retry", OPT, struct schema_conversation, retry, retry_fields),
	LIST(schema_conversation, exchanges, exchange_value),
	OPT_LIST(schema_conversation, expect, text_value),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t conversation_value = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct schema_conversation, conversation_fields)};

static const cyaml_schema_field_t sweep_fields[] = {
	OPT_TEXT(schema_sweep, conversation),
	OPT_TEXT(schema_sweep, from),
	OPT_TEXT(schema_sweep, to),
	OPT_TEXT(schema_sweep, step),
	OPT_LIST(schema_sweep, expect, text_value),
	CYAML_FIELD_END
};

static const cyaml_schema_field_t scenario_fields[] = {
	CYAML_FIELD_UINT("version", CYAML_FLAG_DEFAULT, struct schema_scenario, version),
	OPT_TEXT(schema_scenario, title),
	OPT_LIST(schema_scenario, addresses, address_value),
	OPT_LIST(schema_scenario, cases, case_value),
	OPT_LIST(schema_scenario, packets, packet_value),
	OPT_LIST(schema_scenario, conversations, conversation_value),
	CYAML_FIELD_MAPPING("sweep", OPT, struct schema_scenario, sweep, sweep_fields),
	CYAML_FIELD_END
};
const cyaml_schema_value_t schema_scenario_file = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct schema_scenario, scenario_fields)};
/* clang-format on */

/* ---- loading ---------------------------------------------------------------------------------- */

/* libcyaml grows a list by one entry at a time: grow in doubles, or long lists take forever. */
static void *grow(void *context, void *memory, size_t size)
{
	if (size == 0) {
		free(memory);
		return NULL;
	}
	if (memory != NULL && size > 4096) {
		size_t have = malloc_usable_size(memory);

		if (size <= have)
			return memory;
		if (size < have * 2)
			size = have * 2;
	}
	return realloc(memory, size);
}

static void *load(const char *name, const struct reader *reader,
		  const cyaml_schema_value_t *schema, struct config_errors *errors)
{
	const cyaml_config_t config = {
		.mem_fn = grow, .log_level = CYAML_LOG_ERROR, .flags = CYAML_CFG_NO_ALIAS};
	size_t length;
	const char *text = reader_text(reader, &length);
	cyaml_data_t *data = NULL;
	cyaml_err_t failed =
		cyaml_load_data((const uint8_t *)text, length, &config, schema, &data, NULL);

	if (failed != CYAML_OK)
		reader_error_at(name, 0, 0, errors, "cannot be loaded: %s", cyaml_strerror(failed));
	return data;
}

static void unload(const cyaml_schema_value_t *schema, void *data)
{
	const cyaml_config_t config = {.mem_fn = grow, .log_level = CYAML_LOG_ERROR};

	if (data != NULL)
		cyaml_free(&config, schema, data, 0);
}

struct schema_policy *schema_load_policy(const char *name, const struct reader *reader,
					 struct config_errors *errors)
{
	return load(name, reader, &schema_policy_file, errors);
}

struct schema_appliance *schema_load_appliance(const char *name, const struct reader *reader,
					       struct config_errors *errors)
{
	return load(name, reader, &schema_appliance_file, errors);
}

void schema_free_policy(struct schema_policy *policy)
{
	unload(&schema_policy_file, policy);
}

void schema_free_appliance(struct schema_appliance *appliance)
{
	unload(&schema_appliance_file, appliance);
}

struct schema_scenario *schema_load_scenario(const char *name, const struct reader *reader,
					     struct config_errors *errors)
{
	return load(name, reader, &schema_scenario_file, errors);
}

void schema_free_scenario(struct schema_scenario *scenario)
{
	unload(&schema_scenario_file, scenario);
}
