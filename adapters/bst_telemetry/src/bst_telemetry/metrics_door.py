"""The worker's door for Prometheus: one page on a port of its own, answered in a thread, whatever the worker is busy with."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from bst_application.settings import BadSettings


@contextmanager
def metrics_door(registry: CollectorRegistry, *, host: str, port: int | None) -> Iterator[int | None]:
    """Open for the time of the block; gives the port. None opens nothing. Raises BadSettings when the port cannot be had."""
    if port is None:
        yield None
        return
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise BadSettings(
            [
                f"BST_WORKER_METRICS_PORT={port} on {host} cannot be used ({error.strerror}); give each worker a free port"
            ]
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
