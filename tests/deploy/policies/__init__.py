"""What must hold of every overlay. Each policy returns a sentence for each thing that is wrong; what the code needs is asked of
the code: its parts, settings, keys, queues and rights."""

from tests.deploy.policies import entrance, network, servers, settings, workloads  # noqa: F401  each adds its policies
from tests.deploy.policies.asking import POLICIES, SERVING, Policy
from tests.deploy.policies.workloads import WAITS

__all__ = ["POLICIES", "SERVING", "WAITS", "Policy"]
