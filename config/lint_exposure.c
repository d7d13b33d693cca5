/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lint_exposure.c: answers that are none. Where both ends use one port, or a protocol has no ports,
 * the packet that a rule lets out makes the very state that fits what the other end starts by
 * itself.
 *
 * For each class of endpoints and each service of that kind: the addresses that the rules of the
 * way back admit anyway are one set of ranges. What a rule goes to beyond them is exposed. aws-like
 * lets it through (AWS-70, AWS-36); strict asks for proof, and what has none needs a rule
 * (STRICT-22, STRICT-40).
 */
#include "lint_exposure.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static const struct lint_service known[] = {
	{IPPROTO_UDP, 500, "IKE"},
	{IPPROTO_UDP, 4500, "NAT-T"},
	{IPPROTO_UDP, 51820, "WireGuard"},
	{IPPROTO_UDP, 123, "NTP"},
	{IPPROTO_UDP, 1194, "OpenVPN"},
	{IPPROTO_UDP, 1701, "L2TP"},
	{IPPROTO_UDP, 5060, "SIP"},
	{IPPROTO_UDP, 655, "tinc"},
	{IPPROTO_UDP, 2123, "GTP-C"},
	{IPPROTO_UDP, 2152, "GTP-U"},
	{IPPROTO_UDP, 137, "NetBIOS names"},
	{IPPROTO_UDP, 138, "NetBIOS"},
	{IPPROTO_UDP, 67, "DHCP relay"},
	{IPPROTO_UDP, 319, "PTP"},
	{IPPROTO_UDP, 320, "PTP"},
	{IPPROTO_UDP, 520, "RIP"},
	{IPPROTO_UDP, 521, "RIPng"},
	{IPPROTO_ESP, 0, "esp"},
	{IPPROTO_AH, 0, "ah"},
	{IPPROTO_GRE, 0, "gre"},
	{IPPROTO_IPIP, 0, "ipip"},
	{IPPROTO_IPV6, 0, "ipv6"},
	{IPPROTO_SCTP, 0, "sctp"},
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

/* What one look at a class needs. */
struct look {
	struct linter *linter;
	struct lint_exposures *exposures;
	const struct linter_class *class;
	enum sekisho_direction direction; /* of the rules that may expose */
	struct lint_ranges shut;    /* where nothing comes back from, or with no need of a flow */
	struct lint_ranges decided; /* and what of one service is decided without a flow */
};

/* ---- services --------------------------------------------------------------------------------- */

static bool has_ports(uint16_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

bool lint_names_portless(const struct sekisho_rule_spec *spec)
{
	return spec->protocol != SEKISHO_PROTOCOL_ALL && !has_ports(spec->protocol) &&
	       spec->protocol != IPPROTO_ICMP && spec->protocol != IPPROTO_ICMPV6;
}

/*
 * The known services, protocols that rules name, and under strict the ports that grammars are spoken
 * on. DNS, which answers a port that nobody knows, is among those only.
 */
static void list_services(struct lint_exposures *exposures, const struct linter *linter)
{
	const struct sekisho_strict_spec *strict = &linter->spec->strict;
	bool is_strict = linter->spec->semantics == SEKISHO_STRICT;
	bool is_named[SEKISHO_PROTOCOL_ALL] = {false};

	for (size_t i = 0; i < KNOWN; i++)
		lint_exposures_add(exposures, known[i]);
	for (unsigned g = 0; is_strict && g < SEKISHO_GRAMMAR_COUNT; g++) {
		for (unsigned p = 0; p < strict->port_count[g]; p++)
			lint_exposures_add(
				exposures,
				(struct lint_service){IPPROTO_UDP, strict->ports[g][p], NULL});
	}
	for (size_t r = 0; r < linter->rule_count; r++) {
		if (lint_names_portless(linter->rules[r].spec))
			is_named[linter->rules[r].spec->protocol] = true;
	}
	for (uint16_t p = 0; p < SEKISHO_PROTOCOL_ALL; p++) {
		if (is_named[p])
			lint_exposures_add(exposures, (struct lint_service){p, 0, NULL});
	}
}

void lint_exposures_add(struct lint_exposures *exposures, struct lint_service service)
{
	for (unsigned i = 0; i < exposures->service_count; i++) {
		if (exposures->services[i].protocol == service.protocol &&
		    exposures->services[i].port == service.port)
			return;
	}
	if (exposures->service_count < LINT_SERVICES_MAX)
		exposures->services[exposures->service_count++] = service;
}

static bool admits(const struct sekisho_rule_spec *spec, const struct lint_service *service)
{
	if (spec->protocol == SEKISHO_PROTOCOL_ALL)
		return true;
	if (spec->protocol != service->protocol)
		return false;
	for (size_t i = 0; i < spec->port_count; i++) {
		if (spec->ports[i].first <= service->port && service->port <= spec->ports[i].last)
			return true;
	}
	return spec->port_count == 0;
}

/* ---- one class -------------------------------------------------------------------------------- */

/*
 * Gather where no rule is asked for what comes back: what is never filtered, what cannot be a
 * source, and the endpoint itself if it is the only one and has no other address.
 */
static void gather_shut(struct look *look)
{
	const struct sekisho_endpoint_spec *endpoint = look->class->endpoint;

	lint_ranges_clear(&look->shut);
	lint_ranges_add_all(&look->shut, &look->linter->unfiltered);
	lint_ranges_add_all(&look->shut, &look->linter->no_source);
	if (look->class->count == 1 && endpoint->address_count == 1 &&
	    endpoint->addresses[0].length ==
		    (endpoint->addresses[0].family == SEKISHO_IPV6 ? 128 : 32))
		lint_ranges_add(&look->shut, &endpoint->addresses[0]);
}

/*
 * Gather where a network ACL lets nothing of a service pass, and where the rules of the way back
 * do.
 */
static void gather_decided(struct look *look, const struct lint_service *service)
{
	const struct linter *linter = look->linter;
	const struct lint_box point = {
		.protocol = service->protocol, .first = service->port, .last = service->port};

	lint_ranges_clear(&look->decided);
	lint_ranges_add_all(&look->decided, &look->shut);
	for (unsigned d = 0; d < 2 && look->class->endpoint->acl != 0; d++)
		linter_acl_denied(look->linter, look->class->endpoint->acl, &point, d,
				  &look->decided);
	for (size_t g = 0; g < look->class->group_count; g++) {
		uint32_t end = linter->group_rules[look->class->groups[g] + 1];

		for (uint32_t r = linter->group_rules[look->class->groups[g]]; r < end; r++) {
			const struct sekisho_rule_spec *spec = linter->rules[r].spec;

			if (spec->direction == look->direction || !admits(spec, service))
				continue;
			for (size_t i = 0; i < spec->peer_count; i++)
				lint_ranges_add(&look->decided, &spec->peers[i]);
		}
	}
	lint_ranges_seal(&look->decided);
}

static void note_timer(struct lint_span *span, uint32_t seconds)
{
	if (span->most == 0 || seconds < span->least)
		span->least = seconds;
	if (seconds > span->most)
		span->most = seconds;
}

static void note_exposed(struct look *look, struct lint_exposure *exposure, unsigned service,
			 const struct sekisho_prefix *peer)
{
	const struct sekisho_endpoint_spec *endpoint = look->class->endpoint;
	const struct linter *linter = look->linter;

	if (exposure->example == NULL)
		exposure->example = peer;
	exposure->services[service / 64] |= UINT64_C(1) << service % 64;
	if (exposure->class != look->class)
		exposure->endpoints += look->class->count;
	exposure->class = look->class;
	if (look->exposures->services[service].protocol == IPPROTO_UDP) {
		note_timer(&exposure->udp, linter_seconds(linter, endpoint, SEKISHO_TIMEOUT_UDP));
		note_timer(&exposure->stream,
			   linter_seconds(linter, endpoint, SEKISHO_TIMEOUT_UDP_STREAM));
	} else {
		note_timer(&exposure->other,
			   linter_seconds(linter, endpoint, SEKISHO_TIMEOUT_OTHER));
	}
}

/* The rules of a class that go somewhere by this service. */
static void look_at_service(struct look *look, unsigned s)
{
	const struct lint_service *service = &look->exposures->services[s];
	const struct linter *linter = look->linter;
	bool gathered = false;

	for (size_t g = 0; g < look->class->group_count; g++) {
		uint32_t end = linter->group_rules[look->class->groups[g] + 1];

		for (uint32_t r = linter->group_rules[look->class->groups[g]]; r < end; r++) {
			const struct sekisho_rule_spec *spec = linter->rules[r].spec;

			if (spec->direction != look->direction || linter->rules[r].is_dead ||
			    !admits(spec, service))
				continue;
			if (!gathered)
				gather_decided(look, service);
			gathered = true;
			for (size_t i = 0; i < spec->peer_count; i++) {
				const struct sekisho_prefix *peer = &spec->peers[i];

				if (!look->class->family[peer->family == SEKISHO_IPV6] ||
				    lint_ranges_hold(&look->decided, peer))
					continue;
				note_exposed(look, &look->exposures->of_rule[r], s,
					     &spec->peers[i]);
				break;
			}
		}
	}
}

/* How much there is to compare in a class: its boxes, for each service. */
static uint64_t work_of(const struct linter *linter, const struct linter_class *class)
{
	uint64_t boxes = linter->unfiltered.family[0].count + linter->unfiltered.family[1].count;

	for (size_t g = 0; g < class->group_count; g++) {
		uint32_t end = linter->group_rules[class->groups[g] + 1];

		for (uint32_t r = linter->group_rules[class->groups[g]]; r < end; r++)
			boxes += lint_boxes_count(linter->rules[r].spec);
	}
	return boxes;
}

static void look_at_classes(struct linter *linter, struct lint_exposures *exposures)
{
	struct look look = {.linter = linter, .exposures = exposures};

	for (size_t c = 0; c < linter->class_count && !linter->failed; c++) {
		look.class = &linter->classes[c];
		if (!linter_spend(linter, work_of(linter, look.class) * exposures->service_count))
			break;
		for (unsigned d = 0; d < 2; d++) {
			look.direction = d;
			gather_shut(&look);
			for (unsigned s = 0; s < exposures->service_count; s++)
				look_at_service(&look, s);
		}
		linter->failed = look.decided.failed || look.shut.failed;
	}
	lint_ranges_fini(&look.decided);
	lint_ranges_fini(&look.shut);
}

void lint_exposure(struct linter *linter)
{
	struct lint_exposures exposures = {
		.of_rule = calloc(linter->rule_count + 1, sizeof(*exposures.of_rule)),
	};

	linter->failed = exposures.of_rule == NULL;
	list_services(&exposures, linter);
	if (!linter->failed)
		look_at_classes(linter, &exposures);
	for (size_t r = 0; r < linter->rule_count && !linter->failed; r++) {
		if (exposures.of_rule[r].example != NULL)
			lint_exposure_say(linter, &exposures, r);
	}
	free(exposures.of_rule);
}
