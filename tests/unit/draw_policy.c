/* SPDX-License-Identifier: BSD-3-Clause */
/* draw_policy.c: see draw_policy.h. */
#include "draw_policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state;

void draw_seed(uint32_t number)
{
	state = number;
}

uint32_t draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

const char *draw_pick(const char *const *words, size_t count)
{
	return words[draw((uint32_t)count)];
}

/* ---- policies --------------------------------------------------------------------------------- */

static void add(struct draw_text *text, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	text->length += (size_t)vsnprintf(text->bytes + text->length,
					  sizeof(text->bytes) - text->length, format, arguments);
	va_end(arguments);
	if (text->length >= sizeof(text->bytes))
		abort(); /* the world has outgrown it */
}

static const char *const peers[] = {
	"192.0.2.0/30", "192.0.2.0/31", "192.0.2.2/31", "192.0.2.1",
	"192.0.2.2",    "0.0.0.0/0",    "10.0.0.1",     "\"::/0\"",
	"224.0.0.0/24", "\"group:g0\"", "\"group:g1\"", "203.0.113.9",
};

static void add_match(struct draw_text *text, bool ingress, bool blocks_only)
{
	static const char *const protocols[] = {"all",
						"tcp",
						"tcp, ports: 443",
						"tcp, ports: 0-65535",
						"tcp, ports: [22, 443]",
						"udp",
						"udp, ports: 500",
						"udp, ports: [123, 4500]",
						"udp, ports: 100-600",
						"icmp",
						"icmp, icmp_type: 8",
						"icmp, icmp_type: 3",
						"esp",
						"gre"};
	size_t choices = sizeof(peers) / sizeof(peers[0]);
	unsigned count = 1 + draw(2);

	add(text, "protocol: %s, %s: [", DRAW_PICK(protocols), ingress ? "from" : "to");
	for (unsigned i = 0; i < count; i++) {
		const char *peer = draw_pick(peers, choices);

		while (blocks_only && strstr(peer, "group:") != NULL)
			peer = draw_pick(peers, choices);
		add(text, "%s%s", i ? ", " : "", peer);
	}
	add(text, "]");
}

static void add_rules(struct draw_text *text, unsigned *id, bool ingress)
{
	unsigned count = draw(4);

	if (count == 0)
		return;
	add(text, "    %s:\n", ingress ? "ingress" : "egress");
	for (unsigned i = 0; i < count; i++) {
		add(text, "      - {id: r%u, ", (*id)++);
		add_match(text, ingress, false);
		add(text, "}\n");
	}
}

static void add_acl(struct draw_text *text)
{
	add(text, "network_acls:\n  - name: n\n    endpoints: [a]\n");
	if (draw(2))
		add(text, "    subnets: [192.0.2.0/31]\n");
	for (unsigned d = 0; d < 2; d++) {
		add(text, "    %s:\n", d ? "ingress" : "egress");
		for (unsigned i = 1; i <= 3; i++) {
			add(text, "      - {number: %u, action: %s, ", i,
			    draw(3) ? "allow" : "deny");
			add_match(text, d, true);
			add(text, "}\n");
		}
		add(text, "      - {number: 100, action: allow, protocol: all, %s: 0.0.0.0/0}\n",
		    d ? "from" : "to");
	}
}

void draw_policy(struct draw_text *text, bool strict)
{
	static const char *const groups[] = {"[g0]", "[g1]", "[g0, g1]", "[g1, g2]",
					     "[g0, g1, g2]"};
	unsigned id = 0;

	*text = (struct draw_text){.length = 0};
	add(text, "version: 1\nsemantics: %s\n", strict ? "strict" : "aws-like");
	if (draw(4) == 0)
		add(text, "never_filtered: [192.0.2.2/31]\n");
	if (strict && draw(2))
		add(text, "strict: {symmetric_udp: tuple}\n");
	add(text, "endpoints:\n  - {name: a, addresses: [10.0.0.1], groups: %s%s}\n",
	    DRAW_PICK(groups), draw(4) ? "" : ", auto_tracked: true");
	add(text, "  - {name: b, addresses: [10.0.0.2], groups: %s}\n", DRAW_PICK(groups));
	if (draw(3) == 0)
		add_acl(text);
	add(text, "groups:\n");
	for (unsigned g = 0; g < 3; g++) {
		add(text, "  - name: g%u\n", g);
		add_rules(text, &id, true);
		add_rules(text, &id, false);
	}
}
