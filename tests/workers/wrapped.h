/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * wrapped.h: what test_start.c has the daemon ask for in vain: (type, what a failure returns, errno, name, parameters,
 * arguments). The linker's options name the same (meson.build).
 */
#ifndef WRAPPED_H
#define WRAPPED_H

#define MEMORY(X, name, parameters, arguments) X(void *, NULL, ENOMEM, name, parameters, arguments)
#define FILES(X, name, parameters, arguments)  X(int, -1, EMFILE, name, parameters, arguments)
#define DPDK(X, name, parameters, arguments)   X(int, -ENOMEM, ENOMEM, name, parameters, arguments)

#define WRAPPED(X)                                                                             \
	MEMORY(X, malloc, (size_t size), (size))                                               \
	MEMORY(X, calloc, (size_t count, size_t size), (count, size))                          \
	MEMORY(X, realloc, (void *memory, size_t size), (memory, size))                        \
	MEMORY(X, aligned_alloc, (size_t align, size_t size), (align, size))                   \
	X(char *, NULL, ENOMEM, strdup, (const char *text), (text))                            \
	X(int, -1, ENOMEM, vasprintf, (char **text, const char *format, va_list arguments),    \
	  (text, format, arguments))                                                           \
	X(FILE *, NULL, ENOMEM, open_memstream, (char **text, size_t *size), (text, size))     \
	X(FILE *, NULL, EMFILE, fopen64, (const char *path, const char *mode), (path, mode))   \
	FILES(X, socket, (int domain, int type, int protocol), (domain, type, protocol))       \
	FILES(X, epoll_create1, (int flags), (flags))                                          \
	FILES(X, epoll_ctl, (int epoll, int what, int fd, struct epoll_event *event),          \
	      (epoll, what, fd, event))                                                        \
	FILES(X, eventfd, (unsigned count, int flags), (count, flags))                         \
	FILES(X, timerfd_create, (int clock, int flags), (clock, flags))                       \
	FILES(X, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags))         \
	X(ssize_t, -1, ENOSYS, getrandom, (void *to, size_t size, unsigned flags),             \
	  (to, size, flags))                                                                   \
	X(int, EAGAIN, EAGAIN, pthread_create,                                                 \
	  (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *),         \
	   void *argument),                                                                    \
	  (thread, attributes, run, argument))                                                 \
	MEMORY(X, rte_zmalloc, (const char *type, size_t size, unsigned align),                \
	       (type, size, align))                                                            \
	MEMORY(X, rte_zmalloc_socket, (const char *type, size_t size, unsigned align, int at), \
	       (type, size, align, at))                                                        \
	X(struct rte_ring *, NULL, ENOMEM, rte_ring_create,                                    \
	  (const char *name, unsigned count, int at, unsigned flags),                          \
	  (name, count, at, flags))                                                            \
	X(struct rte_mempool *, NULL, ENOMEM, rte_pktmbuf_pool_create,                         \
	  (const char *name, unsigned count, unsigned cache, uint16_t size, uint16_t room,     \
	   int at),                                                                            \
	  (name, count, cache, size, room, at))                                                \
	X(struct rte_acl_ctx *, NULL, ENOMEM, rte_acl_create,                                  \
	  (const struct rte_acl_param *parameters), (parameters))                              \
	DPDK(X, rte_acl_add_rules,                                                             \
	     (struct rte_acl_ctx * context, const struct rte_acl_rule *rules,                  \
	      uint32_t count),                                                                 \
	     (context, rules, count))                                                          \
	DPDK(X, rte_acl_build,                                                                 \
	     (struct rte_acl_ctx * context, const struct rte_acl_config *config),              \
	     (context, config))                                                                \
	X(int, 1, ENOMEM, rte_rcu_qsbr_init, (struct rte_rcu_qsbr * qsbr, uint32_t threads),   \
	  (qsbr, threads))                                                                     \
	X(int, -1, ENOENT, rte_mbuf_dynflag_register, (const struct rte_mbuf_dynflag *flag),   \
	  (flag))                                                                              \
	DPDK(X, rte_eth_dev_configure,                                                         \
	     (uint16_t port, uint16_t receive, uint16_t transmit,                              \
	      const struct rte_eth_conf *conf),                                                \
	     (port, receive, transmit, conf))                                                  \
	DPDK(X, rte_eth_rx_queue_setup,                                                        \
	     (uint16_t port, uint16_t queue, uint16_t descriptors, unsigned at,                \
	      const struct rte_eth_rxconf *conf, struct rte_mempool *pool),                    \
	     (port, queue, descriptors, at, conf, pool))                                       \
	DPDK(X, rte_eth_tx_queue_setup,                                                        \
	     (uint16_t port, uint16_t queue, uint16_t descriptors, unsigned at,                \
	      const struct rte_eth_txconf *conf),                                              \
	     (port, queue, descriptors, at, conf))                                             \
	DPDK(X, rte_eth_dev_start, (uint16_t port), (port))                                    \
	X(int, -EBUSY, EBUSY, rte_eal_remote_launch,                                           \
	  (lcore_function_t * run, void *argument, unsigned lcore), (run, argument, lcore))

#endif
