/* SPDX-License-Identifier: BSD-3-Clause */
/* rss.c: see rss.h. */
#include "rss.h"

#include <errno.h>
#include <stdio.h>

#include <rte_ethdev.h>
#include <rte_version.h>

#include "daemon.h"

#define KEY_USUAL 40 /* bytes; 36 are enough for two IPv6 addresses */
#define KEY_MAX   64

/* What is hashed by its addresses alone, fragments too. */
#define HASH_ADDRESSES                                                               \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | \
	 RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_OTHER)

/* The length of a port's key; drivers that do not tell take that of most. */
static uint8_t key_size(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : KEY_USUAL;
}

/* Entries of the table of which a port can have each lead to any worker; 0: it cannot. */
static unsigned port_entries(const struct daemon *daemon, const struct port *port)
{
	struct rte_eth_dev_info info;
	uint16_t id;

	if (rte_eth_dev_get_port_by_name(port->name, &id) < 0 ||
	    rte_eth_dev_info_get(id, &info) < 0)
		return 0;
	if (info.max_rx_queues < daemon->worker_count || info.reta_size < daemon->worker_count ||
	    !rte_is_power_of_2(info.reta_size) || info.reta_size > SEKISHO_OWNERS_TABLE ||
	    key_size(&info) < KEY_USUAL || key_size(&info) > KEY_MAX ||
	    !(info.flow_type_rss_offloads & RTE_ETH_RSS_IPV4))
		return 0;
	return info.reta_size;
}

int rss_plan(struct daemon *daemon, char *message)
{
	if (!daemon->steering.on || daemon->appliance->steering == CONFIG_STEERING_SOFTWARE)
		return 0;
	for (unsigned i = 0; i < daemon->edge_count; i++) {
		struct edge *edge = &daemon->edges[i];
		unsigned entries = UINT32_MAX;

		for (unsigned side = 0; side < 2; side++) {
			unsigned can = port_entries(daemon, &edge->ports[side]);

			if (can == 0 && daemon->appliance->steering == CONFIG_STEERING_RSS) {
				snprintf(message, DAEMON_MESSAGE_MAX,
					 "device '%s': it cannot put packets into %u queues by "
					 "their addresses; 'steering' may be auto or software",
					 edge->ports[side].device, daemon->worker_count);
				return -ENOTSUP;
			}
			entries = RTE_MIN(entries, can);
		}
		edge->rss_entries = entries;
	}
	return 0;
}

void rss_configure(const struct edge *edge, unsigned side, struct rte_eth_conf *conf)
{
	static uint8_t key[KEY_MAX];
	struct rte_eth_dev_info info;

	if (edge->rss_entries == 0 || rte_eth_dev_info_get(edge->ports[side].id, &info) < 0)
		return;
	for (unsigned i = 0; i < KEY_MAX; i++)
		key[i] = (uint8_t)(SEKISHO_OWNERS_TOEPLITZ >> (i % 2 ? 0 : 8));
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf)
	{
		.rss_key = key, .rss_key_len = key_size(&info),
		.rss_hf = HASH_ADDRESSES & info.flow_type_rss_offloads,
#if RTE_VERSION >= RTE_VERSION_NUM(23, 11, 0, 0)
		.algorithm = info.rss_algo_capa & RTE_ETH_HASH_ALGO_TO_CAPA(
							  RTE_ETH_HASH_FUNCTION_TOEPLITZ)
				     ? RTE_ETH_HASH_FUNCTION_TOEPLITZ
				     : RTE_ETH_HASH_FUNCTION_DEFAULT,
#endif
	};
}

bool rss_give_up(struct daemon *daemon, struct edge *edge, unsigned side, struct rte_eth_conf *conf)
{
	if (edge->rss_entries == 0 || daemon->appliance->steering == CONFIG_STEERING_RSS)
		return false;
	log_warning("device '%s': its driver does not take a key of ours: edge '%s' is steered by "
		    "software",
		    edge->ports[side].device, edge->name);
	edge->rss_entries = 0;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	conf->rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){0};
	return true;
}

int rss_apply(const struct daemon *daemon, const struct edge *edge, unsigned side)
{
	struct rte_eth_rss_reta_entry64 table[SEKISHO_OWNERS_TABLE / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t port = edge->ports[side].id;
	struct rte_eth_dev_info info;
	int rc;

	if (edge->rss_entries == 0)
		return 0;
	rc = rte_eth_dev_info_get(port, &info);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < info.reta_size; i++) {
		unsigned owner = i % edge->rss_entries % daemon->worker_count;

		table[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			steer_queue(daemon, edge, side, owner);
	}
	return rte_eth_dev_rss_reta_update(port, table, info.reta_size);
}
