/* SPDX-License-Identifier: BSD-3-Clause */
/* socket.c: where clients come in: a UNIX stream socket of mode 0660. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"
#include "path.h"

/* Remove a socket that an earlier daemon left behind; never one that somebody answers. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, rc;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;
	close(fd);
	if (rc != -ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address, const char *group)
{
	mode_t mask = umask(0117);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(mask);
	if (rc < 0)
		return rc;
	if (group != NULL) {
		const struct group *entry = getgrnam(group);

		if (entry == NULL || chown(address->sun_path, (uid_t)-1, entry->gr_gid) < 0)
			log_warning("socket %s: group '%s' cannot be set; only its owner may use it",
				    address->sun_path, group);
	}
	return listen(fd, 128) < 0 ? -errno : 0;
}

static void socket_fail(const char *path, int rc, char *message)
{
	snprintf(message, DAEMON_MESSAGE_MAX, "socket %s: %s", path,
		 rc == -EADDRINUSE ? "another daemon listens on it" :
		 rc == -EEXIST	   ? "something that is no socket is there" :
				     strerror(-rc));
}

/* Make way for a socket. */
static int prepare(const char *path, struct sockaddr_un *address, char *message)
{
	int rc;

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path)) {
		snprintf(message, DAEMON_MESSAGE_MAX, "socket %s: the path is longer than %zu bytes",
			 path, sizeof(address->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	strcpy(address->sun_path, path);
	rc = path_make_parents(path);
	if (rc == 0)
		rc = remove_stale(address);
	if (rc < 0)
		socket_fail(path, rc, message);
	return rc;
}

int socket_check(const char *path, char *message)
{
	struct sockaddr_un address;

	return path == NULL ? 0 : prepare(path, &address, message);
}

int socket_listen(const char *path, const char *group, char *message)
{
	struct sockaddr_un address;
	int fd, rc = prepare(path, &address, message);

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	rc = fd < 0 ? -errno : bind_and_listen(fd, &address, group);
	if (rc == 0)
		return fd;
	socket_fail(path, rc, message);
	if (fd >= 0)
		close(fd);
	return rc;
}

/*
 * A listener stays readable while somebody waits to be accepted, so that who cannot be must be taken all
 * the same, or the loop would spin.
 */
int socket_accept(int listener, int *spare, const char *refusal)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), rc = -errno;

	if (fd >= 0)
		return fd;
	if (rc != -EMFILE && rc != -ENFILE)
		return rc;
	if (*spare >= 0)
		close(*spare);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		if (send(fd, refusal, strlen(refusal), MSG_NOSIGNAL) < 0)
			log_debug("a client was refused unheard");
		close(fd);
	}
	*spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return rc;
}
