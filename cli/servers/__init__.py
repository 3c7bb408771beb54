"""Real servers on this machine for `lpse up`, `lpse demo` and the tests: PostgreSQL, SeaweedFS, RabbitMQ.

Each is an async context manager around one directory. A server listens on the loopback only, ends with the
process that started it (also when that one is killed), and finds everything again when it is started on the
same directory.
"""

from cli.servers.chromium import chromium_available, install_chromium
from cli.servers.packages import may_install
from cli.servers.poppler import install_poppler, poppler_available
from cli.servers.postgres import Postgres
from cli.servers.process import ServerError
from cli.servers.rabbitmq import RabbitMQ, install_rabbitmq, rabbitmq_available
from cli.servers.seaweedfs import Identity, SeaweedFS

__all__ = [
    "Identity",
    "Postgres",
    "RabbitMQ",
    "SeaweedFS",
    "ServerError",
    "chromium_available",
    "install_chromium",
    "install_poppler",
    "install_rabbitmq",
    "may_install",
    "poppler_available",
    "rabbitmq_available",
]
