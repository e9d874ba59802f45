"""Which port, and who has it."""

import errno
import socket

import psutil

from bst_cli.trouble import Trouble


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now. Raises Trouble when the address itself is wrong."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise Trouble(f"{host} is no address to listen on: {error.strerror}", "Try --host 127.0.0.1.") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise Trouble(
                f"cannot listen on {host}:{port}: {error.strerror}", "Try another --host or --port."
            ) from error
    return True


def require_free(host: str, port: int) -> None:
    """Raises Trouble that says which port is in use, and by whom where that can be found."""
    if port and not is_free(host, port):
        raise Trouble(
            f"port {port} on {host} is in use{_holder(port)}",
            f"Stop that program, or choose another port: --port {port + 1}",
        )


def any_free(host: str) -> int:
    """A port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        return ""
    return ""
